/** What persistence costs: octets written to the file system. What a start costs is in starts.ts. */

import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PacketType } from "../../src/packet/packet.ts";
import { RawClient } from "../system/raw-client.ts";
import { type Broker, startBroker } from "./broker.ts";
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
const WINDOW = 20;

export const placeOf = ({ port }: Broker) => ({ host: "127.0.0.1", port });

/** Settings by which a broker keeps things in a folder of its own, which is emptied. */
export function keeping(
	tools: Tools,
	name: string,
	more: readonly string[],
): { folder: string; lines: string[] } {
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

export async function sender(broker: Broker): Promise<Sender> {
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
