/** The topics of `$SYS/broker` and what each says: one table. Names, units and forms are those of mosquitto 2.1; `limits` is ours, and of `store` what is about the disk. */

import { PacketType } from "../packet/packet.ts";
import type { Usage } from "../store/usage.ts";
import { LIMITS, type Limits } from "./limits.ts";
import type { Load, Statistics } from "./statistics.ts";
import { LOAD_MINUTES } from "./statistics.ts";

/** What is counted by going through everything, when somebody wants to know. */
export interface Census {
	/** Sessions, and those with a connection. */
	readonly sessions: number;
	readonly connected: number;
	/** Messages that are kept, each once: retained, queued or to be sent again; and octets of their payload. */
	readonly storedMessages: number;
	readonly storedBytes: number;
	/** Octets that wait to be taken by the system, of all connections. */
	readonly unsentBytes: number;
	readonly subscriptions: number;
	readonly sharedSubscriptions: number;
	readonly retained: number;
	/** Octets of memory that the program has, now and at most so far. */
	readonly memory: { readonly current: number; readonly maximum: number };
}

/** The totals whose growth is averaged, in the order of `LOAD_TOPICS`. */
export const LOAD_TOTALS: readonly ((statistics: Statistics) => number)[] = [
	(s) => s.packetsReceived,
	(s) => s.packetsSent,
	(s) => s.dropped,
	(s) => s.received[PacketType.PUBLISH]!,
	(s) => s.sent[PacketType.PUBLISH]!,
	(s) => s.bytesReceived,
	(s) => s.bytesSent,
	(s) => s.sockets,
	(s) => s.received[PacketType.CONNECT]!,
];

const LOAD_TOPICS: readonly string[] = [
	"messages/received",
	"messages/sent",
	"publish/dropped",
	"publish/received",
	"publish/sent",
	"bytes/received",
	"bytes/sent",
	"sockets",
	"connections",
];

/** What values are worked out from. */
export interface Source {
	/** Name and version of the program. */
	readonly version: string;
	/** Seconds since the broker began. */
	readonly uptime: number;
	readonly statistics: Statistics;
	readonly limits: Limits;
	/** One for each of LOAD_TOTALS. */
	readonly loads: readonly Load[];
	readonly census: Census;
	/** What the store takes of the disk; null without one. */
	readonly usage: Usage | null;
}

type Value = (source: Source) => number | string;

const R = "received";
const S = "sent";

/** Packets whose number is told, by the names that topics have, and in which directions. */
const PACKETS: readonly (readonly [string, PacketType, ...(typeof R | typeof S)[]])[] = [
	["connect", PacketType.CONNECT, R],
	["connack", PacketType.CONNACK, S],
	["publish", PacketType.PUBLISH, R, S],
	["puback", PacketType.PUBACK, R, S],
	["pubrec", PacketType.PUBREC, R, S],
	["pubrel", PacketType.PUBREL, R, S],
	["pubcomp", PacketType.PUBCOMP, R, S],
	["subscribe", PacketType.SUBSCRIBE, R],
	["suback", PacketType.SUBACK, S],
	["unsubscribe", PacketType.UNSUBSCRIBE, R],
	["unsuback", PacketType.UNSUBACK, S],
	["pingreq", PacketType.PINGREQ, R],
	["pingresp", PacketType.PINGRESP, S],
	["disconnect", PacketType.DISCONNECT, R, S],
	["auth", PacketType.AUTH, R, S],
];

const connected: Value = ({ census }) => census.connected;
const disconnected: Value = ({ census }) => census.sessions - census.connected;
const dropped: Value = ({ statistics }) => statistics.dropped;
const stored: Value = ({ census }) => census.storedMessages;

/**
 * Topic names below `$SYS/broker/`, each with its value. What the broker keeps comes last, as the messages of this very
 * tree are among it.
 */
export const SYS_TOPICS: ReadonlyMap<string, Value> = new Map<string, Value>([
	["version", ({ version }) => version],
	["uptime", ({ uptime }) => `${uptime} seconds`],
	["clients/total", ({ census }) => census.sessions],
	["clients/maximum", ({ statistics }) => statistics.clientsMaximum],
	["clients/disconnected", disconnected],
	["clients/inactive", disconnected],
	["clients/connected", connected],
	["clients/active", connected],
	["clients/expired", ({ statistics }) => statistics.clientsExpired],
	...LOAD_TOPICS.flatMap((name, i) =>
		LOAD_MINUTES.map((minutes, j): [string, Value] => [
			`load/${name}/${minutes}min`,
			({ loads }) => loads[i]!.averages[j]!.toFixed(2),
		]),
	),
	["messages/received", ({ statistics }) => statistics.packetsReceived],
	["messages/sent", ({ statistics }) => statistics.packetsSent],
	["bytes/received", ({ statistics }) => statistics.bytesReceived],
	["bytes/sent", ({ statistics }) => statistics.bytesSent],
	["publish/messages/dropped", dropped],
	["publish/messages/received", ({ statistics }) => statistics.received[PacketType.PUBLISH]!],
	["publish/messages/sent", ({ statistics }) => statistics.sent[PacketType.PUBLISH]!],
	["publish/bytes/received", ({ statistics }) => statistics.payloadReceived],
	["publish/bytes/sent", ({ statistics }) => statistics.payloadSent],
	["mqtt/publish/dropped", dropped],
	...PACKETS.flatMap(([name, type, ...directions]) =>
		directions.map((direction): [string, Value] => [
			`mqtt/${name}/${direction}`,
			({ statistics }) => statistics[direction][type]!,
		]),
	),
	...LIMITS.map((limit): [string, Value] => [`limits/${limit}`, ({ limits }) => limits.reached(limit)]),
	["packet/out/count", unsentPackets],
	["packet/out/bytes", ({ census }) => census.unsentBytes],
	["connections/socket/count", ({ statistics }) => statistics.sockets],
	["heap/current", ({ census }) => census.memory.current],
	["heap/maximum", ({ census }) => census.memory.maximum],
	["subscriptions/count", ({ census }) => census.subscriptions],
	["shared_subscriptions/count", ({ census }) => census.sharedSubscriptions],
	["retained messages/count", ({ census }) => census.retained],
	["store/messages/count", stored],
	["messages/stored", stored],
	["store/messages/bytes", ({ census }) => census.storedBytes],
	["store/bytes/today", ({ usage }) => usage?.writtenToday ?? 0],
	["store/bytes/total", ({ usage }) => usage?.written ?? 0],
	["store/commits", ({ usage }) => usage?.commits ?? 0],
	["store/size", ({ usage }) => (usage === null ? 0 : usage.fileSize + usage.logSize)],
]);

/** What waits is kept as octets, not as packets: their number is reckoned from the mean length of a sent packet. */
function unsentPackets({ census, statistics }: Source): number {
	if (census.unsentBytes === 0) return 0;
	return Math.ceil((census.unsentBytes * statistics.packetsSent) / statistics.bytesSent);
}
