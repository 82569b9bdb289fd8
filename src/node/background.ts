/**
 * Going to the background. Node cannot fork, so the program is started anew, detached, with a mark in its environment;
 * it comes to `daemonize` again and goes on from there, while the first process waits for it.
 */

import { spawn } from "node:child_process";
import { closeSync, openSync, writeSync } from "node:fs";
import { constants } from "node:os";
import { basename } from "node:path";
import type { Background } from "../host/process.ts";
import { hostError, toHostError } from "./errno.ts";

/** The mark: set only in a process that was started here, and taken out of its environment at once. */
const MARK = "MQTTD_BACKGROUND";
/** The descriptor on which the background process says that it is ready. */
const READY_FD = 3;

/** Started by `daemonize`, and not there yet: until then all that it does was done before, and is not to be seen again. */
let repeating = process.env[MARK] === "1";
delete process.env[MARK];

/** Whether the program inside a single binary (of pkg) is running: there is no script to name. */
const packaged = (process as { pkg?: unknown }).pkg !== undefined;

/** Whether this process only repeats what the one before it did, up to `daemonize`. */
export function isRepeating(): boolean {
	return repeating;
}

/** The name the program was called by. A link to the script counts; its ending does not. */
export function programName(): string {
	const path = packaged ? process.argv0 : (process.argv[1] ?? process.argv0);
	return basename(path).replace(/\.[cm]?[jt]s$/, "");
}

export function daemonize(): Promise<Background> {
	if (repeating) {
		repeating = false;
		return Promise.resolve({ ready });
	}
	return new Promise((_, reject) => {
		const script = packaged ? [] : [...process.execArgv, process.argv[1] ?? ""];
		const child = spawn(process.execPath, [...script, ...process.argv.slice(2)], {
			argv0: process.argv0,
			detached: true,
			// A binary of pkg takes an empty PKG_EXECPATH for: run your own program.
			env: { ...process.env, [MARK]: "1", ...(packaged ? { PKG_EXECPATH: "" } : {}) },
			stdio: ["inherit", "inherit", "inherit", "pipe"],
		});
		child.once("error", (error) => reject(toHostError(error)));
		child.stdio[READY_FD]!.once("data", () => process.exit(0));
		child.once("exit", (code, signal) => {
			process.exit(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
		});
	});
}

let isReady = false;

function ready(): void {
	if (isReady) {
		return;
	}
	isReady = true;
	// Standard streams first: the parent's end tells whoever waits that ours are no longer in use.
	for (const fd of [0, 1, 2]) {
		closeSync(fd);
		// The lowest free number is the one just closed.
		if (openSync("/dev/null", fd === 0 ? "r" : "w") !== fd) {
			throw hostError("EBADF");
		}
	}
	try {
		writeSync(READY_FD, "R");
	} catch {
		// The parent was ended by someone else; there is nobody to tell.
	}
	closeSync(READY_FD);
}
