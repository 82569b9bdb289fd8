/** mosquitto_ctrl: what is sent for each command, what is printed of the answer, and how it ends. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type ConnackPacket, PacketType, type Properties } from "../../../src/packet/packet.ts";
import { MODULES } from "../../../src/tools/ctrl-commands.ts";
import { printResponse } from "../../../src/tools/ctrl-print.ts";
import { runCtrl } from "../../../src/tools/tools.ts";
import { createFakeHost, type FakeHost } from "../../fake/host.ts";
import { settle, TestServer } from "../client/server.ts";

interface Run {
	readonly host: FakeHost;
	readonly server: TestServer;
	readonly out: string;
	readonly err: string;
	readonly code: number | null;
}

const WARNING =
	"Warning: There is no encryption: all that is sent can be seen on the network, passwords too.\n\n";

/** Starts the program; `input` is typed at once. */
async function start(
	args: readonly string[],
	input = "",
	files: Readonly<Record<string, string>> = {},
): Promise<Run> {
	const host = createFakeHost(["mosquitto_ctrl", ...args]);
	for (const [path, text] of Object.entries(files)) host.files.put(path, text);
	Object.assign(host.process, {
		exit(code: number) {
			host.process.exitCode ??= code;
		},
	});
	const server = new TestServer(host, 5);
	void runCtrl(host, args, "1.2.3");
	await settle();
	if (input !== "") host.process.feed(input);
	for (let turn = 0; turn < 3; turn++) {
		await settle();
		host.network.turn();
	}
	return {
		host,
		server,
		get out() {
			return host.process.stdout.text;
		},
		get err() {
			return host.process.stderr.text;
		},
		get code() {
			return host.process.exitCode;
		},
	};
}

function accept(server: TestServer): void {
	const connack: ConnackPacket = {
		type: PacketType.CONNACK,
		sessionPresent: false,
		reasonCode: 0,
		properties: {},
	};
	assert.deepEqual(server.takeTypes(), [PacketType.CONNECT]);
	server.send(connack);
}

/** Lets it connect and subscribe. Returns its request. */
function request({ server }: Run): { topic: string; text: string; packetId: number } {
	accept(server);
	const [subscribe] = server.take();
	assert.ok(subscribe?.type === PacketType.SUBSCRIBE);
	const properties: Properties = {};
	server.send({ type: PacketType.SUBACK, packetId: subscribe.packetId, properties, reasonCodes: [1] });
	const [publish] = server.take();
	assert.ok(publish?.type === PacketType.PUBLISH);
	const { topic } = publish;
	assert.deepEqual(
		subscribe.subscriptions.map(({ topicFilter }) => topicFilter),
		[`${topic}/response`],
	);
	return { topic, text: new TextDecoder().decode(publish.payload), packetId: publish.packetId };
}

describe("commands", () => {
	const CASES: readonly (readonly [string, object])[] = [
		["getDefaultACLAccess", {}],
		[
			"setDefaultACLAccess publishClientSend allow",
			{ acls: [{ acltype: "publishClientSend", allow: true }] },
		],
		["setDefaultACLAccess SUBSCRIBE Deny", { acls: [{ acltype: "SUBSCRIBE", allow: false }] }],
		["getAnonymousGroup", {}],
		["setAnonymousGroup g", { groupname: "g" }],
		["createClient u -p x -i c", { username: "u", password: "x", clientid: "c" }],
		["deleteClient u", { username: "u" }],
		["setClientPassword u p", { username: "u", password: "p" }],
		["setClientId u", { username: "u" }],
		["setClientId u c", { username: "u", clientid: "c" }],
		["addClientRole u r", { username: "u", rolename: "r" }],
		["addClientRole u r 5", { username: "u", rolename: "r", priority: 5 }],
		["removeClientRole u r", { username: "u", rolename: "r" }],
		["getClient u", { username: "u" }],
		["listClients", {}],
		["listClients 5 2", { count: 5, offset: 2 }],
		["listClients 0", {}],
		["enableClient u", { username: "u" }],
		["disableClient u", { username: "u" }],
		["createGroup g", { groupname: "g" }],
		["deleteGroup g", { groupname: "g" }],
		["addGroupRole g r -3", { groupname: "g", rolename: "r", priority: -3 }],
		["removeGroupRole g r", { groupname: "g", rolename: "r" }],
		["addGroupClient g u 1", { groupname: "g", username: "u", priority: 1 }],
		["removeGroupClient g u", { groupname: "g", username: "u" }],
		["getGroup g", { groupname: "g" }],
		["listGroups 1", { count: 1 }],
		["createRole r", { rolename: "r" }],
		["deleteRole r", { rolename: "r" }],
		[
			"addRoleACL r subscribePattern a/# allow",
			{ rolename: "r", acltype: "subscribePattern", topic: "a/#", allow: true },
		],
		[
			"addRoleACL r publishClientSend a deny 7",
			{ rolename: "r", acltype: "publishClientSend", topic: "a", allow: false, priority: 7 },
		],
		["removeRoleACL r unsubscribeLiteral a", { rolename: "r", acltype: "unsubscribeLiteral", topic: "a" }],
		["getRole r", { rolename: "r" }],
		["listRoles", {}],
	];
	for (const [line, members] of CASES) {
		test(line, async () => {
			const args = line.split(" ");
			const started = await start(["dynsec", ...args]);
			const { topic, text } = request(started);
			assert.equal(topic, "$CONTROL/dynamic-security/v1");
			assert.deepEqual(JSON.parse(text), { commands: [{ command: args[0], ...members }] });
		});
	}

	test("are all among the cases, but for those of the broker", async () => {
		const shown = new Set(CASES.map(([line]) => line.split(" ")[0]));
		assert.deepEqual(
			Object.keys(MODULES.dynsec?.commands ?? {}).filter((name) => !shown.has(name)),
			[],
		);
		for (const name of Object.keys(MODULES.broker?.commands ?? {})) {
			const { topic, text } = request(await start(["broker", name.toUpperCase()]));
			assert.deepEqual([topic, text], ["$CONTROL/broker/v1", `{"commands":[{"command":"${name}"}]}`]);
		}
	});

	test("wrong arguments end with 3, unknown commands with 13, unknown modules with 10", async () => {
		for (const line of [
			"createClient",
			"createClient u -x y",
			"createClient u -p",
			"getClient",
			"getClient a b",
			"listClients 1 2 3",
			"addRoleACL r subscribePattern a",
			"addRoleACL r other a allow",
			"addRoleACL r subscribePattern a maybe",
			"removeRoleACL r subscribePattern",
			"setDefaultACLAccess subscribe maybe",
			"setDefaultACLAccess other allow",
			"setClientPassword u p x",
			"getAnonymousGroup x",
		]) {
			const { code, err } = await start(["dynsec", ...line.split(" ")]);
			assert.deepEqual([code, err], [3, "Error: Invalid function arguments provided.\n"], line);
		}
		const unknown = await start(["dynsec", "nonsense"]);
		assert.deepEqual([unknown.code, unknown.err], [13, "Command 'nonsense' not recognised.\n"]);
		const module = await start(["constructor", "x"]);
		assert.deepEqual([module.code, module.err], [10, "Error: Module 'constructor' not supported.\n"]);
		const option = await start(["--nonsense", "dynsec", "x"]);
		assert.deepEqual([option.code, option.err], [1, "Error: Unknown option '--nonsense'.\n"]);
	});

	test("passwords are asked for where none is given", async () => {
		const typed = async (args: string[], input: string) =>
			JSON.parse(request(await start(["dynsec", ...args], input)).text).commands[0];
		assert.deepEqual(await typed(["createClient", "u"], "new\nnew\n"), {
			command: "createClient",
			username: "u",
			password: "new",
		});
		assert.deepEqual(await typed(["createClient", "u"], "\n\n"), { command: "createClient", username: "u" });
		assert.deepEqual(await typed(["setClientPassword", "u"], "new\nnew\n"), {
			command: "setClientPassword",
			username: "u",
			password: "new",
		});
		const differing = await start(["dynsec", "setClientPassword", "u"], "one\ntwo\n");
		assert.equal(differing.code, 1);
		assert.match(differing.err, /Error: Passwords do not match\./);
		const own = await start(["-u", "me", "dynsec", "listRoles"], "mine\n");
		const [connect] = own.server.take();
		assert.ok(connect?.type === PacketType.CONNECT);
		assert.deepEqual(new TextDecoder().decode(connect.password ?? undefined), "mine");
		const both = await start(["-u", "me", "dynsec", "setClientPassword", "u"], "mine\nnew\nnew\n");
		const { text } = request(both);
		assert.equal(JSON.parse(text).commands[0].password, "new");
	});
});

describe("how it ends", () => {
	async function answered(payload: string): Promise<Run> {
		const started = await start(["dynsec", "listClients"]);
		const { topic, packetId } = request(started);
		started.server.send({ type: PacketType.PUBACK, packetId, reasonCode: 0, properties: null });
		started.server.send({
			type: PacketType.PUBLISH,
			topic: `${topic}/response`,
			payload: new TextEncoder().encode(payload),
			qos: 0,
			retain: false,
			dup: false,
			packetId: 0,
			properties: null,
		});
		assert.deepEqual(started.server.takeTypes(), [PacketType.DISCONNECT]);
		started.server.peer.end();
		return started;
	}

	test("with what was answered", async () => {
		const { out, err, code } = await answered(
			'{"responses":[{"command":"listClients","data":{"clients":["a","b"]}}]}',
		);
		assert.deepEqual([out, err, code], ["a\nb\n", WARNING, 0]);
	});

	test("with the error, and 0 as mosquitto_ctrl", async () => {
		const { out, err, code } = await answered('{"responses":[{"command":"x","error":"Client not found"}]}');
		assert.deepEqual([out, err, code], ["", `${WARNING}x: Error: Client not found.\n`, 0]);
	});

	test("with 1 when the answer is none", async () => {
		const { err, code } = await answered("nonsense");
		assert.deepEqual([err, code], [`${WARNING}Error: Payload not JSON.\n`, 1]);
	});

	test("when the subscription, the request or the connection is refused, or nothing is answered", async () => {
		const subscription = await start(["--quiet", "dynsec", "listClients"]);
		accept(subscription.server);
		const [subscribe] = subscription.server.take();
		assert.ok(subscribe?.type === PacketType.SUBSCRIBE);
		subscription.server.send({
			type: PacketType.SUBACK,
			packetId: subscribe.packetId,
			properties: {},
			reasonCodes: [0x87],
		});
		subscription.server.peer.end();
		assert.deepEqual([subscription.code, subscription.err], [1, ""]);

		const publication = await start(["dynsec", "listClients"]);
		const { packetId } = request(publication);
		publication.server.send({ type: PacketType.PUBACK, packetId, reasonCode: 0x87, properties: null });
		publication.server.peer.end();
		assert.deepEqual([publication.code, publication.err], [1, `${WARNING}Publish error: Not authorized\n`]);

		const connection = await start(["dynsec", "listClients"]);
		assert.deepEqual(connection.server.takeTypes(), [PacketType.CONNECT]);
		connection.server.send({
			type: PacketType.CONNACK,
			sessionPresent: false,
			reasonCode: 0x87,
			properties: {},
		});
		connection.server.peer.end();
		assert.deepEqual(
			[connection.code, connection.err],
			[0x87, `${WARNING}Connection error: Not authorized\n`],
		);

		const silent = await start(["dynsec", "listClients"]);
		request(silent);
		silent.host.clock.advance(30_000);
		silent.server.peer.end();
		assert.deepEqual([silent.code, silent.err], [27, `${WARNING}Error: There is no answer.\n`]);
	});

	test("with its usage, of a module too", async () => {
		for (const args of [[], ["--help"], ["dynsec"]]) {
			const { out, code } = await start(args);
			assert.match(
				out,
				/^mosquitto_ctrl administers .*Usage: mosquitto_ctrl .* -f FILE\n.*Modules: broker, dynsec\n$/s,
			);
			assert.equal(code, 1);
		}
		const { out, code } = await start(["dynsec", "help"]);
		for (const name of [...Object.keys(MODULES.dynsec?.commands ?? {}), "init"])
			assert.ok(out.includes(` ${name}`), name);
		assert.equal(code, 0);
		assert.match((await start(["--version"])).out, /^mosquitto_ctrl version 1\.2\.3 /);
	});
});

describe("files", () => {
	test("init writes one that only the owner and the group read, and never over another", async () => {
		const made = await start(["dynsec", "init", "/d.json", "boss", "secret"]);
		assert.deepEqual([made.code, made.err], [0, ""]);
		assert.equal(made.host.files.info("/d.json")?.mode, 0o640);
		const { clients, roles, defaultACLAccess } = JSON.parse(made.host.files.text("/d.json"));
		assert.equal(clients[0].username, "boss");
		assert.equal(roles[0].acls.length, 8);
		assert.equal(defaultACLAccess.publishClientSend, false);
		const typed = await start(["dynsec", "init", "/d.json", "boss"], "secret\nsecret\n");
		assert.equal(typed.code, 0);
		const second = await start(["dynsec", "init", "/d.json", "boss", "x"], "", { "/d.json": "{}" });
		assert.equal(second.code, 1);
		assert.match(second.err, /^dynsec init: '\/d\.json' already exists\./);
		for (const args of [[], ["/d.json"], ["/d.json", "a", "b", "c"]]) {
			assert.equal((await start(["dynsec", "init", ...args])).code, 3);
		}
	});

	test("setClientPassword with -f changes one", async () => {
		const files = {
			"/d.json": '{"clients":[{"username":"u","encoded_password":"x","textname":"T"}],"more":1}',
		};
		const changed = await start(
			["-f", "/d.json", "dynsec", "setClientPassword", "u", "p", "-i", "7"],
			"",
			files,
		);
		assert.deepEqual([changed.code, changed.err], [0, ""]);
		const { clients, more } = JSON.parse(changed.host.files.text("/d.json"));
		assert.deepEqual(Object.keys(clients[0]), ["username", "textname", "password", "salt", "iterations"]);
		assert.deepEqual([clients[0].iterations, more], [7, 1]);
		const wrong: [string[], RegExp][] = [
			[["nobody", "p"], /Error: Client nobody not found\./],
			[["u"], /Invalid function arguments/],
			[["u", "p", "-i", "0"], /Invalid function arguments/],
			[["u", "p", "-x", "1"], /Invalid function arguments/],
		];
		for (const [args, expected] of wrong) {
			const { code, err } = await start(["-f", "/d.json", "dynsec", "setClientPassword", ...args], "", files);
			assert.equal(code, 1);
			assert.match(err, expected);
		}
		for (const [text, expected] of [
			["{", /is not valid JSON/],
			["{}", /is not a valid dynamic-security/],
		] as const) {
			const args = ["-f", "/d.json", "dynsec", "setClientPassword", "u", "p"];
			assert.match((await start(args, "", { "/d.json": text })).err, expected);
		}
		assert.match(
			(await start(["-f", "/none", "dynsec", "setClientPassword", "u", "p"])).err,
			/Unable to open \/none/,
		);
	});
});

describe("what is printed", () => {
	const print = (command: string, data: object) =>
		printResponse(JSON.stringify({ responses: [{ command, data }] })).out;

	test("of clients, groups, roles, plugins and listeners", () => {
		const client = {
			username: "u",
			clientid: "c",
			disabled: true,
			roles: [{ rolename: "r" }, { rolename: "s", priority: 2 }],
			groups: [{ groupname: "g", priority: -4 }],
			connections: [{ address: "1.2.3.4" }],
		};
		assert.deepEqual(print("getClient", { client }), [
			"Username:    u",
			"Clientid:    c",
			"Disabled:    true",
			"Roles:       r (priority: -1)",
			"             s (priority: 2)",
			"Groups:      g (priority: -4)",
			"Connections: 1.2.3.4",
		]);
		assert.deepEqual(
			print("getGroup", { group: { groupname: "g", clients: [{ username: "a" }], roles: [] } }),
			["Groupname: g", "Clients:   a"],
		);
		const acls = [
			{ acltype: "subscribePattern", topic: "a", priority: 1, allow: true },
			{ acltype: "publishClientReceive", topic: "b", allow: false },
		];
		assert.deepEqual(print("getRole", { role: { rolename: "r", acls } }), [
			"Rolename: r",
			"ACLs:     subscribePattern     : allow : a (priority: 1)",
			"          publishClientReceive : deny  : b (priority: -1)",
		]);
		assert.deepEqual(print("getDefaultACLAccess", { acls: [{ acltype: "subscribe", allow: false }] }), [
			"subscribe            : deny",
		]);
		assert.deepEqual(print("getAnonymousGroup", { group: { groupname: "g" } }), ["g"]);
		assert.deepEqual(print("listClients", { clients: ["a", { username: "b" }] }), ["a", "b"]);
		assert.deepEqual(
			print("listPlugins", { plugins: [{ name: "n", version: "1", "control-endpoints": ["x", "y"] }] }),
			["Plugin:            n", "Version:           1", "Control endpoints: x", "                   y"],
		);
		assert.deepEqual(print("listListeners", { listeners: [{ port: 0, "socket-path": "/s", tls: true }] }), [
			"Listener 1:",
			"  Port:              0",
			"  Socket path:       /s",
			"  TLS:               true",
			"",
		]);
		assert.deepEqual(print("createRole", {}), []);
	});

	test("of an answer that is not what it should be", () => {
		const cases: [string, RegExp][] = [
			["[]", /Payload missing data/],
			["{}", /Payload missing data/],
			['{"responses":[]}', /Payload missing data/],
			['{"responses":[{}]}', /Payload missing data/],
			['{"responses":[{"command":"listRoles"}]}', /Invalid response/],
			['{"responses":[{"command":"listRoles","data":{"roles":[5]}}]}', /Invalid response/],
			['{"responses":[{"command":"getClient","data":{"client":{}}}]}', /Invalid response/],
			[
				'{"responses":[{"command":"getRole","data":{"role":{"rolename":"r","acls":[1]}}}]}',
				/Invalid response/,
			],
		];
		for (const [payload, expected] of cases) assert.throws(() => printResponse(payload), expected, payload);
	});
});
