/** Connections that have not come as far as the broker: bounded in time, and in number by giving up the oldest. */

import type { Clock, Connection, Timer, Timers } from "../host/host.ts";

/** Connections at once. */
export const WAITING_LIMIT = 256;
/** Milliseconds to say all that comes before MQTT, and to take an answer of HTTP. */
const HEAD_TIME = 30_000;
const ANSWER_TIME = 120_000;

/** The limit for which a connection is given up. */
type Why = "number" | "time";

export class Waiting {
	private readonly clock: Clock;
	private readonly timers: Timers;
	private readonly dropped: (connection: Connection, why: Why) => void;
	/**
	 * Deadlines, of those that still have to say what they want and of those that are answered; each the nearest first, as
	 * all of a kind have the same time.
	 */
	private readonly heads = new Map<Connection, number>();
	private readonly answers = new Map<Connection, number>();
	private timer: Timer | null = null;

	/** `dropped` is told of each connection that is given up. */
	constructor(clock: Clock, timers: Timers, dropped: (connection: Connection, why: Why) => void) {
		this.clock = clock;
		this.timers = timers;
		this.dropped = dropped;
	}

	get size(): number {
		return this.heads.size + this.answers.size;
	}

	add(connection: Connection): void {
		if (this.size >= WAITING_LIMIT) {
			const [oldest] = this.heads.size > 0 ? this.heads.keys() : this.answers.keys();
			this.drop(oldest!, "number");
		}
		this.heads.set(connection, this.clock.monotonic() + HEAD_TIME);
		this.arm();
	}

	/** It is being answered, which may take longer. */
	answering(connection: Connection): void {
		if (this.heads.delete(connection)) this.answers.set(connection, this.clock.monotonic() + ANSWER_TIME);
	}

	/** It is served by somebody else now, or over. */
	remove(connection: Connection): void {
		if (!this.heads.delete(connection)) this.answers.delete(connection);
		if (this.size > 0) return;
		this.timer?.cancel();
		this.timer = null;
	}

	/** Ends all of them. */
	dropAll(): void {
		for (const kind of [this.heads, this.answers]) {
			for (const connection of kind.keys()) connection.destroy();
			kind.clear();
		}
		this.timer?.cancel();
		this.timer = null;
	}

	private drop(connection: Connection, why: Why): void {
		this.remove(connection);
		this.dropped(connection, why);
		connection.destroy();
	}

	/** Looks each second, while there is something to look at. */
	private arm(): void {
		this.timer ??= this.timers.after(1000, () => {
			this.timer = null;
			this.dropLate(this.heads);
			this.dropLate(this.answers);
			if (this.size > 0) this.arm();
		});
	}

	/** Looks no further than at one that has time left. */
	private dropLate(kind: ReadonlyMap<Connection, number>): void {
		const now = this.clock.monotonic();
		for (const [connection, deadline] of kind) {
			if (deadline > now) return;
			this.drop(connection, "time");
		}
	}
}
