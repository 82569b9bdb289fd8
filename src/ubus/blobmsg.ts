/** blobmsg, the encoding of named and typed values inside DATA and SIGNATURE. */

import type { Utf8 } from "../host/host.ts";
import { BlobReader, type BlobWriter, pad4, readText } from "./blob.ts";
import { Status, UbusError } from "./status.ts";
import {
	TYPE_NAMES,
	Typed,
	type UbusArguments,
	type UbusInput,
	type UbusInputTable,
	type UbusTable,
	type UbusType,
	type UbusValue,
} from "./value.ts";

/** Tables and arrays inside one another, the outermost counted. */
export const MAX_DEPTH = 32;
/** Values in one message, so that a small message cannot take much memory. */
export const MAX_VALUES = 32_768;

const ARRAY = TYPE_NAMES.indexOf("array");
const TABLE = TYPE_NAMES.indexOf("table");
const STRING = TYPE_NAMES.indexOf("string");

/** Octets of each type's value; null where it varies. By type number. */
const SIZES: readonly (number | null)[] = [0, null, null, null, 8, 4, 2, 1, 8];

/** How far each integer type goes, counted in bits; a number of 8 or 16 bits may be meant without sign. */
const INTEGERS: Readonly<Partial<Record<UbusType, readonly [low: bigint, high: bigint]>>> = {
	int64: [-(1n << 63n), (1n << 63n) - 1n],
	int32: [-(1n << 31n), (1n << 31n) - 1n],
	int16: [-(1n << 15n), (1n << 15n) - 1n],
	bool: [0n, 255n],
};

/**
 * Writes a table's values, one after another. `types`: what the receiver takes, by name; a number is sent as that when
 * nothing of it is lost. Throws an UbusError (invalid argument) that names the place of what cannot be sent.
 */
export function writeTable(writer: BlobWriter, table: UbusInputTable, types: UbusArguments = {}): void {
	new Encoder(writer).table(table, types, 1);
}

class Encoder {
	private readonly writer: BlobWriter;
	private values = 0;
	/** Names on the way to the value being written. */
	private readonly path: string[] = [];

	constructor(writer: BlobWriter) {
		this.writer = writer;
	}

	table(table: UbusInputTable, types: UbusArguments, depth: number): void {
		for (const [name, value] of Object.entries(table)) {
			const type = Object.hasOwn(types, name) ? types[name] : undefined;
			this.value(name, name, type === undefined ? value : convert(value, type), depth);
		}
	}

	/** `place`: how the value is called in an error; elements of arrays have no name but a place. */
	private value(name: string, place: string, value: UbusInput, depth: number): void {
		this.path.push(place);
		this.values++;
		if (depth > MAX_DEPTH) throw this.refusal(`more than ${MAX_DEPTH} levels`);
		if (this.values > MAX_VALUES) throw this.refusal(`more than ${MAX_VALUES} values`);
		const at = this.writer.open();
		this.name(name);
		const type = this.payload(value, depth);
		this.writer.close(at, type, true);
		this.path.pop();
	}

	private name(name: string): void {
		const at = this.writer.written.length;
		this.writer.u16(0);
		this.text(name);
		const bytes = this.writer.written;
		const length = bytes.length - at - 3;
		if (length > 0xffff) throw this.refusal("a name of more than 65535 octets");
		bytes[at] = length >> 8;
		bytes[at + 1] = length & 255;
		this.writer.pad();
	}

	/** Writes a value and returns its type. */
	private payload(value: UbusInput, depth: number): number {
		switch (typeof value) {
			case "boolean":
				return this.number("bool", value ? 1 : 0);
			case "number":
				return this.number(naturalType(value), value);
			case "bigint":
				return this.number("int64", value);
			case "string":
				this.text(value);
				return STRING;
			case "object":
				if (value === null) return 0;
				if (value instanceof Typed) return this.number(value.type, value.value);
				if (Array.isArray(value)) {
					const elements: readonly UbusInput[] = value;
					for (const [index, element] of elements.entries()) {
						this.value("", String(index), element, depth + 1);
					}
					return ARRAY;
				}
				this.table(value as UbusInputTable, {}, depth + 1);
				return TABLE;
			default:
				throw this.refusal(`no ${typeof value} can be sent`);
		}
	}

	private number(type: UbusType, value: number | bigint): number {
		if (type === "double") {
			this.writer.double(Number(value));
			return TYPE_NAMES.indexOf(type);
		}
		if (!fits(type, value)) throw this.refusal(`${value} as ${type}`);
		if (type === "int64") this.writer.i64(BigInt(value));
		else if (type === "int32") this.writer.u32(Number(value));
		else if (type === "int16") this.writer.u16(Number(value));
		else this.writer.u8(Number(value));
		return TYPE_NAMES.indexOf(type);
	}

	private text(text: string): void {
		try {
			this.writer.text(text);
		} catch (error) {
			throw text.includes("\0") ? this.refusal("a text with U+0000") : error;
		}
	}

	private refusal(what: string): UbusError {
		const place = this.path.length > 8 ? `${this.path.slice(0, 8).join(".")}…` : this.path.join(".");
		return new UbusError(Status.INVALID_ARGUMENT, `${place}: ${what}`);
	}
}

function naturalType(value: number): UbusType {
	if (!Number.isSafeInteger(value)) return "double";
	return value === (value | 0) ? "int32" : "int64";
}

function fits(type: UbusType, value: number | bigint): boolean {
	const range = INTEGERS[type];
	if (range === undefined || (typeof value === "number" && !Number.isInteger(value))) return false;
	return value >= range[0] && value <= range[1];
}

/** A number as the type that a receiver wants, if that says the same; anything else as it is. */
function convert(value: UbusInput, type: UbusType): UbusInput {
	if (typeof value !== "number" && typeof value !== "bigint") return value;
	const isSame =
		type === "double"
			? typeof value === "number" || (fits("int64", value) && BigInt(Number(value)) === value)
			: type === "bool"
				? Number(value) === 0 || Number(value) === 1
				: fits(type, value);
	return isSame ? new Typed(type, value) : value;
}

/** Reads the values of a table from `bytes[start, end)`; null when they are malformed, too deep, or too many. */
export function readTable(utf8: Utf8, bytes: Uint8Array, start: number, end: number): UbusTable | null {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const found = new Decoder(utf8, bytes, view).table(start, end, 1);
	return found === undefined ? null : found;
}

/** Each of its methods returns undefined for what is malformed. */
class Decoder {
	private readonly utf8: Utf8;
	private readonly bytes: Uint8Array;
	private readonly view: DataView;
	private values = 0;

	constructor(utf8: Utf8, bytes: Uint8Array, view: DataView) {
		this.utf8 = utf8;
		this.bytes = bytes;
		this.view = view;
	}

	table(start: number, end: number, depth: number): UbusTable | undefined {
		const table: Record<string, UbusValue> = Object.create(null);
		const isWhole = this.children(start, end, depth, (name, value) => {
			// Names may be repeated; the first counts.
			if (!Object.hasOwn(table, name)) table[name] = value;
		});
		return isWhole ? table : undefined;
	}

	private array(start: number, end: number, depth: number): UbusValue[] | undefined {
		const array: UbusValue[] = [];
		return this.children(start, end, depth, (_name, value) => array.push(value)) ? array : undefined;
	}

	private children(
		start: number,
		end: number,
		depth: number,
		take: (name: string, value: UbusValue) => void,
	): boolean {
		if (depth > MAX_DEPTH) return false;
		const reader = new BlobReader(this.view, start, end);
		while (reader.next()) {
			this.values++;
			if (!reader.isExtended || this.values > MAX_VALUES) return false;
			const { id, from, to } = reader;
			if (to - from < 4) return false;
			const nameEnd = from + 2 + this.view.getUint16(from);
			const valueAt = from + pad4(nameEnd + 1 - from);
			if (valueAt > to) return false;
			const name = readText(this.utf8, this.bytes, from + 2, nameEnd + 1);
			const value = this.value(id, valueAt, to, depth);
			if (name === null || value === undefined) return false;
			take(name, value);
		}
		return reader.isAtEnd;
	}

	private value(type: number, from: number, to: number, depth: number): UbusValue | undefined {
		const size = SIZES[type];
		if (size === undefined || (size !== null && size !== to - from)) return undefined;
		switch (TYPE_NAMES[type]) {
			case "any":
				return null;
			case "array":
				return this.array(from, to, depth + 1);
			case "table":
				return this.table(from, to, depth + 1);
			case "string":
				return readText(this.utf8, this.bytes, from, to) ?? undefined;
			case "int64":
				return this.int64(from);
			case "int32":
				return this.view.getInt32(from);
			case "int16":
				return this.view.getInt16(from);
			case "bool":
				return this.view.getUint8(from) !== 0;
			case "double":
				return this.view.getFloat64(from);
			default:
				return undefined;
		}
	}

	private int64(at: number): number | bigint {
		const value = this.view.getInt32(at) * 0x1_0000_0000 + this.view.getUint32(at + 4);
		return Number.isSafeInteger(value) ? value : this.view.getBigInt64(at);
	}
}
