/** The file of dynamic security: what is read, what is left out with a word, what is refused, and that nothing gets lost. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DynsecError, readModel, writeModel } from "../../../src/broker/dynsec/file.ts";
import { firstModel } from "../../../src/broker/dynsec/first.ts";
import { parsePasswordHash } from "../../../src/config/password.ts";

const HASH = Buffer.alloc(64, 7).toString("base64");
const SALT = Buffer.from("twelve bytes").toString("base64");

function read(file: unknown): { text: string; remarks: string[] } {
	const remarks: string[] = [];
	const text = typeof file === "string" ? file : JSON.stringify(file);
	return { text: writeModel(readModel(text, parsePasswordHash, (remark) => remarks.push(remark))), remarks };
}

const FILE = {
	defaultACLAccess: {
		publishClientSend: true,
		publishClientReceive: false,
		subscribe: true,
		unsubscribe: false,
	},
	clients: [
		{
			username: "ann",
			clientid: "a",
			textname: "A",
			textdescription: "B",
			disabled: true,
			roles: [],
			encoded_password: `$6$${SALT}$${HASH}`,
		},
		{
			username: "bob",
			roles: [{ rolename: "q", priority: 3 }, { rolename: "r" }],
			password: HASH,
			salt: SALT,
			iterations: 101,
		},
		{ username: "carl", roles: [] },
	],
	groups: [
		{
			groupname: "g",
			textname: "G",
			textdescription: "H",
			roles: [{ rolename: "r", priority: -5 }],
			clients: [{ username: "bob", priority: 4 }, { username: "ann" }],
		},
	],
	roles: [
		{ rolename: "q", allowwildcardsubs: false, acls: [] },
		{
			rolename: "r",
			textname: "R",
			textdescription: "S",
			allowwildcardsubs: true,
			acls: [
				{ acltype: "publishClientSend", topic: "a", priority: 2, allow: true },
				{ acltype: "publishClientSend", topic: "b", priority: 1, allow: false },
				{ acltype: "publishClientReceive", topic: "c", priority: 0, allow: true },
				{ acltype: "subscribeLiteral", topic: "d", priority: 0, allow: true },
				{ acltype: "subscribePattern", topic: "e/#", priority: 0, allow: true },
				{ acltype: "unsubscribeLiteral", topic: "f", priority: 0, allow: true },
				{ acltype: "unsubscribePattern", topic: "g/+", priority: 0, allow: true },
			],
		},
	],
	anonymousGroup: "g",
	changeIndex: 17,
};

describe("reading and writing", () => {
	test("keep everything", () => {
		const { text, remarks } = read(FILE);
		assert.deepEqual(JSON.parse(text), FILE);
		assert.deepEqual(remarks, []);
		assert.equal(read(text).text, text);
	});

	test("names of members in any case of letters, as `mosquitto_ctrl dynsec init` writes them", () => {
		const { text } = read({ Clients: [{ UserName: "ann", textName: "T" }] });
		assert.deepEqual(JSON.parse(text).clients, [{ username: "ann", textname: "T", roles: [] }]);
	});

	test("both ways of writing a password are the same", () => {
		const encoded = { clients: [{ username: "bob", encoded_password: `$7$101$${SALT}$${HASH}` }] };
		assert.deepEqual(JSON.parse(read(encoded).text).clients[0], {
			username: "bob",
			roles: [],
			password: HASH,
			salt: SALT,
			iterations: 101,
		});
	});

	test("an empty object is a configuration with mosquitto's defaults", () => {
		assert.deepEqual(JSON.parse(read({}).text), {
			defaultACLAccess: {
				publishClientSend: false,
				publishClientReceive: true,
				subscribe: false,
				unsubscribe: true,
			},
			clients: [],
			groups: [],
			roles: [],
			changeIndex: 0,
		});
	});

	test("numbers beyond what can be counted become the nearest that can", () => {
		const { text } = read(
			'{"roles":[{"rolename":"r"}],"groups":[{"groupname":"g","roles":[{"rolename":"r","priority":-1e999}]}],"changeIndex":171e9999}',
		);
		const { changeIndex, groups } = JSON.parse(text);
		assert.equal(changeIndex, Number.MAX_SAFE_INTEGER);
		assert.equal(typeof groups[0].roles[0].priority, "number");
		assert.equal(read(text).text, text);
	});

	test("the first configuration can be read", () => {
		const hash = parsePasswordHash(`$7$9$${SALT}$${HASH}`);
		assert.ok(typeof hash !== "string");
		const { text, remarks } = read(writeModel(firstModel(hash, hash)));
		assert.deepEqual(remarks, []);
		const { clients, roles, anonymousGroup } = JSON.parse(text);
		assert.deepEqual(
			clients.map(({ username }: { username: string }) => username),
			["admin", "democlient"],
		);
		assert.equal(roles.length, 7);
		assert.equal(anonymousGroup, "unauthenticated");
		assert.equal(JSON.parse(writeModel(firstModel(hash, null))).clients.length, 1);
	});
});

describe("what is left out, and said", () => {
	const CASES: readonly (readonly [object, RegExp])[] = [
		[
			{ roles: [{ rolename: "a" }, { rolename: "a" }] },
			/^roles\[1\] is left out: there is a rolename 'a' already$/,
		],
		[
			{ roles: [{ rolename: "a", acls: [{ acltype: "x", topic: "a" }] }] },
			/^roles\[0\]\.acls\[0\] is left out/,
		],
		[
			{ roles: [{ rolename: "a", acls: [{ acltype: "subscribeLiteral", topic: "" }] }] },
			/^roles\[0\]\.acls\[0\]/,
		],
		[
			{ clients: [{ username: "a", roles: [{ rolename: "x" }] }] },
			/^clients\[0\]\.roles\[0\] is left out: there is no rolename 'x'$/,
		],
		[
			{ groups: [{ groupname: "a", clients: [{ username: "x" }] }] },
			/^groups\[0\]\.clients\[0\] is left out: there is no username 'x'$/,
		],
		[{ anonymousGroup: "x" }, /^anonymousGroup is left out/],
		[
			{ clients: [{ username: "a", password: "x", salt: "y", iterations: 5 }] },
			/^clients\[0\]: client 'a' cannot log in: the salt is not valid$/,
		],
		[
			{ clients: [{ username: "a", password: HASH, salt: SALT, iterations: 1e9 }] },
			/^clients\[0\]: client 'a' cannot log in: .*iterations/,
		],
	];
	for (const [file, expected] of CASES) {
		test(JSON.stringify(file).slice(0, 70), () => {
			const { remarks } = read(file);
			assert.equal(remarks.length, 1);
			assert.match(remarks[0] ?? "", expected);
		});
	}

	test("a hash of another kind is kept as it is", () => {
		const encoded = "$argon2id$v=19$m=47104,t=1,p=1$AAAA$BBBB";
		const { text, remarks } = read({ clients: [{ username: "a", encoded_password: encoded }] });
		assert.equal(JSON.parse(text).clients[0].encoded_password, encoded);
		assert.match(remarks[0] ?? "", /argon2id/);
	});
});

describe("what is refused, with the place", () => {
	const CASES: readonly (readonly [unknown, RegExp])[] = [
		["", /^it is not valid JSON/],
		["{", /^it is not valid JSON/],
		["[".repeat(100_000), /^it is not valid JSON/],
		["[]", /^it is not a JSON object$/],
		["null", /^it is not a JSON object$/],
		[{ defaultACLAccess: 1 }, /^defaultACLAccess is not an object$/],
		[{ clients: {} }, /^clients is not a list$/],
		[{ clients: [1] }, /^clients\[0\] is not an object$/],
		[{ roles: [{ rolename: "a" }, {}] }, /^roles\[1\] has no rolename$/],
		[{ groups: [{ groupname: "" }] }, /^groups\[0\] has no groupname$/],
		[{ clients: new Array(100_001).fill(0) }, /^clients has more than 100000 entries$/],
	];
	for (const [file, expected] of CASES) {
		test((typeof file === "string" ? file : JSON.stringify(file)).slice(0, 50), () => {
			assert.throws(
				() => read(file),
				(error) => error instanceof DynsecError && expected.test(error.message),
			);
		});
	}
});
