/** The broker program from its arguments to its end, with a broker that only notes what it is told. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { ProgramLog } from "../../../src/bin/log.ts";
import { runBroker } from "../../../src/bin/mqttd.ts";
import type { ControlEndpoint } from "../../../src/broker/control.ts";
import type { BrokerControl, BrokerSettings, ListenerSettings } from "../../../src/broker/settings.ts";
import type { LogType } from "../../../src/host/host.ts";
import { createFakeHost, FakeExit, type FakeHost, fakeError } from "../../fake/host.ts";

class NotingBroker implements BrokerControl {
	readonly accepted: ListenerSettings[] = [];
	readonly published: string[] = [];
	readonly limits = { count: () => {}, reach: () => {}, reached: () => 0 };
	/** Topics below `$CONTROL` that are served. */
	control: readonly ControlEndpoint[] = [];
	settings: BrokerSettings;
	stopped: (() => void) | null = null;

	get administration(): never {
		return assert.fail("nobody looks into it");
	}

	countedStatistics(): never {
		return assert.fail("nobody looks at statistics");
	}

	constructor(settings: BrokerSettings) {
		this.settings = settings;
	}

	keepIn(): void {}

	accept(_connection: unknown, listener: ListenerSettings): void {
		this.accepted.push(listener);
	}

	configure(settings: BrokerSettings): void {
		this.settings = settings;
	}

	serveControl(endpoints: readonly ControlEndpoint[]): void {
		this.control = endpoints;
	}

	accessChanged(): void {}

	kick(): void {}

	connectionsOf(): string[] {
		return [];
	}

	publishLog(type: LogType, line: string): void {
		this.published.push(`${type}: ${line}`);
	}

	checkReader(
		_listener: unknown,
		_who: unknown,
		topic: string,
		done: (result: "accepted" | "refused") => void,
	): void {
		done(topic.includes("secret") ? "refused" : "accepted");
	}

	sysNumbers(): ReadonlyMap<string, number> {
		return new Map([["$SYS/broker/clients/total", 3]]);
	}

	dumpSubscriptions(): string[] {
		return ["    a (client, 1)"];
	}

	stop(done: () => void): void {
		this.stopped = done;
	}
}

interface Started {
	readonly host: FakeHost;
	readonly broker: NotingBroker | null;
	/** Log lines without their time. */
	lines(): string[];
}

/** Sends SIGHUP and lets what it begins come to its end: listeners open in turns of their own. */
async function reload(host: FakeHost): Promise<void> {
	host.process.signal("SIGHUP");
	await setImmediate();
}

const CONFIG = "/mosquitto.conf";

/** What a listener has when nothing is said. */
const LISTENER: ListenerSettings = {
	name: "",
	port: 0,
	path: "",
	usesIdentity: false,
	allowAnonymous: false,
	users: null,
	access: null,
	allowZeroLengthClientId: true,
	autoIdPrefix: "auto-",
	acceptProtocolVersions: [3, 4, 5],
	mountPoint: "",
	maxConnections: null,
	maxQos: 2,
	maxTopicAlias: 10,
	maxTopicAliasBroker: 10,
	sparkplugAware: false,
};

/** Runs until the broker serves or the process has ended. `config` becomes `-c`. */
async function start(
	args: readonly string[],
	config?: string,
	change?: (host: FakeHost) => void,
): Promise<Started> {
	const host = createFakeHost(["mqttd", ...args]);
	if (config !== undefined) host.files.put(CONFIG, config);
	change?.(host);
	let broker: NotingBroker | null = null;
	const all = config === undefined ? args : ["-c", CONFIG, ...args];
	try {
		await runBroker({ host, log: new ProgramLog(host, "mqttd"), name: "mqttd", args: all }, (_, settings) => {
			broker = new NotingBroker(settings);
			return broker;
		});
	} catch (error) {
		if (!(error instanceof FakeExit)) throw error;
	}
	const lines = () =>
		host.process.stderr.text
			.split("\n")
			.slice(0, -1)
			.map((line) => line.replace(/^[0-9]+: /, ""));
	return { host, broker, lines };
}

function ends(host: FakeHost, action: () => void): void {
	assert.throws(action, FakeExit);
	assert.equal(host.process.exitCode, 0);
}

describe("listeners", () => {
	test("without a configuration: loopback on 1883, anonymous allowed, and it says so", async () => {
		const { host, broker, lines } = await start([]);
		assert.ok(host.network.listens("127.0.0.1", 1883));
		assert.ok(host.network.listens("::1", 1883));
		assert.ok(!host.network.listens("192.168.1.1", 1883));
		host.network.dial(1883);
		host.network.dial(1883, "::1");
		assert.deepEqual(broker?.accepted, [
			{ ...LISTENER, name: "1883", port: 1883, allowAnonymous: true },
			{ ...LISTENER, name: "1883", port: 1883, allowAnonymous: true },
		]);
		assert.equal(broker?.accepted[0], broker?.accepted[1], "one object: it is what the broker counts by");
		const said = lines().map((line) => line.replace(/version \S+/, "version V"));
		assert.deepEqual(said, [
			"mqttd version V starting",
			"Using default config.",
			"Starting in local only mode. Connections will only be possible from clients running on this machine.",
			"Create a configuration file which defines a listener to allow remote access.",
			"Clients need no user name in local only mode.",
			"Opening ipv4 listen socket on port 1883.",
			"Opening ipv6 listen socket on port 1883.",
			"Warning: Unable to drop privileges to 'mosquitto' because this user does not exist. Trying 'nobody' instead.",
			"Info: running mqttd as user id: 65534.",
			"mqttd version V running",
		]);
	});

	test("-p, also auto, stays on loopback; with listeners in the file it has no effect", async () => {
		const local = await start(["-p", "1884", "-p", "auto"]);
		assert.ok(local.host.network.listens("127.0.0.1", 1884));
		assert.ok(local.host.network.listens("::1", 40_000));
		assert.ok(local.lines().includes("Opening ipv4 listen socket on port 40000."));
		const { host, lines } = await start(["-p", "1884"], "listener 1885\n");
		assert.ok(host.network.listens("192.168.1.1", 1885));
		assert.ok(!host.network.listens("127.0.0.1", 1884));
		assert.ok(lines().some((line) => /-p argument has no effect/.test(line)));
	});

	test("a file without a listener is local only too, with its options", async () => {
		const { host, broker } = await start([], "allow_anonymous false\nmax_connections 3\n");
		assert.ok(!host.network.listens("192.168.1.1", 1883));
		host.network.dial(1883);
		assert.deepEqual([broker?.accepted[0]?.allowAnonymous, broker?.accepted[0]?.maxConnections], [false, 3]);
	});

	test("listeners of the file: all addresses, a name, one family, a unix socket; anonymous refused", async () => {
		const config = [
			"listener 1",
			"listener 2 router.lan",
			"socket_domain ipv6",
			"listener 0 /run/mqtt.sock",
			"listener_allow_anonymous true",
			"listener auto 127.0.0.1",
			"max_qos 1",
		].join("\n");
		const { host, broker, lines } = await start([], config, ({ network }) => {
			network.names.set("router.lan", ["10.0.0.1", "fd00::1"]);
		});
		assert.ok(host.network.listens("192.168.1.1", 1) && host.network.listens("fd00::9", 1));
		assert.ok(host.network.listens("fd00::1", 2) && !host.network.listens("10.0.0.1", 2));
		assert.ok(lines().includes("Opening unix listen socket on path /run/mqtt.sock."));
		host.network.dial(1);
		host.network.dial(0, "/run/mqtt.sock");
		host.network.dial(40_000);
		assert.deepEqual(
			broker?.accepted.map(({ port, allowAnonymous, maxQos }) => [port, allowAnonymous, maxQos]),
			[
				[1, false, 2],
				[0, true, 2],
				[40_000, false, 1],
			],
		);
	});

	test("no_remote_access: loopback, with or without a domain", async () => {
		const { host } = await start(
			[],
			"listener 1\nno_remote_access true\nlistener 2\nno_remote_access true\nsocket_domain ipv6\n",
		);
		const open = (port: number) =>
			["127.0.0.1", "::1", "0.0.0.0", "::"].map((address) => host.network.listens(address, port));
		assert.deepEqual(open(1), [true, true, false, false]);
		assert.deepEqual(open(2), [false, true, false, false]);
		for (const line of [
			"listener 1 127.0.0.1\ninterface lan",
			"listener 1\nno_remote_access true\ninterface lan",
		]) {
			const { lines } = await start([], line);
			assert.ok(
				lines().some((each) => each.startsWith("Error: The listener on port 1 can have one of")),
				line,
			);
		}
	});

	test("bind_interface: the addresses of the interface, and of them those of the host", async () => {
		const interfaces = ({ network }: FakeHost) => {
			network.interfaces.set("br-lan", ["192.168.1.1", "192.168.2.1", "fd00::1", "fe80::1%br-lan"]);
			network.interfaces.set("wan", ["10.0.0.1"]);
			network.interfaces.set("down", []);
		};
		const config = [
			"listener 1",
			"bind_interface br-lan",
			"listener 2 192.168.2.1",
			"bind_interface br-lan",
			"listener 3",
			"bind_interface br-lan",
			"socket_domain ipv6",
			"listener 4",
			"bind_interface wan",
		].join("\n");
		const { host, lines } = await start([], config, interfaces);
		const open = (port: number) =>
			["192.168.1.1", "192.168.2.1", "fd00::1", "fe80::1%br-lan", "10.0.0.1", "127.0.0.1"].map((address) =>
				host.network.listens(address, port),
			);
		assert.deepEqual(open(1), [true, true, true, true, false, false]);
		assert.deepEqual(open(2), [false, true, false, false, false, false]);
		assert.deepEqual(open(3), [false, false, true, true, false, false]);
		assert.deepEqual(open(4), [false, false, false, false, true, false]);
		const warnings = lines().filter((line) => line.startsWith("Warning: Interface"));
		assert.deepEqual(warnings, ["Warning: Interface wan does not support IPv6 configuration."]);

		host.files.put(CONFIG, "listener 1\nbind_interface wan\nlistener 2\nbind_interface nowhere\n");
		await reload(host);
		assert.ok(lines().includes("Error: Interface nowhere does not exist."));
		assert.deepEqual(open(1), [true, true, true, true, false, false], "nothing has changed");
		host.files.put(CONFIG, "listener 1\nbind_interface wan\n");
		await reload(host);
		assert.deepEqual(open(1), [false, false, false, false, true, false]);

		for (const [file, error] of [
			["bind_interface nowhere", "Error: Interface nowhere does not exist."],
			["listener 1\nbind_interface down", "Error: Interface down does not support IPv6 configuration."],
			[
				"listener 1\nbind_interface wan\nsocket_domain ipv6",
				"Error: Interface wan does not support IPv6 configuration.",
			],
			[
				"listener 1 192.168.1.2\nbind_interface br-lan",
				"Error: Interface address for br-lan does not match specified listener address (192.168.1.2).",
			],
			["listener 1 nowhere.lan\nbind_interface br-lan", "Name or service not known."],
		] as const) {
			const failed = await start([], file, interfaces);
			assert.equal(failed.host.process.exitCode, 1);
			assert.ok(failed.lines().at(-1)?.endsWith(error), failed.lines().at(-1));
		}
		const alone = await start([], "bind_interface wan", interfaces);
		assert.ok(alone.host.network.listens("10.0.0.1", 1883));
		assert.ok(!alone.host.network.listens("127.0.0.1", 1883));
	});

	test("who has gone before it was accepted has no address, and is not served", async () => {
		const { host, broker } = await start([], "listener 1\nlistener 0 /run/s\n");
		assert.ok(host.network.dial(1, "0.0.0.0", "").closed);
		assert.ok(!host.network.dial(1, "0.0.0.0").closed);
		assert.ok(!host.network.dial(0, "/run/s").closed);
		assert.deepEqual(
			broker?.accepted.map(({ name }) => name),
			["1", "/run/s"],
		);
	});

	test("no IPv6: it goes on with IPv4 and says so", async () => {
		const { host, lines } = await start([], undefined, ({ network }) => {
			const listen = network.listen.bind(network);
			network.listen = async (options, onConnection) => {
				if (options.address.includes(":"))
					throw Object.assign(new Error("No IPv6"), { code: "EAFNOSUPPORT" });
				return listen(options, onConnection);
			};
		});
		assert.ok(host.network.listens("127.0.0.1", 1883));
		assert.ok(lines().includes("IPv6 is not available (No IPv6): going on with IPv4."));
		assert.equal(host.process.exitCode, null);
	});

	test("a port in use ends with 1, and nothing is left open", async () => {
		const taken = (network: FakeHost["network"]) => network.listen({ address: "::1", port: 1883 }, () => {});
		const { host, lines } = await start([], undefined, ({ network }) => void taken(network));
		assert.equal(host.process.exitCode, 1);
		assert.equal(lines().at(-1), "Error: Address already in use ([::1]:1883)");
		assert.ok(!host.network.listens("127.0.0.1", 1883));
	});

	test("auto takes another port when the first is taken for IPv6", async () => {
		const { host, lines } = await start(["-p", "auto"], undefined, ({ network }) => {
			void network.listen({ address: "::1", port: 40_000 }, () => {});
		});
		assert.ok(lines().includes("Opening ipv6 listen socket on port 40001."));
		assert.ok(!host.network.listens("127.0.0.1", 40_000) && host.network.listens("127.0.0.1", 40_001));
	});

	test("an address that does not resolve, or not in that family, ends with 1", async () => {
		const unknown = await start([], "listener 1 nowhere.lan\n");
		assert.equal(unknown.host.process.exitCode, 1);
		assert.equal(
			unknown.lines().at(-1),
			"Error: Error resolving listener address nowhere.lan: Name or service not known.",
		);
		const family = await start([], "listener 1 127.0.0.1\nsocket_domain ipv6\n");
		assert.equal(family.lines().at(-1), "Error: 127.0.0.1 has no ipv6 address.");
	});

	test("each listener has its own settings; what it does not say is the broker's", async () => {
		const config = [
			"auto_id_prefix all-",
			"listener 1",
			"listener_auto_id_prefix one-",
			"accept_protocol_versions 4, 5",
			"mount_point m/",
			"max_topic_alias_broker 3",
			"listener 2",
			"max_connections 2",
		].join("\n");
		const { host, broker } = await start([], config);
		host.network.dial(1);
		host.network.dial(2);
		assert.deepEqual(broker?.accepted, [
			{
				...LISTENER,
				name: "1",
				port: 1,
				autoIdPrefix: "one-",
				acceptProtocolVersions: [4, 5],
				mountPoint: "m/",
				maxTopicAliasBroker: 3,
			},
			{ ...LISTENER, name: "2", port: 2, autoIdPrefix: "all-", maxConnections: 2 },
		]);
		const each = "per_listener_settings true\nlistener 1\nallow_zero_length_clientid false\nlistener 2\n";
		const second = await start([], each);
		second.host.network.dial(1);
		second.host.network.dial(2);
		assert.deepEqual(
			second.broker?.accepted.map((listener) => listener.allowZeroLengthClientId),
			[false, true],
		);
	});
});

describe("settings", () => {
	test("the broker gets what the file says", async () => {
		const config = `max_inflight_messages 5
max_inflight_bytes 6
max_queued_messages 7
max_queued_bytes 8
max_packet_size 900
message_size_limit 10
max_keepalive 11
queue_qos0_messages true
upgrade_outgoing_qos true
retain_available false
retain_expiry_interval 12
global_max_clients 13
global_max_connections 14
memory_limit 15
clientid_prefixes dev-
check_retain_source false
persistent_client_expiration 2h
connection_messages false
sys_interval 7
plugin /usr/lib/mosquitto_sparkplug_aware.so
`;
		const { broker } = await start([], config);
		assert.deepEqual(broker?.settings, {
			maxInflightMessages: 5,
			maxInflightBytes: 6,
			maxQueuedMessages: 7,
			maxQueuedBytes: 8,
			maxPacketSize: 900,
			messageSizeLimit: 10,
			maxKeepalive: 11,
			queueQos0Messages: true,
			upgradeOutgoingQos: true,
			retainAvailable: false,
			retainExpiryInterval: 12,
			checkRetainSource: false,
			clientIdPrefixes: "dev-",
			globalMaxClients: 13,
			globalMaxConnections: 14,
			memoryLimit: 15,
			maxSubscriptions: 10_000,
			persistentClientExpiration: 7200,
			connectionMessages: false,
			sysInterval: 7,
			sparkplugAware: true,
			version: "mqttd version 0.0.0-source",
		});
	});

	test("a plugin that listeners use is theirs alone; a reload takes it away, and gives it to others", async () => {
		const load = "plugin_load s mosquitto_sparkplug_aware.so\n";
		const { host, broker } = await start([], `${load}listener 1\nlistener 2\nplugin_use s\n`);
		const aware = () => [broker?.settings, ...(broker?.accepted ?? [])].map((each) => each?.sparkplugAware);
		host.network.dial(1);
		host.network.dial(2);
		assert.deepEqual(aware(), [false, false, true]);
		host.files.put(CONFIG, `${load}listener 1\nplugin_use s\nlistener 2\n`);
		await reload(host);
		assert.deepEqual(aware(), [false, true, false]);
		host.files.put(CONFIG, "plugin /x.so\n");
		await reload(host);
		assert.deepEqual(aware(), [false, true, false]);
		assert.equal(host.process.exitCode, null);
	});

	test("log_facility: what syslog is opened with", async () => {
		for (const [lines, opened] of [
			["", "mqttd.daemon"],
			["log_facility 3\n", "mqttd.local3"],
		]) {
			const { host } = await start([], `log_dest syslog\n${lines}`);
			assert.equal(host.syslog.opened, opened);
		}
	});

	test("set_tcp_nodelay: of every listener; true unless the file says otherwise", async () => {
		for (const [lines, noDelay] of [
			["", true],
			["set_tcp_nodelay true\n", true],
			["set_tcp_nodelay false\n", false],
		] as const) {
			const seen: unknown[] = [];
			await start([], `${lines}listener 1 10.0.0.1\nlistener 2 10.0.0.1\n`, ({ network }) => {
				const listen = network.listen.bind(network);
				network.listen = (options, onConnection) => {
					seen.push(options.noDelay);
					return listen(options, onConnection);
				};
			});
			assert.deepEqual(seen, [noDelay, noDelay]);
		}
	});

	test("log_dest topic: the broker publishes lines once it runs", async () => {
		const { broker, lines } = await start([], "log_dest topic\nlistener 1\n");
		assert.deepEqual(lines(), []);
		assert.ok(broker?.published.some((line) => /^information: [0-9]+: mqttd version .* running$/.test(line)));
	});
});

describe("printing and checking", () => {
	test("-h, --version", async () => {
		for (const [option, text] of [
			["-h", /^mqttd version .*\n\n.*\n\nUsage: mqttd \[-c config_file\]/],
			["--version", /^mqttd version \S+\n$/],
		] as const) {
			const { host } = await start([option]);
			assert.equal(host.process.exitCode, 0);
			assert.match(host.process.stdout.text, text);
		}
	});

	test("an unknown option shows the usage too", async () => {
		const { host } = await start(["--nonsense"]);
		assert.equal(host.process.exitCode, 3);
		assert.equal(host.process.stderr.text, "Error: Unknown option '--nonsense'.\n");
		assert.match(host.process.stdout.text, /\nUsage: mqttd/);
	});

	test("--test-config opens nothing", async () => {
		const { host, broker, lines } = await start(["--test-config"], "listener 1\npacket_buffer_size 1\n");
		assert.deepEqual([host.process.exitCode, broker], [0, null]);
		assert.match(lines().join("\n"), /grow as needed\.\nConfiguration file is OK\.$/);
		assert.ok(!host.network.listens("127.0.0.1", 1));
		assert.equal((await start(["--test-config"], "nonsense\n")).host.process.exitCode, 3);
		assert.equal((await start(["--test-config"])).host.process.exitCode, 3);
	});

	test("a plugin that cannot be loaded: exit code 13, and 3 of a test", async () => {
		const config = "listener 1\nplugin /usr/lib/other.so\n";
		const { host, broker, lines } = await start([], config);
		assert.deepEqual([host.process.exitCode, broker], [13, null]);
		assert.equal(lines()[0], 'Error: Unable to load plugin "/usr/lib/other.so".');
		assert.equal(lines()[2], `Error found at ${CONFIG}:2.`);
		assert.equal((await start(["--test-config"], config)).host.process.exitCode, 3);
	});
});

describe("process", () => {
	test("-d prints the process id when it serves, and says why when it cannot", async () => {
		const { host } = await start(["-d"]);
		assert.deepEqual([host.process.background, host.process.stdout.text], ["ready", "4711\n"]);
		const failed = await start(["-d"], "listener 1 nowhere.lan\n");
		assert.deepEqual([failed.host.process.background, failed.host.process.stdout.text], ["started", ""]);
		assert.equal(failed.host.process.exitCode, 1);
	});

	test("a background that is refused ends with 1", async () => {
		const { host, lines } = await start(["-d"], undefined, ({ process }) => {
			process.daemonize = () => Promise.reject(Object.assign(new Error("No fork"), { code: "EAGAIN" }));
		});
		assert.equal(host.process.exitCode, 1);
		assert.deepEqual(lines(), ["Error: Unable to go to the background (No fork)."]);
	});

	test("the pid file: the argument beats the option; it goes at the end, and after a failed start", async () => {
		const { host, broker } = await start(["--pid-file", "/run/a.pid"], "pid_file /run/b.pid\n");
		assert.equal(host.files.text("/run/a.pid"), "4711\n");
		assert.equal(host.files.info("/run/b.pid"), null);
		host.process.signal("SIGTERM");
		assert.equal(host.files.text("/run/a.pid"), "4711\n", "clients are still being told");
		ends(host, () => broker?.stopped?.());
		assert.equal(host.files.info("/run/a.pid"), null);
		const failed = await start([], "pid_file /run/b.pid\nuser stranger\n");
		assert.equal(failed.host.process.exitCode, 1);
		assert.equal(failed.host.files.info("/run/b.pid"), null);
		assert.equal(
			failed.lines().at(-1),
			"Error: Unable to drop privileges to 'stranger' because this user does not exist.",
		);
	});

	test("the pid file cannot be written", async () => {
		const { host, lines } = await start(["--pid-file", "/run/a.pid"], undefined, ({ files }) => {
			files.failWith = "EACCES";
		});
		assert.equal(host.process.exitCode, 1);
		assert.equal(lines().at(-1), "Error: Unable to write pid file '/run/a.pid' (Error EACCES).");
		assert.ok(!host.network.listens("127.0.0.1", 1883));
	});

	test("a log file that cannot be opened: errors go to stderr, the broker serves", async () => {
		const { host, lines } = await start([], "log_dest file /var/log/x\n", ({ files }) => {
			files.append = () => {
				throw Object.assign(new Error("Permission denied"), { code: "EACCES" });
			};
		});
		assert.equal(lines()[0], "Error: Unable to open log file /var/log/x for writing (Permission denied).");
		assert.ok(host.network.listens("127.0.0.1", 1883));
	});
});

describe("signals", () => {
	test("SIGTERM and SIGINT end once, with 0, after the broker has said goodbye", async () => {
		for (const signal of ["SIGTERM", "SIGINT"] as const) {
			const { host, broker, lines } = await start([]);
			host.process.signal(signal);
			host.process.signal(signal);
			assert.match(lines().at(-1) ?? "", /^mqttd version \S+ terminating$/);
			assert.equal(lines().filter((line) => / terminating$/.test(line)).length, 1);
			assert.ok(!host.network.listens("127.0.0.1", 1883));
			assert.equal(host.process.exitCode, null);
			ends(host, () => broker?.stopped?.());
		}
	});

	test("SIGHUP takes new settings for broker, listeners and log; connected clients' listeners included", async () => {
		const { host, broker, lines } = await start([], "listener 1\nallow_anonymous true\n");
		host.network.dial(1);
		host.files.put(CONFIG, "max_queued_messages 9\nlistener 1\nmax_qos 0\nlog_type error\nlog_type debug\n");
		await reload(host);
		assert.equal(broker?.settings.maxQueuedMessages, 9);
		assert.deepEqual(broker?.accepted[0], { ...LISTENER, name: "1", port: 1, maxQos: 0 });
		assert.equal(lines().at(-1), "Reloading config.", "information is no longer wanted");
	});

	test("SIGHUP: set_tcp_nodelay holds for listeners that stay open", async () => {
		const { host } = await start([], "listener 1 127.0.0.1\n");
		const { noDelay } = host.network;
		assert.deepEqual([...noDelay], [["127.0.0.1 1", true]]);
		host.files.put(CONFIG, "listener 1 127.0.0.1\nlistener 2 127.0.0.1\nset_tcp_nodelay false\n");
		await reload(host);
		assert.deepEqual(
			[...noDelay],
			[
				["127.0.0.1 1", false],
				["127.0.0.1 2", false],
			],
		);
		host.files.put(CONFIG, "listener 1 127.0.0.1\nset_tcp_nodelay true\n");
		await reload(host);
		assert.deepEqual([...noDelay], [["127.0.0.1 1", true]]);
	});

	test("SIGHUP with a wrong file, a listener or a log that cannot be opened changes nothing", async () => {
		const { host, broker, lines } = await start([], "listener 1\nallow_anonymous true\n", ({ network }) => {
			void network.listen({ address: "::", port: 3 }, () => {});
		});
		host.network.dial(1);
		const before = structuredClone([broker?.settings, broker?.accepted]);
		const refused = "Error: The configuration was not reloaded; the running one stays in force.";
		for (const [text, error] of [
			["max_queued_messages 9\nlistener 2\nnonsense\n", `Error found at ${CONFIG}:3.`],
			["max_queued_messages 9\nlistener 2\nlistener 3\n", "Error: Address already in use ([::]:3)"],
			["max_queued_messages 9\nlistener 1 127.0.0.1\nlistener 3\n", "Error: Address already in use ([::]:3)"],
			[
				"listener 2\nlistener 4 nowhere.lan\n",
				"Error: Error resolving listener address nowhere.lan: Name or service not known.",
			],
			[
				"max_queued_messages 9\nlistener 1\nlistener 2\nlog_dest file /x\n",
				"Error: Unable to open log file /x for writing (Error EACCES).",
			],
		] as const) {
			host.files.put(CONFIG, text);
			host.files.failWith = "EACCES";
			await reload(host);
			host.files.failWith = null;
			assert.ok(lines().includes(error), error);
			assert.equal(lines().at(-1), refused);
			assert.deepEqual([broker?.settings, broker?.accepted], before);
			assert.ok(!host.network.listens("127.0.0.1", 2), text);
			for (const address of ["192.168.1.1", "fd00::1"]) assert.ok(host.network.listens(address, 1), text);
		}
		host.network.dial(1);
		assert.equal(broker?.accepted[0], broker?.accepted[1], "the same listener still");
	});

	test("SIGHUP opens and closes listeners; those that stay are not touched", async () => {
		const config = "allow_anonymous true\nlistener 1\nlistener 2\nlistener auto\nlistener 0 /run/a.sock\n";
		const { host, broker, lines } = await start([], config);
		for (const port of [1, 2, 40_000]) host.network.dial(port);
		host.files.put(CONFIG, "allow_anonymous true\nlistener 3\nlistener auto\nlistener 1\nmax_qos 1\n");
		await reload(host);
		assert.equal(lines().at(-1), "Config reloaded.");
		assert.ok(host.network.listens("192.168.1.1", 3) && !host.network.listens("192.168.1.1", 2));
		assert.throws(() => host.network.dial(0, "/run/a.sock"));
		assert.ok(lines().includes("Closing listener on port 2."));
		assert.ok(lines().includes("Closing listener on path /run/a.sock."));
		for (const port of [1, 3, 40_000]) host.network.dial(port);
		const { accepted = [] } = broker ?? {};
		assert.equal(accepted[3], accepted[0]);
		assert.equal(accepted[5], accepted[2]);
		assert.deepEqual(
			accepted.map(({ port, maxQos }) => [port, maxQos]),
			[
				[1, 1],
				[2, 2],
				[40_000, 2],
				[1, 1],
				[3, 2],
				[40_000, 2],
			],
		);
	});

	test("SIGHUP: from all addresses to one and back, on the same port", async () => {
		const { host } = await start([], "listener 1\n", ({ network }) => {
			// As a real system has it: all addresses and one of them exclude each other.
			const listen = network.listen.bind(network);
			network.listen = async (options, onConnection) => {
				if (options.address === "127.0.0.1" && network.listens("127.0.0.1", options.port))
					throw fakeError("EADDRINUSE");
				if (options.address === "0.0.0.0" && network.listens("127.0.0.1", options.port))
					throw fakeError("EADDRINUSE");
				return listen(options, onConnection);
			};
		});
		host.files.put(CONFIG, "listener 1 127.0.0.1\n");
		await reload(host);
		assert.ok(host.network.listens("127.0.0.1", 1) && !host.network.listens("192.168.1.1", 1));
		host.files.put(CONFIG, "listener 1 127.0.0.1\nlistener 2 nowhere.lan\n");
		await reload(host);
		assert.ok(host.network.listens("127.0.0.1", 1));
		host.files.put(CONFIG, "listener 1\nlistener 2 nowhere.lan\n");
		await reload(host);
		assert.ok(host.network.listens("127.0.0.1", 1) && !host.network.listens("192.168.1.1", 1), "back again");
		host.files.put(CONFIG, "listener 1\n");
		await reload(host);
		assert.ok(host.network.listens("192.168.1.1", 1));
	});

	test("a second SIGHUP during the first is served after it; SIGTERM during one leaves nothing open", async () => {
		const { host, lines } = await start([], "listener 1\n");
		host.files.put(CONFIG, "listener 2\n");
		host.process.signal("SIGHUP");
		host.files.put(CONFIG, "listener 3\n");
		await reload(host);
		assert.equal(lines().filter((line) => line === "Config reloaded.").length, 2);
		assert.ok(host.network.listens("::1", 3) && !host.network.listens("::1", 2));
		host.files.put(CONFIG, "listener 4\n");
		host.process.signal("SIGHUP");
		host.process.signal("SIGTERM");
		await setImmediate();
		assert.ok(!host.network.listens("::1", 3) && !host.network.listens("::1", 4));
	});

	test("SIGUSR1, SIGUSR2, SIGRTMIN", async () => {
		const { host, lines } = await start([], "log_dest stderr\nlog_dest file /log\n");
		host.process.signal("SIGUSR1");
		assert.match(lines().at(-1) ?? "", /^Nothing is saved/);
		host.process.signal("SIGUSR2");
		assert.equal(host.process.stdout.text, "    a (client, 1)\n");
		host.process.stdout.failWith = "EPIPE";
		host.process.signal("SIGUSR2");
		assert.equal(lines().at(-1), "Warning: Unable to print subscriptions (Broken pipe).");
		const background = await start(["-d"]);
		background.host.process.signal("SIGUSR2");
		assert.equal(background.lines().at(-1), "    a (client, 1)");
		host.files.rename("/log", "/log.1");
		host.process.signal("SIGRTMIN");
		assert.match(host.files.text("/log"), /^[0-9]+: Log file reopened\.\n$/);
		host.files.failWith = "EACCES";
		host.process.signal("SIGRTMIN");
		assert.equal(lines().at(-1), "Error: Unable to reopen the log file (Error EACCES).");
	});
});
