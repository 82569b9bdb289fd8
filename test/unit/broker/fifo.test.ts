/** Queues beside plain arrays. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Copy } from "../../../src/broker/copy.ts";
import { Fifo } from "../../../src/broker/fifo.ts";
import { Message } from "../../../src/broker/message.ts";
import { MessageQueue } from "../../../src/broker/message-queue.ts";
import type { Qos } from "../../../src/packet/packet.ts";

/** Bursts of so many pushes, then so many shifts. */
const bursts = fc.array(fc.tuple(fc.nat(700), fc.nat(700)), { maxLength: 8 });

test("a queue gives what an array gives, also past many shifts", () => {
	fc.assert(
		fc.property(bursts, (work) => {
			const fifo = new Fifo<number>();
			const model: number[] = [];
			let next = 0;
			for (const [pushes, shifts] of work) {
				for (let i = 0; i < pushes; i++) {
					fifo.push(next);
					model.push(next++);
				}
				for (let i = 0; i < shifts && model.length > 0; i++) {
					assert.equal(fifo.first(), model[0]);
					assert.equal(fifo.shift(), model.shift());
				}
				assert.equal(fifo.length, model.length);
				assert.deepEqual([...fifo], model);
			}
		}),
	);
});

test("a message queue counts its octets and its QoS 0 messages, whatever leaves it", () => {
	const item = fc.record({ size: fc.nat(20), qos: fc.constantFrom<Qos>(0, 1, 2) });
	fc.assert(
		fc.property(fc.array(item), fc.nat(10), fc.nat(10), (items, shifts, taken) => {
			const queue = new MessageQueue();
			for (const { size, qos } of items) {
				const message = new Message("t", Uint8Array.of(116), new Uint8Array(size), qos, null, 0);
				queue.push(new Copy(message, qos, false, 0, null));
			}
			for (let i = 0; i < shifts && queue.length > 0; i++) queue.shift();
			const before = [...queue];
			let left = taken;
			queue.takeQos0(() => left-- > 0);
			const gone = before.filter((each) => each.qos === 0).slice(0, taken);
			const rest = before.filter((each) => !gone.includes(each));
			assert.deepEqual([...queue], rest);
			assert.equal(queue.qos0, rest.filter((each) => each.qos === 0).length);
			assert.equal(
				queue.bytes,
				rest.reduce((sum, each) => sum + each.octets, 0),
			);
		}),
	);
});
