/** Retained messages: the last one of each topic, found by topic filter. */

import type { Message } from "./message.ts";
import type { Rights } from "./rights.ts";

/** A level of the tree of topics. */
class Level {
	readonly children = new Map<string, Level>();
	/** Messages of the topic that ends here, and of all below. */
	total = 0;
	message: Message | null = null;
	/** Of who published it; null for the broker itself. */
	source: Rights | null = null;
}

/** A level as those see it who look around. */
export interface RetainedLevel {
	readonly children: ReadonlyMap<string, RetainedLevel>;
	readonly total: number;
	readonly message: Message | null;
	readonly source: Rights | null;
}

/** A retained message, and the rights of its publisher; null for the broker itself. */
export interface Retained {
	readonly message: Message;
	readonly source: Rights | null;
}

export class RetainedMessages {
	private readonly root = new Level();

	/** How many of them expire. */
	private mortal = 0;

	get count(): number {
		return this.root.total;
	}

	/** Where the topics begin that begin with these levels; undefined when there are none. */
	level(names: readonly string[]): RetainedLevel | undefined {
		let level: Level | undefined = this.root;
		for (const name of names) level = level?.children.get(name);
		return level;
	}

	/** Replaces the topic's retained message [MQTT-3.3.1-5]. */
	set(message: Message, source: Rights | null = null): void {
		const names = message.topic.split("/");
		let level = this.root;
		for (const name of names) {
			let child = level.children.get(name);
			if (child === undefined) {
				child = new Level();
				level.children.set(name, child);
			}
			level = child;
		}
		if (level.message === null) this.countOne(names);
		else if (level.message.expiresAt !== 0) this.mortal--;
		level.message = message;
		level.source = source;
		if (message.expiresAt !== 0) this.mortal++;
	}

	/** One more along a path. */
	private countOne(names: readonly string[]): void {
		let level = this.root;
		level.total++;
		for (const name of names) {
			level = level.children.get(name)!;
			level.total++;
		}
	}

	/** Removes the topic's retained message, if there is one [MQTT-3.3.1-6]. */
	remove(topic: string): void {
		const names = topic.split("/");
		const path = [this.root];
		for (const name of names) {
			const child = path[path.length - 1]!.children.get(name);
			if (child === undefined) return;
			path.push(child);
		}
		const leaf = path[path.length - 1]!;
		if (leaf.message === null) return;
		if (leaf.message.expiresAt !== 0) this.mortal--;
		leaf.message = null;
		leaf.source = null;
		for (const level of path) level.total--;
		for (let depth = names.length; depth > 0; depth--) {
			const level = path[depth]!;
			if (level.message !== null || level.children.size > 0) break;
			path[depth - 1]!.children.delete(names[depth - 1]!);
		}
	}

	/** All of them. */
	all(): Message[] {
		const found: Level[] = [];
		collectAll(this.root, false, found);
		return found.map((level) => level.message!);
	}

	/** The retained messages that match a topic filter, oldest topic first; those expired by `now` are removed. */
	match(topicFilter: string, now: number): Retained[] {
		const found: Level[] = [];
		collect(this.root, topicFilter.split("/"), 0, found);
		const messages: Retained[] = [];
		for (const level of found) {
			const message = level.message!;
			if (hasExpired(message, now)) this.remove(message.topic);
			else messages.push({ message, source: level.source });
		}
		return messages;
	}

	/** Removes all that expired by `now`. */
	removeExpired(now: number): void {
		if (this.mortal === 0) return;
		const found: Level[] = [];
		collectAll(this.root, false, found);
		for (const { message } of found) if (hasExpired(message!, now)) this.remove(message!.topic);
	}
}

function hasExpired({ expiresAt }: Message, now: number): boolean {
	return expiresAt !== 0 && expiresAt <= now;
}

function collect(level: Level, filter: readonly string[], depth: number, found: Level[]): void {
	if (depth === filter.length) {
		if (level.message !== null) found.push(level);
		return;
	}
	const name = filter[depth]!;
	if (name === "#") {
		collectAll(level, depth === 0, found);
	} else if (name === "+") {
		for (const [childName, child] of level.children) {
			// Wildcards at the beginning do not match topics that begin with $ [MQTT-4.7.2-1].
			if (depth > 0 || childName.charCodeAt(0) !== 36) collect(child, filter, depth + 1, found);
		}
	} else {
		const child = level.children.get(name);
		if (child !== undefined) collect(child, filter, depth + 1, found);
	}
}

function collectAll(level: Level, top: boolean, found: Level[]): void {
	if (level.message !== null) found.push(level);
	for (const [name, child] of level.children) {
		if (!top || name.charCodeAt(0) !== 36) collectAll(child, false, found);
	}
}
