/** A session: subscriptions and messages under way, with or without a connection. */

import type { Qos } from "../packet/packet.ts";
import {
	AWAITING_PUBACK,
	AWAITING_PUBCOMP,
	AWAITING_PUBREC,
	type FrameLevel,
	OUTPUT_LIMIT,
	PUBACK_HEADER,
} from "./constants.ts";
import { Fifo } from "./fifo.ts";
import type { Limit, Limits } from "./limits.ts";
import type { Link } from "./link.ts";
import type { Message } from "./message.ts";
import { MessageQueue, type Queued, type Redeliverer } from "./message-queue.ts";
import type { Publication } from "./publication.ts";
import type { Rights } from "./rights.ts";
import type { BrokerSettings, ListenerSettings } from "./settings.ts";
import type { Statistics, StoreCount } from "./statistics.ts";

/** Session expiry interval of a session that does not end by itself. */
export const NEVER_EXPIRES = 0xffff_ffff;

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

/** A message that was sent and whose flow has not ended. */
class Outgoing {
	/** Null when it need not be sent again: the session ends with its connection. */
	readonly message: Message | null;
	readonly qos: number;
	readonly retain: boolean;
	readonly identifier: number;
	readonly group: Redeliverer | null;
	state: number;

	constructor(
		message: Message | null,
		qos: number,
		retain: boolean,
		identifier: number,
		state: number,
		group: Redeliverer | null = null,
	) {
		this.message = message;
		this.qos = qos;
		this.retain = retain;
		this.identifier = identifier;
		this.group = group;
		this.state = state;
	}

	get bytes(): number {
		return this.message === null ? 0 : this.message.payload.length;
	}
}

/** As a value of maxQueuedMessages: every queue is over it. */
export const NOTHING_QUEUED = -1;

/** First number of places for messages under way; a power of two. */
const FIRST_PLACES = 64;
const NO_PLACES = new Int32Array(0);

const AWAITS_PUBCOMP = new Outgoing(null, 2, false, 0, AWAITING_PUBCOMP);

export class Session {
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

	private settings: BrokerSettings;
	private readonly statistics: Statistics;
	private readonly limits: Limits;
	/** Whether it was said, on this connection or while away, that messages are dropped. */
	private saidDropping = false;
	/** Messages under way that are to be sent again on a later connection, by packet identifier, oldest first. */
	private readonly outgoing = new Map<number, Outgoing>();
	/** Whether `outgoing` was ever used. */
	private keeps = false;
	/**
	 * Messages under way that end with the connection: packet identifier, and what it waits for from bit 16 on, in the
	 * place that the identifier's low bits tell; 0 is a free place. Empty until there is one.
	 */
	private plain = NO_PLACES;
	private plainMask = 0;
	private lastPacketId = 0;
	/** Messages sent on this connection and not yet acknowledged to the end. */
	private inflight = 0;
	private inflightBytes = 0;
	private inflightLimit = 65535;
	/** Level of the frames that can be written as they come, 0 when none can: something waits, or is to be kept. */
	private frameLevel: FrameLevel | 0 = 0;
	/** As `inflightLimit`, and as many as `plain` has places for. */
	private frameRoom = 0;
	/** Packet identifiers to be sent again on this connection, as the window allows. */
	private resend = new Set<number>();
	/** Plain frames that wait for room in the window, oldest first; before all that is in `queue`. */
	private readonly frames = new Fifo<Uint8Array>();
	/** None of QoS 0 while a connection keeps up, so that no later one overtakes them. */
	private readonly queue = new MessageQueue();

	constructor(clientId: string, settings: BrokerSettings, statistics: Statistics, limits: Limits) {
		this.clientId = clientId;
		this.settings = settings;
		this.statistics = statistics;
		this.limits = limits;
	}

	/** Messages waiting, not counting those in flight. */
	get queued(): number {
		return this.frames.length + this.queue.length;
	}

	/** Messages that were sent and whose flow has not ended, on this connection or, without one, on earlier ones. */
	get unacknowledged(): number {
		return this.link === null ? this.outgoing.size : this.inflight + this.resend.size;
	}

	/** Octets of what waits. */
	get queuedOctets(): number {
		let octets = this.queue.bytes;
		for (const frame of this.frames) octets += frame.length;
		return octets;
	}

	configure(settings: BrokerSettings): void {
		this.settings = settings;
		if (this.link !== null) this.setWindow(this.link.receiveMaximum);
		this.chooseFrameLevel();
	}

	/** Called whenever something changes that `frameLevel` depends on. */
	private chooseFrameLevel(): void {
		const { link } = this;
		const direct =
			link?.takesFrames &&
			this.expiryInterval === 0 &&
			this.settings.maxInflightBytes === 0 &&
			this.settings.maxQueuedBytes === 0 &&
			this.queue.length === 0 &&
			this.resend.size === 0;
		this.frameLevel = direct ? link.level : 0;
		this.frameRoom = Math.min(this.inflightLimit, this.plain.length >> 1);
	}

	/**
	 * A connection begins: what was under way is sent again ([MQTT-4.4.0-1]; 3.1.1: [MQTT-4.4.0-1]) in its order
	 * (3.1.1: [MQTT-4.6.0-1]), then what waits. At no other time is anything sent again.
	 */
	attach(link: Link): void {
		this.link = link;
		this.since = link.now();
		this.saidDropping = false;
		this.plain = NO_PLACES;
		this.plainMask = 0;
		this.inflight = 0;
		this.inflightBytes = 0;
		this.resend = new Set(this.outgoing.keys());
		this.setWindow(link.receiveMaximum);
	}

	detach(): void {
		if (this.link !== null) this.since = this.link.now();
		this.link = null;
		this.frames.clear();
		this.frameLevel = 0;
	}

	private setWindow(receiveMaximum: number): void {
		const own = this.settings.maxInflightMessages;
		this.inflightLimit = own === 0 || own > receiveMaximum ? receiveMaximum : own; // [MQTT-3.3.4-9] [MQTT-4.9.0-1]
	}

	/**
	 * Sends the frame `bytes[start, end)` of QoS 1 or 2 as it is, but for a packet identifier of this session, which is
	 * written to it at `packetIdAt`. False, having done nothing, when it cannot be sent so or not now.
	 */
	deliverFrame(
		bytes: Uint8Array,
		start: number,
		end: number,
		packetIdAt: number,
		level: FrameLevel,
		qos: number,
	): boolean {
		if (this.frameLevel !== level) return false;
		if (this.inflight >= this.frameRoom || this.frames.length > 0) {
			return this.queueFrame(bytes, start, end, packetIdAt);
		}
		const plain = this.plain;
		const plainMask = this.plainMask;
		let id = this.lastPacketId;
		do {
			id = id === 65535 ? 1 : id + 1;
		} while (plain[id & plainMask] !== 0 || (this.keeps && this.outgoing.has(id)));
		this.lastPacketId = id;
		plain[id & plainMask] = id | (qos === 1 ? AWAITING_PUBACK << 16 : AWAITING_PUBREC << 16);
		this.inflight += 1;
		bytes[packetIdAt] = id >> 8;
		bytes[packetIdAt + 1] = id;
		const link = this.link!;
		if (link.connection.write(bytes, start, end) > OUTPUT_LIMIT) link.becomeCongested();
		return true;
	}

	/** Keeps a copy of a frame until there is room in the window, or drops it; false when it is not for here. */
	private queueFrame(bytes: Uint8Array, start: number, end: number, packetIdAt: number): boolean {
		const waiting = this.frames.length;
		// There is room, but no place yet to note that it is taken: the long way makes some.
		if (waiting === 0 && this.inflight < this.inflightLimit) return false;
		// The publisher's side takes it for sent.
		this.countFrames(-1, end - start, end - packetIdAt);
		const limit = this.reachedLimit();
		if (limit !== null) this.drop(limit);
		else this.frames.push(bytes.slice(start, end));
		return true;
	}

	/** What forbids to queue a further message; null when nothing does. */
	private reachedLimit(): Limit | null {
		const { maxQueuedMessages, maxQueuedBytes } = this.settings;
		if (maxQueuedMessages !== 0 && this.queued >= maxQueuedMessages) {
			return maxQueuedMessages === NOTHING_QUEUED ? "memory_limit" : "max_queued_messages";
		}
		return maxQueuedBytes !== 0 && this.queue.bytes >= maxQueuedBytes ? "max_queued_bytes" : null;
	}

	/** A message does not get through; `limit` null: the connection does not keep up. */
	private drop(limit: Limit | null): void {
		this.statistics.dropped++;
		if (limit !== null) this.limits.count(limit);
		if (this.saidDropping) return;
		this.saidDropping = true;
		this.limits.sayDropping(this.clientId);
	}

	/** `rest`: octets of a frame from its packet identifier on. */
	private countFrames(count: 1 | -1, octets: number, rest: number): void {
		const payload = rest - (this.link?.level === 5 ? 3 : 2);
		this.statistics.countPublishSent(count, count * octets, count * payload);
	}

	private drainFrames(link: Link): void {
		const { frames } = this;
		while (frames.length > 0 && this.inflight < this.inflightLimit && !link.congested) {
			const frame = frames.shift();
			this.makePlaces();
			const id = this.nextPacketId();
			const qos = (frame[0]! >> 1) & 3;
			this.plain[id & this.plainMask] = id | (qos === 1 ? AWAITING_PUBACK << 16 : AWAITING_PUBREC << 16);
			this.inflight++;
			const at = packetIdPosition(frame);
			frame[at] = id >> 8;
			frame[at + 1] = id;
			this.countFrames(1, frame.length, frame.length - at);
			if (link.connection.write(frame, 0, frame.length) > OUTPUT_LIMIT) link.becomeCongested();
		}
	}

	/** Whether a QoS 2 message of that packet identifier is new, and within what the link may have under way. */
	mayReceive(packetId: number, receiveMaximum: number): boolean {
		return this.incoming.size < receiveMaximum && !this.incoming.has(packetId);
	}

	/** Sends, queues or drops one copy of the message that is being distributed. */
	deliver(publication: Publication, delivery: DeliveryTerms): void {
		const { qos: granted, identifier, group } = delivery;
		// [MQTT-3.8.4-8], [MQTT-4.8.2-3], 3.1.1: [MQTT-3.8.4-6]
		const qos = publication.qos < granted && !this.settings.upgradeOutgoingQos ? publication.qos : granted;
		// [MQTT-3.3.1-12], [MQTT-3.3.1-13], 3.1.1: [MQTT-3.3.1-9]
		const retain = delivery.retainAsPublished && publication.retain;
		const { link } = this;
		if (qos === 0) {
			if (link === null) {
				if (this.settings.queueQos0Messages) this.enqueue(publication.keep(), 0, retain, identifier, group);
			} else if (link.congested) {
				this.drop(null);
			} else {
				link.sendPublication(publication, 0, retain, 0, identifier);
			}
			return;
		}
		// Behind what waits already: [MQTT-4.6.0-5], [MQTT-4.6.0-6], 3.1.1: [MQTT-4.6.0-5], [MQTT-4.6.0-6].
		if (link === null || link.congested || this.queued > 0 || !this.hasRoom()) {
			// [MQTT-4.5.0-1] (3.1.1: [MQTT-3.1.2-5], [MQTT-4.5.0-1])
			this.enqueue(publication.keep(), qos, retain, identifier, group);
			return;
		}
		if (!link.fits(publication, qos, identifier)) return;
		const endsWithConnection =
			this.expiryInterval === 0 && this.settings.maxInflightBytes === 0 && group === null;
		if (endsWithConnection) this.makePlaces();
		const packetId = this.nextPacketId();
		this.inflight++;
		if (endsWithConnection) {
			this.plain[packetId & this.plainMask] =
				packetId | ((qos === 1 ? AWAITING_PUBACK : AWAITING_PUBREC) << 16);
		} else {
			this.track(packetId, publication.keep(), qos, retain, identifier, group);
		}
		link.sendPublication(publication, qos, retain, packetId, identifier);
	}

	/** The QoS at which a message of QoS `published` is delivered to a subscription that was granted `granted`. */
	qosFor(published: Qos, granted: Qos): Qos {
		return published < granted && !this.settings.upgradeOutgoingQos ? published : granted;
	}

	/** Sends, queues or drops a message that the broker has kept. `retain`: whether it is sent as a retained message. */
	deliverMessage(
		message: Message,
		qos: Qos,
		retain: boolean,
		identifier: number,
		group: Redeliverer | null = null,
	): void {
		const { link } = this;
		const reachable = link !== null && !link.congested;
		if (!reachable || (qos > 0 && (this.queued > 0 || !this.hasRoom()))) {
			this.enqueue(message, qos, retain, identifier, group);
		} else {
			this.send(link, message, qos, retain, identifier, group);
		}
	}

	/**
	 * What this session held of shared subscriptions, as it ends: for other members of the groups. A QoS 2 message
	 * that was sent stays with it ([MQTT-4.8.2-4], [MQTT-4.8.2-5]).
	 */
	takeShared(): { group: Redeliverer; message: Message }[] {
		const taken: { group: Redeliverer; message: Message }[] = [];
		for (const { group, message, qos } of this.outgoing.values()) {
			if (group !== null && message !== null && qos === 1) taken.push({ group, message });
		}
		for (const { group, message } of this.queue) {
			if (group !== null) taken.push({ group, message });
		}
		return taken;
	}

	/** Counts the messages that are kept for its client. */
	countStored(store: StoreCount): void {
		for (const { message } of this.outgoing.values()) if (message !== null) store.add(message);
		for (const { message } of this.queue) store.add(message);
		for (const frame of this.frames) {
			store.addOctets(frame.length - packetIdPosition(frame) - (this.link?.level === 5 ? 3 : 2));
		}
	}

	/** Sends what waits, as far as the window and the connection allow. */
	drain(): void {
		const { link } = this;
		if (link === null) return;
		this.drainTo(link);
		this.chooseFrameLevel();
	}

	private drainTo(link: Link): void {
		this.drainFrames(link);
		for (const packetId of this.resend) {
			if (this.inflight >= this.inflightLimit || link.congested) break;
			this.resend.delete(packetId);
			this.sendAgain(link, packetId);
		}
		const { queue } = this;
		while (queue.length > 0 && !link.congested) {
			const next = queue.first();
			if (next.qos > 0 && (this.frames.length > 0 || !this.hasRoom())) break;
			this.sendQueued(link, queue.shift());
		}
		// QoS 0 does not wait for the window, nor for what does ([MQTT-4.9.0-3]).
		queue.takeQos0((next) => {
			if (link.congested) return false;
			this.sendQueued(link, next);
			return true;
		});
	}

	/** Sends what was in the queue; what expired there is not sent ([MQTT-3.3.2-5]). */
	private sendQueued(link: Link, { message, qos, retain, identifier, group }: Queued): void {
		if (message.expiresAt !== 0 && message.expiresAt <= link.now()) return;
		if (this.rights?.restricted && !this.rights.mayRead(message.topic)) return;
		this.send(link, message, qos, retain, identifier, group);
	}

	/** Sees to it that at most half of the places for messages under way are taken. */
	private makePlaces(): void {
		const { plain } = this;
		if (plain.length >= 65536 || this.inflight < plain.length >> 1) return;
		const places = new Int32Array(plain.length === 0 ? FIRST_PLACES : plain.length * 2);
		this.plain = places;
		this.plainMask = places.length - 1;
		for (const entry of plain) if (entry !== 0) places[entry & this.plainMask] = entry;
		this.chooseFrameLevel();
	}

	/**
	 * The plain PUBACK at `start`, and those behind it up to `limit`: as `complete`. Returns where the first begins that
	 * ended no flow of those that end with the connection, or is none.
	 */
	completeRun(bytes: Uint8Array, start: number, limit: number): number {
		const plain = this.plain;
		const plainMask = this.plainMask;
		let at = start;
		do {
			const packetId = (bytes[at + 2]! << 8) | bytes[at + 3]!;
			const place = packetId & plainMask;
			if (plain[place] !== (packetId | (AWAITING_PUBACK << 16))) break;
			plain[place] = 0;
			at += 4;
		} while (limit - at >= 4 && bytes[at] === PUBACK_HEADER && bytes[at + 1] === 2);
		if (at === start) {
			const packetId = (bytes[at + 2]! << 8) | bytes[at + 3]!;
			return this.complete(packetId, AWAITING_PUBACK) ? at + 4 : at;
		}
		this.inflight -= (at - start) >> 2;
		if (this.frames.length > 0 && this.link !== null) this.drainFrames(this.link);
		if (this.frameLevel === 0) this.drain();
		return at;
	}

	/**
	 * PUBACK or PUBCOMP, whatever their reason code ([MQTT-4.4.0-2], [MQTT-4.8.2-6]): the flow has ended, and not before
	 * ([MQTT-4.3.2-3], [MQTT-4.3.3-5]; 3.1.1: [MQTT-4.3.2-1]). False when there was none in that state.
	 */
	complete(packetId: number, state: number): boolean {
		const place = packetId & this.plainMask;
		if (this.plain[place] === (packetId | (state << 16))) {
			this.plain[place] = 0;
			this.inflight--;
			if (this.frames.length > 0 && this.link !== null) this.drainFrames(this.link);
			if (this.frameLevel === 0) this.drain();
			return true;
		}
		const outgoing = this.outgoing.get(packetId);
		if (outgoing === undefined || outgoing.state !== state) return false;
		this.forget(packetId, outgoing);
		return true;
	}

	/**
	 * PUBREC: the receiver has it ([MQTT-4.3.3-3]; 3.1.1: [MQTT-4.3.3-1]), or (`refused`) will not ([MQTT-4.4.0-2],
	 * [MQTT-4.8.2-6]). False when it was not waited for.
	 */
	received(packetId: number, refused: boolean): boolean {
		const place = packetId & this.plainMask;
		const entry = this.plain[place] ?? 0;
		if (entry !== 0 && (entry & 0xffff) === packetId && entry >> 16 !== AWAITING_PUBACK) {
			if (refused) this.complete(packetId, entry >> 16);
			else this.plain[place] = packetId | (AWAITING_PUBCOMP << 16);
			return true;
		}
		const outgoing = this.outgoing.get(packetId);
		if (outgoing === undefined || outgoing.qos !== 2) return false;
		if (refused) {
			this.forget(packetId, outgoing);
			return true;
		}
		if (this.waitsForResend(packetId)) {
			// Sent on an earlier connection, acknowledged on this one: PUBREL follows, so that it is under way here too.
			this.outgoing.set(packetId, AWAITS_PUBCOMP);
			this.inflight++;
		} else if (outgoing.state === AWAITING_PUBREC) {
			// The message itself is not sent again from here on ([MQTT-4.3.3-6]): let go of it.
			this.outgoing.set(packetId, AWAITS_PUBCOMP);
			this.inflightBytes -= outgoing.bytes;
		}
		return true;
	}

	/** Whether a message of that packet identifier was sent whose flow has not ended, in whatever state. */
	hasUnderWay(packetId: number): boolean {
		return (
			((this.plain[packetId & this.plainMask] ?? 0) & 0xffff) === packetId || this.outgoing.has(packetId)
		);
	}

	/** Whether a message of that QoS, to a subscription of that QoS, is kept while there is no connection. */
	keepsWhileAway(qos: Qos, granted: Qos): boolean {
		return this.settings.queueQos0Messages || this.qosFor(qos, granted) > 0;
	}

	/** Whether a message has not been sent again yet; it will not be any more, and does not count as under way here. */
	private waitsForResend(packetId: number): boolean {
		return this.resend.size > 0 && this.resend.delete(packetId);
	}

	private forget(packetId: number, outgoing: Outgoing): void {
		this.outgoing.delete(packetId);
		if (!this.waitsForResend(packetId)) {
			this.inflightBytes -= outgoing.bytes;
			this.inflight--;
		}
		if (this.queued > 0 || this.resend.size > 0) this.drain();
	}

	private hasRoom(): boolean {
		if (this.inflight >= this.inflightLimit || this.resend.size > 0) return false; // [MQTT-4.9.0-2]
		const limit = this.settings.maxInflightBytes;
		return limit === 0 || this.inflightBytes < limit;
	}

	/**
	 * The next packet identifier not in use; they count up from 1: [MQTT-2.2.1-4], [MQTT-4.3.2-1], [MQTT-4.3.3-1],
	 * 3.1.1: [MQTT-2.3.1-1], [MQTT-2.3.1-4].
	 */
	private nextPacketId(): number {
		let id = this.lastPacketId;
		do {
			id = id === 65535 ? 1 : id + 1;
		} while ((this.plain[id & this.plainMask] ?? 0) !== 0 || this.outgoing.has(id));
		this.lastPacketId = id;
		return id;
	}

	private track(
		packetId: number,
		message: Message,
		qos: number,
		retain: boolean,
		identifier: number,
		group: Redeliverer | null,
	): void {
		const state = qos === 1 ? AWAITING_PUBACK : AWAITING_PUBREC;
		this.keeps = true;
		this.outgoing.set(packetId, new Outgoing(message, qos, retain, identifier, state, group));
		this.inflightBytes += message.payload.length;
	}

	private send(
		link: Link,
		message: Message,
		qos: Qos,
		retain: boolean,
		identifier: number,
		group: Redeliverer | null,
	): void {
		if (qos === 0) {
			link.sendMessage(message, 0, retain, false, 0, identifier);
			return;
		}
		const packetId = this.nextPacketId();
		if (!link.sendMessage(message, qos, retain, false, packetId, identifier)) return;
		this.inflight++;
		this.track(packetId, message, qos, retain, identifier, group);
	}

	private sendAgain(link: Link, packetId: number): void {
		const outgoing = this.outgoing.get(packetId);
		if (outgoing === undefined) return;
		const { message, qos, retain, identifier } = outgoing;
		if (message === null) {
			link.sendRelease(packetId);
		} else if (!link.sendMessage(message, qos as Qos, retain, true, packetId, identifier)) {
			// With DUP: [MQTT-3.3.1-1], 3.1.1: [MQTT-3.3.1-1].
			this.outgoing.delete(packetId); // [MQTT-3.1.2-25]
			return;
		}
		this.inflight++;
		this.inflightBytes += outgoing.bytes;
	}

	private enqueue(
		message: Message,
		qos: Qos,
		retain: boolean,
		identifier: number,
		group: Redeliverer | null,
	): void {
		const limit = this.reachedLimit();
		if (limit !== null) {
			this.drop(limit);
			return;
		}
		this.frameLevel = 0;
		this.queue.push({ message, qos, retain, identifier, group });
	}
}

/** Where a QoS 1 or 2 frame has its packet identifier: after the remaining length and the topic. */
function packetIdPosition(frame: Uint8Array): number {
	let at = 2;
	while (frame[at - 1]! > 127) at++;
	return at + 2 + ((frame[at]! << 8) | frame[at + 1]!);
}
