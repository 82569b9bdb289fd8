// Writes what is generated from the option table (src/config): the option reference and the sample configuration.
//
//   node scripts/options.ts             writes the files that differ
//   node scripts/options.ts --check     names the files that differ and exits 1 when there is one

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Option, Scope } from "../src/config/option.ts";
import { GROUPS, OPTIONS } from "../src/config/options.ts";
import { uciFormOf } from "../src/config/read-uci.ts";
import { type Reload, reloadOf } from "../src/config/reloads.ts";
import { SECTION_DOCS, SECTIONS, type SectionType, uciNames, uciOnly } from "../src/config/uci-options.ts";
import { formOf } from "../src/config/value.ts";
import { versionsOf } from "../src/config/versions.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const SCRIPT = "scripts/options.ts";
const WIDTH = 110;

/** Where an option may stand, for people. */
const SCOPES: Readonly<Record<Scope, string>> = {
	global: "broker",
	security: "broker, or listener",
	listener: "listener",
	"default-listener": "listener, or default",
	bridge: "bridge",
	plugin: "plugin",
};

/** What a reload does with it, for people. */
const RELOADS: Readonly<Record<Reload, string>> = { all: "yes", new: "new clients", no: "no" };

/** What holds when nothing is said, as it would be written; null when there is no such line. */
function defaultOf({ default: byDefault, type }: Pick<Option, "default" | "type">): string | null {
	if (typeof byDefault === "boolean" || typeof byDefault === "number") return String(byDefault);
	if (byDefault === null && type.kind === "integer" && type.min === -1) return "-1";
	return typeof byDefault === "string" && type.kind !== "integer" ? byDefault : null;
}

/** Whether it is honoured; what holds anyway may always be asked for. */
function stateOf({ state, default: byDefault, type }: Option): string {
	if (state === "honoured") return "honoured";
	const held = defaultOf({ default: byDefault, type });
	const unless = held === null ? "" : `, but for \`${held}\``;
	return state === "refused" ? `**refused**${unless}` : `**no effect**${unless}`;
}

/** What it does, why it does not, and what is said of it. */
function meaningOf({ doc, reason, note }: Option): string {
	const why = reason === "" ? "" : ` ${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`;
	return `${doc}${why}${note === null ? "" : ` ${note}`}`;
}

function versionText(name: string): string {
	const { since, until, isOurs } = versionsOf(name);
	if (isOurs) return "none: ours";
	if (until !== null) return since === null ? `to ${until}` : `${since} to ${until}`;
	return since === null ? "all" : `from ${since}`;
}

/** One for all names of an option, or one for each. */
function versionCell({ name, aliases }: Option): string {
	const names = [name, ...aliases];
	const texts = new Set(names.map(versionText));
	if (texts.size === 1) return versionText(name);
	return names.map((each) => `\`${each}\` ${versionText(each)}`).join(", ");
}

function row(option: Option): string {
	const names = [option.name, ...option.aliases].map((name) => `\`${name}\``).join(", ");
	const byDefault = defaultOf(option);
	const reload = reloadOf(option);
	const cells = [
		names,
		formOf(option.type),
		byDefault === null ? "" : `\`${byDefault}\``,
		SCOPES[option.scope],
		versionCell(option),
		stateOf(option),
		reload === null ? "" : RELOADS[reload],
		meaningOf(option),
	];
	return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

/** The option reference. */
export function reference(): string {
	const lines = [
		"# Options of mqttd",
		"",
		`<!-- Made from the option table in src/config by ${SCRIPT}: changes here are lost. -->`,
		"",
		"The configuration file is mosquitto's (version 2.1): one option in each line, its value after a space; a line that",
		"begins with `#` is a comment. An option that is refused ends the start (and `--test-config`) with an error, as",
		"running without it would not be what was asked for; one without effect draws a warning.",
		"",
		"What an option belongs to:",
		"",
		"- broker: the whole broker, wherever it stands;",
		"- listener: the `listener` before it in the same file, which must be there;",
		"- listener, or default: the same, or without one the listener on port 1883, which then comes to be;",
		"- broker, or listener: the broker; with `per_listener_settings true` the listener before it, which must be there;",
		"- bridge, plugin: the `connection`, or the `plugin`, before it.",
		"",
		"What a reload (SIGHUP) changes: `yes` for everybody; `new clients` for those that connect from then on; `no` nothing,",
		"that takes a restart. A reload that fails changes nothing at all. Files that options name are read anew.",
		"",
		"The versions are those of mosquitto that have the option; `all` counts from 1.4.",
		"",
		...GROUPS.map(({ title }) => `- [${title}](#${anchor(title)})`),
	];
	for (const { title, options } of GROUPS) {
		lines.push("", `## ${title}`, "");
		lines.push(
			"| option | value | default | of | mosquitto | state | reloaded | meaning |",
			"| --- | --- | --- | --- | --- | --- | --- | --- |",
		);
		lines.push(...options.map(row));
	}
	return `${lines.join("\n")}\n`;
}

/** Options of mosquitto.conf that stand in a section of UCI, with the names that they have there. */
export function uciRows(section: SectionType): { readonly name: string; readonly option: Option }[] {
	return OPTIONS.flatMap((option) => {
		const found = uciNames(option).find((each) => each.section === section);
		return found === undefined ? [] : [{ name: found.name, option }];
	});
}

/** What holds when nothing is said, as UCI would have it. */
function uciDefault(option: Option): string {
	const held = defaultOf(option);
	if (held === null) return "";
	return `\`${held === "true" ? "1" : held === "false" ? "0" : held}\``;
}

function uciCells(cells: readonly string[]): string {
	return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

/** The reference of UCI. */
export function uciReference(): string {
	const lines = [
		"# mqttd in UCI",
		"",
		`<!-- Made from the option table in src/config by ${SCRIPT}: changes here are lost. -->`,
		"",
		"`/etc/config/mqttd` is read by `mqttd --uci mqttd`, which `/etc/init.d/mqttd` starts. Its options are those of the",
		"[configuration file](options.md), where each is told of at length. A section that is switched off with `enabled 0`",
		"is passed over, once its names are right; an option or a section that there is none of is an error.",
		"",
		...SECTIONS.map((section) => `- [${section}](#${section})`),
	];
	for (const section of SECTIONS) {
		lines.push("", `## ${section}`, "", SECTION_DOCS[section], "");
		lines.push(
			"| | name | value | default | in mosquitto.conf | meaning |",
			"| --- | --- | --- | --- | --- | --- |",
		);
		for (const own of uciOnly(section)) {
			const byDefault = own.default === null ? "" : `\`${own.default}\``;
			lines.push(
				uciCells([
					own.isList ? "list" : "option",
					`\`${own.name}\``,
					uciFormOf(own.type),
					byDefault,
					"",
					own.doc,
				]),
			);
		}
		for (const { name, option } of uciRows(section)) {
			const kind = option.repeats ? "list" : "option";
			const state = option.state === "honoured" || section === "bridge" ? "" : ` (${stateOf(option)})`;
			lines.push(
				uciCells([
					kind,
					`\`${name}\``,
					uciFormOf(option.type),
					uciDefault(option),
					`\`${option.name}\``,
					`${option.doc}${state}`,
				]),
			);
		}
	}
	return `${lines.join("\n")}\n`;
}

/** What a heading is linked by. */
function anchor(title: string): string {
	return title.toLowerCase().replaceAll(" ", "-").replaceAll(",", "");
}

/** The line of an option in the sample, without `#`. Throws when the table has nothing to show. */
export function sampleLine(option: Option): string {
	const value = option.example ?? defaultOf(option);
	if (value === null) throw new Error(`${option.name} has neither a default nor an example`);
	return `${option.name} ${value}`;
}

/** Options that the sample shows: those that have an effect, and are not of old. */
export function sampleOptions(): Option[] {
	return OPTIONS.filter(inSample);
}

function inSample({ name, state, note }: Option): boolean {
	return state === "honoured" && note === null && !name.endsWith("*");
}

function comment(text: string): string[] {
	const lines: string[] = [];
	let line = "#";
	for (const word of text.split(" ")) {
		if (line.length + 1 + word.length > WIDTH) {
			lines.push(line);
			line = "#";
		}
		line += ` ${word}`;
	}
	return [...lines, line];
}

/** The sample configuration: all commented out. */
export function sample(): string {
	const lines = [
		"# Configuration of mqttd: the format and the options of mosquitto.conf.",
		"#",
		...comment(
			"An option stands at the beginning of a line, its value after it. As this file is, mqttd listens on port 1883 of this machine only and takes anonymous clients. Each option is shown with its default, or with an example.",
		),
	];
	for (const { title, options } of GROUPS) {
		const shown = options.filter(inSample);
		if (shown.length === 0) continue;
		lines.push("", `# ---- ${title} ----`);
		for (const option of shown) lines.push("", ...comment(option.doc), `#${sampleLine(option)}`);
	}
	return `${lines.join("\n")}\n`;
}

/** What is generated, by path from the root. */
export const GENERATED: Readonly<Record<string, () => string>> = {
	"files/usr/share/doc/mqttd/options.md": reference,
	"files/usr/share/doc/mqttd/uci.md": uciReference,
	"files/etc/mqttd/mqttd.conf": sample,
};

/** Paths below `root` that differ from what the table says. */
export function differing(root: string): string[] {
	return Object.entries(GENERATED)
		.filter(([path, make]) => {
			try {
				return readFileSync(join(root, path), "utf8") !== make();
			} catch (error) {
				if ((error as NodeJS.ErrnoException).code === "ENOENT") return true;
				throw error;
			}
		})
		.map(([path]) => path);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const paths = differing(ROOT);
	if (process.argv.includes("--check")) {
		for (const path of paths) process.stderr.write(`${path} differs from the option table: run ${SCRIPT}\n`);
		process.exitCode = paths.length === 0 ? 0 : 1;
	} else {
		for (const path of paths) writeFileSync(join(ROOT, path), GENERATED[path]!());
	}
}
