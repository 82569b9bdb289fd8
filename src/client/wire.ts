/** One connection after another as packets: one buffer for output, keep alive, and an end that loses no output. */

import type { Connection, HostError, Timer } from "../host/host.ts";
import {
	encodedLength,
	encodePacket,
	frameLength,
	MqttError,
	type Packet,
	PacketType,
	type Properties,
	type PublishSource,
	publishLength,
	Reason,
	writeAck,
	writePublish,
} from "../packet/packet.ts";
import { KeepAlive } from "./keep-alive.ts";
import type { ClientHost, ResolvedOptions } from "./options.ts";
import type { Trace } from "./trace.ts";

/** Who uses the wire. */
export interface WireUser {
	/** `bytes[start, end)` is one whole packet; it may throw an MqttError. */
	onFrame(bytes: Uint8Array, start: number, end: number): void;
	/** What came is no MQTT; or `onFrame` said so. */
	onProtocolError(error: MqttError): void;
	/** The server has been silent for too long. */
	onSilence(): void;
	onDrain(): void;
	/** The connection is over. */
	onClose(error: HostError | null): void;
}

const EMPTY = new Uint8Array(0);
/** Output up to this size is sure to be handed over by `close` in its time; with more, closing waits. */
const QUICKLY_SENT = 65_536;
/** Packets up to this size are made in a buffer that is kept. */
const LARGEST_KEPT_BUFFER = 65_536;
/** How often a connection that ends is looked at while its output goes out, and how long that may stand still. */
const ENDING_CHECK = 1000;
const ENDING_STALL = 60_000;

export class Wire {
	readonly keepAlive: KeepAlive;
	private readonly host: ClientHost;
	private readonly options: ResolvedOptions;
	private readonly trace: Trace;
	private readonly user: WireUser;
	private readonly source: PublishSource = { topic: EMPTY, payload: EMPTY, payloadStart: 0, payloadEnd: 0 };
	private connection: Connection | null = null;
	private ending = false;
	private timer: Timer | null = null;
	private buffer = new Uint8Array(4096);

	constructor(host: ClientHost, options: ResolvedOptions, trace: Trace, user: WireUser) {
		this.host = host;
		this.options = options;
		this.trace = trace;
		this.user = user;
		this.keepAlive = new KeepAlive(
			host.clock,
			host.timers,
			() => this.ping(),
			() => user.onSilence(),
		);
	}

	/** Octets written and not yet taken by the system. */
	get buffered(): number {
		return this.connection?.buffered ?? 0;
	}

	/** Begins to use a connection. The one before is over. */
	attach(connection: Connection): void {
		this.connection = connection;
		this.ending = false;
		connection.start({
			onData: (bytes, start, end) => this.onData(bytes, start, end),
			onDrain: () => {
				if (this.ending) connection.close();
				else this.user.onDrain();
			},
			onClose: (error) => {
				this.detach();
				this.user.onClose(error);
			},
		});
		this.keepAlive.start(this.options.keepAlive);
	}

	/** Ends the connection; `onClose` follows. What was written still goes out, unless `atOnce`. */
	end(atOnce: boolean): void {
		const { connection } = this;
		if (connection === null || this.ending) return;
		this.ending = true;
		this.keepAlive.stop();
		if (atOnce) connection.destroy();
		else if (connection.buffered <= QUICKLY_SENT) connection.close();
		else this.awaitOutput(connection, connection.buffered, 0);
	}

	/** Octets that the packet takes. */
	length(packet: Packet): number {
		return encodedLength(packet, this.options.version, this.host.utf8);
	}

	send(packet: Packet): void {
		const { version } = this.options;
		const bytes = this.room(this.length(packet));
		this.write(bytes, encodePacket(packet, version, bytes, 0, this.host.utf8));
	}

	sendAck(type: 4 | 5 | 6 | 7, packetId: number, reasonCode: number): void {
		const { buffer } = this;
		this.write(buffer, writeAck(buffer, 0, type, packetId, reasonCode, this.options.version));
	}

	/** Octets of the PUBLISH that has these parts. `topic` is encoded. */
	publishLength(topic: Uint8Array, payload: Uint8Array, qos: number, properties: Properties | null): number {
		const { source } = this;
		source.topic = topic;
		source.payload = payload;
		source.payloadEnd = payload.length;
		const length = publishLength(source, this.options.version, qos, properties, this.host.utf8);
		source.payload = EMPTY;
		return length;
	}

	/** Sends a PUBLISH of at most `length` octets. `topic` is encoded. */
	sendPublish(
		length: number,
		topic: Uint8Array,
		payload: Uint8Array,
		dup: boolean,
		qos: number,
		retain: boolean,
		packetId: number,
		properties: Properties | null,
	): void {
		const { source } = this;
		const { version } = this.options;
		const bytes = this.room(length);
		source.topic = topic;
		source.payload = payload;
		source.payloadEnd = payload.length;
		const { utf8 } = this.host;
		this.write(bytes, writePublish(bytes, 0, source, version, dup, qos, retain, packetId, properties, utf8));
		source.payload = EMPTY;
	}

	private room(length: number): Uint8Array {
		if (length <= this.buffer.length) return this.buffer;
		if (length > LARGEST_KEPT_BUFFER) return new Uint8Array(length);
		this.buffer = new Uint8Array(LARGEST_KEPT_BUFFER);
		return this.buffer;
	}

	private write(bytes: Uint8Array, end: number): void {
		this.connection?.write(bytes, 0, end);
		this.keepAlive.sent();
	}

	private ping(): void {
		this.trace.sending("PINGREQ");
		this.send({ type: PacketType.PINGREQ });
		this.keepAlive.pinged();
	}

	private onData(bytes: Uint8Array, start: number, end: number): number {
		let position = start;
		try {
			this.keepAlive.received();
			while (position < end && !this.ending) {
				const length = frameLength(bytes, position, end, this.options.maximumPacketSize);
				if (length === 0 || position + length > end) return position - start;
				this.user.onFrame(bytes, position, position + length);
				position += length;
			}
		} catch (error) {
			if (!(error instanceof MqttError)) throw error;
			this.user.onProtocolError(error);
		}
		// What an ending connection still receives is of no use.
		return end - start;
	}

	/** Closes once all output is gone, or when the peer has taken nothing for long. */
	private awaitOutput(connection: Connection, before: number, stalled: number): void {
		this.timer = this.host.timers.after(ENDING_CHECK, () => {
			const now = connection.buffered;
			const stall = now < before ? 0 : stalled + ENDING_CHECK;
			if (now === 0) connection.close();
			else if (stall >= ENDING_STALL) connection.destroy();
			else this.awaitOutput(connection, now, stall);
		});
	}

	private detach(): void {
		this.connection = null;
		this.keepAlive.stop();
		this.timer?.cancel();
		this.timer = null;
	}
}

/** The error for a packet that is well-formed and yet must not be. */
export function violation(text: string): MqttError {
	return new MqttError(Reason.PROTOCOL_ERROR, text);
}
