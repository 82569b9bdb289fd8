/** All statements, each compiled when it is first used: records into rows, and rows into records. */

import type { Database, DatabaseValue, Statement } from "../host/database.ts";
import {
	PacketType,
	type Properties,
	type PropertyOwner,
	propertyListLength,
	type Qos,
	readProperties,
	type TextCodec,
	WILL,
	writePropertyList,
} from "../packet/packet.ts";
import type {
	DeliveryRecord,
	DeliveryState,
	MessageRecord,
	QueueRecord,
	RetainedRecord,
	SessionRecord,
	SubscriptionRecord,
	UsageRecord,
	WillRecord,
} from "./records.ts";
import { decodeRetained, encodeRetained, type RetainedRow } from "./retained-record.ts";

const RETAIN = 4;
const NO_LOCAL = 4;
/** In a session's packet identifier. */
const CONNECTED = 65_536;
const RETAIN_AS_PUBLISHED = 8;

const SESSION = "id, client_id, username, listener, mount_point, expiry, ends_at, packet_id";
const SUBSCRIPTION = "session, filter, options, identifier";
const MESSAGE = "id, topic, qos, expires_at, properties, payload";
const DELIVERY = "session, position, message, options, identifier, share, packet_id, state, octets";
const WILL_COLUMNS = "session, topic, options, due_at, properties, payload";

/** Retained messages that are read at once, and their octets unless there is one only: what one turn of the loop can take. */
const PACKED_ROWS = 512;
const PACKED_OCTETS = 65_536;

/** A delivery with its message; null where PUBREC has come for it. */
export interface DeliveryWithMessage {
	readonly delivery: DeliveryRecord;
	readonly message: MessageRecord | null;
}

/**
 * The tables of an open database. Reading goes by key: what comes after `after`, at most `limit` rows. Properties that
 * cannot be read are none: the message counts more. All throw HostError (see Database).
 */
export class Tables {
	readonly #database: Database;
	readonly #codec: TextCodec;
	readonly #statements = new Map<string, Statement>();

	constructor(database: Database, codec: TextCodec) {
		this.#database = database;
		this.#codec = codec;
	}

	#statement(sql: string): Statement {
		let statement = this.#statements.get(sql);
		if (statement === undefined) {
			statement = this.#database.prepare(sql);
			this.#statements.set(sql, statement);
		}
		return statement;
	}

	#number(sql: string): number {
		return Number(this.#statement(sql).get()?.[0] ?? 0);
	}

	begin(): void {
		this.#database.exec("BEGIN IMMEDIATE");
	}

	commit(): void {
		this.#database.exec("COMMIT");
	}

	rollback(): void {
		this.#database.rollback();
	}

	/** Reads something of every table: a file that is damaged at its beginning is found out. */
	check(): void {
		for (const table of [
			"session",
			"subscription",
			"message",
			"delivery",
			"incoming",
			"will",
			"retained_message",
			"usage",
		]) {
			this.#database.prepare(`SELECT * FROM ${table} LIMIT 1`).get();
		}
	}

	/** Writes the write-ahead log into the file and empties it. */
	checkpoint(): void {
		this.#statement("PRAGMA wal_checkpoint(TRUNCATE)").get();
	}

	/** Octets of the database, without its write-ahead log, and those of them that are free. */
	size(): { readonly total: number; readonly free: number } {
		const page = this.#number("PRAGMA page_size");
		return {
			total: page * this.#number("PRAGMA page_count"),
			free: page * this.#number("PRAGMA freelist_count"),
		};
	}

	/** The highest row of each kind; 0 when there is none. */
	lastRows(): { readonly session: number; readonly message: number; readonly retained: number } {
		return {
			session: this.#number("SELECT max(id) FROM session"),
			message: this.#number("SELECT max(id) FROM message"),
			retained: this.#number("SELECT max(id) FROM retained_message"),
		};
	}

	// Writing.

	/** Inserts a session or replaces its row; what else there is of it stays. */
	putSession(record: SessionRecord): void {
		const { id, clientId, username, listener, mountPoint, expiryInterval, endsAt } = record;
		const packetId = record.lastPacketId + (record.isConnected ? CONNECTED : 0);
		this.#statement(
			`INSERT INTO session (${SESSION}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET client_id = excluded.client_id, username = excluded.username, listener = excluded.listener, mount_point = excluded.mount_point, expiry = excluded.expiry, ends_at = excluded.ends_at, packet_id = excluded.packet_id`,
		).run(id, clientId, username, listener, mountPoint, expiryInterval, endsAt, packetId);
	}

	/** The session has ended: it is not read any more, and `purge` takes what there is of it. */
	endSession(id: number): void {
		this.#statement("UPDATE session SET client_id = NULL WHERE id = ?").run(id);
	}

	/** A session that has ended; 0 when there is none. */
	endedSession(): number {
		return this.#number("SELECT id FROM session WHERE client_id IS NULL LIMIT 1");
	}

	/** Deletes up to `limit` deliveries of a session that has ended, and the session when it has none left. */
	purge(id: number, limit: number): void {
		const deleted = this.#statement(
			"DELETE FROM delivery WHERE session = ?1 AND position IN (SELECT position FROM delivery WHERE session = ?1 ORDER BY position LIMIT ?2)",
		).run(id, limit);
		if (deleted < limit) this.#statement("DELETE FROM session WHERE id = ?").run(id);
	}

	putSubscription({
		session,
		topicFilter,
		qos,
		noLocal,
		retainAsPublished,
		identifier,
	}: SubscriptionRecord): void {
		const options = qos | (noLocal ? NO_LOCAL : 0) | (retainAsPublished ? RETAIN_AS_PUBLISHED : 0);
		this.#statement(`INSERT OR REPLACE INTO subscription (${SUBSCRIPTION}) VALUES (?, ?, ?, ?)`).run(
			session,
			topicFilter,
			options,
			identifier,
		);
	}

	deleteSubscription(session: number, topicFilter: string): void {
		this.#statement("DELETE FROM subscription WHERE session = ? AND filter = ?").run(session, topicFilter);
	}

	/** Inserts a message that `refs` deliveries have, or adds those to what it has. They are to be put in the same transaction. */
	putMessage({ id, topic, qos, expiresAt, properties, payload }: MessageRecord, refs: number): void {
		this.#statement(
			`INSERT INTO message (${MESSAGE}, refs) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET refs = refs + excluded.refs`,
		).run(id, topic, qos, expiresAt, this.#encode(properties, PacketType.PUBLISH), payload, refs);
	}

	putDelivery(record: DeliveryRecord): void {
		const { session, position, message, qos, retain, identifier, share, packetId, state, octets } = record;
		this.#statement(`INSERT INTO delivery (${DELIVERY}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`).run(
			session,
			position,
			message,
			qos | (retain ? RETAIN : 0),
			identifier,
			share,
			packetId,
			state,
			octets,
		);
	}

	/** It waits for something else now; for PUBCOMP without its message. */
	setDelivery(
		session: number,
		position: number,
		packetId: number,
		state: DeliveryState,
		isReceived: boolean,
	): void {
		const change = isReceived
			? "packet_id = ?, state = ?, message = NULL, octets = 0"
			: "packet_id = ?, state = ?";
		this.#statement(`UPDATE delivery SET ${change} WHERE session = ? AND position = ?`).run(
			packetId,
			state,
			session,
			position,
		);
	}

	deleteDelivery(session: number, position: number): void {
		this.#statement("DELETE FROM delivery WHERE session = ? AND position = ?").run(session, position);
	}

	deleteDeliveriesAfter(session: number, position: number): void {
		this.#statement("DELETE FROM delivery WHERE session = ? AND position > ?").run(session, position);
	}

	deleteDeliveriesUpTo(session: number, position: number): void {
		this.#statement("DELETE FROM delivery WHERE session = ? AND position <= ?").run(session, position);
	}

	putIncoming(session: number, packetId: number): void {
		this.#statement("INSERT OR REPLACE INTO incoming (session, packet_id) VALUES (?, ?)").run(
			session,
			packetId,
		);
	}

	deleteIncoming(session: number, packetId: number): void {
		this.#statement("DELETE FROM incoming WHERE session = ? AND packet_id = ?").run(session, packetId);
	}

	putWill({ session, topic, qos, retain, dueAt, properties, payload }: WillRecord): void {
		this.#statement(`INSERT OR REPLACE INTO will (${WILL_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)`).run(
			session,
			topic,
			qos | (retain ? RETAIN : 0),
			dueAt,
			this.#encode(properties, WILL),
			payload,
		);
	}

	deleteWill(session: number): void {
		this.#statement("DELETE FROM will WHERE session = ?").run(session);
	}

	putRetained(record: RetainedRecord): void {
		this.#statement("INSERT OR REPLACE INTO retained_message (id, record) VALUES (?, ?)").run(
			record.id,
			encodeRetained(record, this.#codec),
		);
	}

	deleteRetained(id: number): void {
		this.#statement("DELETE FROM retained_message WHERE id = ?").run(id);
	}

	/** Replaces what was noted of how much was written. */
	putUsage({ day, octets, logSize }: UsageRecord): void {
		this.#statement("INSERT OR REPLACE INTO usage (id, day, octets, log_size) VALUES (1, ?, ?, ?)").run(
			day,
			octets,
			logSize,
		);
	}

	// Reading.

	usage(): UsageRecord | null {
		const row = this.#statement("SELECT day, octets, log_size FROM usage").get();
		return row === null ? null : { day: number(row[0]), octets: number(row[1]), logSize: number(row[2]) };
	}

	/** Sessions that have not ended, by row. */
	sessions(after: number, limit: number): SessionRecord[] {
		const rows = this.#statement(
			`SELECT ${SESSION} FROM session WHERE id > ? AND client_id IS NOT NULL ORDER BY id LIMIT ?`,
		).all(after, limit);
		return records(rows, 8, (at) => ({
			id: number(rows[at]),
			clientId: text(rows[at + 1]),
			username: text(rows[at + 2]),
			listener: text(rows[at + 3]) ?? "",
			mountPoint: text(rows[at + 4]) ?? "",
			expiryInterval: number(rows[at + 5]),
			endsAt: number(rows[at + 6]),
			lastPacketId: number(rows[at + 7]) % CONNECTED,
			isConnected: number(rows[at + 7]) >= CONNECTED,
		}));
	}

	/** Subscriptions of all sessions, by row of the session and topic filter. */
	subscriptions(after: { session: number; topicFilter: string }, limit: number): SubscriptionRecord[] {
		const rows = this.#statement(
			`SELECT ${SUBSCRIPTION} FROM subscription WHERE (session, filter) > (?, ?) ORDER BY session, filter LIMIT ?`,
		).all(after.session, after.topicFilter, limit);
		return records(rows, 4, (at) => {
			const options = number(rows[at + 2]);
			return {
				session: number(rows[at]),
				topicFilter: text(rows[at + 1]) ?? "",
				qos: qosOf(options),
				noLocal: (options & NO_LOCAL) !== 0,
				retainAsPublished: (options & RETAIN_AS_PUBLISHED) !== 0,
				identifier: number(rows[at + 3]),
			};
		});
	}

	/** What each session has of deliveries, for those that have some. */
	queues(): QueueRecord[] {
		const rows = this.#statement(
			"SELECT session, count(*) AS c, sum(state > 0) AS u, sum(CASE WHEN state > 0 THEN 0 ELSE octets END) AS o, max(position) AS l FROM delivery GROUP BY session",
		).all();
		return records(rows, 5, (at) => ({
			session: number(rows[at]),
			deliveries: number(rows[at + 1]),
			underWay: number(rows[at + 2]),
			octets: number(rows[at + 3]),
			last: number(rows[at + 4]),
		}));
	}

	/** Deliveries of one session, in their order. */
	deliveries(session: number, after: number, limit: number): DeliveryWithMessage[] {
		const rows = this.#statement(
			"SELECT d.position, d.message, d.options, d.identifier, d.share, d.packet_id, d.state, d.octets, m.topic, m.qos, m.expires_at, m.properties, m.payload FROM delivery AS d LEFT JOIN message AS m ON m.id = d.message WHERE d.session = ? AND d.position > ? ORDER BY d.position LIMIT ?",
		).all(session, after, limit);
		return records(rows, 13, (at) => this.#deliveryWithMessage(session, rows, at));
	}

	#deliveryWithMessage(session: number, rows: DatabaseValue[], at: number): DeliveryWithMessage {
		const options = number(rows[at + 2]);
		const id = rows[at + 1] === null ? null : number(rows[at + 1]);
		const delivery: DeliveryRecord = {
			session,
			position: number(rows[at]),
			message: id,
			qos: qosOf(options),
			retain: (options & RETAIN) !== 0,
			identifier: number(rows[at + 3]),
			share: text(rows[at + 4]),
			packetId: number(rows[at + 5]),
			state: (number(rows[at + 6]) & 3) as DeliveryState,
			octets: number(rows[at + 7]),
		};
		// A message that is not there is one that a damaged file has lost.
		if (id === null || rows[at + 8] === null) return { delivery, message: null };
		const message = this.#message(id, rows, at + 8);
		return { delivery, message };
	}

	/** Null: there is none of that row. */
	message(id: number): MessageRecord | null {
		const row = this.#statement(
			"SELECT topic, qos, expires_at, properties, payload FROM message WHERE id = ?",
		).get(id);
		return row === null ? null : this.#message(id, row, 0);
	}

	/** Its columns without the row are there from `at`. */
	#message(id: number, row: readonly DatabaseValue[], at: number): MessageRecord {
		return {
			id,
			topic: text(row[at]) ?? "",
			qos: qosOf(number(row[at + 1])),
			expiresAt: number(row[at + 2]),
			properties: this.#decode(row[at + 3], PacketType.PUBLISH),
			payload: octets(row[at + 4]),
		};
	}

	/** Whether one of the first deliveries of a session came by a shared subscription. */
	hasShared(session: number, limit: number): boolean {
		const row = this.#statement(
			"SELECT count(share) AS c FROM (SELECT share FROM delivery WHERE session = ? ORDER BY position LIMIT ?)",
		).get(session, limit);
		return Number(row?.[0] ?? 0) > 0;
	}

	/** How many of a session's deliveries, the first `count` after a position, come to no more than `octets` of payload; at least 1. */
	deliveriesWithin(session: number, after: number, count: number, limit: number): number {
		const rows = this.#statement(
			"SELECT octets FROM delivery WHERE session = ? AND position > ? ORDER BY position LIMIT ?",
		).all(session, after, count);
		let sum = 0;
		let within = 0;
		for (const each of rows) {
			sum += number(each);
			if (sum > limit && within > 0) break;
			within++;
		}
		return Math.max(1, within);
	}

	/** Packet identifiers of QoS 2 messages that were received and not released: row of the session, packet identifier, and so on. */
	incoming(): number[] {
		return this.#statement("SELECT session, packet_id FROM incoming").all().map(number);
	}

	/** All wills; there is at most one for each session. */
	wills(): WillRecord[] {
		const rows = this.#statement(`SELECT ${WILL_COLUMNS} FROM will`).all();
		return records(rows, 6, (at) => {
			const options = number(rows[at + 2]);
			return {
				session: number(rows[at]),
				topic: text(rows[at + 1]) ?? "",
				qos: qosOf(options),
				retain: (options & RETAIN) !== 0,
				dueAt: number(rows[at + 3]),
				properties: this.#decode(rows[at + 4], WILL),
				payload: octets(rows[at + 5]),
			};
		});
	}

	/** By row; fewer than `limit` where they are large. */
	retained(after: number, limit: number): RetainedRow[] {
		return decodeRetained(this.#packedRetained(after, limit), this.#codec);
	}

	/** The next of them after a row as packed-retained.ts has them in memory, some at once; empty when there are no more. */
	packedRetained(after: number): Uint8Array {
		return this.#packedRetained(after, PACKED_ROWS);
	}

	#packedRetained(after: number, limit: number): Uint8Array {
		return this.#statement("SELECT id, record FROM retained_message WHERE id > ? ORDER BY id LIMIT ?").packed(
			PACKED_OCTETS,
			after,
			limit,
		);
	}

	#encode(properties: Properties | null, owner: PropertyOwner): Uint8Array | null {
		if (properties === null) return null;
		const bytes = new Uint8Array(propertyListLength(properties, owner, this.#codec));
		writePropertyList(bytes, 0, properties, owner, this.#codec);
		return bytes;
	}

	#decode(value: DatabaseValue | undefined, owner: PropertyOwner): Properties | null {
		if (!(value instanceof Uint8Array) || value.length === 0) return null;
		try {
			return readProperties(value, 0, value.length, owner, this.#codec);
		} catch {
			return null;
		}
	}
}

function records<T>(rows: DatabaseValue[], columns: number, make: (at: number) => T): T[] {
	const made: T[] = [];
	for (let at = 0; at < rows.length; at += columns) made.push(make(at));
	return made;
}

function number(value: DatabaseValue | undefined): number {
	return typeof value === "number" ? value : 0;
}

function text(value: DatabaseValue | undefined): string | null {
	return typeof value === "string" ? value : null;
}

const NO_OCTETS = new Uint8Array(0);

function octets(value: DatabaseValue | undefined): Uint8Array {
	return value instanceof Uint8Array ? value : NO_OCTETS;
}

/** Whatever a damaged file says, it is a QoS. */
function qosOf(options: number): Qos {
	return Math.min(options & 3, 2) as Qos;
}
