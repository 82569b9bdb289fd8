/** Packets that are not of the hot path: what each one is for, and which of them may come first. */

import { decodePacket, MqttError, PacketType, Reason } from "../packet/packet.ts";
import { handleAuth } from "./auth.ts";
import type { Client } from "./client.ts";
import { handleConnect } from "./connect.ts";
import { AUTHENTICATING, CONNECTED } from "./constants.ts";
import { handleSubscribe, handleUnsubscribe } from "./subscribe.ts";

/** What TLS begins with: a record of type handshake, and the version's first octet. No CONNECT looks like that. */
const TLS_HANDSHAKE = 22;
const TLS_MAJOR = 3;

/** Any packet of a client that is not let in yet. */
export function handleFirst(
	client: Client,
	type: number,
	bytes: Uint8Array,
	start: number,
	end: number,
): void {
	if (bytes[start] === TLS_HANDSHAKE && bytes[start + 1] === TLS_MAJOR) {
		const text = `Client from ${client.address} appears to be using TLS to connect to a non-TLS listener.`;
		client.broker.log.write("notice", text);
		client.broker.closeUnopened(client);
		return;
	}
	checkFirst(client, type);
	handlePacket(client, bytes, start, end);
}

/** Throws unless a packet of that type may come before the client is let in. */
export function checkFirst(client: Client, type: number): void {
	if (client.state !== AUTHENTICATING) {
		requireConnect(type);
	} else if (type !== PacketType.AUTH && type !== PacketType.DISCONNECT) {
		// [MQTT-3.1.2-30], and [MQTT-3.1.0-2]
		throw new MqttError(Reason.PROTOCOL_ERROR, "authentication goes on: neither AUTH nor DISCONNECT");
	}
}

function requireConnect(type: number): void {
	if (type !== PacketType.CONNECT) {
		throw new MqttError(Reason.PROTOCOL_ERROR, "the first packet is not CONNECT"); // [MQTT-3.1.0-1] (3.1.1: [MQTT-3.1.0-1])
	}
}

/** Packets that are not of the hot path. */
export function handlePacket(client: Client, bytes: Uint8Array, start: number, end: number): void {
	if (client.state === CONNECTED && bytes[start]! >> 4 === PacketType.CONNECT) {
		// Whatever is in it: [MQTT-3.1.0-2], 3.1.1: [MQTT-3.1.0-2]. So there is one CONNACK [MQTT-3.2.0-2].
		throw new MqttError(Reason.PROTOCOL_ERROR, "a second CONNECT");
	}
	const packet = decodePacket(bytes, start, end, client.version, client.broker.host.utf8);
	switch (packet.type) {
		case PacketType.CONNECT:
			handleConnect(client, packet);
			return;
		case PacketType.SUBSCRIBE:
			handleSubscribe(client, packet);
			return;
		case PacketType.UNSUBSCRIBE:
			handleUnsubscribe(client, packet);
			return;
		case PacketType.PINGREQ:
			client.trace("Received PINGREQ from");
			client.trace("Sending PINGRESP to");
			client.send({ type: PacketType.PINGRESP }); // [MQTT-3.12.4-1] (3.1.1: [MQTT-3.12.4-1])
			return;
		case PacketType.DISCONNECT:
			client.trace("Received DISCONNECT from");
			client.broker.clientDisconnected(client, packet);
			return;
		case PacketType.AUTH:
			handleAuth(client, packet);
			return;
		default:
			throw new MqttError(Reason.PROTOCOL_ERROR, "a packet that only a server sends");
	}
}
