/**
 * A session as the reference model of the broker has it: plain lists, no thought of speed. It says what must arrive at
 * its client, packet by packet, and in which order.
 */

import assert from "node:assert/strict";

export interface Message {
	readonly topic: string;
	readonly payload: string;
	readonly qos: number;
	readonly retain: boolean;
	/** Second from which it is not sent any more; 0 is never. */
	readonly expiresAt: number;
}

export interface Subscription {
	readonly filter: string;
	readonly qos: number;
	readonly noLocal: boolean;
	readonly retainAsPublished: boolean;
	/** 0 is none. */
	readonly identifier: number;
}

/** What one session gets of one publication, or of the retained messages for one subscription. */
export interface Copy {
	/** The message; of what another member of a shared subscription left behind, the messages that it may be. */
	candidates: Message[];
	readonly qos: number;
	/** Highest QoS, of a copy with several candidates. */
	readonly granted: number;
	readonly retain: boolean;
	readonly identifier: number;
	/** Copies of the same group may come in any order. */
	readonly group: number;
	/** The shared subscription that it is this session's share of; 0 is none. */
	readonly shared: number;
	/** Whether it comes as a repeat: for all that was on the disk when the broker was killed, it may have been sent. */
	repeats: "no" | "yes" | "perhaps";
}

/** A PUBLISH or PUBREL as it came. */
export interface Arrival {
	readonly cmd: "publish" | "pubrel";
	readonly messageId: number;
	readonly topic: string;
	readonly payload: string;
	readonly qos: number;
	readonly retain: boolean;
	readonly dup: boolean;
	readonly identifiers: readonly number[];
	/** Seconds that it has left; null when it does not say. */
	readonly expiry: number | null;
}

/** A message under way to the client. */
interface Flow {
	copy: Copy;
	/** 0 until it has come. */
	packetId: number;
	/** PUBREC has come: what is sent again is PUBREL. */
	released: boolean;
	/** On this connection. */
	sent: boolean;
}

/** Something that must arrive. */
interface Expected {
	readonly flow: Flow;
	readonly dup: boolean;
	readonly release: boolean;
	readonly at: number;
}

export interface Will {
	readonly message: Message;
	readonly delay: number;
}

export interface ModelSettings {
	readonly queueLimit: number;
	readonly queueQos0: boolean;
	readonly upgradeQos: boolean;
}

export const FOREVER = Number.POSITIVE_INFINITY;

export class ModelSession {
	readonly clientId: string;
	readonly subscriptions = new Map<string, Subscription>();
	/** Packet identifiers of QoS 2 messages of the client that were published and not released. */
	readonly incoming = new Set<number>();
	connected = false;
	/** When the broker was killed, some time. */
	private wasConnected = false;
	/** Messages under way at once. */
	window = 0;
	/** Seconds that it outlives its connection. */
	expiryInterval = 0;
	/** While there is no connection: when it ends. */
	endsAt = FOREVER;
	will: Will | null = null;
	/** When a will that waits is sent. */
	willAt = FOREVER;
	/** PUBLISH packets of this connection, those included that are still expected. */
	written = 0;
	queue: Copy[] = [];
	/** What found the queue full. */
	private readonly dropped: Copy[] = [];
	private flows: Flow[] = [];
	private expected: Expected[] = [];
	private readonly settings: ModelSettings;
	private readonly isVersion5: boolean;

	constructor(clientId: string, settings: ModelSettings, isVersion5: boolean) {
		this.clientId = clientId;
		this.settings = settings;
		this.isVersion5 = isVersion5;
	}

	/** A message for this session. `granted`: the subscription's QoS. */
	offer(
		candidates: Message[],
		granted: number,
		retain: boolean,
		identifier: number,
		group: number,
		shared: number,
		now: number,
	): void {
		const [first] = candidates;
		assert.ok(first !== undefined);
		const qos = this.settings.upgradeQos ? granted : Math.min(first.qos, granted);
		const copy = { candidates, qos, granted, retain, identifier, group, shared, repeats: "no" as const };
		if (qos === 0) {
			if (this.connected) this.write(copy, now);
			else if (this.settings.queueQos0) this.enqueue(copy);
		} else if (this.connected && this.queue.length === 0 && this.hasRoom) {
			this.send(copy, now);
		} else {
			this.enqueue(copy);
		}
	}

	private enqueue(copy: Copy): void {
		const { queueLimit } = this.settings;
		if (queueLimit === 0 || this.queue.length < queueLimit) this.queue.push(copy);
		else this.dropped.push(copy);
	}

	get isFull(): boolean {
		const { queueLimit } = this.settings;
		return queueLimit !== 0 && this.queue.length >= queueLimit;
	}

	private get hasRoom(): boolean {
		return this.flows.every((flow) => flow.sent) && this.flows.length < this.window;
	}

	private send(copy: Copy, now: number): void {
		const flow = { copy, packetId: 0, released: false, sent: true };
		this.flows.push(flow);
		this.expect(flow, false, now);
	}

	private write(copy: Copy, now: number): void {
		this.expect({ copy, packetId: 0, released: false, sent: true }, false, now);
	}

	private expect(flow: Flow, dup: boolean, now: number): void {
		if (!flow.released) this.written++;
		this.expected.push({ flow, dup, release: flow.released, at: now });
	}

	/** The broker was. How much it still knows of an earlier time is not told here. */
	killed(): void {
		// What was dropped may yet turn out to have been queued, in the place of another of its group.
		for (const copy of [...this.queue, ...this.dropped]) {
			if (copy.qos !== 1) continue;
			if (this.connected) copy.repeats = "yes";
			else if (this.wasConnected && copy.repeats === "no") copy.repeats = "perhaps";
		}
		if (this.connected) this.wasConnected = true;
	}

	connect(window: number): void {
		this.connected = true;
		this.window = window;
		this.endsAt = FOREVER;
		this.will = null;
		this.willAt = FOREVER;
		this.written = 0;
		for (const flow of this.flows) flow.sent = false;
	}

	disconnect(): void {
		this.connected = false;
		this.written = 0;
		this.expected = [];
	}

	/** Sends what waits, as far as the window allows: first what was under way before, then the queue. */
	drain(now: number): void {
		if (!this.connected) return;
		for (const flow of this.flows) {
			if (flow.sent) continue;
			if (this.flows.filter((each) => each.sent).length >= this.window) break;
			flow.sent = true;
			this.expect(flow, !flow.released, now);
		}
		while (this.queue.length > 0) {
			const [first] = this.queue as [Copy];
			if (first.qos > 0 && !this.hasRoom) break;
			this.queue.shift();
			if (isExpired(first, now)) continue;
			if (first.qos > 0) this.send(first, now);
			else this.write(first, now);
		}
		// QoS 0 does not wait for acknowledgements of others.
		for (const copy of this.queue) if (copy.qos === 0 && !isExpired(copy, now)) this.write(copy, now);
		this.queue = this.queue.filter((copy) => copy.qos > 0);
	}

	/** The client acknowledges. */
	acknowledged(cmd: "puback" | "pubrec" | "pubcomp", packetId: number, now: number): void {
		const flow = this.flows.find((each) => each.packetId === packetId);
		assert.ok(flow !== undefined, `${this.clientId}: ${cmd} ${packetId} of no message`);
		if (cmd === "pubrec") {
			// Also of a message that was not sent again yet: it is under way on this connection from now on.
			flow.released = true;
			flow.sent = true;
			this.expect(flow, false, now);
			return;
		}
		this.flows.splice(this.flows.indexOf(flow), 1);
		this.drain(now);
	}

	/**
	 * What other members of a shared subscription get when this session ends: for each copy, what it may be. What was
	 * sent with QoS 2 stays with it.
	 */
	takeShared(shared: number): Message[][] {
		const sent = this.flows.filter(({ copy }) => copy.qos === 1).map(({ copy }) => copy);
		return [...sent, ...this.queue]
			.filter((copy) => copy.shared === shared)
			.map(({ candidates }) => candidates);
	}

	/** Takes what has come. Throws unless it is what must come next. */
	arrived(arrival: Arrival): void {
		const [next] = this.expected;
		assert.ok(next !== undefined, `${this.clientId} gets what is not for it: ${describe(arrival)}`);
		const chosen = next.dup || next.release ? next : this.choose(next.flow.copy.group, arrival);
		if (chosen === undefined || !this.take(chosen, arrival)) {
			assert.fail(`${this.clientId} is to get ${describeExpected(next)}, but got ${describe(arrival)}`);
		}
		this.expected.splice(this.expected.indexOf(chosen), 1);
	}

	/**
	 * Which of the messages of a group comes first, which has to wait for room, and which finds none is the broker's
	 * choice: what came takes the place of what the model had in mind. Undefined when it is none of them.
	 */
	private choose(group: number, arrival: Arrival): Expected | undefined {
		const others = this.expected.findIndex(
			({ flow, dup, release }) => dup || release || flow.copy.group !== group,
		);
		const ofGroup = this.expected.slice(0, others < 0 ? this.expected.length : others);
		const found = ofGroup.find(({ flow, at }) => this.matches(flow.copy, arrival, at));
		if (found?.flow.copy.qos === 0) return found;
		const place = ofGroup.find(({ flow }) => flow.copy.qos > 0);
		if (place === undefined) return undefined;
		if (found !== undefined) {
			[place.flow.copy, found.flow.copy] = [found.flow.copy, place.flow.copy];
			return place;
		}
		for (const list of [this.queue, this.dropped]) {
			const at = list.findIndex(
				(copy) => copy.group === group && copy.qos > 0 && this.matches(copy, arrival, place.at),
			);
			if (at < 0) continue;
			[place.flow.copy, list[at]] = [list[at]!, place.flow.copy];
			return place;
		}
		return undefined;
	}

	private take({ flow, dup, release, at }: Expected, arrival: Arrival): boolean {
		if (release !== (arrival.cmd === "pubrel")) return false;
		if (release) return flow.packetId === arrival.messageId;
		const { repeats } = flow.copy;
		const isRepeat = dup || (flow.packetId === 0 && repeats !== "no" && (repeats === "yes" || arrival.dup));
		if (isRepeat !== arrival.dup || !this.matches(flow.copy, arrival, at)) return false;
		const { candidates } = flow.copy;
		const message = candidates.find((each) => each.payload === arrival.payload)!;
		if (candidates.length > 1) candidates.splice(candidates.indexOf(message), 1);
		flow.copy = { ...flow.copy, candidates: [message], qos: arrival.qos };
		if (arrival.qos === 0) return true;
		if (flow.packetId !== 0) return flow.packetId === arrival.messageId;
		assert.ok(
			!this.flows.some((each) => each.packetId === arrival.messageId),
			`${this.clientId}: packet identifier ${arrival.messageId} is in use`,
		);
		flow.packetId = arrival.messageId;
		return true;
	}

	private matches(copy: Copy, arrival: Arrival, at: number): boolean {
		const message = copy.candidates.find((each) => each.payload === arrival.payload);
		if (message === undefined || message.topic !== arrival.topic || copy.retain !== arrival.retain)
			return false;
		const qos = this.settings.upgradeQos ? copy.qos : Math.min(message.qos, copy.granted);
		if (qos !== arrival.qos) return false;
		if (!this.isVersion5) return true;
		const expiry = message.expiresAt === 0 ? null : Math.max(0, message.expiresAt - at);
		const identifiers = copy.identifier === 0 ? [] : [copy.identifier];
		return expiry === arrival.expiry && identifiers.join() === arrival.identifiers.join();
	}

	/** Nothing that must have come is missing. */
	checkComplete(): void {
		const [next] = this.expected;
		if (next !== undefined) assert.fail(`${this.clientId} did not get ${describeExpected(next)}`);
	}

	/** Nothing waits any more. */
	checkDrained(): void {
		assert.equal(this.flows.length, 0, `${this.clientId}: messages under way`);
		assert.equal(this.queue.length, 0, `${this.clientId}: messages queued`);
	}
}

function isExpired({ candidates }: Copy, now: number): boolean {
	const [{ expiresAt }] = candidates as [Message];
	return expiresAt !== 0 && expiresAt <= now;
}

function describe({
	cmd,
	messageId,
	topic,
	payload,
	qos,
	retain,
	dup,
	identifiers,
	expiry,
}: Arrival): string {
	if (cmd === "pubrel") return `PUBREL ${messageId}`;
	const flags = `q${qos}, r${retain ? 1 : 0}, d${dup ? 1 : 0}, i${identifiers.join()}, e${expiry}`;
	return `PUBLISH ${messageId} '${topic}' '${payload}' (${flags})`;
}

function describeExpected({ flow, dup, release }: Expected): string {
	if (release) return `PUBREL ${flow.packetId}`;
	const { candidates, qos, retain, identifier } = flow.copy;
	const texts = candidates.map(({ topic, payload }) => `'${topic}' '${payload}'`).join(" or ");
	return `PUBLISH ${texts} (q${qos}, r${retain ? 1 : 0}, d${dup ? 1 : 0}, i${identifier || ""})`;
}
