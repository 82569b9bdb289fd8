// The import check: holds the table of who may import whom, and finds import cycles.
//
//   node scripts/imports.ts [ROOT]      prints each offence as FILE:LINE: text, exits 1 when there is one
//
// The table is the architecture: a folder that needs another one gets it passed in by src/bin, or the table changes
// in a commit that says why.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** What one folder of src may import. */
interface Rule {
	/** Folders of src, beside itself. */
	readonly folders: readonly string[];
	/** Folders of which only types may be imported (`import type`), which leaves nothing at run time. */
	readonly types?: readonly string[];
	/** Matches what may be imported that is not a file of ours. */
	readonly outside?: RegExp;
}

/** The table. A folder that is not in it must not exist. */
export const RULES: Readonly<Record<string, Rule>> = {
	packet: { folders: [] },
	host: { folders: [] },
	// It tells the store of each change, and holds back what depends on its being written.
	broker: { folders: ["packet", "host", "store"], types: ["config"] },
	client: { folders: ["packet", "host"], types: ["config"] },
	bridge: { folders: ["client", "broker", "host"], types: ["config"] },
	store: { folders: ["packet", "host"], types: ["config"] },
	websocket: { folders: ["host"] },
	// What a listener does before the broker sees a client.
	listener: { folders: ["websocket", "host"] },
	config: { folders: ["host"] },
	ubus: { folders: ["host"], types: ["config"] },
	tools: { folders: ["client", "config", "host"] },
	node: { folders: ["host"], outside: /^node:/ },
	// `native` is the module of the C host.
	qjs: { folders: ["host"], outside: /^native$/ },
};

/** Folders of platform code; of src/bin only the entry of the same name imports one. */
const HOSTS = ["node", "qjs"];

/** One import or re-export of a file. */
export interface Import {
	readonly specifier: string;
	/** Counted from 1. */
	readonly line: number;
	/** True for `import type` and `export type`: nothing of it is left at run time. */
	readonly typeOnly: boolean;
}

/** A source file: its path from the root with forward slashes (`src/packet/decode.ts`), and its imports. */
export interface SourceFile {
	readonly path: string;
	readonly imports: readonly Import[];
}

// Statements begin at the start of a line (the formatter sees to it); import() and require() may stand anywhere.
const STATEMENT =
	/^(?:import|export)\s+(type\s+)?(?:[\w$*{][^;'"`]*?\bfrom\s*)?(["'])([^"'\n]+)\2|\b(?:import|require)\(\s*(["'])([^"'\n]+)\4/gm;

/** Finds the imports and re-exports in the text of a TypeScript file. */
export function findImports(text: string): Import[] {
	const code = blankComments(text);
	const imports: Import[] = [];
	for (const match of code.matchAll(STATEMENT)) {
		const specifier = match[3] ?? match[5] ?? "";
		const line = code.slice(0, match.index).split("\n").length;
		imports.push({ specifier, line, typeOnly: match[1] !== undefined });
	}
	return imports;
}

/** Replaces comments by spaces, so that lines keep their numbers. Strings are skipped: they may hold `//`. */
function blankComments(text: string): string {
	return text.replace(
		/"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g,
		(token) => (token.startsWith("/") ? token.replace(/[^\n]/g, " ") : token),
	);
}

/** The folder of src that a path belongs to (`src/qjs/c/x.ts` → `qjs`); undefined outside of src. */
function folderOf(path: string): string | undefined {
	const parts = path.split("/");
	return parts[0] === "src" && parts.length > 2 ? parts[1] : undefined;
}

/** Checks files against the table. Returns one text for each offence, in the order of the files. */
export function checkRules(files: readonly SourceFile[]): string[] {
	const offences: string[] = [];
	const known = new Set(files.map((file) => file.path));
	for (const file of files) {
		const folder = folderOf(file.path);
		if (folder === undefined || (folder !== "bin" && RULES[folder] === undefined)) {
			offences.push(`${file.path}:1: no row of the import table covers this file`);
			continue;
		}
		for (const item of file.imports) {
			const text = checkImport(file.path, folder, item, known);
			if (text !== undefined) offences.push(`${file.path}:${item.line}: ${text}`);
		}
	}
	return offences;
}

function checkImport(path: string, folder: string, item: Import, known: Set<string>): string | undefined {
	const { specifier } = item;
	if (!specifier.startsWith(".")) {
		const host = folder === "bin" ? binHost(path) : folder;
		const outside = host === undefined ? undefined : RULES[host]?.outside;
		return outside?.test(specifier) ? undefined : `${folder} must not import "${specifier}"`;
	}
	const target = resolve(path, specifier);
	if (!known.has(target)) return `"${specifier}" is no TypeScript file of src`;
	const to = folderOf(target);
	if (to === undefined) return `"${specifier}" is outside of src's folders`;
	if (to === folder) return undefined;
	if (folder === "bin") {
		return HOSTS.includes(to) && to !== binHost(path) ? `only src/bin/${to}.ts imports src/${to}` : undefined;
	}
	const rule = RULES[folder];
	if (rule?.folders.includes(to)) return undefined;
	if (rule?.types?.includes(to)) {
		return item.typeOnly ? undefined : `${folder} may import only types of ${to} ("${specifier}")`;
	}
	return `${folder} must not import ${to} ("${specifier}")`;
}

/** The host that an entry in src/bin is for: `src/bin/node.ts` → `node`. */
function binHost(path: string): string | undefined {
	return HOSTS.find((host) => path === `src/bin/${host}.ts`);
}

function resolve(from: string, specifier: string): string {
	return normalize(join(dirname(from), specifier))
		.split(sep)
		.join("/");
}

/**
 * Finds cycles of imports that are left at run time. Returns each cycle as its paths, first one repeated at the end;
 * each strongly connected group of files is reported once.
 */
export function findCycles(files: readonly SourceFile[]): string[][] {
	const edges = new Map(
		files.map((file) => [
			file.path,
			file.imports
				.filter((item) => !item.typeOnly && item.specifier.startsWith("."))
				.map((item) => resolve(file.path, item.specifier)),
		]),
	);
	const cycles: string[][] = [];
	const done = new Set<string>();
	const visit = (path: string, trail: string[]): void => {
		const start = trail.indexOf(path);
		if (start >= 0) {
			cycles.push([...trail.slice(start), path]);
			return;
		}
		if (done.has(path)) return;
		for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
		done.add(path);
	};
	for (const file of files) visit(file.path, []);
	return cycles;
}

/** Reads every TypeScript file below ROOT/src. */
export function readSources(root: string): SourceFile[] {
	return readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
		.map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"))
		.sort()
		.map((path) => ({ path, imports: findImports(readFileSync(join(root, path), "utf8")) }));
}

function main(root: string): number {
	const files = readSources(root);
	const offences = checkRules(files);
	for (const cycle of findCycles(files)) offences.push(`${cycle[0]}:1: import cycle: ${cycle.join(" → ")}`);
	for (const offence of offences) process.stderr.write(`${offence}\n`);
	if (files.length === 0) process.stderr.write(`imports: no TypeScript file below ${root}/src\n`);
	else if (offences.length === 0) process.stdout.write(`imports: ${files.length} files keep the table\n`);
	return files.length === 0 || offences.length > 0 ? 1 : 0;
}

if (import.meta.main) {
	process.exitCode = main(process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), ".."));
}
