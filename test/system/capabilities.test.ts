/**
 * The profile of capabilities for procd: with what it leaves of root's rights, and no more, the broker opens a port below 1024,
 * reads its files, reloads and ends; on every host. Each runs in a network of its own, where every port is free.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { builtPrograms, commandOf, configFile, Running, temporaryFolder } from "./harness.ts";

const PROFILE = fileURLToPath(new URL("../../files/etc/capabilities/mqttd.json", import.meta.url));
const SETS = ["bounding", "effective", "ambient", "permitted", "inheritable"];
/** The number of CAP_NET_BIND_SERVICE, as a bit of /proc/PID/status. */
const NET_BIND_SERVICE = 1n << 10n;

/** The command with the capabilities named, as procd's jail would start it. */
function confined(
	names: readonly string[],
	[command, args]: readonly [string, string[]],
): [string, string[]] {
	const list = ["-all", ...names.map((name) => `+${name.replace(/^CAP_/, "").toLowerCase()}`)].join(",");
	const sets = ["--bounding-set", list, "--inh-caps", list, "--ambient-caps", list, "--no-new-privs"];
	const script = 'ip link set lo up && exec setpriv "$@"';
	return [
		"unshare",
		["-rn", "sh", "-c", `PATH=$PATH:/usr/sbin:/sbin; ${script}`, "sh", ...sets, command, ...args],
	];
}

const profile = JSON.parse(readFileSync(PROFILE, "utf8")) as Record<string, string[]>;

test("the profile has all sets that procd knows, and the same in each", () => {
	assert.deepEqual(Object.keys(profile).sort(), [...SETS].sort());
	for (const set of SETS) assert.deepEqual(profile[set], ["CAP_NET_BIND_SERVICE"], set);
});

for (const program of builtPrograms()) {
	describe(`capabilities: ${program.name}`, () => {
		const start = (context: Parameters<typeof temporaryFolder>[0], names: readonly string[]) => {
			const folder = temporaryFolder(context);
			const rules = configFile(folder, "topic readwrite #\n", "rules");
			const pid = join(folder, "pid");
			const config =
				`user root\nlistener 883 127.0.0.1\nbind_interface lo\nacl_file ${rules}\nallow_anonymous true\npid_file ${pid}\n` +
				`log_dest stderr\nlog_dest file ${folder}/log\nplugin mosquitto_dynamic_security.so\nplugin_opt_config_file ${folder}/dynsec\n`;
			const path = configFile(folder, config);
			const started = new Running(confined(names, commandOf(program, ["-c", path])));
			context.after(() => started.child.kill("SIGKILL"));
			return started;
		};

		test("those of the profile are enough", async (context) => {
			const broker = start(context, profile.bounding ?? []);
			await broker.line(/Opening ipv4 listen socket on port 883\./);
			await broker.line(/ running$/m);
			const status = readFileSync(`/proc/${broker.pid}/status`, "utf8");
			for (const set of ["CapPrm", "CapEff", "CapBnd"]) {
				const mask = new RegExp(`^${set}:\\s+([0-9a-f]+)$`, "m").exec(status)?.[1];
				assert.equal(BigInt(`0x${mask}`), NET_BIND_SERVICE, set);
			}
			process.kill(broker.pid, "SIGHUP");
			await broker.line(/Config reloaded\./);
			process.kill(broker.pid, "SIGTERM");
			assert.equal((await broker.ended).code, 0);
		});

		test("without them a port below 1024 is not to be had, and it is said why", async (context) => {
			const { code, stderr } = await start(context, []).ended;
			assert.equal(code, 1);
			assert.match(stderr, /Error: Ports below 1024 need root, or the capability CAP_NET_BIND_SERVICE\./);
		});
	});
}
