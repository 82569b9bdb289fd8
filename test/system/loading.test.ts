/**
 * A broker that is still loading what it kept, on every host: it answers at once, and who subscribes then gets every retained
 * message once. What comes first does not hang on time: the clients have connected and sent all they have to say while the
 * broker stands still, just as it begins to listen.
 */

import assert from "node:assert/strict";
import { chmodSync, copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Packet, PacketType } from "../../src/packet/packet.ts";
import { builtPrograms, commandOf, configFile, Running, run, temporaryFolder } from "./harness.ts";
import { RawClient } from "./raw-client.ts";
import { endTraced, signalTraced, stopping } from "./strace.ts";

/** Topics in the order of their rows; a turn of the loop loads a few hundred. */
const TOPICS = [...numbered("a", 0, 2000), ...numbered("b", 0, 1000), ...numbered("a", 2000, 4000)];
const QUEUED = 100;

function numbered(level: string, from: number, to: number): string[] {
	return Array.from({ length: to - from }, (_, i) => `${level}/${from + i}`);
}

/** What the database is made from. */
function lines(): string {
	const common = { qos: 1, expiresAt: 0, properties: null };
	const session = { clientId: "sleeper", username: null, listener: "0", mountPoint: "" };
	const objects: object[] = [
		{ kind: "export", version: 1, at: 1_764_000_000 },
		{ kind: "session", ...session, expiryInterval: 0xffff_ffff, endsAt: 0, lastPacketId: 0 },
	];
	for (let id = 1; id <= QUEUED; id++) {
		objects.push({ kind: "message", id, topic: "queue", payload: String(id), ...common });
	}
	const delivery = { kind: "delivery", clientId: "sleeper", qos: 1, retain: false, identifier: 0 };
	for (let message = 1; message <= QUEUED; message++) {
		objects.push({ ...delivery, message, share: null, packetId: 0, state: "queued" });
	}
	const source = { clientId: null, username: null, listener: "" };
	for (const topic of TOPICS) objects.push({ kind: "retained", topic, payload: "old", ...source, ...common });
	objects.push({ kind: "end", lines: objects.length + 1 });
	return objects.map((each) => `${JSON.stringify(each)}\n`).join("");
}

interface Received {
	readonly topic: string;
	readonly payload: string;
	readonly retain: boolean;
}

/** Notes every message that comes; QoS 1 is acknowledged. */
class Notes {
	readonly received: Received[] = [];
	/** Resolves when so many have come. */
	readonly all: Promise<void>;

	constructor(client: RawClient, count: number) {
		this.all = new Promise((resolve) => {
			client.listen((packet: Packet) => {
				if (packet.type !== PacketType.PUBLISH) return;
				const { topic, retain } = packet;
				this.received.push({ topic, payload: new TextDecoder().decode(packet.payload), retain });
				if (packet.qos > 0) client.acknowledge(PacketType.PUBACK, packet.packetId);
				if (this.received.length === count) resolve();
			});
		});
	}

	/** In the order of topics. */
	get sorted(): string[] {
		const texts = this.received.map((each) => `${each.topic} ${each.payload} ${each.retain}`);
		return texts.sort();
	}
}

function publish(client: RawClient, topic: string, payload: string): void {
	client.publish(topic, payload, 0, 0, { retain: true });
}

/** Without waiting for anything. */
function subscribe(client: RawClient): void {
	const options = { noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
	const subscriptions = [{ topicFilter: "#", qos: 0, ...options } as const];
	client.send({ type: PacketType.SUBSCRIBE, packetId: 1, properties: null, subscriptions });
}

/** Resolves when the broker has handled what was sent. */
async function ping(client: RawClient): Promise<void> {
	client.send({ type: PacketType.PINGREQ });
	await client.next(PacketType.PINGRESP);
}

test("while it loads", async (context) => {
	const programs = builtPrograms();
	const source = temporaryFolder(context);
	writeFileSync(join(source, "lines"), lines());
	const made = join(source, "mqttd.db");
	// One for all: the file is the same on every host.
	const imported = await run(programs[0]!, ["import", "--database", made, join(source, "lines")]);
	assert.equal(imported.code, 0, imported.stderr);

	for (const program of programs) {
		await context.test(program.name, async (context) => {
			const folder = temporaryFolder(context);
			const database = join(folder, "mqttd.db");
			copyFileSync(made, database);
			chmodSync(database, 0o666);
			const config = configFile(
				folder,
				[
					"listener auto 127.0.0.1",
					`listener 0 ${join(folder, "socket")}`,
					"allow_anonymous true",
					"persistence true",
					`persistence_location ${folder}`,
					`pid_file ${join(folder, "pid")}`,
					"sys_interval 0",
					"",
				].join("\n"),
			);
			// The second one is the last thing that it opens, and its process id is written before.
			const broker = new Running(stopping("listen", 2, commandOf(program, ["-c", config])));
			await broker.line(/stopped by SIGSTOP/);
			endTraced(context, folder, broker);
			const port = Number(/listen socket on port ([0-9]+)/.exec(broker.stderr)?.[1]);

			const place = { host: "127.0.0.1", port };
			const early = RawClient.begin(place, { clientId: "early", cleanStart: true });
			publish(early, "a/0", "new");
			publish(early, "b/0", "");
			publish(early, "a/3999", "new");
			publish(early, "a/3998", "");
			publish(early, "c", "new");
			subscribe(early);
			publish(early, "a/3997", "newer");
			publish(early, "a/3996", "");
			const sleeper = RawClient.begin(place, { clientId: "sleeper", version: 4 });
			await Promise.all([early.sent(), sleeper.sent()]);
			signalTraced(folder, "SIGCONT");

			const state = new Map(TOPICS.map((topic) => [topic, "old"]));
			for (const topic of ["b/0", "a/3998", "a/3996"]) state.delete(topic);
			for (const topic of ["a/0", "a/3999", "c"]) state.set(topic, "new");
			state.set("a/3997", "newer");
			const expected = [...state].map(([topic, payload]) => `${topic} ${payload} true`).sort();
			// What is published after the subscription comes as such, and not as what is retained.
			const live = ["a/3996  false", "a/3997 newer false"];
			const whatEarlyGets = [...expected.filter((text) => !text.startsWith("a/3997 ")), ...live].sort();

			assert.equal(await early.connected(), false);
			const notes = new Notes(early, whatEarlyGets.length);
			assert.equal(await sleeper.connected(), true);
			const queue = new Notes(sleeper, QUEUED);
			await Promise.all([notes.all, queue.all]);
			await Promise.all([ping(early), ping(sleeper)]);
			assert.deepEqual(notes.sorted, whatEarlyGets);
			assert.deepEqual(
				queue.received.map(({ payload }) => payload),
				Array.from({ length: QUEUED }, (_, i) => String(i + 1)),
			);
			// What was kept comes when all of it is there, and this came before: the broker was loading when it answered.
			assert.deepEqual(
				notes.received.slice(0, live.length).map(({ retain }) => retain),
				live.map(() => false),
			);

			const late = RawClient.begin(place, { clientId: "late", cleanStart: true });
			subscribe(late);
			await late.connected();
			const after = new Notes(late, expected.length);
			await after.all;
			await ping(late);
			assert.deepEqual(after.sorted, expected);
			const isGrouped = after.received.findLastIndex(({ topic }) => topic.startsWith("a/"));
			assert.ok(isGrouped < after.received.findIndex(({ topic }) => topic.startsWith("b/")));

			await Promise.all([early.end(), sleeper.end(), late.end()]);
			signalTraced(folder, "SIGTERM");
			const { code, stderr } = await broker.ended;
			assert.equal(code, 0, stderr);
		});
	}
});
