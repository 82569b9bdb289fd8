/**
 * What the log says of conversations, line by line: mosquitto 2.1's forms. Written down from mosquitto itself fed with the
 * same packets; lines that begin with "Protocol error from" or "Refused" are ours, where mosquitto has its own words.
 */

export interface Conversation {
	readonly name: string;
	/** What the client sends, in hexadecimal, before it ends its side. */
	readonly packets: readonly string[];
	/** `A` stands for the client's address, `P` for the listener's port. The first line, of the connection, is left out. */
	readonly lines: readonly string[];
}

function hex(text: string): string {
	return Buffer.from(text).toString("hex");
}

/** A string with its length before it. */
function field(text: string): string {
	return Buffer.byteLength(text).toString(16).padStart(4, "0") + hex(text);
}

function packet(header: string, ...parts: readonly string[]): string {
	const body = parts.join("");
	return header + (body.length / 2).toString(16).padStart(2, "0") + body;
}

const connect4 = (clientId: string) => packet("10", field("MQTT"), "0402003c", field(clientId));
const connect5 = (clientId: string) => packet("10", field("MQTT"), "0502003c00", field(clientId));
const DISCONNECT = "e000";

/** Of a 3.1.1 client without a will. */
function accepted(clientId: string, version = 4): string[] {
	return [
		`New client connected from A as ${clientId} (p${version}, c1, k60).`,
		"No will message specified.",
		`Sending CONNACK to ${clientId} (0, 0)`,
	];
}

function goodbye(clientId: string): string[] {
	return [`Received DISCONNECT from ${clientId}`, `Client ${clientId} [A] disconnected.`];
}

function failed(clientId: string, why: string, reason: string): string[] {
	return [`${why}.`, `Client ${clientId} [A] disconnected: ${reason}.`];
}

export const CONVERSATIONS: readonly Conversation[] = [
	{
		name: "3.1",
		packets: [packet("10", field("MQIsdp"), "0302003c", field("c")), DISCONNECT],
		lines: [...accepted("c", 3), ...goodbye("c")],
	},
	{ name: "3.1.1", packets: [connect4("c"), DISCONNECT], lines: [...accepted("c"), ...goodbye("c")] },
	{ name: "5.0", packets: [connect5("c"), "e00104"], lines: [...accepted("c", 5), ...goodbye("c")] },
	{
		name: "a user name and a will",
		packets: [
			packet("10", field("MQTT"), "04ee000a", ...["c", "w/t", "gone", "joe", "secret"].map(field)),
			DISCONNECT,
		],
		lines: [
			"New client connected from A as c (p4, c1, k10, u'joe').",
			"Will message specified (4 bytes) (r1, q1).",
			"\tw/t",
			"Sending CONNACK to c (0, 0)",
			...goodbye("c"),
		],
	},
	{
		name: "an end without DISCONNECT",
		packets: [connect4("c")],
		lines: [...accepted("c"), "Client c [A] disconnected: connection closed by client."],
	},
	{
		name: "an end without CONNECT",
		packets: [],
		lines: ["Client <unknown> [A] disconnected: connection closed by client."],
	},
	{
		name: "ping",
		packets: [connect4("c"), "c000", DISCONNECT],
		lines: [...accepted("c"), "Received PINGREQ from c", "Sending PINGRESP to c", ...goodbye("c")],
	},
	{
		name: "subscriptions come and go",
		packets: [
			connect4("c"),
			packet("82", "0001", field("x/+"), "01", field("$share/g/y/#"), "02"),
			packet("a2", "0002", field("x/+"), field("nope")),
			DISCONNECT,
		],
		lines: [
			...accepted("c"),
			"Received SUBSCRIBE from c",
			"\tx/+ (QoS 1)",
			"c 1 x/+",
			"\t$share/g/y/# (QoS 2)",
			"c 2 $share/g/y/#",
			"Sending SUBACK to c",
			"Received UNSUBSCRIBE from c",
			"\tx/+",
			"c x/+",
			"\tnope",
			"c nope",
			"Sending UNSUBACK to c",
			...goodbye("c"),
		],
	},
	{
		name: "messages of every QoS",
		packets: [
			connect4("c"),
			packet("82", "0001", field("t"), "02"),
			packet("30", field("t"), hex("hello")),
			packet("32", field("t"), "0005", hex("one")),
			"40020001",
			packet("34", field("t"), "0006", hex("two")),
			"62020006",
			"50020002",
			"70020002",
			packet("31", field("t")),
			DISCONNECT,
		],
		lines: [
			...accepted("c"),
			"Received SUBSCRIBE from c",
			"\tt (QoS 2)",
			"c 2 t",
			"Sending SUBACK to c",
			"Received PUBLISH from c (d0, q0, r0, m0, 't', ... (5 bytes))",
			"Sending PUBLISH to c (d0, q0, r0, m0, 't', ... (5 bytes))",
			"Received PUBLISH from c (d0, q1, r0, m5, 't', ... (3 bytes))",
			"Sending PUBLISH to c (d0, q1, r0, m1, 't', ... (3 bytes))",
			"Sending PUBACK to c (m5, rc0)",
			"Received PUBACK from c (Mid: 1, RC:0)",
			"Received PUBLISH from c (d0, q2, r0, m6, 't', ... (3 bytes))",
			"Sending PUBLISH to c (d0, q2, r0, m2, 't', ... (3 bytes))",
			"Sending PUBREC to c (m6, rc0)",
			"Received PUBREL from c (Mid: 6)",
			"Sending PUBCOMP to c (m6)",
			"Received PUBREC from c (Mid: 2)",
			"Sending PUBREL to c (m2)",
			"Received PUBCOMP from c (Mid: 2, RC:0)",
			"Received PUBLISH from c (d0, q0, r1, m0, 't', ... (0 bytes))",
			"Sending PUBLISH to c (d0, q0, r0, m0, 't', ... (0 bytes))",
			...goodbye("c"),
		],
	},
	{
		name: "nobody subscribed, and a topic alias",
		packets: [
			connect5("c"),
			packet("32", field("none"), "0005", "00", hex("one")),
			packet("30", field("al"), "03230001", hex("x")),
			packet("30", "0000", "03230001", hex("y")),
			DISCONNECT,
		],
		lines: [
			...accepted("c", 5),
			"Received PUBLISH from c (d0, q1, r0, m5, 'none', ... (3 bytes))",
			"Sending PUBACK to c (m5, rc16)",
			"Received PUBLISH from c (d0, q0, r0, m0, 'al', ... (1 bytes))",
			"Received PUBLISH from c (d0, q0, r0, m0, 'al', ... (1 bytes))",
			...goodbye("c"),
		],
	},
	{
		name: "packet identifiers that are not in use",
		packets: [connect4("c"), "40020009", "5002000a", "6202000b", "7002000c", DISCONNECT],
		lines: [
			...accepted("c"),
			"Received PUBACK from c (Mid: 9, RC:0)",
			"Received PUBREC from c (Mid: 10)",
			"Warning: Received PUBREC from c for an unknown packet identifier 10.",
			"Sending PUBREL to c (m10)",
			"Received PUBREL from c (Mid: 11)",
			"Sending PUBCOMP to c (m11)",
			"Received PUBCOMP from c (Mid: 12, RC:0)",
			...goodbye("c"),
		],
	},
	{
		name: "a topic that nobody may publish to",
		packets: [connect4("c"), packet("30", field("$SYS/a"), hex("x")), DISCONNECT],
		lines: [
			...accepted("c"),
			"Denied PUBLISH from c (d0, q0, r0, m0, '$SYS/a', ... (1 bytes))",
			...goodbye("c"),
		],
	},
	{
		name: "a second CONNECT",
		packets: [connect5("c"), connect5("c")],
		lines: [
			...accepted("c", 5),
			...failed("c", "Protocol error from c: a second CONNECT", "protocol error"),
			"Sending DISCONNECT to c (rc130)",
		],
	},
	{
		name: "a first packet that is not CONNECT",
		packets: ["c000"],
		lines: failed("<unknown>", "Protocol error from A: the first packet is not CONNECT", "protocol error"),
	},
	{
		name: "a topic with a wildcard",
		packets: [connect4("c"), packet("30", field("a/#"), hex("x"))],
		lines: [
			...accepted("c"),
			...failed("c", "Protocol error from c: PUBLISH: invalid topic name", "malformed packet"),
		],
	},
	{
		name: "a packet that is too long",
		packets: [connect4("c"), "3081ffff01"],
		lines: [
			...accepted("c"),
			...failed("c", "Refused c [A]: PUBLISH of 4194182 octets is larger than the maximum, 2000000", "oversize packet"),
		],
	},
	{
		name: "authentication that there is not",
		packets: [packet("10", field("MQTT"), "0502003c", "0615000358595a", field("c"))],
		lines: [
			"Sending CONNACK to c (0, 140)",
			...failed("c", "Refused c [A]: the authentication method is not available", "bad authentication method"),
		],
	},
	{
		name: "a protocol level that there is not",
		packets: [packet("10", field("MQTT"), "0902003c", field("c"))],
		lines: [
			...failed(
				"<unknown>",
				"Refused <unknown> [A]: CONNECT: MQTT with protocol level 9 [MQTT-3.1.2-2]",
				"unsupported protocol version",
			),
			"Sending CONNACK to 127.0.0.1 (0, 1)",
		],
	},
	{
		name: "a client identifier that would be a line of its own",
		packets: [connect4("c\u2028New\u202e"), DISCONNECT],
		lines: [...accepted("c\\u2028New\\u202e"), ...goodbye("c\\u2028New\\u202e")],
	},
];
