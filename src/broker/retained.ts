/** Retained messages: the last one of each topic, found by topic filter. */

import type { RetainedSlot } from "../store/entries.ts";
import * as packed from "../store/packed-retained.ts";
import { Message } from "./message.ts";
import type { RecentTopics } from "./recent-topics.ts";
import { Blocks, NOWHERE, positionOf, roomFor } from "./retained-blocks.ts";
import { addressOf, type Child, RetainedTree } from "./retained-tree.ts";
import { Rights } from "./rights.ts";
import type { BrokerHost, ListenerSettings } from "./settings.ts";

/** Messages that were found last are at hand, so that those who get the same one share it: their number, and octets of payload. */
const AT_HAND = 64;
const AT_HAND_OCTETS = 262_144;

/** Who is told what is to be written. */
export interface RetainedKeeper {
	changed(slot: RetainedSlot, topic: string): void;
	/** There may be one that is not loaded yet. */
	gone(topic: string): void;
	/** It is not gone after all. */
	back(topic: string): void;
	/** A topic has another message, or none any more. */
	replacedBy(topic: string, retained: Retained | null): void;
	/** A row that does not count any more. */
	drop(row: number): void;
	/** To the second of the broker's time, at least 1; 0 stays. */
	fromUtc(second: number): number;
}

/** A retained message, and the rights of its publisher; null for the broker itself. */
export interface Retained {
	readonly message: Message;
	readonly source: Rights | null;
}

/** What the store has to write of a topic; there is one until it is written. */
class Slot implements RetainedSlot {
	readonly topic: string;
	row: number;
	isWritten: boolean;
	/** The message itself; undefined: as it is kept. */
	latest: Message | null | undefined = undefined;
	private readonly owner: RetainedMessages;

	constructor(owner: RetainedMessages, topic: string, row: number, isWritten: boolean) {
		this.owner = owner;
		this.topic = topic;
		this.row = row;
		this.isWritten = isWritten;
	}

	get message(): Message | null {
		return this.latest === undefined ? (this.owner.get(this.topic)?.message ?? null) : this.latest;
	}

	get source(): packed.PackedSource | null {
		return this.owner.publisherOf(this.topic);
	}

	settle(): void {
		this.owner.settle(this);
	}
}

/** A level of topics as those see it who look around: for as long as nothing changes. */
export class RetainedLevel {
	private readonly owner: RetainedMessages;
	private readonly child: Child;

	constructor(owner: RetainedMessages, child: Child) {
		this.owner = owner;
		this.child = child;
	}

	/** Messages of the topic that ends here, and of all below. */
	get total(): number {
		return typeof this.child === "number" ? 1 : this.child.total;
	}

	/** Names below. */
	get size(): number {
		return typeof this.child === "number" ? 0 : this.child.size;
	}

	/** Whether the topic that ends here has a message. */
	get hasMessage(): boolean {
		return addressOf(this.child) !== NOWHERE;
	}

	/** Of its message. */
	get topic(): string {
		return this.owner.topicAt(addressOf(this.child));
	}

	get payloadLength(): number {
		return this.owner.payloadLengthAt(addressOf(this.child));
	}

	get expiresAt(): number {
		return this.owner.expiryAt(addressOf(this.child));
	}

	get message(): Message | null {
		return this.hasMessage ? this.owner.messageAt(addressOf(this.child)) : null;
	}

	/** Who published it; null for the broker itself, and where the listener is no more. */
	get source(): Rights | null {
		return this.hasMessage ? this.owner.rightsAt(addressOf(this.child)) : null;
	}

	get(name: string): RetainedLevel | undefined {
		const below = typeof this.child === "number" ? undefined : this.child.get(name);
		return below === undefined ? undefined : new RetainedLevel(this.owner, below);
	}

	/** What is below, by name; also when something changes between one and the next. */
	*children(): Generator<[string, RetainedLevel], void> {
		const { child } = this;
		if (typeof child === "number") return;
		for (const name of child.names()) {
			const below = child.get(name);
			if (below !== undefined) yield [name, new RetainedLevel(this.owner, below)];
		}
	}
}

/** What became of records that were loaded. */
export interface LoadedPart {
	/** Row of the last. */
	readonly last: number;
	/** How many were left out, as they are damaged. */
	readonly damaged: number;
}

export class RetainedMessages {
	private readonly utf8: BrokerHost["utf8"];
	private readonly tree = new RetainedTree();
	private readonly blocks = new Blocks((from) => this.move(from));
	/** Told of topics that have another message; null while nobody wants to know. */
	recent: RecentTopics | null = null;
	/** Null while nothing is kept. */
	keeper: RetainedKeeper | null = null;
	/** Topics that have none any more, while not all that were kept are here yet; null when they are. */
	private gone: Set<string> | null = null;
	/** Topics whose rows are to be written. */
	private readonly slots = new Map<string, Slot>();
	/** How many of them expire. */
	private mortal = 0;
	/** Octets of payload of all. */
	octets = 0;
	/** Listeners by name, for the rights of those who published. */
	private readonly listeners = new Map<string, Pick<ListenerSettings, "access" | "name">>();
	/** By address. */
	private readonly atHand = new Map<number, Message>();
	private atHandOctets = 0;
	/** Who published last, and the same as octets. */
	private lastSource: Rights | null = null;
	private lastOctets: packed.SourceOctets | null = null;

	constructor(utf8: BrokerHost["utf8"]) {
		this.utf8 = utf8;
	}

	/** Whether those that were kept are not all here yet. */
	get isLoading(): boolean {
		return this.gone !== null;
	}

	set isLoading(isLoading: boolean) {
		this.gone = isLoading ? new Set() : null;
	}

	get count(): number {
		return this.tree.root.total;
	}

	/** Listeners that what is loaded may have come by. */
	knowListener(listener: Pick<ListenerSettings, "access" | "name">): void {
		this.listeners.set(listener.name, listener);
	}

	/** Where the topics begin that begin with these levels; undefined when there are none. */
	level(names: readonly string[]): RetainedLevel | undefined {
		const child = this.tree.level(names);
		return child === undefined ? undefined : new RetainedLevel(this, child);
	}

	// Putting and removing.

	/** Replaces the topic's retained message [MQTT-3.3.1-5]. `isKept`: it is to be there after a restart. */
	set(message: Message, source: Rights | null = null, isKept = false): void {
		const { topic } = message;
		this.recent?.note(topic);
		this.keeper?.replacedBy(topic, { message, source });
		const old = this.tree.find(topic);
		const by = this.octetsOf(source);
		const length = packed.packedLength(message, by, this.utf8);
		if (old !== NOWHERE) this.uncount(old);
		this.mortal += message.expiresAt === 0 ? 0 : 1;
		this.octets += message.payload.length;
		const slot = this.slotFor(topic, old, isKept);
		const room = old === NOWHERE ? 0 : packed.capacityOf(this.blocks.bytesOf(old), positionOf(old));
		const fits = length <= room && room <= 2 * length;
		const row = old === NOWHERE || slot !== undefined ? 0 : this.rowAt(old);
		const isWritten = row !== 0 && this.isWrittenAt(old);
		const address = fits ? old : this.blocks.take(length);
		const bytes = this.blocks.bytesOf(address);
		const at = positionOf(address);
		packed.writePacked(bytes, at, fits ? room : roomFor(length), message, by, this.utf8);
		if (row !== 0) packed.setRow(bytes, at, row, isWritten);
		if (!fits) {
			this.tree.put(topic, address);
			if (old !== NOWHERE) this.blocks.drop(old);
		}
		this.blocks.tidy();
		if (slot === undefined) return;
		slot.latest = message;
		if (isKept) this.keeper?.changed(slot, topic);
	}

	/** The place of what is to be written of a topic; undefined when there is none and none is wanted. */
	private slotFor(topic: string, address: number, isWanted: boolean): Slot | undefined {
		let slot = this.slots.get(topic);
		if (slot !== undefined || !isWanted || this.keeper === null) return slot;
		const isThere = address !== NOWHERE;
		slot = new Slot(this, topic, isThere ? this.rowAt(address) : 0, isThere && this.isWrittenAt(address));
		this.slots.set(topic, slot);
		return slot;
	}

	/** For the store: what a slot was for is done. */
	settle(slot: Slot): void {
		if (this.slots.get(slot.topic) !== slot) return;
		this.slots.delete(slot.topic);
		const address = this.tree.find(slot.topic);
		if (address !== NOWHERE) this.setRowAt(address, slot.row, slot.isWritten);
	}

	/** Removes the topic's retained message, if there is one [MQTT-3.3.1-6]. */
	remove(topic: string): void {
		this.keeper?.replacedBy(topic, null);
		const address = this.tree.find(topic);
		const slot = this.slotFor(topic, address, address !== NOWHERE && this.rowAt(address) !== 0);
		this.take(topic);
		if (slot !== undefined) slot.latest = null;
		if (this.gone !== null) {
			// A row of the topic that is still to come must not count.
			this.gone.add(topic);
			this.keeper?.gone(topic);
		}
		// Also where there is none any more, which is not written yet: it is not acknowledged before that.
		if (slot !== undefined && slot.row !== 0) this.keeper?.changed(slot, topic);
	}

	/** Whether a topic's message may not be here yet. */
	isToCome(topic: string): boolean {
		return this.gone !== null && !this.gone.has(topic) && this.tree.find(topic) === NOWHERE;
	}

	/** Undoes what became of a topic since `isToCome` was true of it. */
	leave(topic: string): void {
		this.take(topic);
		this.gone?.delete(topic);
		this.keeper?.back(topic);
		const slot = this.slots.get(topic);
		if (slot === undefined) return;
		// Its row may be in the file; the one that is still to come has another.
		this.slots.delete(topic);
		slot.latest = null;
		this.keeper?.changed(slot, topic);
	}

	private take(topic: string): void {
		const address = this.tree.take(topic);
		if (address === NOWHERE) return;
		this.uncount(address);
		this.blocks.drop(address);
		this.blocks.tidy();
	}

	/** What is at an address counts no more. */
	private uncount(address: number): void {
		if (this.expiryAt(address) !== 0) this.mortal--;
		this.octets -= this.payloadLengthAt(address);
		const message = this.atHand.get(address);
		if (message === undefined) return;
		this.atHand.delete(address);
		this.atHandOctets -= message.payload.length;
	}

	/** A record goes elsewhere. */
	private move(from: number): void {
		const source = this.blocks.bytesOf(from);
		const at = positionOf(from);
		const topic = this.topicAt(from);
		const length = packed.capacityOf(source, at);
		const to = this.blocks.take(length);
		const target = this.blocks.bytesOf(to);
		target.set(source.subarray(at, at + length), positionOf(to));
		packed.setCapacity(target, positionOf(to), roomFor(length));
		this.tree.put(topic, to);
		const message = this.atHand.get(from);
		if (message === undefined) return;
		this.atHand.delete(from);
		this.atHand.set(to, message);
	}

	// Loading what was kept.

	/** Takes records of the store that were kept, and the memory that they are in. */
	load(records: Uint8Array): LoadedPart {
		const { utf8, blocks } = this;
		const first = blocks.adopt(records);
		const reader = new packed.RecordReader(records);
		let damaged = 0;
		while (reader.read()) {
			const topic = reader.isSound ? utf8.decode(records, reader.topicStart, reader.topicEnd) : null;
			const address = first + reader.at;
			if (topic === null) damaged++;
			if (topic === null || !this.loadOne(topic, address, records, reader)) blocks.drop(address);
		}
		this.tree.forgetPaths();
		blocks.tidy();
		return { last: packed.rowOf(records, reader.at), damaged };
	}

	/** False when the topic has a later one, or has none any more. */
	private loadOne(topic: string, address: number, records: Uint8Array, reader: packed.RecordReader): boolean {
		const { at } = reader;
		if (!reader.isPlain && packed.isGone(records, at)) {
			this.dropBefore(topic, packed.rowOf(records, at));
			return false;
		}
		if (this.gone !== null && this.gone.size > 0 && this.gone.has(topic)) {
			this.keeper?.drop(packed.rowOf(records, at));
			return false;
		}
		const old = this.tree.add(topic, address);
		if (old !== NOWHERE) {
			if (!this.isOlder(topic, old, packed.rowOf(records, at))) return false;
			this.uncount(old);
			this.tree.put(topic, address);
			this.blocks.drop(old);
		}
		if (!reader.isPlain) {
			const expiresAt = packed.expiryOf(records, at);
			packed.setExpiry(records, at, this.keeper?.fromUtc(expiresAt) ?? expiresAt);
			this.mortal++;
		}
		this.octets += reader.payloadLength;
		return true;
	}

	/** Whether the message that the topic has is older than the one of that row. The one that is not to count loses its row. */
	private isOlder(topic: string, address: number, row: number): boolean {
		const slot = this.slots.get(topic);
		const known = slot === undefined ? this.rowAt(address) : slot.row;
		// One that came meanwhile, and was written.
		if (known === row) return false;
		if (known === 0 || known > row) {
			this.keeper?.drop(row);
			return false;
		}
		this.keeper?.drop(known);
		if (slot === undefined) return true;
		// What is to be written is later than both.
		slot.row = row;
		slot.isWritten = true;
		return false;
	}

	/** The topic had none any more when row `row` was written. */
	private dropBefore(topic: string, row: number): void {
		this.keeper?.drop(row);
		const address = this.tree.find(topic);
		if (address === NOWHERE) return;
		const slot = this.slots.get(topic);
		const known = slot === undefined ? this.rowAt(address) : slot.row;
		if (slot !== undefined || known === 0 || known > row) return;
		this.keeper?.drop(known);
		this.uncount(this.tree.take(topic));
		this.blocks.drop(address);
	}

	/** Has all of them written that were. */
	writeAll(): void {
		for (const topic of this.topics((address) => this.rowAt(address) !== 0)) {
			const slot = this.slotFor(topic, this.tree.find(topic), true);
			if (slot !== undefined) this.keeper?.changed(slot, topic);
		}
	}

	// Finding.

	/** The topic's message, the very one that was put there until that is written; null when there is none. */
	get(topic: string): Retained | null {
		const address = this.tree.find(topic);
		if (address === NOWHERE) return null;
		const message = this.slots.get(topic)?.latest ?? this.messageAt(address);
		return { message, source: this.rightsAt(address) };
	}

	/** Who published the topic's message; null for the broker itself. */
	publisherOf(topic: string): packed.PackedSource | null {
		const address = this.tree.find(topic);
		return address === NOWHERE ? null : this.sourceAt(address);
	}

	/** Removes all that expired by `now`. */
	removeExpired(now: number): void {
		if (this.mortal === 0) return;
		for (const topic of this.topics((address) => this.hasExpired(address, now))) this.remove(topic);
	}

	private topics(isWanted: (address: number) => boolean): string[] {
		const topics: string[] = [];
		this.tree.all((address) => {
			if (isWanted(address)) topics.push(this.topicAt(address));
		});
		return topics;
	}

	private hasExpired(address: number, now: number): boolean {
		const expiresAt = this.expiryAt(address);
		return expiresAt !== 0 && expiresAt <= now;
	}

	// What is at an address.

	messageAt(address: number): Message {
		const known = this.atHand.get(address);
		if (known !== undefined) return known;
		const bytes = this.blocks.bytesOf(address);
		const at = positionOf(address);
		const message = new Message(
			this.topicAt(address),
			packed.topicOctets(bytes, at),
			packed.payloadOf(bytes, at),
			packed.qosOf(bytes, at),
			packed.propertiesOf(bytes, at, this.utf8),
			packed.expiryOf(bytes, at),
		);
		this.remember(address, message);
		return message;
	}

	private remember(address: number, message: Message): void {
		const { length } = message.payload;
		if (length > AT_HAND_OCTETS) return;
		if (this.atHand.size >= AT_HAND || this.atHandOctets + length > AT_HAND_OCTETS) {
			this.atHand.clear();
			this.atHandOctets = 0;
		}
		this.atHand.set(address, message);
		this.atHandOctets += length;
	}

	topicAt(address: number): string {
		return packed.topicOf(this.blocks.bytesOf(address), positionOf(address), this.utf8) ?? "";
	}

	payloadLengthAt(address: number): number {
		return packed.payloadLength(this.blocks.bytesOf(address), positionOf(address));
	}

	expiryAt(address: number): number {
		return packed.expiryOf(this.blocks.bytesOf(address), positionOf(address));
	}

	/** Null for the broker itself, and where the listener is not known. */
	rightsAt(address: number): Rights | null {
		const source = this.sourceAt(address);
		const listener = source === null ? undefined : this.listeners.get(source.listenerName);
		return source === null || listener === undefined
			? null
			: new Rights(listener, source.clientId, source.username);
	}

	private sourceAt(address: number): packed.PackedSource | null {
		return packed.sourceOf(this.blocks.bytesOf(address), positionOf(address), this.utf8);
	}

	private rowAt(address: number): number {
		return packed.rowOf(this.blocks.bytesOf(address), positionOf(address));
	}

	private isWrittenAt(address: number): boolean {
		return packed.isWritten(this.blocks.bytesOf(address), positionOf(address));
	}

	private setRowAt(address: number, row: number, isWritten: boolean): void {
		packed.setRow(this.blocks.bytesOf(address), positionOf(address), row, isWritten);
	}

	private octetsOf(source: Rights | null): packed.SourceOctets | null {
		if (source === null) return null;
		if (source === this.lastSource) return this.lastOctets;
		const { clientId, username, listener } = source;
		this.knowListener(listener);
		this.lastSource = source;
		this.lastOctets = {
			clientId: this.utf8.encode(clientId),
			username: username === null ? null : this.utf8.encode(username),
			listener: this.utf8.encode(listener.name),
		};
		return this.lastOctets;
	}
}
