/** Repeatable mutation of packets: a seed, and valid packets to begin with, give the same octets every time. */

import type { PacketType, ProtocolVersion } from "../../src/packet/packet.ts";

/** A valid packet, and the version that it is of. */
export interface Specimen {
	bytes: Uint8Array;
	version: ProtocolVersion;
	type: PacketType;
}

/** A small generator (mulberry32): enough for tests, and the same everywhere. */
export class Random {
	private state: number;

	constructor(seed: number) {
		this.state = seed >>> 0;
	}

	/** An integer from 0 to `limit` - 1. */
	below(limit: number): number {
		this.state = (this.state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * limit);
	}

	pick<T>(list: ArrayLike<T>): T {
		return list[this.below(list.length)]!;
	}
}

/** Octets at the edges of what fields allow. */
const EDGES = [
	0, 1, 2, 3, 4, 5, 0x0b, 0x1f, 0x23, 0x26, 0x2b, 0x2f, 0x7f, 0x80, 0x81, 0xc0, 0xed, 0xf4, 0xfe, 0xff,
];

/** Mutations grow a packet at most to this. */
const LIMIT = 4096;

/** One small damage to `bytes`; `other` is a packet to take pieces from. */
export function damage(bytes: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
	const at = random.below(bytes.length + 1);
	const kind = random.below(9);
	if (kind <= 3 && bytes.length > 0) {
		const changed = bytes.slice();
		const index = Math.min(at, bytes.length - 1);
		if (kind === 0) changed[index]! ^= 1 << random.below(8);
		else if (kind === 1) changed[index] = random.below(256);
		else if (kind === 2) changed[index] = random.pick(EDGES);
		else changed[index]! += random.below(2) === 0 ? 1 : -1;
		return changed;
	}
	const count = random.below(random.below(4) === 0 ? 64 : 4) + 1;
	switch (kind) {
		case 4: // cut a piece out
			return join(bytes.subarray(0, at), bytes.subarray(at + count));
		case 5: // cut the end off
			return bytes.slice(0, at);
		case 6: // repeat a piece
			return join(bytes.subarray(0, at + count), bytes.subarray(at));
		case 7: {
			// put octets in
			const inserted = Uint8Array.from({ length: count }, () => random.pick(EDGES));
			return join(bytes.subarray(0, at), inserted, bytes.subarray(at));
		}
		default: // go on with another packet
			return join(bytes.subarray(0, at), other.subarray(random.below(other.length + 1)));
	}
}

function join(...parts: Uint8Array[]): Uint8Array {
	const length = parts.reduce((sum, part) => sum + part.length, 0);
	const joined = new Uint8Array(Math.min(length, LIMIT));
	let at = 0;
	for (const part of parts) {
		joined.set(part.subarray(0, LIMIT - at), at);
		at += part.length;
		if (at >= LIMIT) break;
	}
	return joined;
}

/** The same packet with a remaining length that fits what follows, so that damage in the body is reached. */
function mendLength(bytes: Uint8Array): Uint8Array {
	if (bytes.length < 2) return bytes;
	let body = 1;
	while (body < 5 && body < bytes.length && bytes[body]! > 127) body++;
	const rest = bytes.subarray(body + 1);
	const length: number[] = [];
	for (let left = rest.length; ; left >>= 7) {
		length.push(left > 127 ? (left & 127) | 128 : left);
		if (left < 128) break;
	}
	return join(bytes.subarray(0, 1), Uint8Array.from(length), rest);
}

/**
 * A mutation of one of `specimens`: one to four damages; three times in four with its remaining length mended.
 * At most 4,096 octets; it may be empty, incomplete, more than one packet, or still valid.
 */
export function mutate(
	specimens: readonly Specimen[],
	random: Random,
): { bytes: Uint8Array; from: Specimen } {
	const from = random.pick(specimens);
	let bytes = from.bytes.length > LIMIT ? from.bytes.slice(0, LIMIT) : from.bytes;
	for (let left = random.below(4) + 1; left > 0; left--) {
		bytes = damage(bytes, random.pick(specimens).bytes, random);
	}
	if (random.below(4) !== 0) bytes = mendLength(bytes);
	return { bytes, from };
}
