/** Topic aliases that the broker sets up for one 5.0 client (section 3.3.2.3.4): first come, first served. */

import {
	type Properties,
	type PublishSource,
	publishLength,
	type Qos,
	type TextCodec,
} from "../packet/packet.ts";

/** Octets of the property that an alias is: it does not pay for topics as short as this. */
const PROPERTY_LENGTH = 3;
const NO_OCTETS = new Uint8Array(0);

export class OutgoingAliases {
	private readonly aliases = new Map<string, number>();
	/** The highest alias: not above what the client allows ([MQTT-3.1.2-26], [MQTT-3.3.2-11]). */
	private readonly maximum: number;

	constructor(maximum: number) {
		this.maximum = maximum;
	}

	/**
	 * The properties of a PUBLISH with the topic's alias; one that the client knows takes the topic's place in `source`. Null when
	 * there is none for it, or when the packet would be longer by it than the client takes (`limit`, octets).
	 */
	apply(
		source: PublishSource,
		topic: string,
		properties: Properties | null,
		qos: Qos,
		limit: number,
		codec: TextCodec,
	): Properties | null {
		const known = this.aliases.get(topic);
		if (known !== undefined) {
			source.topic = NO_OCTETS;
			return { ...properties, topicAlias: known };
		}
		if (source.topic.length <= PROPERTY_LENGTH || this.aliases.size >= this.maximum) return null;
		const topicAlias = this.aliases.size + 1;
		const aliased = { ...properties, topicAlias };
		if (publishLength(source, 5, qos, aliased, codec) > limit) return null;
		this.aliases.set(topic, topicAlias);
		return aliased;
	}
}
