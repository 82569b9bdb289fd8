/** Hashes of passwords, as a line of a password file has them: `$7$ITERATIONS$SALT$HASH` and `$6$SALT$HASH`. */

import { decodeBase64, encodeBase64 } from "../host/base64.ts";
import type { Crypto, Random } from "../host/host.ts";

/** `pbkdf2`: PBKDF2 with HMAC-SHA-512 of the password; `sha512`: SHA-512 of the password, then the salt. */
export interface PasswordHash {
	readonly kind: "pbkdf2" | "sha512";
	/** 1 to MAXIMUM_ITERATIONS; 1 for `sha512`. */
	readonly iterations: number;
	readonly salt: Uint8Array;
	/** HASH_LENGTH octets. */
	readonly hash: Uint8Array;
}

/** Octets of every hash. */
export const HASH_LENGTH = 64;
/** What a login may cost at most: more would keep a router busy for minutes. */
export const MAXIMUM_ITERATIONS = 1_000_000;
/** Iterations of new hashes, unless something else is asked for: what a router computes in a blink. */
export const DEFAULT_ITERATIONS = 1000;
/** Octets of the salt of new hashes: mosquitto writes 64 since 2.1, but before takes no other number than 12. */
export const SALT_LENGTH = 12;
/** Octets. */
const MAXIMUM_SALT = 256;

/** Makes the hash of a password, with a salt of its own. */
export async function hashPassword(
	{ crypto, random }: { readonly crypto: Crypto; readonly random: Random },
	password: Uint8Array,
	iterations = DEFAULT_ITERATIONS,
): Promise<PasswordHash> {
	const salt = random.bytes(SALT_LENGTH);
	const hash = await new Promise<Uint8Array>((resolve) => {
		crypto.pbkdf2Sha512(password, salt, iterations, HASH_LENGTH, resolve);
	});
	return { kind: "pbkdf2", iterations, salt, hash };
}

/** Whether a text is meant to be a hash, valid or not: no tool hashes it again. */
export function looksHashed(text: string): boolean {
	return /^\$(?:6|7|argon2id)\$/.test(text);
}

/** Reads a hash; a text says why it is none. */
export function parsePasswordHash(text: string): PasswordHash | string {
	const fields = text.split("$");
	if (fields[0] !== "" || fields.length < 3) return "the password is not hashed";
	if (fields[1] === "argon2id") {
		return "argon2id needs 46 MiB of memory for each login and is not supported: set the password anew with mosquitto_passwd";
	}
	if (fields[1] === "6" && fields.length === 4) return makeHash("sha512", 1, fields[2]!, fields[3]!);
	if (fields[1] !== "7" || fields.length !== 5) return "the kind of password hash is unknown";
	const iterations = /^[0-9]{1,7}$/.test(fields[2]!) ? Number(fields[2]) : 0;
	if (iterations < 1 || iterations > MAXIMUM_ITERATIONS) {
		return `the password hash has other than 1 to ${MAXIMUM_ITERATIONS} iterations`;
	}
	return makeHash("pbkdf2", iterations, fields[3]!, fields[4]!);
}

function makeHash(
	kind: PasswordHash["kind"],
	iterations: number,
	saltText: string,
	hashText: string,
): PasswordHash | string {
	const salt = decodeBase64(saltText);
	const hash = decodeBase64(hashText);
	if (salt === null || salt.length === 0 || salt.length > MAXIMUM_SALT) return "the salt is not valid";
	if (hash === null || hash.length !== HASH_LENGTH) return "the password hash is not valid";
	return { kind, iterations, salt, hash };
}

/** The inverse of `parsePasswordHash`. */
export function formatPasswordHash({ kind, iterations, salt, hash }: PasswordHash): string {
	const beginning = kind === "pbkdf2" ? `$7$${iterations}` : "$6";
	return `${beginning}$${encodeBase64(salt)}$${encodeBase64(hash)}`;
}
