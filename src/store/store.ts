/** The store: takes note of what changes, and writes it in transactions, so that the file is always one consistent state. */

import type {
	Clock,
	Database,
	Databases,
	Files,
	HostError,
	Log,
	Network,
	Timer,
	Timers,
} from "../host/host.ts";
import type { TextCodec } from "../packet/packet.ts";
import { isDamage, isHostError } from "./damage.ts";
import { Durability, type DurabilityRule, DurabilityRules } from "./durability.ts";
import {
	type EntryOwner,
	type RetainedSlot,
	SessionEntry,
	type StoredMessage,
	type StoredSession,
	stateOf,
} from "./entries.ts";
import { type Loaded, loadSessions } from "./load.ts";
import { openDatabase } from "./open.ts";
import { DeliveryState } from "./records.ts";
import { SchemaError } from "./schema.ts";
import type { DeliveryWithMessage, Tables } from "./tables.ts";
import { Usage } from "./usage.ts";

export interface StoreSettings {
	/** Path of the file. */
	readonly path: string;
	readonly durability: Durability;
	readonly rules: readonly DurabilityRule[];
	/** Seconds after which what is lazy is written at the latest. */
	readonly lazyInterval: number;
	/** Octets of what is not written, about, and changes, after which it is written; 0 is no limit. */
	readonly lazyOctets: number;
	readonly lazyChanges: number;
	/** Octets that the file may have; 0 is no limit. */
	readonly maximumSize: number;
	/** Octets a day beyond which there is a warning; 0 is none. */
	readonly dailyBudget: number;
}

export interface StoreHost {
	readonly databases: Databases;
	readonly files: Files;
	readonly clock: Clock;
	readonly timers: Timers;
	readonly network: Pick<Network, "beforeFlush">;
	readonly utf8: TextCodec;
}

/** Who hears of the store's doings. */
export interface StoreListener {
	/** A transaction has ended; `entries` are those whose changes it had, all written when `isWritten`. */
	committed(isWritten: boolean, entries: readonly SessionEntry[]): void;
	/** Deliveries of a session that has ended, whose shared subscriptions others may have. */
	orphaned(rows: readonly DeliveryWithMessage[]): void;
	/** The file was damaged and is a new one: what is in memory is to be written again. */
	repaired(): void;
}

/** Milliseconds between attempts to write while that fails, the first and the longest. */
const RETRY_FIRST = 1000;
const RETRY_LONGEST = 15_000;
/** Milliseconds between log lines about one trouble. */
const COMPLAINT_INTERVAL = 60_000;
/** Octets of changes in memory beyond which nothing more is kept while writing fails. */
const UNWRITTEN_LIMIT = 1_048_576;
/** Octets that a retained message costs beside its payload, about. */
const SLOT_OCTETS = 200;
/** Deliveries of ended sessions that are deleted at once. */
const PURGE_ROWS = 500;
const PURGE_PAUSE = 100;
/** Octets of payload that are handed on at once, about. */
const HANDED_OCTETS = 262_144;

export class Store implements EntryOwner {
	readonly usage: Usage;
	private readonly host: StoreHost;
	private readonly log: Log;
	private settings: StoreSettings;
	private rules: DurabilityRules;
	private listener: StoreListener = { committed() {}, orphaned() {}, repaired() {} };
	private database: Database | null = null;
	private open: Tables | null = null;
	private closed = false;
	/** Whether sessions were read: only then there is somebody to hand on to. */
	private isLoaded = false;

	private rows = { session: 0, message: 0, retained: 0 };
	/** Sessions with changes; those with urgent ones. */
	private readonly lazyEntries = new Set<SessionEntry>();
	private readonly urgentEntries = new Set<SessionEntry>();
	/** Rows of sessions that have ended. */
	private readonly ended: { readonly row: number; readonly removed: readonly number[] }[] = [];
	/** Deliveries of ended sessions that others have been handed, by row and last position. */
	private readonly handedOn: { readonly row: number; readonly position: number }[] = [];
	private readonly lazySlots = new Set<RetainedSlot>();
	private readonly urgentSlots = new Set<RetainedSlot>();
	/** Topics whose retained message, not loaded yet, is gone; rows of such that are not loaded any more. */
	private tombstones: { readonly row: number; readonly topic: string }[] = [];
	private readonly staleRetained: number[] = [];
	/** What the lazy changes come to. */
	private octets = 0;
	private changes = 0;
	private urgent = false;
	private wantsAll = false;
	/** Counts urgent changes, so that it can be told whether something caused one. */
	urgentChanges = 0;

	private lazyTimer: Timer | null = null;
	private purgeTimer: Timer | null = null;
	private retryTimer: Timer | null = null;
	private retryDelay = RETRY_FIRST;
	private saidAt = -COMPLAINT_INTERVAL;
	private failing = false;
	private full = false;
	/** The file was found damaged while in use. */
	private isDamaged = false;

	constructor(host: StoreHost, log: Log, settings: StoreSettings) {
		this.host = host;
		this.log = log;
		this.settings = settings;
		this.rules = new DurabilityRules(settings.durability, settings.rules);
		this.usage = new Usage(host, log, settings);
	}

	get path(): string {
		return this.settings.path;
	}

	/** Says who hears of transactions. */
	listen(listener: StoreListener): void {
		this.listener = listener;
	}

	/** Takes other settings; the path stays as it is. */
	configure(settings: StoreSettings): void {
		this.settings = settings;
		this.rules = new DurabilityRules(settings.durability, settings.rules);
		this.usage.configure(settings);
		this.judgeSize();
		this.lazyTimer?.cancel();
		this.lazyTimer = null;
		if (this.hasChanges) this.waitLazily();
	}

	/**
	 * Opens the file; a damaged one is set aside and what can be read of it carried over. When it cannot be opened for
	 * another reason, that is logged and tried again later; until then nothing is kept. Throws SchemaError.
	 */
	start(): void {
		try {
			this.openFile();
		} catch (error) {
			if (error instanceof SchemaError || !isHostError(error)) throw error;
			// Rows that are given meanwhile must be none of those that the file has.
			const far = 64 * this.host.clock.now();
			this.rows = { session: far, message: far, retained: far };
			this.fail(error);
		}
	}

	private openFile(): void {
		const { database, tables } = openDatabase(this.host, this.log, this.settings.path, this.isDamaged);
		this.database = database;
		this.open = tables;
		if (this.isDamaged) this.listener.repaired();
		this.isDamaged = false;
		const last = tables.lastRows();
		const { rows } = this;
		this.rows = {
			session: Math.max(rows.session, last.session),
			message: Math.max(rows.message, last.message),
			retained: Math.max(rows.retained, last.retained),
		};
		this.usage.opened(tables);
		this.schedulePurge();
	}

	/** The tables, for reading; null while there is no file. */
	get tables(): Tables | null {
		return this.open;
	}

	// What the broker asks.

	/** Whether what is to be on the disk at once can be brought there, as far as is known. */
	get isReady(): boolean {
		return !this.failing && !this.full;
	}

	/** Whether what may be written later can be taken. */
	get takesMore(): boolean {
		return !this.full && !(this.failing && this.octets > UNWRITTEN_LIMIT);
	}

	/** Whether it takes no more because of the size that its owner gave it. */
	get isFull(): boolean {
		return this.full;
	}

	get sessionDurability(): Durability {
		return this.rules.sessions;
	}

	get strictest(): Durability {
		return this.rules.strictest;
	}

	durabilityOfTopic(topic: string): Durability {
		return this.rules.of(topic);
	}

	durabilityOf(message: StoredMessage): Durability {
		if (message.durability < 0) message.durability = this.rules.of(message.topic);
		return message.durability as Durability;
	}

	// What the broker tells.

	/** A session is to be kept from now on. */
	addSession(session: StoredSession): SessionEntry {
		const entry = new SessionEntry(this, ++this.rows.session, session, false);
		entry.touch();
		return entry;
	}

	/** A session that was read. */
	adopt(row: number, session: StoredSession): SessionEntry {
		return new SessionEntry(this, row, session, true);
	}

	/** A session that was read, and is not taken up. */
	dropSession(row: number): void {
		this.ended.push({ row, removed: [] });
		this.changed(this.rules.sessions, 0);
	}

	/** The session has ended; what it had of shared subscriptions and is not in memory is given to `orphaned` by and by. */
	endSession(entry: SessionEntry): void {
		this.lazyEntries.delete(entry);
		this.urgentEntries.delete(entry);
		if (!entry.isWritten && !entry.isDoubtful) return;
		this.ended.push({ row: entry.row, removed: entry.removed });
		this.changed(this.rules.sessions, 0);
	}

	sessionChanged(entry: SessionEntry, durability: Durability, octets: number): void {
		if (durability === Durability.SYNC) {
			entry.urgent = true;
			this.urgentEntries.add(entry);
		} else {
			this.lazyEntries.add(entry);
		}
		this.changed(durability, octets);
	}

	/** A topic has another retained message, or none any more. */
	retainedChanged(slot: RetainedSlot, durability: Durability): void {
		if (durability === Durability.RAM) {
			// It was of another durability before.
			this.lazySlots.delete(slot);
			this.urgentSlots.delete(slot);
			if (slot.isWritten) this.dropRetainedRow(slot.row);
			slot.row = 0;
			slot.isWritten = false;
			slot.settle();
			return;
		}
		const { message } = slot;
		if (message === null && !slot.isWritten) {
			this.lazySlots.delete(slot);
			this.urgentSlots.delete(slot);
			slot.settle();
			return;
		}
		if (slot.row === 0) slot.row = ++this.rows.retained;
		// However often it changes, it is written once.
		const isNew = !this.urgentSlots.has(slot) && !this.lazySlots.has(slot);
		if (durability === Durability.SYNC) this.urgentSlots.add(slot);
		else this.lazySlots.add(slot);
		this.changed(durability, isNew && message !== null ? message.payload.length + SLOT_OCTETS : 0);
	}

	/** A topic has no retained message any more; there may be one that is not loaded yet. */
	retainedGone(topic: string, durability: Durability): void {
		if (durability === Durability.RAM) return;
		this.tombstones.push({ row: ++this.rows.retained, topic });
		this.changed(durability, 0);
	}

	/** What `retainedGone` said of a topic and could not be written is undone. */
	retainedBack(topic: string): void {
		// In the file there may be some of it all the same.
		for (const each of this.tombstones) if (each.topic === topic) this.dropRetainedRow(each.row);
		this.tombstones = this.tombstones.filter((each) => each.topic !== topic);
	}

	/** A row of a retained message that does not count any more. */
	dropRetainedRow(row: number): void {
		this.staleRetained.push(row);
		this.changed(Durability.LAZY, 0);
	}

	private changed(durability: Durability, octets: number): void {
		this.octets += octets;
		this.changes++;
		if (durability === Durability.SYNC) {
			this.urgentChanges++;
			this.hurry();
			return;
		}
		const { lazyOctets, lazyChanges } = this.settings;
		const isMuch =
			(lazyOctets !== 0 && this.octets >= lazyOctets) || (lazyChanges !== 0 && this.changes >= lazyChanges);
		if (isMuch && !this.failing) this.hurryAll();
		else this.waitLazily();
	}

	/** Has what is urgent written at the end of the turn. */
	private hurry(): void {
		if (this.urgent || this.closed) return;
		// While writing fails it is tried again in its own time.
		if (this.failing) {
			this.waitForRetry();
			return;
		}
		this.urgent = true;
		this.host.network.beforeFlush(() => this.endTurn());
	}

	private hurryAll(): void {
		this.wantsAll = true;
		this.hurry();
	}

	private endTurn(): void {
		const all = this.wantsAll;
		this.wantsAll = false;
		this.urgent = false;
		if (!this.failing) this.write(all);
	}

	private waitLazily(): void {
		if (this.lazyTimer !== null || this.failing || this.closed) return;
		this.lazyTimer = this.host.timers.after(1000 * this.settings.lazyInterval, () => {
			this.lazyTimer = null;
			this.flush();
		});
	}

	private get hasChanges(): boolean {
		return this.changes > 0;
	}

	/** Writes everything now. Returns whether it is written. */
	flush(): boolean {
		if (this.closed) return false;
		if (this.failing && !this.reopen()) return false;
		return this.write(true);
	}

	// Writing.

	/** `all`: also what is lazy. */
	private write(all: boolean): boolean {
		if (!this.hasChanges && !this.failing) return true;
		const tables = this.open;
		if (tables === null) {
			this.waitForRetry();
			this.listener.committed(false, [...this.urgentEntries]);
			return false;
		}
		const entries = all
			? [...new Set([...this.urgentEntries, ...this.lazyEntries])]
			: [...this.urgentEntries];
		const slots = all ? [...new Set([...this.urgentSlots, ...this.lazySlots])] : [...this.urgentSlots];
		try {
			tables.begin();
			// An attempt after a failure writes something, whatever is left: that is what it is to find out.
			if (this.failing || this.usage.isNewDay) this.usage.record(tables);
			for (const entry of entries) this.writeEntry(tables, entry);
			for (const { row, removed } of this.ended) {
				for (const position of removed) tables.deleteDelivery(row, position);
				tables.endSession(row);
			}
			for (const { row, position } of this.handedOn) tables.deleteDeliveriesUpTo(row, position);
			for (const slot of slots) this.writeSlot(tables, slot);
			for (const { row, topic } of this.tombstones) this.writeTombstone(tables, row, topic);
			for (const row of this.staleRetained) tables.deleteRetained(row);
			tables.commit();
		} catch (error) {
			tables.rollback();
			if (!isHostError(error)) throw error;
			for (const entry of entries) entry.isDoubtful = true;
			for (const slot of slots) slot.isWritten = true;
			this.fail(error);
			this.listener.committed(false, entries);
			return false;
		}
		this.settle(entries, slots, all);
		this.recovered();
		this.account(tables);
		this.listener.committed(true, entries);
		return true;
	}

	private writeEntry(tables: Tables, entry: SessionEntry): void {
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
			const endsAt = this.toUtc(session.endsAt);
			tables.putSession({
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
			if (subscription === null) tables.deleteSubscription(row, topicFilter);
			else tables.putSubscription(subscription);
		}
		for (const [packetId, isUnderWay] of entry.incoming) {
			if (isUnderWay) tables.putIncoming(row, packetId);
			else tables.deleteIncoming(row, packetId);
		}
		if (entry.isDoubtful) tables.deleteDeliveriesAfter(row, entry.writtenPosition);
		this.writeDeliveries(tables, entry);
		const { will } = entry;
		if (will === null) tables.deleteWill(row);
		else if (will !== undefined)
			tables.putWill({ ...will.will, session: row, dueAt: this.toUtc(will.dueAt) });
	}

	private writeDeliveries(tables: Tables, { row, added, moved, removed }: SessionEntry): void {
		for (const copy of added) {
			const { message, position, qos, retain, identifier, share, packetId } = copy;
			if (message !== null) this.writeMessage(tables, message);
			tables.putDelivery({
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
			tables.setDelivery(row, copy.position, copy.packetId, state, state === DeliveryState.PUBCOMP);
		}
		for (const position of removed) tables.deleteDelivery(row, position);
	}

	private writeMessage(tables: Tables, message: StoredMessage): void {
		if (message.row === 0) message.row = ++this.rows.message;
		const { row: id, topic, qos, properties, payload } = message;
		tables.putMessage({ id, topic, qos, expiresAt: this.toUtc(message.expiresAt), properties, payload }, 1);
	}

	private writeSlot(tables: Tables, { message, source, row }: RetainedSlot): void {
		if (message === null) {
			tables.deleteRetained(row);
			return;
		}
		const { topic, qos, properties, payload } = message;
		tables.putRetained({
			id: row,
			topic,
			qos,
			expiresAt: this.toUtc(message.expiresAt),
			clientId: source?.clientId ?? null,
			username: source?.username ?? null,
			listener: source?.listenerName ?? "",
			properties,
			payload,
		});
	}

	private writeTombstone(tables: Tables, id: number, topic: string): void {
		tables.putRetained({
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

	private settle(entries: readonly SessionEntry[], slots: readonly RetainedSlot[], all: boolean): void {
		for (const entry of entries) {
			entry.settle();
			this.urgentEntries.delete(entry);
			this.lazyEntries.delete(entry);
		}
		for (const slot of slots) {
			slot.isWritten = slot.message !== null;
			this.urgentSlots.delete(slot);
			this.lazySlots.delete(slot);
			slot.settle();
		}
		if (this.ended.length > 0) this.schedulePurge();
		this.ended.length = 0;
		this.handedOn.length = 0;
		this.tombstones = [];
		this.staleRetained.length = 0;
		if (!all && this.lazyEntries.size + this.lazySlots.size > 0) return;
		this.octets = 0;
		this.changes = 0;
		this.lazyTimer?.cancel();
		this.lazyTimer = null;
	}

	/** Deletes what ended sessions have left, a part at a time. */
	private schedulePurge(): void {
		if (this.purgeTimer !== null || this.closed) return;
		this.purgeTimer = this.host.timers.after(PURGE_PAUSE, () => {
			this.purgeTimer = null;
			const tables = this.open;
			if (tables === null || this.failing || !this.isLoaded) return;
			try {
				const ended = tables.endedSession();
				if (ended === 0) return;
				if (this.handOn(tables, ended)) {
					this.schedulePurge();
					return;
				}
				tables.begin();
				tables.purge(ended, PURGE_ROWS);
				tables.commit();
				this.account(tables);
				this.schedulePurge();
			} catch (error) {
				tables.rollback();
				if (!isHostError(error)) throw error;
				this.fail(error);
			}
		});
	}

	/**
	 * Hands on what an ended session had of shared subscriptions, a part of it, and deletes that in the transaction in which others
	 * have it. False when there is nothing of the kind in what is deleted next.
	 */
	private handOn(tables: Tables, ended: number): boolean {
		if (!tables.hasShared(ended, PURGE_ROWS)) return false;
		const rows = tables.deliveries(ended, 0, tables.deliveriesWithin(ended, 0, PURGE_ROWS, HANDED_OCTETS));
		this.handedOn.push({ row: ended, position: rows.at(-1)?.delivery.position ?? 0 });
		this.changed(Durability.LAZY, 0);
		this.listener.orphaned(rows);
		this.write(true);
		return true;
	}

	/** After a transaction: what it cost, and what is left. */
	private account(tables: Tables): void {
		try {
			this.usage.committed(tables);
		} catch (error) {
			// The log could not be written into the file; it is tried again when it has grown.
			if (!isHostError(error)) throw error;
			this.complain(error);
		}
		this.judgeSize();
	}

	/** Closing writes the log into the file. */
	private noteUsage(tables: Tables): void {
		try {
			this.usage.closing(tables);
		} catch (error) {
			tables.rollback();
			if (!isHostError(error)) throw error;
			this.complain(error);
		}
	}

	private judgeSize(): void {
		const { maximumSize } = this.settings;
		this.full = maximumSize !== 0 && this.usage.used >= maximumSize;
	}

	/** To the second of the system's clock; 0 stays. */
	private toUtc(second: number): number {
		return second === 0 ? 0 : second + this.offset;
	}

	/** To the second of the broker's time, at least 1; 0 stays. */
	fromUtc(second: number): number {
		return second === 0 ? 0 : Math.max(1, second - this.offset);
	}

	private get offset(): number {
		const { clock } = this.host;
		return Math.floor(clock.now() / 1000) - (Math.floor(clock.monotonic() / 1000) + 1);
	}

	// Reading.

	/** All of sessions but their messages; null when it cannot be read. A file that is found damaged here is set aside. */
	load(): Loaded | null {
		const read = () => this.attempt((tables) => loadSessions(tables));
		const loaded = read() ?? read();
		if (loaded !== null) this.isLoaded = true;
		return loaded;
	}

	/** Whether there may be retained messages to read. */
	get hasRetained(): boolean {
		return this.rows.retained > 0;
	}

	/** The next retained messages by row, see `Tables.packedRetained`; null when they cannot be read now. */
	loadRetained(after: number): Uint8Array | null {
		return this.attempt((tables) => tables.packedRetained(after));
	}

	private attempt<T>(read: (tables: Tables) => T): T | null {
		if (this.open === null && !(this.isDamaged && this.reopen())) return null;
		try {
			return this.open === null ? null : read(this.open);
		} catch (error) {
			if (!isHostError(error)) throw error;
			this.fail(error);
			return null;
		}
	}

	/**
	 * Deliveries of a session after a position: the next `count`, or as many as come to some octets. Null when they cannot be
	 * read now.
	 */
	read(row: number, after: number, count: number, octets: number): DeliveryWithMessage[] | null {
		return this.attempt((tables) =>
			tables.deliveries(row, after, tables.deliveriesWithin(row, after, count, octets)),
		);
	}

	// Trouble.

	/** Something could not be read or written: says so now and then, and tries again later. */
	fail(error: HostError): void {
		this.failing = true;
		this.lazyTimer?.cancel();
		this.lazyTimer = null;
		this.complain(error);
		// A connection after such an error is of no use.
		if (error.code !== "ENOSPC") this.letGo();
		if (isDamage(error)) this.isDamaged = true;
		this.waitForRetry();
	}

	private complain({ message }: HostError): void {
		const now = this.host.clock.monotonic();
		if (now - this.saidAt < COMPLAINT_INTERVAL) return;
		this.saidAt = now;
		const what = `Error: Unable to write the database '${this.settings.path}' (${message}).`;
		this.log.write("error", `${what} What has to be kept is refused until it can be written again.`);
	}

	private letGo(): void {
		this.open = null;
		this.database?.close();
		this.database = null;
	}

	private waitForRetry(): void {
		if (this.retryTimer !== null || this.closed) return;
		this.retryTimer = this.host.timers.after(this.retryDelay, () => {
			this.retryTimer = null;
			this.retryDelay = Math.min(2 * this.retryDelay, RETRY_LONGEST);
			if (this.reopen()) this.write(true);
		});
	}

	/** Whether there is a file to write to. */
	private reopen(): boolean {
		if (this.open !== null) return true;
		try {
			this.openFile();
			return true;
		} catch (error) {
			if (error instanceof SchemaError) {
				this.log.write(
					"error",
					`Error: Unable to use the database '${this.settings.path}': ${error.message}.`,
				);
				this.waitForRetry();
				return false;
			}
			if (!isHostError(error)) throw error;
			this.fail(error);
			return false;
		}
	}

	private recovered(): void {
		if (!this.failing) return;
		this.failing = false;
		this.retryTimer?.cancel();
		this.retryTimer = null;
		this.retryDelay = RETRY_FIRST;
		this.log.write("notice", `The database '${this.settings.path}' can be written again.`);
		this.schedulePurge();
	}

	/** Writes everything and lets go of the file. */
	close(): void {
		if (this.closed) return;
		if (this.flush() && this.open !== null) this.noteUsage(this.open);
		this.closed = true;
		for (const timer of [this.lazyTimer, this.purgeTimer, this.retryTimer]) timer?.cancel();
		this.letGo();
	}
}
