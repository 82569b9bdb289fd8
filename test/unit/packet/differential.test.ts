/** The same packets through npm's mqtt-packet: what one writes, the other reads. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import * as foreign from "mqtt-packet";
import {
	decodePacket,
	encodedLength,
	encodePacket,
	type Packet,
	PacketType,
	type Properties,
	type ProtocolVersion,
} from "../../../src/packet/packet.ts";
import { textCodec } from "../../fake/text.ts";
import { KINDS, packet as packets } from "./arbitrary.ts";
import { fromForeign, toForeign } from "./mqtt-packet.ts";

/** Their user properties are an object: names that are unique, and that keep their order. */
function nameOnce(properties: Properties | null): void {
	properties?.userProperty?.forEach((pair, index) => {
		pair[0] = `n${index}${pair[0]}`;
	});
}

/** Makes of a packet one that mqtt-packet can express. */
function expressible(packet: Packet): Packet {
	if ("properties" in packet) nameOnce(packet.properties);
	if (packet.type === PacketType.CONNECT) {
		nameOnce(packet.will?.properties ?? null);
		if (packet.username === null) packet.password = null; // it knows no password alone, not even in 5.0
		if (packet.clientId === "") packet.cleanStart = true; // it asks for that in 5.0, too
	}
	// Its table has no "Bad authentication method" for this packet.
	if (packet.type === PacketType.DISCONNECT && packet.reasonCode === 0x8c) packet.reasonCode = 0x82;
	// It reads no AUTH without a body.
	if (packet.type === PacketType.AUTH) packet.properties ??= { authenticationMethod: "m" };
	return packet;
}

function theirs(bytes: Uint8Array, version: ProtocolVersion): Packet {
	const found: unknown[] = [];
	const parser = foreign.parser({ protocolVersion: version });
	parser.on("packet", (packet) => found.push(packet));
	parser.on("error", (error) => {
		throw error;
	});
	assert.equal(parser.parse(Buffer.from(bytes)), 0, "nothing is left over");
	assert.equal(found.length, 1);
	return fromForeign(found[0] as Record<string, unknown>, version);
}

for (const [name, type, version] of KINDS) {
	test(`${name}: mqtt-packet writes, we read`, () => {
		fc.assert(
			fc.property(packets(type, version).map(expressible), (packet) => {
				const bytes = foreign.generate(toForeign(packet, version) as unknown as foreign.Packet, {
					protocolVersion: version,
				});
				assert.deepEqual(decodePacket(bytes, 0, bytes.length, version, textCodec), packet);
			}),
			{ numRuns: 200 },
		);
	});

	test(`${name}: we write, mqtt-packet reads`, () => {
		fc.assert(
			fc.property(packets(type, version).map(expressible), (packet) => {
				const bytes = new Uint8Array(encodedLength(packet, version, textCodec));
				encodePacket(packet, version, bytes, 0, textCodec);
				assert.deepEqual(theirs(bytes, version), packet);
			}),
			{ numRuns: 200 },
		);
	});
}
