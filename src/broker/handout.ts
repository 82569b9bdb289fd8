/**
 * Retained messages on their way to one session: those that its subscriptions match, handed out bit by bit as its connection
 * takes them. Nothing is collected: what is next is found when it can be sent, so that it is what is retained then.
 */

import type { Handouts } from "./handouts.ts";
import type { RetainedLevel } from "./retained.ts";
import { type RetainedVisitor, walkRetained } from "./retained-walk.ts";
import type { Session } from "./session.ts";
import type { Subscription } from "./subscription-tree.ts";
import type { Work } from "./work.ts";

/** What one subscription is to get. */
interface Walk {
	/** Its terms: those of the last SUBSCRIBE. */
	subscription: Subscription;
	/** Null until it begins. */
	work: Work<void> | null;
	/** What was published later than this comes as it is published. */
	since: number;
	/** Unless the session has missed more messages than these. */
	missed: number;
	/** It was asked for once more meanwhile. */
	isAgain: boolean;
}

export class Handout implements RetainedVisitor {
	readonly session: Session;
	private readonly owner: Handouts;
	/** By topic filter, in the order of SUBSCRIBEs: one after the other, and one for a filter, however often it is asked for. */
	private readonly walks = new Map<string, Walk>();
	/** The one that is under way. */
	private current: Walk | null = null;
	/** Topics that it found and could not send, and the QoS of the first of them. */
	private held: string[] = [];
	private heldQos = 0;
	/** Whether what cannot be sent at once may be queued. */
	private queues = false;

	constructor(owner: Handouts, session: Session) {
		this.owner = owner;
		this.session = session;
	}

	get isDone(): boolean {
		return this.walks.size === 0;
	}

	/** A SUBSCRIBE asks for what is retained. */
	add(subscription: Subscription): void {
		const walk = this.walks.get(subscription.topicFilter);
		const { missed } = this.session;
		const since = this.owner.recent.count;
		if (walk === undefined) {
			this.walks.set(subscription.topicFilter, { subscription, work: null, since, missed, isAgain: false });
			return;
		}
		walk.subscription = subscription;
		if (walk.work !== null) {
			walk.isAgain = true;
			return;
		}
		walk.since = since;
		walk.missed = missed;
	}

	/** A SUBSCRIBE does not ask for it; the terms are its own. */
	renew(subscription: Subscription): void {
		const walk = this.walks.get(subscription.topicFilter);
		if (walk !== undefined) walk.subscription = subscription;
	}

	/** Nothing more is sent for a topic filter. */
	cancel(topicFilter: string): void {
		const walk = this.walks.get(topicFilter);
		if (walk === undefined) return;
		this.walks.delete(topicFilter);
		if (walk === this.current) this.leave();
		if (this.isDone) this.owner.end(this);
	}

	private leave(): void {
		this.current = null;
		this.held = [];
	}

	/** The connection, or the window, may have room now. */
	wake(): void {
		if (this.canGoOn) this.owner.ready(this);
	}

	/** The connection is gone, or another one is not ready yet. */
	rest(): void {
		this.owner.rest(this);
	}

	/** The session has ended. */
	close(): void {
		this.walks.clear();
		this.leave();
		this.owner.end(this);
	}

	/** Whether something can be sent now. */
	get canGoOn(): boolean {
		return this.takes(this.held.length > 0 ? this.heldQos : 0);
	}

	private get first(): Walk | null {
		for (const walk of this.walks.values()) return walk;
		return null;
	}

	private takes(qos: number): boolean {
		return this.session.takesNow(qos) || (this.queues && this.session.takesLater);
	}

	/**
	 * Goes on with what is due, and looks at no more than `limit` topics; returns at how many. `queues`: what cannot be sent
	 * at once is queued.
	 */
	advance(limit: number, queues: boolean): number {
		this.queues = queues;
		let looks = 0;
		while (looks < limit) {
			this.current ??= this.begin();
			const { current } = this;
			if (current === null || !this.sendHeld() || !this.takes(0)) break;
			looks++;
			if (!current.work!.next().done || this.held.length > 0) continue;
			this.finish(current);
		}
		this.queues = false;
		return looks;
	}

	private begin(): Walk | null {
		const walk = this.first;
		if (walk === null) return null;
		const { retained } = this.owner.broker;
		walk.work = walkRetained(retained.level([])!, walk.subscription.topicFilter, this);
		return walk;
	}

	private finish({ subscription, isAgain }: Walk): void {
		this.walks.delete(subscription.topicFilter);
		this.leave();
		if (isAgain) this.add(subscription);
	}

	/** False when there is something left. */
	private sendHeld(): boolean {
		if (this.held.length === 0) return true;
		const { held } = this;
		this.held = [];
		for (const topic of held) {
			const level = this.owner.broker.retained.level(topic.split("/"));
			if (level?.hasMessage) this.take(level);
		}
		return this.held.length === 0;
	}

	passes(): boolean {
		return false;
	}

	take(level: RetainedLevel): void {
		const { broker, recent } = this.owner;
		const { session, held } = this;
		const { subscription, since, missed } = this.current!;
		const { expiresAt } = level;
		if (expiresAt !== 0 && expiresAt <= broker.seconds) {
			broker.retained.remove(level.topic);
			return;
		}
		const message = level.message!;
		const { topic } = message;
		if (recent.isAfter(topic, since) && session.missed === missed) return;
		if (session.rights !== null && !session.rights.mayRead(topic)) return;
		// Its publisher may have lost the right to it.
		const source = broker.settings.checkRetainSource ? level.source : null;
		if (source !== null && !source.mayWrite(topic)) return;
		const qos = session.qosFor(message.qos, subscription.qos);
		if (held.length === 0 && !this.takes(qos)) this.heldQos = qos;
		if (held.length > 0 || !this.takes(qos)) held.push(topic);
		else session.deliverMessage(message, qos, true, subscription.identifier); // 3.1.1: [MQTT-3.3.1-8]
	}
}
