// A database of an older version becomes one of ours with all that it has, or stays as it is.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Database } from "../../../src/host/database.ts";
import type { Log } from "../../../src/host/log.ts";
import { utf8 } from "../../../src/node/bytes.ts";
import { openInMemory } from "../../../src/node/database.ts";
import { openDatabase } from "../../../src/store/open.ts";
import { NEVER_EXPIRES, type RetainedRecord, type SessionRecord } from "../../../src/store/records.ts";
import { prepareSchema, SCHEMA_VERSION, SchemaError } from "../../../src/store/schema.ts";
import { Tables } from "../../../src/store/tables.ts";
import { createFakeHost } from "../../fake/host.ts";

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

const PLAIN: RetainedRecord = {
	id: 1,
	topic: "a/größe",
	qos: 1,
	expiresAt: 0,
	clientId: "publisher",
	username: null,
	listener: "1883",
	properties: null,
	payload: Uint8Array.of(0, 255),
};

/** As the versions before 3 had them, and as they are to be. */
const RETAINED: readonly RetainedRecord[] = [
	PLAIN,
	{ ...PLAIN, id: 2, topic: "b", username: "joe", expiresAt: 4_000_000_000, qos: 2 },
	{ ...PLAIN, id: 3, topic: "c", clientId: null, listener: "", properties: { contentType: "x" }, qos: 0 },
	{ ...PLAIN, id: 4, topic: "gone", clientId: null, listener: "", payload: null },
	{ ...PLAIN, id: 2 ** 48 - 1, topic: "large", payload: new Uint8Array(300_000).fill(7) },
	...Array.from({ length: 450 }, (_, i) => ({ ...PLAIN, id: 2 ** 48 + i, topic: `t/${i}` })),
];

/** Has our version's database be one of version 1 or 2. */
function makeOlder(database: Database, version: 1 | 2): void {
	prepareSchema(database, utf8);
	new Tables(database, utf8).putSession(SESSION);
	if (version === 1) database.exec("DROP TABLE usage");
	database.exec(`
		DROP TABLE retained_message;
		CREATE TABLE retained (
			id INTEGER PRIMARY KEY, topic TEXT NOT NULL, qos INTEGER NOT NULL, expires_at INTEGER NOT NULL,
			client_id TEXT, username TEXT, listener TEXT NOT NULL, properties BLOB, payload BLOB
		);
		PRAGMA user_version = ${version}`);
	const insert = database.prepare("INSERT INTO retained VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
	for (const each of RETAINED) {
		const { id, topic, qos, expiresAt, clientId, username, listener, payload } = each;
		// "Content Type" (3) is "x".
		const list = each.properties === null ? null : Uint8Array.of(3, 0, 1, 120);
		insert.run(id, topic, qos, expiresAt, clientId, username, listener, list, payload);
	}
}

function versionOf(database: Database): unknown {
	return database.prepare("PRAGMA user_version").get()?.[0];
}

/** All retained messages, as the tables give them. */
function retained(tables: Tables): (RetainedRecord | null)[] {
	const found: (RetainedRecord | null)[] = [];
	let after = 0;
	for (let part = tables.retained(after, 100); part.length > 0; part = tables.retained(after, 100)) {
		for (const { id, record } of part) {
			assert.ok(id > after);
			after = id;
			found.push(record);
		}
	}
	return found;
}

describe("schema", () => {
	test("is made once", () => {
		const database = openInMemory();
		prepareSchema(database, utf8);
		new Tables(database, utf8).putSession(SESSION);
		prepareSchema(database, utf8);
		assert.equal(new Tables(database, utf8).sessions(0, 10).length, 1);
	});

	for (const older of [1, 2] as const) {
		test(`version ${older} becomes ours, in a transaction, with what it has`, () => {
			const database = openInMemory();
			makeOlder(database, older);
			const failing: Database = {
				prepare: (sql) => database.prepare(sql),
				rollback: () => database.rollback(),
				close: () => database.close(),
				exec(sql) {
					if (sql.startsWith("COMMIT")) throw new Error("fails");
					database.exec(sql);
				},
			};
			assert.throws(() => prepareSchema(failing, utf8), /fails/);
			const names = () => database.prepare("SELECT name FROM sqlite_schema ORDER BY name").all();
			assert.equal(versionOf(database), older);
			assert.deepEqual(
				["retained", "retained_message", "usage"].map((name) => names().includes(name)),
				[true, false, older === 2],
			);
			prepareSchema(database, utf8);
			const tables = new Tables(database, utf8);
			assert.equal(versionOf(database), SCHEMA_VERSION);
			assert.ok(!names().includes("retained"));
			assert.equal(tables.sessions(0, 10).length, 1);
			assert.deepEqual(retained(tables), RETAINED);
			assert.equal(tables.usage(), null);
			const usage = { day: 20_000, octets: 2 ** 40, logSize: 5 };
			tables.putUsage({ ...usage, octets: 1 });
			tables.putUsage(usage);
			assert.deepEqual(tables.usage(), usage);
		});

		test(`what can be read of a damaged one of version ${older} is carried over, and it stays as it is`, () => {
			const host = createFakeHost();
			const lines: string[] = [];
			const log: Log = { enabled: () => true, write: (_, text) => void lines.push(text) };
			const old = host.databases.open("/db");
			makeOlder(old, older);
			// Only a damaged file says so.
			old.exec("UPDATE retained SET payload = 'text' WHERE id = 2");
			old.close();
			const { tables } = openDatabase(host, log, "/db", true);
			assert.deepEqual(
				retained(tables),
				RETAINED.filter(({ id }) => id !== 2),
			);
			assert.equal(tables.sessions(0, 10).length, 1);
			const aside = /is kept as '(.*)'/.exec(lines[0] ?? "")?.[1] ?? "";
			assert.equal(versionOf(host.databases.open(aside)), older);
			// A row without payload says that there is none.
			const count = RETAINED.length - 2;
			assert.match(
				lines.at(-1) ?? "",
				new RegExp(`1 sessions, 0 messages to them and ${count} retained messages\\. The rest could not`),
			);
		});
	}

	test("a newer one, and that of another program, is left alone", () => {
		const newer = openInMemory();
		prepareSchema(newer, utf8);
		newer.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
		assert.throws(() => prepareSchema(newer, utf8), SchemaError);
		const other = openInMemory();
		other.exec("CREATE TABLE notes (text)");
		assert.throws(() => prepareSchema(other, utf8), SchemaError);
	});
});
