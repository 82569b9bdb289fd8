/**
 * WebSocket (RFC 6455) after its handshake: a Connection over a Connection. Payload of binary frames comes and goes as one
 * stream of octets, whatever the frames; what was written in one turn of the event loop goes out as one frame.
 */

import type {
	Connection,
	ConnectionHandler,
	CopyMasked,
	HostError,
	Random,
	TlsFacts,
	Utf8,
} from "../host/host.ts";
import {
	BINARY,
	CLOSE,
	CloseCode,
	CONTINUATION,
	CONTROL,
	CONTROL_LIMIT,
	FrameHeader,
	HEADER_LIMIT,
	mayBeSent,
	PING,
	PONG,
	TEXT,
	WebSocketError,
	writeHeader,
} from "./frame.ts";
import type { Outbox, Sender } from "./outbox.ts";

/** What all WebSocket connections of a program share. */
export interface WebSocketHost {
	readonly copyMasked: CopyMasked;
	readonly random: Random;
	readonly utf8: Pick<Utf8, "isValid">;
	readonly outbox: Outbox;
}

/** Output beyond this does not wait for the end of the turn; `Connection.write` says why. */
const EARLY = 65_536;
/** First size of an output buffer, and that up to which it is kept for other connections. */
const OUTPUT_SIZE = 1024;
const OUTPUT_KEPT = 16_384;
const SPARE_LIMIT = 64;
/** More than this at once is not copied to the output buffer first. */
const LARGE = 8192;

const none = new Uint8Array(0);
const control = new Uint8Array(HEADER_LIMIT + CONTROL_LIMIT);
const header = new Uint8Array(HEADER_LIMIT);
/** Output buffers that are free: a connection has one only while a turn's output is gathered. */
const spare: Uint8Array[] = [];

export class WebSocketConnection implements Connection, ConnectionHandler, Sender {
	private readonly host: WebSocketHost;
	private readonly below: Connection;
	/** Whether this is the client's end, which masks what it sends and gets what is not masked. */
	private readonly isClient: boolean;
	private handler: ConnectionHandler | null = null;
	/** Whether it goes on: neither we nor the peer have said that it ends. */
	private isOpen = true;
	/** The handler knows that it is over. */
	private isTold = false;

	/** The frame that is being read, and how much of its payload is still to come. */
	private readonly frame = new FrameHeader();
	private remaining = 0;
	/** A message goes on in the next data frame. */
	private inMessage = false;
	/** The mask, turned so that it begins with the next octet. */
	private key = 0;

	/** Payload that the handler has not consumed is `tail[tailStart, tailEnd)`. */
	private tail: Uint8Array = none;
	/** How far the handler has seen it. */
	private delivered = 0;
	private tailStart = 0;
	private tailEnd = 0;

	/** Output of this turn is `out[0, outEnd)`. */
	private out: Uint8Array = none;
	private outEnd = 0;
	private isDirty = false;

	/** `below`: not started yet. */
	constructor(host: WebSocketHost, below: Connection, isClient: boolean) {
		this.host = host;
		this.below = below;
		this.isClient = isClient;
	}

	get tls(): TlsFacts | null {
		return this.below.tls;
	}

	get remoteAddress(): string {
		return this.below.remoteAddress;
	}

	get remotePort(): number {
		return this.below.remotePort;
	}

	get buffered(): number {
		return this.outEnd + this.below.buffered;
	}

	// The Connection, for who is above.

	start(handler: ConnectionHandler): void {
		if (this.handler !== null) throw new Error("start: only once");
		this.handler = handler;
		this.below.start(this);
	}

	write(bytes: Uint8Array, start: number, end: number): number {
		if (!this.isOpen) return 0;
		const length = end - start;
		if (length > LARGE) {
			this.flush();
			this.sendFrame(BINARY, bytes, start, end); // [MQTT-6.0.0-1], 3.1.1: [MQTT-6.0.0-1]
			return this.below.buffered;
		}
		if (this.outEnd + length > this.out.length) this.makeRoom(length);
		this.host.copyMasked(bytes, start, end, 0, this.out, this.outEnd);
		this.outEnd += length;
		if (!this.isDirty && length > 0) {
			this.isDirty = true;
			this.host.outbox.add(this);
		}
		const buffered = this.outEnd + this.below.buffered;
		if (buffered <= EARLY) return buffered;
		this.flush();
		return this.below.buffered;
	}

	pause(paused: boolean): void {
		this.below.pause(paused);
	}

	close(): void {
		this.closeWith(CloseCode.NORMAL);
	}

	destroy(): void {
		this.isOpen = false;
		this.dropBuffers();
		this.below.destroy();
	}

	// Output.

	endTurn(): void {
		this.isDirty = false;
		this.flush();
	}

	/** Sends what was gathered as one frame. */
	private flush(): void {
		const { out, outEnd } = this;
		if (outEnd === 0) return;
		this.out = none;
		this.outEnd = 0;
		this.sendFrame(BINARY, out, 0, outEnd); // [MQTT-6.0.0-1], 3.1.1: [MQTT-6.0.0-1]
		if (out.length <= OUTPUT_KEPT && spare.length < SPARE_LIMIT) spare.push(out);
	}

	private sendFrame(opcode: number, bytes: Uint8Array, start: number, end: number): void {
		const { below } = this;
		if (!this.isClient) {
			below.write(header, 0, writeHeader(header, opcode, end - start, null));
			below.write(bytes, start, end);
			return;
		}
		const [a = 0, b = 0, c = 0, d = 0] = this.host.random.bytes(4);
		const key = (a << 24) | (b << 16) | (c << 8) | d;
		below.write(header, 0, writeHeader(header, opcode, end - start, key));
		const masked = new Uint8Array(end - start);
		this.host.copyMasked(bytes, start, end, key, masked, 0);
		below.write(masked, 0, masked.length);
	}

	private makeRoom(length: number): void {
		if (this.out.length === 0 && length <= OUTPUT_SIZE) {
			this.out = spare.pop() ?? new Uint8Array(OUTPUT_SIZE);
			return;
		}
		let size = Math.max(2 * this.out.length, OUTPUT_SIZE);
		while (size < this.outEnd + length) size *= 2;
		const larger = new Uint8Array(size);
		this.host.copyMasked(this.out, 0, this.outEnd, 0, larger, 0);
		this.out = larger;
	}

	private dropBuffers(): void {
		this.out = none;
		this.outEnd = 0;
		this.dropTail();
	}

	// The end.

	/** Says that it was all, with a code; null is a close frame without one. */
	private closeWith(code: number | null, reason: Uint8Array = none, reasonStart = 0, reasonEnd = 0): void {
		if (!this.isOpen) return;
		this.flush();
		this.isOpen = false;
		control[0] = (code ?? 0) >> 8;
		control[1] = (code ?? 0) & 255;
		control.set(reason.subarray(reasonStart, reasonEnd), 2);
		this.sendFrame(CLOSE, control, 0, code === null ? 0 : 2 + reasonEnd - reasonStart);
		this.below.close();
	}

	/** The peer has ended it, well or badly: for who is above it is over, whatever the network does. */
	private ended(error: HostError | null): void {
		if (this.isTold) return;
		this.isTold = true;
		this.isOpen = false;
		this.dropBuffers();
		this.handler?.onClose(error);
	}

	onDrain(): void {
		if (this.isOpen) this.handler?.onDrain();
	}

	onClose(error: HostError | null): void {
		this.ended(error);
	}

	// Input.

	onData(bytes: Uint8Array, start: number, end: number): number {
		let at = start;
		// Payload is gathered where it is, below what is still to be read, unless some is left from before.
		let to = start;
		let failure: WebSocketError | null = null;
		try {
			while (this.isOpen) {
				if (this.remaining > 0) {
					const length = Math.min(this.remaining, end - at);
					if (length === 0) break;
					to = this.takePayload(bytes, at, length, to);
					at += length;
					continue;
				}
				const size = this.frame.read(bytes, at, end, !this.isClient);
				if (size === 0) break;
				const { opcode, length } = this.frame;
				if ((opcode & CONTROL) !== 0) {
					if (end - at < size + length) break;
					// In its place: what follows is not looked at again.
					this.host.copyMasked(bytes, at + size, at + size + length, this.frame.key, control, 0);
					at += size + length;
					if (opcode === CLOSE) {
						this.deliver(bytes, start, to);
						this.takeClose(length);
						return end - start;
					}
					if (opcode === PING) this.answerPing(length);
					continue;
				}
				this.beginData(opcode);
				at += size;
				this.remaining = length;
				this.key = this.frame.key;
			}
		} catch (error) {
			if (!(error instanceof WebSocketError)) throw error;
			failure = error;
		}
		this.deliver(bytes, start, to);
		if (failure !== null) this.fail(failure);
		return this.isOpen ? at - start : end - start;
	}

	/** A data frame begins: it must be the one that fits, and binary. */
	private beginData(opcode: number): void {
		if ((opcode === CONTINUATION) !== this.inMessage) {
			const text = this.inMessage ? "a message inside of another" : "a continuation of nothing";
			throw new WebSocketError(CloseCode.PROTOCOL_ERROR, text);
		}
		// [MQTT-6.0.0-1], 3.1.1: [MQTT-6.0.0-1]
		if (opcode === TEXT) throw new WebSocketError(CloseCode.UNSUPPORTED_DATA, "a text frame");
		this.inMessage = !this.frame.isLast;
	}

	/** Takes payload to where it is delivered from. Packets need not be aligned to frames: [MQTT-6.0.0-2], 3.1.1: [MQTT-6.0.0-2]. */
	private takePayload(bytes: Uint8Array, at: number, length: number, to: number): number {
		const { copyMasked } = this.host;
		let place = to;
		if (this.tailStart < this.tailEnd) {
			this.makeTailRoom(length);
			copyMasked(bytes, at, at + length, this.key, this.tail, this.tailEnd);
			this.tailEnd += length;
		} else {
			copyMasked(bytes, at, at + length, this.key, bytes, to);
			place += length;
		}
		this.remaining -= length;
		const turn = (length & 3) * 8;
		if (turn > 0) this.key = (this.key << turn) | (this.key >>> (32 - turn));
		return place;
	}

	/** Hands on what has come: `bytes[start, end)`, or the tail, to which it was appended then. */
	private deliver(bytes: Uint8Array, start: number, end: number): void {
		const { handler } = this;
		if (handler === null || !this.isOpen) return;
		if (this.tailStart < this.tailEnd) {
			if (this.tailEnd === this.delivered) return;
			const used = handler.onData(this.tail, this.tailStart, this.tailEnd);
			this.tailStart += used;
			this.delivered = this.tailEnd;
			if (this.tailStart === this.tailEnd) this.dropTail();
			return;
		}
		if (start === end) return;
		const used = handler.onData(bytes, start, end);
		if (start + used === end || !this.isOpen) return;
		this.makeTailRoom(end - start - used);
		this.host.copyMasked(bytes, start + used, end, 0, this.tail, this.tailEnd);
		this.tailEnd += end - start - used;
		this.delivered = this.tailEnd;
	}

	private makeTailRoom(length: number): void {
		const { tail, tailStart, tailEnd } = this;
		if (tailEnd + length <= tail.length) return;
		const used = tailEnd - tailStart;
		const larger =
			used + length <= tail.length / 2 ? tail : new Uint8Array(Math.max(256, 2 * (used + length)));
		this.host.copyMasked(tail, tailStart, tailEnd, 0, larger, 0);
		this.tail = larger;
		this.delivered -= tailStart;
		this.tailStart = 0;
		this.tailEnd = used;
	}

	private dropTail(): void {
		this.tail = none;
		this.tailStart = 0;
		this.tailEnd = 0;
		this.delivered = 0;
	}

	/** Answers a ping, whose payload is in `control`. Who does not read gets no more answers (section 5.5.3 allows it). */
	private answerPing(length: number): void {
		if (!this.isOpen || this.below.buffered > EARLY) return;
		this.sendFrame(PONG, control, 0, length);
	}

	/** The peer says that it was all, in `control`: it gets the same back, and that was it (section 5.5.1). */
	private takeClose(length: number): void {
		if (!this.isOpen) return;
		const wrong = this.wrongClose(length);
		if (wrong !== null) {
			this.fail(wrong);
			return;
		}
		if (length === 0) this.closeWith(null);
		else this.closeWith((control[0]! << 8) | control[1]!, control.slice(2, length), 0, length - 2);
		this.ended(null);
	}

	private wrongClose(length: number): WebSocketError | null {
		if (length === 0) return null;
		if (length === 1) return new WebSocketError(CloseCode.PROTOCOL_ERROR, "a close frame of one octet");
		const code = (control[0]! << 8) | control[1]!;
		if (!mayBeSent(code)) return new WebSocketError(CloseCode.PROTOCOL_ERROR, `close code ${code}`);
		// U+0000 is UTF-8 here, other than in MQTT.
		for (let at = 2; at < length; ) {
			const zero = control.subarray(0, length).indexOf(0, at);
			const end = zero < 0 ? length : zero;
			if (!this.host.utf8.isValid(control, at, end)) {
				return new WebSocketError(CloseCode.INVALID_DATA, "a close reason that is not UTF-8");
			}
			at = end + 1;
		}
		return null;
	}

	/** Ends the connection because of what the peer did (section 7.1.7). */
	private fail(error: WebSocketError): void {
		if (!this.isOpen) return;
		this.closeWith(error.closeCode);
		const text = `WebSocket protocol error: ${error.message}`;
		this.ended(Object.assign(new Error(text), { code: "EPROTO" }));
	}
}
