/** Times in the database are those of the system's clock, times of the broker those of one that is never set. */

import type { Clock } from "../host/host.ts";

export class Utc {
	private readonly clock: Clock;

	constructor(clock: Clock) {
		this.clock = clock;
	}

	/** To the second of the system's clock; 0 stays. */
	to(second: number): number {
		return second === 0 ? 0 : second + this.offset;
	}

	/** To the second of the broker's time, at least 1; 0 stays. */
	from(second: number): number {
		return second === 0 ? 0 : Math.max(1, second - this.offset);
	}

	private get offset(): number {
		const { clock } = this;
		return Math.floor(clock.now() / 1000) - (Math.floor(clock.monotonic() / 1000) + 1);
	}
}
