/** Builds database files as mosquitto's versions write them on different machines. */

import { concat } from "./websocket.ts";

/** The machine that writes. */
export interface Writer {
	readonly version: 3 | 4 | 5 | 6;
	readonly littleEndian: boolean;
	/** Octets of a `time_t`. */
	readonly timeWidth: 4 | 8;
	/** Octets at whose multiples a number of 64 bits is: 4 on i386. */
	readonly alignment: 4 | 8;
}

const encoder = new TextEncoder();

export interface MessageFields {
	id: number;
	topic: string;
	payload?: string | Uint8Array;
	qos?: number;
	retain?: boolean;
	/** Property list without its length. */
	properties?: Uint8Array;
	expiresAt?: number;
	publisher?: string;
	username?: string;
}

export interface ClientFields {
	clientId: string;
	username?: string;
	expiryInterval?: number;
	expiresAt?: number;
	disconnectedAt?: number;
	lastPacketId?: number;
}

export interface ClientMessageFields {
	clientId: string;
	messageId: number;
	packetId?: number;
	qos?: number;
	retain?: boolean;
	dup?: boolean;
	incoming?: boolean;
	state?: number;
	properties?: Uint8Array;
}

export interface SubscriptionFields {
	clientId: string;
	filter: string;
	qos?: number;
	options?: number;
	subscriptionId?: number;
}

/** The chunks of one file, in the order of the calls. */
export class MosquittoFileBuilder {
	private readonly writer: Writer;
	private readonly parts: Uint8Array[] = [];
	/** Where each chunk begins. */
	readonly offsets: number[] = [];

	constructor(writer: Writer) {
		this.writer = writer;
		this.parts.push(Uint8Array.of(0, 0xb5, 0), encoder.encode("mosquitto db"), u32(0), u32(writer.version));
	}

	get bytes(): Uint8Array {
		return concat(this.parts);
	}

	/** Any chunk. */
	chunk(kind: number, ...parts: Uint8Array[]): this {
		const body = concat(parts);
		this.offsets.push(this.bytes.length);
		this.parts.push(this.isNew ? u32(kind) : u16(kind), u32(body.length), body);
		return this;
	}

	settings(shutdown = true, idWidth = 8): this {
		const flags = Uint8Array.of(shutdown ? 1 : 0, idWidth);
		if (!this.isNew) return this.chunk(1, flags, this.native(99, 8));
		return this.chunk(1, this.native(99, 8), flags, new Uint8Array(this.writer.alignment - 2));
	}

	message(fields: MessageFields): this {
		const publisher = encoder.encode(fields.publisher ?? "publisher");
		const username = encoder.encode(fields.username ?? "");
		const topic = encoder.encode(fields.topic);
		const given = fields.payload ?? "";
		const payload = typeof given === "string" ? encoder.encode(given) : given;
		const flags = Uint8Array.of(fields.qos ?? 1, fields.retain ? 1 : 0);
		const id = this.native(fields.id, 8);
		if (this.isNew) {
			const lengths = [u16(7), u16(publisher.length), u16(username.length), u16(topic.length), u16(1883)];
			const fixed = [id, this.native(fields.expiresAt ?? 0, 8), u32(payload.length), ...lengths, flags];
			return this.chunk(2, ...fixed, publisher, username, topic, payload, list(fields.properties));
		}
		const source = [...text(publisher)];
		if (this.writer.version === 4) source.push(...text(username), u16(1883));
		return this.chunk(2, id, ...source, u16(7), u16(0), ...text(topic), flags, u32(payload.length), payload);
	}

	client(fields: ClientFields): this {
		const clientId = encoder.encode(fields.clientId);
		const lastPacketId = u16(fields.lastPacketId ?? 0);
		if (!this.isNew) {
			const time = this.native(fields.disconnectedAt ?? 1_600_000_000, this.writer.timeWidth);
			return this.chunk(6, ...text(clientId), lastPacketId, time);
		}
		const username = encoder.encode(fields.username ?? "");
		const expiry = [this.native(fields.expiresAt ?? 0, 8), u32(fields.expiryInterval ?? 0xffff_ffff)];
		const fixed = [...expiry, lastPacketId, u16(clientId.length)];
		if (this.writer.version === 5) return this.chunk(6, ...fixed, clientId);
		fixed.push(u16(1883), u16(username.length), new Uint8Array(this.writer.alignment - 4));
		return this.chunk(6, ...fixed, clientId, username);
	}

	clientMessage(fields: ClientMessageFields): this {
		const clientId = encoder.encode(fields.clientId);
		const id = this.native(fields.messageId, 8);
		const packetId = u16(fields.packetId ?? 0);
		const qos = fields.qos ?? 1;
		const state = fields.state ?? 11;
		const direction = fields.incoming ? 0 : 1;
		const retain = fields.retain ? 1 : 0;
		const dup = fields.dup ? 1 : 0;
		if (!this.isNew) {
			const rest = Uint8Array.of(qos, retain, direction, state, dup);
			return this.chunk(3, ...text(clientId), id, packetId, rest);
		}
		const rest = Uint8Array.of(qos, state, (retain << 4) | dup, direction);
		return this.chunk(3, id, packetId, u16(clientId.length), rest, clientId, list(fields.properties));
	}

	retained(messageId: number): this {
		return this.chunk(4, this.native(messageId, 8));
	}

	subscription(fields: SubscriptionFields): this {
		const clientId = encoder.encode(fields.clientId);
		const filter = encoder.encode(fields.filter);
		const qos = fields.qos ?? 1;
		if (!this.isNew) return this.chunk(5, ...text(clientId), ...text(filter), Uint8Array.of(qos));
		const fixed = [u32(fields.subscriptionId ?? 0), u16(clientId.length), u16(filter.length)];
		return this.chunk(5, ...fixed, Uint8Array.of(qos, fields.options ?? 0, 0, 0), clientId, filter);
	}

	private get isNew(): boolean {
		return this.writer.version >= 5;
	}

	/** A number in the order of the machine. */
	private native(value: number, width: number): Uint8Array {
		const octets = new Uint8Array(width);
		let rest = value;
		for (let index = width - 1; index >= 0; index--) {
			octets[index] = rest % 256;
			rest = Math.floor(rest / 256);
		}
		return this.writer.littleEndian ? octets.reverse() : octets;
	}
}

function u16(value: number): Uint8Array {
	return Uint8Array.of(value >> 8, value & 255);
}

function u32(value: number): Uint8Array {
	return Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

function text(octets: Uint8Array): Uint8Array[] {
	return [u16(octets.length), octets];
}

/** A property list with its length; nothing at all for none. */
function list(properties: Uint8Array | undefined): Uint8Array {
	if (properties === undefined) return new Uint8Array(0);
	if (properties.length > 127) throw new Error("a short list is meant");
	return concat([Uint8Array.of(properties.length), properties]);
}

/** One machine of each kind that OpenWrt and Debian run on, for every version. */
export const writers: readonly Writer[] = ([3, 4, 5, 6] as const).flatMap((version) => [
	{ version, littleEndian: true, timeWidth: 8, alignment: 8 } as const, // x86_64, aarch64
	{ version, littleEndian: false, timeWidth: 4, alignment: 8 } as const, // mips with an older C library
	{ version, littleEndian: false, timeWidth: 8, alignment: 8 } as const, // mips
	{ version, littleEndian: true, timeWidth: 4, alignment: 4 } as const, // i386
]);

/** A file with every kind of record; what each version knows of it is read back from it. */
export function sampleFile(writer: Writer): MosquittoFileBuilder {
	// Content type "t", user property "k" "v".
	const properties = Uint8Array.of(0x03, 0, 1, 0x74, 0x26, 0, 1, 0x6b, 0, 1, 0x76);
	return new MosquittoFileBuilder(writer)
		.settings()
		.message({ id: 1, topic: "a/b", payload: "retained", retain: true, username: "joe" })
		.message({ id: 2, topic: "c", payload: "queued", qos: 2, properties, expiresAt: 1_900_000_000 })
		.message({ id: 0x1_0203_0405, topic: "d/ü", payload: Uint8Array.of(0, 255), qos: 0, publisher: "" })
		.client({ clientId: "one", username: "joe", expiryInterval: 3600, expiresAt: 1_800_000_000, lastPacketId: 300 })
		.clientMessage({ clientId: "one", messageId: 2, packetId: 299, qos: 2, dup: true, state: 5 })
		.clientMessage({ clientId: "one", messageId: 1, qos: 1, properties: Uint8Array.of(0x0b, 0xc8, 1) })
		.clientMessage({ clientId: "one", messageId: 2, packetId: 9, qos: 2, retain: true, incoming: true, state: 7 })
		.client({ clientId: "two", disconnectedAt: 1_500_000_000 })
		.subscription({ clientId: "one", filter: "a/#", qos: 2, options: 0x0c, subscriptionId: 200 })
		.subscription({ clientId: "two", filter: "$share/g/+", qos: 0 })
		.retained(1)
		.retained(0x1_0203_0405);
}
