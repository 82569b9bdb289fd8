/** PUBACK, PUBREC, PUBREL and PUBCOMP from a client. */

import { type AckView, MqttError, Reason, readAck } from "../packet/packet.ts";
import type { Client } from "./client.ts";
import {
	ACK_NAMES,
	AWAITING_PUBACK,
	AWAITING_PUBCOMP,
	FAILURE,
	PACKET_IDENTIFIER_NOT_FOUND,
	PUBACK,
	PUBCOMP,
	PUBCOMP_HEADER,
	PUBREC,
	PUBREL,
	PUBREL_HEADER,
} from "./constants.ts";
import { sendFailedAck } from "./explain.ts";

const view: AckView = { packetId: 0, reasonCode: 0 };

/** Any acknowledgement, also one that `takeAck` has left. */
export function handleAck(client: Client, bytes: Uint8Array, start: number, end: number): void {
	readAck(bytes, start, end, client.version, view);
	const type = bytes[start]! >> 4;
	const { packetId, reasonCode } = view;
	if (client.broker.tracing) traceReceived(client, type);
	const refused = type === PUBREC && reasonCode >= FAILURE;
	const known = refused ? client.session.received(packetId, true) : takeAck(client, type, packetId); // [MQTT-4.3.3-4]
	if (known) return;
	if (type !== PUBREL && client.session.hasUnderWay(packetId)) {
		const text = `${ACK_NAMES[type - PUBACK]} is no answer to message ${packetId} as it was sent`;
		throw new MqttError(Reason.PROTOCOL_ERROR, text);
	}
	// Reasons of their own: [MQTT-3.6.2-1], [MQTT-3.7.2-1].
	if (type === PUBREC) {
		const what = `Received PUBREC from ${client.name} for an unknown packet identifier ${packetId}.`;
		client.broker.log.write("warning", `Warning: ${what}`);
		if (!refused) answerUnknown(client, PUBREL, packetId);
	}
	if (type === PUBREL) answerUnknown(client, PUBCOMP, packetId); // [MQTT-4.3.3-11]
}

function answerUnknown(client: Client, type: 6 | 7, packetId: number): void {
	const text = "no message of that packet identifier is under way";
	client.traceAck(type, packetId, PACKET_IDENTIFIER_NOT_FOUND);
	sendFailedAck(client, type, packetId, PACKET_IDENTIFIER_NOT_FOUND, text);
}

/** As mosquitto writes it, with a reason code for the last step of a flow only. */
function traceReceived(client: Client, type: number): void {
	const code = type === PUBACK || type === PUBCOMP ? `, RC:${view.reasonCode}` : "";
	client.trace(`Received ${ACK_NAMES[type - PUBACK]} from`, `(Mid: ${view.packetId}${code})`);
}

/**
 * Takes the flow of a message a step on, and answers. False, having done nothing, when the packet identifier is not
 * in use so.
 */
export function takeAck(client: Client, type: number, packetId: number): boolean {
	const session = client.session;
	if (type === PUBACK) return session.complete(packetId, AWAITING_PUBACK);
	if (type === PUBCOMP) return session.complete(packetId, AWAITING_PUBCOMP);
	if (type === PUBREC) {
		if (!session.received(packetId, false)) return false;
		answer(client, PUBREL_HEADER, packetId); // [MQTT-4.3.3-4] (3.1.1: [MQTT-4.3.3-1], [MQTT-4.6.0-4])
		return true;
	}
	if (!session.incoming.delete(packetId)) return false; // [MQTT-4.3.3-12] (3.1.1: [MQTT-4.3.3-2])
	session.entry?.release(packetId);
	answer(client, PUBCOMP_HEADER, packetId); // [MQTT-4.3.3-11] [MQTT-4.3.3-13]
	return true;
}

/** At once, or when the step is on the disk: the other side forgets what comes before it. */
function answer(client: Client, header: number, packetId: number): void {
	const { session } = client;
	if (session.entry?.urgent) session.keeper!.holdAnswer(client, header, packetId);
	else client.answer(header, packetId);
}
