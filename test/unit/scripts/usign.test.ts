/** Keys and signatures of usign: read back by ourselves, and by Debian's signify, which has the same formats. */

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { newKey, readKey, signMessage, verifyMessage } from "../../../scripts/usign.ts";

const MESSAGE = Buffer.from("Package: mqttd\n");

test("a key signs, and its public half verifies that message and no other", () => {
	const key = newKey("test");
	const signature = signMessage(key, MESSAGE);
	assert.match(
		signature,
		new RegExp(`^untrusted comment: signed by key ${key.fingerprint}\n[A-Za-z0-9+/]+=*\n$`),
	);
	assert.ok(verifyMessage(key.public, MESSAGE, signature));
	assert.ok(!verifyMessage(key.public, Buffer.from("Package: other\n"), signature));
	assert.ok(!verifyMessage(newKey("other").public, MESSAGE, signature));
	const read = readKey(key.secret);
	assert.equal(read.fingerprint, key.fingerprint);
	assert.ok(verifyMessage(read.public, MESSAGE, signMessage(read, MESSAGE)));
});

test("what is no key, is damaged, or is encrypted is refused", () => {
	const { secret, public: known } = newKey("test");
	const [comment = "", text = ""] = secret.split("\n");
	const change = (at: number) => {
		const bytes = Buffer.from(text, "base64");
		bytes[at]! ^= 1;
		return `${comment}\n${bytes.toString("base64")}\n`;
	};
	assert.throws(() => readKey(known), /not a secret key of usign/);
	assert.throws(() => readKey(""), /not a secret key/);
	assert.throws(() => readKey(change(0)), /not a secret key/);
	assert.throws(() => readKey(change(7)), /is encrypted/);
	assert.throws(() => readKey(change(80)), /is damaged/);
	assert.throws(() => verifyMessage(known, MESSAGE, "untrusted comment: x\nAAAA\n"), /not a signature/);
});

test("signify takes our keys and signatures, and we take those of signify", (context) => {
	const folder = mkdtempSync(join(tmpdir(), "mqttd-usign-"));
	context.after(() => rmSync(folder, { recursive: true }));
	const file = (name: string) => join(folder, name);
	const signify = (...args: string[]) => spawnSync("signify-openbsd", args, { encoding: "utf8" });
	const key = newKey("test");
	writeFileSync(file("message"), MESSAGE);
	writeFileSync(file("ours.pub"), key.public);
	writeFileSync(file("ours.sec"), key.secret);
	writeFileSync(file("ours.sig"), signMessage(key, MESSAGE));
	const verified = signify("-V", "-p", file("ours.pub"), "-m", file("message"), "-x", file("ours.sig"));
	assert.equal(verified.error, undefined);
	assert.equal(verified.status, 0, verified.stderr);
	writeFileSync(file("other"), "other\n");
	assert.notEqual(
		signify("-V", "-p", file("ours.pub"), "-m", file("other"), "-x", file("ours.sig")).status,
		0,
	);
	assert.equal(signify("-S", "-s", file("ours.sec"), "-m", file("message"), "-x", file("by.sig")).status, 0);
	assert.ok(verifyMessage(key.public, MESSAGE, readFileSync(file("by.sig"), "utf8")));

	execFileSync("signify-openbsd", ["-G", "-n", "-p", file("their.pub"), "-s", file("their.sec")]);
	const theirs = readKey(readFileSync(file("their.sec"), "utf8"));
	assert.ok(verifyMessage(readFileSync(file("their.pub"), "utf8"), MESSAGE, signMessage(theirs, MESSAGE)));
});
