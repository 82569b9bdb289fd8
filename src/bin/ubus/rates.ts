/** How fast messages and octets have gone in the last minutes: totals, noted once a second. */

import { PUBLISH } from "../../broker/constants.ts";
import type { Statistics } from "../../broker/statistics.ts";
import type { Clock, Timer, Timers } from "../../host/host.ts";
import type { UbusInputTable } from "../../ubus/value.ts";
import { typed } from "../../ubus/value.ts";

/** Samples of growth that can be asked for; one more total is kept. */
export const MAXIMUM_HISTORY = 300;
const PLACES = MAXIMUM_HISTORY + 1;
const INTERVAL = 1000;
/** Seconds over which rates are averaged. */
const RATE_SPAN = 10;

const SERIES: readonly (readonly [name: string, total: (statistics: Statistics) => number])[] = [
	["messages_received", (statistics) => statistics.received[PUBLISH]!],
	["messages_sent", (statistics) => statistics.sent[PUBLISH]!],
	["octets_received", (statistics) => statistics.bytesReceived],
	["octets_sent", (statistics) => statistics.bytesSent],
];

export class Rates {
	private readonly host: { readonly clock: Clock; readonly timers: Timers };
	private readonly read: () => Statistics;
	/** Totals by series, in a ring; null while nothing is noted. */
	private totals: Float64Array[] | null = null;
	/** Milliseconds of the monotonic clock, in the same places. */
	private readonly times = new Float64Array(PLACES);
	/** Samples so far, of which the last is at place `(count - 1) % PLACES`. */
	private count = 0;
	/** Seconds since 1970 of the last one. */
	private lastTime = 0;
	private timer: Timer | null = null;

	constructor(host: { readonly clock: Clock; readonly timers: Timers }, read: () => Statistics) {
		this.host = host;
		this.read = read;
	}

	/** Begins. Ignored when it has. */
	start(): void {
		if (this.totals !== null) return;
		this.totals = SERIES.map(() => new Float64Array(PLACES));
		this.count = 0;
		this.sample(this.totals);
	}

	/** Ends, and forgets everything. */
	stop(): void {
		this.timer?.cancel();
		this.timer = null;
		this.totals = null;
		this.count = 0;
	}

	private sample(totals: Float64Array[]): void {
		const { clock, timers } = this.host;
		const statistics = this.read();
		const place = this.count % PLACES;
		for (const [series, [, total]] of SERIES.entries()) totals[series]![place] = total(statistics);
		this.times[place] = clock.monotonic();
		this.lastTime = Math.floor(clock.now() / 1000);
		this.count++;
		this.timer = timers.after(INTERVAL, () => this.sample(totals));
	}

	/** By series, in each second of the last ones. */
	rates(): UbusInputTable {
		const rates: Record<string, ReturnType<typeof typed>> = {};
		const span = Math.min(RATE_SPAN, this.count - 1);
		const elapsed = span < 1 ? 0 : (this.times[this.placeOf(0)]! - this.times[this.placeOf(span)]!) / 1000;
		for (const [series, [name]] of SERIES.entries()) {
			const rate = elapsed > 0 ? this.growth(series, 0, span) / elapsed : 0;
			rates[name] = typed("double", Math.round(rate * 100) / 100);
		}
		return rates;
	}

	/** Growth in each of the last intervals, at most so many. */
	history(wanted: number): UbusInputTable {
		const length = Math.max(0, Math.min(wanted, this.count - 1, MAXIMUM_HISTORY));
		const history: Record<string, number | number[]> = { interval: INTERVAL / 1000, time: this.lastTime };
		for (const [series, [name]] of SERIES.entries()) {
			const growths: number[] = [];
			for (let back = length - 1; back >= 0; back--) growths.push(this.growth(series, back, back + 1));
			history[name] = growths;
		}
		return history;
	}

	/** Place of the sample so many before the last. */
	private placeOf(back: number): number {
		return (this.count - 1 - back) % PLACES;
	}

	private growth(series: number, back: number, before: number): number {
		const totals = this.totals?.[series];
		return totals === undefined ? 0 : totals[this.placeOf(back)]! - totals[this.placeOf(before)]!;
	}
}
