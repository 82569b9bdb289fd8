/** What the broker costs a router that has nothing to do for it: memory, and nothing else. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { builtPrograms, startBroker } from "./harness.ts";

/** Resident memory of an idle broker in KiB: a router has 128 MiB for everything. */
const IDLE_LIMIT = 6 * 1024;

// Under qemu, and in Node, the memory is that of the emulator and of V8.
for (const program of builtPrograms().filter((each) => each.name === "x86_64")) {
	test("the idle x86_64 broker takes little memory and one thread", async (context) => {
		const broker = await startBroker(context, program);
		const status = readFileSync(`/proc/${broker.pid}/status`, "utf8");
		const resident = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
		assert.ok(resident > 0 && resident <= IDLE_LIMIT, `${resident} KiB resident`);
		assert.equal(/^Threads:\s+(\d+)$/m.exec(status)?.[1], "1");
		await broker.stop();
	});
}
