/**
 * Configurations as mosquitto's packages install them, and as users write them: they run unchanged, with paths in a folder of
 * the test's and a port that the system chooses where the file names one.
 */

import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import {
	type BuiltProgram,
	builtPrograms,
	commandOf,
	configFile,
	gone,
	Running,
	temporaryFolder,
} from "./harness.ts";
import { exchange } from "./mqtt-client.ts";

/** Debian: process id, database, log and a folder for the user's own files; no listener. */
function debian(folder: string): string {
	return [
		"# The broker's own file; additions go to the folder below.",
		"#",
		"# A full description is in mosquitto.conf(5).",
		"",
		`pid_file ${folder}/run/mosquitto.pid`,
		"",
		"persistence true",
		`persistence_location ${folder}/lib/`,
		"",
		`log_dest file ${folder}/log/mosquitto.log`,
		"",
		`include_dir ${folder}/conf.d`,
		"",
	].join("\n");
}

/** What users put into Debian's folder to be reached from their network. */
const REMOTE = "listener auto 127.0.0.1\r\nallow_anonymous true\r\n";

/** OpenWrt, without UCI: a file of comments, with each option of mosquitto 2.0's sample at its default, commented out. */
const OPENWRT = [
	"# Nothing is set here: take away a # to set it.",
	"#",
	...["per_listener_settings false", "max_inflight_messages 20", "listener", "persistence false"].map(
		(line) => `#${line}`,
	),
	"",
].join("\n");

/** OpenWrt, with UCI: what its init script makes of a typical /etc/config/mosquitto. */
function openwrtUci(folder: string): string {
	return [
		"# made from /etc/config/mosquitto",
		"log_dest stderr",
		"log_type error",
		"log_type warning",
		"log_type notice",
		"log_type information",
		"max_inflight_messages 40",
		"max_queued_messages 200",
		"persistence true",
		`persistence_location ${folder}/`,
		"persistence_file mosquitto.db",
		"autosave_interval 1800",
		"listener auto 127.0.0.1",
		"max_connections 30",
		"allow_anonymous true",
		"",
	].join("\n");
}

/** Options at the defaults of mosquitto's own sample, as one gets them by removing each `#` before a value. */
const DEFAULTS = `
per_listener_settings false
allow_zero_length_clientid true
check_retain_source true
max_inflight_bytes 0
max_inflight_messages 20
max_keepalive 65535
max_queued_bytes 0
max_queued_messages 1000
memory_limit 0
message_size_limit 0
queue_qos0_messages false
retain_available true
set_tcp_nodelay false
sys_interval 10
upgrade_outgoing_qos false
autosave_interval 1800
autosave_on_changes false
persistence false
log_dest stderr
log_type error
log_type warning
log_type notice
log_type information
connection_messages true
log_timestamp true
websockets_log_level 0
listener auto 127.0.0.1
max_qos 2
max_connections -1
protocol mqtt
require_certificate false
use_identity_as_username false
allow_anonymous true
`;

/** Starts as `-c FILE` and further arguments. It ends with the test. */
function serve(
	context: TestContext,
	program: BuiltProgram,
	path: string,
	args: readonly string[] = [],
): Running {
	const broker = new Running(commandOf(program, ["-c", path, ...args]));
	context.after(() => broker.child.kill("SIGKILL"));
	return broker;
}

/** A folder that the user whom the broker becomes may write to. */
function everybody(folder: string): void {
	mkdirSync(folder);
	chmodSync(folder, 0o777);
}

function portIn(log: string): number {
	return Number(/Opening ipv4 listen socket on port ([0-9]+)\./.exec(log)?.[1]);
}

async function checkConfig(program: BuiltProgram, path: string): Promise<void> {
	const checked = await new Running(commandOf(program, ["-c", path, "--test-config"])).ended;
	assert.equal(checked.code, 0, checked.stderr);
	assert.match(checked.stderr, /Configuration file is OK\.\n$/);
	assert.doesNotMatch(checked.stderr, /Error/);
}

async function end(broker: Running): Promise<void> {
	process.kill(broker.pid, "SIGTERM");
	assert.equal((await broker.ended).code, 0);
}

for (const program of builtPrograms()) {
	describe(`mosquitto.conf: ${program.name}`, () => {
		test("Debian's, as it is and with a listener in conf.d", async (context) => {
			const folder = temporaryFolder(context);
			for (const name of ["run", "lib", "log", "conf.d"]) everybody(join(folder, name));
			const path = configFile(folder, debian(folder));
			await checkConfig(program, path);
			// The log goes to a file, so that the background tells when it serves: the parent's end.
			for (const remote of [false, true]) {
				if (remote) configFile(join(folder, "conf.d"), REMOTE, "remote.conf");
				const parent = serve(context, program, path, ["-d", ...(remote ? [] : ["-p", "auto"])]);
				assert.equal((await parent.ended).code, 0, parent.stderr);
				const pidFile = join(folder, "run/mosquitto.pid");
				const pid = Number(readFileSync(pidFile, "utf8"));
				context.after(() => existsSync(pidFile) && process.kill(pid, "SIGKILL"));
				const log = readFileSync(join(folder, "log/mosquitto.log"), "utf8");
				const latest = log.slice(log.lastIndexOf(" starting\n"));
				assert.equal(/Starting in local only mode/.test(latest), !remote);
				assert.equal(await exchange(portIn(latest)), "hello");
				process.kill(pid, "SIGTERM");
				await gone(context, join(folder, "run"), pidFile);
			}
		});

		test("OpenWrt's, without UCI: nothing but comments, on loopback", async (context) => {
			const path = configFile(temporaryFolder(context), OPENWRT);
			await checkConfig(program, path);
			const broker = serve(context, program, path, ["-p", "auto"]);
			await broker.line(/ running$/m);
			assert.match(broker.stderr, /Starting in local only mode/);
			assert.equal(await exchange(portIn(broker.stderr)), "hello");
			await end(broker);
		});

		for (const [name, text] of [
			["OpenWrt's, with UCI", openwrtUci],
			["the sample's defaults, all written out", () => DEFAULTS],
		] as const) {
			test(name, async (context) => {
				const folder = temporaryFolder(context);
				const path = configFile(folder, text(folder));
				await checkConfig(program, path);
				const broker = serve(context, program, path);
				await broker.line(/ running$/m);
				assert.doesNotMatch(broker.stderr, /Error/);
				assert.equal(await exchange(portIn(broker.stderr)), "hello");
				await end(broker);
			});
		}
	});
}
