/** SIGHUP with each honoured option: who sees the change, as src/config/reloads.ts has it. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { OPTIONS } from "../../../src/config/options.ts";
import { NAMED, reloadOf } from "../../../src/config/reloads.ts";
import { fakeError } from "../../fake/host.ts";
import { CASES, configOf } from "./reload-cases.ts";
import { CONFIG, World } from "./world.ts";

const HONOURED = OPTIONS.filter(({ state }) => state === "honoured");

/** Who sees what after a reload. */
const SEEN = { all: ["now", "now"], new: ["was", "now"], no: ["was", "was"] } as const;

describe("each option after a reload", () => {
	for (const option of HONOURED) {
		const { name } = option;
		const reload = reloadOf(option);
		test(`${name}: ${reload}`, async () => {
			const found = CASES[name];
			assert.ok(found !== undefined && reload !== null, "write a case in reload-cases.ts");
			const { sees, see, guest, prepare } = found;
			const [was, now] = sees;
			assert.notDeepEqual(was, now);
			const [before, after] = found.values.map((value) => configOf(found, name, value));
			const world = await World.start(before!, found.files);
			await prepare?.(world);
			const first = world.visit(guest);
			assert.deepEqual(see(first, world), was, "before");
			first.peer?.end();
			const connected = world.visit(guest);
			connected.take();
			const said = await world.reload(after!);
			assert.ok(!said.some((line) => line.startsWith("Error")), said.join("\n"));
			const [ofConnected, ofNew] = SEEN[reload].map((which) => ({ was, now })[which]);
			const last = world.visit(guest);
			assert.deepEqual(see(connected, world), ofConnected, "who was connected");
			assert.deepEqual(see(last, world), ofNew, "who came after");
		});
	}
});

test("no case, and no word about reloading, for what is not honoured", () => {
	const names = new Set(HONOURED.map(({ name }) => name));
	for (const name of [...Object.keys(CASES), ...NAMED]) assert.ok(names.has(name), name);
	assert.equal(new Set(NAMED).size, NAMED.length);
	for (const option of OPTIONS) if (option.state !== "honoured") assert.equal(reloadOf(option), null);
});

/** Everything that a reload may change. */
function stateOf({ host, broker, modes }: World): unknown {
	const { network, files, process, syslog } = host;
	return structuredClone({
		settings: broker.settings,
		listening: [...network.noDelay].sort(),
		tls: [1, 2, 8883].map(
			(port) => (network.tlsOf("127.0.0.1", port)?.context as { options?: unknown })?.options,
		),
		mode: modes.get("/run/s"),
		facility: syslog.opened,
		paths: [...files.entries.keys()].filter((path) => path !== CONFIG && path !== "/new.log"),
		uid: process.uid,
	});
}

/** What runs, and must go on: a listener of each kind, lists of users and rules, a log file. */
const RUNNING = `log_dest stderr
log_dest file /log
log_dest syslog
allow_anonymous true
acl_file /acl
include_dir /conf.d
listener 1
mount_point m/
listener 2
protocol websockets
listener 8883
certfile /cert
keyfile /key
listener 0 /run/s
unix_socket_mode 0600
`;
const FILES = {
	"/acl": "topic readwrite a/#\ntopic readwrite m/a/#\n",
	"/conf.d/x.conf": "max_keepalive 0\n",
	"/cert": "c",
	"/key": "k",
	"/one": "ann:$7$1$AAAA$AAAA\n",
};
/** Others of everything: with an error behind it, none of them may be taken. */
const OTHERS = `log_dest stdout
log_type debug
log_facility 5
allow_anonymous false
max_queued_messages 9
max_packet_size 300
set_tcp_nodelay false
listener 1
mount_point other/
max_qos 0
listener 2
protocol mqtt
listener 3
listener 0 /run/s
unix_socket_mode 0666
`;

/** Reloads that fail: what stands in the file after `OTHERS`, or what else is wrong; and the error. */
const FAILURES: readonly (readonly [
	name: string,
	lines: string,
	error: string,
	spoil?: (world: World) => void,
])[] = [
	["an unknown option", "nonsense 1\n", "Error: Unknown configuration variable 'nonsense'."],
	["a bad value", "max_qos 3\n", "Error: 'max_qos' must be between 0 and 2 inclusive."],
	[
		"a refused option",
		"connection other\n",
		"Error: The 'connection' option cannot be used: this build has no bridges, and the messages would stay here.",
	],
	[
		"no such folder",
		"include_dir /none\n",
		"Error: Unable to open include_dir '/none' (No such file or directory).",
	],
	[
		"a wrong file of a folder",
		"include_dir /conf.d\n",
		"Error: Unknown configuration variable 'nonsense'.",
		({ host }) => host.files.put("/conf.d/x.conf", "nonsense\n"),
	],
	[
		"no such password file",
		"password_file /none\n",
		'Error: Unable to open password file "/none" (No such file or directory).',
	],
	["no such ACL", "acl_file /none\n", 'Error: Unable to open ACL file "/none" (No such file or directory).'],
	[
		"a plugin that is not there",
		"plugin /usr/lib/other.so\n",
		'Error: Unable to load plugin "/usr/lib/other.so".',
	],
	[
		"a certificate that is gone",
		"listener 8883\ncertfile /none\nkeyfile /key\n",
		'Error: Unable to open certfile "/none" (No such file or directory).',
	],
	[
		"a broken certificate",
		"listener 8883\ncertfile /cert\nkeyfile /key\n",
		'Error: Unable to load server certificate "/cert". Check certfile (Error TLS_BAD_CERTIFICATE).',
		({ host }) => {
			host.files.put("/cert", "broken");
			host.tls.failure = "TLS_BAD_CERTIFICATE";
		},
	],
	["a port in use", "listener 4\n", "Error: Address already in use ([::]:4)"],
	[
		"an unknown address",
		"listener 5 nowhere.lan\n",
		"Error: Error resolving listener address nowhere.lan: Name or service not known.",
	],
	[
		"an unknown interface",
		"listener 5\nbind_interface nowhere\n",
		"Error: Interface nowhere does not exist.",
	],
	[
		"an unknown owner of a unix socket",
		"unix_socket_owner no-such-user\n",
		"Error: Unable to give the socket to no-such-user: No such file or directory (/run/s)",
	],
	[
		"a log file that cannot be opened",
		"log_dest file /new.log\n",
		"Error: Unable to open log file /new.log for writing (Error EACCES).",
		({ host }) => {
			host.files.append = () => {
				throw fakeError("EACCES");
			};
		},
	],
	[
		"a system log that cannot be opened",
		"log_dest syslog\nlog_dest file /new.log\n",
		"Error: Unable to open log file /new.log for writing (No syslog).",
		({ host }) => {
			host.syslog.open = () => {
				throw Object.assign(new Error("No syslog"), { code: "EACCES" });
			};
		},
	],
	[
		"no configuration file any more",
		"",
		`Error: Unable to open config file '${CONFIG}' (No such file or directory).`,
		({ host }) => host.files.remove(CONFIG),
	],
];

describe("a reload that fails leaves everything as it is, and clients served", () => {
	for (const [name, lines, error, spoil] of FAILURES) {
		test(name, async () => {
			const world = await World.start(RUNNING, FILES);
			const { host, broker } = world;
			await host.network.listen({ address: "::", port: 4 }, () => {});
			const connected = [
				world.visit(),
				world.visit({ port: 8883 }),
				world.visit({ address: "/run/s", port: 0 }),
			];
			for (const visitor of connected) assert.equal(visitor.echo("a/before", 3, true), 3);
			const before = stateOf(world);
			host.files.put(CONFIG, OTHERS + lines);
			spoil?.(world);
			const said = await world.reload();
			host.tls.failure = null;
			assert.ok(said.includes(error), said.join("\n"));
			assert.equal(said.at(-1), "Error: The configuration was not reloaded; the running one stays in force.");
			assert.deepEqual(stateOf(world), before);
			assert.ok(host.files.text("/log").endsWith(`${said.at(-1)}\n`), "the log goes where it went");
			const later = [world.visit(), world.visit({ port: 8883 }), world.visit({ address: "/run/s", port: 0 })];
			for (const visitor of [...connected, ...later]) {
				assert.ok(visitor.isServed);
				assert.equal(visitor.echo("a/after", 3, true), 3);
			}
			assert.equal(broker.census().connected, 6);
			assert.ok(!host.network.listens("127.0.0.1", 3));
		});
	}
});

test("a listener that had made way in vain follows later reloads", async () => {
	const config = "allow_anonymous true\nlistener 1\n";
	const world = await World.start(config);
	await world.host.network.listen({ address: "::", port: 4 }, () => {});
	const said = await world.reload(
		"allow_anonymous true\nlistener 1 127.0.0.1\nsocket_domain ipv4\nlistener 4\n",
	);
	assert.ok(said.includes("Error: Address already in use ([::]:4)"), said.join("\n"));
	assert.ok(world.visit().isServed);
	await world.reload(`${config}allow_source 10.0.0.0/8\n`);
	assert.ok(!world.visit().isServed, "what stands before the broker");
	await world.reload(`${config}max_connections 0\n`);
	assert.ok(!world.visit().isServed, "what the broker is told");
	await world.reload(config);
	assert.ok(world.visit().isServed);
});

test("persistent_client_expiration holds for 3.x clients when they leave, as they were told nothing", async () => {
	const config = "listener 1\nallow_anonymous true\n";
	const world = await World.start(config);
	const client = world.visit({ version: 4, fields: { clientId: "away", clean: false } });
	assert.ok(client.isServed);
	await world.reload(`${config}persistent_client_expiration 30\n`);
	client.send({ cmd: "disconnect" });
	world.advance(25);
	assert.ok(world.broker.sessions.has("away"));
	world.advance(10);
	assert.ok(!world.broker.sessions.has("away"));
});
