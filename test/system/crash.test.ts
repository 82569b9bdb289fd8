/**
 * The broker is killed (SIGKILL) at random points under load, and started again: with `durability sync` nothing that it
 * acknowledged is lost and no QoS 2 message comes twice; with `lazy` everything is there that was written an interval ago.
 *
 * Environment: CRASH_POINTS, kills for each host (default below); CRASH_SEED, of a run to repeat.
 */

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { existsSync, readFileSync, watch } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { setImmediate as immediate } from "node:timers/promises";
import { PacketType } from "../../src/packet/packet.ts";
import { Random } from "../fuzz/mutate.ts";
import { LostSession, Publisher, Subscriber } from "./crash-clients.ts";
import {
	type BuiltProgram,
	builtPrograms,
	type RunningBroker,
	startBroker,
	temporaryFolder,
} from "./harness.ts";
import { RawClient } from "./raw-client.ts";

/** Kills on each host, as many as fit into a minute. */
const POINTS: Readonly<Record<BuiltProgram["name"], number>> = { node: 40, x86_64: 80, mips: 12 };
const LAZY_SHARE = 5;

const seed = Number(process.env.CRASH_SEED ?? randomInt(2 ** 31));

function pointsOf(program: BuiltProgram): number {
	return Number(process.env.CRASH_POINTS ?? POINTS[program.name]);
}

function start(
	context: TestContext,
	program: BuiltProgram,
	folder: string,
	lines: readonly string[],
): Promise<RunningBroker> {
	const common = ["listener auto 127.0.0.1", "allow_anonymous true", "persistence true", "sys_interval 0"];
	const limits = ["max_queued_messages 0", "max_queued_bytes 0"];
	const config = [...common, ...limits, `persistence_location ${folder}`, ...lines, ""].join("\n");
	return startBroker(context, program, { config });
}

const placeOf = ({ port }: RunningBroker) => ({ host: "127.0.0.1", port });

/** Connects them one after the other; that the broker is killed meanwhile is what the test is about. */
async function connectAll(
	clients: readonly (Publisher | Subscriber)[],
	broker: RunningBroker,
): Promise<void> {
	try {
		for (const each of clients) await each.connect(placeOf(broker));
	} catch (error) {
		if (error instanceof LostSession || broker.process.child.exitCode !== null) throw error;
	}
}

/** Kills the broker, and waits until it is no more. */
async function kill(broker: RunningBroker): Promise<void> {
	broker.signal("SIGKILL");
	await broker.process.ended;
}

/** Resolves once `count` packets have come to anybody since it was called. */
class PacketCount {
	private left = 0;
	private resolve: () => void = () => undefined;
	readonly told = (): void => {
		if (this.left > 0 && --this.left === 0) this.resolve();
	};

	reached(count: number): Promise<void> {
		this.left = count;
		return new Promise((resolve) => {
			this.resolve = resolve;
		});
	}
}

for (const program of builtPrograms()) {
	describe(`crashes: ${program.name}`, () => {
		test(`sync: nothing acknowledged is lost, nothing of QoS 2 comes twice (seed ${seed})`, async (context) => {
			const folder = temporaryFolder(context);
			const random = new Random(seed);
			const packets = new PacketCount();
			const once = new Publisher("once", 2, packets.told);
			const least = new Publisher("least", 1, packets.told);
			least.retainedTopics = 7;
			const present = new Subscriber("present", ["m/#", "r/#"], packets.told);
			const absent = new Subscriber("absent", ["m/#"], packets.told);
			const all = [present, once, least];
			const points = pointsOf(program);

			for (let point = 0; point < points; point++) {
				const broker = await start(context, program, folder, ["durability sync"]);
				// The sessions are made before the first kill; afterwards a kill may come while they come back.
				if (point === 0) {
					await absent.connect(placeOf(broker));
					await absent.leave();
				}
				const reached = packets.reached(1 + random.below(random.pick([10, 100, 600])));
				const connected = connectAll(all, broker);
				if (point === 0) await connected;
				await reached;
				for (let left = random.below(40); left > 0; left--) await immediate();
				await kill(broker);
				await connected;
				for (const each of all) await each.gone();
				assert.doesNotMatch(broker.log, /damaged|Unable to/, `after ${point} kills`);
			}

			const broker = await start(context, program, folder, ["durability sync"]);
			assert.doesNotMatch(broker.log, /damaged|Unable to/);
			for (const each of all) await each.connect(placeOf(broker));
			await Promise.all([once.finish(once.count), least.finish(least.count)]);
			// What the last messages are is known to both subscribers by one that comes behind them.
			const end = await RawClient.open(placeOf(broker), { clientId: "end" });
			end.client.publish("m/end", "0", 2, 1);
			await end.client.next(PacketType.PUBREC);
			end.client.acknowledge(PacketType.PUBREL, 1);
			await end.client.next(PacketType.PUBCOMP);
			await new Promise<void>((resolve) => {
				const both = [present, absent];
				const check = () => both.every((each) => each.numbers("m/end").length > 0) && resolve();
				for (const each of both) each.listen(check);
				void absent.connect(placeOf(broker));
				check();
			});
			for (const subscriber of [present, absent]) {
				checkOnce(subscriber.numbers(once.topic), once, subscriber.clientId);
				checkAtLeastOnce(subscriber.numbers(least.topic), least, subscriber.clientId);
			}
			await checkRetained(broker, least);
			await broker.stop();
			context.diagnostic(
				`${points} kills, ${once.count} messages of QoS 2, ${least.count} of QoS 1, seed ${seed}`,
			);
		});

		test(`lazy: what was written is there, the rest is lost from some point on (seed ${seed})`, async (context) => {
			const folder = temporaryFolder(context);
			const random = new Random(seed + 1);
			const packets = new PacketCount();
			const settings = ["durability lazy", "persist_interval 1", "persist_octets 0"];
			const reader = new Subscriber("reader", ["m/#"], packets.told);
			const points = Math.max(1, Math.floor(pointsOf(program) / LAZY_SHARE));
			let broker = await start(context, program, folder, settings);
			await reader.connect(placeOf(broker));
			await reader.leave();
			for (let point = 0; point < points; point++) {
				const writer = new Publisher(`writer${point}`, 1, packets.told);
				await writer.connect(placeOf(broker));
				const before = 1 + random.below(50);
				await writer.finish(before);
				await written(context, folder, broker, `sure${point}`);
				const reached = packets.reached(1 + random.below(100));
				void writer.finish(Number.POSITIVE_INFINITY);
				await reached;
				await kill(broker);
				await writer.gone();

				broker = await start(context, program, folder, settings);
				assert.doesNotMatch(broker.log, /damaged|Unable to/);
				const end = await RawClient.open(placeOf(broker), { clientId: "end" });
				end.client.publish(`m/end${point}`, "0", 1, 1);
				await end.client.next(PacketType.PUBACK);
				await new Promise<void>((resolve) => {
					reader.listen(() => reader.numbers(`m/end${point}`).length > 0 && resolve());
					void reader.connect(placeOf(broker));
				});
				await reader.leave();
				await end.client.drop();
				const numbers = reader.numbers(writer.topic);
				const count = numbers.length;
				assert.ok(count >= before, `${count} of ${before} that were written`);
				assert.deepEqual(
					numbers,
					Array.from({ length: count }, (_, index) => index + 1),
					"without a gap",
				);
			}
			await broker.stop();
			context.diagnostic(`${points} kills, seed ${seed}`);
		});
	});
}

/** All of them, each once, in their order. */
function checkOnce(numbers: readonly number[], publisher: Publisher, who: string): void {
	const expected = Array.from({ length: publisher.count }, (_, index) => index + 1);
	assert.deepEqual(numbers, expected, `QoS 2 messages to ${who}, seed ${seed}`);
}

function checkAtLeastOnce(numbers: readonly number[], publisher: Publisher, who: string): void {
	const there = new Set(numbers);
	// The others are retained, in other topics.
	const lost = publisher.acknowledged.filter((number) => number % 3 !== 0 && !there.has(number));
	assert.deepEqual(lost, [], `QoS 1 messages that ${who} did not get, seed ${seed}`);
}

/** Each topic has the last message that was acknowledged, or a later one. */
async function checkRetained(broker: RunningBroker, publisher: Publisher): Promise<void> {
	const values = new Map<string, number>();
	const { client } = await RawClient.open(placeOf(broker), { clientId: "retained" });
	const all = new Promise<void>((resolve) => {
		client.listen((packet) => {
			if (packet.type !== PacketType.PUBLISH) return;
			assert.ok(packet.retain);
			values.set(packet.topic, Number(new TextDecoder().decode(packet.payload)));
			if (values.size === publisher.retainedTopics) resolve();
		});
	});
	await client.subscribe("r/#", 0);
	await all;
	for (const number of publisher.acknowledged.filter((each) => each % 3 === 0)) {
		const topic = `r/${publisher.clientId}/${(number / 3) % publisher.retainedTopics}`;
		assert.ok(values.get(topic)! >= number, `${topic} is ${values.get(topic)}, not ${number}; seed ${seed}`);
	}
	await client.drop();
}

/** Resolves when a message that is published now, and so everything before it, is in the file. */
async function written(
	context: TestContext,
	folder: string,
	broker: RunningBroker,
	mark: string,
): Promise<void> {
	const { client } = await RawClient.open(placeOf(broker), { clientId: "mark" });
	client.publish(`m/${mark}`, mark, 1, 1);
	await client.next(PacketType.PUBACK);
	await new Promise<void>((resolve) => {
		const isThere = (name: string) =>
			existsSync(join(folder, name)) && readFileSync(join(folder, name)).includes(`m/${mark}`);
		const check = () => {
			if (!isThere("mqttd.db-wal") && !isThere("mqttd.db")) return;
			watcher.close();
			resolve();
		};
		const watcher = watch(folder, check);
		context.after(() => watcher.close());
		check();
	});
	// It writes a transaction without doing anything else between: when it answers, that is over.
	client.publish("other", "", 1, 2);
	await client.next(PacketType.PUBACK);
	await client.drop();
}
