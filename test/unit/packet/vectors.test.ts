/** The wire cases of test/vectors/packet: whole, at an offset, and one octet at a time. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
	decodePacket,
	encodedLength,
	encodePacket,
	frameLength,
	MqttError,
	type Packet,
	type ProtocolVersion,
	PublishView,
	Reason,
	readAck,
	readPublish,
} from "../../../src/packet/packet.ts";
import { textCodec } from "../../fake/text.ts";
import { encoded, Feed } from "./feed.ts";

interface Case {
	name: string;
	version: ProtocolVersion;
	hex: string;
	/** The statement of the specification that the case shows. */
	statement?: string;
}
interface ValidCase extends Case {
	packet: unknown;
	/** False where the encoder has a shorter or cleaner form. */
	canonical?: boolean;
}
interface MalformedCase extends Case {
	reason: keyof typeof Reason;
}

const MAXIMUM = 1_000_000;

function load<T>(name: string): T[] {
	const url = new URL(`../../vectors/packet/${name}.json`, import.meta.url);
	const cases = JSON.parse(readFileSync(url, "utf8"), (_key, value) => {
		const isBinary = typeof value === "object" && value !== null && "hex" in value && !("name" in value);
		return isBinary ? new Uint8Array(Buffer.from(value.hex, "hex")) : value;
	}) as T[];
	assert.ok(cases.length > 50, `${name}.json has ${cases.length} cases`);
	return cases;
}

function title(kind: string, { name, statement }: Case): string {
	return `${kind}: ${name}${statement === undefined ? "" : ` [${statement}]`}`;
}

/** A copy amid other octets, so that a read or write outside the frame shows. */
function embed(frame: Uint8Array): Uint8Array {
	const bytes = new Uint8Array(frame.length + 8).fill(0xa5);
	bytes.set(frame, 3);
	return bytes;
}

for (const each of load<ValidCase>("valid")) {
	const frame = encoded(each.hex);
	const packet = each.packet as Packet;

	test(title("decodes", each), () => {
		assert.deepEqual(decodePacket(frame, 0, frame.length, each.version, textCodec), packet);
		assert.deepEqual(decodePacket(embed(frame), 3, 3 + frame.length, each.version, textCodec), packet);
	});

	test(title("octet by octet", each), () => {
		const feed = new Feed(each.version, textCodec, MAXIMUM);
		for (const octet of frame.subarray(0, -1)) feed.push(Uint8Array.of(octet));
		assert.equal(feed.packets.length, 0);
		assert.equal(feed.waiting, frame.length - 1);
		feed.push(frame.subarray(-1));
		assert.deepEqual(feed.packets, [packet]);
		assert.equal(feed.waiting, 0);
	});

	if (each.canonical !== false) {
		test(title("encodes", each), () => {
			assert.equal(encodedLength(packet, each.version, textCodec), frame.length);
			const bytes = new Uint8Array(frame.length + 8).fill(0xa5);
			assert.equal(encodePacket(packet, each.version, bytes, 3, textCodec), 3 + frame.length);
			assert.deepEqual(bytes, embed(frame));
		});
	}
}

for (const each of load<MalformedCase>("malformed")) {
	const frame = encoded(each.hex);
	const expected = (error: unknown): boolean => {
		assert.ok(error instanceof MqttError, String(error));
		assert.equal(error.code, Reason[each.reason], error.message);
		assert.match(error.message, /[a-z]/);
		return true;
	};

	test(title("refuses", each), () => {
		const whole = (bytes: Uint8Array, start: number, end: number): void => {
			assert.equal(frameLength(bytes, start, end, MAXIMUM), end - start, "the case is one whole frame");
			decodePacket(bytes, start, end, each.version, textCodec);
		};
		assert.throws(() => whole(frame, 0, frame.length), expected);
		assert.throws(() => whole(embed(frame), 3, 3 + frame.length), expected);
	});

	test(title("refuses octet by octet", each), () => {
		const feed = new Feed(each.version, textCodec, MAXIMUM);
		assert.throws(() => {
			for (const octet of frame) feed.push(Uint8Array.of(octet));
		}, expected);
		assert.equal(feed.packets.length, 0);
	});
}

test("the hot readers agree with decodePacket on every case", () => {
	const view = new PublishView();
	const ack = { packetId: 0, reasonCode: 0 };
	let publishes = 0;
	let acks = 0;
	for (const each of load<ValidCase>("valid")) {
		const frame = encoded(each.hex);
		const packet = each.packet as Packet;
		if (packet.type === 3) {
			readPublish(frame, 0, frame.length, each.version, view);
			const { dup, qos, retain, packetId } = view;
			assert.deepEqual(
				{ dup, qos, retain, packetId, payload: frame.slice(view.payloadStart, view.payloadEnd) },
				{
					dup: packet.dup,
					qos: packet.qos,
					retain: packet.retain,
					packetId: packet.packetId,
					payload: packet.payload,
				},
				each.name,
			);
			assert.equal(textCodec.decode(frame, view.topicStart, view.topicEnd), packet.topic);
			assert.equal(view.propertiesEnd > view.propertiesStart, packet.properties !== null);
			publishes++;
		} else if (packet.type >= 4 && packet.type <= 7) {
			readAck(frame, 0, frame.length, each.version, ack);
			const { packetId, reasonCode } = packet as { packetId: number; reasonCode: number };
			assert.deepEqual(ack, { packetId, reasonCode }, each.name);
			acks++;
		}
	}
	for (const each of load<MalformedCase>("malformed")) {
		const frame = encoded(each.hex);
		const type = frame[0]! >> 4;
		if (type < 4 || type > 7) continue;
		assert.throws(
			() => readAck(frame, 0, frame.length, each.version, ack),
			(error) => error instanceof MqttError && error.code === Reason[each.reason],
			each.name,
		);
		acks++;
	}
	assert.ok(publishes > 10 && acks > 60, `${publishes} publishes, ${acks} acknowledgements`);
});
