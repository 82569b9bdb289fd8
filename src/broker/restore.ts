/** What the store has kept becomes sessions and retained messages again: sessions at once, retained messages bit by bit. */

import { topicMatches } from "../packet/packet.ts";
import type { Loaded } from "../store/load.ts";
import { NEVER_EXPIRES, type RetainedRecord, type SessionRecord, type WillRecord } from "../store/records.ts";
import { Absence } from "./absence.ts";
import type { Broker } from "./broker.ts";
import type { Keeper } from "./keeper.ts";
import { Message } from "./message.ts";
import type { Retained } from "./retained.ts";
import { Rights } from "./rights.ts";
import type { Session } from "./session.ts";
import type { ListenerSettings } from "./settings.ts";
import { Subscription } from "./subscription-tree.ts";

type Sender = (found: readonly Retained[]) => void;

/** Milliseconds after which it is tried again to read. */
const RETRY = 1000;
/** Retained messages that are read in one go. */
const PART = 500;

export class Restore {
	private readonly broker: Broker;
	private readonly keeper: Keeper;
	private readonly listeners = new Map<string, ListenerSettings>();
	/** Those that have subscribed meanwhile, and get what is still to come. */
	private waiting: { readonly subscription: Subscription; readonly send: Sender }[] = [];
	private after = 0;

	constructor(broker: Broker, keeper: Keeper, listeners: readonly ListenerSettings[]) {
		this.broker = broker;
		this.keeper = keeper;
		for (const listener of listeners) this.listeners.set(listener.name, listener);
	}

	/** Makes the sessions; retained messages follow. */
	begin(): void {
		const loaded = this.keeper.store.load();
		if (loaded === null) {
			// It cannot be read now.
			this.broker.host.timers.after(RETRY, () => this.begin());
			return;
		}
		this.makeSessions(loaded);
		if (!this.keeper.store.hasRetained) return;
		this.broker.retained.isLoading = true;
		this.next();
	}

	private makeSessions(loaded: Loaded): void {
		const { broker, keeper } = this;
		const queues = new Map(loaded.queues.map((queue) => [queue.session, queue]));
		const sessions = new Map<number, Session>();
		for (const record of loaded.sessions) {
			const session = this.makeSession(record);
			if (session === null) {
				const row = broker.sessions.get(record.clientId ?? "")?.entry?.row;
				if (row !== record.id) keeper.store.dropSession(record.id);
				continue;
			}
			sessions.set(record.id, session);
			const entry = keeper.store.adopt(record.id, session);
			const queue = queues.get(record.id);
			entry.goOnAfter(queue?.last ?? 0);
			const underWay = queue?.underWay ?? 0;
			const waiting = (queue?.deliveries ?? 0) - underWay;
			const backlog = keeper.keep(session, entry, underWay, waiting, queue?.octets ?? 0);
			// That one was sent and perhaps acknowledged is written when there is time: [MQTT-3.3.1-1], 3.1.1: [MQTT-3.3.1-1].
			if (record.isConnected) backlog.repeatsTo = queue?.last ?? 0;
		}
		for (const record of loaded.subscriptions) {
			const session = sessions.get(record.session);
			if (session === undefined) continue;
			const { topicFilter, qos, noLocal, retainAsPublished, identifier } = record;
			session.subscriptions.add(topicFilter);
			broker.tree.add(new Subscription(session, topicFilter, qos, noLocal, retainAsPublished, identifier));
		}
		const { incoming } = loaded;
		for (let i = 0; i < incoming.length; i += 2) sessions.get(incoming[i]!)?.incoming.add(incoming[i + 1]!);
		const wills = new Map(loaded.wills.map((will) => [will.session, will]));
		for (const record of loaded.sessions) {
			const session = sessions.get(record.id);
			if (session !== undefined) this.resume(session, record, wills.get(record.id) ?? null);
		}
		broker.routes.invalidate();
	}

	private makeSession({
		clientId,
		username,
		listener,
		mountPoint,
		expiryInterval,
		lastPacketId,
	}: SessionRecord): Session | null {
		const { broker } = this;
		// One that has come since, while the file could not be read, counts.
		if (clientId === null || broker.sessions.has(clientId)) return null;
		const session = broker.addSession(clientId);
		session.listener = this.listeners.get(listener) ?? null;
		if (session.listener !== null) session.rights = new Rights(session.listener, clientId, username);
		session.mountPoint = mountPoint;
		session.expiryInterval = expiryInterval;
		session.lastPacketId = lastPacketId;
		return session;
	}

	/**
	 * Its time goes on from when its connection ended, or the broker did; which is now, when that was not written. It ends in
	 * the next second when it should have before, or was to end with its connection.
	 */
	private resume(session: Session, { endsAt }: SessionRecord, will: WillRecord | null): void {
		const { broker, keeper } = this;
		const limit = broker.settings.persistentClientExpiration ?? NEVER_EXPIRES;
		const interval = Math.min(session.expiryInterval, limit);
		const latest = interval === NEVER_EXPIRES ? 0 : broker.seconds + interval;
		const own = keeper.store.fromUtc(endsAt);
		session.endsAt = own === 0 || (latest !== 0 && latest < own) ? latest : own;
		const delay = will?.properties?.willDelayInterval ?? 0;
		const willAt =
			will === null ? 0 : will.dueAt === 0 ? broker.seconds + delay : keeper.store.fromUtc(will.dueAt);
		// From here on it counts, whatever comes.
		if (session.endsAt !== own) session.entry?.touch();
		if (will !== null && will.dueAt === 0) session.entry?.setWill({ will, dueAt: willAt });
		if (session.endsAt === 0 && will === null) return;
		const absence = new Absence(broker, session);
		broker.absences.set(session, absence);
		absence.resume(session.endsAt, will, willAt);
	}

	/** Calls `send` with the retained messages for a subscription that are still to come, while it lasts. */
	waitFor(subscription: Subscription, send: Sender): void {
		if (this.broker.retained.isLoading) this.waiting.push({ subscription, send });
	}

	private next(): void {
		this.broker.host.timers.after(0, () => {
			const records = this.keeper.store.loadRetained(this.after, PART);
			// It cannot be read now.
			if (records === null) {
				this.broker.host.timers.after(RETRY, () => this.next());
				return;
			}
			this.take(records);
			const last = records.at(-1);
			if (last !== undefined) {
				this.after = last.id;
				this.next();
				return;
			}
			this.broker.retained.isLoading = false;
			this.waiting = [];
		});
	}

	private take(records: readonly RetainedRecord[]): void {
		const { broker, keeper } = this;
		const found: Retained[] = [];
		for (const record of records) {
			const { id, topic, qos, payload, properties, clientId, username, listener: name } = record;
			if (payload === null) {
				keeper.store.dropRetainedRow(id);
				broker.retained.dropBefore(topic, id);
				continue;
			}
			const expiresAt = keeper.store.fromUtc(record.expiresAt);
			const topicBytes = broker.host.utf8.encode(topic);
			const message = new Message(topic, topicBytes, payload, qos, properties, expiresAt);
			const listener = this.listeners.get(name);
			const source =
				clientId === null || listener === undefined ? null : new Rights(listener, clientId, username);
			if (broker.retained.load(message, source, id)) found.push({ message, source });
		}
		for (const { subscription, send } of this.waiting) {
			const { session, topicFilter } = subscription;
			if (broker.sessions.get(session.clientId) !== session || !session.subscriptions.has(topicFilter))
				continue;
			send(found.filter(({ message }) => topicMatches(topicFilter, message.topic)));
		}
	}
}
