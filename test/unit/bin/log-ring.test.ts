// The last lines of the log, by number: all round the ring, and after a time in which none was kept.

import assert from "node:assert/strict";
import { test } from "node:test";
import { LogRing } from "../../../src/bin/log-ring.ts";

function add(ring: LogRing, count: number): void {
	for (let i = 0; i < count; i++) ring.push(1000, "notice", `line ${ring.last + 1}`);
}

/** Numbers of the lines that there are; each must be what was written under it. */
function numbers(ring: LogRing): number[] {
	const found: number[] = [];
	for (let number = 0; number <= ring.last + 1; number++) {
		const line = ring.line(number);
		if (line === null) continue;
		assert.deepEqual([line.number, line.text], [number, `line ${number}`]);
		found.push(number);
	}
	return found;
}

test("the last thousand lines are kept, however often it came round", () => {
	const ring = new LogRing();
	for (const [count, oldest] of [
		[0, 1],
		[1, 1],
		[998, 1],
		[1, 1],
		[1, 2],
		[1500, 1502],
	] as const) {
		add(ring, count);
		const expected = Array.from({ length: ring.last - oldest + 1 }, (_, at) => oldest + at);
		assert.deepEqual(numbers(ring), expected);
		assert.equal(ring.oldest, oldest);
	}
});

test("lines are numbered also while none is kept, and kept again from there on", () => {
	const ring = new LogRing();
	add(ring, 3);
	ring.keep(false);
	assert.deepEqual([ring.last, ring.oldest, numbers(ring)], [3, 4, []]);
	add(ring, 1234);
	assert.deepEqual([ring.last, ring.oldest, numbers(ring)], [1237, 1238, []]);
	ring.keep(true);
	add(ring, 2);
	assert.deepEqual([ring.oldest, numbers(ring)], [1238, [1238, 1239]]);
	add(ring, 1000);
	assert.deepEqual([ring.oldest, ring.line(1239), ring.line(1240)?.text], [1240, null, "line 1240"]);
});

test("long lines displace others, but never the last", () => {
	const ring = new LogRing();
	add(ring, 5);
	ring.push(1000, "notice", "x".repeat(200_000));
	assert.deepEqual([ring.oldest, ring.line(5), ring.line(6)?.text.length], [6, null, 200_000]);
	ring.push(1000, "notice", "line 7");
	assert.deepEqual(numbers(ring), [7]);
});
