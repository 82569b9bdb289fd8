/** A session: messages to its client, with or without a connection: what is sent, is under way, and is sent again. */

import type { Qos } from "../packet/packet.ts";
import type { Backlog } from "./backlog.ts";
import {
	AWAITING_PUBACK,
	AWAITING_PUBCOMP,
	AWAITING_PUBREC,
	type FrameLevel,
	OUTPUT_LIMIT,
	PUBACK_HEADER,
} from "./constants.ts";
import { Copy, type Redeliverer } from "./copy.ts";
import type { Link } from "./link.ts";
import type { Message } from "./message.ts";
import type { Publication } from "./publication.ts";
import { type DeliveryTerms, packetIdPosition, SessionState } from "./session-state.ts";
import type { BrokerSettings } from "./settings.ts";

/** First number of places for messages under way; a power of two. */
const FIRST_PLACES = 64;
const NO_PLACES = new Int32Array(0);

/** Messages of the queue that stay in memory while there is a connection, though they are on the disk too. */
const KEPT_IN_MEMORY = 64;

/** Octets for a connection beyond which it does not keep up, see `Connection.write`: retained messages wait for those to go. */
const AHEAD = 65_536;
/** The same of messages that wait for the disk. */
const HELD_AHEAD = 64;

export class Session extends SessionState {
	/** Whether `outgoing` was ever used. */
	private keeps = false;
	/**
	 * Messages under way that end with the connection: packet identifier, and what it waits for from bit 16 on, in the
	 * place that the identifier's low bits tell; 0 is a free place. Empty until there is one.
	 */
	private plain = NO_PLACES;
	private plainMask = 0;
	/** Messages sent on this connection and not yet acknowledged to the end. */
	private inflight = 0;
	/** Messages to its client that wait for the disk. */
	private heldPublishes = 0;
	private inflightBytes = 0;
	private inflightLimit = 65535;
	/** As `inflightLimit`, and as many as `plain` has places for. */
	private frameRoom = 0;
	/** Packet identifiers to be sent again on this connection, as the window allows. */
	private resend = new Set<number>();
	/** Messages that were sent and whose flow has not ended, on this connection or, without one, on earlier ones. */
	get unacknowledged(): number {
		return this.link === null ? this.outgoing.size : this.inflight + this.resend.size;
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
			this.handout === null &&
			(this.backlog === null || this.backlog.length === 0) &&
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
		this.endsAt = 0;
		if (this.backlog !== null) this.load(this.backlog);
		this.resend = new Set(this.outgoing.keys());
		this.setWindow(link.receiveMaximum);
	}

	/** Brings back what was under way. */
	private load(backlog: Backlog): void {
		if (backlog.underWay === 0) return;
		this.keeps = true;
		backlog.load(this.outgoing, this.queue);
	}

	/** All that it has is written: lets go of what it does not need in memory. */
	spill(): void {
		const { backlog, link } = this;
		if (backlog === null) return;
		backlog.spill(this.queue, link === null ? 0 : KEPT_IN_MEMORY);
		if (link === null) backlog.unload(this.outgoing);
		this.chooseFrameLevel();
	}

	detach(): void {
		this.missed++;
		this.handout?.rest();
		if (this.link !== null) this.since = this.link.now();
		this.link = null;
		if (this.backlog !== null && this.queued === 0) this.backlog.repeatsTo = 0;
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

	/**
	 * Whether a QoS 2 message of that packet identifier is new, and within what the link may have under way; not where it is
	 * to be on the disk.
	 */
	mayReceive(packetId: number, receiveMaximum: number): boolean {
		return this.entry === null && this.incoming.size < receiveMaximum && !this.incoming.has(packetId);
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
				if (this.settings.queueQos0Messages) {
					this.enqueue(new Copy(publication.keep(), 0, retain, identifier, group));
				}
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
			this.enqueue(new Copy(publication.keep(), qos, retain, identifier, group));
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
		} else if (this.track(link, packetId, new Copy(publication.keep(), qos, retain, identifier, group))) {
			return;
		}
		link.sendPublication(publication, qos, retain, packetId, identifier);
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
		const copy = new Copy(message, qos, retain, identifier, group);
		if (!reachable || (qos > 0 && (this.queued > 0 || !this.hasRoom()))) this.enqueue(copy);
		else this.send(link, copy);
	}

	/**
	 * What this session held of shared subscriptions, as it ends: for other members of the groups. A QoS 2 message
	 * that was sent stays with it ([MQTT-4.8.2-4], [MQTT-4.8.2-5]). Of much that is on the disk the store tells later.
	 */
	takeShared(): Copy[] {
		const { backlog, entry, outgoing, queue } = this;
		const isMuch = backlog?.isMuch ?? false;
		if (backlog !== null && !isMuch) this.load(backlog);
		const held = [...outgoing.values()];
		const taken = held.filter(({ qos }) => qos === 1);
		do {
			taken.push(...queue.takeRest(0));
		} while (!isMuch && backlog?.refill(queue));
		if (isMuch) taken.push(...backlog!.takeOut(() => true));
		// The store does not have these to tell of.
		for (const copy of new Set([...held, ...taken])) entry?.remove(copy);
		return taken;
	}

	/** What its client was not sent yet of messages that their publisher was refused. */
	takeBack(refused: ReadonlySet<Message>): void {
		const { entry, backlog, queue, outgoing } = this;
		if (entry === null || backlog === null) return;
		const goes = ({ message }: Copy) => message !== null && refused.has(message);
		for (const copy of [...queue.takeOut(goes), ...backlog.takeOut(goes)]) entry.remove(copy);
		for (const [packetId, copy] of outgoing) {
			if (!copy.isHeld || !goes(copy)) continue;
			copy.isHeld = false;
			this.forget(packetId, copy);
		}
		this.drain();
	}

	/** Sends what waits, as far as the window and the connection allow. */
	drain(): void {
		const { link } = this;
		if (link === null) return;
		this.drainTo(link);
		this.handout?.wake();
		this.chooseFrameLevel();
	}

	/** It has retained messages to get, or none any more. */
	handoutChanged(): void {
		this.chooseFrameLevel();
	}

	/** Whether a message of that QoS would be sent at once, and the connection keeps up. */
	takesNow(qos: number): boolean {
		const { link } = this;
		if (link === null || link.congested || link.connection.buffered > AHEAD) return false;
		return this.heldPublishes < HELD_AHEAD && (qos === 0 || (this.queued === 0 && this.hasRoom()));
	}

	/** Whether a message would be queued, and little is. */
	get takesLater(): boolean {
		const { link, queue } = this;
		if (link === null || link.congested || link.connection.buffered > AHEAD) return false;
		return queue.bytes <= AHEAD && this.reachedLimit() === null;
	}

	private drainTo(link: Link): void {
		this.drainFrames(link);
		for (const packetId of this.resend) {
			if (this.inflight >= this.inflightLimit || link.congested) break;
			this.resend.delete(packetId);
			this.sendAgain(link, packetId);
		}
		const { queue, backlog } = this;
		while (!link.congested) {
			if (queue.length === 0 && !backlog?.refill(queue)) break;
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
	private sendQueued(link: Link, copy: Copy): void {
		const { topic, expiresAt } = copy.message!;
		const isExpired = expiresAt !== 0 && expiresAt <= link.now();
		if (isExpired || (this.rights?.restricted && !this.rights.mayRead(topic))) this.entry?.remove(copy);
		else this.send(link, copy);
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
		if (outgoing === undefined || outgoing.qos !== 2 || outgoing.isHeld) return false;
		if (refused) {
			this.forget(packetId, outgoing);
			return true;
		}
		if (this.waitsForResend(packetId)) {
			// Sent on an earlier connection, acknowledged on this one: PUBREL follows, so that it is under way here too.
			this.inflight++;
		} else if (outgoing.state === AWAITING_PUBREC) {
			this.inflightBytes -= outgoing.octets;
		}
		if (outgoing.state === AWAITING_PUBREC) {
			// The message itself is not sent again from here on ([MQTT-4.3.3-6]): let go of it.
			outgoing.message = null;
			outgoing.state = AWAITING_PUBCOMP;
			this.entry?.move(outgoing);
		}
		return true;
	}

	/** Whether a message of that packet identifier was sent whose flow has not ended, in whatever state. */
	hasUnderWay(packetId: number): boolean {
		return (
			((this.plain[packetId & this.plainMask] ?? 0) & 0xffff) === packetId || this.outgoing.has(packetId)
		);
	}

	/** Whether a message has not been sent again yet; it will not be any more, and does not count as under way here. */
	private waitsForResend(packetId: number): boolean {
		return this.resend.size > 0 && this.resend.delete(packetId);
	}

	private forget(packetId: number, outgoing: Copy): void {
		this.outgoing.delete(packetId);
		this.entry?.remove(outgoing);
		if (!this.waitsForResend(packetId)) {
			this.inflightBytes -= outgoing.octets;
			this.inflight--;
		}
		if (this.queued > 0 || this.resend.size > 0 || this.handout !== null) this.drain();
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

	/** Takes note of a message that is sent now. Returns true when it is held instead, until it is on the disk. */
	private track(link: Link, packetId: number, copy: Copy): boolean {
		copy.packetId = packetId;
		copy.state = copy.qos === 1 ? AWAITING_PUBACK : AWAITING_PUBREC;
		this.keeps = true;
		this.outgoing.set(packetId, copy);
		this.inflightBytes += copy.octets;
		const { entry } = this;
		if (entry === null) return false;
		if (copy.position === 0) entry.add(copy);
		else entry.move(copy);
		// Sent before it is on the disk, a QoS 2 message could come twice after a crash. What comes after it keeps its place.
		const isHeld = this.heldPublishes > 0 || (copy.qos === 2 && copy.position !== 0 && entry.urgent);
		if (isHeld) this.hold(link, copy);
		return isHeld;
	}

	private hold(link: Link, copy: Copy): void {
		this.heldPublishes++;
		this.keeper!.holdPublish(this, link, copy);
	}

	/** A message that was held is on the disk, or its connection is over. */
	settleHeld(link: Link, copy: Copy): void {
		if (--this.heldPublishes === 0) this.handout?.wake();
		if (this.link !== link) return;
		const { message, qos, retain, packetId, identifier } = copy;
		copy.isHeld = false;
		if (message === null || (qos > 0 && this.outgoing.get(packetId) !== copy)) return;
		if (!link.sendMessage(message, qos, retain, copy.isRepeat, packetId, identifier) && qos > 0)
			this.abandon(copy);
	}

	private send(link: Link, copy: Copy): void {
		const { message, qos, retain, identifier } = copy;
		if (qos === 0) {
			this.entry?.remove(copy);
			if (this.heldPublishes > 0) this.hold(link, copy);
			else link.sendMessage(message!, 0, retain, false, 0, identifier);
			return;
		}
		const packetId = this.nextPacketId();
		if (this.entry !== null) {
			this.inflight++;
			if (
				!this.track(link, packetId, copy) &&
				!link.sendMessage(message!, qos, retain, copy.isRepeat, packetId, identifier)
			) {
				this.abandon(copy);
			}
			return;
		}
		if (!link.sendMessage(message!, qos, retain, false, packetId, identifier)) return;
		this.inflight++;
		this.track(link, packetId, copy);
	}

	/** A message under way is longer than what its client takes ([MQTT-3.1.2-25]). */
	private abandon(copy: Copy): void {
		this.outgoing.delete(copy.packetId);
		this.entry?.remove(copy);
		this.inflight--;
		this.inflightBytes -= copy.octets;
	}

	private sendAgain(link: Link, packetId: number): void {
		const outgoing = this.outgoing.get(packetId);
		if (outgoing === undefined) return;
		this.inflight++;
		this.inflightBytes += outgoing.octets;
		const { message, qos, retain, identifier } = outgoing;
		if (message === null) link.sendRelease(packetId);
		else if (outgoing.isHeld) this.hold(link, outgoing);
		// With DUP: [MQTT-3.3.1-1], 3.1.1: [MQTT-3.3.1-1].
		else if (!link.sendMessage(message, qos, retain, true, packetId, identifier)) this.abandon(outgoing);
	}
}
