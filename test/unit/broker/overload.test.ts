// What is not visible on the wire: bounds of memory, slow consumers, and what is left behind.

import assert from "node:assert/strict";
import { test } from "node:test";
import mqttPacket from "mqtt-packet";
import type { FakePeer } from "../../fake/host.ts";
import { encode, type Fields } from "../../vectors/wire.ts";
import { type Fixture, startBroker } from "./fixture.ts";

/** Octets that may wait for a slow connection before it counts as congested. */
const OUTPUT_LIMIT = 1_048_576;

function connect(fixture: Fixture, clientId: string, fields: Fields = {}): FakePeer {
	const peer = fixture.dial();
	peer.send(encode({ cmd: "connect", clientId, clean: true, keepalive: 0, ...fields }, 4));
	assert.deepEqual([...peer.take().subarray(0, 2)], [0x20, 2], "CONNACK");
	return peer;
}

function subscribe(peer: FakePeer, topic: string, qos: number): void {
	peer.send(encode({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic, qos }] }, 4));
	peer.take();
}

function publish(peer: FakePeer, topic: string, payload: unknown, qos = 0, messageId = 1): void {
	peer.send(encode({ cmd: "publish", topic, payload, qos, messageId: qos === 0 ? undefined : messageId }, 4));
}

interface Publish {
	readonly payload: string;
	readonly qos: number;
	readonly messageId: number;
}

/** The publications that have come. */
function publications(peer: FakePeer): Publish[] {
	const found: Publish[] = [];
	const parser = mqttPacket.parser({ protocolVersion: 4 });
	parser.on("packet", (packet) => {
		if (packet.cmd !== "publish") return;
		found.push({ payload: String(packet.payload), qos: packet.qos, messageId: packet.messageId ?? 0 });
	});
	parser.parse(Buffer.from(peer.take()));
	return found;
}

test("a slow consumer loses QoS 0, keeps QoS 1, and gets what waited in order once it takes again", async () => {
	const fixture = await startBroker({ maxInflightMessages: 0, maxQueuedMessages: 0 });
	const slow = connect(fixture, "slow");
	const quick = connect(fixture, "quick");
	subscribe(slow, "#", 1);
	subscribe(quick, "#", 1);
	const publisher = connect(fixture, "publisher");
	slow.hold();
	const large = { fill: "x", length: 300_000 };
	for (let i = 0; i < 10; i++) publish(publisher, "large", large);
	const dropped = fixture.broker.statistics.dropped;
	assert.equal(publications(quick).length, 10);
	assert.ok(dropped >= 5 && dropped <= 7, `what is beyond ${OUTPUT_LIMIT} octets is dropped: ${dropped}`);
	for (let i = 1; i <= 50; i++) publish(publisher, "small", `m${i}`, 1, i);
	publish(publisher, "small", "lost");
	assert.equal(fixture.broker.sessions.get("slow")?.queued, 50);
	assert.equal(fixture.broker.statistics.dropped, dropped + 1);
	assert.equal(publications(quick).length, 51);
	slow.release();
	const received = publications(slow);
	assert.equal(received.filter(({ qos }) => qos === 0).length, 10 - dropped);
	const kept = received.filter(({ qos }) => qos === 1);
	assert.deepEqual(
		kept.map(({ payload }) => payload),
		Array.from({ length: 50 }, (_, i) => `m${i + 1}`),
	);
	assert.deepEqual(
		kept.map(({ messageId }) => messageId),
		Array.from({ length: 50 }, (_, i) => i + 1),
	);
	assert.equal(fixture.broker.sessions.get("slow")?.queued, 0);
	publish(publisher, "small", "again");
	assert.deepEqual(publications(slow), [{ payload: "again", qos: 0, messageId: 0 }]);
});

test("a consumer that takes nothing bounds what the broker holds for it", async () => {
	const fixture = await startBroker({ maxInflightMessages: 0, maxQueuedMessages: 100 });
	const slow = connect(fixture, "slow");
	subscribe(slow, "#", 1);
	const publisher = connect(fixture, "publisher");
	slow.hold();
	const large = { fill: "x", length: 10_000 };
	for (let i = 0; i < 500; i++) publish(publisher, "t", large, 1, i + 1);
	assert.equal(fixture.broker.sessions.get("slow")?.queued, 100);
	// The rest is in the connection's output, and that has a limit.
	const sent = 500 - 100 - fixture.broker.statistics.dropped;
	assert.ok(sent * 10_000 <= OUTPUT_LIMIT + 20_000, `${sent} messages are under way`);
});

test("a slow consumer that goes leaves nothing waiting", async () => {
	const fixture = await startBroker();
	const slow = connect(fixture, "slow");
	subscribe(slow, "#", 1);
	const publisher = connect(fixture, "publisher");
	slow.hold();
	for (let i = 0; i < 10; i++) publish(publisher, "t", { fill: "x", length: 300_000 });
	slow.reset();
	publish(publisher, "t", "x", 1);
	assert.deepEqual([...fixture.broker.sessions.keys()], ["publisher"]);
	assert.equal(fixture.broker.tree.count, 0);
});

test("QoS 0 does not overtake QoS 0 that waits for a session that came back", async () => {
	const fixture = await startBroker({ queueQos0Messages: true, maxInflightMessages: 1 });
	const first = connect(fixture, "s", { clean: false });
	subscribe(first, "#", 1);
	first.end();
	const publisher = connect(fixture, "publisher");
	publish(publisher, "t", "1", 1, 1);
	publish(publisher, "t", "2", 1, 2);
	publish(publisher, "u", "first");
	const second = fixture.dial();
	second.send(encode({ cmd: "connect", clientId: "s", clean: false, keepalive: 0 }, 4));
	publish(publisher, "u", "second");
	for (let i = 1; i <= 2; i++) second.send(encode({ cmd: "puback", messageId: i }, 4));
	// The window is for QoS 1: the second of them waits, and nothing waits for it.
	const order = publications(second).map(({ payload }) => payload);
	assert.deepEqual(order, ["1", "first", "second", "2"]);
	assert.equal(fixture.broker.sessions.get("s")?.queued, 0);
});

test("a retained message does not come after a later one of its topic", async () => {
	const fixture = await startBroker({ maxInflightMessages: 1 });
	const publisher = connect(fixture, "publisher");
	publisher.send(encode({ cmd: "publish", topic: "state", payload: "old", retain: true }, 4));
	const client = connect(fixture, "s");
	subscribe(client, "busy", 1);
	publish(publisher, "busy", "1", 1, 1);
	publish(publisher, "busy", "2", 1, 2);
	client.send(encode({ cmd: "subscribe", messageId: 2, subscriptions: [{ topic: "state", qos: 1 }] }, 4));
	publisher.send(encode({ cmd: "publish", topic: "state", payload: "new", retain: true }, 4));
	client.send(encode({ cmd: "puback", messageId: 1 }, 4));
	const order = publications(client).map(({ payload }) => payload);
	assert.deepEqual(order, ["1", "old", "new", "2"]);
});

test("connections that come and go leave nothing behind", async () => {
	const fixture = await startBroker({ connectionMessages: false });
	const { broker } = fixture;
	const size = () => ({
		sessions: broker.sessions.size,
		subscriptions: broker.tree.count,
		deadlines: entries(broker.deadlines),
		clients: (broker as unknown as { clients: Set<unknown> }).clients.size,
		absences: (broker as unknown as { absences: Map<unknown, unknown> }).absences.size,
		timers: fixture.host.clock.timers,
	});
	const before = size();
	for (let i = 0; i < 10_000; i++) {
		const peer = connect(fixture, i % 2 === 0 ? "same" : `c${i}`, { keepalive: 60, clean: i % 4 !== 0 });
		subscribe(peer, `a/${i}/#`, 1);
		if (i % 3 === 0) peer.end();
		else if (i % 3 === 1) peer.reset();
		else peer.send(encode({ cmd: "disconnect" }, 4));
		if (i % 100 === 0) fixture.advance(1);
	}
	connect(fixture, "same").end();
	fixture.advance(200);
	assert.deepEqual(size(), before);
});

/** Things that wait for some second. */
function entries(deadlines: object): number {
	const { buckets } = deadlines as { buckets: Map<number, unknown[]> };
	return [...buckets.values()].reduce((sum, bucket) => sum + bucket.length, 0);
}

test("a publisher of ever new topics does not make the broker grow", async () => {
	const fixture = await startBroker();
	const subscriber = connect(fixture, "s");
	subscribe(subscriber, "t/+/x", 0);
	const publisher = connect(fixture, "p");
	const { cache } = fixture.broker.routes as unknown as { cache: { size: number } };
	let most = 0;
	for (let i = 0; i < 20_000; i++) {
		publish(publisher, `t/${i}/x`, "");
		most = Math.max(most, cache.size);
	}
	assert.ok(most <= 4096, `${most} topics are remembered`);
	const frame = encode({ cmd: "publish", topic: "t/19999/x" }, 4).length;
	const received = subscriber.take().length;
	assert.ok(received > 19_000 * (frame - 4), "and all was delivered");
});

test("routes follow each change of subscriptions", async () => {
	const fixture = await startBroker();
	const publisher = connect(fixture, "p");
	const one = connect(fixture, "one");
	const two = connect(fixture, "two");
	const heard = () => [one, two].map((peer) => publications(peer).length);
	publish(publisher, "t", "x");
	assert.deepEqual(heard(), [0, 0]);
	subscribe(one, "t", 0);
	publish(publisher, "t", "x");
	assert.deepEqual(heard(), [1, 0]);
	subscribe(two, "+", 0);
	publish(publisher, "t", "x");
	assert.deepEqual(heard(), [1, 1]);
	one.send(encode({ cmd: "unsubscribe", messageId: 2, unsubscriptions: ["t"] }, 4));
	one.take();
	publish(publisher, "t", "x");
	assert.deepEqual(heard(), [0, 1]);
	two.reset();
	publish(publisher, "t", "x");
	assert.deepEqual(heard(), [0, 0]);
});

test("an error of the broker's own ends one connection, is logged, and never reaches the host", async () => {
	const fixture = await startBroker();
	const other = connect(fixture, "other");
	const peer = connect(fixture, "peer");
	Object.defineProperty(fixture.broker.tree, "add", {
		value: () => {
			throw new Error("a fault for the test");
		},
	});
	peer.send(encode({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "t", qos: 0 }] }, 4));
	assert.ok(peer.closed);
	assert.ok(fixture.lines.some((line) => /^error: .*peer.*a fault for the test/.test(line)));
	other.send(encode({ cmd: "pingreq" }, 4));
	assert.deepEqual([...other.take()], [0xd0, 0]);
});

test("a client that resumes with a small maximum packet size does not upset thousands in flight", async () => {
	const fixture = await startBroker({ maxInflightMessages: 0, maxQueuedMessages: 0 });
	const first = connect(fixture, "s", { clean: false });
	subscribe(first, "t", 1);
	const publisher = connect(fixture, "p");
	for (let i = 0; i < 20_000; i++) publish(publisher, "t", { fill: "x", length: 100 }, 1, (i % 60_000) + 1);
	first.reset();
	const second = fixture.dial();
	const properties = { maximumPacketSize: 50, sessionExpiryInterval: 100 };
	second.send(encode({ cmd: "connect", clientId: "s", clean: false, keepalive: 0, properties }, 5));
	publish(publisher, "t", "short", 1, 1);
	assert.ok(!second.closed);
	assert.deepEqual(
		fixture.lines.filter((line) => line.startsWith("error:")),
		[],
	);
	assert.ok(Buffer.from(second.take()).includes("short"));
});

test("a connection that the broker closes gives up its place at once", async () => {
	const fixture = await startBroker({}, { maxConnections: 1 });
	const first = connect(fixture, "first");
	first.hold();
	// A ping for a packet that waits; then what no client sends.
	first.send([0xc0, 0], [0xf0, 0]);
	assert.equal(first.closed, false, "output is still to go");
	const second = connect(fixture, "second");
	const third = fixture.dial();
	assert.equal(third.closed, true);
	first.release();
	assert.equal(first.closed, true);
	assert.equal(fixture.dial().closed, true, "the place was given up once");
	second.end();
	connect(fixture, "fourth");
});

test("the broker's end does not wait for long for peers that do not end", async () => {
	const fixture = await startBroker();
	const slow = connect(fixture, "slow");
	slow.hold();
	slow.send([0xc0, 0]);
	let ends = 0;
	fixture.broker.stop(() => ends++);
	fixture.host.clock.advance(1999);
	assert.equal(ends, 0);
	fixture.host.clock.advance(1);
	assert.equal(ends, 1);
	slow.release();
	assert.equal(slow.closed, true);
	assert.equal(ends, 1, "only once");
	assert.equal(fixture.host.clock.timers, 0);
});
