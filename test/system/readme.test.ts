/**
 * Every command of the README is run here, or by CI as the README has it. A command that nobody lists here fails the test.
 *
 * `make run` takes a free port here; with MQTTD_README_PORT=1883, as CI sets it, all is done to the letter.
 */

import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const README = readFileSync(join(ROOT, "README.md"), "utf8");
const PORT = process.env.MQTTD_README_PORT ?? "auto";

/** Pairs of commands for a second and a third terminal, beside `make run`. */
const TERMINALS = [
	["mosquitto_sub -h localhost -p 1883 -t mqtt", "mosquitto_pub -h localhost -p 1883 -t mqtt -m hello"],
	[
		"node dist/mqttd.js sub -h localhost -p 1883 -t mqtt",
		"node dist/mqttd.js pub -h localhost -p 1883 -t mqtt -m hello",
	],
] as const;

/** Commands that are run here, to an end with exit code 0; those of make have nothing left to do in a test run. */
const RUN = [
	"node dist/mqttd.js -c files/etc/mqttd/mqttd.conf --test-config",
	"node dist/mqttd.js -h",
	"make ipk",
	"make build",
	"make pkg",
	"node dist/mqttd.js passwd -c -b - ann secret",
	"node dist/mqttd.js ctrl dynsec help",
];

/** Commands that CI runs. */
const CI = ["make test", "make fuzz", "make format"];

/** Commands that a command of CI begins with. */
const PART_OF_TEST = ["make check"];

/** Commands for a router, which is not at hand: what they reach is tested by ipk.test.ts and unit/openwrt. */
const ROUTER = [
	"scp -O dist/mqttd_VERSION-1_mips_24kc.ipk root@192.168.8.1:/tmp/mqttd.ipk",
	"ssh root@192.168.8.1 opkg install /tmp/mqttd.ipk",
	"uci set mqttd.lan.enabled=1",
	"uci set mqttd.alice=user",
	"uci set mqttd.alice.password=secret",
	"uci commit mqttd",
	"/etc/init.d/mqttd reload",
	"/etc/init.d/mqttd check",
	"mosquitto_passwd -c /etc/mqttd/passwd ann",
	"mosquitto_passwd -D /etc/mqttd/passwd ann",
	"mosquitto_ctrl dynsec init /etc/mqttd/dynsec.json admin",
	"mosquitto_ctrl -u admin dynsec createRole garden",
	"mosquitto_ctrl -u admin dynsec addRoleACL garden publishClientSend garden/%u/# allow",
	"mosquitto_ctrl -u admin dynsec createClient ann",
	"mosquitto_ctrl -u admin dynsec addClientRole ann garden",
];

/** Commands for an SDK of OpenWrt, which is not at hand: what the recipe makes of a stand-in for it is tested by sdk.test.ts. */
const SDK = [
	'echo "src-link mqttd $HOME/mqttd/dist/openwrt" >>feeds.conf',
	"./scripts/feeds update mqttd",
	"./scripts/feeds install mqttd",
	"make package/mqttd/compile",
];

/** Commands in fenced blocks of that kind. */
function commands(kind: string): string[] {
	return [...README.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)]
		.filter((match) => match[1] === kind)
		.flatMap((match) => (match[2] ?? "").trimEnd().split("\n"));
}

/** The environment of a user's shell: nothing of a make that runs this test. */
function environment(): NodeJS.ProcessEnv {
	const { MAKEFLAGS: _, MAKELEVEL: __, MFLAGS: ___, NODE_TEST_CONTEXT: ____, ...rest } = process.env;
	return rest;
}

/** Starts a command in a process group of its own; the group is ended with the test. */
function start(context: TestContext, command: string): ChildProcess {
	const child = spawn("sh", ["-c", command], {
		cwd: ROOT,
		env: environment(),
		detached: true,
		stdio: ["ignore", "pipe", "pipe"],
	});
	const closed = once(child, "close");
	context.after(async () => {
		if (child.exitCode === null && child.signalCode === null) process.kill(-(child.pid ?? 0), "SIGINT");
		await closed;
	});
	return child;
}

test("the README has no command that nobody runs", () => {
	const version: string = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).version;
	const covered = ["make run", ...TERMINALS.flat(), ...RUN, ...CI, ...PART_OF_TEST];
	assert.deepEqual(commands("sh").sort(), covered.sort());
	assert.deepEqual(
		commands("sh router").map((command) => command.replace(`mqttd_${version}-`, "mqttd_VERSION-")),
		ROUTER,
	);
	assert.deepEqual(commands("sh sdk"), SDK);
	for (const name of README.matchAll(/dist\/mqttd_([^_]+)_mips_24kc\.ipk/g))
		assert.equal(name[1], `${version}-1`);

	const ci = readFileSync(join(ROOT, ".ci/run"), "utf8").split("\n");
	for (const command of CI) assert.ok(ci.includes(command), `.ci/run does not run ${command}`);
	const makefile = readFileSync(join(ROOT, "Makefile"), "utf8");
	for (const command of PART_OF_TEST) {
		const target = command.replace("make ", "");
		assert.match(makefile, new RegExp(`^test:.* ${target}\\b`, "m"));
	}
});

test("make run serves, and what is published in a third terminal arrives in the second", async (context) => {
	const broker = start(context, PORT === "1883" ? "make run" : `make run PORT=${PORT}`);
	broker.stdout?.resume();
	const log: string[] = [];
	const running = new Promise<void>((resolve, reject) => {
		createInterface({ input: broker.stderr! })
			.on("line", (text) => {
				log.push(text);
				if (text.endsWith(" running")) resolve();
			})
			.on("close", () => reject(new Error(`make run ended:\n${log.join("\n")}`)));
	});
	await running;
	const port = log.join("\n").match(/Opening ipv4 listen socket on port ([0-9]+)\./)?.[1];
	assert.ok(port !== undefined);

	for (const [subscribe, publish] of TERMINALS) {
		const at = (command: string): string => command.replace("-p 1883", `-p ${port}`);
		// With -d the subscriber says when it is subscribed, and stdbuf makes it say so at once.
		const subscriber = start(context, `exec stdbuf -oL ${at(subscribe)} -d`);
		const lines = createInterface({ input: subscriber.stdout! })[Symbol.asyncIterator]();
		const until = async (wanted: (text: string) => boolean): Promise<void> => {
			for (let next = await lines.next(); !wanted(next.value ?? ""); next = await lines.next()) {
				assert.ok(!next.done, `${subscribe} ended early`);
			}
		};
		await until((text) => text.startsWith("Subscribed "));
		const published = start(context, at(publish));
		const [code] = await once(published, "exit");
		assert.equal(code, 0, publish);
		await until((text) => text === "hello");
	}
});

for (const command of RUN) {
	test(`${command} ends well`, () => {
		const result = spawnSync("sh", ["-c", command], { cwd: ROOT, env: environment(), encoding: "utf8" });
		assert.equal(result.status, 0, result.stderr + result.stdout);
	});
}
