/**
 * The benchmark: `node test/bench/run.ts [--quick] [--only TEXT] [--hosts LIST] [--rounds N] [--json FILE]`
 *
 * Runs each row with each broker in turn, A/B/A/B, over several rounds, each time with a fresh broker that is warmed
 * up in that very row; prints medians as Markdown, and writes them with every single run as JSON. Broker and load
 * generator share one processor: then a broker's wake-ups are not inter-processor interrupts, whose cost depends on
 * the machine, and what it finds waiting when it runs depends on the flow's window and not on chance.
 *
 * Exit code: 1 when a row failed (a message lost, doubled or reordered). A missed target is printed, not an error.
 */

import { execFile } from "node:child_process";
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { measureAttack } from "./attacked.ts";
import { startBroker } from "./broker.ts";
import { type Attacked, type Figures, judge, type Run, summarize } from "./figures.ts";
import {
	ATTACK_NOTE,
	attackTable,
	countTable,
	cpuTable,
	idleTable,
	startTable,
	verdictTable,
	writesTable,
} from "./report.ts";
import { attackRows, countedRows, type Host, idleRows, type Row, rows } from "./scenario.ts";
import { judgeStarts, measureStarts } from "./starts.ts";
import { measureWrites } from "./storage.ts";
import { prepareTools, type Tools } from "./tools.ts";

const CPU = 0;

const { values: option } = parseArgs({
	options: {
		quick: { type: "boolean", default: false },
		only: { type: "string", default: "" },
		hosts: { type: "string", default: "x86_64,node,mips" },
		rounds: { type: "string" },
		json: { type: "string" },
	},
});
const wanted = option.hosts.split(",");
for (const name of wanted) {
	if (!["x86_64", "node", "mips", "none"].includes(name))
		throw new Error(`bench: unknown host '${name}' in --hosts (x86_64, node, mips, none)`);
}
const rounds = Number(option.rounds ?? (option.quick ? 3 : 5));
if (!Number.isInteger(rounds) || rounds < 1)
	throw new Error(`bench: --rounds ${option.rounds} is not a number above 0`);

/** Runs the load generator against a broker; its report, or why there is none. */
function load(tools: Tools, args: readonly string[]): Promise<Run | string> {
	return new Promise((resolve) => {
		execFile(tools.load, args, { timeout: 120_000, encoding: "utf8" }, (_error, stdout, stderr) => {
			if (stdout.endsWith("}\n")) resolve(JSON.parse(stdout) as Run);
			else resolve(stderr.trim() || "the load generator was killed");
		});
	});
}

async function once(tools: Tools, row: Row, host: Host): Promise<Run | string> {
	const broker = await startBroker(host, tools, CPU, { acl: row.acl });
	try {
		const messages = option.quick ? row.quick : row.messages;
		const args =
			`--port ${broker.port} --pid ${broker.pid} --cpu ${CPU} --messages ${messages} ${row.load}`.split(" ");
		if (messages > 0) args.push("--warmup", String(Math.ceil(messages / 4)));
		if (broker.counters !== null) args.push("--counters", broker.counters);
		return await load(tools, args);
	} finally {
		await broker.stop();
	}
}

/** The rows of attacks whose names contain `--only`, the brokers taking turns. */
async function measureAttacks(tools: Tools, hosts: readonly Host[]): Promise<Attacked[]> {
	const all: Attacked[] = [];
	for (const row of attackRows.filter(({ name }) => name.includes(option.only))) {
		for (const host of hosts)
			all.push(await measureAttack(tools, row, host, rounds, option.quick ? row.quick : row.messages));
		process.stderr.write(`bench: ${row.name} done\n`);
	}
	return all;
}

/** All rounds of the rows whose names contain `--only`, the brokers taking turns. */
async function measure(tools: Tools, table: readonly Row[], hosts: readonly Host[]): Promise<Figures[]> {
	const all: Figures[] = [];
	for (const row of table.filter((each) => each.name.includes(option.only))) {
		const runs = new Map<Host, Run[]>(hosts.map((host) => [host, []]));
		const failures = new Map<Host, string>();
		for (let round = 0; round < rounds; round++) {
			for (const host of hosts) {
				const run = await once(tools, row, host);
				if (typeof run === "string") failures.set(host, run);
				else runs.get(host)!.push(run);
			}
		}
		for (const host of hosts)
			all.push(summarize(row.name, host, runs.get(host)!, failures.get(host) ?? null));
		process.stderr.write(`bench: ${row.name} done\n`);
	}
	return all;
}

const tools = prepareTools();
try {
	const native: Host[] = ["mosquitto"];
	if (wanted.includes("x86_64")) native.push("x86_64");
	if (wanted.includes("node")) native.push("node");
	const started = wanted.some((name) => name !== "mips");
	const cpu = started ? await measure(tools, rows, native) : [];
	const idle = started ? await measure(tools, idleRows, native) : [];
	const emulated: Host[] = ["mosquitto-mips", "mips_24kc"];
	const counted = wanted.includes("mips") ? await measure(tools, countedRows, emulated) : [];
	const own: readonly Host[] = ["x86_64", "node", "mips_24kc"];
	const attacked = await measureAttacks(
		tools,
		own.filter((host) => wanted.includes(host === "mips_24kc" ? "mips" : host)),
	);
	const writes =
		started && "storage: writes".includes(option.only) ? await measureWrites(tools, native, CPU) : [];
	const everyHost = [...(started ? native : []), ...(wanted.includes("mips") ? emulated : [])];
	const starts = "storage: start".includes(option.only)
		? await measureStarts(tools, everyHost, CPU, rounds)
		: [];
	const all = [...cpu, ...idle, ...counted];
	if (all.length + attacked.length + writes.length + starts.length === 0)
		throw new Error(`bench: no row's name contains '${option.only}'`);

	const mips = join(tools.dist, "mips_24kc/mqttd");
	const verdicts = [
		...judge(all, attacked, existsSync(mips) ? statSync(mips).size : null),
		...judgeStarts(starts),
	];
	const machine = `${cpus()[0]?.model ?? "?"}, Node ${process.version}, medians of ${rounds} rounds`;
	const parts = [`# Benchmark beside mosquitto 2.1\n\n${machine}; 64-byte payloads.\n`];
	if (cpu.length > 0) parts.push(`## CPU time of the broker\n\n${cpuTable(cpu)}`);
	if (idle.length > 0) parts.push(`## Idle\n\n${idleTable(idle)}`);
	if (counted.length > 0)
		parts.push(`## MIPS: the broker's own instructions and system calls\n\n${countTable(counted)}`);
	if (attacked.length > 0)
		parts.push(
			`## A normal client at 1000 messages a second, without → with an attack\n\n${attackTable(attacked)}\n${ATTACK_NOTE}`,
		);
	if (writes.length > 0)
		parts.push(
			`## 10,000 updates of retained messages over 100 topics in ten seconds\n\n${writesTable(writes)}`,
		);
	if (starts.length > 0)
		parts.push(
			`## Start with 100,000 retained messages and 1000 sessions of which each waits for 100\n\n${startTable(starts)}`,
		);
	parts.push(`## Targets\n\n${verdictTable(verdicts)}`);
	const json = option.json ?? join(tools.dist, "bench.json");
	mkdirSync(dirname(json), { recursive: true });
	writeFileSync(
		json,
		`${JSON.stringify({ machine, figures: all, attacked, writes, starts, verdicts }, null, "\t")}\n`,
	);
	process.stdout.write(`${parts.join("\n")}\nThe same with every single run: ${json}\n`);
	if ([...all, ...attacked].some((each) => each.failure !== null)) process.exitCode = 1;
} finally {
	tools.close();
}
