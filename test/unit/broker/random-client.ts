/** An MQTT client for the model test: keeps to the protocol, but reads and acknowledges only when told to. */

import assert from "node:assert/strict";
import mqttPacket from "mqtt-packet";
import type { FakePeer } from "../../fake/host.ts";
import { encode, type Fields } from "../../vectors/wire.ts";
import type { Fixture } from "./fixture.ts";
import type { Arrival } from "./reference-session.ts";

/** What sets clients apart. */
export interface Kind {
	readonly version: 3 | 4 | 5;
	/** Whether it asks for a session of its own at each connect, below 5.0. */
	readonly clean: boolean;
	/** Seconds that it wants its session kept; 5.0 only. */
	readonly expiryInterval: number;
	/** Topic aliases that it takes. */
	readonly aliases: number;
}

/** A message of its own that is under way. */
interface Outgoing {
	readonly publish: Fields;
	/** PUBREC was seen: PUBREL is what is sent again. */
	released: boolean;
}

/** An acknowledgement, as the test compares it. */
export type Answer = string;

export class RandomClient {
	readonly id: string;
	readonly kind: Kind;
	/** Messages of its own that are under way. */
	readonly outgoing = new Map<number, Outgoing>();
	/** PUBLISH packets that came on this connection. */
	publishes = 0;
	private readonly fixture: Pick<Fixture, "dial">;
	/** Messages of its own that it may have under way at once. */
	private readonly window: number;
	private peer: FakePeer | null = null;
	private parser = mqttPacket.parser();
	/** What has come since the last `collect`. */
	private fresh: Fields[] = [];
	/** What has come and was not read. */
	private inbox: Fields[] = [];
	private acknowledgements: Fields[] = [];
	private lastPacketId = 0;
	/** Topics by alias, of this connection: the broker's, and its own. */
	private readonly aliases = new Map<number, string>();
	private readonly ownAliases = new Map<number, string>();

	constructor(fixture: Pick<Fixture, "dial">, id: string, kind: Kind, window: number) {
		this.fixture = fixture;
		this.window = window;
		this.id = id;
		this.kind = kind;
	}

	get connected(): boolean {
		return this.peer !== null;
	}

	/** Whether it can start another flow. */
	get hasRoom(): boolean {
		return this.outgoing.size < this.window;
	}

	/**
	 * Connects, with room for so many messages under way (5.0 only), also when it is connected already; then the older connection is taken over, unread. `late`: what it has
	 * read before and not acknowledged, it will acknowledge on the new connection.
	 */
	connect(clean: boolean, receiveMaximum: number, will: Fields | undefined, late: boolean): void {
		// PUBREL is sent again at once, as the specification has it.
		const unsent = late ? this.acknowledgements.filter(({ cmd }) => cmd !== "pubrel") : [];
		this.leave();
		this.acknowledgements = unsent;
		const { version, expiryInterval, aliases } = this.kind;
		this.peer = this.fixture.dial();
		this.parser = mqttPacket.parser({ protocolVersion: version });
		this.parser.on("packet", (packet) => this.fresh.push(packet as unknown as Fields));
		this.parser.on("error", (error: Error) => assert.fail(error.message));
		const properties = {
			sessionExpiryInterval: expiryInterval,
			receiveMaximum,
			topicAliasMaximum: aliases,
		};
		this.send({ cmd: "connect", clientId: this.id, clean, keepalive: 0, properties, will });
	}

	/** There is no session to go on with. */
	forget(): void {
		this.outgoing.clear();
		this.acknowledgements = [];
	}

	disconnect(fields: Fields): void {
		this.send({ cmd: "disconnect", ...fields });
		this.leave();
	}

	/** The network breaks; what has come and was not read is lost. */
	drop(): void {
		this.peer?.reset();
		this.leave();
	}

	/** The broker was killed. */
	lose(): void {
		this.leave();
	}

	private leave(): void {
		this.peer = null;
		this.publishes = 0;
		this.fresh = [];
		this.inbox = [];
		this.aliases.clear();
		this.ownAliases.clear();
	}

	/** A new PUBLISH, of which QoS 1 and 2 are noted. */
	compose(fields: Fields): Fields {
		if (fields.qos === 0) return fields;
		do this.lastPacketId = (this.lastPacketId % 20) + 1;
		while (this.outgoing.has(this.lastPacketId));
		const publish = { ...fields, messageId: this.lastPacketId };
		this.outgoing.set(this.lastPacketId, { publish, released: false });
		return publish;
	}

	/** The same with a topic alias, and without its topic where the broker knows the alias. */
	aliased(publish: Fields, alias: number): Fields {
		const topic = publish.topic as string;
		const known = this.ownAliases.get(alias) === topic;
		this.ownAliases.set(alias, topic);
		const properties = { ...(publish.properties as Fields), topicAlias: alias };
		return { ...publish, topic: known ? "" : topic, properties };
	}

	send(fields: Fields): void {
		assert.ok(this.peer !== null && !this.peer.closed, `${this.id} is connected`);
		this.peer.send(encode(fields, this.kind.version));
	}

	/** What has come since the last time: of the broker's messages, and answers. It is not read yet. */
	collect(): { arrivals: Arrival[]; answers: Answer[] } {
		const bytes = this.peer?.take();
		if (bytes !== undefined && bytes.length > 0) this.parser.parse(Buffer.from(bytes));
		const fresh = this.fresh.splice(0);
		this.inbox.push(...fresh);
		const isMessage = ({ cmd }: Fields) => cmd === "publish" || cmd === "pubrel";
		const arrivals = fresh.filter(isMessage).map((packet) => this.arrival(packet));
		this.publishes += arrivals.filter(({ cmd }) => cmd === "publish").length;
		const answers = fresh.filter((packet) => !isMessage(packet)).map((packet) => this.answer(packet));
		return { arrivals, answers };
	}

	private arrival(packet: Fields): Arrival {
		const properties = (packet.properties ?? {}) as Fields;
		const identifiers = (properties.subscriptionIdentifier ?? []) as number | number[];
		const isPublish = packet.cmd === "publish";
		return {
			cmd: isPublish ? "publish" : "pubrel",
			messageId: (packet.messageId ?? 0) as number,
			topic: isPublish ? this.topicOf(packet.topic as string, properties) : "",
			payload: String(packet.payload ?? ""),
			qos: packet.qos as number,
			retain: packet.retain as boolean,
			dup: packet.dup as boolean,
			identifiers: [identifiers].flat(),
			expiry: (properties.messageExpiryInterval ?? null) as number | null,
		};
	}

	private topicOf(topic: string, { topicAlias }: Fields): string {
		if (topicAlias === undefined) {
			assert.notEqual(topic, "", "neither topic nor alias");
			return topic;
		}
		const alias = topicAlias as number;
		assert.ok(alias >= 1 && alias <= this.kind.aliases, `${this.id}: alias ${alias}`);
		if (topic !== "") this.aliases.set(alias, topic);
		const known = this.aliases.get(alias);
		assert.ok(known !== undefined, `${this.id}: alias ${alias} was set up on this connection`);
		return known;
	}

	private answer({ cmd, messageId, reasonCode, granted, sessionPresent }: Fields): Answer {
		if (cmd === "connack") return `connack ${this.kind.version > 3 && sessionPresent ? 1 : 0}`;
		const codes = this.kind.version === 5 ? [granted ?? reasonCode ?? 0].flat() : [granted ?? []].flat();
		return [cmd, messageId, ...codes].join(" ");
	}

	/** Takes note of what has come; acknowledgements wait for `nextAcknowledgement`. */
	read(): boolean {
		const packets = this.inbox.splice(0);
		for (const packet of packets) this.handle(packet);
		return packets.length > 0;
	}

	private handle({ cmd, qos, messageId, reasonCode }: Fields): void {
		const id = messageId as number;
		const flow = this.outgoing.get(id);
		switch (cmd) {
			case "publish":
				this.acknowledgements = this.acknowledgements.filter((each) => !isAnswer(each, id));
				if (qos === 1) this.acknowledgements.push({ cmd: "puback", messageId });
				if (qos === 2) this.acknowledgements.push({ cmd: "pubrec", messageId });
				return;
			case "pubrel":
				this.acknowledgements = this.acknowledgements.filter((each) => !isAnswer(each, id));
				this.acknowledgements.push({ cmd: "pubcomp", messageId });
				return;
			case "pubrec":
				assert.ok(((reasonCode as number | undefined) ?? 0) < 0x80, "nothing is refused");
				if (flow !== undefined) flow.released = true;
				this.acknowledgements.push({ cmd: "pubrel", messageId });
				return;
			case "puback":
			case "pubcomp":
				this.outgoing.delete(id);
				return;
			default:
				assert.notEqual(cmd, "disconnect", `${this.id} is not sent away`);
		}
	}

	/** The oldest or newest acknowledgement that was not sent yet. What came again meanwhile needs no other. */
	nextAcknowledgement(newest: boolean): Fields | undefined {
		const next = newest ? this.acknowledgements.pop() : this.acknowledgements.shift();
		if (next?.cmd === "pubrel") return next;
		const isAnswered = ({ cmd, messageId }: Fields) =>
			(cmd === "publish" || cmd === "pubrel") && messageId === next?.messageId;
		this.inbox = this.inbox.filter((packet) => !isAnswered(packet));
		return next;
	}
}

/** Whether it answers something of the broker's with that packet identifier. */
function isAnswer({ cmd, messageId }: Fields, packetId: number): boolean {
	return cmd !== "pubrel" && messageId === packetId;
}
