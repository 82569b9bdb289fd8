/** The option table, third part: bridges. `connection` begins one. */

import { addresses, bridgeTopic, restartTimeout, tcpKeepalive } from "./bridge-values.ts";
import { fail } from "./error.ts";
import { type More, type Option, type OptionGroup, refused } from "./option.ts";
import { boolean, choice, integer, octets, text, type ValueType } from "./value.ts";

const BRIDGES = "this build has no bridges, and the messages would stay here";

function ofBridge<T>(
	name: string,
	type: ValueType<T>,
	byDefault: T | null,
	doc: string,
	more: More = {},
): Option {
	return refused(name, "bridge", type, byDefault, BRIDGES, doc, more);
}

const ONCE: More = { once: true };

const START_TYPES = ["automatic", "lazy", "once"] as const;

const startType = choice(START_TYPES, (_, word) =>
	word === "manual"
		? "Error: Manual start_type not supported."
		: `Error: Invalid 'start_type' value in configuration (${word}).`,
);

/** The two ends of the range have errors of their own. */
const receiveMaximum: ValueType<number> = {
	kind: "integer",
	min: 1,
	max: 65535,
	parse(written) {
		const value = integer({ min: 1, error: "Error: bridge_receive_maximum must be greater than 0." }).parse(
			written,
		);
		return value <= 65535 ? value : fail("Error: bridge_receive_maximum must be lower than 65535.");
	},
};

const BRIDGE_OPTIONS: readonly Option[] = [
	refused("connection", "global", text(), null, BRIDGES, "Name of a bridge; begins it."),
	ofBridge("address", addresses, null, "Host and port of the other broker; several for a choice.", {
		aliases: ["addresses"],
	}),
	ofBridge("bridge_alpn", text(), null, "ALPN protocol of the TLS connection.", ONCE),
	ofBridge(
		"bridge_attempt_unsubscribe",
		boolean,
		true,
		"Whether topics that are not subscribed to are unsubscribed from at connect.",
	),
	ofBridge("bridge_bind_address", text(), null, "Local address to connect from.", ONCE),
	ofBridge(
		"bridge_cafile",
		text(),
		null,
		"File with certificates of authorities for the other broker.",
		ONCE,
	),
	ofBridge(
		"bridge_capath",
		text(),
		null,
		"Directory with certificates of authorities for the other broker.",
		ONCE,
	),
	ofBridge("bridge_certfile", text(), null, "File with the certificate of this bridge.", ONCE),
	ofBridge("bridge_ciphers", text(), null, "Ciphers for TLS 1.2.", ONCE),
	ofBridge("bridge_ciphers_tls1.3", text(), null, "Ciphers for TLS 1.3.", ONCE),
	ofBridge("bridge_identity", text(), null, "Identity for TLS-PSK.", ONCE),
	ofBridge(
		"bridge_insecure",
		boolean,
		false,
		"Whether the name in the other broker's certificate is not checked.",
	),
	ofBridge("bridge_keyfile", text(), null, "File with the private key of this bridge."),
	ofBridge(
		"bridge_max_packet_size",
		octets({ min: 0, below: 0 }),
		0,
		"Octets of the longest packet that is sent to the other broker; 0 is no limit.",
	),
	ofBridge(
		"bridge_max_topic_alias",
		integer({
			min: 0,
			max: 65535,
			error: "Error: bridge_max_topic_alias must be > 0 and <= 65535.",
		}),
		10,
		"Topic aliases that the other broker may set up.",
	),
	ofBridge("bridge_outgoing_retain", boolean, true, "Whether the retain flag is kept on what is sent."),
	ofBridge(
		"bridge_protocol_version",
		choice(["mqttv31", "mqttv311", "mqttv50"]),
		"mqttv311",
		"Version of MQTT: 3.1, 3.1.1 or 5.0.",
	),
	ofBridge("bridge_psk", text(), null, "Key for TLS-PSK in hexadecimal.", ONCE),
	ofBridge(
		"bridge_receive_maximum",
		receiveMaximum,
		null,
		"Messages that the other broker may have in flight. Default: that of max_inflight_messages.",
	),
	ofBridge(
		"bridge_reload_type",
		choice(
			["lazy", "immediate"],
			(name, word) => `Error: Invalid '${name}' value in configuration (${word}).`,
		),
		"lazy",
		"Whether a reload takes effect at once (immediate) or at the next connect (lazy).",
	),
	ofBridge(
		"bridge_require_ocsp",
		boolean,
		false,
		"Whether the other broker must prove that its certificate is not revoked.",
	),
	ofBridge(
		"bridge_session_expiry_interval",
		integer({ min: 0, error: "Error: bridge_session_expiry_interval must not be negative." }),
		0,
		"Seconds that the other broker keeps the session.",
	),
	ofBridge("bridge_tcp_keepalive", tcpKeepalive, null, "TCP keep alive. Default: none."),
	ofBridge(
		"bridge_tcp_user_timeout",
		integer({ min: 0, error: "Error: invalid TCP user timeout value." }),
		null,
		"Milliseconds that sent octets may stay unacknowledged. Default: the system's.",
	),
	ofBridge("bridge_tls_use_os_certs", boolean, false, "Whether the system's authorities are trusted."),
	ofBridge("bridge_tls_version", text(), null, "Version of TLS.", ONCE),
	ofBridge("cleansession", boolean, false, "Whether the other broker forgets the session at a disconnect."),
	ofBridge(
		"idle_timeout",
		integer({ min: 1, below: 1, belowWarning: "idle_timeout interval too low, using 1 second." }),
		60,
		"Seconds after which a lazy bridge disconnects.",
	),
	ofBridge(
		"keepalive_interval",
		integer({
			min: 5,
			max: 65535,
			below: 5,
			belowWarning: "keepalive interval too low, using 5 seconds.",
			error: "Error: Bridge keepalive value too high.",
		}),
		60,
		"Seconds of the keep alive.",
	),
	ofBridge(
		"local_cleansession",
		boolean,
		null,
		"Whether this broker forgets the bridge's session. Default: that of cleansession.",
	),
	ofBridge("local_clientid", text(), null, "Client identifier on this broker.", ONCE),
	ofBridge("local_password", text(), null, "Password on this broker.", ONCE),
	ofBridge("local_username", text(), null, "User name on this broker.", ONCE),
	ofBridge("notification_topic", text(), null, "Topic of the bridge's state.", ONCE),
	ofBridge("notifications", boolean, true, "Whether the bridge publishes its state."),
	ofBridge("notifications_local_only", boolean, false, "Whether the state is published on this broker only."),
	ofBridge("remote_clientid", text(), null, "Client identifier on the other broker.", {
		aliases: ["clientid"],
		once: true,
	}),
	ofBridge("remote_password", text(), null, "Password on the other broker.", {
		aliases: ["password"],
		once: true,
	}),
	ofBridge("remote_username", text(), null, "User name on the other broker.", {
		aliases: ["username"],
		once: true,
	}),
	ofBridge("restart_timeout", restartTimeout, null, "Seconds before the next try. Default: 5 to 30."),
	ofBridge("round_robin", boolean, false, "Whether addresses are used in turn."),
	ofBridge(
		"start_type",
		startType,
		"automatic",
		"When the bridge connects: always, when messages wait, or once.",
	),
	ofBridge(
		"threshold",
		integer({ min: 1, below: 1, belowWarning: "threshold too low, using 1 message." }),
		10,
		"Messages queued before a lazy bridge connects.",
	),
	ofBridge("topic", bridgeTopic, null, "What is shared with the other broker; repeat for more.", {
		repeats: true,
	}),
	ofBridge("try_private", boolean, true, "Whether the other broker is told that this is a bridge."),
];

export const BRIDGE_GROUP: OptionGroup = { title: "Bridges", options: BRIDGE_OPTIONS };
