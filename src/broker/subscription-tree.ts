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
			group = new SharedGroup();
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

	/** A line for each topic filter: the filter, then `clientId (qos)` of each subscriber. */
	describe(): string[] {
		const lines: string[] = [];
		describeLevel(this.root, "", lines);
		return lines;
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

function describeLevel(level: Level, prefix: string, lines: string[]): void {
	for (const [name, child] of level.children) {
		const topicFilter = prefix + name;
		if (child.subscriptions.size > 0) {
			const who = [...child.subscriptions.values()].map((s) => `${s.session.clientId} (${s.qos})`);
			lines.push(`${topicFilter}: ${who.join(", ")}`);
		}
		for (const [share, group] of child.groups) {
			lines.push(`$share/${share}/${topicFilter}: ${group.describe()}`);
		}
		describeLevel(child, `${topicFilter}/`, lines);
	}
}
