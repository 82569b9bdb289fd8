// Bounds of what a session holds, over changes of settings and take-over.

import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultBrokerSettings } from "../../../src/broker/settings.ts";
import type { FakePeer } from "../../fake/host.ts";
import { encode, type Fields } from "../../vectors/wire.ts";
import { type Fixture, startBroker } from "./fixture.ts";

function connect(fixture: Fixture, clientId: string, fields: Fields = {}): FakePeer {
	const peer = fixture.dial();
	peer.send(encode({ cmd: "connect", clientId, clean: true, keepalive: 0, ...fields }, 4));
	return peer;
}

function subscribe(peer: FakePeer, topic: string, qos: number): void {
	peer.send(encode({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic, qos }] }, 4));
}

function publish(peer: FakePeer, length: number, messageId: number): void {
	peer.send(encode({ cmd: "publish", topic: "t", payload: { fill: "x", length }, qos: 1, messageId }, 4));
}

test("messages beyond max_queued_messages are dropped and counted, for a client that is there too", async () => {
	const fixture = await startBroker({ maxInflightMessages: 5, maxQueuedMessages: 10 });
	const subscriber = connect(fixture, "s");
	subscribe(subscriber, "t", 1);
	const publisher = connect(fixture, "p");
	for (let i = 1; i <= 30; i++) publish(publisher, 10, i);
	assert.equal(fixture.broker.sessions.get("s")?.queued, 10);
	assert.equal(fixture.broker.statistics.dropped, 15);
	for (let i = 1; i <= 15; i++) subscriber.send(encode({ cmd: "puback", messageId: i }, 4));
	assert.equal(fixture.broker.sessions.get("s")?.queued, 0);
	publish(publisher, 10, 31);
	assert.equal(fixture.broker.statistics.dropped, 15);
});

test("max_queued_bytes bounds the payloads that wait, and what left the queue makes room", async () => {
	const fixture = await startBroker({ maxInflightMessages: 1, maxQueuedMessages: 0, maxQueuedBytes: 1000 });
	const subscriber = connect(fixture, "s");
	subscribe(subscriber, "t", 1);
	const publisher = connect(fixture, "p");
	for (let i = 1; i <= 21; i++) publish(publisher, 100, i);
	assert.equal(fixture.broker.sessions.get("s")?.queued, 10);
	assert.equal(fixture.broker.statistics.dropped, 10);
	subscriber.send(encode({ cmd: "puback", messageId: 1 }, 4));
	publish(publisher, 100, 22);
	publish(publisher, 100, 23);
	assert.equal(fixture.broker.sessions.get("s")?.queued, 10);
	assert.equal(fixture.broker.statistics.dropped, 11);
});

test("settings that change hold for sessions that are there", async () => {
	const fixture = await startBroker({ maxInflightMessages: 2, maxQueuedMessages: 0 });
	const subscriber = connect(fixture, "s");
	subscribe(subscriber, "t", 1);
	const publisher = connect(fixture, "p");
	for (let i = 1; i <= 4; i++) publish(publisher, 10, i);
	assert.equal(fixture.broker.sessions.get("s")?.queued, 2);
	fixture.broker.configure({ ...defaultBrokerSettings, maxInflightMessages: 10, maxQueuedMessages: 3 });
	subscriber.send(encode({ cmd: "puback", messageId: 1 }, 4));
	assert.equal(fixture.broker.sessions.get("s")?.queued, 0);
	for (let i = 5; i <= 20; i++) publish(publisher, 10, i);
	assert.equal(fixture.broker.sessions.get("s")?.queued, 3);
});

// [MQTT-2.2.1-4], [MQTT-4.3.2-1], 3.1.1: [MQTT-2.3.1-4]
test("70,000 messages use packet identifiers 1 to 65535 again, never one that is in use", async () => {
	const fixture = await startBroker();
	const subscriber = connect(fixture, "s", { clean: false });
	subscribe(subscriber, "t", 1);
	const publisher = connect(fixture, "p");
	subscriber.take();
	publish(publisher, 0, 1);
	assert.equal(packetId(subscriber.take()), 1);
	for (let i = 2; i <= 70_000; i++) {
		publish(publisher, 0, 1);
		publisher.take();
		const id = packetId(subscriber.take());
		// The first message is never acknowledged, so that its identifier is passed over.
		assert.equal(id, i <= 65_535 ? i : i - 65_534);
		subscriber.send(Uint8Array.of(0x40, 2, id >> 8, id & 0xff));
	}
});

/** Of a PUBLISH to topic `t` without payload. */
function packetId(frame: Uint8Array): number {
	assert.equal(frame.length, 7);
	return (frame[5]! << 8) | frame[6]!;
}

test("an error of ours ends the connection that it happened on, and no other (3.1.1: [MQTT-4.8.0-2])", async () => {
	const fixture = await startBroker();
	const other = connect(fixture, "other");
	other.take();
	fixture.host.random.bytes = () => {
		throw new Error("there is no randomness");
	};
	const peer = connect(fixture, "");
	assert.ok(peer.closed);
	assert.equal(peer.take().length, 0);
	assert.match(fixture.lines.join("\n"), /error: Internal error while serving .*: there is no randomness/);
	other.send(encode({ cmd: "pingreq" }, 4));
	assert.deepEqual([...other.take()], [0xd0, 0]);
});
