/** ubus-js: a client of ubusd, OpenWrt's message bus, over its unix socket. It stays connected as long as it is open. */

import type { Clock, Connection, Log, Network, Timer, Timers, Utf8 } from "../host/host.ts";
import { type Bus, guard, type ObjectHandler, Trouble } from "./bus.ts";
import { type EventHandler, Events, OBJECT_EVENTS } from "./events.ts";
import { Link, type RequestDone, Sequence } from "./link.ts";
import { EVENT_OBJECT, encodeMessage, MessageType, type OutgoingAttributes } from "./message.ts";
import { type UbusMethods, UbusObject } from "./served-object.ts";
import { Status, UbusError } from "./status.ts";
import { Subscription, type SubscriptionHandler } from "./subscription.ts";
import {
	decodeSignature,
	encodeSignature,
	type UbusArguments,
	type UbusInputTable,
	type UbusSignature,
	type UbusTable,
} from "./value.ts";

export type { Invocation } from "./invocation.ts";
export type { SubscriberAnswer } from "./link.ts";
export type { UbusMethod, UbusMethods, UbusObject, UbusResult } from "./served-object.ts";
export { Status, UbusError } from "./status.ts";
export type { Notification, Subscription, SubscriptionHandler } from "./subscription.ts";
export {
	typed,
	type UbusArguments,
	type UbusInput,
	type UbusInputTable,
	type UbusTable,
	type UbusValue,
} from "./value.ts";

/** Where ubusd listens: since October 2020, and before. */
export const SOCKETS: readonly string[] = ["/var/run/ubus/ubus.sock", "/var/run/ubus.sock"];
/** Milliseconds that a request takes at most, unless it says otherwise. */
const REQUEST_TIMEOUT = 30_000;
const CONNECT_TIMEOUT = 5_000;
/** Milliseconds between attempts to connect: at first, and at most; each pause is twice the one before. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 5_000;
/** A connection that lasted so many milliseconds was a good one: the next attempt follows after the first pause. */
const GOOD_CONNECTION = 10_000;
/** Milliseconds until what ubusd refused is tried again. */
const RETRY = 10_000;

/** What of a host a client needs. */
export interface UbusHost {
	readonly network: Network;
	readonly timers: Timers;
	readonly clock: Clock;
	readonly utf8: Utf8;
}

export interface UbusOptions {
	/** Paths of the socket, tried in turn; those of OpenWrt unless given. */
	readonly sockets?: readonly string[];
	/** The number of the first request. */
	readonly firstSeq?: number;
	/** Told when the client can make requests, and when it cannot any more. */
	readonly onState?: (isConnected: boolean) => void;
}

/** An object as ubusd lists it. */
export interface ObjectInfo {
	readonly path: string;
	readonly id: number;
	/** The same for objects with the same methods. */
	readonly typeId: number | null;
	/** Those methods that we may call. */
	readonly methods: UbusSignature;
}

/**
 * The client. Objects, subscriptions and event handlers are kept until they are ended: they are set up as soon as ubusd
 * is there, again when it comes back, and again some seconds after it refused them. Requests are made once, and fail
 * with an UbusError: `Status.CONNECTION_FAILED` while there is no connection, `Status.TIMEOUT` without an answer in
 * time, `Status.INVALID_ARGUMENT` for what cannot be sent.
 */
export class UbusClient {
	private readonly host: UbusHost;
	private readonly sockets: readonly string[];
	private readonly sequence: Sequence;
	private readonly onState: (isConnected: boolean) => void;
	private readonly trouble: Trouble;
	private readonly bus: {
		readonly log: Log;
		link: Link | null;
		readonly objects: Map<number, ObjectHandler>;
	} & Bus;
	private readonly events: Events;
	private readonly served = new Set<UbusObject>();
	private readonly subscriptions = new Set<Subscription>();
	/** What tells us of objects, while there is a subscription. */
	private endWatch: (() => void) | null = null;
	private state: "idle" | "connecting" | "greeting" | "connected" | "waiting" = "idle";
	/** The connection being greeted or in use. */
	private current: Link | null = null;
	private pause = FIRST_PAUSE;
	private since = 0;
	private pauseTimer: Timer | null = null;
	private retryTimer: Timer | null = null;
	/** Counts what was opened, so that the outcome of an attempt given up can be told. */
	private attempt = 0;

	/** Does nothing before `open`. `log` hears of what does not work, each thing once. */
	constructor(host: UbusHost, log: Log, options: UbusOptions = {}) {
		this.host = host;
		this.sockets = options.sockets ?? SOCKETS;
		this.sequence = new Sequence(options.firstSeq);
		const { onState = () => {} } = options;
		this.onState = (isConnected) => guard(log, "a change of state", () => onState(isConnected));
		this.trouble = new Trouble(log);
		this.bus = {
			log,
			link: null,
			objects: new Map(),
			retryLater: () => this.retryLater(),
			objectAdded: (path) => this.objectAdded(path),
			objectRemoved: (objectId) => this.bus.link?.objectRemoved(objectId),
		};
		this.events = new Events(this.bus);
	}

	/** Whether requests can be made. */
	get isConnected(): boolean {
		return this.bus.link !== null;
	}

	/** Our client id; null while not connected. */
	get clientId(): number | null {
		return this.bus.link?.clientId ?? null;
	}

	/** Connects, and connects again whenever the connection is lost. Ignored when open. */
	open(): void {
		if (this.state === "idle") this.connect();
	}

	/** Ends the connection: requests fail, objects and subscriptions rest until `open`. Idempotent. */
	close(): void {
		this.attempt++;
		this.state = "idle";
		this.pause = FIRST_PAUSE;
		this.pauseTimer?.cancel();
		const { current } = this;
		this.current = null;
		const wasConnected = this.disconnected();
		current?.close();
		if (wasConnected) this.onState(false);
	}

	/**
	 * The objects at `pattern` (a path, or the beginning of one and `*`), in the order of their paths; all without. Those
	 * of which we may call nothing are left out.
	 */
	async list(pattern?: string, timeout = REQUEST_TIMEOUT): Promise<ObjectInfo[]> {
		try {
			return await this.lookUp(pattern, timeout);
		} catch (error) {
			if (error instanceof UbusError && error.code === Status.NOT_FOUND) return [];
			throw error;
		}
	}

	/**
	 * Calls a method of the object at `path` and resolves to the data that came, often one table or none. `timeout`: in
	 * milliseconds, for all of it. Arguments are sent as the types that the object's signature names.
	 */
	async call(
		path: string,
		method: string,
		args: UbusInputTable = {},
		timeout = REQUEST_TIMEOUT,
	): Promise<UbusTable[]> {
		const end = this.host.clock.monotonic() + timeout;
		const object = (await this.lookUp(path, timeout)).find((found) => found.path === path);
		if (object === undefined) throw new UbusError(Status.NOT_FOUND, path);
		const types = Object.hasOwn(object.methods, method) ? object.methods[method] : undefined;
		const left = Math.max(0, end - this.host.clock.monotonic());
		return this.invoke(object.id, method, args, { timeout: left, types: types ?? {}, name: path });
	}

	/** As `call`, of an object whose id is known. `name`: for errors. */
	async invoke(
		objectId: number,
		method: string,
		args: UbusInputTable = {},
		options: { readonly timeout?: number; readonly types?: UbusArguments; readonly name?: string } = {},
	): Promise<UbusTable[]> {
		const what = `${options.name ?? `object ${objectId}`} ${method}`;
		// Data goes along even when empty: most owners want it.
		const attributes = { objectId, method, data: args };
		const replies = await this.request(
			what,
			options.timeout ?? REQUEST_TIMEOUT,
			MessageType.INVOKE,
			objectId,
			attributes,
			options.types,
		);
		const tables: UbusTable[] = [];
		for (const { data } of replies) {
			if (data === null) throw new UbusError(Status.PARSE_ERROR, what);
			if (data !== undefined) tables.push(data);
		}
		return tables;
	}

	/** Sends an event to all who listen to it, but not to ourselves. Names that begin with `ubus.` are ubusd's. */
	async send(event: string, data: UbusInputTable = {}, timeout = REQUEST_TIMEOUT): Promise<void> {
		await this.request(`event ${event}`, timeout, MessageType.INVOKE, EVENT_OBJECT, {
			objectId: EVENT_OBJECT,
			method: "send",
			data: { id: event, data },
		});
	}

	/** Calls `handler` for events whose name is `pattern`, or begins with what is before a `*` at its end. Returns what ends it. */
	listen(pattern: string, handler: EventHandler): () => void {
		this.check(MessageType.INVOKE, { data: { pattern } });
		return this.events.listen(pattern, handler);
	}

	/** Serves an object at `path`. Throws an UbusError for what cannot be sent. */
	register(path: string, methods: UbusMethods): UbusObject {
		const object = new UbusObject(this.bus, path, methods, () => this.served.delete(object));
		this.check(MessageType.ADD_OBJECT, { path, signature: encodeSignature(object.signature) });
		this.served.add(object);
		if (this.bus.link !== null) object.restore(this.bus.link);
		return object;
	}

	/** Subscribes to the object at `path`, now or when there is one. Throws an UbusError for what cannot be sent. */
	subscribe(path: string, handler: SubscriptionHandler): Subscription {
		this.check(MessageType.LOOKUP, { path });
		this.endWatch ??= this.events.listen(OBJECT_EVENTS, () => {});
		const subscription = new Subscription(
			this.bus,
			path,
			handler,
			(pattern) => this.events.hears(pattern),
			() => {
				this.subscriptions.delete(subscription);
				if (this.subscriptions.size > 0) return;
				this.endWatch?.();
				this.endWatch = null;
			},
		);
		this.subscriptions.add(subscription);
		if (this.bus.link !== null) subscription.restore(this.bus.link);
		return subscription;
	}

	/** Throws an UbusError for what cannot be sent, while the caller can still be told. */
	private check(type: number, attributes: OutgoingAttributes): void {
		encodeMessage(this.host.utf8, type, 0, 0, attributes);
	}

	private async lookUp(pattern: string | undefined, timeout: number): Promise<ObjectInfo[]> {
		const what = pattern ?? "all objects";
		const attributes = pattern === undefined ? {} : { path: pattern };
		const replies = await this.request(what, timeout, MessageType.LOOKUP, 0, attributes);
		return replies.flatMap(({ path, objectId, typeId, signature }) =>
			path === undefined || objectId === undefined
				? []
				: [{ path, id: objectId, typeId: typeId ?? null, methods: decodeSignature(signature ?? {}) }],
		);
	}

	private request(
		what: string,
		timeout: number,
		type: number,
		peer: number,
		attributes: OutgoingAttributes,
		types?: UbusArguments,
	): Promise<Parameters<RequestDone>[1]> {
		return new Promise((resolve, reject) => {
			const { link } = this.bus;
			if (link === null) throw new UbusError(Status.CONNECTION_FAILED, what);
			const done: RequestDone = (error, replies) => (error === null ? resolve(replies) : reject(error));
			link.request(what, timeout, type, peer, attributes, done, types);
		});
	}

	private connect(): void {
		this.state = "connecting";
		const attempt = ++this.attempt;
		this.reach(attempt, 0);
	}

	/** Tries the sockets from the one of that number. */
	private reach(attempt: number, number: number): void {
		const host = this.sockets[number] ?? "";
		this.host.network.connect({ host, port: 0, timeout: CONNECT_TIMEOUT }).then(
			(connection) => {
				if (attempt === this.attempt) this.reached(connection);
				else connection.destroy();
			},
			(error: Error) => {
				if (attempt !== this.attempt) return;
				if (number + 1 < this.sockets.length) this.reach(attempt, number + 1);
				else this.lost(`${this.sockets.join(", ")}: ${error.message}`);
			},
		);
	}

	private reached(connection: Connection): void {
		this.state = "greeting";
		this.since = this.host.clock.monotonic();
		const { bus } = this;
		const link: Link = new Link(this.host, connection, this.sequence, {
			onHello: () => this.greeted(link),
			onInvocation: (invocation) => {
				const object = bus.objects.get(invocation.objectId);
				if (object === undefined) invocation.end(Status.NOT_FOUND);
				else object.onInvocation(invocation);
			},
			onActive: (objectId, isActive) => bus.objects.get(objectId)?.onActive(isActive),
			onTargetGone: (objectId, target) => bus.objects.get(objectId)?.onTargetGone(target),
			onLost: (reason) => {
				if (link === this.current) this.lost(reason);
			},
		});
		this.current = link;
	}

	private greeted(link: Link): void {
		this.state = "connected";
		this.bus.link = link;
		this.restore();
		this.onState(true);
	}

	/** Sets up what is not there. What tells of objects goes first, so that none is missed that appears meanwhile. */
	private restore(): void {
		const { link } = this.bus;
		if (link === null) return;
		this.events.restore(link);
		for (const object of this.served) object.restore(link);
		for (const subscription of this.subscriptions) subscription.restore(link);
	}

	private retryLater(): void {
		if (this.retryTimer !== null || this.bus.link === null) return;
		this.retryTimer = this.host.timers.after(RETRY, () => {
			this.retryTimer = null;
			this.restore();
		});
	}

	private objectAdded(path: string): void {
		const { link } = this.bus;
		if (link === null) return;
		for (const subscription of this.subscriptions) {
			if (subscription.path === path) subscription.appeared(link);
		}
	}

	private lost(reason: string): void {
		this.current = null;
		const lasted = this.host.clock.monotonic() - this.since;
		const wasConnected = this.disconnected();
		if (wasConnected && lasted >= GOOD_CONNECTION) {
			this.pause = FIRST_PAUSE;
			this.trouble.clear();
		}
		this.trouble.report(reason);
		this.state = "waiting";
		this.pauseTimer = this.host.timers.after(this.pause, () => this.connect());
		this.pause = Math.min(2 * this.pause, LONGEST_PAUSE);
		if (wasConnected) this.onState(false);
	}

	/** All ids are void. Returns whether there was a connection. */
	private disconnected(): boolean {
		const wasConnected = this.bus.link !== null;
		this.bus.link = null;
		this.bus.objects.clear();
		this.retryTimer?.cancel();
		this.retryTimer = null;
		for (const subscription of this.subscriptions) subscription.lost();
		return wasConnected;
	}
}
