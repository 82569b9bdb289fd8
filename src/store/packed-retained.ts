/**
 * A retained message as octets: as the database packs many at once, and as the broker keeps them.
 *
 * A record begins with numbers of seven bits an octet, the highest first, as `char()` of SQL makes them; after these come
 * topic, client identifier, user name, name of the listener, properties (a property list of MQTT 5.0 without its length) and
 * payload, and room that is not used.
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

/** Where the numbers are: the octets of the record, bits, row, second from which it is expired (0 is never), and lengths. */
const CAPACITY = 0;
const BITS = 5;
const ROW = 6;
const EXPIRY = 13;
const TOPIC = 18;
const CLIENT_ID = 21;
const USERNAME = 24;
const LISTENER = 27;
const PROPERTIES = 30;
const PAYLOAD = 34;
/** Octets before the topic. */
export const HEAD = 38;

/** Of BITS: the QoS, and whether there is a client identifier, a user name; whether the row says that there is none any more. */
const QOS = 3;
const HAS_CLIENT_ID = 4;
const HAS_USERNAME = 8;
const IS_GONE = 16;
/** It has a row, which is written. */
const IS_WRITTEN = 32;
const IS_DEAD = 64;

/** Arguments of `char()` for a number of some digits, of which no more than `low` are not 0. */
function digits(number: string, count: number, low = count): string {
	const shifts = Array.from({ length: count }, (_, i) => 7 * (count - 1 - i));
	return shifts.map((shift) => (shift >= 7 * low ? "0" : `${number}>>${shift}&127`)).join();
}

const CAPACITY_SQL = `(${HEAD}+tn+cn+un+ln+pn+yn)`;

const headOf = (long: boolean) =>
	`char(${[
		digits(CAPACITY_SQL, 5, long ? 5 : 2),
		"b",
		digits("id", 7, long ? 7 : 4),
		digits("e", 5, long ? 5 : 0),
		...["tn", "cn", "un", "ln"].map((part) => (long ? digits(part, 3) : `0,0,${part}`)),
		long ? digits("pn", 4) : "0,0,0,pn",
		digits("yn", 4, long ? 4 : 2),
	].join()})`;

/**
 * Selects the records of the rows (`id`) in an interval, as one blob. Parameters: after, up to. Most rows have short parts and
 * never expire: it takes half the time not to reckon digits that are 0. Without LIMIT, lengths would be found anew for each.
 */
export const PACKED_RETAINED = `SELECT CAST(group_concat(CASE WHEN (tn|cn|un|ln|pn)<128 AND yn<8192 AND e=0 AND id<268435456 THEN ${headOf(false)} ELSE ${headOf(true)} END||t||c||u||l||p||y,'') AS BLOB) AS packed FROM (SELECT *, length(t) AS tn, length(c) AS cn, length(u) AS un, length(l) AS ln, length(p) AS pn, length(y) AS yn FROM (SELECT id, expires_at AS e, CAST(topic AS BLOB) AS t, CAST(coalesce(client_id,'') AS BLOB) AS c, CAST(coalesce(username,'') AS BLOB) AS u, CAST(listener AS BLOB) AS l, CAST(coalesce(properties,'') AS BLOB) AS p, CAST(coalesce(payload,'') AS BLOB) AS y, qos&3|(client_id IS NOT NULL)*${HAS_CLIENT_ID}|(username IS NOT NULL)*${HAS_USERNAME}|(payload IS NULL)*${IS_GONE}|${IS_WRITTEN} AS b FROM retained WHERE id > ? AND id <= ? ORDER BY id) LIMIT -1)`;

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

function number(bytes: Uint8Array, at: number, digits: number): number {
	let value = 0;
	for (let i = at; i < at + digits; i++) value = 128 * value + bytes[i]!;
	return value;
}

function setNumber(bytes: Uint8Array, at: number, digits: number, value: number): void {
	let rest = value;
	for (let i = at + digits - 1; i >= at; i--) {
		bytes[i] = rest & 127;
		rest = Math.floor(rest / 128);
	}
}

const three = (bytes: Uint8Array, at: number) => (bytes[at]! << 14) | (bytes[at + 1]! << 7) | bytes[at + 2]!;
const four = (bytes: Uint8Array, at: number) => (bytes[at]! << 21) | three(bytes, at + 1);

/** Octets from the beginning of a record to the next. */
export function capacityOf(bytes: Uint8Array, at: number): number {
	return bytes[at] === 0 ? four(bytes, at + 1) : number(bytes, at, 5);
}

export function setCapacity(bytes: Uint8Array, at: number, capacity: number): void {
	setNumber(bytes, at + CAPACITY, 5, capacity);
}

export function isDead(bytes: Uint8Array, at: number): boolean {
	return (bytes[at + BITS]! & IS_DEAD) !== 0;
}

export function markDead(bytes: Uint8Array, at: number): void {
	bytes[at + BITS]! |= IS_DEAD;
}

/** The row says that its topic has no retained message any more. */
export function isGone(bytes: Uint8Array, at: number): boolean {
	return (bytes[at + BITS]! & IS_GONE) !== 0;
}

/** Whether the record at `at` is within the octets, as far as is needed to go on. A damaged database may give others. */
export function isSound(bytes: Uint8Array, at: number): boolean {
	if (at + HEAD > bytes.length) return false;
	const capacity = capacityOf(bytes, at);
	return capacity >= HEAD + topicLength(bytes, at) && at + capacity <= bytes.length;
}

export function topicLength(bytes: Uint8Array, at: number): number {
	return three(bytes, at + TOPIC);
}

/** Null when it is no text, which only a damaged database gives. */
export function topicOf(bytes: Uint8Array, at: number, codec: TextCodec): string | null {
	return codec.decode(bytes, at + HEAD, at + HEAD + topicLength(bytes, at));
}

export function topicOctets(bytes: Uint8Array, at: number): Uint8Array {
	return bytes.slice(at + HEAD, at + HEAD + topicLength(bytes, at));
}

export function qosOf(bytes: Uint8Array, at: number): Qos {
	return Math.min(bytes[at + BITS]! & QOS, 2) as Qos;
}

/** Second; 0 is never. */
export function expiryOf(bytes: Uint8Array, at: number): number {
	const i = at + EXPIRY;
	if ((bytes[i]! | bytes[i + 1]! | bytes[i + 2]! | bytes[i + 3]! | bytes[i + 4]!) === 0) return 0;
	return number(bytes, i, 5);
}

export function setExpiry(bytes: Uint8Array, at: number, second: number): void {
	setNumber(bytes, at + EXPIRY, 5, second);
}

/** 0 is none. */
export function rowOf(bytes: Uint8Array, at: number): number {
	return number(bytes, at + ROW, 7);
}

export function isWritten(bytes: Uint8Array, at: number): boolean {
	return (bytes[at + BITS]! & IS_WRITTEN) !== 0;
}

export function setRow(bytes: Uint8Array, at: number, row: number, written: boolean): void {
	setNumber(bytes, at + ROW, 7, row);
	bytes[at + BITS] = (bytes[at + BITS]! & ~IS_WRITTEN) | (written ? IS_WRITTEN : 0);
}

export function payloadLength(bytes: Uint8Array, at: number): number {
	return four(bytes, at + PAYLOAD);
}

/** Where the parts after the topic begin: those before one. */
function startOf(bytes: Uint8Array, at: number, part: number): number {
	let start = at + HEAD + topicLength(bytes, at);
	for (let i = CLIENT_ID; i < part && i <= LISTENER; i += 3) start += three(bytes, at + i);
	return part === PAYLOAD ? start + four(bytes, at + PROPERTIES) : start;
}

export function payloadOf(bytes: Uint8Array, at: number): Uint8Array {
	const start = startOf(bytes, at, PAYLOAD);
	return bytes.slice(start, start + payloadLength(bytes, at));
}

export function propertiesOf(bytes: Uint8Array, at: number, codec: TextCodec): Properties | null {
	const length = four(bytes, at + PROPERTIES);
	if (length === 0) return null;
	const start = startOf(bytes, at, PROPERTIES);
	try {
		return readProperties(bytes, start, start + length, PacketType.PUBLISH, codec);
	} catch {
		// Of a damaged database: the message counts more.
		return null;
	}
}

/** Null for the broker itself. */
export function sourceOf(bytes: Uint8Array, at: number, codec: TextCodec): PackedSource | null {
	const bits = bytes[at + BITS]!;
	if ((bits & HAS_CLIENT_ID) === 0) return null;
	const text = (part: number) => {
		const start = startOf(bytes, at, part);
		return codec.decode(bytes, start, start + three(bytes, at + part)) ?? "";
	};
	return {
		clientId: text(CLIENT_ID),
		username: (bits & HAS_USERNAME) === 0 ? null : text(USERNAME),
		listenerName: text(LISTENER),
	};
}

/** What a record is made of. */
export interface PackedMessage {
	readonly topicBytes: Uint8Array;
	readonly qos: Qos;
	readonly properties: Properties | null;
	readonly payload: Uint8Array;
	readonly expiresAt: number;
}

/** Octets that a record needs. */
export function packedLength(
	{ topicBytes, properties, payload }: PackedMessage,
	source: SourceOctets | null,
	codec: TextCodec,
): number {
	const list = properties === null ? 0 : propertyListLength(properties, PacketType.PUBLISH, codec);
	const by =
		source === null ? 0 : source.clientId.length + (source.username?.length ?? 0) + source.listener.length;
	return HEAD + topicBytes.length + by + list + payload.length;
}

/** Writes a record, of `capacity` octets with room that is not used, and without a row. */
export function writePacked(
	bytes: Uint8Array,
	at: number,
	capacity: number,
	{ topicBytes, qos, properties, payload, expiresAt }: PackedMessage,
	source: SourceOctets | null,
	codec: TextCodec,
): void {
	setCapacity(bytes, at, capacity);
	bytes[at + BITS] =
		qos |
		(source === null ? 0 : HAS_CLIENT_ID) |
		(source === null || source.username === null ? 0 : HAS_USERNAME);
	setNumber(bytes, at + ROW, 7, 0);
	setNumber(bytes, at + EXPIRY, 5, expiresAt);
	setNumber(bytes, at + TOPIC, 3, topicBytes.length);
	setNumber(bytes, at + CLIENT_ID, 3, source?.clientId.length ?? 0);
	setNumber(bytes, at + USERNAME, 3, source?.username?.length ?? 0);
	setNumber(bytes, at + LISTENER, 3, source?.listener.length ?? 0);
	setNumber(bytes, at + PAYLOAD, 4, payload.length);
	let to = at + HEAD;
	bytes.set(topicBytes, to);
	to += topicBytes.length;
	if (source !== null) {
		bytes.set(source.clientId, to);
		to += source.clientId.length;
		if (source.username !== null) bytes.set(source.username, to);
		to += source.username?.length ?? 0;
		bytes.set(source.listener, to);
		to += source.listener.length;
	}
	const before = to;
	if (properties !== null) to = writePropertyList(bytes, to, properties, PacketType.PUBLISH, codec);
	setNumber(bytes, at + PROPERTIES, 4, to - before);
	bytes.set(payload, to);
}
