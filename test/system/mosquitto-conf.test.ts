/**
 * Configurations as mosquitto's packages install them, and as users write them: they run unchanged, with paths in a folder of
 * the test's and a port that the system chooses where the file names one.
 */

import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { DEBIAN_CONFIG, debianFile, SAMPLE_CONFIG } from "../vectors/debian.ts";
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

const DEBIAN = debianFile(DEBIAN_CONFIG);
const SAMPLE = debianFile(SAMPLE_CONFIG);

/** Debian's file, below another root. */
function debian(root: string): string {
	const text = DEBIAN.replace(/^([a-z][^#\n]*? )(?=\/)/gm, `$1${root}`);
	assert.ok(text.split(root).length > 4, text);
	return text;
}

const DEBIAN_FOLDERS = ["run/mosquitto", "var/lib/mosquitto", "var/log/mosquitto", "etc/mosquitto/conf.d"];

/** What users put into Debian's folder to be reached from their network. */
const REMOTE = "listener auto 127.0.0.1\r\nallow_anonymous true\r\n";

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

/** A configuration as an owner has it. `FOLDER` is one of the test's. */
interface Owned {
	readonly name: string;
	readonly lines: readonly string[];
	/** What is said of it besides what is merely told. */
	readonly notes?: readonly string[];
	/** Other files in the folder. */
	readonly others?: Readonly<Record<string, string>>;
}

/** These serve. */
const SERVING: readonly Owned[] = [
	{
		name: "a home: one listener, all clients, times that can be read",
		lines: [
			"per_listener_settings false",
			"listener auto 127.0.0.1",
			"protocol mqtt",
			"allow_anonymous true",
			"log_dest stderr",
			"log_type all",
			"log_timestamp true",
			"log_timestamp_format %Y-%m-%dT%H:%M:%S",
			"connection_messages true",
		],
		notes: [
			"The 'per_listener_settings' option is now deprecated and will be removed in version 3.0. Please see the documentation for how to achieve the same effect.",
		],
	},
	{
		name: "two networks with rules of their own",
		lines: [
			"per_listener_settings true",
			"",
			"listener auto 127.0.0.1",
			"socket_domain ipv4",
			"allow_anonymous true",
			"",
			"listener 0 FOLDER/guests.sock",
			"allow_anonymous true",
			"mount_point guests/",
			"max_connections 10",
			"max_qos 1",
		],
		notes: [
			"The 'per_listener_settings' option is now deprecated and will be removed in version 3.0. Please see the documentation for how to achieve the same effect.",
			"You are using the 'allow_anonymous' option with 'per_listener_settings true'. Please replace this with 'listener_allow_anonymous'.",
		],
	},
	{
		name: "a small router: limits everywhere",
		lines: [
			"max_inflight_messages 10",
			"max_inflight_bytes 65536",
			"max_queued_messages 100",
			"max_queued_bytes 262144",
			"max_packet_size 65536",
			"max_keepalive 300",
			"memory_limit 33554432",
			"persistent_client_expiration 14d",
			"queue_qos0_messages false",
			"sys_interval 60",
			"set_tcp_nodelay true",
			"listener auto 127.0.0.1",
			"max_connections 50",
			"listener_allow_anonymous true",
		],
	},
	{
		name: "of the time of mosquitto 1.4",
		lines: [
			"# written in 2015",
			"port auto",
			"bind_address 127.0.0.1",
			"allow_anonymous true",
			"retry_interval 20",
			"store_clean_interval 10",
			"autosave_interval 1800",
			"retained_persistence true",
			"persistence_location FOLDER/",
			"allow_duplicate_messages false",
			"max_log_entries 1000",
		],
		notes: [
			"The 'port' option is now deprecated and will be removed in version 3.0. Please use 'listener' instead.",
			"The 'bind_address' option is now deprecated and will be removed in version 3.0.",
			"Warning: The 'retry_interval' option is no longer available.",
			"Warning: The 'store_clean_interval' option is no longer available.",
			"The 'allow_duplicate_messages' option is now deprecated and will be removed in version 3.0. The behaviour will default to true.",
			"Warning: The 'allow_duplicate_messages' option has no effect: a subscriber gets a message once for overlapping subscriptions.",
			"Warning: The 'max_log_entries' option is no longer available.",
		],
	},
	{
		name: "with what came with 2.1",
		lines: [
			"global_max_clients 1000",
			"global_max_connections 100",
			"packet_buffer_size 4096",
			"listener auto 127.0.0.1",
			"accept_protocol_versions 4, 5",
			"listener_allow_anonymous true",
			"listener_auto_id_prefix home-",
			"max_topic_alias 20",
			"max_topic_alias_broker 20",
		],
	},
	{
		name: "saved on Windows, with remarks and blanks",
		lines: [
			"\ufeff# Erl\u00e4uterung\r",
			"listener auto 127.0.0.1 # only here\r",
			"\r",
			"allow_anonymous true   \r",
			"max_keepalive 60\t\r",
			"   max_queued_messages 5\r",
		],
	},
	{
		name: "in many files: the last that says something counts",
		lines: ["include_dir FOLDER/conf.d/", "sys_interval 0"],
		others: {
			"conf.d/10-listener.conf": "listener auto 127.0.0.1\nmax_topic_alias 5\n",
			"conf.d/20-access.conf": "allow_anonymous false\n",
			"conf.d/30-access.conf": "allow_anonymous true\n",
			"conf.d/40-off.conf.disabled": "nonsense\n",
		},
	},
];

/** These are refused at their last line. */
const REFUSED: readonly (Owned & { readonly error: string; readonly takes?: string })[] = [
	{
		name: "a bridge to the cloud",
		lines: ["listener 1883", "allow_anonymous true", "", "# upwards", "connection cloud"],
		error:
			"Error: The 'connection' option cannot be used: this build has no bridges, and the messages would stay here.",
	},
	{
		name: "a slip of the pen",
		lines: ["listener 1883", "allow_anonymus true"],
		error: "Error: Unknown configuration variable 'allow_anonymus'.",
	},
	{
		name: "a word for a number",
		lines: ["listener 1883", "max_connections many"],
		error: "Error: 'max_connections' value not a number.",
		takes: "'max_connections' takes a number from -1.",
	},
	{
		name: "an option of a listener above it",
		lines: ["allow_anonymous true", "mount_point home/"],
		error: "Error: The 'mount_point' option requires a listener to be defined first.",
	},
	{
		name: "rules for each listener, too late",
		lines: ["allow_anonymous true", "listener 1883", "per_listener_settings true"],
		error: "Error: per_listener_settings must be set before any other security settings.",
	},
	{
		name: "two logs in files",
		lines: ["log_dest file FOLDER/a.log", "log_dest stderr", "log_dest file FOLDER/b.log"],
		error: 'Error: Duplicate "log_dest file" value.',
	},
	{
		name: "a folder that is not there",
		lines: ["listener 1883", "include_dir FOLDER/none"],
		error: "Error: Unable to open include_dir 'FOLDER/none' (No such file or directory).",
	},
];

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
	mkdirSync(folder, { recursive: true });
	chmodSync(folder, 0o777);
}

function withoutTime(line: string): string {
	return line.replace(/^[0-9T:-]+: /, "");
}

/** What is said of options that are not what they were. */
function notesIn(log: string): string[] {
	const of = /^Warning: |^The '|^You are/;
	return log
		.split("\n")
		.map(withoutTime)
		.filter((line) => of.test(line));
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
			for (const name of DEBIAN_FOLDERS) everybody(join(folder, name));
			const path = configFile(folder, debian(folder));
			await checkConfig(program, path);
			// The log goes to a file, so that the background tells when it serves: the parent's end.
			for (const remote of [false, true]) {
				if (remote) configFile(join(folder, "etc/mosquitto/conf.d"), REMOTE, "remote.conf");
				const parent = serve(context, program, path, ["-d", ...(remote ? [] : ["-p", "auto"])]);
				assert.equal((await parent.ended).code, 0, parent.stderr);
				const pidFile = join(folder, "run/mosquitto/mosquitto.pid");
				const pid = Number(readFileSync(pidFile, "utf8"));
				context.after(() => existsSync(pidFile) && process.kill(pid, "SIGKILL"));
				const log = readFileSync(join(folder, "var/log/mosquitto/mosquitto.log"), "utf8");
				const latest = log.slice(log.lastIndexOf(" starting\n"));
				assert.equal(/Starting in local only mode/.test(latest), !remote);
				assert.equal(await exchange(portIn(latest)), "hello");
				process.kill(pid, "SIGTERM");
				await gone(context, join(folder, "run/mosquitto"), pidFile);
			}
		});

		test("the sample, which is OpenWrt's without UCI: nothing but comments, on loopback", async (context) => {
			const path = configFile(temporaryFolder(context), SAMPLE);
			await checkConfig(program, path);
			const broker = serve(context, program, path, ["-p", "auto"]);
			await broker.line(/ running$/m);
			assert.match(broker.stderr, /Starting in local only mode/);
			assert.equal(await exchange(portIn(broker.stderr)), "hello");
			await end(broker);
		});

		for (const { name, lines, notes = [], others = {} } of SERVING) {
			test(`serves: ${name}`, async (context) => {
				const folder = temporaryFolder(context);
				for (const [path, content] of Object.entries(others)) {
					mkdirSync(dirname(join(folder, path)), { recursive: true });
					configFile(folder, content, path);
				}
				const path = configFile(folder, `${lines.join("\n").replaceAll("FOLDER", folder)}\n`);
				await checkConfig(program, path);
				const broker = serve(context, program, path);
				await broker.line(/ running$/m);
				assert.equal(await exchange(portIn(broker.stderr)), "hello");
				await end(broker);
				assert.deepEqual(notesIn(broker.stderr), notes);
			});
		}

		test("what is refused is so at its line, and nothing is opened", async (context) => {
			for (const { name, lines, error, takes = [] } of REFUSED) {
				const folder = temporaryFolder(context);
				const path = configFile(folder, `${lines.join("\n").replaceAll("FOLDER", folder)}\n`);
				const expected = [error.replace("FOLDER", folder), `Error found at ${path}:${lines.length}.`].concat(
					takes,
				);
				for (const more of [[], ["--test-config"]]) {
					const ended = await new Running(commandOf(program, ["-c", path, ...more])).ended;
					const said = ended.stderr.trimEnd().split("\n").map(withoutTime);
					assert.deepEqual([ended.code, said], [3, expected], name);
				}
			}
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
