/** Messages between a client and ubusd: a header of 12 octets and attributes. */

import type { Utf8 } from "../host/host.ts";
import { BlobReader, BlobWriter, BODY_AT, MAX_BODY, readText } from "./blob.ts";
import { readTable, writeTable } from "./blobmsg.ts";
import { Status, UbusError } from "./status.ts";
import type { UbusArguments, UbusInputTable, UbusTable } from "./value.ts";

export const MessageType = {
	HELLO: 0,
	STATUS: 1,
	DATA: 2,
	PING: 3,
	LOOKUP: 4,
	INVOKE: 5,
	ADD_OBJECT: 6,
	REMOVE_OBJECT: 7,
	SUBSCRIBE: 8,
	UNSUBSCRIBE: 9,
	NOTIFY: 10,
	MONITOR: 11,
} as const;

const NAMES = Object.keys(MessageType);

/** A message's type in words (`ADD_OBJECT`). */
export function typeName(type: number): string {
	return NAMES[type] ?? `type ${type}`;
}

/** The objects of ubusd itself. */
export const EVENT_OBJECT = 1;

/** Octets of a message without attributes. */
export const HEADER_SIZE = 12;

/** The attributes of a message. `T`: what a table is. */
interface AttributesOf<T> {
	readonly status?: number;
	/** Path of an object. */
	readonly path?: string;
	readonly objectId?: number;
	readonly method?: string;
	readonly typeId?: number;
	readonly signature?: T;
	readonly data?: T;
	/** Object id of what is subscribed to. */
	readonly target?: number;
	readonly isActive?: boolean;
	readonly noReply?: boolean;
	/** Object ids. */
	readonly subscribers?: readonly number[];
	readonly user?: string;
	readonly group?: string;
}

/** Attributes as received; a table is null when it is malformed. Those of a MONITOR message are not read. */
export type Attributes = AttributesOf<UbusTable | null>;
/** Attributes to be sent; they go out in the order they are in. */
export type OutgoingAttributes = AttributesOf<UbusInputTable>;

export interface Message {
	readonly type: number;
	/** 16 bits; a reply has that of its request. */
	readonly seq: number;
	/** 32 bits; the id of a client or an object, by type and direction. */
	readonly peer: number;
	readonly attributes: Attributes;
}

type Kind = "u32" | "u8" | "text" | "table" | "ids";

/** The attributes by name, with their ids on the wire. */
const ATTRIBUTES: Readonly<Record<keyof AttributesOf<unknown>, readonly [id: number, kind: Kind]>> = {
	status: [1, "u32"],
	path: [2, "text"],
	objectId: [3, "u32"],
	method: [4, "text"],
	typeId: [5, "u32"],
	signature: [6, "table"],
	data: [7, "table"],
	target: [8, "u32"],
	isActive: [9, "u8"],
	noReply: [10, "u8"],
	subscribers: [11, "ids"],
	user: [12, "text"],
	group: [13, "text"],
};

const BY_ID = new Map(Object.entries(ATTRIBUTES).map(([name, [id, kind]]) => [id, { name, kind }]));

/**
 * A message as it goes over the socket. `types`: the arguments' types, for `data`. Throws an UbusError (invalid
 * argument) that says what cannot be sent.
 */
export function encodeMessage(
	utf8: Utf8,
	type: number,
	seq: number,
	peer: number,
	attributes: OutgoingAttributes,
	types?: UbusArguments,
): Uint8Array {
	const writer = new BlobWriter(utf8);
	writer.u8(0);
	writer.u8(type);
	writer.u16(seq);
	writer.u32(peer);
	const body = writer.open();
	for (const [name, value] of Object.entries(attributes)) {
		if (value === undefined) continue;
		const [id, kind] = ATTRIBUTES[name as keyof typeof ATTRIBUTES];
		const at = writer.open();
		if (kind === "u32") writer.u32(value);
		else if (kind === "u8") writer.u8(Number(value));
		else if (kind === "text") writer.text(value);
		else if (kind === "table") writeTable(writer, value, name === "data" ? types : undefined);
		else for (const subscriber of value) writeId(writer, subscriber);
		writer.close(at, id, false);
	}
	writer.close(body, 0, false);
	return writer.written;
}

function writeId(writer: BlobWriter, id: number): void {
	const at = writer.open();
	writer.u32(id);
	writer.close(at, 0, false);
}

/**
 * How long the message is that begins at `start`; 0 while too little of it is there to tell. Throws an UbusError (parse
 * error) when no message can begin so.
 */
export function messageLength(bytes: Uint8Array, start: number, end: number): number {
	if (end - start < HEADER_SIZE) return 0;
	if (bytes[start] !== 0) throw new UbusError(Status.PARSE_ERROR, `version ${bytes[start]}`);
	// ubusd does not look at the highest octet of this word.
	const body = (bytes[start + 9]! << 16) | (bytes[start + 10]! << 8) | bytes[start + 11]!;
	if (body < 4 || body > MAX_BODY) throw new UbusError(Status.PARSE_ERROR, `a body of ${body} octets`);
	return BODY_AT + body;
}

/** Reads the message that `bytes[start, end)` is, of at least 12 octets. Whatever else is in it, this does not throw. */
export function decodeMessage(utf8: Utf8, bytes: Uint8Array, start: number, end: number): Message {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const type = view.getUint8(start + 1);
	const attributes: Record<string, unknown> = {};
	const reader = new BlobReader(view, start + HEADER_SIZE, end);
	// A MONITOR message has attributes of its own under the same ids.
	while (type !== MessageType.MONITOR && reader.next()) {
		const attribute = BY_ID.get(reader.id);
		if (attribute === undefined) continue;
		const value = readAttribute(utf8, bytes, reader, attribute.kind);
		// What has the wrong form counts as absent.
		if (value !== undefined) attributes[attribute.name] = value;
	}
	return { type, seq: view.getUint16(start + 2), peer: view.getUint32(start + 4), attributes };
}

function readAttribute(utf8: Utf8, bytes: Uint8Array, reader: BlobReader, kind: Kind): unknown {
	const { view, from, to } = reader;
	switch (kind) {
		case "u32":
			return to - from === 4 ? view.getUint32(from) : undefined;
		case "u8":
			return to - from === 1 ? view.getUint8(from) !== 0 : undefined;
		case "text":
			return readText(utf8, bytes, from, to) ?? undefined;
		case "table":
			return readTable(utf8, bytes, from, to);
		case "ids": {
			const ids: number[] = [];
			const children = new BlobReader(view, from, to);
			while (children.next()) if (children.to - children.from === 4) ids.push(view.getUint32(children.from));
			return ids;
		}
	}
}
