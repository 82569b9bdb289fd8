/** The broker's command line, configuration errors, log, signals and end, on every host. */

import assert from "node:assert/strict";
import { existsSync, readFileSync, renameSync } from "node:fs";
import { createServer, connect as dial, type Socket } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type CommandLine, ENDING, SERVING } from "../vectors/command-line.ts";
import {
	type BuiltProgram,
	builtPrograms,
	commandOf,
	configFile,
	gone,
	next,
	Running,
	run,
	startBroker,
	temporaryFolder,
} from "./harness.ts";
import { connect, exchange } from "./mqtt-client.ts";

const VERSION: string = JSON.parse(
	readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
).version;

/** Files that are refused: text, error, line. */
const LISTENER_TAKES = "'listener' takes a port and perhaps an address, or 0 and the path of a unix socket.";

/** The last is what is said to be expected. */
const BAD_FILES: readonly (readonly [text: string, error: string, line: number, takes?: string])[] = [
	["# fine\nnonsense 1\n", "Error: Unknown configuration variable 'nonsense'.", 2],
	[
		"listener 1883\r\nmax_qos 3\r\n",
		"Error: 'max_qos' must be between 0 and 2 inclusive.",
		2,
		"'max_qos' takes a number from 0 to 2.",
	],
	[
		"\n\nallow_anonymous maybe\n",
		"Error: Invalid 'allow_anonymous' value (maybe).",
		3,
		"'allow_anonymous' takes true or false.",
	],
	["listener\n", "Error: Empty 'listener port' value in configuration.", 1, LISTENER_TAKES],
	["listener 0\n", "Error: A listener with port 0 must provide a Unix socket path.", 1, LISTENER_TAKES],
	["max_topic_alias 5\n", "Error: The 'max_topic_alias' option requires a listener to be defined first.", 1],
	[
		"max_keepalive ten\n",
		"Error: 'max_keepalive' value not a number.",
		1,
		"'max_keepalive' takes a number from 0 to 65535.",
	],
	["pid_file /a\npid_file /b\n", "Error: Duplicate 'pid_file' value in configuration.", 2],
];

/** Options that nobody may believe to be in force: each is refused by name. */
const REFUSED = ["listener 8883\ntls_engine dynamic", "connection remote"];

/** Arguments with the files that a line of the table needs, and the names of those. */
function prepared(folder: string, { args, config, other }: Pick<CommandLine, "args" | "config" | "other">) {
	const names = new Map([
		["FILE", join(folder, "file.conf")],
		["OTHER", join(folder, "other.conf")],
		["NONE", join(folder, "none.conf")],
	]);
	const filled = (text: string) => [...names].reduce((all, [name, path]) => all.replaceAll(name, path), text);
	if (config !== undefined) configFile(folder, filled(config), "file.conf");
	if (other !== undefined) configFile(folder, filled(other), "other.conf");
	return { args: args.map(filled), names };
}

/** What was logged, without times, and with the table's names for files. */
function textOf(log: string, names: ReadonlyMap<string, string>): string {
	const text = log.replace(/^[0-9]+: /gm, "");
	return [...names].reduce((all, [name, path]) => all.replaceAll(path, name), text);
}

async function refusedWith(program: BuiltProgram, args: readonly string[], lines: readonly string[]) {
	const ended = await run(program, args);
	assert.equal(ended.code, 3, `${args.join(" ")}: ${ended.stderr}`);
	const said = ended.stderr
		.trimEnd()
		.split("\n")
		.map((line) => line.replace(/^[0-9]+: /, ""));
	assert.deepEqual(said, lines);
}

/** The answer to octets sent over a new connection: all until `length` came, or until the broker closed. */
function answer(port: number, octets: Uint8Array, length: number, host = "127.0.0.1"): Promise<Buffer> {
	return new Promise((resolve, reject) => {
		let received = Buffer.alloc(0);
		const socket: Socket = dial(port, host, () => socket.write(octets));
		socket.on("data", (piece: Buffer) => {
			received = Buffer.concat([received, piece]);
			if (received.length < length) return;
			socket.destroy();
			resolve(received);
		});
		socket.on("end", () => resolve(received));
		socket.on("error", reject);
	});
}

/** CONNECT of 3.1.1 with a clean session. */
function connectPacket(clientId: string): Buffer {
	const id = Buffer.from(clientId);
	return Buffer.concat([
		Buffer.from([0x10, 12 + id.length, 0, 4]),
		Buffer.from("MQTT"),
		Buffer.from([4, 2, 0, 0, 0, id.length]),
		id,
	]);
}

for (const program of builtPrograms()) {
	describe(`command line of the broker on ${program.name}`, () => {
		test("what ends by itself: exit code, and all that is printed, as the table has it", async (context) => {
			const folder = temporaryFolder(context);
			for (const line of ENDING) {
				const { args, names } = prepared(folder, line);
				const ended = await run(program, args);
				const what = line.args.slice(0, 6).join(" ");
				assert.equal(ended.code, line.code, `${what}: ${ended.stderr}`);
				assert.deepEqual(textOf(ended.stderr, names).split("\n").slice(0, -1), line.stderr, what);
				if (line.stdout === undefined) assert.equal(ended.stdout, "", what);
				else assert.match(ended.stdout, line.stdout, what);
			}
		});

		test("what serves: lines of the table, and exit code 0 after SIGTERM", async (context) => {
			const folder = temporaryFolder(context);
			for (const line of SERVING) {
				const { args, names } = prepared(folder, line);
				const broker = new Running(commandOf(program, args));
				context.after(() => broker.child.kill("SIGKILL"));
				await broker.line(/ running$/m);
				const text = textOf(broker.stderr, names);
				for (const pattern of line.lines) assert.match(text, pattern);
				for (const pattern of line.not ?? []) assert.doesNotMatch(text, pattern);
				process.kill(broker.pid, "SIGTERM");
				assert.equal((await broker.ended).code, 0);
			}
		});

		test("errors of the configuration name file and line and end with 3", async (context) => {
			const folder = temporaryFolder(context);
			for (const [text, error, line, takes = []] of BAD_FILES) {
				const path = configFile(folder, text);
				const lines = [error, `Error found at ${path}:${line}.`].concat(takes);
				await refusedWith(program, ["-c", path], lines);
			}
			const missing = join(folder, "missing.conf");
			await refusedWith(
				program,
				["-c", missing],
				[`Error: Unable to open config file '${missing}' (No such file or directory).`],
			);
			await refusedWith(program, ["-c", folder], [`Error: Config file '${folder}' is a directory.`]);
		});

		test("what protects and is not there is refused", async (context) => {
			const folder = temporaryFolder(context);
			for (const text of REFUSED) {
				const ended = await run(program, ["-c", configFile(folder, `${text}\n`)]);
				const option = text.split("\n").at(-1)?.split(" ")[0] ?? "";
				assert.equal(ended.code, 3, text);
				assert.match(ended.stderr, new RegExp(`Error: The '${option}' option cannot be used: [^\n]+\\.\n`));
			}
		});

		test("--test-config checks and opens no port", async (context) => {
			// Whoever opened this port could not be a second one.
			const server = createServer().listen(0, "127.0.0.1");
			await next(server, "listening");
			const { port } = server.address() as { port: number };
			const path = configFile(
				temporaryFolder(context),
				`listener ${port} 127.0.0.1\nwebsockets_log_level 1\n`,
			);
			const ended = await run(program, ["-c", path, "--test-config"]);
			server.close();
			assert.equal(ended.code, 0, ended.stderr);
			assert.match(ended.stderr, /Configuration file is OK\.\n$/);
			assert.match(
				ended.stderr,
				/'websockets_log_level' option has no effect: there is no WebSocket library that logs by itself/,
			);
		});

		test("a plugin that is not built in ends the start with 13", async (context) => {
			const path = configFile(
				temporaryFolder(context),
				"listener auto 127.0.0.1\nplugin /usr/lib/go-auth.so\n",
			);
			const ended = await run(program, ["-c", path]);
			assert.equal(ended.code, 13, ended.stderr);
			assert.match(ended.stderr, /Error: Unable to load plugin "\/usr\/lib\/go-auth\.so"\.\n/);
			assert.equal((await run(program, ["-c", path, "--test-config"])).code, 3);
		});

		test("without a listener it serves this machine only, says so, and ends cleanly", async (context) => {
			const broker = await startBroker(context, program);
			assert.match(
				broker.log,
				/: Starting in local only mode\. Connections will only be possible from clients/,
			);
			assert.match(broker.log, /: Using default config\.\n/);
			assert.equal(await exchange(broker.port, "local"), "local");
			// Another address of loopback: a listener on all addresses would answer there.
			await assert.rejects(answer(broker.port, connectPacket("x"), 4, "127.0.0.2"), { code: "ECONNREFUSED" });
			const ended = await broker.stop("SIGINT");
			const lines = ended.stderr.trimEnd().split("\n");
			assert.match(lines[0] ?? "", new RegExp(`^[0-9]+: mqttd version ${VERSION} starting$`));
			assert.match(lines.at(-1) ?? "", new RegExp(`^[0-9]+: mqttd version ${VERSION} terminating$`));
		});

		test("-p can be given more than once", async (context) => {
			const broker = await startBroker(context, program, { args: ["-p", "auto"] });
			const ports = [...broker.log.matchAll(/Opening ipv4 listen socket on port ([0-9]+)\./g)].map(portOf);
			assert.equal(new Set(ports).size, 2);
			for (const port of ports) assert.equal(await exchange(port, "each"), "each");
			await broker.stop();
		});

		test("with a listener anonymous clients are refused unless allowed", async (context) => {
			const closed = await startBroker(context, program, { config: "listener auto 127.0.0.1\n" });
			assert.deepEqual([...(await answer(closed.port, connectPacket("x"), 5))], [0x20, 2, 0, 5]);
			await closed.stop();
			const open = await startBroker(context, program, {
				config: "listener auto 127.0.0.1\nallow_anonymous true\n",
			});
			assert.deepEqual([...(await answer(open.port, connectPacket("x"), 4))], [0x20, 2, 0, 0]);
			await open.stop();
		});

		test("a port in use ends with 1 and a clear error", async (context) => {
			const broker = await startBroker(context, program);
			const ended = await run(program, ["-p", String(broker.port)]);
			assert.equal(ended.code, 1);
			assert.match(
				ended.stderr,
				new RegExp(`Error: Address already in use \\(127\\.0\\.0\\.1:${broker.port}\\)`),
			);
			await broker.stop();
		});

		test("-d prints the process id, --pid-file writes it, and the end removes it", async (context) => {
			const folder = temporaryFolder(context);
			const pidFile = join(folder, "broker.pid");
			const started = new Running(commandOf(program, ["-p", "auto", "-d", "--pid-file", pidFile]));
			const ended = await started.ended;
			assert.equal(ended.code, 0, ended.stderr);
			const pid = Number(ended.stdout);
			context.after(() => existsSync(pidFile) && process.kill(pid, "SIGKILL"));
			assert.notEqual(pid, started.pid);
			assert.equal(readFileSync(pidFile, "utf8"), `${pid}\n`);
			const port = portOf(/Opening ipv4 listen socket on port ([0-9]+)\./.exec(ended.stderr) ?? []);
			assert.equal(await exchange(port, "background"), "background");
			process.kill(pid, "SIGTERM");
			await gone(context, folder, pidFile);
		});

		test("a background process that cannot start says why and ends with 1", async (context) => {
			const broker = await startBroker(context, program);
			const ended = await run(program, ["-d", "-p", String(broker.port)]);
			assert.deepEqual([ended.code, ended.stdout], [1, ""]);
			assert.match(ended.stderr, /Error: Address already in use/);
			await broker.stop();
		});

		test("a pid file that cannot be written is an error", async (context) => {
			const path = join(temporaryFolder(context), "missing", "broker.pid");
			const ended = await run(program, ["-p", "auto", "--pid-file", path]);
			assert.equal(ended.code, 1);
			assert.ok(
				ended.stderr.includes(`Error: Unable to write pid file '${path}' (No such file or directory).`),
			);
		});

		test("SIGTERM tells MQTT 5 clients and ends with 0", async (context) => {
			const broker = await startBroker(context, program);
			const client = await connect(broker.port, { protocolVersion: 5 });
			const told = new Promise<number | undefined>((resolve) => {
				client.once("disconnect", (packet) => resolve(packet.reasonCode));
			});
			await broker.stop();
			assert.equal(await told, 0x8b);
		});

		test("SIGHUP reloads, and keeps what is in force when the file is wrong", async (context) => {
			const folder = temporaryFolder(context);
			const start = "listener auto 127.0.0.1\n";
			const path = configFile(folder, `${start}allow_anonymous true\n`);
			const started = new Running(commandOf(program, ["-c", path]));
			context.after(() => started.child.kill("SIGKILL"));
			await started.line(/ running$/m);
			const port = portOf(await started.line(/socket on port ([0-9]+)\./));
			assert.deepEqual([...(await answer(port, connectPacket("x"), 4))], [0x20, 2, 0, 0]);

			configFile(folder, `${start}nonsense\n`);
			process.kill(started.pid, "SIGHUP");
			await started.line(/The configuration was not reloaded/);
			assert.ok(started.stderr.includes(`Error found at ${path}:2.`));
			assert.deepEqual([...(await answer(port, connectPacket("x"), 4))], [0x20, 2, 0, 0]);

			configFile(folder, `${start}allow_anonymous false\n`);
			process.kill(started.pid, "SIGHUP");
			await started.line(/Config reloaded\./);
			assert.deepEqual([...(await answer(port, connectPacket("x"), 5))], [0x20, 2, 0, 5]);
			process.kill(started.pid, "SIGTERM");
			assert.equal((await started.ended).code, 0);
		});

		test("SIGUSR1 says that nothing is saved, SIGUSR2 shows subscriptions", async (context) => {
			const broker = await startBroker(context, program);
			const client = await connect(broker.port);
			await client.subscribeAsync("garden/+/moisture");
			broker.signal("SIGUSR1");
			await broker.line(/Nothing is saved/);
			broker.signal("SIGUSR2");
			await broker.process.line(/ moisture \(/, "stdout");
			await client.endAsync();
			await broker.stop();
		});

		test("log_dest file, log_timestamp_format, log_type; SIGHUP opens a moved file anew", async (context) => {
			const folder = temporaryFolder(context);
			const file = join(folder, "broker.log");
			const broker = await startBroker(context, program, {
				config: [
					"listener auto 127.0.0.1",
					"allow_anonymous true",
					`log_dest file ${file}`,
					"log_dest stderr",
					"log_timestamp_format %Y-%m-%dT%H:%M:%S",
					"log_type information",
					"log_type notice",
				].join("\n"),
			});
			const lines = readFileSync(file, "utf8").trimEnd().split("\n");
			for (const line of lines) assert.match(line, /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}: /);
			assert.match(lines.at(-1) ?? "", / running$/);
			// As root it was opened, and as another user it is opened again.
			broker.signal("SIGHUP");
			await broker.line(/Config reloaded\./);
			renameSync(file, `${file}.1`);
			broker.signal("SIGHUP");
			await broker.line(/(Config reloaded\.[\s\S]*){2}/);
			await broker.stop();
			assert.match(readFileSync(file, "utf8"), /terminating\n$/);
			assert.doesNotMatch(readFileSync(`${file}.1`, "utf8"), /terminating/);
		});

		test("-q logs nothing, but a wrong configuration is not passed over in silence", async (context) => {
			const folder = temporaryFolder(context);
			const pidFile = join(folder, "broker.pid");
			const ended = await run(program, ["-q", "-v", "-d", "-p", "auto", "--pid-file", pidFile]);
			const pid = Number(readFileSync(pidFile, "utf8"));
			context.after(() => existsSync(pidFile) && process.kill(pid, "SIGKILL"));
			assert.deepEqual([ended.code, ended.stdout, ended.stderr], [0, `${pid}\n`, ""]);
			process.kill(pid, "SIGTERM");
			await gone(context, folder, pidFile);
			const path = configFile(folder, "listener 70000\n");
			assert.match((await run(program, ["-q", "-c", path])).stderr, /Invalid 'port' value \(70000\)/);
		});

		test("log_timestamp false leaves the text alone", async (context) => {
			const config = "listener auto 127.0.0.1\nlog_timestamp false\n";
			const broker = await startBroker(context, program, { config });
			assert.match(broker.log, /^mqttd version/);
			await broker.stop();
		});

		test("a full disk under the log does not end the broker", async (context) => {
			const config =
				"listener auto 127.0.0.1\nallow_anonymous true\nlog_dest file /dev/full\nlog_dest stderr\n";
			const broker = await startBroker(context, program, { config });
			assert.equal(await exchange(broker.port, "full"), "full");
			await broker.stop();
		});

		test("a client cannot write lines of its own into the log", async (context) => {
			const broker = await startBroker(context, program, { args: ["-v"] });
			const clientId = "evil\u20281700000000: mqttd version 9 running\u202e";
			await answer(broker.port, connectPacket(clientId), 4);
			await broker.line(/evil\\u20281700000000: mqttd version 9 running\\u202e/);
			assert.doesNotMatch(broker.log, /[\u2028\u202e]/);
			await broker.stop();
		});
	});
}

/** The number that a match's first group holds. */
function portOf(match: readonly string[]): number {
	return Number(match[1]);
}
