/** The system log, by way of logger(1): Node has no datagrams over unix sockets. */

import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import type { Syslog, SyslogLevel } from "../host/process.ts";
import { hostCall, hostError } from "./errno.ts";

/** RFC 5424, table 1, by the names of syslog.conf. */
const facilities: Readonly<Record<string, number>> = {
	kern: 0,
	user: 1,
	mail: 2,
	daemon: 3,
	auth: 4,
	syslog: 5,
	lpr: 6,
	news: 7,
	uucp: 8,
	cron: 9,
	authpriv: 10,
	ftp: 11,
	local0: 16,
	local1: 17,
	local2: 18,
	local3: 19,
	local4: 20,
	local5: 21,
	local6: 22,
	local7: 23,
};

/** RFC 5424, table 2. */
const severities: Readonly<Record<SyslogLevel, number>> = {
	error: 3,
	warning: 4,
	notice: 5,
	info: 6,
	debug: 7,
};

/** Where the log listens; logger(1) does not tell when nothing is there. */
const LOG = "/dev/log";

let logger: ChildProcess | null = null;
let facility = 3;

export const syslog: Syslog = {
	open(ident, name) {
		const number = facilities[name];
		if (number === undefined) {
			throw hostError("EINVAL");
		}
		hostCall(() => accessSync(LOG));
		facility = number;
		const program = findLogger();
		logger?.stdin?.end();
		const child = spawn(program, ["--tag", ident, `--id=${process.pid}`, "--prio-prefix"], {
			stdio: ["pipe", "ignore", "ignore"],
		});
		// The log must not keep the program running, and its loss must not end it.
		child.unref();
		(child.stdin as unknown as { unref(): void }).unref();
		child.on("error", () => {});
		child.stdin!.on("error", () => {});
		logger = child;
	},

	write(level, text) {
		// One line is one message.
		const line = text.replaceAll("\n", " ");
		logger?.stdin?.write(`<${facility * 8 + severities[level]}>${line}\n`);
	},
};

function findLogger(): string {
	for (const folder of (process.env.PATH ?? "/usr/bin:/bin").split(":")) {
		const path = join(folder, "logger");
		try {
			accessSync(path, constants.X_OK);
			return path;
		} catch {
			// Not in this one.
		}
	}
	throw hostError("ENOENT");
}
