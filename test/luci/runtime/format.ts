/** LuCI's `''.format()`: the conversions that the views use; others are an error. */

import { check, misuse } from "./class.ts";

declare global {
	interface String {
		format(...values: unknown[]): string;
	}
}

const ESCAPES: Readonly<Record<string, string>> = {
	"&": "&#38;",
	'"': "&#34;",
	"'": "&#39;",
	"<": "&#60;",
	">": "&#62;",
};
const UNITS = ["", "K", "M", "G", "T", "P", "E"];

export function escapeHtml(text: string): string {
	return text.replace(/[&"'<>]/g, (character) => ESCAPES[character] ?? character);
}

/** `%1024.1mB`: a number with its unit's prefix. */
function metric(value: number, base: number, precision: number): string {
	let scaled = value;
	let unit = 0;
	while (scaled > base && unit < UNITS.length - 1) {
		scaled /= base;
		unit++;
	}
	return `${unit === 0 ? scaled : scaled.toFixed(precision)} ${UNITS[unit]}`;
}

/** `%t`: seconds as days, hours, minutes, seconds. */
function time(value: number): string {
	const seconds = Math.floor(value % 60);
	const minutes = Math.floor((value / 60) % 60);
	const hours = Math.floor((value / 3600) % 24);
	const days = Math.floor(value / 86400);
	return days > 0 ? `${days}d ${hours}h ${minutes}m ${seconds}s` : `${hours}h ${minutes}m ${seconds}s`;
}

function format(this: string, ...values: unknown[]): string {
	let next = 0;
	const text = String(this).replace(
		/%(?:([0-9]*)(?:\.([0-9]+))?)([a-zA-Z%])/g,
		(_all, width: string, precision: string | undefined, kind: string) => {
			if (kind === "%") return "%";
			check(next < values.length, `format of "${this}" lacks a value`);
			const value = values[next++];
			check(value !== undefined, `format of "${this}" with undefined`);
			switch (kind) {
				case "s":
					return String(value);
				case "h":
					return escapeHtml(String(value));
				case "d":
					check(!Number.isNaN(Number(value)), `%d of ${String(value)}`);
					check(Math.abs(Number(value)) < 2 ** 31, `LuCI's %d has 32 bits: ${String(value)}`);
					return String(Math.trunc(Number(value)));
				case "f":
					return Number(value).toFixed(precision === undefined ? 6 : Number(precision));
				case "x":
					return Math.trunc(Number(value)).toString(16).padStart(Number(width), "0");
				case "t":
					return time(Number(value));
				case "m":
					return metric(
						Number(value),
						width === "" ? 1000 : Number(width),
						precision === undefined ? 2 : Number(precision),
					);
				default:
					return misuse(`format has no %${kind}`);
			}
		},
	);
	check(next === values.length, `format of "${this}" has ${values.length - next} values too many`);
	return text;
}

export function installFormat(): void {
	Object.defineProperty(String.prototype, "format", { value: format });
}
