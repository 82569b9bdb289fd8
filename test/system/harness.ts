/**
 * Runs the built programs as black boxes: the Node bundle, the x86_64 binary, and the MIPS binary under qemu. Every listener
 * takes a port that the system chooses; every process is waited for.
 */

import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, type FSWatcher, mkdtempSync, rmSync, watch, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** One of the platforms that the program was built for. */
export interface BuiltProgram {
	readonly name: "node" | "x86_64" | "mips";
	/** What the build must have left, relative to the repository. */
	readonly artifact: string;
	/** What stands before the artifact on the command line. */
	readonly runner: readonly string[];
}

const BUILT: readonly BuiltProgram[] = [
	{ name: "node", artifact: "dist/mqttd.js", runner: [process.execPath] },
	{ name: "x86_64", artifact: "dist/x86_64/mqttd", runner: [] },
	{ name: "mips", artifact: "dist/mips_24kc/mqttd", runner: ["qemu-mips-static", "-cpu", "24Kc"] },
];

/**
 * All three; each must have been built. While developing, the environment variable MQTTD_HOSTS narrows them (`node,x86_64`).
 */
export function builtPrograms(): readonly BuiltProgram[] {
	const names = process.env.MQTTD_HOSTS?.split(",") ?? BUILT.map((each) => each.name);
	return names.map((name) => {
		const found = BUILT.find((each) => each.name === name);
		if (found === undefined) throw new Error(`MQTTD_HOSTS: there is no host ${name}`);
		return found;
	});
}

/** The command that runs a program; throws when it was not built. */
export function commandOf(program: BuiltProgram, args: readonly string[]): readonly [string, string[]] {
	const path = join(ROOT, program.artifact);
	if (!existsSync(path)) throw new Error(`${program.artifact} is missing: run make build`);
	const [command = path, ...rest] = [...program.runner, path, ...args];
	return [command, rest];
}

const running = new Set<ChildProcessWithoutNullStreams>();

// A test that fails half-way must not leave processes behind.
after(() => {
	for (const child of running) child.kill("SIGKILL");
});

/** What a process that has ended left behind. */
export interface Ended {
	readonly code: number | null;
	readonly signal: string | null;
	readonly stdout: string;
	readonly stderr: string;
}

/** A started process with all that it printed. */
export class Running {
	readonly child: ChildProcessWithoutNullStreams;
	readonly ended: Promise<Ended>;
	stdout = "";
	stderr = "";
	readonly #waiting = new Set<() => void>();

	/** Starts a command with its arguments; `input` is its standard input, which stays open with `keepsOpen`. */
	constructor(
		[command, args]: readonly [string, readonly string[]],
		input: string | Uint8Array = "",
		keepsOpen = false,
	) {
		this.child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
		running.add(this.child);
		// A process that has ended without reading all of it is judged by what it did.
		this.child.stdin.on("error", () => undefined);
		if (keepsOpen) this.child.stdin.write(input);
		else this.child.stdin.end(input);
		for (const name of ["stdout", "stderr"] as const) {
			this.child[name].setEncoding("utf8").on("data", (text: string) => {
				this[name] += text;
				for (const check of this.#waiting) check();
			});
		}
		this.ended = new Promise((resolve, reject) => {
			this.child.once("error", reject);
			// "close" comes after all output; with a background process, after that has given up the pipes.
			this.child.once("close", (code, signal) => {
				running.delete(this.child);
				resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
				for (const check of this.#waiting) check();
			});
		});
		// Whoever waits for the end is told; nobody else has to be.
		this.ended.catch(() => undefined);
	}

	get pid(): number {
		assert.ok(this.child.pid !== undefined);
		return this.child.pid;
	}

	/** Resolves with the match once stderr, or stdout, has one; rejects when the process ends without. */
	line(pattern: RegExp, stream: "stdout" | "stderr" = "stderr"): Promise<RegExpExecArray> {
		return new Promise((resolve, reject) => {
			const check = () => {
				const match = pattern.exec(this[stream]);
				const over = this.child.exitCode !== null || this.child.signalCode !== null;
				if (match === null && !over) return;
				this.#waiting.delete(check);
				if (match !== null) resolve(match);
				else reject(new Error(`ended without a line like ${pattern}:\n${this.stderr}${this.stdout}`));
			};
			this.#waiting.add(check);
			check();
		});
	}
}

/** Runs a program to its end. */
export function run(program: BuiltProgram, args: readonly string[]): Promise<Ended> {
	return new Running(commandOf(program, args)).ended;
}

/** A broker that serves. */
export class RunningBroker {
	readonly process: Running;
	/** The port of its first listener. */
	readonly port: number;

	constructor(process: Running, port: number) {
		this.process = process;
		this.port = port;
	}

	get pid(): number {
		return this.process.pid;
	}

	/** All that it logged on stderr so far. */
	get log(): string {
		return this.process.stderr;
	}

	line(pattern: RegExp): Promise<RegExpExecArray> {
		return this.process.line(pattern);
	}

	signal(signal: NodeJS.Signals | number): void {
		// By number, as Node has no names for real-time signals.
		process.kill(this.pid, signal);
	}

	/** Ends it as an owner does; a clean end is part of every test. */
	async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Ended> {
		this.signal(signal);
		const ended = await this.process.ended;
		assert.equal(ended.code, 0, `exit code after ${signal}; log:\n${ended.stderr}`);
		return ended;
	}
}

export interface BrokerOptions {
	readonly args?: readonly string[];
	/** Text of a configuration file; `listener auto` chooses a free port. Without it, `-p auto`. */
	readonly config?: string;
}

/** Starts a broker and waits until it serves; the log must go to stderr for that. It ends with the test. */
export async function startBroker(
	context: TestContext,
	program: BuiltProgram,
	{ args = [], config }: BrokerOptions = {},
): Promise<RunningBroker> {
	const where = config === undefined ? ["-p", "auto"] : ["-c", configFile(temporaryFolder(context), config)];
	const started = new Running(commandOf(program, [...where, ...args]));
	context.after(() => started.child.kill("SIGKILL"));
	await started.line(/ running$/m);
	const opening = /Opening (?:ipv4|websockets|http api) listen socket on port ([0-9]+)\./.exec(
		started.stderr,
	);
	return new RunningBroker(started, Number(opening?.[1] ?? 0));
}

/** A folder for one test. Everybody may write: as root, the broker becomes another user. */
export function temporaryFolder(context: TestContext): string {
	const folder = mkdtempSync(join(tmpdir(), "mqttd-system-"));
	chmodSync(folder, 0o777);
	context.after(() => rmSync(folder, { recursive: true, force: true }));
	return folder;
}

/** Resolves when the file, in that folder, is gone. */
export function gone(context: TestContext, folder: string, path: string): Promise<void> {
	return new Promise((resolve) => {
		const check = () => {
			if (!existsSync(path)) resolve();
		};
		const watcher: FSWatcher = watch(folder, check);
		context.after(() => watcher.close());
		check();
	});
}

/** Writes a configuration file and returns its path. */
export function configFile(folder: string, text: string, name = "mosquitto.conf"): string {
	const path = join(folder, name);
	writeFileSync(path, text, { mode: 0o644 });
	return path;
}

/** Resolves with the next event of that name. */
export async function next<T>(emitter: NodeJS.EventEmitter, name: string): Promise<T> {
	const [value] = await once(emitter, name);
	return value as T;
}
