/**
 * What every client finds retained below `$SYS/broker`: names, units and forms of mosquitto 2.1, as its manual and its sources
 * have them; and what is ours.
 */

export interface SysTopic {
	/** Full name. */
	readonly topic: string;
	/** What the value looks like, and counts. */
	readonly form: RegExp;
	readonly unit: "text" | "seconds" | "number" | "octets" | "a minute";
	/** Whether mosquitto has it; the others are documented in the README. */
	readonly isOurs: boolean;
}

/** Of all of them, as mosquitto publishes them. */
export const SYS_QOS = 2;

const RATES = ["1min", "5min", "15min"];
const COUNT = /^(0|[1-9]\d*)$/;
const FORMS: Readonly<Record<SysTopic["unit"], RegExp>> = {
	text: /^mqttd version \d/,
	seconds: /^(0|[1-9]\d*) seconds$/,
	number: COUNT,
	octets: COUNT,
	"a minute": /^(0|[1-9]\d*)\.\d\d$/,
};

/** mosquitto 2.1 counts these and keeps them to itself; earlier ones published some. */
const MQTT = "mqtt/";
const LIMITS = "limits/";
/** The same of what the store takes of the disk. */
const STORE = "store";
const OF_STORE = /^store\/(?:bytes|commits|size)/;

function each(prefix: string, names: readonly string[]): string[] {
	return names.map((name) => `${prefix}/${name}`);
}

const NAMES: readonly string[] = [
	"version",
	"uptime",
	...each("clients", ["total", "maximum", "connected", "active", "disconnected", "inactive", "expired"]),
	...each("load/messages/received", RATES),
	...each("load/messages/sent", RATES),
	...each("load/publish/received", RATES),
	...each("load/publish/sent", RATES),
	...each("load/publish/dropped", RATES),
	...each("load/bytes/received", RATES),
	...each("load/bytes/sent", RATES),
	...each("load/connections", RATES),
	...each("load/sockets", RATES),
	...each("messages", ["received", "sent", "stored"]),
	...each("store/messages", ["count", "bytes"]),
	...each(STORE, ["bytes/today", "bytes/total", "commits", "size"]),
	...each("bytes", ["received", "sent"]),
	"subscriptions/count",
	"shared_subscriptions/count",
	"retained messages/count",
	...each("heap", ["current", "maximum"]),
	...each("publish/messages", ["received", "sent", "dropped"]),
	...each("publish/bytes", ["received", "sent"]),
	...each("packet/out", ["count", "bytes"]),
	"connections/socket/count",
	"mqtt/connect/received",
	"mqtt/connack/sent",
	...each("mqtt/publish", ["received", "sent", "dropped"]),
	...each("mqtt/puback", ["received", "sent"]),
	...each("mqtt/pubrec", ["received", "sent"]),
	...each("mqtt/pubrel", ["received", "sent"]),
	...each("mqtt/pubcomp", ["received", "sent"]),
	"mqtt/subscribe/received",
	"mqtt/suback/sent",
	"mqtt/unsubscribe/received",
	"mqtt/unsuback/sent",
	"mqtt/pingreq/received",
	"mqtt/pingresp/sent",
	...each("mqtt/disconnect", ["received", "sent"]),
	...each("mqtt/auth", ["received", "sent"]),
	...each("limits", [
		"allow_zero_length_clientid",
		"connect_timeout",
		"global_max_clients",
		"global_max_connections",
		"max_connections",
		"max_inflight_messages",
		"max_keepalive",
		"max_packet_size",
		"max_qos",
		"max_queued_bytes",
		"max_queued_messages",
		"max_store_size",
		"max_topic_alias",
		"memory_limit",
		"persistence",
		"message_size_limit",
		"retain_available",
		"subscriptions",
		"tls_handshakes",
		"topic_levels",
		"waiting_connections",
	]),
];

function unitOf(name: string): SysTopic["unit"] {
	if (name === "version") return "text";
	if (name === "uptime") return "seconds";
	if (name.startsWith("load/")) return "a minute";
	return /bytes|^heap|^store\/size/.test(name) ? "octets" : "number";
}

/** By name. */
export const SYS_TABLE: readonly SysTopic[] = [...NAMES].sort().map((name) => ({
	topic: `$SYS/broker/${name}`,
	unit: unitOf(name),
	form: FORMS[unitOf(name)],
	isOurs: name.startsWith(MQTT) || name.startsWith(LIMITS) || OF_STORE.test(name),
}));

/** Full names, sorted. */
export const SYS_TOPIC_NAMES: readonly string[] = SYS_TABLE.map(({ topic }) => topic);
