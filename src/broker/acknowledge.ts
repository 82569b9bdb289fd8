/** PUBACK, PUBREC, PUBREL and PUBCOMP from a client. */

import { type AckView, PacketType, Reason, readAck } from "../packet/packet.ts";
import type { Client } from "./client.ts";
import { OutgoingState } from "./session.ts";

const view: AckView = { packetId: 0, reasonCode: 0 };
const NAMES = ["PUBACK", "PUBREC", "PUBREL", "PUBCOMP"];

export function handleAck(client: Client, bytes: Uint8Array, start: number, end: number): void {
	readAck(bytes, start, end, client.version, view);
	const type = bytes[start]! >> 4;
	const { packetId, reasonCode } = view;
	const { session } = client;
	if (client.broker.tracing) {
		const name = NAMES[type - PacketType.PUBACK];
		client.trace(`Received ${name} from`, `(Mid: ${packetId}, RC:${reasonCode})`);
	}
	let known: boolean;
	switch (type) {
		case PacketType.PUBACK:
			known = session.complete(packetId, OutgoingState.PUBACK);
			break;
		case PacketType.PUBCOMP:
			known = session.complete(packetId, OutgoingState.PUBCOMP);
			break;
		case PacketType.PUBREC: {
			const refused = reasonCode >= 0x80;
			known = session.received(packetId, refused);
			if (refused) break; // [MQTT-4.3.3-4]
			if (known || client.version < 5) client.sendRelease(packetId);
			else client.sendAck(PacketType.PUBREL, packetId, Reason.PACKET_IDENTIFIER_NOT_FOUND);
			break;
		}
		default: {
			known = session.incoming.delete(packetId);
			const reason = known || client.version < 5 ? Reason.SUCCESS : Reason.PACKET_IDENTIFIER_NOT_FOUND;
			client.trace("Sending PUBCOMP to", `(m${packetId})`);
			client.sendAck(PacketType.PUBCOMP, packetId, reason); // [MQTT-4.3.3-11]
		}
	}
	if (!known) client.trace(`Unexpected ${NAMES[type - PacketType.PUBACK]} from`, `(Mid: ${packetId})`);
}
