/** Retained messages: the last one of each topic, found by topic filter. */

import type { Message } from "./message.ts";

class Level {
	readonly children = new Map<string, Level>();
	message: Message | null = null;
}

export class RetainedMessages {
	private readonly root = new Level();
	count = 0;

	/** Replaces the topic's retained message [MQTT-3.3.1-5]. */
	set(message: Message): void {
		let level = this.root;
		for (const name of message.topic.split("/")) {
			let child = level.children.get(name);
			if (child === undefined) {
				child = new Level();
				level.children.set(name, child);
			}
			level = child;
		}
		if (level.message === null) this.count++;
		level.message = message;
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
		leaf.message = null;
		this.count--;
		for (let depth = names.length; depth > 0; depth--) {
			const level = path[depth]!;
			if (level.message !== null || level.children.size > 0) break;
			path[depth - 1]!.children.delete(names[depth - 1]!);
		}
	}

	/** The retained messages that match a topic filter, oldest topic first; those expired by `now` are removed. */
	match(topicFilter: string, now: number): Message[] {
		const found: Message[] = [];
		collect(this.root, topicFilter.split("/"), 0, found);
		return found.filter((message) => {
			const expired = message.expiresAt !== 0 && message.expiresAt <= now;
			if (expired) this.remove(message.topic);
			return !expired;
		});
	}
}

function collect(level: Level, filter: readonly string[], depth: number, found: Message[]): void {
	if (depth === filter.length) {
		if (level.message !== null) found.push(level.message);
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

function collectAll(level: Level, top: boolean, found: Message[]): void {
	if (level.message !== null) found.push(level.message);
	for (const [name, child] of level.children) {
		if (!top || name.charCodeAt(0) !== 36) collectAll(child, false, found);
	}
}
