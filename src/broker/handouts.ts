/**
 * Hands out retained messages to those who have subscribed: a bounded number in a turn of the event loop, whoever asks for how
 * many, and to each connection no more than it takes.
 */

import type { Timer } from "../host/host.ts";
import type { Broker } from "./broker.ts";
import { Handout } from "./handout.ts";
import { RecentTopics } from "./recent-topics.ts";
import type { Subscription } from "./subscription-tree.ts";

/**
 * Topics that are looked at in a turn, half of them for those who have waited; for a new subscription, and for one session
 * before it is the next one's turn.
 */
const TURN = 512;
const FIRST = 256;
const PORTION = 64;

export class Handouts {
	readonly broker: Broker;
	readonly recent = new RecentTopics();
	/** Those that have something left. */
	private readonly active = new Set<Handout>();
	/** Those of them that can go on, in turn. */
	private readonly waiting = new Set<Handout>();
	/** Topics that may still be looked at in this turn. */
	private left = TURN;
	private timer: Timer | null = null;

	constructor(broker: Broker) {
		this.broker = broker;
	}

	/** A subscription is to get what is retained: the first part at once, as far as is possible. */
	begin(subscription: Subscription): void {
		const { session } = subscription;
		if (session.handout !== null) {
			session.handout.add(subscription);
			return;
		}
		const handout = new Handout(this, session);
		handout.add(subscription);
		if (!this.waitsFor(subscription)) {
			this.left -= handout.advance(Math.min(FIRST, this.left), true);
			this.schedule();
			if (handout.isDone) return;
		}
		session.handout = handout;
		this.active.add(handout);
		this.broker.retained.recent = this.recent;
		session.handoutChanged();
		handout.wake();
	}

	/**
	 * Whether more may come of what was kept, which is still being loaded: then all waits for that, so that nothing comes twice.
	 * Not where one topic is asked for that is here.
	 */
	private waitsFor({ topicFilter }: Subscription): boolean {
		const { retained } = this.broker;
		return retained.isLoading && !retained.level(topicFilter.split("/"))?.hasMessage;
	}

	/** All is here that was kept. */
	loaded(): void {
		for (const handout of this.active) handout.wake();
	}

	/** Something can be sent. */
	ready(handout: Handout): void {
		if (this.broker.retained.isLoading) return;
		this.waiting.add(handout);
		this.schedule();
	}

	/** Nothing can be sent for now. */
	rest(handout: Handout): void {
		this.waiting.delete(handout);
	}

	/** Nothing is left. */
	end(handout: Handout): void {
		const { session } = handout;
		this.waiting.delete(handout);
		if (!this.active.delete(handout)) return;
		session.handout = null;
		session.handoutChanged();
		if (this.active.size > 0) return;
		this.broker.retained.recent = null;
		this.recent.clear();
	}

	private schedule(): void {
		this.timer ??= this.broker.host.timers.after(0, () => this.run());
	}

	private run(): void {
		this.timer = null;
		this.left = TURN;
		for (const handout of this.waiting) {
			if (this.left <= TURN / 2) break;
			this.waiting.delete(handout);
			this.left -= handout.advance(PORTION, false);
			if (handout.isDone) this.end(handout);
			else handout.wake();
		}
		if (this.waiting.size > 0) this.schedule();
		else this.left = TURN;
	}
}
