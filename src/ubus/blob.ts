/**
 * Blob attributes, of which all of a message's body consists: a word (extended bit, id, length with the word and
 * without padding), the payload, and zeros to a multiple of 4. Everything is big-endian.
 */

import type { Utf8 } from "../host/host.ts";
import { Status, UbusError } from "./status.ts";

/** Octets of the longest body, with its own word: what ubusd takes. */
export const MAX_BODY = 1_048_576;
/** Octets before the word of the body. */
export const BODY_AT = 8;

const EXTENDED = 0x8000_0000;
const START_SIZE = 256;

/** The next multiple of 4. */
export function pad4(length: number): number {
	return (length + 3) & ~3;
}

/** An array that grows with what is written to it, up to one message. What was not written is zero. */
export class BlobWriter {
	private readonly utf8: Utf8;
	private bytes = new Uint8Array(START_SIZE);
	private view = new DataView(this.bytes.buffer);
	private length = 0;

	constructor(utf8: Utf8) {
		this.utf8 = utf8;
	}

	/** All that was written. */
	get written(): Uint8Array {
		return this.bytes.subarray(0, this.length);
	}

	u8(value: number): void {
		const at = this.reserve(1);
		this.view.setUint8(at, value);
	}

	u16(value: number): void {
		const at = this.reserve(2);
		this.view.setUint16(at, value);
	}

	/** The lowest 32 bits, whatever the sign. */
	u32(value: number): void {
		const at = this.reserve(4);
		this.view.setUint32(at, value);
	}

	i64(value: bigint): void {
		const at = this.reserve(8);
		this.view.setBigInt64(at, value);
	}

	double(value: number): void {
		const at = this.reserve(8);
		this.view.setFloat64(at, value);
	}

	/** A text and its NUL. Throws when it has one inside: what reads it would end there. */
	text(text: string): void {
		if (text.includes("\0")) throw new UbusError(Status.INVALID_ARGUMENT, "a text with U+0000");
		const at = this.reserve(this.utf8.byteLength(text) + 1);
		this.utf8.encodeInto(text, this.bytes, at);
	}

	pad(): void {
		this.reserve(pad4(this.length) - this.length);
	}

	/** Begins an attribute; `close` ends it, given what this returned. */
	open(): number {
		return this.reserve(4);
	}

	close(at: number, id: number, isExtended: boolean): void {
		this.view.setUint32(at, (isExtended ? EXTENDED : 0) + id * 0x100_0000 + (this.length - at));
		this.pad();
	}

	private reserve(count: number): number {
		const at = this.length;
		const length = at + count;
		if (length > BODY_AT + MAX_BODY) {
			throw new UbusError(Status.INVALID_ARGUMENT, `a message of more than ${MAX_BODY} octets`);
		}
		if (length > this.bytes.length) {
			const bytes = new Uint8Array(Math.min(Math.max(length, 2 * this.bytes.length), BODY_AT + MAX_BODY));
			bytes.set(this.bytes);
			this.bytes = bytes;
			this.view = new DataView(bytes.buffer);
		}
		this.length = length;
		return at;
	}
}

/** A walk along the attributes of `bytes[start, end)`: after each true `next`, the fields are those of one. */
export class BlobReader {
	readonly view: DataView;
	/** Bit 31 of the word. */
	isExtended = false;
	id = 0;
	/** The payload is `bytes[from, to)`. */
	from = 0;
	to = 0;
	private at: number;
	private readonly end: number;

	constructor(view: DataView, start: number, end: number) {
		this.view = view;
		this.at = start;
		this.end = end;
	}

	/** Whether everything was an attribute: to be asked after a false `next`. */
	get isAtEnd(): boolean {
		return this.at === this.end;
	}

	/** False at the end, and at what is no whole attribute with its padding. */
	next(): boolean {
		const rest = this.end - this.at;
		if (rest < 4) return false;
		const word = this.view.getUint32(this.at);
		const length = word & 0xff_ffff;
		if (length < 4 || pad4(length) > rest) return false;
		this.isExtended = word >= EXTENDED;
		this.id = (word >>> 24) & 0x7f;
		this.from = this.at + 4;
		this.to = this.at + length;
		this.at += pad4(length);
		return true;
	}
}

/** The C string that fills `bytes[from, to)`, without its NUL; null when there is none. What is not UTF-8 is replaced. */
export function readText(utf8: Utf8, bytes: Uint8Array, from: number, to: number): string | null {
	if (to <= from || bytes[to - 1] !== 0) return null;
	const end = bytes.indexOf(0, from);
	return utf8.decode(bytes, from, end) ?? utf8.decodeLossy(bytes, from, end);
}
