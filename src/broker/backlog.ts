/**
 * What of a session is on the disk and not in memory: behind the queue in memory come the rows that were let go of, behind
 * them what has come since and is not written yet. So memory does not grow with the time that a client stays away.
 */

import type { SessionEntry } from "../store/entries.ts";
import type { Copy } from "./copy.ts";
import type { Keeper } from "./keeper.ts";
import { MessageQueue } from "./message-queue.ts";
import type { StoreCount } from "./statistics.ts";

/** Messages that are read at once, and octets of their payload, about. */
const BATCH = 64;
const BATCH_OCTETS = 65_536;
/** What is more than is read in one turn: messages, and octets of their payload. */
const MUCH = 512;
const MUCH_OCTETS = 1_048_576;
/** Messages under way that are read at once. */
const UNDER_WAY_BATCH = 256;

export class Backlog {
	/** Messages that wait and are on the disk only, and octets of their payload. */
	count: number;
	octets: number;
	/** Messages under way that are on the disk only. */
	underWay: number;
	private readonly keeper: Keeper;
	private readonly entry: SessionEntry;
	/** What has come since, with what is not written at all. */
	private readonly tail = new MessageQueue();
	/** Position up to which rows were read. */
	private readTo = 0;
	/** Position up to which QoS 1 messages may have been sent before. */
	repeatsTo = 0;

	constructor(keeper: Keeper, entry: SessionEntry, underWay: number, count: number, octets: number) {
		this.keeper = keeper;
		this.entry = entry;
		this.underWay = underWay;
		this.count = count;
		this.octets = octets;
	}

	/** Messages that wait here. */
	get length(): number {
		return this.count + this.tail.length;
	}

	/** Octets of their payload. */
	get bytes(): number {
		return this.octets + this.tail.bytes;
	}

	/** Whether there is more on the disk than is read in one turn of the event loop. */
	get isMuch(): boolean {
		return this.count + this.underWay > MUCH || this.octets > MUCH_OCTETS;
	}

	/** Whether nothing more can be kept. */
	get isFull(): boolean {
		return !this.keeper.store.takesMore;
	}

	/** A message comes behind those that wait here. */
	push(copy: Copy): void {
		this.tail.push(copy);
	}

	/** Counts the messages that are kept here. */
	countStored(store: StoreCount): void {
		for (const { message } of this.tail) if (message !== null) store.add(message);
		store.addStored(this.count, this.octets);
	}

	/** Takes out of what is in memory those for which `goes` says so. */
	takeOut(goes: (copy: Copy) => boolean): Copy[] {
		return this.tail.takeOut(goes);
	}

	/** All is written: lets go of what waits, but for the first `keep` messages. */
	spill(queue: MessageQueue, keep: number): void {
		if (queue.length <= keep && this.tail.length === 0) return;
		let first = 0;
		const rest: Copy[] = [];
		for (const copy of queue.takeRest(keep)) {
			if (this.letGo(copy)) {
				if (first === 0) first = copy.position;
			} else rest.push(copy);
		}
		if (first !== 0) this.readTo = first - 1;
		for (const copy of this.tail.takeRest(0)) if (!this.letGo(copy)) rest.push(copy);
		const behind = this.count > 0 ? this.tail : queue;
		for (const copy of rest) behind.push(copy);
	}

	private letGo(copy: Copy): boolean {
		if (copy.position === 0 || !copy.isWritten) return false;
		this.count++;
		this.octets += copy.octets;
		return true;
	}

	/** Lets go of messages under way, as there is no connection. */
	unload(outgoing: Map<number, Copy>): void {
		for (const [packetId, copy] of outgoing) {
			if (copy.position === 0 || !copy.isWritten) continue;
			outgoing.delete(packetId);
			this.underWay++;
		}
		if (this.underWay > 0) this.readTo = 0;
	}

	/** Reads messages under way, which come before all that wait; `queue` is what is in memory. */
	load(outgoing: Map<number, Copy>, queue: MessageQueue): void {
		if (this.underWay === 0) return;
		const waiting = queue.takeRest(0);
		const inMemory = [...outgoing.values()];
		outgoing.clear();
		this.readTo = 0;
		while (this.underWay > 0) {
			const rows = this.keeper.read(this.entry, this.readTo, UNDER_WAY_BATCH, BATCH_OCTETS);
			if (rows === null || rows.length === 0) break;
			for (const copy of rows) {
				if (copy.state === 0) break;
				this.readTo = copy.position;
				this.underWay--;
				outgoing.set(copy.packetId, copy);
			}
			if (rows.at(-1)?.state === 0) break;
		}
		this.underWay = 0;
		for (const copy of inMemory) outgoing.set(copy.packetId, copy);
		for (const copy of waiting) queue.push(copy);
	}

	/** Reads on into the queue in memory, which is empty. Returns whether there is something in it now. */
	refill(queue: MessageQueue): boolean {
		while (this.count > 0 && queue.length === 0) {
			const rows = this.keeper.read(this.entry, this.readTo, Math.min(BATCH, this.count), BATCH_OCTETS);
			if (rows === null) return false;
			// A damaged file has lost the rest.
			if (rows.length === 0) this.count = 0;
			for (const copy of rows) {
				this.readTo = copy.position;
				this.count--;
				this.octets -= copy.octets;
				copy.isRepeat = copy.qos === 1 && copy.position <= this.repeatsTo;
				queue.push(copy);
			}
		}
		if (this.count <= 0) {
			this.count = 0;
			this.octets = 0;
			for (const copy of this.tail.takeRest(0)) queue.push(copy);
		}
		return queue.length > 0;
	}
}
