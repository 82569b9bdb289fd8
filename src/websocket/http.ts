/** The heads of HTTP/1.1 requests and answers (RFC 9112), as much of them as a handshake and a few files need; strict. */

import type { Utf8 } from "../host/host.ts";

/** Octets of a head, and headers in it, at most. */
export const HEAD_LIMIT = 8192;
const HEADER_COUNT_LIMIT = 64;

const LF = 10;
const CR = 13;

/** A request, or an answer, that is refused: the status and what to say about it. */
export class HttpError extends Error {
	readonly status: number;

	constructor(status: number, message: string) {
		super(message);
		this.name = "HttpError";
		this.status = status;
	}
}

/** Headers by their names in lower case; the values of one that is repeated are joined with commas. */
export type Headers = ReadonlyMap<string, string>;

export interface Request {
	readonly method: string;
	/** Path and query as they stand there: begins with a slash; printable ASCII. */
	readonly target: string;
	readonly headers: Headers;
}

/** Finds the end of a head in input that grows. */
export class HeadReader {
	/** Octets of the input that were looked at. */
	private seen = 0;
	/** Where the line begins that is not ended yet, from the beginning of the input. */
	private lineStart = 0;

	/**
	 * Length of the head at `bytes[start, end)`, its empty line included; 0 when there is more to come. To be called with the
	 * same input, and more, until there is one. Throws an HttpError when it is too long.
	 */
	find(bytes: Uint8Array, start: number, end: number): number {
		for (;;) {
			const newline = bytes.subarray(start, Math.min(end, start + HEAD_LIMIT)).indexOf(LF, this.seen);
			if (newline < 0) {
				this.seen = end - start;
				if (this.seen >= HEAD_LIMIT) throw new HttpError(431, "a head of more than 8192 octets");
				return 0;
			}
			const length = newline - this.lineStart;
			this.seen = newline + 1;
			this.lineStart = newline + 1;
			if (length === 0 || (length === 1 && bytes[start + newline - 1] === CR)) return newline + 1;
		}
	}
}

// Each can be matched in one go through the text, whatever it is.
const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\/[\x21-\x7e]*) HTTP\/1\.([01])$/;
const STATUS_LINE = /^HTTP\/1\.[01] ([1-5][0-9][0-9])(?: .*)?$/;
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\uffff]*$/;

/** Headers that may come once only. */
const SINGLE: readonly string[] = [
	"host",
	"origin",
	"authorization",
	"sec-websocket-key",
	"sec-websocket-version",
];

/** Reads a request's head, `bytes[start, end)`. Throws an HttpError. */
export function readRequest(
	bytes: Uint8Array,
	start: number,
	end: number,
	utf8: Pick<Utf8, "decode">,
): Request {
	const lines = linesOf(bytes, start, end, utf8);
	const match = REQUEST_LINE.exec(lines[0] ?? "");
	if (match === null) throw new HttpError(400, "no HTTP/1.1 request");
	const [, method = "", target = "", minor] = match;
	const headers = readHeaders(lines);
	if (minor === "1" && !headers.has("host")) throw new HttpError(400, "no Host");
	// WebSocket wants HTTP/1.1 (RFC 6455, section 4.2.1), and what 1.0 says of upgrades is passed over (RFC 9110, section 7.8).
	if (minor === "0") headers.delete("upgrade");
	return { method, target, headers };
}

/** Reads the head of an answer: its status, and its headers. Throws an HttpError. */
export function readAnswer(
	bytes: Uint8Array,
	start: number,
	end: number,
	utf8: Pick<Utf8, "decode">,
): { status: number; headers: Headers } {
	const lines = linesOf(bytes, start, end, utf8);
	const match = STATUS_LINE.exec(lines[0] ?? "");
	if (match === null) throw new HttpError(502, "no HTTP/1.1 answer");
	return { status: Number(match[1]), headers: readHeaders(lines) };
}

/** The lines of a head without their ends, and without the empty one. */
function linesOf(bytes: Uint8Array, start: number, end: number, utf8: Pick<Utf8, "decode">): string[] {
	const text = utf8.decode(bytes, start, end);
	if (text === null || !text.endsWith("\r\n\r\n")) throw new HttpError(400, "a malformed head");
	return text.slice(0, -4).split("\r\n");
}

function readHeaders(lines: readonly string[]): Map<string, string> {
	const headers = new Map<string, string>();
	if (lines.length - 1 > HEADER_COUNT_LIMIT) throw new HttpError(431, "more than 64 headers");
	for (let index = 1; index < lines.length; index++) {
		const line = lines[index]!;
		const colon = line.indexOf(":");
		const written = line.slice(0, colon);
		const value = trimmed(line, colon + 1);
		if (colon < 0 || !NAME.test(written) || !VALUE.test(value))
			throw new HttpError(400, "a malformed header");
		const name = written.toLowerCase();
		const before = headers.get(name);
		if (before !== undefined && SINGLE.includes(name)) throw new HttpError(400, `more than one ${written}`);
		headers.set(name, before === undefined ? value : `${before}, ${value}`);
	}
	return headers;
}

/** The text from `start`, without the blanks around it. */
function trimmed(text: string, start: number): string {
	let from = start;
	let to = text.length;
	while (from < to && isBlank(text.charCodeAt(from))) from++;
	while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
	return text.slice(from, to);
}

function isBlank(code: number): boolean {
	return code === 0x20 || code === 0x09;
}

/** The words of a header that is a list, without the blanks around them. */
export function listOf(value: string | undefined): string[] {
	return (value ?? "")
		.split(",")
		.map((word) => word.trim())
		.filter((word) => word !== "");
}

const REASONS: Readonly<Record<number, string>> = {
	101: "Switching Protocols",
	200: "OK",
	301: "Moved Permanently",
	304: "Not Modified",
	400: "Bad Request",
	401: "Unauthorized",
	403: "Forbidden",
	404: "Not Found",
	405: "Method Not Allowed",
	408: "Request Timeout",
	413: "Content Too Large",
	426: "Upgrade Required",
	431: "Request Header Fields Too Large",
	500: "Internal Server Error",
	503: "Service Unavailable",
};

/** The head of an answer; `headers` in their order. */
export function answerHead(status: number, headers: readonly (readonly [string, string])[]): string {
	const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
	return `HTTP/1.1 ${status} ${REASONS[status] ?? "Error"}\r\n${lines}\r\n`;
}
