/** Messages that wait for room in the inflight window or on the connection. */

import type { Copy } from "./copy.ts";
import { Fifo } from "./fifo.ts";

export class MessageQueue extends Fifo<Copy> {
	/** Octets of payload. */
	bytes = 0;
	/** How many are of QoS 0. */
	qos0 = 0;

	override push(copy: Copy): void {
		super.push(copy);
		this.count(copy, 1);
	}

	override shift(): Copy {
		const copy = super.shift();
		this.count(copy, -1);
		return copy;
	}

	/** Hands each message of QoS 0 to `take`, oldest first, and drops it from the queue when that returns true. */
	takeQos0(take: (copy: Copy) => boolean): void {
		if (this.qos0 === 0) return;
		this.filter((copy) => {
			if (copy.qos > 0 || !take(copy)) return true;
			this.count(copy, -1);
			return false;
		});
	}

	/** Takes all but the first `count` out. */
	takeRest(count: number): Copy[] {
		let at = 0;
		return this.takeOut(() => at++ >= count);
	}

	/** Takes out those for which `goes` says so. */
	takeOut(goes: (copy: Copy) => boolean): Copy[] {
		const taken: Copy[] = [];
		this.filter((copy) => {
			if (!goes(copy)) return true;
			this.count(copy, -1);
			taken.push(copy);
			return false;
		});
		return taken;
	}

	private count(copy: Copy, by: 1 | -1): void {
		this.bytes += by * copy.octets;
		if (copy.qos === 0) this.qos0 += by;
	}
}
