/** Topic names, topic filters and matching (sections 4.7 and 4.8.2). */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isValidTopicFilter, isValidTopicName, topicMatches } from "../../../src/packet/packet.ts";
import { topicFilter, topicName } from "./arbitrary.ts";

test("topic names", () => {
	for (const topic of ["a", "/", "//", " ", "a/b", "/a", "$SYS/x", "é\u{1f600}", "$share/g/a", "\ufeff"]) {
		assert.equal(isValidTopicName(topic), true, topic);
	}
	// [MQTT-4.7.3-1] [MQTT-4.7.0-1] [MQTT-4.7.3-2]
	for (const topic of ["", "+", "#", "a/+", "a/#", "a+b", "a#", "a\0b", "\0"]) {
		assert.equal(isValidTopicName(topic), false, topic);
	}
});

test("topic filters", () => {
	const valid = [
		"a",
		"/",
		"+",
		"#",
		"/+",
		"+/",
		"+/+",
		"a/+/b",
		"a/#",
		"/#",
		"+/#",
		"$SYS/#",
		"$shared/+",
		"$share",
	];
	for (const filter of valid) assert.equal(isValidTopicFilter(filter), true, filter);
	// [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1] [MQTT-4.7.3-2]
	const invalid = [
		"",
		"a+",
		"+a",
		"a/+b",
		"a/b+/c",
		"++",
		"a#",
		"#/a",
		"a/#/b",
		"##",
		"/##",
		"#+",
		"+#",
		"a\0",
	];
	for (const filter of invalid) assert.equal(isValidTopicFilter(filter), false, filter);
});

test("shared subscriptions' filters", () => {
	for (const filter of [
		"$share/g/a",
		"$share/g/#",
		"$share/g/+/a",
		"$share/g//",
		"$share/g/$SYS",
		"$share/$share/a",
	]) {
		assert.equal(isValidTopicFilter(filter), true, filter);
	}
	// [MQTT-4.8.2-1] [MQTT-4.8.2-2]
	const invalid = [
		"$share/",
		"$share/g",
		"$share/g/",
		"$share//a",
		"$share/+/a",
		"$share/#/a",
		"$share/a+/a",
	];
	for (const filter of [...invalid, "$share/g#/a", "$share/g/a+", "$share/g/#/a"]) {
		assert.equal(isValidTopicFilter(filter), false, filter);
	}
});

test("matching", () => {
	const cases: [filter: string, topic: string, matches: boolean][] = [
		["a", "a", true],
		["a", "b", false],
		["a", "A", false], // [MQTT-4.7.3-4]
		["a", "aa", false],
		["aa", "a", false],
		["a", "/a", false],
		["/a", "a", false],
		["a/", "a", false],
		["a", "a/", false],
		["a/", "a/", true],
		["//", "//", true],
		["/", "/", true],
		["/", "//", false],
		["#", "a", true],
		["#", "/", true],
		["#", "a/b/c", true],
		["a/#", "a", true],
		["a/#", "a/", true],
		["a/#", "a/b/c", true],
		["a/#", "ab", false],
		["a/#", "b", false],
		["a/b/#", "a", false],
		["/#", "a", false],
		["/#", "/", true],
		["/#", "/a", true],
		["+", "a", true],
		["+", "/", false],
		["+", "a/b", false],
		["+/+", "/", true],
		["/+", "/a", true],
		["/+", "/", true],
		["+/a", "/a", true],
		["a/+", "a", false],
		["a/+", "a/", true],
		["a/+", "a/b", true],
		["a/+", "a/b/c", false],
		["a/+/c", "a/b/c", true],
		["a/+/c", "a//c", true],
		["a/+/c", "a/b/d", false],
		["a/+/#", "a/b", true],
		["a/+/#", "a", false],
		["+/#", "a", true],
		["+/b/#", "a/b/c/d", true],
		["é/+", "é/\u{1f600}", true],
		// [MQTT-4.7.2-1]
		["#", "$SYS", false],
		["#", "$SYS/a", false],
		["+", "$SYS", false],
		["+/a", "$SYS/a", false],
		["+/#", "$a", false],
		["$SYS/#", "$SYS/a", true],
		["$SYS/#", "$SYS", true],
		["$SYS/+", "$SYS/a", true],
		["a/+", "a/$b", true],
		["a/#", "a/$b", true],
		// Shared subscriptions match by what follows the share name.
		["$share/g/a", "a", true],
		["$share/g/a/#", "a/b", true],
		["$share/g/#", "a", true],
		["$share/g/#", "$SYS/a", false],
		["$share/g/a", "$share/g/a", false],
	];
	for (const [filter, topic, matches] of cases) {
		assert.equal(topicMatches(filter, topic), matches, `${filter} on ${topic}`);
	}
});

/** The rules once more, by levels. */
function matchesByLevels(filter: string, topic: string): boolean {
	const filterLevels = filter.startsWith("$share/") ? filter.split("/").slice(2) : filter.split("/");
	const topicLevels = topic.split("/");
	if (topic.startsWith("$") && /^[+#]/.test(filterLevels[0]!)) return false;
	for (const [index, level] of filterLevels.entries()) {
		if (level === "#") return true;
		if (index >= topicLevels.length || (level !== "+" && level !== topicLevels[index])) return false;
	}
	return filterLevels.length === topicLevels.length;
}

test("matching agrees with the rules by levels", () => {
	const levels = fc.array(fc.constantFrom("", "a", "b", "$s"), { minLength: 1, maxLength: 4 });
	const patterns = fc.array(fc.constantFrom("", "a", "b", "$s", "+", "+"), { minLength: 1, maxLength: 4 });
	let matched = 0;
	fc.assert(
		fc.property(levels, patterns, fc.boolean(), fc.boolean(), (topic, pattern, open, shared) => {
			const filter = `${shared ? "$share/g/" : ""}${(open ? [...pattern, "#"] : pattern).join("/")}`;
			fc.pre(isValidTopicFilter(filter) && topic.join("/") !== "");
			const matches = matchesByLevels(filter, topic.join("/"));
			if (matches) matched++;
			assert.equal(topicMatches(filter, topic.join("/")), matches);
		}),
		{ numRuns: 5000 },
	);
	assert.ok(matched > 100, `${matched} matched`);
});

test("what the arbitraries make is valid, and any topic matches itself and #", () => {
	fc.assert(
		fc.property(topicName, topicFilter, (topic, filter) => {
			assert.equal(isValidTopicName(topic), true);
			assert.equal(isValidTopicFilter(filter), true);
			if (!topic.startsWith("$share/")) assert.equal(topicMatches(topic, topic), true);
			assert.equal(topicMatches("#", topic), !topic.startsWith("$"));
		}),
	);
});
