/** The client's publications on their way to the server: QoS 0 to 2, the inflight window, sending again. */

import {
	type AckView,
	decodePacket,
	isValidTopicName,
	MAXIMUM_PACKET_SIZE,
	PacketType,
	type Properties,
	type Qos,
	Reason,
	readAck,
} from "../packet/packet.ts";
import { ClientError, type ClientHandler } from "./handler.ts";
import type { ClientHost, ResolvedOptions } from "./options.ts";
import { type Outgoing, OutgoingMessages, OutgoingState } from "./outgoing-messages.ts";
import { publishText, type Trace } from "./trace.ts";
import { violation, type Wire } from "./wire.ts";

export interface PublishOptions {
	/** Default 0. */
	readonly qos?: Qos;
	readonly retain?: boolean;
	/** Properties of the PUBLISH; 5.0 only. */
	readonly properties?: Properties | null;
}

/** What one server allows. */
export interface ServerLimits {
	readonly maximumQos: number;
	readonly retainAvailable: boolean;
	readonly maximumPacketSize: number;
	readonly topicAliasMaximum: number;
	/** Unanswered QoS 1 and 2 publications. */
	readonly receiveMaximum: number;
}

/** A server that says nothing. */
export const NO_LIMITS: ServerLimits = {
	maximumQos: 2,
	retainAvailable: true,
	maximumPacketSize: MAXIMUM_PACKET_SIZE,
	topicAliasMaximum: 0,
	receiveMaximum: 65_535,
};

const EMPTY = new Uint8Array(0);
/** Octets of a topic name. */
const LONGEST_TOPIC = 65_535;
const LARGEST_ALIAS = 65_535;

export class Publisher {
	readonly messages: OutgoingMessages;
	limits: ServerLimits = NO_LIMITS;
	/** Whether packets can be sent. */
	private connected = false;
	private readonly host: ClientHost;
	private readonly options: ResolvedOptions;
	private readonly handler: ClientHandler;
	private readonly trace: Trace;
	private readonly wire: Wire;
	private readonly ack: AckView = { packetId: 0, reasonCode: 0 };
	private readonly aliasTopics = new Map<number, string>();
	private lastTopic = "";
	private lastTopicBytes: Uint8Array = EMPTY;

	constructor(host: ClientHost, options: ResolvedOptions, handler: ClientHandler, trace: Trace, wire: Wire) {
		this.host = host;
		this.options = options;
		this.handler = handler;
		this.trace = trace;
		this.wire = wire;
		this.messages = new OutgoingMessages(options.maximumInflight);
	}

	/** As `MqttClient.publish`. */
	publish(topic: string, payload: Uint8Array, options: PublishOptions | undefined): number {
		const qos = options?.qos ?? 0;
		const properties = options?.properties ?? null;
		const retain = options?.retain ?? false;
		const aliased = topic === "";
		if (properties?.topicAlias !== undefined) {
			const alias = properties.topicAlias;
			const largest = this.connected ? this.limits.topicAliasMaximum : LARGEST_ALIAS;
			if (alias < 1 || alias > largest) return ClientError.INVALID_TOPIC_ALIAS; // [MQTT-3.2.2-17] [MQTT-3.2.2-18] [MQTT-3.3.2-9]
			if (aliased) topic = this.aliasTopics.get(alias) ?? "";
			else this.aliasTopics.set(alias, topic);
		}
		if (!isValidTopicName(topic)) return ClientError.INVALID_TOPIC;
		const topicBytes = this.encodeTopic(topic);
		if (topicBytes.length > LONGEST_TOPIC) return ClientError.INVALID_TOPIC; // [MQTT-4.7.3-3]
		if (qos > this.limits.maximumQos) return ClientError.QOS_NOT_SUPPORTED; // [MQTT-3.2.2-11]
		const length = this.wire.publishLength(topicBytes, payload, qos, properties);
		if (length > this.limits.maximumPacketSize) return ClientError.PACKET_TOO_LARGE; // [MQTT-3.2.2-15]
		if (qos === 0 && !this.connected) return ClientError.NOT_CONNECTED;
		const packetId = this.messages.nextPacketId();
		if (packetId === 0) return ClientError.NO_PACKET_IDENTIFIER;
		if (qos === 0) {
			const shown = aliased ? "" : topic;
			const sent = aliased ? EMPTY : topicBytes;
			this.send(length, shown, sent, payload, false, 0, retain, packetId, properties);
			return packetId;
		}
		this.messages.add({
			packetId,
			topic,
			topicBytes,
			payload: payload.slice(),
			qos,
			retain,
			properties,
			aliased,
			dup: false,
			state: OutgoingState.QUEUED,
		});
		this.pump();
		return packetId;
	}

	/** The server accepted a connection: after `resume`, publications go out. */
	restart(limits: ServerLimits, sessionPresent: boolean): Outgoing[] {
		this.limits = limits;
		this.connected = true;
		const window = Math.min(this.options.maximumInflight, limits.receiveMaximum); // [MQTT-3.3.4-7]
		return this.messages.restart(window, sessionPresent);
	}

	/**
	 * Sends what an earlier connection left: PUBREL for `released`, then publications in their order. A server that has
	 * forgotten the session had those messages, and waits for nothing any more [MQTT-3.2.2-5].
	 */
	resume(released: readonly Outgoing[], sessionPresent: boolean): void {
		for (const message of released) {
			if (!this.connected) break;
			if (sessionPresent) {
				this.sendPubrel(message.packetId, Reason.SUCCESS);
			} else {
				this.messages.remove(message);
				this.handler.onPublished?.(message.packetId, Reason.SUCCESS, null);
			}
		}
		this.pump();
	}

	/** No packet can be sent from now on. */
	stop(): void {
		this.connected = false;
	}

	/** A whole PUBACK, PUBREC or PUBCOMP has come. Throws an MqttError. */
	onAck(type: 4 | 5 | 7, bytes: Uint8Array, start: number, end: number): void {
		const { version } = this.options;
		readAck(bytes, start, end, version, this.ack);
		const { packetId, reasonCode } = this.ack;
		if (this.trace.enabled) this.trace.received(ackText(type, packetId, reasonCode));
		const message = this.messages.get(packetId);
		if (message === undefined || message.state === OutgoingState.QUEUED) {
			// Its answer came on an earlier connection, or the server confuses identifiers.
			if (type === PacketType.PUBREC) this.sendPubrel(packetId, Reason.PACKET_IDENTIFIER_NOT_FOUND);
			return;
		}
		if ((message.qos === 1) !== (type === PacketType.PUBACK)) {
			throw violation(`packet type ${type} answers a publication of QoS ${message.qos}`);
		}
		if (type === PacketType.PUBREC && reasonCode < 0x80) {
			message.state = OutgoingState.WAIT_PUBCOMP;
			this.sendPubrel(packetId, Reason.SUCCESS); // [MQTT-4.3.3-4] [MQTT-4.6.0-4]
			return;
		}
		let properties: Properties | null = null;
		if (version === 5 && end - start > 5) {
			const packet = decodePacket(bytes, start, end, version, this.host.utf8);
			properties = "properties" in packet ? packet.properties : null;
		}
		this.messages.remove(message);
		this.handler.onPublished?.(packetId, reasonCode, properties);
		this.pump();
	}

	private sendPubrel(packetId: number, reasonCode: number): void {
		if (this.trace.enabled) this.trace.sending(`PUBREL (m${packetId})`);
		this.wire.sendAck(PacketType.PUBREL, packetId, reasonCode);
	}

	/** Sends queued publications as far as the inflight window allows [MQTT-4.9.0-2]. */
	private pump(): void {
		while (this.connected) {
			const next = this.messages.release();
			if (next === null) return;
			this.sendQueued(next);
		}
	}

	private sendQueued(message: Outgoing): void {
		const { topicBytes, payload, qos, properties, packetId, aliased } = message;
		const length = this.wire.publishLength(topicBytes, payload, qos, properties);
		const tooLong = length > this.limits.maximumPacketSize;
		if (tooLong || qos > this.limits.maximumQos) {
			// Queued before this server told its limits.
			this.messages.remove(message);
			const code = tooLong ? Reason.PACKET_TOO_LARGE : Reason.QOS_NOT_SUPPORTED;
			this.handler.onPublished?.(packetId, code, null);
			return;
		}
		const topic = aliased ? EMPTY : topicBytes;
		const shown = aliased ? "" : message.topic;
		const { dup, retain } = message;
		this.send(length, shown, topic, payload, dup, qos, retain, packetId, properties);
	}

	private send(
		length: number,
		shown: string,
		topic: Uint8Array,
		payload: Uint8Array,
		dup: boolean,
		qos: number,
		retain: boolean,
		packetId: number,
		properties: Properties | null,
	): void {
		const kept = retain && this.limits.retainAvailable; // [MQTT-3.2.2-14]
		if (this.trace.enabled) {
			this.trace.sending(publishText(dup, qos, kept, packetId, shown, payload.length));
		}
		this.wire.sendPublish(length, topic, payload, dup, qos, kept, packetId, properties);
	}

	private encodeTopic(topic: string): Uint8Array {
		if (topic !== this.lastTopic) {
			this.lastTopic = topic;
			this.lastTopicBytes = this.host.utf8.encode(topic);
		}
		return this.lastTopicBytes;
	}
}

function ackText(type: 4 | 5 | 7, packetId: number, reasonCode: number): string {
	if (type === PacketType.PUBREC) return `PUBREC (Mid: ${packetId})`;
	const name = type === PacketType.PUBACK ? "PUBACK" : "PUBCOMP";
	return `${name} (Mid: ${packetId}, RC:${reasonCode})`;
}
