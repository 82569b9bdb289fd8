/** What a client remembers of messages on their way in: QoS 2 messages not yet released, and topic aliases. */

import { MqttError, Reason } from "../packet/packet.ts";
import { Message } from "./handler.ts";

export class IncomingMessages {
	private readonly unreleased = new Map<number, Message>();
	private aliases: (string | undefined)[] = [];
	private readonly receiveMaximum: number;
	private readonly topicAliasMaximum: number;

	/** Limits as told to the server in CONNECT. */
	constructor(receiveMaximum: number, topicAliasMaximum: number) {
		this.receiveMaximum = receiveMaximum;
		this.topicAliasMaximum = topicAliasMaximum;
	}

	/**
	 * The topic name that an alias stands for; a `topic` that is not empty gives the alias its new meaning.
	 * Throws an MqttError [MQTT-3.3.2-8], [MQTT-3.3.2-10].
	 */
	resolveAlias(alias: number, topic: string): string {
		if (alias === 0 || alias > this.topicAliasMaximum) {
			throw new MqttError(Reason.TOPIC_ALIAS_INVALID, `PUBLISH: topic alias ${alias} is out of range`);
		}
		if (topic !== "") {
			this.aliases[alias] = topic;
			return topic;
		}
		const known = this.aliases[alias];
		if (known === undefined) {
			throw new MqttError(Reason.PROTOCOL_ERROR, `PUBLISH: topic alias ${alias} stands for no topic`);
		}
		return known;
	}

	/**
	 * Keeps a copy of a QoS 2 message until its PUBREL. A second PUBLISH with the same packet identifier is the same
	 * message [MQTT-4.3.3-10]. Throws an MqttError when there are more than the receive maximum.
	 */
	keep(message: Message): void {
		if (this.unreleased.has(message.packetId)) return;
		if (this.unreleased.size >= this.receiveMaximum) {
			throw new MqttError(Reason.RECEIVE_MAXIMUM_EXCEEDED, "PUBLISH: more than the receive maximum");
		}
		const copy = new Message();
		copy.topic = message.topic;
		copy.payload = message.payload.slice(message.payloadStart, message.payloadEnd);
		copy.payloadEnd = copy.payload.length;
		copy.qos = message.qos;
		copy.retain = message.retain;
		copy.dup = message.dup;
		copy.packetId = message.packetId;
		copy.properties = message.properties;
		this.unreleased.set(message.packetId, copy);
	}

	/** Takes out the message that a PUBREL releases; undefined when it was released before. */
	release(packetId: number): Message | undefined {
		const message = this.unreleased.get(packetId);
		if (message !== undefined) this.unreleased.delete(packetId);
		return message;
	}

	/** A new connection begins. Aliases never outlive a connection [MQTT-3.3.2-7]. */
	restart(sessionPresent: boolean): void {
		this.aliases = [];
		if (!sessionPresent) this.unreleased.clear(); // [MQTT-3.2.2-5]
	}
}
