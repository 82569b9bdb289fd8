/** The codec's `TextCodec` on the platform's own TextDecoder and TextEncoder. */

import type { TextCodec } from "../../src/packet/packet.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

function decode(bytes: Uint8Array, start: number, end: number): string | null {
	try {
		const text = decoder.decode(bytes.subarray(start, end));
		return text.includes("\0") ? null : text;
	} catch {
		return null;
	}
}

export const textCodec: TextCodec = {
	decode,
	isValid: (bytes, start, end) => decode(bytes, start, end) !== null,
	byteLength: (text) => encoder.encode(text).length,
	encodeInto(text, bytes, start) {
		const octets = encoder.encode(text);
		bytes.set(octets, start);
		return start + octets.length;
	},
};
