/** Reading mosquitto.conf: what counts as what, what is refused, and how that is said. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { BrokerConfig } from "../../../src/config/config.ts";
import { ConfigError } from "../../../src/config/error.ts";
import { readConfig } from "../../../src/config/read.ts";
import { createFakeHost } from "../../fake/host.ts";

const FILE = "/etc/mosquitto/mosquitto.conf";

function read(text: string | Uint8Array, others: Readonly<Record<string, string>> = {}): BrokerConfig {
	const host = createFakeHost();
	host.files.put(FILE, text);
	for (const [path, content] of Object.entries(others)) host.files.put(path, content);
	return readConfig(host, [FILE]);
}

function errorOf(
	text: string | Uint8Array,
	others: Readonly<Record<string, string>> = {},
): readonly string[] {
	try {
		read(text, others);
	} catch (error) {
		assert.ok(error instanceof ConfigError, String(error));
		return error.lines;
	}
	return assert.fail(`accepted: ${text}`);
}

/** The error, which must be followed by the place, and perhaps by what the option takes. */
function errorAt(text: string, line: number): string | undefined {
	const [error, place, expected, ...more] = errorOf(text);
	assert.equal(place, `Error found at ${FILE}:${line}.`);
	if (expected !== undefined) assert.match(expected, /^'[a-z_0-9.]+' takes .+\.$/);
	assert.deepEqual(more, []);
	return error;
}

describe("lines", () => {
	test("comments, empty lines, Windows line ends, a byte order mark, no final newline", () => {
		const config = read(
			"\ufeff# comment\r\n\r\n\nmax_keepalive 60\r\n#max_keepalive 70\r\nmax_queued_messages 7",
		);
		assert.equal(config.global.maxKeepalive, 60);
		assert.equal(config.global.maxQueuedMessages, 7);
	});

	test("a comment may be in any encoding, an option may not", () => {
		const latin = (prefix: string) => Uint8Array.from([...Buffer.from(prefix), 0xfc, 0x0a]);
		assert.deepEqual(read(latin("# gr")).listeners, []);
		for (const text of ["log_timestamp_format gr", "gr", "max_keepalive ", "max_keepalive 6"]) {
			assert.equal(errorOf(latin(text))[0], "Error: Malformed UTF-8 in configuration.", text);
		}
		assert.equal(read(latin("max_keepalive 60 # f")).global.maxKeepalive, 60);
		assert.equal(errorOf("max_keepalive 60\0\n")[0], "Error: Malformed UTF-8 in configuration.");
	});

	test("# starts a comment only at the beginning of the line", () => {
		assert.equal(read("log_timestamp_format a # b\n").global.logTimestampFormat, "a # b");
		assert.equal(errorAt("  # comment\n", 1), "Error: Unknown configuration variable '#'.");
	});

	test("text runs to the end of the line, without blanks around it, and has no control characters", () => {
		for (const character of ["\t", "\x01", "\x7f", "\x85"]) {
			const error = errorAt(`log_timestamp_format a${character}b\n`, 1);
			assert.equal(error, "Error: Malformed UTF-8 in configuration.");
		}
		assert.equal(read("pid_file    /var/run/my pid \t \n").global.pidFile, "/var/run/my pid");
		const long = "x".repeat(60_000);
		assert.equal(read(`pid_file ${long}\n`).global.pidFile, long);
	});

	test("only spaces separate the name from the value", () => {
		assert.equal(
			errorAt("max_keepalive\t60\n", 1),
			"Error: Unknown configuration variable 'max_keepalive\t60'.",
		);
		assert.equal(read("   max_keepalive   60   70\n").global.maxKeepalive, 60);
	});
});

describe("values", () => {
	const errors: readonly (readonly [text: string, error: string])[] = [
		["nonsense", "Error: Unknown configuration variable 'nonsense'."],
		["allow_anonymous", "Error: Empty 'allow_anonymous' value in configuration."],
		["allow_anonymous   ", "Error: Empty 'allow_anonymous' value in configuration."],
		["allow_anonymous yes", "Error: Invalid 'allow_anonymous' value (yes)."],
		["max_keepalive", "Error: Empty 'max_keepalive' value in configuration."],
		["max_keepalive 1x", "Error: 'max_keepalive' value not a number."],
		["max_keepalive 99999999999", "Error: 'max_keepalive' value out of range."],
		["max_keepalive 65536", "Error: Invalid 'max_keepalive' value (65536)."],
		["max_keepalive -1", "Error: Invalid 'max_keepalive' value (-1)."],
		["max_packet_size 19", "Error: 'max_packet_size' must be >= 20."],
		["max_inflight_messages 65536", "Error: 'max_inflight_messages' must be <= 65535."],
		["max_qos 3", "Error: 'max_qos' must be between 0 and 2 inclusive."],
		["message_size_limit 268435456", "Error: Invalid 'message_size_limit' value (268435456)."],
		["pid_file ", "Error: Empty 'pid_file' value in configuration."],
		["port 0", "Error: Invalid 'port' value (0)."],
		["port 65536", "Error: Invalid 'port' value (65536)."],
		["listener", "Error: Empty 'listener port' value in configuration."],
		["listener x", "Error: 'listener port' value not a number."],
		["listener 65536", "Error: Invalid 'port' value (65536)."],
		["listener 0", "Error: A listener with port 0 must provide a Unix socket path."],
		["listener 0 # none", "Error: A listener with port 0 must provide a Unix socket path."],
		["listener 0 run/s", "Error: The Unix socket path 'run/s' must begin with '/'."],
		["log_dest", "Error: Empty 'log_dest' value in configuration."],
		["log_dest paper", "Error: Invalid 'log_dest' value (paper)."],
		["log_dest file", 'Error: Empty "log_dest file" value in configuration.'],
		["log_type loud", "Error: Invalid 'log_type' value (loud)."],
		["log_facility 8", "Error: Invalid 'log_facility' value (8)."],
		["socket_domain ipv5", "Error: Invalid 'socket_domain' value 'ipv5' in configuration."],
		[
			"persistent_client_expiration 5x",
			"Error: Invalid 'persistent_client_expiration' duration in configuration.",
		],
		[
			"persistent_client_expiration 1 d",
			"Error: Invalid 'persistent_client_expiration' duration in configuration.",
		],
		[
			"persistent_client_expiration 0d",
			"Error: Invalid 'persistent_client_expiration' duration in configuration.",
		],
		["persistent_client_expiration", "Error: Empty 'persistent_client_expiration' value in configuration."],
		[`auto_id_prefix ${"é".repeat(26)}`, "Error: auto_id_prefix length must be <= 50."],
		["max_topic_alias 5", "Error: The 'max_topic_alias' option requires a listener to be defined first."],
		[
			"listener_allow_anonymous true",
			"Error: The 'listener_allow_anonymous' option requires a listener to be defined first.",
		],
		["mount_point a/", "Error: The 'mount_point' option requires a listener to be defined first."],
		["address other", "Error: The 'address' option requires a bridge to be defined first."],
		[
			"plugin_opt_x y",
			"Error: The 'plugin_opt_x' option requires plugin/global_plugin/plugin_load to be defined first.",
		],
		["include_dir", "Error: Empty 'include_dir' value in configuration."],
		["include_dir /none", "Error: Unable to open include_dir '/none' (No such file or directory)."],
	];
	for (const [text, error] of errors) {
		test(`refuses: ${text.slice(0, 60)}`, () => {
			assert.equal(errorAt(`# first\n${text}\n`, 2), error);
		});
	}

	test("what is expected follows the place: of a value, not of a place where the option may not stand", () => {
		for (const [text, expected] of [
			["allow_anonymous yes", "'allow_anonymous' takes true or false."],
			["websockets_headers_size x", "'websockets_headers_size' takes a number from 0 to 65535."],
			["max_packet_size 1", "'max_packet_size' takes a number of octets from 20."],
			["port x", "'port' takes a port from 1 to 65535, or auto."],
			["socket_domain x", "'socket_domain' takes ipv4 or ipv6."],
			["pid_file", "'pid_file' takes text."],
			["auto_id_prefix", "'auto_id_prefix' takes text of at most 50 octets."],
			[
				"persistent_client_expiration x",
				"'persistent_client_expiration' takes a number followed by s, h, d, w, m or y.",
			],
			["listener 0", "'listener' takes a port and perhaps an address, or 0 and the path of a unix socket."],
			["mount_point #", undefined],
			["nonsense", undefined],
		] as const) {
			assert.equal(errorOf(text)[2], expected, text);
		}
		assert.deepEqual(errorOf("\ninclude_dir /d\n", { "/d/x.conf": "log_type loud\n" }), [
			"Error: Invalid 'log_type' value (loud).",
			"Error found at /d/x.conf:1.",
			`Error found at ${FILE}:2.`,
			"'log_type' takes one of error, warning, notice, information, subscribe, unsubscribe, websockets, debug, none, all, internal.",
		]);
	});

	test("numbers as in C: decimal, hexadecimal, octal, sign", () => {
		for (const [text, value] of [
			["100", 100],
			["0x64", 100],
			["0144", 100],
			["+100", 100],
			["0", 0],
		] as const) {
			assert.equal(read(`max_keepalive ${text}\n`).global.maxKeepalive, value);
		}
	});

	test("booleans", () => {
		for (const [text, value] of [
			["true", true],
			["1", true],
			["false", false],
			["0", false],
		] as const) {
			assert.equal(read(`upgrade_outgoing_qos ${text}\n`).global.upgradeOutgoingQos, value);
		}
	});

	test("durations", () => {
		for (const [text, value] of [
			["90", 90],
			["90s", 90],
			["2h", 7200],
			["1d", 86_400],
			["1w", 604_800],
			["1m", 2_592_000],
			["1y", 31_536_000],
			["14d # two weeks", 1_209_600],
			["90 # seconds", 90],
		] as const) {
			const config = read(`persistent_client_expiration ${text}\n`);
			assert.equal(config.global.persistentClientExpiration, value);
		}
	});

	test("accept_protocol_versions: levels in any order and separation", () => {
		for (const [text, levels] of [
			["5, 4,3", "3,4,5"],
			["5", "5"],
			["4\t3 4", "3,4"],
		]) {
			const { listeners } = read(`listener 1\naccept_protocol_versions ${text}\n`);
			assert.equal(listeners[0]?.acceptProtocolVersions, levels);
		}
		assert.equal(
			errorAt("listener 1\naccept_protocol_versions 3.1 0\n", 2),
			"Error: Invalid 'accept_protocol_versions' value (3.1).",
		);
		const { listeners, remarks } = read("listener 1\naccept_protocol_versions 4,3.1\n");
		assert.equal(listeners[0]?.acceptProtocolVersions, "4");
		assert.deepEqual(remarks, [
			{ type: "warning", text: "Warning: Invalid 'accept_protocol_versions' value (3.1)." },
		]);
	});

	test("mount_point: runs to the end of the line, without wildcards", () => {
		assert.equal(read("listener 1\nmount_point my house/\n").listeners[0]?.mountPoint, "my house/");
		for (const point of ["a/+/b", "#"]) {
			assert.equal(
				errorAt(`listener 1\nmount_point ${point}\n`, 2),
				`Error: Invalid 'mount_point' value (${point}). Does it contain a wildcard character?`,
			);
		}
	});

	test("global limits", () => {
		const { global } = read("global_max_clients 5\nglobal_max_connections -1\nretain_expiry_interval 7\n");
		assert.deepEqual(
			[global.globalMaxClients, global.globalMaxConnections, global.retainExpiryInterval],
			[5, null, 7],
		);
		assert.equal(errorAt("retain_expiry_interval 0\n", 1), "Error: retain_expiry_interval must be >= 1.");
		const capped = read("retain_expiry_interval 10000001\n");
		assert.equal(capped.global.retainExpiryInterval, 10_000_000);
		assert.deepEqual(capped.remarks, [
			{ type: "warning", text: "Warning: retain_expiry_interval being capped at 19 years." },
		]);
	});

	test("negative limits stand for none", () => {
		const { global, listeners } = read(
			"max_queued_bytes -5\nmax_inflight_messages -1\nlistener 1\nmax_connections -7\n",
		);
		assert.equal(global.maxQueuedBytes, 0);
		assert.equal(global.maxInflightMessages, 0);
		assert.equal(listeners[0]?.maxConnections, null);
	});
});

describe("repeated options", () => {
	test("the last value counts, but of some there may be one only", () => {
		assert.equal(read("max_keepalive 1\nmax_keepalive 2\n").global.maxKeepalive, 2);
		assert.equal(read("user a\nuser b\n").global.user, "b");
		assert.equal(
			errorAt("pid_file /a\npid_file /b\n", 2),
			"Error: Duplicate 'pid_file' value in configuration.",
		);
		const twice = "bind_address ::1\nbind_address ::1\n";
		assert.equal(
			errorAt(twice, 2),
			"Error: Duplicate 'default listener bind_address' value in configuration.",
		);
	});

	test("listener_auto_id_prefix: once for each listener", () => {
		const { listeners } = read(
			"listener 1\nlistener_auto_id_prefix a\nlistener 2\nlistener_auto_id_prefix b\n",
		);
		assert.deepEqual(
			listeners.map((listener) => listener.autoIdPrefix),
			["a", "b"],
		);
	});

	test("log_type and log_dest add up; none begins anew", () => {
		assert.deepEqual(read("").global.logTypes, ["error", "warning", "notice", "information"]);
		assert.deepEqual(read("log_type debug\nlog_type error\n").global.logTypes, ["error", "debug"]);
		assert.deepEqual(read("log_type all\nlog_type none\n").global.logTypes, []);
		assert.equal(read("log_type all\n").global.logTypes.length, 8);
		assert.deepEqual(read("").global.logDestinations, [{ kind: "stderr" }]);
		assert.deepEqual(
			read("log_dest stdout\nlog_dest file  /var/log/a b\nlog_dest stdout\n").global.logDestinations,
			[{ kind: "stdout" }, { kind: "file", path: "/var/log/a b" }],
		);
		assert.deepEqual(read("log_dest topic\nlog_dest stderr\n").global.logDestinations, [
			{ kind: "topic" },
			{ kind: "stderr" },
		]);
		assert.deepEqual(read("log_dest stdout\nlog_dest none\n").global.logDestinations, []);
		assert.equal(errorAt("log_dest file a\nlog_dest file b\n", 2), 'Error: Duplicate "log_dest file" value.');
	});
});

describe("listeners", () => {
	test("none: local only", () => {
		const config = read("max_keepalive 60\n");
		assert.equal(config.localOnly, true);
		assert.deepEqual(config.listeners, []);
		assert.deepEqual(config.localListener.place, { kind: "tcp", port: 1883, host: null });
	});

	test("options belong to the listener before them", () => {
		const { listeners, localOnly } = read(
			[
				"listener 1883",
				"max_qos 1",
				"listener 1884 192.168.1.1",
				"maximum_qos 0",
				"max_topic_alias 3",
				"socket_domain ipv4",
				"listener 0 /run/mqtt.sock",
				"listener_allow_anonymous true",
				"listener auto ::1 # here",
			].join("\n"),
		);
		assert.equal(localOnly, false);
		assert.deepEqual(
			listeners.map(({ place, maxQos, maxTopicAlias, allowAnonymous, socketDomain }) => [
				place,
				maxQos,
				maxTopicAlias,
				allowAnonymous,
				socketDomain,
			]),
			[
				[{ kind: "tcp", port: 1883, host: null }, 1, 10, null, null],
				[{ kind: "tcp", port: 1884, host: "192.168.1.1" }, 0, 3, null, "ipv4"],
				[{ kind: "unix", path: "/run/mqtt.sock" }, 2, 10, true, null],
				[{ kind: "tcp", port: "auto", host: "::1" }, 2, 10, null, null],
			],
		);
	});

	test("port and bind_address make the default listener, whichever comes first", () => {
		for (const text of ["port 1884\nbind_address ::1\n", "bind_address ::1\nport 1884\n"]) {
			const { listeners, localOnly, remarks } = read(text);
			assert.equal(localOnly, false);
			assert.deepEqual(
				listeners.map((listener) => listener.place),
				[{ kind: "tcp", port: 1884, host: "::1" }],
			);
			assert.ok(
				remarks.some((remark) => /'port' option is now deprecated.*Please use 'listener'/.test(remark.text)),
			);
		}
	});

	test("an option without a listener makes the default listener, which stays local", () => {
		const { localOnly, localListener, listeners } = read("max_connections 5\n");
		assert.deepEqual([localOnly, listeners.length, localListener.maxConnections], [true, 0, 5]);
	});

	test("per_listener_settings: security options belong to listeners", () => {
		const start = "per_listener_settings true\n";
		const { listeners, global } = read(
			`${start}listener 1\nallow_anonymous true\nlistener 2\nallow_anonymous false\n`,
		);
		assert.deepEqual(
			listeners.map((listener) => listener.allowAnonymous),
			[true, false],
		);
		assert.equal(global.allowAnonymous, null);
		assert.equal(
			errorAt(`${start}allow_anonymous true\n`, 2),
			"Error: The 'allow_anonymous' option requires a listener to be defined first.",
		);
		assert.equal(
			errorAt("allow_anonymous true\nper_listener_settings true\n", 2),
			"Error: per_listener_settings must be set before any other security settings.",
		);
		assert.deepEqual(
			read(`${start}listener 1\nallow_anonymous true\nlistener 2\nallow_anonymous true\n`)
				.remarks.map(({ text }) => text)
				.filter((text) => text.startsWith("You")),
			[
				"You are using the 'allow_anonymous' option with 'per_listener_settings true'. Please replace this with 'listener_allow_anonymous'.",
			],
		);
		const off = read("allow_anonymous true\nper_listener_settings false\nlistener 1\n");
		assert.deepEqual([off.global.allowAnonymous, off.listeners[0]?.allowAnonymous], [true, null]);
	});
});

describe("what is not honoured", () => {
	test("what has no effect is accepted with a warning, once; asking for the default says nothing", () => {
		const texts = read("packet_buffer_size 1\npacket_buffer_size 2\n").remarks.map((each) => each.text);
		assert.deepEqual(texts, [
			"Warning: The 'packet_buffer_size' option has no effect: buffers grow as needed.",
		]);
		assert.deepEqual(read("packet_buffer_size 4096\nsys_interval 10\n").remarks, []);
	});

	test("what protects is refused, unless it asks for what holds anyway", () => {
		const error = errorAt("listener 1\nuse_username_as_clientid true\n", 2);
		assert.match(
			error ?? "",
			/^Error: The 'use_username_as_clientid' option cannot be used: this build keeps the names/,
		);
		assert.equal(read("listener 1\nuse_username_as_clientid false\nprotocol mqtt\n").listeners.length, 1);
	});

	test("options of old are passed over in mosquitto's words", () => {
		assert.deepEqual(
			read("retry_interval 20\ndhparamfile x\nlog_dest dlt\n").remarks.map((each) => each.text),
			[
				"Warning: The 'retry_interval' option is no longer available.",
				"Warning: dhparamfile is no longer required.",
				"Warning: 'log_dest dlt' has no effect: DLT is not supported.",
			],
		);
	});
});

describe("files", () => {
	test("include_dir reads .conf files by letter, upper case first, and names them in errors", () => {
		const names = ["b.conf", "A.conf", "01.conf", "a.conf", "B.conf", "00.conf", "c.conf.bak"];
		const files = Object.fromEntries(names.map((name, i) => [`/conf.d/${name}`, `max_keepalive ${i}\n`]));
		const config = read("include_dir /conf.d\n", files);
		assert.deepEqual(
			config.remarks.map((remark) => remark.text),
			["00", "01", "A", "a", "B", "b"].map((name) => `Loading config file '/conf.d/${name}.conf'`),
		);
		assert.equal(config.global.maxKeepalive, names.indexOf("b.conf"));
		assert.deepEqual(errorOf("\ninclude_dir /conf.d\n", { "/conf.d/x.conf": "\n\nnonsense\n" }), [
			"Error: Unknown configuration variable 'nonsense'.",
			"Error found at /conf.d/x.conf:3.",
			`Error found at ${FILE}:2.`,
		]);
	});

	test("an included file begins without a listener, and includes nothing itself", () => {
		const lines = errorOf("listener 1\ninclude_dir /d\n", { "/d/x.conf": "max_topic_alias 1\n" });
		assert.match(lines[0] ?? "", /requires a listener/);
		const nested = errorOf("include_dir /d\n", { "/d/x.conf": "include_dir /e\n" });
		assert.equal(nested[0], "Error: The include_dir option is only valid in the main configuration file.");
	});

	test("missing files, directories, and files beyond all measure", () => {
		const host = createFakeHost();
		host.files.put("/dir/file", "");
		host.files.put("/huge", new Uint8Array(4 * 1024 * 1024 + 1));
		const fails = (path: string) => {
			try {
				readConfig(host, [path]);
			} catch (error) {
				return (error as ConfigError).lines;
			}
			return assert.fail(`${path} was read`);
		};
		assert.deepEqual(fails("/none"), [
			"Error: Unable to open config file '/none' (No such file or directory).",
		]);
		assert.deepEqual(fails("/dir"), ["Error: Config file '/dir' is a directory."]);
		assert.deepEqual(fails("/huge"), ["Error: Unable to open config file '/huge' (File too large)."]);
	});

	test("several files make one configuration", () => {
		const host = createFakeHost();
		host.files.put("/a", "max_keepalive 1\nmax_queued_messages 1\n");
		host.files.put("/b", "max_keepalive 2\nlistener 1\n");
		const { global, listeners } = readConfig(host, ["/a", "/b"]);
		assert.deepEqual([global.maxKeepalive, global.maxQueuedMessages, listeners.length], [2, 1, 1]);
	});
});
