/** The tables of reason codes (section 2.4) and properties (section 2.2.2.2), beside the specification's. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
	decodePacket,
	encodedLength,
	encodePacket,
	hasReturnCode,
	MqttError,
	type Packet,
	PacketType,
	PROPERTIES,
	type Properties,
	PropertyKind,
	type PropertyOwner,
	REASONS,
	Reason,
	readProperties,
	reasonName,
	returnCodeFor,
	WILL,
} from "../../../src/packet/packet.ts";
import { isReasonFor } from "../../../src/packet/reasons.ts";
import { textCodec } from "../../fake/text.ts";

const TYPES = Object.values(PacketType);

/** Code, name and packets, in the words of table 2-6. */
const SPECIFIED_REASONS = `
00 Success: CONNACK PUBACK PUBREC PUBREL PUBCOMP UNSUBACK AUTH
00 Normal disconnection: DISCONNECT
00 Granted QoS 0: SUBACK
01 Granted QoS 1: SUBACK
02 Granted QoS 2: SUBACK
04 Disconnect with Will Message: DISCONNECT
10 No matching subscribers: PUBACK PUBREC
11 No subscription existed: UNSUBACK
18 Continue authentication: AUTH
19 Re-authenticate: AUTH
80 Unspecified error: CONNACK PUBACK PUBREC SUBACK UNSUBACK DISCONNECT
81 Malformed Packet: CONNACK DISCONNECT
82 Protocol Error: CONNACK DISCONNECT
83 Implementation specific error: CONNACK PUBACK PUBREC SUBACK UNSUBACK DISCONNECT
84 Unsupported Protocol Version: CONNACK
85 Client Identifier not valid: CONNACK
86 Bad User Name or Password: CONNACK
87 Not authorized: CONNACK PUBACK PUBREC SUBACK UNSUBACK DISCONNECT
88 Server unavailable: CONNACK
89 Server busy: CONNACK DISCONNECT
8a Banned: CONNACK
8b Server shutting down: DISCONNECT
8c Bad authentication method: CONNACK DISCONNECT
8d Keep Alive timeout: DISCONNECT
8e Session taken over: DISCONNECT
8f Topic Filter invalid: SUBACK UNSUBACK DISCONNECT
90 Topic Name invalid: CONNACK PUBACK PUBREC DISCONNECT
91 Packet Identifier in use: PUBACK PUBREC SUBACK UNSUBACK
92 Packet Identifier not found: PUBREL PUBCOMP
93 Receive Maximum exceeded: DISCONNECT
94 Topic Alias invalid: DISCONNECT
95 Packet too large: CONNACK DISCONNECT
96 Message rate too high: DISCONNECT
97 Quota exceeded: CONNACK PUBACK PUBREC SUBACK DISCONNECT
98 Administrative action: DISCONNECT
99 Payload format invalid: CONNACK PUBACK PUBREC DISCONNECT
9a Retain not supported: CONNACK DISCONNECT
9b QoS not supported: CONNACK DISCONNECT
9c Use another server: CONNACK DISCONNECT
9d Server moved: CONNACK DISCONNECT
9e Shared Subscriptions not supported: SUBACK DISCONNECT
9f Connection rate exceeded: CONNACK DISCONNECT
a0 Maximum connect time: DISCONNECT
a1 Subscription Identifiers not supported: SUBACK DISCONNECT
a2 Wildcard Subscriptions not supported: SUBACK DISCONNECT`;

/** Identifier, type and owners, in the words of table 2-4. */
const SPECIFIED_PROPERTIES = `
01 payloadFormatIndicator byte: PUBLISH WILL
02 messageExpiryInterval four: PUBLISH WILL
03 contentType text: PUBLISH WILL
08 responseTopic text: PUBLISH WILL
09 correlationData binary: PUBLISH WILL
0b subscriptionIdentifier variable: PUBLISH SUBSCRIBE
11 sessionExpiryInterval four: CONNECT CONNACK DISCONNECT
12 assignedClientIdentifier text: CONNACK
13 serverKeepAlive two: CONNACK
15 authenticationMethod text: CONNECT CONNACK AUTH
16 authenticationData binary: CONNECT CONNACK AUTH
17 requestProblemInformation byte: CONNECT
18 willDelayInterval four: WILL
19 requestResponseInformation byte: CONNECT
1a responseInformation text: CONNACK
1c serverReference text: CONNACK DISCONNECT
1f reasonString text: CONNACK PUBACK PUBREC PUBREL PUBCOMP SUBACK UNSUBACK DISCONNECT AUTH
21 receiveMaximum two: CONNECT CONNACK
22 topicAliasMaximum two: CONNECT CONNACK
23 topicAlias two: PUBLISH
24 maximumQos byte: CONNACK
25 retainAvailable byte: CONNACK
26 userProperty pair: CONNECT CONNACK PUBLISH WILL PUBACK PUBREC PUBREL PUBCOMP SUBSCRIBE SUBACK UNSUBSCRIBE UNSUBACK DISCONNECT AUTH
27 maximumPacketSize four: CONNECT CONNACK
28 wildcardSubscriptionAvailable byte: CONNACK
29 subscriptionIdentifierAvailable byte: CONNACK
2a sharedSubscriptionAvailable byte: CONNACK`;

const KIND_NAMES: Record<PropertyKind, string> = {
	[PropertyKind.FLAG]: "byte",
	[PropertyKind.UINT16]: "two",
	[PropertyKind.UINT32]: "four",
	[PropertyKind.VARIABLE]: "variable",
	[PropertyKind.TEXT]: "text",
	[PropertyKind.BINARY]: "binary",
	[PropertyKind.PAIR]: "pair",
};

function ownerByName(name: string): PropertyOwner {
	return name === "WILL" ? WILL : PacketType[name as keyof typeof PacketType];
}

function hex(value: number): string {
	return value.toString(16).padStart(2, "0");
}

test("the reason codes are the specification's", () => {
	const expected = SPECIFIED_REASONS.trim()
		.split("\n")
		.map((line) => {
			const [, code, name, packets] = /^(..) (.*): (.*)$/.exec(line)!;
			return {
				code,
				name,
				packets: packets!
					.split(" ")
					.map(ownerByName)
					.sort((a, b) => a - b),
			};
		});
	const actual = Object.values(REASONS).map(({ code, name, packets }) => ({
		code: hex(code),
		name,
		packets: [...packets].sort((a, b) => a - b),
	}));
	assert.equal(actual.length, 45);
	assert.deepEqual(actual, expected);
	for (const { code, name, packets } of expected) {
		for (const type of TYPES) {
			if (packets.includes(type))
				assert.ok(isReasonFor(type, Number.parseInt(code!, 16)), `${name} in ${type}`);
		}
	}
});

test("Reason has each code under the specification's name in capitals", () => {
	for (const [field, definition] of Object.entries(REASONS)) {
		assert.equal(Reason[field as keyof typeof Reason], definition.code);
		assert.equal(field, definition.name.toUpperCase().replaceAll(/[ -]/g, "_"));
	}
});

test("reason names", () => {
	assert.equal(reasonName(0), "Success");
	assert.equal(reasonName(0x87), "Not authorized");
	assert.equal(reasonName(0x2a), "Reason code 0x2a");
	assert.equal(reasonName(5), "Reason code 0x05");
	for (const { code, name } of Object.values(REASONS)) if (code !== 0) assert.equal(reasonName(code), name);
});

test("return codes below 5.0", () => {
	const expected: [code: number, returnCode: number][] = [
		[Reason.SUCCESS, 0],
		[Reason.UNSUPPORTED_PROTOCOL_VERSION, 1],
		[Reason.CLIENT_IDENTIFIER_NOT_VALID, 2],
		[Reason.SERVER_UNAVAILABLE, 3],
		[Reason.BAD_USER_NAME_OR_PASSWORD, 4],
		[Reason.NOT_AUTHORIZED, 5],
		[Reason.BANNED, 5],
		[Reason.QUOTA_EXCEEDED, 3],
		[0xff, 3],
	];
	for (const [code, returnCode] of expected) assert.equal(returnCodeFor(code), returnCode, reasonName(code));
	for (let code = 0x80; code < 0x100; code++) {
		const returnCode = returnCodeFor(code);
		assert.ok(returnCode >= 1 && returnCode <= 5, `0x${hex(code)}`);
		if (returnCode !== 3) assert.ok(hasReturnCode(code), `0x${hex(code)}`);
	}
	for (const code of [Reason.SERVER_BUSY, Reason.QUOTA_EXCEEDED])
		assert.ok(hasReturnCode(code), reasonName(code));
	for (const code of [Reason.SUCCESS, Reason.MALFORMED_PACKET, Reason.QOS_NOT_SUPPORTED, 0xff]) {
		assert.ok(!hasReturnCode(code), reasonName(code));
	}
});

/** A packet of this type with this code in each place where it has one; null when it has none. */
function bearing(type: PacketType, code: number): Packet | null {
	const properties = null;
	switch (type) {
		case PacketType.CONNACK:
			return { type, sessionPresent: false, reasonCode: code, properties };
		case PacketType.PUBACK:
		case PacketType.PUBREC:
		case PacketType.PUBREL:
		case PacketType.PUBCOMP:
			return { type, packetId: 1, reasonCode: code, properties };
		case PacketType.SUBACK:
		case PacketType.UNSUBACK:
			return { type, packetId: 1, properties, reasonCodes: [0, code] };
		case PacketType.DISCONNECT:
			return { type, reasonCode: code, properties };
		case PacketType.AUTH:
			return { type, reasonCode: code, properties: { authenticationMethod: "m" } };
		default:
			return null;
	}
}

test("each packet type takes its own reason codes and refuses all others", () => {
	let taken = 0;
	for (const type of TYPES) {
		for (let code = 0; code < 256; code++) {
			const packet = bearing(type, code);
			if (packet === null) continue;
			const bytes = new Uint8Array(encodedLength(packet, 5, textCodec));
			encodePacket(packet, 5, bytes, 0, textCodec);
			const own = Object.values(REASONS).some(
				(reason) => reason.code === code && reason.packets.includes(type),
			);
			if (own) {
				assert.deepEqual(decodePacket(bytes, 0, bytes.length, 5, textCodec), packet);
				taken++;
			} else {
				assert.throws(
					() => decodePacket(bytes, 0, bytes.length, 5, textCodec),
					(error) => error instanceof MqttError && error.code === Reason.PROTOCOL_ERROR,
					`${type} 0x${hex(code)}`,
				);
			}
		}
	}
	assert.equal(
		taken,
		Object.values(REASONS).reduce((sum, reason) => sum + reason.packets.length, 0),
	);
});

test("the properties are the specification's", () => {
	const expected = SPECIFIED_PROPERTIES.trim()
		.split("\n")
		.map((line) => {
			const [, id, name, kind, owners] = /^(..) (\w+) (\w+): (.*)$/.exec(line)!;
			return {
				id,
				name,
				kind,
				owners: owners!
					.split(" ")
					.map(ownerByName)
					.sort((a, b) => a - b),
			};
		});
	const actual = PROPERTIES.map(({ id, name, kind, owners }) => ({
		id: hex(id),
		name,
		kind: KIND_NAMES[kind],
		owners: [...owners].sort((a, b) => a - b),
	}));
	assert.equal(actual.length, 27);
	assert.deepEqual(actual, expected);
});

/** The octets of a property with a value in its range, and that value as decoded. */
function sample(id: number, kind: PropertyKind): [octets: number[], value: unknown] {
	switch (kind) {
		case PropertyKind.FLAG:
			return [[id, 1], 1];
		case PropertyKind.UINT16:
			return [[id, 1, 2], 0x102];
		case PropertyKind.UINT32:
			return [[id, 0xff, 2, 3, 4], 0xff020304];
		case PropertyKind.VARIABLE:
			return [[id, 0xff, 0xff, 0xff, 0x7f], [268_435_455]];
		case PropertyKind.TEXT:
			return [[id, 0, 2, 0xc3, 0xa9], "é"];
		case PropertyKind.BINARY:
			return [[id, 0, 2, 0, 0xff], Uint8Array.of(0, 0xff)];
		case PropertyKind.PAIR:
			return [[id, 0, 1, 0x61, 0, 1, 0x62], [["a", "b"]]];
	}
}

test("each property decodes where it is allowed, once, whole, and nowhere else", () => {
	const read = (octets: number[], owner: PropertyOwner): Properties =>
		readProperties(Uint8Array.from(octets), 0, octets.length, owner, textCodec);
	const refusal = (code: number) => (error: unknown) => error instanceof MqttError && error.code === code;
	for (const { id, name, kind, owners } of PROPERTIES) {
		const [octets, value] = sample(id, kind);
		for (const owner of [WILL, ...TYPES] as PropertyOwner[]) {
			if (!owners.includes(owner)) {
				assert.throws(() => read(octets, owner), refusal(Reason.MALFORMED_PACKET), `${name} in ${owner}`);
				continue;
			}
			assert.deepEqual(read(octets, owner), { [name]: value });
			for (let end = 1; end < octets.length; end++) {
				assert.throws(() => read(octets.slice(0, end), owner), refusal(Reason.MALFORMED_PACKET));
			}
			const twice = [...octets, ...octets];
			if (name === "userProperty" || (name === "subscriptionIdentifier" && owner === PacketType.PUBLISH)) {
				const values = value as unknown[];
				assert.deepEqual(read(twice, owner), { [name]: [...values, ...values] });
			} else {
				assert.throws(() => read(twice, owner), refusal(Reason.PROTOCOL_ERROR), `${name} twice in ${owner}`);
			}
		}
	}
});
