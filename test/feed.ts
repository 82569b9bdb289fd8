// Looks at a feed as a router would: its signature by signify, the index by what it says of each file, and each program, installed,
// as a broker and clients on its processor, under qemu.
//
//   node test/feed.ts [FOLDER]       (default: dist/feed; `make feed` does this when it has made it)

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { extractIpk } from "../scripts/ipk.ts";

/** What runs the programs of each architecture on a processor that its routers have. */
const PROCESSORS: Readonly<Record<string, readonly string[]>> = {
	mips_24kc: ["qemu-mips-static", "-cpu", "24Kc"],
	mipsel_24kc: ["qemu-mipsel-static", "-cpu", "24Kc"],
	"arm_cortex-a7_neon-vfpv4": ["qemu-arm-static", "-cpu", "cortex-a7"],
	"aarch64_cortex-a53": ["qemu-aarch64-static", "-cpu", "cortex-a53"],
	x86_64: ["qemu-x86_64-static"],
};

/** Entries of an index, as fields by name. */
function entriesOf(index: string): Map<string, string>[] {
	return index
		.trimEnd()
		.split("\n\n")
		.map(
			(entry) =>
				new Map([...entry.matchAll(/^([A-Za-z0-9-]+): (.*)$/gm)].map(([, key, value]) => [key!, value!])),
		);
}

/** A broker of the program publishes what its own client is given, to another one. */
async function serve(command: readonly string[]): Promise<void> {
	const [program, ...args] = command;
	assert.ok(program !== undefined);
	const broker = spawn(program, [...args, "-p", "auto"], { stdio: ["ignore", "ignore", "pipe"] });
	try {
		let said = "";
		for await (const text of broker.stderr) {
			said += String(text);
			if (/ running$/m.test(said)) break;
		}
		const port = /Opening ipv4 listen socket on port ([0-9]+)\./.exec(said)?.[1];
		assert.ok(port !== undefined, said);
		const to = ["-h", "127.0.0.1", "-p", port, "-t", "room/light"];
		execFileSync(program, [...args, "pub", ...to, "-q", "1", "-r", "-m", "on"]);
		const heard = execFileSync(program, [...args, "sub", ...to, "-C", "1", "-v"], { encoding: "utf8" });
		assert.equal(heard, "room/light on\n");
	} finally {
		const ended = once(broker, "exit");
		broker.kill();
		await ended;
	}
}

async function lookAt(feed: string, arch: string, key: string): Promise<void> {
	const processor = PROCESSORS[arch];
	assert.ok(processor !== undefined, `no processor is known for ${arch}`);
	const folder = join(feed, arch);
	const index = join(folder, "Packages");
	execFileSync("signify-openbsd", ["-V", "-q", "-p", key, "-x", `${index}.sig`, "-m", index]);
	assert.deepEqual(gunzipSync(readFileSync(`${index}.gz`)), readFileSync(index));
	const entries = entriesOf(readFileSync(index, "utf8"));
	assert.deepEqual(entries.map((entry) => entry.get("Package")).sort(), [
		"luci-app-mqttd",
		"luci-i18n-mqttd-zh-tw",
		"mqttd",
		"mqttd-nossl",
	]);
	for (const entry of entries) {
		const bytes = readFileSync(join(folder, entry.get("Filename") ?? ""));
		assert.equal(entry.get("Size"), String(bytes.length));
		assert.equal(entry.get("SHA256sum"), createHash("sha256").update(bytes).digest("hex"));
		if (entry.get("Architecture") === "all") continue;
		assert.equal(entry.get("Architecture"), arch);
		const root = mkdtempSync(join(tmpdir(), "mqttd-feed-"));
		try {
			extractIpk(bytes, root);
			await serve([...processor, join(root, "usr/sbin/mqttd")]);
		} finally {
			rmSync(root, { recursive: true });
		}
		process.stdout.write(`${arch}: ${entry.get("Package")}: ${bytes.length} octets, serves\n`);
	}
}

const feed = process.argv[2] ?? fileURLToPath(new URL("../dist/feed", import.meta.url));
const names = readdirSync(feed).sort();
const archs = names.filter((name) => name in PROCESSORS);
// The file that is left is the public key.
const [key, ...more] = names.filter((name) => !(name in PROCESSORS) && name !== "licences.txt");
assert.ok(
	key !== undefined && more.length === 0 && archs.length > 0 && names.includes("licences.txt"),
	`this is not a feed: ${names.join(" ")}`,
);
for (const arch of archs) await lookAt(feed, arch, join(feed, key));
