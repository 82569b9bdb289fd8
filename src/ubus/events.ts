/** Events that everybody may hear: which ones we listen to. One object of ours receives them all. */

import { type Bus, guard, OwnObject, request, Trouble } from "./bus.ts";
import type { Invocation } from "./invocation.ts";
import type { Link } from "./link.ts";
import { EVENT_OBJECT, MessageType } from "./message.ts";
import { Status } from "./status.ts";
import type { UbusTable } from "./value.ts";

/** What ubusd tells of objects with a path. */
export const OBJECT_EVENTS = "ubus.object.*";

/** Called with an event's name and data. */
export type EventHandler = (event: string, data: UbusTable) => void;

/** Whether `name` is what a pattern means: only a `*` at its end is special. */
export function matchesPattern(pattern: string, name: string): boolean {
	return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

interface Listening {
	readonly pattern: string;
	readonly handler: EventHandler;
}

export class Events {
	private readonly bus: Bus;
	private readonly trouble: Trouble;
	private readonly listenings = new Set<Listening>();
	private own: OwnObject;
	/** Patterns asked for on this connection, and whether ubusd has agreed. */
	private readonly asked = new Map<string, boolean>();

	constructor(bus: Bus) {
		this.bus = bus;
		this.trouble = new Trouble(bus.log);
		this.own = this.receiver();
	}

	/** Returns what ends it. */
	listen(pattern: string, handler: EventHandler): () => void {
		const listening: Listening = { pattern, handler };
		this.listenings.add(listening);
		if (this.bus.link !== null) this.restore(this.bus.link);
		return () => {
			this.listenings.delete(listening);
			if (this.listenings.size > 0) return;
			// ubusd knows no end of a pattern but that of its object.
			this.own.remove();
			this.own = this.receiver();
			this.asked.clear();
		};
	}

	/** Whether events that match `pattern` come. */
	hears(pattern: string): boolean {
		return this.own.id !== null && this.asked.get(pattern) === true;
	}

	/** Asks for what was not asked for on this connection. */
	restore(link: Link): void {
		if (this.listenings.size === 0) return;
		if (!this.own.isUnderWay) {
			this.asked.clear();
			this.own.add(link, (error) => {
				if (error === null) this.restore(link);
				else this.refused(error.message);
			});
			return;
		}
		const { id } = this.own;
		if (id === null) return;
		for (const { pattern } of this.listenings) {
			if (!this.asked.has(pattern)) this.ask(link, this.own, id, pattern);
		}
	}

	private ask(link: Link, own: OwnObject, objectId: number, pattern: string): void {
		this.asked.set(pattern, false);
		// The number of an object is an int32 here, though it is one without sign.
		const data = { object: objectId | 0, pattern };
		const attributes = { objectId: EVENT_OBJECT, method: "register", data };
		request(
			link,
			`listening to ${pattern}`,
			MessageType.INVOKE,
			attributes,
			(error) => {
				if (own !== this.own) return;
				if (error === null) {
					this.asked.set(pattern, true);
					this.trouble.clear();
				} else {
					this.asked.delete(pattern);
					this.refused(error.message);
				}
			},
			EVENT_OBJECT,
		);
	}

	private refused(text: string): void {
		this.trouble.report(text);
		this.bus.retryLater();
	}

	private receiver(): OwnObject {
		return new OwnObject(
			this.bus,
			null,
			{},
			{
				onInvocation: (invocation) => this.receive(invocation),
				onActive: () => {},
				onTargetGone: () => {},
			},
		);
	}

	private receive(invocation: Invocation): void {
		const { method: event, data, caller } = invocation;
		// Rules do not cover objects without a path: whoever guesses the id can call it. Only ubusd has no client id.
		if (caller !== 0) {
			invocation.end(Status.METHOD_NOT_FOUND);
			return;
		}
		invocation.drop();
		if (data === null) return;
		for (const { pattern, handler } of [...this.listenings]) {
			if (matchesPattern(pattern, event)) guard(this.bus.log, `event ${event}`, () => handler(event, data));
		}
		if (event === "ubus.object.add" && typeof data.path === "string") this.bus.objectAdded(data.path);
		if (event === "ubus.object.remove" && typeof data.id === "number") this.bus.objectRemoved(data.id >>> 0);
	}
}
