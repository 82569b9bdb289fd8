/** The fixed header, and what else works on octets in place: limits, positions, errors. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
	connectVersion,
	decodePacket,
	encodePacket,
	frameLength,
	MAXIMUM_PACKET_SIZE,
	MqttError,
	type ProtocolVersion,
	PublishView,
	Reason,
	readAck,
	readPublish,
	writeAck,
} from "../../../src/packet/packet.ts";
import { isWellFormed } from "../../../src/packet/text.ts";
import { textCodec } from "../../fake/text.ts";
import { text } from "./arbitrary.ts";

function refusal(code: number): (error: unknown) => boolean {
	return (error) => error instanceof MqttError && error.code === code;
}

test("remaining lengths of table 2.4, one to four octets", () => {
	const cases: [octets: number[], length: number][] = [
		[[0x00], 0],
		[[0x7f], 127],
		[[0x80, 0x01], 128],
		[[0xff, 0x7f], 16_383],
		[[0x80, 0x80, 0x01], 16_384],
		[[0xff, 0xff, 0x7f], 2_097_151],
		[[0x80, 0x80, 0x80, 0x01], 2_097_152],
		[[0xff, 0xff, 0xff, 0x7f], 268_435_455],
	];
	for (const [octets, length] of cases) {
		const bytes = Uint8Array.of(0xee, 0x30, ...octets);
		const total = 1 + octets.length + length;
		assert.equal(frameLength(bytes, 1, bytes.length, MAXIMUM_PACKET_SIZE), total);
		assert.equal(frameLength(bytes, 1, bytes.length, total), total);
		assert.throws(() => frameLength(bytes, 1, bytes.length, total - 1), refusal(Reason.PACKET_TOO_LARGE));
		for (let end = 1; end < bytes.length; end++) {
			assert.equal(frameLength(bytes, 1, end, MAXIMUM_PACKET_SIZE), 0, `${octets} up to ${end}`);
		}
	}
	assert.equal(MAXIMUM_PACKET_SIZE, 1 + 4 + 268_435_455);
});

test("octets past the end are not looked at", () => {
	assert.equal(frameLength(Uint8Array.of(0x30, 0x80, 0xff, 0xff, 0xff, 0xff), 0, 2, 1000), 0);
	assert.equal(frameLength(Uint8Array.of(0x00, 0x00), 0, 1, 1000), 0);
	assert.equal(frameLength(Uint8Array.of(0x30, 0x00), 2, 2, 1000), 0);
});

test("a fifth octet of length is malformed, whatever the maximum", () => {
	for (const fifth of [0x00, 0x01, 0x7f, 0x80, 0xff]) {
		const bytes = Uint8Array.of(0x30, 0x80, 0x80, 0x80, 0x80, fifth);
		assert.throws(() => frameLength(bytes, 0, 6, MAXIMUM_PACKET_SIZE), refusal(Reason.MALFORMED_PACKET));
		assert.throws(() => frameLength(bytes, 0, 5, 10), refusal(Reason.MALFORMED_PACKET), "seen at once");
	}
});

test("an error names packet, size and limit", () => {
	const bytes = Uint8Array.of(0x30, 0xff, 0x7f);
	assert.throws(() => frameLength(bytes, 0, 3, 100), /^MqttError: PUBLISH of 16386 octets .* maximum, 100$/);
});

test("decodePacket refuses what is not exactly one frame", () => {
	const bytes = Uint8Array.of(0xc0, 0x00, 0xc0, 0x00);
	for (const end of [0, 1, 3, 4]) {
		assert.throws(() => decodePacket(bytes, 0, end, 4, textCodec), refusal(Reason.MALFORMED_PACKET));
	}
	assert.deepEqual(decodePacket(bytes, 2, 4, 4, textCodec), { type: 12 });
});

test("readPublish gives absolute positions and clears what a packet before had", () => {
	const view = new PublishView();
	const full = Uint8Array.of(0xaa, 0x3d, 0x0b, 0, 2, 0x61, 0x62, 0x12, 0x34, 3, 0x23, 0, 1, 0x70);
	readPublish(full, 1, full.length, 5, view);
	assert.deepEqual(
		{ ...view },
		{
			dup: true,
			qos: 2,
			retain: true,
			packetId: 0x1234,
			topicStart: 5,
			topicEnd: 7,
			propertiesStart: 10,
			propertiesEnd: 13,
			payloadStart: 13,
			payloadEnd: 14,
		},
	);
	readPublish(Uint8Array.of(0x30, 3, 0, 1, 0x61), 0, 5, 4, view);
	assert.deepEqual(
		{ ...view },
		{
			dup: false,
			qos: 0,
			retain: false,
			packetId: 0,
			topicStart: 4,
			topicEnd: 5,
			propertiesStart: 5,
			propertiesEnd: 5,
			payloadStart: 5,
			payloadEnd: 5,
		},
	);
});

test("readPublish leaves an empty topic with properties to the caller in 5.0", () => {
	const view = new PublishView();
	readPublish(Uint8Array.of(0x30, 3, 0, 0, 0), 0, 5, 5, view);
	assert.equal(view.topicStart, view.topicEnd);
	assert.throws(
		() => readPublish(Uint8Array.of(0x30, 2, 0, 0), 0, 4, 4, view),
		refusal(Reason.MALFORMED_PACKET),
	);
});

/** A variable byte integer (section 1.5.5). */
function variable(value: number): number[] {
	return value < 128 ? [value] : [(value & 127) | 128, ...variable(value >> 7)];
}

test("property lists whose length takes one to four octets", () => {
	const view = new PublishView();
	for (const length of [1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152]) {
		const head = [0, 1, 0x61, ...variable(length)];
		const header = [0x30, ...variable(head.length + length + 2)];
		const start = header.length + head.length;
		const bytes = new Uint8Array(start + length + 2);
		bytes.set([...header, ...head]);
		readPublish(bytes, 0, bytes.length, 5, view);
		assert.deepEqual([view.propertiesStart, view.propertiesEnd], [start, start + length]);
		assert.deepEqual([view.payloadStart, view.payloadEnd], [start + length, bytes.length]);
		const cut = start + length - 1;
		assert.throws(() => readPublish(bytes, 0, cut, 5, view), refusal(Reason.MALFORMED_PACKET));
	}
});

test("writeAck", () => {
	const ack = { packetId: 0, reasonCode: 0 };
	const cases: [type: 4 | 5 | 6 | 7, reason: number, version: ProtocolVersion, octets: number[]][] = [
		[4, 0, 3, [0x40, 2, 0xab, 0xcd]],
		[4, 0, 5, [0x40, 2, 0xab, 0xcd]],
		[4, 0x10, 5, [0x40, 3, 0xab, 0xcd, 0x10]],
		[4, 0x87, 4, [0x40, 2, 0xab, 0xcd]],
		[5, 0x97, 5, [0x50, 3, 0xab, 0xcd, 0x97]],
		[6, 0, 4, [0x62, 2, 0xab, 0xcd]],
		[6, 0x92, 5, [0x62, 3, 0xab, 0xcd, 0x92]],
		[7, 0x92, 5, [0x70, 3, 0xab, 0xcd, 0x92]],
	];
	for (const [type, reasonCode, version, octets] of cases) {
		const bytes = new Uint8Array(octets.length + 2);
		assert.equal(writeAck(bytes, 1, type, 0xabcd, reasonCode, version), 1 + octets.length);
		assert.deepEqual([...bytes], [0, ...octets, 0]);
		readAck(bytes, 1, 1 + octets.length, version, ack);
		assert.deepEqual(ack, { packetId: 0xabcd, reasonCode: version === 5 ? reasonCode : 0 });
		const short = new Uint8Array(octets.length);
		assert.throws(() => writeAck(short, 1, type, 1, reasonCode, version), RangeError);
		assert.deepEqual(short, new Uint8Array(octets.length), "nothing was written");
	}
});

test("connectVersion tells how to answer a CONNECT that was refused", () => {
	const connect = (name: string, ...rest: number[]): number => {
		const body = [0, name.length, ...Buffer.from(name), ...rest];
		const bytes = Uint8Array.of(0xff, 0x10, body.length, ...body, 0xff);
		return connectVersion(bytes, 1, bytes.length - 1);
	};
	assert.equal(connect("MQTT", 5, 3), 5);
	assert.equal(connect("MQTT", 4), 4);
	assert.equal(connect("MQTT", 0x84), 4);
	assert.equal(connect("MQIsdp", 3), 3);
	assert.equal(connect("MQIsdp", 0x83), 3);
	for (const [name, ...rest] of [
		["MQTT", 6],
		["MQTT", 3],
		["MQIsdp", 4],
		["HTTP", 4],
		["MQTT"],
		["MQIsdp"],
	] as const) {
		assert.equal(connect(name, ...rest), 0, `${name} ${rest}`);
	}
	assert.equal(connectVersion(Uint8Array.of(0x10, 0), 0, 2), 0);
	assert.equal(connectVersion(Uint8Array.of(0x10, 1, 0), 0, 3), 0);
});

test("a value out of its field's range is a RangeError, and nothing is written", () => {
	const connect = {
		type: 1,
		version: 5,
		bridge: false,
		cleanStart: true,
		keepAlive: 60,
		clientId: "c",
		will: null,
		username: null,
		password: null,
		properties: null,
	} as const;
	const will = { topic: "w", payload: new Uint8Array(0), qos: 0, retain: false, properties: null } as const;
	const publish = {
		type: 3,
		dup: false,
		qos: 1,
		retain: false,
		topic: "t",
		packetId: 1,
		properties: null,
		payload: new Uint8Array(0),
	} as const;
	const request = {
		topicFilter: "a",
		qos: 0,
		noLocal: false,
		retainAsPublished: false,
		retainHandling: 0,
	} as const;
	const subscribe = { type: 8, packetId: 1, properties: null, subscriptions: [request] } as const;
	const long = "x".repeat(65_536);
	const cases: [packet: unknown, version: ProtocolVersion, message: RegExp][] = [
		[{ ...connect, keepAlive: 65_536 }, 5, /keep alive/],
		[{ ...connect, clientId: long }, 5, /client identifier/],
		[{ ...connect, clientId: "a\0" }, 5, /client identifier has U\+0000/],
		[{ ...connect, bridge: true }, 5, /bridge/],
		[{ ...connect, username: long }, 5, /user name/],
		[{ ...connect, version: 4, password: new Uint8Array(1) }, 5, /password/],
		[{ ...connect, password: new Uint8Array(65_536) }, 5, /password/],
		[{ ...connect, properties: { receiveMaximum: 0 } }, 5, /receiveMaximum/],
		[{ ...connect, properties: { sessionExpiryInterval: 4_294_967_296 } }, 5, /sessionExpiryInterval/],
		[{ ...connect, properties: { topicAliasMaximum: 1.5 } }, 5, /topicAliasMaximum/],
		[{ ...connect, properties: { requestProblemInformation: 2 } }, 5, /requestProblemInformation/],
		[{ ...connect, properties: { authenticationData: new Uint8Array(65_536) } }, 5, /authenticationData/],
		[{ ...connect, properties: { userProperty: [["k", long]] } }, 5, /userProperty/],
		[{ ...connect, will: { ...will, qos: 3 } }, 5, /will QoS/],
		[{ ...connect, will: { ...will, topic: long } }, 5, /will topic/],
		[{ ...connect, will: { ...will, payload: new Uint8Array(65_536) } }, 5, /will payload/],
		[{ ...publish, packetId: 0 }, 4, /packet identifier of PUBLISH/],
		[{ ...publish, packetId: 65_536 }, 4, /packet identifier of PUBLISH/],
		[{ ...publish, qos: 3 }, 4, /QoS/],
		[{ ...publish, qos: 0, dup: true }, 4, /DUP/],
		[{ ...publish, topic: long }, 4, /topic/],
		[{ ...publish, properties: { subscriptionIdentifier: [268_435_456] } }, 5, /subscriptionIdentifier/],
		[{ ...publish, properties: { subscriptionIdentifier: [0] } }, 5, /subscriptionIdentifier/],
		[{ type: 4, packetId: 0, reasonCode: 0, properties: null }, 4, /packet identifier of PUBACK/],
		[{ type: 6, packetId: 1, reasonCode: 256, properties: null }, 5, /reason code/],
		[{ ...subscribe, packetId: -1 }, 4, /packet identifier/],
		[{ ...subscribe, subscriptions: [{ ...request, qos: 3 }] }, 4, /QoS/],
		[{ ...subscribe, subscriptions: [{ ...request, retainHandling: 3 }] }, 5, /retain handling/],
		[{ ...subscribe, subscriptions: [{ ...request, topicFilter: long }] }, 5, /topic filter/],
		[{ type: 9, packetId: 1, properties: null, reasonCodes: [-1] }, 5, /reason code/],
		[{ type: 10, packetId: 1, properties: null, topicFilters: [long] }, 5, /topic filter/],
		[{ type: 15, reasonCode: 0, properties: null }, 4, /AUTH/],
	];
	const bytes = new Uint8Array(200_000);
	for (const [packet, version, message] of cases) {
		assert.throws(
			() => encodePacket(packet as Parameters<typeof encodePacket>[0], version, bytes, 0, textCodec),
			(error) => error instanceof RangeError && message.test(error.message),
			String(message),
		);
	}
	assert.ok(
		bytes.every((octet) => octet === 0),
		"nothing was written",
	);
});

test("below 5.0, 5.0 codes become those that say the same", () => {
	const bytes = new Uint8Array(20);
	const connack = {
		type: 2,
		sessionPresent: false,
		reasonCode: Reason.NOT_AUTHORIZED,
		properties: null,
	} as const;
	assert.deepEqual([...bytes.subarray(0, encodePacket(connack, 4, bytes, 0, textCodec))], [0x20, 2, 0, 5]);
	const suback = { type: 9, packetId: 1, properties: null, reasonCodes: [2, Reason.QUOTA_EXCEEDED] } as const;
	const end = encodePacket({ ...suback, reasonCodes: [...suback.reasonCodes] }, 3, bytes, 0, textCodec);
	assert.deepEqual([...bytes.subarray(0, end)], [0x90, 4, 0, 1, 2, 0x80]);
	const unsuback = { type: 11, packetId: 1, properties: null, reasonCodes: [0x11] } as const;
	const last = encodePacket({ ...unsuback, reasonCodes: [...unsuback.reasonCodes] }, 4, bytes, 0, textCodec);
	assert.deepEqual([...bytes.subarray(0, last)], [0xb0, 2, 0, 1]);
});

test("properties that a packet type does not have are left out", () => {
	const bytes = new Uint8Array(20);
	const properties = { topicAlias: 1, reasonString: "r" };
	const end = encodePacket({ type: 4, packetId: 1, reasonCode: 0, properties }, 5, bytes, 0, textCodec);
	assert.deepEqual(decodePacket(bytes, 0, end, 5, textCodec), {
		type: 4,
		packetId: 1,
		reasonCode: 0,
		properties: { reasonString: "r" },
	});
});

test("isWellFormed agrees with the platform's decoder", () => {
	const check = (octets: Uint8Array): boolean => {
		const around = new Uint8Array(octets.length + 4).fill(0x80);
		around.set(octets, 2);
		const well = isWellFormed(around, 2, 2 + octets.length);
		assert.equal(well, textCodec.isValid(around, 2, 2 + octets.length), Buffer.from(octets).toString("hex"));
		return well;
	};
	let well = 0;
	fc.assert(
		fc.property(
			text,
			fc.array(fc.tuple(fc.nat(40), fc.integer({ min: 0, max: 255 })), { maxLength: 2 }),
			(t, edits) => {
				const octets = new Uint8Array(Buffer.from(t));
				for (const [index, octet] of edits) if (index < octets.length) octets[index] = octet;
				if (check(octets)) well++;
			},
		),
		{ numRuns: 5000 },
	);
	assert.ok(well > 1000 && well < 5000, `${well} well-formed`);
	// Every lead with the edges of what may follow.
	const edges = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff];
	for (let lead = 0; lead < 256; lead++) {
		check(Uint8Array.of(lead));
		for (const second of edges) {
			check(Uint8Array.of(lead, second));
			for (const third of edges) {
				check(Uint8Array.of(lead, second, third));
				check(Uint8Array.of(lead, second, third, 0x80));
				check(Uint8Array.of(lead, second, third, 0x7f));
			}
		}
	}
});
