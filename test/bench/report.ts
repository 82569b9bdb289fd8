/** The benchmark's tables, as Markdown. */

import type { Attack } from "./attack.ts";
import { type Attacked, type Figures, p99Times, type Verdict } from "./figures.ts";
import { attackRows } from "./scenario.ts";
import { startRatio } from "./starts.ts";
import type { StorageFigure } from "./storage.ts";

const yardstick: Record<string, string> = {
	x86_64: "mosquitto",
	node: "mosquitto",
	mips_24kc: "mosquitto-mips",
};

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
	const widths = head.map((name, column) =>
		Math.max(name.length, ...lines.map((line) => line[column]?.length ?? 0)),
	);
	const draw = (line: readonly string[]) =>
		`| ${line.map((cell, column) => (column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join(" | ")} |`;
	const rule = `|${widths.map((width, column) => (column < 2 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
	return `${[draw(head), rule, ...lines.map(draw)].join("\n")}\n`;
}

function ratio(all: readonly Figures[], own: Figures, figure: (each: Figures) => number): string {
	const base = all.find((each) => each.row === own.row && each.host === yardstick[own.host]);
	if (base === undefined || base.failure !== null) return "";
	return (figure(own) / figure(base)).toFixed(2);
}

const whole = (value: number) => Math.round(value).toString();

/** Rows whose CPU time was measured. */
export function cpuTable(all: readonly Figures[]): string {
	const head = [
		"flow",
		"broker",
		"CPU µs/msg",
		"× mosquitto",
		"kernel",
		"msg/s",
		"p50 µs",
		"p99 µs",
		"RSS MiB",
	];
	const lines = all.map((each) => {
		if (each.failure !== null)
			return [each.row, each.host, `FAILED: ${each.failure}`, "", "", "", "", "", ""];
		return [
			each.row,
			each.host,
			each.cpuUs.toFixed(2),
			ratio(all, each, (one) => one.cpuUs),
			`${whole(each.kernel * 100)} %`,
			whole(each.rate),
			whole(each.p50Us),
			whole(each.p99Us),
			(each.rssKb / 1024).toFixed(1),
		];
	});
	return table(head, lines);
}

/** Rows of idle brokers. */
export function idleTable(all: readonly Figures[]): string {
	const head = ["state", "broker", "RSS MiB", "× mosquitto", "CPU ms/s"];
	const lines = all.map((each) => {
		if (each.failure !== null) return [each.row, each.host, `FAILED: ${each.failure}`, "", ""];
		const rss = ratio(all, each, (one) => one.rssKb);
		return [each.row, each.host, (each.rssKb / 1024).toFixed(1), rss, each.idleMs.toFixed(2)];
	});
	return table(head, lines);
}

export const ATTACK_NOTE = `Latencies count from when a message was due; medians of windows without and with an attack, which take turns at one
broker; × is the median of the ratios of neighbours. The broker has a processor of its own; the client has another, and the
attackers what the client leaves of that (SCHED_IDLE): their share of it is told, and what they did: connections, octets and
logins a second, fewer where others keep the machine busy. Turns of the event loop in thousands of instructions, where they are
counted.
`;

function attackOf(row: string): Attack | undefined {
	return attackRows.find(({ name }) => name === row)?.attack;
}

/** Rows in which the broker was attacked: without → with. */
export function attackTable(all: readonly Attacked[]): string {
	const head = [
		"attack",
		"broker",
		"p50 µs",
		"p99 µs",
		"×",
		"CPU µs/msg",
		"longest turn",
		"attackers",
		"attack/s",
		"RSS MiB",
	];
	const lines = all.map((each) => {
		const { row, host, failure, calm, attacked, attackers, rate } = each;
		if (failure !== null) return [row, host, `FAILED: ${failure}`, "", "", "", "", "", "", ""];
		const both = (figure: (each: Figures) => number) => `${whole(figure(calm))} → ${whole(figure(attacked))}`;
		const times = p99Times(each).toFixed(2);
		// What is counted of a turn has the instructions of other threads in it, of which passwords have one.
		const isCounted = attacked.longestTurn > 0 && attackOf(row) !== "wrong logins";
		const turn = isCounted ? both((each) => each.longestTurn / 1000) : "";
		return [
			row,
			host,
			both((each) => each.p50Us),
			both((each) => each.p99Us),
			times,
			both((each) => each.cpuUs),
			turn,
			`${(attackers * 100).toFixed(1)} %`,
			whole(rate),
			(attacked.rssKb / 1024).toFixed(1),
		];
	});
	return table(head, lines);
}

/** Rows whose instructions and system calls were counted. */
export function countTable(all: readonly Figures[]): string {
	const head = [
		"flow",
		"broker",
		"instructions/msg",
		"× mosquitto",
		"syscalls/msg",
		"clock reads/msg",
		"spread",
	];
	const lines = all.map((each) => {
		if (each.failure !== null) return [each.row, each.host, `FAILED: ${each.failure}`, "", "", "", ""];
		return [
			each.row,
			each.host,
			whole(each.instructions),
			ratio(all, each, (one) => one.instructions),
			each.syscalls.toFixed(3),
			each.clockReads.toFixed(3),
			`${(each.spread * 100).toFixed(2)} %`,
		];
	});
	return table(head, lines);
}

/** Octets written. */
export function writesTable(all: readonly StorageFigure[]): string {
	const yard = all.find(({ host }) => host === "mosquitto");
	const lines = all.map(({ row, host, value }) => [
		row,
		host,
		whole(value),
		(value / (yard?.value ?? Number.NaN)).toFixed(2),
	]);
	return table(["case", "broker", "octets written", `× mosquitto, ${yard?.row ?? ""}`], lines);
}

/** What starts cost. */
export function startTable(all: readonly StorageFigure[]): string {
	const order = [...new Set(all.map(({ row }) => row))];
	const lines = order.flatMap((row) =>
		all
			.filter((each) => each.row === row)
			.map((each) => [row, each.host, whole(each.value), startRatio(all, each).toFixed(2)]),
	);
	return table(["figure", "broker", "", "× mosquitto"], lines);
}

export function verdictTable(verdicts: readonly Verdict[]): string {
	const lines = verdicts.map((each) => [
		each.what,
		each.met ? "met" : "MISSED",
		each.figure.toFixed(2),
		`≤ ${each.limit}`,
	]);
	return table(["target", "verdict", "figure", "limit"], lines);
}
