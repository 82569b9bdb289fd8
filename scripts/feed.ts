// Makes an opkg feed of packages that have been built: for each architecture a folder with its packages, and with Packages,
// Packages.gz and Packages.sig, which usign verifies.
//
//   node scripts/feed.ts [--out FOLDER] ARCH...      of dist/ARCH/mqttd and dist/ARCH-nossl/mqttd (default out: dist/feed)
//
// The key is the file that MQTTD_FEED_KEY names (a secret key as `usign -G -s` writes it); without it, dist/feed.sec, which is made
// when it is not there. The public key lies in the feed under its fingerprint, the name that /etc/opkg/keys wants.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { buildIpk, readIpk, timeOfEntries } from "./ipk.ts";
import { noticesOf } from "./licences.ts";
import { buildLuci, type PackageFile } from "./luci-ipk.ts";
import { newKey, readKey, type SigningKey, signMessage } from "./usign.ts";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");

/** The entry of a package in the index: its control file, with what only the index knows before the description. */
function entryOf({ file, bytes }: PackageFile): string {
	const control = readIpk(bytes).control.find(({ path }) => path === "./control")?.content;
	const text = Buffer.from(control ?? []).toString();
	const at = text.indexOf("Description: ");
	if (at < 0) throw new Error(`${file} has no description`);
	const facts = [
		`Filename: ${file}`,
		`Size: ${bytes.length}`,
		`SHA256sum: ${createHash("sha256").update(bytes).digest("hex")}`,
	];
	return `${text.slice(0, at)}${facts.join("\n")}\n${text.slice(at)}`;
}

/** The index of packages, sorted by their names. */
export function indexOf(packages: readonly PackageFile[]): string {
	const sorted = [...packages].sort((a, b) => (a.file < b.file ? -1 : 1));
	return `${sorted.map(entryOf).join("\n")}\n`;
}

/** Writes the feed of one architecture. */
export function writeFeed(folder: string, packages: readonly PackageFile[], key: SigningKey): void {
	rmSync(folder, { recursive: true, force: true });
	mkdirSync(folder, { recursive: true });
	for (const { file, bytes } of packages) writeFileSync(join(folder, file), bytes);
	const index = Buffer.from(indexOf(packages));
	writeFileSync(join(folder, "Packages"), index);
	const packed = gzipSync(index, { level: 9 });
	packed[9] = 3;
	writeFileSync(join(folder, "Packages.gz"), packed);
	writeFileSync(join(folder, "Packages.sig"), signMessage(key, index));
}

/** The key to sign with. */
export function feedKey(path: string | undefined, fallback: string): SigningKey {
	if (path !== undefined) return readKey(readFileSync(path, "utf8"));
	if (existsSync(fallback)) return readKey(readFileSync(fallback, "utf8"));
	const key = newKey("mqttd feed");
	mkdirSync(dirname(fallback), { recursive: true });
	writeFileSync(fallback, key.secret, { mode: 0o600 });
	return key;
}

function main(): void {
	const { values, positionals } = parseArgs({ options: { out: { type: "string" } }, allowPositionals: true });
	if (positionals.length === 0) throw new Error("usage: feed.ts [--out FOLDER] ARCH...");
	const out = values.out ?? join(ROOT, "dist/feed");
	const key = feedKey(process.env.MQTTD_FEED_KEY, join(ROOT, "dist/feed.sec"));
	const mtime = timeOfEntries();
	const luci = buildLuci(mtime);
	for (const arch of positionals) {
		const packages = ["mqttd", "mqttd-nossl"].map((name) => buildIpk(ROOT, name, arch, mtime));
		writeFeed(join(out, arch), [...packages, ...luci], key);
	}
	writeFileSync(join(out, key.fingerprint), key.public);
	writeFileSync(join(out, "licences.txt"), noticesOf(ROOT));
	process.stdout.write(`${out}: ${positionals.join(", ")}, signed by key ${key.fingerprint}\n`);
}

if (import.meta.main) main();
