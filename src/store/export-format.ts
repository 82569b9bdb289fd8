/**
 * The lines of an export, in this order. Each is one JSON object with its `kind`; times are seconds since 1970 (UTC), 0 is never.
 *
 *     {"kind":"export","version":1,"at":1764000000}
 *     {"kind":"session","clientId":"a","username":null,"listener":"1883","mountPoint":"","expiryInterval":3600,"endsAt":0,
 *      "lastPacketId":7}
 *     {"kind":"subscription","clientId":"a","filter":"x/#","qos":1,"noLocal":false,"retainAsPublished":false,"identifier":0}
 *     {"kind":"incoming","clientId":"a","packetId":3}               a QoS 2 message from the client, not released yet
 *     {"kind":"will","clientId":"a","topic":"w","qos":0,"retain":false,"dueAt":0,"properties":null,"payload":"gone"}
 *     {"kind":"message","id":1,"topic":"x/y","qos":1,"expiresAt":0,"properties":null,"payload":{"base64":"AP8="}}
 *     {"kind":"delivery","clientId":"a","message":1,"qos":1,"retain":false,"identifier":0,"share":null,"packetId":0,
 *      "state":"queued"}                            to the client, in order; or "puback", "pubrec", "pubcomp": what it waits for
 *     {"kind":"retained","topic":"x/y","qos":1,"expiresAt":0,"clientId":null,"username":null,"listener":"","properties":null,
 *      "payload":"21.5"}
 *     {"kind":"end","lines":9}
 *
 * Octets are text where they are well-formed UTF-8, else an object with `base64`. Properties have the names of MQTT 5.0 in
 * camel case. `identifier` is a subscription identifier, 0 for none; `message` is null where the client has it already.
 */

import { decodeBase64, encodeBase64 } from "../host/base64.ts";
import { PROPERTIES, type Properties, PropertyKind, type Qos, type TextCodec } from "../packet/packet.ts";
import type { DeliveryState } from "./records.ts";

export const EXPORT_VERSION = 1;

export type JsonValue =
	| null
	| boolean
	| number
	| string
	| readonly JsonValue[]
	| { readonly [name: string]: JsonValue };
export type JsonObject = { readonly [name: string]: JsonValue };

export const STATE_NAMES = ["queued", "puback", "pubrec", "pubcomp"] as const;

/** Octets as JSON. */
export function octetsToJson(bytes: Uint8Array, codec: TextCodec): JsonValue {
	return codec.decode(bytes, 0, bytes.length) ?? { base64: encodeBase64(bytes) };
}

export function propertiesToJson(properties: Properties | null): JsonValue {
	if (properties === null) return null;
	const object: Record<string, JsonValue> = {};
	for (const [name, value] of Object.entries(properties)) {
		object[name] = value instanceof Uint8Array ? { base64: encodeBase64(value) } : (value as JsonValue);
	}
	return object;
}

const LONE_SURROGATE = /[\uD800-\uDFFF]/u;

/** A line says something else than it should. */
export class FormatError extends Error {}

/** The fields of one line, each checked as it is read. All throw FormatError. */
export class Fields {
	private readonly object: JsonObject;
	private readonly codec: TextCodec;

	constructor(object: JsonObject, codec: TextCodec) {
		this.object = object;
		this.codec = codec;
	}

	private fail(name: string, expected: string): never {
		throw new FormatError(`"${name}" is to be ${expected}`);
	}

	text(name: string): string {
		const value = this.object[name];
		// Lone surrogates and U+0000 are no text of MQTT.
		if (typeof value !== "string" || value.includes("\0") || LONE_SURROGATE.test(value))
			this.fail(name, "text");
		if (this.codec.byteLength(value) > 65_535) this.fail(name, "text of at most 65,535 octets");
		return value;
	}

	textOrNull(name: string): string | null {
		return this.object[name] === null ? null : this.text(name);
	}

	clientId(): string {
		const value = this.text("clientId");
		return value === "" ? this.fail("clientId", "not empty") : value;
	}

	flag(name: string): boolean {
		const value = this.object[name];
		return typeof value === "boolean" ? value : this.fail(name, "true or false");
	}

	number(name: string, least: number, most: number): number {
		const value = this.object[name];
		if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most) {
			this.fail(name, `a whole number from ${least} to ${most}`);
		}
		return value;
	}

	qos(): Qos {
		return this.number("qos", 0, 2) as Qos;
	}

	/** Seconds since 1970. */
	time(name: string): number {
		return this.number(name, 0, 2 ** 40);
	}

	state(): DeliveryState {
		const value = (STATE_NAMES as readonly unknown[]).indexOf(this.object.state);
		return value < 0 ? this.fail("state", `one of ${STATE_NAMES.join(", ")}`) : (value as DeliveryState);
	}

	octets(name: string): Uint8Array {
		return this.octetsOf(name, this.object[name]);
	}

	private octetsOf(name: string, value: JsonValue | undefined): Uint8Array {
		if (typeof value === "string" && !LONE_SURROGATE.test(value)) {
			const bytes = new Uint8Array(this.codec.byteLength(value));
			this.codec.encodeInto(value, bytes, 0);
			return bytes;
		}
		if (isObject(value) && typeof value.base64 === "string") {
			const bytes = decodeBase64(value.base64);
			if (bytes !== null) return bytes;
		}
		return this.fail(name, "text, or an object with base64");
	}

	properties(name: string): Properties | null {
		const given = this.object[name];
		if (given === null) return null;
		if (!isObject(given)) return this.fail(name, "an object, or null");
		const values: Record<string, unknown> = {};
		for (const [property, value] of Object.entries(given)) {
			const kind = PROPERTIES.find((each) => each.name === property)?.kind;
			if (kind === undefined) this.fail(name, `without "${property}", which is no property`);
			values[property] = this.property(property, kind, value);
		}
		return values as Properties;
	}

	private property(name: string, kind: PropertyKind, value: JsonValue): unknown {
		switch (kind) {
			case PropertyKind.TEXT:
				return new Fields({ [name]: value }, this.codec).text(name);
			case PropertyKind.BINARY:
				return this.octetsOf(name, value);
			case PropertyKind.PAIR:
				if (!Array.isArray(value)) return this.fail(name, "an array");
				return value.map((pair: JsonValue) => this.pair(name, pair));
			case PropertyKind.VARIABLE:
				return this.fail(name, "left out");
			default: {
				const most = kind === PropertyKind.FLAG ? 1 : kind === PropertyKind.UINT16 ? 0xffff : 0xffff_ffff;
				return new Fields({ [name]: value }, this.codec).number(name, 0, most);
			}
		}
	}

	private pair(name: string, value: JsonValue): [string, string] {
		if (!Array.isArray(value) || value.length !== 2) return this.fail(name, "an array of pairs");
		const fields = new Fields({ name: value[0], value: value[1] }, this.codec);
		return [fields.text("name"), fields.text("value")];
	}
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}
