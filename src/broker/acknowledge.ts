/** PUBACK, PUBREC, PUBREL and PUBCOMP from a client. */

import { type AckView, readAck } from "../packet/packet.ts";
import type { Client } from "./client.ts";
import {
	AWAITING_PUBACK,
	AWAITING_PUBCOMP,
	FAILURE,
	PACKET_IDENTIFIER_NOT_FOUND,
	PUBACK,
	PUBCOMP,
	PUBREC,
	PUBREL,
	SUCCESS,
} from "./constants.ts";

const view: AckView = { packetId: 0, reasonCode: 0 };
const NAMES = ["PUBACK", "PUBREC", "PUBREL", "PUBCOMP"];

export function handleAck(client: Client, bytes: Uint8Array, start: number, end: number): void {
	readAck(bytes, start, end, client.version, view);
	const type = bytes[start]! >> 4;
	const { packetId, reasonCode } = view;
	if (client.broker.tracing) {
		client.trace(`Received ${NAMES[type - PUBACK]} from`, `(Mid: ${packetId}, RC:${reasonCode})`);
	}
	if (!advance(client, type, packetId, reasonCode)) {
		client.trace(`Unexpected ${NAMES[type - PUBACK]} from`, `(Mid: ${packetId})`);
	}
}

/** Takes the flow a step on, and answers. False when the packet identifier is not in use so. */
function advance(client: Client, type: number, packetId: number, reasonCode: number): boolean {
	const { session } = client;
	if (type === PUBACK) return session.complete(packetId, AWAITING_PUBACK);
	if (type === PUBCOMP) return session.complete(packetId, AWAITING_PUBCOMP);
	if (type === PUBREC) {
		const refused = reasonCode >= FAILURE;
		const known = session.received(packetId, refused);
		if (refused) return known; // [MQTT-4.3.3-4]
		if (client.broker.tracing) client.trace("Sending PUBREL to", `(m${packetId})`);
		client.sendAck(PUBREL, packetId, known ? SUCCESS : PACKET_IDENTIFIER_NOT_FOUND);
		return known;
	}
	const known = session.incoming.delete(packetId);
	if (client.broker.tracing) client.trace("Sending PUBCOMP to", `(m${packetId})`);
	client.sendAck(PUBCOMP, packetId, known ? SUCCESS : PACKET_IDENTIFIER_NOT_FOUND); // [MQTT-4.3.3-11]
	return known;
}
