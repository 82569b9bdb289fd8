/** What a session is, and what waits in it for its client. */

import type { Qos } from "../packet/packet.ts";
import type { SessionEntry, StoredSession } from "../store/entries.ts";
import type { Backlog } from "./backlog.ts";
import type { FrameLevel } from "./constants.ts";
import type { Copy, Redeliverer } from "./copy.ts";
import { Fifo } from "./fifo.ts";
import type { Handout } from "./handout.ts";
import type { Keeper } from "./keeper.ts";
import type { Limit, Limits } from "./limits.ts";
import type { Link } from "./link.ts";
import { MessageQueue } from "./message-queue.ts";
import type { Rights } from "./rights.ts";
import type { BrokerSettings, ListenerSettings } from "./settings.ts";
import type { Statistics, StoreCount } from "./statistics.ts";

/** On what terms a session gets a message. */
export interface DeliveryTerms {
	/** As granted to the subscription. */
	readonly qos: Qos;
	readonly retainAsPublished: boolean;
	/** Subscription identifier; 0 is none. */
	readonly identifier: number;
	/** The shared subscription that it is this session's share of. */
	readonly group: Redeliverer | null;
}

/** As a value of maxQueuedMessages: every queue is over it. */
export const NOTHING_QUEUED = -1;

/** The part of a session that its connection has no part in; `Session` sends what is here. */
export abstract class SessionState implements StoredSession {
	readonly clientId: string;
	/** The connection, while there is one. */
	link: Link | null = null;
	/** Where its last connection came in. */
	listener: ListenerSettings | null = null;
	/** Mount point of its connection, or of the last one: its topics began with it. A reload changes that for later ones. */
	mountPoint = "";
	/** Of the client that used it last; null before there was one. */
	rights: Rights | null = null;
	/** Seconds that the session outlives its connection; NEVER_EXPIRES is for ever. */
	expiryInterval = 0;
	/** Second (broker time) since which it has, or has no, connection. */
	since = 0;
	/** Topic filters of its subscriptions. */
	readonly subscriptions = new Set<string>();
	/** Packet identifiers of incoming QoS 2 messages that were published and not yet released. */
	readonly incoming = new Set<number>();
	/** Second in which it ends; 0 when it does not, or while there is a connection. */
	endsAt = 0;
	/** What the store has of it; null when it is not kept. */
	entry: SessionEntry | null = null;
	/** What of it is on the disk only; null when it is not kept. */
	backlog: Backlog | null = null;
	/** Not null when it is kept. */
	keeper: Keeper | null = null;

	/** Retained messages that it is still to get; null when there are none. */
	handout: Handout | null = null;
	/** Counts what its client did not get of what it might have: messages that were dropped, and times of absence. */
	missed = 0;

	protected settings: BrokerSettings;
	protected readonly statistics: Statistics;
	protected readonly limits: Limits;
	/** Whether it was said, on this connection or while away, that messages are dropped. */
	protected saidDropping = false;
	/** Messages under way that are to be sent again on a later connection, by packet identifier, oldest first. */
	protected readonly outgoing = new Map<number, Copy>();
	/** The packet identifier that was given last. */
	lastPacketId = 0;
	/** Level of the frames that can be written as they come, 0 when none can: something waits, or is to be kept. */
	protected frameLevel: FrameLevel | 0 = 0;
	/** Plain frames that wait for room in the window, oldest first; before all that is in `queue`. */
	protected readonly frames = new Fifo<Uint8Array>();
	/** None of QoS 0 while a connection keeps up, so that no later one overtakes them. */
	protected readonly queue = new MessageQueue();

	constructor(clientId: string, settings: BrokerSettings, statistics: Statistics, limits: Limits) {
		this.clientId = clientId;
		this.settings = settings;
		this.statistics = statistics;
		this.limits = limits;
	}

	/** Messages waiting, not counting those in flight. */
	get queued(): number {
		const { backlog } = this;
		return this.frames.length + this.queue.length + (backlog === null ? 0 : backlog.length);
	}

	get username(): string | null {
		return this.rights === null ? null : this.rights.username;
	}

	/** Also while something waits that may have been sent before the broker was killed. */
	get isConnected(): boolean {
		return this.link !== null || (this.backlog !== null && this.backlog.repeatsTo > 0);
	}

	get listenerName(): string {
		return this.listener === null ? "" : this.listener.name;
	}

	/** Octets of what waits. */
	get queuedOctets(): number {
		let octets = this.queue.bytes;
		for (const frame of this.frames) octets += frame.length;
		return octets;
	}

	/** The QoS at which a message of QoS `published` is delivered to a subscription that was granted `granted`. */
	qosFor(published: Qos, granted: Qos): Qos {
		return published < granted && !this.settings.upgradeOutgoingQos ? published : granted;
	}

	/** Whether a message of that QoS, to a subscription of that QoS, is kept while there is no connection. */
	keepsWhileAway(qos: Qos, granted: Qos): boolean {
		return this.settings.queueQos0Messages || this.qosFor(qos, granted) > 0;
	}

	/** What forbids to queue a further message; null when nothing does. */
	protected reachedLimit(): Limit | null {
		const { maxQueuedMessages, maxQueuedBytes } = this.settings;
		if (maxQueuedMessages !== 0 && this.queued >= maxQueuedMessages) {
			return maxQueuedMessages === NOTHING_QUEUED ? "memory_limit" : "max_queued_messages";
		}
		const { backlog } = this;
		if (backlog?.isFull) return "max_store_size";
		if (maxQueuedBytes === 0) return null;
		const bytes = this.queue.bytes + (backlog === null ? 0 : backlog.bytes);
		return bytes >= maxQueuedBytes ? "max_queued_bytes" : null;
	}

	/** A message does not get through; `limit` null: the connection does not keep up. */
	protected drop(limit: Limit | null): void {
		this.statistics.dropped++;
		this.missed++;
		if (limit !== null) this.limits.count(limit);
		if (this.saidDropping) return;
		this.saidDropping = true;
		this.limits.sayDropping(this.clientId);
	}

	/** `rest`: octets of a frame from its packet identifier on. */
	protected countFrames(count: 1 | -1, octets: number, rest: number): void {
		const payload = rest - (this.link?.level === 5 ? 3 : 2);
		this.statistics.countPublishSent(count, count * octets, count * payload);
	}

	/** Counts the messages that are kept for its client. */
	countStored(store: StoreCount): void {
		for (const { message } of this.outgoing.values()) if (message !== null) store.add(message);
		for (const { message } of this.queue) if (message !== null) store.add(message);
		this.backlog?.countStored(store);
		for (const frame of this.frames) {
			store.addOctets(frame.length - packetIdPosition(frame) - (this.link?.level === 5 ? 3 : 2));
		}
	}

	/** Has a message wait, or drops it. */
	protected enqueue(copy: Copy): void {
		const limit = this.reachedLimit();
		if (limit !== null) {
			this.drop(limit);
			return;
		}
		this.frameLevel = 0;
		this.entry?.add(copy);
		const { backlog } = this;
		if (backlog !== null && backlog.length > 0) backlog.push(copy);
		else this.queue.push(copy);
	}
}

/** Where a QoS 1 or 2 frame has its packet identifier: after the remaining length and the topic. */
export function packetIdPosition(frame: Uint8Array): number {
	let at = 2;
	while (frame[at - 1]! > 127) at++;
	return at + 2 + ((frame[at]! << 8) | frame[at + 1]!);
}
