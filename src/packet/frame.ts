/** The fixed header (section 2.1): where a packet begins and ends. */

import { type PacketType, PacketType as Type } from "./packets.ts";
import { ownerName } from "./properties.ts";
import { MqttError, malformed, Reason } from "./reasons.ts";

/** The largest whole packet: a remaining length of 268,435,455, four octets of length and one of type. */
export const MAXIMUM_PACKET_SIZE = 268_435_460;

/**
 * The octets of the packet that begins at `start`, fixed header included; the caller compares them with what it
 * has. 0 when `bytes[start, end)` ends within the fixed header.
 * Throws an MqttError: MALFORMED_PACKET for packet type 0 or a remaining length of more than four octets,
 * PACKET_TOO_LARGE when the packet is larger than `maximum`, before its body has arrived.
 */
export function frameLength(bytes: Uint8Array, start: number, end: number, maximum: number): number {
	if (end - start < 2) return 0;
	if (bytes[start]! < 0x10) throw malformed("packet type 0 is reserved");
	let octet = bytes[start + 1]!;
	let total = octet + 2;
	if (octet > 127) {
		total = (octet & 127) + 2;
		let position = start + 2;
		let scale = 128;
		do {
			if (position - start > 4) throw malformed("remaining length of more than four octets");
			if (position === end) return 0;
			octet = bytes[position++]!;
			total += (octet & 127) * scale + 1;
			scale *= 128;
		} while (octet > 127);
	}
	if (total > maximum) {
		throw new MqttError(
			Reason.PACKET_TOO_LARGE,
			`${ownerName(bytes[start]! >> 4)} of ${total} octets is larger than the maximum, ${maximum}`,
		);
	}
	return total;
}

/**
 * Where the body of the whole frame at `start` begins. In 5.0 a remaining length that is not in its shortest form
 * is malformed ([MQTT-1.5.5-1]); before, padded lengths are allowed, and some small devices send them.
 */
export function bodyStart(bytes: Uint8Array, start: number, version: number): number {
	let position = start + 1;
	while (bytes[position]! > 127) position++;
	if (version === 5 && bytes[position] === 0 && position > start + 1) {
		throw malformed(`${ownerName(bytes[start]! >> 4)}: padded remaining length [MQTT-1.5.5-1]`);
	}
	return position + 1;
}

/** The flags that a packet type other than PUBLISH must have ([MQTT-2.1.3-1]; 3.1.1: [MQTT-2.2.2-1], [MQTT-2.2.2-2]). */
export function requiredFlags(type: PacketType): number {
	// 3.1.1: [MQTT-3.6.1-1], [MQTT-3.8.1-1], [MQTT-3.10.1-1]
	// [MQTT-3.6.1-1] [MQTT-3.8.1-1] [MQTT-3.10.1-1]
	return type === Type.PUBREL || type === Type.SUBSCRIBE || type === Type.UNSUBSCRIBE ? 2 : 0;
}
