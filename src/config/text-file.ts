/** Files of lines that a configuration names: passwords, access rights, keys. */

import type { Files, HostError, Process, Utf8 } from "../host/host.ts";
import type { Remark } from "./config.ts";
import { fail } from "./error.ts";

/** What readers of files need of their host. */
export interface ConfigHost {
	readonly files: Pick<Files, "read" | "list" | "info">;
	readonly utf8: Pick<Utf8, "decode">;
	readonly process: Pick<Process, "uid" | "env">;
}

/** Octets; more than any such file, and little enough to hold. */
const FILE_LIMIT = 4 * 1024 * 1024;

/** A line that says something: neither empty nor a comment. */
export interface Line {
	/** From 1. */
	readonly number: number;
	readonly text: string;
}

/** Remarks about lines of one file at most: one line each in the log, and a file may be wrong from end to end. */
const MAXIMUM_REMARKS = 100;
/** Characters of a remark, and of something in the file that one repeats. */
const MAXIMUM_LENGTH = 400;
const MAXIMUM_QUOTE = 100;

/** What there is to say about a file. */
export class FileRemarks {
	/** For the owner. */
	readonly all: Remark[] = [];
	private readonly path: string;
	private more = 0;

	constructor(path: string) {
		this.path = path;
	}

	/** Says something about a line, in a sentence without its full stop. */
	add(type: "error" | "warning", line: number, text: string): void {
		this.push(type, `${type === "error" ? "Error" : "Warning"}: ${this.path}:${line}: ${text}.`);
	}

	/** Says something in words of its own. */
	push(type: "error" | "warning", text: string): void {
		if (this.all.length < MAXIMUM_REMARKS) this.all.push({ type, text: shortened(text, MAXIMUM_LENGTH) });
		else this.more++;
	}

	/** To be called after the last line. */
	end(): void {
		if (this.more === 0) return;
		const text = `Warning: ${this.path}: there is more to be said, ${this.more} times.`;
		this.all.push({ type: "warning", text });
	}
}

/** Something from a file for a message, not longer than a message should be. */
export function quote(text: string): string {
	return `'${shortened(text, MAXIMUM_QUOTE)}'`;
}

function shortened(text: string, maximum: number): string {
	return text.length <= maximum ? text : `${text.slice(0, maximum)}...`;
}

/**
 * The lines of a file that `what` names in errors. Throws ConfigError, also for a file with secrets that everybody can read.
 * Remarks on who else can.
 */
export function readLines(
	host: ConfigHost,
	path: string,
	what: string,
	remarks: Remark[],
	hasSecrets = true,
): Iterable<Line> {
	const bytes = load(host, path, what);
	if (hasSecrets) refuseReadable(host, path);
	remarkOnPermissions(host, path, what, remarks);
	const text = host.utf8.decode(bytes, 0, bytes.length);
	if (text === null) fail(`Error: The ${what} '${path}' is not UTF-8.`);
	return linesOf(text);
}

/** One after another, as all of them at once may take many times the file's size. */
function* linesOf(text: string): Iterable<Line> {
	let start = text.startsWith("\ufeff") ? 1 : 0;
	for (let number = 1; start < text.length; number++) {
		const found = text.indexOf("\n", start);
		const end = found < 0 ? text.length : found;
		let last = end;
		while (last > start && isBlank(text.charCodeAt(last - 1))) last--;
		if (last > start && text.charCodeAt(start) !== HASH) yield { number, text: text.slice(start, last) };
		start = end + 1;
	}
}

const HASH = 0x23;

/** Carriage return, tab, space. */
function isBlank(code: number): boolean {
	return code === 0x20 || code === 0x09 || code === 0x0d;
}

function load(host: ConfigHost, path: string, what: string): Uint8Array {
	try {
		return host.files.read(path, FILE_LIMIT);
	} catch (error) {
		return fail(`Error: Unable to open ${what} "${path}" (${(error as HostError).message}).`);
	}
}

/** What others may do with a file at all. */
const OTHERS = 0o007;
/** Environment variables that allow what is refused else; the first is mosquitto's. */
const ALLOW_LINKS = "MOSQUITTO_UNSAFE_ALLOW_SYMLINKS";
const ALLOW_READABLE = "MQTTD_UNSAFE_ALLOW_WORLD_READABLE";

/** Refuses a file with secrets that everybody can read: what mosquitto announces when it warns. Throws ConfigError. */
export function refuseReadable(
	{ files, process }: Pick<ConfigHost, "files" | "process">,
	path: string,
): void {
	const info = files.info(path, true);
	if (info === null || (info.mode & OTHERS) === 0 || process.env(ALLOW_READABLE) !== undefined) return;
	fail(
		`Error: File ${path} has world readable permissions, and is refused. To fix this, use \`chmod o= ${path}\`.`,
	);
}

/** In mosquitto's words; as there, a link is refused, so that nobody else says what is read. */
function remarkOnPermissions(
	{ files, process }: ConfigHost,
	path: string,
	what: string,
	remarks: Remark[],
): void {
	const isLink = files.info(path)?.kind === "link";
	if (isLink && process.env(ALLOW_LINKS) === undefined) {
		fail(`Error: Unable to open ${what} "${path}" (it is a symbolic link; ${ALLOW_LINKS} allows that).`);
	}
	const info = files.info(path, true);
	const warn = (text: string) => remarks.push({ type: "warning", text: `Warning: ${text}` });
	const future = "Future versions will refuse to load this file.";
	if (info === null) return;
	if ((info.mode & OTHERS) !== 0) {
		warn(`File ${path} has world readable permissions. ${future} To fix this, use \`chmod o= ${path}\`.`);
	} else if (info.owner !== process.uid && process.uid !== 0) {
		warn(`File ${path} owner is not the user that the broker runs as. ${future}`);
	}
}
