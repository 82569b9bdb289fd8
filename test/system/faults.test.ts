/**
 * A write fails, once or a few times: no room, an I/O error, a file system that has become read-only; at each place of a
 * scenario at which the broker writes to its database. It goes on, refuses what it cannot keep, and keeps again what comes later.
 *
 * Environment: FAULT_POINTS, `all` or how many places on each host, picked at random (default below); FAULT_SEED of them.
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { PacketType } from "../../src/packet/packet.ts";
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
/** Faults at a time: most of it is to wait until the broker tries again. */
const PARALLEL = 6;
const QUOTA_EXCEEDED = 0x97;

/** A failure: the `when`th of these system calls on the files of the database, and `span` - 1 after it. */
interface Fault {
	readonly call: string;
	readonly error: string;
	readonly when: number;
	readonly span: 1 | 4;
	/** Of the publisher. */
	readonly version: 4 | 5;
}

function configOf(folder: string): string {
	const common = ["listener auto 127.0.0.1", "allow_anonymous true", "persistence true", "sys_interval 0"];
	const own = [`persistence_location ${folder}`, `pid_file ${folder}/pid`, "durability sync"];
	return [...common, ...own, ""].join("\n");
}

const placeOf = ({ port }: RunningBroker) => ({ host: "127.0.0.1", port });

/** A folder with a database in which a session waits for messages. */
interface Prepared {
	readonly folder: string;
	readonly waiting: Subscriber;
}

async function prepared(context: TestContext, program: BuiltProgram): Promise<Prepared> {
	const folder = temporaryFolder(context);
	const broker = await startBroker(context, program, { config: configOf(folder) });
	const waiting = new Subscriber("waiting", ["m/#"], () => undefined);
	await waiting.connect(placeOf(broker));
	await waiting.leave();
	await broker.stop();
	return { folder, waiting };
}

/** Calls `use` with a copy of it. */
async function withCopy(of: Prepared, use: (copy: Prepared) => Promise<void>): Promise<void> {
	const parent = mkdtempSync(join(tmpdir(), "mqttd-faults-"));
	try {
		chmodSync(parent, 0o755);
		const folder = join(parent, "copy");
		// With their owners: the broker is not root when it opens them.
		execFileSync("cp", ["-a", of.folder, folder]);
		await use({ folder, waiting: of.waiting.copy() });
	} finally {
		rmSync(parent, { recursive: true });
	}
}

/** What a publisher is told of a message. */
type Verdict = "taken" | "refused";

/** Messages of both kinds and retained ones, each acknowledged before the next. */
class Scenario {
	/** How often one was refused, which is said in 5.0, and not acknowledged before. */
	refused = 0;
	readonly #broker: RunningBroker;
	readonly #version: 4 | 5;
	#client: RawClient | null = null;

	constructor(broker: RunningBroker, version: 4 | 5) {
		this.#broker = broker;
		this.#version = version;
	}

	async run(): Promise<void> {
		await this.#connect();
		for (let id = 1; id <= MESSAGES; id++) {
			await this.#publish(id % 4 === 0 ? `r/${id}` : `m/${id}`, id % 3 === 0 ? 2 : 1, id);
		}
		await this.#client?.end();
	}

	async #connect(): Promise<RawClient> {
		await this.#client?.drop();
		const options = { clientId: "publisher", version: this.#version };
		this.#client = (await RawClient.open(placeOf(this.#broker), options)).client;
		return this.#client;
	}

	/** Publishes one message until it is kept. */
	async #publish(topic: string, qos: 1 | 2, id: number): Promise<void> {
		let client = this.#client!;
		const retain = topic.startsWith("r/");
		for (let attempts = 1; ; attempts++) {
			const before = this.#broker.log.split("' can be written again.\n").length - 1;
			client.publish(topic, String(id), qos, id, { retain, dup: attempts > 1 && this.#version === 4 });
			if ((await this.#verdict(client, qos)) === "taken") break;
			this.refused++;
			assert.ok(this.refused < 20, `refused although it can be written again:\n${this.#broker.log}`);
			await this.#broker.line(new RegExp(`(?:' can be written again\\.\n[^]*){${before + 1}}`));
			// Only on a new connection is it sent again.
			if (this.#version === 4) client = await this.#connect();
		}
		if (qos === 2) {
			client.acknowledge(PacketType.PUBREL, id);
			await client.next(PacketType.PUBCOMP);
		}
	}

	async #verdict(client: RawClient, qos: 1 | 2): Promise<Verdict> {
		if (this.#version === 5) {
			const answer = await client.next(qos === 1 ? PacketType.PUBACK : PacketType.PUBREC);
			assert.ok(answer.type === PacketType.PUBACK || answer.type === PacketType.PUBREC);
			if (answer.reasonCode < 0x80) return "taken";
			assert.equal(answer.reasonCode, QUOTA_EXCEEDED);
			return "refused";
		}
		// Before, nothing is said: the answer of the second has come after anything that the message was answered.
		for (let pings = 0; pings < 2; pings++) {
			client.send({ type: PacketType.PINGREQ });
			await client.next(PacketType.PINGRESP);
		}
		return client.take(qos === 1 ? PacketType.PUBACK : PacketType.PUBREC) === null ? "refused" : "taken";
	}
}

/** What the broker has kept, as one without faults tells it; and how many messages came again. */
async function kept(
	context: TestContext,
	program: BuiltProgram,
	folder: string,
	waiting: Subscriber,
): Promise<{ topics: string[]; again: number }> {
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
	let again = 0;
	for (const [topic, numbers] of waiting.received) {
		again += numbers.length - 1;
		topics.push(topic);
	}
	return { topics: topics.sort(), again };
}

const ALL = Array.from({ length: MESSAGES }, (_, index) => index + 1)
	.map((id) => (id % 4 === 0 ? `r/${id}` : `m/${id}`))
	.sort();

/** All places at which the scenario writes, from a run without faults. */
async function places(
	context: TestContext,
	program: BuiltProgram,
	{ folder, waiting }: Prepared,
): Promise<Fault[]> {
	const trace = join(folder, "trace");
	const config = configFile(folder, configOf(folder));
	const broker = await startTraced(context, folder, traced(trace, commandOf(program, ["-c", config])));
	const scenario = new Scenario(broker, 5);
	await scenario.run();
	assert.equal(scenario.refused, 0);
	await stopTraced(folder, broker);
	assert.deepEqual(await kept(context, program, folder, waiting), { topics: ALL, again: 0 });
	const counts = new Map<string, number>();
	for (const event of await readRecord(trace)) {
		if (event.kind === "send" || !FILES.some((name) => event.path === join(folder, name))) continue;
		counts.set(event.call, (counts.get(event.call) ?? 0) + 1);
	}
	return [...counts].flatMap(([call, count]) =>
		ERRORS.flatMap((error) =>
			Array.from({ length: count }, (_, index) => {
				const when = index + 1;
				return { call, error, when, span: when % 3 === 0 ? 4 : 1, version: when % 2 === 0 ? 4 : 5 } as const;
			}),
		),
	);
}

/** Runs the scenario with a fault, and whether the log tells of it. */
async function complains(
	context: TestContext,
	program: BuiltProgram,
	{ folder, waiting }: Prepared,
	{ call, error, when, span, version }: Fault,
): Promise<boolean> {
	const config = configFile(folder, configOf(folder));
	const paths = FILES.map((name) => join(folder, name));
	const range = `${when}..${when + span - 1}`;
	const command = failing(paths, call, error, range, commandOf(program, ["-c", config]));
	try {
		const broker = await startTraced(context, folder, command);
		const scenario = new Scenario(broker, version);
		await scenario.run();
		await stopTraced(folder, broker);
		assert.deepEqual(await kept(context, program, folder, waiting), { topics: ALL, again: 0 });
		return /Unable to write the database/.test(broker.log);
	} catch (cause) {
		throw new Error(`${error} of ${call} number ${range}, seed ${seed}`, { cause });
	}
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
			const origin = await prepared(context, program);
			let all: readonly Fault[] = [];
			await withCopy(origin, async (copy) => {
				all = await places(context, program, copy);
			});
			assert.ok(all.length > 60, `${all.length} places`);
			const faults = chosen(all, program);
			let complaints = 0;
			const left = [...faults];
			const goOn = async () => {
				for (let fault = left.pop(); fault !== undefined; fault = left.pop()) {
					const next = fault;
					await withCopy(origin, async (copy) => {
						if (await complains(context, program, copy, next)) complaints++;
					});
				}
			};
			await Promise.all(Array.from({ length: PARALLEL }, goOn));
			assert.ok(complaints > 0, "no fault was seen");
			context.diagnostic(
				`${faults.length} of ${all.length} faults, ${complaints} of them told in the log; seed ${seed}`,
			);
		});
	});
}
