/** The contract of src/host/crypto.ts: known answers, and the edges between. */

import { caught, equal, ok } from "./assert.ts";
import { pattern, type Tests } from "./harness.ts";

function hex(bytes: Uint8Array): string {
	return Array.from(bytes, (octet) => octet.toString(16).padStart(2, "0")).join("");
}

function octets(text: string): Uint8Array {
	return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** FIPS 180-4's examples, from its list of test vectors. */
const digests: readonly [text: string, digest: string][] = [
	["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
	["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
	[
		"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
	],
	["a".repeat(1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"],
];

/** RFC 4231. */
const codes: readonly [key: Uint8Array, data: Uint8Array, code: string][] = [
	[
		new Uint8Array(20).fill(0x0b),
		octets("Hi There"),
		"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
	],
	[
		octets("Jefe"),
		octets("what do ya want for nothing?"),
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
	],
	[
		new Uint8Array(20).fill(0xaa),
		new Uint8Array(50).fill(0xdd),
		"773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
	],
	[
		new Uint8Array(131).fill(0xaa),
		octets("Test Using Larger Than Block-Size Key - Hash Key First"),
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
	],
];

/** RFC 7914, and others that agree with several implementations. */
const derived: readonly [password: string, salt: string, iterations: number, key: string][] = [
	[
		"passwd",
		"salt",
		1,
		"55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783",
	],
	["password", "salt", 2, "ae4d0c95af6b46d32d0adff928f06dd02a303f8e"],
	[
		"passwordPASSWORDpassword",
		"saltSALTsaltSALTsaltSALTsaltSALTsalt",
		4096,
		"348c89dbcbd32b2f32d814b8116e84cf2b17347ebc1800181c4e2a1fb8dd53e1c635518c7dac47e9",
	],
	["", "", 3, "b3"],
];

export const cryptoTests: Tests = {
	"sha256: known answers": ({ crypto }) => {
		for (const [text, digest] of digests) {
			equal(hex(crypto.sha256(octets(text))), digest, `SHA-256 of ${text.length} octets`);
		}
	},

	"sha256: every length around the block size": ({ crypto }) => {
		const all = new Uint8Array(260 * 32);
		for (let length = 0; length < 260; length++) all.set(crypto.sha256(pattern(length)), length * 32);
		equal(
			hex(crypto.sha256(all)),
			"ab75c4049348396822b30df18267950a3621ea7a022e4cacc574af772a754c96",
			"digest of the digests",
		);
	},

	"sha256: a part of an array is hashed alone": ({ crypto }) => {
		const bytes = octets("xabcx").subarray(1, 4);
		equal(hex(crypto.sha256(bytes)), digests[1]![1], "the view's octets count");
		const digest = crypto.sha256(bytes);
		ok(digest.buffer.byteLength === 32, "the result is an array of its own");
	},

	"hmacSha256: known answers": ({ crypto }) => {
		for (const [key, data, code] of codes) {
			equal(hex(crypto.hmacSha256(key, data)), code, `key of ${key.length} octets`);
		}
	},

	"hmacSha256: keys and data of every length": ({ crypto }) => {
		const all = new Uint8Array(200 * 32);
		for (let length = 0; length < 200; length++) {
			all.set(crypto.hmacSha256(pattern(length), pattern(199 - length)), length * 32);
		}
		equal(
			hex(crypto.sha256(all)),
			"1b82808552ad17b296a8b45e63d9b37603f280fbd1807377780105ee96447b4c",
			"digest of the codes",
		);
	},

	"pbkdf2Sha256: known answers": ({ crypto }) => {
		for (const [password, salt, iterations, key] of derived) {
			const found = crypto.pbkdf2Sha256(octets(password), octets(salt), iterations, key.length / 2);
			equal(hex(found), key, `${iterations} iterations`);
		}
	},

	"pbkdf2Sha256: numbers out of range": ({ crypto }) => {
		const none = new Uint8Array(0);
		for (const count of [0, -1, 1.5, Number.NaN, 1_000_001, 2 ** 32 + 1]) {
			const error = caught(() => crypto.pbkdf2Sha256(none, none, count, 32), `${count} iterations`);
			ok(error instanceof RangeError, `a RangeError for ${count} iterations`);
		}
		for (const length of [0, -1, 1.5, Number.NaN, 1025, 2 ** 32 + 1]) {
			const error = caught(() => crypto.pbkdf2Sha256(none, none, 1, length), `${length} octets`);
			ok(error instanceof RangeError, `a RangeError for ${length} octets`);
		}
		equal(crypto.pbkdf2Sha256(none, none, 1, 1024).length, 1024, "the longest key");
	},

	"equal: by content": ({ crypto }) => {
		ok(crypto.equal(new Uint8Array(0), new Uint8Array(0)), "nothing is nothing");
		ok(crypto.equal(pattern(100), pattern(101).subarray(0, 100)), "the same octets");
		ok(!crypto.equal(pattern(100), pattern(101)), "one more");
		for (const at of [0, 50, 99]) {
			const other = pattern(100);
			other[at]! ^= 0x80;
			ok(!crypto.equal(pattern(100), other), `another octet at ${at}`);
		}
	},
};
