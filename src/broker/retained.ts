/** Retained messages: the last one of each topic, found by topic filter. */

import type { RetainedSlot } from "../store/entries.ts";
import type { Message } from "./message.ts";
import type { Rights } from "./rights.ts";

/** A level of the tree of topics. */
class Level implements RetainedSlot {
	readonly children = new Map<string, Level>();
	/** Messages of the topic that ends here, and of all below. */
	total = 0;
	message: Message | null = null;
	/** Of who published it; null for the broker itself. */
	source: Rights | null = null;
	row = 0;
	isWritten = false;
}

/** Who is told what is to be written. */
export interface RetainedKeeper {
	changed(slot: RetainedSlot, topic: string): void;
	/** There may be one that is not loaded yet. */
	gone(topic: string): void;
	/** A row that does not count any more. */
	drop(row: number): void;
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
	/** Null while nothing is kept. */
	keeper: RetainedKeeper | null = null;
	/** Topics that have none any more, while not all that were kept are here yet; null when they are. */
	private gone: Set<string> | null = null;

	/** Whether those that were kept are not all here yet. */
	get isLoading(): boolean {
		return this.gone !== null;
	}

	set isLoading(isLoading: boolean) {
		this.gone = isLoading ? new Set() : null;
	}

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

	/** That of a topic; null when there is none. */
	get(topic: string): Retained | null {
		const level = this.level(topic.split("/"));
		return level?.message ? { message: level.message, source: level.source } : null;
	}

	/** Replaces the topic's retained message [MQTT-3.3.1-5]. `isKept`: it is to be there after a restart. */
	set(message: Message, source: Rights | null = null, isKept = false): void {
		const level = this.levelOf(message.topic);
		this.put(level, message, source);
		if (isKept) this.keeper?.changed(level, message.topic);
	}

	/** Takes one that was kept. False when the topic has a later one, or has none any more. */
	load(message: Message, source: Rights | null, row: number): boolean {
		const level = this.levelOf(message.topic);
		// One that came meanwhile, and was written.
		if (level.row === row) return false;
		const isLate = level.row > row || (level.row === 0 && level.message !== null);
		if (isLate || this.gone?.has(message.topic)) {
			this.keeper?.drop(row);
			if (level.message === null) this.take(message.topic);
			return false;
		}
		if (level.row !== 0) this.keeper?.drop(level.row);
		this.put(level, message, source);
		level.row = row;
		level.isWritten = true;
		return true;
	}

	/** The topic had none any more when row `row` was written. */
	dropBefore(topic: string, row: number): void {
		const level = this.levelOf(topic);
		if (level.message !== null && level.row < row) {
			this.keeper?.drop(level.row);
			level.row = 0;
			level.isWritten = false;
			this.take(topic);
		} else if (level.message === null) {
			this.take(topic);
		}
	}

	/** Has all of them written that were. */
	writeAll(): void {
		const found: Level[] = [];
		collectAll(this.root, false, found);
		for (const level of found) if (level.row !== 0) this.keeper?.changed(level, level.message!.topic);
	}

	private levelOf(topic: string): Level {
		let level = this.root;
		for (const name of topic.split("/")) {
			let child = level.children.get(name);
			if (child === undefined) {
				child = new Level();
				level.children.set(name, child);
			}
			level = child;
		}
		return level;
	}

	private put(level: Level, message: Message, source: Rights | null): void {
		if (level.message === null) this.countOne(message.topic.split("/"));
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
		const level = this.take(topic);
		if (this.gone !== null) {
			// A row of the topic that is still to come must not count.
			this.gone.add(topic);
			this.keeper?.gone(topic);
			if (level !== null && level.row !== 0) {
				this.keeper?.drop(level.row);
				level.row = 0;
				level.isWritten = false;
			}
		} else if (level !== null && level.row !== 0) {
			this.keeper?.changed(level, topic);
		}
	}

	/** The level that had it; null when there was none. */
	private take(topic: string): Level | null {
		const names = topic.split("/");
		const path = [this.root];
		for (const name of names) {
			const child = path[path.length - 1]!.children.get(name);
			if (child === undefined) return null;
			path.push(child);
		}
		const leaf = path[path.length - 1]!;
		const was = leaf.message !== null;
		if (leaf.message !== null) {
			if (leaf.message.expiresAt !== 0) this.mortal--;
			leaf.message = null;
			leaf.source = null;
			for (const level of path) level.total--;
		}
		for (let depth = names.length; depth > 0; depth--) {
			const level = path[depth]!;
			if (level.message !== null || level.children.size > 0) break;
			path[depth - 1]!.children.delete(names[depth - 1]!);
		}
		return was ? leaf : null;
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
