/** The contract of src/host/crypto.ts: known answers, and the edges between. */

import { caught, equal, ok } from "./assert.ts";
import { Gate, pattern, type Tests } from "./harness.ts";

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

/** FIPS 180-4's examples, from its list of test vectors. */
const longDigests: readonly [text: string, digest: string][] = [
	[
		"",
		"cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
	],
	[
		"abc",
		"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
	],
	[
		"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
		"8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909",
	],
	[
		"a".repeat(1_000_000),
		"e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973ebde0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b",
	],
];

/** Widely published, and others that agree with several implementations. */
const longDerived: readonly [password: string, salt: string, iterations: number, key: string][] = [
	[
		"password",
		"salt",
		1,
		"867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252c02d470a285a0501bad999bfe943c08f050235d7d68b1da55e63f73b60a57fce",
	],
	[
		"passwordPASSWORDpassword",
		"saltSALTsaltSALTsaltSALTsaltSALTsalt",
		4096,
		"8c0511f4c6e597c6ac6315d8f0362e225f3c501495ba23b868c005174dc4ee71115b59f9e60cd9532fa33e0f75aefe30225c583a186cd82bd4daea9724a3d3b8",
	],
	[
		"k".repeat(129),
		"s".repeat(300),
		3,
		"798706356674f94eac1b88cda0d7c769288c0108e1e8e4b9ab340d7298df288026769d69a7dbd0e23e3b575209f66782371ed0b69773c587a55d4c163785dd80215ce9441b63d1a2fc5184c7459920caada66810ec6e9a3cf66e96a10591923c7b3ef930e4a576b9e979931fbfd6db80cfbbc5b2b320747c4cfaf9913b47ef656570a180d35ccd5d7442bbf06bd1f7764eb9ec6583d1",
	],
	["", "", 1, "6d"],
];

/** FIPS 180-4's examples, and that of RFC 6455. */
const sha1Digests: readonly [text: string, digest: string][] = [
	["", "da39a3ee5e6b4b0d3255bfef95601890afd80709"],
	["abc", "a9993e364706816aba3e25717850c26c9cd0d89d"],
	["abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"],
	["a".repeat(1_000_000), "34aa973cd4c4daa4f61eeb2bdbad27316534016f"],
	[
		"dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
		"b37a4f2cc0624f1690f64606cf385945b2bec4ea",
	],
];

export const cryptoTests: Tests = {
	"sha1: known answers": ({ crypto }) => {
		for (const [text, digest] of sha1Digests) {
			equal(hex(crypto.sha1(octets(text))), digest, `SHA-1 of ${text.length} octets`);
		}
		equal(hex(crypto.sha1(octets("xabcx").subarray(1, 4))), sha1Digests[1]![1], "a part of an array");
	},

	"sha1: every length around the block size": ({ crypto }) => {
		const all = new Uint8Array(200 * 20);
		for (let length = 0; length < 200; length++) all.set(crypto.sha1(pattern(length)), length * 20);
		equal(
			hex(crypto.sha256(all)),
			"20dad033b595caa4a0967d6643a97fffad62e91d20dac0ec289fdcf8daa92c4a",
			"digest of the digests",
		);
	},

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

	"sha512: known answers": ({ crypto }) => {
		for (const [text, digest] of longDigests) {
			equal(hex(crypto.sha512(octets(text))), digest, `SHA-512 of ${text.length} octets`);
		}
	},

	"sha512: every length around the block size": ({ crypto }) => {
		const all = new Uint8Array(260 * 64);
		for (let length = 0; length < 260; length++) all.set(crypto.sha512(pattern(length)), length * 64);
		equal(
			hex(crypto.sha256(all)),
			"9ce5c91867c1e99ffec2a22e63c33a543edfd792e4023fe54a5a47e4877a302d",
			"digest of the digests",
		);
	},

	"pbkdf2Sha512: known answers": async ({ crypto }) => {
		for (const [password, salt, iterations, key] of longDerived) {
			const gate = new Gate<Uint8Array>();
			crypto.pbkdf2Sha512(octets(password), octets(salt), iterations, key.length / 2, gate.open);
			equal(hex(await gate.passed), key, `${iterations} iterations`);
		}
	},

	"pbkdf2Sha512: many at once": async ({ crypto }) => {
		const keys: string[] = [];
		const gate = new Gate();
		const count = 20;
		for (let number = 0; number < count; number++) {
			const [password, salt, iterations, key] = longDerived[number % longDerived.length]!;
			crypto.pbkdf2Sha512(octets(password), octets(salt), iterations, key.length / 2, (found) => {
				keys[number] = hex(found);
				if (Object.keys(keys).length === count) gate.open();
			});
		}
		await gate.passed;
		for (const [number, key] of keys.entries())
			equal(key, longDerived[number % longDerived.length]![3], `key ${number}`);
	},

	"pbkdf2Sha512: the loop goes on meanwhile": async (host) => {
		const order: string[] = [];
		const gate = new Gate();
		host.crypto.pbkdf2Sha512(octets("password"), octets("salt"), 100_000, 64, () => {
			order.push("key");
			gate.open();
		});
		order.push("called");
		host.timers.after(0, () => order.push("timer"));
		await gate.passed;
		equal(order.join(" "), "called timer key", "what happened in which order");
	},

	"pbkdf2Sha512: who hashes gives way to the loop": async ({ crypto, files, utf8 }) => {
		const gate = new Gate();
		crypto.pbkdf2Sha512(octets("password"), octets("salt"), 1, 64, () => gate.open());
		await gate.passed;
		const niceness = files.list("/proc/self/task").map((thread) => {
			const bytes = files.read(`/proc/self/task/${thread}/stat`, 4096);
			const stat = utf8.decodeLossy(bytes, 0, bytes.length);
			// The 19th field; the second one, the name, is in parentheses.
			return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]);
		});
		ok(Math.max(...niceness) >= 10, `a thread that is nice: ${niceness.join()}`);
	},

	"pbkdf2Sha512: numbers out of range": ({ crypto }) => {
		const none = new Uint8Array(0);
		for (const count of [0, -1, 1.5, Number.NaN, 10_000_001, 2 ** 32 + 1]) {
			const error = caught(() => crypto.pbkdf2Sha512(none, none, count, 64, () => {}), `${count} iterations`);
			ok(error instanceof RangeError, `a RangeError for ${count} iterations`);
		}
		for (const length of [0, -1, 1.5, Number.NaN, 1025, 2 ** 32 + 1]) {
			const error = caught(() => crypto.pbkdf2Sha512(none, none, 1, length, () => {}), `${length} octets`);
			ok(error instanceof RangeError, `a RangeError for ${length} octets`);
		}
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
