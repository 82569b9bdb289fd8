/** The `-D packet property value` option: properties of MQTT 5.0, by the specification's names with hyphens. */

import { PROPERTIES, type Properties, type PropertyDefinition, PropertyKind } from "../client/client.ts";
import { leadingInteger } from "./numbers.ts";
import type { PacketProperties } from "./settings.ts";
import { UsageError } from "./usage-error.ts";

/** Packets as the option names them, and their types; 0 stands for the will. */
const PACKETS: Readonly<Record<string, number>> = {
	connect: 1,
	connack: 2,
	publish: 3,
	puback: 4,
	pubrec: 5,
	pubrel: 6,
	pubcomp: 7,
	subscribe: 8,
	suback: 9,
	unsubscribe: 10,
	unsuback: 11,
	disconnect: 14,
	auth: 15,
	will: 0,
};

/** `sessionExpiryInterval` to `session-expiry-interval`. */
function optionName(name: string): string {
	return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

const BY_NAME: ReadonlyMap<string, PropertyDefinition> = new Map(
	PROPERTIES.map((definition) => [optionName(definition.name), definition]),
);

const LARGEST: Readonly<Partial<Record<PropertyKind, number>>> = {
	[PropertyKind.FLAG]: 1,
	[PropertyKind.UINT16]: 65_535,
	[PropertyKind.UINT32]: 4_294_967_295,
	[PropertyKind.VARIABLE]: 268_435_455,
};
const LONGEST_TEXT = 65_535;

const SUPPORTED = ["connect", "publish", "subscribe", "unsubscribe", "disconnect", "will"] as const;

function isSupported(packet: string): packet is keyof PacketProperties {
	return (SUPPORTED as readonly string[]).includes(packet);
}

function notEnough(): UsageError {
	return new UsageError("Error: --property argument given but not enough arguments specified.\n\n");
}

/**
 * Reads the arguments after `-D` into `properties` and returns how many there were. `encode` gives the octets of
 * a text. Throws a UsageError.
 */
export function readProperty(
	properties: PacketProperties,
	args: readonly string[],
	encode: (text: string) => Uint8Array,
): number {
	const [packetName, name, first, second] = args;
	if (packetName === undefined || name === undefined || first === undefined) throw notEnough();
	const packet = packetName.toLowerCase();
	const type = PACKETS[packet];
	if (type === undefined) {
		throw new UsageError("Error: Invalid command given in --property argument.\n\n");
	}
	const definition = BY_NAME.get(name);
	if (definition === undefined) {
		throw new UsageError("Error: Invalid property name given in --property argument.\n\n");
	}
	if (!(definition.owners as readonly number[]).includes(type)) {
		throw new UsageError(`Error: ${name} property not allowed for ${packetName} in --property argument.\n\n`);
	}
	const target: Properties | undefined = isSupported(packet) ? properties[packet] : undefined;
	if (target === undefined || (packet === "publish" && definition.name === "subscriptionIdentifier")) {
		throw new UsageError(
			`Error: ${name} property not supported for ${packetName} in --property argument.\n\n`,
		);
	}
	if (definition.kind === PropertyKind.PAIR) {
		if (second === undefined) throw notEnough();
		for (const text of [first, second]) if (encode(text).length > LONGEST_TEXT) throw tooLong(name);
		target.userProperty = [...(target.userProperty ?? []), [first, second]];
		return 4;
	}
	Object.assign(target, { [definition.name]: readValue(definition, name, first, encode) });
	return 3;
}

function tooLong(name: string): UsageError {
	return new UsageError(`Error: Property value too long for property ${name}.\n\n`);
}

function readValue(
	definition: PropertyDefinition,
	name: string,
	text: string,
	encode: (text: string) => Uint8Array,
): string | number | number[] | Uint8Array {
	if (definition.kind === PropertyKind.TEXT || definition.kind === PropertyKind.BINARY) {
		const bytes = encode(text);
		if (bytes.length > LONGEST_TEXT) {
			throw tooLong(name);
		}
		return definition.kind === PropertyKind.TEXT ? text : bytes;
	}
	const value = leadingInteger(text);
	if (value < definition.minimum || value > LARGEST[definition.kind]!) {
		throw new UsageError(`Error: Property value (${value}) out of range for property ${name}.\n\n`);
	}
	return definition.name === "subscriptionIdentifier" ? [value] : value;
}
