/**
 * A write fails once: no room, an I/O error, a file system that has become read-only; at each place of a scenario at which the
 * broker writes to its database. It goes on, refuses what it cannot keep, and keeps again what comes later.
 *
 * Environment: FAULT_POINTS, `all` or how many places on each host, picked at random (default below); FAULT_SEED of them.
 */

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { PacketType, type Qos } from "../../src/packet/packet.ts";
import { Random } from "../fuzz/mutate.ts";
import { Subscriber } from "./crash-clients.ts";
import {
	type BuiltProgram,
	builtPrograms,
	commandOf,
	configFile,
	type RunningBroker,
	startBroker,
	temporaryFolder,
} from "./harness.ts";
import { RawClient } from "./raw-client.ts";
import { failing, readRecord, startTraced, stopTraced, traced } from "./strace.ts";

const POINTS: Readonly<Record<BuiltProgram["name"], number>> = { node: 8, x86_64: 10, mips: 4 };
const seed = Number(process.env.FAULT_SEED ?? randomInt(2 ** 31));

const FILES = ["mqttd.db", "mqttd.db-wal"];
const ERRORS = ["ENOSPC", "EIO", "EROFS"];
const MESSAGES = 12;
const QUOTA_EXCEEDED = 0x97;

/** One failure: the `when`th of these system calls on the files of the database. */
interface Fault {
	readonly call: string;
	readonly error: string;
	readonly when: number;
}

function configOf(folder: string): string {
	const common = ["listener auto 127.0.0.1", "allow_anonymous true", "persistence true", "sys_interval 0"];
	const own = [`persistence_location ${folder}`, `pid_file ${folder}/pid`, "durability sync"];
	return [...common, ...own, ""].join("\n");
}

const placeOf = ({ port }: RunningBroker) => ({ host: "127.0.0.1", port });

/** A folder with a database in which a session waits for messages. */
async function prepared(
	context: TestContext,
	program: BuiltProgram,
): Promise<{ folder: string; waiting: Subscriber }> {
	const folder = temporaryFolder(context);
	const broker = await startBroker(context, program, { config: configOf(folder) });
	const waiting = new Subscriber("waiting", ["m/#"], () => undefined);
	await waiting.connect(placeOf(broker));
	await waiting.leave();
	await broker.stop();
	return { folder, waiting };
}

/** Publishes one message until it is kept; returns how often it was refused. */
async function publish(
	broker: RunningBroker,
	client: RawClient,
	topic: string,
	qos: Qos,
	id: number,
): Promise<number> {
	let refused = 0;
	for (; ; refused++) {
		client.publish(topic, String(id), qos, id, { retain: topic.startsWith("r/") });
		const answer = await client.next(qos === 1 ? PacketType.PUBACK : PacketType.PUBREC);
		assert.ok(answer.type === PacketType.PUBACK || answer.type === PacketType.PUBREC);
		if (answer.reasonCode < 0x80) break;
		assert.equal(answer.reasonCode, QUOTA_EXCEEDED);
		assert.ok(refused < 2, `refused although it can be written again:\n${broker.log}`);
		await broker.line(/The database '.*' can be written again\.$/m);
	}
	if (qos === 2) {
		client.acknowledge(PacketType.PUBREL, id);
		await client.next(PacketType.PUBCOMP);
	}
	return refused;
}

/** Messages of both kinds and retained ones, each acknowledged before the next; returns how often one was refused. */
async function scenario(broker: RunningBroker): Promise<number> {
	let refused = 0;
	const { client } = await RawClient.open(placeOf(broker), { clientId: "publisher" });
	for (let id = 1; id <= MESSAGES; id++) {
		refused += await publish(broker, client, id % 4 === 0 ? `r/${id}` : `m/${id}`, id % 3 === 0 ? 2 : 1, id);
	}
	await client.end();
	return refused;
}

/** What the broker has kept, as one without faults tells it. A message that was refused and published again may come twice. */
async function kept(
	context: TestContext,
	program: BuiltProgram,
	folder: string,
	waiting: Subscriber,
	refused: number,
): Promise<string[]> {
	const broker = await startBroker(context, program, { config: configOf(folder) });
	assert.doesNotMatch(broker.log, /damaged|Unable to/);
	const topics: string[] = [];
	const { client } = await RawClient.open(placeOf(broker), { clientId: "reader" });
	const retained = MESSAGES / 4;
	await new Promise<void>((resolve) => {
		client.listen((packet) => {
			if (packet.type !== PacketType.PUBLISH) return;
			topics.push(packet.topic);
			if (topics.length === retained) resolve();
		});
		void client.subscribe("r/#", 0);
	});
	await client.drop();
	const expected = MESSAGES - retained;
	await new Promise<void>((resolve, reject) => {
		const look = () => waiting.received.size >= expected && resolve();
		waiting.listen(look);
		waiting.connect(placeOf(broker)).then(look, reject);
	});
	await waiting.leave();
	await broker.stop();
	let more = 0;
	for (const [topic, numbers] of waiting.received) {
		more += numbers.length - 1;
		topics.push(topic);
	}
	assert.ok(more <= refused, `${more} messages came again, ${refused} were refused`);
	return topics.sort();
}

const ALL = Array.from({ length: MESSAGES }, (_, index) => index + 1)
	.map((id) => (id % 4 === 0 ? `r/${id}` : `m/${id}`))
	.sort();

/** All places at which the scenario writes, from a run without faults. */
async function places(context: TestContext, program: BuiltProgram): Promise<Fault[]> {
	const { folder, waiting } = await prepared(context, program);
	const trace = join(folder, "trace");
	const config = configFile(folder, configOf(folder));
	const broker = await startTraced(context, folder, traced(trace, commandOf(program, ["-c", config])));
	assert.equal(await scenario(broker), 0);
	await stopTraced(folder, broker);
	assert.deepEqual(await kept(context, program, folder, waiting, 0), ALL);
	const counts = new Map<string, number>();
	for (const event of await readRecord(trace)) {
		if (event.kind === "send" || !FILES.some((name) => event.path === join(folder, name))) continue;
		counts.set(event.call, (counts.get(event.call) ?? 0) + 1);
	}
	return [...counts].flatMap(([call, count]) =>
		ERRORS.flatMap((error) =>
			Array.from({ length: count }, (_, index) => ({ call, error, when: index + 1 })),
		),
	);
}

function chosen(all: readonly Fault[], program: BuiltProgram): readonly Fault[] {
	const wanted = process.env.FAULT_POINTS ?? String(POINTS[program.name]);
	if (wanted === "all") return all;
	const random = new Random(seed);
	return Array.from({ length: Number(wanted) }, () => random.pick(all));
}

for (const program of builtPrograms()) {
	describe(`faults: ${program.name}`, () => {
		test(`the broker goes on, and keeps what it acknowledged (seed ${seed})`, async (context) => {
			const all = await places(context, program);
			assert.ok(all.length > 60, `${all.length} places`);
			const faults = chosen(all, program);
			let complaints = 0;
			for (const { call, error, when } of faults) {
				const { folder, waiting } = await prepared(context, program);
				const config = configFile(folder, configOf(folder));
				const paths = FILES.map((name) => join(folder, name));
				const command = failing(paths, call, error, String(when), commandOf(program, ["-c", config]));
				try {
					const broker = await startTraced(context, folder, command);
					const refused = await scenario(broker);
					await stopTraced(folder, broker);
					if (/Unable to write the database/.test(broker.log)) complaints++;
					assert.deepEqual(await kept(context, program, folder, waiting, refused), ALL);
				} catch (cause) {
					throw new Error(`${error} of ${call} number ${when}, seed ${seed}`, { cause });
				}
			}
			assert.ok(complaints > 0, "no fault was seen");
			context.diagnostic(
				`${faults.length} of ${all.length} faults, ${complaints} of them told in the log; seed ${seed}`,
			);
		});
	});
}
