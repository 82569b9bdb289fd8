/** Shared subscriptions: each message goes to one member of the group (section 4.8.2). */

import type { Qos } from "../packet/packet.ts";
import type { Redeliverer } from "./copy.ts";
import { Delivery } from "./delivery.ts";
import type { Message } from "./message.ts";
import type { Publication } from "./publication.ts";
import type { Session } from "./session.ts";
import type { Subscription } from "./subscription-tree.ts";

const PREFIX = "$share/";

/** The share name and the topic filter within `$share/NAME/FILTER`; null for any other topic filter. */
export function parseShared(topicFilter: string): { name: string; topicFilter: string } | null {
	if (!topicFilter.startsWith(PREFIX)) return null;
	const slash = topicFilter.indexOf("/", PREFIX.length);
	return { name: topicFilter.slice(PREFIX.length, slash), topicFilter: topicFilter.slice(slash + 1) };
}

/** How well a session can take a message now; the best is chosen. */
const CANNOT = 0;
const AWAY = 1;
const BUSY = 2;
const READY = 3;

export class SharedGroup implements Redeliverer {
	private readonly members = new Map<Session, Delivery>();
	/** The members in order of joining. */
	private order: Delivery[] = [];
	/** Whose turn it is. */
	private turn = 0;
	readonly topicFilter: string;

	/** `topicFilter`: with `$share/NAME/`. */
	constructor(topicFilter: string) {
		this.topicFilter = topicFilter;
	}

	get size(): number {
		return this.members.size;
	}

	has(session: Session): boolean {
		return this.members.has(session);
	}

	/** A session's part; undefined when it is no member. */
	memberOf(session: Session): Delivery | undefined {
		return this.members.get(session);
	}

	join(subscription: Subscription): void {
		const { session, qos, retainAsPublished, identifier } = subscription;
		this.members.set(session, new Delivery(session, qos, false, retainAsPublished, identifier, this));
		this.order = [...this.members.values()];
	}

	/** Whether it was a member. */
	leave(session: Session): boolean {
		const was = this.members.delete(session);
		if (was) this.order = [...this.members.values()];
		return was;
	}

	/** `clientId (qos)` of each member. */
	describe(): string {
		return this.order.map((member) => `(${member.session.clientId}, ${member.qos})`).join(" ");
	}

	/** Whether what one of them gets may have to be kept. */
	get isKept(): boolean {
		return this.order.some(({ session, qos }) => session.entry !== null && qos > 0);
	}

	/** Gives the message that is being distributed to one member; false when none can take it. */
	deliver(publication: Publication): boolean {
		const member = this.choose(publication.topic.topic, publication.qos);
		if (member === null) return false;
		member.session.deliver(publication, member);
		return true;
	}

	/** Gives a message that another member had and did not acknowledge to one member, if any can take it. */
	redeliver(message: Message): void {
		const member = this.choose(message.topic, message.qos);
		if (member === null) return;
		const qos = member.session.qosFor(message.qos, member.qos);
		member.session.deliverMessage(message, qos, false, member.identifier, this);
	}

	/** The next in turn among those who can take it best: at once, before those who are behind, before those away. */
	private choose(topic: string, qos: Qos): Delivery | null {
		const count = this.order.length;
		let best: Delivery | null = null;
		let bestFitness = CANNOT;
		for (let i = 0; i < count; i++) {
			const at = (this.turn + i) % count;
			const member = this.order[at]!;
			const fitness = fitnessOf(member, topic, qos);
			if (fitness <= bestFitness) continue;
			best = member;
			bestFitness = fitness;
			if (fitness === READY) {
				this.turn = at + 1;
				return best;
			}
		}
		this.turn++;
		return best;
	}
}

function fitnessOf(member: Delivery, topic: string, qos: Qos): number {
	const { session } = member;
	if (session.rights?.restricted && !session.rights.mayRead(topic)) return CANNOT;
	if (session.link === null) return session.keepsWhileAway(qos, member.qos) ? AWAY : CANNOT;
	return session.link.congested || session.queued > 0 ? BUSY : READY;
}
