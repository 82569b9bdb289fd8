/** Random clients at one broker beside the reference model: each step is done by both, and must look the same. */

import assert from "node:assert/strict";
import { Durability } from "../../../src/store/durability.ts";
import type { FakeHost } from "../../fake/host.ts";
import type { Fields } from "../../vectors/wire.ts";
import { crash, createBroker, type Fixture } from "./fixture.ts";
import { type Answer, type Kind, RandomClient } from "./random-client.ts";
import { ModelBroker, SHARED } from "./reference-broker.ts";
import { type Arrival, FOREVER, type Message } from "./reference-session.ts";

export interface WorldSettings {
	/** Messages of QoS 1 and 2 that the broker has under way to each client. */
	readonly window: number;
	readonly queueLimit: number;
	readonly queueQos0: boolean;
	readonly upgradeQos: boolean;
	/** Whether what is acknowledged outlives the broker. */
	readonly isKept: boolean;
}

interface ConnectCommand {
	readonly do: "connect";
	readonly who: number;
	readonly clean: boolean;
	/** Whether what it read before is acknowledged now. */
	readonly late: boolean;
	/** Messages that it takes at once; 5.0 only. */
	readonly receiveMaximum: number;
	readonly will: WillChoice | null;
}

/** A connect without particulars. */
const PLAINLY = { clean: false, late: false, receiveMaximum: 65535, will: null };

/** What may happen. `who` is a client by number. */
export type Command =
	| ConnectCommand
	| { readonly do: "disconnect"; who: number; how: "plainly" | "with will" | "for good" }
	| { readonly do: "drop"; who: number }
	| {
			readonly do: "subscribe";
			who: number;
			filter: string;
			qos: number;
			noLocal: boolean;
			asPublished: boolean;
			handling: number;
			identifier: number;
	  }
	| { readonly do: "unsubscribe"; who: number; filter: string }
	| {
			readonly do: "publish";
			who: number;
			topic: string;
			qos: number;
			retain: boolean;
			empty: boolean;
			expiry: number;
			alias: number;
	  }
	| { readonly do: "read"; who: number }
	| { readonly do: "acknowledge"; who: number; count: number; newest: boolean }
	| { readonly do: "wait"; seconds: number }
	| { readonly do: "kill" };

export interface WillChoice {
	readonly qos: number;
	readonly retain: boolean;
	readonly delay: number;
}

const NEVER = 0xffff_ffff;

const KINDS: readonly Kind[] = [
	{ version: 4, clean: false, expiryInterval: 0, aliases: 0 },
	{ version: 5, clean: false, expiryInterval: NEVER, aliases: 1 },
	{ version: 5, clean: false, expiryInterval: 3, aliases: 0 },
	{ version: 4, clean: true, expiryInterval: 0, aliases: 0 },
	{ version: 5, clean: false, expiryInterval: 0, aliases: 2 },
	{ version: 3, clean: false, expiryInterval: 0, aliases: 0 },
];

export const CLIENTS = KINDS.length;

function start(settings: WorldSettings, host?: FakeHost): Fixture {
	const broker = {
		maxInflightMessages: settings.window,
		maxQueuedMessages: settings.queueLimit,
		queueQos0Messages: settings.queueQos0,
		upgradeOutgoingQos: settings.upgradeQos,
		sysInterval: 0,
	};
	return createBroker(broker, {}, false, settings.isKept ? { durability: Durability.SYNC } : null, host);
}

export class World {
	fixture: Fixture;
	private readonly settings: WorldSettings;
	private readonly clients: RandomClient[];
	private readonly queueQos0: boolean;
	private readonly model: ModelBroker;
	private readonly window: number;
	/** Messages are numbered, so that each is known again. */
	private numbers = 0;
	/** What has come in this step, by client. */
	private readonly arrivals = new Map<RandomClient, Arrival[]>();
	private readonly answers = new Map<RandomClient, Answer[]>();

	private constructor(fixture: Fixture, settings: WorldSettings) {
		this.fixture = fixture;
		this.settings = settings;
		const dial = () => this.fixture.dial();
		this.window = settings.window;
		this.queueQos0 = settings.queueQos0;
		this.clients = KINDS.map((kind, i) => new RandomClient({ dial }, `c${i}`, kind, settings.window));
		this.model = new ModelBroker(settings, (clientId) => {
			const client = this.clients.find(({ id }) => id === clientId);
			return (client?.publishes ?? 0) + (this.fixture.broker.sessions.get(clientId)?.queued ?? 0);
		});
		for (const [i, client] of this.clients.entries()) {
			this.connect(client, { ...PLAINLY, will: { qos: i % 3, retain: i === 0, delay: i % 3 } });
		}
	}

	static async create(settings: WorldSettings): Promise<World> {
		return new World(start(settings), settings);
	}

	/** The broker ends without a word, and another one goes on with what it has kept. */
	private kill(): void {
		if (!this.settings.isKept) return;
		// What clients acknowledged is written when there is time: until then they would get it again.
		assert.ok(this.fixture.store?.flush());
		for (const client of this.clients) client.lose();
		this.fixture = start(this.settings, crash(this.fixture));
		this.fixture.advance(0);
		this.step(() => this.model.kill());
	}

	/** Does what a command says, unless it cannot be done now. */
	run(command: Command): void {
		if (command.do === "wait") {
			for (let i = 0; i < command.seconds; i++) this.wait();
			return;
		}
		if (command.do === "kill") {
			this.kill();
			return;
		}
		const client = this.clients[command.who]!;
		if (command.do === "connect") {
			this.connect(client, command);
			return;
		}
		if (!client.connected) return;
		switch (command.do) {
			case "disconnect":
				this.disconnect(client, command.how);
				break;
			case "drop":
				client.drop();
				this.step(() => this.model.disconnect(client.id));
				break;
			case "subscribe":
				// Of what a lost member leaves, it is the broker's choice who gets what, and with QoS 0 kept the model cannot
				// tell copies apart: shared.json has that.
				// Retained messages that find no room in the queue wait for that, which the model does not know.
				if (command.filter === SHARED ? !this.queueQos0 : this.model.hasRoomFor(client.id, command.filter)) {
					this.subscribe(client, command);
				}
				break;
			case "unsubscribe":
				this.unsubscribe(client, command.filter);
				break;
			case "publish":
				this.publish(client, command);
				break;
			case "read":
				client.read();
				break;
			case "acknowledge":
				this.acknowledge(client, command.count, command.newest);
		}
	}

	/** Lets the model do what the broker has just done, and compares. `answers` are those that `client` must have got. */
	private step(
		model: () => void,
		client: RandomClient | null = null,
		answers: () => Answer[] = () => [],
	): void {
		for (const each of this.clients) {
			const collected = each.collect();
			this.arrivals.set(each, collected.arrivals);
			this.answers.set(each, collected.answers);
		}
		model();
		for (const each of this.clients) {
			assert.deepEqual(this.answers.get(each), each === client ? answers() : [], `answers to ${each.id}`);
			const session = this.model.sessions.get(each.id);
			for (const arrival of this.arrivals.get(each)!) session?.arrived(arrival);
			session?.checkComplete();
		}
	}

	private connect(client: RandomClient, options: Omit<ConnectCommand, "do" | "who">): void {
		const { kind, id } = client;
		const isVersion5 = kind.version === 5;
		const { late, receiveMaximum, will: choice } = options;
		const startsClean = options.clean || kind.clean;
		const expiry = isVersion5 ? kind.expiryInterval : startsClean ? 0 : NEVER;
		const message = choice && {
			topic: `w/${id}`,
			payload: `will ${this.numbers++}`,
			qos: choice.qos,
			retain: choice.retain,
			expiresAt: 0,
		};
		const delay = isVersion5 && choice !== null ? choice.delay : 0;
		client.connect(
			startsClean,
			receiveMaximum,
			message === null ? undefined : willFields(message, delay),
			late,
		);
		let present = false;
		this.step(
			() => {
				present = this.model.connect(id, {
					clean: startsClean,
					expiryInterval: expiry === NEVER ? FOREVER : expiry,
					window: isVersion5 ? Math.min(this.window, receiveMaximum) : this.window,
					will: message && { message, delay },
					isVersion5,
				});
			},
			client,
			() => [`connack ${present && kind.version > 3 ? 1 : 0}`],
		);
		if (!present) client.forget();
		// [MQTT-4.4.0-1] holds for clients too.
		for (const [messageId, { publish, released }] of client.outgoing) {
			if (released) this.release(client, messageId);
			else this.sendPublish(client, publish, { ...publish, dup: true });
		}
	}

	private disconnect(client: RandomClient, how: "plainly" | "with will" | "for good"): void {
		const session = this.model.session(client.id);
		const isVersion5 = client.kind.version === 5;
		if (isVersion5 && how === "with will") client.disconnect({ reasonCode: 4 });
		else session.will = null;
		if (isVersion5 && how === "for good") {
			client.disconnect({ reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
			session.expiryInterval = 0;
		} else if (client.connected) {
			client.disconnect({});
		}
		this.step(() => this.model.disconnect(client.id));
	}

	private subscribe(client: RandomClient, command: Command & { do: "subscribe" }): void {
		const { filter, qos, handling } = command;
		const isVersion5 = client.kind.version === 5;
		const noLocal = isVersion5 && command.noLocal && !filter.startsWith("$share/");
		const retainAsPublished = isVersion5 && command.asPublished;
		const identifier = isVersion5 ? command.identifier : 0;
		client.send({
			cmd: "subscribe",
			messageId: 1000,
			subscriptions: [{ topic: filter, qos, nl: noLocal, rap: retainAsPublished, rh: handling }],
			properties: identifier === 0 ? {} : { subscriptionIdentifier: identifier },
		});
		const subscription = { filter, qos, noLocal, retainAsPublished, identifier };
		this.step(
			() => this.model.subscribe(client.id, subscription, isVersion5 ? handling : 0),
			client,
			() => [`suback 1000 ${qos}`],
		);
	}

	private unsubscribe(client: RandomClient, filter: string): void {
		client.send({ cmd: "unsubscribe", messageId: 1000, unsubscriptions: [filter] });
		let known = false;
		this.step(
			() => {
				known = this.model.unsubscribe(client.id, filter);
			},
			client,
			() => [client.kind.version === 5 ? `unsuback 1000 ${known ? 0 : 17}` : "unsuback 1000"],
		);
	}

	private publish(client: RandomClient, command: Command & { do: "publish" }): void {
		const { topic, retain, expiry, alias } = command;
		const isVersion5 = client.kind.version === 5;
		const isShared = topic.startsWith("s/");
		const publish = client.compose({
			cmd: "publish",
			topic,
			// Which copy of a shared subscription came is told by its payload: each has one of its own.
			payload: command.empty && retain && !isShared ? "" : `${topic} ${this.numbers++}`,
			qos: client.hasRoom ? command.qos : 0,
			retain,
			// Who gets what a member left behind is found out by its payload, and not by how long it has left.
			// Which of several retained messages found no room in a queue cannot be told once those that did expired.
			properties:
				expiry === 0 || isShared || (retain && this.settings.queueLimit !== 0)
					? {}
					: { messageExpiryInterval: expiry },
		});
		this.sendPublish(client, publish, isVersion5 && alias > 0 ? client.aliased(publish, alias) : publish);
	}

	/** `publish` in the form `sent`, for the first time or again. */
	private sendPublish(client: RandomClient, publish: Fields, sent: Fields): void {
		const { topic, payload, qos, retain, messageId, properties } = publish as unknown as PublishFields;
		client.send(sent);
		const isVersion5 = client.kind.version === 5;
		const expiry = isVersion5 ? (properties.messageExpiryInterval ?? 0) : 0;
		const expiresAt = expiry === 0 ? 0 : this.model.now + expiry;
		const { incoming } = this.model.session(client.id);
		let reason = 0;
		this.step(
			() => {
				if (qos === 2 && incoming.has(messageId)) return;
				if (qos === 2) incoming.add(messageId);
				const copies = this.model.publish(client.id, { topic, payload, qos, retain, expiresAt });
				if (copies === 0) reason = 16;
			},
			client,
			() => {
				if (qos === 0) return [];
				const answer = `${qos === 1 ? "puback" : "pubrec"} ${messageId}`;
				return [isVersion5 ? `${answer} ${reason}` : answer];
			},
		);
	}

	private acknowledge(client: RandomClient, count: number, newest: boolean): boolean {
		for (let i = 0; i < count; i++) {
			const packet = client.nextAcknowledgement(newest);
			if (packet === undefined) return i > 0;
			const cmd = packet.cmd as "puback" | "pubrec" | "pubrel" | "pubcomp";
			const messageId = packet.messageId as number;
			if (cmd === "pubrel") {
				this.release(client, messageId);
			} else {
				client.send(packet);
				this.step(() => this.model.session(client.id).acknowledged(cmd, messageId, this.model.now));
			}
		}
		return count > 0;
	}

	private release(client: RandomClient, messageId: number): void {
		client.send({ cmd: "pubrel", messageId });
		const known = this.model.session(client.id).incoming.delete(messageId);
		const answer = `pubcomp ${messageId}`;
		this.step(
			() => {},
			client,
			() => [client.kind.version === 5 ? `${answer} ${known ? 0 : 146}` : answer],
		);
	}

	private wait(): void {
		this.fixture.advance(1);
		this.step(() => this.model.tick());
	}

	/** Who has a session comes back; all read and acknowledge, until nothing moves any more. */
	settle(): void {
		for (const client of this.clients) {
			if (!client.connected && this.model.sessions.has(client.id)) this.connect(client, PLAINLY);
		}
		for (let moved = true; moved; ) {
			moved = false;
			for (const client of this.clients) {
				if (!client.connected) continue;
				if (client.read()) moved = true;
				if (this.acknowledge(client, 1000, false)) moved = true;
			}
		}
		for (const session of this.model.sessions.values()) session.checkDrained();
	}

	/** Everybody leaves for good: nothing is left of sessions and subscriptions, and nothing went wrong inside. */
	end(): void {
		for (const client of this.clients) {
			this.connect(client, { ...PLAINLY, clean: true });
			client.drop();
			this.step(() => this.model.disconnect(client.id));
		}
		for (let i = 0; i < 4; i++) this.wait();
		const { broker, lines } = this.fixture;
		assert.deepEqual([...broker.sessions.keys()].sort(), [...this.model.sessions.keys()].sort());
		assert.equal(broker.tree.count, 0);
		// Retained messages that have expired go now and then.
		this.fixture.advance(60);
		const lasting = [...this.model.retained.values()].filter(({ expiresAt }) => expiresAt === 0);
		assert.equal(broker.retained.count, lasting.length);
		assert.deepEqual(
			lines.filter((line) => line.startsWith("error:")),
			[],
		);
	}
}

interface PublishFields {
	readonly topic: string;
	readonly payload: string;
	readonly qos: number;
	readonly retain: boolean;
	readonly messageId: number;
	readonly properties: { readonly messageExpiryInterval?: number };
}

function willFields({ topic, payload, qos, retain }: Message, delay: number): Fields {
	return { topic, payload, qos, retain, properties: delay === 0 ? {} : { willDelayInterval: delay } };
}
