/** Watches what memory the broker takes, and says when it is more than its owner wants. */

import type { Deadlines, Due } from "./deadlines.ts";

/** Who is told, and asked. */
export interface MemoryOwner {
	readonly seconds: number;
	readonly deadlines: Deadlines;
	/** Octets that the program's values take; with `collect`, without what is of no use any more, which may take long. */
	heap(collect: boolean): number;
	/** Memory has become scarce, or is no longer. `used`: octets. */
	memoryIsScarce(scarce: boolean, used: number): void;
}

/**
 * Memory that was scarce is so until it is this part of the limit below it, so that not every message that comes and
 * goes changes it.
 */
const HYSTERESIS = 1 / 16;

/**
 * As mosquitto, the heap is what counts; but not what the program itself has of it before it serves anybody. mosquitto
 * denies each allocation beyond, which ends the client that it was for; here nothing is kept for anybody any more, and who
 * is connected stays. Looked at each second: what is in between goes over the limit by what can arrive in a second.
 */
export class MemoryLimit implements Due {
	private readonly owner: MemoryOwner;
	private readonly start: number;
	/** Octets; 0 is no limit. */
	private limit = 0;
	private scarce = false;

	constructor(owner: MemoryOwner) {
		this.owner = owner;
		this.start = owner.heap(false);
	}

	/** Takes a limit in octets, or 0 for none. */
	configure(limit: number): void {
		this.limit = limit;
		this.owner.deadlines.cancel(this);
		const next = this.due(this.owner.seconds);
		if (next !== 0) this.owner.deadlines.schedule(next, this);
	}

	due(now: number): number {
		const { limit } = this;
		const bound = this.scarce ? limit - limit * HYSTERESIS : limit;
		let used = limit === 0 ? 0 : this.used(false);
		if (limit !== 0 && used >= bound) used = this.used(true);
		const scarce = limit !== 0 && used >= bound;
		if (scarce !== this.scarce) {
			this.scarce = scarce;
			this.owner.memoryIsScarce(scarce, used);
		}
		return limit === 0 ? 0 : now + 1;
	}

	private used(collect: boolean): number {
		return Math.max(0, this.owner.heap(collect) - this.start);
	}
}
