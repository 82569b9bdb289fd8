/** The timestamp of a Sparkplug payload: a protobuf message whose field 1 is `optional uint64 timestamp`. */

/** Octets of payload that are looked at. A death certificate has one metric; nobody is to keep the broker busy. */
const LIMIT = 4096;
const TIMESTAMP = 1;
const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/**
 * The payload `bytes[start, end)` with its timestamp set to `now`, in milliseconds since 1970. Null when it is no
 * protobuf message, empty, or longer than any death certificate: such a payload is nobody's to change.
 */
export function stampPayload(bytes: Uint8Array, start: number, end: number, now: number): Uint8Array | null {
	if (start === end || end - start > LIMIT) return null;
	const stamped = new Uint8Array(end - start + 11);
	let length = writeTimestamp(stamped, now);
	const fields = new Fields(bytes, start, end);
	for (let from = start; from < end; from = fields.position) {
		if (!fields.next()) return null;
		if (fields.number === TIMESTAMP) {
			if (fields.wireType !== VARINT) return null;
			continue;
		}
		stamped.set(bytes.subarray(from, fields.position), length);
		length += fields.position - from;
	}
	return stamped.subarray(0, length);
}

/** Returns how many octets it took: at most 11. */
function writeTimestamp(bytes: Uint8Array, now: number): number {
	let at = 0;
	bytes[at++] = (TIMESTAMP << 3) | VARINT;
	// Beyond 32 bits, so that there is no shifting.
	let rest = Math.floor(now);
	while (rest >= 128) {
		bytes[at++] = (rest % 128) + 128;
		rest = Math.floor(rest / 128);
	}
	bytes[at++] = rest;
	return at;
}

/** Goes through the fields of a message, without a look at what is inside of them. */
class Fields {
	number = 0;
	wireType = 0;
	/** Where the next field begins. */
	position: number;
	private readonly bytes: Uint8Array;
	private readonly end: number;

	constructor(bytes: Uint8Array, start: number, end: number) {
		this.bytes = bytes;
		this.position = start;
		this.end = end;
	}

	/** Takes one field; false when there is none that is whole. */
	next(): boolean {
		const tag = this.varint(5);
		if (tag < 8) return false;
		this.number = Math.floor(tag / 8);
		this.wireType = tag % 8;
		switch (this.wireType) {
			case VARINT:
				return this.varint(10) >= 0;
			case FIXED_64:
				return this.skip(8);
			case LENGTH_DELIMITED: {
				const length = this.varint(5);
				return length >= 0 && this.skip(length);
			}
			case FIXED_32:
				return this.skip(4);
			default:
				return false;
		}
	}

	private skip(length: number): boolean {
		this.position += length;
		return this.position <= this.end;
	}

	/** The value of a number of at most `octets` octets, inexact beyond 53 bits; -1 when it does not end. */
	private varint(octets: number): number {
		let value = 0;
		let scale = 1;
		for (let i = 0; i < octets && this.position < this.end; i++) {
			const octet = this.bytes[this.position++]!;
			value += (octet & 127) * scale;
			if (octet < 128) return value;
			scale *= 128;
		}
		return -1;
	}
}
