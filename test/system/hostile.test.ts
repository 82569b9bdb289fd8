/**
 * 100,000 mutated packets and 1,000 connections that never say who they are, at every host: the broker goes on serving
 * everybody else, does not grow without bounds, and ends cleanly.
 */

import assert from "node:assert/strict";
import { randomBytes, randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { builtPrograms, type RunningBroker, startBroker } from "./harness.ts";
import { HalfOpen, mutatedPackets, throwAll } from "./hostile.ts";
import { connect, exchange, messages } from "./mqtt-client.ts";

const PACKETS = 100_000;
const HALF_OPEN = 1000;
const WIDTH = 16;

/** Resident memory in MiB that no run may reach: what the programs take by themselves, and as much again for clients' state. */
const MEMORY_LIMIT = { node: 400, x86_64: 60, mips: 150 } as const;

/** Resident memory of a process in MiB. */
function residentMemory(pid: number): number {
	const match = /^VmRSS:\s+([0-9]+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
	return Number(match?.[1]) / 1024;
}

/** A client that behaves: messages to itself until told to stop. Fails when one does not come back. */
async function behave(broker: RunningBroker, until: Promise<unknown>): Promise<number> {
	let over = false;
	void until.finally(() => {
		over = true;
	});
	const topic = `well-behaved/${randomBytes(8).toString("hex")}`;
	const client = await connect(broker.port, { protocolVersion: 5, clientId: randomBytes(8).toString("hex") });
	await client.subscribeAsync(topic, { qos: 1 });
	let count = 0;
	while (!over) {
		const arrived = messages(client, 1);
		await client.publishAsync(topic, String(count), { qos: 1 });
		assert.equal((await arrived)[0]?.payload, String(count));
		count++;
	}
	await client.endAsync();
	return count;
}

for (const program of builtPrograms()) {
	describe(`hostile clients on ${program.name}`, () => {
		test(`${PACKETS} mutated packets and ${HALF_OPEN} half-open connections`, async (context) => {
			const seed = Number(process.env.MQTTD_SEED ?? randomInt(2 ** 31));
			context.diagnostic(`seed ${seed} (MQTTD_SEED=${seed} throws the same packets)`);
			const broker = await startBroker(context, program, {
				config:
					"listener auto 127.0.0.1\nallow_anonymous true\nconnection_messages false\nlog_type error\nlog_type information\n",
			});
			const before = residentMemory(broker.pid);

			const half = await HalfOpen.open(broker.port, HALF_OPEN);
			assert.equal(half.open, HALF_OPEN);
			assert.equal(await exchange(broker.port, "among half-open ones"), "among half-open ones");

			const attack = throwAll(broker.port, mutatedPackets(seed), PACKETS, WIDTH);
			const exchanged = await behave(broker, attack);
			const outcome = await attack;
			assert.equal(outcome.thrown, PACKETS);
			// Else the mutations were too mild, or too wild, to get anywhere.
			assert.ok(outcome.connections > PACKETS / 20, `connections: ${outcome.connections}`);
			assert.ok(outcome.survived > PACKETS / 20, `survived: ${outcome.survived}`);
			assert.ok(exchanged > 10, `the well-behaved client got ${exchanged} messages`);

			const memory = residentMemory(broker.pid);
			context.diagnostic(
				`${outcome.connections} connections, ${outcome.survived} packets survived, ${exchanged} messages exchanged, ` +
					`${before.toFixed(1)} MiB before, ${memory.toFixed(1)} MiB after`,
			);
			assert.ok(memory < MEMORY_LIMIT[program.name], `${memory.toFixed(1)} MiB`);

			// Whoever never says who it is does not stay.
			await half.closed;
			assert.equal(await exchange(broker.port, "afterwards"), "afterwards");
			const ended = await broker.stop();
			assert.doesNotMatch(ended.stderr, /Unexpected error/);
		});
	});
}
