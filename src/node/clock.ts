/** Time and timers. */

import type { Clock, Timer, Timers } from "../host/clock.ts";

export const clock: Clock = {
	monotonic: () => Math.floor(performance.now()),
	now: () => Date.now(),
	utcOffset(ms) {
		// Never -0, which is what a plain minus makes of UTC.
		return 0 - new Date(ms).getTimezoneOffset();
	},
};

/** Longest delay that setTimeout takes; it turns longer ones into 1 ms. */
const MAX_DELAY = 0x7fffffff;

class NodeTimer implements Timer {
	private readonly due: number;
	private readonly callback: () => void;
	private timeout: ReturnType<typeof setTimeout> | null = null;

	constructor(delay: number, callback: () => void) {
		this.due = performance.now() + delay;
		this.callback = callback;
		this.arm(delay);
	}

	cancel(): void {
		if (this.timeout !== null) {
			clearTimeout(this.timeout);
			this.timeout = null;
		}
	}

	private arm(delay: number): void {
		// One more, as setTimeout counts whole milliseconds of a clock of its own, and so may be early by a part of one:
		// who then waited again would come after a younger timer.
		this.timeout = setTimeout(() => this.elapsed(), Math.min(Math.ceil(delay) + 1, MAX_DELAY));
	}

	private elapsed(): void {
		// A delay of more than setTimeout takes is waited for in parts.
		const left = this.due - performance.now();
		if (left > 0) {
			this.arm(left);
			return;
		}
		this.timeout = null;
		this.callback();
	}
}

/** setTimeout makes a delay of 0 into one of a millisecond. */
class NextTurn implements Timer {
	private readonly immediate: ReturnType<typeof setImmediate>;

	constructor(callback: () => void) {
		this.immediate = setImmediate(callback);
	}

	cancel(): void {
		clearImmediate(this.immediate);
	}
}

export const timers: Timers = {
	after: (delay, callback) => (delay <= 0 ? new NextTurn(callback) : new NodeTimer(delay, callback)),
};
