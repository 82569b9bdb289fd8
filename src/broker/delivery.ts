/** A subscriber's part in a topic: to which session a message goes, and on what terms. */

import type { Qos } from "../packet/packet.ts";
import type { Redeliverer } from "./message-queue.ts";
import type { DeliveryTerms, Session } from "./session.ts";

export class Delivery implements DeliveryTerms {
	readonly session: Session;
	readonly qos: Qos;
	readonly noLocal: boolean;
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
	) {
		this.session = session;
		this.qos = qos;
		this.noLocal = noLocal;
		this.retainAsPublished = retainAsPublished;
		this.identifier = identifier;
		this.group = group;
		this.isPlain = identifier === 0 && !noLocal && group === null;
	}
}
