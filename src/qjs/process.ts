/** The program as a process, and the system log. */

import * as native from "native";
import type { OutputStream, Process, Syslog, SyslogLevel } from "../host/process.ts";

/** Severities of RFC 5424. */
const severities: Readonly<Record<SyslogLevel, number>> = {
	error: 3,
	warning: 4,
	notice: 5,
	info: 6,
	debug: 7,
};

export const qjsProcess: Process = {
	argv: native.argv(),
	/** Changes when the program goes to the background. */
	get pid() {
		return native.pid();
	},
	get uid() {
		return native.uid();
	},
	hostname: native.hostname(),
	stdout: outputStream(1),
	stderr: outputStream(2),
	env: native.env,
	readStdin(onData, onEnd) {
		native.readStdin(onData, onEnd);
		return { pause: native.pauseStdin };
	},
	echo: native.echo,
	onSignal: native.onSignal,
	async daemonize() {
		native.daemonize();
		return { ready: native.daemonReady };
	},
	memory() {
		const current = native.residentMemory();
		// The system notes the maximum only now and then.
		return { current, maximum: Math.max(current, native.maximumMemory()) };
	},
	// Values go with the last reference; what refers to itself is collected as it piles up.
	heap: native.heap,
	becomeUser: native.becomeUser,
	becomeIds: native.becomeIds,
	setUmask: native.setUmask,
	onUncaught: native.onUncaught,
	exit: native.exit,
};

export const syslog: Syslog = {
	open: native.syslogOpen,
	write: (level, text) => native.syslogWrite(severities[level], text),
};

function outputStream(descriptor: number): OutputStream {
	return { write: (bytes) => native.writeStream(descriptor, bytes) };
}
