/** The contract of src/host/bytes.ts. */

import type { Host } from "../../src/host/host.ts";
import { equal, ok, type Tests, thrown } from "./harness.ts";

/** Octets and the text they mean, or null when ill-formed; then what the lossy reading gives. */
const table: readonly [octets: readonly number[], text: string | null, lossy?: string][] = [
	[[], ""],
	[[0x61], "a"],
	[[0x7f], "\u007f"],
	[[0x01, 0x1f], "\u0001\u001f"],
	[[0xc2, 0x80], "\u0080"],
	[[0xdf, 0xbf], "\u07ff"],
	[[0xe0, 0xa0, 0x80], "\u0800"],
	[[0xed, 0x9f, 0xbf], "\ud7ff"],
	[[0xee, 0x80, 0x80], "\ue000"],
	[[0xef, 0xbb, 0xbf, 0x61], "\ufeffa"],
	[[0xef, 0xbf, 0xbd], "\ufffd"],
	[[0xef, 0xbf, 0xbf], "\uffff"],
	[[0xf0, 0x90, 0x80, 0x80], "\u{10000}"],
	[[0xf0, 0x9f, 0x98, 0x80], "😀"],
	[[0xf4, 0x8f, 0xbf, 0xbf], "\u{10ffff}"],
	// U+0000
	[[0x00], null, "\0"],
	[[0x61, 0x00, 0x62], null, "a\0b"],
	// surrogates
	[[0xed, 0xa0, 0x80], null, "\ufffd\ufffd\ufffd"],
	[[0xed, 0xbf, 0xbf], null, "\ufffd\ufffd\ufffd"],
	[[0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80], null, "\ufffd".repeat(6)],
	// overlong
	[[0xc0, 0x80], null, "\ufffd\ufffd"],
	[[0xc1, 0xbf], null, "\ufffd\ufffd"],
	[[0xe0, 0x80, 0x80], null, "\ufffd\ufffd\ufffd"],
	[[0xe0, 0x9f, 0xbf], null, "\ufffd\ufffd\ufffd"],
	[[0xf0, 0x80, 0x80, 0x80], null, "\ufffd".repeat(4)],
	[[0xf0, 0x8f, 0xbf, 0xbf], null, "\ufffd".repeat(4)],
	// above U+10FFFF
	[[0xf4, 0x90, 0x80, 0x80], null, "\ufffd".repeat(4)],
	[[0xf5, 0x80, 0x80, 0x80], null, "\ufffd".repeat(4)],
	[[0xf8, 0x88, 0x80, 0x80, 0x80], null, "\ufffd".repeat(5)],
	[[0xfe], null, "\ufffd"],
	[[0xff], null, "\ufffd"],
	// cut off, or with a stray continuation
	[[0x80], null, "\ufffd"],
	[[0xbf, 0x61], null, "\ufffda"],
	[[0xc2], null, "\ufffd"],
	[[0xc2, 0x41], null, "\ufffdA"],
	[[0xe2, 0x82], null, "\ufffd\ufffd"],
	[[0xe2, 0x82, 0x41], null, "\ufffd\ufffdA"],
	[[0xf0, 0x9f, 0x98], null, "\ufffd\ufffd\ufffd"],
	[[0x61, 0xf0, 0x9f, 0x98, 0xf0, 0x9f, 0x98, 0x80], null, "a\ufffd\ufffd\ufffd😀"],
];

/** The octets between others that would complete them: what lies outside of the range must not count. */
function placed(
	octets: readonly number[],
	before: number,
): { bytes: Uint8Array; start: number; end: number } {
	const bytes = new Uint8Array(before + octets.length + 4).fill(0xbf);
	bytes.set(octets, before);
	return { bytes, start: before, end: before + octets.length };
}

function name(octets: readonly number[]): string {
	return octets.length > 16 ? `${octets.length} octets` : octets.map((octet) => octet.toString(16)).join(" ");
}

function checkUtf8(host: Host, octets: readonly number[], text: string | null, lossy: string): void {
	for (const before of [0, 1, 5]) {
		const { bytes, start, end } = placed(octets, before);
		equal(host.utf8.decode(bytes, start, end), text, `decode ${name(octets)}`);
		equal(host.utf8.isValid(bytes, start, end), text !== null, `isValid ${name(octets)}`);
		equal(host.utf8.decodeLossy(bytes, start, end), lossy, `decodeLossy ${name(octets)}`);
	}
}

/** A number from 0 to below `limit`, from a sequence that is the same in every run. */
function sequence(): (limit: number) => number {
	let state = 12_345;
	return (limit) => {
		state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
		return (state >>> 8) % limit;
	};
}

export const bytesTests: Tests = {
	"utf8: well-formed and ill-formed octets": (host) => {
		for (const [octets, text, lossy] of table) {
			checkUtf8(host, octets, text, lossy ?? text ?? "");
		}
	},

	"utf8: the same within long text": (host) => {
		const around = Array.from({ length: 75 }, (_, at) => 0x61 + (at % 26));
		const plain = String.fromCharCode(...around);
		for (const [octets, text, lossy] of table) {
			const long = [...around, ...octets, ...around];
			const expected = text === null ? null : plain + text + plain;
			checkUtf8(host, long, expected, plain + (lossy ?? text ?? "") + plain);
		}
	},

	"utf8: isPlain": (host) => {
		const { isPlain } = host.utf8;
		const all = Array.from({ length: 0x7f - 0x20 }, (_, at) => String.fromCharCode(0x20 + at)).join("");
		for (const plain of ["", " ", "~", all, all.repeat(20)]) ok(isPlain(plain), `plain: ${plain}`);
		// U+0120 and U+0441: octets of UTF-16 that would be plain on their own.
		const codes = [0, 9, 0x0a, 0x1f, 0x7f, 0x80, 0xa0, 0xff, 0x120, 0x441, 0x2028, 0x202e, 0xd800];
		for (const character of [...codes.map((code) => String.fromCharCode(code)), "\u{1f600}"]) {
			for (const text of [character, `${character}${all}`, `${all}${character}`, `a${character}b`]) {
				ok(!isPlain(text), `U+${character.charCodeAt(0).toString(16)} in ${text.length}`);
			}
		}
	},

	"utf8: encode, encodeInto, byteLength": (host) => {
		for (const [octets, text] of table) {
			if (text === null) {
				continue;
			}
			equal(host.utf8.encode(text), Uint8Array.from(octets), `encode ${name(octets)}`);
			equal(host.utf8.byteLength(text), octets.length, `byteLength ${name(octets)}`);
			const bytes = new Uint8Array(octets.length + 4).fill(0xaa);
			equal(host.utf8.encodeInto(text, bytes, 2), 2 + octets.length, "position after encodeInto");
			equal(bytes, Uint8Array.from([0xaa, 0xaa, ...octets, 0xaa, 0xaa]), `encodeInto ${name(octets)}`);
		}
		equal(host.utf8.encode("\0"), Uint8Array.of(0), "U+0000 is encoded");
	},

	"utf8: long text there and back": (host) => {
		const text = "grüße/℃/😀/plain".repeat(5000);
		const bytes = host.utf8.encode(text);
		equal(bytes.length, host.utf8.byteLength(text), "length");
		equal(host.utf8.decode(bytes, 0, bytes.length), text, "text");
		ok(!(bytes.slice(0, 1).buffer === bytes.buffer), "a plain Uint8Array, whose slice copies");
	},

	"utf8: a lone surrogate is encoded as U+FFFD": (host) => {
		const replaced = [0xef, 0xbf, 0xbd];
		for (const text of ["\ud83d", "\ude00", "a\ud83d", "\ud83da", "\ude00\ud83d"]) {
			const octets = [...text].flatMap((point) => (point === "a" ? [0x61] : replaced));
			equal(host.utf8.encode(text), Uint8Array.from(octets), "encode");
			equal(host.utf8.byteLength(text), octets.length, "byteLength");
			const bytes = new Uint8Array(octets.length);
			equal(host.utf8.encodeInto(text, bytes, 0), octets.length, "encodeInto");
			equal(bytes, Uint8Array.from(octets), "encodeInto");
		}
	},

	"utf8: encodeInto throws a RangeError where text does not fit": (host) => {
		for (const text of ["abc", "€", "ab€", "😀", "x".repeat(100), `${"x".repeat(99)}é`]) {
			const need = host.utf8.byteLength(text);
			const memory = new Uint8Array(need + 8).fill(0x55);
			const bytes = memory.subarray(0, need + 1);
			equal(host.utf8.encodeInto(text, bytes, 1), need + 1, "it fits exactly");
			memory.fill(0x55);
			let error: unknown = null;
			try {
				host.utf8.encodeInto(text, bytes, 2);
			} catch (caught) {
				error = caught;
			}
			ok(error instanceof RangeError, `RangeError for ${need} octets`);
			equal(memory.slice(need + 1), new Uint8Array(7).fill(0x55), "nothing past the end");
		}
		equal(host.utf8.encodeInto("", new Uint8Array(3), 3), 3, "nothing fits at the end");
	},

	"random: as many octets as asked for, never the same": (host) => {
		for (const length of [0, 1, 16, 1000]) {
			equal(host.random.bytes(length).length, length, "length");
		}
		const one = host.random.bytes(32);
		ok(
			one.some((octet, at) => octet !== one[(at + 1) % 32]),
			"octets differ",
		);
		const other = host.random.bytes(32);
		ok(
			one.some((octet, at) => octet !== other[at]),
			"two calls differ",
		);
		const seen = new Set(host.random.bytes(8192));
		equal(seen.size, 256, "every octet value occurs among 8192");
	},

	"byte map: get, set, delete, clear, size": (host) => {
		const map = host.createByteMap<string>();
		const key = Uint8Array.of(1, 2, 3, 2);
		equal(map.size, 0, "size when empty");
		equal(map.get(key, 0, 4), undefined, "nothing there");
		map.set(key, 0, 1, "1");
		map.set(key, 0, 0, "empty");
		map.set(key, 1, 2, "2");
		map.set(key, 1, 3, "2 3");
		equal(map.size, 4, "size");
		equal(map.get(key, 3, 4), "2", "compared by content");
		equal(map.get(key, 4, 4), "empty", "the empty key");
		equal(map.get(key, 0, 2), undefined, "an extension of a key");
		map.set(key, 3, 4, "two");
		equal(map.get(key, 1, 2), "two", "replaced");
		equal(map.size, 4, "size after replacing");
		key.fill(9);
		equal(map.get(Uint8Array.of(2, 3), 0, 2), "2 3", "keys are copied");
		equal(map.delete(Uint8Array.of(2), 0, 1), true, "delete");
		equal(map.delete(Uint8Array.of(2), 0, 1), false, "delete again");
		equal(map.get(Uint8Array.of(2), 0, 1), undefined, "after delete");
		equal(map.size, 3, "size after delete");
		map.clear();
		equal(map.size, 0, "size after clear");
		equal(map.get(Uint8Array.of(1), 0, 1), undefined, "after clear");
		map.set(Uint8Array.of(1), 0, 1, "again");
		equal(map.get(Uint8Array.of(1), 0, 1), "again", "usable after clear");
	},

	"byte map: values may be anything, also undefined and null": (host) => {
		const map = host.createByteMap<unknown>();
		const key = Uint8Array.of(0, 255);
		map.set(key, 0, 2, null);
		equal(map.get(key, 0, 2), null, "null");
		map.set(key, 0, 2, undefined);
		equal(map.get(key, 0, 2), undefined, "undefined");
		equal(map.size, 1, "it is there");
		equal(map.delete(key, 0, 2), true, "it was there");
		const value = { map };
		map.set(key, 0, 1, value);
		ok(map.get(key, 0, 1) === value, "the same object");
	},

	"byte map: 10,000 keys beside a Map": (host) => {
		const next = sequence();
		const map = host.createByteMap<number>();
		const model = new Map<string, number>();
		const buffer = new Uint8Array(64);
		const keys: { text: string; key: Uint8Array }[] = [];
		for (let count = 0; count < 10_000; count++) {
			// Few octet values and many lengths: keys share beginnings, and some come twice.
			const length = next(24);
			const start = next(40);
			for (let at = 0; at < length; at++) {
				buffer[start + at] = next(6) * 51;
			}
			const key = buffer.slice(start, start + length);
			const text = key.join();
			keys.push({ text, key });
			map.set(buffer, start, start + length, count);
			model.set(text, count);
			if (next(4) === 0) {
				const old = keys[next(keys.length)]!;
				equal(map.delete(old.key, 0, old.key.length), model.delete(old.text), "delete");
			}
		}
		equal(map.size, model.size, "size");
		for (const { text, key } of keys) {
			if (map.get(key, 0, key.length) !== model.get(text)) {
				equal(map.get(key, 0, key.length), model.get(text), `value of ${text}`);
			}
		}
		for (const { text, key } of keys) {
			if (map.delete(key, 0, key.length) !== model.delete(text)) {
				ok(false, `deleting ${text}`);
			}
		}
		equal(map.size, 0, "size at the end");
	},

	"copyMasked: every length, place and overlap": ({ copyMasked }) => {
		const key = 0x81a2c3f4 | 0;
		const octets = [0x81, 0xa2, 0xc3, 0xf4];
		for (let length = 0; length < 20; length++) {
			for (let start = 0; start < 5; start++) {
				for (let at = 0; at < 6; at++) {
					const from = Uint8Array.from({ length: 32 }, (_, index) => index * 7);
					const expected = new Uint8Array(32).fill(0xee);
					for (let i = 0; i < length; i++) expected[at + i] = from[start + i]! ^ octets[i % 4]!;
					const to = new Uint8Array(32).fill(0xee);
					copyMasked(from, start, start + length, key, to, at);
					equal(to.join(), expected.join(), `${length} octets from ${start} to ${at}`);
					copyMasked(from, start, start + length, key >>> 0, to, at);
					equal(to.join(), expected.join(), "the key as an unsigned number");
					if (at > start) continue;
					copyMasked(from, start, start + length, key, from, at);
					equal(
						from.subarray(at, at + length).join(),
						expected.subarray(at, at + length).join(),
						`${length} octets down from ${start} to ${at}`,
					);
				}
			}
		}
	},

	"copyMasked: a key of 0 copies": ({ copyMasked }) => {
		const to = new Uint8Array(6);
		copyMasked(Uint8Array.of(1, 2, 3, 4, 5), 1, 5, 0, to, 2);
		equal(to.join(), "0,0,2,3,4,5", "copied");
		copyMasked(to, 2, 6, 0, to, 1);
		equal(to.join(), "0,2,3,4,5,5", "moved down");
	},

	"copyMasked: what does not fit is refused, and nothing is written": ({ copyMasked }) => {
		const bytes = new Uint8Array(8).fill(1);
		const to = new Uint8Array(4);
		for (const [start, end, at] of [
			[0, 5, 0],
			[0, 4, 1],
			[0, 1, 4],
			[2, 1, 0],
			[0, 9, 0],
			[7, 9, 0],
			[0, 1, 5],
		] as const) {
			let refused = false;
			try {
				copyMasked(bytes, start, end, 0x01010101, to, at);
			} catch (error) {
				refused = error instanceof RangeError;
			}
			ok(refused, `${start} to ${end}, at ${at}`);
		}
		equal(to.join(), "0,0,0,0", "untouched");
	},

	"a HostError is an Error with a code and the C library's text": (host) => {
		const error = thrown(() => host.files.read("/nonexistent/file", 10));
		equal(error.code, "ENOENT", "code");
		equal(error.message, "No such file or directory", "message");
	},
};
