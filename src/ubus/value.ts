/** Values of ubus as JavaScript has them, and the types that they have on the wire. */

/** Types by their number on the wire. `any` is the type of null, and stands for every type in a signature. */
export const TYPE_NAMES = [
	"any",
	"array",
	"table",
	"string",
	"int64",
	"int32",
	"int16",
	"bool",
	"double",
] as const;

export type UbusType = (typeof TYPE_NAMES)[number];

/**
 * What is received. Integers are numbers, but bigints where a number is not exact (64 bits); the type of 8 bits is a
 * boolean, as everywhere on the bus.
 */
export type UbusValue = null | boolean | number | bigint | string | readonly UbusValue[] | UbusTable;

/**
 * Named values. What is received has no prototype, so that no name means anything else (`__proto__`). Names keep their
 * order, but for those that are array indices (`7`), which JavaScript puts first.
 */
export interface UbusTable {
	readonly [name: string]: UbusValue;
}

/**
 * What can be sent. A number without fraction is an int32 when it fits, else an int64 when it is exact; any other
 * number is a double; a bigint is an int64; a boolean is a bool. `typed` chooses another type.
 */
export type UbusInput =
	| null
	| boolean
	| number
	| bigint
	| string
	| Typed
	| readonly UbusInput[]
	| UbusInputTable;

export interface UbusInputTable {
	readonly [name: string]: UbusInput;
}

/** A number with its type on the wire, for receivers that take no other. */
export class Typed {
	readonly type: UbusType;
	readonly value: number | bigint;

	constructor(type: UbusType, value: number | bigint) {
		this.type = type;
		this.value = value;
	}
}

/** `value` as `type` (int64, int32, int16, double, or bool for 8 bits); encoding it throws when it does not fit. */
export function typed(type: UbusType, value: number | bigint): Typed {
	return new Typed(type, value);
}

/** The types of a method's arguments by name. */
export type UbusArguments = Readonly<Record<string, UbusType>>;

/** An object's methods by name, each with its arguments. */
export type UbusSignature = Readonly<Record<string, UbusArguments>>;

/** A signature as it is sent: a table of tables of type numbers. */
export function encodeSignature(signature: UbusSignature): UbusInputTable {
	const table: Record<string, UbusInput> = Object.create(null);
	for (const [method, types] of Object.entries(signature)) {
		const numbers: Record<string, UbusInput> = Object.create(null);
		for (const [name, type] of Object.entries(types)) numbers[name] = TYPE_NAMES.indexOf(type);
		table[method] = numbers;
	}
	return table;
}

/** A signature as it was received. It is documentation that nobody checks: what makes no sense in it is `any`. */
export function decodeSignature(table: UbusTable): UbusSignature {
	const signature: Record<string, UbusArguments> = Object.create(null);
	for (const [method, numbers] of Object.entries(table)) {
		const types: Record<string, UbusType> = Object.create(null);
		for (const [name, number] of Object.entries(isTable(numbers) ? numbers : {})) {
			types[name] = (typeof number === "number" ? TYPE_NAMES[number] : undefined) ?? "any";
		}
		signature[method] = types;
	}
	return signature;
}

export function isTable(value: UbusValue | undefined): value is UbusTable {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The name of the first argument that has another type than the method declares, or null. Null is no argument. */
export function findMistyped(types: UbusArguments, table: UbusTable): string | null {
	for (const [name, type] of Object.entries(types)) {
		const value = table[name];
		if (value !== undefined && value !== null && !isOfType(value, type)) return name;
	}
	return null;
}

/** Senders that have JSON choose integer types by the number, so that all of them are one here. */
function isOfType(value: UbusValue, type: UbusType): boolean {
	switch (type) {
		case "any":
			return true;
		case "array":
			return Array.isArray(value);
		case "table":
			return isTable(value);
		case "string":
			return typeof value === "string";
		case "bool":
			return typeof value === "boolean";
		case "double":
			return typeof value === "number";
		case "int16":
		case "int32":
		case "int64":
			return typeof value === "bigint" || Number.isSafeInteger(value);
	}
}
