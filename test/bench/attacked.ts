/**
 * The rows of attacks: windows without and with the attack take turns, A/B/A/B, at one and the same broker, so that they
 * have in common what else the machine does.
 *
 * The broker has a processor of its own. The normal client, which for a broker is on another machine, has the others; the
 * attackers share those, but run only when nobody else wants to (SCHED_IDLE): theirs would be other machines, too.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Broker, startBroker } from "./broker.ts";
import { type Attacked, median, type Run, summarize } from "./figures.ts";
import type { AttackRow, Host } from "./scenario.ts";
import type { Tools } from "./tools.ts";

const BROKER_CPU = 0;
const OTHER_CPU = cpus().length > 1 ? 1 : 0;
/** Ticks of a second in /proc. */
const TICKS = 100;
/** Windows of a round, calm ones and then as many under attack. Many short ones: what else happens moves few of them. */
const WINDOWS = 3;
/** Milliseconds in which a broker that has nothing left to do does nothing, and after which that is not waited for. */
const REST = 200;
const LONGEST_REST = 10_000;

/** An attack that is under way. */
class Attackers {
	private readonly child: ChildProcess;
	private readonly lines: AsyncIterator<string>;

	private constructor(child: ChildProcess) {
		this.child = child;
		this.lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
	}

	static async begin({ attack, number }: AttackRow, port: number): Promise<Attackers> {
		const program = join(import.meta.dirname, "attack.ts");
		const node = [process.execPath, program, attack, String(port), String(number)];
		const line = ["-c", String(OTHER_CPU), "chrt", "--idle", "0", ...node];
		const attackers = new Attackers(spawn("taskset", line, { stdio: ["pipe", "pipe", "inherit"] }));
		if ((await attackers.nextLine()) !== "ready")
			throw new Error(`bench: the attack '${attack}' did not begin`);
		return attackers;
	}

	private async nextLine(): Promise<string | undefined> {
		return (await this.lines.next()).value;
	}

	/** How much it has done so far. */
	async done(): Promise<number> {
		this.child.stdin!.write("\n");
		return Number(await this.nextLine());
	}

	get seconds(): number {
		return secondsOf(this.child.pid!);
	}

	async end(): Promise<void> {
		this.child.kill("SIGKILL");
		await once(this.child, "exit");
	}
}

/** Seconds of a processor that a process has had. */
function secondsOf(pid: number): number {
	const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
	return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Waits until a broker is done with what an attack has left, such as passwords that are still looked at. */
async function rest(pid: number): Promise<void> {
	const end = performance.now() + LONGEST_REST;
	let before = -1;
	for (let now = secondsOf(pid); now !== before && performance.now() < end; now = secondsOf(pid)) {
		before = now;
		await new Promise((resolve) => setTimeout(resolve, REST));
	}
}

/** The load generator, which measures one window after the other. */
class Load {
	private readonly child: ChildProcess;
	private readonly lines: AsyncIterator<string>;
	private complaint = "";

	constructor(tools: Tools, broker: Broker, row: AttackRow, windows: number, messages: number) {
		const args = `--port ${broker.port} --pid ${broker.pid} --cpu ${OTHER_CPU} --messages ${messages} ${row.load}`;
		const own = ["--warmup", String(messages), "--runs", String(windows)];
		if (broker.counters !== null) own.push("--counters", broker.counters);
		this.child = spawn(tools.load, [...args.split(" "), ...own], { stdio: "pipe" });
		this.child.stderr!.setEncoding("utf8").on("data", (text: string) => {
			this.complaint += text;
		});
		this.lines = createInterface({ input: this.child.stdout! })[Symbol.asyncIterator]();
	}

	/** What it measured, or why there is nothing. */
	async measure(kind: "calm" | "busy"): Promise<Run | string> {
		this.child.stdin!.write(`${kind}\n`);
		const { value, done } = await this.lines.next();
		return done === true ? this.complaint.trim() || "the load generator ended" : (JSON.parse(value) as Run);
	}

	end(): void {
		this.child.kill("SIGKILL");
	}
}

/** Runs one row with one broker. */
export async function measureAttack(
	tools: Tools,
	row: AttackRow,
	host: Host,
	rounds: number,
	messages: number,
): Promise<Attacked> {
	const broker = await startBroker(host, tools, BROKER_CPU, { attack: row.attack });
	const load = new Load(tools, broker, row, 2 * WINDOWS * rounds, messages);
	const calm: Run[] = [];
	const attacked: Run[] = [];
	const shares: number[] = [];
	const rates: number[] = [];
	let failure: string | null = null;
	const measure = async (kind: "calm" | "busy", into: Run[]) => {
		for (let window = 0; window < WINDOWS && failure === null; window++) {
			const run = await load.measure(kind);
			if (typeof run === "string") failure = run;
			else into.push(run);
		}
	};
	try {
		for (let round = 0; round < rounds && failure === null; round++) {
			await rest(broker.pid);
			await measure("calm", calm);
			const attackers = await Attackers.begin(row, broker.attackedPort);
			const { seconds } = attackers;
			const done = await attackers.done();
			const start = performance.now();
			await measure("busy", attacked);
			const passed = (performance.now() - start) / 1000;
			shares.push((attackers.seconds - seconds) / passed);
			rates.push(((await attackers.done()) - done) / passed);
			await attackers.end();
		}
	} finally {
		load.end();
		await broker.stop();
	}
	const figures = {
		calm: summarize(row.name, host, calm, failure),
		attacked: summarize(row.name, host, attacked, failure),
	};
	failure = figures.calm.failure ?? figures.attacked.failure;
	return { row: row.name, host, failure, ...figures, attackers: median(shares), rate: median(rates) };
}
