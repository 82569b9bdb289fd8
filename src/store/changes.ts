/** What is to be written: which sessions and retained messages have changed, and what is to be deleted. */

import { Durability } from "./durability.ts";
import type { RetainedSlot, SessionEntry } from "./entries.ts";

/** The highest row of each kind that was given. */
export interface LastRows {
	session: number;
	message: number;
	retained: number;
}

/** What one transaction writes. */
export interface Batch {
	readonly entries: readonly SessionEntry[];
	readonly slots: readonly RetainedSlot[];
	/** Rows of sessions that have ended, and positions of deliveries that they had removed. */
	readonly ended: readonly { readonly row: number; readonly removed: readonly number[] }[];
	/** Deliveries of ended sessions that others have been handed, by row and last position. */
	readonly handedOn: readonly { readonly row: number; readonly position: number }[];
	/** Topics whose retained message, not loaded yet, is gone. */
	readonly tombstones: readonly { readonly row: number; readonly topic: string }[];
	/** Rows of retained messages that do not count any more. */
	readonly staleRetained: readonly number[];
}

export class Changes {
	private readonly lazyEntries = new Set<SessionEntry>();
	private readonly urgentEntries = new Set<SessionEntry>();
	private readonly lazySlots = new Set<RetainedSlot>();
	private readonly urgentSlots = new Set<RetainedSlot>();
	/** See Batch. */
	private readonly ended: { readonly row: number; readonly removed: readonly number[] }[] = [];
	private readonly handedOn: { readonly row: number; readonly position: number }[] = [];
	private tombstones: { readonly row: number; readonly topic: string }[] = [];
	private readonly staleRetained: number[] = [];
	/** What the changes come to, about, and their number. */
	octets = 0;
	count = 0;

	/** Sessions that have something urgent. */
	get urgent(): SessionEntry[] {
		return [...this.urgentEntries];
	}

	addEntry(entry: SessionEntry, durability: Durability): void {
		if (durability === Durability.SYNC) {
			entry.urgent = true;
			this.urgentEntries.add(entry);
		} else {
			this.lazyEntries.add(entry);
		}
	}

	/** Nothing of it is to be written. */
	dropEntry(entry: SessionEntry): void {
		this.lazyEntries.delete(entry);
		this.urgentEntries.delete(entry);
	}

	/** Returns whether it was not there yet: however often it changes, it is written once. */
	addSlot(slot: RetainedSlot, durability: Durability): boolean {
		const isNew = !this.urgentSlots.has(slot) && !this.lazySlots.has(slot);
		if (durability === Durability.SYNC) this.urgentSlots.add(slot);
		else this.lazySlots.add(slot);
		return isNew;
	}

	dropSlot(slot: RetainedSlot): void {
		this.lazySlots.delete(slot);
		this.urgentSlots.delete(slot);
	}

	end(row: number, removed: readonly number[]): void {
		this.ended.push({ row, removed });
	}

	handOn(row: number, position: number): void {
		this.handedOn.push({ row, position });
	}

	bury(row: number, topic: string): void {
		this.tombstones.push({ row, topic });
	}

	/** What `bury` said of a topic is undone. Returns its rows. */
	unbury(topic: string): number[] {
		const rows = this.tombstones.filter((each) => each.topic === topic).map(({ row }) => row);
		this.tombstones = this.tombstones.filter((each) => each.topic !== topic);
		return rows;
	}

	dropRetained(row: number): void {
		this.staleRetained.push(row);
	}

	/** What is to be written now; `all`: also what is lazy. */
	batch(all: boolean): Batch {
		const { urgentEntries, lazyEntries, urgentSlots, lazySlots } = this;
		const { ended, handedOn, tombstones, staleRetained } = this;
		return {
			entries: all ? [...new Set([...urgentEntries, ...lazyEntries])] : [...urgentEntries],
			slots: all ? [...new Set([...urgentSlots, ...lazySlots])] : [...urgentSlots],
			ended,
			handedOn,
			tombstones,
			staleRetained,
		};
	}

	/** A batch is written. Returns whether nothing is left. */
	settle({ entries, slots }: Batch, all: boolean): boolean {
		for (const entry of entries) {
			entry.settle();
			this.dropEntry(entry);
		}
		for (const slot of slots) {
			slot.isWritten = slot.message !== null;
			this.dropSlot(slot);
			slot.settle();
		}
		this.ended.length = 0;
		this.handedOn.length = 0;
		this.tombstones = [];
		this.staleRetained.length = 0;
		if (!all && this.lazyEntries.size + this.lazySlots.size > 0) return false;
		this.octets = 0;
		this.count = 0;
		return true;
	}
}
