// Frames that come in one read and are taken as one run: where a run ends, and that each frame of it counts.

import assert from "node:assert/strict";
import { test } from "node:test";
import mqttPacket from "mqtt-packet";
import { settleTallies } from "../../../src/broker/client.ts";
import type { FakePeer } from "../../fake/host.ts";
import { encode, type Fields } from "../../vectors/wire.ts";
import { type Fixture, startBroker } from "./fixture.ts";

const PUBLISH = 3;
const ACKS = ["", "puback", "pubrec"];
const ACK_TYPES = [0, 4, 5];

type Version = 4 | 5;

function join(packets: Fields[], version: Version): Buffer {
	return Buffer.concat(packets.map((packet) => encode(packet, version)));
}

/** What arrived: packet types with packet identifiers. */
function taken(peer: FakePeer, version: Version): [string, number][] {
	const packets: [string, number][] = [];
	const parser = mqttPacket.parser({ protocolVersion: version });
	parser.on("packet", (packet) => packets.push([packet.cmd, packet.messageId ?? 0]));
	parser.parse(Buffer.from(peer.take()));
	return packets;
}

function connect(fixture: Fixture, clientId: string, version: Version): FakePeer {
	const peer = fixture.dial();
	peer.send(encode({ cmd: "connect", clientId, clean: true, keepalive: 0 }, version));
	return peer;
}

/** `count` messages; the longest are beyond what the first octet of the remaining length can tell. */
function messages(count: number, qos: number): Fields[] {
	return Array.from({ length: count }, (_, i) => ({
		cmd: "publish",
		topic: i < count / 2 ? "t/1" : `t/${i % 7}`,
		payload: "x".repeat(i % 10 === 9 ? 200 : i % 100),
		qos,
		messageId: i + 1,
	}));
}

for (const version of [4, 5] as const) {
	for (const qos of [1, 2]) {
		test(`MQTT ${version}, QoS ${qos}: each message of a run is acknowledged, up to the one that is malformed`, async () => {
			const fixture = await startBroker({ maxInflightMessages: 0 });
			const subscriber = connect(fixture, "s", version);
			subscriber.send(
				encode({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "t/#", qos }] }, version),
			);
			const publisher = connect(fixture, "p", version);
			publisher.take();
			subscriber.take();
			const run = messages(300, qos);
			const topicWithWildcard = [0x30 | (qos << 1), 8, 0, 2, 0x74, 0x23, 1, 0xff, 0, 0];
			publisher.send(Buffer.concat([join(run, version), Buffer.from(topicWithWildcard)]));
			const acks = taken(publisher, version).filter(([cmd]) => cmd !== "disconnect");
			assert.deepEqual(
				acks,
				run.map(({ messageId }) => [ACKS[qos], messageId]),
			);
			assert.equal(publisher.closed, true);
			assert.deepEqual(
				taken(subscriber, version),
				run.map(({ messageId }) => ["publish", messageId]),
			);
			settleTallies(fixture.broker);
			const { received, sent } = fixture.broker.statistics;
			assert.deepEqual([received[PUBLISH], sent[PUBLISH], sent[ACK_TYPES[qos]!]], [300, 300, 300]);
		});
	}
}

test("a run of PUBACK ends the flows of those that are known, and makes room once for what waits", async () => {
	const fixture = await startBroker({ maxInflightMessages: 10 });
	const subscriber = connect(fixture, "s", 4);
	subscriber.send(encode({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "t/#", qos: 1 }] }, 4));
	const publisher = connect(fixture, "p", 4);
	publisher.send(join(messages(25, 1), 4));
	subscriber.take();
	const pubacks = (...ids: number[]) =>
		join(
			ids.map((messageId) => ({ cmd: "puback", messageId })),
			4,
		);
	const ping = encode({ cmd: "pingreq" }, 4);
	subscriber.send(Buffer.concat([pubacks(1, 2, 3, 3, 999, 4, 5), ping, pubacks(6, 7)]));
	const arrived = taken(subscriber, 4);
	assert.deepEqual(
		arrived.filter(([cmd]) => cmd === "publish").map(([, id]) => id),
		[11, 12, 13, 14, 15, 16, 17],
	);
	assert.deepEqual(
		arrived.filter(([cmd]) => cmd !== "publish"),
		[["pingresp", 0]],
	);
	const session = fixture.broker.sessions.get("s")!;
	assert.equal(session.queued, 8);
	const underWay = Array.from({ length: 25 }, (_, i) => i + 1).filter((id) => session.hasUnderWay(id));
	assert.deepEqual(underWay, [8, 9, 10, 11, 12, 13, 14, 15, 16, 17]);
});

test("a frame beyond max_packet_size ends the connection behind the frames of its run", async () => {
	const fixture = await startBroker({ maxPacketSize: 60 });
	const publisher = connect(fixture, "p", 4);
	publisher.take();
	const frames = [10, 20, 30, 90, 10].map((length, i) => ({
		cmd: "publish",
		topic: "t",
		payload: "x".repeat(length),
		qos: 1,
		messageId: i + 1,
	}));
	publisher.send(join(frames, 4));
	assert.deepEqual(taken(publisher, 4), [
		["puback", 1],
		["puback", 2],
		["puback", 3],
	]);
	assert.equal(publisher.closed, true);
});
