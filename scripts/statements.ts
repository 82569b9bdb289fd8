// The normative statements of MQTT ([MQTT-x.y.z-n]): where each is enforced, and where it is shown.
//
//   node scripts/statements.ts [--all] [ROOT]
//
// A tag in src stands where a statement is enforced, one in test where it is shown. Of 3.1.1 are
// `3.1.1: [MQTT-3.1.2-22]` and what follows it after a comma, `[MQTT-3.1.2-22] of 3.1.1` and `3.1.1 MQTT-3.1.2-22`;
// others are of 5.0. Prints a line for each statement of both with the first place on each side; with --all every
// place. Exits 1 when a statement that concerns a server lacks either and is no exception, when an exception is not
// needed, or when a tag is none of the specification's.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Role, STATEMENTS_3_1_1, STATEMENTS_5, type Statement } from "./statements-table.ts";

/** Statements that concern a server and lack a place in src or in test, each with the reason. */
export const EXCEPTIONS: Readonly<Record<string, string>> = {
	"3.1.1 7.0.0-1": "there are no bridges yet",
};

/** Places (`src/packet/read.ts:12`) by statement (`3.1.2-1` of 5.0, `3.1.1 3.1.2-1` of 3.1.1). */
export type Places = ReadonlyMap<string, readonly string[]>;

// 3.1.1 itself writes one of its tags with two hyphens: [MQTT-3-8.3-4].
// Several of 3.1.1 in a row need to say so but once: `3.1.1: [MQTT-3.1.2-22], [MQTT-3.1.2-23]`.
const TAG = /(?:\b(3\.1\.1)(?:: \[| ))?\bMQTT-(\d+[.-]\d+\.\d+-\d+)(?:\] of (3\.1\.1)\b)?/g;
const ROW = /\b3\.1\.1: \[MQTT-[\d.-]+\](?:, \[MQTT-[\d.-]+\])+/g;

/** Finds the tags in texts by path. */
export function findTags(files: Readonly<Record<string, string>>): Places {
	const places = new Map<string, string[]>();
	for (const [path, text] of Object.entries(files)) {
		for (const [at, line] of text.split("\n").entries()) {
			const single = line.replace(ROW, (row) => row.replaceAll(", [", ", 3.1.1: ["));
			for (const [, before, number = "", after] of single.matchAll(TAG)) {
				const isOld = before !== undefined || after !== undefined || /^\d+-/.test(number);
				const statement = isOld ? `3.1.1 ${number.replace(/^(\d+)-/, "$1.")}` : number;
				const list = places.get(statement) ?? [];
				places.set(statement, [...list, `${path}:${at + 1}`]);
			}
		}
	}
	return places;
}

/** A statement by its name here, as in `Places`. */
interface Known {
	readonly name: string;
	readonly role: Role;
	readonly about: string;
}

function named(statements: readonly Statement[], prefix: string): Known[] {
	return statements.map(([number, role, about]) => ({ name: prefix + number, role, about }));
}

const CURRENT = named(STATEMENTS_5, "");
const OLD = named(STATEMENTS_3_1_1, "3.1.1 ");
const ALL: readonly Known[] = [...CURRENT, ...OLD];

/** The places that count for whom the statement concerns: what our client does is no server's doing. */
function placesFor({ name, role }: Known, places: Places): readonly string[] {
	const all = places.get(name) ?? [];
	return role === "client" ? all : all.filter((place) => !/^(src|test\/unit)\/client\//.test(place));
}

/** What is wrong, one text each. */
export function findOffences(
	src: Places,
	test: Places,
	exceptions: Readonly<Record<string, string>> = EXCEPTIONS,
): string[] {
	const offences: string[] = [];
	for (const statement of ALL) {
		const { name, role } = statement;
		const isException = Object.hasOwn(exceptions, name);
		const enforced = role === "client" || placesFor(statement, src).length > 0;
		const tested = role === "client" || placesFor(statement, test).length > 0;
		if (enforced && tested) {
			if (isException)
				offences.push(
					`statement ${name}: src and test name it, so that it needs no exception in scripts/statements.ts`,
				);
		} else if (!isException) {
			offences.push(
				`statement ${name}: ${enforced ? "no test names it" : "nothing in src that a server runs names it"}`,
			);
		}
	}
	const known = new Set(ALL.map(({ name }) => name));
	for (const name of Object.keys(exceptions)) {
		if (!known.has(name)) offences.push(`exception ${name}: there is no such statement`);
	}
	for (const [name, [place]] of [...src, ...test]) {
		if (!known.has(name)) {
			const version = name.includes(" ") ? "3.1.1" : "5.0";
			const hint = version === "5.0" ? " (one of 3.1.1 has that number before it)" : "";
			offences.push(`${place}: MQTT ${version} has no statement ${name.replace("3.1.1 ", "")}${hint}`);
		}
	}
	return offences;
}

/** "broker/client.ts:12 +3" of the places below `folder`; "-" for none. */
function brief(places: readonly string[], folder: string): string {
	const [first, ...more] = places;
	if (first === undefined) return "-";
	return first.replace(`${folder}/`, "") + (more.length === 0 ? "" : ` +${more.length}`);
}

/** A line for each statement of one specification, then how many there are. */
function table(
	title: string,
	statements: readonly Known[],
	src: Places,
	test: Places,
	exceptions: Readonly<Record<string, string>>,
): string[] {
	const rows = [["", "concerns", "what it is about", "src/", "test/"]];
	let server = 0;
	let excepted = 0;
	for (const statement of statements) {
		const { name, role, about } = statement;
		const reason = exceptions[name];
		if (role !== "client") server++;
		if (reason !== undefined) excepted++;
		rows.push([
			name.replace("3.1.1 ", ""),
			role,
			about,
			brief(placesFor(statement, src), "src"),
			brief(placesFor(statement, test), "test") + (reason === undefined ? "" : `  exception: ${reason}`),
		]);
	}
	const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
	const lines = rows.map((row) =>
		row
			.map((cell, column) => cell.padEnd(widths[column]!))
			.join("  ")
			.trimEnd(),
	);
	const count = (places: Places): number =>
		statements.filter((each) => each.role !== "client" && placesFor(each, places).length > 0).length;
	return [
		title,
		...lines,
		`${title}: ${statements.length} statements, ${server} concern a server; of these ${count(src)} are enforced, ` +
			`${count(test)} tested, ${excepted} exceptions`,
	];
}

/** Every statement of both specifications. */
export function report(
	src: Places,
	test: Places,
	exceptions: Readonly<Record<string, string>> = EXCEPTIONS,
): string {
	const current = table("MQTT 5.0", CURRENT, src, test, exceptions);
	return `${[...current, "", ...table("MQTT 3.1.1", OLD, src, test, exceptions)].join("\n")}\n`;
}

/** Reads the files below ROOT/`folder` that can have tags; `except`: paths that only look so. */
function readTexts(root: string, folder: string, except: readonly string[]): Record<string, string> {
	const entries = readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile() && /\.(ts|json|c|h)$/.test(entry.name))
		.map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"))
		.filter((path) => !except.includes(path))
		.sort()
		.map((path) => [path, readFileSync(join(root, path), "utf8")]);
	return Object.fromEntries(entries);
}

function main(args: string[]): number {
	const { values, positionals } = parseArgs({
		args,
		options: { all: { type: "boolean", default: false } },
		allowPositionals: true,
	});
	const root = positionals[0] ?? join(dirname(fileURLToPath(import.meta.url)), "..");
	const src = findTags(readTexts(root, "src", []));
	const test = findTags(readTexts(root, "test", ["test/unit/scripts/statements.test.ts"]));
	if (values.all) {
		for (const { name } of ALL) {
			const places = [...(src.get(name) ?? []), ...(test.get(name) ?? [])];
			process.stdout.write(`${name}\n${places.map((place) => `    ${place}\n`).join("")}`);
		}
	}
	process.stdout.write(report(src, test));
	const offences = findOffences(src, test);
	for (const offence of offences) process.stderr.write(`${offence}\n`);
	return offences.length > 0 ? 1 : 0;
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
