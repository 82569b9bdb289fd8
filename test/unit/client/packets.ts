/** Packets of a server, in few words. */

import {
	type AckPacket,
	type ConnackPacket,
	PacketType,
	type Properties,
	type PublishPacket,
	type SubackPacket,
} from "../../../src/packet/packet.ts";

export function connack(
	reasonCode = 0,
	sessionPresent = false,
	properties: Properties | null = null,
): ConnackPacket {
	return { type: PacketType.CONNACK, sessionPresent, reasonCode, properties };
}

export function ack(
	type: AckPacket["type"],
	packetId: number,
	reasonCode = 0,
	properties: Properties | null = null,
): AckPacket {
	return { type, packetId, reasonCode, properties };
}

export function publish(topic: string, text: string, more: Partial<PublishPacket> = {}): PublishPacket {
	return {
		type: PacketType.PUBLISH,
		dup: false,
		qos: 0,
		retain: false,
		topic,
		packetId: 0,
		properties: null,
		payload: new TextEncoder().encode(text),
		...more,
	};
}

export function suback(packetId: number, ...reasonCodes: number[]): SubackPacket {
	return { type: PacketType.SUBACK, packetId, properties: null, reasonCodes };
}
