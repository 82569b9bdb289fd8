/** The option table, second part: listeners. */

import { fail } from "./error.ts";
import { deprecated, type Option, type OptionGroup, ofListener, ofReader, refused } from "./option.ts";
import { WEB } from "./options-web.ts";
import { boolean, choice, integer, limit, place, port, text, type ValueType } from "./value.ts";

const IDENTITY =
	"this build keeps the names that clients give, and they would have other rights than was asked for";

const VERSIONS: readonly string[] = ["3", "4", "5"];

/**
 * `3`, `4` and `5`, separated by spaces, tabs or commas: the levels in rising order. Other words are passed over, as in
 * mosquitto; but when only such words are there, nobody could connect.
 */
const protocolVersions: ValueType<string> = {
	kind: "words",
	values: VERSIONS,
	parse(written) {
		const words = written.rest
			.replaceAll(/[ \t,]/g, " ")
			.split(" ")
			.filter((word) => word !== "");
		if (words.length === 0) fail(`Error: Empty '${written.name}' value in configuration.`);
		const wrong = words.find((word) => !VERSIONS.includes(word));
		const invalid = `Invalid '${written.name}' value (${wrong}).`;
		if (!VERSIONS.some((version) => words.includes(version))) fail(`Error: ${invalid}`);
		if (wrong !== undefined) written.warn?.(`Warning: ${invalid}`);
		return VERSIONS.filter((version) => words.includes(version)).join(",");
	},
};

const QOS_BOUNDS = { min: 0, max: 2, error: "Error: 'max_qos' must be between 0 and 2 inclusive." };

const qos: ValueType<0 | 1 | 2> = {
	kind: "integer",
	min: 0,
	max: 2,
	parse(written) {
		const value = integer(QOS_BOUNDS).parse(written);
		return value === 0 ? 0 : value === 1 ? 1 : 2;
	},
};

/** Wildcards would make every topic invalid; the rest of 65535 octets is for the topics themselves. */
const mountPoint: ValueType<string> = {
	kind: "string",
	max: 32767,
	form: "the beginning of a topic, without + and #",
	parse(written) {
		const value = text(32767).parse(written);
		if (!/[+#]/.test(value)) return value;
		return fail(`Error: Invalid 'mount_point' value (${value}). Does it contain a wildcard character?`);
	},
};

function aliases(name: string): ValueType<number> {
	return integer({ min: 0, max: 65535, error: `Error: Invalid '${name}' value in configuration.` });
}

const WHERE: readonly Option[] = [
	ofReader(
		"listener",
		"global",
		place,
		"Port to listen on and address, or 0 and the path of a unix socket; begins a listener.",
		{ example: "1883 192.168.1.1" },
	),
	ofReader("port", "global", port, "Port of the default listener.", {
		note: deprecated("port", "Please use 'listener' instead."),
	}),
	ofReader("bind_address", "global", text(), "Address of the default listener.", {
		note: deprecated("bind_address", ""),
	}),
	ofListener(
		"bind_interface",
		"default-listener",
		text(),
		"bindInterface",
		null,
		"Network interface whose addresses are listened on.",
		{ once: true, example: "br-lan" },
	),
	ofListener(
		"interface",
		"listener",
		text(),
		"network",
		null,
		"Network of OpenWrt, such as lan, whose addresses are listened on, and followed when they change; while it has none, the listener waits.",
		{ example: "lan" },
	),
	ofListener(
		"no_remote_access",
		"listener",
		boolean,
		"localOnly",
		false,
		"Whether only programs on this machine can connect: the listener is on loopback.",
	),
	ofListener(
		"socket_domain",
		"default-listener",
		choice<"ipv4" | "ipv6">(
			["ipv4", "ipv6"],
			(_, word) => `Error: Invalid 'socket_domain' value '${word}' in configuration.`,
		),
		"socketDomain",
		null,
		"Whether only ipv4 or only ipv6 is listened on.",
		{ example: "ipv4" },
	),
	ofListener(
		"protocol",
		"default-listener",
		choice<"mqtt" | "websockets" | "http_api" | "auto">(["mqtt", "websockets", "http_api", "auto"]),
		"protocol",
		"mqtt",
		"What is spoken: mqtt; websockets (MQTT over WebSocket); http_api (read-only HTTP); auto (ours: mqtt or websockets, as the client's first octet says).",
	),
	ofListener(
		"accept_protocol_versions",
		"listener",
		protocolVersions,
		"acceptProtocolVersions",
		"3,4,5",
		"Versions of MQTT that are accepted: any of 3 (3.1), 4 (3.1.1) and 5 (5.0), separated by commas or spaces.",
	),
];

const CLIENTS: readonly Option[] = [
	ofListener(
		"listener_allow_anonymous",
		"listener",
		boolean,
		"allowAnonymous",
		null,
		"As allow_anonymous, for this listener.",
		{ example: "true" },
	),
	ofListener(
		"listener_auto_id_prefix",
		"listener",
		text(50, "Error: 'listener_auto_id_prefix' length must be <= 50."),
		"autoIdPrefix",
		null,
		"As auto_id_prefix, for this listener.",
		{ once: true, example: "auto-" },
	),
	ofListener(
		"max_connections",
		"default-listener",
		limit,
		"maxConnections",
		null,
		"Clients connected at once; -1 is no limit.",
	),
	ofListener("max_qos", "default-listener", qos, "maxQos", 2, "Highest QoS that clients may use.", {
		aliases: ["maximum_qos"],
	}),
	ofListener(
		"max_topic_alias",
		"listener",
		aliases("max_topic_alias"),
		"maxTopicAlias",
		10,
		"Topic aliases that an MQTT 5 client may set up.",
	),
	ofListener(
		"max_topic_alias_broker",
		"listener",
		aliases("max_topic_alias_broker"),
		"maxTopicAliasBroker",
		10,
		"Topic aliases that the broker may set up for an MQTT 5 client.",
	),
	ofListener(
		"mount_point",
		"listener",
		mountPoint,
		"mountPoint",
		null,
		"What stands before all topics of this listener's clients, who do not see it; usually with a slash at its end.",
		{ example: "house/" },
	),
	ofReader("plugin_use", "listener", text(), "Name, given by plugin_load, of a plugin for this listener.", {
		repeats: true,
		example: "sparkplug",
	}),
	refused(
		"use_username_as_clientid",
		"default-listener",
		boolean,
		false,
		IDENTITY,
		"Whether the user name replaces the client identifier.",
	),
];

type TextField =
	| "cafile"
	| "capath"
	| "certfile"
	| "crlfile"
	| "keyfile"
	| "pskHint"
	| "ciphers"
	| "ciphersTls13";

function tls(
	name: string,
	field: TextField,
	example: string,
	doc: string,
	scope: "listener" | "default-listener" = "default-listener",
): Option {
	return ofListener(name, scope, text(), field, null, doc, { once: true, example });
}

function engine(name: string, doc: string): Option {
	return refused(name, "default-listener", text(), null, "keys are read from files only", doc);
}

const ENCRYPTION: readonly Option[] = [
	tls(
		"certfile",
		"certfile",
		"/etc/mqttd/server.crt",
		"File (PEM) with the certificate of the broker, then those of authorities between it and the root; switches TLS on.",
	),
	tls("keyfile", "keyfile", "/etc/mqttd/server.key", "File (PEM) with the private key of the broker."),
	tls(
		"cafile",
		"cafile",
		"/etc/mqttd/ca.crt",
		"File (PEM) with certificates of the authorities that clients' certificates must be from.",
		"listener",
	),
	tls("capath", "capath", "/etc/mqttd/ca", "Directory with such files (`.pem`, `.crt`, `.cer`)."),
	tls("crlfile", "crlfile", "/etc/mqttd/crl.pem", "File (PEM) with lists of revoked certificates."),
	ofListener(
		"require_certificate",
		"default-listener",
		boolean,
		"requireCertificate",
		false,
		"Whether clients need a certificate.",
	),
	ofListener(
		"disable_client_cert_date_checks",
		"listener",
		boolean,
		"disableClientCertDateChecks",
		false,
		"Whether clients' certificates may be out of date. On Node only those whose authority itself is in cafile or capath.",
	),
	ofListener(
		"use_identity_as_username",
		"default-listener",
		boolean,
		"useIdentityAsUsername",
		false,
		"Whether the certificate's common name, or the identity of the pre-shared key, is the user name; no password then.",
	),
	ofListener(
		"use_subject_as_username",
		"default-listener",
		boolean,
		"useSubjectAsUsername",
		false,
		"Whether the certificate's subject, as `CN=name,O=owner`, is the user name.",
	),
	ofListener(
		"tls_version",
		"listener",
		choice<"tlsv1.2" | "tlsv1.3">(["tlsv1.2", "tlsv1.3"]),
		"tlsVersion",
		"tlsv1.2",
		"Lowest version of TLS.",
	),
	tls(
		"ciphers",
		"ciphers",
		"ECDHE-RSA-AES128-GCM-SHA256",
		"Ciphers for TLS 1.2: OpenSSL's names with colons between, the most wanted first. Default: the good ones.",
	),
	tls("ciphers_tls1.3", "ciphersTls13", "TLS_AES_128_GCM_SHA256", "The same for TLS 1.3."),
	tls("psk_hint", "pskHint", "hint", "Hint for TLS-PSK; switches TLS on, with the keys of psk_file."),
	engine("tls_engine", "OpenSSL engine."),
	engine("tls_engine_kpass_sha1", "SHA-1 of the password of the engine's key."),
	engine("tls_keyform", "Form of the private key."),
];

export const LISTENER_GROUPS: readonly OptionGroup[] = [
	{ title: "Listeners", options: WHERE },
	{ title: "Clients of a listener", options: CLIENTS },
	{ title: "WebSocket, HTTP and proxies", options: WEB },
	{ title: "TLS", options: ENCRYPTION },
];
