// Base64 there and back, and what is none.

import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeBase64, encodeBase64 } from "../../../src/host/base64.ts";

test("RFC 4648's examples", () => {
	const examples: [string, string][] = [
		["", ""],
		["f", "Zg=="],
		["fo", "Zm8="],
		["foo", "Zm9v"],
		["foob", "Zm9vYg=="],
		["fooba", "Zm9vYmE="],
		["foobar", "Zm9vYmFy"],
	];
	for (const [text, code] of examples) {
		assert.equal(encodeBase64(Buffer.from(text)), code);
		assert.deepEqual(decodeBase64(code), new Uint8Array(Buffer.from(text)));
	}
});

test("every octet at every place agrees with Node", () => {
	for (let value = 0; value < 256; value++) {
		for (let length = 1; length <= 4; length++) {
			const bytes = new Uint8Array(length).fill(value);
			const code = Buffer.from(bytes).toString("base64");
			assert.equal(encodeBase64(bytes), code);
			assert.deepEqual(decodeBase64(code), bytes);
		}
	}
});

test("what is not Base64 is null", () => {
	for (const text of [
		"Z",
		"Zg",
		"Zg=",
		"=",
		"==",
		"====",
		"Zg=a",
		"Zm9v====",
		"Zm9\n",
		"Zm9-",
		"Zm 9",
		"Zh==",
		"Zm9=",
	]) {
		assert.equal(decodeBase64(text), null, text);
	}
});
