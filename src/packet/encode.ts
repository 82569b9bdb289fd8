/** A packet object of any type straight into a caller's buffer. */

import { connectLength, writeConnect } from "./connect.ts";
import { requiredFlags } from "./frame.ts";
import {
	type AckPacket,
	type AuthPacket,
	type DisconnectPacket,
	type Packet,
	PacketType,
	type ProtocolVersion,
	type SubscriptionRequest,
} from "./packets.ts";
import { ownerName } from "./properties.ts";
import { returnCodeFor } from "./reasons.ts";
import type { TextCodec } from "./text.ts";
import {
	checkInteger,
	propertiesLength,
	textLength,
	variableLength,
	writeProperties,
	writeText,
	writeUint16,
	writeVariable,
} from "./write.ts";

/**
 * The octets that `encodePacket` will write. A CONNECT's own version counts, not `version`.
 * Throws a RangeError for a value that its field cannot hold.
 */
export function encodedLength(packet: Packet, version: ProtocolVersion, codec: TextCodec): number {
	const length = bodyLength(packet, versionFor(packet, version), codec);
	return 1 + variableLength(length) + length;
}

/**
 * Writes `packet` to `bytes` from `offset` and returns the position after it. Properties that the packet type does
 * not have are left out, and so is below 5.0 whatever only 5.0 has; a CONNACK's 5.0 reason code becomes the return
 * code that says the same. Throws a RangeError, having written nothing, when the packet does not fit or a value is
 * out of its field's range.
 */
export function encodePacket(
	packet: Packet,
	version: ProtocolVersion,
	bytes: Uint8Array,
	offset: number,
	codec: TextCodec,
): number {
	version = versionFor(packet, version);
	const length = bodyLength(packet, version, codec);
	if (offset + 1 + variableLength(length) + length > bytes.length) {
		throw new RangeError(`${ownerName(packet.type)} does not fit into the buffer`);
	}
	bytes[offset] = (packet.type << 4) | flagsOf(packet);
	return writeBody(packet, version, bytes, writeVariable(bytes, offset + 1, length), codec);
}

function versionFor(packet: Packet, version: ProtocolVersion): ProtocolVersion {
	return packet.type === PacketType.CONNECT ? packet.version : version;
}

function flagsOf(packet: Packet): number {
	if (packet.type !== PacketType.PUBLISH) return requiredFlags(packet.type);
	return (packet.dup ? 8 : 0) | (packet.qos << 1) | (packet.retain ? 1 : 0);
}

function bodyLength(packet: Packet, version: ProtocolVersion, codec: TextCodec): number {
	const { type } = packet;
	switch (type) {
		case PacketType.CONNECT:
			return connectLength(packet, codec);
		case PacketType.CONNACK:
			checkInteger(packet.reasonCode, 0, 255, "reason code");
			return 2 + propertiesLength(packet.properties, type, version, codec);
		case PacketType.PUBLISH: {
			let length = textLength(packet.topic, "topic", codec);
			if (checkInteger(packet.qos, 0, 2, "QoS") !== 0) length += packetIdLength(packet);
			else if (packet.dup) throw new RangeError("DUP at QoS 0"); // [MQTT-3.3.1-2]
			return length + propertiesLength(packet.properties, type, version, codec) + packet.payload.length;
		}
		case PacketType.PUBACK:
		case PacketType.PUBREC:
		case PacketType.PUBREL:
		case PacketType.PUBCOMP:
			return packetIdLength(packet) + reasonLength(packet, version, codec);
		case PacketType.SUBSCRIBE: {
			let length = packetIdLength(packet) + propertiesLength(packet.properties, type, version, codec);
			for (const request of packet.subscriptions) {
				checkInteger(request.qos, 0, 2, "QoS");
				checkInteger(request.retainHandling, 0, 2, "retain handling");
				length += 1 + textLength(request.topicFilter, "topic filter", codec);
			}
			return length;
		}
		case PacketType.SUBACK:
		case PacketType.UNSUBACK: {
			const length = packetIdLength(packet) + propertiesLength(packet.properties, type, version, codec);
			for (const code of packet.reasonCodes) checkInteger(code, 0, 255, "reason code");
			return type === PacketType.UNSUBACK && version !== 5 ? length : length + packet.reasonCodes.length;
		}
		case PacketType.UNSUBSCRIBE: {
			let length = packetIdLength(packet) + propertiesLength(packet.properties, type, version, codec);
			for (const topicFilter of packet.topicFilters) length += textLength(topicFilter, "topic filter", codec);
			return length;
		}
		case PacketType.PINGREQ:
		case PacketType.PINGRESP:
			return 0;
		case PacketType.DISCONNECT:
		case PacketType.AUTH:
			return reasonLength(packet, version, codec);
	}
}

function packetIdLength(packet: { type: PacketType; packetId: number }): number {
	checkInteger(packet.packetId, 1, 65_535, `packet identifier of ${ownerName(packet.type)}`); // [MQTT-2.2.1-3]
	return 2;
}

type Reasoned = AckPacket | DisconnectPacket | AuthPacket;

/** The octets of a reason code and properties, in the shortest form that the packet type has. */
function reasonLength(packet: Reasoned, version: ProtocolVersion, codec: TextCodec): number {
	const { type, reasonCode, properties } = packet;
	checkInteger(reasonCode, 0, 255, "reason code");
	if (version !== 5) {
		if (type === PacketType.AUTH) throw new RangeError("there is no AUTH below 5.0");
		return 0;
	}
	const length = propertiesLength(properties, type, version, codec);
	if (length > 1) return 1 + length;
	if (reasonCode === 0) return 0;
	return type === PacketType.AUTH ? 2 : 1;
}

function writeBody(
	packet: Packet,
	version: ProtocolVersion,
	bytes: Uint8Array,
	position: number,
	codec: TextCodec,
): number {
	const { type } = packet;
	switch (type) {
		case PacketType.CONNECT:
			return writeConnect(packet, bytes, position, codec);
		case PacketType.CONNACK:
			// 3.1 has no session present flag.
			bytes[position++] = packet.sessionPresent && version !== 3 ? 1 : 0; // [MQTT-3.2.2-1]
			bytes[position++] = connackCode(packet.reasonCode, version);
			return writeProperties(bytes, position, packet.properties, type, version, codec);
		case PacketType.PUBLISH:
			position = writeText(bytes, position, packet.topic, codec); // [MQTT-3.3.2-1]
			if (packet.qos !== 0) position = writeUint16(bytes, position, packet.packetId); // [MQTT-2.2.1-2]
			position = writeProperties(bytes, position, packet.properties, type, version, codec);
			bytes.set(packet.payload, position);
			return position + packet.payload.length;
		case PacketType.PUBACK:
		case PacketType.PUBREC:
		case PacketType.PUBREL:
		case PacketType.PUBCOMP:
			return writeReason(packet, version, bytes, writeUint16(bytes, position, packet.packetId), codec);
		case PacketType.SUBSCRIBE:
			position = writeUint16(bytes, position, packet.packetId);
			position = writeProperties(bytes, position, packet.properties, type, version, codec);
			for (const request of packet.subscriptions) {
				position = writeText(bytes, position, request.topicFilter, codec);
				bytes[position++] = version === 5 ? subscriptionOptions(request) : request.qos;
			}
			return position;
		case PacketType.SUBACK:
		case PacketType.UNSUBACK:
			position = writeUint16(bytes, position, packet.packetId);
			position = writeProperties(bytes, position, packet.properties, type, version, codec);
			if (type === PacketType.UNSUBACK && version !== 5) return position;
			// Below 5.0 there is one code for every failure (3.1.1: [MQTT-3.9.3-2]).
			for (const code of packet.reasonCodes) bytes[position++] = version === 5 || code < 128 ? code : 128;
			return position;
		case PacketType.UNSUBSCRIBE:
			position = writeUint16(bytes, position, packet.packetId);
			position = writeProperties(bytes, position, packet.properties, type, version, codec);
			for (const topicFilter of packet.topicFilters) {
				position = writeText(bytes, position, topicFilter, codec);
			}
			return position;
		case PacketType.PINGREQ:
		case PacketType.PINGRESP:
			return position;
		case PacketType.DISCONNECT:
		case PacketType.AUTH:
			return writeReason(packet, version, bytes, position, codec);
	}
}

function connackCode(reasonCode: number, version: ProtocolVersion): number {
	return version === 5 || reasonCode <= 5 ? reasonCode : returnCodeFor(reasonCode);
}

function subscriptionOptions(request: SubscriptionRequest): number {
	return (
		request.qos |
		(request.noLocal ? 4 : 0) |
		(request.retainAsPublished ? 8 : 0) |
		(request.retainHandling << 4)
	);
}

function writeReason(
	packet: Reasoned,
	version: ProtocolVersion,
	bytes: Uint8Array,
	position: number,
	codec: TextCodec,
): number {
	const length = reasonLength(packet, version, codec);
	if (length === 0) return position;
	bytes[position++] = packet.reasonCode;
	if (length === 1) return position;
	return writeProperties(bytes, position, packet.properties, packet.type, version, codec);
}
