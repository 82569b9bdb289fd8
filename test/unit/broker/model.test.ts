// Random clients at one broker, compared with a model of who is to get what.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { topicMatches } from "../../../src/packet/packet.ts";
import { type Fixture, startBroker } from "./fixture.ts";
import { RandomClient, WINDOW } from "./random-client.ts";

/** A copy that a subscriber is to get. */
interface Copy {
	readonly topic: string;
	readonly payload: string;
	readonly qos: number;
}

/** What the broker has to know about a client. */
class Model {
	readonly client: RandomClient;
	readonly subscriptions = new Map<string, number>();
	/** Copies of the present session, from its beginning. */
	due: Copy[] = [];
	/** Copies of all sessions. */
	readonly allowed = new Set<string>();
	/** Where in `client.received` the present session begins. */
	receivedFrom = 0;

	constructor(client: RandomClient) {
		this.client = client;
	}

	newSession(): void {
		this.subscriptions.clear();
		this.due = [];
		this.receivedFrom = this.client.received.length;
	}

	/** A message is published: the copy that is for this client. */
	offer(topic: string, payload: string, qos: number): void {
		const granted = [...this.subscriptions]
			.filter(([filter]) => topicMatches(filter, topic))
			.map(([, max]) => max);
		if (granted.length === 0) return;
		const copy = { topic, payload, qos: Math.min(qos, Math.max(...granted)) };
		if (copy.qos === 0 && !this.client.connected) return;
		this.due.push(copy);
		this.allowed.add(`${topic} ${payload} ${copy.qos}`);
	}
}

const command = fc.record({
	who: fc.nat({ max: 3 }),
	action: fc.oneof(
		{ weight: 2, arbitrary: fc.constant("connect" as const) },
		{ weight: 1, arbitrary: fc.constantFrom("disconnect" as const, "drop" as const, "unsubscribe" as const) },
		{ weight: 3, arbitrary: fc.constant("subscribe" as const) },
		{ weight: 8, arbitrary: fc.constant("publish" as const) },
		{ weight: 4, arbitrary: fc.constant("read" as const) },
		{ weight: 4, arbitrary: fc.constant("acknowledge" as const) },
	),
	filter: fc.constantFrom("a", "a/bc", "a/+", "#", "+", "$x/#"),
	topic: fc.constantFrom("a", "a", "a/bc", "$x/b"),
	qos: fc.constantFrom(0, 1, 2, 2),
	count: fc.integer({ min: 1, max: 4 }),
});
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

/** Publishers number their messages: `WHO.NUMBER`. */
class World {
	readonly models: Model[];
	private numbers = 0;
	/** Messages that a publisher sent again: they may come late. */
	private readonly repeated = new Set<string>();

	constructor(fixture: Fixture) {
		this.models = [
			new RandomClient(fixture, "c0", 4, true),
			new RandomClient(fixture, "c1", 5, true),
			new RandomClient(fixture, "c2", 4, false),
			new RandomClient(fixture, "c3", 5, false),
		].map((client) => new Model(client));
		for (const [who, model] of this.models.entries()) {
			this.connect(model);
			const qos = who < 2 ? 2 : 1;
			model.subscriptions.set("a", qos);
			model.client.subscribe("a", qos);
		}
	}

	run({ who, action, filter, topic, qos, count }: Command): void {
		const model = this.models[who]!;
		const { client } = model;
		if (action === "connect") {
			if (!client.persistent) model.newSession();
			this.connect(model);
		} else if (!client.connected) {
			// Most stay away for a few commands only.
			if (count > 2) this.connect(model);
		} else {
			switch (action) {
				case "disconnect":
				case "drop":
					client[action]();
					if (!client.persistent) model.newSession();
					break;
				case "subscribe":
					model.subscriptions.set(filter, qos);
					client.subscribe(filter, qos);
					break;
				case "unsubscribe":
					model.subscriptions.delete(filter);
					client.unsubscribe(filter);
					break;
				case "publish":
					this.publish(client, topic, client.hasRoom ? qos : 0);
					break;
				case "read":
					client.read();
					break;
				default:
					client.acknowledge(count);
			}
		}
	}

	private connect({ client }: Model): void {
		client.connect(undefined, ({ topic, payload }) => {
			this.repeated.add(payload as string);
			for (const model of this.models) model.offer(topic as string, payload as string, 1);
		});
	}

	private publish(client: RandomClient, topic: string, qos: number): void {
		const payload = `${client.id}.${this.numbers++}`;
		for (const model of this.models) model.offer(topic, payload, qos);
		client.publish(topic, payload, qos);
	}

	/** Everybody comes back, reads and acknowledges, until nothing moves any more. */
	settle(): void {
		for (const model of this.models)
			if (!model.client.connected && model.client.persistent) this.connect(model);
		for (let moved = true; moved; ) {
			moved = false;
			for (const { client } of this.models) {
				if (!client.connected) continue;
				if (client.read()) moved = true;
				if (client.acknowledge(Infinity)) moved = true;
			}
		}
	}

	check(): void {
		for (const model of this.models) {
			checkAllowed(model);
			if (model.client.connected) checkComplete(model);
			checkOrder(model, this.repeated);
		}
	}
}

/** Nobody gets what it did not subscribe to. */
function checkAllowed({ client, allowed }: Model): void {
	for (const { topic, payload, qos } of client.received) {
		assert.ok(
			allowed.has(`${topic} ${payload} ${qos}`),
			`${client.id} got ${payload} on ${topic} at QoS ${qos}`,
		);
	}
}

/** QoS 1 at least once, QoS 2 exactly once, QoS 0 at most once. */
function checkComplete({ client, due, receivedFrom }: Model): void {
	const counts = new Map<string, number>();
	for (const { payload, qos } of client.received.slice(receivedFrom)) {
		counts.set(`${payload} ${qos}`, (counts.get(`${payload} ${qos}`) ?? 0) + 1);
	}
	for (const { payload, qos } of due) {
		const count = counts.get(`${payload} ${qos}`) ?? 0;
		const most = due.filter((copy) => copy.payload === payload && copy.qos === 0).length;
		if (qos === 0) assert.ok(count <= most, `${client.id} got ${payload} ${count} times at QoS 0`);
		if (qos === 1) assert.ok(count >= 1, `${client.id} did not get ${payload} at QoS 1`);
		if (qos === 2) assert.equal(count, 1, `${client.id} got ${payload} ${count} times at QoS 2`);
	}
}

/** Messages of one publisher, topic and QoS come in order, repetitions aside. */
function checkOrder({ client, receivedFrom }: Model, repeated: ReadonlySet<string>): void {
	const seen = new Set<string>(repeated);
	const last = new Map<string, number>();
	for (const { topic, payload, qos } of client.received.slice(receivedFrom)) {
		if (seen.has(payload)) continue;
		seen.add(payload);
		const [publisher, number] = payload.split(".");
		const stream = `${publisher} ${topic} ${qos}`;
		assert.ok(Number(number) > (last.get(stream) ?? -1), `${client.id}: ${payload} came late`);
		last.set(stream, Number(number));
	}
}

test("random clients get what they are to get: no more, no less, in order", async () => {
	await fc.assert(
		fc.asyncProperty(fc.array(command, { minLength: 10, maxLength: 200, size: "max" }), async (commands) => {
			const fixture = await startBroker({ maxInflightMessages: WINDOW, maxQueuedMessages: 0 });
			const world = new World(fixture);
			for (const each of commands) world.run(each);
			world.settle();
			world.check();
			for (const { client } of world.models) {
				client.connect(true);
				client.disconnect();
			}
			// Sessions that outlive their connection end with their interval.
			fixture.advance(102);
			assert.deepEqual([...fixture.broker.sessions.keys()], []);
			assert.equal(fixture.broker.tree.count, 0);
			assert.deepEqual(
				fixture.lines.filter((line) => line.startsWith("error:")),
				[],
			);
		}),
		{ numRuns: 200 },
	);
});
