/** The message that is being distributed, and its encodings: one for each (level, QoS), not one for each subscriber. */

import {
	type Properties,
	type ProtocolVersion,
	type PublishView,
	publishLength,
	type Qos,
	type TextCodec,
	writePublish,
} from "../packet/packet.ts";
import { Message, outgoingProperties, type Topic } from "./message.ts";

/** Encodings: MQTT 3.x and 5.0, by QoS 0 to 2. */
const VARIANTS = 6;

/**
 * One long-lived object; `begin` starts over. `select` chooses an encoding, after which `bytes[start, end)` is the
 * frame to send and `packetIdAt` the position of its packet identifier, to be patched for each subscriber.
 */
export class Publication {
	// What was published.
	topic!: Topic;
	qos: Qos = 0;
	retain = false;
	properties: Properties | null = null;
	/** Second from which it is not to be delivered; 0 is never. */
	expiresAt = 0;
	private now = 0;
	private source!: Uint8Array;
	private payloadStart = 0;
	private payloadEnd = 0;
	private message: Message | null = null;

	// What is to be sent.
	bytes!: Uint8Array;
	start = 0;
	end = 0;
	packetIdAt = 0;

	private selected = -1;
	/** The variant that the received frame itself is, or -1. */
	private raw = -1;
	private rawStart = 0;
	private rawEnd = 0;
	private encoded = 0;
	private readonly codec: TextCodec;
	private readonly starts = new Int32Array(VARIANTS);
	private readonly ends = new Int32Array(VARIANTS);
	private scratch = new Uint8Array(1024);
	private scratchUsed = 0;

	constructor(codec: TextCodec) {
		this.codec = codec;
	}

	/** Starts on a message whose payload is `view`'s part of `source`. */
	begin(
		topic: Topic,
		source: Uint8Array,
		view: PublishView,
		properties: Properties | null,
		expiresAt: number,
		now: number,
	): void {
		this.topic = topic;
		this.qos = view.qos as Qos;
		this.retain = view.retain;
		this.properties = properties;
		this.expiresAt = expiresAt;
		this.now = now;
		this.source = source;
		this.payloadStart = view.payloadStart;
		this.payloadEnd = view.payloadEnd;
		this.message = null;
		this.selected = -1;
		this.raw = -1;
		this.encoded = 0;
		this.scratchUsed = 0;
	}

	/** Says that `source[start, end)` is a frame that subscribers of that version and QoS can get as it is. */
	useFrame(version: ProtocolVersion, start: number, end: number): void {
		this.raw = (version === 5 ? 3 : 0) + this.qos;
		this.rawStart = start;
		this.rawEnd = end;
	}

	/** Octets of payload. */
	get payloadLength(): number {
		return this.payloadEnd - this.payloadStart;
	}

	/** Lets go of what was published, so that nothing large is held until the next message. */
	finish(): void {
		this.properties = null;
		this.message = null;
		if (this.scratch.length > 65536) this.scratch = new Uint8Array(1024);
	}

	/**
	 * Chooses the encoding for a protocol version, QoS and RETAIN flag. DUP is 0: [MQTT-3.3.1-3], [MQTT-4.3.1-1],
	 * [MQTT-4.3.2-2], [MQTT-4.3.3-2], 3.1.1: [MQTT-3.3.1-3], [MQTT-4.3.1-1].
	 */
	select(version: ProtocolVersion, qos: number, retain: boolean): void {
		const variant = (version === 5 ? 3 : 0) + qos;
		if (variant !== this.selected) this.switchTo(variant, version, qos as Qos);
		this.bytes[this.start] = 0x30 | (qos << 1) | (retain ? 1 : 0);
	}

	private switchTo(variant: number, version: ProtocolVersion, qos: Qos): void {
		this.selected = variant;
		if (variant === this.raw) {
			this.bytes = this.source;
			this.start = this.rawStart;
			this.end = this.rawEnd;
		} else {
			if ((this.encoded & (1 << variant)) === 0) this.encode(variant, version, qos);
			this.bytes = this.scratch;
			this.start = this.starts[variant]!;
			this.end = this.ends[variant]!;
		}
		if (qos === 0) return;
		let at = this.start + 1;
		while (this.bytes[at]! >= 128) at++;
		this.packetIdAt = at + 3 + this.topic.topicBytes.length;
	}

	private encode(variant: number, version: ProtocolVersion, qos: Qos): void {
		const properties =
			version === 5 ? outgoingProperties(this.properties, this.expiresAt, this.now, 0) : null;
		const start = this.scratchUsed;
		const end = start + publishLength(this.sourceParts(), version, qos, properties, this.codec);
		if (end > this.scratch.length) this.growScratch(end);
		writePublish(
			this.scratch,
			start,
			this.sourceParts(),
			version,
			false,
			qos,
			false,
			0,
			properties,
			this.codec,
		);
		this.starts[variant] = start;
		this.ends[variant] = end;
		this.scratchUsed = end;
		this.encoded |= 1 << variant;
	}

	private growScratch(needed: number): void {
		const larger = new Uint8Array(Math.max(needed, this.scratch.length * 2));
		larger.set(this.scratch.subarray(0, this.scratchUsed));
		this.scratch = larger;
	}

	private sourceParts() {
		return {
			topic: this.topic.topicBytes,
			payload: this.source,
			payloadStart: this.payloadStart,
			payloadEnd: this.payloadEnd,
		};
	}

	/** The message as an object of its own, for those who keep it; made once. */
	keep(): Message {
		this.message ??= new Message(
			this.topic.topic,
			this.topic.topicBytes,
			this.source.slice(this.payloadStart, this.payloadEnd),
			this.qos,
			this.properties,
			this.expiresAt,
		);
		return this.message;
	}
}
