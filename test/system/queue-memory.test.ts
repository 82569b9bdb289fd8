/** A million messages for clients that are away are on the disk, and not in memory. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { PacketType } from "../../src/packet/packet.ts";
import { builtPrograms, startBroker, temporaryFolder } from "./harness.ts";
import { RawClient } from "./raw-client.ts";

const SESSIONS = 10;
/** For each of them. */
const MESSAGES = 100_000;
/** Sent and not acknowledged, at most. */
const WINDOW = 20;
/** KiB by which the broker may have grown. */
const LIMIT = 4 * 1024;
const PAYLOAD = "x".repeat(64);

/** Publishes `count` messages, and resolves when all are acknowledged. */
function publish(client: RawClient, count: number): Promise<void> {
	return new Promise((resolve) => {
		let sent = 0;
		let acknowledged = 0;
		const goOn = () => {
			while (sent < count && sent - acknowledged < WINDOW) {
				client.publish("queue", PAYLOAD, 1, (sent % 65_535) + 1);
				sent++;
			}
		};
		client.listen((packet) => {
			if (packet.type !== PacketType.PUBACK) return;
			acknowledged++;
			if (acknowledged === count) resolve();
			else goOn();
		});
		goOn();
	});
}

// Under qemu, and in Node, the memory is that of the emulator and of V8.
for (const program of builtPrograms().filter((each) => each.name === "x86_64")) {
	test("a million queued messages take no memory", async (context) => {
		const folder = temporaryFolder(context);
		const limits = ["max_queued_messages 0", "max_queued_bytes 0"];
		const common = ["listener auto 127.0.0.1", "allow_anonymous true", "persistence true"];
		const config = [...common, ...limits, `persistence_location ${folder}`, ""].join("\n");
		const broker = await startBroker(context, program, { config });
		const place = { host: "127.0.0.1", port: broker.port };
		const resident = () => {
			const status = readFileSync(`/proc/${broker.pid}/status`, "utf8");
			return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
		};
		for (let index = 0; index < SESSIONS; index++) {
			const { client } = await RawClient.open(place, { clientId: `session${index}`, version: 4 });
			await client.subscribe("queue", 1);
			await client.end();
		}
		const { client } = await RawClient.open(place, { clientId: "publisher", version: 4, cleanStart: true });
		const before = resident();
		await publish(client, MESSAGES);
		const grown = resident() - before;
		assert.ok(grown <= LIMIT, `${grown} KiB more`);
		await client.end();
		context.diagnostic(`${MESSAGES * SESSIONS} queued messages: ${grown} KiB`);

		// All of them are there: one session's, in order, as fast as it takes them.
		const { client: reader } = await RawClient.open(place, { clientId: "session0", version: 4 });
		let count = 0;
		await new Promise<void>((resolve) => {
			reader.listen((packet) => {
				if (packet.type !== PacketType.PUBLISH) return;
				reader.acknowledge(PacketType.PUBACK, packet.packetId);
				if (++count === MESSAGES) resolve();
			});
		});
		const delivered = resident() - before;
		assert.ok(delivered <= LIMIT, `${delivered} KiB more after delivery`);
		await reader.drop();
		await broker.stop();
	});
}
