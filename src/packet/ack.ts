/** PUBACK, PUBREC, PUBREL and PUBCOMP (sections 3.4 to 3.7) for the hot path. */

import { bodyStart, requiredFlags } from "./frame.ts";
import { PacketType, type ProtocolVersion } from "./packets.ts";
import { ownerName } from "./properties.ts";
import { Cursor, skipProperties } from "./read.ts";
import { isReasonFor, malformed, protocolError } from "./reasons.ts";

/** What an acknowledgement says. One long-lived object is filled again and again. */
export interface AckView {
	packetId: number;
	/** 0 below 5.0. */
	reasonCode: number;
}

type AckType = 4 | 5 | 6 | 7;

/** 1 for each first octet that all versions allow. */
const FOUR_OCTETS = new Uint8Array(256);
for (const type of [PacketType.PUBACK, PacketType.PUBREC, PacketType.PUBREL, PacketType.PUBCOMP]) {
	FOUR_OCTETS[(type << 4) | requiredFlags(type)] = 1;
}

/**
 * Fills `view` from the whole PUBACK, PUBREC, PUBREL or PUBCOMP `bytes[start, end)`, fixed header included.
 * Properties are checked and passed over. Throws an MqttError.
 */
export function readAck(
	bytes: Uint8Array,
	start: number,
	end: number,
	version: ProtocolVersion,
	view: AckView,
): void {
	// Nearly all are four octets: they cost no call.
	if (bytes[start + 1] === 2 && end - start === 4 && FOUR_OCTETS[bytes[start]!] === 1) {
		view.reasonCode = 0;
		view.packetId = (bytes[start + 2]! << 8) | bytes[start + 3]!;
		if (view.packetId !== 0) return;
	}
	const position = readAckHead(bytes, start, end, version, view);
	if (end === position) return;
	const type = (bytes[start]! >> 4) as AckType;
	const cursor = new Cursor(bytes, position, end, type);
	const length = cursor.variable("property length");
	const list = cursor.take(length, "properties");
	skipProperties(bytes, list, list + length, type);
	cursor.finish();
}

/** As `readAck`, but stops before the property length and returns that position; it is `end` when there is none. */
export function readAckHead(
	bytes: Uint8Array,
	start: number,
	end: number,
	version: ProtocolVersion,
	view: AckView,
): number {
	const header = bytes[start]!;
	const type = (header >> 4) as AckType;
	const position = bytes[start + 1]! < 128 ? start + 2 : bodyStart(bytes, start, version);
	const length = end - position;
	if (length < 2) throw malformed(`${ownerName(type)}: ends within its packet identifier`);
	if (version !== 3 && (header & 15) !== requiredFlags(type)) {
		throw malformed(`${ownerName(type)}: reserved flags [MQTT-2.1.3-1]`); // 3.1.1: [MQTT-2.2.2-2], [MQTT-3.6.1-1]
	}
	const packetId = (bytes[position]! << 8) | bytes[position + 1]!;
	if (packetId === 0) throw protocolError(`${ownerName(type)}: packet identifier 0 [MQTT-2.2.1-3]`);
	view.packetId = packetId;
	view.reasonCode = 0;
	if (length === 2) return end;
	if (version !== 5) throw malformed(`${ownerName(type)}: ${length - 2} octets too many at its end`);
	const reasonCode = bytes[position + 2]!;
	// [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1]
	if (reasonCode !== 0 && !isReasonFor(type, reasonCode)) {
		throw protocolError(`${ownerName(type)}: reason code 0x${reasonCode.toString(16)} is not one of its own`);
	}
	view.reasonCode = reasonCode;
	return position + 3;
}

/**
 * Writes a PUBACK, PUBREC, PUBREL or PUBCOMP without properties to `bytes` from `offset` and returns the position
 * after it: 4 octets, or 5 for a reason code other than 0 in 5.0. Throws a RangeError when it does not fit.
 * So neither reason strings nor user properties are sent ([MQTT-3.1.2-29]): [MQTT-3.4.2-2], [MQTT-3.4.2-3],
 * [MQTT-3.5.2-2], [MQTT-3.5.2-3], [MQTT-3.6.2-2], [MQTT-3.6.2-3], [MQTT-3.7.2-2], [MQTT-3.7.2-3].
 */
export function writeAck(
	bytes: Uint8Array,
	offset: number,
	type: AckType,
	packetId: number,
	reasonCode: number,
	version: ProtocolVersion,
): number {
	// Past the end there is no octet to compare. An interpreter's `length` of a typed array is a slow call.
	if (!(bytes[offset + 3]! >= 0)) throw tooSmall(type);
	if (reasonCode !== 0 && version === 5) {
		if (!(bytes[offset + 4]! >= 0)) throw tooSmall(type);
		bytes[offset] = (type << 4) | requiredFlags(type);
		bytes[offset + 1] = 3;
		bytes[offset + 2] = packetId >> 8;
		bytes[offset + 3] = packetId;
		bytes[offset + 4] = reasonCode;
		return offset + 5;
	}
	bytes[offset] = type === PacketType.PUBREL ? 0x62 : type << 4;
	bytes[offset + 1] = 2;
	bytes[offset + 2] = packetId >> 8;
	bytes[offset + 3] = packetId;
	return offset + 4;
}

function tooSmall(type: AckType): RangeError {
	return new RangeError(`${ownerName(type)} does not fit into the buffer`);
}
