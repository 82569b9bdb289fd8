/** Decoding what was encoded gives the same packet, for every packet type and version, and from any split. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
	decodePacket,
	encodedLength,
	encodePacket,
	frameLength,
	MAXIMUM_PACKET_SIZE,
	type Packet,
	type ProtocolVersion,
	PublishView,
	publishLength,
	readAck,
	readProperties,
	readPublish,
	writePublish,
} from "../../../src/packet/packet.ts";
import { textCodec } from "../../fake/text.ts";
import { Feed } from "../../vectors/feed.ts";
import { KINDS, packet as packets } from "./arbitrary.ts";

function encode(packet: Packet, version: ProtocolVersion): Uint8Array {
	const bytes = new Uint8Array(encodedLength(packet, version, textCodec));
	assert.equal(encodePacket(packet, version, bytes, 0, textCodec), bytes.length);
	return bytes;
}

assert.equal(KINDS.length, 14 * 3 + 1);

for (const [name, type, version] of KINDS) {
	test(`${name}: decoding inverts encoding`, () => {
		fc.assert(
			fc.property(packets(type, version), (packet) => {
				const bytes = encode(packet, version);
				assert.equal(frameLength(bytes, 0, bytes.length, MAXIMUM_PACKET_SIZE), bytes.length);
				assert.deepEqual(decodePacket(bytes, 0, bytes.length, version, textCodec), packet);
			}),
			{ numRuns: 300 },
		);
	});

	test(`${name}: what is decoded shares nothing with the buffer`, () => {
		fc.assert(
			fc.property(packets(type, version), (packet) => {
				const bytes = encode(packet, version);
				// The slice of a Buffer is a view, unlike that of a Uint8Array.
				for (const frame of [bytes.slice(), Buffer.from(bytes)]) {
					const decoded = decodePacket(frame, 0, frame.length, version, textCodec);
					frame.fill(0xff);
					assert.deepEqual(decoded, packet);
				}
			}),
			{ numRuns: 30 },
		);
	});

	test(`${name}: every proper prefix is incomplete, not an error`, () => {
		fc.assert(
			fc.property(packets(type, version), (packet) => {
				const bytes = encode(packet, version);
				const header = bytes.findIndex((octet, index) => index > 0 && octet < 128) + 1;
				for (let end = 0; end < bytes.length; end++) {
					const length = frameLength(bytes, 0, end, MAXIMUM_PACKET_SIZE);
					assert.equal(length, end < header ? 0 : bytes.length);
				}
			}),
			{ numRuns: 30 },
		);
	});

	test(`${name}: does not fit into one octet less`, () => {
		fc.assert(
			fc.property(packets(type, version), (packet) => {
				const length = encodedLength(packet, version, textCodec);
				const bytes = new Uint8Array(length + 4).fill(0x5a);
				assert.throws(() => encodePacket(packet, version, bytes, 5, textCodec), RangeError);
				assert.ok(
					bytes.every((octet) => octet === 0x5a),
					"nothing was written",
				);
			}),
			{ numRuns: 30 },
		);
	});
}

for (const version of [3, 4, 5] as const) {
	const types = KINDS.filter((kind) => kind[2] === version).map((kind) => kind[1]);
	const any = fc.constantFrom(...types).chain((type) => packets(type, version));

	test(`${version}: a stream of packets comes out the same from any split`, () => {
		fc.assert(
			fc.property(
				fc.array(any, { minLength: 1, maxLength: 8 }),
				fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 20 }),
				(list, sizes) => {
					const stream = Buffer.concat(list.map((packet) => encode(packet, version)));
					const feed = new Feed(version, textCodec, MAXIMUM_PACKET_SIZE);
					for (let start = 0, turn = 0; start < stream.length; turn++) {
						const end = start + sizes[turn % sizes.length]!;
						feed.push(stream.subarray(start, end));
						start = end;
					}
					assert.deepEqual(feed.packets, list);
					assert.equal(feed.waiting, 0);
				},
			),
			{ numRuns: 200 },
		);
	});

	test(`${version}: readPublish and writePublish agree with the whole packet`, () => {
		const view = new PublishView();
		fc.assert(
			fc.property(packets(3, version), fc.integer({ min: 0, max: 5 }), (packet, offset) => {
				assert.ok(packet.type === 3);
				const expected = encode(packet, version);
				const { dup, qos, retain, packetId, properties, payload } = packet;
				const around = new Uint8Array(payload.length + 2 * offset);
				around.set(payload, offset);
				const source = {
					topic: Buffer.from(packet.topic),
					payload: around,
					payloadStart: offset,
					payloadEnd: offset + payload.length,
				};
				assert.equal(publishLength(source, version, qos, properties, textCodec), expected.length);
				const bytes = new Uint8Array(offset + expected.length);
				const write = (into: Uint8Array): number =>
					writePublish(into, offset, source, version, dup, qos, retain, packetId, properties, textCodec);
				const end = write(bytes);
				assert.deepEqual(bytes.subarray(offset, end), expected);
				assert.throws(() => write(bytes.subarray(0, -1)), RangeError);

				readPublish(bytes, offset, end, version, view);
				assert.deepEqual([view.dup, view.qos, view.retain, view.packetId], [dup, qos, retain, packetId]);
				assert.equal(textCodec.decode(bytes, view.topicStart, view.topicEnd), packet.topic);
				assert.deepEqual(bytes.slice(view.payloadStart, view.payloadEnd), payload);
				const { propertiesStart, propertiesEnd } = view;
				if (properties === null) assert.equal(propertiesStart, propertiesEnd);
				else {
					const read = readProperties(bytes, propertiesStart, propertiesEnd, 3, textCodec);
					assert.deepEqual(read, properties);
				}
			}),
			{ numRuns: 300 },
		);
	});

	test(`${version}: readAck agrees with the whole packet`, () => {
		const view = { packetId: 0, reasonCode: 0 };
		const acks = fc.constantFrom(4 as const, 5 as const, 6 as const, 7 as const);
		fc.assert(
			fc.property(
				acks.chain((type) => packets(type, version)),
				(packet) => {
					assert.ok("packetId" in packet && "reasonCode" in packet);
					const bytes = encode(packet, version);
					readAck(bytes, 0, bytes.length, version, view);
					assert.deepEqual(view, { packetId: packet.packetId, reasonCode: packet.reasonCode });
				},
			),
			{ numRuns: 500 },
		);
	});
}
