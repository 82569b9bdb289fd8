/** The option table, first part: options of the whole broker. */

import {
	deprecated,
	ignored,
	type Option,
	type OptionGroup,
	ofBroker,
	ofReader,
	ofSecurity,
} from "./option.ts";
import { PERSISTENCE_GROUP } from "./options-persistence.ts";
import { ubus, ubusEvents } from "./ubus-event.ts";
import {
	anything,
	boolean,
	duration,
	integer,
	limit,
	logDestination,
	logFacility,
	logType,
	namedPath,
	octets,
	text,
} from "./value.ts";

const ACCESS: readonly Option[] = [
	ofSecurity(
		"allow_anonymous",
		boolean,
		"allowAnonymous",
		null,
		"Whether clients may connect without a user name. Default: false; true when the broker listens on loopback only.",
		{ example: "true", ofListener: "listener_allow_anonymous" },
	),
	ofSecurity(
		"allow_zero_length_clientid",
		boolean,
		"allowZeroLengthClientId",
		true,
		"Whether clients may connect without a client identifier and be given one.",
	),
	ofSecurity(
		"auto_id_prefix",
		text(50, "Error: auto_id_prefix length must be <= 50."),
		"autoIdPrefix",
		null,
		"Begins the client identifiers that the broker makes; `auto-` by default.",
		{ note: deprecated("auto_id_prefix", "Please use 'listener_auto_id_prefix' instead."), once: true },
	),
	ofSecurity(
		"acl_file",
		text(),
		"aclFile",
		null,
		"File that says who may publish and subscribe to what; without it everybody may everything.",
		{ example: "/etc/mqttd/acl" },
	),
	ofSecurity("password_file", text(), "passwordFile", null, "File with user names and password hashes.", {
		example: "/etc/mqttd/passwd",
	}),
	ofSecurity(
		"psk_file",
		text(),
		"pskFile",
		null,
		"File with identities and pre-shared keys for TLS-PSK: `identity:key` in each line, the key in hexadecimal digits.",
		{ example: "/etc/mqttd/psk" },
	),
	ofBroker(
		"clientid_prefixes",
		text(),
		"clientIdPrefixes",
		null,
		"Beginning that client identifiers must have.",
		{ note: deprecated("clientid_prefixes", ""), example: "secure-" },
	),
	ofBroker(
		"check_retain_source",
		boolean,
		"checkRetainSource",
		true,
		"Whether access rights of a retained message's publisher are checked again before it is delivered.",
	),
	ofReader(
		"per_listener_settings",
		"global",
		boolean,
		"Whether allow_anonymous and other security options belong to the listener before them.",
		{
			note: deprecated(
				"per_listener_settings",
				"Please see the documentation for how to achieve the same effect.",
			),
		},
	),
	ofBroker(
		"enable_control_api",
		boolean,
		"enableControlApi",
		false,
		"Whether `$CONTROL/broker/v1` answers; give access to it to few.",
	),
];

const PLUGIN: readonly Option[] = [
	ofReader(
		"plugin",
		"security",
		text(),
		"Path of one of mosquitto's own plugins, of which only the file's name counts: they are built in, others cannot be loaded.",
		{ aliases: ["auth_plugin"], example: "/usr/lib/mosquitto_sparkplug_aware.so" },
	),
	ofReader(
		"global_plugin",
		"global",
		text(),
		"The same for all listeners, also with per_listener_settings.",
		{
			example: "/usr/lib/mosquitto_sparkplug_aware.so",
		},
	),
	ofReader(
		"plugin_load",
		"global",
		namedPath,
		"Name and path of a plugin for listeners that have plugin_use.",
		{
			example: "sparkplug /usr/lib/mosquitto_sparkplug_aware.so",
		},
	),
	ofReader("plugin_opt_*", "plugin", anything, "Option of the plugin."),
	ofReader("auth_opt_*", "plugin", anything, "The same, under its old name."),
	ignored(
		"auth_plugin_deny_special_chars",
		"plugin",
		boolean,
		true,
		"names with + or # match no pattern of an access control list anyway",
		"Whether names with + or # are refused before a plugin is asked.",
	),
];

const LIMITS: readonly Option[] = [
	ofBroker(
		"max_inflight_bytes",
		octets({ min: 0, below: 0 }),
		"maxInflightBytes",
		0,
		"Octets of QoS 1 and 2 payload in flight for each client; 0 is no limit.",
	),
	ofBroker(
		"max_inflight_messages",
		integer({ min: 0, below: 0, max: 65535, error: "Error: 'max_inflight_messages' must be <= 65535." }),
		"maxInflightMessages",
		20,
		"QoS 1 and 2 messages in flight for each client; 0 is no limit.",
	),
	ofBroker(
		"max_keepalive",
		integer({ min: 0, max: 65535 }),
		"maxKeepalive",
		0,
		"Longest keep alive of MQTT 5 clients in seconds; 0 is no limit.",
	),
	ofBroker(
		"max_packet_size",
		octets({ min: 20, error: "Error: 'max_packet_size' must be >= 20." }),
		"maxPacketSize",
		2_000_000,
		"Octets of the longest packet that is accepted.",
	),
	ofBroker(
		"max_queued_bytes",
		octets({ min: 0, below: 0 }),
		"maxQueuedBytes",
		0,
		"Octets of payload queued for each client; 0 is no limit.",
	),
	ofBroker(
		"max_queued_messages",
		integer({ min: 0, below: 0 }),
		"maxQueuedMessages",
		1000,
		"Messages queued for each client beyond those in flight; 0 is no limit.",
	),
	ofBroker(
		"message_size_limit",
		octets({ min: 0, max: 268_435_455 }),
		"messageSizeLimit",
		0,
		"Octets of the longest payload that is accepted; 0 is no limit.",
		{ note: "Note: It is recommended to replace `message_size_limit` with `max_packet_size`." },
	),
	ofBroker(
		"global_max_clients",
		limit,
		"globalMaxClients",
		null,
		"Clients, connected or with a session that waits for them, in all; -1 is no limit.",
	),
	ofBroker(
		"global_max_connections",
		limit,
		"globalMaxConnections",
		null,
		"Clients connected at once in all; -1 is no limit.",
	),
	ofBroker(
		"memory_limit",
		octets({ min: 0 }),
		"memoryLimit",
		0,
		"Octets of memory for clients and messages before more of them are refused; 0 is no limit.",
	),
	ignored(
		"packet_buffer_size",
		"global",
		integer({
			min: 0,
			max: 65535,
			error: "Error: Packet buffer size must be between 0 and 65535 inclusive.",
		}),
		4096,
		"buffers grow as needed",
		"Octets of the buffer for incoming packets.",
		{ aliases: ["websockets_headers_size"] },
	),
];

const MESSAGES: readonly Option[] = [
	ofBroker(
		"persistent_client_expiration",
		duration,
		"persistentClientExpiration",
		null,
		"Time (h, d, w, m, y) after which the session of a client that is away ends. Default: never.",
		{ example: "14d" },
	),
	ofBroker(
		"queue_qos0_messages",
		boolean,
		"queueQos0Messages",
		false,
		"Whether QoS 0 messages are queued for clients that are away.",
	),
	ofBroker("retain_available", boolean, "retainAvailable", true, "Whether retained messages are supported."),
	ofBroker(
		"upgrade_outgoing_qos",
		boolean,
		"upgradeOutgoingQos",
		false,
		"Whether a subscription's QoS is used even where the message's is lower.",
	),
	ignored(
		"allow_duplicate_messages",
		"global",
		boolean,
		true,
		"a subscriber gets a message once for overlapping subscriptions",
		"Whether overlapping subscriptions may deliver a message more than once.",
		{ note: deprecated("allow_duplicate_messages", "The behaviour will default to true.") },
	),
	ofBroker(
		"retain_expiry_interval",
		integer({
			min: 1,
			max: 10_000_000,
			above: 10_000_000,
			aboveWarning: "Warning: retain_expiry_interval being capped at 19 years.",
			error: "Error: retain_expiry_interval must be >= 1.",
		}),
		"retainExpiryInterval",
		// mosquitto's is never. A look costs next to nothing, and what has expired is of no use.
		1,
		"Minutes between looks for retained messages that have expired and that nobody asked for.",
	),
	ofBroker(
		"sys_interval",
		integer({ min: 0, max: 65535 }),
		"sysInterval",
		10,
		"Seconds between updates of $SYS; 0 is none.",
	),
];

const LOG: readonly Option[] = [
	ofBroker(
		"connection_messages",
		boolean,
		"connectionMessages",
		true,
		"Whether it is logged when clients connect and disconnect.",
	),
	ofReader(
		"log_dest",
		"global",
		logDestination,
		"Where log lines go: stdout, stderr, syslog, topic, none, file PATH; repeat for more. Default: stderr.",
		{ repeats: true, example: "stderr" },
	),
	ofBroker(
		"log_facility",
		logFacility,
		"logFacility",
		"daemon",
		"Syslog facility: 0 to 7 for local0 to local7.",
		{ example: "0" },
	),
	ofBroker("log_timestamp", boolean, "logTimestamp", true, "Whether log lines begin with the time."),
	ofBroker(
		"log_timestamp_format",
		text(),
		"logTimestampFormat",
		null,
		"Form of the time in the log, for strftime; seconds since 1970 by default.",
		{ once: true, example: "%Y-%m-%dT%H:%M:%S" },
	),
	ofReader(
		"log_type",
		"global",
		logType,
		"What is logged: error, warning, notice, information, subscribe, unsubscribe, websockets, debug, none, all; repeat for more.",
		{ repeats: true, example: "information" },
	),
	ignored(
		"websockets_log_level",
		"global",
		integer({ min: -1, below: -1 }),
		0,
		"there is no WebSocket library that logs by itself",
		"Log level of the WebSocket library.",
	),
];

const PROCESS: readonly Option[] = [
	ofReader("include_dir", "global", text(), "Directory whose files with names in .conf are read here.", {
		example: "/etc/mqttd/conf.d",
	}),
	ofBroker("pid_file", text(), "pidFile", null, "File that the process id is written to.", {
		once: true,
		example: "/var/run/mqttd.pid",
	}),
	ofBroker(
		"set_tcp_nodelay",
		boolean,
		"setTcpNodelay",
		// mosquitto's is false. We write once for each turn of the loop, so that waiting would gain nothing.
		true,
		"Whether small packets are sent without waiting for more.",
	),
	ofBroker(
		"user",
		text(),
		"user",
		null,
		"User to run as when started as root. Default: mosquitto, else nobody.",
		{ example: "mqttd" },
	),
];

const UBUS: readonly Option[] = [
	ofBroker(
		"ubus",
		ubus,
		"ubus",
		"auto",
		"Whether the broker is on OpenWrt's message bus; the path of ubusd's socket where it is another one; auto is where there is such a socket.",
	),
	ofBroker(
		"ubus_event",
		ubusEvents,
		"ubusEvents",
		[],
		"Event of ubus that is published to a topic, `%e` in which is the event's name, or topic whose messages are sent as an event: only those that are named. The payload is the event's data as JSON. Repeat for more.",
		{ repeats: true, example: "network.interface -> openwrt/network retain" },
	),
];

/** Of old: what they were for is no more. */
const OLD: readonly Option[] = [
	gone("dhparamfile", "Diffie-Hellman parameters; no longer needed."),
	gone("ffdc_output", "Of another broker, whose files mosquitto could read."),
	gone("max_log_entries", "Of another broker, whose files mosquitto could read."),
	gone("retry_interval", "Seconds after which messages were sent again; no longer exists."),
	gone("store_clean_interval", "Seconds between clearings of stored messages; they are cleared at once."),
	gone("trace_level", "Of another broker, whose files mosquitto could read."),
	gone("trace_output", "Of another broker, whose files mosquitto could read."),
];

function gone(name: string, doc: string): Option {
	return ignored(name, "global", anything, null, "", doc);
}

export const BROKER_GROUPS: readonly OptionGroup[] = [
	{ title: "Who may do what", options: ACCESS },
	{ title: "Plugins", options: PLUGIN },
	{ title: "Limits", options: LIMITS },
	{ title: "Messages and sessions", options: MESSAGES },
	PERSISTENCE_GROUP,
	{ title: "Log", options: LOG },
	{ title: "ubus", options: UBUS },
	{ title: "The process", options: PROCESS },
];

export const OLD_GROUP: OptionGroup = { title: "Options of old", section: null, options: OLD };
