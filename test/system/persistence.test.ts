/** Persistence as its owner meets it, on every host: mosquitto's options, its file at the first start, signals, and what goes wrong. */

import assert from "node:assert/strict";
import {
	chmodSync,
	closeSync,
	copyFileSync,
	openSync,
	readdirSync,
	readFileSync,
	statSync,
	writeSync,
} from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { type Packet, PacketType } from "../../src/packet/packet.ts";
import {
	type BuiltProgram,
	builtPrograms,
	commandOf,
	configFile,
	Running,
	RunningBroker,
	temporaryFolder,
} from "./harness.ts";
import { fillMosquitto, mosquittoFile } from "./mosquitto.ts";
import { RawClient, type RawOptions } from "./raw-client.ts";

const COMMON = ["listener auto 127.0.0.1", "allow_anonymous true", "persistence true", "sys_interval 1"];

/** A broker whose configuration file can be written anew. */
class Owner {
	readonly folder: string;
	#broker: RunningBroker | null = null;
	readonly #context: TestContext;
	readonly #program: BuiltProgram;

	constructor(context: TestContext, program: BuiltProgram) {
		this.#context = context;
		this.#program = program;
		this.folder = temporaryFolder(context);
	}

	get broker(): RunningBroker {
		assert.ok(this.#broker !== null);
		return this.#broker;
	}

	write(lines: readonly string[]): string {
		return configFile(this.folder, [...COMMON, ...lines, ""].join("\n"));
	}

	async start(lines: readonly string[]): Promise<void> {
		const path = this.write([`persistence_location ${this.folder}`, ...lines]);
		const started = new Running(commandOf(this.#program, ["-c", path]));
		this.#context.after(() => started.child.kill("SIGKILL"));
		await started.line(/ running$/m);
		this.#broker = new RunningBroker(
			started,
			Number(/listen socket on port ([0-9]+)/.exec(started.stderr)?.[1]),
		);
	}

	async reload(lines: readonly string[]): Promise<void> {
		this.write([`persistence_location ${this.folder}`, ...lines]);
		const reloads = this.broker.log.split("Config reloaded.").length;
		this.broker.signal("SIGHUP");
		await this.broker.line(new RegExp(`(?:Config reloaded\\.[^]*){${reloads}}`));
	}

	async kill(): Promise<void> {
		this.broker.signal("SIGKILL");
		await this.broker.process.ended;
	}

	async client(options: RawOptions): Promise<{ client: RawClient; sessionPresent: boolean }> {
		return RawClient.open({ host: "127.0.0.1", port: this.broker.port }, options);
	}

	/** Publishes retained messages, each acknowledged; returns the reason codes. */
	async retain(...topics: readonly string[]): Promise<number[]> {
		const { client } = await this.client({ clientId: "publisher", cleanStart: true });
		const codes: number[] = [];
		for (const [i, topic] of topics.entries()) {
			client.publish(topic, "x", 1, i + 1, { retain: true });
			const answer = await client.next(PacketType.PUBACK);
			assert.ok(answer.type === PacketType.PUBACK);
			codes.push(answer.reasonCode);
		}
		await client.end();
		return codes;
	}

	/** Topics with a retained message, of those that match. */
	async retained(topicFilter: string): Promise<string[]> {
		const { client } = await this.client({ clientId: "reader", cleanStart: true });
		const topics: string[] = [];
		// The last one, as they come in the order of subscriptions.
		const all = new Promise<void>((resolve) => {
			client.listen((packet: Packet) => {
				if (packet.type !== PacketType.PUBLISH) return;
				if (packet.topic === "end") resolve();
				else topics.push(packet.topic);
			});
		});
		await client.subscribe(topicFilter, 0);
		await client.subscribe("end", 0);
		client.publish("end", "", 0, 0);
		await all;
		await client.end();
		return topics.sort();
	}

	/** Resolves when a topic of `$SYS` says more than `value`; with what it says. */
	async sys(topic: string, value: number): Promise<number> {
		const { client } = await this.client({ clientId: "sys", cleanStart: true });
		const found = new Promise<number>((resolve) => {
			client.listen((packet) => {
				if (packet.type !== PacketType.PUBLISH) return;
				const number = Number(new TextDecoder().decode(packet.payload));
				if (number > value) resolve(number);
			});
		});
		await client.subscribe(`$SYS/broker/store/${topic}`, 0);
		const number = await found;
		await client.end();
		return number;
	}
}

for (const program of builtPrograms()) {
	describe(`persistence: ${program.name}`, () => {
		test("mosquitto's file at the first start, its options, reloads and SIGUSR1", async (context) => {
			const owner = new Owner(context, program);
			const { folder } = owner;
			const theirs = join(folder, "house.db");
			copyFileSync(await mosquittoFile(context, fillMosquitto), theirs);
			chmodSync(theirs, 0o644);
			const original = readFileSync(theirs);
			const seldom = ["persist_interval 86400", "persist_octets 0"];
			const names = ["persistence_file house.db", ...seldom];
			const never = [...names, "autosave_interval 0"];
			await owner.start(never);
			assert.match(
				owner.broker.log,
				/Imported 3 sessions, 2 subscriptions, 7 messages to clients and 2 retained messages from '.*\/house\.db'/,
			);
			const five = await owner.client({ clientId: "five", sessionExpiry: 3600, username: "joe" });
			assert.ok(five.sessionPresent);
			await five.client.drop();

			// Until the interval is over, only SIGUSR1 writes.
			await owner.retain("saved");
			owner.broker.signal("SIGUSR1");
			await owner.broker.line(/Saving in-memory database to .*\/house\.mqttd\.db\./);
			await owner.retain("lost");
			await owner.kill();
			await owner.start(never);
			assert.doesNotMatch(owner.broker.log, /Imported/);
			assert.deepEqual(await owner.retained("+"), ["saved"]);
			assert.deepEqual(await owner.retained("+/1"), ["b/1", "c/1"]);

			// Changes are counted from the reload on, and what is written is before it is acknowledged.
			await owner.reload([...names, "autosave_interval 3", "autosave_on_changes true"]);
			await owner.retain("change/1", "change/2", "change/3");
			await owner.kill();
			await owner.start(never);
			assert.deepEqual(await owner.retained("change/+"), ["change/1", "change/2", "change/3"]);

			// Seconds; told by $SYS.
			const day = () => Math.floor(Date.now() / 86_400_000);
			const before = day();
			const today = await owner.sys("bytes/today", -1);
			// What was written before the broker was killed counts; unless it is a new day (UTC).
			assert.ok(today > 0 || day() !== before);
			const commits = await owner.sys("commits", -1);
			await owner.reload([...names, "autosave_interval 1"]);
			await owner.retain("second");
			await owner.sys("commits", commits);
			assert.ok((await owner.sys("bytes/total", 0)) > 0);
			assert.ok((await owner.sys("size", 0)) > 0);
			await owner.kill();

			await owner.start([...never, "persistent_client_expiration 1s"]);
			assert.deepEqual(await owner.retained("second"), ["second"]);
			const three = await owner.client({ clientId: "brief", version: 4 });
			await three.client.end();
			await owner.broker.line(/Expiring client brief due to timeout\./);
			await owner.reload([...seldom, "durability sync", "persistence_file other.db"]);
			await owner.broker.line(/The database '.*\/other\.mqttd\.db' is used with a restart only\./);
			await owner.retain("sure");
			await owner.kill();
			assert.deepEqual(readFileSync(theirs), original);

			await owner.start(["persistence false"]);
			assert.deepEqual(await owner.retained("+"), []);
			owner.broker.signal("SIGUSR1");
			await owner.broker.line(/Nothing is saved/);
			await owner.broker.stop();
			await owner.start(never);
			assert.deepEqual(await owner.retained("+"), ["saved", "second", "sure"]);
			await owner.broker.stop();
		});

		test("no permission: it serves, refuses what it cannot keep, and keeps it when it may", async (context) => {
			const owner = new Owner(context, program);
			chmodSync(owner.folder, 0o755);
			await owner.start(["durability sync"]);
			await owner.broker.line(
				/Error: Unable to write the database '.*' \(Permission denied\)\. What has to be kept is refused/,
			);
			assert.deepEqual(await owner.retain("refused"), [0x97]);
			const { client } = await owner.client({ clientId: "old", version: 4, cleanStart: true });
			await client.subscribe("plain", 1);
			client.publish("kept", "x", 1, 1, { retain: true });
			client.publish("plain", "x", 1, 2);
			const answer = await client.next(PacketType.PUBACK);
			assert.ok(answer.type === PacketType.PUBACK && answer.packetId === 2);
			await client.next(PacketType.PUBLISH);
			chmodSync(owner.folder, 0o777);
			await owner.broker.line(/^\d+: The database '.*' can be written again\.$/m);
			client.publish("kept", "x", 1, 1, { retain: true, dup: true });
			const again = await client.next(PacketType.PUBACK);
			assert.ok(again.type === PacketType.PUBACK && again.packetId === 1);
			await client.drop();
			await owner.kill();
			await owner.start(["durability sync"]);
			assert.deepEqual(await owner.retained("+"), ["kept"]);
			await owner.broker.stop();
		});

		test("a database that is damaged in the middle: what can be read goes on", async (context) => {
			const owner = new Owner(context, program);
			await owner.start(["durability sync"]);
			const { client } = await owner.client({ clientId: "lasting", sessionExpiry: 1000 });
			await client.subscribe("q/#", 1);
			await client.end();
			const COUNT = 150;
			const topics = Array.from({ length: COUNT }, (_, i) => `${"a long topic/".repeat(20)}${i}`);
			await owner.retain("q/1", ...topics);
			await owner.broker.stop();
			const path = join(owner.folder, "mqttd.db");
			const { size } = statSync(path);
			const file = openSync(path, "r+");
			writeSync(file, new Uint8Array(8192).fill(0xff), 0, 8192, Math.floor(size / 2048) * 1024);
			closeSync(file);

			await owner.start(["durability sync"]);
			const said = await owner.broker.line(
				/Carried over from the damaged database: (\d+) sessions, (\d+) messages to them and (\d+) retained messages\. The rest could not be read\./,
			);
			assert.deepEqual(said.slice(1, 3), ["1", "1"]);
			const left = Number(said[3]);
			assert.ok(left > COUNT / 2 && left <= COUNT, `${left} of ${COUNT}`);
			const bad = readdirSync(owner.folder).filter((name) => /^mqttd\.db\.bad-\d{8}T\d{6}$/.test(name));
			assert.equal(bad.length, 1);
			assert.deepEqual(await owner.retain("new"), [16]);
			await owner.kill();
			await owner.start(["durability sync"]);
			assert.doesNotMatch(owner.broker.log, /damaged/);
			assert.equal((await owner.retained("#")).length, left + 1);
			const back = await owner.client({ clientId: "lasting", sessionExpiry: 1000 });
			assert.ok(back.sessionPresent);
			await back.client.next(PacketType.PUBLISH);
			await back.client.drop();
			await owner.broker.stop();
		});
	});
}
