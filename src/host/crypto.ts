/** Hashes, and what is made of them. */

/** All octets of each argument count; results are new arrays. */
export interface Crypto {
	/** SHA-1 (FIPS 180-4): 20 octets. For protocols that prescribe it (RFC 6455), never to protect anything. */
	sha1(bytes: Uint8Array): Uint8Array;
	/** SHA-256 (FIPS 180-4): 32 octets. */
	sha256(bytes: Uint8Array): Uint8Array;
	/** HMAC with SHA-256 (RFC 2104): 32 octets. Any length of key will do. */
	hmacSha256(key: Uint8Array, bytes: Uint8Array): Uint8Array;
	/**
	 * PBKDF2 with HMAC-SHA-256 (RFC 8018): `length` octets, 1 to 1024, by 1 to 1,000,000 iterations; a RangeError for
	 * other numbers. It blocks while it computes: a program that serves peers asks for few iterations, and rarely.
	 */
	pbkdf2Sha256(password: Uint8Array, salt: Uint8Array, iterations: number, length: number): Uint8Array;
	/** SHA-512 (FIPS 180-4): 64 octets. */
	sha512(bytes: Uint8Array): Uint8Array;
	/**
	 * PBKDF2 with HMAC-SHA-512 (RFC 8018): `length` octets, 1 to 1024, by 1 to 10,000,000 iterations; a RangeError for
	 * other numbers. Computed beside the event loop, from which `callback` is called with the key when it is done.
	 */
	pbkdf2Sha512(
		password: Uint8Array,
		salt: Uint8Array,
		iterations: number,
		length: number,
		callback: (key: Uint8Array) => void,
	): void;
	/** Whether both hold the same octets. How long it takes tells their lengths, not where they differ. */
	equal(a: Uint8Array, b: Uint8Array): boolean;
}
