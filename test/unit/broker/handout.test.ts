// Many retained messages for one subscription: all of them come, as the connection takes them, and nothing piles up meanwhile.

import assert from "node:assert/strict";
import { test } from "node:test";
import mqttPacket from "mqtt-packet";
import { Message } from "../../../src/broker/message.ts";
import type { RetainedMessages } from "../../../src/broker/retained.ts";
import type { AccessRules } from "../../../src/broker/rights.ts";
import { utf8 } from "../../../src/node/bytes.ts";
import { Durability } from "../../../src/store/durability.ts";
import { encode, type Fields } from "../../vectors/wire.ts";
import { createBroker, type Fixture } from "./fixture.ts";

/** More than a turn of the loop hands out. */
const COUNT = 3000;
/** Retained messages that are looked at in one turn. */
const TURN = 512;

function topicOf(i: number): string {
	return `t/${i % 50}/${i}`;
}

function textOf(i: number): string {
	return `old ${i}`.padEnd(40);
}

function retain(
	retained: RetainedMessages,
	topic: string,
	text: string,
	qos: 0 | 1 | 2 = 1,
	expiresAt = 0,
): void {
	retained.set(new Message(topic, utf8.encode(topic), utf8.encode(text), qos, null, expiresAt));
}

function start(...given: Parameters<typeof createBroker>): Fixture {
	const fixture = createBroker({ sysInterval: 0, ...given[0] }, ...(given.slice(1) as []));
	for (let i = 0; i < COUNT; i++) retain(fixture.broker.retained, topicOf(i), textOf(i));
	return fixture;
}

interface Got {
	readonly topic: string;
	readonly payload: string;
	readonly qos: number;
	readonly retain: boolean;
	readonly messageId: number;
	readonly identifier: number;
}

/** A client that notes what comes. */
class Reader {
	readonly got: Got[] = [];
	/** How many of them. */
	private acknowledged = 0;
	readonly peer: ReturnType<Fixture["dial"]>;
	private readonly version: 4 | 5;

	constructor({ dial }: Pick<Fixture, "dial">, clientId: string, fields: Fields = {}, version: 4 | 5 = 4) {
		this.version = version;
		this.peer = dial();
		this.send({ cmd: "connect", clientId, clean: true, keepalive: 0, ...fields });
		this.take();
	}

	send(fields: Fields): void {
		this.peer.send(encode(fields, this.version));
	}

	subscribe(topic: string, qos: number, more: Fields = {}, properties: Fields = {}): void {
		this.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic, qos, ...more }], properties });
	}

	/** Publications that have come since; also added to `got`. */
	take(): Got[] {
		const found: Got[] = [];
		const parser = mqttPacket.parser({ protocolVersion: this.version });
		parser.on("packet", (packet) => {
			if (packet.cmd !== "publish") return;
			const { topic, payload, qos, retain, messageId = 0, properties } = packet;
			const identifier = Number(properties?.subscriptionIdentifier ?? 0);
			found.push({ topic, payload: String(payload), qos, retain, messageId, identifier });
		});
		parser.parse(Buffer.from(this.peer.take()));
		this.got.push(...found);
		return found;
	}

	/** Takes what has come, and acknowledges what was not. False when there was nothing. */
	acknowledge(fixture: Fixture): boolean {
		fixture.advance(0);
		this.take();
		const first = this.acknowledged;
		this.acknowledged = this.got.length;
		for (const { qos, messageId } of this.got.slice(first)) {
			if (qos === 1) this.send({ cmd: "puback", messageId });
		}
		return this.got.length > first;
	}

	/** The same until nothing comes any more. */
	exhaust(fixture: Fixture): void {
		while (this.acknowledge(fixture)) {}
	}
}

/** What is there at the beginning has come, each once and as retained. */
function assertAll(got: readonly Got[], without: readonly number[] = []): void {
	const expected = new Map(Array.from({ length: COUNT }, (_, i) => [topicOf(i), textOf(i)]));
	for (const i of without) expected.delete(topicOf(i));
	assert.equal(got.length, expected.size);
	for (const { topic, payload, retain } of got) {
		assert.ok(retain, topic);
		assert.equal(payload, expected.get(topic), topic);
		expected.delete(topic);
	}
	assert.equal(expected.size, 0, "each comes once");
}

function assertIdle({ broker, host }: Fixture): void {
	const { handouts, retained } = broker as unknown as {
		handouts: { active: Set<unknown>; waiting: Set<unknown> };
		retained: { recent: unknown };
	};
	assert.equal(handouts.active.size + handouts.waiting.size, 0);
	assert.equal(retained.recent, null);
	assert.equal(host.clock.timers, 1, "but that of the seconds");
}

test("QoS 0: all come, a bounded number in a turn", () => {
	const fixture = start();
	const reader = new Reader(fixture, "r");
	reader.subscribe("#", 0);
	const first = reader.take().length;
	assert.ok(first > 0 && first <= TURN, `${first} at once`);
	fixture.advance(0);
	reader.take();
	assertAll(reader.got);
	for (const chunk of reader.peer.chunks) assert.ok(chunk.length < 40 * TURN);
	assertIdle(fixture);
});

test("QoS 1: all come as they are acknowledged; none is dropped, and few are queued", () => {
	const fixture = start({ maxInflightMessages: 20, maxQueuedMessages: 10 });
	const { broker } = fixture;
	const reader = new Reader(fixture, "r");
	reader.subscribe("#", 1);
	fixture.advance(0);
	const session = broker.sessions.get("r")!;
	assert.equal(session.queued, 10);
	assert.ok(reader.acknowledge(fixture));
	assert.equal(reader.got.length, 20, "the window");
	fixture.advance(0);
	assert.equal(session.queued, 0, "what is left is not queued");
	reader.exhaust(fixture);
	assertAll(reader.got);
	assert.ok(reader.got.every(({ qos }) => qos === 1));
	assert.equal(broker.statistics.dropped, 0);
	assertIdle(fixture);
});

test("QoS 2 and a session that is kept: all come, and are held for the disk as others are", () => {
	const settings = { maxInflightMessages: 50 };
	const fixture = start(settings, {}, false, { durability: Durability.SYNC });
	const { retained } = fixture.broker;
	for (let i = 0; i < COUNT; i++) retain(retained, topicOf(i), textOf(i), (i % 3) as 0 | 1 | 2);
	const reader = new Reader(fixture, "r", { clean: false });
	reader.subscribe("#", 2);
	for (;;) {
		fixture.advance(0);
		const came = reader.take();
		if (came.length === 0) break;
		for (const { qos, messageId } of came) {
			if (qos === 1) reader.send({ cmd: "puback", messageId });
			if (qos === 2) reader.send({ cmd: "pubrec", messageId });
			if (qos === 2) reader.send({ cmd: "pubcomp", messageId });
		}
	}
	assertAll(reader.got);
	assert.deepEqual(new Set(reader.got.map(({ qos }) => qos)), new Set([0, 1, 2]));
	assert.equal(fixture.broker.sessions.get("r")?.unacknowledged, 0);
});

test("a slow reader: output stays within bounds, others are served, what is published comes", () => {
	const fixture = start();
	for (let i = 0; i < COUNT; i++) retain(fixture.broker.retained, topicOf(i), `old ${i}`.padEnd(200));
	const slow = new Reader(fixture, "slow");
	const connection = fixture.broker.sessions.get("slow")!.link!.connection;
	slow.peer.hold();
	slow.subscribe("#", 0);
	fixture.advance(0);
	assert.ok(
		connection.buffered > 65_000 && connection.buffered < 66_000,
		`${connection.buffered} octets wait`,
	);
	const quick = new Reader(fixture, "quick");
	quick.subscribe("#", 0);
	quick.exhaust(fixture);
	assert.equal(quick.got.length, COUNT);
	quick.send({ cmd: "publish", topic: "live", payload: "1", qos: 0 });
	fixture.advance(10);
	assert.ok(connection.buffered < 66_000);
	for (let i = 0; i < 10; i++) {
		slow.peer.hold(50_000);
		fixture.advance(1);
		assert.ok(connection.buffered < 66_000);
	}
	slow.peer.release();
	slow.exhaust(fixture);
	assert.equal(slow.got.length, COUNT + 1);
	assert.equal(new Set(slow.got.map(({ topic }) => topic)).size, COUNT + 1);
	assert.equal(slow.got.filter(({ retain }) => !retain).length, 1);
	assert.equal(fixture.broker.statistics.dropped, 0);
	assertIdle(fixture);
});

test("what is published meanwhile comes as such and not twice; what is removed or has expired does not come", () => {
	const fixture = start();
	const { broker } = fixture;
	retain(broker.retained, "x/expires", "soon", 1, broker.seconds + 5);
	const reader = new Reader(fixture, "r");
	reader.peer.hold();
	reader.subscribe("#", 0);
	const publisher = new Reader(fixture, "p");
	// The last ones, which nobody has looked at.
	const [changed, removed, back] = [COUNT - 1, COUNT - 2, COUNT - 3];
	publisher.send({
		cmd: "publish",
		topic: topicOf(changed),
		payload: "new",
		qos: 1,
		messageId: 1,
		retain: true,
	});
	publisher.send({
		cmd: "publish",
		topic: topicOf(removed),
		payload: "",
		qos: 1,
		messageId: 2,
		retain: true,
	});
	publisher.send({ cmd: "publish", topic: topicOf(back), payload: "", qos: 1, messageId: 3, retain: true });
	publisher.send({
		cmd: "publish",
		topic: topicOf(back),
		payload: "new",
		qos: 1,
		messageId: 4,
		retain: true,
	});
	fixture.advance(10);
	reader.peer.release();
	reader.exhaust(fixture);
	const live = reader.got.filter(({ retain }) => !retain);
	assert.deepEqual(
		live.map(({ topic, payload }) => [topic, payload]),
		[
			[topicOf(changed), "new"],
			[topicOf(removed), ""],
			[topicOf(back), ""],
			[topicOf(back), "new"],
		],
	);
	assertAll(
		reader.got.filter(({ retain }) => retain),
		[changed, removed, back],
	);
});

test("the newest value comes also to who had no room for it when it was published", () => {
	const fixture = start();
	const reader = new Reader(fixture, "r");
	reader.subscribe("other", 0);
	reader.peer.hold();
	reader.subscribe("#", 0);
	const publisher = new Reader(fixture, "p");
	for (let i = 0; i < 5; i++) {
		publisher.send({ cmd: "publish", topic: "other", payload: { fill: "x", length: 300_000 }, qos: 0 });
	}
	const last = topicOf(COUNT - 1);
	publisher.send({ cmd: "publish", topic: last, payload: "new", qos: 0, retain: true });
	assert.ok(fixture.broker.statistics.dropped > 0);
	reader.peer.release();
	reader.exhaust(fixture);
	const values = reader.got.filter(({ topic }) => topic === last).map(({ payload }) => payload);
	assert.deepEqual(values, ["new"]);
	assert.equal(reader.got.filter(({ retain }) => retain).length, COUNT);
});

test("what is published goes first, and is not dropped for what was retained", () => {
	const fixture = start({ maxInflightMessages: 20, maxQueuedMessages: 300 });
	const reader = new Reader(fixture, "r");
	reader.subscribe("#", 1);
	fixture.advance(0);
	// Until what was queued at first is gone.
	while (fixture.broker.sessions.get("r")!.queued > 0) reader.acknowledge(fixture);
	const publisher = new Reader(fixture, "p");
	for (let i = 1; i <= 300; i++) {
		publisher.send({ cmd: "publish", topic: "live", payload: `${i}`, qos: 1, messageId: i });
	}
	reader.exhaust(fixture);
	assertAll(reader.got.filter(({ topic }) => topic !== "live"));
	const live = reader.got.filter(({ topic }) => topic === "live").map(({ payload }) => payload);
	assert.deepEqual(
		live,
		Array.from({ length: 300 }, (_, i) => `${i + 1}`),
	);
	assert.equal(fixture.broker.statistics.dropped, 0);
});

test("UNSUBSCRIBE, or another subscription: what was asked for before comes no more, or on the new terms", () => {
	const fixture = start();
	const reader = new Reader(fixture, "r", {}, 5);
	reader.subscribe("#", 0, {}, { subscriptionIdentifier: 1 });
	reader.send({ cmd: "unsubscribe", messageId: 2, unsubscriptions: ["#"] });
	reader.exhaust(fixture);
	assert.ok(reader.got.length < TURN);
	assertIdle(fixture);

	const other = new Reader(fixture, "other", {}, 5);
	other.subscribe("#", 0, {}, { subscriptionIdentifier: 1 });
	other.subscribe("#", 1, { rh: 2 }, { subscriptionIdentifier: 2 });
	other.exhaust(fixture);
	assertAll(other.got);
	const others = other.got.findIndex(({ identifier }) => identifier === 2);
	assert.ok(others > 0 && others < TURN);
	assert.ok(
		other.got.every(
			({ identifier, qos }, i) => identifier === (i < others ? 1 : 2) && qos === identifier - 1,
		),
	);
});

test("asked for again and again: once more for all of it, whatever the number", () => {
	const fixture = start();
	const reader = new Reader(fixture, "r", {}, 5);
	reader.peer.hold();
	for (let i = 0; i < 1000; i++) reader.subscribe("#", 0);
	reader.subscribe("#", 0, { rh: 1 });
	assert.ok(fixture.broker.sessions.get("r")!.link!.connection.buffered < 66_000);
	reader.peer.release();
	reader.exhaust(fixture);
	assertAll(reader.got.slice(0, COUNT));
	assertAll(reader.got.slice(COUNT));
	assertIdle(fixture);
});

test("subscriptions that overlap give each its own, in their order", () => {
	const fixture = start();
	const reader = new Reader(fixture, "r", {}, 5);
	reader.peer.hold();
	const filters = ["#", "t/#", "t/+/+"];
	for (const [i, filter] of filters.entries()) {
		reader.subscribe(filter, 0, {}, { subscriptionIdentifier: i + 1 });
	}
	reader.peer.release();
	reader.exhaust(fixture);
	for (let i = 0; i < filters.length; i++) {
		const part = reader.got.slice(i * COUNT, (i + 1) * COUNT);
		assertAll(part);
		assert.ok(part.every(({ identifier }) => identifier === i + 1));
	}
});

test("a session that lasts gets the rest on its next connection, also when that takes it over", () => {
	const fixture = start({ maxInflightMessages: 50 });
	const first = new Reader(fixture, "r", { clean: false });
	first.subscribe("#", 1);
	fixture.advance(0);
	first.acknowledge(fixture);
	first.take();
	first.peer.end();
	fixture.advance(10);
	assert.ok(fixture.broker.sessions.get("r")!.handout !== null);
	const second = new Reader(fixture, "r", { clean: false });
	second.acknowledge(fixture);
	const third = new Reader(fixture, "r", { clean: false });
	third.exhaust(fixture);
	// What was not acknowledged comes again.
	const all = [...first.got, ...second.got, ...third.got];
	const latest = new Map(all.map((each) => [each.topic, each]));
	assertAll([...latest.values()]);
	assert.ok(all.length <= COUNT + 100, `${all.length}`);
	assertIdle(fixture);
});

test("a session that ends leaves nothing behind", () => {
	const fixture = start();
	for (let i = 0; i < 3; i++) {
		const reader = new Reader(fixture, "r");
		reader.subscribe("#", 1);
		if (i === 1) reader.peer.reset();
		else if (i === 2) reader.send({ cmd: "disconnect" });
	}
	fixture.advance(0);
	assertIdle(fixture);
	assert.equal(fixture.broker.sessions.size, 0);
});

test("rights count when a message is sent", () => {
	const denied = new Set<string>();
	const allows = (_access: string, topic: string) => !denied.has(topic);
	const access: AccessRules = {
		allows,
		explain: () => assert.fail("nobody asks"),
	};
	const fixture = start({}, { access });
	const reader = new Reader(fixture, "r");
	reader.subscribe("#", 0);
	denied.add(topicOf(COUNT - 1));
	reader.exhaust(fixture);
	assertAll(reader.got, [COUNT - 1]);
});

test("many who ask at once have their turns", () => {
	const fixture = start();
	const readers = Array.from({ length: 8 }, (_, i) => new Reader(fixture, `r${i}`));
	for (const reader of readers) {
		reader.peer.hold();
		reader.subscribe("#", 0);
	}
	// The first turn's number is used up by the first of them.
	for (const reader of readers) reader.peer.release();
	for (const reader of readers) reader.exhaust(fixture);
	for (const reader of readers) assertAll(reader.got);
	assertIdle(fixture);
});
