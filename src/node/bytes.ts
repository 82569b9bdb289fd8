/** UTF-8, random octets, and maps from byte sequences. */

import { Buffer, isUtf8 } from "node:buffer";
import { randomBytes } from "node:crypto";
import type { ByteMap, CopyMasked, Random, Utf8 } from "../host/bytes.ts";

const encoder = new TextEncoder();

/** Up to this length a loop in JavaScript is quicker than a call into the engine. */
const SHORT = 48;

/** Whether all is ASCII without U+0000, as in nearly every topic. */
function isPlain(bytes: Uint8Array, start: number, end: number): boolean {
	for (let at = start; at < end; at++) {
		const octet = bytes[at]!;
		if (octet === 0 || octet > 0x7f) {
			return false;
		}
	}
	return true;
}

/** A Buffer over the same memory. */
function view(bytes: Uint8Array, start: number, end: number): Buffer {
	return Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset + start, end - start);
}

/** Length of the well-formed sequence at `at`, or 0 (Unicode, table 3-7). */
function sequenceLength(bytes: Uint8Array, at: number, end: number): number {
	const first = bytes[at]!;
	if (first < 0x80) {
		return 1;
	}
	const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
	if (length === 0 || at + length > end) {
		return 0;
	}
	const second = bytes[at + 1]!;
	// Overlong forms, surrogates and what is above U+10FFFF show in the second octet.
	const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
	const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
	if (second < low || second > high) {
		return 0;
	}
	for (let more = at + 2; more < at + length; more++) {
		if ((bytes[more]! & 0xc0) !== 0x80) {
			return 0;
		}
	}
	return length;
}

/** `ill` stands for each ill-formed octet. (TextDecoder has one U+FFFD for some groups of them.) */
function decodeIllFormed(bytes: Buffer, ill: (octet: number) => string): string {
	let text = "";
	let good = 0;
	let at = 0;
	while (at < bytes.length) {
		const length = sequenceLength(bytes, at, bytes.length);
		if (length > 0) {
			at += length;
			continue;
		}
		text += bytes.toString("utf8", good, at) + ill(bytes[at]!);
		good = ++at;
	}
	return text + bytes.toString("utf8", good, at);
}

/** As the arguments of the program are decoded: an ill-formed octet gives U+DC00 + octet. */
export function decodeEscaped(bytes: Buffer): string {
	return decodeIllFormed(bytes, (octet) => String.fromCharCode(0xdc00 + octet));
}

const PLAIN = /^[ -~]*$/;

export const utf8: Utf8 = {
	decode(bytes, start, end) {
		if (end - start <= SHORT && isPlain(bytes, start, end)) {
			return view(bytes, start, end).toString("latin1");
		}
		const part = view(bytes, start, end);
		return isUtf8(part) && !part.includes(0) ? part.toString() : null; // U+FEFF stays [MQTT-1.5.4-3]
	},

	decodeLossy(bytes, start, end) {
		const part = view(bytes, start, end);
		return isUtf8(part) ? part.toString() : decodeIllFormed(part, () => "\ufffd");
	},

	isValid(bytes, start, end) {
		if (end - start <= SHORT && isPlain(bytes, start, end)) {
			return true;
		}
		const part = view(bytes, start, end);
		return isUtf8(part) && !part.includes(0);
	},

	isPlain(text) {
		return PLAIN.test(text);
	},

	byteLength(text) {
		return Buffer.byteLength(text, "utf8");
	},

	encodeInto(text, bytes, start) {
		const { length } = text;
		if (length <= SHORT && start + length <= bytes.length) {
			let at = 0;
			while (at < length) {
				const unit = text.charCodeAt(at);
				if (unit > 0x7f) {
					break;
				}
				bytes[start + at++] = unit;
			}
			if (at === length) {
				return start + at;
			}
		}
		if (start + Buffer.byteLength(text, "utf8") > bytes.length) {
			throw new RangeError("Text does not fit");
		}
		return start + encoder.encodeInto(text, bytes.subarray(start)).written;
	},

	encode(text) {
		return encoder.encode(text);
	},
};

export const random: Random = {
	bytes(length) {
		return new Uint8Array(randomBytes(length));
	},
};

interface Entry<T> {
	readonly hash: number;
	readonly key: Uint8Array;
	value: T;
	next: Entry<T> | null;
}

/** Keys come from peers: with the hash begun at random, they cannot choose ones that collide. */
const seed = randomBytes(4).readUInt32LE();

function hashOf(bytes: Uint8Array, start: number, end: number): number {
	let hash = seed ^ (end - start);
	for (let at = start; at < end; at++) {
		hash = Math.imul(hash ^ bytes[at]!, 0x5bd1e995);
		hash ^= hash >>> 15;
	}
	return hash;
}

/** Unlike `slice`, which on a Buffer shares memory. */
function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
	const copy = new Uint8Array(end - start);
	copy.set(bytes.subarray(start, end));
	return copy;
}

function isKey(key: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
	const { length } = key;
	if (length !== end - start) {
		return false;
	}
	for (let at = 0; at < length; at++) {
		if (key[at] !== bytes[start + at]) {
			return false;
		}
	}
	return true;
}

/** A hash table with chains. A Map would need a string made of every key that is looked up. */
class HashMap<T> implements ByteMap<T> {
	size = 0;
	/** A power of two long. */
	private slots: (Entry<T> | null)[] = new Array(16).fill(null);

	get(bytes: Uint8Array, start: number, end: number): T | undefined {
		return this.find(hashOf(bytes, start, end), bytes, start, end)?.value;
	}

	set(bytes: Uint8Array, start: number, end: number, value: T): void {
		const hash = hashOf(bytes, start, end);
		const found = this.find(hash, bytes, start, end);
		if (found !== null) {
			found.value = value;
			return;
		}
		if (this.size >= this.slots.length) {
			this.resize(this.slots.length * 2);
		}
		const slot = hash & (this.slots.length - 1);
		this.slots[slot] = { hash, key: copyOf(bytes, start, end), value, next: this.slots[slot] ?? null };
		this.size++;
	}

	delete(bytes: Uint8Array, start: number, end: number): boolean {
		const hash = hashOf(bytes, start, end);
		const slot = hash & (this.slots.length - 1);
		let before: Entry<T> | null = null;
		for (let entry = this.slots[slot] ?? null; entry !== null; before = entry, entry = entry.next) {
			if (entry.hash !== hash || !isKey(entry.key, bytes, start, end)) {
				continue;
			}
			if (before === null) {
				this.slots[slot] = entry.next;
			} else {
				before.next = entry.next;
			}
			this.size--;
			return true;
		}
		return false;
	}

	clear(): void {
		this.slots = new Array(16).fill(null);
		this.size = 0;
	}

	private find(hash: number, bytes: Uint8Array, start: number, end: number): Entry<T> | null {
		let entry = this.slots[hash & (this.slots.length - 1)] ?? null;
		while (entry !== null && (entry.hash !== hash || !isKey(entry.key, bytes, start, end))) {
			entry = entry.next;
		}
		return entry;
	}

	private resize(length: number): void {
		const slots: (Entry<T> | null)[] = new Array(length).fill(null);
		for (let entry of this.slots) {
			while (entry !== null) {
				const { next } = entry;
				const slot = entry.hash & (length - 1);
				entry.next = slots[slot] ?? null;
				slots[slot] = entry;
				entry = next;
			}
		}
		this.slots = slots;
	}
}

export function createByteMap<T>(): ByteMap<T> {
	return new HashMap<T>();
}

export const copyMasked: CopyMasked = (from, start, end, key, to, at) => {
	if (!(start >= 0 && start <= end && end <= from.length && at >= 0 && end - start <= to.length - at)) {
		throw new RangeError(`${start} to ${end} of ${from.length} octets, to ${at} of ${to.length}`);
	}
	if (key === 0) {
		to.set(from.subarray(start, end), at);
		return;
	}
	const first = key >>> 24;
	const second = (key >>> 16) & 255;
	const third = (key >>> 8) & 255;
	const fourth = key & 255;
	const whole = end - ((end - start) & 3);
	let place = at;
	let next = start;
	for (; next < whole; next += 4, place += 4) {
		to[place] = from[next]! ^ first;
		to[place + 1] = from[next + 1]! ^ second;
		to[place + 2] = from[next + 2]! ^ third;
		to[place + 3] = from[next + 3]! ^ fourth;
	}
	for (let shift = 24; next < end; next++, place++, shift -= 8) to[place] = from[next]! ^ (key >>> shift);
};
