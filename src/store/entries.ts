/** What the broker has in memory of what is persisted, and what of it is not written yet. */

import type { Properties, Qos, Will } from "../packet/packet.ts";
import { Durability } from "./durability.ts";
import type { DeliveryState, SubscriptionRecord } from "./records.ts";

/** A message as the broker has it. */
export interface StoredMessage {
	readonly topic: string;
	readonly payload: Uint8Array;
	readonly qos: Qos;
	readonly properties: Properties | null;
	/** Second of the broker's time from which it is not to be delivered; 0 is never. */
	readonly expiresAt: number;
	/** Given by the store; 0 is none. */
	row: number;
	/** Of its topic; -1 until it is asked for. */
	durability: number;
}

/** One message for one session. */
export interface StoredCopy {
	readonly message: StoredMessage | null;
	readonly qos: number;
	readonly retain: boolean;
	readonly identifier: number;
	/** Topic filter of the shared subscription that it came by; null is none. */
	readonly share: string | null;
	readonly packetId: number;
	/** A DeliveryState. */
	readonly state: number;
	/** Given by the store, in order; 0: it is in memory only. */
	position: number;
	/** Its row is there. */
	isWritten: boolean;
}

/** A session as the broker has it, when its row is written. */
export interface StoredSession {
	readonly clientId: string;
	readonly username: string | null;
	readonly listenerName: string;
	readonly mountPoint: string;
	readonly expiryInterval: number;
	/** Second of the broker's time in which it ends; 0 when it does not, or its client is connected. */
	readonly endsAt: number;
	readonly lastPacketId: number;
	/** Whether its client is. */
	readonly isConnected: boolean;
}

/** The place of a topic's retained message. */
export interface RetainedSlot {
	/** Null: there is none any more. */
	readonly message: StoredMessage | null;
	/** Who published it; null for the broker itself. */
	readonly source: {
		readonly clientId: string;
		readonly username: string | null;
		readonly listenerName: string;
	} | null;
	/** Given by the store; 0 is none. */
	row: number;
	/** Its row is there. */
	isWritten: boolean;
	/** Nothing of it is to be written any more: row and `isWritten` are as the store wants them. */
	settle(): void;
}

/** A will that is kept with its session. */
export interface StoredWill {
	readonly will: Will;
	/** Second of the broker's time in which it is sent; 0 while the client is connected. */
	readonly dueAt: number;
}

/** Who is told that there is something to write. */
export interface EntryOwner {
	sessionChanged(entry: SessionEntry, durability: Durability, octets: number): void;
	durabilityOf(message: StoredMessage): Durability;
	/** Of the state of sessions. */
	readonly sessionDurability: Durability;
	/** The highest that any topic has. */
	readonly strictest: Durability;
}

/** Octets that a change costs beside its payload, about, in the file and until then in memory. */
const ROW_OCTETS = 200;

/** One session in the store. What changes and changes back before it is written is not written at all. */
export class SessionEntry {
	readonly row: number;
	readonly session: StoredSession;
	/** Whether there is a row of it. */
	isWritten: boolean;
	/** Position of its last delivery, and of the last that was written. */
	private lastPosition = 0;
	writtenPosition = 0;
	/**
	 * A transaction with what is not written has failed. On a disk that fails it may be found there nevertheless when the file is
	 * opened again: what changes back is to be written, too.
	 */
	isDoubtful = false;
	/** Whether something of it must be on the disk at the end of the turn. */
	urgent = false;

	// What is not written yet.
	changed = false;
	/** By topic filter; null: it is gone. */
	readonly subscriptions = new Map<string, SubscriptionRecord | null>();
	/** By packet identifier: whether it is under way. */
	readonly incoming = new Map<number, boolean>();
	readonly added = new Set<StoredCopy>();
	readonly moved = new Set<StoredCopy>();
	readonly removed: number[] = [];
	/** Undefined: nothing has changed; null: there is none any more. */
	will: StoredWill | null | undefined = undefined;

	private readonly owner: EntryOwner;

	constructor(owner: EntryOwner, row: number, session: StoredSession, isWritten: boolean) {
		this.owner = owner;
		this.row = row;
		this.session = session;
		this.isWritten = isWritten;
	}

	/** There are deliveries of it up to this position. */
	goOnAfter(position: number): void {
		this.lastPosition = position;
		this.writtenPosition = position;
	}

	private tell(durability: Durability, octets: number): void {
		this.owner.sessionChanged(this, durability, octets);
	}

	/** What its row says has changed. */
	touch(): void {
		const octets = this.changed ? 0 : ROW_OCTETS;
		this.changed = true;
		this.tell(this.owner.sessionDurability, octets);
	}

	subscribe(subscription: Omit<SubscriptionRecord, "session">): void {
		this.subscriptions.set(subscription.topicFilter, { ...subscription, session: this.row });
		this.tell(this.owner.sessionDurability, ROW_OCTETS);
	}

	unsubscribe(topicFilter: string): void {
		this.subscriptions.set(topicFilter, null);
		this.tell(this.owner.sessionDurability, ROW_OCTETS);
	}

	setWill(will: StoredWill | null): void {
		if (will === null && this.will === undefined && !this.isWritten) return;
		this.will = will;
		this.tell(this.owner.sessionDurability, ROW_OCTETS + (will?.will.payload.length ?? 0));
	}

	/** A QoS 2 message came from its client. */
	receive(packetId: number, durability: Durability): void {
		if (durability === Durability.RAM) return;
		if (this.incoming.get(packetId) === false && !this.isDoubtful) this.incoming.delete(packetId);
		else this.incoming.set(packetId, true);
		this.tell(durability, ROW_OCTETS);
	}

	/** Its client has released that message. */
	release(packetId: number): void {
		if (this.incoming.get(packetId) === true && !this.isDoubtful) this.incoming.delete(packetId);
		else this.incoming.set(packetId, false);
		// A later message of the same packet identifier must not be taken for this one.
		this.tell(this.owner.strictest, ROW_OCTETS);
	}

	/** A message is for it; one that is not to be written gets no position. */
	add(copy: StoredCopy): void {
		const { message } = copy;
		const durability = message === null ? Durability.RAM : this.owner.durabilityOf(message);
		if (message === null || durability === Durability.RAM) return;
		copy.position = ++this.lastPosition;
		this.added.add(copy);
		this.tell(durability, ROW_OCTETS + message.payload.length);
	}

	/** It was sent, or waits for something else now. Of QoS 1 nothing hangs on when that is written. */
	move(copy: StoredCopy): void {
		if (copy.position === 0) return;
		if (!this.added.has(copy)) this.moved.add(copy);
		this.tell(copy.qos === 2 ? this.durabilityOf(copy) : Durability.LAZY, ROW_OCTETS);
	}

	/** It is done with. Nothing hangs on when that is written. */
	remove(copy: StoredCopy): void {
		if (copy.position === 0) return;
		if (!this.added.delete(copy)) {
			this.moved.delete(copy);
			this.removed.push(copy.position);
			this.tell(Durability.LAZY, ROW_OCTETS);
		}
		copy.position = 0;
	}

	private durabilityOf({ message }: StoredCopy): Durability {
		return message === null ? this.owner.strictest : this.owner.durabilityOf(message);
	}

	/** A delivery that is not in memory is of no use. */
	drop(position: number): void {
		this.removed.push(position);
		this.tell(Durability.LAZY, ROW_OCTETS);
	}

	/** All is written. */
	settle(): void {
		for (const copy of this.added) copy.isWritten = true;
		this.isWritten = true;
		this.isDoubtful = false;
		this.writtenPosition = this.lastPosition;
		this.urgent = false;
		this.changed = false;
		this.subscriptions.clear();
		this.incoming.clear();
		this.added.clear();
		this.moved.clear();
		this.removed.length = 0;
		this.will = undefined;
	}
}

/** What a delivery waits for, as the broker numbers it. */
export function stateOf(copy: StoredCopy): DeliveryState {
	return copy.state as DeliveryState;
}
