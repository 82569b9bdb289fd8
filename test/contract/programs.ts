/** The contract program on each host: how it is built and called, and how a test runs it. */

import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

export interface Program {
	readonly name: string;
	/** What stands before the file in a command line. */
	readonly runner: readonly string[];
	readonly file: string;
	/** Numbers of the signals that are SIGRTMIN to it, seen from outside; none where it cannot be caught. */
	readonly sigrtmin: readonly number[];
	/** Settings of TZ, with the offsets in January and in July 2026. */
	readonly zones: Readonly<Record<string, readonly [january: number, july: number]>>;
	build(): void;
}

/** POSIX's own form, which is what a router has in /etc/TZ. */
const posixZones = { UTC0: [0, 0], "XYZ-5:30": [330, 330], "CET-1CEST,M3.5.0,M10.5.0/3": [60, 120] } as const;

function native(arch: string, runner: readonly string[], sigrtmin: readonly number[]): Program {
	const file = `dist/${arch}/contract`;
	return {
		name: arch,
		runner,
		file: join(root, file),
		sigrtmin,
		zones: posixZones,
		build() {
			build("sh", ["scripts/native.sh", arch, "test/contract/qjs.ts", file]);
		},
	};
}

const all: readonly Program[] = [
	{
		name: "node",
		runner: [process.execPath],
		file: join(root, "dist/contract.js"),
		sigrtmin: [],
		zones: { UTC: [0, 0], "Asia/Kolkata": [330, 330], "Europe/Berlin": [60, 120] },
		build() {
			build(process.execPath, ["scripts/bundle.ts", "test/contract/node.ts", "dist/contract.js", "node"]);
		},
	},
	// musl keeps the signals 32 to 34 for itself, glibc 32 and 33, so that its `kill -RTMIN` sends 34; that counts, too.
	// qemu moves all real-time signals by two.
	native("x86_64", [], [35, 34]),
	native("x86_64-asan", [], [34]),
	native("mips_24kc", ["qemu-mips-static", "-cpu", "24Kc"], [37, 36]),
];

function build(command: string, args: readonly string[]): void {
	execFileSync(command, args, { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
}

/** Programs that CONTRACT_PROGRAMS names (`node,mips_24kc`), or all. */
export function demandedPrograms(): readonly Program[] {
	const names = process.env.CONTRACT_PROGRAMS?.split(/[\s,]+/).filter((name) => name !== "");
	const programs = names === undefined ? all : names.map(programOf);
	if (programs.length === 0) {
		throw new Error("CONTRACT_PROGRAMS names no program");
	}
	return programs;
}

function programOf(name: string): Program {
	const found = all.find((program) => program.name === name);
	if (found === undefined) {
		throw new Error(
			`CONTRACT_PROGRAMS: no program ${name}; there are ${all.map((one) => one.name).join(", ")}`,
		);
	}
	return found;
}

/** A program that runs, and what it has written. */
export interface Run {
	readonly child: ChildProcess;
	/** Resolves when standard output has this text in it, with all of it so far. */
	until(text: string): Promise<string>;
	/** Resolves at the end of the program and its streams. */
	readonly ended: Promise<Result>;
}

export interface Result {
	/** The exit code, or the name of the signal that ended it. */
	readonly end: number | string | null;
	readonly stdout: Buffer;
	readonly stderr: Buffer;
}

export interface Options extends SpawnOptions {
	/** Called by this name or path instead of its own. */
	readonly as?: string;
	/** What stands before everything else in the command line. */
	readonly before?: readonly string[];
}

const running = new Set<ChildProcess>();

/** Starts a program. Standard streams are pipes unless told otherwise. */
export function start(program: Program, args: readonly string[], options: Options = {}): Run {
	const { as = program.file, before = [], ...rest } = options;
	const [command = "", ...line] = [...before, ...program.runner, as, ...args];
	const child = spawn(command, line, { stdio: "pipe", ...rest });
	running.add(child);
	const out: Buffer[] = [];
	const err: Buffer[] = [];
	let seen: () => void = () => {};
	child.stdout?.on("data", (piece: Buffer) => {
		out.push(piece);
		seen();
	});
	child.stderr?.on("data", (piece: Buffer) => err.push(piece));
	// Who ends early does not read what we still write.
	child.stdin?.on("error", () => {});
	const ended = once(child, "close").then(([code, signal]): Result => {
		running.delete(child);
		return { end: code ?? signal, stdout: Buffer.concat(out), stderr: Buffer.concat(err) };
	});
	const until = (text: string) =>
		new Promise<string>((resolve, reject) => {
			seen = () => {
				const written = Buffer.concat(out).toString();
				if (written.includes(text)) {
					resolve(written);
				}
			};
			seen();
			ended.then(({ end, stderr }) => reject(new Error(`ended with ${end} before "${text}": ${stderr}`)));
		});
	return { child, until, ended };
}

/** Runs a program to its end with nothing, or `input`, on standard input. */
export function run(
	program: Program,
	args: readonly string[],
	options: Options = {},
	input?: Buffer | string,
): Promise<Result> {
	const { child, ended } = start(program, args, options);
	child.stdin?.end(input);
	return ended;
}

/** Ends what a failed test left behind. */
export function stopAll(): void {
	for (const child of running) {
		child.kill("SIGKILL");
	}
}
