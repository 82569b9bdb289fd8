// SubscriptionTree and RetainedMessages find what a naive comparison of each filter with each topic finds.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Limits } from "../../../src/broker/limits.ts";
import { Message } from "../../../src/broker/message.ts";
import { RetainedMessages } from "../../../src/broker/retained.ts";
import { Session } from "../../../src/broker/session.ts";
import { defaultBrokerSettings } from "../../../src/broker/settings.ts";
import { Statistics } from "../../../src/broker/statistics.ts";
import { Subscription, SubscriptionTree } from "../../../src/broker/subscription-tree.ts";
import { utf8 } from "../../../src/node/bytes.ts";
import { retainedMatching } from "./retained-matching.ts";

const statistics = new Statistics();
const limits = new Limits({ seconds: 1 }, { enabled: () => false, write: () => {} });
const SESSIONS = ["a", "b", "c"].map((id) => new Session(id, defaultBrokerSettings, statistics, limits));

const level = fc.constantFrom("", "a", "b", "$SYS", "$x", "é", "constructor", "__proto__");
const topic = fc
	.array(level, { minLength: 1, maxLength: 5 })
	.map((levels) => levels.join("/"))
	.filter((text) => text !== "");
const filter = fc
	.tuple(fc.array(fc.oneof(level, fc.constant("+")), { minLength: 0, maxLength: 4 }), fc.boolean())
	.map(([levels, rest]) => (rest ? [...levels, "#"] : levels).join("/"))
	.filter((text) => text !== "");

/** Section 4.7, word by word. */
function matches(topicFilter: string, name: string): boolean {
	const filters = topicFilter.split("/");
	const names = name.split("/");
	if (name.startsWith("$") && (filters[0] === "+" || filters[0] === "#")) return false;
	for (const [i, part] of filters.entries()) {
		if (part === "#") return names.length >= i;
		if (i >= names.length) return false;
		if (part !== "+" && part !== names[i]) return false;
	}
	return filters.length === names.length;
}

const change = fc.record({
	session: fc.constantFrom(...SESSIONS),
	filter,
	add: fc.boolean(),
	qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
});

test("the tree finds the subscriptions that match, whatever came and went before", () => {
	fc.assert(
		fc.property(
			fc.array(change, { maxLength: 40 }),
			fc.array(topic, { minLength: 1, maxLength: 8 }),
			(changes, topics) => {
				const tree = new SubscriptionTree();
				const model = new Map<string, Subscription>();
				for (const { session, filter: topicFilter, add, qos } of changes) {
					const key = `${session.clientId} ${topicFilter}`;
					if (add) {
						const subscription = new Subscription(session, topicFilter, qos, false, false, 0);
						tree.add(subscription);
						model.set(key, subscription);
					} else {
						assert.equal(tree.remove(session, topicFilter), model.delete(key), `removal of ${key}`);
					}
					assert.equal(tree.count, model.size);
				}
				for (const name of topics) {
					const found = tree.match(name).subscriptions;
					assert.equal(new Set(found).size, found.length, "none twice");
					const expected = [...model.values()].filter((each) => matches(each.topicFilter, name));
					assert.deepEqual(new Set(found), new Set(expected), name);
				}
			},
		),
		{ numRuns: 500 },
	);
});

test("a tree that everything was removed from holds nothing", () => {
	fc.assert(
		fc.property(fc.array(filter, { maxLength: 30 }), (filters) => {
			const tree = new SubscriptionTree();
			const [session] = SESSIONS;
			for (const each of filters) tree.add(new Subscription(session!, each, 1, false, false, 0));
			for (const each of filters) tree.remove(session!, each);
			assert.equal(tree.count, 0);
			assert.deepEqual(tree.describe(), ["    ", "    $SYS", "    "]);
			// Not even empty levels: they would add up under ever new filters.
			const { root } = tree as unknown as { root: { children: Map<string, unknown> } };
			assert.equal(root.children.size, 0);
		}),
	);
});

test("retained messages are found by filter, replaced, removed and forgotten when they expire", () => {
	const length = fc.oneof(fc.nat(40), fc.nat(6000));
	const step = fc.record({ topic, remove: fc.boolean(), lifetime: fc.integer({ min: 0, max: 20 }), length });
	fc.assert(
		fc.property(fc.array(step, { maxLength: 40 }), fc.array(filter, { maxLength: 8 }), (steps, filters) => {
			const retained = new RetainedMessages(utf8);
			const model = new Map<string, Message>();
			for (const { topic: name, remove, lifetime, length } of steps) {
				if (remove) {
					retained.remove(name);
					model.delete(name);
				} else {
					const message = new Message(
						name,
						utf8.encode(name),
						new Uint8Array(length).fill(length),
						0,
						null,
						lifetime,
					);
					retained.set(message);
					model.set(name, message);
				}
				assert.equal(retained.count, model.size);
			}
			for (const now of [5, 15, 100]) {
				retained.removeExpired(now);
				for (const topicFilter of filters) {
					const messages = retainedMatching(retained, topicFilter);
					for (const { topic, payload } of messages) assert.deepEqual(payload, model.get(topic)!.payload);
					const found = messages.map(({ topic }) => topic);
					const expected = [...model.values()].filter((message) => {
						const alive = message.expiresAt === 0 || message.expiresAt > now;
						return alive && matches(topicFilter, message.topic);
					});
					assert.equal(new Set(found).size, found.length, "none twice");
					assert.deepEqual(
						new Set(found),
						new Set(expected.map((each) => each.topic)),
						`${topicFilter} at ${now}`,
					);
				}
			}
			for (const name of model.keys()) retained.remove(name);
			assert.equal(retained.count, 0);
			assert.equal(retained.level([])?.size, 0, "no empty levels stay");
		}),
		{ numRuns: 500 },
	);
});

test("values that change in length, for ever: each is the last one, and memory is not used up", () => {
	const retained = new RetainedMessages(utf8);
	const { blocks } = retained as unknown as { blocks: { blocks: ({ bytes: Uint8Array } | null)[] } };
	const octets = () => blocks.blocks.reduce((sum, block) => sum + (block?.bytes.length ?? 0), 0);
	const TOPICS = 200;
	const last = new Map<string, number>();
	for (let round = 0; round < 20_000; round++) {
		// One topic in ten stays as it was at first.
		const name = `t/${round % TOPICS}`;
		if (round >= TOPICS && round % 10 === 0) continue;
		const length = (round * 7919) % 700;
		retained.set(new Message(name, utf8.encode(name), new Uint8Array(length).fill(round), 0, null, 0));
		last.set(name, round);
	}
	for (const [name, round] of last) {
		const [found] = retainedMatching(retained, name);
		assert.deepEqual(found?.payload, new Uint8Array((round * 7919) % 700).fill(round));
	}
	assert.ok(octets() < TOPICS * 700 * 3, `${octets()} octets`);
	for (const name of last.keys()) retained.remove(name);
	assert.ok(octets() <= 16_384, `${octets()} octets without a message`);
	assert.equal(retained.octets, 0);
});
