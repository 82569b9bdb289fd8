/** A process whose streams, signals and end are in the test's hands. */

import type {
	Background,
	InputStream,
	OutputStream,
	Process,
	SignalName,
	Syslog,
	SyslogLevel,
} from "../../src/host/process.ts";
import { fakeError } from "./error.ts";

/** Octets of standard input that are given at once. */
const LARGEST_PIECE = 65_536;

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
	gid = 0;
	/** What `setUmask` was given last. */
	umask: number | null = null;
	hostname = "router";
	readonly stdout = new FakeOutput();
	readonly stderr = new FakeOutput();
	readonly environment: Record<string, string> = {};
	/** Names that `becomeUser` knows, with their ids. */
	readonly users = new Map<string, number>([["nobody", 65534]]);
	/** What `memory` says. */
	occupied = { current: 4_000_000, maximum: 5_000_000 };
	/** What `heap` says. */
	heapSize = 1_000_000;
	/** Octets of it that nobody refers to. */
	garbage = 0;
	/** Code of the first `exit`. */
	exitCode: number | null = null;
	/** What `daemonize` led to. */
	background: "none" | "started" | "ready" = "none";
	private readonly signals = new Map<SignalName, (() => void)[]>();
	private stdin: { onData(bytes: Uint8Array): void; onEnd(): void } | null = null;
	/** Pieces, or the end (null), that nobody has read yet. */
	private readonly unread: (Uint8Array | null)[] = [];
	/** Whether reading standard input is paused. */
	stdinPaused = false;
	private uncaughtCallback: ((error: unknown) => void) | null = null;
	private readonly afterTurn: () => void;

	constructor(argv: readonly string[], afterTurn: () => void = () => {}) {
		this.argv = [...argv];
		this.afterTurn = afterTurn;
	}

	memory(): { current: number; maximum: number } {
		return this.occupied;
	}

	heap(collect: boolean): number {
		return this.heapSize - (collect ? this.garbage : 0);
	}

	env(name: string): string | undefined {
		return this.environment[name];
	}

	/** Whether typed characters are shown. */
	shown = true;

	echo(shown: boolean): void {
		this.shown = shown;
	}

	readStdin(onData: (bytes: Uint8Array) => void, onEnd: () => void): InputStream {
		if (this.stdin !== null) {
			throw new Error("readStdin: only once");
		}
		this.stdin = { onData, onEnd };
		return {
			pause: (paused) => {
				this.stdinPaused = paused;
				if (!paused && this.unread.length > 0) {
					queueMicrotask(() => this.read());
				}
			},
		};
	}

	/** How many octets given to standard input wait until it is read again. */
	get stdinUnread(): number {
		return this.unread.reduce((sum, piece) => sum + (piece?.length ?? 0), 0);
	}

	/** Gives standard input a piece, or its end (null). While reading is paused, it waits. */
	feed(piece: string | Uint8Array | null): void {
		if (this.stdin === null) {
			throw new Error("nobody reads standard input");
		}
		const bytes = typeof piece === "string" ? new TextEncoder().encode(piece) : (piece?.slice() ?? null);
		// At least one piece, even if it is empty.
		for (let at = 0; bytes !== null && (at === 0 || at < bytes.length); at += LARGEST_PIECE) {
			this.unread.push(bytes.slice(at, at + LARGEST_PIECE));
		}
		if (bytes === null) {
			this.unread.push(null);
		}
		this.read();
	}

	private read(): void {
		while (!this.stdinPaused && this.unread.length > 0) {
			const piece = this.unread.shift()!;
			if (piece === null) {
				this.stdin!.onEnd();
			} else {
				this.stdin!.onData(piece);
				// Lent: who keeps it is found out.
				piece.fill(0xa5);
			}
			this.afterTurn();
		}
	}

	onUncaught(callback: (error: unknown) => void): void {
		if (this.uncaughtCallback !== null) {
			throw new Error("onUncaught: only once");
		}
		this.uncaughtCallback = callback;
	}

	/** Nobody has caught this. */
	uncaught(error: unknown): void {
		if (this.uncaughtCallback === null) {
			throw error;
		}
		this.uncaughtCallback(error);
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

	becomeIds(uid: number, gid: number): void {
		if (this.uid !== 0) {
			throw fakeError("EPERM");
		}
		this.gid = gid > 0 ? gid : this.gid;
		this.uid = uid > 0 ? uid : this.uid;
	}

	setUmask(mask: number): void {
		this.umask = mask;
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
