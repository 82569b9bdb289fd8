/** What the native programs do beyond the host contract: the language, uncaught errors, a clean end. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { before, suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { demandedPrograms, type Program, run } from "./programs.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

for (const contract of demandedPrograms()) {
	if (contract.name === "node") {
		continue;
	}
	const out = `dist/${contract.name}/engine`;
	const program: Program = { ...contract, file: join(root, out) };
	suite(`QuickJS on ${program.name}`, () => {
		before(() => {
			execFileSync("sh", ["scripts/native.sh", program.name, "test/contract/engine.ts", out], {
				cwd: root,
				stdio: ["ignore", "ignore", "inherit"],
			});
		});
		behaviour(program);
	});
}

function behaviour(program: Program): void {
	for (const mode of ["language", "memory", "handled", "cycles"]) {
		test(`${mode}: passes`, async () => {
			const { end, stdout, stderr } = await run(program, [mode]);
			assert.deepEqual([String(stdout), String(stderr), end], ["", "", 0]);
		});
	}

	for (const [mode, text] of Object.entries({
		throw: /^Uncaught TypeError: at the start\n {4}at throw\n/,
		"throw-value": /^Uncaught no error object\n/,
		"throw-in-timer": /^Uncaught TypeError: in a timer\n {4}at inTimer\n/,
		reject: /^Uncaught RangeError: too late\n {4}at later\n/,
	})) {
		test(`${mode}: the stack is printed and the exit code is 70`, async () => {
			const { end, stdout, stderr } = await run(program, [mode]);
			assert.match(String(stderr), text);
			assert.deepEqual([String(stdout), end], ["", 70]);
		});
	}

	test("exit in the middle of everything", async () => {
		const { end, stdout, stderr } = await run(program, ["busy"]);
		assert.deepEqual([String(stdout), String(stderr), end], ["", "", 3]);
	});
}
