/** The option table, third part: bridges. `connection` begins one. */

import { type Option, type OptionGroup, refused } from "./option.ts";
import { anything } from "./value.ts";

const BRIDGES = "this build has no bridges, and the messages would stay here";

/** Names, other names and meanings. */
const BRIDGE: readonly (readonly [name: string, doc: string, ...aliases: string[]])[] = [
	["address", "Host and port of the other broker; several for a choice.", "addresses"],
	["bridge_alpn", "ALPN protocol of the TLS connection."],
	[
		"bridge_attempt_unsubscribe",
		"Whether topics that are not subscribed to are unsubscribed from at connect.",
	],
	["bridge_bind_address", "Local address to connect from."],
	["bridge_cafile", "File with certificates of authorities for the other broker."],
	["bridge_capath", "Directory with certificates of authorities for the other broker."],
	["bridge_certfile", "File with the certificate of this bridge."],
	["bridge_ciphers", "Ciphers for TLS 1.2."],
	["bridge_ciphers_tls1.3", "Ciphers for TLS 1.3."],
	["bridge_identity", "Identity for TLS-PSK."],
	["bridge_insecure", "Whether the name in the other broker's certificate is not checked."],
	["bridge_keyfile", "File with the private key of this bridge."],
	["bridge_max_packet_size", "Octets of the longest packet that the other broker may send."],
	["bridge_max_topic_alias", "Topic aliases that the other broker may set up."],
	["bridge_outgoing_retain", "Whether the retain flag is kept on what is sent."],
	["bridge_protocol_version", "Version of MQTT: mqttv31, mqttv311 or mqttv50."],
	["bridge_psk", "Key for TLS-PSK in hexadecimal."],
	["bridge_receive_maximum", "Messages that the other broker may have in flight."],
	["bridge_reload_type", "Whether a reload takes effect at once (immediate) or at the next connect (lazy)."],
	["bridge_require_ocsp", "Whether the other broker must prove that its certificate is not revoked."],
	["bridge_session_expiry_interval", "Seconds that the other broker keeps the session."],
	["bridge_tcp_keepalive", "Seconds idle, seconds between probes, and number of probes of TCP keep alive."],
	["bridge_tcp_user_timeout", "Milliseconds that sent octets may stay unacknowledged."],
	["bridge_tls_use_os_certs", "Whether the system's authorities are trusted."],
	["bridge_tls_version", "Version of TLS."],
	["cleansession", "Whether the other broker forgets the session at a disconnect."],
	["idle_timeout", "Seconds after which a lazy bridge disconnects."],
	["keepalive_interval", "Seconds of the keep alive."],
	["local_cleansession", "Whether this broker forgets the bridge's session."],
	["local_clientid", "Client identifier on this broker."],
	["local_password", "Password on this broker."],
	["local_username", "User name on this broker."],
	["notification_topic", "Topic of the bridge's state."],
	["notifications", "Whether the bridge publishes its state."],
	["notifications_local_only", "Whether the state is published on this broker only."],
	["remote_clientid", "Client identifier on the other broker.", "clientid"],
	["remote_password", "Password on the other broker.", "password"],
	["remote_username", "User name on the other broker.", "username"],
	["restart_timeout", "Seconds before the next try: fixed, or least, most and time that counts as stable."],
	["round_robin", "Whether addresses are used in turn."],
	["start_type", "Whether the bridge is automatic, lazy or once."],
	["threshold", "Messages queued before a lazy bridge connects."],
	["topic", "Topic filter to share, with direction, QoS and prefixes."],
	["try_private", "Whether the other broker is told that this is a bridge."],
];

const BRIDGE_OPTIONS: readonly Option[] = [
	refused("connection", "global", anything, null, BRIDGES, "Name of a bridge; begins it."),
	...BRIDGE.map(([name, doc, ...aliases]) =>
		refused(name, "bridge", anything, null, BRIDGES, doc, { aliases }),
	),
];

export const BRIDGE_GROUP: OptionGroup = { title: "Bridges", options: BRIDGE_OPTIONS };
