/** Arguments of methods, within bounds. Their types were checked before; null is an argument that is missing. */

import { Status, UbusError } from "../../ubus/status.ts";
import type { UbusTable } from "../../ubus/value.ts";

/** Throws the error for an argument that cannot be. */
export function wrong(name: string, what: string): never {
	throw new UbusError(Status.INVALID_ARGUMENT, `${name}: ${what}`);
}

/** A whole number, or `byDefault` when there is none. */
export function integerOf(
	args: UbusTable,
	name: string,
	min: number,
	max: number,
	byDefault: number,
): number {
	const value = args[name] ?? byDefault;
	const number = Number(value);
	if (!Number.isSafeInteger(number) || number < min || number > max) wrong(name, `not ${min} to ${max}`);
	return number;
}

/** A text, or null. */
export function textOf(args: UbusTable, name: string): string | null {
	const value = args[name] ?? null;
	return typeof value === "string" ? value : null;
}

/** A text that must be there. */
export function requiredText(args: UbusTable, name: string): string {
	return textOf(args, name) ?? wrong(name, "missing");
}

export function flagOf(args: UbusTable, name: string): boolean {
	return args[name] === true;
}

/** One of some words, or null. */
export function wordOf<T extends string>(args: UbusTable, name: string, words: readonly T[]): T | null {
	const text = textOf(args, name);
	if (text === null) return null;
	return words.find((word) => word === text) ?? wrong(name, `none of ${words.join(", ")}`);
}
