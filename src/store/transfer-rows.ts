/** Rows as export and import need them: beside those of the broker (tables.ts), by keys that go through all of a table. */

import type { Database, DatabaseValue, Statement } from "../host/database.ts";

/** Payloads that are read at once come to so many octets at most, unless there is one only. */
const PART_OCTETS = 262_144;
const PART_ROWS = 500;

/** A delivery with its client. */
export interface DeliveryRow {
	readonly session: number;
	readonly position: number;
	readonly message: number | null;
	/** QoS, and 4 for retain. */
	readonly options: number;
	readonly identifier: number;
	readonly share: string | null;
	readonly packetId: number;
	readonly state: number;
}

export class TransferRows {
	private readonly database: Database;
	private readonly statements = new Map<string, Statement>();

	constructor(database: Database) {
		this.database = database;
	}

	private statement(sql: string): Statement {
		let statement = this.statements.get(sql);
		if (statement === undefined) {
			statement = this.database.prepare(sql);
			this.statements.set(sql, statement);
		}
		return statement;
	}

	/**
	 * The last of the messages to read next, so that the payloads of those between fit into memory; null when there are no
	 * more.
	 */
	lastOfPart(after: number): number | null {
		const rows = this.statement(
			`SELECT id, length(payload) AS octets FROM message WHERE id > ? ORDER BY id LIMIT ${PART_ROWS}`,
		).all(after);
		let octets = 0;
		let end = 0;
		while (end < rows.length) {
			octets += Number(rows[end + 1]);
			if (octets > PART_OCTETS && end > 0) break;
			end += 2;
		}
		return end === 0 ? null : Number(rows[end - 2]);
	}

	/** Columns id, topic, qos, expires_at, properties, payload of messages, one after the other. */
	messages(after: number, last: number): DatabaseValue[] {
		return this.statement(
			"SELECT id, topic, qos, expires_at, properties, payload FROM message WHERE id > ? AND id <= ? ORDER BY id",
		).all(after, last);
	}

	/** Deliveries of one session after a position, in their order. */
	deliveries(session: number, after: number): DeliveryRow[] {
		const rows = this.statement(
			`SELECT position, message, options, identifier, share, packet_id, state FROM delivery WHERE session = ? AND position > ? ORDER BY position LIMIT ${PART_ROWS}`,
		).all(session, after);
		const found: DeliveryRow[] = [];
		for (let at = 0; at < rows.length; at += 7) {
			found.push({
				session,
				position: Number(rows[at]),
				message: rows[at + 1] === null ? null : Number(rows[at + 1]),
				options: Number(rows[at + 2]),
				identifier: Number(rows[at + 3]),
				share: rows[at + 4] === null ? null : String(rows[at + 4]),
				packetId: Number(rows[at + 5]),
				state: Number(rows[at + 6]),
			});
		}
		return found;
	}

	/** One delivery more has the message; octets of its payload, or null when there is no such message. */
	refer(message: number): number | null {
		const row = this.statement(
			"UPDATE message SET refs = refs + 1 WHERE id = ? RETURNING length(payload) AS octets",
		).get(message);
		return row === null ? null : Number(row[0]);
	}

	/** Empty where there is no such message. */
	topicOf(message: number): string {
		return String(this.statement("SELECT topic FROM message WHERE id = ?").get(message)?.[0] ?? "");
	}

	/** Deletes messages after `row` that no delivery has; returns how many there were. */
	dropUnused(row: number): number {
		return this.statement("DELETE FROM message WHERE id > ? AND refs <= 0").run(row);
	}

	/** Deletes a session and all that it has. */
	dropSession(id: number): void {
		this.statement("DELETE FROM session WHERE id = ?").run(id);
	}
}
