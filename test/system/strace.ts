/** System calls of a program, by strace: what it wrote to which file, and what it sent to whom, in order. */

import assert from "node:assert/strict";
import { createReadStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { Running, RunningBroker } from "./harness.ts";

/** One system call that succeeded. */
export type Event =
	| {
			readonly kind: "write";
			readonly call: string;
			readonly path: string;
			readonly at: number;
			readonly bytes: Uint8Array;
	  }
	| { readonly kind: "truncate"; readonly call: string; readonly path: string; readonly length: number }
	| { readonly kind: "sync"; readonly call: string; readonly path: string }
	| { readonly kind: "unlink"; readonly call: string; readonly path: string }
	/** To a TCP connection, by the other's port. */
	| { readonly kind: "send"; readonly port: number; readonly bytes: Uint8Array };

/** What `trace` follows. */
const CALLS = "pwrite64,write,writev,sendmsg,sendto,ftruncate,ftruncate64,fsync,fdatasync,unlink,unlinkat";

/** The command that runs another one and records its system calls in a file. */
export function traced(
	record: string,
	[command, args]: readonly [string, readonly string[]],
): readonly [string, string[]] {
	const options = ["-f", "-yy", "-xx", "-s", "200000", "--signal=none", "-e", `trace=${CALLS}`, "-o", record];
	return ["strace", [...options, command, ...args]];
}

/** The command that runs another one, whose system calls of a kind on these files fail with an error, once, at the `when`th. */
export function failing(
	paths: readonly string[],
	call: string,
	error: string,
	when: string,
	[command, args]: readonly [string, readonly string[]],
): readonly [string, string[]] {
	const files = paths.flatMap((path) => ["-P", path]);
	const inject = ["-e", `trace=${call}`, "-e", `inject=${call}:error=${error}:when=${when}`];
	return ["strace", ["-f", "-qq", "--signal=none", ...files, ...inject, "-o", "/dev/null", command, ...args]];
}

/**
 * The command that runs another one, which stops as soon as it has made its `when`th call of a kind; strace then says
 * `stopped by SIGSTOP` on stderr, and `signalTraced` has it go on.
 */
export function stopping(
	call: string,
	when: number,
	[command, args]: readonly [string, readonly string[]],
): readonly [string, string[]] {
	const inject = ["-e", `trace=${call}`, "-e", `inject=${call}:signal=SIGSTOP:when=${when}`];
	return ["strace", ["-f", "-qq", ...inject, command, ...args]];
}

/** Starts a broker under strace, whose configuration has it write its process id into `pid` in that folder. */
export async function startTraced(
	context: TestContext,
	folder: string,
	command: readonly [string, readonly string[]],
): Promise<RunningBroker> {
	const started = new Running(command);
	await started.line(/ running$/m);
	endTraced(context, folder, started);
	return new RunningBroker(started, Number(/listen socket on port ([0-9]+)/.exec(started.stderr)?.[1]));
}

/** Ends the broker as an owner does. */
export async function stopTraced(folder: string, broker: RunningBroker): Promise<void> {
	signalTraced(folder, "SIGTERM");
	const { code, stderr } = await broker.process.ended;
	assert.equal(code, 0, stderr);
}

/** Has the broker that wrote `pid` killed at the end of the test: strace does not take what it runs along. */
export function endTraced(context: TestContext, folder: string, started: Running): void {
	// By then the folder may be gone.
	const pid = tracedProcess(folder);
	context.after(() => {
		if (started.child.exitCode === null) process.kill(pid, "SIGKILL");
	});
}

function tracedProcess(folder: string): number {
	return Number(readFileSync(join(folder, "pid"), "utf8"));
}

/** To the broker that wrote `pid`. */
export function signalTraced(folder: string, signal: NodeJS.Signals): void {
	process.kill(tracedProcess(folder), signal);
}

const LINE = /^\d+\s+(\w+)\((.*)\)\s+= (-?\d+)/;
const UNFINISHED = /^(\d+)\s+(\w+)\((.*) <unfinished \.\.\.>$/;
const RESUMED = /^(\d+)\s+<\.\.\. (\w+) resumed>(.*)$/;

/** Reads a record. Calls that were begun and not finished count as not made. */
export async function readRecord(record: string): Promise<Event[]> {
	const events: Event[] = [];
	const begun = new Map<string, string>();
	for await (const line of createInterface({ input: createReadStream(record), crlfDelay: Infinity })) {
		const first = UNFINISHED.exec(line);
		if (first !== null) {
			begun.set(first[1]!, `${first[2]}(${first[3]}`);
			continue;
		}
		const second = RESUMED.exec(line);
		const whole = second === null ? line : `${second[1]} ${begun.get(second[1]!) ?? ""}${second[3]}`;
		const match = LINE.exec(whole);
		if (match === null || Number(match[3]) < 0) continue;
		const event = toEvent(match[1]!, match[2]!, Number(match[3]));
		if (event !== null) events.push(event);
	}
	return events;
}

function toEvent(call: string, args: string, result: number): Event | null {
	if (call === "unlink" || call === "unlinkat") {
		const name = /"([^"]*)"/.exec(args)?.[1];
		return name === undefined ? null : { kind: "unlink", call, path: textOf(name) };
	}
	const target = targetOf(args);
	if (target === null) return null;
	if (typeof target === "number") {
		if (!call.startsWith("write") && !call.startsWith("send")) return null;
		return { kind: "send", port: target, bytes: octetsOf(args).subarray(0, result) };
	}
	switch (call) {
		case "pwrite64": {
			const at = Number(/, (\d+)$/.exec(args)?.[1]);
			return { kind: "write", call, path: target, at, bytes: octetsOf(args).subarray(0, result) };
		}
		case "write":
			// To a log, or a program that has not been built with pwrite.
			return { kind: "write", call, path: target, at: Number.NaN, bytes: octetsOf(args).subarray(0, result) };
		case "ftruncate":
		case "ftruncate64":
			return { kind: "truncate", call, path: target, length: Number(/, (\d+)$/.exec(args)?.[1]) };
		case "fsync":
		case "fdatasync":
			return { kind: "sync", call, path: target };
		default:
			return null;
	}
}

/** The file that a call is about, or the port of who is at the other end of a connection; null for what is neither. */
function targetOf(args: string): string | number | null {
	const described = /^\d+<(.*?)>(?:,|$)/.exec(args)?.[1];
	if (described === undefined) return null;
	const connection = /^TCP(?:v6)?:\[.*->.*:(\d+)\]/.exec(`${described}]`);
	if (connection !== null) return Number(connection[1]);
	const path = textOf(described);
	return path.startsWith("/") ? path : null;
}

/** What is between the quotation marks: a plain buffer, or all of several. */
function octetsOf(args: string): Uint8Array {
	let hex = "";
	const iov = args.includes("iov_base=");
	for (const match of args.matchAll(
		iov ? /iov_base="((?:\\x[0-9a-f]{2})*)"/g : /, "((?:\\x[0-9a-f]{2})*)"/g,
	)) {
		hex += match[1]!;
	}
	return Uint8Array.from(Buffer.from(hex.replaceAll("\\x", ""), "hex"));
}

function textOf(hex: string): string {
	return hex.startsWith("\\x") ? Buffer.from(hex.replaceAll("\\x", ""), "hex").toString("utf8") : hex;
}
