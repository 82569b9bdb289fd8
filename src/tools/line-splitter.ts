/** Cuts a stream of octets into lines. */

const LINE_FEED = 0x0a;

export class LineSplitter {
	private readonly onLine: (line: Uint8Array) => void;
	private pending: Uint8Array[] = [];

	/** `onLine` gets each line without its end; the array is lent. */
	constructor(onLine: (line: Uint8Array) => void) {
		this.onLine = onLine;
	}

	push(bytes: Uint8Array): void {
		let start = 0;
		for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
			const piece = bytes.subarray(start, end);
			this.onLine(this.pending.length === 0 ? piece : this.join(piece));
			start = end + 1;
		}
		if (start < bytes.length) this.pending.push(bytes.slice(start));
	}

	/** The stream has ended: what follows the last end of line is a line too. */
	end(): void {
		if (this.pending.length > 0) this.onLine(this.join(new Uint8Array(0)));
	}

	private join(last: Uint8Array): Uint8Array {
		const pieces = [...this.pending, last];
		this.pending = [];
		return concatenate(pieces);
	}
}

/** One array that holds all pieces. */
export function concatenate(pieces: readonly Uint8Array[]): Uint8Array {
	let length = 0;
	for (const piece of pieces) length += piece.length;
	const all = new Uint8Array(length);
	let at = 0;
	for (const piece of pieces) {
		all.set(piece, at);
		at += piece.length;
	}
	return all;
}
