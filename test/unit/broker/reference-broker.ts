/** The reference model of the broker: who gets what, worked out anew for each message from plain lists. */

import assert from "node:assert/strict";
import { topicMatches } from "../../../src/packet/packet.ts";
import {
	FOREVER,
	type Message,
	ModelSession,
	type ModelSettings,
	type Subscription,
	type Will,
} from "./reference-session.ts";

/** The shared subscription. No other filter of the test matches its topics. */
export const SHARED = "$share/g/s/+";

/** PUBLISH packets that the broker has written on a session's connection, and messages that it has queued for it. */
export type Observe = (clientId: string) => number;

export interface ConnectOptions {
	readonly clean: boolean;
	readonly expiryInterval: number;
	readonly window: number;
	readonly will: Will | null;
	readonly isVersion5: boolean;
}

export class ModelBroker {
	readonly sessions = new Map<string, ModelSession>();
	readonly retained = new Map<string, Message>();
	now = 0;
	private group = 0;
	/** Members of the shared subscription, in order of joining. */
	private members: string[] = [];
	/** It ends with its last member; the next one begins another. */
	private shared = 1;
	/** Who had the last turn there; null when that does not count any more. */
	private lastTurn: string | null = null;
	private readonly settings: ModelSettings;
	private readonly observe: Observe;

	constructor(settings: ModelSettings, observe: Observe) {
		this.settings = settings;
		this.observe = observe;
	}

	/** Returns whether there was a session to go on with. */
	connect(clientId: string, options: ConnectOptions): boolean {
		const { clean, expiryInterval, window, will, isVersion5 } = options;
		this.group++;
		const previous = this.sessions.get(clientId);
		if (previous?.connected) {
			if (clean) previous.expiryInterval = 0;
			this.leave(previous);
		}
		const waiting = this.sessions.get(clientId);
		if (waiting !== undefined && clean) this.end(waiting);
		const known = this.sessions.get(clientId);
		const session = known ?? new ModelSession(clientId, this.settings, isVersion5);
		this.sessions.set(clientId, session);
		session.connect(window);
		session.expiryInterval = expiryInterval;
		session.will = will;
		session.drain(this.now);
		return known !== undefined;
	}

	/** The connection is over; the will that the session still has is due. */
	disconnect(clientId: string): void {
		this.group++;
		this.leave(this.session(clientId));
	}

	private leave(session: ModelSession): void {
		const { will, expiryInterval } = session;
		session.disconnect();
		session.will = null;
		this.lastTurn = null;
		const waits = will !== null && will.delay > 0 && expiryInterval > 0;
		if (will !== null && !waits) this.hand(session, will.message);
		if (expiryInterval === 0) {
			this.end(session);
			return;
		}
		session.endsAt = this.now + expiryInterval;
		if (!waits) return;
		session.will = will;
		session.willAt = this.now + will.delay;
	}

	private end(session: ModelSession): void {
		this.sessions.delete(session.clientId);
		this.removeMember(session.clientId);
		if (session.will !== null) this.hand(session, session.will.message);
		this.redeliver(session.takeShared(this.shared));
	}

	/** It ends, and begins anew with what it has kept: sessions that were to end with their connection are gone without a word. */
	kill(): void {
		this.group++;
		this.lastTurn = null;
		for (const session of [...this.sessions.values()]) {
			if (session.expiryInterval === 0) {
				this.sessions.delete(session.clientId);
				this.removeMember(session.clientId);
				continue;
			}
			session.killed();
			if (!session.connected) continue;
			session.disconnect();
			session.endsAt = this.now + session.expiryInterval;
			// One without delay is sent in the first second.
			if (session.will !== null) session.willAt = this.now + session.will.delay;
		}
	}

	/** A second passes. */
	tick(): void {
		this.now++;
		this.group++;
		for (const session of [...this.sessions.values()]) {
			if (session.will !== null && session.willAt <= this.now) {
				const { message } = session.will;
				session.will = null;
				session.willAt = FOREVER;
				this.hand(session, message);
			}
			if (session.endsAt <= this.now) this.end(session);
		}
	}

	/** Returns to how many it goes. */
	publish(clientId: string, message: Message): number {
		this.group++;
		return this.hand(this.session(clientId), message);
	}

	private hand(publisher: ModelSession, message: Message): number {
		const { topic, payload, retain } = message;
		if (retain && payload === "") this.retained.delete(topic);
		else if (retain) this.retained.set(topic, message);
		let copies = 0;
		for (const session of this.sessions.values()) {
			const matching = [...session.subscriptions.values()].filter(
				({ filter, noLocal }) =>
					filter !== SHARED && topicMatches(filter, topic) && !(noLocal && session === publisher),
			);
			const plain = matching.filter(({ identifier }) => identifier === 0);
			const copied = matching.filter(({ identifier }) => identifier !== 0);
			if (plain.length > 0) copied.push(merged(plain));
			for (const { qos, retainAsPublished, identifier } of copied) {
				const flag = retain && retainAsPublished;
				session.offer([message], qos, flag, identifier, this.group, 0, this.now);
				copies++;
			}
		}
		if (topicMatches(SHARED, topic) && this.share(message)) copies++;
		return copies;
	}

	/** One member gets it: one that is connected and keeps up, before one that is connected, before one that is away. */
	private share(message: Message): boolean {
		const able = this.ableMembers(message);
		const chosen = able.filter((member) => this.surplus(member) > 0);
		if (chosen.length === 0) {
			assert.ok(
				able.length === 0 || able.some((member) => member.isFull),
				`nobody of ${SHARED} gets '${message.payload}'`,
			);
			return able.length > 0;
		}
		const [member] = chosen as [ModelSession];
		assert.ok(
			chosen.length === 1 && this.surplus(member) === 1,
			`more than one of ${SHARED} gets '${message.payload}'`,
		);
		const connected = able.filter((each) => each.connected);
		const ready = connected.filter((each) => each.queue.length === 0);
		const best = ready.length > 0 ? ready : connected.length > 0 ? connected : able;
		assert.ok(
			best.includes(member),
			`${member.clientId} gets '${message.payload}', others can take it better`,
		);
		if (ready.length > 1) assert.notEqual(member.clientId, this.lastTurn, "each has its turn");
		this.lastTurn = ready.length > 1 ? member.clientId : null;
		this.offerShared(member, [message], message.retain);
		return true;
	}

	/** Members that can take it: those that are connected, and those for whom it would be queued. */
	private ableMembers({ qos }: Message): ModelSession[] {
		const { queueQos0, upgradeQos } = this.settings;
		const above0 = qos > 0 || upgradeQos;
		return this.members
			.map((clientId) => this.session(clientId))
			.filter((member) => member.connected || queueQos0 || (above0 && this.subscription(member).qos > 0));
	}

	/** What a member whose session ended left behind: the observation tells how many of it each of the others gets. */
	private redeliver(left: readonly Message[][]): void {
		if (left.length === 0) return;
		this.lastTurn = null;
		const pool = [...new Set(left.flat())];
		const able = this.ableMembers(pool[0]!);
		let placed = 0;
		for (const member of able) {
			for (let count = this.surplus(member); count > 0 && placed < left.length; count--) {
				this.offerShared(member, pool, false);
				placed++;
			}
		}
		const full = able.filter((member) => member.isFull && this.subscription(member).qos > 0);
		if (able.length > 0 && full.length === 0) {
			assert.equal(placed, left.length, `what a member of ${SHARED} left behind goes to the others`);
		}
		// Of a will and of what is sent on, as a session ends, either may find the queue full.
		for (; placed < left.length; placed++) for (const member of full) this.offerShared(member, pool, false);
	}

	private offerShared(member: ModelSession, candidates: Message[], published: boolean): void {
		const { qos, retainAsPublished, identifier } = this.subscription(member);
		const retain = published && retainAsPublished;
		member.offer(candidates, qos, retain, identifier, this.group, this.shared, this.now);
	}

	/** How much more the broker has for a session than the model. */
	private surplus(session: ModelSession): number {
		return this.observe(session.clientId) - session.written - session.queue.length;
	}

	private subscription(member: ModelSession): Subscription {
		return member.subscriptions.get(SHARED)!;
	}

	private removeMember(clientId: string): void {
		if (!this.members.includes(clientId)) return;
		this.lastTurn = null;
		this.members = this.members.filter((each) => each !== clientId);
		if (this.members.length === 0) this.shared++;
	}

	/** Whether all that is retained for a topic filter could be queued. */
	hasRoomFor(clientId: string, filter: string): boolean {
		const { queueLimit } = this.settings;
		const matching = [...this.retained.keys()].filter((topic) => topicMatches(filter, topic));
		return queueLimit === 0 || this.session(clientId).queue.length + matching.length <= queueLimit;
	}

	subscribe(clientId: string, subscription: Subscription, retainHandling: number): void {
		this.group++;
		const session = this.session(clientId);
		const { filter, qos, identifier } = subscription;
		const isNew = !session.subscriptions.has(filter);
		session.subscriptions.set(filter, subscription);
		if (filter === SHARED) {
			this.lastTurn = null;
			if (isNew) this.members.push(clientId);
			return;
		}
		if (retainHandling === 2 || (retainHandling === 1 && !isNew)) return;
		for (const message of this.retained.values()) {
			const expired = message.expiresAt !== 0 && message.expiresAt <= this.now;
			if (expired || !topicMatches(filter, message.topic)) continue;
			session.offer([message], qos, true, identifier, this.group, 0, this.now);
		}
	}

	/** Returns whether there was such a subscription. */
	unsubscribe(clientId: string, filter: string): boolean {
		if (filter === SHARED) this.removeMember(clientId);
		return this.session(clientId).subscriptions.delete(filter);
	}

	session(clientId: string): ModelSession {
		const session = this.sessions.get(clientId);
		assert.ok(session !== undefined, `${clientId} has a session`);
		return session;
	}
}

/** Overlapping subscriptions without identifier give one copy. */
function merged(subscriptions: readonly Subscription[]): Subscription {
	const [first] = subscriptions as [Subscription];
	return {
		...first,
		qos: Math.max(...subscriptions.map(({ qos }) => qos)),
		retainAsPublished: subscriptions.some(({ retainAsPublished }) => retainAsPublished),
	};
}

export type { Will };
