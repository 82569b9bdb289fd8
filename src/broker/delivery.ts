/** A subscriber's part in a topic: to which session a message goes, and on what terms. */

import type { Qos } from "../packet/packet.ts";
import type { Redeliverer } from "./copy.ts";
import type { Session } from "./session.ts";
import type { DeliveryTerms } from "./session-state.ts";

export class Delivery implements DeliveryTerms {
	readonly session: Session;
	readonly qos: Qos;
	/** Whether the session's own messages are not for it, or on other terms: those of `own`. */
	readonly noLocal: boolean;
	/** With `noLocal`, what the session's own messages get: overlapping subscriptions without no local; null is nothing. */
	readonly own: Delivery | null;
	readonly retainAsPublished: boolean;
	readonly identifier: number;
	readonly group: Redeliverer | null;
	/** Whether nothing is asked of it but topic and QoS. */
	readonly isPlain: boolean;

	constructor(
		session: Session,
		qos: Qos,
		noLocal: boolean,
		retainAsPublished: boolean,
		identifier: number,
		group: Redeliverer | null = null,
		own: Delivery | null = null,
	) {
		this.session = session;
		this.qos = qos;
		this.noLocal = noLocal;
		this.retainAsPublished = retainAsPublished;
		this.identifier = identifier;
		this.group = group;
		this.own = own;
		this.isPlain = identifier === 0 && !noLocal && group === null;
	}
	/** The terms for a message of `publisher`; null when it does not get it ([MQTT-3.8.3-3]). */
	termsFor(publisher: Session | null): Delivery | null {
		return this.noLocal && this.session === publisher ? this.own : this;
	}
}
