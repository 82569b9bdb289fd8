/** What the Node host gives logger(1). */

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";

suite("syslog on Node", () => {
	let folder = "";
	before(() => {
		folder = mkdtempSync(join(tmpdir(), "syslog-"));
		const logger = join(folder, "logger");
		execFileSync("mkfifo", [join(folder, "heard")]);
		writeFileSync(logger, `#!/bin/sh\n{ echo "$@"; cat; } >${folder}/heard\n`);
		chmodSync(logger, 0o755);
	});
	after(() => rmSync(folder, { recursive: true }));

	async function program(script: string, path: string): Promise<string> {
		const url = new URL("../../../src/node/syslog.ts", import.meta.url);
		const source = `import { syslog } from ${JSON.stringify(url.href)};\n${script}`;
		const child = spawn(process.execPath, ["--input-type=module", "-e", source], {
			stdio: ["ignore", "pipe", "inherit"],
			env: { ...process.env, PATH: path },
		});
		let text = "";
		child.stdout.on("data", (piece) => {
			text += piece;
		});
		const [code] = await once(child, "close");
		assert.equal(code, 0);
		return text;
	}

	test("one line for each message, with its priority", async () => {
		const script = `
			syslog.open("mqttd", "local3");
			syslog.write("error", "first");
			syslog.write("debug", "two\\nlines <3>");
			syslog.write("info", "größe %s");
			console.log(process.pid);
			process.exit(0);
		`;
		// The logger may outlive the program: the pipe ends when both have.
		const [heard, pid] = await Promise.all([
			readFile(join(folder, "heard"), "utf8"),
			program(script, `${folder}:${process.env.PATH}`),
		]);
		const lines = ["<155>first", "<159>two lines <3>", "<158>größe %s"];
		assert.equal(heard, `--tag mqttd --id=${pid.trim()} --prio-prefix\n${lines.join("\n")}\n`);
	});

	test("no logger, and no such facility", async () => {
		const script = `
			for (const facility of ["daemon", "nonsense"]) {
				try {
					syslog.open("mqttd", facility);
				} catch (error) {
					console.log(error.code + ": " + error.message);
				}
			}
			syslog.write("error", "nobody hears");
		`;
		assert.equal(
			await program(script, "/nonexistent"),
			"ENOENT: No such file or directory\nEINVAL: Invalid argument\n",
		);
	});
});
