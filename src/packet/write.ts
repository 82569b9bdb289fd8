/** Measuring and writing fields and properties. Measuring checks values, so that writing cannot fail half-way. */

import type { Properties } from "./packets.ts";
import {
	ownersById,
	type PropertyDefinition,
	PropertyKind,
	type PropertyOwner,
	propertyByName,
} from "./properties.ts";
import type { TextCodec } from "./text.ts";

const VARIABLE_MAXIMUM = 268_435_455;

/** The octets of a variable byte integer. Throws a RangeError above 268,435,455. */
export function variableLength(value: number): number {
	if (value < 128) return 1;
	if (value < 16_384) return 2;
	if (value < 2_097_152) return 3;
	if (value <= VARIABLE_MAXIMUM) return 4;
	throw new RangeError(`length ${value} is more than a packet can have`);
}

/** Writes a variable byte integer and returns the position after it. */
export function writeVariable(bytes: Uint8Array, position: number, value: number): number {
	while (value > 127) {
		bytes[position++] = (value & 127) | 128;
		value >>= 7;
	}
	bytes[position++] = value;
	return position;
}

export function writeUint16(bytes: Uint8Array, position: number, value: number): number {
	bytes[position] = value >> 8;
	bytes[position + 1] = value;
	return position + 2;
}

/** The octets of a text with its length. Throws a RangeError for U+0000 or more than 65,535 octets. */
export function textLength(text: string, field: string, codec: TextCodec): number {
	if (text.includes("\0")) throw new RangeError(`${field} has U+0000`); // [MQTT-1.5.4-2]
	return 2 + checkInteger(codec.byteLength(text), 0, 65_535, `length of ${field}`);
}

/** Writes a text with its length and returns the position after it. */
export function writeText(bytes: Uint8Array, position: number, text: string, codec: TextCodec): number {
	const end = codec.encodeInto(text, bytes, position + 2);
	writeUint16(bytes, position, end - position - 2);
	return end;
}

/** The octets of binary data with its length. Throws a RangeError for more than 65,535 octets. */
export function binaryLength(data: Uint8Array, field: string): number {
	return 2 + checkInteger(data.length, 0, 65_535, `length of ${field}`);
}

/** Writes binary data with its length and returns the position after it. */
export function writeBinary(bytes: Uint8Array, position: number, data: Uint8Array): number {
	bytes.set(data, writeUint16(bytes, position, data.length));
	return position + 2 + data.length;
}

/** `value` itself; throws a RangeError when it is not an integer from `minimum` to `maximum`. */
export function checkInteger(value: number, minimum: number, maximum: number, field: string): number {
	if (!Number.isInteger(value) || value < minimum || value > maximum) {
		throw new RangeError(`${field} is ${value}, not ${minimum} to ${maximum}`);
	}
	return value;
}

/** The octets of an owner's property list with its length; nothing below 5.0. Others than its own are left out. */
export function propertiesLength(
	properties: Properties | null,
	owner: PropertyOwner,
	version: number,
	codec: TextCodec,
): number {
	if (version !== 5) return 0;
	if (properties === null) return 1;
	const length = propertyListLength(properties, owner, codec);
	return variableLength(length) + length;
}

/** Writes an owner's property list with its length, in 5.0, and returns the position after it. */
export function writeProperties(
	bytes: Uint8Array,
	position: number,
	properties: Properties | null,
	owner: PropertyOwner,
	version: number,
	codec: TextCodec,
): number {
	if (version !== 5) return position;
	const length = properties === null ? 0 : propertyListLength(properties, owner, codec);
	position = writeVariable(bytes, position, length); // [MQTT-2.2.2-1]
	return properties === null ? position : writePropertyList(bytes, position, properties, owner, codec);
}

/** The octets of an owner's property list without its length. Properties that are not its own do not count. */
export function propertyListLength(properties: Properties, owner: PropertyOwner, codec: TextCodec): number {
	let length = 0;
	for (const name in properties) {
		const definition = definitionOf(name, owner);
		const value = properties[name as keyof Properties];
		if (definition !== null && value !== undefined) length += valueLength(definition, value, codec);
	}
	return length;
}

/** Writes what `propertyListLength` measures, in the order in which the object has it; returns the position after it. */
export function writePropertyList(
	bytes: Uint8Array,
	position: number,
	properties: Properties,
	owner: PropertyOwner,
	codec: TextCodec,
): number {
	for (const name in properties) {
		const definition = definitionOf(name, owner);
		const value = properties[name as keyof Properties];
		if (definition !== null && value !== undefined) {
			position = writeValue(bytes, position, definition, value, codec);
		}
	}
	return position;
}

function definitionOf(name: string, owner: PropertyOwner): PropertyDefinition | null {
	const definition = propertyByName.get(name);
	return definition !== undefined && ((ownersById[definition.id]! >> owner) & 1) !== 0 ? definition : null;
}

type Value = NonNullable<Properties[keyof Properties]>;

/** The table says which type a property's value has; hence the casts. */
function valueLength(definition: PropertyDefinition, value: Value, codec: TextCodec): number {
	const { name, minimum } = definition;
	switch (definition.kind) {
		case PropertyKind.FLAG:
			checkInteger(value as number, 0, 1, name);
			return 2;
		case PropertyKind.UINT16:
			checkInteger(value as number, minimum, 65_535, name);
			return 3;
		case PropertyKind.UINT32:
			checkInteger(value as number, minimum, 4_294_967_295, name);
			return 5;
		case PropertyKind.VARIABLE: {
			let length = 0;
			for (const each of value as number[]) {
				length += 1 + variableLength(checkInteger(each, minimum, VARIABLE_MAXIMUM, name));
			}
			return length;
		}
		case PropertyKind.TEXT:
			return 1 + textLength(value as string, name, codec);
		case PropertyKind.BINARY:
			return 1 + binaryLength(value as Uint8Array, name);
		case PropertyKind.PAIR: {
			let length = 0;
			for (const pair of value as [string, string][]) {
				length += 1 + textLength(pair[0], name, codec) + textLength(pair[1], name, codec);
			}
			return length;
		}
	}
}

function writeValue(
	bytes: Uint8Array,
	position: number,
	definition: PropertyDefinition,
	value: Value,
	codec: TextCodec,
): number {
	const { id, kind } = definition;
	if (kind === PropertyKind.VARIABLE) {
		for (const each of value as number[]) {
			bytes[position] = id;
			position = writeVariable(bytes, position + 1, each);
		}
		return position;
	}
	if (kind === PropertyKind.PAIR) {
		for (const pair of value as [string, string][]) {
			bytes[position] = id;
			position = writeText(bytes, position + 1, pair[0], codec);
			position = writeText(bytes, position, pair[1], codec);
		}
		return position;
	}
	bytes[position++] = id;
	switch (kind) {
		case PropertyKind.FLAG:
			bytes[position] = value as number;
			return position + 1;
		case PropertyKind.UINT16:
			return writeUint16(bytes, position, value as number);
		case PropertyKind.UINT32:
			position = writeUint16(bytes, position, (value as number) >>> 16);
			return writeUint16(bytes, position, (value as number) & 0xffff);
		case PropertyKind.TEXT:
			return writeText(bytes, position, value as string, codec);
		case PropertyKind.BINARY:
			return writeBinary(bytes, position, value as Uint8Array);
	}
}
