/**
 * LuCI's compiled catalogues (`.lmo`), as its po2lmo writes them: the translations one after another, each filled up to a multiple
 * of four octets; then an index sorted by hash of the text, of (hash, plural forms, offset, length); then the index's offset. All
 * numbers have 32 bits, big-endian.
 */

import type { Catalogue } from "./luci-texts.ts";

const ENTRY = 16;

/** Paul Hsieh's SuperFastHash of octets, with their number as its beginning. */
export function hash(octets: Uint8Array): number {
	if (octets.length === 0) return 0;
	const pair = (at: number): number => octets[at]! | (octets[at + 1]! << 8);
	const signed = (at: number): number => (octets[at]! << 24) >> 24;
	const whole = octets.length & ~3;
	let sum = octets.length;
	for (let at = 0; at < whole; at += 4) {
		sum = (sum + pair(at)) >>> 0;
		sum = ((sum << 16) ^ (pair(at + 2) << 11) ^ sum) >>> 0;
		sum = (sum + (sum >>> 11)) >>> 0;
	}
	switch (octets.length - whole) {
		case 3:
			sum = (sum + pair(whole)) >>> 0;
			sum = (sum ^ (sum << 16)) >>> 0;
			sum = (sum ^ (signed(whole + 2) << 18)) >>> 0;
			sum = (sum + (sum >>> 11)) >>> 0;
			break;
		case 2:
			sum = (sum + pair(whole)) >>> 0;
			sum = (sum ^ (sum << 11)) >>> 0;
			sum = (sum + (sum >>> 17)) >>> 0;
			break;
		case 1:
			sum = (sum + signed(whole)) >>> 0;
			sum = (sum ^ (sum << 10)) >>> 0;
			sum = (sum + (sum >>> 1)) >>> 0;
	}
	for (const [left, right] of [
		[3, 5],
		[4, 17],
		[25, 6],
	] as const) {
		sum = (sum ^ (sum << left)) >>> 0;
		sum = (sum + (sum >>> right)) >>> 0;
	}
	return sum;
}

/** A compiled catalogue. Throws when two texts have one hash, as one of them would show the other's translation. */
export function compileCatalogue(catalogue: Catalogue): Uint8Array {
	const encoder = new TextEncoder();
	const entries: { readonly key: number; readonly offset: number; readonly octets: Uint8Array }[] = [];
	const keys = new Set<number>();
	let offset = 0;
	for (const [text, translation] of catalogue) {
		const key = hash(encoder.encode(text));
		const octets = encoder.encode(translation);
		// A text that is its own translation needs none.
		if (key === hash(octets)) continue;
		if (keys.has(key)) throw new Error(`"${text}" has the hash of another text`);
		keys.add(key);
		entries.push({ key, offset, octets });
		offset += (octets.length + 3) & ~3;
	}
	const file = new Uint8Array(offset + entries.length * ENTRY + 4);
	const view = new DataView(file.buffer);
	for (const entry of entries) file.set(entry.octets, entry.offset);
	entries.sort((a, b) => a.key - b.key);
	for (const [index, entry] of entries.entries()) {
		const at = offset + index * ENTRY;
		view.setUint32(at, entry.key);
		view.setUint32(at + 4, 1);
		view.setUint32(at + 8, entry.offset);
		view.setUint32(at + 12, entry.octets.length);
	}
	view.setUint32(offset + entries.length * ENTRY, offset);
	return file;
}
