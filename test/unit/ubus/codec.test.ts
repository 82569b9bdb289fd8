/** Messages and their values as octets: captured ones, all that can be sent, and hostile ones. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { utf8 } from "../../../src/node/bytes.ts";
import { MAX_BODY } from "../../../src/ubus/blob.ts";
import { MAX_DEPTH, MAX_VALUES } from "../../../src/ubus/blobmsg.ts";
import { decodeMessage, encodeMessage, MessageType, messageLength } from "../../../src/ubus/message.ts";
import { Status, statusText, UbusError } from "../../../src/ubus/status.ts";
import {
	decodeSignature,
	encodeSignature,
	findMistyped,
	typed,
	type UbusArguments,
	type UbusInput,
	type UbusInputTable,
	type UbusTable,
	type UbusValue,
} from "../../../src/ubus/value.ts";
import { Random } from "../../fuzz/mutate.ts";
import { readConversations } from "../../vectors/ubus.ts";

const conversations = readConversations();

/** The octets of DATA that holds `table`, without the message around it. */
function encode(table: UbusInputTable, types?: UbusArguments): string {
	const bytes = encodeMessage(utf8, MessageType.DATA, 0, 0, { data: table }, types);
	return Buffer.from(bytes.subarray(16)).toString("hex");
}

function decode(hex: string): UbusTable | null | undefined {
	const body = Buffer.from(hex, "hex");
	const bytes = Buffer.alloc(16 + body.length);
	bytes.writeUInt32BE(8 + body.length, 8);
	bytes.writeUInt32BE(0x0700_0000 + 4 + body.length, 12);
	bytes.set(body, 16);
	return decodeMessage(utf8, bytes, 0, bytes.length).attributes.data;
}

/** Without the missing prototypes, for comparison with literals. */
function ordinary(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(ordinary);
	if (typeof value !== "object" || value === null) return value;
	return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, ordinary(inner)]));
}

function refuses(call: () => unknown, text: string): void {
	assert.throws(call, (error: unknown) => {
		assert.ok(error instanceof UbusError, String(error));
		assert.equal(error.code, Status.INVALID_ARGUMENT);
		assert.equal(error.message, `${text}: invalid argument`);
		return true;
	});
}

test("long captured messages are put together rightly", () => {
	const long = conversations.flatMap(({ messages }) => messages).filter(({ sha256 }) => sha256 !== null);
	assert.ok(long.length > 0);
	for (const { name, bytes, sha256 } of long) {
		assert.equal(createHash("sha256").update(bytes).digest("hex"), sha256, name);
	}
});

test("every captured message is read, at any place of an array", () => {
	const messages = conversations.flatMap((conversation) => conversation.messages);
	assert.ok(messages.length >= 400, `messages: ${messages.length}`);
	for (const { name, bytes, type, seq, peer, received } of messages) {
		for (const offset of [0, 1]) {
			const lent = new Uint8Array(offset + bytes.length + 5).fill(0xa5);
			lent.set(bytes, offset);
			assert.equal(messageLength(lent, offset, lent.length), bytes.length, name);
			const message = decodeMessage(utf8, lent, offset, offset + bytes.length);
			assert.deepEqual(message, { type, seq, peer, attributes: received }, name);
		}
	}
});

test("every captured message is written, octet for octet", () => {
	let written = 0;
	for (const { name, bytes, type, seq, peer, sent } of conversations.flatMap(({ messages }) => messages)) {
		if (sent === null || type === MessageType.MONITOR) continue;
		const encoded = encodeMessage(utf8, type, seq, peer, sent);
		assert.equal(Buffer.from(encoded).toString("hex"), Buffer.from(bytes).toString("hex"), name);
		written++;
	}
	assert.ok(written >= 400, `written: ${written}`);
});

test("values without a type go as JSON's do on the bus", () => {
	const cases: [UbusInput, string][] = [
		[null, "80000008" + "00016100"],
		[true, "87000009" + "00016100" + "01000000"],
		[-1, "8500000c" + "00016100" + "ffffffff"],
		[2 ** 31 - 1, "8500000c" + "00016100" + "7fffffff"],
		[2 ** 31, "84000010" + "00016100" + "0000000080000000"],
		[-(2 ** 31) - 1, "84000010" + "00016100" + "ffffffff7fffffff"],
		[2 ** 53, "88000010" + "00016100" + "4340000000000000"],
		[0.5, "88000010" + "00016100" + "3fe0000000000000"],
		[1n, "84000010" + "00016100" + "0000000000000001"],
		["é", "8300000b" + "00016100" + "c3a90000"],
		[typed("int16", -2), "8600000a" + "00016100" + "fffe0000"],
		[typed("bool", 200), "87000009" + "00016100" + "c8000000"],
		[[1], "81000014" + "00016100" + "8500000c" + "00000000" + "00000001"],
		[{}, "82000008" + "00016100"],
	];
	for (const [value, hex] of cases) assert.equal(encode({ a: value }), hex, String(value));
});

test("numbers take the type that the receiver wants, when nothing is lost", () => {
	const types: UbusArguments = { d: "double", l: "int64", h: "int16", b: "bool", i: "int32" };
	const codes = (table: UbusInputTable) => encode(table, types).slice(0, 2);
	assert.equal(codes({ d: 1 }), "88");
	assert.equal(codes({ d: 1n }), "88");
	assert.equal(codes({ d: 2n ** 53n + 1n }), "84");
	assert.equal(codes({ l: 1 }), "84");
	assert.equal(codes({ l: 0.5 }), "88");
	assert.equal(codes({ h: 1 }), "86");
	assert.equal(codes({ h: 40_000 }), "85");
	assert.equal(codes({ b: 1 }), "87");
	assert.equal(codes({ b: 2 }), "85");
	assert.equal(codes({ i: 1n }), "85");
	assert.equal(codes({ i: "1" }), "83");
	assert.equal(codes({ toString: 1 }), "85");
});

test("what cannot be sent is refused by its place", () => {
	refuses(() => encode({ a: { b: ["x", "\0"] } }), "a.b.1: a text with U+0000");
	refuses(() => encode({ "\0": 1 }), "\0: a text with U+0000");
	refuses(() => encode({ a: typed("int16", 40_000) }), "a: 40000 as int16");
	refuses(() => encode({ a: typed("int32", 0.5) }), "a: 0.5 as int32");
	refuses(() => encode({ a: typed("string", 1) }), "a: 1 as string");
	refuses(() => encode({ a: 2n ** 63n }), "a: 9223372036854775808 as int64");
	refuses(() => encode({ a: undefined as unknown as null }), "a: no undefined can be sent");
	refuses(
		() => encode({ ["x".repeat(65_536)]: 1 }),
		`${"x".repeat(65_536)}: a name of more than 65535 octets`,
	);
	assert.ok(encode({ ["x".repeat(65_535)]: 1 }).length > 131_000);
	const cycle: Record<string, UbusInput> = {};
	cycle.a = cycle;
	refuses(() => encode(cycle), "a.a.a.a.a.a.a.a…: more than 32 levels");
	refuses(
		() => encode({ a: new Array<number>(MAX_VALUES).fill(1) }),
		`a.${MAX_VALUES - 1}: more than ${MAX_VALUES} values`,
	);
	refuses(() => encode({ a: "x".repeat(MAX_BODY) }), `a message of more than ${MAX_BODY} octets`);
});

test("a body of exactly the longest length goes and comes", () => {
	const overhead = 8 + 8;
	const text = "x".repeat(MAX_BODY - overhead - 1);
	const bytes = encodeMessage(utf8, MessageType.DATA, 0, 0, { data: { a: text } });
	assert.equal(bytes.length, 8 + MAX_BODY);
	assert.equal(messageLength(bytes, 0, 12), bytes.length);
	assert.equal(decodeMessage(utf8, bytes, 0, bytes.length).attributes.data?.a, text);
	refuses(() => encode({ a: `${text}x` }), `a message of more than ${MAX_BODY} octets`);
});

test("64-bit integers are numbers where those are exact, else bigints", () => {
	for (const value of [0n, 1n, -1n, 2n ** 53n - 1n, -(2n ** 53n - 1n), 2n ** 31n]) {
		assert.deepEqual(ordinary(decode(encode({ a: value }))), { a: Number(value) });
	}
	for (const value of [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)]) {
		assert.deepEqual(ordinary(decode(encode({ a: value }))), { a: value });
	}
});

/** Any value that decodes to what was encoded. */
function anyValue(random: Random, depth: number): UbusValue {
	switch (random.below(depth > 4 ? 7 : 9)) {
		case 0:
			return null;
		case 1:
			return random.below(2) === 0;
		case 2:
			return (random.below(2 ** 32) | 0) >> random.below(32);
		case 3:
			return (random.below(2 ** 32) - 2 ** 31) * random.below(2 ** 21);
		case 4:
			return (random.below(2) === 0 ? 1n : -1n) * ((1n << 62n) + BigInt(random.below(2 ** 32)));
		case 5:
			return (random.below(2 ** 32) + 0.5) / 2 ** random.below(40);
		case 6:
			return anyText(random);
		case 7:
			return Array.from({ length: random.below(5) }, () => anyValue(random, depth + 1));
		default:
			return anyTable(random, depth + 1);
	}
}

function anyTable(random: Random, depth: number): UbusTable {
	const table: Record<string, UbusValue> = Object.create(null);
	for (let left = random.below(5); left > 0; left--) table[anyText(random)] = anyValue(random, depth);
	return table;
}

function anyText(random: Random): string {
	const characters = ["", "a", "__proto__", "constructor", "é", "→", "𝄞", " ", "\n", "\x7f", "7"];
	return Array.from({ length: random.below(4) }, () => random.pick(characters)).join("");
}

test("what is sent is what is received", () => {
	const random = new Random(20_260_722);
	let octets = 0;
	for (let count = 0; count < 5_000; count++) {
		const table = anyTable(random, 0);
		const hex = encode(table);
		assert.equal(hex.length % 8, 0);
		assert.deepEqual(decode(hex), table);
		octets += hex.length / 2;
	}
	assert.ok(octets > 100_000, `octets: ${octets}`);
});

test("names mean nothing to JavaScript, and the first of two counts", () => {
	const table = decode(
		encode(Object.defineProperty({}, "__proto__", { value: { polluted: true }, enumerable: true })),
	);
	assert.deepEqual(Object.keys(table ?? {}), ["__proto__"]);
	assert.equal(Object.getPrototypeOf(table), null);
	assert.equal(({} as { polluted?: boolean }).polluted, undefined);
	assert.deepEqual(ordinary(decode(encode({ a: 1 }) + encode({ a: "later", b: 2 }))), { a: 1, b: 2 });
});

test("texts end at their NUL, and need not be UTF-8", () => {
	assert.deepEqual(ordinary(decode(`8300000c${"00016100"}${"78007900"}`)), { a: "x" });
	assert.deepEqual(ordinary(decode(`8300000a${"00016100"}${"ff000000"}`)), { a: "\ufffd" });
});

test("malformed data is no data, and nothing worse", () => {
	const cases: Record<string, string> = {
		"not extended": "0500000c" + "00016100" + "00000001",
		"unknown type": "8900000c" + "00016100" + "00000001",
		"length under its word": "85000003" + "00016100" + "00000001",
		"length beyond the end": "85000010" + "00016100" + "00000001",
		"longest length": "85ffffff" + "00016100" + "00000001",
		"no name": "80000004",
		"name beyond the value": "8500000c" + "00056100" + "00000001",
		"longest name": "8500000c" + "ffff6100" + "00000001",
		"name without NUL": "8500000c" + "00016101" + "00000001",
		"int32 of 3 octets": "8500000b" + "00016100" + "00000100",
		"int32 of 8 octets": "85000010" + "00016100" + "0000000000000001",
		"int64 of 4 octets": "8400000c" + "00016100" + "00000001",
		"int16 of 4 octets": "8600000c" + "00016100" + "00000001",
		"bool of 4 octets": "8700000c" + "00016100" + "00000001",
		"double of 4 octets": "8800000c" + "00016100" + "00000001",
		"null with a value": "8000000c" + "00016100" + "00000001",
		"text without NUL": "8300000c" + "00016100" + "78787878",
		"empty text": "83000008" + "00016100",
		"malformed inside": "82000010" + "00016100" + "0500000c" + "00016100",
		"octets after the last": "80000008" + "00016100" + "00000000",
	};
	for (const [name, hex] of Object.entries(cases)) assert.equal(decode(hex), null, name);
});

test("depth and number of values are bounded", () => {
	const nested = (levels: number) => {
		let hex = "";
		for (let level = 0; level < levels; level++) {
			hex = `82${(hex.length / 2 + 8).toString(16).padStart(6, "0")}00000000${hex}`;
		}
		return hex;
	};
	assert.notEqual(decode(nested(MAX_DEPTH - 1)), null);
	assert.equal(decode(nested(MAX_DEPTH)), null);
	assert.equal(decode(nested(60_000)), null);
	const many = (count: number) =>
		`81${(8 + 8 * count).toString(16).padStart(6, "0")}00016100${"8000000800000000".repeat(count)}`;
	assert.deepEqual(decode(many(MAX_VALUES - 1))?.a, new Array(MAX_VALUES - 1).fill(null));
	assert.equal(decode(many(MAX_VALUES)), null);
});

test("attributes: what is unknown or of the wrong form is absent", () => {
	const read = (hex: string) => {
		const body = Buffer.from(hex, "hex");
		const header = Buffer.alloc(12);
		header[1] = MessageType.STATUS;
		header.writeUInt32BE(4 + body.length, 8);
		const bytes = Buffer.concat([header, body]);
		return decodeMessage(utf8, bytes, 0, bytes.length).attributes;
	};
	assert.deepEqual(read("63000008" + "00000001" + "01000008" + "00000002"), { status: 2 });
	assert.deepEqual(read("01000007" + "00000100" + "02000008" + "78787878"), {});
	assert.deepEqual(read("0a000008" + "00000001"), {});
	assert.deepEqual(read("0a000005" + "01000000"), { noReply: true });
	assert.deepEqual(read("01000008" + "00000002" + "03000009" + "00000001"), { status: 2 }, "no padding");
	assert.deepEqual(read("01000008" + "00000002" + "00000000" + "03000008" + "00000001"), { status: 2 });
	assert.deepEqual(read("0b000010" + "00000008" + "00000005" + "00000005" + "01000000"), {
		subscribers: [5],
	});
	assert.deepEqual(read("07000008" + "ffffffff"), { data: null });
});

test("headers: no message is longer than the bus allows, or of another version", () => {
	const header = (version: number, word: number) => {
		const bytes = Buffer.alloc(12);
		bytes[0] = version;
		bytes.writeUInt32BE(word, 8);
		return bytes;
	};
	assert.equal(messageLength(header(0, 4), 0, 11), 0);
	assert.equal(messageLength(header(0, 4), 0, 12), 12);
	assert.equal(messageLength(header(0, 0xff00_0004), 0, 12), 12, "the highest octet is not looked at");
	assert.equal(messageLength(header(0, MAX_BODY), 0, 12), 8 + MAX_BODY);
	for (const bytes of [header(0, 0), header(0, 3), header(0, MAX_BODY + 1), header(1, 4)]) {
		assert.throws(() => messageLength(bytes, 0, 12), { code: Status.PARSE_ERROR });
	}
});

test("signatures: methods and argument types by name", () => {
	const signature = { kick: { id: "string", all: "bool", any: "any" }, list: {} } as const;
	const table = decode(encode(encodeSignature(signature)));
	assert.deepEqual(ordinary(decodeSignature(table ?? {})), signature);
	const odd = decode(encode({ a: { x: 99, y: "string", z: 3 }, b: 5 }));
	assert.deepEqual(ordinary(decodeSignature(odd ?? {})), { a: { x: "any", y: "any", z: "string" }, b: {} });
});

test("arguments of another type are found", () => {
	const types: UbusArguments = {
		s: "string",
		b: "bool",
		i: "int32",
		l: "int64",
		d: "double",
		a: "array",
		t: "table",
		x: "any",
	};
	const right: UbusTable[] = [{}, { s: null }, { s: "" }, { b: false }, { i: 1 }, { l: 2n ** 60n }];
	right.push({ d: 1 }, { d: 0.5 }, { a: [] }, { t: {} }, { x: 1 }, { other: 1 });
	for (const table of right) assert.equal(findMistyped(types, table), null, Object.keys(table)[0]);
	const wrong: UbusTable[] = [{ s: 1 }, { b: 1 }, { i: 0.5 }, { l: "1" }, { d: "1" }, { a: {} }, { t: [] }];
	for (const table of wrong) assert.equal(findMistyped(types, table), Object.keys(table)[0]);
});

test("status codes in words", () => {
	assert.equal(statusText(Status.METHOD_NOT_FOUND), "method not found");
	assert.equal(statusText(0xffff_ffff), "status 4294967295");
	assert.equal(new UbusError(Status.NO_DATA, "uci get").message, "uci get: no data");
});
