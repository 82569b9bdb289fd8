/** The syntax of UCI files (`/etc/config/NAME`), as OpenWrt's libuci reads it. */

import type { HostError } from "../host/host.ts";
import { ConfigError, fail } from "./error.ts";
import type { ConfigHost } from "./text-file.ts";

/** Octets; more than any such file, and little enough to hold. */
const FILE_LIMIT = 1024 * 1024;
/** A broker that has given up root and is signalled by somebody else than its init script meets this. */
const FORBIDDEN =
	"Error: uci gives the file to root alone at each commit; /etc/init.d/mqttd reload gives it to the broker again.";
/** Sections in a file at most. */
const SECTION_LIMIT = 10_000;

/** One value, and where it stands. */
export interface UciValue {
	readonly text: string;
	/** From 1. */
	readonly line: number;
	/** From where to where it is written, quotes included: places in the file's text. */
	readonly start: number;
	readonly end: number;
}

/** `option NAME VALUE`, or `list NAME VALUE` once for each value. */
export interface UciOption {
	readonly name: string;
	readonly isList: boolean;
	/** At least one; none of them is empty. */
	readonly values: readonly UciValue[];
}

/** `config TYPE [NAME]` and what follows it. */
export interface UciSection {
	readonly type: string;
	/** Null for an anonymous one. */
	readonly name: string | null;
	readonly line: number;
	/** By name, in the order of the file. */
	readonly options: ReadonlyMap<string, UciOption>;
}

export interface UciFile {
	readonly text: string;
	readonly sections: readonly UciSection[];
}

const NAME = /^[A-Za-z0-9_]+$/;
/** Names of options that mosquitto's package asks for, although libuci refuses them (`ciphers_tls1.3`). */
export const LAX_NAME = /^[A-Za-z0-9_.]+$/;

/** Reads a file, with names of sections and options such as `name`. Throws ConfigError. */
export function readUciFile(host: Pick<ConfigHost, "files" | "utf8">, path: string, name = NAME): UciFile {
	let bytes: Uint8Array;
	try {
		bytes = host.files.read(path, FILE_LIMIT);
	} catch (error) {
		const { code, message } = error as HostError;
		const lines = [`Error: Unable to open config file '${path}' (${message}).`];
		if (code === "EACCES") lines.push(FORBIDDEN);
		throw new ConfigError(lines);
	}
	const text = host.utf8.decode(bytes, 0, bytes.length);
	if (text === null) return fail(`Error: The config file '${path}' is not UTF-8.`);
	return { text, sections: new Parser(path, text, name).read() };
}

interface Word {
	readonly text: string;
	readonly start: number;
	readonly end: number;
	readonly line: number;
}

interface OpenSection extends UciSection {
	readonly options: Map<string, UciOption>;
}

const BLANK = " \t\r\v\f";

class Parser {
	private readonly path: string;
	private readonly text: string;
	private readonly nameForm: RegExp;
	private at = 0;
	private line = 1;
	private readonly sections: OpenSection[] = [];
	private readonly named = new Map<string, OpenSection>();
	private section: OpenSection | null = null;

	constructor(path: string, text: string, nameForm: RegExp) {
		this.path = path;
		this.text = text;
		this.nameForm = nameForm;
	}

	read(): UciSection[] {
		while (this.at < this.text.length) {
			this.statement();
			if (this.text[this.at] === "\n") this.line++;
			this.at++;
		}
		return this.sections;
	}

	private fail(what: string, line = this.line): never {
		throw new ConfigError([`Error: ${what}.`, `Error found at ${this.path}:${line}.`]);
	}

	/** Up to the end of the line, or a semicolon. */
	private statement(): void {
		const command = this.word();
		if (command === null) return;
		const words: Word[] = [];
		for (let word = this.word(); word !== null; word = this.word()) words.push(word);
		switch (command.text) {
			case "package":
			case "p":
				if (words.length !== 1) this.fail("'package' takes a name", command.line);
				return;
			case "config":
			case "c":
				this.begin(command, words);
				return;
			case "option":
			case "o":
				this.set(command, words, false);
				return;
			case "list":
			case "l":
				this.set(command, words, true);
				return;
			default:
				this.fail(`'${command.text}' is none of config, option and list`, command.line);
		}
	}

	private begin({ line }: Word, [type, name, more]: Word[]): void {
		if (type === undefined || type.text === "" || more !== undefined) {
			this.fail("'config' takes a type and perhaps a name", line);
		}
		if (!/^[!-~]+$/.test(type.text)) this.fail(`'${type.text}' is not a type of a section`, line);
		const known = name === undefined || name.text === "" ? undefined : this.named.get(name.text);
		if (known !== undefined) {
			if (known.type !== type.text) {
				this.fail(`there is a section '${name?.text}' of another type already`, line);
			}
			this.section = known;
			return;
		}
		if (this.sections.length === SECTION_LIMIT) this.fail("there are too many sections", line);
		const section: OpenSection = {
			type: type.text,
			name: name === undefined || name.text === "" ? null : name.text,
			line,
			options: new Map(),
		};
		if (section.name !== null) {
			this.checkName(section.name, line);
			this.named.set(section.name, section);
		}
		this.sections.push(section);
		this.section = section;
	}

	private set({ text: command, line }: Word, [name, value, more]: Word[], isList: boolean): void {
		if (this.section === null) this.fail(`'${command}' stands before the first section`, line);
		if (name === undefined || name.text === "" || more !== undefined) {
			this.fail(`'${command}' takes a name and one value (in quotes, if it has blanks)`, line);
		}
		this.checkName(name.text, line);
		const { options } = this.section;
		const before = options.get(name.text);
		if (value === undefined || value.text === "") {
			// An option without a value is one that is not there; to a list it adds nothing.
			if (!isList) options.delete(name.text);
			return;
		}
		const values = isList && before !== undefined ? [...before.values, value] : [value];
		options.set(name.text, { name: name.text, isList, values });
	}

	private checkName(name: string, line: number): void {
		if (!this.nameForm.test(name)) this.fail(`'${name}' is not a name: letters, digits and _`, line);
	}

	/** The next word of the statement; null at its end. */
	private word(): Word | null {
		this.skipBlanks();
		const first = this.text[this.at];
		if (first === undefined || first === "\n" || first === ";") return null;
		if (first === "#") {
			this.skipComment();
			return null;
		}
		const { at: start, line } = this;
		let text = "";
		for (let next = this.text[this.at]; next !== undefined; next = this.text[this.at]) {
			if (next === "'") text += this.quoted();
			else if (next === '"') text += this.doubleQuoted();
			else if (next === "\\") text += this.escaped();
			else if (next === "\n" || next === ";" || next === "#" || BLANK.includes(next)) break;
			else {
				text += next;
				this.at++;
			}
		}
		return { text, start, end: this.at, line };
	}

	private skipBlanks(): void {
		for (let next = this.text[this.at]; next !== undefined; next = this.text[this.at]) {
			if (next === "\\" && this.endsLine(this.at + 1)) this.escaped();
			else if (BLANK.includes(next)) this.at++;
			else return;
		}
	}

	private skipComment(): void {
		const end = this.text.indexOf("\n", this.at);
		this.at = end < 0 ? this.text.length : end;
	}

	private endsLine(at: number): boolean {
		return at >= this.text.length || this.text[at] === "\n" || this.text.startsWith("\r\n", at);
	}

	/** What a backslash stands for: the character after it, or nothing at the end of a line, which then goes on. */
	private escaped(): string {
		this.at++;
		if (!this.endsLine(this.at)) return this.text[this.at++] ?? "";
		if (this.text[this.at] === "\r") this.at++;
		if (this.text[this.at] === "\n") {
			this.at++;
			this.line++;
		}
		return "";
	}

	private quoted(): string {
		const { line, at } = this;
		const end = this.text.indexOf("'", at + 1);
		if (end < 0) this.fail("the quotation mark ' is not closed", line);
		const text = this.text.slice(at + 1, end);
		for (const character of text) if (character === "\n") this.line++;
		this.at = end + 1;
		return text;
	}

	private doubleQuoted(): string {
		const { line } = this;
		this.at++;
		let text = "";
		for (let next = this.text[this.at]; next !== '"'; next = this.text[this.at]) {
			if (next === undefined) this.fail('the quotation mark " is not closed', line);
			if (next === "\\") text += this.escaped();
			else {
				if (next === "\n") this.line++;
				text += next;
				this.at++;
			}
		}
		this.at++;
		return text;
	}
}

/** A value as it may stand in a file. */
export function quoteUci(text: string): string {
	return `'${text.replaceAll("'", "'\\''")}'`;
}
