/** The program as a process: arguments, environment, standard streams, signals, its end. */

/** Signals that can be caught. SIGRTMIN is the C library's first real-time signal; with musl also that of glibc. */
export type SignalName = "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGUSR1" | "SIGUSR2" | "SIGRTMIN";

export interface OutputStream {
	/** Writes all, blocking until the system took it. Throws a HostError (EPIPE when the reader has gone; SIGPIPE is ignored). */
	write(bytes: Uint8Array): void;
}

/** Standard input while it is read. */
export interface InputStream {
	/**
	 * Stops (true) or resumes (false) reading. Nothing is told while paused, the end neither; whoever writes is held
	 * up once the system's own buffer is full. A paused input does not keep the program running.
	 */
	pause(paused: boolean): void;
}

/** A process that was sent to the background. */
export interface Background {
	/**
	 * Lets the parent end with exit code 0 and turns standard streams to /dev/null. Until then standard streams are
	 * the parent's, and the parent waits; if this process ends first, the parent ends with its exit code.
	 */
	ready(): void;
}

export interface Process {
	/**
	 * The name the program was called by, without folder, then its arguments. An octet that belongs to no well-formed
	 * UTF-8 is the lone surrogate U+DC00 + octet (U+DC80 to U+DCFF), so that every argument can be turned back.
	 */
	readonly argv: readonly string[];
	readonly pid: number;
	/** Effective user id. */
	readonly uid: number;
	/** Name of the machine. */
	readonly hostname: string;
	readonly stdout: OutputStream;
	readonly stderr: OutputStream;
	/** Value of an environment variable. */
	env(name: string): string | undefined;
	/**
	 * Reads standard input without blocking the loop: `onData` for each piece of at most 64 KiB (the array is lent),
	 * then `onEnd` once. Call at most once.
	 */
	readStdin(onData: (bytes: Uint8Array) => void, onEnd: () => void): InputStream;
	/** Whether what is typed at the terminal is shown. Without effect when standard input is no terminal. */
	echo(shown: boolean): void;
	/**
	 * Calls `callback` for each arrival of the signal, instead of its usual effect; does not keep the program running.
	 * Node cannot catch SIGRTMIN: there the call does nothing, and the signal has its usual effect.
	 */
	onSignal(name: SignalName, callback: () => void): void;
	/**
	 * Goes on in a background process in a session of its own. Resolves in that process only; the calling process
	 * never returns to its caller (see Background.ready). To be called before listeners, connections, timers and
	 * signals. Rejects with a HostError.
	 */
	daemonize(): Promise<Background>;
	/**
	 * Octets of memory that the program occupies (its resident set), now and at most so far; 0 where the system does
	 * not tell.
	 */
	memory(): { readonly current: number; readonly maximum: number };
	/**
	 * Octets that the program's own values take, from objects to the contents of arrays. With `collect`, those that nobody
	 * refers to any more are not among them, however long it takes to find them.
	 */
	heap(collect: boolean): number;
	/** Takes the identity of a user, by name, with its groups. Throws ENOENT when there is none, EPERM when not allowed. */
	becomeUser(name: string): void;
	/**
	 * Takes the group id and then the user id, each unless it is 0, and no groups besides. Throws EPERM when not allowed.
	 */
	becomeIds(uid: number, gid: number): void;
	/** Permission bits that new files do not get (`0o077`). */
	setUmask(mask: number): void;
	/**
	 * Says who is told of an error that nobody caught, and of the reason of a rejected promise that nobody had listened
	 * to when the jobs of its turn were done. The process then ends with code 70, unless the callback ends it. When the
	 * callback itself throws, the error is printed to standard error. Call at most once.
	 */
	onUncaught(callback: (error: unknown) => void): void;
	/** Ends the process at once: output of connections not yet taken by the system is dropped. Code 0 to 255. */
	exit(code: number): never;
}

export type SyslogLevel = "error" | "warning" | "notice" | "info" | "debug";

export interface Syslog {
	/** Connects to the system log. `facility`: `daemon`, `user`, `local0` to `local7`, … Throws a HostError. */
	open(ident: string, facility: string): void;
	write(level: SyslogLevel, text: string): void;
}
