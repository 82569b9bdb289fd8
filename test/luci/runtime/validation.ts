/** LuCI's data types: the expressions that the views use, such as `and(uinteger,max(65535))` or `or(port,"auto")`. */

import { check, misuse } from "./class.ts";

/** Null when it fits, else what is expected. */
type Test = (value: string) => string | null;

interface Parsed {
	readonly name: string;
	/** Null without parentheses. */
	readonly args: readonly Parsed[] | null;
}

function octets(value: string): number {
	return new Blob([value]).size;
}

function when(fits: boolean, text: string): string | null {
	return fits ? null : text;
}

function isIpv4(value: string): boolean {
	const parts = value.split(".");
	return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256);
}

function isIpv6(value: string): boolean {
	return /^[0-9a-fA-F:.]+$/.test(value) && value.includes(":") && URL.canParse(`http://[${value}]/`);
}

const integer = /^-?\d+$/;
const decimal = /^-?\d+(\.\d+)?$/;

/** Data types without arguments. */
const PLAIN: Readonly<Record<string, Test>> = {
	string: () => null,
	integer: (value) => when(integer.test(value), "valid integer value"),
	uinteger: (value) => when(integer.test(value) && Number(value) >= 0, "positive integer value"),
	port: (value) => when(/^\d+$/.test(value) && Number(value) <= 65535, "valid port value"),
	ipaddr: (value) => when(isIpv4(value) || isIpv6(value), "valid IP address or prefix"),
	host: (value) =>
		when(
			isIpv4(value) || isIpv6(value) || /^[a-zA-Z0-9_]([a-zA-Z0-9_.-]*[a-zA-Z0-9])?$/.test(value),
			"valid hostname or IP address",
		),
	uciname: (value) => when(/^[a-zA-Z0-9_]+$/.test(value), "valid UCI identifier"),
	directory: () => null,
	file: () => null,
};

/** Data types with numbers as arguments. */
const BOUNDED: Readonly<Record<string, (value: string, ...bounds: number[]) => string | null>> = {
	min: (value, min = 0) =>
		when(decimal.test(value) && Number(value) >= min, `value greater or equal to ${min}`),
	max: (value, max = 0) =>
		when(decimal.test(value) && Number(value) <= max, `value smaller or equal to ${max}`),
	range: (value, min = 0, max = 0) =>
		when(
			decimal.test(value) && Number(value) >= min && Number(value) <= max,
			`value between ${min} and ${max}`,
		),
	maxlength: (value, max = 0) => when(octets(value) <= max, `value with at most ${max} characters`),
	minlength: (value, min = 0) => when(octets(value) >= min, `value with at least ${min} characters`),
};

function parse(text: string): Parsed[] {
	const parts: Parsed[] = [];
	let depth = 0;
	let start = 0;
	for (let at = 0; at <= text.length; at++) {
		const character = text[at];
		if (character === "(") depth++;
		if (character === ")") depth--;
		check(depth >= 0, `data type ${text}`);
		if (at < text.length && (character !== "," || depth > 0)) continue;
		const part = text.slice(start, at).trim();
		start = at + 1;
		const match = /^([^()]+)(?:\((.*)\))?$/.exec(part);
		check(match !== null, `data type ${text}`);
		parts.push({ name: match[1]!, args: match[2] === undefined ? null : parse(match[2]) });
	}
	check(depth === 0, `data type ${text}`);
	return parts;
}

function testOf({ name, args }: Parsed): Test {
	if (/^(["']).*\1$/.test(name)) return (value) => when(value === name.slice(1, -1), name);
	if (name === "and" || name === "or") {
		const tests = (args ?? []).map(testOf);
		if (name === "and")
			return (value) => tests.map((test) => test(value)).find((text) => text !== null) ?? null;
		return (value) => {
			const wrong = tests.map((test) => test(value));
			return wrong.includes(null) ? null : `One of the following: ${wrong.join(", ")}`;
		};
	}
	const bounded = BOUNDED[name];
	if (bounded !== undefined) {
		const bounds = (args ?? []).map((each) => Number(each.name));
		check(
			bounds.length > 0 && bounds.every((bound) => !Number.isNaN(bound)),
			`data type ${name} lacks bounds`,
		);
		return (value) => bounded(value, ...bounds);
	}
	return PLAIN[name] ?? misuse(`there is no data type ${name}`);
}

/** The test of a data type. */
export function compile(datatype: string): Test {
	const parts = parse(datatype);
	check(parts.length === 1, `data type ${datatype}`);
	const test = testOf(parts[0]!);
	return (value) => {
		const wrong = test(value);
		return wrong === null ? null : `Expecting: ${wrong}`;
	};
}
