/** Who waits for the broker's attention: how many, for how long, and who has to go first. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Connection } from "../../../src/host/host.ts";
import { WAITING_LIMIT, Waiting } from "../../../src/listener/waiting.ts";
import { FakeClock } from "../../fake/clock.ts";

function setUp() {
	const clock = new FakeClock();
	const dropped: string[] = [];
	const names = new Map<Connection, string>();
	const waiting = new Waiting(clock, clock, (connection, why) =>
		dropped.push(`${names.get(connection)} ${why}`),
	);
	const add = (name: string): Connection => {
		const connection = { destroy: () => {} } as Connection;
		names.set(connection, name);
		waiting.add(connection);
		return connection;
	};
	return { clock, waiting, dropped, add };
}

test("the oldest of those that still say what they want has to go, not one that is answered", () => {
	const { waiting, dropped, add } = setUp();
	const answered = add("answered");
	waiting.answering(answered);
	for (let number = 1; number < WAITING_LIMIT; number++) add(`head ${number}`);
	assert.deepEqual([waiting.size, dropped], [WAITING_LIMIT, []]);
	add("newcomer");
	add("another");
	assert.deepEqual([waiting.size, dropped], [WAITING_LIMIT, ["head 1 number", "head 2 number"]]);
});

test("of many that are answered the oldest has to go", () => {
	const { waiting, dropped, add } = setUp();
	for (let number = 1; number <= WAITING_LIMIT; number++) waiting.answering(add(`answer ${number}`));
	add("newcomer");
	assert.deepEqual([waiting.size, dropped], [WAITING_LIMIT, ["answer 1 number"]]);
});

test("an answer has more time than a head, in whatever order they came", () => {
	const { clock, waiting, dropped, add } = setUp();
	waiting.answering(add("answer"));
	add("early");
	clock.advance(10_000);
	add("late");
	clock.advance(20_000);
	assert.deepEqual(dropped, ["early time"]);
	clock.advance(10_000);
	assert.deepEqual(dropped, ["early time", "late time"]);
	clock.advance(79_000);
	assert.equal(dropped.length, 2);
	clock.advance(2_000);
	assert.deepEqual(dropped, ["early time", "late time", "answer time"]);
	assert.deepEqual([waiting.size, clock.timers], [0, 0]);
});

test("who is served in time is forgotten", () => {
	const { clock, waiting, dropped, add } = setUp();
	const head = add("head");
	const answer = add("answer");
	waiting.answering(answer);
	waiting.remove(head);
	waiting.remove(answer);
	// What was said of it comes too late.
	waiting.answering(head);
	clock.advance(200_000);
	assert.deepEqual([waiting.size, clock.timers, dropped], [0, 0, []]);
});
