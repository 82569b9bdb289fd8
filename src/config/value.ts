/** Types of option values: how each is written in mosquitto.conf, what is refused, and how that is said. */

import type { LogType } from "../host/log.ts";
import { fail } from "./error.ts";

const INT_MAX = 0x7fffffff;
/** Octets of the longest text. */
const TEXT_MAX = 65535;

/** What a reader gives to a value type: one option as it stands in the file. */
export interface Written {
	/** Name for messages; with an alias, the one that was written. */
	readonly name: string;
	/** The line after the name and the space that follows it. */
	readonly rest: string;
	/** Tells the owner something that is no error. */
	readonly warn?: (text: string) => void;
}

/** A kind of value with its bounds, for documentation and forms, and its reader. */
export interface ValueType<T> {
	readonly kind: "boolean" | "integer" | "octets" | "duration" | "string" | "choice" | "port" | "words";
	readonly min?: number;
	readonly max?: number;
	/** Possible words of a choice. */
	readonly values?: readonly string[];
	/** What may be written, in words, where bounds and values do not say it. */
	readonly form?: string;
	/** The value; throws ConfigError. */
	parse(written: Written): T;
}

/** What may be written, in words that complete `the option takes …`. */
export function formOf({ kind, min, max, values = [], form }: ValueType<unknown>): string {
	if (form !== undefined) return form;
	switch (kind) {
		case "boolean":
			return "true or false";
		case "integer":
		case "octets": {
			const noun = kind === "octets" ? "a number of octets" : "a number";
			if (min === undefined) return noun;
			return max === undefined || max >= INT_MAX ? `${noun} from ${min}` : `${noun} from ${min} to ${max}`;
		}
		case "duration":
			return "a number followed by s, h, d, w, m or y";
		case "port":
			return `a port from ${min} to ${max}, or auto`;
		case "choice":
			return values.length === 2 ? values.join(" or ") : `one of ${values.join(", ")}`;
		case "words":
			return `any of ${values.join(", ")}`;
		case "string":
			return max === undefined || max >= TEXT_MAX ? "text" : `text of at most ${max} octets`;
	}
}

/** Words separated by spaces (only spaces separate, as in mosquitto). */
export function wordsOf(rest: string): string[] {
	return rest.split(" ").filter((word) => word !== "");
}

/** The first word, without tabs around it; what follows it is not looked at, as in mosquitto. */
function firstWord(written: Written): string {
	const [word = ""] = wordsOf(written.rest);
	const value = word.replace(/^\t+|\t+$/g, "");
	return value === "" ? fail(`Error: Empty '${written.name}' value in configuration.`) : value;
}

/** `true`, `false`, `1` or `0`. */
export const boolean: ValueType<boolean> = {
	kind: "boolean",
	parse(written) {
		const word = firstWord(written);
		if (word === "true" || word === "1") return true;
		if (word === "false" || word === "0") return false;
		return fail(`Error: Invalid '${written.name}' value (${word}).`);
	},
};

/** A C integer literal: decimal, `0x` hexadecimal or `0` octal; null for anything else. */
function integerOf(word: string): number | null {
	const match = /^[\t\v\f]*([+-]?)(?:0x([0-9a-f]+)|0([0-7]*)|([1-9][0-9]*))$/i.exec(word);
	if (match === null) return null;
	const [, sign, hexadecimal, octal, decimal] = match;
	let size = 0;
	if (hexadecimal !== undefined) size = Number.parseInt(hexadecimal, 16);
	else if (decimal !== undefined) size = Number.parseInt(decimal, 10);
	else if (octal !== undefined && octal !== "") size = Number.parseInt(octal, 8);
	return sign === "-" ? -size : size;
}

function parseInteger(written: Written, limit: number): number {
	const value = integerOf(firstWord(written));
	if (value === null) return fail(`Error: '${written.name}' value not a number.`);
	if (value > limit || value < -limit - 1) fail(`Error: '${written.name}' value out of range.`);
	return value;
}

export interface Bounds {
	readonly min: number;
	readonly max?: number;
	/** What a value below `min` stands for, where it is not an error. */
	readonly below?: number;
	/** What a value above `max` stands for, where it is not an error. */
	readonly above?: number;
	/** What is said of a value below `min`, or above `max`, that stands for another. */
	readonly belowWarning?: string;
	readonly aboveWarning?: string;
	/** The error for a value out of bounds, where mosquitto's differs from `Error: Invalid 'NAME' value (V).` */
	readonly error?: string;
}

function bounded(value: number, bounds: Bounds, { name, warn }: Written): number {
	const { min, max = Number.MAX_SAFE_INTEGER, below, above, belowWarning, aboveWarning } = bounds;
	if (value < min && below !== undefined) {
		if (belowWarning !== undefined) warn?.(belowWarning);
		return below;
	}
	if (value > max && above !== undefined) {
		if (aboveWarning !== undefined) warn?.(aboveWarning);
		return above;
	}
	if (value < min || value > max) fail(bounds.error ?? `Error: Invalid '${name}' value (${value}).`);
	return value;
}

/** A whole number of 32 bits. */
export function integer(bounds: Bounds): ValueType<number> {
	return {
		kind: "integer",
		min: bounds.min,
		max: bounds.max ?? INT_MAX,
		parse: (written) => bounded(parseInteger(written, INT_MAX), bounds, written),
	};
}

/** A limit of 32 bits; -1 or less is none. */
export const limit: ValueType<number | null> = {
	kind: "integer",
	min: -1,
	parse(written) {
		const value = parseInteger(written, INT_MAX);
		return value < 0 ? null : value;
	},
};

/** A number of octets, beyond 32 bits where that makes sense. */
export function octets(bounds: Bounds): ValueType<number> {
	return {
		kind: "octets",
		min: bounds.min,
		max: bounds.max ?? Number.MAX_SAFE_INTEGER,
		parse: (written) => bounded(parseInteger(written, Number.MAX_SAFE_INTEGER - 1), bounds, written),
	};
}

const DAY = 86400;
const UNITS: Readonly<Record<string, number>> = {
	"": 1,
	s: 1,
	h: 3600,
	d: DAY,
	w: 7 * DAY,
	m: 30 * DAY,
	y: 365 * DAY,
};

/** A time with a unit of h, d, w, m (30 days) or y (365 days), or in seconds; in seconds. */
export const duration: ValueType<number> = {
	kind: "duration",
	min: 1,
	parse(written) {
		const [, digits = "", unit = ""] = /^([0-9]{1,9})([shdwmy]?)$/.exec(firstWord(written)) ?? [];
		const seconds = Number(digits) * (UNITS[unit] ?? 0);
		// `1 d` is not one second.
		const [, next = "#"] = wordsOf(written.rest);
		if (seconds <= 0 || (unit === "" && !next.startsWith("#")))
			fail(`Error: Invalid '${written.name}' duration in configuration.`);
		return seconds;
	},
};

/** Octets of well-formed text as UTF-8. */
function octetsOf(text: string): number {
	let count = 0;
	for (const character of text) {
		const code = character.codePointAt(0) ?? 0;
		count += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	}
	return count;
}

/** mosquitto takes no text with such characters, be it well-formed. */
const CONTROL = /\p{Cc}/u;

/** Text to the end of the line, without blanks around it; at most `max` octets. */
export function text(max = TEXT_MAX, error?: string): ValueType<string> {
	return {
		kind: "string",
		max,
		parse(written) {
			const value = written.rest.replace(/^[ \t\v\f\r]+|[ \t\v\f\r]+$/g, "");
			if (value === "") fail(`Error: Empty '${written.name}' value in configuration.`);
			if (CONTROL.test(value)) fail("Error: Malformed UTF-8 in configuration.");
			if (octetsOf(value) > max)
				fail(error ?? `Error: '${written.name}' value is longer than ${max} octets.`);
			return value;
		},
	};
}

/** One of some words. `error` makes mosquitto's message for another word, where it is a different one. */
export function choice<T extends string>(
	values: readonly T[],
	error?: (name: string, word: string) => string,
): ValueType<T> {
	return {
		kind: "choice",
		values,
		parse(written) {
			const word = firstWord(written);
			const found = values.find((value) => value === word);
			return (
				found ?? fail(error?.(written.name, word) ?? `Error: Invalid '${written.name}' value (${word}).`)
			);
		},
	};
}

/** A port, or `auto`: the system chooses one that is free (ours; the log line of the listener names it). */
export type Port = number | "auto";

function parsePort(word: string | undefined, name: string, min: number): Port {
	if (word === "auto") return "auto";
	const value = parseInteger({ name, rest: word ?? "" }, INT_MAX);
	if (value < min || value > 65535) fail(`Error: Invalid 'port' value (${value}).`);
	return value;
}

export const port: ValueType<Port> = {
	kind: "port",
	min: 1,
	max: 65535,
	parse: (written) => parsePort(wordsOf(written.rest)[0], written.name, 1),
};

/** Where a listener listens: TCP with an optional host name or address, or a unix socket. */
export type Place =
	| { readonly kind: "tcp"; readonly port: Port; readonly host: string | null }
	| { readonly kind: "unix"; readonly path: string };

/** `PORT [HOST]`, or `0 PATH` for a unix socket. */
export const place: ValueType<Place> = {
	kind: "words",
	form: "a port and perhaps an address, or 0 and the path of a unix socket",
	parse(written) {
		const words = wordsOf(written.rest);
		const port = parsePort(words[0], "listener port", 0);
		const second = words[1] === undefined || words[1].startsWith("#") ? null : words[1];
		if (port !== 0) return { kind: "tcp", port, host: second };
		if (second === null) return fail("Error: A listener with port 0 must provide a Unix socket path.");
		// The host contract tells sockets from addresses by the slash; a relative path would be taken for a name.
		if (!second.startsWith("/")) return fail(`Error: The Unix socket path '${second}' must begin with '/'.`);
		return { kind: "unix", path: second };
	},
};

/** Permission bits as an octal number. */
export const permissions: ValueType<number> = {
	kind: "words",
	form: "an octal number such as 0660",
	parse(written) {
		const word = firstWord(written);
		if (!/^0?[0-7]{3}$/.test(word)) fail(`Error: Invalid '${written.name}' value (${word}).`);
		return Number.parseInt(word, 8);
	},
};

/** A user by name, and a group. */
export interface Owner {
	readonly user: string;
	/** Null leaves the group as it is. */
	readonly group: string | null;
}

/** `USER` or `USER:GROUP`. */
export const owner: ValueType<Owner> = {
	kind: "words",
	form: "user or user:group",
	parse(written) {
		const word = firstWord(written);
		const match = /^([^:]+)(?::([^:]+))?$/.exec(word);
		if (match === null) return fail(`Error: Invalid '${written.name}' value (${word}).`);
		return { user: match[1]!, group: match[2] ?? null };
	},
};

/** Where log lines go. */
export type LogDestination =
	| { readonly kind: "none" | "stdout" | "stderr" | "syslog" | "topic" | "dlt" }
	| { readonly kind: "file"; readonly path: string };

const PLAIN_DESTINATIONS = ["none", "stdout", "stderr", "syslog", "topic", "dlt"] as const;

export const logDestination: ValueType<LogDestination> = {
	kind: "words",
	values: [...PLAIN_DESTINATIONS, "file PATH"],
	form: `one of ${PLAIN_DESTINATIONS.join(", ")}, or file and its path`,
	parse(written) {
		const word = firstWord(written);
		if (word === "file") {
			const start = written.rest.indexOf("file") + "file".length;
			const path = written.rest.slice(start).replace(/^[ \t]+/, "");
			if (path === "") fail('Error: Empty "log_dest file" value in configuration.');
			return { kind: "file", path };
		}
		const kind = PLAIN_DESTINATIONS.find((name) => name === word);
		return kind === undefined ? fail(`Error: Invalid 'log_dest' value (${word}).`) : { kind };
	},
};

export const LOG_TYPES: readonly LogType[] = [
	"error",
	"warning",
	"notice",
	"information",
	"subscribe",
	"unsubscribe",
	"websockets",
	"debug",
];

/** A log type, or `none`, `all`, or `internal` (mosquitto's own development; nothing of ours). */
export const logType: ValueType<LogType | "none" | "all" | "internal"> = choice([
	...LOG_TYPES,
	"none",
	"all",
	"internal",
]);

const FACILITIES = ["local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"] as const;

/** Syslog facilities: `daemon` (the default), or one that `log_facility` can choose. */
export type LogFacility = "daemon" | (typeof FACILITIES)[number];

/** 0 to 7, for `local0` to `local7`. */
export const logFacility: ValueType<LogFacility> = {
	kind: "integer",
	min: 0,
	max: 7,
	parse: (written) =>
		FACILITIES[bounded(parseInteger(written, INT_MAX), { min: 0, max: 7 }, written)] ?? "daemon",
};

/** A name and the path of what it stands for. */
export interface NamedPath {
	readonly name: string;
	readonly path: string;
}

export const namedPath: ValueType<NamedPath> = {
	kind: "words",
	form: "a name and a path",
	parse(written) {
		const name = firstWord(written);
		const start = written.rest.indexOf(name) + name.length;
		return { name, path: text().parse({ name: written.name, rest: written.rest.slice(start) }) };
	},
};

/** Text that is not looked at: of options that are refused, or have no effect. */
export const anything: ValueType<string> = {
	kind: "string",
	parse: (written) => written.rest,
};
