/** CONNECT (section 3.1): decoding as a list of steps, and encoding. */

import { bodyStart } from "./frame.ts";
import { type ConnectPacket, PacketType, type ProtocolVersion, type Qos, type Will } from "./packets.ts";
import { WILL } from "./properties.ts";
import { Cursor } from "./read.ts";
import { MqttError, protocolError, Reason } from "./reasons.ts";
import type { TextCodec } from "./text.ts";
import { isValidTopicName } from "./topics.ts";
import {
	binaryLength,
	checkInteger,
	propertiesLength,
	textLength,
	writeBinary,
	writeProperties,
	writeText,
	writeUint16,
} from "./write.ts";

const RESERVED = 0x01;
const CLEAN_START = 0x02;
const WILL_FLAG = 0x04;
const WILL_QOS = 0x18;
const WILL_RETAIN = 0x20;
const PASSWORD = 0x40;
const USERNAME = 0x80;

/** The bit by which mosquitto's bridges mark the protocol level. */
const BRIDGE = 0x80;

/**
 * The protocol version that a CONNECT frame names, as far as it can be told; 0 otherwise. For the answer to a
 * CONNECT that `decodePacket` refused: only a 5.0 client understands a reason code. Throws nothing.
 */
export function connectVersion(bytes: Uint8Array, start: number, end: number): ProtocolVersion | 0 {
	const position = bodyStart(bytes, start, 0);
	const levelAt = position + 2 + ((bytes[position]! << 8) | bytes[position + 1]!);
	if (!(levelAt < end)) return 0;
	return versionOf(protocolName(bytes, position, levelAt), bytes[levelAt]!);
}

const NAME_3_1_1 = "MQTT";
/** Its octets. */
const MQTT = 0x4d51_5454;
const NAME_3_1 = "MQIsdp";

/** Whether the text at `start`, its length before it, is `MQTT`. */
function isMqtt(bytes: Uint8Array, start: number): boolean {
	return (
		((bytes[start]! << 8) | bytes[start + 1]!) === 4 &&
		((bytes[start + 2]! << 24) | (bytes[start + 3]! << 16) | (bytes[start + 4]! << 8) | bytes[start + 5]!) ===
			MQTT
	);
}

/** The protocol name in `bytes[start, end)`, with its length; empty when it is neither of the two. */
function protocolName(bytes: Uint8Array, start: number, end: number): string {
	if (isMqtt(bytes, start)) return NAME_3_1_1;
	if (end - start !== 2 + NAME_3_1.length) return "";
	for (let index = 0; index < NAME_3_1.length; index++) {
		if (bytes[start + 2 + index] !== NAME_3_1.charCodeAt(index)) return "";
	}
	return NAME_3_1;
}

function versionOf(name: string, level: number): ProtocolVersion | 0 {
	if (name === NAME_3_1) return (level & ~BRIDGE) === 3 ? 3 : 0;
	if (name !== NAME_3_1_1) return 0;
	if (level === 5) return 5;
	return (level & ~BRIDGE) === 4 ? 4 : 0;
}

/** Decodes the CONNECT frame `bytes[start, end)`. Throws an MqttError. */
export function readConnect(bytes: Uint8Array, start: number, end: number, codec: TextCodec): ConnectPacket {
	const body = bodyStart(bytes, start, 0);
	const cursor = new Cursor(bytes, body, end, PacketType.CONNECT);
	const level = readProtocol(cursor);
	const version = level === 5 ? 5 : ((level & ~BRIDGE) as ProtocolVersion);
	if (body > start + 2) bodyStart(bytes, start, version);
	if (version !== 3 && (bytes[start]! & 15) !== 0) throw cursor.malformed("reserved flags [MQTT-2.1.3-1]");
	const flags = readFlags(cursor, version);
	const keepAlive = cursor.uint16("keep alive");
	const properties = version === 5 ? cursor.properties(version, codec) : null;
	if (properties?.authenticationData !== undefined && properties.authenticationMethod === undefined) {
		throw cursor.protocolError("authentication data without a method (section 3.1.2.11.10)");
	}
	// Its parts come in one order: [MQTT-3.1.3-1], 3.1.1: [MQTT-3.1.3-1].
	const clientId = readClientId(cursor, version, flags, codec);
	// [MQTT-3.1.2-9] (3.1.1: [MQTT-3.1.2-9])
	const will = (flags & WILL_FLAG) === 0 ? null : readWill(cursor, version, flags, codec);
	// 3.1 lets the remaining length take precedence over both flags: what is missing was not sent.
	const missing = version === 3 && cursor.position === end;
	// [MQTT-3.1.2-17] [MQTT-3.1.3-12], 3.1.1: [MQTT-3.1.2-19], [MQTT-3.1.3-11]
	const username = (flags & USERNAME) === 0 || missing ? null : cursor.text("user name", codec);
	const ended = version === 3 && cursor.position === end;
	// 3.1.1: [MQTT-3.1.2-21]
	const password = (flags & PASSWORD) === 0 || ended ? null : cursor.binary("password"); // [MQTT-3.1.2-19]
	cursor.finish(); // [MQTT-3.1.2-16] [MQTT-3.1.2-18] (3.1.1: [MQTT-3.1.2-11], [MQTT-3.1.2-18], [MQTT-3.1.2-20])
	return {
		type: PacketType.CONNECT,
		version,
		bridge: level > 127,
		cleanStart: (flags & CLEAN_START) !== 0,
		keepAlive,
		clientId,
		will,
		username,
		password,
		properties,
	};
}

/** Reads the protocol name and returns the protocol level, one that goes with the name. */
function readProtocol(cursor: Cursor): number {
	const start = cursor.position;
	const level = cursor.bytes[start + 6];
	// As nearly all have it.
	if ((level === 4 || level === 5) && cursor.end > start + 6 && isMqtt(cursor.bytes, start)) {
		cursor.position = start + 7;
		return level;
	}
	return readOtherProtocol(cursor);
}

function readOtherProtocol(cursor: Cursor): number {
	const start = cursor.position;
	cursor.take(cursor.uint16("protocol name"), "protocol name");
	const name = protocolName(cursor.bytes, start, cursor.position);
	if (name === "") throw protocolError("CONNECT: the protocol name is not MQTT [MQTT-3.1.2-1]"); // 3.1.1: [MQTT-3.1.2-1]
	const level = cursor.uint8("protocol level");
	// 3.1.1: [MQTT-3.1.2-2]
	if (versionOf(name, level) === 0) {
		const text = `CONNECT: ${name} with protocol level ${level} [MQTT-3.1.2-2]`;
		throw new MqttError(Reason.UNSUPPORTED_PROTOCOL_VERSION, text);
	}
	return level;
}

function readFlags(cursor: Cursor, version: ProtocolVersion): number {
	const flags = cursor.uint8("connect flags");
	if ((flags & WILL_QOS) === WILL_QOS) throw cursor.malformed("will QoS 3 [MQTT-3.1.2-12]"); // 3.1.1: [MQTT-3.1.2-14]
	if (version !== 5 && (flags & (USERNAME | PASSWORD)) === PASSWORD) {
		throw cursor.malformed("password without user name (3.1.1: [MQTT-3.1.2-22])");
	}
	// In 3.1 the rest has no meaning, and is not looked at.
	if (version === 3) return flags;
	if ((flags & RESERVED) !== 0) throw cursor.malformed("reserved connect flag [MQTT-3.1.2-3]"); // 3.1.1: [MQTT-3.1.2-3]
	if ((flags & WILL_FLAG) === 0) {
		// 3.1.1: [MQTT-3.1.2-11], [MQTT-3.1.2-13], [MQTT-3.1.2-15]
		if ((flags & WILL_QOS) !== 0) throw cursor.malformed("will QoS without a will [MQTT-3.1.2-11]");
		if ((flags & WILL_RETAIN) !== 0) throw cursor.malformed("will retain without a will [MQTT-3.1.2-13]");
	}
	return flags;
}

function readClientId(cursor: Cursor, version: ProtocolVersion, flags: number, codec: TextCodec): string {
	// [MQTT-3.1.3-3] [MQTT-3.1.3-4] (3.1.1: [MQTT-3.1.3-3], [MQTT-3.1.3-4])
	const clientId = cursor.text("client identifier", codec);
	// Any length and any characters will do: [MQTT-3.1.3-5], 3.1.1: [MQTT-3.1.3-5].
	// [MQTT-3.1.3-6]; below 5.0 only where the session need not be found again
	if (clientId === "" && (version === 3 || (version === 4 && (flags & CLEAN_START) === 0))) {
		const text = "CONNECT: empty client identifier without a clean session (3.1.1: [MQTT-3.1.3-8])";
		throw new MqttError(Reason.CLIENT_IDENTIFIER_NOT_VALID, text);
	}
	return clientId;
}

function readWill(cursor: Cursor, version: ProtocolVersion, flags: number, codec: TextCodec): Will {
	const properties = cursor.properties(version, codec, WILL);
	const topic = cursor.text("will topic", codec); // [MQTT-3.1.3-11] (3.1.1: [MQTT-3.1.3-10])
	if (!isValidTopicName(topic)) throw cursor.malformed("will topic is empty or has a wildcard");
	const payload = cursor.binary("will payload");
	return {
		topic,
		payload,
		qos: ((flags & WILL_QOS) >> 3) as Qos,
		retain: (flags & WILL_RETAIN) !== 0,
		properties,
	};
}

/** The octets of a CONNECT's body. Throws a RangeError for what cannot be written. */
export function connectLength(packet: ConnectPacket, codec: TextCodec): number {
	const { version, will, username, password } = packet;
	if (version !== 5 && password !== null && username === null) {
		throw new RangeError("a password needs a user name below 5.0");
	}
	if (version === 5 && packet.bridge) throw new RangeError("5.0 has no bridge flag");
	checkInteger(packet.keepAlive, 0, 65_535, "keep alive");
	let length = version === 3 ? 12 : 10;
	length += propertiesLength(packet.properties, PacketType.CONNECT, version, codec);
	length += textLength(packet.clientId, "client identifier", codec);
	if (will !== null) {
		checkInteger(will.qos, 0, 2, "will QoS");
		length += propertiesLength(will.properties, WILL, version, codec);
		length += textLength(will.topic, "will topic", codec);
		length += binaryLength(will.payload, "will payload");
	}
	if (username !== null) length += textLength(username, "user name", codec);
	if (password !== null) length += binaryLength(password, "password");
	return length;
}

/** Writes a CONNECT's body and returns the position after it. */
export function writeConnect(
	packet: ConnectPacket,
	bytes: Uint8Array,
	position: number,
	codec: TextCodec,
): number {
	const { version, will, username, password } = packet;
	position = writeText(bytes, position, version === 3 ? NAME_3_1 : NAME_3_1_1, codec); // [MQTT-3.1.2-1]
	bytes[position++] = packet.bridge ? version | BRIDGE : version;
	let flags = packet.cleanStart ? CLEAN_START : 0;
	if (will !== null) flags |= WILL_FLAG | (will.qos << 3) | (will.retain ? WILL_RETAIN : 0);
	if (username !== null) flags |= USERNAME;
	if (password !== null) flags |= PASSWORD;
	bytes[position++] = flags;
	position = writeUint16(bytes, position, packet.keepAlive);
	position = writeProperties(bytes, position, packet.properties, PacketType.CONNECT, version, codec);
	position = writeText(bytes, position, packet.clientId, codec); // [MQTT-3.1.3-1]
	if (will !== null) {
		position = writeProperties(bytes, position, will.properties, WILL, version, codec);
		position = writeText(bytes, position, will.topic, codec);
		position = writeBinary(bytes, position, will.payload);
	}
	if (username !== null) position = writeText(bytes, position, username, codec);
	if (password !== null) position = writeBinary(bytes, position, password);
	return position;
}
