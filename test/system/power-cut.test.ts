/**
 * The power goes at random points: of what the broker wrote since it last waited for the disk (fsync) any part is there, other
 * parts are not, and some are torn. What it had acknowledged by then is there all the same, and the database is sound.
 *
 * The broker runs under strace, which tells what it wrote and sent, in order; for each point the files are put together anew.
 * Environment: POWER_POINTS, cuts for each host (default below); POWER_SEED, of cuts to repeat.
 */

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { createNodeHost } from "../../src/node/host.ts";
import { decodePacket, frameLength, PacketType } from "../../src/packet/packet.ts";
import { openDatabase } from "../../src/store/open.ts";
import type { Tables } from "../../src/store/tables.ts";
import { textCodec } from "../fake/text.ts";
import { Random } from "../fuzz/mutate.ts";
import { Publisher, Subscriber } from "./crash-clients.ts";
import {
	type BuiltProgram,
	builtPrograms,
	commandOf,
	configFile,
	type RunningBroker,
	startBroker,
	temporaryFolder,
} from "./harness.ts";
import { Disk } from "./power-cut.ts";
import { RawClient } from "./raw-client.ts";
import { type Event, readRecord, startTraced, stopTraced, traced } from "./strace.ts";

const POINTS = Number(process.env.POWER_POINTS ?? 340);
const WHOLE_BROKERS = 3;
const seed = Number(process.env.POWER_SEED ?? randomInt(2 ** 31));

const FILES = ["mqttd.db", "mqttd.db-wal"];
const MESSAGES = 120;
/** Never released, and so always to be remembered. */
const HELD = 15;
const TOPICS = 5;

function configOf(folder: string): string {
	const limits = ["max_queued_messages 0", "max_queued_bytes 0", "max_inflight_messages 20"];
	const common = ["listener auto 127.0.0.1", "allow_anonymous true", "persistence true", "sys_interval 0"];
	const own = [`persistence_location ${folder}`, `pid_file ${folder}/pid`, "durability sync"];
	return [...common, ...limits, ...own, ""].join("\n");
}

const placeOf = ({ port }: RunningBroker) => ({ host: "127.0.0.1", port });

/** What happened: system calls in order, and which port each client had. */
interface Recording {
	readonly before: ReadonlyMap<string, Uint8Array | null>;
	readonly events: readonly Event[];
	readonly ports: { readonly once: number; readonly least: number; readonly holder: number };
}

async function record(context: TestContext, program: BuiltProgram): Promise<Recording> {
	const folder = temporaryFolder(context);
	const absent = new Subscriber("absent", ["m/#"], () => undefined);
	const first = await startBroker(context, program, { config: configOf(folder) });
	await absent.connect(placeOf(first));
	await absent.leave();
	await first.stop();
	const before = new Map(
		FILES.map((name) => {
			const path = join(folder, name);
			return [path, existsSync(path) ? new Uint8Array(readFileSync(path)) : null];
		}),
	);

	const trace = join(folder, "trace");
	const config = configFile(folder, configOf(folder));
	const broker = await startTraced(context, folder, traced(trace, commandOf(program, ["-c", config])));
	const once = new Publisher("once", 2, () => undefined);
	const least = new Publisher("least", 1, () => undefined);
	least.retainedTopics = TOPICS;
	// One whose messages are on their way out meanwhile.
	const present = new Subscriber("present", ["m/#"], () => undefined);
	once.pause();
	least.pause();
	for (const each of [present, once, least]) await each.connect(placeOf(broker));
	const holder = (await RawClient.open(placeOf(broker), { clientId: "holder", sessionExpiry: 1000 })).client;
	const ports = { once: once.localPort, least: least.localPort, holder: holder.localPort };
	const hold = async () => {
		for (let id = 1; id <= HELD; id++) {
			holder.publish("h/held", String(id), 2, id);
			await holder.next(PacketType.PUBREC);
		}
	};
	await Promise.all([once.finish(MESSAGES), least.finish(MESSAGES), hold()]);
	await stopTraced(folder, broker);
	return { before, events: await readRecord(trace), ports };
}

/** Packet identifiers that the broker acknowledged to one client, as it sends the octets. */
class Acknowledged {
	readonly numbers = new Set<number>();
	private rest = Buffer.alloc(0);

	take(bytes: Uint8Array): void {
		this.rest = Buffer.concat([this.rest, bytes]);
		for (;;) {
			const length = frameLength(this.rest, 0, this.rest.length, 1_000_000);
			if (length === 0 || length > this.rest.length) return;
			const packet = decodePacket(this.rest, 0, length, 5, textCodec);
			// Of a client that connects once, packet identifiers are the numbers of its messages.
			if (packet.type === PacketType.PUBACK || packet.type === PacketType.PUBREC) {
				assert.ok(packet.reasonCode < 0x80, `refused with ${packet.reasonCode}`);
				this.numbers.add(packet.packetId);
			}
			this.rest = this.rest.subarray(length);
		}
	}

	get last(): number {
		return Math.max(0, ...this.numbers);
	}
}

type Told = Readonly<Record<keyof Recording["ports"], Acknowledged>>;

/** Checks what is in the tables against what was acknowledged. */
function check(tables: Tables, told: Told): void {
	const sessions = tables.sessions(0, 100);
	const idOf = (name: string) => sessions.find(({ clientId }) => clientId === name)?.id ?? -1;
	const found: Record<string, number[]> = {};
	let after = 0;
	for (;;) {
		const part = tables.deliveries(idOf("absent"), after, 100);
		for (const { delivery, message } of part) {
			assert.ok(message !== null, "a delivery has its message");
			const numbers = found[message.topic] ?? [];
			found[message.topic] = numbers;
			numbers.push(Number(new TextDecoder().decode(message.payload)));
			after = delivery.position;
		}
		if (part.length === 0) break;
	}
	const all = Array.from({ length: MESSAGES }, (_, index) => index + 1);
	const once = found["m/once"] ?? [];
	assert.deepEqual(once, all.slice(0, once.length), "QoS 2: in order, each once");
	assert.ok(
		once.length >= told.once.last,
		`QoS 2: ${once.length} of ${told.once.last} that were acknowledged`,
	);
	const least = found["m/least"] ?? [];
	const plain = all.filter((number) => number % 3 !== 0);
	assert.deepEqual(least, plain.slice(0, least.length), "QoS 1: in order");
	const lost = plain.filter((number) => told.least.numbers.has(number) && !least.includes(number));
	assert.deepEqual(lost, [], "QoS 1: all that was acknowledged");

	const values = new Map<string, number>();
	for (const { record } of tables.retained(0, 1000)) {
		assert.ok(record !== null, "no record is damaged");
		const { topic, payload } = record;
		if (payload !== null) values.set(topic, Number(new TextDecoder().decode(payload)));
	}
	for (const number of told.least.numbers) {
		if (number % 3 !== 0) continue;
		const topic = `r/least/${(number / 3) % TOPICS}`;
		assert.ok((values.get(topic) ?? 0) >= number, `${topic} is ${values.get(topic)}, not ${number}`);
	}

	const pairs = tables.incoming();
	const held = new Set(pairs.filter((_, at) => at % 2 === 1 && pairs[at - 1] === idOf("holder")));
	for (const number of told.holder.numbers)
		assert.ok(held.has(number), `${number} is not known to be received`);
}

/** What is left of a cut, opened as the broker does it. */
function inspect(folder: string, told: Told): void {
	const host = createNodeHost();
	const lines: string[] = [];
	const log = { enabled: () => true, write: (_: unknown, line: string) => void lines.push(line) };
	const { database, tables } = openDatabase(host, log, join(folder, "mqttd.db"));
	try {
		assert.deepEqual(lines, [], "nothing is damaged");
		assert.deepEqual(database.prepare("PRAGMA integrity_check").all(), ["ok"]);
		check(tables, told);
	} finally {
		database.close();
	}
}

/** The whole broker on what is left: it hands on what it had acknowledged. */
async function serve(context: TestContext, program: BuiltProgram, folder: string, told: Told): Promise<void> {
	const broker = await startBroker(context, program, { config: configOf(folder) });
	assert.doesNotMatch(broker.log, /damaged|Unable to/);
	const absent = new Subscriber("absent", ["m/#"], () => undefined);
	const expected = told.once.last;
	await new Promise<void>((resolve, reject) => {
		const look = () => absent.numbers("m/once").length >= expected && resolve();
		absent.listen(look);
		absent.subscribed = true;
		absent.connect(placeOf(broker)).then(look, reject);
	});
	await absent.leave();
	await broker.stop();
}

/** A copy that the user that the broker becomes may write. */
function giveCopy(from: string, to: string): void {
	copyFileSync(from, to);
	chmodSync(to, 0o666);
}

for (const program of builtPrograms()) {
	describe(`power cuts: ${program.name}`, () => {
		test(`what was acknowledged is there (seed ${seed})`, async (context) => {
			const { before, events, ports } = await record(context, program);
			const random = new Random(seed);
			const cuts = new Map<number, number>();
			for (let left = POINTS; left > 0; left--) {
				const at = random.below(events.length + 1);
				cuts.set(at, (cuts.get(at) ?? 0) + 1);
			}
			const disk = new Disk(before);
			const told = { once: new Acknowledged(), least: new Acknowledged(), holder: new Acknowledged() };
			const scratch = temporaryFolder(context);
			let syncs = 0;
			let done = 0;
			for (let at = 0; at <= events.length; at++) {
				for (let left = cuts.get(at) ?? 0; left > 0; left--) {
					const folder = join(scratch, String(done++));
					mkdirSync(folder, { mode: 0o777 });
					disk.cut(random, (path) => join(folder, path.slice(path.lastIndexOf("/") + 1)));
					const whole = done % Math.ceil(POINTS / WHOLE_BROKERS) === 0;
					try {
						if (whole) {
							const copy = temporaryFolder(context);
							for (const name of readdirSync(folder)) giveCopy(join(folder, name), join(copy, name));
							await serve(context, program, copy, told);
						}
						inspect(folder, told);
					} catch (error) {
						throw new Error(`cut ${done} before event ${at} of ${events.length}, seed ${seed}`, {
							cause: error,
						});
					}
					rmSync(folder, { recursive: true });
				}
				const event = events[at];
				if (event === undefined) continue;
				disk.take(event);
				if (event.kind === "sync") syncs++;
				if (event.kind !== "send") continue;
				for (const who of ["once", "least", "holder"] as const)
					if (event.port === ports[who]) told[who].take(event.bytes);
			}
			assert.equal(told.once.numbers.size, MESSAGES);
			assert.equal(told.least.numbers.size, MESSAGES);
			assert.equal(told.holder.numbers.size, HELD);
			assert.ok(syncs > 10, `the disk was waited for ${syncs} times`);
			context.diagnostic(
				`${done} cuts among ${events.length} system calls, ${syncs} of them waits; seed ${seed}`,
			);
		});
	});
}
