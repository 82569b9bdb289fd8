/** Topic aliases that the broker sets up for one 5.0 client (section 3.3.2.3.4): first come, first served. */

/** Octets of the property that an alias is: it does not pay for topics as short as this. */
const PROPERTY_LENGTH = 3;

export class OutgoingAliases {
	private readonly aliases = new Map<string, number>();
	/** The highest alias: not above what the client allows ([MQTT-3.1.2-26], [MQTT-3.3.2-11]). */
	private readonly maximum: number;

	constructor(maximum: number) {
		this.maximum = maximum;
	}

	/** The alias that stands for the topic, or 0. */
	find(topic: string): number {
		return this.aliases.get(topic) ?? 0;
	}

	/** The alias that the topic may get, or 0 when it gets none; `add` makes it so, once the client is told. */
	offer(topicLength: number): number {
		return topicLength > PROPERTY_LENGTH && this.aliases.size < this.maximum ? this.aliases.size + 1 : 0;
	}

	/** Gives the topic the alias that `offer` named. */
	add(topic: string): void {
		this.aliases.set(topic, this.aliases.size + 1);
	}
}
