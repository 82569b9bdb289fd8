/** The log: which lines are wanted, how they begin, and where they go. */

import type { LogDestination, LogFacility } from "../config/value.ts";
import type { AppendFile, Host, HostError, SyslogLevel } from "../host/host.ts";
import type { Log, LogType } from "../host/log.ts";
import { LogRing } from "./log-ring.ts";
import { strftime } from "./strftime.ts";

/** What the log needs of its host. */
export type LogHost = Pick<Host, "clock" | "utf8" | "files" | "syslog"> & {
	readonly process: Pick<Host["process"], "stdout" | "stderr">;
};

export interface LogSettings {
	readonly destinations: readonly LogDestination[];
	readonly types: readonly LogType[];
	readonly timestamp: boolean;
	/** For strftime; null is seconds since 1970. */
	readonly timestampFormat: string | null;
	readonly facility: LogFacility;
}

/** Before a configuration was read. */
export const startLogSettings: LogSettings = {
	destinations: [{ kind: "stderr" }],
	types: ["error", "warning", "notice", "information"],
	timestamp: true,
	timestampFormat: null,
	facility: "daemon",
};

const SYSLOG_LEVELS: Readonly<Record<LogType, SyslogLevel>> = {
	error: "error",
	warning: "warning",
	notice: "notice",
	information: "info",
	subscribe: "notice",
	unsubscribe: "notice",
	websockets: "debug",
	debug: "debug",
};

/** Characters of a line; mosquitto's limit too. A peer chooses topics, and must not choose how fast a disk fills. */
const LINE_LIMIT = 1000;

/**
 * Everything that could end a line, move a terminal's cursor, or turn the direction of text: C0, DEL, C1, line and
 * paragraph separators, bidirectional controls.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
const HARMFUL = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** `text` on one line, and short. */
export function harmless(text: string): string {
	return visible(text.length > LINE_LIMIT ? `${text.slice(0, LINE_LIMIT)}...` : text);
}

/** `text` with control characters as `\xNN` or `\uNNNN`; but a tab at its beginning, which stands for details, stays. */
export function visible(text: string): string {
	return text.replace(HARMFUL, (character, at: number) => {
		const code = character.charCodeAt(0);
		if (code === TAB && at === 0) return character;
		return code < 0x100
			? `\\x${code.toString(16).padStart(2, "0")}`
			: `\\u${code.toString(16).padStart(4, "0")}`;
	});
}

const TAB = 9;

interface OpenFile {
	readonly path: string;
	readonly file: AppendFile;
	/** Lines that could not be written, to be told once one can. */
	lost: number;
	reason: string;
}

/** Writes a line, with its time, to where it goes. */
type Output = (line: string, type: LogType) => void;

/** Log files are for their owner: they name clients and topics. */
const LOG_FILE_MODE = 0o600;

export class ProgramLog implements Log {
	readonly #host: LogHost;
	readonly #ident: string;
	#settings: LogSettings = startLogSettings;
	#wanted: ReadonlySet<LogType> = new Set(startLogSettings.types);
	/** Where lines go. */
	#outputs: readonly Output[] = [];
	#file: OpenFile | null = null;
	#syslogFacility: LogFacility | null = null;
	#publish: ((type: LogType, line: string) => void) | null = null;
	/** What lines begin with in the second from `#stampFrom` on, milliseconds since 1970. */
	#stampText = "";
	#stampFrom = 0;
	#stampUntil = 0;
	/** The last lines, without what they begin with. */
	readonly lines = new LogRing();

	constructor(host: LogHost, ident: string) {
		this.#host = host;
		this.#ident = ident;
		this.#outputs = startLogSettings.destinations.map((each) => this.#outputTo(each));
	}

	/**
	 * Takes new settings and opens what they need anew. Throws a HostError when the log file or the system log cannot be
	 * opened, and then goes on as before.
	 */
	configure(settings: LogSettings): void {
		const wanted = settings.destinations.find((each) => each.kind === "file");
		const file = wanted?.kind === "file" ? this.#open(wanted.path) : null;
		try {
			this.#openSyslog(settings);
		} catch (error) {
			file?.file.close();
			throw error;
		}
		this.#file?.file.close();
		this.#file = file;
		this.#settings = settings;
		this.#outputs = settings.destinations.map((each) => this.#outputTo(each));
		this.#stampUntil = 0;
		// Lines about packets are not published: each would cause more.
		const places = settings.destinations.filter((each) => each.kind !== "topic");
		const types = settings.types.filter((type) => type !== "debug" || places.length > 0);
		this.#wanted = new Set(settings.destinations.length === 0 ? [] : types);
	}

	/** Says who publishes lines for the destination `topic`. Until then they do not go there. */
	publishWith(publish: (type: LogType, line: string) => void): void {
		this.#publish = publish;
	}

	/** Opens the log file anew, after it was moved away. Throws a HostError, and then goes on with the old one. */
	reopen(): void {
		if (this.#file === null) return;
		const file = this.#open(this.#file.path);
		this.#file.file.close();
		this.#file = file;
	}

	enabled(type: LogType): boolean {
		return this.#wanted.has(type);
	}

	write(type: LogType, text: string): void {
		if (!this.#wanted.has(type)) return;
		const { clock, utf8 } = this.#host;
		const line = text.length <= LINE_LIMIT && utf8.isPlain(text) ? text : harmless(text);
		const now = clock.now();
		this.lines.push(now, type, line);
		const inSecond = now < this.#stampUntil && now >= this.#stampFrom;
		const stamped = (inSecond ? this.#stampText : this.#stamp(now)) + line;
		const outputs = this.#outputs;
		// By index: an iterator would cost the interpreter more than the line.
		for (let at = 0; at < outputs.length; at++) outputs[at]!(stamped, type);
	}

	/** Ends the log file. */
	close(): void {
		this.#file?.file.close();
		this.#file = null;
	}

	#open(path: string): OpenFile {
		return { path, file: this.#host.files.append(path, LOG_FILE_MODE), lost: 0, reason: "" };
	}

	#openSyslog(settings: LogSettings): void {
		if (!settings.destinations.some((each) => each.kind === "syslog")) return;
		if (this.#syslogFacility === settings.facility) return;
		this.#host.syslog.open(this.#ident, settings.facility);
		this.#syslogFacility = settings.facility;
	}

	#outputTo({ kind }: LogDestination): Output {
		switch (kind) {
			case "stdout":
			case "stderr":
				return (line) => this.#toStream(kind, line);
			case "file":
				return (line) => this.#toFile(line);
			case "syslog":
				// With our time, although it has its own: so does mosquitto, and log_timestamp is for who wants it once.
				return (line, type) => this.#toSyslog(type, line);
			case "topic":
				return (line, type) => {
					if (type !== "debug") this.#publish?.(type, line);
				};
			case "none":
			case "dlt":
				return () => undefined;
		}
	}

	/** What a line begins with at `now`: made once a second, as no form tells more of the time. */
	#stamp(now: number): string {
		const second = Math.floor(now / 1000);
		this.#stampText = this.#newStamp(second, now);
		this.#stampFrom = second * 1000;
		this.#stampUntil = this.#stampFrom + 1000;
		return this.#stampText;
	}

	#newStamp(second: number, now: number): string {
		const { timestamp, timestampFormat } = this.#settings;
		if (!timestamp) return "";
		if (timestampFormat === null) return `${second}: `;
		return `${harmless(strftime(timestampFormat, now, this.#host.clock.utcOffset(now)))}: `;
	}

	#encode(line: string): Uint8Array {
		return this.#host.utf8.encode(`${line}\n`);
	}

	// A log that cannot be written (reader gone, disk full) must not end the broker.

	#toStream(name: "stdout" | "stderr", line: string): void {
		try {
			this.#host.process[name].write(this.#encode(line));
		} catch {
			// There is nowhere else to say so.
		}
	}

	#toFile(line: string): void {
		const open = this.#file;
		if (open === null) return;
		try {
			if (open.lost > 0) {
				const lost = `${this.#stamp(this.#host.clock.now())}Warning: ${open.lost} log lines were lost (${open.reason}).`;
				open.file.write(this.#encode(lost));
				open.lost = 0;
			}
			open.file.write(this.#encode(line));
		} catch (error) {
			open.lost++;
			open.reason = (error as HostError).message;
		}
	}

	#toSyslog(type: LogType, line: string): void {
		try {
			this.#host.syslog.write(SYSLOG_LEVELS[type], line);
		} catch {
			// As above.
		}
	}
}
