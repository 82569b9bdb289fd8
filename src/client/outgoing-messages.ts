/** Publications of ours that the server has not answered for good: the inflight window and the queue before it. */

import type { Properties } from "../packet/packet.ts";

/** Where a publication stands (sections 4.3.2 and 4.3.3). */
export const OutgoingState = { QUEUED: 0, WAIT_PUBACK: 1, WAIT_PUBREC: 2, WAIT_PUBCOMP: 3 } as const;
export type OutgoingState = (typeof OutgoingState)[keyof typeof OutgoingState];

/** One QoS 1 or 2 publication. */
export interface Outgoing {
	readonly packetId: number;
	/** Only for the trace; `topicBytes` goes out. */
	readonly topic: string;
	readonly topicBytes: Uint8Array;
	readonly payload: Uint8Array;
	readonly qos: 1 | 2;
	readonly retain: boolean;
	readonly properties: Properties | null;
	/** Whether the properties' topic alias goes out instead of the topic name: not on another connection. */
	aliased: boolean;
	/** Whether it may have reached the server on an earlier connection. */
	dup: boolean;
	state: OutgoingState;
}

const LAST_PACKET_ID = 65_535;

export class OutgoingMessages {
	/** All unanswered ones by packet identifier, oldest first, which is the order of sending again [MQTT-4.6.0-1]. */
	private readonly messages = new Map<number, Outgoing>();
	/** Requests other than PUBLISH whose packet identifiers are in use. */
	private readonly requests = new Set<number>();
	private readonly queue: Outgoing[] = [];
	private head = 0;
	private lastPacketId = 0;
	private inflight = 0;
	private window: number;
	/** Octets of all unanswered payloads. */
	octets = 0;

	constructor(window: number) {
		this.window = window;
	}

	/** How many publications wait for an answer or to be sent. */
	get size(): number {
		return this.messages.size;
	}

	/** A packet identifier not in use, counting up from 1; 0 when there is none. [MQTT-2.2.1-3], 3.1.1: [MQTT-2.3.1-2] */
	nextPacketId(): number {
		for (let tries = 0; tries < LAST_PACKET_ID; tries++) {
			this.lastPacketId = this.lastPacketId === LAST_PACKET_ID ? 1 : this.lastPacketId + 1;
			if (!this.messages.has(this.lastPacketId) && !this.requests.has(this.lastPacketId)) {
				return this.lastPacketId;
			}
		}
		return 0;
	}

	/** A SUBSCRIBE or UNSUBSCRIBE with this packet identifier was sent. */
	beginRequest(packetId: number): void {
		this.requests.add(packetId);
	}

	/** Whether such a request was waiting for its answer. */
	endRequest(packetId: number): boolean {
		return this.requests.delete(packetId);
	}

	/** Puts a publication at the end of the queue. */
	add(message: Outgoing): void {
		this.messages.set(message.packetId, message);
		this.octets += message.payload.length;
		this.queue.push(message);
	}

	get(packetId: number): Outgoing | undefined {
		return this.messages.get(packetId);
	}

	/** The next publication that the window lets out; it is in flight from now on. Null when there is none. */
	release(): Outgoing | null {
		if (this.inflight >= this.window || this.head === this.queue.length) return null;
		const message = this.queue[this.head++]!;
		if (this.head === this.queue.length || this.head >= 1024) {
			this.queue.splice(0, this.head);
			this.head = 0;
		}
		message.state = message.qos === 1 ? OutgoingState.WAIT_PUBACK : OutgoingState.WAIT_PUBREC;
		this.inflight++;
		return message;
	}

	/** The publication was answered for good. */
	remove(message: Outgoing): void {
		this.messages.delete(message.packetId);
		this.octets -= message.payload.length;
		this.inflight--;
	}

	/**
	 * A new connection begins: requests are forgotten, and all publications are queued again in their old order,
	 * except those that wait for PUBCOMP. These are in flight, and returned so that PUBREL is sent again [MQTT-4.4.0-1].
	 * Packet identifiers stay (3.1.1: [MQTT-2.3.1-3]).
	 */
	restart(window: number, sessionPresent: boolean): Outgoing[] {
		this.window = window;
		this.requests.clear();
		this.queue.length = 0;
		this.head = 0;
		const released: Outgoing[] = [];
		for (const message of this.messages.values()) {
			if (message.state === OutgoingState.WAIT_PUBCOMP) {
				released.push(message);
				continue;
			}
			// What the server forgot together with the session is, to it, a new message.
			message.dup = sessionPresent && (message.dup || message.state !== OutgoingState.QUEUED);
			message.state = OutgoingState.QUEUED;
			message.aliased = false;
			this.queue.push(message);
		}
		this.inflight = released.length;
		return released;
	}
}
