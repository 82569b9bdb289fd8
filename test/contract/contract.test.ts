/** Runs the contract program of each host, and watches from outside what it cannot see itself. */

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
	closeSync,
	constants,
	existsSync,
	mkdtempSync,
	openSync,
	readFileSync,
	readlinkSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { type AddressInfo, connect, createServer, type Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { makeCertificates } from "../certificates.ts";
import { textCodec } from "../fake/text.ts";
import { checkMutations } from "../fuzz/repeatable.ts";
import { VECTORS_PATH } from "../vectors/ubus.ts";
import { demandedPrograms, type Program, type Result, run, start, stopAll } from "./programs.ts";
import { wireCases } from "./wire-cases.ts";

const JANUARY = Date.UTC(2026, 0, 15);
const JULY = Date.UTC(2026, 6, 15);

/** What a well-behaved program leaves: this output, this end, and nothing else (a sanitizer reports on stderr). */
function expectRun(result: Result, stdout: string, end: number = 0, stderr = ""): void {
	assert.deepEqual(
		{ stderr: result.stderr.toString(), stdout: result.stdout.toString(), end: result.end },
		{ stderr, stdout, end },
	);
}

/** What a run writes beside its tests, all of which must have passed. */
function otherLines({ stdout, stderr, end }: Result): string[] {
	const lines = stdout.toString().trimEnd().split("\n");
	const others = lines.filter((line) => !line.startsWith("ok "));
	const total = others.pop() ?? "";
	assert.match(total, /^[1-9][0-9]* passed, 0 failed$/, others.join("\n"));
	assert.equal(Number.parseInt(total, 10), lines.length - others.length - 1);
	assert.equal(stderr.toString(), "");
	assert.equal(end, 0);
	return others;
}

/** What `flood` writes. */
function flooded(length: number): Buffer {
	return Buffer.alloc(length, Buffer.from(Array.from({ length: 100_003 }, (_, at) => at % 251)));
}

async function readAll(stream: Socket): Promise<Buffer> {
	const pieces: Buffer[] = [];
	stream.on("data", (piece: Buffer) => pieces.push(piece));
	// One that was accepted as paused stays so.
	stream.resume();
	await once(stream, "end");
	return Buffer.concat(pieces);
}

for (const program of demandedPrograms()) {
	suite(`contract on ${program.name}`, () => {
		let folder = "";
		before(() => {
			folder = mkdtempSync(join(tmpdir(), "contract-"));
			makeCertificates(join(folder, "tls"));
			program.build();
		});
		after(() => {
			stopAll();
			rmSync(folder, { recursive: true });
		});
		itself(program, () => folder);
		ending(program);
		uncaught(program);
		facts(program, () => folder);
		streams(program, () => folder);
		signals(program);
		background(program, () => folder);
		identity(program);
		ids(program, () => folder);
		sockets(program);
		systemLog(program, () => folder);
		wireCases(program);
	});
}

function itself(program: Program, folder: () => string): void {
	test("the suite itself", async () => {
		const result = await run(program, [], {
			env: { ...process.env, CONTRACT_DIR: folder(), CONTRACT_TLS: join(folder(), "tls") },
		});
		assert.deepEqual(otherLines(result), []);
	});

	test("the codec", async () => {
		// Its host gives the same as Node's own text codec, here: neither engine nor byte order shows.
		assert.deepEqual(otherLines(await run(program, ["packet"])), [checkMutations(textCodec)]);
	});

	test("ubus", async () => {
		const result = await run(program, ["ubus", VECTORS_PATH], {
			env: { ...process.env, CONTRACT_DIR: folder() },
		});
		assert.deepEqual(otherLines(result), []);
	});

	test("an unknown mode", async () => {
		expectRun(await run(program, ["no-such-mode"]), "no mode no-such-mode\n", 2);
	});
}

function portOf(server: Server): string {
	return String((server.address() as AddressInfo).port);
}

function ending(program: Program): void {
	test("ends by itself when nothing is left to happen", async () => {
		expectRun(await run(program, ["nothing"]), "");
		expectRun(await run(program, ["timer"]), "done\n");
		expectRun(await run(program, ["before-flush"]), "one\ntwo\n");
		expectRun(await run(program, ["idle"]), "closed\n");
		expectRun(await run(program, ["signal-idle"]), "started\n");
	});

	test("exit codes", async () => {
		for (const code of [0, 1, 7, 128, 255]) {
			expectRun(await run(program, ["exit", String(code)]), "", code);
		}
	});

	test("exit ends the program at once", async () => {
		expectRun(await run(program, ["exit-now"]), "before\n", 4);
	});
}

function uncaught(program: Program): void {
	const whats = {
		start: "RangeError: boom",
		timer: "RangeError: boom",
		data: "RangeError: boom",
		input: "RangeError: boom",
		reject: "RangeError: boom",
		value: "no error object",
	};
	for (const [what, text] of Object.entries(whats)) {
		test(`an uncaught error (${what}) is told, then the program ends`, async () => {
			expectRun(await run(program, ["uncaught", what]), `told ${text}\n`, 70);
			expectRun(await run(program, ["uncaught", what, "exit"]), `told ${text}\n`, 5);
			const { stdout, stderr, end } = await run(program, ["uncaught", what, "throw"]);
			assert.deepEqual([stdout.toString(), end], [`told ${text}\n`, 70]);
			assert.ok(stderr.toString().startsWith(`Uncaught ${text}\n`), stderr.toString());
		});
	}

	test("a rejected promise that is listened to in its turn is none", async () => {
		expectRun(await run(program, ["uncaught", "handled"]), "caught\n");
	});
}

function facts(program: Program, folder: () => string): void {
	test("arguments, and the name called by", async () => {
		const link = join(folder(), "other-name");
		symlinkSync(program.file, link);
		const args = ["-c", "", "two words", "größe 😀", "--x=y\n"];
		const expected = ["other-name", "argv", ...args].map((text) => `<${text}>\n`).join("");
		expectRun(await run(program, ["argv", ...args], { as: link }), expected);
	});

	test("arguments that are not UTF-8 lose nothing", async () => {
		const script = `exec "$@" "$(printf 'a\\377')" "$(printf '\\303')" ä "$(printf '\\200\\355\\240\\200')"`;
		const { stdout, end } = await run(program, ["units"], { before: ["sh", "-c", script, "sh"] });
		const units = ["61 dcff", "dcc3", "e4", "dc80 dced dca0 dc80"];
		assert.deepEqual([stdout.toString(), end], [units.map((line) => `${line}\n`).join(""), 0]);
	});

	test("environment", async () => {
		const env = { ...process.env, ONE: "größe 😀", EMPTY: "", EQUALS: "a=b" };
		const names = ["ONE", "EMPTY", "EQUALS", "NOT_SET_ANYWHERE"];
		expectRun(await run(program, ["env", ...names], { env }), "<größe 😀>\n<>\n<a=b>\nundefined\n");
	});

	test("permission bits of new files are less the umask", async () => {
		for (const [umask, modes] of Object.entries({
			"000": "644\n666\n644\n660\n",
			"027": "640\n640\n640\n640\n",
		})) {
			const before = ["sh", "-c", `umask ${umask}; exec "$@"`, "sh"];
			expectRun(await run(program, ["modes", folder()], { before }), modes);
		}
	});

	test("offset from UTC, also in summer", async () => {
		for (const [zone, offsets] of Object.entries(program.zones)) {
			const env = { ...process.env, TZ: zone };
			const result = await run(program, ["utc-offset", String(JANUARY), String(JULY)], { env });
			expectRun(result, offsets.map((offset) => `${offset}\n`).join(""));
		}
	});
}

function streams(program: Program, folder: () => string): void {
	test("standard input: every octet, however it comes", async () => {
		const bytes = flooded(1_000_000);
		const piped = await run(program, ["cat"], {}, bytes);
		assert.equal(piped.stderr.toString(), "end 1\n");
		assert.equal(piped.end, 0);
		assert.ok(piped.stdout.equals(bytes));

		const path = join(folder(), "input");
		writeFileSync(path, bytes);
		const fd = openSync(path, "r");
		const file = await run(program, ["cat"], { stdio: [fd, "pipe", "pipe"] });
		closeSync(fd);
		assert.equal(file.stderr.toString(), "end 1\n");
		assert.ok(file.stdout.equals(bytes));

		expectRun(await run(program, ["cat"], { stdio: ["ignore", "pipe", "pipe"] }), "", 0, "end 1\n");
		expectRun(await run(program, ["cat"]), "", 0, "end 1\n");
	});

	test("standard input: each piece as it comes", async () => {
		const { child, until, ended } = start(program, ["cat"]);
		for (const piece of ["one", "two", "three"]) {
			child.stdin!.write(piece);
			await until(piece);
		}
		child.stdin!.end();
		expectRun(await ended, "onetwothree", 0, "end 1\n");
	});

	test("standard input does not block the loop", async () => {
		const { child, until, ended } = start(program, ["cat-timer"]);
		await until("timer\n");
		child.stdin!.end("input\n");
		expectRun(await ended, "timer\ninput\nend\n");
	});

	test("standard input, paused: nothing is told, the end neither, and who writes is held up", async () => {
		const { child, until, ended } = start(program, ["cat-signals"]);
		const stdin = child.stdin!;
		const written = (bytes: string | Buffer) => new Promise((resolve) => stdin.write(bytes, resolve));
		await until("ready\n");
		await written("1");
		await until("data 49\n");
		child.kill("SIGHUP");
		await until("paused\n");
		await written("2");
		child.kill("SIGUSR1");
		await until("ready\ndata 49\npaused\nasked\n");
		child.kill("SIGUSR2");
		await until("asked\ndata 50\n");

		child.kill("SIGHUP");
		await until("data 50\npaused\n");
		stdin.write(Buffer.alloc(8_000_000, "3"));
		child.kill("SIGUSR1");
		await until("data 50\npaused\nasked\n");
		assert.ok(stdin.writableLength > 0, "all 8 megabytes were taken");
		stdin.end();
		child.kill("SIGUSR2");
		const { stdout, end } = await ended;
		assert.match(stdout.toString(), /asked\n(data 51\n)+end\n$/);
		assert.equal(end, 0);
	});

	test("standard input, paused and resumed for each piece", async () => {
		const bytes = flooded(1_000_000);
		const path = join(folder(), "input-to-pause");
		writeFileSync(path, bytes);
		const fd = openSync(path, "r");
		const file = await run(program, ["cat-pausing"], { stdio: [fd, "pipe", "pipe"] });
		closeSync(fd);
		const piped = await run(program, ["cat-pausing"], {}, bytes);
		for (const { stdout, stderr, end } of [file, piped]) {
			assert.equal(stderr.toString(), "end false\n");
			assert.equal(end, 0);
			assert.ok(stdout.equals(bytes));
		}
	});

	test("standard input, paused, does not keep the program running", async () => {
		expectRun(await start(program, ["stdin-idle"]).ended, "");
	});

	test("standard streams that are closed", async () => {
		const closing = (what: string) => ({ before: ["sh", "-c", `exec "$@" ${what}`, "sh"] });
		expectRun(await run(program, ["cat"], closing("<&-")), "", 0, "end 1\n");
		expectRun(await run(program, ["idle"], closing("<&- >&- 2>&-")), "");
		expectRun(await run(program, ["exit", "6"], closing(">&-")), "", 6);
	});

	test("standard output: a pipe", async () => {
		const result = await run(program, ["flood", "3000000"]);
		assert.equal(result.stderr.toString(), "flooded\n");
		assert.equal(result.end, 0);
		assert.ok(result.stdout.equals(flooded(3_000_000)));
	});

	test("standard output: a pipe that someone made non-blocking", async () => {
		const path = join(folder(), "fifo");
		execFileSync("mkfifo", [path]);
		const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
		const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
		// Node makes the first three descriptors of a child blocking again, so the shell puts it in place.
		const before = ["sh", "-c", 'exec "$@" >&3 3>&-', "sh"];
		const { ended } = start(program, ["flood", "3000000"], {
			before,
			stdio: ["ignore", "ignore", "pipe", writer],
		});
		closeSync(writer);
		const bytes = await readAll(new Socket({ fd: reader, readable: true, writable: false }));
		const result = await ended;
		assert.equal(result.stderr.toString(), "flooded\n");
		assert.equal(result.end, 0);
		assert.ok(bytes.equals(flooded(3_000_000)));
	});

	test("standard output: the reader has gone", async () => {
		// A pipe of the shell: Node's own are sockets, which may say ECONNRESET instead.
		const before = ["sh", "-c", '{ "$@"; echo "code $?" >&2; } | :', "sh"];
		expectRun(await run(program, ["pipe"], { before }), "", 0, "EPIPE: Broken pipe\ncode 5\n");
	});

	test("standard output: a full device", async () => {
		const full = openSync("/dev/full", "w");
		const result = await run(program, ["pipe"], { stdio: ["ignore", full, "pipe"] });
		closeSync(full);
		assert.equal(result.stderr.toString(), "ENOSPC: No space left on device\n");
		assert.equal(result.end, 5);
	});
}

function signals(program: Program): void {
	test("signals, each arrival", async () => {
		const numbers: Record<string, NodeJS.Signals> = {
			SIGINT: "SIGINT",
			SIGTERM: "SIGTERM",
			SIGHUP: "SIGHUP",
			SIGUSR1: "SIGUSR1",
			SIGUSR2: "SIGUSR2",
		};
		const { child, until, ended } = start(program, ["signals", ...Object.keys(numbers), "SIGRTMIN"]);
		await until("ready\n");
		const all = [
			...Object.entries(numbers),
			...program.sigrtmin.map((number) => ["SIGRTMIN", number] as const),
		];
		let expected = "ready\n";
		for (const [name, number] of [...all, ...all]) {
			process.kill(child.pid!, number);
			expected += `${name}\n`;
			await until(expected);
		}
		child.stdin!.end();
		expectRun(await ended, expected);
	});

	test("a signal that is not asked for has its usual effect", async () => {
		const { child, until, ended } = start(program, ["signals", "SIGHUP"]);
		await until("ready\n");
		child.kill("SIGTERM");
		assert.equal((await ended).end, "SIGTERM");
	});
}

function background(program: Program, folder: () => string): void {
	test("to the background", async () => {
		const path = join(folder(), "daemon");
		const { child, ended } = start(program, ["daemon", path]);
		// Its streams end, so the background process has let go of them.
		expectRun(await ended, "before\ninside\n", 0, "inside too\n");
		const socket = connect(path);
		const [greeting] = await once(socket, "data");
		const [pid, ...argv] = String(greeting).trim().split(" ");
		assert.notEqual(Number(pid), child.pid);
		assert.deepEqual(argv, ["contract", "daemon", path]);
		// After the name in parentheses: state, parent, process group, session.
		const [, , , session] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
		assert.notEqual(session, readFileSync("/proc/self/stat", "utf8").split(") ")[1]!.split(" ")[3]);
		for (const fd of [0, 1, 2]) {
			assert.equal(readlinkSync(`/proc/${pid}/fd/${fd}`), "/dev/null");
		}
		socket.end();
		await once(socket, "close");
	});

	test("to the background, but it ends before it is ready", async () => {
		for (const code of [0, 3, 255]) {
			expectRun(await run(program, ["daemon-exit", String(code)]), "failing\n", code);
		}
	});
}

function identity(program: Program): void {
	test("another user", async () => {
		const { stdout, stderr, end } = await run(program, ["user", "no-such-user", "nobody", "root"]);
		assert.equal(stderr.toString(), "");
		assert.equal(end, 0);
		const lines = stdout.toString().trimEnd().split("\n");
		assert.equal(lines.shift(), "no-such-user: ENOENT: No such file or directory");
		if (process.getuid!() === 0) {
			const [name, , uid, gid] = readFileSync("/etc/passwd", "utf8")
				.match(/^nobody:.*$/m)![0]
				.split(":");
			assert.equal(name, "nobody");
			assert.deepEqual(lines, [
				"root: EPERM: Operation not permitted",
				`uid ${uid}`,
				`Uid: ${uid} ${uid} ${uid} ${uid}`,
				`Gid: ${gid} ${gid} ${gid} ${gid}`,
				`Groups: ${gid}`,
			]);
		} else {
			assert.equal(lines[0], "nobody: EPERM: Operation not permitted");
			assert.equal(lines[1], "root: EPERM: Operation not permitted");
			assert.equal(lines[2], `uid ${process.getuid!()}`);
		}
	});
}

/** As root only: who is somebody else is refused. */
function ids(program: Program, folder: () => string): void {
	test("other ids", async () => {
		const { stdout, end } = await run(program, ["ids", "4711", "4712"]);
		assert.equal(end, 0);
		const lines = stdout.toString().trimEnd().split("\n");
		if (process.getuid!() !== 0) {
			assert.equal(lines[0], "EPERM");
			return;
		}
		const expected = ["uid 4711", "Uid: 4711 4711 4711 4711", "Gid: 4712 4712 4712 4712", "Groups:"];
		assert.deepEqual(lines, expected);
		const group = await run(program, ["ids", "0", "4712"]);
		assert.deepEqual(group.stdout.toString().split("\n").slice(0, 3), [
			"uid 0",
			"Uid: 0 0 0 0",
			"Gid: 4712 4712 4712 4712",
		]);
	});

	test("umask", async () => {
		const { stdout, end } = await run(program, ["umask", String(0o026), join(folder(), "masked")]);
		assert.deepEqual([stdout.toString(), end], ["640\n", 0]);
	});
}

function systemLog(program: Program, folder: () => string): void {
	test("system log", async () => {
		if (existsSync("/dev/log")) {
			// Someone else's, whom we can only write to.
			expectRun(await run(program, ["syslog"]), "");
			return;
		}
		expectRun(await run(program, ["syslog"]), "ENOENT: No such file or directory\n");
		if (process.getuid!() !== 0) {
			return;
		}
		// Node has no datagrams over unix sockets, and Perl is part of every Debian.
		const script = `
			use IO::Socket::UNIX; $| = 1;
			my $log = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "/dev/log") or die;
			print "ready\n";
			while (defined $log->recv(my $record, 4096)) { print "$record\n"; last if $record =~ /last/; }
		`;
		const path = join(folder(), "log.pl");
		writeFileSync(path, script);
		const { child, until, ended } = start({ ...program, runner: ["perl"], file: path }, []);
		try {
			await until("ready\n");
			expectRun(await run(program, ["syslog"]), "");
			const lines = (await ended).stdout.toString().trimEnd().split("\n");
			const time = "[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8}";
			for (const [at, text] of ["<155>| one", "<159>| größe %s %n", "<157>| last"].entries()) {
				const [priority, message] = text.split("|");
				assert.match(
					lines[at + 1] ?? "",
					new RegExp(`^${priority}${time} contract\\[[0-9]+\\]:${message}\n?$`),
				);
			}
			assert.equal(lines.length, 4);
		} finally {
			child.kill("SIGKILL");
			rmSync("/dev/log");
		}
	});
}

function sockets(program: Program): void {
	test("a connection attempt without an answer ends in time", async () => {
		// A listener that accepts nothing, as it is stopped: its queue fills up and the system answers no more.
		const script = `
			const server = require("node:net").createServer();
			server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => console.log(server.address().port));
		`;
		const silent = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
		try {
			const [port] = await once(silent.stdout!, "data");
			silent.kill("SIGSTOP");
			const result = await run(program, ["connect-timeout", String(port).trim()]);
			expectRun(result, "ETIMEDOUT: Connection timed out\nin time\n");
		} finally {
			silent.kill("SIGKILL");
		}
	});

	test("a peer that has ended its side still gets everything", async () => {
		const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0, "127.0.0.1");
		await once(server, "listening");
		const { until, ended } = start(program, ["half-open", portOf(server)]);
		const [socket] = (await once(server, "connection")) as [Socket];
		const stdout = await until(".\n");
		socket.end();
		const bytes = await readAll(socket);
		server.close();
		assert.equal(`written ${bytes.length}.\n`, stdout);
		expectRun(await ended, `${stdout}closed null\n`);
	});

	test("close: a peer that does nothing keeps it open for 5 s", async () => {
		const server = createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
		await once(server, "listening");
		const { ended } = start(program, ["close-long", portOf(server)]);
		const [socket] = (await once(server, "connection")) as [Socket];
		socket.write("anything");
		assert.equal((await readAll(socket)).toString(), "last words");
		expectRun(await ended, "closed null at the limit\n");
		socket.destroy();
		server.close();
	});

	test("close: a peer that sends without end hears the last words and is cut off", async () => {
		const server = createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
		await once(server, "listening");
		const { ended } = start(program, ["close-long", portOf(server)]);
		const [socket] = (await once(server, "connection")) as [Socket];
		const cut = once(socket, "error");
		const piece = Buffer.alloc(65_536);
		const send = () => socket.write(piece, (error) => error ?? send());
		send();
		assert.equal((await readAll(socket)).toString(), "last words");
		assert.match((await cut)[0].code, /^(ECONNRESET|EPIPE)$/);
		assert.equal((await ended).stdout.toString(), "closed null at the limit\n");
		server.close();
	});

	test("exit drops what was written in its turn", async () => {
		const server = createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
		await once(server, "listening");
		const accepted = once(server, "connection");
		expectRun(await run(program, ["exit-drop", portOf(server)]), "");
		const [socket] = (await accepted) as [Socket];
		assert.equal((await readAll(socket)).length, 0);
		server.close();
	});

	test("out of descriptors", async () => {
		const before = ["sh", "-c", 'ulimit -n 100; exec "$@"', "sh"];
		expectRun(await run(program, ["exhaust"], { before }), "exhausted\nagain true\n");
	});

	test("writing to a peer that has gone", async () => {
		expectRun(await run(program, ["write-to-closed"]), "closed\n");
	});
}
