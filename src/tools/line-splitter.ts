/** Octets that come in pieces, gathered; and cut into lines. */

const LINE_FEED = 0x0a;
const EMPTY = new Uint8Array(0);
/** First size of a gathering's buffer. */
const FIRST_SIZE = 1024;

/** Gathers pieces of octets, up to a limit, in one buffer that grows. */
export class Gathering {
	/** How many there are. */
	length = 0;
	private readonly limit: number;
	private buffer = EMPTY;

	constructor(limit: number) {
		this.limit = limit;
	}

	/** Copies `bytes` to the end; false, with nothing done, when that were more than the limit. */
	add(bytes: Uint8Array): boolean {
		const length = this.length + bytes.length;
		if (length > this.limit) return false;
		if (length > this.buffer.length) {
			const larger = new Uint8Array(Math.min(this.limit, Math.max(FIRST_SIZE, 2 * length)));
			larger.set(this.buffer.subarray(0, this.length));
			this.buffer = larger;
		}
		this.buffer.set(bytes, this.length);
		this.length = length;
		return true;
	}

	/** All octets, which are the caller's; none are left. */
	take(): Uint8Array {
		const all = this.buffer.subarray(0, this.length);
		this.buffer = EMPTY;
		this.length = 0;
		return all;
	}
}

/** Cuts a stream of octets into lines, at the pace of who takes them. */
export class LineSplitter {
	/** Whether a line is longer than the limit; no more lines come. */
	overflow = false;
	/** The beginning of a line whose end has not come yet. */
	private readonly pending: Gathering;
	/** The last piece; what is before `position` was looked at. */
	private piece = EMPTY;
	private position = 0;
	private ended = false;

	/** `limit`: octets of a line. */
	constructor(limit: number) {
		this.pending = new Gathering(limit);
	}

	/** Whether the stream has ended, and all lines were taken. */
	get done(): boolean {
		return this.ended && this.position === this.piece.length && this.pending.length === 0;
	}

	/** Gives the next piece, which is copied. All lines before it must have been taken: `next` returned null. */
	push(bytes: Uint8Array): void {
		this.piece = bytes.slice();
		this.position = 0;
	}

	/** The stream has ended: what follows the last end of line is a line too. */
	end(): void {
		this.ended = true;
	}

	/** The next line, without its end; null when there is none yet, or no more. */
	next(): Uint8Array | null {
		const { piece, position } = this;
		if (this.overflow) return null;
		const end = piece.indexOf(LINE_FEED, position);
		const rest = piece.subarray(position, end < 0 ? piece.length : end);
		if (end >= 0 && this.pending.length === 0) {
			this.position = end + 1;
			return rest;
		}
		if (!this.pending.add(rest)) {
			this.overflow = true;
			return null;
		}
		this.position = end < 0 ? piece.length : end + 1;
		if (end < 0 && !(this.ended && this.pending.length > 0)) return null;
		return this.pending.take();
	}
}
