/** Who subscribed to what: a tree of topic levels. */

import type { Qos } from "../packet/packet.ts";
import type { Session } from "./session.ts";
import { parseShared, SharedGroup } from "./shared.ts";

/** One session's subscription to one topic filter. */
export class Subscription {
	readonly session: Session;
	readonly topicFilter: string;
	readonly qos: Qos;
	readonly noLocal: boolean;
	readonly retainAsPublished: boolean;
	/** Subscription identifier; 0 is none. */
	readonly identifier: number;

	constructor(
		session: Session,
		topicFilter: string,
		qos: Qos,
		noLocal: boolean,
		retainAsPublished: boolean,
		identifier: number,
	) {
		this.session = session;
		this.topicFilter = topicFilter;
		this.qos = qos;
		this.noLocal = noLocal;
		this.retainAsPublished = retainAsPublished;
		this.identifier = identifier;
	}
}

/** On what terms a session has a subscription. */
export type SubscriptionFacts = Pick<
	Subscription,
	"session" | "qos" | "noLocal" | "retainAsPublished" | "identifier"
>;

/** What a topic name matches. */
export interface Matches {
	readonly subscriptions: Subscription[];
	readonly groups: SharedGroup[];
}

class Level {
	/** By the next level's name; `+` and `#` are among them. */
	readonly children = new Map<string, Level>();
	readonly subscriptions = new Map<Session, Subscription>();
	/** Shared subscriptions, by share name. */
	readonly groups = new Map<string, SharedGroup>();

	get unused(): boolean {
		return this.subscriptions.size === 0 && this.groups.size === 0 && this.children.size === 0;
	}
}

export class SubscriptionTree {
	private readonly root = new Level();
	/** Subscriptions of all sessions, shared ones among them. */
	count = 0;
	sharedCount = 0;

	/** Adds, or replaces the session's subscription to the same topic filter ([MQTT-3.8.4-3]; 3.1.1: [MQTT-3.8.4-3]). */
	add(subscription: Subscription): void {
		const { session } = subscription;
		const shared = parseShared(subscription.topicFilter);
		let level = this.root;
		for (const name of (shared?.topicFilter ?? subscription.topicFilter).split("/")) {
			let child = level.children.get(name);
			if (child === undefined) {
				child = new Level();
				level.children.set(name, child);
			}
			level = child;
		}
		if (shared === null) {
			if (!level.subscriptions.has(session)) this.count++;
			level.subscriptions.set(session, subscription);
			return;
		}
		let group = level.groups.get(shared.name);
		if (group === undefined) {
			group = new SharedGroup(subscription.topicFilter);
			level.groups.set(shared.name, group);
		}
		if (!group.has(session)) {
			this.count++;
			this.sharedCount++;
		}
		group.join(subscription);
	}

	/**
	 * Whether there was such a subscription, to the very filter ([MQTT-3.10.4-1]; 3.1.1: [MQTT-3.10.4-1]). Levels that
	 * became empty go.
	 */
	remove(session: Session, topicFilter: string): boolean {
		const shared = parseShared(topicFilter);
		const names = (shared?.topicFilter ?? topicFilter).split("/");
		const path = [this.root];
		for (const name of names) {
			const child = path[path.length - 1]!.children.get(name);
			if (child === undefined) return false;
			path.push(child);
		}
		const leaf = path[path.length - 1]!;
		const removed =
			shared === null ? leaf.subscriptions.delete(session) : leaveGroup(leaf, shared.name, session);
		if (!removed) return false;
		for (let depth = names.length; depth > 0 && path[depth]!.unused; depth--) {
			path[depth - 1]!.children.delete(names[depth - 1]!);
		}
		this.count--;
		if (shared !== null) this.sharedCount--;
		return true;
	}

	/** A session's subscription to that very filter; undefined when there is none. */
	find(session: Session, topicFilter: string): SubscriptionFacts | undefined {
		const shared = parseShared(topicFilter);
		let level: Level | undefined = this.root;
		for (const name of (shared?.topicFilter ?? topicFilter).split("/")) level = level?.children.get(name);
		if (shared === null) return level?.subscriptions.get(session);
		return level?.groups.get(shared.name)?.memberOf(session);
	}

	/** The shared subscription of that topic filter, with `$share/NAME/`; null when there is none. */
	findGroup(topicFilter: string): SharedGroup | null {
		const shared = parseShared(topicFilter);
		if (shared === null) return null;
		let level: Level | undefined = this.root;
		for (const name of shared.topicFilter.split("/")) {
			level = level.children.get(name);
			if (level === undefined) return null;
		}
		return level.groups.get(shared.name) ?? null;
	}

	/** Whether there are subscriptions whose first level is `name`. */
	hasBelow(name: string): boolean {
		return this.root.children.has(name);
	}

	/** Everything that matches a topic name. */
	match(topic: string): Matches {
		const found: Matches = { subscriptions: [], groups: [] };
		const names = topic.split("/");
		// A filter that begins with a wildcard does not match a topic that begins with $.
		// [MQTT-4.7.2-1] (3.1.1: [MQTT-4.7.2-1])
		collect(this.root, names, 0, topic.charCodeAt(0) !== 36, found);
		return found;
	}

	/**
	 * The tree as mosquitto prints it: a line for each level, indented, with `(clientId, qos)` of each subscriber. First
	 * what is not shared, then what is. A tree has a root for each first level that begins with `$` and one without a
	 * name for all others, and each root is its own first level.
	 */
	describe(): string[] {
		return [...this.describeTree(false, ["", "$SYS"]), ...this.describeTree(true, [""])];
	}

	private describeTree(shared: boolean, always: readonly string[]): string[] {
		const roots = new Map<string, string[]>(always.map((name) => [name, []]));
		for (const [name, child] of this.root.children) {
			const isOwnRoot = name.startsWith("$");
			const lines = describeLevel(name, child, isOwnRoot ? 1 : 2, shared);
			if (lines.length === 0) continue;
			const rootName = isOwnRoot ? name : "";
			const root = roots.get(rootName) ?? [];
			roots.set(rootName, root);
			if (!isOwnRoot && root.length === 0) root.push(indent("", 1));
			root.push(...lines);
		}
		return [...roots].flatMap(([name, lines]) => [indent(name, 0), ...lines]);
	}
}

function leaveGroup(level: Level, name: string, session: Session): boolean {
	const group = level.groups.get(name);
	if (!group?.leave(session)) return false;
	if (group.size === 0) level.groups.delete(name);
	return true;
}

function collect(
	level: Level,
	names: readonly string[],
	depth: number,
	wildcards: boolean,
	found: Matches,
): void {
	if (wildcards) {
		const rest = level.children.get("#");
		if (rest !== undefined) take(rest, found);
	}
	if (depth === names.length) {
		take(level, found);
		return;
	}
	// Names are compared as they are: [MQTT-4.7.3-4], 3.1.1: [MQTT-4.7.3-4].
	const exact = level.children.get(names[depth]!);
	if (exact !== undefined) collect(exact, names, depth + 1, true, found);
	if (wildcards) {
		// 3.1.1: [MQTT-3.8.3-2]
		const any = level.children.get("+");
		if (any !== undefined) collect(any, names, depth + 1, true, found);
	}
}

function take(level: Level, found: Matches): void {
	for (const subscription of level.subscriptions.values()) found.subscriptions.push(subscription);
	for (const group of level.groups.values()) found.groups.push(group);
}

/** The level and all below it; nothing when there is no subscription of that kind. */
function describeLevel(name: string, level: Level, depth: number, shared: boolean): string[] {
	const below = [...level.children].flatMap(([child, next]) => describeLevel(child, next, depth + 1, shared));
	const who = shared
		? [...level.groups].map(([share, group]) => ` $share/${share} ${group.describe()}`)
		: [...level.subscriptions.values()].map(({ session, qos }) => ` (${session.clientId}, ${qos})`);
	return below.length + who.length === 0 ? [] : [indent(name, depth) + who.join(""), ...below];
}

function indent(name: string, depth: number): string {
	return " ".repeat(4 + 2 * depth) + name;
}
