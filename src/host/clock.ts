/** Time, and being called later. */

export interface Clock {
	/** Whole milliseconds from some fixed moment; never goes back. */
	monotonic(): number;
	/** Milliseconds since 1970-01-01T00:00:00Z; follows changes of the wall clock. */
	now(): number;
	/** Minutes that local time is ahead of UTC at the moment `ms` (of `now`). */
	utcOffset(ms: number): number;
}

/** A call that has not happened yet. */
export interface Timer {
	/** The call will not happen. Idempotent; also harmless after the call. */
	cancel(): void;
}

export interface Timers {
	/** Calls `callback` once, no earlier than `delay` milliseconds from now. A pending timer keeps the program running. */
	after(delay: number, callback: () => void): Timer;
}
