// Makes the tarball that OpenWrt's recipe builds from: dist/mqttd-VERSION.tar.xz.
//
//   node scripts/dist.ts BUNDLE QUICKJS [OUT]
//
// BUNDLE is the program as one module for QuickJS, so that building needs no Node; QUICKJS the folder of its sources, of which the
// engine goes along, as OpenWrt packages no library of it. Beside them are the C host, the TypeScript and what is installed.
// The same inputs give the same octets.
//
// Beside the tarball it makes openwrt/, a feed of the recipes that knows the tarball's hash. MQTTD_RELEASE_URL says where the
// tarball will be published; without it the feed takes the one beside it.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { timeOfEntries } from "./ipk.ts";
import { type Entry, writeTar } from "./tar.ts";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");

/** What of the repository goes along. */
const OURS = [
	"CHANGELOG.md",
	"LICENSE",
	"README.md",
	"files",
	"openwrt",
	"scripts/program.sh",
	"src",
	"package.json",
];

/** Sources of the engine: what it includes is among them. */
const ENGINE =
	/^(?:(?:cutils|dtoa|libregexp|libregexp-opcode|libunicode|libunicode-table|list|quickjs|quickjs-atom|quickjs-opcode)\.[ch]|VERSION|LICENSE)$/;

/** The files of a folder, or the file itself. */
function filesOf(path: string): string[] {
	if (statSync(path).isFile()) return [path];
	return readdirSync(path, { withFileTypes: true, recursive: true })
		.filter((entry) => entry.isFile())
		.map((entry) => join(entry.parentPath, entry.name));
}

/** The tarball's entries, sorted. */
function entriesOf(name: string, bundle: string, quickjs: string): Entry[] {
	const files = new Map<string, string>([["bundle/mqttd.js", bundle]]);
	for (const part of OURS) {
		for (const file of filesOf(join(ROOT, part))) files.set(relative(ROOT, file), file);
	}
	for (const file of readdirSync(quickjs).filter((each) => ENGINE.test(each))) {
		files.set(`quickjs/${file}`, join(quickjs, file));
	}
	const entries = new Map<string, Entry>();
	for (const [path, source] of files) {
		for (let folder = dirname(path); folder !== "."; folder = dirname(folder)) {
			entries.set(`${folder}/`, { path: `${name}/${folder}/`, mode: 0o755 });
		}
		const mode = path.endsWith(".sh") ? 0o755 : 0o644;
		entries.set(path, { path: `${name}/${path}`, mode, content: readFileSync(source) });
	}
	const inside = [...entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
	return [{ path: `${name}/`, mode: 0o755 }, ...inside];
}

function main(): void {
	const [bundle, quickjs, given] = process.argv.slice(2);
	if (bundle === undefined || quickjs === undefined) throw new Error("usage: dist.ts BUNDLE QUICKJS [OUT]");
	const version: unknown = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).version;
	const name = `mqttd-${version}`;
	const out = given ?? join(ROOT, "dist", `${name}.tar.xz`);
	const tar = writeTar(entriesOf(name, bundle, quickjs), timeOfEntries());
	const packed = execFileSync("xz", ["-9", "--threads=1", "--stdout"], {
		input: tar,
		maxBuffer: tar.length + 1000,
	});
	writeFileSync(out, packed);
	const hash = createHash("sha256").update(packed).digest("hex");
	writeRecipes(join(dirname(out), "openwrt"), hash);
	process.stdout.write(`${out}: ${packed.length} octets, SHA-256 ${hash}\n`);
}

/** The recipes, for that tarball. */
function writeRecipes(folder: string, hash: string): void {
	rmSync(folder, { recursive: true, force: true });
	cpSync(join(ROOT, "openwrt"), folder, { recursive: true });
	const path = join(folder, "mqttd/Makefile");
	const replaced: [RegExp, string][] = [
		[/^PKG_HASH:=skip$/m, `PKG_HASH:=${hash}`],
		[/^PKG_SOURCE_URL:=.*$/m, `PKG_SOURCE_URL:=${process.env.MQTTD_RELEASE_URL ?? "file://$(CURDIR)/../.."}`],
		[/^# The recipe lies beside .*\n/m, ""],
	];
	let recipe = readFileSync(path, "utf8");
	for (const [pattern, text] of replaced) {
		if (!pattern.test(recipe)) throw new Error(`openwrt/mqttd/Makefile has no ${pattern}`);
		recipe = recipe.replace(pattern, () => text);
	}
	writeFileSync(path, recipe);
}

main();
