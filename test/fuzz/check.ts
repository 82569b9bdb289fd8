/** What must hold for any octets: the checks that the packet fuzzer makes on each input. */

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
	type TextCodec,
} from "../../src/packet/packet.ts";
import { skipProperties } from "../../src/packet/read.ts";
import { equal, ok } from "../contract/assert.ts";
import type { Digest } from "./digest.ts";

const MAXIMUM = 100_000;
const KNOWN_CODES = new Set<number>(Object.values(Reason));
const view = new PublishView();
const ack = { packetId: 0, reasonCode: 0 };
const buffer = new Uint8Array(MAXIMUM + 16);

/** What inputs are checked with, and what came of them. */
export interface Run {
	readonly codec: TextCodec;
	/** Frames that decoded. */
	decoded: number;
	/** Frames that did not, and octets that are no frame. */
	refused: number;
	/** Takes in each result, unless it is null. */
	readonly digest: Digest | null;
}

/** What an MqttError says. */
interface Refusal {
	code: number;
	message: string;
}

/** Runs `action`; what an MqttError says when it throws one, else its result. Any other error passes. */
function attempt<T>(action: () => T): { result: T } | Refusal {
	try {
		return { result: action() };
	} catch (error) {
		if (!(error instanceof MqttError)) throw error;
		ok(KNOWN_CODES.has(error.code) && error.code >= 0x80, `reason code ${error.code}`);
		ok(error.message.length > 10, "an error says what was wrong");
		return { code: error.code, message: error.message };
	}
}

/**
 * Takes `bytes` apart as connections of each version would, and checks every frame. When something is wrong it throws
 * an Error that has `name` and the octets in its message, and the reason as its cause.
 */
export function check(bytes: Uint8Array, name: string, run: Run): void {
	for (const version of [3, 4, 5] as const) {
		try {
			checkStream(bytes, version, run);
		} catch (error) {
			const hex = Array.from(bytes, (octet) => octet.toString(16).padStart(2, "0")).join("");
			throw new Error(`${name}, read as version ${version}: ${hex}`, { cause: error });
		}
	}
}

function checkStream(bytes: Uint8Array, version: ProtocolVersion, run: Run): void {
	let start = 0;
	for (;;) {
		const from = start;
		const framed = attempt(() => frameLength(bytes, from, bytes.length, MAXIMUM));
		if ("code" in framed) {
			run.refused++;
			run.digest?.add(framed);
			return;
		}
		const length = framed.result;
		if (length === 0 || start + length > bytes.length) return;
		ok(length >= 2 && length <= MAXIMUM, `length ${length}`);
		checkFrame(bytes, start, start + length, version, run);
		start += length;
	}
}

function checkFrame(bytes: Uint8Array, start: number, end: number, version: ProtocolVersion, run: Run): void {
	const type = bytes[start]! >> 4;
	const whole = attempt(() => decodePacket(bytes, start, end, version, run.codec));
	run.digest?.add(whole);
	if ("code" in whole) run.refused++;
	else {
		run.decoded++;
		equal(whole.result.type, type, "type");
		run.digest?.add(checkAgain(whole.result, version, run.codec));
	}
	const expected = "code" in whole ? whole.code : null;
	if (type === PacketType.CONNECT) checkVersion(bytes, start, end, whole);
	else if (type === PacketType.PUBLISH) checkPublish(bytes, start, end, version, run.codec, expected);
	else if (type >= PacketType.PUBACK && type <= PacketType.PUBCOMP) {
		const hot = attempt(() => readAck(bytes, start, end, version, ack));
		equal("code" in hot ? hot.code : null, expected, "readAck agrees with decodePacket");
		if ("result" in whole) {
			const { packetId, reasonCode } = whole.result as { packetId: number; reasonCode: number };
			equal(ack, { packetId, reasonCode }, "what readAck reads");
		}
	}
}

/** What was decoded encodes, and decodes to the same. The octets, good until the next call. */
function checkAgain(packet: Packet, version: ProtocolVersion, codec: TextCodec): Uint8Array {
	const length = encodedLength(packet, version, codec);
	const end = encodePacket(packet, version, buffer, 7, codec);
	equal(end - 7, length, "the length that is written");
	equal(frameLength(buffer, 7, end, MAXIMUM + 8), length, "the length that is announced");
	const again = decodePacket(buffer, 7, end, version, codec);
	equal(again, packet, "decoded again");
	return buffer.subarray(7, end);
}

function checkVersion(
	bytes: Uint8Array,
	start: number,
	end: number,
	whole: { result: Packet } | Refusal,
): void {
	const version = connectVersion(bytes, start, end);
	ok([0, 3, 4, 5].includes(version), `version ${version}`);
	if ("result" in whole) {
		equal((whole.result as { version: number }).version, version, "version");
	} else if (whole.code === Reason.UNSUPPORTED_PROTOCOL_VERSION) {
		equal(version, 0, "version");
	}
}

/** `readPublish` with the checks that it leaves to its caller refuses what `decodePacket` refuses. */
function checkPublish(
	bytes: Uint8Array,
	start: number,
	end: number,
	version: ProtocolVersion,
	codec: TextCodec,
	expected: number | null,
): void {
	const hot = attempt(() => readPublish(bytes, start, end, version, view));
	if ("code" in hot) {
		equal(hot.code, expected, "readPublish agrees with decodePacket");
		return;
	}
	const places = [start, view.topicStart, view.topicEnd, view.propertiesStart, view.propertiesEnd];
	places.push(view.payloadStart, view.payloadEnd);
	for (let index = 1; index < places.length; index++) {
		ok(places[index]! >= places[index - 1]!, "places in order");
	}
	equal(view.payloadEnd, end, "end of the payload");
	const { propertiesStart, propertiesEnd } = view;
	const read = attempt(() =>
		readProperties(bytes, propertiesStart, propertiesEnd, PacketType.PUBLISH, codec),
	);
	const skipped = attempt(() => skipProperties(bytes, propertiesStart, propertiesEnd, PacketType.PUBLISH));
	const topic = codec.decode(bytes, view.topicStart, view.topicEnd);
	const isEmpty = topic === "";
	const isTopic = topic !== null && (isEmpty ? version === 5 : isValidTopicName(topic));
	const lacksAlias = isEmpty && "result" in read && read.result.topicAlias === undefined;
	equal(isTopic && "result" in read && !lacksAlias, expected === null, "decodePacket makes the other checks");
	// Skipping leaves out only what a response topic must look like.
	if ("result" in read) ok("result" in skipped, "skipProperties agrees with readProperties");
}
