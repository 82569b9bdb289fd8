/** The broker's part in persistence: tells the store what changes, and holds back what depends on its being written. */

import type { Will } from "../packet/packet.ts";
import { Durability } from "../store/durability.ts";
import type { RetainedSlot, SessionEntry } from "../store/entries.ts";
import type { MessageRecord } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import type { StoreListener } from "../store/store-host.ts";
import type { DeliveryWithMessage } from "../store/tables.ts";
import { Backlog } from "./backlog.ts";
import type { Broker } from "./broker.ts";
import type { Client } from "./client.ts";
import { Copy } from "./copy.ts";
import { type Held, HeldAck, HeldAction, HeldAnswer, HeldPublish } from "./held.ts";
import type { Limit } from "./limits.ts";
import type { Link } from "./link.ts";
import { Message } from "./message.ts";
import type { Retained, RetainedKeeper } from "./retained.ts";
import type { Route } from "./routes.ts";
import type { Session } from "./session.ts";

/** What became of a topic's retained message in a turn. */
interface Replaced {
	/** What there was before; undefined: what is still to be loaded. */
	readonly former: Retained | null | undefined;
	/** What there was then, and whose refusal undoes it; null for nobody's. */
	readonly steps: { readonly by: Message | null; readonly retained: Retained | null }[];
	/** The next one is by this. */
	by: Message | null;
}

export class Keeper implements StoreListener, RetainedKeeper {
	readonly store: Store;
	private readonly broker: Broker;
	private held: Held[] = [];
	/** Topics whose retained messages of this turn may have to be refused. */
	private readonly replaced = new Map<string, Replaced>();
	/** Sessions by entry. */
	private readonly sessions = new Map<SessionEntry, Session>();

	constructor(broker: Broker, store: Store) {
		this.broker = broker;
		this.store = store;
		store.listen(this);
		broker.retained.keeper = this;
	}

	// Sessions.

	/** A client has connected: its session is kept from now on, or goes on; not one that ends with its connection. */
	sessionOpened(session: Session, will: Will | null): void {
		if (session.entry === null) {
			if (session.expiryInterval === 0 || this.store.strictest === Durability.RAM) return;
			this.keep(session, this.store.addSession(session), 0, 0, 0);
		}
		session.entry?.touch();
		session.entry?.setWill(will === null ? null : { will, dueAt: 0 });
	}

	/** Joins a session and its entry. The numbers are those of what is on the disk only. */
	keep(session: Session, entry: SessionEntry, underWay: number, count: number, octets: number): Backlog {
		const backlog = new Backlog(this, entry, underWay, count, octets);
		session.entry = entry;
		session.backlog = backlog;
		session.keeper = this;
		this.sessions.set(entry, session);
		return backlog;
	}

	/** Its connection has ended, and the session stays. `dueAt`: when the will is sent; null for none that waits. */
	sessionLeft({ entry }: Session, will: Will | null, dueAt: number): void {
		if (entry === null) return;
		entry.touch();
		entry.setWill(will === null ? null : { will, dueAt });
	}

	willSent({ entry }: Session): void {
		entry?.setWill(null);
	}

	sessionEnded(session: Session): void {
		const { entry } = session;
		if (entry === null) return;
		this.sessions.delete(entry);
		this.store.endSession(entry);
		session.entry = null;
		session.backlog = null;
	}

	/** What a session has on the disk, as messages; null when it cannot be read now. */
	read(entry: SessionEntry, after: number, count: number, octets: number): Copy[] | null {
		const rows = this.store.read(entry.row, after, count, octets);
		if (rows === null) return null;
		const copies: Copy[] = [];
		for (const row of rows) {
			const copy = this.copyOf(row);
			if (copy !== null) copies.push(copy);
		}
		return copies;
	}

	private copyOf({ delivery, message: record }: DeliveryWithMessage): Copy | null {
		const { position, qos, retain, identifier, share, packetId, state } = delivery;
		// What has lost its message in a damaged file.
		if (record === null && state !== 3) return null;
		const group = share === null ? null : this.broker.tree.findGroup(share);
		const copy = new Copy(record === null ? null : this.messageOf(record), qos, retain, identifier, group);
		copy.position = position;
		copy.isWritten = true;
		copy.packetId = packetId;
		copy.state = state;
		return copy;
	}

	private messageOf({ id, topic, qos, payload, properties, expiresAt }: MessageRecord): Message {
		const topicBytes = this.broker.host.utf8.encode(topic);
		const message = new Message(topic, topicBytes, payload, qos, properties, this.store.fromUtc(expiresAt));
		message.row = id;
		return message;
	}

	// Retained messages.

	changed(slot: RetainedSlot, topic: string): void {
		this.store.retainedChanged(slot, this.store.durabilityOfTopic(topic));
	}

	gone(topic: string): void {
		this.store.retainedGone(topic, this.store.durabilityOfTopic(topic));
	}

	back(topic: string): void {
		this.store.retainedBack(topic);
	}

	drop(row: number): void {
		this.store.dropRetainedRow(row);
	}

	fromUtc(second: number): number {
		return this.store.fromUtc(second);
	}

	// What must wait.

	/**
	 * Why a message that would have to be kept is not taken: writing fails, or there is no room. Null when it is. What is in
	 * memory only, or need not be on the disk at once, is taken for as long as memory allows.
	 */
	refusalOf(session: Session, route: Route, qos: number, retain: boolean): Limit | null {
		const { store } = this;
		if (store.isReady) return null;
		if (qos === 0 && !retain) return null;
		const isKept = retain || route.keeps || (qos === 2 && session.entry !== null);
		if (!isKept) return null;
		const durability = store.durabilityOfTopic(route.topic);
		if (durability === Durability.RAM || (durability === Durability.LAZY && store.takesMore)) return null;
		return store.isFull ? "max_store_size" : "persistence";
	}

	/** Whether a message is one to be on the disk before it is acknowledged, and so may have to be refused after all. */
	mayRefuse(route: Route, retain: boolean): boolean {
		return (retain || route.keeps) && this.store.durabilityOfTopic(route.topic) === Durability.SYNC;
	}

	/** The same of a session's own state. */
	sessionRefusal({ entry }: Session): Limit | null {
		const { store } = this;
		if (entry === null || store.isReady) return null;
		if (store.sessionDurability !== Durability.SYNC && store.takesMore) return null;
		return store.isFull ? "max_store_size" : "persistence";
	}

	/** A retained message is about to be replaced by one that may have to be refused. */
	replacing(message: Message): void {
		const { topic } = message;
		const { retained } = this.broker;
		let replaced = this.replaced.get(topic);
		if (replaced === undefined) {
			const former = retained.isToCome(topic) ? undefined : retained.get(topic);
			replaced = { former, steps: [], by: null };
			this.replaced.set(topic, replaced);
		}
		replaced.by = message;
	}

	replacedBy(topic: string, retained: Retained | null): void {
		const replaced = this.replaced.get(topic);
		if (replaced === undefined) return;
		replaced.steps.push({ by: replaced.by, retained });
		replaced.by = null;
	}

	/** `text`: why, with a reason code that says that something failed. `message`: what was taken; null for nothing. */
	holdAck(
		client: Client,
		type: 4 | 5,
		packetId: number,
		reasonCode: number,
		text: string,
		isKept: boolean,
		message: Message | null,
	): void {
		this.held.push(new HeldAck(client, type, packetId, reasonCode, text, isKept, message));
	}

	holdAnswer(client: Client, header: number, packetId: number): void {
		this.held.push(new HeldAnswer(client, header, packetId));
	}

	holdPublish(session: Session, link: Link, copy: Copy): void {
		this.held.push(new HeldPublish(session, link, copy));
	}

	hold(client: Client, action: (isWritten: boolean) => void): void {
		this.held.push(new HeldAction(client, action));
	}

	committed(isWritten: boolean, entries: readonly SessionEntry[]): void {
		const { held } = this;
		this.held = [];
		if (!isWritten) this.takeBack(held, entries);
		this.replaced.clear();
		for (const each of held) if (!each.settle(isWritten)) this.held.push(each);
		if (!isWritten) return;
		for (const entry of entries) this.sessions.get(entry)?.spill();
	}

	/**
	 * What is refused is not taken: it is in no queue, not retained, and not sent to those to whom it was not sent yet. Who has
	 * it already, as nothing of it was to be kept for them or they take QoS 1, has it.
	 */
	private takeBack(held: readonly Held[], entries: readonly SessionEntry[]): void {
		const refused = new Set<Message>();
		for (const { refusable } of held) if (refusable) refused.add(refusable);
		if (refused.size === 0) return;
		for (const entry of entries) this.sessions.get(entry)?.takeBack(refused);
		const { retained } = this.broker;
		for (const [topic, { former, steps }] of [...this.replaced]) {
			let taken = steps.length;
			while (taken > 0 && steps[taken - 1]!.by !== null && refused.has(steps[taken - 1]!.by!)) taken--;
			if (taken === steps.length) continue;
			const state = taken === 0 ? former : steps[taken - 1]!.retained;
			if (state === undefined) retained.leave(topic);
			else if (state === null) retained.remove(topic);
			else retained.set(state.message, state.source, true);
			retained.recent?.forget(topic);
		}
	}

	orphaned(rows: readonly DeliveryWithMessage[]): void {
		for (const row of rows) {
			const copy = this.copyOf(row);
			if (copy === null) continue;
			// A QoS 2 message that was sent stays with its session ([MQTT-4.8.2-4], [MQTT-4.8.2-5]).
			if (copy.state === 0 || copy.qos === 1) this.broker.handOn(copy);
		}
	}

	repaired(): void {
		for (const [entry, session] of this.sessions) {
			entry.touch();
			for (const topicFilter of session.subscriptions) {
				const facts = this.broker.tree.find(session, topicFilter);
				if (facts !== undefined) entry.subscribe({ ...facts, topicFilter });
			}
			for (const packetId of session.incoming) entry.receive(packetId, Durability.LAZY);
		}
		this.broker.retained.writeAll();
	}
}
