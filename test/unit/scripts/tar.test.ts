// Archives: what is written is read back, and what is damaged is refused.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Entry, readTar, writeTar } from "../../../scripts/tar.ts";

const ENTRIES: readonly Entry[] = [
	{ path: "./", mode: 0o755 },
	{ path: "./empty", mode: 0o600, content: new Uint8Array(0) },
	{ path: "./block", mode: 0o644, content: Buffer.alloc(512, "b") },
	{ path: "./more", mode: 0o755, content: Buffer.alloc(513, "m") },
	{ path: "./link", mode: 0o777, link: "more" },
];

test("entries come back as they were, owned by root", () => {
	const archive = writeTar(ENTRIES, 1000);
	assert.equal(archive.length % 512, 0);
	assert.deepEqual(
		readTar(archive),
		ENTRIES.map((entry) => ({
			...entry,
			...(entry.content === undefined ? {} : { content: Buffer.from(entry.content) }),
			uid: 0,
			gid: 0,
			mtime: 1000,
		})),
	);
});

test("a path that does not fit is refused", () => {
	assert.throws(() => writeTar([{ path: `./${"p".repeat(99)}`, mode: 0o644 }], 0), /too long/);
});

test("an archive that is cut short or changed is refused", () => {
	const archive = Buffer.from(writeTar(ENTRIES, 1000));
	// After the header of ./more, in the middle of its content.
	assert.throws(() => readTar(archive.subarray(0, 512 * 5 + 100)), /cut short/);
	// After the last entry, before the end mark.
	assert.throws(() => readTar(archive.subarray(0, archive.length - 1024)), /cut short/);
	const changed = Buffer.from(archive);
	changed[512 + 2] = 0x58;
	assert.throws(() => readTar(changed), /wrong checksum at 512/);
	const device = Buffer.from(archive);
	device[156] = 0x33;
	// The checksum of the type that a header has: 5 (a folder) to 3 (a device).
	device.write(
		`${(Number.parseInt(device.toString("latin1", 148, 154), 8) - 2).toString(8).padStart(6, "0")}\0`,
		148,
	);
	assert.throws(() => readTar(device), /unknown type 3/);
});
