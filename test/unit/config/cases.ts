/**
 * One case for every option of the table: values with what they give, values that are refused, and where the broker is seen
 * to act on it. An option without a case fails in every.test.ts, and so does one that becomes honoured and is shown nowhere.
 */

import type { BrokerConfig } from "../../../src/config/config.ts";
import type { UbusEvent } from "../../../src/config/ubus-event.ts";

export interface OptionCase {
	/** Values as written, with what they give: in the option's field, or for an option without one as `gives` tells. */
	readonly takes: readonly (readonly [written: string, value: unknown])[];
	/** Values that are refused, with the error; NAME stands for the name as written. */
	readonly wrong: readonly (readonly [written: string, error: string])[];
	readonly gives?: (config: BrokerConfig) => unknown;
	/** Lines that must stand before it for the broker's sake. */
	readonly before?: string;
	/** The test below test/ in which the broker, not the reader alone, is seen to act on it. For an honoured option. */
	readonly shown?: string;
}

type More = Partial<OptionCase>;

const EMPTY = ["", "Error: Empty 'NAME' value in configuration."] as const;
const NO_NUMBER = ["x", "Error: 'NAME' value not a number."] as const;
const BIG = ["2147483648", "Error: 'NAME' value out of range."] as const;

function boolean(more: More = {}): OptionCase {
	return {
		takes: [
			["true", true],
			["1", true],
			["false", false],
			["0", false],
		],
		wrong: [EMPTY, ["yes", "Error: Invalid 'NAME' value (yes)."]],
		...more,
	};
}

function number(value: number, outside: OptionCase["wrong"], more: More = {}): OptionCase {
	return { takes: [[String(value), value]], wrong: [EMPTY, NO_NUMBER, ...outside], ...more };
}

/** `-1` is none. */
function limit(more: More = {}): OptionCase {
	const takes = [
		["7", 7],
		["-1", null],
	] as const;
	return { takes, wrong: [EMPTY, NO_NUMBER, BIG], ...more };
}

function text(value: string, more: More = {}): OptionCase {
	return { takes: [[value, value]], wrong: [EMPTY], ...more };
}

function word(values: readonly string[], wrong: string, more: More = {}): OptionCase {
	return { takes: values.map((value) => [value, value]), wrong: [EMPTY, ["other", wrong]], ...more };
}

/** Networks, as a list. */
function networks(name: string): OptionCase {
	return {
		takes: [
			["192.168.1.0/24", ["192.168.1.0/24"]],
			["::1 10.0.0.1", ["::1", "10.0.0.1"]],
		],
		wrong: [
			EMPTY,
			["host", `Error: Invalid '${name}' value (host).`],
			["::/129", `Error: Invalid '${name}' value (::/129).`],
		],
		...WEB,
	};
}

function event(
	direction: UbusEvent["direction"],
	name: string,
	topic: string,
	qos: UbusEvent["qos"],
	retain: boolean,
): UbusEvent {
	return { direction, event: name, topic, qos, retain };
}

/** Nothing is looked at. */
const ANYTHING: OptionCase = { takes: [["x", "x"]], wrong: [] };

function wires(file: string): More {
	return { shown: `vectors/broker/${file}.json` };
}

const TLS: More = { shown: "system/tls.test.ts" };
const WEB: More = { shown: "system/websocket.test.ts" };
const STORE: More = { shown: "unit/bin/reload-cases.ts" };
const SYSTEM: More = { shown: "system/options.test.ts" };
const ACCESS: More = { shown: "system/access.test.ts" };
const CLI: More = { shown: "system/broker-cli.test.ts" };
const PLUGINS = "unit/config/plugins.test.ts";

const tooMany = (name: string): OptionCase["wrong"] => [
	["65536", `Error: Invalid '${name}' value in configuration.`],
	["-1", `Error: Invalid '${name}' value in configuration.`],
];

const prefix = (error: string, more: More): OptionCase => ({
	takes: [["dev-", "dev-"]],
	wrong: [EMPTY, ["x".repeat(51), error]],
	...more,
});

const SPARKPLUG = "plugin /usr/lib/mosquitto_sparkplug_aware.so";
const plugins = ({ plugins: found }: BrokerConfig) => found.map(({ builtIn }) => builtIn.name);

const BROKER: Readonly<Record<string, OptionCase>> = {
	allow_anonymous: boolean({ shown: "system/reload.test.ts" }),
	allow_zero_length_clientid: boolean(wires("connect")),
	auto_id_prefix: prefix("Error: auto_id_prefix length must be <= 50.", wires("connect")),
	acl_file: text("/etc/mosquitto/acl", ACCESS),
	password_file: text("/etc/mosquitto/passwd", ACCESS),
	psk_file: text("/etc/mosquitto/psk", TLS),
	clientid_prefixes: text("secure-", wires("connect")),
	check_retain_source: boolean({ shown: "unit/broker/access.test.ts" }),
	per_listener_settings: boolean({ gives: ({ global }) => global.perListenerSettings, ...SYSTEM }),
	enable_control_api: boolean({ shown: "unit/bin/dynsec.test.ts" }),
	plugin: {
		takes: [["/usr/lib/mosquitto_sparkplug_aware.so", ["mosquitto_sparkplug_aware"]]],
		wrong: [EMPTY],
		gives: plugins,
		shown: "unit/bin/mqttd.test.ts",
	},
	global_plugin: {
		takes: [["mosquitto_sparkplug_aware.so", ["mosquitto_sparkplug_aware"]]],
		wrong: [EMPTY],
		gives: plugins,
		shown: "system/wire.test.ts",
	},
	plugin_load: {
		takes: [["s mosquitto_sparkplug_aware.so", ["mosquitto_sparkplug_aware"]]],
		wrong: [EMPTY, ["s", "Error: Empty 'NAME' value in configuration."]],
		gives: plugins,
		shown: "unit/bin/mqttd.test.ts",
	},
	plugin_use: {
		takes: [["s", ["mosquitto_sparkplug_aware"]]],
		wrong: [EMPTY],
		before: "plugin_load s mosquitto_sparkplug_aware.so",
		gives: plugins,
		shown: "unit/bin/mqttd.test.ts",
	},
	"plugin_opt_*": { ...ANYTHING, shown: PLUGINS },
	"auth_opt_*": { ...ANYTHING, shown: PLUGINS },
	auth_plugin_deny_special_chars: boolean({ before: SPARKPLUG }),

	max_inflight_bytes: number(100, [], wires("limits")),
	max_inflight_messages: number(
		7,
		[["65536", "Error: 'max_inflight_messages' must be <= 65535."]],
		wires("flow-control"),
	),
	max_keepalive: number(
		60,
		[
			["65536", "Error: Invalid 'max_keepalive' value (65536)."],
			["-1", "Error: Invalid 'max_keepalive' value (-1)."],
		],
		wires("keep-alive"),
	),
	max_packet_size: number(20, [["19", "Error: 'max_packet_size' must be >= 20."]], wires("limits")),
	max_queued_bytes: number(1000, [], wires("limits")),
	max_queued_messages: number(5, [BIG], wires("session")),
	message_size_limit: number(
		268_435_455,
		[["268435456", "Error: Invalid 'message_size_limit' value (268435456)."]],
		wires("limits"),
	),
	global_max_clients: limit(wires("listener")),
	global_max_connections: limit(wires("listener")),
	memory_limit: number(1_000_000, [["-1", "Error: Invalid 'memory_limit' value (-1)."]], {
		shown: "unit/broker/limits.test.ts",
	}),
	packet_buffer_size: number(1000, [
		["65536", "Error: Packet buffer size must be between 0 and 65535 inclusive."],
	]),

	persistent_client_expiration: {
		takes: [
			["2h", 7200],
			["30", 30],
		],
		wrong: [
			EMPTY,
			["5x", "Error: Invalid 'persistent_client_expiration' duration in configuration."],
			["0d", "Error: Invalid 'persistent_client_expiration' duration in configuration."],
		],
		...wires("session"),
	},
	queue_qos0_messages: boolean(wires("session")),
	retain_available: boolean(wires("retained")),
	upgrade_outgoing_qos: boolean(wires("publish-qos1")),
	allow_duplicate_messages: boolean(),
	retain_expiry_interval: number(5, [["0", "Error: retain_expiry_interval must be >= 1."]], {
		shown: "unit/broker/limits.test.ts",
	}),
	sys_interval: number(
		0,
		[
			["65536", "Error: Invalid 'sys_interval' value (65536)."],
			["-1", "Error: Invalid 'sys_interval' value (-1)."],
		],
		wires("sys"),
	),

	persistence: boolean(STORE),
	persistence_file: text("mosquitto.db", STORE),
	persistence_location: text("/var/lib/mosquitto/", STORE),
	durability: word(["sync", "lazy", "ram"], "Error: Invalid 'NAME' value (other).", STORE),
	persist_topic: {
		takes: [
			["a/+/# sync", [{ topicFilter: "a/+/#", durability: "sync" }]],
			["with space  ram", [{ topicFilter: "with space", durability: "ram" }]],
		],
		wrong: [
			EMPTY,
			["a/#", "Error: Invalid 'NAME' value (a/#)."],
			["sync", "Error: Invalid 'NAME' value (sync)."],
			["a#/b lazy", "Error: Invalid 'NAME' value (a#/b lazy)."],
			["#/b lazy", "Error: Invalid 'NAME' value (#/b lazy)."],
		],
		...STORE,
	},
	persist_interval: number(5, [["0", "Error: Invalid 'NAME' value (0)."]], STORE),
	persist_octets: number(0, [["-1", "Error: Invalid 'NAME' value (-1)."]], STORE),
	autosave_interval: number(60, [BIG], STORE),
	autosave_on_changes: boolean(STORE),
	max_store_size: number(5_000_000_000, [["-1", "Error: Invalid 'NAME' value (-1)."]], STORE),
	persist_daily_budget: number(1, [["-1", "Error: Invalid 'NAME' value (-1)."]], STORE),

	connection_messages: boolean(SYSTEM),
	log_dest: {
		takes: [
			["stdout", [{ kind: "stdout" }]],
			["stderr", [{ kind: "stderr" }]],
			["syslog", [{ kind: "syslog" }]],
			["topic", [{ kind: "topic" }]],
			["file /var/log/m q.log", [{ kind: "file", path: "/var/log/m q.log" }]],
			["none", []],
		],
		wrong: [
			EMPTY,
			["paper", "Error: Invalid 'log_dest' value (paper)."],
			["file", 'Error: Empty "log_dest file" value in configuration.'],
		],
		gives: ({ global }) => global.logDestinations,
		...CLI,
	},
	log_facility: {
		takes: [
			["0", "local0"],
			["7", "local7"],
		],
		wrong: [EMPTY, NO_NUMBER, ["8", "Error: Invalid 'log_facility' value (8)."]],
		shown: "unit/bin/mqttd.test.ts",
	},
	log_timestamp: boolean(CLI),
	log_timestamp_format: text("%Y-%m-%dT%H:%M:%S", CLI),
	log_type: {
		takes: [
			["error", ["error"]],
			["websockets", ["websockets"]],
			["none", []],
			["internal", []],
		],
		wrong: [EMPTY, ["loud", "Error: Invalid 'log_type' value (loud)."]],
		gives: ({ global }) => global.logTypes,
		...CLI,
	},
	websockets_log_level: number(255, [BIG]),

	include_dir: {
		takes: [["/conf.d", 77]],
		wrong: [EMPTY, ["/none", "Error: Unable to open include_dir '/none' (No such file or directory)."]],
		gives: ({ global }) => global.maxKeepalive,
		shown: "system/mosquitto-conf.test.ts",
	},
	pid_file: text("/var/run/mosquitto.pid", { shown: "system/mosquitto-conf.test.ts" }),
	set_tcp_nodelay: boolean({ shown: "unit/bin/mqttd.test.ts" }),
	ubus: {
		takes: [
			["auto", "auto"],
			["true", true],
			["0", false],
			["/tmp/ubus.sock", "/tmp/ubus.sock"],
		],
		wrong: [EMPTY, ["ubus.sock", "Error: Invalid 'NAME' value (ubus.sock)."]],
		shown: "unit/bin/ubus/service.test.ts",
	},
	ubus_event: {
		takes: [
			[
				"network.interface -> openwrt/network",
				[event("publish", "network.interface", "openwrt/network", 0, false)],
			],
			["dhcp.* -> dhcp/%e qos 1 retain", [event("publish", "dhcp.*", "dhcp/%e", 1, true)]],
			["* -> ubus/%e", [event("publish", "*", "ubus/%e", 0, false)]],
			["light <- home/light  retain ", [event("send", "light", "home/light", 0, true)]],
		],
		wrong: [
			EMPTY,
			["a", "Error: Invalid 'NAME' value (a)."],
			["a => b", "Error: Invalid 'NAME' value (a => b)."],
			["a -> +/b", "Error: Invalid 'NAME' value (+/b)."],
			["a ->", "Error: Invalid 'NAME' value ()."],
			["a*b -> c", "Error: Invalid 'NAME' value (a*b)."],
			["a.* -> c", "Error: Invalid 'NAME' value (c)."],
			["a -> $SYS/a", "Error: Invalid 'NAME' value ($SYS/a)."],
			["a* <- b", "Error: Invalid 'NAME' value (a*)."],
			["ubus.object.add <- b", "Error: Invalid 'NAME' value (ubus.object.add)."],
			["a <- b qos 1", "Error: Invalid 'NAME' value (qos 1)."],
			["a -> b qos 3", "Error: Invalid 'NAME' value (qos 3)."],
			["a -> b retained", "Error: Invalid 'NAME' value (retained)."],
		],
		shown: "unit/bin/ubus/relay.test.ts",
	},
	user: text("mosquitto", { shown: "unit/bin/mqttd.test.ts" }),

	dhparamfile: ANYTHING,
	ffdc_output: ANYTHING,
	max_log_entries: ANYTHING,
	retry_interval: ANYTHING,
	store_clean_interval: ANYTHING,
	trace_level: ANYTHING,
	trace_output: ANYTHING,
};

const CERTIFICATE = "certfile /etc/cert.pem\nkeyfile /etc/key.pem";

const LISTENER: Readonly<Record<string, OptionCase>> = {
	listener: {
		takes: [
			["1884", { kind: "tcp", port: 1884, host: null }],
			["1884 ::1", { kind: "tcp", port: 1884, host: "::1" }],
			["auto 127.0.0.1 # ours", { kind: "tcp", port: "auto", host: "127.0.0.1" }],
			["0 /run/mqtt.sock", { kind: "unix", path: "/run/mqtt.sock" }],
		],
		wrong: [
			["", "Error: Empty 'listener port' value in configuration."],
			["x", "Error: 'listener port' value not a number."],
			["65536", "Error: Invalid 'port' value (65536)."],
			["0", "Error: A listener with port 0 must provide a Unix socket path."],
			["0 run/s", "Error: The Unix socket path 'run/s' must begin with '/'."],
		],
		gives: ({ listeners }) => listeners[0]?.place,
		shown: "system/reload.test.ts",
	},
	port: {
		takes: [
			["1884", 1884],
			["auto", "auto"],
		],
		wrong: [EMPTY, NO_NUMBER, ["0", "Error: Invalid 'port' value (0)."]],
		gives: ({ listeners }) => listeners[0]?.place.kind === "tcp" && listeners[0].place.port,
		...SYSTEM,
	},
	bind_address: {
		takes: [["127.0.0.1", { kind: "tcp", port: 1883, host: "127.0.0.1" }]],
		wrong: [EMPTY],
		gives: ({ listeners }) => listeners[0]?.place,
		...SYSTEM,
	},
	bind_interface: text("lo", { shown: "unit/bin/mqttd.test.ts" }),
	interface: text("lan", { shown: "unit/bin/networks.test.ts" }),
	no_remote_access: boolean({ shown: "unit/bin/mqttd.test.ts" }),
	socket_domain: word(["ipv4", "ipv6"], "Error: Invalid 'socket_domain' value 'other' in configuration.", {
		shown: "system/reload.test.ts",
	}),
	protocol: word(["mqtt", "websockets", "http_api", "auto"], "Error: Invalid 'protocol' value (other).", WEB),
	accept_protocol_versions: {
		takes: [
			["5", "5"],
			["4, 3", "3,4"],
		],
		wrong: [EMPTY, ["6", "Error: Invalid 'accept_protocol_versions' value (6)."]],
		...wires("listener"),
	},
	listener_allow_anonymous: boolean(SYSTEM),
	listener_auto_id_prefix: prefix("Error: 'listener_auto_id_prefix' length must be <= 50.", SYSTEM),
	max_connections: limit(wires("limits")),
	max_qos: number(
		1,
		[
			["3", "Error: 'max_qos' must be between 0 and 2 inclusive."],
			["-1", "Error: 'max_qos' must be between 0 and 2 inclusive."],
		],
		wires("limits"),
	),
	max_topic_alias: number(3, tooMany("max_topic_alias"), wires("topic-alias")),
	max_topic_alias_broker: number(3, tooMany("max_topic_alias_broker"), wires("topic-alias")),
	mount_point: text("my house/", {
		wrong: [
			EMPTY,
			["a/+", "Error: Invalid 'mount_point' value (a/+). Does it contain a wildcard character?"],
		],
		...wires("listener"),
	}),
	use_username_as_clientid: boolean(),

	enable_proxy_protocol: number(2, [["3", "Error: enable_proxy_protocol must be 1 or 2."]], WEB),
	proxy_protocol_v2_require_tls: boolean(WEB),
	trusted_proxy: networks("trusted_proxy"),
	allow_source: networks("allow_source"),
	deny_source: networks("deny_source"),
	http_dir: text("/www", WEB),
	websockets_origin: {
		takes: [["http://example.com:8080", ["http://example.com:8080"]]],
		wrong: [EMPTY],
		...WEB,
	},
	unix_socket_mode: {
		takes: [
			["0660", 0o660],
			["777", 0o777],
		],
		wrong: [EMPTY, ["888", "Error: Invalid 'NAME' value (888)."], ["6", "Error: Invalid 'NAME' value (6)."]],
		...WEB,
	},
	unix_socket_owner: {
		takes: [
			["mosquitto", { user: "mosquitto", group: null }],
			["root:dialout", { user: "root", group: "dialout" }],
		],
		wrong: [EMPTY, [":group", "Error: Invalid 'NAME' value (:group)."]],
		...WEB,
	},

	cafile: text("/etc/ca.pem", { before: CERTIFICATE, ...TLS }),
	capath: text("/etc/ca", { before: CERTIFICATE, ...TLS }),
	certfile: text("/etc/cert.pem", { before: "keyfile /etc/key.pem", ...TLS }),
	keyfile: text("/etc/key.pem", { before: "certfile /etc/cert.pem", ...TLS }),
	crlfile: text("/etc/crl.pem", TLS),
	ciphers: text("ECDHE-RSA-AES128-GCM-SHA256", TLS),
	"ciphers_tls1.3": text("TLS_AES_128_GCM_SHA256", TLS),
	tls_version: word(["tlsv1.2", "tlsv1.3"], "Error: Invalid 'NAME' value (other).", TLS),
	tls_engine: text("dynamic"),
	tls_engine_kpass_sha1: text("da39a3ee5e6b4b0d3255bfef95601890afd80709"),
	tls_keyform: text("engine"),
	psk_hint: text("hint", TLS),
	require_certificate: boolean(TLS),
	disable_client_cert_date_checks: boolean(TLS),
	use_identity_as_username: boolean(TLS),
	use_subject_as_username: boolean(TLS),
};

const BRIDGE: Readonly<Record<string, OptionCase>> = {
	connection: text("to-the-cloud"),
	address: {
		takes: [
			["other", [{ host: "other", port: 1883 }]],
			[
				"::1:1884  other:8883 # both",
				[
					{ host: "::1", port: 1884 },
					{ host: "other", port: 8883 },
				],
			],
		],
		wrong: [
			["", "Error: Empty address value in configuration."],
			["# none", "Error: Empty address value in configuration."],
			["other:0", "Error: Invalid bridge port value (0)."],
			["other:65536", "Error: Invalid bridge port value (65536)."],
		],
	},
	bridge_alpn: text("mqtt"),
	bridge_attempt_unsubscribe: boolean(),
	bridge_bind_address: text("192.168.1.10"),
	bridge_cafile: text("/etc/ca.pem"),
	bridge_capath: text("/etc/ca"),
	bridge_certfile: text("/etc/cert.pem"),
	bridge_ciphers: text("ECDHE-RSA-AES128-GCM-SHA256"),
	"bridge_ciphers_tls1.3": text("TLS_AES_128_GCM_SHA256"),
	bridge_identity: text("me"),
	bridge_insecure: boolean(),
	bridge_keyfile: text("/etc/key.pem"),
	bridge_max_packet_size: number(100, []),
	bridge_max_topic_alias: number(5, [
		["65536", "Error: bridge_max_topic_alias must be > 0 and <= 65535."],
		["-1", "Error: bridge_max_topic_alias must be > 0 and <= 65535."],
	]),
	bridge_outgoing_retain: boolean(),
	bridge_protocol_version: word(
		["mqttv31", "mqttv311", "mqttv50"],
		"Error: Invalid 'bridge_protocol_version' value (other).",
	),
	bridge_psk: text("1234"),
	bridge_receive_maximum: number(5, [
		["0", "Error: bridge_receive_maximum must be greater than 0."],
		["65536", "Error: bridge_receive_maximum must be lower than 65535."],
	]),
	bridge_reload_type: word(
		["lazy", "immediate"],
		"Error: Invalid 'bridge_reload_type' value in configuration (other).",
	),
	bridge_require_ocsp: boolean(),
	bridge_session_expiry_interval: number(60, [
		["-1", "Error: bridge_session_expiry_interval must not be negative."],
	]),
	bridge_tcp_keepalive: {
		takes: [["60 10 3", { idle: 60, interval: 10, counter: 3 }]],
		wrong: [
			["", "Error: Empty 'bridge_tcp_keepalive_idle' value in configuration."],
			["1 2", "Error: Empty 'bridge_tcp_keepalive_counter' value in configuration."],
			["1 x 3", "Error: 'bridge_tcp_keepalive_interval' value not a number."],
			["0 1 1", "Error: invalid TCP keepalive idle value."],
			["1 -1 1", "Error: invalid TCP keepalive interval value."],
			["1 1 0", "Error: invalid TCP keepalive counter value."],
		],
	},
	bridge_tcp_user_timeout: number(500, [["-1", "Error: invalid TCP user timeout value."]]),
	bridge_tls_use_os_certs: boolean(),
	bridge_tls_version: text("tlsv1.2"),
	cleansession: boolean(),
	idle_timeout: number(10, [BIG]),
	keepalive_interval: number(30, [["65536", "Error: Bridge keepalive value too high."]]),
	local_cleansession: boolean(),
	local_clientid: text("me"),
	local_password: text("my secret"),
	local_username: text("my name"),
	notification_topic: text("state/me"),
	notifications: boolean(),
	notifications_local_only: boolean(),
	remote_clientid: text("me"),
	remote_password: text("my secret"),
	remote_username: text("my name"),
	restart_timeout: {
		takes: [
			["20", { base: 20, cap: 20, stable: 0 }],
			["0", { base: 1, cap: 1, stable: 0 }],
			["9999", { base: 3600, cap: 3600, stable: 0 }],
			["10 60", { base: 10, cap: 60, stable: 0 }],
			["10 9999 30", { base: 10, cap: 7200, stable: 30 }],
		],
		wrong: [
			EMPTY,
			["10 5", "Error: backoff cap is lower than the base in restart_timeout."],
			["10 60 -1", "Error: stable connection period cannot be negative."],
		],
	},
	round_robin: boolean(),
	start_type: word(
		["automatic", "lazy", "once"],
		"Error: Invalid 'start_type' value in configuration (other).",
	),
	threshold: number(5, [BIG]),
	topic: {
		takes: [
			["a/#", { filter: "a/#", direction: "out", qos: 0, localPrefix: "", remotePrefix: "" }],
			["# BOTH 2 l/ r/", { filter: "#", direction: "both", qos: 2, localPrefix: "l/", remotePrefix: "r/" }],
			['a in 1 "" r/', { filter: "a", direction: "in", qos: 1, localPrefix: "", remotePrefix: "r/" }],
			['"" in 0 l r', { filter: "", direction: "in", qos: 0, localPrefix: "l", remotePrefix: "r" }],
			['"a b/#" in # why', { filter: "a b/#", direction: "in", qos: 0, localPrefix: "", remotePrefix: "" }],
		],
		wrong: [
			EMPTY,
			['"a b', "Error: Missing closing quote in topic value (a b)."],
			["a up", "Error: Invalid bridge topic direction 'up'."],
			["a in 3", "Error: Invalid bridge QoS level '3'."],
		],
	},
	try_private: boolean(),
};

export const CASES: Readonly<Record<string, OptionCase>> = { ...BROKER, ...LISTENER, ...BRIDGE };
