/** What the store has kept becomes sessions and retained messages again: sessions at once, retained messages bit by bit. */

import type { Loaded } from "../store/load.ts";
import { NEVER_EXPIRES, type SessionRecord, type WillRecord } from "../store/records.ts";
import { Absence } from "./absence.ts";
import type { Broker } from "./broker.ts";
import type { Keeper } from "./keeper.ts";
import { Rights } from "./rights.ts";
import type { Session } from "./session.ts";
import type { ListenerSettings } from "./settings.ts";
import { Subscription } from "./subscription-tree.ts";

/** Milliseconds after which it is tried again to read. */
const RETRY = 1000;

export class Restore {
	private readonly broker: Broker;
	private readonly keeper: Keeper;
	private readonly listeners = new Map<string, ListenerSettings>();
	private after = 0;
	/** Retained messages that were left out. */
	private damaged = 0;

	constructor(broker: Broker, keeper: Keeper, listeners: readonly ListenerSettings[]) {
		this.broker = broker;
		this.keeper = keeper;
		for (const listener of listeners) {
			this.listeners.set(listener.name, listener);
			broker.retained.knowListener(listener);
		}
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

	private next(): void {
		this.broker.host.timers.after(0, () => {
			const records = this.keeper.store.loadRetained(this.after);
			// It cannot be read now.
			if (records === null) {
				this.broker.host.timers.after(RETRY, () => this.next());
				return;
			}
			if (records.length > 0) {
				const { last, damaged } = this.broker.retained.load(records);
				this.after = last;
				this.damaged += damaged;
				this.next();
				return;
			}
			this.broker.retained.isLoading = false;
			this.broker.handouts.loaded();
			this.tellDamage();
		});
	}

	private tellDamage(): void {
		const { damaged } = this;
		if (damaged === 0) return;
		const what = damaged === 1 ? "1 retained message" : `${damaged} retained messages`;
		const where = `the database '${this.keeper.store.path}'`;
		this.broker.log.write("warning", `Warning: Left out ${what} of ${where}, as what is there is damaged.`);
	}
}
