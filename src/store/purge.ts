/** Deletes what ended sessions have left, a part at a time, while the broker serves. */

import type { HostError, Timer, Timers } from "../host/host.ts";
import { isHostError } from "./damage.ts";
import type { DeliveryWithMessage, Tables } from "./tables.ts";

/** Deliveries that are deleted at once. */
const ROWS = 500;
/** Milliseconds between parts. */
const PAUSE = 100;
/** Octets of payload that are handed on at once, about. */
const HANDED_OCTETS = 262_144;

export interface PurgeOwner {
	/** Null while nothing is to be deleted. */
	tables(): Tables | null;
	/** Deliveries of an ended session, some of them of shared subscriptions, which others get; they are gone afterwards. */
	handOn(row: number, rows: readonly DeliveryWithMessage[]): void;
	/** A part is gone. */
	deleted(tables: Tables): void;
	failed(error: HostError): void;
}

export class Purge {
	private readonly timers: Timers;
	private readonly owner: PurgeOwner;
	private timer: Timer | null = null;
	private stopped = false;

	constructor(timers: Timers, owner: PurgeOwner) {
		this.timers = timers;
		this.owner = owner;
	}

	/** There may be something to delete. */
	schedule(): void {
		if (this.timer !== null || this.stopped) return;
		this.timer = this.timers.after(PAUSE, () => {
			this.timer = null;
			const tables = this.owner.tables();
			if (tables !== null) this.next(tables);
		});
	}

	stop(): void {
		this.stopped = true;
		this.timer?.cancel();
	}

	private next(tables: Tables): void {
		try {
			const ended = tables.endedSession();
			if (ended === 0) return;
			if (tables.hasShared(ended, ROWS)) {
				this.owner.handOn(
					ended,
					tables.deliveries(ended, 0, tables.deliveriesWithin(ended, 0, ROWS, HANDED_OCTETS)),
				);
			} else {
				tables.begin();
				tables.purge(ended, ROWS);
				tables.commit();
				this.owner.deleted(tables);
			}
			this.schedule();
		} catch (error) {
			tables.rollback();
			if (!isHostError(error)) throw error;
			this.owner.failed(error);
		}
	}
}
