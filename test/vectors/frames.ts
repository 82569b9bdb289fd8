/** Frames that a broker must not take from a client: the malformed ones of the codec, and those that only a server sends. */

import { PacketType, type ProtocolVersion, type Reason } from "../../src/packet/packet.ts";
import malformed from "./packet/malformed.json" with { type: "json" };
import valid from "./packet/valid.json" with { type: "json" };

export interface RefusedFrame {
	readonly name: string;
	readonly version: ProtocolVersion;
	readonly hex: string;
	/** What a 5.0 client is told. */
	readonly reason: keyof typeof Reason;
}

/** Packet types that only a server sends. */
const OF_SERVERS: readonly number[] = [
	PacketType.CONNACK,
	PacketType.SUBACK,
	PacketType.UNSUBACK,
	PacketType.PINGRESP,
];

export const refusedFrames: readonly RefusedFrame[] = [
	...(malformed as RefusedFrame[]),
	...valid
		.filter(({ packet }) => OF_SERVERS.includes(packet.type))
		.map(({ name, version, hex }) => ({
			name: `${name}, from a client`,
			version: version as ProtocolVersion,
			hex,
			reason: "PROTOCOL_ERROR" as const,
		})),
];
