/**
 * Topics whose retained message was published lately. A subscriber that is still being handed what was retained before gets such
 * a message as it comes, and not once more as what is retained.
 */

/** Octets of topics that are kept, about, with what an entry takes. */
const LIMIT = 262_144;
const ENTRY = 64;

export class RecentTopics {
	/** Publications so far. */
	count = 0;
	/** Number of the last publication, by topic. */
	private readonly last = new Map<string, number>();
	private octets = 0;

	note(topic: string): void {
		this.count++;
		if (!this.last.has(topic)) {
			// Forgotten ones come twice, which is better than to keep no bound.
			if (this.octets > LIMIT) this.clear();
			this.octets += topic.length + ENTRY;
		}
		this.last.set(topic, this.count);
	}

	/** Whether one was published after publication number `count`; false also when that is not known any more. */
	isAfter(topic: string, count: number): boolean {
		return (this.last.get(topic) ?? 0) > count;
	}

	/** What was published was undone. */
	forget(topic: string): void {
		if (this.last.delete(topic)) this.octets -= topic.length + ENTRY;
	}

	clear(): void {
		this.last.clear();
		this.octets = 0;
	}
}
