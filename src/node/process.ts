/** The program as a process: arguments, standard streams, signals, identity. */

import { spawnSync } from "node:child_process";
import { readFileSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { InputStream, OutputStream, Process, SignalName } from "../host/process.ts";
import { daemonize, isRepeating, programName } from "./background.ts";
import { decodeEscaped } from "./bytes.ts";
import { hostCall, hostError } from "./errno.ts";

export const nodeProcess: Process = {
	argv: [programName(), ...programArguments()],
	pid: process.pid,
	get uid() {
		return process.geteuid!();
	},
	hostname: hostname(),
	stdout: outputStream(1),
	stderr: outputStream(2),
	env: (name) => process.env[name],
	readStdin,
	echo,
	onSignal,
	daemonize,
	memory,
	heap,
	becomeUser,
	becomeIds,
	setUmask: (mask) => void process.umask(mask),
	onUncaught,
	exit: (code) => process.exit(code),
};

/** Node itself turns octets that are no UTF-8 into U+FFFD; the system still has them. */
function programArguments(): string[] {
	const given = process.argv.slice(2);
	if (!given.some((text) => text.includes("\ufffd"))) {
		return given;
	}
	// Each ends with U+0000; Node's own come first.
	const octets = readFileSync("/proc/self/cmdline", "latin1").split("\0").slice(0, -1).slice(-given.length);
	return octets.map((text) => decodeEscaped(Buffer.from(text, "latin1")));
}

let collectGarbage: (() => void) | null = null;

function heap(collect: boolean): number {
	if (collect) {
		if (collectGarbage === null) {
			setFlagsFromString("--expose-gc");
			collectGarbage = runInNewContext("gc") as () => void;
		}
		collectGarbage();
		// The contents of arrays are let go of beside the program, and known to have gone when the next collection begins.
		collectGarbage();
	}
	const { heapUsed, external } = process.memoryUsage();
	return heapUsed + external;
}

function memory(): { current: number; maximum: number } {
	let current = 0;
	try {
		current = process.memoryUsage.rss();
	} catch {
		// There is no /proc to read it from.
	}
	// The system notes the maximum only now and then.
	return { current, maximum: Math.max(current, 1024 * process.resourceUsage().maxRSS) };
}

function outputStream(fd: number): OutputStream {
	return {
		write(bytes) {
			if (!isRepeating()) {
				hostCall(() => writeBlocking(fd, bytes));
			}
		},
	};
}

/** Nobody ever changes it: waiting for it is waiting. */
const waiting = new Int32Array(new SharedArrayBuffer(4));

function writeBlocking(fd: number, bytes: Uint8Array): void {
	let start = 0;
	while (start < bytes.length) {
		try {
			start += writeSync(fd, bytes, start, bytes.length - start);
		} catch (error) {
			// Whoever shares the other end may have made it non-blocking. Node has no poll(2) to wait with.
			if ((error as { code?: unknown }).code !== "EAGAIN") {
				throw error;
			}
			Atomics.wait(waiting, 0, 0, 1);
		}
	}
}

function readStdin(onData: (bytes: Uint8Array) => void, onEnd: () => void): InputStream {
	const { stdin } = process;
	let paused = false;
	/** Node may find the end in the turn of a `resume`, although a `pause` follows. */
	let over = false;
	let told = false;
	const tellEnd = () => {
		if (over && !paused && !told) {
			told = true;
			onEnd();
		}
	};
	const end = () => {
		over = true;
		tellEnd();
	};
	stdin.on("data", (piece: Buffer) => {
		// Not a Buffer, whose `slice` does not copy.
		onData(new Uint8Array(piece.buffer, piece.byteOffset, piece.length));
	});
	stdin.once("end", end);
	// Unreadable standard input is one that has nothing to say.
	stdin.once("error", end);
	return {
		pause(stop) {
			if (stop === paused) {
				return;
			}
			paused = stop;
			if (stop) {
				stdin.pause();
				return;
			}
			stdin.resume();
			setImmediate(tellEnd);
		},
	};
}

/** By the program that every Unix has for it: Node itself knows only a mode in which no key has its usual effect. */
function echo(shown: boolean): void {
	if (!process.stdin.isTTY) return;
	spawnSync("stty", [shown ? "echo" : "-echo"], { stdio: ["inherit", "ignore", "ignore"] });
}

function onSignal(name: SignalName, callback: () => void): void {
	// Node has no name and so no way for a real-time signal.
	if (name !== "SIGRTMIN") {
		process.on(name, callback);
	}
}

/** EX_SOFTWARE of sysexits.h. */
const EXIT_UNCAUGHT = 70;

function onUncaught(callback: (error: unknown) => void): void {
	const tell = (error: unknown) => {
		try {
			callback(error);
		} catch {
			const text = error instanceof Error ? (error.stack ?? String(error)) : String(error);
			try {
				writeBlocking(2, Buffer.from(`Uncaught ${text}\n`));
			} catch {
				// Nobody is there to be told.
			}
		}
		process.exit(EXIT_UNCAUGHT);
	};
	process.on("uncaughtException", tell);
	// On its own, Node would wrap a reason that is no Error.
	process.on("unhandledRejection", tell);
}

/** Missing in Node's published types. */
interface Initgroups {
	initgroups(user: string, extraGroup: number): void;
}

function becomeUser(name: string): void {
	const line = readFileSync("/etc/passwd", "utf8")
		.split("\n")
		.find((entry) => entry.startsWith(`${name}:`));
	const [, , uid, gid] = line?.split(":") ?? [];
	if (uid === undefined || gid === undefined) {
		throw hostError("ENOENT");
	}
	if (process.geteuid!() !== 0) {
		throw hostError("EPERM");
	}
	hostCall(() => {
		(process as typeof process & Initgroups).initgroups(name, Number(gid));
		process.setgid!(Number(gid));
		process.setuid!(Number(uid));
	});
}

function becomeIds(uid: number, gid: number): void {
	hostCall(() => {
		process.setgroups!([]);
		if (gid > 0) process.setgid!(gid);
		if (uid > 0) process.setuid!(uid);
	});
}
