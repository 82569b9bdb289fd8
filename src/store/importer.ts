/** Puts what comes from elsewhere into the database: sessions replace those of the same client identifier. */

import type { Database } from "../host/database.ts";
import type { TextCodec } from "../packet/packet.ts";
import {
	type DeliveryRecord,
	DeliveryState,
	type MessageRecord,
	type RetainedRecord,
	type SessionRecord,
	type SubscriptionRecord,
	type WillRecord,
} from "./records.ts";
import { Tables } from "./tables.ts";
import { TransferRows } from "./transfer-rows.ts";

/** What was imported. */
export interface ImportCounts {
	sessions: number;
	subscriptions: number;
	/** Messages that wait for clients, or are under way to them: once for each client. */
	deliveries: number;
	incoming: number;
	wills: number;
	retained: number;
}

/** Rows that are read at once of what there is already. */
const PART = 1000;

/** Positions of deliveries that are under way come before those of what waits, however they are mixed. */
const FIRST_WAITING = 65_536;

/** What a session has of deliveries. */
interface Queue {
	lastUnderWay: number;
	lastWaiting: number;
	/** Of those that are under way. */
	readonly packetIds: Set<number>;
}

/** A delivery, but for what the importer gives it. */
export type ImportedDelivery = Omit<DeliveryRecord, "session" | "position" | "octets">;

/**
 * Between construction and `finish` is one transaction: either everything is there afterwards or nothing. Whoever gives up calls
 * `abandon`. All throw HostError (see Database).
 */
export class Importer {
	readonly counts: ImportCounts = {
		sessions: 0,
		subscriptions: 0,
		deliveries: 0,
		incoming: 0,
		wills: 0,
		retained: 0,
	};
	readonly tables: Tables;
	private readonly rows: TransferRows;
	/** Row of each session by client identifier: those that were there, and those that are new. */
	private readonly sessions = new Map<string, number>();
	private readonly fresh = new Set<number>();
	/** By row of the session. */
	private readonly queues = new Map<number, Queue>();
	/** The last row of each kind before and now. */
	private readonly firstMessage: number;
	private lastSession: number;
	private lastRetained: number;

	constructor(database: Database, codec: TextCodec) {
		this.tables = new Tables(database, codec);
		this.rows = new TransferRows(database);
		this.tables.begin();
		const last = this.tables.lastRows();
		this.firstMessage = last.message;
		this.lastSession = last.session;
		this.lastRetained = last.retained;
		let after = 0;
		for (;;) {
			const part = this.tables.sessions(after, PART);
			for (const { id, clientId } of part) if (clientId !== null) this.sessions.set(clientId, id);
			if (part.length === 0) break;
			after = part.at(-1)!.id;
		}
	}

	/** Whether such a session was imported. */
	hasSession(clientId: string): boolean {
		return this.row(clientId) !== null;
	}

	/** False: there was one of that client identifier already among what is imported. */
	session(
		record: Omit<SessionRecord, "id" | "clientId" | "isConnected"> & { readonly clientId: string },
	): boolean {
		const old = this.sessions.get(record.clientId);
		if (old !== undefined && this.fresh.has(old)) return false;
		if (old !== undefined) this.rows.dropSession(old);
		const id = ++this.lastSession;
		this.tables.putSession({ ...record, id, isConnected: false });
		this.sessions.set(record.clientId, id);
		this.fresh.add(id);
		this.counts.sessions++;
		return true;
	}

	/** False, and nothing happens, where there is no such imported session; so with all that belongs to one. */
	subscription(clientId: string, record: Omit<SubscriptionRecord, "session">): boolean {
		const session = this.row(clientId);
		if (session === null) return false;
		this.tables.putSubscription({ ...record, session });
		this.counts.subscriptions++;
		return true;
	}

	/** A message that deliveries refer to by `number`, counted from 1, each once. */
	message(number: number, record: Omit<MessageRecord, "id">): void {
		this.tables.putMessage({ ...record, id: this.firstMessage + number }, 0);
	}

	/** The topic of a message that was imported. */
	topicOf(number: number): string {
		return this.rows.topicOf(this.firstMessage + number);
	}

	/** Whether a delivery of the session is under way with that packet identifier. */
	isUnderWay(clientId: string, packetId: number): boolean {
		const session = this.row(clientId);
		return session !== null && this.queueOf(session).packetIds.has(packetId);
	}

	/** Behind what the session has. Also false where there is no such message. */
	delivery(clientId: string, record: ImportedDelivery): boolean {
		const session = this.row(clientId);
		if (session === null) return false;
		let message: number | null = null;
		let octets = 0;
		if (record.message !== null) {
			message = this.firstMessage + record.message;
			const length = this.rows.refer(message);
			if (length === null) return false;
			octets = length;
		}
		const queue = this.queueOf(session);
		const isWaiting = record.state === DeliveryState.QUEUED;
		if (!isWaiting) queue.packetIds.add(record.packetId);
		const position = isWaiting ? ++queue.lastWaiting : ++queue.lastUnderWay;
		this.tables.putDelivery({ ...record, session, position, message, octets });
		this.counts.deliveries++;
		return true;
	}

	incoming(clientId: string, packetId: number): boolean {
		const session = this.row(clientId);
		if (session === null) return false;
		this.tables.putIncoming(session, packetId);
		this.counts.incoming++;
		return true;
	}

	will(clientId: string, record: Omit<WillRecord, "session">): boolean {
		const session = this.row(clientId);
		if (session === null) return false;
		this.tables.putWill({ ...record, session });
		this.counts.wills++;
		return true;
	}

	/** In place of what the topic has. */
	retained(record: Omit<RetainedRecord, "id">): void {
		this.tables.putRetained({ ...record, id: ++this.lastRetained });
		this.counts.retained++;
	}

	/** A message becomes its topic's retained one. False where there is no such message. */
	retainMessage(number: number, source: Pick<RetainedRecord, "clientId" | "username" | "listener">): boolean {
		const message = this.tables.message(this.firstMessage + number);
		if (message === null) return false;
		const { topic, qos, expiresAt, properties, payload } = message;
		this.retained({ topic, qos, expiresAt, ...source, properties, payload });
		return true;
	}

	/** Tells of all subscriptions of imported sessions, in any order. */
	subscriptions(tell: (clientId: string, record: SubscriptionRecord) => void): void {
		const clientIds = new Map<number, string>();
		for (const [clientId, row] of this.sessions) if (this.fresh.has(row)) clientIds.set(row, clientId);
		let after: Pick<SubscriptionRecord, "session" | "topicFilter"> = { session: 0, topicFilter: "" };
		for (;;) {
			const part = this.tables.subscriptions(after, PART);
			for (const record of part) {
				const clientId = clientIds.get(record.session);
				if (clientId !== undefined) tell(clientId, record);
			}
			const last = part.at(-1);
			if (last === undefined) return;
			after = last;
		}
	}

	finish(): ImportCounts {
		this.rows.dropUnused(this.firstMessage);
		this.tables.commit();
		return this.counts;
	}

	abandon(): void {
		this.tables.rollback();
	}

	private queueOf(session: number): Queue {
		let queue = this.queues.get(session);
		if (queue === undefined) {
			queue = { lastUnderWay: 0, lastWaiting: FIRST_WAITING - 1, packetIds: new Set() };
			this.queues.set(session, queue);
		}
		return queue;
	}

	private row(clientId: string): number | null {
		const row = this.sessions.get(clientId);
		return row !== undefined && this.fresh.has(row) ? row : null;
	}
}
