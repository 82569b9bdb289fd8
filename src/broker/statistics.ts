/** What the broker counts, for `$SYS`: totals since its start, and averages of how fast they grow. */

import { PUBLISH } from "./constants.ts";
import type { Message } from "./message.ts";

/** Totals since the broker began. Packets of the hot path are tallied elsewhere first: see `settleTallies` in client.ts. */
export class Statistics {
	/** Packets by packet type. */
	readonly received = new Float64Array(16);
	readonly sent = new Float64Array(16);
	/** Octets of packets, as read from and handed to connections. */
	bytesReceived = 0;
	bytesSent = 0;
	/** Octets of payload in PUBLISH packets. */
	payloadReceived = 0;
	payloadSent = 0;
	/** Messages that did not get through: a queue was full, or a connection did not keep up. */
	dropped = 0;
	/** Connections that were accepted, whatever came of them. */
	sockets = 0;
	/** Sessions that ended because their client stayed away too long. */
	clientsExpired = 0;
	/** The most sessions there were at once. */
	clientsMaximum = 0;

	/** A packet of `octets` was handed to a connection. */
	countSent(type: number, octets: number): void {
		this.sent[type]!++;
		this.bytesSent += octets;
	}

	/** The same for `count` PUBLISH packets that come to so many octets. */
	countPublishSent(count: number, octets: number, payload: number): void {
		this.sent[PUBLISH]! += count;
		this.bytesSent += octets;
		this.payloadSent += payload;
	}

	get packetsReceived(): number {
		return sum(this.received);
	}

	get packetsSent(): number {
		return sum(this.sent);
	}
}

function sum(counts: Float64Array): number {
	let total = 0;
	for (const count of counts) total += count;
	return total;
}

/** Minutes over which growth is averaged. */
export const LOAD_MINUTES = [1, 5, 15] as const;

/** How fast one total grows, in units a minute: exponentially weighted moving averages over 1, 5 and 15 minutes. */
export class Load {
	/** By index of LOAD_MINUTES. */
	readonly averages = [0, 0, 0];
	private last = 0;

	/** Takes in that the total was `total` when `seconds` (more than 0) had passed since the last call. */
	sample(total: number, seconds: number): void {
		const rate = ((total - this.last) * 60) / seconds;
		this.last = total;
		for (const [i, minutes] of LOAD_MINUTES.entries()) {
			const weight = Math.exp(-seconds / (60 * minutes));
			this.averages[i] = rate + weight * (this.averages[i]! - rate);
		}
	}
}

let counts = 0;

/** Counts kept messages, each once: one object for each count. */
export class StoreCount {
	messages = 0;
	bytes = 0;
	private readonly number = ++counts;

	add(message: Message): void {
		if (message.counted === this.number) return;
		message.counted = this.number;
		this.addOctets(message.payload.length);
	}

	/** Counts messages of which only their number is known, and octets of payload. */
	addStored(messages: number, octets: number): void {
		this.messages += messages;
		this.bytes += octets;
	}

	/** Counts a message that is not kept as an object. */
	addOctets(octets: number): void {
		this.messages++;
		this.bytes += octets;
	}
}
