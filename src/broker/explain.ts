/** Reason strings: why something failed, for clients that ask for it (Request Problem Information 1 in CONNECT). */

import type { AckPacket, ConnackPacket, DisconnectPacket, SubackPacket } from "../packet/packet.ts";
import type { Client } from "./client.ts";

/** What has a reason string to say that something failed. */
type Failure = AckPacket | ConnackPacket | DisconnectPacket | SubackPacket;

/**
 * Sends what says that something failed: with the text when the client asked for such, and as far as it takes so much.
 * False when it is longer than what the client takes even without.
 *
 * A client that does not say gets none, though it may: as from mosquitto, whose answers its tests compare octet by octet.
 */
export function sendFailure(client: Client, packet: Failure, reasonString: string): boolean {
	// [MQTT-3.1.2-29] [MQTT-3.2.2-19] [MQTT-3.4.2-2] [MQTT-3.5.2-2] [MQTT-3.6.2-2] [MQTT-3.7.2-2] [MQTT-3.9.2-1] [MQTT-3.14.2-3]
	if (client.wantsReasons && client.send({ ...packet, properties: { ...packet.properties, reasonString } })) {
		return true;
	}
	return client.send(packet);
}

/** The same of an acknowledgement. */
export function sendFailedAck(
	client: Client,
	type: AckPacket["type"],
	packetId: number,
	reasonCode: number,
	reasonString: string,
): void {
	if (client.wantsReasons)
		sendFailure(client, { type, packetId, reasonCode, properties: null }, reasonString);
	else client.sendAck(type, packetId, reasonCode);
}
