/**
 * Who subscribes to everything gets every retained message, on every host and with the default limits: at QoS 0 more than any
 * buffer holds, at QoS 1 more than are queued. One who does not read costs little memory, and nobody else waits for him.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type Packet, PacketType, type Qos } from "../../src/packet/packet.ts";
import { builtPrograms, startBroker } from "./harness.ts";
import { type Place, RawClient } from "./raw-client.ts";

/** Messages, octets of payload of each (in all more than the system's buffers take), and KiB by which the broker may grow. */
const SIZES = {
	node: { count: 40_000, length: 400, growth: 256 * 1024 },
	x86_64: { count: 100_000, length: 150, growth: 8 * 1024 },
	mips: { count: 10_000, length: 1500, growth: 24 * 1024 },
} as const;
/** Topics are in so many groups; one of them is subscribed to at QoS 1, as that takes a round trip for each window. */
const GROUPS = 10;
/** Rounds of another client while one does not read. */
const ROUNDS = 20;

/** Notes which messages have come. */
class Received {
	readonly client: RawClient;
	/** Resolves when all have. */
	readonly all: Promise<void>;
	private readonly seen: Uint8Array;
	private left: number;

	constructor(client: RawClient, count: number, qos: Qos) {
		this.client = client;
		this.seen = new Uint8Array(100_000);
		this.left = count;
		this.all = new Promise((resolve, reject) => {
			client.listen((packet: Packet) => {
				if (packet.type !== PacketType.PUBLISH) return;
				const { topic, retain, packetId } = packet;
				const index = Number(topic.slice(topic.lastIndexOf("/") + 1));
				if (!retain || packet.qos !== qos || this.seen[index] !== 0)
					reject(new Error(`${topic} comes wrongly`));
				if (qos > 0) client.acknowledge(PacketType.PUBACK, packetId);
				this.seen[index] = 1;
				if (--this.left === 0) resolve();
			});
		});
	}
}

async function subscribe(place: Place, filter: string, count: number, qos: Qos): Promise<Received> {
	const { client } = await RawClient.open(place, { clientId: `${filter} ${qos}`, cleanStart: true });
	const received = new Received(client, count, qos);
	await client.subscribe(filter, qos);
	return received;
}

for (const program of builtPrograms()) {
	test(`many retained messages for one subscription, ${program.name}`, async (context) => {
		const { count, length, growth } = SIZES[program.name];
		const config = ["listener auto 127.0.0.1", "allow_anonymous true", "sys_interval 0", ""].join("\n");
		const broker = await startBroker(context, program, { config });
		const place = { host: "127.0.0.1", port: broker.port };
		const resident = () => {
			const status = readFileSync(`/proc/${broker.pid}/status`, "utf8");
			return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
		};
		const { client: publisher } = await RawClient.open(place, { clientId: "publisher", cleanStart: true });
		publisher.listen(() => undefined);
		const ping = async () => {
			publisher.send({ type: PacketType.PINGREQ });
			await publisher.next(PacketType.PINGRESP);
		};
		const payload = new Uint8Array(length).fill(120);
		for (let i = 0; i < count; i++) {
			publisher.publish(`t/${i % GROUPS}/${i}`, payload, i % GROUPS === 3 ? 1 : 0, (i % 1000) + 1, {
				retain: true,
			});
			if (i % 1000 === 999) await ping();
		}
		const before = resident();

		const slow = await subscribe(place, "#", count, 0);
		slow.client.pause(true);
		// Turns in which the broker would go on, and in which it serves others.
		for (let i = 0; i < ROUNDS; i++) await ping();
		const quick = await subscribe(place, "t/#", count, 0);
		await quick.all;
		const tracked = await subscribe(place, "t/3/#", count / GROUPS, 1);
		await tracked.all;
		const grown = resident() - before;
		assert.ok(grown <= growth, `${grown} KiB more`);
		slow.client.pause(false);
		await slow.all;
		await Promise.all([slow, quick, tracked].map(({ client }) => client.end()));
		context.diagnostic(`${count} retained messages of ${length} octets: ${grown} KiB more`);
		await broker.stop();
	});
}
