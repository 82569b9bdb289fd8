/** The store: takes note of what changes, and writes it in transactions, so that the file is always one consistent state. */

import type { Database, HostError, Log, Timer } from "../host/host.ts";
import { Changes, type LastRows } from "./changes.ts";
import { isDamage, isHostError } from "./damage.ts";
import { Durability, DurabilityRules } from "./durability.ts";
import {
	type EntryOwner,
	type RetainedSlot,
	SessionEntry,
	type StoredMessage,
	type StoredSession,
} from "./entries.ts";
import { type Loaded, loadSessions } from "./load.ts";
import { openDatabase } from "./open.ts";
import { Purge } from "./purge.ts";
import { SchemaError } from "./schema.ts";
import type { StoreHost, StoreListener, StoreSettings } from "./store-host.ts";
import type { DeliveryWithMessage, Tables } from "./tables.ts";
import { Usage } from "./usage.ts";
import { Utc } from "./utc.ts";
import { writeChanges } from "./write-changes.ts";

/** Milliseconds between attempts to write while that fails, the first and the longest. */
const RETRY_FIRST = 1000;
const RETRY_LONGEST = 15_000;
/** Milliseconds between log lines about one trouble. */
const COMPLAINT_INTERVAL = 60_000;
/** Octets of changes in memory beyond which nothing more is kept while writing fails. */
const UNWRITTEN_LIMIT = 1_048_576;
/** Octets that a retained message costs beside its payload, about. */
const SLOT_OCTETS = 200;

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

	private rows: LastRows = { session: 0, message: 0, retained: 0 };
	private readonly changes = new Changes();
	private readonly utc: Utc;
	private readonly purge: Purge;
	private urgent = false;
	private wantsAll = false;
	/** Counts urgent changes, so that it can be told whether something caused one. */
	urgentChanges = 0;

	private lazyTimer: Timer | null = null;
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
		this.utc = new Utc(host.clock);
		this.purge = new Purge(host.timers, {
			tables: () => (this.failing || !this.isLoaded ? null : this.open),
			handOn: (row, rows) => this.handOn(row, rows),
			deleted: (tables) => this.account(tables),
			failed: (error) => this.fail(error),
		});
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
		this.purge.schedule();
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
		return !this.full && !(this.failing && this.changes.octets > UNWRITTEN_LIMIT);
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
		this.changes.end(row, []);
		this.changed(this.rules.sessions, 0);
	}

	/** The session has ended; what it had of shared subscriptions and is not in memory is given to `orphaned` by and by. */
	endSession(entry: SessionEntry): void {
		this.changes.dropEntry(entry);
		if (!entry.isWritten && !entry.isDoubtful) return;
		this.changes.end(entry.row, entry.removed);
		this.changed(this.rules.sessions, 0);
	}

	sessionChanged(entry: SessionEntry, durability: Durability, octets: number): void {
		this.changes.addEntry(entry, durability);
		this.changed(durability, octets);
	}

	/** A topic has another retained message, or none any more. */
	retainedChanged(slot: RetainedSlot, durability: Durability): void {
		if (durability === Durability.RAM) {
			// It was of another durability before.
			this.changes.dropSlot(slot);
			if (slot.isWritten) this.dropRetainedRow(slot.row);
			slot.row = 0;
			slot.isWritten = false;
			slot.settle();
			return;
		}
		const { message } = slot;
		if (message === null && !slot.isWritten) {
			this.changes.dropSlot(slot);
			slot.settle();
			return;
		}
		if (slot.row === 0) slot.row = ++this.rows.retained;
		const isNew = this.changes.addSlot(slot, durability);
		this.changed(durability, isNew && message !== null ? message.payload.length + SLOT_OCTETS : 0);
	}

	/** A topic has no retained message any more; there may be one that is not loaded yet. */
	retainedGone(topic: string, durability: Durability): void {
		if (durability === Durability.RAM) return;
		this.changes.bury(++this.rows.retained, topic);
		this.changed(durability, 0);
	}

	/** What `retainedGone` said of a topic and could not be written is undone. */
	retainedBack(topic: string): void {
		// In the file there may be some of it all the same.
		for (const row of this.changes.unbury(topic)) this.dropRetainedRow(row);
	}

	/** A row of a retained message that does not count any more. */
	dropRetainedRow(row: number): void {
		this.changes.dropRetained(row);
		this.changed(Durability.LAZY, 0);
	}

	private changed(durability: Durability, octets: number): void {
		const { changes } = this;
		changes.octets += octets;
		changes.count++;
		if (durability === Durability.SYNC) {
			this.urgentChanges++;
			this.hurry();
			return;
		}
		const { lazyOctets, lazyChanges } = this.settings;
		const isMuch =
			(lazyOctets !== 0 && changes.octets >= lazyOctets) ||
			(lazyChanges !== 0 && changes.count >= lazyChanges);
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
		return this.changes.count > 0;
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
			this.listener.committed(false, this.changes.urgent);
			return false;
		}
		const batch = this.changes.batch(all);
		const { entries, slots } = batch;
		try {
			tables.begin();
			// An attempt after a failure writes something, whatever is left: that is what it is to find out.
			if (this.failing || this.usage.isNewDay) this.usage.record(tables);
			writeChanges(tables, batch, this.rows, this.utc);
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
		if (batch.ended.length > 0) this.purge.schedule();
		if (this.changes.settle(batch, all)) {
			this.lazyTimer?.cancel();
			this.lazyTimer = null;
		}
		this.recovered();
		this.account(tables);
		this.listener.committed(true, entries);
		return true;
	}

	/** Hands on deliveries of an ended session, and deletes them in the transaction in which others have them. */
	private handOn(ended: number, rows: readonly DeliveryWithMessage[]): void {
		this.changes.handOn(ended, rows.at(-1)?.delivery.position ?? 0);
		this.changed(Durability.LAZY, 0);
		this.listener.orphaned(rows);
		this.write(true);
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

	/** To the second of the broker's time, at least 1; 0 stays. */
	fromUtc(second: number): number {
		return this.utc.from(second);
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
		this.purge.schedule();
	}

	/** Writes everything and lets go of the file. */
	close(): void {
		if (this.closed) return;
		if (this.flush() && this.open !== null) this.noteUsage(this.open);
		this.closed = true;
		this.purge.stop();
		for (const timer of [this.lazyTimer, this.retryTimer]) timer?.cancel();
		this.letGo();
	}
}
