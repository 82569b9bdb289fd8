/** Clients whose state of the protocol outlives their connections, as the specification asks, and who note what they were told. */

import { type Packet, PacketType, type PublishPacket, type Qos } from "../../src/packet/packet.ts";
import { type Place, RawClient } from "./raw-client.ts";

const { PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP } = PacketType;
const SESSION_EXPIRY = 1_000_000;
/** Under way at once; below the broker's receive maximum. */
const WINDOW = 10;

/** Told of each packet that comes, so that a test can count them. */
export type Told = () => void;

/** The broker has forgotten a session. */
export class LostSession extends Error {}

abstract class LastingClient {
	readonly clientId: string;
	/** Whether the broker must know it already. */
	protected isKnown = false;
	protected client: RawClient | null = null;
	private readonly told: Told;

	constructor(clientId: string, told: Told) {
		this.clientId = clientId;
		this.told = told;
	}

	/** Connects and goes on where it was. Throws when the broker has forgotten its session. */
	async connect(place: Place): Promise<void> {
		const { client, sessionPresent } = await RawClient.open(place, {
			clientId: this.clientId,
			sessionExpiry: SESSION_EXPIRY,
			receiveMaximum: 20,
		});
		if (this.isKnown && !sessionPresent) throw new LostSession(this.clientId);
		this.isKnown = true;
		this.client = client;
		client.listen((packet) => {
			this.take(client, packet);
			this.told();
		});
		await this.resume(client);
	}

	/** Its port, while it is connected. */
	get localPort(): number {
		return this.client?.localPort ?? 0;
	}

	/** Resolves when its connection has ended. */
	async gone(): Promise<void> {
		await this.client?.closed;
		this.client = null;
	}

	async leave(): Promise<void> {
		await this.client?.drop();
		this.client = null;
	}

	protected abstract resume(client: RawClient): void | Promise<void>;
	protected abstract take(client: RawClient, packet: Packet): void;
}

interface Unacknowledged {
	readonly topic: string;
	readonly payload: string;
	readonly retain: boolean;
	/** PUBREC has come. */
	isReceived: boolean;
}

/** Publishes numbered messages, of which `WINDOW` are under way at a time. */
export class Publisher extends LastingClient {
	/** Numbers of messages that the broker has acknowledged: by PUBACK, or PUBREC. */
	readonly acknowledged: number[] = [];
	/** How many it has published. */
	count = 0;
	/** It publishes until it has published so many. */
	limit = Number.POSITIVE_INFINITY;
	/** A third of its messages are retained, by turns in so many topics; 0 is none. */
	retainedTopics = 0;
	readonly qos: Qos;
	private readonly underWay = new Map<number, Unacknowledged>();
	private lastPacketId = 0;
	private drained: (() => void) | null = null;

	constructor(clientId: string, qos: 1 | 2, told: Told) {
		super(clientId, told);
		this.qos = qos;
	}

	/** It publishes nothing until `finish`. */
	pause(): void {
		this.limit = 0;
	}

	/** The topic of its messages. */
	get topic(): string {
		return `m/${this.clientId}`;
	}

	/** Resolves when everything up to `limit` is acknowledged. */
	finish(limit: number): Promise<void> {
		this.limit = limit;
		return new Promise((resolve) => {
			this.drained = resolve;
			if (this.client !== null) this.goOn(this.client);
		});
	}

	protected resume(client: RawClient): void {
		for (const [packetId, { topic, payload, retain, isReceived }] of this.underWay) {
			if (isReceived) client.acknowledge(PUBREL, packetId);
			else client.publish(topic, payload, this.qos, packetId, { dup: true, retain });
		}
		this.goOn(client);
	}

	protected take(client: RawClient, packet: Packet): void {
		if (packet.type !== PUBACK && packet.type !== PUBREC && packet.type !== PUBCOMP) return;
		const { packetId, reasonCode } = packet;
		const message = this.underWay.get(packetId);
		if (packet.type === PUBREC) {
			// After an error there is no PUBREL.
			if (reasonCode >= 0x80) throw new Error(`PUBREC 0x${reasonCode.toString(16)}`);
			if (message !== undefined && !message.isReceived) {
				message.isReceived = true;
				this.acknowledged.push(Number(message.payload));
			}
			client.acknowledge(PUBREL, packetId);
			return;
		}
		if (packet.type === PUBACK && message !== undefined) {
			if (reasonCode >= 0x80) throw new Error(`PUBACK 0x${reasonCode.toString(16)}`);
			this.acknowledged.push(Number(message.payload));
		}
		this.underWay.delete(packetId);
		this.goOn(client);
	}

	private goOn(client: RawClient): void {
		while (this.underWay.size < WINDOW && this.count < this.limit) {
			const number = ++this.count;
			do this.lastPacketId = (this.lastPacketId % 65_535) + 1;
			while (this.underWay.has(this.lastPacketId));
			const retain = this.retainedTopics > 0 && number % 3 === 0;
			const topic = retain ? `r/${this.clientId}/${(number / 3) % this.retainedTopics}` : this.topic;
			const message = { topic, payload: String(number), retain, isReceived: false };
			this.underWay.set(this.lastPacketId, message);
			client.publish(topic, message.payload, this.qos, this.lastPacketId, { retain });
		}
		if (this.underWay.size === 0 && this.count >= this.limit) this.drained?.();
	}
}

/** Takes what it has subscribed to, and counts how often each message came. */
export class Subscriber extends LastingClient {
	/** By topic: numbers in the order of their coming, without those that QoS 2 tells to be the same. */
	readonly received = new Map<string, number[]>();
	private readonly filters: readonly string[];
	/** Whether it has subscribed. */
	subscribed = false;
	/** Packet identifiers of QoS 2 messages that are not released. */
	private readonly unreleased = new Set<number>();
	private onMessage: () => void = () => undefined;

	constructor(clientId: string, filters: readonly string[], told: Told) {
		super(clientId, told);
		this.filters = filters;
	}

	/** Another client in its place, in front of a copy of what the broker has kept of it. */
	copy(): Subscriber {
		const other = new Subscriber(this.clientId, this.filters, () => undefined);
		other.isKnown = this.isKnown;
		other.subscribed = this.subscribed;
		return other;
	}

	/** Says who is told of each message. */
	listen(onMessage: () => void): void {
		this.onMessage = onMessage;
	}

	numbers(topic: string): readonly number[] {
		return this.received.get(topic) ?? [];
	}

	protected async resume(client: RawClient): Promise<void> {
		if (this.subscribed) return;
		for (const filter of this.filters) await client.subscribe(filter, 2);
		this.subscribed = true;
	}

	protected take(client: RawClient, packet: Packet): void {
		if (packet.type === PUBREL) {
			this.unreleased.delete(packet.packetId);
			client.acknowledge(PUBCOMP, packet.packetId);
		} else if (packet.type === PUBLISH) {
			this.takeMessage(client, packet);
		}
	}

	private takeMessage(client: RawClient, { topic, payload, qos, packetId }: PublishPacket): void {
		if (qos === 2 && this.unreleased.has(packetId)) {
			client.acknowledge(PUBREC, packetId);
			return;
		}
		let numbers = this.received.get(topic);
		if (numbers === undefined) {
			numbers = [];
			this.received.set(topic, numbers);
		}
		numbers.push(Number(new TextDecoder().decode(payload)));
		if (qos === 2) {
			this.unreleased.add(packetId);
			client.acknowledge(PUBREC, packetId);
		} else if (qos === 1) {
			client.acknowledge(PUBACK, packetId);
		}
		this.onMessage();
	}
}
