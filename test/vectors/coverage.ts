/** What of the protocol wire cases show: packet types, reason codes and properties, beside the tables of the codec. */

import {
	decodePacket,
	frameLength,
	MAXIMUM_PACKET_SIZE,
	MqttError,
	type Packet,
	PacketType,
	PROPERTIES,
	type Properties,
	type ProtocolVersion,
	REASONS,
	type ReasonDefinition,
	type TextCodec,
	WILL,
} from "../../src/packet/packet.ts";
import type { WireObserver } from "./wire.ts";

const { CONNECT, CONNACK, PUBLISH, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, AUTH } =
	PacketType;

const NAMES = new Map<number, string>([
	[WILL, "WILL"],
	...Object.entries(PacketType).map(([name, type]): [number, string] => [type, name]),
]);
const ONLY_CLIENTS: readonly number[] = [CONNECT, SUBSCRIBE, UNSUBSCRIBE, PINGREQ];
const ONLY_SERVERS: readonly number[] = [CONNACK, SUBACK, UNSUBACK, PINGRESP];

/** `from`: who sends; null is both, as the codec does. */
type Sender = "client" | "server" | null;

function sends(from: Sender, type: number): boolean {
	if (from === "client") return !ONLY_SERVERS.includes(type);
	return from === null || (!ONLY_CLIENTS.includes(type) && type !== WILL);
}

/** Every `3.1.1 PUBACK`, `PUBACK 0x87` and `PUBACK reasonString` that there is. */
export function everything(from: Sender): string[] {
	const items: string[] = [];
	for (const type of Object.values(PacketType)) {
		if (!sends(from, type)) continue;
		for (const version of [3, 4, 5] as const) if (type !== AUTH || version === 5) items.push(typeItem(version, type));
	}
	for (const { code, packets } of Object.values<ReasonDefinition>(REASONS)) {
		for (const type of packets) if (sends(from, type)) items.push(reasonItem(type, code));
	}
	for (const { name, owners } of PROPERTIES) {
		for (const owner of owners) if (sends(from, owner)) items.push(propertyItem(owner, name));
	}
	return items;
}

/** What was seen of that. */
export function itemsOf(packet: Packet, version: ProtocolVersion): string[] {
	const { type } = packet;
	const items = [typeItem(type === CONNECT ? packet.version : version, type)];
	if ("properties" in packet) items.push(...propertyItems(type, packet.properties));
	if (type === CONNECT) items.push(...propertyItems(WILL, packet.will?.properties ?? null));
	if (version !== 5 || type === CONNECT || type === PUBLISH) return items;
	if ("reasonCode" in packet) items.push(reasonItem(type, packet.reasonCode));
	if ("reasonCodes" in packet) items.push(...packet.reasonCodes.map((code) => reasonItem(type, code)));
	return items;
}

function typeItem(version: ProtocolVersion, type: number): string {
	return `${{ 3: "3.1", 4: "3.1.1", 5: "5.0" }[version]} ${NAMES.get(type)}`;
}

function reasonItem(type: number, code: number): string {
	return `${NAMES.get(type)} 0x${code.toString(16).padStart(2, "0")}`;
}

function propertyItem(owner: number, name: string): string {
	return `${NAMES.get(owner)} ${name}`;
}

function propertyItems(owner: number, properties: Properties | null): string[] {
	return Object.keys(properties ?? {}).map((name) => propertyItem(owner, name));
}

/** Collects what wire cases of the broker send and receive. What is sent and refused by the codec does not count. */
export class Coverage implements WireObserver {
	readonly fromClients = new Set<string>();
	readonly fromServer = new Set<string>();
	private readonly codec: TextCodec;

	constructor(codec: TextCodec) {
		this.codec = codec;
	}

	sent(version: ProtocolVersion, bytes: Uint8Array): void {
		try {
			for (let start = 0, end: number; start < bytes.length; start = end) {
				end = start + frameLength(bytes, start, bytes.length, MAXIMUM_PACKET_SIZE);
				if (end === start || end > bytes.length) return;
				for (const item of itemsOf(decodePacket(bytes, start, end, version, this.codec), version)) {
					this.fromClients.add(item);
				}
			}
		} catch (error) {
			if (!(error instanceof MqttError)) throw error;
		}
	}

	received(version: ProtocolVersion, packet: Packet): void {
		for (const item of itemsOf(packet, version)) this.fromServer.add(item);
	}
}

/** What neither was seen nor is excepted, and exceptions that were seen. */
export function gaps(
	every: readonly string[],
	seen: ReadonlySet<string>,
	exceptions: Readonly<Record<string, string>>,
): string[] {
	const missing = every.filter((item) => !seen.has(item) && !Object.hasOwn(exceptions, item));
	const needless = Object.keys(exceptions).filter((item) => seen.has(item) || !every.includes(item));
	return [...missing.map((item) => `no case: ${item}`), ...needless.map((item) => `no exception: ${item}`)];
}
