/** An MQTT client for the model test: keeps to the protocol, but reads and acknowledges only when told to. */

import assert from "node:assert/strict";
import mqttPacket from "mqtt-packet";
import type { FakePeer } from "../../fake/host.ts";
import { encode, type Fields } from "../../vectors/wire.ts";
import type { Fixture } from "./fixture.ts";

/** A message that a client got, and hands to its application. */
export interface Received {
	readonly topic: string;
	readonly payload: string;
	readonly qos: number;
}

/** What a client has sent and not seen acknowledged. */
interface Outgoing {
	readonly publish: Fields;
	/** PUBREC was seen: PUBREL is what is sent again. */
	released: boolean;
}

/** Messages of QoS 1 and 2 that a client, and the broker to a client below 5.0, have under way at once. */
export const WINDOW = 3;
/** What a 5.0 client takes of them. */
const RECEIVE_MAXIMUM = 2;
/** Topic aliases that a persistent 5.0 client takes; others take none. */
const TOPIC_ALIAS_MAXIMUM = 1;

export class RandomClient {
	readonly id: string;
	readonly version: 4 | 5;
	/** Whether its session outlives its connections. */
	readonly persistent: boolean;
	readonly received: Received[] = [];
	private readonly fixture: Fixture;
	private peer: FakePeer | null = null;
	private parser = mqttPacket.parser();
	private readonly outgoing = new Map<number, Outgoing>();
	/** Packet identifiers of QoS 2 messages that were handed to the application and not released yet. */
	private readonly incoming = new Set<number>();
	private acknowledgements: Fields[] = [];
	/** Packet identifiers of the broker's that are under way on this connection. */
	private readonly inflight = new Set<number>();
	private lastPacketId = 0;
	/** Topics by alias, of this connection. */
	private readonly aliases = new Map<number, string>();

	constructor(fixture: Fixture, id: string, version: 4 | 5, persistent: boolean) {
		this.fixture = fixture;
		this.id = id;
		this.version = version;
		this.persistent = persistent;
	}

	get connected(): boolean {
		return this.peer !== null;
	}

	/** Whether it can start another flow. */
	get hasRoom(): boolean {
		return this.outgoing.size < WINDOW;
	}

	/**
	 * Connects, also when it is connected already; then the older connection is taken over, unread. `onRepeat` is told of
	 * QoS 1 messages before they are sent again: to the broker they are new ones.
	 */
	connect(clean = !this.persistent, onRepeat = (_publish: Fields) => {}): void {
		this.acknowledgements = [];
		this.inflight.clear();
		this.aliases.clear();
		if (clean) {
			this.outgoing.clear();
			this.incoming.clear();
		}
		this.peer = this.fixture.dial();
		this.parser = mqttPacket.parser({ protocolVersion: this.version });
		this.parser.on("packet", (packet) => this.handle(packet as unknown as Fields));
		this.parser.on("error", (error: Error) => assert.fail(error.message));
		const properties = {
			sessionExpiryInterval: this.persistent ? 100 : 0,
			receiveMaximum: RECEIVE_MAXIMUM,
			topicAliasMaximum: this.persistent ? TOPIC_ALIAS_MAXIMUM : 0,
		};
		this.send({ cmd: "connect", clientId: this.id, clean, keepalive: 0, properties });
		// [MQTT-4.4.0-1] holds for clients too.
		for (const [messageId, { publish, released }] of this.outgoing) {
			if (publish.qos === 1) onRepeat(publish);
			this.send(released ? { cmd: "pubrel", messageId } : { ...publish, dup: true });
		}
	}

	disconnect(): void {
		this.send({ cmd: "disconnect" });
		this.peer = null;
	}

	/** The network breaks; what has come and was not read is lost. */
	drop(): void {
		this.peer?.reset();
		this.peer = null;
	}

	subscribe(topic: string, qos: number): void {
		this.send({ cmd: "subscribe", messageId: 1000, subscriptions: [{ topic, qos }] });
	}

	unsubscribe(topic: string): void {
		this.send({ cmd: "unsubscribe", messageId: 1000, unsubscriptions: [topic] });
	}

	publish(topic: string, payload: string, qos: number): void {
		const messageId = qos === 0 ? undefined : this.nextPacketId();
		const publish = { cmd: "publish", topic, payload, qos, messageId };
		if (messageId !== undefined) this.outgoing.set(messageId, { publish, released: false });
		this.send(publish);
	}

	/** Takes what has come, and says whether anything had; acknowledgements wait for `acknowledge`. */
	read(): boolean {
		const bytes = this.peer?.take() ?? new Uint8Array(0);
		if (bytes.length > 0) this.parser.parse(Buffer.from(bytes));
		return bytes.length > 0;
	}

	/** Sends the oldest acknowledgements that wait, at most `count`; whether there were any. */
	acknowledge(count: number): boolean {
		const due = this.acknowledgements.splice(0, count);
		for (const fields of due) {
			if (fields.cmd !== "pubrec" && fields.cmd !== "pubrel")
				this.inflight.delete(fields.messageId as number);
			this.send(fields);
		}
		return due.length > 0;
	}

	private nextPacketId(): number {
		do this.lastPacketId = (this.lastPacketId % 20) + 1;
		while (this.outgoing.has(this.lastPacketId));
		return this.lastPacketId;
	}

	private send(fields: Fields): void {
		assert.ok(this.peer !== null && !this.peer.closed, `${this.id} is connected`);
		this.peer.send(encode(fields, this.version));
	}

	private handle(packet: Fields): void {
		const { cmd, payload, qos, reasonCode } = packet;
		const messageId = packet.messageId as number;
		const flow = this.outgoing.get(messageId);
		switch (cmd) {
			case "publish": {
				const topic = this.topicOf(packet);
				if (qos !== 2 || !this.incoming.has(messageId)) {
					this.received.push({ topic, payload: String(payload), qos: qos as number });
				}
				if (qos === 2) this.incoming.add(messageId);
				if (qos !== 0) this.receive(messageId);
				if (qos !== 0) this.acknowledgements.push({ cmd: qos === 1 ? "puback" : "pubrec", messageId });
				return;
			}
			case "pubrel":
				this.incoming.delete(messageId);
				this.receive(messageId);
				this.acknowledgements.push({ cmd: "pubcomp", messageId });
				return;
			case "pubrec":
				assert.ok(((reasonCode as number | undefined) ?? 0) < 0x80, "nothing is refused");
				if (flow !== undefined) flow.released = true;
				this.acknowledgements.push({ cmd: "pubrel", messageId });
				return;
			case "puback":
			case "pubcomp":
				this.outgoing.delete(messageId);
				return;
			default:
				assert.notEqual(cmd, "disconnect", `${this.id} is not sent away`);
		}
	}

	private topicOf(publish: Fields): string {
		const topic = publish.topic as string;
		const alias = (publish.properties as { topicAlias?: number } | undefined)?.topicAlias;
		if (alias === undefined) {
			assert.notEqual(topic, "", "neither topic nor alias");
			return topic;
		}
		assert.ok(this.persistent && alias >= 1 && alias <= TOPIC_ALIAS_MAXIMUM, `alias ${alias}`);
		if (topic !== "") this.aliases.set(alias, topic);
		const known = this.aliases.get(alias);
		assert.ok(known !== undefined, `alias ${alias} was set up on this connection`);
		return known;
	}

	/** Something of a flow of the broker's has come. */
	private receive(messageId: number): void {
		this.inflight.add(messageId);
		const limit = this.version === 5 ? RECEIVE_MAXIMUM : WINDOW;
		assert.ok(this.inflight.size <= limit, `${this.id} has ${this.inflight.size} messages in flight`);
	}
}
