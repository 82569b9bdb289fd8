/** What must hold for any octets: the checks that the packet fuzzer makes on each input. */

import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import {
	connectVersion,
	decodePacket,
	encodedLength,
	encodePacket,
	frameLength,
	isValidTopicName,
	MqttError,
	type Packet,
	PacketType,
	type ProtocolVersion,
	PublishView,
	Reason,
	readAck,
	readProperties,
	readPublish,
} from "../../src/packet/packet.ts";
import { skipProperties } from "../../src/packet/read.ts";
import { textCodec } from "../fake/text.ts";

const MAXIMUM = 100_000;
const KNOWN_CODES = new Set<number>(Object.values(Reason));
const view = new PublishView();
const ack = { packetId: 0, reasonCode: 0 };
const buffer = new Uint8Array(MAXIMUM + 16);

/** What came of an input: how many frames decoded, how many were refused. */
export interface Outcome {
	decoded: number;
	refused: number;
}

/** Runs `action`; the reason code when it throws an MqttError, else its result. Any other error passes. */
function attempt<T>(action: () => T): { result: T } | { code: number } {
	try {
		return { result: action() };
	} catch (error) {
		if (!(error instanceof MqttError)) throw error;
		assert.ok(KNOWN_CODES.has(error.code) && error.code >= 0x80, `reason code ${error.code}`);
		assert.ok(error.message.length > 10, "an error says what was wrong");
		return { code: error.code };
	}
}

/** Takes `bytes` apart as a connection of `version` would, and checks every frame. Throws when something is wrong. */
export function check(bytes: Uint8Array, version: ProtocolVersion, outcome: Outcome): void {
	let start = 0;
	for (;;) {
		const from = start;
		const framed = attempt(() => frameLength(bytes, from, bytes.length, MAXIMUM));
		if ("code" in framed) {
			outcome.refused++;
			return;
		}
		const length = framed.result;
		if (length === 0 || start + length > bytes.length) return;
		assert.ok(length >= 2 && length <= MAXIMUM, `length ${length}`);
		checkFrame(bytes, start, start + length, version, outcome);
		start += length;
	}
}

function checkFrame(
	bytes: Uint8Array,
	start: number,
	end: number,
	version: ProtocolVersion,
	outcome: Outcome,
): void {
	const type = bytes[start]! >> 4;
	const whole = attempt(() => decodePacket(bytes, start, end, version, textCodec));
	if ("code" in whole) outcome.refused++;
	else {
		outcome.decoded++;
		assert.equal(whole.result.type, type);
		checkAgain(whole.result, version);
	}
	const expected = "code" in whole ? whole.code : null;
	if (type === PacketType.CONNECT) checkVersion(bytes, start, end, whole);
	else if (type === PacketType.PUBLISH) checkPublish(bytes, start, end, version, expected);
	else if (type >= PacketType.PUBACK && type <= PacketType.PUBCOMP) {
		const hot = attempt(() => readAck(bytes, start, end, version, ack));
		assert.equal("code" in hot ? hot.code : null, expected, "readAck agrees with decodePacket");
		if ("result" in whole) {
			const { packetId, reasonCode } = whole.result as { packetId: number; reasonCode: number };
			assert.deepEqual(ack, { packetId, reasonCode });
		}
	}
}

/** What was decoded encodes, and decodes to the same. */
function checkAgain(packet: Packet, version: ProtocolVersion): void {
	const length = encodedLength(packet, version, textCodec);
	const end = encodePacket(packet, version, buffer, 7, textCodec);
	assert.equal(end - 7, length, "the length that was announced");
	assert.equal(frameLength(buffer, 7, end, MAXIMUM + 8), length);
	const again = decodePacket(buffer, 7, end, version, textCodec);
	if (!isDeepStrictEqual(again, packet)) assert.deepEqual(again, packet);
}

function checkVersion(
	bytes: Uint8Array,
	start: number,
	end: number,
	whole: { result: Packet } | { code: number },
): void {
	const version = connectVersion(bytes, start, end);
	assert.ok(version === 0 || version === 3 || version === 4 || version === 5);
	if ("result" in whole) assert.equal((whole.result as { version: number }).version, version);
	else if (whole.code === Reason.UNSUPPORTED_PROTOCOL_VERSION) assert.equal(version, 0);
}

/** `readPublish` with the checks that it leaves to its caller refuses what `decodePacket` refuses. */
function checkPublish(
	bytes: Uint8Array,
	start: number,
	end: number,
	version: ProtocolVersion,
	expected: number | null,
): void {
	const hot = attempt(() => readPublish(bytes, start, end, version, view));
	if ("code" in hot) {
		assert.equal(hot.code, expected, "readPublish agrees with decodePacket");
		return;
	}
	const places = [start, view.topicStart, view.topicEnd, view.propertiesStart, view.propertiesEnd];
	places.push(view.payloadStart, view.payloadEnd);
	for (let index = 1; index < places.length; index++) assert.ok(places[index]! >= places[index - 1]!);
	assert.equal(view.payloadEnd, end);
	const { propertiesStart, propertiesEnd } = view;
	const read = attempt(() =>
		readProperties(bytes, propertiesStart, propertiesEnd, PacketType.PUBLISH, textCodec),
	);
	const skipped = attempt(() => skipProperties(bytes, propertiesStart, propertiesEnd, PacketType.PUBLISH));
	const topic = textCodec.decode(bytes, view.topicStart, view.topicEnd);
	const isEmpty = topic === "";
	const isTopic = topic !== null && (isEmpty ? version === 5 : isValidTopicName(topic));
	const lacksAlias = isEmpty && "result" in read && read.result.topicAlias === undefined;
	assert.equal(
		isTopic && "result" in read && !lacksAlias,
		expected === null,
		"decodePacket makes the other checks",
	);
	// Skipping leaves out only what a response topic must look like.
	if ("result" in read) assert.ok("result" in skipped, "skipProperties agrees with readProperties");
}
