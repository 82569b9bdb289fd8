/** Reading a file of any size through a window, so that no more of it is in memory than one record needs. */

/** Where octets come from: `Files.readPart` of one path, or an array. */
export interface ByteSource {
	/** Up to `length` octets from `position` on; fewer only where the source ends. The array is the caller's. */
	read(position: number, length: number): Uint8Array;
}

/** Octets that are asked for at once. */
const PIECE = 65_536;

/** The part of a source that is in memory. */
export class Window {
	/** Lent: good until the next call of `find`. */
	bytes: Uint8Array = new Uint8Array(0);
	private readonly source: ByteSource;
	/** Position of `bytes[0]`. */
	private start = 0;

	constructor(source: ByteSource) {
		this.source = source;
	}

	/**
	 * Brings `length` octets from `position` on into `bytes`, and returns the index of the first; -1 when the source ends
	 * before. Memory is taken only for octets that are there.
	 */
	find(position: number, length: number): number {
		const index = position - this.start;
		if (index >= 0 && index + length <= this.bytes.length) return index;
		if (length > PIECE && !this.reaches(position + length)) return -1;
		this.bytes = this.source.read(position, Math.max(length, PIECE));
		this.start = position;
		return length <= this.bytes.length ? 0 : -1;
	}

	/** Whether the source has `end` octets or more. */
	reaches(end: number): boolean {
		if (end <= this.start + this.bytes.length) return true;
		return this.source.read(end - 1, 1).length === 1;
	}

	/** As `find` for a few octets, but `bytes` stays as it is; null when the source ends before. */
	peek(position: number, length: number): Uint8Array | null {
		const index = position - this.start;
		if (index >= 0 && index + length <= this.bytes.length) return this.bytes.subarray(index, index + length);
		const bytes = this.source.read(position, length);
		return bytes.length === length ? bytes : null;
	}

	/** The position after the last octet, looked for from `position` on, which is not behind it. */
	end(position: number): number {
		let at = position;
		for (;;) {
			const { length } = this.source.read(at, PIECE);
			at += length;
			if (length < PIECE) return at;
		}
	}
}
