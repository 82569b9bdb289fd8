/** Dynamic security and the control topics as the program sets them up: first start, errors, reload, what the broker tells. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { ProgramLog } from "../../../src/bin/log.ts";
import { runBroker } from "../../../src/bin/mqttd.ts";
import { Broker } from "../../../src/broker/broker.ts";
import { createFakeHost, FakeExit, type FakeHost } from "../../fake/host.ts";

const CONFIG = "/mosquitto.conf";
const FILE = "/d.json";
const PLUGIN = ["plugin /lib/mosquitto_dynamic_security.so", `plugin_opt_config_file ${FILE}`];

interface Started {
	readonly host: FakeHost;
	readonly broker: Broker | null;
	lines(): string[];
	/** Sends a request to a control topic, and returns the answer; null when nobody serves it. */
	ask(topic: string, request: unknown): unknown;
	/** Replaces the configuration and lets the program read it. */
	reload(lines: readonly string[]): Promise<void>;
}

async function start(
	lines: readonly string[],
	change: (host: FakeHost) => void = () => {},
	args: readonly string[] = [],
): Promise<Started> {
	const host = createFakeHost(["mqttd"]);
	host.files.put(CONFIG, lines.join("\n"));
	change(host);
	let broker: Broker | null = null;
	const context = { host, log: new ProgramLog(host, "mqttd"), name: "mqttd", args: ["-c", CONFIG, ...args] };
	const running = runBroker(context, (...given) => {
		broker = new Broker(...given);
		return broker;
	}).catch((error: unknown) => {
		if (!(error instanceof FakeExit)) throw error;
	});
	// Hashes are ready in turns of their own.
	for (let turn = 0; turn < 10; turn++) {
		await setImmediate();
		host.network.turn();
	}
	await running;
	return {
		host,
		broker,
		lines: () =>
			host.process.stderr.text
				.split("\n")
				.slice(0, -1)
				.map((line) => line.replace(/^[0-9]+: /, "")),
		ask(topic, request) {
			let answer: unknown = null;
			const endpoint = broker?.control.get(topic);
			endpoint?.take(
				new TextEncoder().encode(JSON.stringify(request)),
				{ clientId: "c", username: null },
				(text) => {
					answer = JSON.parse(text);
				},
			);
			host.network.turn();
			return answer;
		},
		async reload(changed) {
			host.files.put(CONFIG, changed.join("\n"));
			host.process.signal("SIGHUP");
			await setImmediate();
		},
	};
}

function setPassword(host: FakeHost, password: string): void {
	host.process.environment.MOSQUITTO_DYNSEC_PASSWORD = password;
}

function file(host: FakeHost): { clients: { username: string }[] } {
	return JSON.parse(host.files.text(FILE));
}

describe("the first start", () => {
	test("writes a configuration, and random passwords beside it, for their owner only", async () => {
		const { host, lines } = await start(PLUGIN);
		assert.deepEqual(
			file(host).clients.map(({ username }) => username),
			["admin", "democlient"],
		);
		assert.match(host.files.text(`${FILE}.pw`), /^admin \S{20}\ndemoclient \S{20}\n$/);
		assert.equal(host.files.info(FILE)?.mode, 0o600);
		assert.equal(host.files.info(`${FILE}.pw`)?.mode, 0o600);
		assert.ok(lines().includes("Dynamic security plugin config not found, generating a default config."));
		assert.ok(lines().includes(`  Generated passwords are at ${FILE}.pw`));
	});

	test("takes the password of the environment, or of a file, and makes no other user", async () => {
		const ways: [string[], (host: FakeHost) => void][] = [
			[[], (host) => setPassword(host, "twelve chars")],
			[["plugin_opt_password_init_file /init"], (host) => host.files.put("/init", "short \nmore\n")],
		];
		for (const [more, change] of ways) {
			const { host } = await start([...PLUGIN, ...more], change);
			assert.deepEqual(
				file(host).clients.map(({ username }) => username),
				["admin"],
			);
			assert.equal(host.files.info(`${FILE}.pw`), null);
		}
	});

	test("fails with the reason when there is no password to take, or nothing can be written", async () => {
		const init = "plugin_opt_password_init_file /init";
		const cases: [string[], (host: FakeHost) => void, RegExp][] = [
			[[], (host) => setPassword(host, "eleven char"), /must be at least 12 characters/],
			[[init], () => {}, /initial password from '\/init', file not accessible/],
			[[init], (host) => host.files.put("/init", ""), /initial password from '\/init', file empty/],
			[[init], (host) => host.files.put("/init", "\nx"), /initial password from '\/init', password is empty/],
			[
				[],
				(host) => {
					host.files.failWith = "EACCES";
				},
				/Unable to write dynsec config '\/d\.json\.pw'/,
			],
		];
		for (const [more, change, expected] of cases) {
			const { host, lines } = await start([...PLUGIN, ...more], change);
			assert.match(lines().join("\n"), expected);
			assert.equal(host.process.exitCode, 1);
		}
	});

	test("is not made for a mere test of the configuration", async () => {
		const { host } = await start(PLUGIN, () => {}, ["--test-config"]);
		assert.equal(host.process.exitCode, 0);
		assert.equal(host.files.info(FILE), null);
	});
});

describe("the file", () => {
	test("that is not right keeps the broker from starting, as a plugin that cannot be loaded does", async () => {
		const cases: [string, RegExp][] = [
			["{", /^Error loading Dynamic security plugin config: \/d\.json: it is not valid JSON/],
			[
				'{"roles":[{}]}',
				/^Error loading Dynamic security plugin config: \/d\.json: roles\[0\] has no rolename\.$/,
			],
		];
		for (const [text, expected] of cases) {
			const { host, lines } = await start(PLUGIN, (each) => each.files.put(FILE, text, 0o600));
			assert.equal(host.process.exitCode, 13);
			assert.match(lines().at(-1) ?? "", expected);
			const tested = await start(PLUGIN, (each) => each.files.put(FILE, text, 0o600), ["--test-config"]);
			assert.equal(tested.host.process.exitCode, 3);
		}
		const invalid = await start(PLUGIN, (host) => host.files.put(FILE, new Uint8Array([0xff]), 0o600));
		assert.match(invalid.lines().at(-1) ?? "", /it is not UTF-8/);
	});

	test("only one can be in use", async () => {
		const { host, lines } = await start([...PLUGIN, ...PLUGIN]);
		assert.match(lines().at(-1) ?? "", /mosquitto_dynamic_security can be in use only once/);
		assert.equal(host.process.exitCode, 13);
	});

	test("is read again at a reload when somebody has changed it; else what the broker knows goes on", async () => {
		const started = await start(PLUGIN, (host) =>
			host.files.put(FILE, '{"roles":[{"rolename":"a"}]}', 0o600),
		);
		const roles = () => {
			const answer = started.ask("$CONTROL/dynamic-security/v1", { commands: [{ command: "listRoles" }] });
			return (answer as { responses: { data: { roles: string[] } }[] }).responses[0]?.data.roles;
		};
		assert.deepEqual(roles(), ["a"]);
		const create = { commands: [{ command: "createRole", rolename: "b" }] };
		started.host.files.failWith = "ENOSPC";
		started.ask("$CONTROL/dynamic-security/v1", create);
		await started.reload(PLUGIN);
		assert.deepEqual(roles(), ["a", "b"], "the file is behind");
		started.host.files.failWith = null;
		started.host.files.put(FILE, '{"roles":[{"rolename":"c"}]}', 0o600);
		await started.reload(PLUGIN);
		assert.deepEqual(roles(), ["c"]);
		started.host.files.put(FILE, "{", 0o600);
		await started.reload(PLUGIN);
		assert.deepEqual(roles(), ["c"], "what is wrong is not taken");
		await started.reload([]);
		assert.equal(started.broker?.control.size, 0);
	});
});

describe("$CONTROL/broker/v1", () => {
	const TOPIC = "$CONTROL/broker/v1";

	test("is served with enable_control_api, as a reload has it", async () => {
		const started = await start(["listener 1883"]);
		assert.equal(started.ask(TOPIC, {}), null);
		await started.reload(["listener 1883", "enable_control_api true"]);
		assert.deepEqual(started.ask(TOPIC, {}), {
			responses: [{ command: "Unknown command", error: "Invalid/missing commands" }],
		});
	});

	test("tells plugins and listeners", async () => {
		const started = await start(
			[
				"enable_control_api true",
				"listener 1883 127.0.0.1",
				"listener 1884",
				"protocol websockets",
				"listener 0 /run/m.sock",
				...PLUGIN,
				"plugin /x/mosquitto_sparkplug_aware.so",
			],
			(host) => host.files.put(FILE, "{}", 0o600),
		);
		const request = {
			commands: [
				{ command: "listListeners", correlationData: "x" },
				{ command: "LISTPLUGINS" },
				{ command: "other" },
			],
		};
		const { responses } = started.ask(TOPIC, request) as {
			responses: { data: { plugins: { version: string }[] } }[];
		};
		const version = responses[1]?.data.plugins[0]?.version;
		assert.match(version ?? "", /^[0-9.]+/);
		assert.deepEqual(responses, [
			{
				command: "listListeners",
				data: {
					listeners: [
						{ port: 1883, protocol: "mqtt", "bind-address": "127.0.0.1", tls: false },
						{ port: 1884, protocol: "mqtt+websockets", tls: false },
						{ port: 0, protocol: "mqtt", "socket-path": "/run/m.sock", tls: false },
					],
				},
				correlationData: "x",
			},
			{
				command: "listPlugins",
				data: {
					plugins: [
						{ name: "dynamic-security", version, "control-endpoints": ["$CONTROL/dynamic-security/v1"] },
						{ name: "sparkplug-aware", version, "control-endpoints": [] },
					],
				},
			},
			{ command: "other", error: "Unknown command" },
		]);
		assert.ok(started.lines().includes("Broker: c/(null) | listListeners"));
	});
});
