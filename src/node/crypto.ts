/** Hashes, by Node's own. */

import { createHash, createHmac, pbkdf2, pbkdf2Sync, timingSafeEqual } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { setPriority } from "node:os";
import type { Crypto } from "../host/crypto.ts";

/** Threads of this process, and what libuv (since 1.50) calls those that hash; on one processor they are to give way to the loop. */
const THREADS = "/proc/self/task";
const WORKER = "libuv-worker\n";
const NICE = 10;

let areWorkersNice = false;

function makeWorkersNice(): void {
	if (areWorkersNice) return;
	areWorkersNice = true;
	try {
		for (const thread of readdirSync(THREADS)) {
			if (readFileSync(`${THREADS}/${thread}/comm`, "utf8") === WORKER) setPriority(Number(thread), NICE);
		}
	} catch {
		// Not on Linux, or not allowed: then they do not give way.
	}
}

function checkCount(count: number, maximum: number, name: string): void {
	if (!(Number.isInteger(count) && count >= 1 && count <= maximum)) {
		throw new RangeError(`${name}: 1 to ${maximum}`);
	}
}

export const crypto: Crypto = {
	sha1(bytes) {
		return new Uint8Array(createHash("sha1").update(bytes).digest());
	},

	sha256(bytes) {
		return new Uint8Array(createHash("sha256").update(bytes).digest());
	},

	hmacSha256(key, bytes) {
		return new Uint8Array(createHmac("sha256", key).update(bytes).digest());
	},

	pbkdf2Sha256(password, salt, iterations, length) {
		checkCount(iterations, 1_000_000, "iterations");
		checkCount(length, 1024, "length");
		return new Uint8Array(pbkdf2Sync(password, salt, iterations, length, "sha256"));
	},

	sha512(bytes) {
		return new Uint8Array(createHash("sha512").update(bytes).digest());
	},

	pbkdf2Sha512(password, salt, iterations, length, callback) {
		checkCount(iterations, 10_000_000, "iterations");
		checkCount(length, 1024, "length");
		pbkdf2(password, salt, iterations, length, "sha512", (error, key) => {
			if (error !== null) throw error;
			callback(new Uint8Array(key));
		});
		// The first of them has started the threads.
		makeWorkersNice();
	},

	equal(a, b) {
		return a.length === b.length && timingSafeEqual(a, b);
	},
};
