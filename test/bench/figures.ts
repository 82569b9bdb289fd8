/** Figures of runs: what the load generator reports, medians, and the verdicts on them. */

import { attackRows, countedRows, type Host, idleRows, limits, rows } from "./scenario.ts";

/** One run, as load.c prints it. */
export interface Run {
	published: number;
	delivered: number;
	seconds: number;
	lost: number;
	misplaced: number;
	p50_ns: number;
	p99_ns: number;
	cpu_ns: number;
	user_ticks: number;
	sys_ticks: number;
	rss_kb: number;
	peak_kb: number;
	instructions: number;
	syscalls: number;
	clock_reads: number;
	/** Instructions of the longest turn of the event loop; 0 where they are not counted. */
	longest_turn: number;
}

/** A broker in a row: the medians over its rounds. */
export interface Figures {
	row: string;
	host: Host;
	runs: Run[];
	/** Why the row counts for nothing: a message was lost, doubled or reordered, or the broker failed; else null. */
	failure: string | null;
	cpuUs: number;
	/** Part of the CPU time that was spent in the kernel. */
	kernel: number;
	rate: number;
	p50Us: number;
	p99Us: number;
	rssKb: number;
	/** For a delivered message; without the reads of the clock. */
	instructions: number;
	syscalls: number;
	clockReads: number;
	/** (largest − smallest) / median of the instructions. */
	spread: number;
	/** For idle rows: CPU time in ms for each second. */
	idleMs: number;
	/** Instructions of the longest turn of the event loop. */
	longestTurn: number;
}

/** A broker under attack: the medians over the windows in which it was, and over those in between. */
export interface Attacked {
	row: string;
	host: Host;
	failure: string | null;
	calm: Figures;
	attacked: Figures;
	/** Part of a processor that the attackers took. */
	attackers: number;
	/** What they did a second: connections begun, octets sent, and logins. */
	rate: number;
}

/**
 * How many times as long the 99th percentile of the latency is under attack: the median of the ratios of each window to the
 * calm one that has its place in the same round, so that what else the machine does then is in both.
 */
export function p99Times({ calm, attacked }: Pick<Attacked, "calm" | "attacked">): number {
	return median(attacked.runs.map((run, at) => run.p99_ns / calm.runs[at]!.p99_ns));
}

export function median(values: readonly number[]): number {
	if (values.length === 0) return Number.NaN;
	const sorted = [...values].sort((a, b) => a - b);
	const middle = sorted.length >> 1;
	return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function summarize(row: string, host: Host, runs: Run[], failure: string | null): Figures {
	const of = (figure: (run: Run) => number) => median(runs.map(figure));
	const perMessage = runs.map((run) => run.instructions / run.delivered);
	const bad = runs.find((run) => run.lost > 0 || run.misplaced > 0);
	if (bad !== undefined) failure ??= `lost ${bad.lost}, doubled or reordered ${bad.misplaced}`;
	return {
		row,
		host,
		runs,
		failure,
		cpuUs: of((run) => run.cpu_ns / 1000 / run.delivered),
		kernel: of((run) => run.sys_ticks / Math.max(1, run.user_ticks + run.sys_ticks)),
		rate: of((run) => run.delivered / run.seconds),
		p50Us: of((run) => run.p50_ns / 1000),
		p99Us: of((run) => run.p99_ns / 1000),
		rssKb: of((run) => run.rss_kb),
		instructions: median(perMessage),
		syscalls: of((run) => (run.syscalls - run.clock_reads) / run.delivered),
		clockReads: of((run) => run.clock_reads / run.delivered),
		spread: (Math.max(...perMessage) - Math.min(...perMessage)) / median(perMessage),
		idleMs: of((run) => run.cpu_ns / 1e6 / run.seconds),
		longestTurn: of((run) => run.longest_turn),
	};
}

export interface Verdict {
	what: string;
	figure: number;
	limit: number;
	met: boolean;
}

/** Holds the figures against the tables of scenario.ts. Node has no targets of its own but under attack. */
export function judge(
	all: readonly Figures[],
	attacked: readonly Attacked[],
	mipsSize: number | null,
): Verdict[] {
	const verdicts: Verdict[] = [];
	const find = (row: string, host: Host) => all.find((each) => each.row === row && each.host === host);
	const check = (what: string, figure: number, limit: number, failed: boolean) =>
		verdicts.push({ what, figure, limit, met: !failed && figure <= limit });

	for (const row of rows) {
		const own = find(row.name, "x86_64");
		const base = find(row.name, "mosquitto");
		if (row.cpuRatio === undefined || own === undefined || base === undefined) continue;
		const failed = own.failure !== null || base.failure !== null;
		check(
			`x86_64, ${row.name}: CPU as a multiple of mosquitto's`,
			own.cpuUs / base.cpuUs,
			row.cpuRatio,
			failed,
		);
	}
	const idle = find(idleRows[0]!.name, "x86_64");
	if (idle !== undefined)
		check("x86_64, idle: RSS in MiB", idle.rssKb / 1024, limits.idleRss / 1024, idle.failure !== null);
	for (const { name } of countedRows) {
		const own = find(name, "mips_24kc");
		const base = find(name, "mosquitto-mips");
		if (own === undefined || base === undefined) continue;
		const failed = own.failure !== null || base.failure !== null;
		if ((limits.instructionRows as readonly string[]).includes(name)) {
			const ratio = own.instructions / base.instructions;
			check(
				`MIPS, ${name}: instructions as a multiple of mosquitto's`,
				ratio,
				limits.instructionRatio,
				failed,
			);
		}
		if ((limits.syscallRows as readonly string[]).includes(name))
			check(`MIPS, ${name}: system calls a message`, own.syscalls, limits.syscalls, failed);
	}
	const [withAcl, without] = limits.aclRows;
	for (const host of ["x86_64", "mips_24kc"] as const) {
		const [own, base] = [find(withAcl, host), find(without, host)];
		if (own === undefined || base === undefined) continue;
		const ratio = host === "x86_64" ? own.cpuUs / base.cpuUs : own.instructions / base.instructions;
		const what = host === "x86_64" ? "x86_64, CPU" : "MIPS, instructions";
		const failed = own.failure !== null || base.failure !== null;
		check(`${what}: ${withAcl}, as a multiple of ${without}`, ratio, limits.aclRatio, failed);
	}
	for (const { name, p99Ratio } of attackRows) {
		for (const each of attacked.filter(({ row }) => row === name)) {
			if (p99Ratio === undefined) continue;
			const what = `${each.host}, ${name}: p99 as a multiple of that without`;
			check(what, each.failure === null ? p99Times(each) : Number.NaN, p99Ratio, each.failure !== null);
		}
	}
	if (mipsSize !== null) check("MIPS binary: size in MB", mipsSize / 1e6, limits.mipsSize / 1e6, false);
	return verdicts;
}
