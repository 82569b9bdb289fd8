/** Who subscribed to what: a tree of topic levels. */

import type { Qos } from "../packet/packet.ts";
import type { Session } from "./session.ts";

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

class Level {
	/** By the next level's name; `+` and `#` are among them. */
	readonly children = new Map<string, Level>();
	readonly subscriptions = new Map<Session, Subscription>();
}

export class SubscriptionTree {
	private readonly root = new Level();
	/** Subscriptions of all sessions. */
	count = 0;

	/** Adds, or replaces the session's subscription to the same topic filter ([MQTT-3.8.4-3]). */
	add(subscription: Subscription): void {
		let level = this.root;
		for (const name of subscription.topicFilter.split("/")) {
			let child = level.children.get(name);
			if (child === undefined) {
				child = new Level();
				level.children.set(name, child);
			}
			level = child;
		}
		if (!level.subscriptions.has(subscription.session)) this.count++;
		level.subscriptions.set(subscription.session, subscription);
	}

	/** Whether there was such a subscription. Levels that became empty go. */
	remove(session: Session, topicFilter: string): boolean {
		const names = topicFilter.split("/");
		const path = [this.root];
		for (const name of names) {
			const child = path[path.length - 1]!.children.get(name);
			if (child === undefined) return false;
			path.push(child);
		}
		if (!path[path.length - 1]!.subscriptions.delete(session)) return false;
		for (let depth = names.length; depth > 0; depth--) {
			const level = path[depth]!;
			if (level.subscriptions.size > 0 || level.children.size > 0) break;
			path[depth - 1]!.children.delete(names[depth - 1]!);
		}
		this.count--;
		return true;
	}

	/** Every subscription that matches a topic name. */
	match(topic: string): Subscription[] {
		const found: Subscription[] = [];
		const names = topic.split("/");
		// A filter that begins with a wildcard does not match a topic that begins with $ [MQTT-4.7.2-1].
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

function collect(
	level: Level,
	names: readonly string[],
	depth: number,
	wildcards: boolean,
	found: Subscription[],
): void {
	if (wildcards) {
		const rest = level.children.get("#");
		if (rest !== undefined) for (const subscription of rest.subscriptions.values()) found.push(subscription);
	}
	if (depth === names.length) {
		for (const subscription of level.subscriptions.values()) found.push(subscription);
		return;
	}
	const exact = level.children.get(names[depth]!);
	if (exact !== undefined) collect(exact, names, depth + 1, true, found);
	if (wildcards) {
		const any = level.children.get("+");
		if (any !== undefined) collect(any, names, depth + 1, true, found);
	}
}

function describeLevel(level: Level, prefix: string, lines: string[]): void {
	for (const [name, child] of level.children) {
		const topicFilter = prefix + name;
		if (child.subscriptions.size > 0) {
			const who = [...child.subscriptions.values()].map((s) => `${s.session.clientId} (${s.qos})`);
			lines.push(`${topicFilter}: ${who.join(", ")}`);
		}
		describeLevel(child, `${topicFilter}/`, lines);
	}
}
