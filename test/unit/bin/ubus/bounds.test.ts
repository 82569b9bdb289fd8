/** Long lists: pages fit on the bus, every entry is on one of them, and no turn of the loop does more than a little. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Page } from "../../../../src/bin/ubus/page.ts";
import type { Program } from "../../../../src/bin/ubus/program.ts";
import { retained, topics } from "../../../../src/bin/ubus/topics.ts";
import { Works } from "../../../../src/bin/ubus/works.ts";
import type { Broker } from "../../../../src/broker/broker.ts";
import { Message } from "../../../../src/broker/message.ts";
import { RetainedMessages } from "../../../../src/broker/retained.ts";
import type { Work } from "../../../../src/broker/work.ts";
import { MAX_BODY } from "../../../../src/ubus/blob.ts";
import { encodeMessage, MessageType } from "../../../../src/ubus/message.ts";
import { Status, UbusError } from "../../../../src/ubus/status.ts";
import type { UbusInputTable, UbusTable } from "../../../../src/ubus/value.ts";
import { createFakeHost } from "../../../fake/host.ts";
import { finished, startBroker } from "../../broker/fixture.ts";
import { Bench } from "./bench.ts";

const host = createFakeHost();

/** What an answer comes to on the bus. Throws when it is too long. */
function octets(data: UbusInputTable): number {
	return encodeMessage(host.utf8, MessageType.DATA, 0, 0, { objectId: 1, data }).length;
}

/** What the methods need of a program, with a broker that has these retained messages. */
async function programWith(count: number, topicOf: (n: number) => string) {
	const fixture = await startBroker();
	const { broker } = fixture;
	for (let n = 0; n < count; n++) {
		broker.administration.publish(topicOf(n), Uint8Array.of(49), 0, true);
	}
	const log = { enabled: () => false, write: () => {} };
	return { program: { host: fixture.host, broker, log } as unknown as Program, broker };
}

function steps<T>(work: Work<T>): { count: number; result: T } {
	for (let count = 0; ; count++) {
		const { done, value } = work.next();
		if (done) return { count, result: value };
	}
}

describe("pages", () => {
	test("the longest entries there can be still fit", () => {
		const page = new Page(host.utf8, { limit: 1000 });
		const long = "é".repeat(32_767);
		for (let n = 0; n < 100; n++) page.offer(() => ({ id: long, user: long, topic: long }));
		const result = page.result("clients") as UbusTable;
		assert.ok((result.next as number) > 0);
		assert.ok(octets({ ...result, will: long, more: long, facts: long }) <= MAX_BODY);
	});

	test("clients with long names are on several of them", async () => {
		const bench = await Bench.start();
		for (let n = 0; n < 40; n++) {
			const clientId = `${n}-${"x".repeat(60_000)}`;
			bench.world.visit({ fields: { clientId, properties: { sessionExpiryInterval: 9 } } });
		}
		const ids: string[] = [];
		let pages = 0;
		for (let offset: number | undefined = 0; offset !== undefined; pages++) {
			const { next, clients }: { next?: number; clients: { id: string }[] } = await bench.call("clients", {
				offset,
			});
			ids.push(...clients.map(({ id }) => id.split("-")[0]!));
			offset = next;
		}
		assert.equal(pages, 5);
		assert.deepEqual(
			ids,
			Array.from({ length: 40 }, (_, n) => String(n)),
		);
	});

	test("what is passed over counts as what is looked at", () => {
		for (let offset = 0; offset <= 12; offset++) {
			for (let limit = 1; limit <= 4; limit++) {
				const [one, other] = [0, 1].map(() => new Page(host.utf8, { offset, limit }));
				for (const group of [3, 1, 4, 2]) {
					const entries = Array.from({ length: group }, (_, n) => ({ group, n }));
					for (const entry of entries) one!.offer(() => entry);
					if (!other!.pass(group)) for (const entry of entries) other!.offer(() => entry);
				}
				assert.deepEqual(other!.result("x"), one!.result("x"), `${offset} ${limit}`);
			}
		}
	});
});

describe("100,000 retained messages", () => {
	test("a page of a deep tree takes steps for what is on it and beside it, not for all", async () => {
		const { program } = await programWith(100_000, (n) => `a/${n % 100}/${n}`);
		const { count, result } = steps(retained(program, { offset: 50_000, limit: 1000 }));
		assert.equal(result.total, 100_000);
		assert.equal(result.next, 51_000);
		assert.equal((result.messages as unknown[]).length, 1000);
		assert.ok(count < 3000, `${count} steps`);
		assert.ok(octets(result) <= MAX_BODY);
		const found = finished(retained(program, { search: "/99999" }));
		assert.equal(found.total, 1);
		const level = finished(topics(program, { prefix: "a" })) as {
			total: number;
			topics: { below: number }[];
		};
		assert.deepEqual([level.total, level.topics[7]?.below], [100, 1000]);
	});

	test("of one flat level, too, a page ends; names beginning with $ are not among them", async () => {
		const { program } = await programWith(20_000, (n) => (n % 10 === 0 ? `$x/${n}` : `t${n}`));
		const result = finished(retained(program, { offset: 17_500, limit: 600 }));
		assert.equal(result.total, 18_000);
		assert.equal((result.messages as unknown[]).length, 500);
		assert.equal(result.next, undefined);
	});

	test("clients are served between two pieces, and only so many calls may wait", async () => {
		// What is asked for in a turn comes in the next.
		let next: (() => void)[] = [];
		const works = new Works({
			after(delay, callback) {
				assert.equal(delay, 0);
				next.push(callback);
				return { cancel: () => assert.fail("nobody cancels") };
			},
		});
		const pass = () => {
			const now = next;
			next = [];
			for (const callback of now) callback();
		};
		const turns: number[] = [];
		let turn = 0;
		function* long(): Work<string> {
			for (let step = 0; step < 1000; step++) {
				turns[turn] = (turns[turn] ?? 0) + 1;
				yield;
			}
			return "done";
		}
		const first = works.run(long());
		let isOver = false;
		void first.then(() => {
			isOver = true;
		});
		while (!isOver) {
			turn++;
			pass();
			await new Promise((resolve) => setImmediate(resolve));
		}
		assert.deepEqual(turns, [128, 128, 128, 128, 128, 128, 128, 104]);
		assert.equal(await first, "done");

		const waiting = Array.from({ length: 8 }, () => works.run(long()));
		await assert.rejects(works.run(long()), (error) => {
			return error instanceof UbusError && error.code === Status.NO_MEMORY;
		});
		for (let n = 0; n < 8; n++) pass();
		assert.deepEqual(await Promise.all(waiting), Array(8).fill("done"));
		const failing = works.run(
			// biome-ignore lint/correctness/useYield: it fails at once
			(function* (): Work<string> {
				throw new UbusError(Status.NOT_FOUND, "x");
			})(),
		);
		await assert.rejects(failing, UbusError);
	});
});

describe("how many retained messages there are", () => {
	test("at and below each level, as they come and go in any order", async () => {
		const model = new Set<string>();
		let seed = 7;
		const random = (below: number) => {
			seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
			return Math.floor((seed / 2_147_483_648) * below);
		};
		const { broker } = await startBroker();
		const messages = new RetainedMessages(broker.host.utf8);
		for (let round = 0; round < 3000; round++) {
			const topic = Array.from({ length: 1 + random(4) }, () => "abc"[random(3)]).join("/");
			if (random(3) === 0) {
				messages.remove(topic);
				model.delete(topic);
			} else {
				messages.set(messageOf(broker, topic));
				model.add(topic);
			}
			const prefix = topic.slice(0, 1 + 2 * random(3));
			const below = [...model].filter((each) => each === prefix || each.startsWith(`${prefix}/`)).length;
			assert.equal(messages.level(prefix.split("/"))?.total ?? 0, below, `round ${round}: ${prefix}`);
			assert.equal(messages.count, model.size);
		}
	});
});

function messageOf(broker: Broker, topic: string) {
	const { utf8 } = broker.host;
	const bytes = utf8.encode(topic);
	return new Message(topic, bytes, bytes, 0, null, 0);
}
