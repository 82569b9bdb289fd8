// Deadlines: what is due is called once, at its second or as soon after it as time passes.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Deadlines, type Due } from "../../../src/broker/deadlines.ts";

/** Writes down when it is called, and asks to be called again at given seconds. */
class Item implements Due {
	readonly calls: number[] = [];
	private readonly again: number[];

	constructor(...again: number[]) {
		this.again = again;
	}

	due(now: number): number {
		this.calls.push(now);
		return this.again.shift() ?? 0;
	}
}

test("an item is called at its second and not before", () => {
	const deadlines = new Deadlines(100);
	const item = new Item();
	deadlines.schedule(105, item);
	deadlines.advance(104);
	assert.deepEqual(item.calls, []);
	deadlines.advance(105);
	assert.deepEqual(item.calls, [105]);
	deadlines.advance(200);
	assert.deepEqual(item.calls, [105]);
});

test("a second that is past means the next one", () => {
	const deadlines = new Deadlines(100);
	const item = new Item();
	deadlines.schedule(3, item);
	deadlines.advance(100);
	assert.deepEqual(item.calls, []);
	deadlines.advance(101);
	assert.deepEqual(item.calls, [101]);
});

test("an item may ask to be called again, also within the seconds being caught up", () => {
	const deadlines = new Deadlines(0);
	const item = new Item(5, 20, 0);
	deadlines.schedule(3, item);
	deadlines.advance(4);
	deadlines.advance(5);
	deadlines.advance(30);
	assert.deepEqual(item.calls, [4, 5, 30]);
});

test("a long sleep of the machine is caught up at once, in order", () => {
	const deadlines = new Deadlines(0);
	const order: string[] = [];
	const item = (name: string): Due => ({
		due: () => {
			order.push(name);
			return 0;
		},
	});
	deadlines.schedule(900_000, item("late"));
	deadlines.schedule(10, item("early"));
	deadlines.schedule(5_000_000, item("not yet"));
	deadlines.advance(1_000_000);
	assert.deepEqual(order, ["early", "late"]);
	deadlines.advance(5_000_000);
	assert.deepEqual(order, ["early", "late", "not yet"]);
});

test("every item is called exactly once, at the first step of time that reaches it", () => {
	const seconds = fc.integer({ min: 1, max: 300 });
	fc.assert(
		fc.property(fc.array(seconds), fc.array(fc.integer({ min: 1, max: 100 })), (due, steps) => {
			const deadlines = new Deadlines(0);
			const items = due.map((second) => {
				const item = new Item();
				deadlines.schedule(second, item);
				return { second, item };
			});
			let now = 0;
			const times: number[] = [];
			for (const step of steps) {
				now += step;
				times.push(now);
				deadlines.advance(now);
			}
			for (const { second, item } of items) {
				const reached = times.find((time) => time >= second);
				assert.deepEqual(item.calls, reached === undefined ? [] : [reached]);
			}
		}),
	);
});
