/** A whole frame of any type to a fresh packet object. */

import { type AckView, readAckHead } from "./ack.ts";
import { readConnect } from "./connect.ts";
import { bodyStart, frameLength, MAXIMUM_PACKET_SIZE, requiredFlags } from "./frame.ts";
import {
	type AckPacket,
	type AuthPacket,
	type ConnackPacket,
	type DisconnectPacket,
	type Packet,
	PacketType,
	type PingPacket,
	type Properties,
	type ProtocolVersion,
	type PublishPacket,
	type Qos,
	type SubackPacket,
	type SubscribePacket,
	type SubscriptionRequest,
	type UnsubackPacket,
	type UnsubscribePacket,
} from "./packets.ts";
import { PublishView, readPublish } from "./publish.ts";
import { Cursor, copyOf, readProperties } from "./read.ts";
import { isReasonFor, malformed, Reason } from "./reasons.ts";
import type { TextCodec } from "./text.ts";
import { isValidTopicFilter, isValidTopicName } from "./topics.ts";

/**
 * Decodes `bytes[start, end)`, which must be one whole frame, of either direction; what it returns shares nothing
 * with `bytes`. `version` does not matter for a CONNECT. Throws an MqttError with the reason code to answer with.
 */
export function decodePacket(
	bytes: Uint8Array,
	start: number,
	end: number,
	version: ProtocolVersion,
	codec: TextCodec,
): Packet {
	if (frameLength(bytes, start, end, MAXIMUM_PACKET_SIZE) !== end - start) {
		throw malformed("remaining length does not fit the frame");
	}
	const type = (bytes[start]! >> 4) as PacketType;
	switch (type) {
		case PacketType.CONNECT:
			return readConnect(bytes, start, end, codec);
		case PacketType.PUBLISH:
			return decodePublish(bytes, start, end, version, codec);
		case PacketType.PUBACK:
		case PacketType.PUBREC:
		case PacketType.PUBREL:
		case PacketType.PUBCOMP:
			return decodeAck(bytes, start, end, version, codec);
	}
	const cursor = new Cursor(bytes, bodyStart(bytes, start, version), end, type);
	// [MQTT-3.8.1-1] [MQTT-3.10.1-1] [MQTT-3.14.1-1] [MQTT-3.15.1-1]; 3.1 gives these bits no meaning.
	if (version !== 3 && (bytes[start]! & 15) !== requiredFlags(type)) {
		throw cursor.malformed("reserved flags [MQTT-2.1.3-1]"); // 3.1.1: [MQTT-2.2.2-2], [MQTT-3.14.1-1]
	}
	const packet = decodeBody(cursor, type, version, codec);
	cursor.finish();
	return packet;
}

function decodeBody(
	cursor: Cursor,
	type: Exclude<PacketType, 1 | 3 | 4 | 5 | 6 | 7>,
	version: ProtocolVersion,
	codec: TextCodec,
): Packet {
	switch (type) {
		case PacketType.CONNACK:
			return decodeConnack(cursor, version, codec);
		case PacketType.SUBSCRIBE:
			return decodeSubscribe(cursor, version, codec);
		case PacketType.SUBACK:
			return decodeSuback(cursor, version, codec);
		case PacketType.UNSUBSCRIBE:
			return decodeUnsubscribe(cursor, version, codec);
		case PacketType.UNSUBACK:
			return decodeUnsuback(cursor, version, codec);
		case PacketType.PINGREQ:
		case PacketType.PINGRESP:
			return { type } satisfies PingPacket;
		case PacketType.DISCONNECT:
			return decodeDisconnect(cursor, version, codec);
		case PacketType.AUTH:
			return decodeAuth(cursor, version, codec);
	}
}

/** Reads a 5.0 reason code that packets of this type may bear. */
function readReasonCode(cursor: Cursor): number {
	const code = cursor.uint8("reason code");
	// [MQTT-3.2.2-8] [MQTT-3.9.3-2] [MQTT-3.11.3-2] [MQTT-3.14.2-1] [MQTT-3.15.2-1]
	if (!isReasonFor(cursor.owner, code)) {
		throw cursor.protocolError(`reason code 0x${code.toString(16)} is not one of its own`);
	}
	return code;
}

function decodeConnack(cursor: Cursor, version: ProtocolVersion, codec: TextCodec): ConnackPacket {
	const flags = cursor.uint8("acknowledge flags");
	// 3.1 has no session present flag.
	if (version !== 3 && flags > 1) throw cursor.malformed("reserved acknowledge flags [MQTT-3.2.2-1]");
	const sessionPresent = version !== 3 && flags === 1;
	let reasonCode: number;
	let properties: Properties | null = null;
	if (version !== 5) {
		reasonCode = cursor.uint8("return code");
		if (reasonCode > 5) throw cursor.protocolError(`return code ${reasonCode} is reserved`);
	} else if (cursor.end - cursor.position === 1 && cursor.bytes[cursor.position] === 1) {
		// A server that knows no 5.0 refuses its clients in the form of 3.1.1.
		cursor.uint8("return code");
		reasonCode = Reason.UNSUPPORTED_PROTOCOL_VERSION;
	} else {
		reasonCode = readReasonCode(cursor);
		properties = cursor.properties(version, codec);
	}
	if (sessionPresent && reasonCode !== 0) {
		throw cursor.protocolError("session present in a refusal [MQTT-3.2.2-6]");
	}
	return { type: PacketType.CONNACK, sessionPresent, reasonCode, properties };
}

function decodePublish(
	bytes: Uint8Array,
	start: number,
	end: number,
	version: ProtocolVersion,
	codec: TextCodec,
): PublishPacket {
	const view = new PublishView();
	readPublish(bytes, start, end, version, view);
	const topic = codec.decode(bytes, view.topicStart, view.topicEnd);
	if (topic === null) throw malformed("PUBLISH: topic is ill-formed UTF-8 [MQTT-1.5.4-1] [MQTT-1.5.4-2]");
	let properties: Properties | null = null;
	if (view.propertiesEnd > view.propertiesStart) {
		properties = readProperties(bytes, view.propertiesStart, view.propertiesEnd, PacketType.PUBLISH, codec);
	}
	if (topic === "") {
		if (properties?.topicAlias === undefined) {
			const cursor = new Cursor(bytes, start, end, PacketType.PUBLISH);
			throw cursor.protocolError("neither topic nor topic alias (section 3.3.2.1)");
		}
	} else if (!isValidTopicName(topic)) {
		throw malformed("PUBLISH: wildcard in the topic [MQTT-3.3.2-2]");
	}
	return {
		type: PacketType.PUBLISH,
		dup: view.dup,
		qos: view.qos as Qos,
		retain: view.retain,
		topic,
		packetId: view.packetId,
		properties,
		payload: copyOf(bytes, view.payloadStart, view.payloadEnd),
	};
}

function decodeAck(
	bytes: Uint8Array,
	start: number,
	end: number,
	version: ProtocolVersion,
	codec: TextCodec,
): AckPacket {
	const view: AckView = { packetId: 0, reasonCode: 0 };
	const position = readAckHead(bytes, start, end, version, view);
	const type = (bytes[start]! >> 4) as AckPacket["type"];
	let properties: Properties | null = null;
	if (position < end) {
		const cursor = new Cursor(bytes, position, end, type);
		properties = cursor.properties(version, codec);
		cursor.finish();
	}
	return { type, packetId: view.packetId, reasonCode: view.reasonCode, properties };
}

function decodeSubscribe(cursor: Cursor, version: ProtocolVersion, codec: TextCodec): SubscribePacket {
	const packetId = cursor.packetId();
	const properties = cursor.properties(version, codec);
	const subscriptions: SubscriptionRequest[] = [];
	while (cursor.position < cursor.end) {
		const topicFilter = readTopicFilter(cursor, codec);
		const options = cursor.uint8("subscription options");
		// [MQTT-3.8.3-5]; [MQTT-3-8.3-4] of 3.1.1
		if ((options & (version === 5 ? 0xc0 : 0xfc)) !== 0) {
			throw cursor.malformed("reserved subscription options [MQTT-3.8.3-5]");
		}
		const qos = options & 3;
		const retainHandling = (options >> 4) & 3;
		if (qos === 3 && version !== 5) throw cursor.malformed("QoS 3 (3.1.1: [MQTT-3-8.3-4])");
		if (qos === 3) throw cursor.protocolError("QoS 3 (section 3.8.3.1)");
		if (retainHandling === 3) throw cursor.protocolError("retain handling 3 (section 3.8.3.1)");
		const noLocal = (options & 4) !== 0;
		if (noLocal && topicFilter.startsWith("$share/")) {
			throw cursor.protocolError("no local on a shared subscription [MQTT-3.8.3-4]");
		}
		subscriptions.push({
			topicFilter,
			qos: qos as Qos,
			noLocal,
			retainAsPublished: (options & 8) !== 0,
			retainHandling: retainHandling as 0 | 1 | 2,
		});
	}
	if (subscriptions.length === 0) throw cursor.protocolError("no topic filter [MQTT-3.8.3-2]"); // 3.1.1: [MQTT-3.8.3-3]
	return { type: PacketType.SUBSCRIBE, packetId, properties, subscriptions };
}

function readTopicFilter(cursor: Cursor, codec: TextCodec): string {
	// 3.1.1: [MQTT-3.8.3-1], [MQTT-3.10.3-1]
	const topicFilter = cursor.text("topic filter", codec); // [MQTT-3.8.3-1] [MQTT-3.10.3-1]
	if (!isValidTopicFilter(topicFilter)) {
		throw cursor.malformed("topic filter is empty, or has a misplaced wildcard or share name (section 4.7)");
	}
	return topicFilter;
}

function decodeSuback(cursor: Cursor, version: ProtocolVersion, codec: TextCodec): SubackPacket {
	const packetId = cursor.packetId();
	const properties = cursor.properties(version, codec);
	const reasonCodes = readReasonCodes(cursor);
	if (version !== 5) {
		for (const code of reasonCodes) {
			// [MQTT-3.9.3-2] of 3.1.1
			if (code > 2 && code !== 0x80) throw cursor.protocolError(`return code ${code} is reserved`);
		}
	}
	return { type: PacketType.SUBACK, packetId, properties, reasonCodes };
}

/** Reads what is left as reason codes, at least one. */
function readReasonCodes(cursor: Cursor): number[] {
	const reasonCodes: number[] = [];
	do reasonCodes.push(readReasonCode(cursor));
	while (cursor.position < cursor.end);
	return reasonCodes;
}

function decodeUnsubscribe(cursor: Cursor, version: ProtocolVersion, codec: TextCodec): UnsubscribePacket {
	const packetId = cursor.packetId();
	const properties = cursor.properties(version, codec);
	const topicFilters: string[] = [];
	while (cursor.position < cursor.end) topicFilters.push(readTopicFilter(cursor, codec));
	if (topicFilters.length === 0) throw cursor.protocolError("no topic filter [MQTT-3.10.3-2]"); // 3.1.1: [MQTT-3.10.3-2]
	return { type: PacketType.UNSUBSCRIBE, packetId, properties, topicFilters };
}

function decodeUnsuback(cursor: Cursor, version: ProtocolVersion, codec: TextCodec): UnsubackPacket {
	const packetId = cursor.packetId();
	const properties = cursor.properties(version, codec);
	const reasonCodes = version === 5 ? readReasonCodes(cursor) : [];
	return { type: PacketType.UNSUBACK, packetId, properties, reasonCodes };
}

function decodeDisconnect(cursor: Cursor, version: ProtocolVersion, codec: TextCodec): DisconnectPacket {
	let reasonCode = 0;
	let properties: Properties | null = null;
	if (version === 5 && cursor.position < cursor.end) {
		reasonCode = readReasonCode(cursor);
		if (cursor.position < cursor.end) properties = cursor.properties(version, codec);
	}
	return { type: PacketType.DISCONNECT, reasonCode, properties };
}

function decodeAuth(cursor: Cursor, version: ProtocolVersion, codec: TextCodec): AuthPacket {
	if (version !== 5) throw cursor.malformed("there is none below 5.0");
	let reasonCode = 0;
	let properties: Properties | null = null;
	if (cursor.position < cursor.end) {
		reasonCode = readReasonCode(cursor);
		properties = cursor.properties(version, codec);
		// Success without properties may be left out altogether, so that it needs no method.
		const isBare = reasonCode === 0 && properties === null;
		if (!isBare && properties?.authenticationMethod === undefined) {
			throw cursor.protocolError("no authentication method (section 3.15.2.2.2)");
		}
	}
	return { type: PacketType.AUTH, reasonCode, properties };
}
