/** The `-F` option's output format: checked once, compiled to parts, printed for each message. */

import type { Message } from "../client/client.ts";
import { compactJson, messageJson, prettyJson } from "./json.ts";
import type { OutputBuffer } from "./output-buffer.ts";
import type { LocalTime } from "./strftime.ts";
import { UsageError } from "./usage-error.ts";

/** How a field is laid out. */
interface Field {
	readonly conversion: string;
	/** 0 is none. */
	readonly width: number;
	/** -1 is none. */
	readonly precision: number;
	readonly left: boolean;
	readonly zero: boolean;
	/** Between groups of `precision` hexadecimal digits. */
	readonly separator: string;
}

type Part =
	| { readonly kind: "text"; readonly text: string }
	| { readonly kind: "field"; readonly field: Field }
	| { readonly kind: "time"; readonly letter: string };

/** What printing needs beside the message. */
export interface FormatContext {
	readonly pretty: boolean;
	/** The moment of the message; asked for at most once a message. */
	time(): LocalTime;
	decode(bytes: Uint8Array, start: number, end: number): string;
	/** Tells of something that cannot be printed. */
	complain(text: string): void;
}

const SEPARATORS = "!\"#$&'()*+,-./:;<=>?@[\\]^_`{|} ~";
const CONVERSIONS = "%ACDEFIlmPpqRSrtjJUxXfd";
const ESCAPES: Readonly<Record<string, string>> = {
	"\\": "\\",
	"0": "\0",
	a: "\x07",
	e: "\x1b",
	n: "\n",
	r: "\r",
	t: "\t",
	v: "\v",
};
const SPACE = 0x20;
const ZERO = 0x30;
const LARGEST_WIDTH = 1_000_000;

function isDigit(character: string | undefined): boolean {
	return character !== undefined && character >= "0" && character <= "9";
}

/** Throws a UsageError that says what is wrong with the format. */
export function checkFormat(format: string): void {
	compileFormat(format);
}

/** The parts of a format. Throws a UsageError. */
export function compileFormat(format: string): Part[] {
	const parts: Part[] = [];
	let text = "";
	let at = 0;
	function endText(): void {
		if (text !== "") parts.push({ kind: "text", text });
		text = "";
	}
	while (at < format.length) {
		const character = format[at++]!;
		if (character === "%") {
			endText();
			const { field, next } = compileField(format, at);
			parts.push({ kind: "field", field });
			at = next;
		} else if (character === "@") {
			const letter = format[at++];
			if (letter === undefined) throw new UsageError("Error: Incomplete format specifier.\n");
			if (letter === "@") {
				text += "@";
			} else {
				endText();
				parts.push({ kind: "time", letter });
			}
		} else if (character === "\\") {
			const letter = format[at++];
			if (letter === undefined) throw new UsageError("Error: Incomplete escape specifier.\n");
			const escaped = ESCAPES[letter];
			if (escaped === undefined) throw new UsageError(`Error: Invalid escape specifier '${letter}'.\n`);
			text += escaped;
		} else {
			text += character;
		}
	}
	endText();
	return parts;
}

/** Reads `[-][0][width][.precision][separator]conversion`. */
function compileField(format: string, at: number): { field: Field; next: number } {
	const left = format[at] === "-";
	if (left) at++;
	const zero = format[at] === "0";
	if (zero) at++;
	let width = 0;
	while (isDigit(format[at])) width = Math.min(width * 10 + Number(format[at++]), LARGEST_WIDTH);
	let precision = -1;
	if (format[at] === ".") {
		at++;
		precision = 0;
		while (isDigit(format[at])) {
			precision = Math.min(precision * 10 + Number(format[at++]), LARGEST_WIDTH);
		}
	}
	let separator = " ";
	const candidate = format[at];
	if (candidate !== undefined && SEPARATORS.includes(candidate)) {
		separator = candidate;
		at++;
	}
	const conversion = format[at];
	if (conversion === undefined) throw new UsageError("Error: Incomplete format specifier.\n");
	if (!CONVERSIONS.includes(conversion)) {
		throw new UsageError(`Error: Invalid format specifier '${conversion}'.\n`);
	}
	return { field: { conversion, width, precision, left, zero, separator }, next: at + 1 };
}

/** Prints a message by the parts of a format. */
export function printFormatted(
	output: OutputBuffer,
	parts: readonly Part[],
	message: Message,
	context: FormatContext,
): void {
	for (const part of parts) {
		if (part.kind === "text") output.text(part.text);
		else if (part.kind === "field") printField(output, part.field, message, context);
		else if (part.letter === "N") output.text(context.time().nanoseconds());
		else output.text(context.time().conversion(part.letter));
	}
}

function printField(output: OutputBuffer, field: Field, message: Message, context: FormatContext): void {
	const properties = message.properties ?? {};
	switch (field.conversion) {
		case "%":
			output.text("%");
			break;
		case "A":
			printNumber(output, field, properties.topicAlias);
			break;
		case "C":
			if (properties.contentType === undefined) printBlank(output, field);
			else printText(output, field, properties.contentType);
			break;
		case "D":
			if (properties.correlationData !== undefined) {
				output.octets(properties.correlationData, 0, properties.correlationData.length);
			}
			break;
		case "E":
			printNumber(output, field, properties.messageExpiryInterval);
			break;
		case "F":
			printNumber(output, field, properties.payloadFormatIndicator);
			break;
		case "I":
			printText(output, field, context.time().iso());
			break;
		case "j":
		case "J":
			printJson(output, field.conversion === "j", message, context);
			break;
		case "l":
			printNumber(output, field, message.payloadEnd - message.payloadStart);
			break;
		case "m":
			printNumber(output, field, message.packetId);
			break;
		case "P":
			output.text((properties.userProperty ?? []).map(([name, value]) => `${name}:${value}`).join(" "));
			break;
		case "p":
			printPayload(output, field, message);
			break;
		case "q":
			output.text(String(message.qos));
			break;
		case "R":
			if (properties.responseTopic !== undefined) printText(output, field, properties.responseTopic);
			break;
		case "r":
			output.text(message.retain ? "1" : "0");
			break;
		case "S":
			printNumber(output, field, properties.subscriptionIdentifier?.[0]);
			break;
		case "t":
			printText(output, field, message.topic);
			break;
		case "U":
			output.text(`${context.time().seconds()}.${context.time().nanoseconds()}`);
			break;
		case "x":
		case "X":
			printHexadecimal(output, field, message);
			break;
		default:
			printFloat(output, field, message, context);
	}
}

function printBlank(output: OutputBuffer, field: Field): void {
	output.fill(field.zero ? ZERO : SPACE, field.width);
}

function printNumber(output: OutputBuffer, field: Field, value: number | undefined): void {
	if (value === undefined) printBlank(output, field);
	else printAligned(output, field, String(value), field.zero && !field.left);
}

function printAligned(output: OutputBuffer, field: Field, text: string, zero: boolean): void {
	const negative = zero && text.startsWith("-");
	const digits = negative ? text.slice(1) : text;
	const missing = field.width - text.length;
	if (negative) output.text("-");
	if (!field.left) output.fill(zero ? ZERO : SPACE, missing);
	output.text(digits);
	if (field.left) output.fill(SPACE, missing);
}

/** Texts are cut to the precision and widened with spaces; both count octets, as in C. */
function printText(output: OutputBuffer, field: Field, text: string): void {
	const bytes = new TextOctets(text);
	const length = field.precision < 0 ? bytes.length : Math.min(field.precision, bytes.length);
	if (!field.left) output.fill(SPACE, field.width - length);
	bytes.print(output, length);
	if (field.left) output.fill(SPACE, field.width - length);
}

/** A text that may have to be cut within its octets. */
class TextOctets {
	private readonly text: string;
	readonly length: number;

	constructor(text: string) {
		this.text = text;
		let length = 0;
		for (const character of text) length += utf8Length(character);
		this.length = length;
	}

	/** Prints whole characters as far as `length` octets reach. */
	print(output: OutputBuffer, length: number): void {
		if (length >= this.length) {
			output.text(this.text);
			return;
		}
		let used = 0;
		let kept = "";
		for (const character of this.text) {
			used += utf8Length(character);
			if (used > length) break;
			kept += character;
		}
		output.text(kept);
	}
}

function utf8Length(character: string): number {
	const code = character.codePointAt(0)!;
	return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

function printPayload(output: OutputBuffer, field: Field, message: Message): void {
	const length = message.payloadEnd - message.payloadStart;
	const shown = field.width > 0 ? Math.min(length, field.width) : length;
	if (!field.left) output.fill(field.zero ? ZERO : SPACE, field.width - shown);
	output.octets(message.payload, message.payloadStart, message.payloadStart + shown);
	if (field.left) output.fill(SPACE, field.width - shown);
}

function printHexadecimal(output: OutputBuffer, field: Field, message: Message): void {
	const length = message.payloadEnd - message.payloadStart;
	const shown = field.width > 0 ? Math.min(length, field.width) : length;
	const padding = Math.max(0, field.width - shown * 2);
	const fill = field.zero ? "0" : " ";
	let digits = field.left ? "" : fill.repeat(padding);
	for (let index = 0; index < shown; index++) {
		digits += message.payload[message.payloadStart + index]!.toString(16).padStart(2, "0");
	}
	if (field.conversion === "X") digits = digits.toUpperCase();
	output.text(field.precision > 0 ? separate(digits, field.precision, field.separator) : digits);
	if (field.left) output.fill(SPACE, padding);
}

function separate(digits: string, group: number, separator: string): string {
	let text = "";
	for (let at = 0; at < digits.length; at += group) {
		text += (at === 0 ? "" : separator) + digits.slice(at, at + group);
	}
	return text;
}

function printFloat(output: OutputBuffer, field: Field, message: Message, context: FormatContext): void {
	const length = message.payloadEnd - message.payloadStart;
	const single = field.conversion === "f";
	if (length !== (single ? 4 : 8)) {
		context.complain(`requested ${single ? "float" : "double"} printing, but other data received`);
		return;
	}
	const view = new DataView(
		message.payload.buffer,
		message.payload.byteOffset + message.payloadStart,
		length,
	);
	const value = single ? view.getFloat32(0, true) : view.getFloat64(0, true);
	const places = Math.min(field.precision < 0 ? 6 : field.precision, 100);
	const finite = Number.isFinite(value);
	const text = finite ? value.toFixed(places) : String(value).toLowerCase().replace("infinity", "inf");
	printAligned(output, field, text, field.zero && !field.left && finite);
}

function printJson(output: OutputBuffer, escaped: boolean, message: Message, context: FormatContext): void {
	const { payload, payloadStart, payloadEnd } = message;
	let json: string | null = "null";
	if (payloadEnd > payloadStart) {
		const text = context.decode(payload, payloadStart, payloadEnd);
		json = escaped ? JSON.stringify(text) : compactJson(text);
	}
	if (json === null) {
		context.complain(`Error: Message payload is not valid JSON on topic ${message.topic}.\n`);
		return;
	}
	const compact = messageJson(
		{
			time: context.time().isoWithMicroseconds(),
			topic: message.topic,
			qos: message.qos,
			retain: message.retain,
			packetId: message.packetId,
			payloadLength: payloadEnd - payloadStart,
			properties: message.properties,
			payload: json,
		},
		(bytes) => context.decode(bytes, 0, bytes.length),
	);
	output.text(context.pretty ? prettyJson(compact) : compact);
}
