/** What a start with much in the database costs. */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PacketType } from "../../src/packet/packet.ts";
import { RawClient } from "../system/raw-client.ts";
import { type Broker, command, startBroker } from "./broker.ts";
import { median, type Verdict } from "./figures.ts";
import type { Host } from "./scenario.ts";
import { keeping, placeOf, type StorageFigure, sender } from "./storage.ts";
import type { Tools } from "./tools.ts";

/** Rows of the table. */
const CONNECTED = "ms: first client connected";
const READY = "ms: all there";
const MEMORY = "resident MiB then";
const INSTRUCTIONS = "millions of instructions until then";

const RETAINED = 100_000;
const SESSIONS = 1000;
const QUEUED = 100;

/** Has mosquitto make its file: 100,000 retained messages, and 1000 sessions of which each waits for 100. */
async function fill(tools: Tools, cpu: number): Promise<string> {
	const { folder, lines } = keeping(tools, "mosquitto", ["autosave_interval 0"]);
	const broker = await startBroker("mosquitto", tools, cpu, { lines });
	for (let index = 0; index < SESSIONS; index++) {
		const { client } = await RawClient.open(placeOf(broker), { clientId: `session${index}`, version: 4 });
		await client.subscribe("queued/#", 1);
		await client.end();
	}
	const to = await sender(broker);
	for (let index = 0; index < QUEUED; index++) await to.publish(`queued/${index}`, false);
	for (let index = 0; index < RETAINED; index++) await to.publish(`retained/${index % 100}/${index}`, true);
	await to.finish();
	await broker.stop();
	return folder;
}

/** A start of a process: milliseconds to an event, and what it has cost by the last one. */
interface Start {
	/** A client is connected. */
	readonly connected: number;
	/** The retained message that was published last, and all messages of the session that was made last, are there. */
	readonly ready: number;
	/** Resident KiB; under qemu those of qemu. */
	readonly rss: number;
	/** Only under qemu, else 0. */
	readonly instructions: number;
}

/** Connects as soon as that is possible: mosquitto says that it opens its listener before it does. */
async function firstClient(broker: Broker): Promise<RawClient> {
	for (let attempts = 0; ; attempts++) {
		try {
			return (await RawClient.open(placeOf(broker), { clientId: "first" })).client;
		} catch (error) {
			if (attempts > 10_000) throw error;
			await sleep(2);
		}
	}
}

function residentKib(pid: number): number {
	return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

/** The first of the counters: see measure.h. */
function instructionsOf({ counters }: Broker): number {
	return counters === null ? 0 : Number(readFileSync(counters).readBigUInt64LE(0));
}

async function start(tools: Tools, host: Host, cpu: number, lines: readonly string[]): Promise<Start> {
	const began = performance.now();
	const broker = await startBroker(host, tools, cpu, { lines, waits: "listening" });
	try {
		const client = await firstClient(broker);
		const connected = performance.now() - began;
		const retained = new Promise<void>((resolve) => {
			client.listen(({ type }) => type === PacketType.PUBLISH && resolve());
		});
		await client.subscribe(`retained/${(RETAINED - 1) % 100}/${RETAINED - 1}`, 0);
		await retained;
		const { client: other } = await RawClient.open(placeOf(broker), {
			clientId: `session${SESSIONS - 1}`,
			version: 4,
		});
		let count = 0;
		await new Promise<void>((resolve) => {
			other.listen((packet) => {
				if (packet.type !== PacketType.PUBLISH) return;
				other.acknowledge(PacketType.PUBACK, packet.packetId);
				if (++count === QUEUED) resolve();
			});
		});
		const ready = performance.now() - began;
		const [rss, instructions] = [residentKib(broker.pid), instructionsOf(broker)];
		await client.drop();
		await other.drop();
		return { connected, ready, rss, instructions };
	} finally {
		await broker.stop("SIGKILL");
	}
}

const isMosquitto = (host: Host) => host === "mosquitto" || host === "mosquitto-mips";
const isEmulated = (host: Host) => host === "mosquitto-mips" || host === "mips_24kc";

/** What a start with the same content costs, the brokers taking turns. */
export async function measureStarts(
	tools: Tools,
	hosts: readonly Host[],
	cpu: number,
	rounds: number,
): Promise<StorageFigure[]> {
	const source = await fill(tools, cpu);
	const lines = new Map<Host, string[]>();
	for (const host of hosts) {
		if (isMosquitto(host)) {
			lines.set(host, ["user root", "persistence true", `persistence_location ${source}/`]);
			continue;
		}
		const own = keeping(tools, `own-${host}`, []);
		lines.set(host, own.lines);
		const [program = "", ...args] = command(host, tools, join(tools.scratch, "import.counters"));
		execFileSync(program, [
			...args,
			"import",
			"--database",
			join(own.folder, "mqttd.db"),
			join(source, "mosquitto.db"),
		]);
	}
	const times = new Map<Host, Start[]>(hosts.map((host) => [host, []]));
	for (let round = 0; round < rounds; round++) {
		for (const host of hosts) times.get(host)!.push(await start(tools, host, cpu, lines.get(host)!));
		process.stderr.write(`bench: starts, round ${round + 1} done\n`);
	}
	return hosts.flatMap((host) => {
		const of = (row: string, figure: (each: Start) => number) => ({
			row,
			host,
			value: median(times.get(host)!.map(figure)),
		});
		const figures = [of(CONNECTED, ({ connected }) => connected), of(READY, ({ ready }) => ready)];
		if (isEmulated(host)) figures.push(of(INSTRUCTIONS, ({ instructions }) => instructions / 1e6));
		else figures.push(of(MEMORY, ({ rss }) => rss / 1024));
		return figures;
	});
}

/** A start may take so many times as long as mosquitto's. */
const LIMIT = 3;

/** The broker that others on the same processor are compared with. */
const yardstickOf = (host: Host): Host => (isEmulated(host) ? "mosquitto-mips" : "mosquitto");

/** Figure of a row as a multiple of mosquitto's; NaN without that. */
export function startRatio(figures: readonly StorageFigure[], { row, host, value }: StorageFigure): number {
	const base = figures.find((each) => each.row === row && each.host === yardstickOf(host));
	return value / (base?.value ?? Number.NaN);
}

/** Whether the starts are as fast as they are to be; under qemu, which is not a router's clock, in instructions too. */
export function judgeStarts(figures: readonly StorageFigure[]): Verdict[] {
	return figures
		.filter(({ row, host }) => (row === READY || row === INSTRUCTIONS) && !isMosquitto(host))
		.map((own) => {
			const figure = startRatio(figures, own);
			return {
				what: `${own.host}, start, ${own.row}: as a multiple of mosquitto's`,
				figure,
				limit: LIMIT,
				met: figure <= LIMIT,
			};
		});
}
