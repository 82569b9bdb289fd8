// Normative statements of MQTT ([MQTT-x.y.z-n]) that the sources and the tests name.
//
//   node scripts/statements.ts [--all] [ROOT]
//
// A tag in src stands where a statement is enforced, one in test where it is shown. Prints how many of them there are,
// and with --all each with its places. Exits 1 when src names a statement that no test names, or when a tag is none of
// the specification's. Of 3.1.1 are `3.1.1: [MQTT-3.1.2-22]`, `[MQTT-3.1.2-22] of 3.1.1` and `3.1.1 MQTT-3.1.2-22`.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/** Statements that src names and no test can show, each with the reason. */
export const UNTESTED: Readonly<Record<string, string>> = {};

/** How many statements each section of MQTT 5.0 has: its appendix B, in which 2.2.1-1 is left out. */
const SECTIONS: Readonly<Record<string, number>> = {
	"1.5.4": 3,
	"1.5.5": 1,
	"1.5.7": 1,
	"2.1.3": 1,
	"2.2.1": 6,
	"2.2.2": 1,
	"3.1.0": 2,
	"3.1.2": 30,
	"3.1.3": 12,
	"3.1.4": 6,
	"3.2.0": 2,
	"3.2.2": 22,
	"3.3.1": 13,
	"3.3.2": 20,
	"3.3.4": 10,
	"3.4.2": 3,
	"3.5.2": 3,
	"3.6.1": 1,
	"3.6.2": 3,
	"3.7.2": 3,
	"3.8.1": 1,
	"3.8.3": 5,
	"3.8.4": 8,
	"3.9.2": 2,
	"3.9.3": 2,
	"3.10.1": 1,
	"3.10.3": 2,
	"3.10.4": 6,
	"3.11.2": 2,
	"3.11.3": 2,
	"3.12.4": 1,
	"3.14.0": 1,
	"3.14.1": 1,
	"3.14.2": 4,
	"3.14.4": 3,
	"3.15.1": 1,
	"3.15.2": 3,
	"4.1.0": 2,
	"4.2.0": 1,
	"4.3.1": 1,
	"4.3.2": 5,
	"4.3.3": 13,
	"4.4.0": 2,
	"4.5.0": 2,
	"4.6.0": 6,
	"4.7.0": 1,
	"4.7.1": 2,
	"4.7.2": 1,
	"4.7.3": 4,
	"4.8.2": 6,
	"4.9.0": 3,
	"4.12.0": 7,
	"4.12.1": 2,
	"4.13.1": 1,
	"4.13.2": 1,
	"6.0.0": 4,
};

/** Places (`src/packet/read.ts:12`) by statement (`3.1.2-1` of 5.0, `3.1.1 3.1.2-1` of 3.1.1). */
export type Places = ReadonlyMap<string, readonly string[]>;

// 3.1.1 itself writes one of its tags with two hyphens: [MQTT-3-8.3-4].
const TAG = /(?:\b(3\.1\.1)(?:: \[| ))?\bMQTT-(\d+[.-]\d+\.\d+-\d+)(?:\] of (3\.1\.1)\b)?/g;

/** Finds the tags in texts by path. */
export function findTags(files: Readonly<Record<string, string>>): Places {
	const places = new Map<string, string[]>();
	for (const [path, text] of Object.entries(files)) {
		for (const [at, line] of text.split("\n").entries()) {
			for (const [, before, number = "", after] of line.matchAll(TAG)) {
				const isOld = before !== undefined || after !== undefined || /^\d+-/.test(number);
				const statement = isOld ? `3.1.1 ${number}` : number;
				const list = places.get(statement) ?? [];
				places.set(statement, [...list, `${path}:${at + 1}`]);
			}
		}
	}
	return places;
}

/** Every statement of 5.0. */
function allStatements(): string[] {
	return Object.entries(SECTIONS)
		.flatMap(([section, count]) => Array.from({ length: count }, (_, index) => `${section}-${index + 1}`))
		.filter((statement) => statement !== "2.2.1-1");
}

/** What is wrong, one text each. */
export function findOffences(
	src: Places,
	test: Places,
	untested: Readonly<Record<string, string>> = UNTESTED,
): string[] {
	const offences: string[] = [];
	for (const [statement, [place]] of src) {
		if (test.has(statement) === Object.hasOwn(untested, statement)) {
			const text = test.has(statement) ? "a test names, so it is no exception" : "no test names";
			offences.push(`${place}: statement ${statement}, which ${text}`);
		}
	}
	for (const statement of Object.keys(untested)) {
		if (!src.has(statement)) offences.push(`exception ${statement}: nothing in src names it`);
	}
	const known = new Set(allStatements());
	for (const [statement, [place]] of [...src, ...test]) {
		if (!statement.includes(" ") && !known.has(statement)) {
			offences.push(
				`${place}: MQTT 5.0 has no statement ${statement} (one of 3.1.1 has that number before it)`,
			);
		}
	}
	return offences;
}

/** In the order of the specification: `3.2.0-1` before `3.10.0-1`, 3.1.1 last. */
function sorted(statements: Iterable<string>): string[] {
	const key = (statement: string): string =>
		(statement.includes(" ") ? "~" : "") + statement.replace(/\d+/g, (digits) => digits.padStart(3, "0"));
	return [...statements].sort((one, other) => (key(one) < key(other) ? -1 : 1));
}

/** A row of the table: of chapter 3 the section, which is of one packet; the chapter elsewhere. */
function rowOf(statement: string): string {
	return statement.startsWith("3.") ? statement.split(".", 2).join(".") : (statement.split(".")[0] ?? "");
}

/** The table, and what is named on one side only or nowhere. */
export function report(src: Places, test: Places): string {
	const every = allStatements();
	const is50 = (statement: string): boolean => !statement.includes(" ");
	const count = (name: string, rows: readonly string[]): string[] => {
		const counts = [src, test].map((places) => rows.filter((statement) => places.has(statement)).length);
		return [name, String(rows.length), ...counts.map(String)];
	};
	const seen = sorted(new Set([...every, ...src.keys(), ...test.keys()]));
	const current = seen.filter(is50);
	const cells = [...new Set(current.map(rowOf))].map((name) =>
		count(
			name,
			current.filter((statement) => rowOf(statement) === name),
		),
	);
	cells.push(count("5.0", current));
	cells.push(
		count(
			"3.1.1",
			seen.filter((statement) => !is50(statement)),
		),
	);
	const lines = [["", "all", "src", "test"], ...cells].map(([name = "", ...counts]) =>
		[name.padEnd(8), ...counts.map((count) => count.padStart(5))].join(""),
	);
	const list = (title: string, statements: Iterable<string>): void => {
		const names = sorted(statements);
		lines.push(`${title} (${names.length}): ${names.join(", ") || "none"}`);
	};
	const only = (places: Places, others: Places): string[] =>
		[...places.keys()].filter((statement) => !others.has(statement));
	list("In src, but in no test", only(src, test));
	list("In tests, but not in src", only(test, src));
	list(
		"Of 5.0, named nowhere",
		every.filter((statement) => !src.has(statement) && !test.has(statement)),
	);
	return `${lines.join("\n")}\n`;
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
		for (const statement of sorted(new Set([...src.keys(), ...test.keys()]))) {
			const places = [...(src.get(statement) ?? []), ...(test.get(statement) ?? [])];
			process.stdout.write(`${statement}\n${places.map((place) => `    ${place}\n`).join("")}`);
		}
	}
	process.stdout.write(report(src, test));
	const offences = findOffences(src, test);
	if (src.size === 0 || test.size === 0) offences.push(`no tags below ${root}/src or ${root}/test`);
	for (const offence of offences) process.stderr.write(`${offence}\n`);
	return offences.length > 0 ? 1 : 0;
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
