/** PUBLISH (section 3.3) for the hot path: read in place and written from parts, without an object in between. */

import { bodyStart } from "./frame.ts";
import { PacketType, type Properties, type ProtocolVersion } from "./packets.ts";
import { Cursor } from "./read.ts";
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
	// An interpreter checks at each use that a `let` was initialized; `start` moves on instead, at half the cost.
	start = bytes[start + 1]! < 128 ? start + 2 : bodyStart(bytes, start, version);
	if (end - start < 2) throw malformed("PUBLISH: ends within its topic");
	view.topicStart = start + 2; // [MQTT-3.3.2-1] (3.1.1: [MQTT-3.3.2-1])
	start += ((bytes[start]! << 8) | bytes[start + 1]!) + 2;
	if (start > end) throw malformed("PUBLISH: ends within its topic");
	view.topicEnd = start;
	// 3.1.1: [MQTT-4.7.3-1]
	if (start === view.topicStart && version !== 5) throw malformed("PUBLISH: empty topic [MQTT-4.7.3-1]");
	if ((header & 6) === 0) {
		// 3.1.1: [MQTT-3.3.1-2]
		if ((header & 8) !== 0 && version !== 3) throw malformed("PUBLISH: DUP at QoS 0 [MQTT-3.3.1-2]");
		// 3.1 says nothing of DUP at QoS 0; it has no meaning there.
		view.dup = false;
		view.qos = 0;
		view.packetId = 0; // [MQTT-2.2.1-2] (3.1.1: [MQTT-2.3.1-5])
	} else {
		if ((header & 6) === 6) throw malformed("PUBLISH: QoS 3 [MQTT-3.3.1-4]"); // 3.1.1: [MQTT-3.3.1-4]
		if (end - start < 2) throw malformed("PUBLISH: ends within its packet identifier");
		view.dup = (header & 8) !== 0;
		view.qos = (header & 6) >> 1;
		view.packetId = (bytes[start]! << 8) | bytes[start + 1]!;
		// 3.1.1: [MQTT-2.3.1-1]
		if (view.packetId === 0) throw protocolError("PUBLISH: packet identifier 0 [MQTT-2.2.1-3]");
		start += 2;
	}
	view.retain = (header & 1) !== 0;
	view.propertiesStart = start;
	if (version === 5) {
		if (start < end && bytes[start]! < 128) {
			view.propertiesStart = start + 1;
			start += bytes[start]! + 1;
		} else start = longPropertiesEnd(bytes, start, end, view);
		if (start > end) throw malformed("PUBLISH: ends within its properties");
	}
	view.propertiesEnd = start;
	view.payloadStart = start;
	view.payloadEnd = end;
}

/** Reads a property length of several octets, sets `propertiesStart` and returns where the properties end. */
function longPropertiesEnd(bytes: Uint8Array, start: number, end: number, view: PublishView): number {
	const cursor = new Cursor(bytes, start, end, PacketType.PUBLISH);
	const length = cursor.variable("property length");
	view.propertiesStart = cursor.position;
	return cursor.position + length;
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
	const listLength =
		properties === null || version !== 5 ? 0 : propertyListLength(properties, PacketType.PUBLISH, codec);
	const remaining = remainingLength(source, source.topic.length, version, qos, listLength);
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
	// Calls cost most here, so that the usual short lengths make none.
	const listLength =
		properties === null || version !== 5 ? 0 : propertyListLength(properties, PacketType.PUBLISH, codec);
	const topic = source.topic;
	const topicLength = topic.length;
	const remaining = remainingLength(source, topicLength, version, qos, listLength);
	// Past the end there is no octet to compare. An interpreter's `length` of a typed array is a slow call.
	let position = offset + 1 + (remaining < 128 ? 1 : variableLength(remaining));
	if (!(bytes[position + remaining - 1]! >= 0)) throw new RangeError("PUBLISH does not fit into the buffer");
	bytes[offset] = 0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0);
	if (remaining < 128) bytes[offset + 1] = remaining;
	else writeVariable(bytes, offset + 1, remaining);
	bytes[position] = topicLength >> 8;
	bytes[position + 1] = topicLength;
	position += 2;
	bytes.set(topic, position);
	position += topicLength;
	// [MQTT-2.2.1-2] (3.1.1: [MQTT-2.3.1-5])
	if (qos !== 0) {
		bytes[position] = packetId >> 8;
		bytes[position + 1] = packetId;
		position += 2;
	}
	if (version === 5) {
		if (listLength === 0) bytes[position++] = 0;
		else {
			position = writeVariable(bytes, position, listLength);
			position = writePropertyList(bytes, position, properties!, PacketType.PUBLISH, codec);
		}
	}
	const { payload, payloadStart, payloadEnd } = source;
	// A whole payload needs no view of it.
	if (payloadStart === 0 && payloadEnd === payload.length) bytes.set(payload, position);
	else if (payloadEnd > payloadStart) bytes.set(payload.subarray(payloadStart, payloadEnd), position);
	return position + payloadEnd - payloadStart;
}

function remainingLength(
	source: PublishSource,
	topicLength: number,
	version: number,
	qos: number,
	listLength: number,
): number {
	let length = 2 + topicLength + source.payloadEnd - source.payloadStart;
	if (qos !== 0) length += 2;
	if (version === 5) length += (listLength === 0 ? 1 : variableLength(listLength)) + listLength;
	return length;
}
