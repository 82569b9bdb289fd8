/** What the benchmark makes of its runs. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { judge, median, p99Times, type Run, summarize } from "../../bench/figures.ts";
import { attackRows, limits, rows } from "../../bench/scenario.ts";

const row = rows.find((each) => each.cpuRatio !== undefined)!;

function run(changes: Partial<Run>): Run {
	return {
		published: 1000,
		delivered: 1000,
		seconds: 2,
		lost: 0,
		misplaced: 0,
		p50_ns: 1000,
		p99_ns: 2000,
		cpu_ns: 5_000_000,
		user_ticks: 1,
		sys_ticks: 3,
		rss_kb: 4096,
		peak_kb: 4096,
		instructions: 0,
		syscalls: 0,
		clock_reads: 0,
		longest_turn: 0,
		...changes,
	};
}

test("the median of an odd and an even number of values", () => {
	assert.equal(median([9, 1, 5]), 5);
	assert.equal(median([9, 1, 5, 6]), 5.5);
});

test("figures are medians for a delivered message", () => {
	const figures = summarize(
		"row",
		"x86_64",
		[1, 100, 5].map((times) => run({ cpu_ns: times * 1_000_000, instructions: 1000 * times })),
		null,
	);
	assert.equal(figures.cpuUs, 5);
	assert.equal(figures.instructions, 5);
	assert.equal(figures.rate, 500);
	assert.equal(figures.kernel, 0.75);
	assert.equal(figures.failure, null);
});

test("reads of the clock are told apart from other system calls", () => {
	const figures = summarize("row", "mips_24kc", [run({ syscalls: 3000, clock_reads: 1000 })], null);
	assert.deepEqual([figures.syscalls, figures.clockReads], [2, 1]);
});

test("one lost or misplaced message fails the row", () => {
	assert.match(summarize("row", "x86_64", [run({}), run({ lost: 1 })], null).failure!, /lost 1/);
	assert.match(summarize("row", "x86_64", [run({ misplaced: 2 }), run({})], null).failure!, /reordered 2/);
});

test("a target is met at its limit, missed above it, and never met by a failed row", () => {
	const judged = (times: number, changes: Partial<Run>) => {
		const own = summarize(row.name, "x86_64", [run({ cpu_ns: 1_000_000 * times, ...changes })], null);
		return judge([own, summarize(row.name, "mosquitto", [run({ cpu_ns: 1_000_000 })], null)], [], null);
	};
	assert.deepEqual(
		judged(row.cpuRatio!, {}).map((each) => each.met),
		[true],
	);
	assert.deepEqual(
		judged(row.cpuRatio! * 1.01, {}).map((each) => each.met),
		[false],
	);
	assert.deepEqual(
		judged(0.1, { lost: 1 }).map((each) => each.met),
		[false],
	);
});

test("the size of the MIPS binary is judged", () => {
	assert.deepEqual(
		[limits.mipsSize, limits.mipsSize + 1].map((size) => judge([], [], size)[0]!.met),
		[true, false],
	);
});

test("the latency under attack is compared window by window with the calm one beside it", () => {
	const of = (...latencies: number[]) =>
		summarize(
			row.name,
			"x86_64",
			latencies.map((p99_ns) => run({ p99_ns })),
			null,
		);
	// The machine was busy in the second pair, and others disturbed the last.
	assert.equal(p99Times({ calm: of(100, 900, 100), attacked: of(150, 1350, 5000) }), 1.5);
	assert.equal(p99Times({ calm: of(100, 200), attacked: of(100, 600) }), 2);
});

test("an attack is judged by the latency in it as a multiple of that in between", () => {
	const { name, p99Ratio } = attackRows.find((each) => each.p99Ratio !== undefined)!;
	const judged = (times: number, failure: string | null) => {
		const calm = summarize(name, "mips_24kc", [run({ p99_ns: 3000 })], null);
		const attacked = summarize(name, "mips_24kc", [run({ p99_ns: 3000 * times })], null);
		return judge(
			[],
			[{ row: name, host: "mips_24kc", failure, calm, attacked, attackers: 0.1, rate: 1000 }],
			null,
		);
	};
	assert.deepEqual(
		[judged(p99Ratio!, null), judged(p99Ratio! * 1.01, null), judged(1, "lost 1")].map(([one]) => one!.met),
		[true, false, false],
	);
});
