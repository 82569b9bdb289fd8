/** A process whose streams, signals and end are in the test's hands. */

import type {
	Background,
	OutputStream,
	Process,
	SignalName,
	Syslog,
	SyslogLevel,
} from "../../src/host/process.ts";
import { fakeError } from "./error.ts";

/** Thrown by `exit`, which must not return. */
export class FakeExit extends Error {
	readonly code: number;

	constructor(code: number) {
		super(`exit(${code})`);
		this.code = code;
	}
}

export class FakeOutput implements OutputStream {
	/** All that was written, as text. */
	text = "";
	/** When set, writing fails with this code ("EPIPE"). */
	failWith: string | null = null;

	write(bytes: Uint8Array): void {
		if (this.failWith !== null) {
			throw fakeError(this.failWith);
		}
		this.text += new TextDecoder().decode(bytes);
	}
}

export class FakeProcess implements Process {
	argv: string[];
	pid = 4711;
	uid = 0;
	hostname = "router";
	readonly stdout = new FakeOutput();
	readonly stderr = new FakeOutput();
	readonly environment: Record<string, string> = {};
	/** Names that `becomeUser` knows, with their ids. */
	readonly users = new Map<string, number>([["nobody", 65534]]);
	/** Code of the first `exit`. */
	exitCode: number | null = null;
	/** What `daemonize` led to. */
	background: "none" | "started" | "ready" = "none";
	private readonly signals = new Map<SignalName, (() => void)[]>();
	private stdin: { onData(bytes: Uint8Array): void; onEnd(): void } | null = null;
	private readonly afterTurn: () => void;

	constructor(argv: readonly string[], afterTurn: () => void = () => {}) {
		this.argv = [...argv];
		this.afterTurn = afterTurn;
	}

	env(name: string): string | undefined {
		return this.environment[name];
	}

	readStdin(onData: (bytes: Uint8Array) => void, onEnd: () => void): void {
		if (this.stdin !== null) {
			throw new Error("readStdin: only once");
		}
		this.stdin = { onData, onEnd };
	}

	/** Gives standard input a piece, or its end (null). */
	feed(piece: string | Uint8Array | null): void {
		if (this.stdin === null) {
			throw new Error("nobody reads standard input");
		}
		if (piece === null) {
			this.stdin.onEnd();
		} else {
			this.stdin.onData(typeof piece === "string" ? new TextEncoder().encode(piece) : piece.slice());
		}
		this.afterTurn();
	}

	onSignal(name: SignalName, callback: () => void): void {
		this.signals.set(name, [...(this.signals.get(name) ?? []), callback]);
	}

	/** The signal arrives. */
	signal(name: SignalName): void {
		const callbacks = this.signals.get(name);
		if (callbacks === undefined) {
			throw new Error(`nobody handles ${name}`);
		}
		for (const callback of callbacks) {
			callback();
		}
		this.afterTurn();
	}

	async daemonize(): Promise<Background> {
		this.background = "started";
		return {
			ready: () => {
				this.background = "ready";
			},
		};
	}

	becomeUser(name: string): void {
		const uid = this.users.get(name);
		if (uid === undefined) {
			throw fakeError("ENOENT");
		}
		if (this.uid !== 0) {
			throw fakeError("EPERM");
		}
		this.uid = uid;
	}

	exit(code: number): never {
		this.exitCode ??= code;
		throw new FakeExit(code);
	}
}

export class FakeSyslog implements Syslog {
	/** `ident.facility` of `open`. */
	opened: string | null = null;
	readonly lines: { level: SyslogLevel; text: string }[] = [];

	open(ident: string, facility: string): void {
		this.opened = `${ident}.${facility}`;
	}

	write(level: SyslogLevel, text: string): void {
		this.lines.push({ level, text });
	}
}
