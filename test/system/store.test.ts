/** What outlives the broker, on every host: sessions, messages under way and queued, QoS 2 in both directions, retained messages. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, writeFileSync } from "node:fs";
import { connect as dial, type Socket } from "node:net";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import mqttPacket from "mqtt-packet";
import { encode, type Fields } from "../vectors/wire.ts";
import {
	type BuiltProgram,
	builtPrograms,
	type RunningBroker,
	startBroker,
	temporaryFolder,
} from "./harness.ts";

/** A client that does nothing by itself. */
class Wire {
	readonly #socket: Socket;
	readonly #version: 4 | 5;
	readonly #arrived: Fields[] = [];
	#wake: () => void = () => {};

	constructor(port: number, version: 4 | 5) {
		this.#version = version;
		this.#socket = dial(port, "127.0.0.1");
		const parser = mqttPacket.parser({ protocolVersion: version });
		parser.on("packet", (packet) => {
			this.#arrived.push(packet as unknown as Fields);
			this.#wake();
		});
		this.#socket.on("data", (bytes) => parser.parse(bytes));
		this.#socket.on("error", () => undefined);
	}

	send(...packets: Fields[]): void {
		for (const packet of packets) this.#socket.write(encode(packet, this.#version));
	}

	/** The next packets, as short texts. */
	async next(count: number): Promise<string[]> {
		while (this.#arrived.length < count) await new Promise<void>((resolve) => (this.#wake = resolve));
		return this.#arrived.splice(0, count).map(describePacket);
	}

	/** Says goodbye, and waits until the broker has ended the connection. */
	async leave(): Promise<void> {
		const ended = once(this.#socket, "close");
		this.send({ cmd: "disconnect" });
		await ended;
	}
}

function describePacket({
	cmd,
	messageId,
	sessionPresent,
	topic,
	payload,
	qos,
	dup,
	properties,
}: Fields): string {
	if (cmd === "connack") return `connack ${sessionPresent ? 1 : 0}`;
	if (cmd !== "publish") return `${cmd} ${messageId}`;
	const { subscriptionIdentifier } = (properties ?? {}) as Fields;
	const parts = [`publish ${qos === 0 ? "-" : messageId} ${topic}=${payload} q${qos}`];
	if (dup) parts.push("again");
	if (subscriptionIdentifier !== undefined) parts.push(`#${subscriptionIdentifier}`);
	return parts.join(" ");
}

function start(context: TestContext, program: BuiltProgram, folder: string): Promise<RunningBroker> {
	const config = [
		"listener auto 127.0.0.1",
		"allow_anonymous true",
		"persistence true",
		`persistence_location ${folder}`,
		"durability sync",
		"sys_interval 0",
		"",
	];
	return startBroker(context, program, { config: config.join("\n") });
}

const SUBSCRIBER = {
	cmd: "connect",
	clientId: "subscriber",
	clean: false,
	keepalive: 0,
	properties: { sessionExpiryInterval: 1000 },
};
const PUBLISHER = { cmd: "connect", clientId: "publisher", clean: false, keepalive: 0 };

function message(messageId: number, topic: string, qos: number, more: Fields = {}): Fields {
	return { cmd: "publish", topic, payload: String(messageId), qos, messageId, ...more };
}

/** What the subscriber gets when it comes back, having acknowledged nothing more. */
const AGAIN = [
	"connack 1",
	"pubrel 1",
	"publish 2 q/b=2 q2 again #7",
	"publish 3 q/c=3 q1 again #7",
	// Its client was connected when the broker was killed: it may have been sent.
	"publish 4 q/d=4 q1 again #7",
	"publish 5 q/e=5 q2 #7",
];

for (const program of builtPrograms()) {
	describe(`store: ${program.name}`, () => {
		test("all that was acknowledged is there after the broker was killed, and after it has ended", async (context) => {
			const folder = temporaryFolder(context);
			let broker = await start(context, program, folder);
			const subscriber = new Wire(broker.port, 5);
			subscriber.send(SUBSCRIBER, {
				cmd: "subscribe",
				messageId: 9,
				subscriptions: [{ topic: "q/+", qos: 2 }],
				properties: { subscriptionIdentifier: 7 },
			});
			assert.deepEqual(await subscriber.next(2), ["connack 0", "suback 9"]);
			let publisher = new Wire(broker.port, 4);
			publisher.send(PUBLISHER, message(1, "q/a", 2), message(2, "q/b", 2), message(3, "q/c", 1));
			assert.deepEqual(await publisher.next(4), ["connack 0", "pubrec 1", "pubrec 2", "puback 3"]);
			assert.deepEqual((await subscriber.next(3)).sort(), [
				"publish 1 q/a=1 q2 #7",
				"publish 2 q/b=2 q2 #7",
				"publish 3 q/c=3 q1 #7",
			]);
			subscriber.send({ cmd: "pubrec", messageId: 1 });
			assert.deepEqual(await subscriber.next(1), ["pubrel 1"]);
			publisher.send({ cmd: "pubrel", messageId: 1 });
			assert.deepEqual(await publisher.next(1), ["pubcomp 1"]);
			// Who is taken over has no connection any more: what comes next waits.
			const other = new Wire(broker.port, 5);
			other.send({ ...SUBSCRIBER, properties: { sessionExpiryInterval: 1000, receiveMaximum: 1 } });
			assert.deepEqual(await other.next(2), ["connack 1", "pubrel 1"]);
			publisher.send(message(4, "q/d", 1), message(5, "q/e", 2), message(6, "kept", 1, { retain: true }));
			assert.deepEqual(await publisher.next(3), ["puback 4", "pubrec 5", "puback 6"]);

			broker.signal("SIGKILL");
			await broker.process.ended;
			broker = await start(context, program, folder);
			publisher = new Wire(broker.port, 4);
			publisher.send(PUBLISHER, message(5, "q/e", 2, { dup: true }), message(2, "q/b", 2, { dup: true }));
			assert.deepEqual(await publisher.next(3), ["connack 1", "pubrec 5", "pubrec 2"]);
			publisher.send({ cmd: "pubrel", messageId: 5 });
			assert.deepEqual(await publisher.next(1), ["pubcomp 5"]);
			let reader = new Wire(broker.port, 5);
			reader.send(SUBSCRIBER);
			assert.deepEqual(await reader.next(6), AGAIN);

			await broker.stop();
			broker = await start(context, program, folder);
			reader = new Wire(broker.port, 5);
			reader.send(SUBSCRIBER);
			const last = AGAIN.map((each) => each.replace(/(q[12]) #7/, "$1 again #7"));
			assert.deepEqual(await reader.next(6), last);
			reader.send({ cmd: "subscribe", messageId: 10, subscriptions: [{ topic: "kept", qos: 0 }] });
			assert.deepEqual(await reader.next(2), ["suback 10", "publish - kept=6 q0"]);
			// Now to the end of each: the same once more is a new one.
			reader.send({ cmd: "pubcomp", messageId: 1 }, { cmd: "pubrec", messageId: 2 });
			assert.deepEqual(await reader.next(1), ["pubrel 2"]);
			reader.send({ cmd: "puback", messageId: 3 }, { cmd: "puback", messageId: 4 });
			reader.send({ cmd: "pubcomp", messageId: 2 }, { cmd: "pubrec", messageId: 5 });
			assert.deepEqual(await reader.next(1), ["pubrel 5"]);
			reader.send({ cmd: "pubcomp", messageId: 5 });
			await reader.leave();
			publisher = new Wire(broker.port, 4);
			publisher.send(PUBLISHER, message(2, "q/b", 2, { dup: true }), { cmd: "pubrel", messageId: 2 });
			assert.deepEqual(await publisher.next(3), ["connack 1", "pubrec 2", "pubcomp 2"]);
			publisher.send(message(2, "q/again", 2));
			assert.deepEqual(await publisher.next(1), ["pubrec 2"]);
			reader = new Wire(broker.port, 5);
			reader.send(SUBSCRIBER);
			assert.deepEqual(await reader.next(2), ["connack 1", "publish 6 q/again=2 q2 #7"]);
			await broker.stop();
			assert.doesNotMatch(broker.log, /Error|Warning/);
		});

		test("a damaged database is set aside, and the broker serves", async (context) => {
			const folder = temporaryFolder(context);
			writeFileSync(
				join(folder, "mqttd.db"),
				"this is no database, but long enough to be looked at. ".repeat(40),
				{
					mode: 0o666,
				},
			);
			const broker = await start(context, program, folder);
			assert.match(broker.log, /Error: The database '.*' is damaged/);
			const client = new Wire(broker.port, 4);
			client.send(PUBLISHER, message(1, "kept", 1, { retain: true }));
			assert.deepEqual(await client.next(2), ["connack 0", "puback 1"]);
			await broker.stop();
			const names = readdirSync(folder).filter((name) => name.startsWith("mqttd"));
			assert.equal(names.filter((name) => /^mqttd\.db\.bad-\d{8}T\d{6}$/.test(name)).length, 1, names.join());
			assert.ok(names.includes("mqttd.db"));
		});
	});
}
