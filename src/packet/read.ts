/** Reading fields and properties (section 2.2.2) out of a whole frame. */

import type { Properties } from "./packets.ts";
import {
	ownerName,
	ownersById,
	PROPERTY_ID_LIMIT,
	type PropertyDefinition,
	PropertyKind,
	type PropertyOwner,
	propertyById,
	RESPONSE_TOPIC,
	SUBSCRIPTION_IDENTIFIER,
	TOPIC_ALIAS,
	USER_PROPERTY,
} from "./properties.ts";
import { MqttError, malformed, protocolError, Reason } from "./reasons.ts";
import { isWellFormed, type TextCodec } from "./text.ts";
import { isValidTopicName } from "./topics.ts";

/** A place in a frame. Every read checks the frame's end, and throws an MqttError that names packet and field. */
export class Cursor {
	readonly bytes: Uint8Array;
	readonly end: number;
	readonly owner: PropertyOwner;
	position: number;

	constructor(bytes: Uint8Array, start: number, end: number, owner: PropertyOwner) {
		this.bytes = bytes;
		this.position = start;
		this.end = end;
		this.owner = owner;
	}

	malformed(text: string): MqttError {
		return malformed(`${ownerName(this.owner)}: ${text}`);
	}

	protocolError(text: string): MqttError {
		return protocolError(`${ownerName(this.owner)}: ${text}`);
	}

	private endsWithin(field: string): MqttError {
		return this.malformed(`ends within its ${field}`);
	}

	/** Steps over `count` octets and returns where they begin. */
	take(count: number, field: string): number {
		const start = this.position;
		if (count > this.end - start) throw this.endsWithin(field);
		this.position = start + count;
		return start;
	}

	// Without `take`, and with few variables: the interpreter spends more on a call than on all of this.

	uint8(field: string): number {
		const at = this.position;
		if (at >= this.end) throw this.endsWithin(field);
		this.position = at + 1;
		return this.bytes[at]!;
	}

	uint16(field: string): number {
		const at = this.position;
		if (this.end - at < 2) throw this.endsWithin(field);
		this.position = at + 2;
		return (this.bytes[at]! << 8) | this.bytes[at + 1]!;
	}

	uint32(field: string): number {
		const high = this.uint16(field);
		return high * 65_536 + this.uint16(field);
	}

	variable(field: string): number {
		let value = 0;
		let scale = 1;
		for (let count = 1; ; count++) {
			const octet = this.uint8(field);
			value += (octet & 127) * scale;
			if (octet < 128) {
				if (octet === 0 && count > 1) throw this.malformed(`padded ${field} [MQTT-1.5.5-1]`);
				return value;
			}
			if (count === 4) throw this.malformed(`${field} of more than four octets`);
			scale *= 128;
		}
	}

	text(field: string, codec: TextCodec): string {
		const length = this.uint16(field); // [MQTT-4.7.3-3] (3.1.1: [MQTT-4.7.3-3])
		const start = this.take(length, field);
		// 3.1.1: [MQTT-1.5.3-1], [MQTT-1.5.3-2], [MQTT-4.7.3-2]
		const text = codec.decode(this.bytes, start, start + length);
		if (text === null) throw this.malformed(`${field} is ill-formed UTF-8 [MQTT-1.5.4-1] [MQTT-1.5.4-2]`);
		return text;
	}

	/** A copy. */
	binary(field: string): Uint8Array {
		const length = this.uint16(field);
		const start = this.take(length, field);
		return copyOf(this.bytes, start, start + length);
	}

	packetId(): number {
		const packetId = this.uint16("packet identifier");
		if (packetId === 0) throw this.protocolError("packet identifier 0 [MQTT-2.2.1-3]"); // 3.1.1: [MQTT-2.3.1-1]
		return packetId;
	}

	/** The property list with its length, in 5.0; null when it is empty. */
	properties(version: number, codec: TextCodec, owner = this.owner): Properties | null {
		if (version !== 5) return null;
		const length = this.variable("property length");
		if (length === 0) return null;
		const start = this.take(length, "properties");
		return readProperties(this.bytes, start, start + length, owner, codec);
	}

	/** Throws unless everything was read. */
	finish(): void {
		const rest = this.end - this.position;
		if (rest !== 0) throw this.malformed(`${rest} octets too many at its end`);
	}
}

/** A copy of `bytes[start, end)`; `slice` is none where `bytes` is a Buffer of Node's. */
export function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
	return new Uint8Array(bytes.subarray(start, end));
}

/** The next property's identifier, when it is one that the owner may have, as often as it may have it. */
function readDefinition(cursor: Cursor, seen: Seen): PropertyDefinition {
	const id = cursor.variable("property identifier");
	const definition = id < PROPERTY_ID_LIMIT ? propertyById[id] : undefined;
	// Section 2.2.2.2: an identifier that is not valid for its packet type makes a Malformed Packet.
	if (definition === undefined || ((ownersById[id]! >> cursor.owner) & 1) === 0) {
		throw cursor.malformed(`property ${definition?.name ?? id} is not allowed here`);
	}
	if (id === USER_PROPERTY || (id === SUBSCRIPTION_IDENTIFIER && cursor.owner === 3)) return definition;
	const again = id < 32 ? seen.low & (1 << id) : seen.high & (1 << (id - 32));
	if (again !== 0) throw cursor.protocolError(`property ${definition.name} appears twice`);
	if (id < 32) seen.low |= 1 << id;
	else seen.high |= 1 << (id - 32);
	return definition;
}

/** Which identifiers were there already, as bits. */
interface Seen {
	low: number;
	high: number;
}

function readNumber(cursor: Cursor, definition: PropertyDefinition): number {
	const { name, kind } = definition;
	const value =
		kind === PropertyKind.FLAG
			? cursor.uint8(name)
			: kind === PropertyKind.UINT16
				? cursor.uint16(name)
				: kind === PropertyKind.UINT32
					? cursor.uint32(name)
					: cursor.variable(name);
	if (value < definition.minimum || (kind === PropertyKind.FLAG && value > 1)) {
		if (definition.id === TOPIC_ALIAS) {
			throw new MqttError(Reason.TOPIC_ALIAS_INVALID, "PUBLISH: topic alias 0 [MQTT-3.3.2-8]");
		}
		throw cursor.protocolError(`property ${name} is ${value}`);
	}
	return value;
}

/**
 * Decodes the property list `bytes[start, end)` (without its length) of a packet type, or of a will (`WILL`, 0).
 * Throws an MqttError: MALFORMED_PACKET for a property that is unknown, not allowed there, cut off or ill-formed;
 * PROTOCOL_ERROR for one that appears twice or has a value out of its range; TOPIC_ALIAS_INVALID for alias 0.
 */
export function readProperties(
	bytes: Uint8Array,
	start: number,
	end: number,
	packetType: PropertyOwner,
	codec: TextCodec,
): Properties {
	const cursor = new Cursor(bytes, start, end, packetType);
	const properties: Properties = {};
	const values = properties as Record<string, unknown>;
	const seen: Seen = { low: 0, high: 0 };
	while (cursor.position < end) {
		const definition = readDefinition(cursor, seen);
		const { name, kind } = definition;
		if (kind === PropertyKind.TEXT) {
			const text = cursor.text(name, codec); // [MQTT-3.3.2-13] [MQTT-3.3.2-19]
			if (definition.id === RESPONSE_TOPIC && !isValidTopicName(text)) {
				throw cursor.malformed("response topic is empty or has a wildcard [MQTT-3.3.2-14]");
			}
			values[name] = text;
		} else if (kind === PropertyKind.PAIR) {
			const key = cursor.text(name, codec);
			const pair: [string, string] = [key, cursor.text(name, codec)]; // [MQTT-1.5.7-1]
			if (properties.userProperty === undefined) properties.userProperty = [pair];
			else properties.userProperty.push(pair);
		} else if (kind === PropertyKind.BINARY) {
			values[name] = cursor.binary(name);
		} else if (kind === PropertyKind.VARIABLE) {
			const identifier = readNumber(cursor, definition);
			if (properties.subscriptionIdentifier === undefined) properties.subscriptionIdentifier = [identifier];
			else properties.subscriptionIdentifier.push(identifier);
		} else {
			values[name] = readNumber(cursor, definition);
		}
	}
	return properties;
}

/** Steps over a property list that nobody reads, with the same checks and errors as `readProperties`. */
export function skipProperties(
	bytes: Uint8Array,
	start: number,
	end: number,
	packetType: PropertyOwner,
): void {
	const cursor = new Cursor(bytes, start, end, packetType);
	const seen: Seen = { low: 0, high: 0 };
	while (cursor.position < end) {
		const definition = readDefinition(cursor, seen);
		const { name, kind } = definition;
		if (kind === PropertyKind.TEXT) skipText(cursor, name);
		else if (kind === PropertyKind.PAIR) {
			skipText(cursor, name);
			skipText(cursor, name);
		} else if (kind === PropertyKind.BINARY) cursor.take(cursor.uint16(name), name);
		else readNumber(cursor, definition);
	}
}

function skipText(cursor: Cursor, field: string): void {
	const length = cursor.uint16(field);
	const start = cursor.take(length, field);
	if (!isWellFormed(cursor.bytes, start, start + length)) {
		throw cursor.malformed(`${field} is ill-formed UTF-8 [MQTT-1.5.4-1] [MQTT-1.5.4-2]`);
	}
}
