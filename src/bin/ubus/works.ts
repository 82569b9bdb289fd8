/** Carries out work that may take long: some steps in each turn of the loop, so that clients are served meanwhile. */

import type { Work } from "../../broker/work.ts";
import type { Timers } from "../../host/host.ts";
import { Status, UbusError } from "../../ubus/status.ts";

/** Steps between two turns. One costs a router some ten microseconds. */
const STEPS = 128;
/** Works under way at once. */
const MAXIMUM_WORKS = 8;

export class Works {
	private readonly timers: Timers;
	private count = 0;

	constructor(timers: Timers) {
		this.timers = timers;
	}

	/** Does the first steps at once. Rejects with what the work throws, or an UbusError when too much is under way. */
	run<T>(work: Work<T>): Promise<T> {
		if (this.count >= MAXIMUM_WORKS) {
			return Promise.reject(new UbusError(Status.NO_MEMORY, "too many calls are under way"));
		}
		this.count++;
		return new Promise<T>((resolve, reject) => this.goOn(work, resolve, reject)).finally(() => {
			this.count--;
		});
	}

	private goOn<T>(work: Work<T>, resolve: (result: T) => void, reject: (error: unknown) => void): void {
		try {
			for (let step = 0; step < STEPS; step++) {
				const { done, value } = work.next();
				if (!done) continue;
				resolve(value);
				return;
			}
		} catch (error) {
			reject(error);
			return;
		}
		this.timers.after(0, () => this.goOn(work, resolve, reject));
	}
}
