// Makes the OpenWrt packages that openwrt/mqttd/Makefile describes, without OpenWrt's build system.
//
//   node scripts/ipk.ts [--arch ARCH] [--out FOLDER] [NAME]   builds FOLDER/NAME_VERSION-RELEASE_ARCH.ipk
//   node scripts/ipk.ts --extract IPK FOLDER                  unpacks one: its data into FOLDER, its control files too
//
// NAME is mqttd, which is of dist/ARCH/mqttd, or mqttd-nossl, of dist/ARCH-nossl/mqttd. scripts/luci-ipk.ts makes those of LuCI.
//
// The format is opkg's: a gzip'd tar of debian-binary, data.tar.gz and control.tar.gz. The same inputs give the same
// octets: fixed order, owner and time.

import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gunzipSync, gzipSync } from "node:zlib";
import { expressionOf } from "./licences.ts";
import {
	block,
	installSteps,
	packageFields,
	parseRecipe,
	type Recipe,
	type Step,
	variable,
} from "./recipe.ts";
import { type Entry, type ReadEntry, readTar, writeTar } from "./tar.ts";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");

/** Time of every entry, where SOURCE_DATE_EPOCH does not give one: 2026-01-01. Seconds since 1970. */
const MTIME = 1767225600;

/** What OpenWrt's build gives to every package that has no script of its own. */
export const SCRIPTS: Readonly<Record<string, string>> = {
	postinst: [
		"#!/bin/sh",
		'[ "$IPKG_NO_SCRIPT" = 1 ] && exit 0',
		'[ -s "$IPKG_INSTROOT/lib/functions.sh" ] || exit 0',
		'. "$IPKG_INSTROOT/lib/functions.sh"',
		'default_postinst "$0" "$@"',
		"",
	].join("\n"),
	prerm: [
		"#!/bin/sh",
		'[ -s "$IPKG_INSTROOT/lib/functions.sh" ] || exit 0',
		'. "$IPKG_INSTROOT/lib/functions.sh"',
		'default_prerm "$0" "$@"',
		"",
	].join("\n"),
};

/** Seconds since 1970 that every entry of an archive has. */
export function timeOfEntries(): number {
	const epoch = process.env.SOURCE_DATE_EPOCH;
	const mtime = epoch === undefined ? MTIME : Number(epoch);
	if (!Number.isSafeInteger(mtime) || mtime < 0) throw new Error(`SOURCE_DATE_EPOCH is no time: ${epoch}`);
	return mtime;
}

/** A package in its parts. */
export interface Package {
	readonly control: readonly ReadEntry[];
	readonly data: readonly ReadEntry[];
}

/** As small as the format allows, in some seconds. */
function gzipSmallest(bytes: Uint8Array): Uint8Array {
	const folder = mkdtempSync(join(tmpdir(), "ipk-"));
	const file = join(folder, "data.tar");
	writeFileSync(file, bytes);
	const packed = execFileSync("zopfli", ["-c", file], { maxBuffer: bytes.length + 1000 });
	rmSync(folder, { recursive: true });
	return packed;
}

function gzip(bytes: Uint8Array): Uint8Array {
	const packed = gzipSync(bytes, { level: 9 });
	// The octet that names the operating system: zlib's own choice differs between builds.
	packed[9] = 3;
	return packed;
}

/** Entries of the data archive: every folder on the way, each once, before what is in it; all sorted. */
export function withFolders(files: readonly Entry[]): Entry[] {
	const entries = new Map<string, Entry>();
	for (const entry of files) {
		const parts = entry.path.split("/").slice(0, -1);
		for (let count = 1; count <= parts.length; count++) {
			const folder = `${parts.slice(0, count).join("/")}/`;
			entries.set(folder, { path: folder, mode: 0o755 });
		}
		entries.set(entry.path, entry);
	}
	return [...entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function dataEntries(steps: readonly Step[], recipeFolder: string): Entry[] {
	return withFolders(
		steps.map((step): Entry => {
			if (step.kind === "folder") return { path: `.${step.path}/`, mode: 0o755 };
			if (step.kind === "link") return { path: `.${step.path}`, mode: 0o777, link: step.target };
			const content = readFileSync(resolve(recipeFolder, step.source));
			return { path: `.${step.path}`, mode: step.mode, content };
		}),
	);
}

/** What is to be kept over a system upgrade and is not in the package stands in a list of its own, as with OpenWrt's build. */
function withKept(entries: readonly Entry[], name: string, kept: readonly string[]): Entry[] {
	const content = new TextEncoder().encode(kept.map((path) => `${path}\n`).join(""));
	const list = [
		...["./lib/", "./lib/upgrade/", "./lib/upgrade/keep.d/"].map((path) => ({ path, mode: 0o755 })),
		{ path: `./lib/upgrade/keep.d/${name}`, mode: 0o644, content },
	];
	return [...entries, ...(kept.length === 0 ? [] : list)].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function controlText(
	recipe: Recipe,
	name: string,
	arch: string,
	installedSize: number,
	licence: string,
): string {
	const fields = packageFields(recipe, name);
	const list = (field: string): string => (fields.get(field) ?? "").split(" ").join(", ");
	const description = block(recipe, `Package/${name}/description`).map((line) => ` ${line.trim()}`);
	return [
		`Package: ${name}`,
		`Version: ${variable(recipe, "PKG_VERSION")}-${variable(recipe, "PKG_RELEASE")}`,
		"Depends: libc",
		`Provides: ${list("PROVIDES")}`,
		`Conflicts: ${list("CONFLICTS")}`,
		`Alternatives: ${list("ALTERNATIVES")}`,
		// Not the recipe's: OpenWrt's build links libraries that have packages of their own.
		`License: ${licence}`,
		`Section: ${fields.get("SECTION")}`,
		`Require-User: ${fields.get("USERID")}`,
		`Architecture: ${arch}`,
		`Installed-Size: ${installedSize}`,
		`Maintainer: ${variable(recipe, "PKG_MAINTAINER")}`,
		`Description: ${fields.get("TITLE")}`,
		...description,
		"",
	].join("\n");
}

/** Builds the package `name` in memory, and says what its file is called. `root` is the repository. */
export function buildIpk(
	root: string,
	name: string,
	arch: string,
	mtime: number,
): { file: string; bytes: Uint8Array } {
	const folder = join(root, "openwrt/mqttd");
	const recipe = parseRecipe(readFileSync(join(folder, "Makefile"), "utf8"));
	const version = variable(recipe, "PKG_VERSION");
	const ours: unknown = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version;
	if (version !== ours) throw new Error(`the recipe has version ${version}, package.json ${ours}`);

	const isPlain = packageFields(recipe, name).get("VARIANT") === "nossl";
	const steps = installSteps(recipe, name, {
		MQTTD_BIN: join(root, "dist", isPlain ? `${arch}-nossl` : arch, "mqttd"),
		MQTTD_FILES: join(root, "files"),
	});
	const licence = expressionOf(readFileSync(join(root, "scripts/sources.sh"), "utf8"), !isPlain);
	const kept = block(recipe, `Package/${name}/conffiles`);
	const postinst = block(recipe, `Package/${name}/postinst`);
	const shipped = new Set(steps.flatMap((step) => (step.kind === "file" ? [step.path] : [])));
	const data = withKept(
		dataEntries(steps, folder),
		name,
		kept.filter((path) => !shipped.has(path)),
	);
	const size = data.reduce((total, entry) => total + (entry.content?.length ?? 0), 0);
	const text = (path: string, content: string, mode = 0o644): Entry => ({
		path,
		mode,
		content: new TextEncoder().encode(content),
	});
	const control = [
		{ path: "./", mode: 0o755 },
		text("./conffiles", `${kept.filter((path) => shipped.has(path)).join("\n")}\n`),
		text("./control", controlText(recipe, name, arch, size, licence)),
		...Object.entries(SCRIPTS).map(([script, content]) => text(`./${script}`, content, 0o755)),
		// In a recipe, make takes one of two dollars.
		text("./postinst-pkg", `${postinst.join("\n").replaceAll("$$", "$")}\n`, 0o755),
	];
	return {
		file: `${name}_${version}-${variable(recipe, "PKG_RELEASE")}_${arch}.ipk`,
		bytes: pack(control, data, mtime),
	};
}

/** The octets of a package. */
export function pack(control: readonly Entry[], data: readonly Entry[], mtime: number): Uint8Array {
	const content = (path: string, bytes: Uint8Array): Entry => ({ path, mode: 0o644, content: bytes });
	const parts = [
		content("./debian-binary", new TextEncoder().encode("2.0\n")),
		content("./data.tar.gz", gzipSmallest(writeTar(data, mtime))),
		content("./control.tar.gz", gzip(writeTar(control, mtime))),
	];
	return gzip(writeTar(parts, mtime));
}

/** Reads a package. Throws when it is not one. */
export function readIpk(bytes: Uint8Array): Package {
	const outer = new Map(readTar(gunzipSync(bytes)).map((entry) => [entry.path, entry.content]));
	const inner = (name: string): ReadEntry[] => {
		const content = outer.get(`./${name}`);
		if (content === undefined) throw new Error(`no ${name} in the package`);
		return readTar(gunzipSync(content));
	};
	if (Buffer.from(outer.get("./debian-binary") ?? []).toString() !== "2.0\n") {
		throw new Error("debian-binary is not 2.0");
	}
	return { control: inner("control.tar.gz"), data: inner("data.tar.gz") };
}

/** The links that opkg makes for a package when no other package has them with more right: what each one leads to. */
export function alternativesOf(control: string): { readonly path: string; readonly target: string }[] {
	const field = /^Alternatives: (.*)$/m.exec(control)?.[1] ?? "";
	return field
		.split(", ")
		.filter((each) => each !== "")
		.map((each) => {
			const [, path, target] = /^\d+:(\/[^:]+):(\/[^:]+)$/.exec(each) ?? [];
			if (path === undefined || target === undefined) throw new Error(`this is not an alternative: ${each}`);
			return { path, target };
		});
}

/**
 * Unpacks a package as opkg would: data below `folder`, control files below `folder/usr/lib/opkg/info`, and its alternatives, as
 * links that are also right before the folder is the root.
 */
export function extractIpk(bytes: Uint8Array, folder: string): void {
	const { control, data } = readIpk(bytes);
	const files = control.filter((entry) => entry.content !== undefined);
	const fields = files.find((file) => file.path === "./control")?.content;
	const text = Buffer.from(fields ?? []).toString();
	const name = /^Package: ([a-z0-9-]+)$/m.exec(text)?.[1];
	if (name === undefined) throw new Error("the package has no name");
	const info = `usr/lib/opkg/info/${name}.`;
	for (const entry of [...data, ...files.map((file) => ({ ...file, path: info + file.path.slice(2) }))]) {
		const target = resolve(folder, entry.path);
		if (!`${target}/`.startsWith(`${resolve(folder)}/`))
			throw new Error(`${entry.path} leads out of the folder`);
		mkdirSync(entry.path.endsWith("/") ? target : dirname(target), { recursive: true });
		if (entry.link !== undefined) symlinkSync(entry.link, target);
		else if (entry.content !== undefined) {
			writeFileSync(target, entry.content, { flag: "wx" });
			chmodSync(target, entry.mode);
		}
	}
	for (const { path, target } of alternativesOf(text)) {
		const link = join(folder, path);
		mkdirSync(dirname(link), { recursive: true });
		symlinkSync(relative(dirname(path), target), link);
	}
}

function main(): void {
	const { values, positionals } = parseArgs({
		options: { arch: { type: "string" }, out: { type: "string" }, extract: { type: "boolean" } },
		allowPositionals: true,
	});
	const [ipk, folder] = positionals;
	if (values.extract) {
		if (ipk === undefined || folder === undefined) throw new Error("usage: ipk.ts --extract IPK FOLDER");
		extractIpk(readFileSync(ipk), folder);
		return;
	}
	if (positionals.length > 1) throw new Error("usage: ipk.ts [--arch ARCH] [--out FOLDER] [NAME]");
	const out = values.out ?? join(ROOT, "dist");
	const name = positionals[0] ?? "mqttd";
	const built = buildIpk(ROOT, name, values.arch ?? "mips_24kc", timeOfEntries());
	mkdirSync(out, { recursive: true });
	writeFileSync(join(out, built.file), built.bytes);
	process.stdout.write(`${join(out, built.file)}: ${built.bytes.length} octets\n`);
}

if (import.meta.main) main();
