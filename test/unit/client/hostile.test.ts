import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Packet, PacketType } from "../../../src/packet/packet.ts";
import { createConnected, octets } from "./fixture.ts";
import { ack, connack, publish, suback } from "./packets.ts";
import { settle } from "./server.ts";

/** The same sequence in every run: a linear congruential generator. */
function generator(seed: number): (limit: number) => number {
	let state = seed;
	return (limit) => {
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
		return Math.floor((state / 2 ** 32) * limit);
	};
}

const SEEDS: readonly Packet[] = [
	connack(),
	publish("a/b", "hello"),
	publish("a/b", "hello", { qos: 1, packetId: 1 }),
	publish("a/b", "hello", { qos: 2, packetId: 2, properties: { contentType: "t", topicAlias: 1 } }),
	ack(PacketType.PUBACK, 1),
	ack(PacketType.PUBREC, 2),
	ack(PacketType.PUBREL, 2),
	ack(PacketType.PUBCOMP, 2),
	suback(3, 0, 1, 0x80),
	{ type: PacketType.UNSUBACK, packetId: 4, properties: null, reasonCodes: [] },
	{ type: PacketType.PINGRESP },
];

describe("a hostile server", () => {
	for (const version of [3, 4, 5] as const) {
		it(`ends the connection at worst, in version ${version}`, async () => {
			const random = generator(version);
			let ended = 0;
			for (let round = 0; round < 300; round++) {
				const { client, server, told } = await createConnected({ version, keepAlive: 0 });
				client.publish("t", octets("1"), { qos: 1 });
				client.publish("t", octets("2"), { qos: 2 });
				for (let count = 0; count < 20 && !server.peer.closed; count++) {
					const seed = SEEDS[random(SEEDS.length)]!;
					const usable = seed.type === PacketType.UNSUBACK && version === 5 ? SEEDS[0]! : seed;
					const bytes = server.encode(usable);
					for (let changes = random(4); changes > 0; changes--) bytes[random(bytes.length)] = random(256);
					server.peer.sendSplit(bytes.subarray(0, random(bytes.length) + 1), 1 + random(8));
				}
				server.peer.end();
				await settle();
				assert.equal(told.closed.length, 1);
				assert.equal(client.state, "idle");
				if (told.closed[0]?.kind === "protocol") ended++;
			}
			assert.ok(ended > 100, `${ended} of 300 were found out`);
		});
	}
});
