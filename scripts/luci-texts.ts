// The texts of luci-app-mqttd that are translated: the template po/templates/mqttd.pot, and the catalogues of languages.
//
//   node scripts/luci-texts.ts             writes the template, and into the catalogues what they lack, to be translated
//   node scripts/luci-texts.ts --check     exits 1 when it does, or when a catalogue is not complete

import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const SCRIPT = "scripts/luci-texts.ts";
/** Where the package is. */
export const LUCI_APP = join(ROOT, "openwrt/luci-app-mqttd");
const TEMPLATE = "po/templates/mqttd.pot";

/** Text by text; the empty one, which is the catalogue's head, is left out. */
export type Catalogue = ReadonlyMap<string, string>;

/** A literal of JavaScript, in quotation marks, as text. */
function unquote(literal: string): string {
	return literal
		.slice(1, -1)
		.replace(/\\(.)/g, (_all, character: string) => (character === "n" ? "\n" : character));
}

/** What a script gives to `_()`. Throws where that is no literal, as nobody could find it. */
export function textsOfScript(path: string, source: string): string[] {
	const texts: string[] = [];
	for (const { index } of source.matchAll(/(?<![\w$.])_\(/g)) {
		const match = /^_\(\s*('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")\s*\)/.exec(source.slice(index));
		const line = source.slice(0, index).split("\n").length;
		if (match?.[1] === undefined) throw new Error(`${path}:${line}: _() takes one text in quotation marks`);
		texts.push(unquote(match[1]));
	}
	return texts;
}

/** Titles of the menu, descriptions of access groups. */
function textsOfJson(source: string): string[] {
	const entries = Object.values(
		JSON.parse(source) as Record<string, { title?: string; description?: string }>,
	);
	return entries
		.flatMap(({ title, description }) => [title, description])
		.filter((text) => text !== undefined);
}

/** All texts, each with the files that it is in. */
export function collect(folder: string): Map<string, Set<string>> {
	const found = new Map<string, Set<string>>();
	const files = globSync(
		["htdocs/**/*.js", "root/usr/share/luci/menu.d/*.json", "root/usr/share/rpcd/acl.d/*.json"],
		{
			cwd: folder,
		},
	).sort();
	for (const path of files) {
		const source = readFileSync(join(folder, path), "utf8");
		const texts = path.endsWith(".js") ? textsOfScript(path, source) : textsOfJson(source);
		for (const text of texts) found.set(text, (found.get(text) ?? new Set()).add(path));
	}
	return found;
}

function quote(text: string): string {
	return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}

/** The template. */
export function templateText(folder: string): string {
	const entries = [...collect(folder)].sort(([a], [b]) => (a < b ? -1 : 1));
	const head = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8"\n';
	const texts = entries.map(([text, files]) => {
		const places = [...files].sort().map((path) => `#: applications/luci-app-mqttd/${path}\n`);
		return `${places.join("")}msgid ${quote(text)}\nmsgstr ""\n`;
	});
	return [head, ...texts].join("\n");
}

/** A catalogue with all texts of the template, in its order: those that are new without a translation. */
function completed(folder: string, language: string, catalogue: Catalogue): string {
	const head = `msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Language: ${language}\\n"\n`;
	const texts = [...collect(folder).keys()].sort((a, b) => (a < b ? -1 : 1));
	return [
		head,
		...texts.map((text) => `msgid ${quote(text)}\nmsgstr ${quote(catalogue.get(text) ?? "")}\n`),
	].join("\n");
}

/** Reads a catalogue, or a template. Throws for a line that is none. */
export function readCatalogue(source: string): Catalogue {
	const texts = new Map<string, string>();
	const entry = { msgid: "", msgstr: "" };
	let field: keyof typeof entry = "msgstr";
	const finish = (): void => {
		if (entry.msgid !== "") texts.set(entry.msgid, entry.msgstr);
		Object.assign(entry, { msgid: "", msgstr: "" });
	};
	for (const [index, line] of source.split("\n").entries()) {
		if (line === "" || line.startsWith("#")) continue;
		const match = /^(?:(msgid|msgstr) )?("(?:[^"\\]|\\.)*")$/.exec(line);
		if (match?.[2] === undefined) throw new Error(`line ${index + 1}: ${line}`);
		if (match[1] === "msgid") finish();
		if (match[1] !== undefined) field = match[1] as keyof typeof entry;
		entry[field] += unquote(match[2]);
	}
	finish();
	return texts;
}

/** The conversions in a text, sorted: a translation has the same, in the same order, as LuCI's format has no positions. */
function conversions(text: string): string {
	return (text.match(/%[0-9.]*[a-zA-Z]/g) ?? []).join(" ");
}

/** What is wrong with a catalogue. */
export function faults(template: Iterable<string>, catalogue: Catalogue): string[] {
	const wanted = new Set(template);
	const found: string[] = [];
	for (const text of wanted) {
		const translation = catalogue.get(text) ?? "";
		if (translation === "") found.push(`no translation of "${text}"`);
		else if (conversions(text) !== conversions(translation))
			found.push(`other conversions than in "${text}"`);
	}
	for (const text of catalogue.keys()) if (!wanted.has(text)) found.push(`no such text: "${text}"`);
	return found;
}

/** Catalogues by language, as LuCI's folders name it. */
export function catalogues(folder: string): Map<string, Catalogue> {
	const files = globSync("po/*/mqttd.po", { cwd: folder }).sort();
	return new Map(
		files.map((path) => [path.split("/")[1]!, readCatalogue(readFileSync(join(folder, path), "utf8"))]),
	);
}

function check(): string[] {
	const wrong: string[] = [];
	if (readFileSync(join(LUCI_APP, TEMPLATE), "utf8") !== templateText(LUCI_APP)) {
		wrong.push(`${TEMPLATE} differs from the pages' texts: run ${SCRIPT}`);
	}
	const languages = catalogues(LUCI_APP);
	if (!languages.has("zh_Hant")) wrong.push("there is no catalogue of zh_Hant");
	for (const [language, catalogue] of languages) {
		for (const fault of faults(collect(LUCI_APP).keys(), catalogue))
			wrong.push(`po/${language}/mqttd.po: ${fault}`);
	}
	return wrong;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	if (process.argv.includes("--check")) {
		const wrong = check();
		for (const text of wrong) process.stderr.write(`${text}\n`);
		process.exitCode = wrong.length === 0 ? 0 : 1;
	} else {
		writeFileSync(join(LUCI_APP, TEMPLATE), templateText(LUCI_APP));
		for (const [language, catalogue] of catalogues(LUCI_APP)) {
			const path = `po/${language}/mqttd.po`;
			writeFileSync(join(LUCI_APP, path), completed(LUCI_APP, language, catalogue));
		}
		for (const text of check()) process.stderr.write(`${text}\n`);
	}
}
