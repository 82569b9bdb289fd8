/** Writes what has changed into the tables, within a transaction. */

import type { Batch, LastRows } from "./changes.ts";
import { type RetainedSlot, type SessionEntry, type StoredMessage, stateOf } from "./entries.ts";
import { DeliveryState } from "./records.ts";
import type { Tables } from "./tables.ts";
import type { Utc } from "./utc.ts";

/** `rows`: the last of each kind, from which messages that have none yet get theirs. */
export function writeChanges(tables: Tables, batch: Batch, rows: LastRows, utc: Utc): void {
	const writer = new ChangeWriter(tables, rows, utc);
	for (const entry of batch.entries) writer.writeEntry(entry);
	for (const { row, removed } of batch.ended) {
		for (const position of removed) tables.deleteDelivery(row, position);
		tables.endSession(row);
	}
	for (const { row, position } of batch.handedOn) tables.deleteDeliveriesUpTo(row, position);
	for (const slot of batch.slots) writer.writeSlot(slot);
	for (const { row, topic } of batch.tombstones) writer.writeTombstone(row, topic);
	for (const row of batch.staleRetained) tables.deleteRetained(row);
}

class ChangeWriter {
	private readonly tables: Tables;
	private readonly rows: LastRows;
	private readonly utc: Utc;

	constructor(tables: Tables, rows: LastRows, utc: Utc) {
		this.tables = tables;
		this.rows = rows;
		this.utc = utc;
	}

	writeEntry(entry: SessionEntry): void {
		const { row, session } = entry;
		if (entry.changed || !entry.isWritten) {
			const {
				clientId,
				username,
				listenerName: listener,
				mountPoint,
				expiryInterval,
				lastPacketId,
				isConnected,
			} = session;
			const endsAt = this.utc.to(session.endsAt);
			this.tables.putSession({
				id: row,
				clientId,
				username,
				listener,
				mountPoint,
				expiryInterval,
				endsAt,
				lastPacketId,
				isConnected,
			});
		}
		for (const [topicFilter, subscription] of entry.subscriptions) {
			if (subscription === null) this.tables.deleteSubscription(row, topicFilter);
			else this.tables.putSubscription(subscription);
		}
		for (const [packetId, isUnderWay] of entry.incoming) {
			if (isUnderWay) this.tables.putIncoming(row, packetId);
			else this.tables.deleteIncoming(row, packetId);
		}
		if (entry.isDoubtful) this.tables.deleteDeliveriesAfter(row, entry.writtenPosition);
		this.writeDeliveries(entry);
		const { will } = entry;
		if (will === null) this.tables.deleteWill(row);
		else if (will !== undefined)
			this.tables.putWill({ ...will.will, session: row, dueAt: this.utc.to(will.dueAt) });
	}

	private writeDeliveries({ row, added, moved, removed }: SessionEntry): void {
		for (const copy of added) {
			const { message, position, qos, retain, identifier, share, packetId } = copy;
			if (message !== null) this.writeMessage(message);
			this.tables.putDelivery({
				session: row,
				position,
				message: message === null ? null : message.row,
				qos: qos as 0 | 1 | 2,
				retain,
				identifier,
				share,
				packetId,
				state: stateOf(copy),
				octets: message === null ? 0 : message.payload.length,
			});
		}
		for (const copy of moved) {
			const state = stateOf(copy);
			this.tables.setDelivery(row, copy.position, copy.packetId, state, state === DeliveryState.PUBCOMP);
		}
		for (const position of removed) this.tables.deleteDelivery(row, position);
	}

	private writeMessage(message: StoredMessage): void {
		if (message.row === 0) message.row = ++this.rows.message;
		const { row: id, topic, qos, properties, payload } = message;
		this.tables.putMessage(
			{ id, topic, qos, expiresAt: this.utc.to(message.expiresAt), properties, payload },
			1,
		);
	}

	writeSlot({ message, source, row }: RetainedSlot): void {
		if (message === null) {
			this.tables.deleteRetained(row);
			return;
		}
		const { topic, qos, properties, payload } = message;
		this.tables.putRetained({
			id: row,
			topic,
			qos,
			expiresAt: this.utc.to(message.expiresAt),
			clientId: source?.clientId ?? null,
			username: source?.username ?? null,
			listener: source?.listenerName ?? "",
			properties,
			payload,
		});
	}

	writeTombstone(id: number, topic: string): void {
		this.tables.putRetained({
			id,
			topic,
			qos: 0,
			expiresAt: 0,
			clientId: null,
			username: null,
			listener: "",
			properties: null,
			payload: null,
		});
	}
}
