/** One connection: what it does with an ubusd, or somebody behind it, that does not keep to the protocol or the bounds. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Connection } from "../../../src/host/host.ts";
import { MAX_BODY } from "../../../src/ubus/blob.ts";
import type { Invocation } from "../../../src/ubus/invocation.ts";
import {
	Link,
	MAX_INVOCATIONS,
	MAX_OUTPUT,
	MAX_REPLIES,
	MAX_REPLY_OCTETS,
	MAX_REQUESTS,
	Sequence,
} from "../../../src/ubus/link.ts";
import {
	decodeMessage,
	encodeMessage,
	type Message,
	MessageType,
	messageLength,
	type OutgoingAttributes,
} from "../../../src/ubus/message.ts";
import { Status, UbusError } from "../../../src/ubus/status.ts";
import { createFakeHost, type FakePeer } from "../../fake/host.ts";

const { OK } = Status;

async function startLink(sequence = new Sequence()) {
	const host = createFakeHost();
	const peers: FakePeer[] = [];
	host.network.serve("/ubus", 0, (peer) => void peers.push(peer));
	const connection: Connection = await host.network.connect({ host: "/ubus", port: 0 });
	const peer = peers[0]!;
	const invocations: Invocation[] = [];
	/** What the link was told, in order. */
	const told: string[] = [];
	const link = new Link(host, connection, sequence, {
		onHello: () => void told.push("hello"),
		onInvocation: (invocation) => void invocations.push(invocation),
		onActive: (objectId, isActive) => void told.push(`active ${objectId} ${isActive}`),
		onTargetGone: (objectId, target) => void told.push(`gone ${objectId} ${target}`),
		onLost: (reason) => void told.push(reason),
	});
	const say = (type: number, seq: number, from: number, attributes: OutgoingAttributes = {}) =>
		peer.send(encodeMessage(host.utf8, type, seq, from, attributes));
	/** Makes a request; the array gets what comes of it. */
	const ask = (to = 0, timeout = 1_000, then = () => {}): unknown[] => {
		const outcomes: unknown[] = [];
		link.request(
			"asked",
			timeout,
			MessageType.INVOKE,
			to,
			{ objectId: to, method: "m" },
			(error, replies) => {
				outcomes.push(error === null ? replies : error.message);
				then();
			},
		);
		return outcomes;
	};
	/** What the link has sent. */
	const sent = (): Message[] => {
		host.network.turn();
		const bytes = peer.take();
		const messages: Message[] = [];
		for (let at = 0; at < bytes.length; ) {
			const length = messageLength(bytes, at, bytes.length);
			messages.push(decodeMessage(host.utf8, bytes, at, at + length));
			at += length;
		}
		return messages;
	};
	return { host, peer, link, told, invocations, say, ask, sent };
}

test("without a greeting the connection is given up after 5 s", async () => {
	const { host, told, peer } = await startLink();
	host.clock.advance(4_999);
	assert.deepEqual(told, []);
	host.clock.advance(1);
	assert.deepEqual([told, peer.closed], [["no greeting from ubusd"], true]);
});

test("a connection that ends without a greeting was refused", async () => {
	const { host, told, peer } = await startLink();
	peer.end();
	assert.deepEqual(told, ["refused: ubusd does not know our user or group"]);
	assert.equal(host.clock.timers, 0);
});

test("only the first greeting counts, whatever the id", async () => {
	const { host, told, say, link } = await startLink();
	say(MessageType.HELLO, 0, 0);
	say(MessageType.HELLO, 0, 9);
	assert.deepEqual([told, link.clientId, host.clock.timers], [["hello"], 0, 0]);
});

test("what is no message ends the connection", async () => {
	const cases: [number[], string][] = [
		[[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4], "version 1: parse error"],
		[[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3], "a body of 3 octets: parse error"],
		[[0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 1], `a body of ${MAX_BODY + 1} octets: parse error`],
	];
	for (const [octets, text] of cases) {
		const { host, told, peer, say, ask } = await startLink();
		say(MessageType.HELLO, 0, 5);
		const outcomes = ask();
		peer.send([
			...encodeMessage(host.utf8, MessageType.NOTIFY, 0, 0, { objectId: 7 }),
			...octets,
			0,
			0,
			0,
			0,
		]);
		const reason = `ubusd sent what is no message: ${text}`;
		assert.deepEqual(told, ["hello", "active 7 false", reason]);
		assert.deepEqual(outcomes, [`asked: ${reason}: connection failed`]);
		assert.equal(peer.closed, true);
		assert.equal(host.clock.timers, 0);
	}
});

test("messages of unknown types, and such as miss what they need, are ignored", async () => {
	const { told, say, sent, invocations } = await startLink();
	say(MessageType.HELLO, 0, 5);
	for (const type of [MessageType.PING, MessageType.LOOKUP, MessageType.MONITOR, 12, 255]) say(type, 1, 1);
	for (const type of [MessageType.INVOKE, MessageType.NOTIFY, MessageType.UNSUBSCRIBE]) say(type, 1, 1);
	say(MessageType.INVOKE, 1, 1, { objectId: 5 });
	say(MessageType.INVOKE, 1, 1, { method: "m" });
	say(MessageType.DATA, 1, 1, { data: {} });
	say(MessageType.STATUS, 1, 1, { status: OK });
	assert.deepEqual([told, sent(), invocations], [["hello"], [], []]);
	say(MessageType.UNSUBSCRIBE, 1, 1, { objectId: 5 });
	say(MessageType.NOTIFY, 1, 1, { objectId: 6, isActive: true });
	assert.deepEqual(told, ["hello", "gone 5 0", "active 6 true"]);
});

test("replies are matched by number and peer, and come before the status", async () => {
	const { say, ask, host } = await startLink();
	say(MessageType.HELLO, 0, 5);
	const [one, two] = [ask(100), ask(200)];
	say(MessageType.STATUS, 1, 200, { status: OK });
	say(MessageType.STATUS, 2, 100, { status: OK });
	say(MessageType.DATA, 2, 200, { data: {} });
	assert.deepEqual([one, two], [[], []]);
	say(MessageType.STATUS, 2, 200, { status: Status.NO_DATA });
	say(MessageType.STATUS, 1, 100);
	say(MessageType.STATUS, 1, 100, { status: OK });
	assert.deepEqual([one, two], [["asked: unknown error"], ["asked: no data"]]);
	assert.equal(host.clock.timers, 0);
});

test("a reply after its time-out is nobody's", async () => {
	const { say, ask, host } = await startLink();
	say(MessageType.HELLO, 0, 5);
	const one = ask(100, 50);
	host.clock.advance(50);
	assert.deepEqual(one, ["asked: timeout"]);
	const two = ask(100);
	say(MessageType.STATUS, 1, 100, { status: OK });
	assert.deepEqual([one, two], [["asked: timeout"], []]);
});

test("numbers wrap, and leave out those under way", async () => {
	const { say, ask, sent } = await startLink(new Sequence(65_535));
	say(MessageType.HELLO, 0, 5);
	ask();
	ask();
	assert.deepEqual(
		sent().map(({ seq }) => seq),
		[65_535, 0],
	);
	for (let count = 0; count < 65_533; count++) {
		const outcomes = ask();
		say(MessageType.STATUS, count + 1, 0, { status: OK });
		assert.equal(outcomes.length, 1);
	}
	sent();
	ask();
	ask();
	assert.deepEqual(
		sent().map(({ seq }) => seq),
		[65_534, 1],
	);
});

test("requests under way are bounded", async () => {
	const { say, ask, sent, host } = await startLink();
	say(MessageType.HELLO, 0, 5);
	const first = ask();
	for (let count = 1; count < MAX_REQUESTS; count++) ask();
	assert.throws(() => ask(), { code: Status.NO_MEMORY });
	assert.equal(sent().length, MAX_REQUESTS);
	say(MessageType.STATUS, 1, 0, { status: OK });
	assert.equal(first.length, 1);
	ask();
	assert.equal(host.clock.timers, MAX_REQUESTS);
});

test("what one request collects is bounded, by number and by octets", async () => {
	for (const size of [0, 1_000_000]) {
		const { say, ask } = await startLink();
		say(MessageType.HELLO, 0, 5);
		const outcomes = ask();
		const data = { a: "x".repeat(size) };
		const fit = size === 0 ? MAX_REPLIES : Math.floor(MAX_REPLY_OCTETS / size);
		for (let count = 0; count < fit; count++) say(MessageType.DATA, 1, 0, { data });
		assert.deepEqual(outcomes, []);
		say(MessageType.DATA, 1, 0, { data });
		assert.deepEqual(outcomes, ["asked: too many replies: no memory"]);
		say(MessageType.STATUS, 1, 0, { status: OK });
		assert.equal(outcomes.length, 1);
	}
});

test("calls under way are bounded, and room comes back", async () => {
	const { say, sent, invocations } = await startLink();
	say(MessageType.HELLO, 0, 5);
	for (let count = 0; count <= MAX_INVOCATIONS; count++) {
		say(MessageType.INVOKE, count, 77, { objectId: 5, method: "m" });
	}
	assert.equal(invocations.length, MAX_INVOCATIONS);
	const refusal = { objectId: 5, status: Status.NO_MEMORY };
	assert.deepEqual(sent(), [
		{ type: MessageType.STATUS, seq: MAX_INVOCATIONS, peer: 77, attributes: refusal },
	]);
	invocations[0]?.end(OK);
	invocations[0]?.end(OK);
	invocations[1]?.drop();
	for (const seq of [1, 2, 3]) say(MessageType.INVOKE, seq, 78, { objectId: 5, method: "m" });
	assert.equal(invocations.length, MAX_INVOCATIONS + 2);
	assert.deepEqual(
		sent().map(({ peer, attributes }) => [peer, attributes.status]),
		[
			[77, OK],
			[78, Status.NO_MEMORY],
		],
	);
});

test("a call that wants no answer gets none", async () => {
	const { say, sent, invocations } = await startLink();
	say(MessageType.HELLO, 0, 5);
	say(MessageType.INVOKE, 1, 77, { objectId: 5, method: "m", noReply: true });
	invocations[0]?.reply({ a: 1 });
	invocations[0]?.end(OK);
	assert.deepEqual(sent(), []);
});

test("an ubusd that does not read loses us", async () => {
	const { host, say, peer, told, ask, link } = await startLink();
	say(MessageType.HELLO, 0, 5);
	peer.hold();
	const outcomes = ask();
	const data = { a: "x".repeat(MAX_BODY - 100) };
	for (let octets = 0; octets <= MAX_OUTPUT; octets += MAX_BODY - 100) {
		assert.deepEqual(told, ["hello"]);
		link.post(MessageType.NOTIFY, 5, { objectId: 5, method: "m", data, noReply: true });
	}
	host.clock.advance(0);
	assert.deepEqual(told, ["hello", "ubusd does not read"]);
	assert.deepEqual(outcomes, ["asked: ubusd does not read: connection failed"]);
	assert.equal(peer.closed, true);
});

test("the end fails all requests once, and what they start then fails at once", async () => {
	const { say, ask, peer, told, host, link, invocations } = await startLink();
	say(MessageType.HELLO, 0, 5);
	say(MessageType.INVOKE, 1, 77, { objectId: 5, method: "m" });
	const errors: unknown[] = [];
	const outcomes = ask(0, 1_000, () => {
		try {
			ask();
		} catch (error) {
			errors.push(error instanceof UbusError && error.code);
		}
	});
	peer.reset();
	assert.deepEqual(told, ["hello", "Connection reset by peer"]);
	assert.deepEqual(outcomes, ["asked: Connection reset by peer: connection failed"]);
	assert.deepEqual(errors, [Status.CONNECTION_FAILED]);
	assert.equal(host.clock.timers, 0);
	invocations[0]?.reply({});
	invocations[0]?.end(OK);
	link.fail("again");
	link.close();
	assert.equal(told.length, 2);
});

test("closing inside a reply tells each request once", async () => {
	const { say, ask, told, link, peer } = await startLink();
	say(MessageType.HELLO, 0, 5);
	const one = ask(0, 1_000, () => link.close());
	const two = ask();
	say(MessageType.STATUS, 1, 0, { status: OK });
	assert.deepEqual([one, two], [[[]], ["asked: closed: connection failed"]]);
	assert.deepEqual([told, peer.closed], [["hello"], true]);
});

test("notifying: a refusal, a stranger's answer, and subscribers named twice", async () => {
	const { say, link } = await startLink();
	say(MessageType.HELLO, 0, 5);
	const outcomes: unknown[] = [];
	const notify = () =>
		link.notify("notified", 1_000, 5, { objectId: 5, method: "m", data: {} }, (error, answers) => {
			outcomes.push(error?.message ?? answers);
		});
	notify();
	say(MessageType.STATUS, 1, 5, { status: Status.PERMISSION_DENIED });
	notify();
	say(MessageType.STATUS, 2, 60, { status: OK });
	say(MessageType.STATUS, 2, 5, { objectId: 5, subscribers: [60, 60, 70], status: OK });
	say(MessageType.STATUS, 2, 80, { status: OK });
	say(MessageType.DATA, 2, 60, { data: { a: 1 } });
	say(MessageType.STATUS, 2, 60, { status: OK });
	say(MessageType.STATUS, 2, 60, { status: OK });
	assert.equal(outcomes.length, 1);
	say(MessageType.STATUS, 2, 70, { status: 9 });
	const [refusal, answers] = outcomes as [
		string,
		{ subscriber: number; status: number; replies: object[] }[],
	];
	assert.equal(refusal, "notified: permission denied");
	assert.deepEqual(
		answers.map(({ subscriber, status, replies }) => [
			subscriber,
			status,
			replies.map((data) => ({ ...data })),
		]),
		[
			[60, OK, [{ a: 1 }]],
			[70, 9, []],
		],
	);
});
