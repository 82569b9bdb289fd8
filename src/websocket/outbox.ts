/** What is to be done once at the end of a turn of the event loop, for all connections at once. */

import type { Timers } from "../host/host.ts";

/** Something that has output to send. */
export interface Sender {
	/** The turn has ended. */
	endTurn(): void;
}

export class Outbox {
	private readonly timers: Timers;
	private waiting: Sender[] = [];
	private spare: Sender[] = [];

	constructor(timers: Timers) {
		this.timers = timers;
	}

	/** Calls `sender.endTurn` when this turn has ended. To be called once for it. */
	add(sender: Sender): void {
		if (this.waiting.push(sender) === 1) this.timers.after(0, this.flush);
	}

	private readonly flush = (): void => {
		const senders = this.waiting;
		this.waiting = this.spare;
		this.spare = senders;
		for (const sender of senders) sender.endTurn();
		senders.length = 0;
	};
}
