// The list of normative statements: tags are found as they are written, and what no test shows is an offence.

import assert from "node:assert/strict";
import { test } from "node:test";
import { findOffences, findTags, type Places, report } from "../../../scripts/statements.ts";

/** Statements, each in one place. */
function named(...statements: string[]): Places {
	return new Map(statements.map((statement) => [statement, [`file.ts:${statement.length}`]]));
}

test("finds tags in comments, texts and data, with their places", () => {
	const places = findTags({
		"a.ts": 'one(); // [MQTT-3.1.2-1], [MQTT-3.1.2-22]\n\ntwo("[MQTT-3.1.2-1]");\n',
		"b.json": '{ "statement": "MQTT-3.10.4-1", "statements": ["3.1.1 MQTT-3.10.4-1"] }',
		"c.ts":
			"// (3.1.1: [MQTT-3.1.3-8]); [MQTT-3-8.3-4]\n// as 3.1.1, [MQTT-1.5.4-1]; [MQTT-3.1.3-7] of 3.1.1",
		"d.ts": "MQTT 3.1.1; MQTT-3.1; mqtt-3.1.2-1",
	});
	assert.deepEqual(Object.fromEntries(places), {
		"3.1.2-1": ["a.ts:1", "a.ts:3"],
		"3.1.2-22": ["a.ts:1"],
		"3.10.4-1": ["b.json:1"],
		"3.1.1 3.10.4-1": ["b.json:1"],
		"3.1.1 3.1.3-8": ["c.ts:1"],
		"3.1.1 3-8.3-4": ["c.ts:1"],
		"1.5.4-1": ["c.ts:2"],
		"3.1.1 3.1.3-7": ["c.ts:2"],
	});
});

test("every statement of src is named by a test", () => {
	assert.deepEqual(
		findOffences(named("3.1.2-1", "3.1.1 3.1.3-8"), named("3.1.2-1", "3.1.1 3.1.3-8"), {}),
		[],
	);
	assert.deepEqual(findOffences(named("3.1.2-1", "3.1.2-2"), named("3.1.2-1", "3.1.3-1"), {}), [
		"file.ts:7: statement 3.1.2-2, which no test names",
	]);
	assert.deepEqual(findOffences(named("3.1.3-8"), named("3.1.1 3.1.3-8"), {}), [
		"file.ts:7: statement 3.1.3-8, which no test names",
	]);
});

test("an exception holds only as long as there is need for it", () => {
	const untested = { "3.1.2-1": "no socket does this" };
	assert.deepEqual(findOffences(named("3.1.2-1"), named("3.1.2-2"), untested), []);
	assert.deepEqual(findOffences(named("3.1.2-1"), named("3.1.2-1"), untested), [
		"file.ts:7: statement 3.1.2-1, which a test names, so it is no exception",
	]);
	assert.deepEqual(findOffences(named("3.1.2-2"), named("3.1.2-2"), untested), [
		"exception 3.1.2-1: nothing in src names it",
	]);
});

test("a tag that the specification has not is an offence", () => {
	const unknown = ["3.1.2-31", "3.1.2-0", "3.13.0-1", "2.2.1-1"];
	assert.equal(findOffences(named(), named(...unknown, "3.1.2-30"), {}).length, unknown.length);
	assert.deepEqual(findOffences(named("2.2.2-2"), named("2.2.2-2"), {}).length, 2);
	assert.deepEqual(findOffences(named("3.1.1 2.2.2-2"), named("3.1.1 2.2.2-2"), {}), []);
});

test("the report counts by section and lists what is on one side only", () => {
	const text = report(named("3.2.0-1", "3.10.1-1", "3.2.0-2"), named("3.10.1-1", "3.1.1 3.1.3-8"));
	assert.match(text, /^ {10}all {2}src test$/m);
	assert.match(text, /^3\.2 {8}24 {4}2 {4}0$/m);
	assert.match(text, /^3\.10 {8}9 {4}1 {4}1$/m);
	assert.match(text, /^5\.0 {7}\d{3} {4}3 {4}1$/m);
	assert.match(text, /^3\.1\.1 {7}1 {4}0 {4}1$/m);
	assert.match(text, /^In src, but in no test \(2\): 3\.2\.0-1, 3\.2\.0-2$/m);
	assert.match(text, /^In tests, but not in src \(1\): 3\.1\.1 3\.1\.3-8$/m);
	assert.match(text, /^Of 5\.0, named nowhere \(\d{3}\): 1\.5\.4-1, .*, 3\.9\.3-2, 3\.10\.3-1, /m);
});
