/** The load generator notices what a broker does wrong. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, test } from "node:test";
import { prepareTools } from "../../bench/tools.ts";
import { type Damage, startRelay } from "./relay.ts";

const tools = prepareTools();
after(() => tools.close());

const keep: Damage = (_index, packet) => [packet];

/** Publishes 100 messages, two outstanding, to two subscribers through a relay. */
async function run(
	damage: Damage,
	...options: string[]
): Promise<{ code: number; lost: number; misplaced: number; delivered: number }> {
	const relay = await startRelay(damage);
	try {
		const args = "--subscribers 2 --messages 100 --window 2".split(" ").concat(options);
		return await new Promise((resolve, reject) => {
			execFile(tools.load, ["--port", String(relay.port), ...args], (error, stdout, stderr) => {
				const code = error === null ? 0 : error.code;
				if (typeof code !== "number" || code > 1) reject(new Error(stderr));
				else resolve({ code, ...JSON.parse(stdout) });
			});
		});
	} finally {
		relay.close();
	}
}

test("a faithful broker passes", async () => {
	const { code, lost, misplaced, delivered } = await run(keep);
	assert.deepEqual([code, lost, misplaced, delivered], [0, 0, 0, 200]);
});

test("a message that is lost in the middle is counted at each subscriber", async () => {
	const { code, lost, misplaced, delivered } = await run((index, packet) => (index === 50 ? [] : [packet]));
	assert.deepEqual([code, lost, misplaced, delivered], [1, 2, 0, 198]);
});

test("the loss of the last message is noticed", async () => {
	const { code, lost, delivered } = await run(
		(index, packet) => (index === 99 ? [] : [packet]),
		"--stall-ms",
		"300",
	);
	assert.deepEqual([code, lost, delivered], [1, 2, 198]);
});

test("a doubled message is counted", async () => {
	const { code, lost, misplaced } = await run((index, packet) =>
		index === 50 ? [packet, packet] : [packet],
	);
	assert.deepEqual([code, lost, misplaced], [1, 0, 2]);
});

test("messages that change places are counted", async () => {
	let held: Buffer[] = [];
	const { code, lost, misplaced } = await run((index, packet) => {
		if (index === 50) {
			held = [Buffer.from(packet)];
			return [];
		}
		const both = [packet, ...held];
		held = [];
		return both;
	});
	assert.deepEqual([code, lost, misplaced], [1, 2, 2]);
});
