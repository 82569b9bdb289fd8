/** Where the retained message of each topic is: a tree of levels, small where little is below a level. */

import { NOWHERE } from "./retained-blocks.ts";

/** What a name leads to: a level, or where nothing is below it, the address of its message. */
export type Child = Level | number;

/** Names that are looked for one after the other; with more, there is a map. */
const FEW = 4;

export class Level {
	/** Of its own message. */
	address = NOWHERE;
	/** Messages of the topic that ends here, and of all below. */
	total = 0;
	/** Null for the root, and for one that is not in the tree any more. */
	up: Level | null;
	/** Name, child, and so on; or more of them. */
	private children: (string | Child)[] | Map<string, Child> | null = null;

	constructor(up: Level | null) {
		this.up = up;
	}

	/** Names. */
	get size(): number {
		const { children } = this;
		return children === null ? 0 : children instanceof Map ? children.size : children.length >> 1;
	}

	get(name: string): Child | undefined {
		const { children } = this;
		if (children === null) return undefined;
		if (children instanceof Map) return children.get(name);
		const at = children.indexOf(name);
		// A name is text, and what it leads to is none.
		return at < 0 ? undefined : (children[at + 1] as Child);
	}

	/** Has a name lead to a child unless it leads to one already, which is returned. */
	add(name: string, child: Child): Child | undefined {
		const { children } = this;
		if (children instanceof Map) {
			const known = children.get(name);
			if (known === undefined) children.set(name, child);
			return known;
		}
		const known = this.get(name);
		if (known === undefined) this.set(name, child);
		return known;
	}

	/** A name keeps its place among the others. */
	set(name: string, child: Child): void {
		const { children } = this;
		if (children === null) {
			this.children = [name, child];
		} else if (children instanceof Map) {
			children.set(name, child);
		} else {
			const at = children.indexOf(name);
			if (at >= 0) children[at + 1] = child;
			else if (children.length < 2 * FEW) children.push(name, child);
			else this.children = mapOf(children).set(name, child);
		}
	}

	delete(name: string): void {
		const { children } = this;
		if (children === null) return;
		if (children instanceof Map) children.delete(name);
		else children.splice(children.indexOf(name), 2);
		if (this.size === 0) this.children = null;
	}

	/** In the order in which they came. Who is in the middle of it may be told of what has gone meanwhile, and of nothing twice. */
	names(): IterableIterator<string> {
		const { children } = this;
		if (children instanceof Map) return children.keys();
		const names: string[] = [];
		for (let at = 0; children !== null && at < children.length; at += 2) names.push(children[at] as string);
		return names.values();
	}
}

function mapOf(pairs: readonly (string | Child)[]): Map<string, Child> {
	const map = new Map<string, Child>();
	for (let at = 0; at < pairs.length; at += 2) map.set(pairs[at] as string, pairs[at + 1] as Child);
	return map;
}

export class RetainedTree {
	readonly root = new Level(null);
	/** Of topics that came one after the other: the levels that their last names are below. */
	private readonly above = new Map<string, Level>();

	/** The address of a topic's message, or NOWHERE. */
	find(topic: string): number {
		const child = this.level(topic.split("/"));
		return child === undefined ? NOWHERE : addressOf(child);
	}

	/** Where the topics begin that begin with these levels; undefined when there are none. */
	level(names: readonly string[]): Child | undefined {
		let child: Child | undefined = this.root;
		for (const name of names) {
			if (child === undefined || typeof child === "number") return undefined;
			child = child.get(name);
		}
		return child;
	}

	/** Notes the address of a topic's message, unless it has one. Returns that, or NOWHERE. */
	add(topic: string, address: number): number {
		return this.note(topic, address, false);
	}

	/** Notes the address of a topic's message, in place of the one that it has. */
	put(topic: string, address: number): void {
		this.note(topic, address, true);
	}

	private note(topic: string, address: number, replaces: boolean): number {
		const slash = topic.lastIndexOf("/");
		const path = slash < 0 ? "" : topic.slice(0, slash);
		const parent = slash < 0 ? this.root : (this.above.get(path) ?? this.make(path));
		const name = slash < 0 ? topic : topic.slice(slash + 1);
		const child = parent.add(name, address);
		if (child !== undefined) {
			const old = addressOf(child);
			if (old !== NOWHERE && !replaces) return old;
			if (typeof child === "number") parent.set(name, address);
			else child.address = address;
			if (old !== NOWHERE) return old;
			if (typeof child !== "number") child.total++;
		}
		for (let level: Level | null = parent; level !== null; level = level.up) level.total++;
		return NOWHERE;
	}

	/** The level of some names, made where there is none. */
	private make(path: string): Level {
		let level = this.root;
		for (const name of path.split("/")) {
			let child = level.get(name);
			if (child === undefined || typeof child === "number") {
				const made: Level = new Level(level);
				if (child !== undefined) {
					made.address = child;
					made.total = 1;
				}
				level.set(name, made);
				child = made;
			}
			level = child;
		}
		this.above.set(path, level);
		return level;
	}

	/** What was done in a row is over. */
	forgetPaths(): void {
		this.above.clear();
	}

	/** Gives `found` the addresses of all messages. */
	all(found: (address: number) => void): void {
		everyOne(this.root, found);
	}

	/** Takes a topic's message out of the tree; returns its address, or NOWHERE. */
	take(topic: string): number {
		const names = topic.split("/");
		const last = names.pop()!;
		const parent = this.level(names);
		if (parent === undefined || typeof parent === "number") return NOWHERE;
		const child = parent.get(last);
		if (child === undefined) return NOWHERE;
		const address = addressOf(child);
		if (address === NOWHERE) return NOWHERE;
		this.above.clear();
		if (typeof child === "number") {
			parent.delete(last);
		} else {
			child.address = NOWHERE;
			child.total--;
		}
		for (let level: Level | null = parent; level !== null; level = level.up) level.total--;
		// Levels with nothing below would add up under ever new topics.
		let level = parent;
		while (level.total === 0 && level.up !== null) {
			const { up }: Level = level;
			up.delete(names.pop()!);
			level.up = null;
			level = up;
		}
		const { up } = level;
		// One that has only its own message is but its address.
		if (up !== null && level.size === 0) {
			up.set(names.pop()!, level.address);
			level.up = null;
		}
		return address;
	}
}

export function addressOf(child: Child): number {
	return typeof child === "number" ? child : child.address;
}

function everyOne(child: Child, found: (address: number) => void): void {
	const address = addressOf(child);
	if (address !== NOWHERE) found(address);
	if (typeof child === "number") return;
	for (const name of child.names()) everyOne(child.get(name)!, found);
}
