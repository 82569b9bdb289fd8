/** What the owner can see of a running broker, and do to it: one thing at a time, so that nothing takes long. */

import type { TlsFacts } from "../host/host.ts";
import { MqttError, PublishView, type Qos, Reason, type Will } from "../packet/packet.ts";
import { NEVER_EXPIRES } from "../store/records.ts";
import type { Broker } from "./broker.ts";
import { Client } from "./client.ts";
import { LocalSubscriber } from "./local-subscriber.ts";
import type { Message } from "./message.ts";
import type { RetainedLevel } from "./retained.ts";
import type { Access } from "./rights.ts";
import { isReserved } from "./routes.ts";
import type { Session } from "./session.ts";
import type { ListenerSettings } from "./settings.ts";
import type { SubscriptionFacts } from "./subscription-tree.ts";
import { NO_RULES, RESERVED, type Verdict } from "./verdict.ts";
import type { ClientWatcher } from "./watcher.ts";
import type { Work } from "./work.ts";

/** What the store takes of the disk: octets, and transactions since the start. */
export interface DiskUse {
	readonly written: number;
	/** Of `written`, since midnight (UTC). */
	readonly today: number;
	/** Of the database with its log. */
	readonly size: number;
	readonly commits: number;
}

/** Numbers that are known without counting. */
export interface BrokerCounts {
	readonly uptime: number;
	readonly connected: number;
	/** Sessions, connected or not. */
	readonly sessions: number;
	/** The most sessions there were at once, and those that ended as their client stayed away. */
	readonly sessionsMaximum: number;
	readonly sessionsExpired: number;
	readonly subscriptions: number;
	readonly sharedSubscriptions: number;
	readonly retained: number;
	readonly memoryScarce: boolean;
}

/** A client as the owner sees it: its session, and its connection while there is one. */
export interface ClientFacts {
	readonly id: string;
	/** Null for an anonymous client. */
	readonly user: string | null;
	readonly listener: ListenerSettings | null;
	readonly subscriptions: number;
	/** Messages that wait, and that are in flight. */
	readonly queued: number;
	readonly inflight: number;
	/** Seconds that the session outlives its connection; -1 is for ever. */
	readonly expiry: number;
	/** When it connected or went away: seconds since 1970. */
	readonly since: number;
	/** Null while it is away. */
	readonly connection: ConnectionFacts | null;
}

export interface ConnectionFacts {
	/** Empty for a unix socket. */
	readonly address: string;
	readonly port: number;
	/** Protocol level: 3 to 5. */
	readonly version: number;
	readonly cleanStart: boolean;
	readonly keepAlive: number;
	readonly tls: TlsFacts | null;
	readonly will: Will | null;
	readonly receiveMaximum: number;
	readonly maximumPacketSize: number;
}

export class Administration {
	private readonly broker: Broker;
	private readonly began: number;
	private readonly view = new PublishView();

	constructor(broker: Broker) {
		this.broker = broker;
		this.began = broker.seconds;
	}

	counts(): BrokerCounts {
		const { broker } = this;
		const { statistics, tree } = broker;
		return {
			uptime: broker.seconds - this.began,
			connected: broker.connected,
			sessions: broker.sessions.size,
			sessionsMaximum: statistics.clientsMaximum,
			sessionsExpired: statistics.clientsExpired,
			subscriptions: tree.count,
			sharedSubscriptions: tree.sharedCount,
			retained: broker.retained.count,
			memoryScarce: broker.memoryScarce,
		};
	}

	/** What the store takes of the disk; null when nothing outlives the process. */
	disk(): DiskUse | null {
		const usage = this.broker.keeper?.store.usage;
		if (usage === undefined) return null;
		const { written, writtenToday, fileSize, logSize, commits } = usage;
		return { written, today: writtenToday, size: fileSize + logSize, commits };
	}

	/** Connections of a listener. */
	connectionsOn(listener: ListenerSettings): number {
		return this.broker.connectionsOn(listener);
	}

	// Clients.

	/** All sessions, the oldest first. */
	sessions(): IterableIterator<Session> {
		return this.broker.sessions.values();
	}

	session(clientId: string): Session | undefined {
		return this.broker.sessions.get(clientId);
	}

	facts(session: Session): ClientFacts {
		const { broker } = this;
		const { link, expiryInterval } = session;
		const client = link instanceof Client ? link : null;
		return {
			id: session.clientId,
			user: session.rights?.username ?? null,
			listener: session.listener,
			subscriptions: session.subscriptions.size,
			queued: session.queued,
			inflight: session.unacknowledged,
			expiry: expiryInterval === NEVER_EXPIRES ? -1 : expiryInterval,
			since: Math.floor(broker.host.clock.now() / 1000) - (broker.seconds - session.since),
			connection: client === null ? null : connectionFacts(client),
		};
	}

	/** Address of its connection; null without one, empty for a unix socket. */
	addressOf({ link }: Session): string | null {
		return link === null ? null : link.connection.remoteAddress;
	}

	subscription(session: Session, topicFilter: string): SubscriptionFacts | undefined {
		return this.broker.tree.find(session, topicFilter);
	}

	/** Ends its connection, if there is one, and with `forget` its session. Returns whether there was a connection. */
	end(session: Session, forget: boolean): boolean {
		const { broker } = this;
		const { link } = session;
		if (forget) session.expiryInterval = 0;
		if (link instanceof Client) {
			broker.clientFailed(link, new MqttError(Reason.ADMINISTRATIVE_ACTION, "the owner has ended it"));
			return true;
		}
		if (forget) broker.endSession(session);
		return false;
	}

	/** Says who is told of clients; null for nobody. */
	watch(watcher: ClientWatcher | null): void {
		this.broker.watcher = watcher;
	}

	/** Whether the rules of a listener allow something, and which one says so. `username` is null for an anonymous client. */
	*explain(
		{ access: rules }: Pick<ListenerSettings, "access">,
		access: Access,
		topic: string,
		clientId: string,
		username: string | null,
	): Work<Verdict> {
		if (access === "write" && isReserved(topic) && !this.broker.control.has(topic)) return RESERVED;
		if (rules === null) return NO_RULES;
		return yield* rules.explain(access, topic, clientId, username);
	}

	// Messages.

	/** Retained messages by level; undefined where there are none. */
	retained(names: readonly string[]): RetainedLevel | undefined {
		return this.broker.retained.level(names);
	}

	/** A subscriber of the program's own, without subscriptions yet. */
	subscriber(name: string, take: (message: Message) => void): LocalSubscriber {
		return new LocalSubscriber(this.broker, name, take);
	}

	/** Whether a retained message is none any more. */
	hasExpired({ expiresAt }: { readonly expiresAt: number }): boolean {
		return expiresAt !== 0 && expiresAt <= this.broker.seconds;
	}

	/** Seconds until a message expires; null when it does not. */
	expiresIn({ expiresAt }: { readonly expiresAt: number }): number | null {
		return expiresAt === 0 ? null : expiresAt - this.broker.seconds;
	}

	/**
	 * Publishes as the broker itself, on behalf of the owner. Returns to how many it went. Throws an MqttError for what is
	 * no topic name, or one that belongs to the broker. `publisher`: whose own subscriptions get nothing of it.
	 */
	publish(
		topic: string,
		payload: Uint8Array,
		qos: Qos,
		retain: boolean,
		publisher: Session | null = null,
	): number {
		const { broker, view } = this;
		const bytes = broker.host.utf8.encode(topic);
		if (bytes.length > 65535) throw new MqttError(Reason.TOPIC_NAME_INVALID, "the topic name is too long");
		const route = broker.routes.get(bytes, 0, bytes.length);
		if (route.reserved) throw new MqttError(Reason.NOT_AUTHORIZED, "the topic is one of the broker's own");
		const { retainAvailable, messageSizeLimit } = broker.settings;
		if (retain && !retainAvailable) {
			throw new MqttError(Reason.RETAIN_NOT_SUPPORTED, "retained messages are not available");
		}
		if (messageSizeLimit !== 0 && payload.length > messageSizeLimit) {
			throw new MqttError(Reason.PACKET_TOO_LARGE, "the payload is longer than message_size_limit");
		}
		view.qos = qos;
		view.retain = retain;
		view.payloadStart = 0;
		view.payloadEnd = payload.length;
		broker.publication.begin(route, payload, view, null, 0, broker.seconds);
		return broker.distribute(broker.publication, route, publisher);
	}
}

function connectionFacts(client: Client): ConnectionFacts {
	const { remoteAddress, remotePort, tls } = client.connection;
	return {
		address: remoteAddress,
		port: remotePort,
		version: client.version,
		cleanStart: client.cleanStart,
		keepAlive: client.keepAlive,
		tls,
		will: client.will,
		receiveMaximum: client.receiveMaximum,
		maximumPacketSize: client.maximumPacketSize,
	};
}
