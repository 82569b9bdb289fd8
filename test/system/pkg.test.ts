/** The single executable with Node inside: it serves, goes to the background, and is the clients under their names. */

import assert from "node:assert/strict";
import { symlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { type BuiltProgram, run, startBroker, temporaryFolder } from "./harness.ts";
import { exchange } from "./mqtt-client.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const EXECUTABLE: BuiltProgram = {
	name: "node",
	artifact: `dist/mqttd-linux-${process.arch}`,
	runner: [],
};

test("it serves", async (context) => {
	const broker = await startBroker(context, EXECUTABLE);
	assert.equal(await exchange(broker.port, "one file"), "one file");
	await broker.stop();
});

test("it shows its help, and nothing of Node's on standard error", async () => {
	const help = await run(EXECUTABLE, ["-h"]);
	assert.deepEqual([help.code, help.stderr], [0, ""]);
	assert.match(help.stdout, /^mqttd version [0-9]/);
	assert.match(help.stdout, /^Usage: mqttd /m);
});

test("called by a client's name, it is that client", async (context) => {
	const folder = temporaryFolder(context);
	const link = (name: string): BuiltProgram => {
		symlinkSync(join(ROOT, EXECUTABLE.artifact), join(folder, name));
		return { ...EXECUTABLE, artifact: relative(ROOT, join(folder, name)) };
	};
	const broker = await startBroker(context, EXECUTABLE);
	const address = ["-h", "127.0.0.1", "-p", String(broker.port), "-t", "door"];
	const published = await run(link("mosquitto_pub"), [...address, "-m", "open", "-r"]);
	assert.deepEqual([published.code, published.stdout, published.stderr], [0, "", ""]);
	const received = await run(link("mosquitto_sub"), [...address, "-C", "1"]);
	assert.deepEqual([received.code, received.stdout, received.stderr], [0, "open\n", ""]);
	await broker.stop();
});

test("it goes to the background", async (context) => {
	const folder = temporaryFolder(context);
	const pidFile = join(folder, "pid");
	const started = await run(EXECUTABLE, ["-d", "-p", "auto", "--pid-file", pidFile]);
	const pid = Number(started.stdout.trim());
	context.after(() => process.kill(pid, "SIGTERM"));
	assert.equal(started.code, 0, started.stderr);
	const port = Number(/Opening ipv4 listen socket on port ([0-9]+)\./.exec(started.stderr)?.[1]);
	assert.equal(await exchange(port, "behind"), "behind");
});
