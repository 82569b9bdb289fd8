/** What the fuzzer of access begins with: files and commands that are right, and pieces that readers look for. */

const SALT = "c2FsdHNhbHRzYWx0";
const HASH = `${"A".repeat(86)}==`;
const PBKDF2 = `$7$101$${SALT}$${HASH}`;
const SHA512 = `$6$${SALT}$${HASH}`;

export const PASSWORD_FILES: readonly string[] = [
	`# users\nann:${PBKDF2}\r\nbob smith:${SHA512}\n\nann:${PBKDF2}\n`,
	`\ufeffann:${PBKDF2}`,
	...["0", "1", "1000000", "1000001", "99999999", "-1", "1e3", ""].map(
		(n) => `ann:$7$${n}$${SALT}$${HASH}\n`,
	),
	`ann:$7$101$${"A".repeat(344)}$${HASH}\nbob:$6$$${HASH}\ncarl:$6$${SALT}$${SALT}\ndora:$8$${SALT}$${HASH}\n`,
	`ann:secret\nbob\n:${PBKDF2}\n carl :\t${PBKDF2} \n`,
	"",
	// More that is wrong than is told.
	"x\n".repeat(300),
];
export const PASSWORD_PIECES: readonly string[] = [
	...["\n", ":", "$", "$7$", "$6$", "$argon2id$v=19$m=47104,t=1,p=1$c2FsdA$aGFzaA", "$1000000$", "$1000001$"],
	...[
		"$0$",
		"=",
		"==",
		"#",
		"\r\n",
		"\ufeff",
		"\0",
		"é",
		"\u{1f984}",
		HASH,
		SALT,
		PBKDF2,
		SHA512,
		"A".repeat(200),
	],
];

export const ACL_FILES: readonly string[] = [
	"topic read $SYS/#\ntopic a/#\nuser ann\ntopic write a/b\ntopic deny a/b/c\npattern readwrite %u/#\npattern read %c/x\n",
	"# nobody\nuser bob\r\ntopic a b/c\ntopic readwrite +/b/#\nuser ann\ntopic deny a\nuser bob\ntopic read a\n",
	"pattern deny %c\npattern x/%u/y%c\n",
	"pattern everybody/#\n".repeat(150),
];
export const ACL_PIECES: readonly string[] = [
	...[
		"\n",
		" ",
		"\t",
		"user ",
		"topic ",
		"pattern ",
		"read ",
		"write ",
		"readwrite ",
		"deny ",
		"+",
		"#",
		"/",
		"%c",
	],
	...[
		"%u",
		"%",
		"$SYS/",
		"a",
		"ann",
		"\ntopic read a\n",
		"\nuser ann\n",
		"\0",
		"é",
		"/+/#\n",
		"a/".repeat(500),
	],
	"x".repeat(500),
];

export const PSK_FILES: readonly string[] = [
	`# keys\nann:0123456789abcdefABCDEF\r\nbob:${"00".repeat(64)}\n`,
	"ann:00\nann:01\n:02\nbob\ncarl:0\ndora:xx\n",
	"x\n".repeat(300),
];
export const PSK_PIECES: readonly string[] = [
	...["\n", ":", "00", "0", "ff", "g", "#", "ann", "i".repeat(129), "0".repeat(130), "\0", "é", "\r"],
];

const ROLE = {
	rolename: "r",
	textname: "R",
	textdescription: "S",
	allowwildcardsubs: true,
	acls: [
		{ acltype: "publishClientSend", topic: "a/#", priority: 2, allow: true },
		{ acltype: "publishClientReceive", topic: "%u/+", priority: -1, allow: false },
		{ acltype: "subscribeLiteral", topic: "a", priority: 0, allow: true },
		{ acltype: "subscribePattern", topic: "%c/#", priority: 0, allow: true },
		{ acltype: "unsubscribePattern", topic: "#", priority: 0, allow: true },
	],
};
/** A file of dynamic security. */
export const DYNSEC_TREE = {
	defaultACLAccess: {
		publishClientSend: true,
		publishClientReceive: true,
		subscribe: true,
		unsubscribe: true,
	},
	clients: [
		{ username: "ann", clientid: "id", disabled: true, roles: [{ rolename: "r" }], encoded_password: SHA512 },
		{ username: "bob", roles: [], password: HASH, salt: SALT, iterations: 101 },
	],
	groups: [
		{ groupname: "g", roles: [{ rolename: "r", priority: 5 }], clients: [{ username: "ann", priority: 4 }] },
		{ groupname: "h", roles: [{ rolename: "q" }], clients: [{ username: "ann" }, { username: "bob" }] },
	],
	roles: [ROLE, { rolename: "q", allowwildcardsubs: false }],
	anonymousGroup: "g",
	changeIndex: 17,
};

/** The first one is what commands work on. */
export const DYNSEC_FILES: readonly string[] = [
	JSON.stringify(DYNSEC_TREE),
	JSON.stringify(DYNSEC_TREE, null, "\t"),
	"{}",
	'{"clients":[{"username":"ann"}],"roles":[{"rolename":"__proto__","acls":[{}]}],"groups":[{"groupname":"g"}]}',
];

/** What a file, or a command, names. */
export const DYNSEC_NAMES: readonly string[] = [
	...[
		'"ann"',
		'"bob"',
		'"new"',
		'"r"',
		'"q"',
		'"g"',
		'"h"',
		'"a/#"',
		'"subscribePattern"',
		'"unsubscribeLiteral"',
	],
	`"${PBKDF2}"`,
];

/** Members and values that mean something to the reader of the file, or to commands. */
export const DYNSEC_PIECES: readonly string[] = [
	...[
		'"',
		",",
		":",
		"{",
		"}",
		"[",
		"]",
		"null",
		"true",
		"-1",
		"1e999",
		"9".repeat(30),
		"0.5",
		'"\\ud800"',
		'"\\u0000"',
	],
	...[
		'"username":"ann",',
		'"rolename":"r",',
		'"groupname":"g",',
		'"rolename":"__proto__",',
		'"priority":100001,',
	],
	...[
		'"acltype":"subscribeLiteral",',
		'"topic":"#",',
		'"topic":"a/#/b",',
		'"allow":true,',
		'"password":"secret",',
	],
	...[
		'"clientid":"id",',
		'"textname":"x",',
		'"textdescription":7,',
		'"disabled":1,',
		'"count":2,',
		'"offset":-5,',
	],
	...[
		'"verbose":true,',
		'"acls":[{}],',
		'"acls":null,',
		'"roles":[{"rolename":"r"}],',
		'"roles":[null],',
		'"groups":[],',
	],
	...['"groups":[{"groupname":"g"}],', '"clients":[{"username":"bob"}],', '"correlationData":"c",'],
	...['"correlationData":7,', "[".repeat(300), '{"a":'.repeat(300), `"encoded_password":"${PBKDF2}",`],
	...['"commands":[],', '"command":"getDetails",', '{"command":"listClients"},', "é", "\u{1f984}", "\0"],
];

const members: Readonly<Record<string, object>> = {
	setDefaultACLAccess: { acls: [{ acltype: "subscribe", allow: true }] },
	getDefaultACLAccess: {},
	getDetails: {},
	createClient: {
		username: "new",
		password: "p",
		clientid: "n",
		roles: [{ rolename: "r", priority: 1 }],
		groups: [{ groupname: "h", priority: 2 }],
	},
	deleteClient: { username: "ann" },
	enableClient: { username: "ann" },
	disableClient: { username: "bob" },
	getClient: { username: "ann" },
	listClients: { verbose: true, count: 1, offset: 1 },
	modifyClient: { username: "ann", password: "p", roles: [{ rolename: "q" }], groups: [{ groupname: "g" }] },
	setClientId: { username: "ann", clientid: "" },
	setClientPassword: { username: "bob", password: "p" },
	addClientRole: { username: "bob", rolename: "q", priority: 3 },
	removeClientRole: { username: "ann", rolename: "r" },
	createGroup: { groupname: "i", textname: "H", roles: [{ rolename: "q" }] },
	deleteGroup: { groupname: "h" },
	getGroup: { groupname: "g" },
	listGroups: { verbose: true },
	modifyGroup: { groupname: "g", clients: [{ username: "bob" }], roles: [] },
	addGroupClient: { groupname: "g", username: "bob", priority: 2 },
	removeGroupClient: { groupname: "g", username: "ann" },
	addGroupRole: { groupname: "g", rolename: "q" },
	removeGroupRole: { groupname: "g", rolename: "r" },
	setAnonymousGroup: { groupname: "g" },
	getAnonymousGroup: {},
	createRole: { ...ROLE, rolename: "s" },
	deleteRole: { rolename: "r" },
	getRole: { rolename: "r" },
	listRoles: { verbose: true, count: 5 },
	modifyRole: { rolename: "r", acls: ROLE.acls.slice(1) },
	addRoleACL: { rolename: "q", acltype: "unsubscribeLiteral", topic: "a/b", allow: true },
	removeRoleACL: { rolename: "r", acltype: "subscribeLiteral", topic: "a" },
};

/** Each command of dynamic security. */
export const COMMAND_TREES = Object.entries(members).map(([command, rest]) => ({ command, ...rest }));

/** Requests: each command of dynamic security, and all of them at once. */
export const COMMANDS: readonly string[] = [
	...COMMAND_TREES.map((command) => JSON.stringify({ commands: [command] })),
	...COMMAND_TREES.map((command) =>
		JSON.stringify({ commands: [command, { command: "listClients", correlationData: "c" }] }),
	),
	JSON.stringify({ commands: COMMAND_TREES }),
];
