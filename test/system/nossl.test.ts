/** A build without TLS: everything else works, and what asks for TLS is refused. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type BuiltProgram, configFile, run, startBroker, temporaryFolder } from "./harness.ts";
import { exchange } from "./mqtt-client.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PROGRAM: BuiltProgram = { name: "x86_64", artifact: "dist/x86_64-nossl/mqttd", runner: [] };

before(() => {
	execFileSync("scripts/native.sh", ["x86_64"], {
		cwd: ROOT,
		env: { ...process.env, MQTTD_TLS: "no" },
		stdio: ["ignore", "ignore", "inherit"],
	});
});

test("a build without TLS serves without it, and refuses to be asked for it", async (context) => {
	const broker = await startBroker(context, PROGRAM);
	assert.equal(await exchange(broker.port, "in plain"), "in plain");
	await broker.stop();
	const text = "listener 8883\ncertfile /etc/cert.pem\nkeyfile /etc/key.pem\n";
	const ended = await run(PROGRAM, ["-c", configFile(temporaryFolder(context), text)]);
	assert.equal(ended.code, 1);
	assert.match(ended.stderr, /Error: TLS support not available\./);
	const client = await run(PROGRAM, ["pub", "-t", "a", "-m", "b", "--cafile", join(ROOT, "package.json")]);
	assert.equal(client.code, 1);
	assert.match(client.stderr, /Error: TLS support not available\./);
});
