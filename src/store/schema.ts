/** The tables of the database, and how those of older versions become them. */

import type { Database } from "../host/database.ts";
import type { TextCodec } from "../packet/packet.ts";
import { retainedColumns } from "./retained-columns.ts";
import { encodeRetained } from "./retained-record.ts";

/** Says in the file's header whose it is: "MQTD". */
const APPLICATION_ID = 0x4d515444;

/**
 * The schema, by version: entry n makes version n + 1 of version n (an empty file is version 0). An entry is never
 * changed once it was released.
 *
 * - Times are seconds since 1970 (UTC); 0 is never.
 * - `options` are those of a subscription as on the wire (QoS, no local 4, retain as published 8), or QoS and retain (4).
 * - `properties` are a property list of MQTT 5.0 without its length; null is none.
 * - `packet_id` is the last one that a session gave, and 65536 more while its client is connected.
 * - A session without client identifier has ended: what it had is being deleted, a part at a time.
 * - `message.refs` is how many deliveries have the message; with the last one it goes.
 * - `delivery` has a session's messages in their order: under way (`state` above 0, see `Delivery`), then those that wait.
 * - `usage` has one row: the octets that were written on a day since 1970, when the log had `log_size`.
 * - `retained` (until version 2) and `retained_message` have several rows of one topic, of which the one with the highest id
 *   counts; one without payload says that there is none. `record` is as packed-retained.ts says.
 */
const VERSIONS: readonly (string | Step)[] = [
	`
	CREATE TABLE session (
		id INTEGER PRIMARY KEY,
		client_id TEXT,
		username TEXT,
		listener TEXT NOT NULL,
		mount_point TEXT NOT NULL,
		expiry INTEGER NOT NULL,
		ends_at INTEGER NOT NULL,
		packet_id INTEGER NOT NULL
	);
	CREATE TABLE subscription (
		session INTEGER NOT NULL,
		filter TEXT NOT NULL,
		options INTEGER NOT NULL,
		identifier INTEGER NOT NULL,
		PRIMARY KEY (session, filter)
	) WITHOUT ROWID;
	CREATE TABLE message (
		id INTEGER PRIMARY KEY,
		refs INTEGER NOT NULL,
		topic TEXT NOT NULL,
		qos INTEGER NOT NULL,
		expires_at INTEGER NOT NULL,
		properties BLOB,
		payload BLOB NOT NULL
	);
	CREATE TABLE delivery (
		session INTEGER NOT NULL,
		position INTEGER NOT NULL,
		message INTEGER,
		options INTEGER NOT NULL,
		identifier INTEGER NOT NULL,
		share TEXT,
		packet_id INTEGER NOT NULL,
		state INTEGER NOT NULL,
		octets INTEGER NOT NULL,
		PRIMARY KEY (session, position)
	) WITHOUT ROWID;
	CREATE TABLE incoming (
		session INTEGER NOT NULL,
		packet_id INTEGER NOT NULL,
		PRIMARY KEY (session, packet_id)
	) WITHOUT ROWID;
	CREATE TABLE will (
		session INTEGER PRIMARY KEY,
		topic TEXT NOT NULL,
		options INTEGER NOT NULL,
		due_at INTEGER NOT NULL,
		properties BLOB,
		payload BLOB NOT NULL
	);
	CREATE TABLE retained (
		id INTEGER PRIMARY KEY,
		topic TEXT NOT NULL,
		qos INTEGER NOT NULL,
		expires_at INTEGER NOT NULL,
		client_id TEXT,
		username TEXT,
		listener TEXT NOT NULL,
		properties BLOB,
		payload BLOB
	);
	CREATE TRIGGER delivery_gone AFTER DELETE ON delivery WHEN old.message IS NOT NULL BEGIN
		UPDATE message SET refs = refs - 1 WHERE id = old.message;
	END;
	CREATE TRIGGER delivery_received AFTER UPDATE OF message ON delivery
	WHEN old.message IS NOT NULL AND new.message IS NULL BEGIN
		UPDATE message SET refs = refs - 1 WHERE id = old.message;
	END;
	CREATE TRIGGER message_unused AFTER UPDATE OF refs ON message WHEN new.refs <= 0 BEGIN
		DELETE FROM message WHERE id = new.id;
	END;
	CREATE TRIGGER session_gone AFTER DELETE ON session BEGIN
		DELETE FROM subscription WHERE session = old.id;
		DELETE FROM incoming WHERE session = old.id;
		DELETE FROM will WHERE session = old.id;
		DELETE FROM delivery WHERE session = old.id;
	END;
	`,
	`
	CREATE TABLE usage (
		id INTEGER PRIMARY KEY,
		day INTEGER NOT NULL,
		octets INTEGER NOT NULL,
		log_size INTEGER NOT NULL
	);
	`,
	packRetained,
];

type Step = (database: Database, codec: TextCodec) => void;

/** Rows that are read at once. */
const PART = 200;

/** Version 3: what is read at the start, all of it, is one column, which costs a third to read. */
function packRetained(database: Database, codec: TextCodec): void {
	database.exec("CREATE TABLE retained_message (id INTEGER PRIMARY KEY, record BLOB NOT NULL)");
	const insert = database.prepare("INSERT INTO retained_message (id, record) VALUES (?, ?)");
	const read = retainedColumns(database, codec);
	let after = 0;
	for (let rows = read(after, PART); rows.length > 0; rows = read(after, PART)) {
		for (const { id, record } of rows) {
			if (record !== null) insert.run(id, encodeRetained(record, codec));
			after = id;
		}
	}
	database.exec("DROP TABLE retained");
}

/** Version of the schema that this program writes. */
export const SCHEMA_VERSION = VERSIONS.length;

/** The first that has retained messages as records. */
export const PACKED_VERSION = 3;

/** The file has a schema that this program does not know: a newer one, or that of another program. It is left alone. */
export class SchemaError extends Error {}

/**
 * The version of a database's schema; 0 of an empty one. Throws SchemaError when it is one that this program does not know, and
 * HostError when it cannot be read.
 */
export function schemaVersion(database: Database): number {
	const version = pragma(database, "user_version");
	const application = pragma(database, "application_id");
	if (version > SCHEMA_VERSION && application === APPLICATION_ID) {
		throw new SchemaError(
			`it has version ${version} of the tables, this program knows up to ${SCHEMA_VERSION}`,
		);
	}
	// Version 0 and nothing ever defined: it is new.
	if (version > 0 ? application !== APPLICATION_ID : pragma(database, "schema_version") > 0) {
		throw new SchemaError("it is the database of another program");
	}
	return version;
}

/**
 * Brings a database to this program's schema, in one transaction: an empty one too. Throws SchemaError, or the HostError of
 * a file that cannot be read or written; nothing has changed then.
 */
export function prepareSchema(database: Database, codec: TextCodec): void {
	const version = schemaVersion(database);
	if (version === SCHEMA_VERSION) return;
	try {
		database.exec("BEGIN IMMEDIATE");
		for (const step of VERSIONS.slice(version)) {
			if (typeof step === "string") database.exec(step);
			else step(database, codec);
		}
		database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
		database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
		database.exec("COMMIT");
	} catch (error) {
		database.rollback();
		throw error;
	}
}

function pragma(database: Database, name: string): number {
	return Number(database.prepare(`PRAGMA ${name}`).get()?.[0] ?? 0);
}
