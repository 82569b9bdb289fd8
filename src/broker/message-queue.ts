/** Messages that wait for room in the inflight window or on the connection. */

import type { Qos } from "../packet/packet.ts";
import { Fifo } from "./fifo.ts";
import type { Message } from "./message.ts";

/** Who finds another receiver for a message that a session did not get through to its client. */
export interface Redeliverer {
	redeliver(message: Message): void;
}

export interface Queued {
	readonly message: Message;
	/** As it will be sent. */
	readonly qos: Qos;
	readonly retain: boolean;
	/** Subscription identifier; 0 is none. */
	readonly identifier: number;
	/** The shared subscription that it came by. */
	readonly group: Redeliverer | null;
}

export class MessageQueue extends Fifo<Queued> {
	/** Octets of payload. */
	bytes = 0;
	/** How many are of QoS 0. */
	qos0 = 0;

	override push(item: Queued): void {
		super.push(item);
		this.count(item, 1);
	}

	override shift(): Queued {
		const item = super.shift();
		this.count(item, -1);
		return item;
	}

	/** Hands each message of QoS 0 to `take`, oldest first, and drops it from the queue when that returns true. */
	takeQos0(take: (item: Queued) => boolean): void {
		if (this.qos0 === 0) return;
		this.filter((item) => {
			if (item.qos > 0 || !take(item)) return true;
			this.count(item, -1);
			return false;
		});
	}

	private count(item: Queued, by: 1 | -1): void {
		this.bytes += by * item.message.payload.length;
		if (item.qos === 0) this.qos0 += by;
	}
}
