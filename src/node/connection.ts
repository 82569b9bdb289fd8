/** One connection over a Node socket: input without copies, output gathered and sent once for each turn of the loop. */

import { Buffer } from "node:buffer";
import { Socket, type SocketConstructorOpts } from "node:net";
import type { HostError } from "../host/error.ts";
import type { Connection, ConnectionHandler } from "../host/network.ts";
import type { TlsFacts } from "../host/tls.ts";
import { toHostError } from "./errno.ts";
import { recordError } from "./tls.ts";

/** Octets read at once. */
const READ_SIZE = 65_536;
/** Output beyond this is offered to the system before the turn ends. */
const EARLY = 65_536;
/** Octets given to a socket at once. It tells when it got rid of all of them, not of how many: so far is `buffered` behind. */
const PIECE = 65_536;
/** First size of an output buffer. */
const OUTPUT_SIZE = 1024;
/** An output buffer up to this size is kept for later; a larger one is let go when it has been sent. */
const OUTPUT_KEPT = 16_384;
/** Milliseconds from `close` to the end, when the peer does not end its side before. */
const LINGER = 5000;
/** Octets of input that are dropped after `close`. */
const DROP_LIMIT = 16 * 1024 * 1024;
/** Below this a loop copies quicker than a view is made. */
const SHORT = 48;

/** All sockets read into this; a handler is done with it when it returns. Not a Buffer, whose `slice` does not copy. */
const input = new Uint8Array(READ_SIZE);
const nothing = Buffer.alloc(0);

/** Connections with output to send at the end of this turn. */
let dirty: NodeConnection[] = [];
let spare: NodeConnection[] = [];
/** What is to be called before that. */
let callbacks: (() => void)[] = [];
let scheduled = false;

/** See `Network.beforeFlush`. */
export function beforeFlush(callback: () => void): void {
	callbacks.push(callback);
	schedule();
}

function schedule(): void {
	if (!scheduled) {
		scheduled = true;
		setImmediate(flushAll);
	}
}

function flushAll(): void {
	// Callbacks that these ask for are appended.
	for (const callback of callbacks) callback();
	if (callbacks.length > 0) callbacks = [];
	scheduled = false;
	const connections = dirty;
	dirty = spare;
	for (const connection of connections) {
		connection.endTurn();
	}
	connections.length = 0;
	spare = connections;
}

/** A socket that a server accepted, as a connection. */
export function adopt(accepted: Socket): NodeConnection {
	// Only a Socket's constructor takes `onread`, and a server makes its sockets itself: ours takes over the handle.
	const holder = accepted as Socket & { _handle: NonNullable<SocketConstructorOpts["handle"]> | null };
	const handle = holder._handle!;
	holder._handle = null;
	const connection = new NodeConnection();
	const options: SocketConstructorOpts & { pauseOnCreate: boolean } = {
		handle,
		pauseOnCreate: true,
		allowHalfOpen: true,
		onread: connection.onRead,
	};
	connection.attach(new Socket(options));
	accepted.destroy();
	return connection;
}

export class NodeConnection implements Connection {
	remoteAddress = "";
	remotePort = 0;
	tls: TlsFacts | null = null;
	/** What the socket is to be made with. */
	readonly onRead: { buffer: Uint8Array; callback: (length: number) => boolean };

	private socket: Socket | null = null;
	private handler: ConnectionHandler | null = null;
	private error: HostError | null = null;
	/** By us, or by the end of the peer's output. */
	private closing = false;
	/** The peer has ended its side. */
	private peerEnded = false;
	/** All output has gone after `close`, and the peer was told that it was all. */
	private lingering = false;
	private dropped = 0;
	private paused = false;
	private destroyed = false;
	private over = false;
	private closeTimer: ReturnType<typeof setTimeout> | null = null;

	/** Input not yet consumed is `tail[tailStart, tailEnd)`. */
	private tail: Uint8Array = nothing;
	private tailStart = 0;
	private tailEnd = 0;

	/** Output not yet taken is `out[outStart, outEnd)`, of which the first `inFlight` octets are with the socket. */
	private out: Buffer = nothing;
	private outStart = 0;
	private outEnd = 0;
	private inFlight = 0;
	private inDirty = false;

	constructor() {
		this.onRead = { buffer: input, callback: (length) => this.take(input, length) };
	}

	get buffered(): number {
		return this.outEnd - this.outStart;
	}

	/** Gives the connected socket, which was made with `onRead` and is paused. */
	attach(socket: Socket): void {
		this.socket = socket;
		this.remoteAddress = socket.remoteAddress ?? "";
		this.remotePort = socket.remotePort ?? 0;
		socket.on("error", (error) => {
			if (!this.destroyed) {
				// What the peer does when it has been told of the end is its own affair.
				this.error = this.lingering ? null : this.tls === null ? toHostError(error) : recordError(error);
				this.destroy();
			}
		});
		socket.on("end", () => {
			this.peerEnded = true;
			if (this.lingering) {
				this.destroy();
			} else {
				this.close();
			}
		});
		socket.on("close", () => this.closed());
	}

	/** The same for a socket whose TLS handshake is over: these have no `onread`. */
	attachTls(socket: Socket, facts: TlsFacts, address: string, port: number): void {
		socket.pause();
		socket.allowHalfOpen = true;
		this.tls = facts;
		this.attach(socket);
		// It may be gone, but it had one.
		this.remoteAddress = address;
		this.remotePort = port;
		socket.on("data", (piece: Buffer) => {
			const bytes = new Uint8Array(piece.buffer, piece.byteOffset, piece.length);
			if (!this.take(bytes, bytes.length)) socket.pause();
		});
	}

	start(handler: ConnectionHandler): void {
		if (this.handler !== null || this.socket === null) {
			throw new Error("start: only once");
		}
		this.handler = handler;
		if (this.over) {
			setImmediate(() => this.tellClosed());
		} else if (!this.closing && !this.paused) {
			this.socket.resume();
		}
	}

	write(bytes: Uint8Array, start: number, end: number): number {
		if (this.closing) {
			return 0;
		}
		const length = end - start;
		if (this.outEnd + length > this.out.length) {
			this.makeRoom(length);
		}
		const { out } = this;
		let to = this.outEnd;
		if (length <= SHORT) {
			for (let from = start; from < end; from++) {
				out[to++] = bytes[from]!;
			}
		} else {
			out.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), to);
			to += length;
		}
		this.outEnd = to;
		if (!this.inDirty && to > this.outStart) {
			this.inDirty = true;
			dirty.push(this);
			schedule();
		}
		if (this.inFlight === 0 && to - this.outStart > EARLY) {
			this.flush();
		}
		return this.outEnd - this.outStart;
	}

	pause(paused: boolean): void {
		if (this.closing || this.socket === null) {
			return;
		}
		this.paused = paused;
		if (!paused) {
			this.socket.resume();
			return;
		}
		this.socket.pause();
		// A `resume` of the same turn begins to read a tick later, whatever came after it.
		process.nextTick(this.pauseAgain);
	}

	private readonly pauseAgain = (): void => {
		if (this.paused) {
			this.socket?.pause();
		}
	};

	close(): void {
		if (this.closing || this.socket === null) {
			return;
		}
		this.closing = true;
		this.paused = false;
		this.dropInput();
		if (!this.peerEnded) {
			// Input is dropped even before the output has gone: a peer may read only when it got rid of its own.
			this.socket.resume();
		}
		this.closeTimer = setTimeout(() => this.destroy(), LINGER);
		if (this.outEnd === this.outStart) {
			this.flushed();
		}
		// With output there is a flush to come, at the end of this turn or when the socket is ready.
	}

	/** After `close`, and all output has gone. */
	private flushed(): void {
		if (this.peerEnded) {
			this.destroy();
		} else if (!this.lingering) {
			this.lingering = true;
			this.socket?.end();
		}
	}

	destroy(): void {
		if (this.destroyed) {
			return;
		}
		this.closing = true;
		this.destroyed = true;
		this.dropInput();
		this.dropOutput();
		this.socket?.destroy();
	}

	/** For flushAll. */
	endTurn(): void {
		this.inDirty = false;
		this.flush();
		if (this.closing && !this.destroyed && this.outEnd === this.outStart) {
			this.flushed();
		}
	}

	/** Gives the socket what it has not got, unless it is still at work. */
	private flush(): void {
		const { socket } = this;
		if (socket === null || this.destroyed) {
			return;
		}
		while (this.inFlight === 0 && this.outStart < this.outEnd) {
			const length = Math.min(this.outEnd - this.outStart, PIECE);
			this.inFlight = length;
			socket.write(this.out.subarray(this.outStart, this.outStart + length), this.written);
			// The socket tries at once, and counts down what the system took before it returns.
			if (socket.writableLength > 0) {
				return;
			}
			this.inFlight = 0;
			this.outStart += length;
		}
		if (this.outStart === this.outEnd) {
			this.releaseOutput();
		}
	}

	/** Called some time after each write, also after one that was done at once. */
	private readonly written = (): void => {
		if (this.inFlight === 0 || this.socket === null || this.socket.writableLength > 0) {
			return;
		}
		this.outStart += this.inFlight;
		this.inFlight = 0;
		this.flush();
		if (this.outStart < this.outEnd || this.destroyed) {
			return;
		}
		if (this.closing) {
			this.flushed();
		} else {
			this.handler?.onDrain();
		}
	};

	/** Makes room for `length` octets more in `out`. What the socket is at work on stays where it is, in the old buffer. */
	private makeRoom(length: number): void {
		const used = this.outEnd - this.outStart;
		let size = Math.max(this.out.length, OUTPUT_SIZE);
		while (size < used + Math.max(length, used)) {
			size *= 2;
		}
		const larger = Buffer.allocUnsafeSlow(size);
		this.out.copy(larger, 0, this.outStart, this.outEnd);
		this.out = larger;
		this.outStart = 0;
		this.outEnd = used;
	}

	/** All was taken: the buffer is used from its beginning again, or let go. */
	private releaseOutput(): void {
		this.outStart = 0;
		this.outEnd = 0;
		if (this.out.length > OUTPUT_KEPT) {
			this.out = nothing;
		}
	}

	private dropOutput(): void {
		this.outStart = 0;
		this.outEnd = 0;
		this.inFlight = 0;
		this.out = nothing;
	}

	private dropInput(): void {
		this.tail = nothing;
		this.tailStart = 0;
		this.tailEnd = 0;
	}

	/** There are `length` new octets. Returns whether to go on reading. */
	private take(bytes: Uint8Array, length: number): boolean {
		if (this.closing) {
			return this.drop(length);
		}
		if (this.tailStart === this.tailEnd) {
			const used = this.give(bytes, 0, length);
			if (used < length && !this.closing) {
				this.keep(bytes, used, length);
			}
		} else {
			this.keep(bytes, 0, length);
			this.tailStart += this.give(this.tail, this.tailStart, this.tailEnd);
			if (this.tailStart === this.tailEnd || this.closing) {
				this.dropInput();
			}
		}
		return !this.destroyed;
	}

	/**
	 * Input after `close`. Whoever sends without end is held up, and cut off when the time is over: cut off at once, it
	 * could lose what it has not read yet.
	 */
	private drop(length: number): boolean {
		this.dropped += length;
		return !this.destroyed && this.dropped <= DROP_LIMIT;
	}

	private give(bytes: Uint8Array, start: number, end: number): number {
		const used = this.handler!.onData(bytes, start, end);
		if (!(used >= 0 && used <= end - start)) {
			throw new RangeError(`onData consumed ${used} of ${end - start} octets`);
		}
		return used;
	}

	/** Appends `bytes[start, end)` to the tail. */
	private keep(bytes: Uint8Array, start: number, end: number): void {
		const length = end - start;
		const used = this.tailEnd - this.tailStart;
		if (this.tailEnd + length > this.tail.length) {
			if (used + length <= this.tail.length / 2) {
				this.tail.copyWithin(0, this.tailStart, this.tailEnd);
			} else {
				const larger = new Uint8Array(Math.max(1024, 2 * (used + length)));
				larger.set(this.tail.subarray(this.tailStart, this.tailEnd));
				this.tail = larger;
			}
			this.tailStart = 0;
			this.tailEnd = used;
		}
		this.tail.set(bytes.subarray(start, end), this.tailEnd);
		this.tailEnd += length;
	}

	private closed(): void {
		this.over = true;
		this.closing = true;
		this.destroyed = true;
		if (this.closeTimer !== null) {
			clearTimeout(this.closeTimer);
			this.closeTimer = null;
		}
		this.dropInput();
		this.dropOutput();
		this.tellClosed();
	}

	private tellClosed(): void {
		this.handler?.onClose(this.error);
	}
}
