/**
 * The topics of `$SYS/broker` that every client finds retained, as mosquitto 2.1's manual and sources have them; and
 * those of limits, which are ours.
 */

const RATES = ["1min", "5min", "15min"];

function each(prefix: string, names: readonly string[]): string[] {
	return names.map((name) => `${prefix}/${name}`);
}

/** Full names, sorted. */
export const SYS_TOPIC_NAMES: readonly string[] = [
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
		"max_topic_alias",
		"memory_limit",
		"message_size_limit",
		"retain_available",
		"subscriptions",
		"topic_levels",
	]),
]
	.map((name) => `$SYS/broker/${name}`)
	.sort();
