/** A relay that speaks just enough MQTT 3.1.1 at QoS 0 for the load generator, and can damage the flow of messages. */

import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

/** What becomes of the n-th PUBLISH (from 0): the packets that are delivered in its place. */
export type Damage = (index: number, packet: Buffer) => Buffer[];

export interface Relay {
	readonly port: number;
	close(): void;
}

const CONNECT = 1;
const PUBLISH = 3;
const SUBSCRIBE = 8;

/** The packets at the start of `input`, and what is left. All lengths are below 16,384. */
function split(input: Buffer): { packets: Buffer[]; rest: Buffer } {
	const packets: Buffer[] = [];
	for (;;) {
		const long = (input[1] ?? 0) > 127;
		const header = long ? 3 : 2;
		if (input.length < header) return { packets, rest: input };
		const body = long ? (input[1]! & 127) + (input[2]! << 7) : input[1]!;
		if (input.length < header + body) return { packets, rest: input };
		packets.push(input.subarray(0, header + body));
		input = input.subarray(header + body);
	}
}

export async function startRelay(damage: Damage): Promise<Relay> {
	const subscribers = new Set<Socket>();
	const sockets = new Set<Socket>();
	let published = 0;

	const server = createServer((socket) => {
		let input: Buffer = Buffer.alloc(0);
		sockets.add(socket);
		socket.on("error", () => socket.destroy());
		socket.on("data", (chunk) => {
			const { packets, rest } = split(Buffer.concat([input, chunk]));
			input = rest;
			for (const packet of packets) {
				const type = packet[0]! >> 4;
				if (type === CONNECT) socket.write(Buffer.from([0x20, 2, 0, 0]));
				if (type === SUBSCRIBE) {
					subscribers.add(socket);
					socket.write(Buffer.from([0x90, 3, packet[2]!, packet[3]!, 0]));
				}
				if (type === PUBLISH)
					for (const each of damage(published++, packet)) for (const one of subscribers) one.write(each);
			}
		});
	}).listen(0, "127.0.0.1");
	await once(server, "listening");
	return {
		port: (server.address() as AddressInfo).port,
		close() {
			server.close();
			for (const socket of sockets) socket.destroy();
		},
	};
}
