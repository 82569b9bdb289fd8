/**
 * Root is given up once the listeners are open, on every host and in every thread: for another user's files the broker has no
 * rights any more, and its own are that user's. Who does not start it as root stays who he is.
 */

import assert from "node:assert/strict";
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { builtPrograms, commandOf, configFile, Running, temporaryFolder } from "./harness.ts";

const IS_ROOT = process.getuid?.() === 0;
const [, , NOBODY, NOGROUP] = /^nobody:.*$/m.exec(readFileSync("/etc/passwd", "utf8"))![0].split(":");
const [UID, GID] = IS_ROOT ? [Number(NOBODY), Number(NOGROUP)] : [process.getuid?.(), process.getgid?.()];

/** As root in a network of its own, where every port is free. */
function alone([command, args]: readonly [string, string[]]): [string, string[]] {
	if (!IS_ROOT) return [command, args];
	const script = 'PATH=$PATH:/usr/sbin:/sbin; ip link set lo up && exec "$@"';
	return ["unshare", ["-n", "sh", "-c", script, "sh", command, ...args]];
}

for (const program of builtPrograms()) {
	test(`privileges: ${program.name}`, async (context) => {
		const folder = temporaryFolder(context);
		const [socket, log] = [join(folder, "socket"), join(folder, "log")];
		const passwords = configFile(folder, "", "passwords");
		chmodSync(passwords, 0o600);
		writeFileSync(log, "");
		const config =
			`user nobody\nlistener ${IS_ROOT ? 883 : "auto"} 127.0.0.1\nlistener 0 ${socket}\n` +
			`password_file ${passwords}\nlog_dest stderr\nlog_dest file ${log}\n`;
		const broker = new Running(alone(commandOf(program, ["-c", configFile(folder, config)])));
		context.after(() => broker.child.kill("SIGKILL"));
		await broker.line(/ running$/m);
		assert.match(broker.stderr, /Opening ipv4 listen socket on port \d+\./);
		// The emulator has a thread of its own.
		const threads = program.name === "mips" ? [broker.pid] : readdirSync(`/proc/${broker.pid}/task`);
		for (const thread of threads) {
			const status = readFileSync(`/proc/${broker.pid}/task/${thread}/status`, "utf8");
			assert.match(status, new RegExp(`^Uid:(\t${UID}){4}$`, "m"));
			assert.match(status, new RegExp(`^Gid:(\t${GID}){4}$`, "m"));
			if (IS_ROOT) assert.match(status, new RegExp(`^Groups:\\s*${GID}\\s*$`, "m"));
			assert.match(status, /^CapEff:\t0+$/m);
		}
		assert.deepEqual([statSync(socket).uid, statSync(log).uid], [UID, UID]);

		process.kill(broker.pid, "SIGHUP");
		if (IS_ROOT) {
			await broker.line(/Error: Unable to open password file .* \(Permission denied\)\./);
			await broker.line(/The configuration was not reloaded/);
		} else {
			await broker.line(/Config reloaded\./);
		}
		process.kill(broker.pid, "SIGTERM");
		assert.equal((await broker.ended).code, 0);
		assert.ok(!existsSync(socket), "what it has made goes with it");
		assert.match(readFileSync(log, "utf8"), / terminating\n$/);
	});
}
