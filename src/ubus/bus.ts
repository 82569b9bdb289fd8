/** What the parts of a client share: the connection while there is one, and what becomes of the objects on it. */

import type { Log } from "../host/host.ts";
import type { Invocation } from "./invocation.ts";
import type { Link, RequestDone } from "./link.ts";
import { MessageType, type OutgoingAttributes } from "./message.ts";
import { Status, UbusError } from "./status.ts";
import { encodeSignature, type UbusSignature } from "./value.ts";

/** Milliseconds for ubusd's own answers: it answers at once. */
export const CONTROL_TIMEOUT = 10_000;

export interface Bus {
	readonly log: Log;
	/** Null while not connected. */
	readonly link: Link | null;
	/** Our objects that are on the bus, by object id. */
	readonly objects: Map<number, ObjectHandler>;
	/** Everything that is not in place is tried again, after a while. */
	retryLater(): void;
	/** ubusd has told of an object. */
	objectAdded(path: string): void;
	objectRemoved(objectId: number): void;
}

/** What an object of ours is told. None of it may throw. */
export interface ObjectHandler {
	onInvocation(invocation: Invocation): void;
	onActive(isActive: boolean): void;
	onTargetGone(target: number): void;
}

/** An object of ours, put on the bus once for each connection. Without a path it is anonymous, and only receives. */
export class OwnObject {
	private readonly bus: Bus;
	private readonly path: string | null;
	private readonly signature: UbusSignature;
	private readonly handler: ObjectHandler;
	/** The connection that it is on or is being put on; another one makes it void. */
	private link: Link | null = null;
	private objectId: number | null = null;
	private isWanted = true;

	constructor(bus: Bus, path: string | null, signature: UbusSignature, handler: ObjectHandler) {
		this.bus = bus;
		this.path = path;
		this.signature = signature;
		this.handler = handler;
	}

	/** Object id; null while it is not on the bus. */
	get id(): number | null {
		return this.link !== null && this.link === this.bus.link ? this.objectId : null;
	}

	/** Whether it is on the bus or on its way there. */
	get isUnderWay(): boolean {
		return this.link !== null && this.link === this.bus.link;
	}

	/** Puts it on the bus. `done` is not called when the connection ends or it is removed meanwhile. */
	add(link: Link, done: (error: UbusError | null) => void): void {
		this.link = link;
		this.objectId = null;
		const what = `adding ${this.path ?? "a receiver"}`;
		const attributes =
			this.path === null ? {} : { path: this.path, signature: encodeSignature(this.signature) };
		request(link, what, MessageType.ADD_OBJECT, attributes, (error, replies) => {
			const id = replies.find(({ objectId }) => objectId !== undefined)?.objectId;
			if (error !== null) {
				this.link = null;
				if (this.isWanted) done(error);
				return;
			}
			if (id === undefined) {
				link.fail(`${what}: no object id came`);
				return;
			}
			this.objectId = id;
			if (!this.isWanted) {
				this.takeOff(link, id);
				return;
			}
			this.bus.objects.set(id, this.handler);
			done(null);
		});
	}

	/** Takes it off the bus for good. */
	remove(): void {
		this.isWanted = false;
		const { id, link } = this;
		if (id !== null && link !== null) this.takeOff(link, id);
	}

	private takeOff(link: Link, objectId: number): void {
		this.bus.objects.delete(objectId);
		this.link = null;
		request(link, `removing ${this.path ?? "a receiver"}`, MessageType.REMOVE_OBJECT, { objectId }, () => {});
	}
}

/**
 * A request to ubusd itself. One that is not answered has been lost, as ubusd does to those who do not read: nobody
 * knows then what holds, and only a new connection tells. `done` is not called when the connection ends; it may be
 * called from inside, with an error.
 */
export function request(
	link: Link,
	what: string,
	type: number,
	attributes: OutgoingAttributes,
	done: RequestDone,
	peer = 0,
): void {
	try {
		link.request(what, CONTROL_TIMEOUT, type, peer, attributes, (error, replies) => {
			if (link.isOver) return;
			if (error?.code === Status.TIMEOUT) link.fail(error.message);
			else done(error, replies);
		});
	} catch (error) {
		if (!(error instanceof UbusError)) throw error;
		if (!link.isOver) done(error, []);
	}
}

/** Says what is wrong once, however often it is found. */
export class Trouble {
	private readonly log: Log;
	private said = "";

	constructor(log: Log) {
		this.log = log;
	}

	report(text: string): void {
		if (text === this.said) return;
		this.said = text;
		this.log.write("warning", `ubus: ${text}`);
	}

	clear(): void {
		this.said = "";
	}
}

/** Calls what a user of the library gave us; what it throws is written to the log, and goes no further. */
export function guard(log: Log, what: string, call: () => void): void {
	try {
		call();
	} catch (error) {
		logFailure(log, what, error);
	}
}

export function logFailure(log: Log, what: string, error: unknown): void {
	log.write("error", `ubus: ${what}: ${error instanceof Error ? error.message : String(error)}`);
}
