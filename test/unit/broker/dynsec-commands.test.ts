/** Commands of dynamic security: what each answers, what it changes, and what becomes of hostile requests. */

import assert from "node:assert/strict";
import { pbkdf2Sync } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { COMMANDS } from "../../../src/broker/dynsec/commands.ts";
import { createDynsec } from "./dynsec-fixture.ts";

interface Step {
	readonly request: unknown;
	readonly response: { readonly responses: readonly { readonly command: string; readonly error?: string }[] };
}

/** One after another on the same state; mosquitto's plugin has answered the same. */
const STEPS = JSON.parse(
	readFileSync(new URL("../../vectors/dynsec.json", import.meta.url), "utf8"),
) as readonly Step[];

describe("commands", () => {
	test("answer as those of mosquitto's plugin", () => {
		const fixture = createDynsec();
		for (const { request, response } of STEPS) {
			assert.deepEqual(fixture.ask(request), response, JSON.stringify(request));
		}
	});

	test("are all among the steps, carried out, and refused where they can be", () => {
		const outcomes = new Set(
			STEPS.flatMap(({ response }) =>
				response.responses.map(({ command, error }) => `${command} ${error === undefined}`),
			),
		);
		const harmless = [
			"getAnonymousGroup",
			"getDefaultACLAccess",
			"getDetails",
			"listClients",
			"listGroups",
			"listRoles",
		];
		for (const name of Object.keys(COMMANDS)) {
			assert.ok(outcomes.has(`${name} true`), `${name} is carried out`);
			if (!harmless.includes(name)) assert.ok(outcomes.has(`${name} false`), `${name} is refused`);
		}
	});

	test("that are refused change nothing, and nothing is written for them or for questions", () => {
		const fixture = createDynsec();
		let before = fixture.security.fileText();
		for (const { request, response } of STEPS) {
			const writes = fixture.saved.length;
			fixture.ask(request);
			const done = response.responses.some(
				({ command, error }) => error === undefined && COMMANDS[command]?.changes,
			);
			assert.equal(fixture.saved.length - writes, done ? 1 : 0, JSON.stringify(request));
			if (!done) assert.equal(fixture.security.fileText(), before, JSON.stringify(request));
			before = fixture.security.fileText();
			if (done) assert.equal(fixture.saved.at(-1), before);
		}
	});

	test("getClient tells where the client is connected", () => {
		const fixture = createDynsec({ clients: [{ username: "here" }] });
		assert.deepEqual(fixture.command("getClient", { username: "here" }), {
			client: { username: "here", roles: [], groups: [], connections: [{ address: "192.0.2.7" }] },
		});
	});

	test("are in the log with who sent them, without passwords", () => {
		const fixture = createDynsec();
		fixture.command("createClient", { username: "ann", password: "secret" });
		fixture.command("createClient", { username: "bob" });
		fixture.command("setClientId", { username: "bob", clientid: "b" });
		fixture.ask({ commands: [{ command: "createClient", username: "bob" }] });
		assert.deepEqual(fixture.lines, [
			"information: dynsec: ctrl/admin | createClient | username=ann | password=*****",
			"information: dynsec: ctrl/admin | createClient | username=bob | password=no password",
			"information: dynsec: ctrl/admin | setClientId | username=bob | clientid=b",
		]);
	});
});

describe("who has to come again", () => {
	const FILE = {
		roles: [{ rolename: "r" }, { rolename: "s" }],
		clients: [{ username: "ann", roles: [{ rolename: "r" }] }, { username: "bob" }, { username: "carl" }],
		groups: [
			{ groupname: "g", roles: [{ rolename: "s" }], clients: [{ username: "bob" }] },
			{ groupname: "h", roles: [{ rolename: "r" }] },
		],
		anonymousGroup: "h",
	};
	const CASES: readonly (readonly [string, object, readonly (string | null)[]])[] = [
		["addClientRole", { username: "carl", rolename: "r" }, ["carl"]],
		["removeClientRole", { username: "ann", rolename: "r" }, ["ann"]],
		["deleteClient", { username: "ann" }, ["ann"]],
		["disableClient", { username: "ann" }, ["ann"]],
		["enableClient", { username: "ann" }, []],
		["setClientId", { username: "ann", clientid: "x" }, ["ann"]],
		["setClientPassword", { username: "ann", password: "x" }, ["ann"]],
		["modifyClient", { username: "ann", textname: "x" }, ["ann"]],
		["addGroupClient", { groupname: "g", username: "ann" }, ["ann"]],
		["removeGroupClient", { groupname: "g", username: "bob" }, ["bob"]],
		["addGroupRole", { groupname: "g", rolename: "r" }, ["bob"]],
		["removeGroupRole", { groupname: "h", rolename: "r" }, [null]],
		["modifyGroup", { groupname: "g", clients: [{ username: "carl" }] }, ["bob", "carl"]],
		["deleteGroup", { groupname: "g" }, ["bob"]],
		["setAnonymousGroup", { groupname: "g" }, [null]],
		["addRoleACL", { rolename: "r", acltype: "subscribeLiteral", topic: "x" }, ["ann", null]],
		["modifyRole", { rolename: "s", acls: [] }, ["bob"]],
		["modifyRole", { rolename: "s", allowwildcardsubs: false }, ["bob"]],
		["modifyRole", { rolename: "s", textname: "x" }, []],
		["deleteRole", { rolename: "s" }, ["bob"]],
		["createRole", { rolename: "t" }, []],
		["setDefaultACLAccess", { acls: [] }, []],
	];
	for (const [command, members, expected] of CASES) {
		test(`${command} ${JSON.stringify(members)}`, () => {
			const fixture = createDynsec(FILE);
			fixture.command(command, members);
			assert.deepEqual(fixture.kicked, [], "not before the answer is out");
			fixture.host.clock.advance(1);
			assert.deepEqual(fixture.kicked, expected);
		});
	}
});

describe("passwords", () => {
	test("are hashed, and let in at once", () => {
		const fixture = createDynsec();
		const users = fixture.security.users(null);
		fixture.command("createClient", { username: "ann", password: "p\u00e4ss" });
		fixture.command("createClient", { username: "bob" });
		const hash = users.get("ann");
		assert.ok(hash !== undefined);
		assert.deepEqual(
			Buffer.from(hash.hash),
			pbkdf2Sync("p\u00e4ss", hash.salt, hash.iterations, 64, "sha512"),
		);
		assert.equal(hash.salt.length, 12, "as mosquitto 2.0 reads it");
		assert.equal(users.get("bob"), undefined, "without a password nobody logs in");
		fixture.command("setClientPassword", { username: "ann", password: "other" });
		assert.notDeepEqual(users.get("ann")?.hash, hash.hash);
		fixture.command("modifyClient", { username: "bob", password: "third" });
		assert.ok(users.get("bob") !== undefined);
		const before = users.get("bob");
		fixture.command("modifyClient", { username: "bob", password: "" });
		assert.equal(users.get("bob"), before, "an empty one leaves it as it is");
	});

	test("a disabled client, or one with another client identifier, is refused", () => {
		const fixture = createDynsec({ clients: [{ username: "ann", clientid: "a1" }, { username: "bob" }] });
		const users = fixture.security.users(null);
		const refusal = (username: string, clientId: string) => users.refuses?.(username, clientId) ?? null;
		assert.equal(refusal("ann", "a1"), null);
		assert.match(refusal("ann", "a2") ?? "", /another client identifier/);
		assert.equal(refusal("bob", "any"), null);
		assert.equal(refusal("nobody", "any"), null, "is not for it to say");
		fixture.command("disableClient", { username: "ann" });
		assert.match(refusal("ann", "a1") ?? "", /disabled/);
	});

	test("requests are carried out in their order, whatever has to be hashed", () => {
		const fixture = createDynsec();
		const answers: string[] = [];
		for (const commands of [
			[{ command: "createClient", username: "ann", password: "a" }],
			[{ command: "getClient", username: "ann" }],
			[
				{ command: "deleteClient", username: "ann" },
				{ command: "createClient", username: "ann", password: "b" },
				{ command: "createClient", username: "bob", password: "b" },
			],
			[{ command: "listClients" }],
		]) {
			const payload = new TextEncoder().encode(JSON.stringify({ commands }));
			fixture.security.take(payload, { clientId: "c", username: null }, (answer) => answers.push(answer));
		}
		assert.deepEqual(answers, []);
		for (let turn = 0; turn < 10; turn++) fixture.host.network.turn();
		assert.deepEqual(
			answers.map((answer) =>
				JSON.parse(answer).responses.map(
					({ command, error }: Step["response"]["responses"][0]) => error ?? command,
				),
			),
			[["createClient"], ["getClient"], ["deleteClient", "createClient", "createClient"], ["listClients"]],
		);
	});
});

describe("the file", () => {
	test("that cannot be written is tried again, and what was changed holds meanwhile", () => {
		const fixture = createDynsec();
		fixture.full = true;
		fixture.command("createRole", { rolename: "r" });
		assert.match(
			fixture.lines.at(-1) ?? "",
			/^error: Error saving Dynamic security plugin config: .+ It is tried again\.$/,
		);
		assert.deepEqual((fixture.command("listRoles") as { roles: string[] }).roles, ["r"]);
		fixture.host.clock.advance(30_000);
		assert.deepEqual(fixture.saved, []);
		fixture.full = false;
		fixture.host.clock.advance(30_000);
		assert.equal(fixture.saved.length, 1);
		fixture.host.clock.advance(60_000);
		fixture.security.flush();
		assert.equal(fixture.saved.length, 1, "once");
		fixture.full = true;
		fixture.command("deleteRole", { rolename: "r" });
		fixture.full = false;
		fixture.security.flush();
		assert.equal(fixture.saved.length, 2, "at the end, too");
	});

	test("does not grow without end", () => {
		const fixture = createDynsec();
		const text = "x".repeat(200_000);
		let count = 0;
		for (; count < 100; count++) {
			const command = { command: "createRole", rolename: `r${count}`, textdescription: text };
			const { responses } = fixture.ask({ commands: [command] }) as Step["response"];
			if (responses[0]?.error === "Configuration too large") break;
		}
		assert.ok(count > 5 && count < 40, String(count));
		fixture.command("deleteRole", { rolename: "r1" });
	});
});

describe("hostile requests", () => {
	test("are answered, and change nothing", () => {
		const fixture = createDynsec();
		const error = (text: string, command = "Unknown command") => ({ responses: [{ command, error: text }] });
		assert.deepEqual(fixture.ask("[".repeat(200_000)), error("Payload not valid JSON"));
		assert.deepEqual(fixture.ask("x".repeat(262_145)), error("Payload too large"));
		assert.deepEqual(
			fixture.ask({ commands: new Array(1001).fill({ command: "listRoles" }) }),
			error("Too many commands"),
		);
		assert.deepEqual(
			fixture.ask({ commands: [{ command: "constructor" }] }),
			error("Unknown command", "constructor"),
		);
		assert.deepEqual(
			fixture.ask('{"commands":[{"command":"createRole","rolename":"\\ud800"}]}'),
			error("Role name not valid UTF-8", "createRole"),
		);
		const polluting =
			'{"commands":[{"command":"createRole","rolename":"__proto__","__proto__":{"acls":[1]}}]}';
		assert.deepEqual(fixture.ask(polluting), { responses: [{ command: "createRole" }] });
		assert.deepEqual((fixture.command("listRoles") as { roles: string[] }).roles, ["__proto__"]);
		assert.equal(({} as { acls?: unknown }).acls, undefined);
	});

	test("that ask for everything again and again get no more than a bounded answer", () => {
		const fixture = createDynsec({ clients: [{ username: "ann", textdescription: "x".repeat(50_000) }] });
		const commands = Array.from({ length: 1000 }, () => ({ command: "listClients", verbose: true }));
		const { responses } = fixture.ask({ commands }) as { responses: { error?: string; data?: object }[] };
		assert.equal(responses.length, 1000);
		const told = responses.filter(({ data }) => data !== undefined).length;
		assert.ok(told > 80 && told < 90, `${told} of them`);
		assert.deepEqual(responses.at(-1), { command: "listClients", error: "Response too large" });
		// The next request is answered as ever.
		assert.deepEqual(fixture.command("listClients"), { totalCount: 1, clients: ["ann"] });
	});

	test("that come faster than their passwords are hashed are refused", () => {
		const fixture = createDynsec();
		const answers: string[] = [];
		const payload = new TextEncoder().encode(
			'{"commands":[{"command":"createClient","username":"a","password":"b"}]}',
		);
		for (let count = 0; count < 70; count++) {
			fixture.security.take(payload, { clientId: "c", username: null }, (answer) => answers.push(answer));
		}
		assert.equal(answers.filter((answer) => answer.includes("Too many requests")).length, 6);
	});

	test("that are long are refused when so many octets wait; then they are taken as ever", () => {
		const fixture = createDynsec();
		const answers: string[] = [];
		const send = (length: number) => {
			const text = '{"commands":[{"command":"createClient","username":"a","password":"b"}]}'.padEnd(length);
			const from = { clientId: "c", username: null };
			fixture.security.take(new TextEncoder().encode(text), from, (answer) => answers.push(answer));
		};
		const refused = () => answers.filter((answer) => answer.includes("Too many requests")).length;
		for (let count = 0; count < 5; count++) send(200 * 1024);
		assert.equal(refused(), 3);
		send(100 * 1024);
		assert.equal(refused(), 3);
		for (let turn = 0; turn < 10; turn++) fixture.host.network.turn();
		assert.equal(answers.length, 6);
		send(200 * 1024);
		assert.equal(refused(), 3);
	});
});
