/** Watches what memory the broker takes, and says when it is more than its owner wants. */

import type { Deadlines, Due } from "./deadlines.ts";

/** Who is told, and asked. */
export interface MemoryOwner {
	readonly seconds: number;
	readonly deadlines: Deadlines;
	/** Octets that the program occupies now. */
	occupied(): number;
	/** Memory has become scarce, or is no longer. `used`: octets. */
	memoryIsScarce(scarce: boolean, used: number): void;
}

/**
 * mosquitto counts its heap, in which the program itself has no part; so what is measured here is what the process has
 * grown by since the broker began (see Process.memory for what a host counts). Looked at each second, as a look costs
 * a system call: what is in between goes over the limit by what can arrive in a second.
 */
export class MemoryLimit implements Due {
	private readonly owner: MemoryOwner;
	/** Occupied by the program before it served anybody. */
	private readonly start: number;
	/** Octets; 0 is no limit. */
	private limit = 0;
	private scarce = false;

	constructor(owner: MemoryOwner) {
		this.owner = owner;
		this.start = owner.occupied();
	}

	/** Takes a limit in octets, or 0 for none. */
	configure(limit: number): void {
		this.limit = limit;
		this.owner.deadlines.cancel(this);
		const next = this.due(this.owner.seconds);
		if (next !== 0) this.owner.deadlines.schedule(next, this);
	}

	due(now: number): number {
		const used = this.limit === 0 ? 0 : Math.max(0, this.owner.occupied() - this.start);
		const scarce = this.limit !== 0 && used >= this.limit;
		if (scarce !== this.scarce) {
			this.scarce = scarce;
			this.owner.memoryIsScarce(scarce, used);
		}
		return this.limit === 0 ? 0 : now + 1;
	}
}
