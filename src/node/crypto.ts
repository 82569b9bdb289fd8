/** Hashes, by Node's own. */

import { createHash, createHmac, pbkdf2, pbkdf2Sync, timingSafeEqual } from "node:crypto";
import type { Crypto } from "../host/crypto.ts";

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
	},

	equal(a, b) {
		return a.length === b.length && timingSafeEqual(a, b);
	},
};
