// The list of normative statements: tags are found as they are written, and what lacks a place on either side is an offence.

import assert from "node:assert/strict";
import { test } from "node:test";
import { EXCEPTIONS, findOffences, findTags, type Places, report } from "../../../scripts/statements.ts";
import { STATEMENTS_3_1_1, STATEMENTS_5, type Statement } from "../../../scripts/statements-table.ts";

const EVERY: readonly string[] = [
	...STATEMENTS_5.map(([number]) => number),
	...STATEMENTS_3_1_1.map(([number]) => `3.1.1 ${number}`),
];

/** Every statement in one place, but for those `without`; those of `elsewhere` are there instead. */
function places(
	folder: string,
	without: readonly string[] = [],
	elsewhere: Readonly<Record<string, string>> = {},
): Places {
	const named = EVERY.filter((statement) => !without.includes(statement));
	return new Map(named.map((statement) => [statement, [elsewhere[statement] ?? `${folder}/file.ts:7`]]));
}

test("finds tags in comments, texts and data, with their places", () => {
	const found = findTags({
		"a.ts": 'one(); // [MQTT-3.1.2-1], [MQTT-3.1.2-22]\n\ntwo("[MQTT-3.1.2-1]");\n',
		"b.json": '{ "statement": "MQTT-3.10.4-1", "statements": ["3.1.1 MQTT-3.10.4-1"] }',
		"c.ts":
			"// (3.1.1: [MQTT-3.1.3-8]); [MQTT-3-8.3-4]\n// as 3.1.1, [MQTT-1.5.4-1]; [MQTT-3.1.3-7] of 3.1.1",
		"d.ts": "MQTT 3.1.1; MQTT-3.1; mqtt-3.1.2-1",
	});
	assert.deepEqual(Object.fromEntries(found), {
		"3.1.2-1": ["a.ts:1", "a.ts:3"],
		"3.1.2-22": ["a.ts:1"],
		"3.10.4-1": ["b.json:1"],
		"3.1.1 3.10.4-1": ["b.json:1"],
		"3.1.1 3.1.3-8": ["c.ts:1"],
		"3.1.1 3.8.3-4": ["c.ts:1"],
		"1.5.4-1": ["c.ts:2"],
		"3.1.1 3.1.3-7": ["c.ts:2"],
	});
});

test("a row of tags is of 3.1.1 from where it says so, up to its end", () => {
	const found = findTags({
		"a.ts": "// [MQTT-3.2.0-1], 3.1.1: [MQTT-3.1.4-4], [MQTT-3.2.2-3]; [MQTT-3.2.2-2]",
		"b.ts": "// 3.1.1: [MQTT-3.1.4-5]\n// [MQTT-3.2.2-1], [MQTT-3.2.2-9]",
	});
	assert.deepEqual(
		[...found.keys()],
		["3.2.0-1", "3.1.1 3.1.4-4", "3.1.1 3.2.2-3", "3.2.2-2", "3.1.1 3.1.4-5", "3.2.2-1", "3.2.2-9"],
	);
});

test("the table has every statement once, in order", () => {
	for (const [statements, count] of [
		[STATEMENTS_5, 251],
		[STATEMENTS_3_1_1, 141],
	] as const) {
		assert.equal(statements.length, count);
		const keys = statements.map(([number]) => number.replace(/\d+/g, (digits) => digits.padStart(3, "0")));
		assert.deepEqual(keys, [...new Set(keys)].sort());
		// Within a section they count up without a gap; 5.0 left out one.
		for (const [number] of statements) {
			const [section, last] = number.split("-");
			const hasBefore =
				last === "1" || number === "2.2.1-2" || isIn(statements, `${section}-${Number(last) - 1}`);
			assert.ok(hasBefore, `${number} follows nothing`);
		}
	}
});

function isIn(statements: readonly Statement[], wanted: string): boolean {
	return statements.some(([number]) => number === wanted);
}

test("every statement that concerns a server has a place in src and one in test", () => {
	const none = {};
	assert.deepEqual(findOffences(places("src"), places("test"), none), []);
	assert.deepEqual(findOffences(places("src", ["3.1.2-22"]), places("test", ["3.1.1 3.1.2-24"]), none), [
		"statement 3.1.2-22: nothing in src that a server runs names it",
		"statement 3.1.1 3.1.2-24: no test names it",
	]);
});

test("what our client does is no server's doing; what concerns only clients may have no place", () => {
	const src = places("src", ["3.1.2-20"], { "4.3.2-4": "src/client/receiver.ts:1" });
	const test = places("test", ["3.1.2-20"], { "4.3.3-8": "test/unit/client/receive.test.ts:1" });
	assert.deepEqual(findOffences(src, test, {}), [
		"statement 4.3.2-4: nothing in src that a server runs names it",
		"statement 4.3.3-8: no test names it",
	]);
});

test("an exception holds only as long as there is need for it", () => {
	const exceptions = { "3.1.2-22": "time stands still" };
	assert.deepEqual(findOffences(places("src", ["3.1.2-22"]), places("test"), exceptions), []);
	assert.deepEqual(findOffences(places("src"), places("test", ["3.1.2-22"]), exceptions), []);
	assert.deepEqual(findOffences(places("src"), places("test"), exceptions), [
		"statement 3.1.2-22: src and test name it, so that it needs no exception in scripts/statements.ts",
	]);
	assert.deepEqual(findOffences(places("src"), places("test"), { "3.13.0-1": "unlucky" }), [
		"exception 3.13.0-1: there is no such statement",
	]);
	for (const reason of Object.values(EXCEPTIONS)) assert.match(reason, /\w+ \w+/);
});

test("a tag that the specification has not is an offence", () => {
	const unknown = ["3.1.2-31", "3.1.2-0", "3.13.0-1", "2.2.1-1", "3.1.1 3.1.2-25"];
	const tests = new Map([...places("test"), ...unknown.map((name) => [name, ["test/x.ts:1"]] as const)]);
	assert.deepEqual(findOffences(places("src"), tests, {}), [
		"test/x.ts:1: MQTT 5.0 has no statement 3.1.2-31 (one of 3.1.1 has that number before it)",
		"test/x.ts:1: MQTT 5.0 has no statement 3.1.2-0 (one of 3.1.1 has that number before it)",
		"test/x.ts:1: MQTT 5.0 has no statement 3.13.0-1 (one of 3.1.1 has that number before it)",
		"test/x.ts:1: MQTT 5.0 has no statement 2.2.1-1 (one of 3.1.1 has that number before it)",
		"test/x.ts:1: MQTT 3.1.1 has no statement 3.1.2-25",
	]);
});

test("the report has a line for each statement, and the reason beside an exception", () => {
	const src = new Map([["3.1.2-22", ["src/broker/client.ts:9", "src/broker/x.ts:1", "src/broker/y.ts:2"]]]);
	const text = report(src, new Map([["3.1.2-22", ["test/vectors/a.json:1"]]]), {
		"6.0.0-4": "no frames yet",
	});
	assert.match(text, /^3\.1\.2-22 +server +\w.*\w +broker\/client\.ts:9 \+2 +vectors\/a\.json:1$/m);
	assert.match(text, /^3\.1\.2-20 +client +\w.*\w +- +-$/m);
	assert.match(text, /^6\.0\.0-4 +server +\w.*\w +- +- +exception: no frames yet$/m);
	assert.match(
		text,
		/^MQTT 5\.0: 251 statements, \d+ concern .* these 1 are enforced, 1 tested, 1 exceptions$/m,
	);
	assert.match(
		text,
		/^MQTT 3\.1\.1: 141 statements, \d+ concern .* these 0 are enforced, 0 tested, 0 exceptions$/m,
	);
	assert.equal(text.split("\n").filter((line) => /^\d/.test(line)).length, EVERY.length);
});
