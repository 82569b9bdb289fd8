/** A hostile client: throws octets at a broker and waits for what it makes of them, without a clock. */

import { connect, type Socket } from "node:net";
import { PacketType, type ProtocolVersion } from "../../src/packet/packet.ts";
import { corpus } from "../fuzz/corpus.ts";
import { mutate, Random } from "../fuzz/mutate.ts";

/** What is thrown: the next packet, of the connection's version when it has one. */
export type Source = (version: ProtocolVersion | null) => Thrown;

export interface Thrown {
	readonly bytes: Uint8Array;
	readonly version: ProtocolVersion;
}

/** What a broker sends; thrown at it, it is a protocol error like any other, and not worth a connection each. */
const FROM_BROKER: readonly PacketType[] = [
	PacketType.CONNACK,
	PacketType.SUBACK,
	PacketType.UNSUBACK,
	PacketType.PINGRESP,
];
const VERSIONS: readonly ProtocolVersion[] = [3, 4, 5];

/** Mutations of packets that clients send; the same for the same seed. */
export function mutatedPackets(seed: number): Source {
	const random = new Random(seed);
	const all = corpus(seed, 8).filter((specimen) => !FROM_BROKER.includes(specimen.type));
	const byVersion = new Map(
		VERSIONS.map((version) => [version, all.filter((each) => each.version === version)]),
	);
	return (version) => {
		const chosen = version ?? random.pick(VERSIONS);
		return { bytes: mutate(byVersion.get(chosen) ?? [], random).bytes, version: chosen };
	};
}

/** CONNECT, clean, with an identifier given by the broker (3.1 knows no such): opens a connection for all other packets. */
const CONNECT: Readonly<Record<ProtocolVersion, Uint8Array>> = {
	3: Uint8Array.of(0x10, 15, 0, 6, 0x4d, 0x51, 0x49, 0x73, 0x64, 0x70, 3, 2, 0, 0, 0, 1, 0x78),
	4: Uint8Array.of(0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 0, 0, 0),
	5: Uint8Array.of(0x10, 13, 0, 4, 0x4d, 0x51, 0x54, 0x54, 5, 2, 0, 0, 0, 0, 0),
};
const PINGREQ = Uint8Array.of(0xc0, 0);
const PINGRESP = 0xd0;

/** Remaining length at `at` and how many octets it takes; null when it is not complete, or wrong, which ends a connection. */
function remainingLength(
	bytes: Uint8Array,
	at: number,
): { length: number; size: number } | "incomplete" | "wrong" {
	let length = 0;
	for (let size = 0; size < 4; size++) {
		const octet = bytes[at + size];
		if (octet === undefined) return "incomplete";
		length += (octet & 0x7f) * 128 ** size;
		if (octet < 0x80) return { length, size: size + 1 };
	}
	return "wrong";
}

/** Whether a broker that reads these octets as packets is left waiting for more. */
export function leavesWaiting(bytes: Uint8Array): boolean {
	let at = 0;
	while (at < bytes.length) {
		const header = remainingLength(bytes, at + 1);
		if (header === "incomplete") return true;
		if (header === "wrong") return false;
		at += 1 + header.size + header.length;
	}
	return at > bytes.length;
}

/** Counts PINGRESP in a stream of packets. */
class Answers {
	pingresps = 0;
	#rest: Uint8Array = new Uint8Array(0);

	push(piece: Uint8Array): void {
		const bytes = Buffer.concat([this.#rest, piece]);
		let at = 0;
		while (at < bytes.length) {
			const header = remainingLength(bytes, at + 1);
			if (typeof header === "string") break;
			const end = at + 1 + header.size + header.length;
			if (end > bytes.length) break;
			if (bytes[at] === PINGRESP) this.pingresps++;
			at = end;
		}
		this.#rest = bytes.subarray(at);
	}
}

/** What became of what was thrown. */
export interface Outcome {
	thrown: number;
	/** Connections that were made. */
	connections: number;
	/** Packets after which the connection went on. */
	survived: number;
}

/**
 * One connection: throws packets until the broker ends it, or `more` runs out. After each a PINGREQ: its answer says that the
 * broker has dealt with the packet, and the connection goes on. Where the packet leaves the broker waiting, the connection is
 * ended instead, and the broker's own end of it waited for.
 */
function throwAtOnce(port: number, source: Source, more: () => boolean, outcome: Outcome): Promise<void> {
	return new Promise((resolve, reject) => {
		const answers = new Answers();
		let asked = 0;
		let version: ProtocolVersion | null = null;
		const socket: Socket = connect(port, "127.0.0.1");
		const throwNext = () => {
			if (!more()) {
				socket.end();
				return;
			}
			outcome.thrown++;
			const thrown = source(version);
			const { bytes } = thrown;
			// A CONNECT is thrown at a fresh connection: as a second one it would only ever be a protocol error.
			const isConnect = version === null && (bytes[0] ?? 0) >> 4 === PacketType.CONNECT;
			if (version === null && !isConnect) socket.write(CONNECT[thrown.version]);
			version = thrown.version;
			socket.write(bytes);
			const waiting = leavesWaiting(bytes);
			if (!waiting) {
				asked++;
				socket.write(PINGREQ);
			}
			// A CONNECT may also have forbidden the answer, by a maximum packet size of 1.
			if (waiting || isConnect) socket.end();
		};
		socket.setNoDelay(true);
		socket.once("connect", () => {
			outcome.connections++;
			throwNext();
		});
		socket.on("data", (piece) => {
			answers.push(piece);
			if (asked === 0 || answers.pingresps < asked) return;
			outcome.survived++;
			if (!socket.writableEnded) throwNext();
		});
		socket.on("error", (error: NodeJS.ErrnoException) => {
			// The broker hangs up on us while we still send; that is what it should do. A refused connection is not.
			if (error.syscall === "connect") reject(error);
		});
		socket.on("close", () => resolve());
	});
}

/** Throws `count` packets, over `width` connections at a time. */
export async function throwAll(port: number, source: Source, count: number, width: number): Promise<Outcome> {
	const outcome: Outcome = { thrown: 0, connections: 0, survived: 0 };
	const more = () => outcome.thrown < count;
	const worker = async () => {
		while (more()) await throwAtOnce(port, source, more, outcome);
	};
	await Promise.all(Array.from({ length: width }, worker));
	return outcome;
}

/** Connections that begin and do not go on: each sends the beginning of a CONNECT, from nothing to all but one octet. */
export class HalfOpen {
	readonly #sockets: Socket[] = [];
	/** Resolves when the broker, or `end`, has closed all of them. */
	readonly closed: Promise<unknown>;

	private constructor(sockets: Socket[]) {
		this.#sockets = sockets;
		this.closed = Promise.all(
			sockets.map((socket) => new Promise<void>((resolve) => socket.once("close", () => resolve()))),
		);
	}

	/** Opens `count`; resolves when all are connected. */
	static async open(port: number, count: number): Promise<HalfOpen> {
		const sockets = Array.from({ length: count }, () => connect(port, "127.0.0.1"));
		const half = new HalfOpen(sockets);
		await Promise.all(
			sockets.map(
				(socket, i) =>
					new Promise<void>((resolve, reject) => {
						socket.once("error", reject);
						socket.once("connect", () => {
							socket.off("error", reject);
							socket.on("error", () => undefined);
							socket.resume();
							socket.write(CONNECT[4].subarray(0, i % CONNECT[4].length), () => resolve());
						});
					}),
			),
		);
		return half;
	}

	get open(): number {
		return this.#sockets.filter((socket) => !socket.destroyed).length;
	}
}
