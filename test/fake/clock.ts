/** Time that moves only when a test says so. */

import type { Clock, Timer, Timers } from "../../src/host/clock.ts";

interface Pending {
	readonly due: number;
	readonly order: number;
	readonly callback: () => void;
}

export class FakeClock implements Clock, Timers {
	/** What `now` was at monotonic time 0: 2026-01-01T00:00:00Z unless a test sets it. */
	epoch = Date.UTC(2026, 0, 1);
	/** Minutes ahead of UTC. */
	offset = 0;
	private time = 0;
	private count = 0;
	private readonly pending = new Set<Pending>();
	private readonly afterTurn: () => void;

	/** `afterTurn` is called after each timer's callback, as the loop would end its turn. */
	constructor(afterTurn: () => void = () => {}) {
		this.afterTurn = afterTurn;
	}

	monotonic(): number {
		return Math.floor(this.time);
	}

	now(): number {
		return this.epoch + Math.floor(this.time);
	}

	utcOffset(_ms: number): number {
		return this.offset;
	}

	after(delay: number, callback: () => void): Timer {
		const timer: Pending = { due: this.time + Math.max(0, delay), order: this.count++, callback };
		this.pending.add(timer);
		return { cancel: () => void this.pending.delete(timer) };
	}

	/** Timers that have not happened yet. */
	get timers(): number {
		return this.pending.size;
	}

	/** Milliseconds to the next timer, or null when there is none. */
	get untilNext(): number | null {
		const next = this.next(Infinity);
		return next === null ? null : next.due - this.time;
	}

	/** Lets `ms` pass: every timer due by then is called at its time, in order, also those started on the way. */
	advance(ms: number): void {
		const end = this.time + ms;
		for (let timer = this.next(end); timer !== null; timer = this.next(end)) {
			this.time = Math.max(this.time, timer.due);
			this.pending.delete(timer);
			timer.callback();
			this.afterTurn();
		}
		this.time = end;
	}

	/** As a machine that slept: `ms` later, what fell due meanwhile is called, late. */
	leap(ms: number): void {
		this.time += ms;
		this.advance(0);
	}

	private next(end: number): Pending | null {
		let first: Pending | null = null;
		for (const timer of this.pending) {
			if (timer.due > end) {
				continue;
			}
			if (first === null || timer.due < first.due || (timer.due === first.due && timer.order < first.order)) {
				first = timer;
			}
		}
		return first;
	}
}
