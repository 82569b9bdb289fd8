/** Conversations between ubusd and its clients, as captured from real programs: their file as values. For every host. */

import { MessageType, type OutgoingAttributes } from "../../src/ubus/message.ts";
import { Typed, type UbusInput, type UbusInputTable, type UbusType, type UbusValue } from "../../src/ubus/value.ts";

/** A value inside DATA or SIGNATURE: name, type and value. */
type Triple = readonly [name: string, type: string, value: unknown];

interface Vector {
	readonly name: string;
	readonly conversation: string;
	readonly conn: string;
	readonly direction: "client->ubusd" | "ubusd->client";
	readonly hex: string | null;
	/** In place of `hex` for a long message. */
	readonly hexRuns?: readonly (readonly [hex: string, times: number])[];
	readonly sha256?: string;
	readonly decoded: {
		readonly type: string | number;
		readonly seq: number;
		readonly peer: number;
		readonly attrs: Readonly<Record<string, unknown>>;
	};
}

/** One message of a conversation. */
export interface UbusMessage {
	readonly name: string;
	/** Which client of the conversation. */
	readonly client: string;
	readonly isFromClient: boolean;
	readonly bytes: Uint8Array;
	/** Of `bytes`, in hexadecimal; only a long message has it. */
	readonly sha256: string | null;
	readonly type: number;
	readonly seq: number;
	readonly peer: number;
	/** As a receiver has them. */
	readonly received: Readonly<Record<string, unknown>>;
	/** As a sender gives them, each value with its type; null when the data is no blobmsg, which nobody of us sends. */
	readonly sent: OutgoingAttributes | null;
}

export interface UbusConversation {
	readonly name: string;
	readonly messages: readonly UbusMessage[];
}

/** All conversations in the text of vectors.json. */
export function parseConversations(text: string): UbusConversation[] {
	const conversations = new Map<string, UbusMessage[]>();
	for (const vector of JSON.parse(text) as Vector[]) {
		const messages = conversations.get(vector.conversation) ?? [];
		conversations.set(vector.conversation, messages);
		messages.push(messageOf(vector));
	}
	return [...conversations].map(([name, messages]) => ({ name, messages }));
}

const NAMES: Readonly<Record<string, string>> = {
	STATUS: "status",
	OBJPATH: "path",
	OBJID: "objectId",
	METHOD: "method",
	OBJTYPE: "typeId",
	SIGNATURE: "signature",
	DATA: "data",
	TARGET: "target",
	ACTIVE: "isActive",
	NO_REPLY: "noReply",
	SUBSCRIBERS: "subscribers",
	USER: "user",
	GROUP: "group",
};

function messageOf(vector: Vector): UbusMessage {
	const { type, seq, peer, attrs } = vector.decoded;
	const number = typeof type === "number" ? type : MessageType[type as keyof typeof MessageType];
	const received: Record<string, unknown> = {};
	const sent: Record<string, unknown> = {};
	let isRaw = false;
	for (const [name, value] of number === MessageType.MONITOR ? [] : Object.entries(attrs)) {
		const ours = NAMES[name];
		if (ours === undefined) throw new Error(`${vector.name}: attribute ${name}`);
		const isFlag = ours === "isActive" || ours === "noReply";
		const isTable = ours === "data" || ours === "signature";
		isRaw ||= isTable && !Array.isArray(value);
		received[ours] = isFlag
			? value !== 0
			: isTable
				? Array.isArray(value)
					? tableOf(value, plain)
					: null
				: value;
		sent[ours] = isFlag ? value !== 0 : isTable && Array.isArray(value) ? tableOf(value, exact) : value;
	}
	return {
		name: vector.name,
		client: vector.conn,
		isFromClient: vector.direction === "client->ubusd",
		bytes: bytesOf(vector),
		sha256: vector.sha256 ?? null,
		type: number,
		seq,
		peer,
		received,
		sent: isRaw ? null : (sent as OutgoingAttributes),
	};
}

function bytesOf({ hex, hexRuns = [] }: Vector): Uint8Array {
	const text = hex ?? hexRuns.map(([run, times]) => run.repeat(times)).join("");
	return Uint8Array.from(text.match(/../g) ?? [], (octet) => Number.parseInt(octet, 16));
}

function tableOf<T>(triples: readonly Triple[], convert: (triple: Triple) => T): Record<string, T> {
	const table: Record<string, T> = Object.create(null);
	for (const triple of triples) table[triple[0]] = convert(triple);
	return table;
}

/** A value as it is received. */
function plain([, type, value]: Triple): UbusValue {
	switch (type) {
		case "unspec":
			return null;
		case "array":
			return (value as Triple[]).map(plain);
		case "table":
			return tableOf(value as Triple[], plain);
		case "string":
			return textOf(value);
		case "int64": {
			const integer = BigInt(value as string);
			return Number.isSafeInteger(Number(integer)) ? Number(integer) : integer;
		}
		case "int8":
			return value !== 0;
		case "int16":
		case "int32":
		case "double":
			return value as number;
		default:
			throw new Error(`type ${type}`);
	}
}

/** A value to be sent as its type says. */
function exact(triple: Triple): UbusInput {
	const [, type, value] = triple;
	switch (type) {
		case "array":
			return (value as Triple[]).map(exact);
		case "table":
			return tableOf(value as Triple[], exact) as UbusInputTable;
		case "int64":
			return new Typed("int64", BigInt(value as string));
		case "int8":
			return new Typed("bool", value as number);
		case "int16":
		case "int32":
		case "double":
			return new Typed(type as UbusType, value as number);
		default:
			return plain(triple);
	}
}

function textOf(value: unknown): string {
	if (typeof value === "string") return value;
	const { repeat, times } = value as { repeat: string; times: number };
	return repeat.repeat(times);
}
