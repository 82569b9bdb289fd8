/**
 * `mqttd migrate`: ten configurations of mosquitto's OpenWrt package. The same clients get in, are kept out, and are heard at
 * mosquitto with the file that its init script makes, and at ours with what the migration made.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { pbkdf2Sync } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { makeCertificates } from "../certificates.ts";
import { ACL_FILE, MIGRATIONS, type MigrationCase, type Probe } from "../vectors/migration.ts";
import { builtPrograms, commandOf, run, temporaryFolder } from "./harness.ts";
import type { Trial } from "./migration-child.ts";

const MOSQUITTO = fileURLToPath(new URL("../../.cache/mosquitto/usr/sbin/mosquitto", import.meta.url));
const CHILD = fileURLToPath(new URL("./migration-child.ts", import.meta.url));
const PORTS = [1883, 8883, 8884];

/** Ports and the folder filled in. */
function filled(text: string, folder: string): string {
	return text
		.replaceAll(/PORT([1-3])/g, (_, index) => String(PORTS[Number(index) - 1]))
		.replaceAll("DIR", folder);
}

/** As mosquitto_passwd of every version has it. */
function passwordLine(name: string, password: string): string {
	const salt = Buffer.from("twelve bytes");
	const hash = pbkdf2Sync(password, salt, 101, 64, "sha512");
	return `${name}:$7$101$${salt.toString("base64")}$${hash.toString("base64")}\n`;
}

/** Passwords, rules and certificates that the cases name. */
function prepareFolder(context: TestContext): string {
	const folder = temporaryFolder(context);
	makeCertificates(folder, { ann: "/CN=ann" });
	writeFileSync(join(folder, "acl"), ACL_FILE);
	const users = Object.entries({ ann: "secret-a", bob: "secret-b" });
	// The init script sees to it that nobody else may read them.
	writeFileSync(
		join(folder, "passwd"),
		users.map(([name, password]) => passwordLine(name, password)).join(""),
		{ mode: 0o600 },
	);
	return folder;
}

/** Brokers one after the other, with their clients, in a network of their own. */
async function tryAll(trials: readonly Trial[]): Promise<{ outcomes: Probe["outcome"][]; log: string }[]> {
	const child = spawn("unshare", ["--net", process.execPath, CHILD], { stdio: ["pipe", "pipe", "inherit"] });
	child.stdin.end(JSON.stringify(trials));
	let text = "";
	child.stdout.on("data", (piece: Buffer) => {
		text += piece.toString();
	});
	const [code] = (await once(child, "close")) as [number];
	assert.equal(code, 0);
	return JSON.parse(text);
}

function expected({ probes }: MigrationCase): string[] {
	return probes.map(({ outcome }) => outcome);
}

test("there are ten", () => {
	assert.equal(MIGRATIONS.length, 10);
	assert.equal(new Set(MIGRATIONS.map(({ name }) => name)).size, 10);
});

test("at Debian's mosquitto, with the file that OpenWrt's init script makes", async (context) => {
	const folder = prepareFolder(context);
	const results = await tryAll(
		MIGRATIONS.map(({ conf, probes }, index) => {
			const path = join(folder, `${index}.conf`);
			// As root it may read the files.
			writeFileSync(path, `${filled(conf, folder)}user root\n`);
			return { command: [MOSQUITTO, "-v", "-c", path], ports: PORTS, folder, probes };
		}),
	);
	for (const [index, each] of MIGRATIONS.entries()) {
		assert.deepEqual(results[index]?.outcomes, expected(each), `${each.name}\n${results[index]?.log}`);
	}
});

for (const program of builtPrograms()) {
	describe(`migrated, on ${program.name}`, () => {
		test("the same clients succeed and fail", async (context) => {
			const folder = prepareFolder(context);
			const trials: Trial[] = [];
			for (const [index, { name, uci, probes, says = [] }] of MIGRATIONS.entries()) {
				const root = join(folder, `root${index}`);
				mkdirSync(join(root, "etc/config"), { recursive: true });
				mkdirSync(join(root, "etc/mqttd"));
				const before = filled(uci, folder);
				writeFileSync(join(root, "etc/config/mosquitto"), before);
				const { code, stdout, stderr } = await run(program, ["migrate", "--root", root]);
				assert.equal(code, 0, `${name}\n${stderr}`);
				assert.equal(readFileSync(join(root, "etc/config/mosquitto"), "utf8"), before);
				assert.equal(readFileSync(join(root, "etc/mqttd/migration.txt"), "utf8"), stdout);
				for (const sentence of says) assert.ok(stdout.includes(sentence), `${name}: ${sentence}\n${stdout}`);
				if (says.length === 0) assert.match(stdout, /All of it could be carried over/, name);
				assert.doesNotMatch(stdout, /switched off/, name);
				const path = join(root, "etc/config/mqttd");
				const made = readFileSync(path, "utf8");
				// This machine has no user mqttd.
				writeFileSync(path, made.replace("option user 'mqttd'", "option user 'root'"));
				const [command, args] = commandOf(program, ["-v", "--uci", path]);
				trials.push({ command: [command, ...args], ports: PORTS, folder, probes });
			}
			const results = await tryAll(trials);
			for (const [index, each] of MIGRATIONS.entries()) {
				assert.deepEqual(results[index]?.outcomes, expected(each), `${each.name}\n${results[index]?.log}`);
			}
		});
	});
}
