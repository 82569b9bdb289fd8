/** A subscription to an object of somebody else: kept while the object comes and goes. */

import { type Bus, guard, OwnObject, request, Trouble } from "./bus.ts";
import { OBJECT_EVENTS } from "./events.ts";
import type { Invocation } from "./invocation.ts";
import type { Link } from "./link.ts";
import { MessageType } from "./message.ts";
import { Status } from "./status.ts";
import type { UbusTable } from "./value.ts";

/** A notification. */
export interface Notification {
	readonly type: string;
	readonly data: UbusTable;
	/**
	 * Who sends it, by client id and by the names of user and group. Whoever guesses our receiver's id can send one, which
	 * no rule prevents: a handler that must know looks here.
	 */
	readonly sender: number;
	readonly user: string | null;
	readonly group: string | null;
}

export interface SubscriptionHandler {
	/** Returns the status for a sender that waits for one: nothing is `Status.OK`; what is thrown is an error to it. */
	onNotification(notification: Notification): number | undefined;
	/** The object has been subscribed to, or is gone. */
	onState?(isSubscribed: boolean): void;
}

export class Subscription {
	readonly path: string;
	private readonly bus: Bus;
	private readonly handler: SubscriptionHandler;
	private readonly hears: (pattern: string) => boolean;
	private readonly onClose: () => void;
	private readonly own: OwnObject;
	private readonly trouble: Trouble;
	/** The object subscribed to; null while there is none. */
	private target: number | null = null;
	private isBusy = false;
	/** The object has appeared while we were busy. */
	private isAgain = false;
	private isClosed = false;

	/** For UbusClient, whose `subscribe` makes one. `hears`: whether we are told of events. */
	constructor(
		bus: Bus,
		path: string,
		handler: SubscriptionHandler,
		hears: (pattern: string) => boolean,
		onClose: () => void,
	) {
		this.bus = bus;
		this.path = path;
		this.handler = handler;
		this.hears = hears;
		this.onClose = onClose;
		this.trouble = new Trouble(bus.log);
		this.own = new OwnObject(
			bus,
			null,
			{},
			{
				onInvocation: (invocation) => this.receive(invocation),
				onActive: () => {},
				onTargetGone: (target) => {
					if (target !== this.target) return;
					this.lost();
					if (bus.link !== null) this.restore(bus.link);
				},
			},
		);
	}

	get isSubscribed(): boolean {
		return this.target !== null;
	}

	/** For UbusClient: the connection is over. */
	lost(): void {
		this.isBusy = false;
		if (this.target === null) return;
		this.target = null;
		this.tell(false);
	}

	/** For UbusClient: an object has appeared there. */
	appeared(link: Link): void {
		if (this.isBusy) this.isAgain = true;
		else this.restore(link);
	}

	/** For UbusClient: subscribes, unless it has. */
	restore(link: Link): void {
		if (this.isClosed || this.isBusy || this.target !== null) return;
		this.isBusy = true;
		this.isAgain = false;
		const { id } = this.own;
		if (id !== null) {
			this.lookUp(link, id);
			return;
		}
		this.own.add(link, (error) => {
			const { id: added } = this.own;
			if (error !== null || added === null) this.refused(link, error?.message ?? "no object id came");
			else this.lookUp(link, added);
		});
	}

	/** Ends it. Idempotent. */
	close(): void {
		if (this.isClosed) return;
		this.isClosed = true;
		this.onClose();
		const { id } = this.own;
		const { link } = this.bus;
		if (link !== null && id !== null && this.target !== null) {
			const attributes = { objectId: id, target: this.target };
			request(link, `unsubscribing from ${this.path}`, MessageType.UNSUBSCRIBE, attributes, () => {});
		}
		this.own.remove();
		this.lost();
	}

	private lookUp(link: Link, ownId: number): void {
		if (this.isClosed) return;
		const { path } = this;
		request(link, `looking up ${path}`, MessageType.LOOKUP, { path }, (error, replies) => {
			if (this.isClosed) return;
			const id = replies.find((found) => found.path === path)?.objectId;
			if (id !== undefined) {
				this.subscribe(link, ownId, id);
			} else if (error?.code === Status.NOT_FOUND && this.hears(OBJECT_EVENTS)) {
				// It may appear at any time, and then we are told.
				this.settled(link);
			} else {
				this.refused(link, error?.message ?? `looking up ${path}: nothing of it is permitted to us`);
			}
		});
	}

	private subscribe(link: Link, objectId: number, target: number): void {
		request(link, `subscribing to ${this.path}`, MessageType.SUBSCRIBE, { objectId, target }, (error) => {
			if (this.isClosed) return;
			if (error !== null) {
				// ubusd says "not found" also when its rules do not let us subscribe.
				const why = error.code === Status.NOT_FOUND ? " (gone, or not permitted)" : "";
				this.refused(link, `${error.message}${why}`);
				return;
			}
			this.target = target;
			this.trouble.clear();
			this.settled(link);
			this.tell(true);
		});
	}

	private refused(link: Link, text: string): void {
		this.trouble.report(text);
		this.bus.retryLater();
		this.settled(link);
	}

	private settled(link: Link): void {
		this.isBusy = false;
		if (this.isAgain) this.restore(link);
	}

	private tell(isSubscribed: boolean): void {
		guard(this.bus.log, `subscription to ${this.path}`, () => this.handler.onState?.(isSubscribed));
	}

	private receive(invocation: Invocation): void {
		const { method: type, data, caller: sender, user, group } = invocation;
		if (data === null) {
			invocation.end(Status.INVALID_ARGUMENT);
			return;
		}
		let status: number = Status.UNKNOWN_ERROR;
		guard(this.bus.log, `notification ${type} of ${this.path}`, () => {
			status = this.handler.onNotification({ type, data, sender, user, group }) ?? Status.OK;
		});
		invocation.end(status);
	}
}
