/**
 * A retained message as octets: as the database has it, and as the broker keeps it.
 *
 * A record in the database: an octet of bits; the lengths of topic and payload; topic; payload; then, where its bit is set,
 * the second from which it is expired (5 octets), client identifier with user name and name of the listener, and properties
 * (a property list of MQTT 5.0 without its length), texts and list each with the length before. Lengths are Variable Byte
 * Integers (MQTT 5.0 section 1.5.5), other numbers have the highest octet first.
 *
 * In memory, what `Statement.packed` puts there is before it: 4 octets with how many there are to the next record, as there may
 * be some that are not used, and 8 octets with its row, of which the first has bits of our own.
 */

import {
	PacketType,
	type Properties,
	propertyListLength,
	type Qos,
	readProperties,
	type TextCodec,
	writePropertyList,
} from "../packet/packet.ts";

/** Where things are in memory. */
const FLAGS = 4;
const ROW = 5;
const ROW_OCTETS = 7;
const BITS = 12;
/** Octets before a record in memory. */
export const PREFIX = BITS;
/** Octets of a second. */
const SECOND = 5;

/** Of BITS: the QoS, and what there is; IS_GONE says that the topic has no message any more. */
const QOS = 3;
const HAS_CLIENT_ID = 4;
const HAS_USERNAME = 8;
const HAS_EXPIRY = 16;
const HAS_PROPERTIES = 32;
const IS_GONE = 64;

/** Of FLAGS. Its row, if it has one, is not written. */
const IS_NEW = 1;
const IS_DEAD = 2;

/** Who published a message, and where. */
export interface PackedSource {
	readonly clientId: string;
	readonly username: string | null;
	readonly listenerName: string;
}

/** The same as octets. */
export interface SourceOctets {
	readonly clientId: Uint8Array;
	readonly username: Uint8Array | null;
	readonly listener: Uint8Array;
}

// Numbers.

function number(bytes: Uint8Array, at: number, octets: number): number {
	let value = 0;
	for (let i = at; i < at + octets; i++) value = 256 * value + bytes[i]!;
	return value;
}

function setNumber(bytes: Uint8Array, at: number, octets: number, value: number): void {
	let rest = value;
	for (let i = at + octets - 1; i >= at; i--) {
		bytes[i] = rest % 256;
		rest = Math.floor(rest / 256);
	}
}

/** Octets of a length. */
function sizeOf(length: number): number {
	return length < 128 ? 1 : length < 16_384 ? 2 : length < 2_097_152 ? 3 : 4;
}

/** Writes a length; returns the position after it. */
function setLength(bytes: Uint8Array, at: number, length: number): number {
	let rest = length;
	let to = at;
	for (; rest > 127; rest >>= 7) bytes[to++] = 128 | (rest & 127);
	bytes[to] = rest;
	return to + 1;
}

/** Goes through a record: what is read is between `start` and `end`, which are beyond the octets where these are damaged. */
class Cursor {
	bytes: Uint8Array = new Uint8Array(0);
	/** Of what was read last. */
	start = 0;
	end = 0;

	/** To the position of a record's lengths. */
	begin(bytes: Uint8Array, at: number): void {
		this.bytes = bytes;
		this.end = at + BITS + 1;
	}

	/** A length at `end`, and that is where it ends then. */
	length(): number {
		const { bytes } = this;
		let at = this.end;
		let octet = bytes[at++]!;
		let value = octet & 127;
		for (let shift = 7; octet > 127 && shift < 28; shift += 7) {
			octet = bytes[at++]!;
			value |= (octet & 127) << shift;
		}
		this.end = at;
		return value;
	}

	/** What has its length before it. */
	part(): void {
		const length = this.length();
		this.start = this.end;
		this.end += length;
	}

	text(codec: TextCodec): string | null {
		this.part();
		return this.end > this.bytes.length ? null : codec.decode(this.bytes, this.start, this.end);
	}
}

const cursor = new Cursor();

// What a record has.

/** Octets from the beginning of a record to the next. */
export function capacityOf(bytes: Uint8Array, at: number): number {
	return 16_777_216 * bytes[at]! + ((bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!);
}

export function setCapacity(bytes: Uint8Array, at: number, capacity: number): void {
	setNumber(bytes, at, 4, capacity);
}

export function isDead(bytes: Uint8Array, at: number): boolean {
	return (bytes[at + FLAGS]! & IS_DEAD) !== 0;
}

export function markDead(bytes: Uint8Array, at: number): void {
	bytes[at + FLAGS]! |= IS_DEAD;
}

/** 0 is none. */
export function rowOf(bytes: Uint8Array, at: number): number {
	return number(bytes, at + ROW, ROW_OCTETS);
}

export function isWritten(bytes: Uint8Array, at: number): boolean {
	return (bytes[at + FLAGS]! & IS_NEW) === 0;
}

export function setRow(bytes: Uint8Array, at: number, row: number, written: boolean): void {
	setNumber(bytes, at + ROW, ROW_OCTETS, row);
	bytes[at + FLAGS] = (bytes[at + FLAGS]! & ~IS_NEW) | (written ? 0 : IS_NEW);
}

/** The row says that its topic has no retained message any more. */
export function isGone(bytes: Uint8Array, at: number): boolean {
	return (bytes[at + BITS]! & IS_GONE) !== 0;
}

export function qosOf(bytes: Uint8Array, at: number): Qos {
	return Math.min(bytes[at + BITS]! & QOS, 2) as Qos;
}

export function payloadLength(bytes: Uint8Array, at: number): number {
	cursor.begin(bytes, at);
	cursor.length();
	return cursor.length();
}

/** Has the cursor at the topic. */
function toTopic(bytes: Uint8Array, at: number): void {
	cursor.begin(bytes, at);
	const topic = cursor.length();
	cursor.length();
	cursor.start = cursor.end;
	cursor.end += topic;
}

export function topicOf(bytes: Uint8Array, at: number, codec: TextCodec): string | null {
	toTopic(bytes, at);
	return codec.decode(bytes, cursor.start, cursor.end);
}

export function topicOctets(bytes: Uint8Array, at: number): Uint8Array {
	toTopic(bytes, at);
	return bytes.slice(cursor.start, cursor.end);
}

/** Has the cursor at the payload. */
function toPayload(bytes: Uint8Array, at: number): void {
	cursor.begin(bytes, at);
	const topic = cursor.length();
	const payload = cursor.length();
	cursor.start = cursor.end + topic;
	cursor.end = cursor.start + payload;
}

export function payloadOf(bytes: Uint8Array, at: number): Uint8Array {
	toPayload(bytes, at);
	return bytes.slice(cursor.start, cursor.end);
}

/** Second; 0 is never. */
export function expiryOf(bytes: Uint8Array, at: number): number {
	if ((bytes[at + BITS]! & HAS_EXPIRY) === 0) return 0;
	toPayload(bytes, at);
	return number(bytes, cursor.end, SECOND);
}

/** Of one that has one. */
export function setExpiry(bytes: Uint8Array, at: number, second: number): void {
	toPayload(bytes, at);
	setNumber(bytes, cursor.end, SECOND, second);
}

/** Has the cursor after what every record has, and the expiry. */
function toSource(bytes: Uint8Array, at: number): void {
	toPayload(bytes, at);
	if ((bytes[at + BITS]! & HAS_EXPIRY) !== 0) cursor.end += SECOND;
}

/** Null for the broker itself. */
export function sourceOf(bytes: Uint8Array, at: number, codec: TextCodec): PackedSource | null {
	const bits = bytes[at + BITS]!;
	if ((bits & HAS_CLIENT_ID) === 0) return null;
	toSource(bytes, at);
	const clientId = cursor.text(codec) ?? "";
	const username = (bits & HAS_USERNAME) === 0 ? null : (cursor.text(codec) ?? "");
	return { clientId, username, listenerName: cursor.text(codec) ?? "" };
}

/** Has the cursor at the properties. */
function toProperties(bytes: Uint8Array, at: number): void {
	const bits = bytes[at + BITS]!;
	toSource(bytes, at);
	if ((bits & HAS_CLIENT_ID) !== 0) {
		cursor.part();
		if ((bits & HAS_USERNAME) !== 0) cursor.part();
		cursor.part();
	}
	if ((bits & HAS_PROPERTIES) !== 0) cursor.part();
}

export function propertiesOf(bytes: Uint8Array, at: number, codec: TextCodec): Properties | null {
	if ((bytes[at + BITS]! & HAS_PROPERTIES) === 0) return null;
	toProperties(bytes, at);
	try {
		return readProperties(bytes, cursor.start, cursor.end, PacketType.PUBLISH, codec);
	} catch {
		// Of a damaged database: the message counts more.
		return null;
	}
}

/** Whether all that a record says that it has ends where it does. One of a damaged database may say anything. */
export function isSound(bytes: Uint8Array, at: number, capacity: number): boolean {
	if (capacity < PREFIX + 3) return false;
	toProperties(bytes, at);
	// Beyond the octets there are no numbers any more.
	return cursor.end === at + capacity;
}

/**
 * Goes through octets as `Statement.packed` gives them, a record for each row. It is what a start with many retained messages
 * consists of, so that what most records are is read without a call.
 */
export class RecordReader {
	private readonly bytes: Uint8Array;
	private next = 0;
	/** Of the present record: where it begins, and whether it says of itself what can be. */
	at = 0;
	isSound = false;
	/** It is a message that never expires. */
	isPlain = false;
	/** Of one that is sound. */
	topicStart = 0;
	topicEnd = 0;
	payloadLength = 0;

	constructor(bytes: Uint8Array) {
		this.bytes = bytes;
	}

	/** To the next record; false when there is none. */
	read(): boolean {
		const { bytes, next: at } = this;
		if (at >= bytes.length) return false;
		const capacity = (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
		const end = at + (bytes[at] === 0 ? capacity : capacityOf(bytes, at));
		this.at = at;
		this.next = end;
		const bits = bytes[at + BITS]!;
		const topic = bytes[at + BITS + 1]!;
		let start = at + BITS + 3;
		let payload = bytes[start - 1]!;
		if (payload > 127) payload += (bytes[start++]! - 1) << 7;
		let to = start + topic + payload;
		// What comes out right where a length has more octets than one is right all the same.
		if ((bits & HAS_CLIENT_ID) !== 0) {
			to += bytes[to]! + 1;
			if ((bits & HAS_USERNAME) !== 0) to += bytes[to]! + 1;
			to += bytes[to]! + 1;
		}
		if (to === end && (bits & (HAS_EXPIRY | HAS_PROPERTIES)) === 0 && topic < 128 && payload < 16_384) {
			this.isSound = true;
			this.topicStart = start;
			this.topicEnd = start + topic;
			this.payloadLength = payload;
		} else {
			this.readSlowly(at, end);
		}
		this.isPlain = (bits & (IS_GONE | HAS_EXPIRY)) === 0;
		return true;
	}

	private readSlowly(at: number, end: number): void {
		const { bytes } = this;
		this.isSound = isSound(bytes, at, end - at);
		if (!this.isSound) return;
		this.payloadLength = payloadLength(bytes, at);
		toTopic(bytes, at);
		this.topicStart = cursor.start;
		this.topicEnd = cursor.end;
	}
}

// Writing.

/** What a record is made of. */
export interface PackedMessage {
	readonly topicBytes: Uint8Array;
	readonly qos: Qos;
	readonly properties: Properties | null;
	/** Null: the topic has no message any more. */
	readonly payload: Uint8Array | null;
	readonly expiresAt: number;
}

const NO_OCTETS = new Uint8Array(0);

/** Octets that a record needs in memory. */
export function packedLength(message: PackedMessage, source: SourceOctets | null, codec: TextCodec): number {
	return PREFIX + recordLength(message, source, codec);
}

/** Octets of the part that the database has. */
export function recordLength(
	{ topicBytes, properties, payload, expiresAt }: PackedMessage,
	source: SourceOctets | null,
	codec: TextCodec,
): number {
	const { length: octets } = payload ?? NO_OCTETS;
	let length = 1 + sizeOf(topicBytes.length) + sizeOf(octets) + topicBytes.length + octets;
	if (expiresAt !== 0) length += SECOND;
	if (source !== null) {
		length += sizeOf(source.clientId.length) + source.clientId.length;
		if (source.username !== null) length += sizeOf(source.username.length) + source.username.length;
		length += sizeOf(source.listener.length) + source.listener.length;
	}
	if (properties !== null) {
		const list = propertyListLength(properties, PacketType.PUBLISH, codec);
		length += sizeOf(list) + list;
	}
	return length;
}

/** Writes a record, of `capacity` octets with those that are not used, and without a row. */
export function writePacked(
	bytes: Uint8Array,
	at: number,
	capacity: number,
	message: PackedMessage,
	source: SourceOctets | null,
	codec: TextCodec,
): void {
	setCapacity(bytes, at, capacity);
	setNumber(bytes, at + FLAGS, 1 + ROW_OCTETS, 0);
	bytes[at + FLAGS] = IS_NEW;
	writeRecord(bytes, at + BITS, message, source, codec);
}

/** Writes the part that the database has. */
export function writeRecord(
	bytes: Uint8Array,
	at: number,
	message: PackedMessage,
	source: SourceOctets | null,
	codec: TextCodec,
): void {
	const { topicBytes, qos, properties, expiresAt } = message;
	const payload = message.payload ?? NO_OCTETS;
	bytes[at] =
		qos |
		(message.payload === null ? IS_GONE : 0) |
		(source === null ? 0 : HAS_CLIENT_ID) |
		(source === null || source.username === null ? 0 : HAS_USERNAME) |
		(expiresAt === 0 ? 0 : HAS_EXPIRY) |
		(properties === null ? 0 : HAS_PROPERTIES);
	let to = setLength(bytes, at + 1, topicBytes.length);
	to = setLength(bytes, to, payload.length);
	bytes.set(topicBytes, to);
	to += topicBytes.length;
	bytes.set(payload, to);
	to += payload.length;
	if (expiresAt !== 0) {
		setNumber(bytes, to, SECOND, expiresAt);
		to += SECOND;
	}
	if (source !== null) {
		to = setPart(bytes, to, source.clientId);
		if (source.username !== null) to = setPart(bytes, to, source.username);
		to = setPart(bytes, to, source.listener);
	}
	if (properties === null) return;
	to = setLength(bytes, to, propertyListLength(properties, PacketType.PUBLISH, codec));
	writePropertyList(bytes, to, properties, PacketType.PUBLISH, codec);
}

function setPart(bytes: Uint8Array, at: number, part: Uint8Array): number {
	const to = setLength(bytes, at, part.length);
	bytes.set(part, to);
	return to + part.length;
}
