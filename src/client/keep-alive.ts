/** The client's side of keep alive (section 3.1.2.10): when to send PINGREQ, and when the server counts as gone. */

import type { Clock, Timer, Timers } from "../host/host.ts";

export class KeepAlive {
	private readonly clock: Clock;
	private readonly timers: Timers;
	private readonly onDue: () => void;
	private readonly onSilence: () => void;
	private interval = 0;
	private lastOutput = 0;
	private lastInput = 0;
	private waiting = false;
	private timer: Timer | null = null;

	/**
	 * `onDue`: time for a PINGREQ; it reports with `pinged` when it sent one. `onSilence`: a whole interval has
	 * passed without the answer.
	 */
	constructor(clock: Clock, timers: Timers, onDue: () => void, onSilence: () => void) {
		this.clock = clock;
		this.timers = timers;
		this.onDue = onDue;
		this.onSilence = onSilence;
	}

	/** Begins to watch over a connection that has just sent CONNECT, which also must be answered in time. */
	start(seconds: number): void {
		this.stop();
		this.interval = seconds * 1000;
		this.lastOutput = this.clock.monotonic();
		this.lastInput = this.lastOutput;
		this.waiting = true;
		if (this.interval > 0) this.schedule();
	}

	/** CONNACK came; the server may have set another interval: [MQTT-3.1.2-21], [MQTT-3.2.2-21]. */
	connected(seconds: number): void {
		this.start(seconds);
		this.waiting = false;
	}

	stop(): void {
		this.timer?.cancel();
		this.timer = null;
	}

	sent(): void {
		this.lastOutput = this.clock.monotonic();
	}

	received(): void {
		this.lastInput = this.clock.monotonic();
	}

	/** PINGREQ went out: from now on silence counts. */
	pinged(): void {
		this.waiting = true;
		this.lastOutput = this.clock.monotonic();
		this.lastInput = this.lastOutput;
	}

	/** PINGRESP came. */
	answered(): void {
		this.waiting = false;
	}

	private schedule(): void {
		const due = Math.min(this.lastOutput, this.lastInput) + this.interval;
		const delay = Math.max(0, due - this.clock.monotonic());
		this.timer = this.timers.after(delay, () => this.check());
	}

	private check(): void {
		this.timer = null;
		const now = this.clock.monotonic();
		if (now - this.lastOutput >= this.interval || now - this.lastInput >= this.interval) {
			if (this.waiting) {
				this.onSilence();
				return;
			}
			this.onDue(); // [MQTT-3.1.2-20] (3.1.1: [MQTT-3.1.2-23])
		}
		if (this.timer === null && this.interval > 0) this.schedule();
	}
}
