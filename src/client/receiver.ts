/** The server's publications on their way to the handler: QoS 0 to 2, topic aliases, acknowledgements. */

import {
	type AckView,
	isValidTopicName,
	MqttError,
	PacketType,
	PublishView,
	type Qos,
	Reason,
	readAck,
	readProperties,
	readPublish,
} from "../packet/packet.ts";
import { type ClientHandler, Message } from "./handler.ts";
import { IncomingMessages } from "./incoming-messages.ts";
import type { ClientHost, ResolvedOptions } from "./options.ts";
import { publishText, type Trace } from "./trace.ts";
import type { Wire } from "./wire.ts";

export class Receiver {
	readonly messages: IncomingMessages;
	private readonly host: ClientHost;
	private readonly options: ResolvedOptions;
	private readonly handler: ClientHandler;
	private readonly trace: Trace;
	private readonly wire: Wire;
	private readonly view = new PublishView();
	private readonly message = new Message();
	private readonly ack: AckView = { packetId: 0, reasonCode: 0 };

	constructor(host: ClientHost, options: ResolvedOptions, handler: ClientHandler, trace: Trace, wire: Wire) {
		this.host = host;
		this.options = options;
		this.handler = handler;
		this.trace = trace;
		this.wire = wire;
		const { receiveMaximum, topicAliasMaximum } = options.properties ?? {};
		this.messages = new IncomingMessages(receiveMaximum ?? 65_535, topicAliasMaximum ?? 0);
	}

	/**
	 * A whole PUBLISH has come: it is acknowledged at once, before the next ([MQTT-4.5.0-2], [MQTT-4.6.0-2],
	 * [MQTT-4.6.0-3]; 3.1.1: [MQTT-4.5.0-2]). Throws an MqttError.
	 */
	onPublish(bytes: Uint8Array, start: number, end: number): void {
		const { message } = this;
		this.read(bytes, start, end);
		if (this.trace.enabled) {
			const { dup, qos, retain, packetId, topic, payloadStart, payloadEnd } = message;
			this.trace.received(publishText(dup, qos, retain, packetId, topic, payloadEnd - payloadStart));
		}
		if (message.qos === 0) {
			this.handler.onMessage?.(message);
		} else if (message.qos === 1) {
			this.acknowledge(PacketType.PUBACK, message.packetId); // [MQTT-4.3.2-4]
			this.handler.onMessage?.(message);
		} else {
			this.messages.keep(message);
			this.acknowledge(PacketType.PUBREC, message.packetId); // [MQTT-4.3.3-8]
		}
	}

	/** A whole PUBREL has come: the message is handed over. Throws an MqttError. */
	onPubrel(bytes: Uint8Array, start: number, end: number): void {
		readAck(bytes, start, end, this.options.version, this.ack);
		const { packetId } = this.ack;
		if (this.trace.enabled) this.trace.received(`PUBREL (Mid: ${packetId})`);
		const message = this.messages.release(packetId);
		if (this.trace.enabled) this.trace.sending(`PUBCOMP (m${packetId})`);
		this.wire.sendAck(PacketType.PUBCOMP, packetId, Reason.SUCCESS); // [MQTT-4.3.3-11]
		if (message !== undefined) this.handler.onMessage?.(message);
	}

	/** Fills `message`. */
	private read(bytes: Uint8Array, start: number, end: number): void {
		const { view, message } = this;
		const { utf8 } = this.host;
		readPublish(bytes, start, end, this.options.version, view);
		let topic = utf8.decode(bytes, view.topicStart, view.topicEnd);
		if (topic === null) {
			throw new MqttError(Reason.MALFORMED_PACKET, "PUBLISH: topic is not well-formed UTF-8"); // [MQTT-3.3.2-1]
		}
		message.properties = null;
		if (view.propertiesEnd > view.propertiesStart) {
			const { propertiesStart, propertiesEnd } = view;
			const properties = readProperties(bytes, propertiesStart, propertiesEnd, PacketType.PUBLISH, utf8);
			if (properties.topicAlias !== undefined) {
				topic = this.messages.resolveAlias(properties.topicAlias, topic);
			}
			message.properties = properties;
		}
		if (!isValidTopicName(topic)) {
			throw new MqttError(Reason.TOPIC_NAME_INVALID, "PUBLISH: not a topic name"); // [MQTT-3.3.2-2]
		}
		message.topic = topic;
		message.payload = bytes;
		message.payloadStart = view.payloadStart;
		message.payloadEnd = view.payloadEnd;
		message.qos = view.qos as Qos;
		message.retain = view.retain;
		message.dup = view.dup;
		message.packetId = view.packetId;
	}

	private acknowledge(type: 4 | 5, packetId: number): void {
		if (this.trace.enabled) {
			const name = type === PacketType.PUBACK ? "PUBACK" : "PUBREC";
			this.trace.sending(`${name} (m${packetId}, rc0)`);
		}
		this.wire.sendAck(type, packetId, Reason.SUCCESS);
	}
}
