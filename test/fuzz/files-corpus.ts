/** What the fuzzer of files begins with: configurations, UCI, and exports that are right, and pieces that readers look for. */

import { readFileSync } from "node:fs";
import { quoteUci } from "../../src/config/uci-file.ts";
import { CASES } from "../unit/config/cases.ts";

const HASH = `$7$101$c2FsdHNhbHRzYWx0$${"A".repeat(86)}==`;

/** Lines of mosquitto.conf with every option. */
const lines = Object.entries(CASES).flatMap(([name, { takes, before = "" }]) =>
	takes.map(
		([written]) => `${before}${before === "" || before.endsWith("\n") ? "" : "\n"}${name} ${written}`,
	),
);
const cases = JSON.parse(
	readFileSync(new URL("../vectors/config/reader.json", import.meta.url), "utf8"),
) as readonly { readonly file: string }[];

export const CONF_FILES: readonly string[] = [
	...lines.map((line) => `${line}\n`),
	...cases.map(({ file }) => file),
	"per_listener_settings true\nlistener 1883 127.0.0.1\nprotocol auto\nlistener 8883\ncertfile /c.pem\nkeyfile /k.pem\npsk_hint h\n",
	"listener 0 /run/x.sock\nallow_source 10.0.0.0/8\nproxy_protocol 2\nmax_topic_alias 5\nacl_file /acl\n",
	"connection up\naddress h:8883 [::1]:1\ntopic a/# both 2 l/ r/\ntopic b out\nbridge_cafile /ca.pem\nremote_username u\n",
	"persist_topic a/# sync\npersist_topic b lazy\ndurability ram\nplugin /usr/lib/mosquitto_dynamic_security.so\nplugin_opt_config_file /d.json\n",
	"include_dir /conf.d\nlog_type error\nlog_dest file /var/log/x\n",
];
export const CONF_PIECES: readonly string[] = [
	...[
		"\n",
		" ",
		"\t",
		"#",
		"\r",
		"\0",
		"\ufeff",
		"é",
		"-1",
		"0",
		"65536",
		"2147483648",
		"9".repeat(30),
		"0x10",
		"1e9",
	],
	...[
		"true",
		"false",
		"listener ",
		"connection ",
		"address ",
		"topic ",
		"plugin ",
		"include_dir /conf.d",
		"/",
		"::1",
	],
	...[
		"127.0.0.1",
		"both",
		"[",
		"]",
		"%c",
		"+/#",
		"$share/g/a",
		"x".repeat(500),
		"listener 1883\n".repeat(40),
	],
	...lines,
];

const UCI_ACCESS = `config user\n\toption username 'alice'\n\toption password_hash '${HASH}'\n\nconfig user\n\toption username bob\n\toption password secret\n\nconfig acl\n\tlist username 'alice'\n\toption access 'readwrite'\n\tlist topic 'house/#'\n\tlist topic "a b"\n\nconfig acl\n\toption access deny\n\tlist pattern '%u/#'\n`;
export const UCI_FILES: readonly string[] = [
	readFileSync(new URL("../../openwrt/mqttd/files/mqttd.config", import.meta.url), "utf8"),
	UCI_ACCESS,
	`${UCI_ACCESS}\nconfig listener lan\n\toption port 8883\n\tlist allow_source '10.0.0.0/8'\n\toption protocol auto\n\nconfig listener\n\toption socket /run/x.sock\n\toption enabled no\n`,
	"config persistence\n\toption persistence 1\n\toption location '/srv/mqttd/'\n\tlist persist_topic 'a/# sync'\nconfig bridge up\n\tlist address 'h:1883'\n\tlist topic 'a/# both 1'\n\toption remote_password 'x y'\n",
	"package mqttd\nconfig mqttd\n\toption use_uci '0'\n\toption config_file '/etc/mqttd/mqttd.conf'\n",
	"config mosquitto mosquitto\n\toption use_uci 1\n\tlist listener 'x'\nconfig listener\n\toption port '1883'\n\toption no_remote_access '1'\nconfig bridge\n\toption connection up\n\tlist topic 'a # both'\n",
	"config plugin\n\toption path mosquitto_dynamic_security.so\n\tlist options 'config_file /d.json'\n",
];
export const UCI_PIECES: readonly string[] = [
	...[
		"\n",
		" ",
		"\t",
		"'",
		'"',
		"\\",
		"\\\n",
		"#",
		";",
		"\0",
		"é",
		"\u{1f984}",
		"config ",
		"option ",
		"list ",
		"package ",
	],
	...[
		"mqttd",
		"listener",
		"user",
		"acl",
		"bridge",
		"plugin",
		"persistence",
		"password ",
		"topic ",
		"port ",
		"enabled 0\n",
	],
	...[
		"1",
		"yes",
		"-1",
		"99999999999",
		"''",
		HASH,
		"x".repeat(500),
		"config listener\n".repeat(60),
		"list topic a\n".repeat(60),
	],
	...lines.map((line) => `option ${line.split(" ")[0]} ${quoteUci(line.split(" ").slice(1).join(" "))}\n`),
];

const SESSION = {
	kind: "session",
	clientId: "a",
	username: null,
	listener: "1883",
	mountPoint: "",
	expiryInterval: 3600,
	endsAt: 0,
	lastPacketId: 7,
};
const PROPERTIES = {
	payloadFormatIndicator: 1,
	messageExpiryInterval: 9,
	contentType: "t",
	responseTopic: "r/s",
	correlationData: { base64: "AP8=" },
	userProperty: [
		["k", "v"],
		["k", ""],
	],
};
const DELIVERY = {
	kind: "delivery",
	clientId: "a",
	message: 1,
	qos: 1,
	retain: false,
	identifier: 3,
	share: null,
	packetId: 0,
	state: "queued",
};
const WILL = {
	kind: "will",
	clientId: "a",
	topic: "w",
	qos: 0,
	retain: true,
	dueAt: 0,
	properties: { ...PROPERTIES, willDelayInterval: 5 },
	payload: "gone",
};
const RECORDS: readonly object[] = [
	SESSION,
	{ ...SESSION, clientId: "b", username: "joe", expiryInterval: 0xffff_ffff, mountPoint: "m/" },
	{
		kind: "subscription",
		clientId: "a",
		filter: "x/#",
		qos: 1,
		noLocal: false,
		retainAsPublished: true,
		identifier: 0,
	},
	{ kind: "incoming", clientId: "a", packetId: 3 },
	WILL,
	{
		kind: "message",
		id: 1,
		topic: "x/y",
		qos: 1,
		expiresAt: 0,
		properties: null,
		payload: { base64: "AP8=" },
	},
	{ kind: "message", id: 4, topic: "x/ü", qos: 2, expiresAt: 99, properties: PROPERTIES, payload: "text" },
	DELIVERY,
	{ ...DELIVERY, packetId: 2, state: "puback" },
	{ ...DELIVERY, message: 4, packetId: 3, qos: 2, state: "pubrec", share: "$share/g/x" },
	{ ...DELIVERY, message: null, packetId: 4, qos: 2, state: "pubcomp" },
	{
		kind: "retained",
		topic: "x/y",
		qos: 1,
		expiresAt: 0,
		clientId: null,
		username: null,
		listener: "",
		properties: PROPERTIES,
		payload: "21.5",
	},
];
const exportOf = (records: readonly object[]): string =>
	[{ kind: "export", version: 1, at: 1764 }, ...records, { kind: "end", lines: records.length + 2 }]
		.map((record) => `${JSON.stringify(record)}\n`)
		.join("");

export const EXPORT_FILES: readonly string[] = [
	exportOf(RECORDS),
	exportOf(RECORDS.slice(0, 5)),
	exportOf(RECORDS.slice(5, 7)),
	exportOf(RECORDS.slice(-1)),
	exportOf([]),
];
export const EXPORT_PIECES: readonly string[] = [
	...[
		"\n",
		'"',
		",",
		":",
		"{",
		"}",
		"[",
		"]",
		"null",
		"true",
		"-1",
		"1e999",
		"0.5",
		"65536",
		"4294967296",
		"9".repeat(30),
	],
	...[
		'"\\ud800"',
		'"\\u0000"',
		'"__proto__":1,',
		'"x/#"',
		'""',
		'{"base64":"A"}',
		'{"base64":"AAAA"}',
		"é",
		"\0",
		"\ufeff",
	],
	...[
		'"topicAlias":5,',
		'"sessionExpiryInterval":7,',
		'"subscriptionIdentifier":1,',
		'"reasonString":"x",',
		'"id":2,',
	],
	...[
		'"kind":"message",',
		'"kind":"will",',
		'"packetId":9,',
		'"state":"puback",',
		'"qos":2,',
		'"clientId":"b",',
		'"message":4,',
	],
	...["[".repeat(300), "x".repeat(500), `${JSON.stringify(SESSION)}\n`, `${JSON.stringify(DELIVERY)}\n`],
];
