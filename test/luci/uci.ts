/** rpcd's object `uci`, as far as LuCI needs it: changes are kept apart until they are applied, and then go into the files. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

type Value = string | string[];

interface Section {
	readonly type: string;
	readonly isAnonymous: boolean;
	readonly options: Map<string, Value>;
}

type Sections = Map<string, Section>;

/** ubus status codes. */
const INVALID_ARGUMENT = 2;
const NOT_FOUND = 4;

/** What a method gives: a status, and data. */
export type Answer = readonly [number] | readonly [number, Record<string, unknown>];

export type Params = Readonly<Record<string, unknown>>;

/** Reads a UCI file: as much of the format as its own files have. Throws for anything else. */
export function readUci(text: string): Sections {
	const sections: Sections = new Map();
	let current: Section | null = null;
	for (const line of text.split("\n")) {
		const words = [...line.matchAll(/'([^']*)'|"([^"]*)"|([^\s'"#]+)|#.*/g)]
			.filter(([all]) => !all.startsWith("#"))
			.map(([, single, double, bare]) => single ?? double ?? bare ?? "");
		const [keyword, name, value] = words;
		if (keyword === undefined) continue;
		if (keyword === "config" && name !== undefined) {
			current = { type: name, isAnonymous: value === undefined, options: new Map() };
			sections.set(value ?? `cfg${(sections.size + 1).toString(16).padStart(6, "0")}`, current);
		} else if (
			(keyword === "option" || keyword === "list") &&
			current !== null &&
			name &&
			value !== undefined
		) {
			const before = current.options.get(name);
			current.options.set(name, keyword === "list" ? [...[before ?? []].flat(), value] : value);
		} else throw new Error(`not a line of UCI: ${line}`);
	}
	return sections;
}

/** The text of a UCI file. */
export function writeUci(sections: Sections): string {
	const lines: string[] = [];
	for (const [name, { type, isAnonymous, options }] of sections) {
		lines.push("", isAnonymous ? `config ${type}` : `config ${type} '${name}'`);
		for (const [option, value] of options) {
			for (const each of [value].flat()) {
				if (/['\n]/.test(each)) throw new Error(`${option}: a value that this writer does not know`);
				lines.push(`\t${Array.isArray(value) ? "list" : "option"} ${option} '${each}'`);
			}
		}
	}
	return `${lines.join("\n")}\n`;
}

function copy(sections: Sections): Sections {
	return new Map(
		[...sections].map(([name, section]) => [name, { ...section, options: new Map(section.options) }]),
	);
}

export class Uci {
	readonly folder: string;
	private readonly committed = new Map<string, Sections>();
	private readonly staged = new Map<string, Sections>();
	private readonly onApply: (config: string) => Promise<void>;

	/** `files` are configurations by name; `onApply` is told of each that has changed. */
	constructor(
		folder: string,
		files: Readonly<Record<string, string>>,
		onApply: (config: string) => Promise<void>,
	) {
		this.folder = folder;
		this.onApply = onApply;
		mkdirSync(folder, { recursive: true });
		for (const [name, text] of Object.entries(files)) {
			writeFileSync(join(folder, name), text);
			this.committed.set(name, readUci(text));
		}
	}

	/** The text of a file as it stands. */
	text(config: string): string {
		return readFileSync(join(this.folder, config), "utf8");
	}

	/** Takes over what others have written into the file. */
	reread(config: string): void {
		this.committed.set(config, readUci(this.text(config)));
	}

	async call(method: string, params: Params): Promise<Answer> {
		if (method === "apply") return this.apply();
		if (method === "confirm") return [0];
		const config = String(params.config);
		const sections = this.staged.get(config) ?? this.committed.get(config);
		if (sections === undefined) return [NOT_FOUND];
		if (method === "get") return [0, { values: values(sections) }];
		const changed = copy(sections);
		const status = change(changed, method, params);
		if (typeof status === "number") return [status];
		this.staged.set(config, changed);
		return [0, status];
	}

	private async apply(): Promise<Answer> {
		const changed = [...this.staged];
		this.staged.clear();
		for (const [config, sections] of changed) {
			writeFileSync(join(this.folder, config), writeUci(sections));
			await this.onApply(config);
			this.reread(config);
		}
		return [0];
	}
}

function values(sections: Sections): Record<string, unknown> {
	const entries = [...sections].map(([name, { type, isAnonymous, options }], index) => [
		name,
		{
			".name": name,
			".type": type,
			".anonymous": isAnonymous,
			".index": index,
			...Object.fromEntries(options),
		},
	]);
	return Object.fromEntries(entries);
}

function isValue(value: unknown): value is Value {
	return (
		typeof value === "string" || (Array.isArray(value) && value.every((each) => typeof each === "string"))
	);
}

/** Changes sections in place; a status other than 0, or what is answered. */
function change(sections: Sections, method: string, params: Params): number | Record<string, unknown> {
	const { section: name, type, options, values: given = {} } = params;
	const entries = Object.entries(given as object);
	if (!entries.every(([, value]) => isValue(value))) return INVALID_ARGUMENT;
	if (method === "add") {
		const id =
			typeof params.name === "string"
				? params.name
				: `cfg${Date.now().toString(16).slice(-4)}${sections.size}`;
		if (sections.has(id) || typeof type !== "string") return INVALID_ARGUMENT;
		sections.set(id, { type, isAnonymous: params.name === undefined, options: new Map(entries) });
		return { section: id };
	}
	const section = sections.get(String(name));
	if (section === undefined) return NOT_FOUND;
	if (method === "set") for (const [option, value] of entries) section.options.set(option, value as Value);
	else if (method === "delete") {
		if (options === undefined) sections.delete(String(name));
		else for (const option of options as string[]) section.options.delete(option);
	} else return 3;
	return {};
}
