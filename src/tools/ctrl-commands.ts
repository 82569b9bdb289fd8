/** The commands of mosquitto_ctrl, by module: what they take, and the JSON that they are sent as. */

import { leadingInteger } from "./numbers.ts";

/** What is to be asked for before the command can be sent. */
export type Ask = (what: "new" | "optional", username: string) => Promise<string | null>;

export interface CtrlCommand {
	/** As the usage text shows it. */
	readonly parameters: string;
	readonly help: string;
	/** The members of the command; null when the arguments are wrong. */
	build(args: readonly string[], ask: Ask): Promise<object | null>;
}

const NUMBERS = ["priority", "count", "offset"];

/** A command whose arguments are its members, in that order; those in brackets may be missing. */
function plain(parameters: string, help: string): CtrlCommand {
	const names = parameters === "" ? [] : parameters.split(" ");
	const least = names.filter((name) => !name.startsWith("[")).length;
	return {
		parameters,
		help,
		async build(args) {
			if (args.length < least || args.length > names.length) return null;
			const members: Record<string, string | number> = {};
			for (const [index, arg] of args.entries()) {
				const name = names[index]!.replace(/[[\]<>]/g, "");
				if (!NUMBERS.includes(name)) members[name] = arg;
				else if (name === "priority" || leadingInteger(arg) > 0) members[name] = leadingInteger(arg);
			}
			return members;
		},
	};
}

const ACL_TYPES = [
	"publishClientSend",
	"publishClientReceive",
	"subscribeLiteral",
	"subscribePattern",
	"unsubscribeLiteral",
	"unsubscribePattern",
];
const DEFAULT_TYPES = ["publishClientSend", "publishClientReceive", "subscribe", "unsubscribe"];

function isOneOf(name: string | undefined, names: readonly string[]): boolean {
	return names.some((each) => each.toLowerCase() === name?.toLowerCase());
}

/** Null for what is neither `allow` nor `deny`. */
function allowOf(text: string | undefined): boolean | null {
	const word = text?.toLowerCase();
	return word === "allow" ? true : word === "deny" ? false : null;
}

const createClient: CtrlCommand = {
	parameters: "<username> [-i clientid] [-p password]",
	help: "create a client",
	async build([username, ...more], ask) {
		if (username === undefined) return null;
		const members: Record<string, string> = { username };
		for (let index = 0; index < more.length; index += 2) {
			const value = more[index + 1];
			const name = { "-i": "clientid", "-c": "clientid", "-p": "password" }[more[index]!];
			if (name === undefined || value === undefined) return null;
			members[name] = value;
		}
		const password = members.password ?? (await ask("optional", username));
		return password === null ? members : { ...members, password };
	},
};

const setClientPassword: CtrlCommand = {
	parameters: "<username> [password]",
	help: "set the password of a client",
	async build([username, password, ...more], ask) {
		if (username === undefined || more.length > 0) return null;
		return { username, password: password ?? (await ask("new", username)) };
	},
};

const setDefaultAccess: CtrlCommand = {
	parameters: "<acltype> allow|deny",
	help: "what holds where no rule says anything",
	async build([acltype, access, ...more]) {
		const allow = allowOf(access);
		if (!isOneOf(acltype, DEFAULT_TYPES) || allow === null || more.length > 0) return null;
		return { acls: [{ acltype, allow }] };
	},
};

const addAcl: CtrlCommand = {
	parameters: "<rolename> <acltype> <topicFilter> allow|deny [priority]",
	help: "add a rule to a role; the one with the highest priority that matches decides",
	async build(args) {
		const [rolename, acltype, topic, access, priority] = args;
		const allow = allowOf(access);
		if (args.length > 5 || !isOneOf(acltype, ACL_TYPES) || allow === null) return null;
		const members = { rolename, acltype, topic, allow };
		return priority === undefined ? members : { ...members, priority: leadingInteger(priority) };
	},
};

const removeAcl: CtrlCommand = {
	parameters: "<rolename> <acltype> <topicFilter>",
	help: "remove a rule from a role",
	async build([rolename, acltype, topic, ...more]) {
		if (!isOneOf(acltype, ACL_TYPES) || topic === undefined || more.length > 0) return null;
		return { rolename, acltype, topic };
	},
};

const DYNSEC: Readonly<Record<string, CtrlCommand>> = {
	getDefaultACLAccess: plain("", "what holds where no rule says anything"),
	setDefaultACLAccess: setDefaultAccess,
	getAnonymousGroup: plain("", "the group of clients without a user name"),
	setAnonymousGroup: plain("<groupname>", "choose that group"),
	createClient,
	deleteClient: plain("<username>", "delete a client"),
	setClientPassword,
	setClientId: plain("<username> [clientid]", "bind a client to a client identifier, or to none"),
	addClientRole: plain("<username> <rolename> [priority]", "add a role; higher priorities count first"),
	removeClientRole: plain("<username> <rolename>", "remove a role from a client"),
	getClient: plain("<username>", "what is known of a client"),
	listClients: plain("[count] [offset]", "all clients, or some"),
	enableClient: plain("<username>", "let a client log in"),
	disableClient: plain("<username>", "do not let a client log in"),
	createGroup: plain("<groupname>", "create a group"),
	deleteGroup: plain("<groupname>", "delete a group"),
	addGroupRole: plain("<groupname> <rolename> [priority]", "add a role to a group"),
	removeGroupRole: plain("<groupname> <rolename>", "remove a role from a group"),
	addGroupClient: plain("<groupname> <username> [priority]", "add a client to a group"),
	removeGroupClient: plain("<groupname> <username>", "remove a client from a group"),
	getGroup: plain("<groupname>", "what is known of a group"),
	listGroups: plain("[count] [offset]", "all groups, or some"),
	createRole: plain("<rolename>", "create a role"),
	deleteRole: plain("<rolename>", "delete a role"),
	addRoleACL: addAcl,
	removeRoleACL: removeAcl,
	getRole: plain("<rolename>", "what is known of a role"),
	listRoles: plain("[count] [offset]", "all roles, or some"),
};

/** A part of the broker that is controlled. */
export interface Module {
	/** Requests are published to it; answers come to the one with `/response` behind it. */
	readonly topic: string;
	readonly commands: Readonly<Record<string, CtrlCommand>>;
	/** Lines of the usage text that are not about one of the commands. */
	readonly notes: readonly string[];
}

export const MODULES: Readonly<Record<string, Module>> = {
	broker: {
		topic: "$CONTROL/broker/v1",
		commands: { listListeners: plain("", "all listeners"), listPlugins: plain("", "all plugins") },
		notes: [],
	},
	dynsec: {
		topic: "$CONTROL/dynamic-security/v1",
		commands: DYNSEC,
		notes: [
			" init <file> <username> [password]",
			"      write a new configuration file with a client that may administer",
			" acltype of rules: publishClientSend, publishClientReceive, subscribeLiteral,",
			"      subscribePattern, unsubscribeLiteral, unsubscribePattern",
			" acltype of setDefaultACLAccess: publishClientSend, publishClientReceive, subscribe, unsubscribe",
			" With -f FILE, setClientPassword changes a configuration file without a broker.",
		],
	},
};

/** The command of that name, whatever the case of its letters, with its name as it is written. */
export function findCtrlCommand(module: Module, name: string): [string, CtrlCommand] | undefined {
	return Object.entries(module.commands).find(([each]) => each.toLowerCase() === name.toLowerCase());
}
