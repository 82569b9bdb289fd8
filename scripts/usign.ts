/**
 * Keys and signatures of usign, which opkg trusts, and of signify, whose formats they are: a line of comment, then base64 of `Ed`,
 * eight octets that name the key, and the Ed25519 key or signature. A secret key is not encrypted.
 */

import {
	createHash,
	createPrivateKey,
	createPublicKey,
	generateKeyPairSync,
	type KeyObject,
	randomBytes,
	sign,
	verify,
} from "node:crypto";

const ALGORITHM = Buffer.from("Ed");
const KDF = Buffer.from("BK");
/** Octets of the head of a secret key: algorithm, key derivation, rounds (none), salt, check sum. */
const HEAD = 2 + 2 + 4 + 16 + 8;

export interface SigningKey {
	/** Eight octets, in hexadecimal: the name of the file in /etc/opkg/keys. */
	readonly fingerprint: string;
	/** Files as usign has them. */
	readonly secret: string;
	readonly public: string;
}

function file(comment: string, ...parts: readonly Uint8Array[]): string {
	return `untrusted comment: ${comment}\n${Buffer.concat(parts).toString("base64")}\n`;
}

/** The octets of a file; throws when they are not so many, or not of Ed25519. */
function bytesOf(text: string, what: string, length: number): Buffer {
	const bytes = Buffer.from(text.split("\n")[1] ?? "", "base64");
	if (
		!text.startsWith("untrusted comment: ") ||
		bytes.length !== length ||
		!bytes.subarray(0, 2).equals(ALGORITHM)
	) {
		throw new Error(`this is not a ${what} of usign`);
	}
	return bytes;
}

/** Makes a key. */
export function newKey(comment: string): SigningKey {
	const { d, x } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
	const seed = Buffer.from(d ?? "", "base64url");
	const point = Buffer.from(x ?? "", "base64url");
	const fingerprint = randomBytes(8);
	const key = Buffer.concat([seed, point]);
	const sum = createHash("sha512").update(key).digest().subarray(0, 8);
	const head = [ALGORITHM, KDF, Buffer.alloc(4), randomBytes(16), sum];
	return {
		fingerprint: fingerprint.toString("hex"),
		secret: file(`${comment} secret key`, ...head, fingerprint, key),
		public: file(`${comment} public key`, ALGORITHM, fingerprint, point),
	};
}

/** Reads a secret key that usign, or `newKey`, has made. */
export function readKey(secret: string): SigningKey {
	const bytes = bytesOf(secret, "secret key", HEAD + 8 + 64);
	if (bytes.readUInt32BE(4) !== 0) throw new Error("the secret key is encrypted");
	const fingerprint = bytes.subarray(HEAD, HEAD + 8);
	const key = bytes.subarray(HEAD + 8);
	const sum = createHash("sha512").update(key).digest().subarray(0, 8);
	if (!sum.equals(bytes.subarray(HEAD - 8, HEAD))) throw new Error("the secret key is damaged");
	return {
		fingerprint: fingerprint.toString("hex"),
		secret,
		public: file(`key ${fingerprint.toString("hex")}`, ALGORITHM, fingerprint, key.subarray(32)),
	};
}

function keyObject(point: Uint8Array, seed: Uint8Array | null): KeyObject {
	const x = Buffer.from(point).toString("base64url");
	const base = { kty: "OKP", crv: "Ed25519", x };
	return seed === null
		? createPublicKey({ key: base, format: "jwk" })
		: createPrivateKey({ key: { ...base, d: Buffer.from(seed).toString("base64url") }, format: "jwk" });
}

/** The signature of a message, as the text of a file. */
export function signMessage(key: SigningKey, message: Uint8Array): string {
	const bytes = bytesOf(key.secret, "secret key", HEAD + 8 + 64).subarray(HEAD + 8);
	const signature = sign(null, message, keyObject(bytes.subarray(32), bytes.subarray(0, 32)));
	return file(`signed by key ${key.fingerprint}`, ALGORITHM, Buffer.from(key.fingerprint, "hex"), signature);
}

/** Whether a signature is of that message and by that key. */
export function verifyMessage(publicKey: string, message: Uint8Array, signature: string): boolean {
	const key = bytesOf(publicKey, "public key", 42);
	const given = bytesOf(signature, "signature", 74);
	if (!given.subarray(2, 10).equals(key.subarray(2, 10))) return false;
	return verify(null, message, keyObject(key.subarray(10), null), given.subarray(10));
}
