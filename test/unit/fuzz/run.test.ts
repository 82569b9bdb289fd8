/** The watch over the fuzzers: an input that takes memory without bound fails the run, and is named. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const GREEDY = fileURLToPath(new URL("greedy.ts", import.meta.url));

function runGreedy(greed: string) {
	const args = [GREEDY, "--seed", "5", "--count", "20"];
	return spawnSync(process.execPath, args, { encoding: "utf8", env: { ...process.env, GREED: greed } });
}

describe("memory without bound fails the run, with the seed and the input", () => {
	for (const greed of ["array", "heap", "process"]) {
		test(greed, () => {
			const { status, stderr } = runGreedy(greed);
			assert.equal(status, 1, stderr);
			assert.match(stderr, /^seed 5, input 9: /m);
			assert.match(stderr, /memory without bound: /);
		});
	}

	test("and nothing else does", () => {
		const { status, stdout, stderr } = runGreedy("nothing");
		assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
		assert.match(stdout, /20 inputs in [0-9.]+ s: 20 seen\n$/);
	});
});
