/** PUBLISH (section 3.3) for the hot path: read in place and written from parts, without an object in between. */

import { bodyStart } from "./frame.ts";
import { PacketType, type Properties, type ProtocolVersion } from "./packets.ts";
import { malformed, protocolError } from "./reasons.ts";
import type { TextCodec } from "./text.ts";
import { propertyListLength, variableLength, writePropertyList, writeVariable } from "./write.ts";

/** Where the parts of a PUBLISH are. One long-lived object is filled again and again. Positions are absolute. */
export class PublishView {
	dup = false;
	qos = 0;
	retain = false;
	/** 0 at QoS 0. */
	packetId = 0;
	topicStart = 0;
	topicEnd = 0;
	/** The property list without its length; empty when there is none, and below 5.0. */
	propertiesStart = 0;
	propertiesEnd = 0;
	payloadStart = 0;
	payloadEnd = 0;
}

/**
 * Fills `view` from the whole PUBLISH `bytes[start, end)`, fixed header included. Checks lengths, QoS, DUP, the
 * packet identifier and, below 5.0, that there is a topic. The topic's UTF-8 and wildcards and the properties are
 * left to the caller, who may know the topic's octets already. Throws an MqttError.
 */
export function readPublish(
	bytes: Uint8Array,
	start: number,
	end: number,
	version: ProtocolVersion,
	view: PublishView,
): void {
	const header = bytes[start]!;
	const qos = (header >> 1) & 3;
	if (qos === 3) throw malformed("PUBLISH: QoS 3 [MQTT-3.3.1-4]");
	let dup = (header & 8) !== 0;
	if (dup && qos === 0) {
		// 3.1 does not forbid it; there it says nothing.
		if (version !== 3) throw malformed("PUBLISH: DUP at QoS 0 [MQTT-3.3.1-2]");
		dup = false;
	}
	let position = bytes[start + 1]! < 128 ? start + 2 : bodyStart(bytes, start, version);
	if (end - position < 2) throw malformed("PUBLISH: ends within its topic");
	const topicStart = position + 2;
	position = topicStart + ((bytes[position]! << 8) | bytes[position + 1]!);
	if (position > end) throw malformed("PUBLISH: ends within its topic");
	if (position === topicStart && version !== 5) throw malformed("PUBLISH: empty topic [MQTT-4.7.3-1]");
	view.topicStart = topicStart;
	view.topicEnd = position;
	let packetId = 0;
	if (qos !== 0) {
		if (end - position < 2) throw malformed("PUBLISH: ends within its packet identifier");
		packetId = (bytes[position]! << 8) | bytes[position + 1]!;
		if (packetId === 0) throw protocolError("PUBLISH: packet identifier 0 [MQTT-2.2.1-3]");
		position += 2;
	}
	view.propertiesStart = position;
	if (version === 5) {
		let octet = position < end ? bytes[position]! : 255;
		if (octet < 128) {
			view.propertiesStart = ++position;
			position += octet;
		} else {
			let length = 0;
			let scale = 1;
			do {
				if (position === end) throw malformed("PUBLISH: ends within its property length");
				if (scale > 2_097_152) throw malformed("PUBLISH: property length of more than four octets");
				octet = bytes[position++]!;
				length += (octet & 127) * scale;
				scale *= 128;
			} while (octet > 127);
			if (octet === 0) throw malformed("PUBLISH: padded property length [MQTT-1.5.5-1]");
			view.propertiesStart = position;
			position += length;
		}
		if (position > end) throw malformed("PUBLISH: ends within its properties");
	}
	view.propertiesEnd = position;
	view.dup = dup;
	view.qos = qos;
	view.retain = (header & 1) !== 0;
	view.packetId = packetId;
	view.payloadStart = position;
	view.payloadEnd = end;
}

/** A publication as it is kept for forwarding. */
export interface PublishSource {
	/** The encoded topic name, without its length. */
	topic: Uint8Array;
	payload: Uint8Array;
	payloadStart: number;
	payloadEnd: number;
}

/**
 * The octets of a PUBLISH of `source` with `properties`, which do not matter below 5.0.
 * Throws a RangeError for a property out of its range.
 */
export function publishLength(
	source: PublishSource,
	version: ProtocolVersion,
	qos: number,
	properties: Properties | null,
	codec: TextCodec,
): number {
	const remaining = remainingLength(source, version, qos, listLengthOf(properties, version, codec));
	return 1 + variableLength(remaining) + remaining;
}

/**
 * Writes a PUBLISH of `source` to `bytes` from `offset` and returns the position after it. The packet identifier is
 * written as it is, so that it may be filled in later. Throws a RangeError, having written nothing, when it does
 * not fit.
 */
export function writePublish(
	bytes: Uint8Array,
	offset: number,
	source: PublishSource,
	version: ProtocolVersion,
	dup: boolean,
	qos: number,
	retain: boolean,
	packetId: number,
	properties: Properties | null,
	codec: TextCodec,
): number {
	const listLength = listLengthOf(properties, version, codec);
	const remaining = remainingLength(source, version, qos, listLength);
	if (offset + 1 + variableLength(remaining) + remaining > bytes.length) {
		throw new RangeError("PUBLISH does not fit into the buffer");
	}
	bytes[offset] = (PacketType.PUBLISH << 4) | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0);
	let position = writeVariable(bytes, offset + 1, remaining);
	const topic = source.topic;
	const topicLength = topic.length;
	bytes[position] = topicLength >> 8;
	bytes[position + 1] = topicLength;
	bytes.set(topic, position + 2);
	position += 2 + topicLength;
	if (qos !== 0) {
		bytes[position] = packetId >> 8;
		bytes[position + 1] = packetId;
		position += 2;
	}
	if (version === 5) {
		position = writeVariable(bytes, position, listLength);
		if (listLength !== 0) {
			position = writePropertyList(bytes, position, properties!, PacketType.PUBLISH, codec);
		}
	}
	const { payload, payloadStart, payloadEnd } = source;
	if (payloadStart === 0 && payloadEnd === payload.length) bytes.set(payload, position);
	else if (payloadEnd > payloadStart) bytes.set(payload.subarray(payloadStart, payloadEnd), position);
	return position + payloadEnd - payloadStart;
}

function listLengthOf(properties: Properties | null, version: number, codec: TextCodec): number {
	return version !== 5 || properties === null ? 0 : propertyListLength(properties, PacketType.PUBLISH, codec);
}

function remainingLength(source: PublishSource, version: number, qos: number, listLength: number): number {
	let length = 2 + source.topic.length + source.payloadEnd - source.payloadStart;
	if (qos !== 0) length += 2;
	if (version === 5) length += variableLength(listLength) + listLength;
	return length;
}
