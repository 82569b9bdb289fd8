// What is written into the tables comes out of them again; messages go with the last delivery that has them.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { utf8 } from "../../../src/node/bytes.ts";
import { openInMemory } from "../../../src/node/database.ts";
import type { Qos } from "../../../src/packet/packet.ts";
import * as packed from "../../../src/store/packed-retained.ts";
import { DeliveryState, NEVER_EXPIRES, type SessionRecord } from "../../../src/store/records.ts";
import { decodeRetained } from "../../../src/store/retained-record.ts";
import { prepareSchema } from "../../../src/store/schema.ts";
import { Tables } from "../../../src/store/tables.ts";

function create(): Tables {
	const database = openInMemory();
	prepareSchema(database, utf8);
	return new Tables(database, utf8);
}

const SESSION: SessionRecord = {
	id: 3,
	clientId: "client",
	username: "ann",
	listener: "1883",
	mountPoint: "home/",
	expiryInterval: NEVER_EXPIRES,
	endsAt: 0,
	lastPacketId: 65535,
	isConnected: true,
};

const MESSAGE = {
	id: 9_007_199_254_740_000,
	topic: "a/ü",
	qos: 2,
	expiresAt: 4_000_000_000,
	properties: {
		payloadFormatIndicator: 1,
		contentType: "text",
		responseTopic: "r",
		correlationData: Uint8Array.of(0, 255),
		userProperty: [
			["a", "1"],
			["a", "2"],
		] as [string, string][],
	},
	payload: Uint8Array.of(1, 2, 0, 3),
} as const;

function delivery(session: number, position: number, message: number | null = MESSAGE.id) {
	return {
		session,
		position,
		message,
		qos: 1,
		retain: true,
		identifier: 268_435_455,
		share: "$share/g/a/#",
		packetId: 7,
		state: DeliveryState.PUBACK,
		octets: 4,
	} as const;
}

describe("tables", () => {
	test("a session, and what it has", () => {
		const tables = create();
		const subscription = {
			session: 3,
			topicFilter: "a/#",
			qos: 2,
			noLocal: true,
			retainAsPublished: true,
			identifier: 5,
		} as const;
		const will = {
			session: 3,
			topic: "w",
			qos: 1,
			retain: true,
			dueAt: 77,
			properties: { willDelayInterval: 5, messageExpiryInterval: 6 },
			payload: Uint8Array.of(9),
		} as const;
		tables.putSession({ ...SESSION, username: null, expiryInterval: 5 });
		tables.putSession(SESSION);
		tables.putSubscription({ ...subscription, qos: 0, noLocal: false });
		tables.putSubscription(subscription);
		tables.putSubscription({ ...subscription, topicFilter: "b" });
		tables.deleteSubscription(3, "b");
		tables.putIncoming(3, 1);
		tables.putIncoming(3, 2);
		tables.deleteIncoming(3, 1);
		tables.putWill(will);
		assert.deepEqual(tables.sessions(0, 10), [SESSION]);
		assert.deepEqual(tables.subscriptions({ session: 0, topicFilter: "" }, 10), [subscription]);
		assert.deepEqual(tables.subscriptions(subscription, 10), []);
		assert.deepEqual(tables.incoming(), [3, 2]);
		assert.deepEqual(tables.wills(), [will]);
		tables.deleteWill(3);
		assert.deepEqual(tables.wills(), []);
		assert.deepEqual(tables.lastRows(), { session: 3, message: 0, retained: 0 });
	});

	test("deliveries come in their order with their message, which is there once", () => {
		const tables = create();
		tables.putMessage(MESSAGE, 1);
		tables.putDelivery(delivery(3, 2));
		tables.putMessage(MESSAGE, 1);
		tables.putDelivery(delivery(3, 1));
		tables.putMessage(MESSAGE, 1);
		tables.putDelivery({ ...delivery(4, 1), state: DeliveryState.QUEUED });
		assert.deepEqual(tables.deliveries(3, 0, 10), [
			{ delivery: delivery(3, 1), message: MESSAGE },
			{ delivery: delivery(3, 2), message: MESSAGE },
		]);
		assert.deepEqual(
			tables.deliveries(3, 1, 1).map((each) => each.delivery.position),
			[2],
		);
		assert.deepEqual(tables.queues(), [
			{ session: 3, deliveries: 2, underWay: 2, octets: 0, last: 2 },
			{ session: 4, deliveries: 1, underWay: 0, octets: 4, last: 1 },
		]);
		assert.equal(tables.deliveriesWithin(3, 0, 10, 1), 1);
		assert.equal(tables.deliveriesWithin(3, 0, 10, 8), 2);

		tables.setDelivery(3, 1, 7, DeliveryState.PUBCOMP, true);
		const [received] = tables.deliveries(3, 0, 1);
		assert.deepEqual(received, {
			delivery: { ...delivery(3, 1, null), state: DeliveryState.PUBCOMP, octets: 0 },
			message: null,
		});
		tables.deleteDelivery(3, 2);
		assert.equal(tables.lastRows().message, MESSAGE.id);
		tables.deleteDelivery(4, 1);
		assert.equal(tables.lastRows().message, 0);
	});

	test("retained messages, by row", () => {
		const tables = create();
		const record = {
			id: 1,
			topic: "a",
			qos: 1,
			expiresAt: 0,
			clientId: "c",
			username: null,
			listener: "/run/mqttd.sock",
			properties: null,
			payload: Uint8Array.of(1),
		} as const;
		tables.putRetained({ ...record, payload: null });
		tables.putRetained(record);
		tables.putRetained({ ...record, id: 2, clientId: null, payload: null });
		// The broker itself has no listener.
		const gone = { ...record, id: 2, clientId: null, listener: "", payload: null };
		assert.deepEqual(tables.retained(0, 10), [
			{ id: 1, record },
			{ id: 2, record: gone },
		]);
		tables.deleteRetained(1);
		assert.equal(tables.retained(0, 10).length, 1);
	});

	test("retained messages as octets: what the broker keeps of them", () => {
		const tables = create();
		const long = "größe/日本/".repeat(40);
		const records = Array.from({ length: 700 }, (_, i) => ({
			id: i === 0 ? 2 ** 44 : i,
			topic: `${i % 3 === 0 ? long : "t/"}${i}`,
			qos: (i % 3) as Qos,
			expiresAt: i % 2 === 0 ? 0 : 4_000_000_000,
			clientId: i % 5 === 0 ? null : `client ${i} é`,
			username: i % 7 === 0 || i % 5 === 0 ? null : "ü",
			listener: i % 5 === 0 ? "" : "1883",
			properties: i % 4 === 0 ? { contentType: "text/plain" } : null,
			payload: new Uint8Array(i === 3 ? 300_000 : i).fill(i),
		}));
		for (const record of records) tables.putRetained(record);
		tables.putRetained({ ...records[1]!, id: 2 ** 44 + 1, topic: "gone", clientId: null, payload: null });
		const found: unknown[] = [];
		let after = 0;
		for (let bytes = tables.packedRetained(after); bytes.length > 0; bytes = tables.packedRetained(after)) {
			const reader = new packed.RecordReader(bytes);
			let count = 0;
			while (reader.read()) {
				count++;
				const { at } = reader;
				assert.ok(reader.isSound && packed.isSound(bytes, at, packed.capacityOf(bytes, at)));
				assert.equal(reader.isPlain, !packed.isGone(bytes, at) && packed.expiryOf(bytes, at) === 0);
				assert.equal(utf8.decode(bytes, reader.topicStart, reader.topicEnd), packed.topicOf(bytes, at, utf8));
				assert.equal(reader.payloadLength, packed.payloadLength(bytes, at));
				assert.equal(reader.payloadLength, packed.payloadOf(bytes, at).length);
				assert.ok(packed.isWritten(bytes, at) && !packed.isDead(bytes, at));
			}
			assert.ok(bytes.length <= 100_000 || count === 1, `${count} in ${bytes.length} octets`);
			const rows = decodeRetained(bytes, utf8);
			assert.equal(rows.length, count);
			for (const { record } of rows) found.push(record);
			after = rows.at(-1)!.id;
			assert.equal(packed.rowOf(bytes, reader.at), after);
		}
		const gone = { ...records[1]!, id: 2 ** 44 + 1, topic: "gone", clientId: null, username: null };
		const expected = [...records.slice(1), records[0]!, { ...gone, listener: "", payload: null }];
		assert.equal(found.length, expected.length);
		for (const [i, record] of expected.entries()) assert.deepEqual(found[i], record);
	});

	test("a session that has ended goes with all that it had, a part at a time", () => {
		const tables = create();
		for (const id of [3, 4]) tables.putSession({ ...SESSION, id, clientId: `c${id}` });
		for (let position = 1; position <= 5; position++) {
			tables.putMessage({ ...MESSAGE, id: position }, 1);
			tables.putDelivery(delivery(3, position, position));
		}
		tables.putIncoming(3, 1);
		tables.putIncoming(4, 1);
		tables.endSession(3);
		assert.deepEqual(
			tables.sessions(0, 10).map(({ id }) => id),
			[4],
		);
		assert.equal(tables.endedSession(), 3);
		tables.purge(3, 3);
		assert.equal(tables.deliveries(3, 0, 10).length, 2);
		tables.purge(3, 3);
		assert.equal(tables.endedSession(), 0);
		assert.deepEqual(tables.lastRows(), { session: 4, message: 0, retained: 0 });
		assert.deepEqual(tables.incoming(), [4, 1]);
	});
});
