/** A message that the broker keeps: retained, queued, or in flight to a session that outlives its connection. */

import type { Properties, Qos } from "../packet/packet.ts";

/** A topic name, and the same in UTF-8. */
export interface Topic {
	readonly topic: string;
	readonly topicBytes: Uint8Array;
}

/** Immutable but for what others note of it, and shared by all who wait for it. */
export class Message implements Topic {
	readonly topic: string;
	readonly topicBytes: Uint8Array;
	readonly payload: Uint8Array;
	/** As published; what a subscriber gets may be lower. */
	readonly qos: Qos;
	/** What is forwarded: without topic alias, subscription identifier and message expiry interval. */
	readonly properties: Properties | null;
	/** Second (broker time) from which it is not to be delivered; 0 is never. */
	readonly expiresAt: number;
	/** Number of the count that it was last part of; see StoreCount. */
	counted = 0;
	/** For the store: see StoredMessage. */
	row = 0;
	durability = -1;

	constructor(
		topic: string,
		topicBytes: Uint8Array,
		payload: Uint8Array,
		qos: Qos,
		properties: Properties | null,
		expiresAt: number,
	) {
		this.topic = topic;
		this.topicBytes = topicBytes;
		this.payload = payload;
		this.qos = qos;
		this.properties = properties;
		this.expiresAt = expiresAt;
	}
}

/**
 * The properties to send with a message: what was published, the remaining lifetime [MQTT-3.3.2-6], and the
 * subscription's identifier [MQTT-3.3.4-3] unless it is 0. The rest is as it came: [MQTT-3.3.2-4], [MQTT-3.3.2-15],
 * [MQTT-3.3.2-16], [MQTT-3.3.2-17], [MQTT-3.3.2-18], [MQTT-3.3.2-20].
 */
export function outgoingProperties(
	published: Properties | null,
	expiresAt: number,
	now: number,
	identifier: number,
): Properties | null {
	if (expiresAt === 0 && identifier === 0) return published;
	const properties: Properties = { ...published };
	// A message that is sent again goes on although it expired meanwhile ([MQTT-4.3.3-7]).
	if (expiresAt !== 0) properties.messageExpiryInterval = expiresAt > now ? expiresAt - now : 0;
	if (identifier !== 0) properties.subscriptionIdentifier = [identifier];
	return properties;
}
