/** The lines of a file of any size. */

import type { ByteSource } from "./byte-source.ts";

const PIECE = 65_536;
const NEWLINE = 0x0a;
/** Octets of the longest line: a payload of 268,435,455 octets in base64, and what is beside it. */
const LONGEST = 400_000_000;

/** A line is longer than any that there can be. */
export class LongLineError extends Error {}

export class LineReader {
	/** Lent: good until the next call of `next`. The line is `bytes[start, end)`. */
	bytes: Uint8Array = new Uint8Array(2 * PIECE);
	start = 0;
	end = 0;
	/** Counted from 1. */
	line = 0;
	private readonly source: ByteSource;
	private position = 0;
	/** Octets in `bytes`. */
	private length = 0;

	constructor(source: ByteSource) {
		this.source = source;
	}

	/** Goes to the next line; false when there is none. Throws LongLineError. */
	next(): boolean {
		this.start = this.line === 0 ? 0 : Math.min(this.end + 1, this.length);
		let from = this.start;
		this.line++;
		for (;;) {
			const found = this.bytes.subarray(0, this.length).indexOf(NEWLINE, from);
			if (found >= 0) {
				this.end = found;
				return true;
			}
			from = this.length - this.start;
			if (from > LONGEST) throw new LongLineError(`a line of more than ${LONGEST} octets`);
			if (!this.fill()) {
				this.end = this.length;
				return this.end > this.start;
			}
		}
	}

	/** Moves the beginning of a line to the front and adds a piece behind it; false at the end of the file. */
	private fill(): boolean {
		const kept = this.length - this.start;
		const piece = this.source.read(this.position, PIECE);
		if (piece.length === 0) return false;
		this.position += piece.length;
		let { bytes } = this;
		if (kept + piece.length > bytes.length) bytes = new Uint8Array(2 * bytes.length);
		bytes.set(this.bytes.subarray(this.start, this.length));
		bytes.set(piece, kept);
		this.bytes = bytes;
		this.start = 0;
		this.length = kept + piece.length;
		return true;
	}
}
