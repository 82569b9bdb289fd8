/**
 * Pages of the database are damaged: the broker starts, gives out what it can still read of it, keeps what comes, and starts again.
 *
 * Environment: DAMAGES, how many on each host (default below); DAMAGE_SEED, the first of their seeds.
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { PacketType } from "../../src/packet/packet.ts";
import { Random } from "../fuzz/mutate.ts";
import {
	type BuiltProgram,
	builtPrograms,
	type RunningBroker,
	startBroker,
	temporaryFolder,
} from "./harness.ts";
import { RawClient } from "./raw-client.ts";

const DAMAGES: Readonly<Record<BuiltProgram["name"], number>> = { node: 3, x86_64: 10, mips: 2 };
const seed = Number(process.env.DAMAGE_SEED ?? 1);
const PAGE = 4096;
const SESSIONS = 5;
const MESSAGES = 40;

const placeOf = ({ port }: RunningBroker) => ({ host: "127.0.0.1", port });

function start(context: TestContext, program: BuiltProgram, folder: string): Promise<RunningBroker> {
	const common = ["listener auto 127.0.0.1", "allow_anonymous true", "persistence true", "sys_interval 0"];
	const own = [`persistence_location ${folder}`, "durability sync"];
	return startBroker(context, program, { config: [...common, ...own, ""].join("\n") });
}

/** Has a database with sessions, their messages, and retained messages made. */
async function fill(context: TestContext, program: BuiltProgram, folder: string): Promise<void> {
	const broker = await start(context, program, folder);
	for (let number = 0; number < SESSIONS; number++) {
		const options = { clientId: `session ${number}`, sessionExpiry: 100_000 };
		const { client } = await RawClient.open(placeOf(broker), options);
		await client.subscribe(`queue/+/${number}/#`, 2, number + 1);
		await client.end();
	}
	const { client } = await RawClient.open(placeOf(broker), { clientId: "publisher" });
	for (let id = 1; id <= SESSIONS * MESSAGES; id++) {
		const properties = {
			contentType: "text/plain",
			userProperty: [["name", `value ${id}`]] as [string, string][],
		};
		const payload = `${id} `.repeat(10 + (id % 97) * (id % 13));
		client.publish(`queue/${id}/${id % SESSIONS}/x`, payload, 1, id, { retain: id % 2 === 0, properties });
		await client.next(PacketType.PUBACK);
	}
	await client.end();
	await broker.stop();
}

/** Damages one to three pages, each in one way. */
function damage(file: Uint8Array, random: Random): Uint8Array {
	let bytes = file.slice();
	for (let left = 1 + random.below(3); left > 0; left--) {
		const pages = Math.floor(bytes.length / PAGE);
		const at = random.below(pages) * PAGE;
		const page = bytes.subarray(at, at + PAGE);
		switch (random.below(6)) {
			case 0:
				page.fill(0);
				break;
			case 1:
				for (let index = 0; index < page.length; index++) page[index] = random.below(256);
				break;
			case 2: {
				const other = random.below(pages) * PAGE;
				page.set(bytes.slice(other, other + PAGE));
				break;
			}
			case 3:
				bytes = bytes.slice(0, Math.max(PAGE, at + random.below(PAGE)));
				break;
			default:
				for (let count = 1 + random.below(20); count > 0; count--)
					page[random.below(page.length)] = random.below(256);
		}
	}
	return bytes;
}

/** Everything that it has goes out, and something new is kept, at the latest when damage that was met has been dealt with. */
async function use(broker: RunningBroker, payload: string): Promise<void> {
	for (let number = 0; number < SESSIONS; number++) {
		const options = { clientId: `session ${number}`, sessionExpiry: 100_000, receiveMaximum: 60_000 };
		const { client } = await RawClient.open(placeOf(broker), options);
		await client.subscribe(`queue/+/${number}/#`, 2);
		client.send({ type: PacketType.PINGREQ });
		await client.next(PacketType.PINGRESP);
		await client.drop();
	}
	const { client } = await RawClient.open(placeOf(broker), { clientId: "reader", cleanStart: true });
	await client.subscribe("#", 0);
	for (let id = 1; ; id++) {
		client.publish("new", payload, 1, id, { retain: true });
		const answer = await client.next(PacketType.PUBACK);
		assert.ok(answer.type === PacketType.PUBACK);
		if (answer.reasonCode < 0x80) break;
		assert.ok(id < 5, `refused although it can be written again:\n${broker.log}`);
		const times = broker.log.split("Unable to write the database").length - 1;
		await broker.line(new RegExp(`(?:' can be written again\\.\n[^]*){${times}}`));
	}
	await client.end();
}

/** What there was to say: nothing, or that the database was set aside, at the start or when the damage was met. */
async function survives(
	context: TestContext,
	program: BuiltProgram,
	folder: string,
): Promise<"whole" | "aside"> {
	const logs: string[] = [];
	for (const payload of ["first", "second"]) {
		const broker = await start(context, program, folder);
		await use(broker, payload);
		await broker.stop();
		assert.doesNotMatch(broker.log, /Internal error|TypeError|RangeError/);
		logs.push(broker.log);
	}
	const log = logs.join("");
	if (!/is damaged/.test(log)) return "whole";
	assert.match(log, /The damaged database is kept as '.*\.bad-/);
	assert.match(log, /Carried over from the damaged database|Nothing could be read/);
	return "aside";
}

for (const program of builtPrograms()) {
	describe(`damage: ${program.name}`, () => {
		test(`the broker starts with any damaged database, and keeps again (seeds from ${seed})`, async (context) => {
			const origin = temporaryFolder(context);
			await fill(context, program, origin);
			const file = readFileSync(join(origin, "mqttd.db"));
			assert.ok(file.length > 20 * PAGE, `${file.length} octets`);
			const outcomes = { whole: 0, aside: 0 };
			const count = Number(process.env.DAMAGES ?? DAMAGES[program.name]);
			for (let index = 0; index < count; index++) {
				const parent = mkdtempSync(join(tmpdir(), "mqttd-damage-"));
				try {
					chmodSync(parent, 0o755);
					const folder = join(parent, "copy");
					// With their owners: the broker is not root when it opens them.
					execFileSync("cp", ["-a", origin, folder]);
					writeFileSync(join(folder, "mqttd.db"), damage(file, new Random(seed + index)));
					outcomes[await survives(context, program, folder)]++;
				} catch (cause) {
					throw new Error(`seed ${seed + index}`, { cause });
				} finally {
					rmSync(parent, { recursive: true });
				}
			}
			assert.ok(outcomes.aside > 0, "none was found to be damaged");
			context.diagnostic(
				`${count} damaged databases: ${outcomes.aside} set aside, ${outcomes.whole} taken as they were`,
			);
		});
	});
}
