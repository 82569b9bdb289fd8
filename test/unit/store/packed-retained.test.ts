// Records of retained messages: whatever octets a damaged database gives, nothing is read beyond them.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { utf8 } from "../../../src/node/bytes.ts";
import { openInMemory } from "../../../src/node/database.ts";
import * as packed from "../../../src/store/packed-retained.ts";
import type { RetainedRecord } from "../../../src/store/records.ts";
import { decodeRetained, encodeRetained } from "../../../src/store/retained-record.ts";
import { prepareSchema } from "../../../src/store/schema.ts";
import { Tables } from "../../../src/store/tables.ts";

const PLAIN = {
	topic: "a/b",
	qos: 1,
	expiresAt: 0,
	clientId: "c",
	username: null,
	listener: "1883",
	properties: null,
	payload: Uint8Array.of(1, 2, 3),
} as const;

const RECORDS: readonly Omit<RetainedRecord, "id">[] = [
	PLAIN,
	{ ...PLAIN, username: "u", expiresAt: 4_000_000_000, properties: { contentType: "text" } },
	{ ...PLAIN, clientId: null, listener: "", payload: null },
	{ ...PLAIN, topic: "t".repeat(130), payload: new Uint8Array(200), clientId: "c".repeat(300) },
	{ ...PLAIN, payload: new Uint8Array(20_000) },
];

/** The octets of a record as a row that stands between two others. */
function between(record: Uint8Array): Uint8Array {
	const rows = [encodeRetained(PLAIN, utf8), record, encodeRetained(PLAIN, utf8)].map((octets, row) => {
		const bytes = new Uint8Array(packed.PREFIX + octets.length);
		packed.setCapacity(bytes, 0, bytes.length);
		packed.setRow(bytes, 0, row + 1, true);
		bytes.set(octets, packed.PREFIX);
		return [...bytes];
	});
	return Uint8Array.from(rows.flat());
}

/** Reads all of the second row in every way; whether it is taken for a sound one. */
function readAll(bytes: Uint8Array): boolean {
	const reader = new packed.RecordReader(bytes);
	assert.ok(reader.read() && reader.isSound && reader.read());
	const { at, isSound } = reader;
	if (isSound) {
		assert.ok(reader.topicEnd + reader.payloadLength <= at + packed.capacityOf(bytes, at));
		utf8.decode(bytes, reader.topicStart, reader.topicEnd);
		packed.payloadOf(bytes, at);
		packed.sourceOf(bytes, at, utf8);
		packed.propertiesOf(bytes, at, utf8);
		packed.expiryOf(bytes, at);
	}
	assert.ok(reader.read() && reader.isSound && !reader.read());
	const rows = decodeRetained(bytes, utf8);
	assert.deepEqual(
		rows.map(({ id }) => id),
		[1, 2, 3],
	);
	assert.deepEqual(rows[0]?.record, { id: 1, ...PLAIN });
	assert.deepEqual(rows[2]?.record, { id: 3, ...PLAIN });
	return isSound;
}

describe("records", () => {
	test("come back as they were", () => {
		for (const record of RECORDS) {
			const bytes = between(encodeRetained(record, utf8));
			assert.ok(readAll(bytes));
			assert.deepEqual(decodeRetained(bytes, utf8)[1]?.record, { id: 2, ...record });
		}
	});

	test("that are cut short or have something after them are damaged", () => {
		for (const record of RECORDS.slice(0, 4)) {
			const octets = encodeRetained(record, utf8);
			for (let length = 0; length < octets.length; length++) {
				assert.equal(readAll(between(octets.subarray(0, length))), false, `${length} octets`);
			}
			assert.equal(readAll(between(Uint8Array.from([...octets, 0]))), false);
		}
	});

	test("with any octet changed are read without harm", () => {
		for (const record of RECORDS.slice(0, 4)) {
			const octets = encodeRetained(record, utf8);
			for (let at = 0; at < octets.length; at++) {
				for (const value of [0, 1, 127, 128, 255, octets[at]! ^ 1, octets[at]! ^ 64]) {
					readAll(between(octets.with(at, value)));
				}
			}
		}
	});

	test("that are damaged are left out of what is read of the tables", () => {
		const database = openInMemory();
		prepareSchema(database, utf8);
		const tables = new Tables(database, utf8);
		for (const id of [1, 2, 3, 4]) tables.putRetained({ ...PLAIN, id });
		const damage = database.prepare("UPDATE retained_message SET record = ? WHERE id = ?");
		damage.run(Uint8Array.of(), 1);
		damage.run("text", 2);
		const spoilt = encodeRetained(PLAIN, utf8);
		// No UTF-8.
		damage.run(spoilt.with(3, 255), 4);
		assert.deepEqual(tables.retained(0, 10), [
			{ id: 1, record: null },
			{ id: 2, record: null },
			{ id: 3, record: { ...PLAIN, id: 3 } },
			{ id: 4, record: null },
		]);
	});
});
