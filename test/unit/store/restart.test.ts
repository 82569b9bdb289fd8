// What is there after a restart, how memory stays bounded, and what becomes of a file that is damaged.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { BrokerSettings } from "../../../src/broker/settings.ts";
import { Durability } from "../../../src/store/durability.ts";
import { SCHEMA_VERSION, SchemaError } from "../../../src/store/schema.ts";
import { fakeError } from "../../fake/host.ts";
import { crash, createBroker, type Fixture } from "../broker/fixture.ts";
import { retainedMatching } from "../broker/retained-matching.ts";
import { connect, publish, subscribe, TestClient } from "./client.ts";

const SYNC = { durability: Durability.SYNC };

function start(broker: Partial<BrokerSettings> = {}, host?: Fixture["host"]): Fixture {
	return createBroker({ sysInterval: 0, ...broker }, {}, false, SYNC, host);
}

/** The broker was killed, and started again `seconds` later. */
function again(fixture: Fixture, seconds = 0, broker: Partial<BrokerSettings> = {}): Fixture {
	assert.ok(fixture.store?.flush());
	const host = crash(fixture);
	host.clock.epoch += 1000 * seconds;
	const next = start(broker, host);
	next.advance(0);
	return next;
}

/** The broker was ended, and started again `seconds` later. */
function later(fixture: Fixture, seconds: number): Fixture {
	fixture.broker.stop(() => undefined);
	fixture.store?.close();
	const host = crash(fixture);
	host.clock.epoch += 1000 * seconds;
	const next = start({}, host);
	next.advance(0);
	return next;
}

function away(fixture: Fixture, id: string, topic: string, seconds = 1000): void {
	const client = new TestClient(fixture, 5);
	client.send(connect(id, seconds), subscribe(topic, 2), { cmd: "disconnect" });
}

function publisher(fixture: Fixture): TestClient {
	const client = new TestClient(fixture, 5);
	client.send(connect("publisher", 0));
	return client;
}

/** What a client finds when it comes back. */
function back(fixture: Fixture, id: string): string[] {
	return new TestClient(fixture, 5).send(connect(id, 1000));
}

describe("times go on while the broker is down", () => {
	test("a session that is away ends at its time, by another second", () => {
		const fixture = start();
		away(fixture, "away", "a", 100);
		fixture.advance(40);
		const before = later(fixture, 59);
		assert.equal(before.broker.sessions.size, 1);
		before.advance(2);
		assert.equal(before.broker.sessions.size, 0);
		assert.ok(before.lines.includes("notice: Expiring client away due to timeout."));
	});

	test("the session of a client that was connected: from the end of the broker, or after a crash from its start", () => {
		for (const [restart, left] of [
			[later, 40],
			[again, 100],
		] as const) {
			const fixture = start();
			new TestClient(fixture, 5).send(connect("here", 100));
			const next = restart(fixture, 60);
			next.advance(left - 1);
			assert.equal(next.broker.sessions.size, 1);
			next.advance(2);
			assert.equal(next.broker.sessions.size, 0);
		}
	});

	test("persistent_client_expiration holds for those that were kept for longer", () => {
		const fixture = start();
		new TestClient(fixture, 4).send(connect("old", 1), { cmd: "disconnect" });
		const next = again(fixture, 0, { persistentClientExpiration: 50 });
		next.advance(49);
		assert.equal(next.broker.sessions.size, 1);
		next.advance(2);
		assert.equal(next.broker.sessions.size, 0);
	});

	test("messages, queued and retained", () => {
		const fixture = start();
		away(fixture, "away", "#");
		const sender = publisher(fixture);
		const lasting = (seconds: number) => ({ retain: true, properties: { messageExpiryInterval: seconds } });
		sender.send(publish("short", 1, 1, lasting(10)), publish("long", 2, 1, lasting(100)));
		const next = again(fixture, 30);
		assert.deepEqual(back(next, "away"), ["connack 1", "publish long=2 q1 70s"]);
		const reader = new TestClient(next, 5);
		reader.send(connect("reader", 0));
		assert.deepEqual(reader.send(subscribe("+", 0)), ["suback 0", "publish long=2 q0 retained 70s"]);
	});

	test("wills that wait, and those of clients that were connected", () => {
		const fixture = start();
		away(fixture, "away", "w/+");
		const will = (topic: string, willDelayInterval: number) => ({
			will: { topic, payload: "gone", qos: 1, retain: false, properties: { willDelayInterval } },
		});
		const waiting = new TestClient(fixture, 5);
		waiting.send(connect("waiting", 1000, will("w/waiting", 100)), { cmd: "disconnect", reasonCode: 4 });
		new TestClient(fixture, 5).send(connect("here", 1000, will("w/here", 0)));
		new TestClient(fixture, 5).send(connect("fleeting", 0, will("w/fleeting", 0)));
		fixture.advance(40);
		const next = again(fixture, 50);
		next.advance(2);
		const reader = new TestClient(next, 5);
		assert.deepEqual(reader.send(connect("away", 1000)), ["connack 1", "publish w/here=gone q1"]);
		next.advance(9);
		assert.deepEqual(reader.take(), ["publish w/waiting=gone q1"]);
		// They are sent once.
		const last = again(next, 0);
		last.advance(200);
		assert.deepEqual(back(last, "away"), [
			"connack 1",
			"publish w/here=gone q1 again",
			"publish w/waiting=gone q1 again",
		]);
	});
});

describe("what is kept of a session", () => {
	test("subscriptions with their options and identifiers, and shared ones", () => {
		const fixture = start();
		const client = new TestClient(fixture, 5);
		client.send(
			connect("client", 1000),
			{
				cmd: "subscribe",
				messageId: 1,
				subscriptions: [{ topic: "a/#", qos: 1, nl: true, rap: true, rh: 0 }],
				properties: { subscriptionIdentifier: 5 },
			},
			{ cmd: "subscribe", messageId: 2, subscriptions: [{ topic: "$share/g/s", qos: 1 }] },
			subscribe("gone", 1),
			{ cmd: "unsubscribe", messageId: 3, unsubscriptions: ["gone"] },
		);
		const next = again(fixture);
		const reader = new TestClient(next, 5);
		reader.send(connect("client", 1000));
		const sender = publisher(next);
		assert.deepEqual(sender.send(publish("a/b", 1, 1, { retain: true })), ["puback 1"]);
		assert.deepEqual(reader.take(), ["publish a/b=1 q1 retained #5"]);
		assert.deepEqual(reader.send(publish("a/b", 2)), ["puback 1 16"]);
		sender.send(publish("s", 3), publish("gone", 4));
		assert.deepEqual(reader.take(), ["publish s=3 q1"]);
		assert.equal(next.broker.tree.count, 2);
	});

	test("one that ends with its connection is not written, and one that starts clean is forgotten", () => {
		const fixture = start();
		const before = fixture.host.databases.writes;
		const fleeting = new TestClient(fixture, 5);
		fleeting.send(connect("fleeting", 0), subscribe("a", 2), publish("x", 1, 2));
		assert.equal(fixture.host.databases.writes, before);
		away(fixture, "clean", "a");
		publisher(fixture).send(publish("a", 1));
		new TestClient(fixture, 5).send(connect("clean", 1000, { clean: true }));
		const next = again(fixture);
		assert.deepEqual([...next.broker.sessions.keys()], ["clean"]);
		assert.deepEqual(back(next, "clean"), ["connack 1"]);
		assert.equal(next.broker.tree.count, 0);
	});

	test("rights of who was there before are asked for by its listener", () => {
		const fixture = start();
		away(fixture, "away", "#");
		const sender = new TestClient(fixture, 5);
		sender.send(connect("sender", 0), publish("kept", 1, 1, { retain: true }));
		const next = again(fixture);
		next.listener.access = {
			allows: (access, topic, clientId) =>
				clientId !== "sender" && topic !== "secret" && access !== "unsubscribe",
			explain: () => assert.fail("nobody asks"),
		};
		publisher(next).send(publish("secret", 2), publish("open", 3));
		assert.deepEqual(back(next, "away"), ["connack 1", "publish kept=1 q1", "publish open=3 q1"]);
		const reader = new TestClient(next, 5);
		// Its publisher may not write it any more.
		assert.deepEqual(reader.send(connect("reader", 0), subscribe("kept", 0)), ["connack 0", "suback 0"]);
	});
});

describe("memory", () => {
	/** Messages of a session that are in memory. */
	function inMemory({ broker }: Fixture, id: string): number {
		const session = broker.sessions.get(id)!;
		return session.queued - session.backlog!.count;
	}

	test("of what waits for a client that is away nothing is in memory; it comes in order, as the client takes it", () => {
		const fixture = start({ maxQueuedMessages: 0 });
		away(fixture, "away", "a");
		const sender = publisher(fixture);
		const COUNT = 1000;
		for (let i = 1; i <= COUNT; i++)
			sender.send(publish("a", i, 1 + (i % 2)), { cmd: "pubrel", messageId: 1 });
		assert.equal(inMemory(fixture, "away"), 0);
		const next = again(fixture, 0, { maxQueuedMessages: 0 });
		assert.equal(next.broker.sessions.get("away")?.queued, COUNT);
		const reader = new TestClient(next, 5);
		const found: string[] = [];
		let texts = reader.send(connect("away", 1000, { properties: { receiveMaximum: 7 } }));
		let number = 0;
		let most = 0;
		// New ones come behind those that wait.
		publisher(next).send(publish("a", COUNT + 1));
		while (texts.length > 0) {
			const arrived = texts.filter((text) => text.startsWith("publish"));
			found.push(...arrived);
			most = Math.max(most, inMemory(next, "away"));
			const answers = [];
			for (const text of arrived) {
				number++;
				answers.push({ cmd: text.includes("q1") ? "puback" : "pubrec", messageId: number });
			}
			for (const text of texts) {
				const [cmd, id] = text.split(" ");
				if (cmd === "pubrel") answers.push({ cmd: "pubcomp", messageId: Number(id) });
			}
			texts = answers.length === 0 ? [] : reader.send(...answers);
		}
		const order = Array.from({ length: COUNT + 1 }, (_, i) => i + 1);
		assert.deepEqual(
			found.map((text) => Number(/=(\d+)/.exec(text)?.[1])),
			order,
		);
		assert.ok(most <= 130, `${most} messages at once`);
		assert.ok(next.store?.flush());
		assert.deepEqual(next.store?.tables?.lastRows().message, 0);
	});

	test("what an ended session leaves of a shared subscription is handed on part by part, once, and outlives a crash", () => {
		const unlimited = { maxQueuedMessages: 0 };
		let fixture = start(unlimited);
		away(fixture, "ending", "$share/g/s");
		away(fixture, "own", "own");
		const sender = publisher(fixture);
		const COUNT = 2500;
		for (let i = 1; i <= COUNT; i++)
			sender.send(publish("s", i, 1 + (i % 2)), { cmd: "pubrel", messageId: 1 });
		away(fixture, "staying", "$share/g/s");
		const queued = () => fixture.broker.sessions.get("staying")?.queued ?? 0;
		assert.equal(queued(), 0);
		// It ends; of this turn is what it had in memory, which is nothing.
		new TestClient(fixture, 5).send(connect("ending", 0, { clean: true }), { cmd: "disconnect" });
		assert.equal(queued(), 0);
		fixture.advance(0.25);
		const some = queued();
		assert.ok(some > 0 && some < COUNT, `${some} of ${COUNT}`);
		fixture = again(fixture, 0, unlimited);
		assert.equal(queued(), some);
		fixture.advance(5);
		assert.equal(queued(), COUNT);
		const reader = new TestClient(fixture, 5);
		const numbers: number[] = [];
		let texts = reader.send(connect("staying", 1000));
		while (texts.length > 0) {
			const answers = [];
			for (const text of texts) {
				const [cmd, id] = text.split(" ");
				const number = /^publish s=(\d+) q(\d)$/.exec(text);
				if (number !== null) {
					numbers.push(Number(number[1]));
					answers.push({ cmd: number[2] === "1" ? "puback" : "pubrec", messageId: numbers.length });
				}
				if (cmd === "pubrel") answers.push({ cmd: "pubcomp", messageId: Number(id) });
			}
			texts = answers.length === 0 ? [] : reader.send(...answers);
		}
		assert.deepEqual(
			numbers,
			Array.from({ length: COUNT }, (_, i) => i + 1),
		);
		assert.ok(fixture.store?.flush());
		assert.equal(fixture.store?.tables?.lastRows().message, 0);
	});

	test("what may have been sent before the broker was killed comes as a repeat, what was not does not", () => {
		const fixture = start();
		away(fixture, "there", "a");
		away(fixture, "away", "a");
		const sender = publisher(fixture);
		sender.send(publish("a", 1), publish("a", 2));
		const there = new TestClient(fixture, 5);
		assert.deepEqual(there.send(connect("there", 1000, { properties: { receiveMaximum: 1 } })), [
			"connack 1",
			"publish a=1 q1",
		]);
		// Of this nothing is written yet.
		assert.deepEqual(there.send({ cmd: "puback", messageId: 1 }), ["publish a=2 q1"]);
		const next = start({}, crash(fixture));
		publisher(next).send(publish("a", 3));
		const both = ["publish a=1 q1", "publish a=2 q1"];
		assert.deepEqual(back(next, "there"), [
			"connack 1",
			...both.map((text) => `${text} again`),
			"publish a=3 q1",
		]);
		assert.deepEqual(back(next, "away"), ["connack 1", ...both, "publish a=3 q1"]);
	});

	test("max_queued_messages and max_queued_bytes count what is on the disk", () => {
		for (const limits of [{ maxQueuedMessages: 3 }, { maxQueuedMessages: 0, maxQueuedBytes: 9 }]) {
			const fixture = start(limits);
			away(fixture, "away", "a");
			const sender = publisher(fixture);
			for (let i = 1; i <= 2; i++) sender.send(publish("a", `abc${i}`));
			const next = again(fixture, 0, limits);
			for (let i = 3; i <= 5; i++) publisher(next).send(publish("a", `abc${i}`));
			assert.deepEqual(back(next, "away").slice(1), [
				"publish a=abc1 q1",
				"publish a=abc2 q1",
				"publish a=abc3 q1",
			]);
		}
	});

	test("a payload that goes to many queues is there once, and goes with the last of them", () => {
		const fixture = start();
		for (const id of ["a", "b", "c"]) away(fixture, id, "t");
		publisher(fixture).send(publish("t", "once"));
		const tables = fixture.store!.tables!;
		const first = tables.queues();
		assert.deepEqual(
			first.map(({ deliveries }) => deliveries),
			[1, 1, 1],
		);
		assert.equal(tables.lastRows().message, 1);
		for (const id of ["a", "b"]) {
			const client = new TestClient(fixture, 5);
			client.send(connect(id, 1000));
			client.send({ cmd: "puback", messageId: 1 });
		}
		new TestClient(fixture, 5).send(connect("c", 0, { clean: true }));
		assert.ok(fixture.store?.flush());
		fixture.advance(1);
		assert.deepEqual([tables.lastRows().message, tables.queues()], [0, []]);
	});
});

describe("retained messages", () => {
	test("who subscribes while they are read gets all of them, each in its last state", () => {
		const fixture = start();
		const sender = publisher(fixture);
		const COUNT = 1200;
		for (let i = 0; i < COUNT; i++) sender.send(publish(`t/${i}`, i, 1, { retain: true }));
		const next = start({}, crash(fixture));
		const reader = new TestClient(next, 5);
		reader.send(connect("reader", 0));
		const found = reader.send(subscribe("t/+", 0));
		assert.ok(found.length < COUNT, "not all are read yet");
		const other = publisher(next);
		// Of what is still to be read: one has a new message, one has none any more, one has come and gone.
		other.send(publish(`t/${COUNT - 1}`, "new", 1, { retain: true }));
		other.send(publish(`t/${COUNT - 2}`, "", 1, { retain: true }));
		other.send(
			publish(`t/${COUNT - 3}`, "x", 1, { retain: true }),
			publish(`t/${COUNT - 3}`, "", 1, { retain: true }),
		);
		next.advance(0);
		found.push(...reader.take());
		const retained = found.filter((text) => text.includes(" retained"));
		assert.equal(retained.length, COUNT - 3);
		assert.equal(new Set(retained).size, COUNT - 3);
		const last = again(next);
		assert.equal(last.broker.retained.count, COUNT - 2);
		const value = retainedMatching(last.broker.retained, `t/${COUNT - 1}`)[0]?.payload;
		assert.equal(Buffer.from(value ?? []).toString(), "new");
		const once = again(last);
		assert.equal(once.broker.retained.count, COUNT - 2);
	});

	for (const failure of ["failWith", "failAfterCommit"] as const) {
		test(`what is refused while they are read leaves those that are still to be read (${failure})`, () => {
			const fixture = start();
			const sender = publisher(fixture);
			for (let i = 0; i < 600; i++) sender.send(publish(`t/${i}`, "old", 1, { retain: true }));
			const next = start({}, crash(fixture));
			const { databases } = next.host;
			const other = publisher(next);
			other.send(publish("t/597", "", 1, { retain: true }));
			databases[failure] = failure === "failWith" ? "ENOSPC" : "EIO";
			const both = [publish("t/598", "new", 1, { retain: true }), publish("t/599", "", 1, { retain: true })];
			const answers = other.send(...both, publish("t/597", "new", 1, { retain: true }));
			assert.deepEqual(answers, Array(3).fill("puback 1 151"));
			databases.failWith = null;
			next.advance(5);
			for (const each of [next, again(next), again(again(next))]) {
				const values = new Map(
					retainedMatching(each.broker.retained, "t/+").map(({ topic, payload }) => [
						topic,
						Buffer.from(payload).toString(),
					]),
				);
				assert.equal(values.size, 599);
				assert.deepEqual(
					[values.get("t/597"), values.get("t/598"), values.get("t/599")],
					[undefined, "old", "old"],
				);
			}
			// What follows is as ever.
			other.send(publish("t/598", "newer", 1, { retain: true }), publish("t/599", "", 1, { retain: true }));
			const last = again(next);
			assert.equal(last.broker.retained.count, 598);
			const [value] = retainedMatching(last.broker.retained, "t/598");
			assert.equal(Buffer.from(value?.payload ?? []).toString(), "newer");
		});
	}

	test("killed while they are read: what was removed meanwhile does not come back", () => {
		const fixture = start();
		const sender = publisher(fixture);
		for (let i = 0; i < 600; i++) sender.send(publish(`t/${i}`, i, 1, { retain: true }));
		const next = start({}, crash(fixture));
		publisher(next).send(publish("t/1", "", 1, { retain: true }), publish("t/2", "new", 1, { retain: true }));
		const last = start({}, crash(next));
		last.advance(0);
		assert.equal(last.broker.retained.count, 599);
		assert.equal(retainedMatching(last.broker.retained, "t/1").length, 0);
		const value = retainedMatching(last.broker.retained, "t/2")[0]?.payload;
		assert.equal(Buffer.from(value ?? []).toString(), "new");
	});
});

describe("a file that cannot be used", () => {
	test("found damaged while in use: what is in memory is written anew, and it goes on", () => {
		const fixture = start();
		away(fixture, "away", "a");
		const sender = publisher(fixture);
		sender.send(publish("kept", 1, 1, { retain: true }));
		fixture.host.databases.failWith = "DB_CORRUPT";
		assert.deepEqual(sender.send(publish("a", 1)), ["puback 1 151"]);
		fixture.host.databases.failWith = null;
		fixture.advance(2);
		assert.ok(
			fixture.lines.some((line) => /^warning: Warning: Carried over .*: 1 sessions/.test(line)),
			fixture.lines.join("\n"),
		);
		assert.deepEqual(sender.send(publish("a", 2)), ["puback 1"]);
		const next = again(fixture);
		// What was refused is not there.
		assert.deepEqual(back(next, "away"), ["connack 1", "publish a=2 q1"]);
		assert.equal(next.broker.retained.count, 1);
	});

	test("that of a newer program is left alone", () => {
		const fixture = start();
		fixture.store?.close();
		const database = fixture.host.databases.open("/mqttd.db");
		database.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
		database.close();
		assert.throws(() => start({}, crash(fixture)), SchemaError);
	});

	test("retained messages that are damaged in one that is not are left out, and that is told", () => {
		const fixture = start();
		publisher(fixture).send(...["a", "b", "c"].map((topic) => publish(topic, 0, 0, { retain: true })));
		fixture.store?.close();
		const database = fixture.host.databases.open("/mqttd.db");
		database.exec("UPDATE retained_message SET record = x'0102' WHERE id < 3");
		database.close();
		const next = start({}, crash(fixture));
		next.advance(0);
		next.advance(0);
		assert.equal(next.broker.retained.count, 1);
		assert.match(next.lines.join("\n"), /Left out 2 retained messages of the database '\/mqttd\.db', as/);
	});

	test("one that cannot be opened at the start is opened when it can be", () => {
		const first = start();
		away(first, "away", "a");
		away(first, "other", "a");
		publisher(first).send(publish("a", 0), publish("kept", 0, 1, { retain: true }));
		const host = crash(first);
		const { open } = host.databases;
		host.databases.open = () => {
			throw fakeError("EACCES");
		};
		const fixture = start({}, host);
		assert.deepEqual(publisher(fixture).send(publish("a", 1, 1, { retain: true })), ["puback 1 151"]);
		// Who comes meanwhile finds nothing, and begins anew.
		const other = new TestClient(fixture, 5);
		assert.deepEqual(other.send(connect("other", 1000)), ["connack 0"]);
		host.databases.open = open;
		fixture.advance(3);
		assert.deepEqual(back(fixture, "away"), ["connack 1", "publish a=0 q1"]);
		assert.deepEqual(other.send(publish("a", 2)), ["puback 1"]);
		assert.equal(fixture.broker.retained.count, 1);
		assert.deepEqual(publisher(fixture).send(publish("b", 1, 1, { retain: true })), ["puback 1 16"]);
		const after = again(fixture);
		assert.deepEqual([...after.broker.sessions.keys()].sort(), ["away", "other"]);
		assert.deepEqual(back(after, "other"), ["connack 1"]);
		assert.equal(after.broker.tree.count, 1);
	});
});
