/** What one chunk of mosquitto's database file says: the layouts of versions 3 to 6. */

import {
	isValidTopicFilter,
	isValidTopicName,
	MqttError,
	PacketType,
	type Properties,
	type Qos,
	readProperties,
	type TextCodec,
} from "../packet/packet.ts";

/** Kinds of chunks. */
export const Chunk = {
	SETTINGS: 1,
	MESSAGE: 2,
	CLIENT_MESSAGE: 3,
	RETAINED: 4,
	SUBSCRIPTION: 5,
	CLIENT: 6,
} as const;

/** The file's first chunk. */
export interface MosquittoSettings {
	/** Whether mosquitto wrote the file as it ended. */
	readonly shutdown: boolean;
}

/** A message that others refer to. Arrays are lent: good until the call that hands it over returns. */
export interface MosquittoMessage {
	/** Compared with the same of client messages and retained messages only: the eight octets as they are in the file. */
	readonly id: string;
	readonly topic: string;
	readonly payload: Uint8Array;
	readonly qos: Qos;
	readonly retain: boolean;
	readonly properties: Properties | null;
	/** Second (UTC) from which it is not to be delivered; 0 is never. */
	readonly expiresAt: number;
	/** Client identifier and user name of the publisher; empty for none. */
	readonly publisher: string;
	readonly username: string;
	/** Of the listener that it came by; 0 where the file does not say. */
	readonly port: number;
}

/** A session. */
export interface MosquittoClient {
	readonly clientId: string;
	/** As the file says; mosquitto 2.0 may write another client's for one that has none. */
	readonly username: string | null;
	/** Seconds; 0xFFFFFFFF is for ever, as all are before version 5. */
	readonly expiryInterval: number;
	/** Second (UTC) at which the session ends; 0 where the file does not say. */
	readonly expiresAt: number;
	/** Second (UTC) at which the client went; 0 where the file does not say. */
	readonly disconnectedAt: number;
	/** The packet identifier that was given out last. */
	readonly lastPacketId: number;
	/** Of the listener that it came by; 0 where the file does not say. */
	readonly port: number;
}

/** How far the exchange of a client message has come; numbers as in the file. */
export const MessageState = {
	PUBLISH_QOS0: 1,
	PUBLISH_QOS1: 2,
	WAIT_FOR_PUBACK: 3,
	PUBLISH_QOS2: 4,
	WAIT_FOR_PUBREC: 5,
	RESEND_PUBREL: 6,
	WAIT_FOR_PUBREL: 7,
	RESEND_PUBCOMP: 8,
	WAIT_FOR_PUBCOMP: 9,
	SEND_PUBREC: 10,
	QUEUED: 11,
} as const;

/** A message that is on its way to a client, or from one (QoS 2). */
export interface MosquittoClientMessage {
	readonly clientId: string;
	readonly messageId: string;
	readonly packetId: number;
	readonly qos: Qos;
	readonly retain: boolean;
	readonly dup: boolean;
	readonly incoming: boolean;
	/** One of `MessageState`. */
	readonly state: number;
	/** 0 is none. */
	readonly subscriptionId: number;
}

export interface MosquittoRetained {
	readonly messageId: string;
}

export interface MosquittoSubscription {
	readonly clientId: string;
	readonly filter: string;
	readonly qos: Qos;
	readonly noLocal: boolean;
	readonly retainAsPublished: boolean;
	/** 0 is none. */
	readonly subscriptionId: number;
}

/** Why a chunk is not read. */
export class Damage extends Error {}

/** Times above this are none (the year 36,812): the octets were written in the other order. */
const LATEST = 2 ** 40;
const FOR_EVER = 0xffff_ffff;
/** Of subscription identifiers: a larger one could not be sent. */
const MOST_IDENTIFIER = 268_435_455;
/** The octets of `struct PF_client` of version 6, with the end that a compiler adds; fewer on i386. */
const CLIENT_LENGTH = 24;
const CLIENT_LENGTH_I386 = 20;

/**
 * The fields of one chunk. Numbers are big-endian, but for identifiers and times, which are in the order of the machine that
 * wrote the file.
 */
export class ChunkReader {
	private readonly bytes: Uint8Array;
	private readonly codec: TextCodec;
	private position: number;
	private readonly end: number;

	constructor(bytes: Uint8Array, start: number, end: number, codec: TextCodec) {
		this.bytes = bytes;
		this.codec = codec;
		this.position = start;
		this.end = end;
	}

	/** Octets that are left. */
	get rest(): number {
		return this.end - this.position;
	}

	skip(count: number): number {
		const start = this.position;
		if (count > this.rest) throw new Damage("ends too early");
		this.position = start + count;
		return start;
	}

	uint8(): number {
		return this.bytes[this.skip(1)]!;
	}

	uint16(): number {
		const start = this.skip(2);
		return (this.bytes[start]! << 8) | this.bytes[start + 1]!;
	}

	uint32(): number {
		const high = this.uint16();
		return high * 65_536 + this.uint16();
	}

	/** Eight octets as a key. */
	id(): string {
		const start = this.skip(8);
		return String.fromCharCode(...this.bytes.subarray(start, start + 8));
	}

	/** A time of four or eight octets: of both orders the one that makes sense; 0 when neither does. */
	time(width: number): number {
		const start = this.skip(width);
		let little = 0;
		let big = 0;
		for (let index = 0; index < width; index++) {
			big = big * 256 + this.bytes[start + index]!;
			little = little * 256 + this.bytes[start + width - 1 - index]!;
		}
		if (width === 4) return Math.abs(little - MIDDLE) < Math.abs(big - MIDDLE) ? little : big;
		return little < LATEST ? little : big < LATEST ? big : 0;
	}

	/** `length` octets of text; null when ill-formed. */
	text(length: number): string | null {
		const start = this.skip(length);
		return this.codec.decode(this.bytes, start, start + length);
	}

	octets(length: number): Uint8Array {
		const start = this.skip(length);
		return this.bytes.subarray(start, start + length);
	}

	/** All that is left: a property list with its length before it. */
	properties(): Properties | null {
		if (this.rest === 0) return null;
		let length = 0;
		for (let scale = 1; ; scale *= 128) {
			const octet = this.uint8();
			length += (octet & 127) * scale;
			if (octet < 128) break;
			if (scale > 128 ** 2) throw new Damage("has a property length of more than four octets");
		}
		if (length !== this.rest) throw new Damage("has properties of another length than it says");
		if (length === 0) return null;
		try {
			return readProperties(this.bytes, this.position, this.end, PacketType.PUBLISH, this.codec);
		} catch (error) {
			if (!(error instanceof MqttError)) throw error;
			throw new Damage(`has wrong properties (${error.message})`);
		}
	}

	finish(): void {
		if (this.rest !== 0) throw new Damage(`has ${this.rest} octets too many`);
	}
}

/** A second in 2024: a time of four octets, in the right order, is nearer to it. */
const MIDDLE = 1_710_000_000;

export function readSettings(reader: ChunkReader, version: number): MosquittoSettings {
	let shutdown: number;
	let width: number;
	if (version >= 5) {
		reader.id();
		shutdown = reader.uint8();
		width = reader.uint8();
	} else {
		shutdown = reader.uint8();
		width = reader.uint8();
		reader.id();
		reader.finish();
	}
	if (width !== 8) throw new Damage(`says that identifiers have ${width} octets`);
	return { shutdown: shutdown !== 0 };
}

export function readMessage(reader: ChunkReader, version: number): MosquittoMessage {
	return version >= 5 ? readMessage5(reader) : readMessage3(reader, version);
}

function readMessage5(reader: ChunkReader): MosquittoMessage {
	const id = reader.id();
	const expiresAt = reader.time(8);
	const payloadLength = reader.uint32();
	reader.uint16(); // packet identifier of the publisher
	const publisherLength = reader.uint16();
	const usernameLength = reader.uint16();
	const topicLength = reader.uint16();
	const port = reader.uint16();
	const qos = reader.uint8();
	const retain = reader.uint8() !== 0;
	const publisher = reader.text(publisherLength) ?? "";
	const username = reader.text(usernameLength) ?? "";
	const topic = reader.text(topicLength);
	const payload = reader.octets(payloadLength);
	const properties = reader.properties();
	// Those belong to a connection: sent on, they would break another.
	if (properties?.topicAlias !== undefined || properties?.subscriptionIdentifier !== undefined)
		throw new Damage("has wrong properties (an alias, or an identifier of a subscription)");
	return {
		id,
		topic: checkTopic(topic),
		payload,
		qos: checkQos(qos),
		retain,
		properties,
		expiresAt,
		publisher,
		username,
		port,
	};
}

function readMessage3(reader: ChunkReader, version: number): MosquittoMessage {
	const id = reader.id();
	const publisher = reader.text(reader.uint16()) ?? "";
	const username = version === 4 ? (reader.text(reader.uint16()) ?? "") : "";
	const port = version === 4 ? reader.uint16() : 0;
	reader.uint16(); // packet identifier of the publisher
	reader.uint16();
	const topic = reader.text(reader.uint16());
	const qos = reader.uint8();
	const retain = reader.uint8() !== 0;
	const payload = reader.octets(reader.uint32());
	reader.finish();
	return {
		id,
		topic: checkTopic(topic),
		payload,
		qos: checkQos(qos),
		retain,
		properties: null,
		expiresAt: 0,
		publisher,
		username,
		port,
	};
}

export function readClient(reader: ChunkReader, version: number): MosquittoClient {
	return version >= 5 ? readClient5(reader, version) : readClient3(reader);
}

function readClient5(reader: ChunkReader, version: number): MosquittoClient {
	const total = reader.rest;
	const expiresAt = reader.time(8);
	const expiryInterval = reader.uint32();
	const lastPacketId = reader.uint16();
	const idLength = reader.uint16();
	let usernameLength = 0;
	let port = 0;
	if (version === 6) {
		port = reader.uint16();
		usernameLength = reader.uint16();
		const isShort = total === CLIENT_LENGTH_I386 + idLength + usernameLength;
		if (!isShort) reader.skip(CLIENT_LENGTH - CLIENT_LENGTH_I386);
	}
	const clientId = checkClientId(reader.text(idLength));
	// Where a client has no user name, mosquitto 2.0 goes on with the one before and may write what lies behind it.
	const username = usernameLength === 0 ? null : reader.text(usernameLength);
	reader.finish();
	return { clientId, username, expiryInterval, expiresAt, disconnectedAt: 0, lastPacketId, port };
}

function readClient3(reader: ChunkReader): MosquittoClient {
	const clientId = checkClientId(reader.text(reader.uint16()));
	const lastPacketId = reader.uint16();
	// `time_t` of the machine that wrote it.
	if (reader.rest !== 4 && reader.rest !== 8) throw new Damage(`has a time of ${reader.rest} octets`);
	const disconnectedAt = reader.time(reader.rest);
	return {
		clientId,
		username: null,
		expiryInterval: FOR_EVER,
		expiresAt: 0,
		disconnectedAt,
		lastPacketId,
		port: 0,
	};
}

export function readClientMessage(reader: ChunkReader, version: number): MosquittoClientMessage {
	let clientId: string | null = null;
	let idLength = 0;
	if (version < 5) clientId = reader.text(reader.uint16());
	const messageId = reader.id();
	const packetId = reader.uint16();
	if (version >= 5) idLength = reader.uint16();
	const qos = checkQos(reader.uint8());
	let state: number;
	let retain: boolean;
	let dup: boolean;
	let direction: number;
	let subscriptionId = 0;
	if (version < 5) {
		retain = reader.uint8() !== 0;
		direction = reader.uint8();
		state = reader.uint8();
		dup = reader.uint8() !== 0;
		reader.finish();
	} else {
		state = reader.uint8();
		const both = reader.uint8();
		retain = both >> 4 !== 0;
		dup = (both & 15) !== 0;
		direction = reader.uint8();
		clientId = reader.text(idLength);
		subscriptionId = reader.properties()?.subscriptionIdentifier?.[0] ?? 0;
	}
	if (direction > 1) throw new Damage(`goes in direction ${direction}`);
	if (state === 0 || state > MessageState.QUEUED) throw new Damage(`has state ${state}`);
	const incoming = direction === 0;
	return {
		clientId: checkClientId(clientId),
		messageId,
		packetId,
		qos,
		retain,
		dup,
		incoming,
		state,
		subscriptionId,
	};
}

export function readRetained(reader: ChunkReader): MosquittoRetained {
	const messageId = reader.id();
	reader.finish();
	return { messageId };
}

export function readSubscription(reader: ChunkReader, version: number): MosquittoSubscription {
	let clientId: string | null;
	let filter: string | null;
	let qos: number;
	let options = 0;
	let subscriptionId = 0;
	if (version < 5) {
		clientId = reader.text(reader.uint16());
		filter = reader.text(reader.uint16());
		qos = reader.uint8();
	} else {
		subscriptionId = reader.uint32();
		const idLength = reader.uint16();
		const filterLength = reader.uint16();
		qos = reader.uint8();
		options = reader.uint8();
		reader.uint16(); // what a compiler adds at the end of the struct
		clientId = reader.text(idLength);
		filter = reader.text(filterLength);
	}
	reader.finish();
	if (filter === null || !isValidTopicFilter(filter)) throw new Damage("has no valid topic filter");
	if (subscriptionId > MOST_IDENTIFIER) throw new Damage(`has identifier ${subscriptionId}`);
	return {
		clientId: checkClientId(clientId),
		filter,
		qos: checkQos(qos),
		noLocal: (options & 4) !== 0,
		retainAsPublished: (options & 8) !== 0,
		subscriptionId,
	};
}

function checkQos(qos: number): Qos {
	if (qos !== 0 && qos !== 1 && qos !== 2) throw new Damage(`has QoS ${qos}`);
	return qos;
}

function checkTopic(topic: string | null): string {
	if (topic === null || !isValidTopicName(topic)) throw new Damage("has no valid topic name");
	return topic;
}

function checkClientId(clientId: string | null): string {
	if (clientId === null || clientId === "") throw new Damage("has no valid client identifier");
	return clientId;
}
