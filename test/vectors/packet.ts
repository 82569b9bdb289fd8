/**
 * The wire cases of the codec, and what is checked of each: whole, amid other octets, one octet at a time, and written
 * again. They need nothing of a platform, so that every host runs them.
 */

import {
	decodePacket,
	encodedLength,
	encodePacket,
	frameLength,
	MqttError,
	type Packet,
	type ProtocolVersion,
	PublishView,
	Reason,
	readAck,
	readPublish,
	type TextCodec,
} from "../../src/packet/packet.ts";
import { caught, equal, ok } from "../contract/assert.ts";
import { Feed } from "./feed.ts";
import malformed from "./packet/malformed.json" with { type: "json" };
import valid from "./packet/valid.json" with { type: "json" };

interface Case {
	readonly name: string;
	readonly version: ProtocolVersion;
	readonly frame: Uint8Array;
	/** The statement of the specification that the case shows. */
	readonly statement?: string;
}
interface ValidCase extends Case {
	readonly packet: Packet;
	/** False where the encoder has a shorter or cleaner form. */
	readonly canonical: boolean;
}
interface MalformedCase extends Case {
	/** What the error says. */
	readonly reason: keyof typeof Reason;
}

/** One check of one case; it throws when something is wrong. */
export interface Check {
	/** Unique among the checks. */
	readonly title: string;
	run(codec: TextCodec): void;
}

const MAXIMUM = 1_000_000;

/** Octets of "0a 1b" or "0a1b". */
function octets(hex: string): Uint8Array {
	return Uint8Array.from(hex.match(/[0-9a-f]{2}/g) ?? [], (octet) => Number.parseInt(octet, 16));
}

/** A copy of JSON data in which each `{ "hex": "0a1b" }` is the octets. */
function revive(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(revive);
	if (typeof value !== "object" || value === null) return value;
	if ("hex" in value) return octets(String(value.hex));
	return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, revive(field)]));
}

/** The cases of a file: `hex` is the frame in octets; the rest is as it stands there. */
function read<T extends Case>(list: readonly { readonly hex: string; readonly packet?: unknown }[]): T[] {
	ok(list.length > 50, `${list.length} cases`);
	return list.map(({ hex, packet, ...rest }) => ({
		canonical: true,
		...rest,
		frame: octets(hex),
		packet: revive(packet),
	})) as unknown as T[];
}

/** Packets, and the frames that they are in. */
export const validCases: readonly ValidCase[] = read(valid);
/** Frames that must be refused. */
export const malformedCases: readonly MalformedCase[] = read(malformed);

/** A copy amid other octets, so that a read or write outside the frame shows. */
function embed(frame: Uint8Array): Uint8Array {
	const bytes = new Uint8Array(frame.length + 8).fill(0xa5);
	bytes.set(frame, 3);
	return bytes;
}

function decodes({ frame, packet, version }: ValidCase, codec: TextCodec): void {
	equal(decodePacket(frame, 0, frame.length, version, codec), packet, "alone");
	equal(decodePacket(embed(frame), 3, 3 + frame.length, version, codec), packet, "amid other octets");
}

function decodesByOctet({ frame, packet, version }: ValidCase, codec: TextCodec): void {
	const feed = new Feed(version, codec, MAXIMUM);
	for (const octet of frame.subarray(0, -1)) feed.push(Uint8Array.of(octet));
	equal(feed.packets.length, 0, "packets before the last octet");
	equal(feed.waiting, frame.length - 1, "octets that wait");
	feed.push(frame.subarray(-1));
	equal(feed.packets, [packet], "packets");
	equal(feed.waiting, 0, "octets left over");
}

function encodes({ frame, packet, version, canonical }: ValidCase, codec: TextCodec): void {
	const length = encodedLength(packet, version, codec);
	const bytes = new Uint8Array(length + 8).fill(0xa5);
	equal(encodePacket(packet, version, bytes, 3, codec), 3 + length, "end");
	if (canonical) equal(bytes, embed(frame), "octets");
	else equal(bytes, embed(bytes.slice(3, 3 + length)), "octets around");
	equal(decodePacket(bytes, 3, 3 + length, version, codec), packet, "decoded again");
}

/** Whether there is a reader without objects for the packet: PUBLISH and what acknowledges it. */
function isHot({ packet }: ValidCase): boolean {
	return packet.type >= 3 && packet.type <= 7;
}

/** Those readers see what `decodePacket` sees. */
function readsHot({ frame, packet, version }: ValidCase, codec: TextCodec): void {
	if (packet.type === 3) {
		const view = new PublishView();
		readPublish(frame, 0, frame.length, version, view);
		const { dup, qos, retain, packetId, topic, payload, properties } = packet;
		equal([view.dup, view.qos, view.retain, view.packetId], [dup, qos, retain, packetId], "header");
		equal(frame.slice(view.payloadStart, view.payloadEnd), payload, "payload");
		equal(codec.decode(frame, view.topicStart, view.topicEnd), topic, "topic");
		equal(view.propertiesEnd > view.propertiesStart, properties !== null, "properties");
	} else {
		const ack = { packetId: 0, reasonCode: 0 };
		readAck(frame, 0, frame.length, version, ack);
		const { packetId, reasonCode } = packet as { packetId: number; reasonCode: number };
		equal(ack, { packetId, reasonCode }, "acknowledgement");
	}
}

function isRefused({ reason }: MalformedCase, what: string, action: () => unknown): void {
	const error = caught(action, what);
	if (!(error instanceof MqttError)) throw error;
	equal(error.code, Reason[reason], `${what}: ${error.message}`);
	ok(/[a-z]/.test(error.message), `${what}: a message`);
}

function refuses(each: MalformedCase, codec: TextCodec): void {
	const { frame, version } = each;
	const whole = (bytes: Uint8Array, start: number, end: number): void => {
		equal(frameLength(bytes, start, end, MAXIMUM), end - start, "the case is one whole frame");
		decodePacket(bytes, start, end, version, codec);
	};
	isRefused(each, "alone", () => whole(frame, 0, frame.length));
	isRefused(each, "amid other octets", () => whole(embed(frame), 3, 3 + frame.length));
	const type = frame[0]! >> 4;
	if (type >= 4 && type <= 7) {
		isRefused(each, "readAck", () =>
			readAck(frame, 0, frame.length, version, { packetId: 0, reasonCode: 0 }),
		);
	}
}

function refusesByOctet(each: MalformedCase, codec: TextCodec): void {
	const feed = new Feed(each.version, codec, MAXIMUM);
	isRefused(each, "octet by octet", () => {
		for (const octet of each.frame) feed.push(Uint8Array.of(octet));
	});
	equal(feed.packets.length, 0, "packets");
}

function checks<T extends Case>(
	cases: readonly T[],
	kinds: Readonly<Record<string, (each: T, codec: TextCodec) => void>>,
): Check[] {
	return cases.flatMap((each) => {
		const tag = each.statement === undefined ? "" : ` [${each.statement}]`;
		return Object.entries(kinds).map(([kind, check]) => ({
			title: `${kind}: ${each.name}${tag}`,
			run: (codec: TextCodec) => check(each, codec),
		}));
	});
}

/** Every check of every case. */
export const packetChecks: readonly Check[] = [
	...checks(validCases, { decodes, "octet by octet": decodesByOctet, encodes }),
	...checks(validCases.filter(isHot), { "hot readers": readsHot }),
	...checks(malformedCases, { refuses, "refuses octet by octet": refusesByOctet }),
];

ok(new Set(packetChecks.map(({ title }) => title)).size === packetChecks.length, "every title is unique");
