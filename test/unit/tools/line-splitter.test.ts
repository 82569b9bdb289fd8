import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Gathering, LineSplitter } from "../../../src/tools/line-splitter.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array | null) => (bytes === null ? null : new TextDecoder().decode(bytes));

/** All lines that can be taken. */
function rest(splitter: LineSplitter): string[] {
	const lines: string[] = [];
	for (let line = splitter.next(); line !== null; line = splitter.next()) lines.push(decode(line)!);
	return lines;
}

describe("LineSplitter", () => {
	const text = "one\n\ntwo\nthree and more";
	const lines = ["one", "", "two", "three and more"];

	for (const size of [1, 2, 3, 5, 100]) {
		it(`gives lines from pieces of ${size} octets`, () => {
			const splitter = new LineSplitter(1000);
			const found: string[] = [];
			for (let at = 0; at < text.length; at += size) {
				splitter.push(encode(text.slice(at, at + size)));
				found.push(...rest(splitter));
			}
			assert.equal(splitter.done, false);
			splitter.end();
			assert.equal(splitter.done, false);
			found.push(...rest(splitter));
			assert.deepEqual(found, lines);
			assert.equal(splitter.done, true);
		});
	}

	it("gives lines one at a time, and what it gives is its own", () => {
		const splitter = new LineSplitter(1000);
		const piece = encode("a\nb\n");
		splitter.push(piece);
		piece.fill(0);
		assert.equal(decode(splitter.next()), "a");
		splitter.end();
		assert.equal(splitter.done, false);
		assert.equal(decode(splitter.next()), "b");
		assert.equal(splitter.next(), null);
		assert.equal(splitter.done, true);
	});

	it("gives nothing for nothing, and no line after the last end of line", () => {
		const splitter = new LineSplitter(1000);
		splitter.end();
		assert.equal(splitter.next(), null);
		assert.equal(splitter.done, true);
	});

	it("gives up on a line that is too long", () => {
		const splitter = new LineSplitter(4);
		splitter.push(encode("1234"));
		assert.equal(splitter.next(), null);
		splitter.push(encode("\n1234"));
		assert.deepEqual(rest(splitter), ["1234"]);
		assert.equal(splitter.overflow, false);
		splitter.push(encode("5\n"));
		assert.deepEqual(rest(splitter), []);
		assert.equal(splitter.overflow, true);
	});
});

describe("Gathering", () => {
	it("takes up to its limit", () => {
		const gathering = new Gathering(3000);
		const piece = new Uint8Array(1000).fill(7);
		for (let count = 0; count < 3; count++) assert.equal(gathering.add(piece), true);
		assert.equal(gathering.add(encode("x")), false);
		assert.equal(gathering.length, 3000);
		assert.deepEqual(gathering.take(), new Uint8Array(3000).fill(7));
		assert.equal(gathering.length, 0);
		assert.equal(gathering.add(encode("x")), true);
		assert.equal(decode(gathering.take()), "x");
	});
});
