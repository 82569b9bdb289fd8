// What is acknowledged when, what is written when, and what is said when it cannot be.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Durability } from "../../../src/store/durability.ts";
import { crash, createBroker, type Fixture } from "../broker/fixture.ts";
import { retainedMatching } from "../broker/retained-matching.ts";
import { connect, publish, subscribe, TestClient } from "./client.ts";

const SYNC = { durability: Durability.SYNC };
const LAZY = { durability: Durability.LAZY, lazyInterval: 10 };

function start(store: Parameters<typeof createBroker>[3], host?: Fixture["host"]): Fixture {
	return createBroker({ sysInterval: 0 }, {}, false, store, host);
}

/** The broker was killed and started again. */
function again(fixture: Fixture, store: Parameters<typeof createBroker>[3] = SYNC): Fixture {
	const next = start(store, crash(fixture));
	next.advance(0);
	return next;
}

function client(fixture: Fixture, id: string, seconds = 1000, version: 4 | 5 = 5): TestClient {
	const made = new TestClient(fixture, version);
	made.send(connect(id, seconds));
	return made;
}

/** A client that has subscribed to everything, and left. */
function away(fixture: Fixture, id = "away", topic = "#", qos = 2): void {
	const made = client(fixture, id);
	made.send(subscribe(topic, qos), { cmd: "disconnect" });
}

describe("sync", () => {
	test("what changes nothing in the store costs nothing and is acknowledged as ever", () => {
		const fixture = start(SYNC);
		const sender = client(fixture, "sender", 0);
		const before = fixture.host.databases.writes;
		assert.deepEqual(sender.send(publish("a", 1), publish("a", 2, 2)), ["puback 1 16", "pubrec 1 16"]);
		const reader = client(fixture, "reader", 0);
		reader.send(subscribe("a", 2));
		assert.deepEqual(sender.send(publish("a", 3, 1, { messageId: 3 })), ["puback 3"]);
		assert.deepEqual(reader.take(), ["publish a=3 q1"]);
		assert.equal(fixture.host.databases.writes, before);
	});

	test("acknowledgements come in the order of the messages, whether kept or not", () => {
		const fixture = start(SYNC);
		away(fixture, "away", "kept/+");
		const sender = client(fixture, "sender", 0);
		const topics = ["kept/1", "a", "b", "kept/2", "c"];
		const sent = topics.map((topic, i) => publish(topic, i, 1, { messageId: i + 1 }));
		assert.deepEqual(
			sender.send(...sent).map((text) => text.split(" ")[1]),
			["1", "2", "3", "4", "5"],
		);
		// Afterwards the short way is open again.
		assert.deepEqual(sender.send(publish("a", 1)), ["puback 1 16"]);
	});

	for (const code of ["ENOSPC", "EIO", "EROFS", "EACCES"]) {
		test(`${code}: what cannot be kept is refused, the rest is served; it recovers by itself`, () => {
			const fixture = start(SYNC);
			away(fixture, "away", "kept");
			const [five, four] = [client(fixture, "five", 0), client(fixture, "four", 0, 4)];
			fixture.host.databases.failWith = code;
			// The first one finds out.
			assert.deepEqual(five.send(publish("kept", 1)), ["puback 1 151"]);
			assert.deepEqual(five.send(publish("kept", 2, 2, { messageId: 2 })), ["pubrec 2 151"]);
			assert.deepEqual(four.send(publish("kept", 3)), []);
			assert.deepEqual(five.send(publish("else", 4, 1, { messageId: 4 })), ["puback 4 16"]);
			const persistent = new TestClient(fixture, 5);
			assert.deepEqual(persistent.send(connect("persistent", 100)), ["connack 0"]);
			assert.deepEqual(persistent.send(subscribe("x", 1)), ["suback 151"]);
			fixture.advance(59);
			const said = () =>
				fixture.lines.filter((line) => line.startsWith("error: Error: Unable to write")).length;
			assert.equal(said(), 1);
			fixture.advance(30);
			assert.equal(said(), 2);
			fixture.host.databases.failWith = null;
			fixture.advance(15);
			assert.ok(fixture.lines.at(-1)?.endsWith("can be written again."));
			assert.deepEqual(four.send(publish("kept", 5)), ["puback 1"]);
			assert.deepEqual(persistent.send(subscribe("x", 1)), ["suback 1"]);
			const back = new TestClient(again(fixture), 5);
			assert.deepEqual(back.send(connect("away", 1000)), ["connack 1", "publish kept=5 q1"]);
		});
	}

	test("a QoS 2 message goes to its subscriber when it is on the disk, and PUBREL as well", () => {
		const fixture = start(SYNC);
		const reader = client(fixture, "reader");
		reader.send(subscribe("a", 2));
		const sender = client(fixture, "sender", 0);
		fixture.host.databases.failWith = "EIO";
		assert.deepEqual(sender.send(publish("a", 1, 2)), ["pubrec 1 151"]);
		assert.deepEqual(reader.take(), []);
		fixture.host.databases.failWith = null;
		fixture.advance(2);
		// What was refused is over; another message comes in its place.
		assert.deepEqual(reader.take(), []);
		assert.deepEqual(sender.send(publish("a", 2, 2)), ["pubrec 1"]);
		assert.deepEqual(reader.take(), ["publish a=2 q2"]);
		fixture.host.databases.failWith = "EIO";
		assert.deepEqual(reader.send({ cmd: "pubrec", messageId: 2 }), []);
		fixture.host.databases.failWith = null;
		fixture.advance(2);
		assert.deepEqual(reader.take(), ["pubrel 2"]);
	});

	test("a client's QoS 2 message is published once, also when it comes again after a crash", () => {
		let fixture = start(SYNC);
		away(fixture);
		const sender = client(fixture, "sender");
		assert.deepEqual(sender.send(publish("a", 1, 2)), ["pubrec 1"]);
		fixture = again(fixture);
		const next = new TestClient(fixture, 5);
		assert.deepEqual(next.send(connect("sender", 1000), publish("a", 1, 2, { dup: true })), [
			"connack 1",
			"pubrec 1",
		]);
		assert.deepEqual(next.send({ cmd: "pubrel", messageId: 1 }), ["pubcomp 1"]);
		fixture = again(fixture);
		// The same packet identifier is another message now.
		const last = new TestClient(fixture, 5);
		assert.deepEqual(last.send(connect("sender", 1000), publish("a", 2, 2)), ["connack 1", "pubrec 1"]);
		const reader = new TestClient(fixture, 5);
		assert.deepEqual(reader.send(connect("away", 1000)), ["connack 1", "publish a=1 q2", "publish a=2 q2"]);
	});
});

describe("what is refused when it had been taken already", () => {
	/** Commits fail from now on, which the next message finds out; then they do not any more. */
	function whileFailing(fixture: Fixture, action: () => void): void {
		fixture.host.databases.failWith = "ENOSPC";
		action();
		fixture.host.databases.failWith = null;
		fixture.advance(2);
	}

	test("it is taken out of queues, and only it; who has it already has it", () => {
		const fixture = start(SYNC);
		for (const id of ["one", "two"]) away(fixture, id, "a/+");
		const reader = client(fixture, "reader");
		reader.send(subscribe("a/+", 1));
		const sender = client(fixture, "sender", 0);
		sender.send(publish("a/1", 1));
		assert.deepEqual(reader.take(), ["publish a/1=1 q1"]);
		whileFailing(fixture, () => {
			const both = [publish("a/2", 2, 1, { messageId: 2 }), publish("a/3", 3, 2, { messageId: 3 })];
			assert.deepEqual(sender.send(...both), ["puback 2 151", "pubrec 3 151"]);
			assert.deepEqual(reader.take(), ["publish a/2=2 q1", "publish a/3=3 q1"]);
		});
		// They are published again, as the publisher sees it for the first time.
		assert.deepEqual(sender.send(publish("a/3", "3 again", 2, { messageId: 3 })), ["pubrec 3"]);
		const expected = ["connack 1", "publish a/1=1 q1", "publish a/3=3 again q2"];
		assert.deepEqual(new TestClient(fixture, 5).send(connect("one", 1000)), expected);
		const next = again(fixture);
		assert.deepEqual(new TestClient(next, 5).send(connect("two", 1000)), expected);
	});

	test("a queue that goes on behind what is on the disk", () => {
		const fixture = start(SYNC);
		away(fixture);
		const sender = client(fixture, "sender", 0);
		for (let i = 1; i <= 3; i++) sender.send(publish("a", i));
		whileFailing(fixture, () => assert.deepEqual(sender.send(publish("a", 4)), ["puback 1 151"]));
		sender.send(publish("a", 5));
		assert.deepEqual(new TestClient(fixture, 5).send(connect("away", 1000)), [
			"connack 1",
			...[1, 2, 3, 5].map((i) => `publish a=${i} q1`),
		]);
	});

	test("a message that waits to be sent makes room in the window", () => {
		const fixture = start(SYNC);
		const reader = new TestClient(fixture, 5);
		reader.send(connect("reader", 1000, { properties: { receiveMaximum: 1 } }), subscribe("a", 2));
		const sender = client(fixture, "sender", 0);
		whileFailing(fixture, () => assert.deepEqual(sender.send(publish("a", 1, 2)), ["pubrec 1 151"]));
		assert.deepEqual(sender.send(publish("a", 2, 2)), ["pubrec 1"]);
		assert.deepEqual(reader.take(), ["publish a=2 q2"]);
	});

	test("the retained message is the one before, or none; one of QoS 0, which nobody refused, stays", () => {
		const fixture = start(SYNC);
		const sender = client(fixture, "sender", 0);
		const retain = (topic: string, payload: string, messageId: number, qos = 1) =>
			publish(topic, payload, qos, { retain: true, messageId: qos === 0 ? undefined : messageId });
		sender.send(retain("changed", "before", 1), retain("removed", "before", 2), retain("last", "before", 3));
		whileFailing(fixture, () => {
			const answers = sender.send(
				retain("changed", "first", 1),
				retain("changed", "second", 2),
				retain("removed", "", 3),
				retain("new", "new", 4),
				retain("last", "refused", 5),
				retain("last", "taken", 0, 0),
			);
			assert.deepEqual(
				answers,
				[1, 2, 3, 4, 5].map((id) => `puback ${id} 151`),
			);
		});
		const expected = ["changed=before", "last=taken", "removed=before"];
		for (const each of [fixture, again(fixture)]) {
			const found = client(each, "reader", 0).send(subscribe("+", 0));
			assert.deepEqual(found.sort(), [...expected.map((text) => `publish ${text} q0 retained`), "suback 0"]);
		}
	});

	test("a retained message that is removed more than once: what nobody refused counts, whoever came before or after", () => {
		const fixture = start(SYNC);
		// Below 5.0 a message of QoS 2 comes again under its packet identifier, and so is not refused.
		const sender = client(fixture, "sender", 0, 4);
		const retain = (topic: string, payload: string, messageId: number, qos = 1) =>
			publish(topic, payload, qos, { retain: true, messageId: qos === 0 ? undefined : messageId });
		for (const topic of ["twice", "then", "exactly", "between"]) sender.send(retain(topic, "before", 1));
		whileFailing(fixture, () => {
			const answers = sender.send(
				retain("twice", "", 1),
				retain("twice", "", 2),
				retain("then", "", 3),
				retain("then", "", 0, 0),
				retain("exactly", "", 4),
				retain("exactly", "", 5, 2),
				retain("between", "", 6),
				retain("between", "taken", 0, 0),
				retain("between", "", 7),
			);
			assert.deepEqual(answers, []);
		});
		const expected = ["between=taken", "twice=before"];
		for (const each of [fixture, again(fixture)]) {
			const found = client(each, "reader", 0).send(subscribe("+", 0));
			assert.deepEqual(found.sort(), [...expected.map((text) => `publish ${text} q0 retained`), "suback 0"]);
		}
	});

	test("3.1.1: no acknowledgement, the connection stays; sent again, it is taken", () => {
		const fixture = start(SYNC);
		away(fixture);
		let sender = client(fixture, "sender", 1000, 4);
		const fleeting = client(fixture, "fleeting", 0);
		fleeting.send(subscribe("#", 2));
		const both = (dup: boolean) => [
			publish("a", 1, 1, { messageId: 1, dup }),
			publish("a", 2, 2, { messageId: 2, dup }),
		];
		whileFailing(fixture, () => {
			assert.deepEqual(sender.send(...both(false)), []);
			// Nothing that is not to be kept suffers.
			assert.deepEqual(sender.send(publish("$other", 3, 1, { messageId: 3 }), { cmd: "pingreq" }), [
				"puback 3",
				"pingresp",
			]);
			// Nor is it acknowledged when it is sent again now.
			sender = new TestClient(fixture, 4);
			assert.deepEqual(sender.send(connect("sender", 1000), ...both(true)), ["connack 1"]);
			assert.deepEqual(fleeting.take(), ["publish a=1 q1", "publish a=2 q2"]);
		});
		sender = new TestClient(fixture, 4);
		assert.deepEqual(sender.send(connect("sender", 1000), ...both(true)), [
			"connack 1",
			"puback 1",
			"pubrec 2",
		]);
		assert.deepEqual(sender.send({ cmd: "pubrel", messageId: 2 }), ["pubcomp 2"]);
		// Of QoS 2 nobody gets it twice.
		assert.deepEqual(fleeting.take(), ["publish a=1 q1"]);
		const expected = ["publish a=1 q1", "publish a=2 q2"];
		const found = new TestClient(again(fixture), 5).send(connect("away", 1000)).slice(1);
		assert.deepEqual(found.sort(), expected);
	});

	test("a transaction that is found in the file after it has failed", () => {
		const fixture = start({ ...SYNC, rules: [{ topicFilter: "lazy", durability: Durability.LAZY }] });
		away(fixture);
		const [sender, fleeting] = [client(fixture, "sender"), new TestClient(fixture, 5)];
		const kept = { retain: true };
		assert.deepEqual(sender.send(publish("before", 0, 1, kept)), ["puback 1"]);
		fixture.host.databases.failAfterCommit = "EIO";
		fleeting.send(connect("fleeting", 1000), publish("a", "x"), { cmd: "disconnect" });
		fixture.advance(2);
		fixture.host.databases.failAfterCommit = "EIO";
		const all = [
			publish("lazy", 1, 1, { messageId: 1 }),
			publish("refused", 2, 1, { messageId: 2, ...kept }),
			publish("before", "", 1, { messageId: 3, ...kept }),
			publish("refused", 4, 2, { messageId: 4 }),
		];
		assert.deepEqual(sender.send(...all), ["puback 1", "puback 2 151", "puback 3 151", "pubrec 4 151"]);
		new TestClient(fixture, 5).send(connect("fleeting", 0), { cmd: "disconnect" });
		fixture.advance(2);
		assert.equal(fixture.host.databases.failAfterCommit, null);
		assert.ok(fixture.lines.at(-1)?.endsWith("can be written again."), fixture.lines.join("\n"));
		const next = again(fixture);
		assert.deepEqual([...next.broker.sessions.keys()].sort(), ["away", "sender"]);
		const reader = new TestClient(next, 5);
		reader.send(connect("sender", 1000));
		// The packet identifier is free: another message is published.
		assert.deepEqual(reader.send(publish("taken", 5, 2, { messageId: 4 })), ["pubrec 4"]);
		const found = new TestClient(next, 5).send(connect("away", 1000));
		assert.deepEqual(found, ["connack 1", "publish before=0 q1", "publish lazy=1 q1", "publish taken=5 q2"]);
		const retained = retainedMatching(next.broker.retained, "#").map(({ topic }) => topic);
		assert.deepEqual(retained, ["before"]);
		const away2 = new TestClient(next, 5);
		away2.send(connect("away", 0, { clean: true }), { cmd: "disconnect" });
		next.store?.flush();
		next.advance(2);
		assert.equal(next.store?.tables?.lastRows().message, 0);
	});

	test("it can be written again when something was written, and not before", () => {
		const fixture = start(SYNC);
		away(fixture);
		fixture.host.databases.failWith = "ENOSPC";
		client(fixture, "sender", 0).send(publish("a", 1));
		fixture.advance(30);
		const told = () => fixture.lines.some((line) => line.startsWith("notice: The database"));
		assert.ok(!told());
		fixture.host.databases.failWith = null;
		fixture.advance(16);
		assert.ok(told());
	});

	test("a subscription is as it was before", () => {
		const fixture = start(SYNC);
		const reader = client(fixture, "reader");
		reader.send(subscribe("a", 1));
		whileFailing(fixture, () => {
			const both = { ...subscribe("b", 1), subscriptions: ["a", "b"].map((topic) => ({ topic, qos: 2 })) };
			assert.deepEqual(reader.send(both), ["suback 151,151"]);
		});
		const sender = client(fixture, "sender", 0);
		sender.send(publish("a", 1, 2), publish("b", 2, 2, { messageId: 2 }));
		assert.deepEqual(reader.take(), ["publish a=1 q1"]);
		assert.equal(again(fixture).broker.tree.count, 1);
	});
});

describe("lazy", () => {
	test("what comes and goes within the interval is not written", () => {
		const fixture = start(LAZY);
		const [reader, sender] = [client(fixture, "reader"), client(fixture, "sender", 0)];
		reader.send(subscribe("a", 1));
		fixture.advance(11);
		const before = fixture.host.databases.writes;
		assert.deepEqual(sender.send(publish("a", 1)), ["puback 1"]);
		reader.send({ cmd: "puback", messageId: 1 });
		assert.equal(fixture.host.databases.writes, before);
		fixture.advance(11);
		// An empty transaction.
		assert.equal(fixture.host.databases.writes, before + 1);
	});

	test("a hundred retained messages of one topic cost one row", () => {
		const fixture = start(LAZY);
		const sender = client(fixture, "sender", 0);
		const before = fixture.host.databases.writes;
		for (let i = 0; i < 100; i++) sender.send(publish("a", i, 1, { retain: true }));
		assert.equal(fixture.host.databases.writes, before);
		fixture.advance(10);
		// The message, the end of the transaction, and what is noted once a day.
		assert.equal(fixture.host.databases.writes, before + 3);
		const reader = client(again(fixture, LAZY), "reader");
		assert.deepEqual(reader.send(subscribe("a", 0)), ["suback 0", "publish a=99 q0 retained"]);
	});

	test("what a crash takes is what came within the interval; what is left fits together", () => {
		const fixture = start(LAZY);
		away(fixture);
		const sender = client(fixture, "sender", 0);
		sender.send(publish("a", 1));
		fixture.advance(11);
		sender.send(publish("a", 2));
		const reader = new TestClient(again(fixture, LAZY), 5);
		assert.deepEqual(reader.send(connect("away", 1000)), ["connack 1", "publish a=1 q1"]);
	});

	test("so many octets, or changes, are written sooner", () => {
		for (const limits of [{ lazyOctets: 1900 }, { lazyChanges: 3 }]) {
			const fixture = start({ ...LAZY, ...limits });
			const sender = client(fixture, "sender", 0);
			const before = fixture.host.databases.writes;
			sender.send(publish("a", "x".repeat(450), 1, { retain: true }));
			assert.equal(fixture.host.databases.writes, before);
			sender.send(publish("b", "x".repeat(450), 1, { retain: true }));
			sender.send(publish("c", "x".repeat(450), 1, { retain: true }));
			assert.equal(fixture.host.databases.writes, before + 5, JSON.stringify(limits));
		}
	});

	test("while nothing can be written, memory is bounded", () => {
		const fixture = start(LAZY);
		away(fixture);
		const sender = client(fixture, "sender", 0);
		fixture.host.databases.failWith = "ENOSPC";
		fixture.advance(11);
		const answers = [];
		for (let i = 0; i < 30; i++) answers.push(...sender.send(publish("a", "x".repeat(60_000))));
		assert.ok(answers.includes("puback 1") && answers.at(-1) === "puback 1 151");
	});
});

describe("by topic", () => {
	test("each message is as sure as its topic; what is in memory only is gone, in order", () => {
		const rules = [
			{ topicFilter: "sure/#", durability: Durability.SYNC },
			{ topicFilter: "fleeting/#", durability: Durability.RAM },
		];
		const store = { ...LAZY, rules };
		const fixture = start(store);
		away(fixture);
		fixture.advance(11);
		const sender = client(fixture, "sender", 0);
		sender.send(publish("fleeting/1", 1), publish("lazy/1", 2, 1, { messageId: 2 }));
		sender.send(
			publish("lazy/kept", "lazy", 1, { retain: true }),
			publish("fleeting/kept", "no", 1, { retain: true }),
		);
		// What is sure takes along what else its receiver has to get.
		sender.send(publish("sure/1", 3), publish("sure/kept", "sure", 1, { retain: true }));
		sender.send(publish("fleeting/2", 4), publish("lazy/2", 5));
		const next = again(fixture, store);
		const reader = new TestClient(next, 5);
		assert.deepEqual(reader.send(connect("away", 1000)), [
			"connack 1",
			"publish lazy/1=2 q1",
			"publish lazy/kept=lazy q1",
			"publish sure/1=3 q1",
			"publish sure/kept=sure q1",
		]);
		assert.deepEqual(client(next, "new").send(subscribe("#", 0)), [
			"suback 0",
			"publish sure/kept=sure q0 retained",
		]);
	});

	test("ram: the limits of queues apply", () => {
		for (const limits of [{ maxQueuedMessages: 3 }, { maxQueuedMessages: 0, maxQueuedBytes: 9 }]) {
			const fixture = createBroker({ sysInterval: 0, ...limits }, {}, false, { durability: Durability.RAM });
			away(fixture);
			const sender = client(fixture, "sender", 0);
			for (let i = 1; i <= 5; i++) sender.send(publish("a", `abc${i}`));
			assert.deepEqual(new TestClient(fixture, 5).send(connect("away", 1000)), [
				"connack 1",
				...[1, 2, 3].map((i) => `publish a=abc${i} q1`),
			]);
			assert.equal(fixture.broker.statistics.dropped, 2);
		}
	});

	test("ram: nothing is written", () => {
		const fixture = start({ durability: Durability.RAM });
		const before = fixture.host.databases.writes;
		away(fixture);
		client(fixture, "sender").send(publish("a", 1, 2), publish("b", 1, 1, { retain: true }));
		fixture.advance(4000);
		assert.ok(fixture.store?.flush());
		assert.equal(fixture.host.databases.writes, before);
		assert.deepEqual(new TestClient(again(fixture), 5).send(connect("away", 1000)), ["connack 0"]);
	});
});
