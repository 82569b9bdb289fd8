// The runner of the suite must not take silence for success.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { findFiles, readFailures, readTotals } from "../../../scripts/test.ts";

const TAP = (counts: Record<string, number>): string =>
	["TAP version 13", "ok 1 - a", ...Object.entries(counts).map(([name, count]) => `# ${name} ${count}`)].join(
		"\n",
	);

test("totals count what was cancelled, skipped or put off as failed", () => {
	const counts = {
		tests: 10,
		suites: 1,
		pass: 4,
		fail: 1,
		cancelled: 2,
		skipped: 2,
		todo: 1,
		duration_ms: 12.5,
	};
	assert.deepEqual(readTotals(TAP(counts)), {
		tests: 10,
		passed: 4,
		failed: 6,
		duration: 12.5,
		failures: [],
	});
});

test("each failure is told with its name and cause, and no more than that", () => {
	const tap = [
		"    # Subtest: a suite",
		"    ok 1 - passes",
		"      ---",
		"      duration_ms: 1",
		"      ...",
		"    not ok 2 - fails",
		"      ---",
		"      error: 'why'",
		"      ...",
		"    ok 3 - passes",
		"not ok 1 - ends early",
	];
	assert.deepEqual(readFailures(tap.join("\n")), [
		"    not ok 2 - fails\n      ---\n      error: 'why'",
		"not ok 1 - ends early",
	]);
	const long = ["not ok 1 - long", ...Array.from({ length: 100 }, (_, at) => `  line ${at}`), "  ..."];
	assert.equal(readFailures(long.join("\n"))[0]?.split("\n").length, 30);
});

test("output without totals is an error", () => {
	assert.throws(() => readTotals("TAP version 13\nok 1 - a\n"), /no line "# fail"/);
});

test("a pattern that matches nothing is an error", () => {
	const root = fileURLToPath(new URL("../../..", import.meta.url));
	assert.throws(
		() => findFiles(root, ["test/unit/scripts/*.test.ts", "test/none/*.ts"]),
		/test\/none\/\*\.ts/,
	);
	assert.ok(findFiles(root, ["test/unit/scripts/*.test.ts"]).includes("test/unit/scripts/test.test.ts"));
});

test("an unknown stage fails", () => {
	const script = fileURLToPath(new URL("../../../scripts/test.ts", import.meta.url));
	const result = spawnSync(process.execPath, [script, "nothing"], { encoding: "utf8" });
	assert.notEqual(result.status, 0);
	assert.match(result.stderr, /unknown stage "nothing"/);
});
