/** Topic name to subscribers, worked out once for each topic and remembered until subscriptions change. */

import type { ByteMap, Connection } from "../host/host.ts";
import { hasUnwanted, isValidTopicName, MqttError, Reason } from "../packet/packet.ts";
import type { FrameLevel } from "./constants.ts";
import { Delivery } from "./delivery.ts";
import { LimitError } from "./limits.ts";
import type { Link } from "./link.ts";
import type { Topic } from "./message.ts";
import type { Rights } from "./rights.ts";
import type { Session } from "./session.ts";
import type { BrokerHost } from "./settings.ts";
import type { SharedGroup } from "./shared.ts";
import { NO_ROLE, type SparkplugRole, sparkplugRole } from "./sparkplug-topic.ts";
import type { Subscription, SubscriptionTree } from "./subscription-tree.ts";

/** Topics remembered at once; a publisher of ever new topics cannot make the broker grow. */
const CACHE_LIMIT = 4096;
/** Publishers of one topic that are remembered. */
const WRITERS_LIMIT = 64;
/** Levels of a topic name or filter at most, as mosquitto has it. */
export const MAXIMUM_LEVELS = 200;

/**
 * How QoS 0 frames of one protocol level go on, as they are: to these connections at once; what `rest` names needs a
 * look at each (another encoding, another QoS, a session without connection or with one that does not keep up).
 */
export class Forwarding {
	readonly links: readonly Link[];
	/** Of the same links, in the same order. */
	readonly connections: readonly Connection[];
	/** The connection when there is just one: the frequent case. */
	readonly only: Connection | null;
	/** Null when there are none. */
	readonly rest: readonly Delivery[] | null;

	constructor(links: readonly Link[], rest: readonly Delivery[]) {
		this.links = links;
		this.connections = links.map((link) => link.connection);
		this.only = links.length === 1 ? links[0]!.connection : null;
		this.rest = rest.length === 0 ? null : rest;
	}
}

/** A topic name and where messages to it go. */
export class Route implements Topic {
	readonly topic: string;
	readonly topicBytes: Uint8Array;
	/** Topics that clients do not publish to. */
	readonly reserved: boolean;
	/** What the topic is to a Sparkplug aware listener without mount point. */
	readonly role: SparkplugRole;
	/** Of the routes when what follows was worked out. */
	generation = 0;
	deliveries: readonly Delivery[] = [];
	/** Of them, the one that there is, when it asks for nothing but topic and QoS: the frequent case. */
	only: Delivery | null = null;
	/** Shared subscriptions: one copy to each group. */
	groups: readonly SharedGroup[] = [];
	/** For frames of 3.1 and 3.1.1, and for those of 5.0; null when each message needs a closer look. */
	forwarding: Forwarding | null = null;
	forwarding5: Forwarding | null = null;
	/** Whether QoS 1 and 2 frames can go the short way: nobody needs a closer look at each, and nothing is kept of them. */
	tracks = false;
	/** Whether something of QoS 1 and 2 messages is to be kept in the store. */
	keeps = false;

	/** Who was found to be allowed to publish to it: the last one, and others. */
	writer: Rights | null = null;
	private readonly writers = new Set<Rights>();

	constructor(topic: string, topicBytes: Uint8Array) {
		this.topic = topic;
		this.topicBytes = topicBytes;
		this.reserved = topic.startsWith("$") && isReserved(topic);
		this.role = sparkplugRole(topic);
	}

	/** Whether a client with these rights may publish to it. Asked for each message: what was found is remembered. */
	admits(rights: Rights): boolean {
		if (this.writer === rights) return true;
		if (!this.writers.has(rights)) {
			if (!rights.mayWrite(this.topic)) return false;
			if (this.writers.size >= WRITERS_LIMIT) this.writers.clear();
			this.writers.add(rights);
		}
		this.writer = rights;
		return true;
	}
}

/**
 * `$SYS` and `$CONTROL` are the broker's, and `$share` is no topic. Bridges of other brokers, though, say in `$SYS` what
 * state they are in.
 */
export function isReserved(topic: string): boolean {
	const slash = topic.indexOf("/");
	const first = slash < 0 ? topic : topic.slice(0, slash);
	if (first === "$SYS") return !(topic.startsWith("$SYS/broker/connection/") && topic.endsWith("/state"));
	return first === "$CONTROL" || (first === "$share" && slash > 0);
}

export class Routes {
	/** Changes whenever what was worked out may be stale. */
	generation = 1;
	private readonly host: Pick<BrokerHost, "utf8">;
	private readonly tree: SubscriptionTree;
	/** Routes by topic name; one whose generation is not this one's is stale. */
	readonly cache: ByteMap<Route>;

	constructor(host: BrokerHost, tree: SubscriptionTree) {
		this.host = host;
		this.tree = tree;
		this.cache = host.createByteMap<Route>();
	}

	/**
	 * Says that subscriptions have changed, or what connections of subscribers can take: everything is worked out
	 * anew when it is needed next.
	 */
	invalidate(): void {
		this.generation = this.generation === 0x3fff_ffff ? 1 : this.generation + 1;
	}

	/** Says that rights have changed: what was found out about them is forgotten. */
	forget(): void {
		this.cache.clear();
		this.invalidate();
	}

	/** The route of the topic name in `bytes[start, end)`. Throws MqttError MALFORMED_PACKET when it is none. */
	get(bytes: Uint8Array, start: number, end: number): Route {
		const route = this.cache.get(bytes, start, end);
		if (route === undefined) return this.refresh(this.create(bytes, start, end));
		return route.generation === this.generation ? route : this.refresh(route);
	}

	/** Brings a route that was kept aside (a topic alias) up to date. */
	refresh(route: Route): Route {
		if (route.generation !== this.generation) {
			route.generation = this.generation;
			const { subscriptions, groups } = this.tree.match(route.topic); // [MQTT-3.3.2-3] (3.1.1: [MQTT-3.3.2-3])
			route.deliveries = mergeOverlaps(subscriptions.filter(({ session }) => mayRead(session, route.topic)));
			const [first] = route.deliveries;
			route.only = first?.isPlain && route.deliveries.length === 1 ? first : null;
			route.groups = groups;
			const special = route.reserved || route.role !== NO_ROLE || groups.length > 0;
			route.forwarding = special ? null : forwarding(route.deliveries, 3);
			route.forwarding5 = special ? null : forwarding(route.deliveries, 5);
			route.keeps =
				route.deliveries.some(({ session, qos }) => session.entry !== null && qos > 0) ||
				groups.some(({ isKept }) => isKept);
			route.tracks = !special && !route.keeps;
		}
		return route;
	}

	private create(bytes: Uint8Array, start: number, end: number): Route {
		const topic = this.host.utf8.decode(bytes, start, end);
		if (topic === null) {
			throw new MqttError(Reason.MALFORMED_PACKET, "PUBLISH: the topic name is not well-formed UTF-8");
		}
		if (!isValidTopicName(topic)) {
			throw new MqttError(Reason.MALFORMED_PACKET, "PUBLISH: invalid topic name"); // [MQTT-3.3.2-2]
		}
		if (hasUnwanted(topic)) {
			throw new MqttError(Reason.MALFORMED_PACKET, "PUBLISH: control characters in the topic name");
		}
		if (levelCount(topic) > MAXIMUM_LEVELS) {
			throw tooManyLevels("PUBLISH");
		}
		const route = new Route(topic, bytes.slice(start, end));
		if (this.cache.size >= CACHE_LIMIT) this.cache.clear();
		this.cache.set(bytes, start, end, route);
		return route;
	}
}

/** Sorts out who can be sent a QoS 0 frame of that level without further ado. */
function forwarding(deliveries: readonly Delivery[], level: FrameLevel): Forwarding {
	const links: Link[] = [];
	const rest: Delivery[] = [];
	for (const delivery of deliveries) {
		const { link } = delivery.session;
		if (link?.takesFrames && link.level === level && delivery.isPlain) links.push(link);
		else rest.push(delivery);
	}
	return new Forwarding(links, rest);
}

function mayRead({ rights }: Session, topic: string): boolean {
	return rights === null || rights.mayRead(topic);
}

/** The error for a topic deeper than MAXIMUM_LEVELS. */
export function tooManyLevels(packetName: string): LimitError {
	const text = `${packetName}: more than ${MAXIMUM_LEVELS} topic levels`;
	return new LimitError("topic_levels", Reason.MALFORMED_PACKET, text);
}

export function levelCount(topic: string): number {
	let levels = 1;
	for (let i = topic.indexOf("/"); i >= 0; i = topic.indexOf("/", i + 1)) levels++;
	return levels;
}

/**
 * Subscriptions of one session that overlap give one delivery with the highest QoS of them ([MQTT-3.3.4-2];
 * 3.1.1: [MQTT-3.3.5-1]); those with an identifier give one each, so that every identifier arrives ([MQTT-3.3.4-4],
 * [MQTT-3.3.4-5]).
 */
function mergeOverlaps(subscriptions: readonly Subscription[]): Delivery[] {
	const deliveries: Delivery[] = [];
	const plain = new Map<Session, number>();
	for (const s of subscriptions) {
		const at = s.identifier === 0 ? plain.get(s.session) : undefined;
		if (at !== undefined) {
			deliveries[at] = merge(deliveries[at]!, deliveryOf(s));
			continue;
		}
		if (s.identifier === 0) plain.set(s.session, deliveries.length);
		deliveries.push(deliveryOf(s));
	}
	return deliveries;
}

function deliveryOf({ session, qos, noLocal, retainAsPublished, identifier }: Subscription): Delivery {
	return new Delivery(session, qos, noLocal, retainAsPublished, identifier);
}

/** One delivery for two of a session. Those with no local have no say in what its own messages get. */
function merge(a: Delivery, b: Delivery): Delivery {
	const qos = a.qos > b.qos ? a.qos : b.qos;
	const retainAsPublished = a.retainAsPublished || b.retainAsPublished;
	const { session } = a;
	const ownA = a.termsFor(session);
	const ownB = b.termsFor(session);
	const noLocal = a.noLocal || b.noLocal;
	const own = !noLocal ? null : ownA === null ? ownB : ownB === null ? ownA : merge(ownA, ownB);
	return new Delivery(session, qos, noLocal, retainAsPublished, 0, null, own);
}
