/** Things that fall due at some second: kept in buckets, so that a thousand quiet clients cost nothing each second. */

export interface Due {
	/** Called when its second has come. Returns the second at which to be called again, or 0 for never. */
	due(now: number): number;
}

export class Deadlines {
	private readonly buckets = new Map<number, Set<Due>>();
	/** When each item is due: one second each. */
	private readonly seconds = new Map<Due, number>();
	private last: number;

	constructor(now: number) {
		this.last = now;
	}

	/** Has `item` called at `second` or, when that is past, at the next second; no longer at the one before. */
	schedule(second: number, item: Due): void {
		this.cancel(item);
		if (second <= this.last) second = this.last + 1;
		const bucket = this.buckets.get(second);
		if (bucket === undefined) this.buckets.set(second, new Set([item]));
		else bucket.add(item);
		this.seconds.set(item, second);
	}

	/** Forgets `item`, and with it what it holds: who has gone must not wait for a keep alive to be freed. */
	cancel(item: Due): void {
		const second = this.seconds.get(item);
		if (second === undefined) return;
		this.seconds.delete(item);
		const bucket = this.buckets.get(second);
		bucket?.delete(item);
		if (bucket?.size === 0) this.buckets.delete(second);
	}

	/** Calls all that fell due up to and including `now`. */
	advance(now: number): void {
		if (now <= this.last) return;
		const from = this.last + 1;
		this.last = now;
		if (now - from > this.buckets.size) {
			const seconds = [...this.buckets.keys()].filter((second) => second <= now);
			for (const second of seconds.sort((a, b) => a - b)) this.empty(second, now);
			return;
		}
		for (let second = from; second <= now; second++) this.empty(second, now);
	}

	private empty(second: number, now: number): void {
		const bucket = this.buckets.get(second);
		if (bucket === undefined) return;
		this.buckets.delete(second);
		for (const item of bucket) {
			// One that was cancelled by another of its bucket.
			if (!this.seconds.delete(item)) continue;
			const next = item.due(now);
			if (next !== 0) this.schedule(next, item);
		}
	}
}
