/** What persistence costs: octets written to the file system, and the time of a start with much in the database. */

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PacketType } from "../../src/packet/packet.ts";
import { RawClient } from "../system/raw-client.ts";
import { type Broker, command, startBroker } from "./broker.ts";
import type { Verdict } from "./figures.ts";
import type { Host } from "./scenario.ts";
import type { Tools } from "./tools.ts";

/** One figure for one broker. */
export interface StorageFigure {
	readonly row: string;
	readonly host: Host;
	readonly value: number;
}

const UPDATES = 10_000;
const TOPICS = 100;
/** Milliseconds between updates, 20 at a time: ten seconds in all. */
const PAUSE = 20;
const BATCH = 20;
/** Seconds after which what is lazy is written, and mosquitto saves. */
const INTERVAL = 5;
const PAYLOAD = "x".repeat(64);

const RETAINED = 100_000;
const SESSIONS = 1000;
const QUEUED = 100;
const WINDOW = 20;

const placeOf = ({ port }: Broker) => ({ host: "127.0.0.1", port });

/** Settings by which a broker keeps things in a folder of its own, which is emptied. */
function keeping(tools: Tools, name: string, more: readonly string[]): { folder: string; lines: string[] } {
	const folder = join(tools.scratch, name);
	rmSync(folder, { recursive: true, force: true });
	mkdirSync(folder, { recursive: true });
	return { folder, lines: ["user root", "persistence true", `persistence_location ${folder}/`, ...more] };
}

/** Octets that a process has had written to storage, as the kernel counts them when pages become dirty. */
function writtenBy(pid: number): number {
	return Number(/^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1]);
}

/** Publishes with a window, and waits for every acknowledgement. */
class Sender {
	private readonly client: RawClient;
	private underWay = 0;
	private lastPacketId = 0;
	private wake: () => void = () => undefined;

	constructor(client: RawClient) {
		this.client = client;
		client.listen(({ type }) => {
			if (type !== PacketType.PUBACK) return;
			this.underWay--;
			this.wake();
		});
	}

	async publish(topic: string, retain: boolean): Promise<void> {
		while (this.underWay >= WINDOW) await this.next();
		this.underWay++;
		this.lastPacketId = (this.lastPacketId % 65_535) + 1;
		this.client.publish(topic, PAYLOAD, 1, this.lastPacketId, { retain });
	}

	async finish(): Promise<void> {
		while (this.underWay > 0) await this.next();
	}

	private next(): Promise<void> {
		return new Promise((resolve) => {
			this.wake = resolve;
		});
	}
}

async function sender(broker: Broker): Promise<Sender> {
	return new Sender((await RawClient.open(placeOf(broker), { clientId: "sender" })).client);
}

async function updates(tools: Tools, host: Host, cpu: number, more: readonly string[]): Promise<number> {
	const { lines } = keeping(tools, "writes", more);
	const broker = await startBroker(host, tools, cpu, { lines });
	try {
		const before = writtenBy(broker.pid);
		const to = await sender(broker);
		for (let count = 0; count < UPDATES; count++) {
			await to.publish(`bench/${count % TOPICS}`, true);
			if (count % BATCH === BATCH - 1) await sleep(PAUSE);
		}
		await to.finish();
		// What is left is written when it would be without a signal, so that every update counts.
		process.kill(broker.pid, "SIGUSR1");
		await sleep(1000);
		const written = writtenBy(broker.pid) - before;
		if (written === 0) throw new Error(`bench: ${tools.scratch} is on no disk: nothing is counted`);
		return written;
	} finally {
		await broker.stop();
	}
}

/** Octets written for retained updates, by each broker. */
export async function measureWrites(
	tools: Tools,
	hosts: readonly Host[],
	cpu: number,
): Promise<StorageFigure[]> {
	const figures: StorageFigure[] = [];
	const add = async (row: string, host: Host, more: readonly string[]) => {
		figures.push({ row, host, value: await updates(tools, host, cpu, more) });
	};
	for (const host of hosts) {
		if (host === "mosquitto") {
			await add(`autosave every ${INTERVAL} s`, host, [`autosave_interval ${INTERVAL}`]);
			await add("autosave on every change", host, ["autosave_on_changes true", "autosave_interval 1"]);
		} else {
			await add(`lazy, every ${INTERVAL} s`, host, ["durability lazy", `persist_interval ${INTERVAL}`]);
			await add("sync", host, ["durability sync"]);
		}
		process.stderr.write(`bench: writes of ${host} done\n`);
	}
	return figures;
}

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

/** Milliseconds from the start of the process to an event. */
interface StartTimes {
	/** A client is connected. */
	readonly connected: number;
	/** The retained message that was published last, and all messages of the session that was made last, are there. */
	readonly ready: number;
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

async function start(tools: Tools, host: Host, cpu: number, lines: readonly string[]): Promise<StartTimes> {
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
		await client.drop();
		await other.drop();
		return { connected, ready };
	} finally {
		await broker.stop("SIGKILL");
	}
}

/** A start may take so many times as long as mosquitto's. */
const START_RATIO = 3;

/** Whether the starts are as fast as they are to be. */
export function judgeStarts(figures: readonly StorageFigure[]): Verdict[] {
	const ready = figures.filter(({ row }) => row === "all there");
	const base = ready.find(({ host }) => host === "mosquitto")?.value;
	if (base === undefined) return [];
	return ready
		.filter(({ host }) => host !== "mosquitto")
		.map(({ host, value }) => {
			const figure = value / base;
			return {
				what: `${host}, start: time as a multiple of mosquitto's`,
				figure,
				limit: START_RATIO,
				met: figure <= START_RATIO,
			};
		});
}

function median(values: readonly number[]): number {
	return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]!;
}

/** The time of a start with the same content, the brokers taking turns. */
export async function measureStarts(
	tools: Tools,
	hosts: readonly Host[],
	cpu: number,
	rounds: number,
): Promise<StorageFigure[]> {
	const source = await fill(tools, cpu);
	const lines = new Map<Host, string[]>();
	for (const host of hosts) {
		if (host === "mosquitto") {
			lines.set(host, ["user root", "persistence true", `persistence_location ${source}/`]);
			continue;
		}
		const own = keeping(tools, `own-${host}`, []);
		lines.set(host, own.lines);
		const [program = "", ...args] = command(host, tools, "");
		execFileSync(program, [
			...args,
			"import",
			"--database",
			join(own.folder, "mqttd.db"),
			join(source, "mosquitto.db"),
		]);
	}
	const times = new Map<Host, StartTimes[]>(hosts.map((host) => [host, []]));
	for (let round = 0; round < rounds; round++) {
		for (const host of hosts) times.get(host)!.push(await start(tools, host, cpu, lines.get(host)!));
		process.stderr.write(`bench: starts, round ${round + 1} done\n`);
	}
	return hosts.flatMap((host) => {
		const all = times.get(host)!;
		return [
			{ row: "first client connected", host, value: median(all.map(({ connected }) => connected)) },
			{ row: "all there", host, value: median(all.map(({ ready }) => ready)) },
		];
	});
}
