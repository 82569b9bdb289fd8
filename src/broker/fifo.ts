/** First in, first out, without moving all at each step. */

/** Items gone at the head before the rest is moved up. */
const SLACK = 256;

export class Fifo<T> {
	/** A field and not a getter, as the hot path asks for it. */
	length = 0;
	private items: T[] = [];
	private head = 0;

	push(item: T): void {
		this.items.push(item);
		this.length++;
	}

	/** The oldest; there must be one. */
	first(): T {
		return this.items[this.head]!;
	}

	/** Removes the oldest and returns it; there must be one. */
	shift(): T {
		const item = this.items[this.head++]!;
		this.length--;
		if (this.length === 0) {
			this.clear();
		} else if (this.head >= SLACK && this.head >= this.length) {
			this.items.splice(0, this.head);
			this.head = 0;
		}
		return item;
	}

	/** Keeps what `keeps` says, in order. */
	filter(keeps: (item: T) => boolean): void {
		const kept = this.items.slice(this.head).filter(keeps);
		this.items = kept;
		this.head = 0;
		this.length = kept.length;
	}

	clear(): void {
		this.items = [];
		this.head = 0;
		this.length = 0;
	}

	*[Symbol.iterator](): Generator<T> {
		for (let i = this.head; i < this.items.length; i++) yield this.items[i]!;
	}
}
