/** An object that we serve: its methods are called by others, and it notifies its subscribers. */

import { type Bus, guard, logFailure, OwnObject, Trouble } from "./bus.ts";
import type { Invocation } from "./invocation.ts";
import type { Link, SubscriberAnswer } from "./link.ts";
import { MessageType } from "./message.ts";
import { Status, UbusError } from "./status.ts";
import {
	findMistyped,
	type UbusArguments,
	type UbusInputTable,
	type UbusSignature,
	type UbusTable,
} from "./value.ts";

/** What a method answers: null for no data. */
export type UbusResult = UbusInputTable | null;

export interface UbusMethod {
	/** Of what type each argument is; a call with another type ends with `Status.INVALID_ARGUMENT`. Any may be missing. */
	readonly arguments?: UbusArguments;
	/**
	 * Does it. `invocation` tells who calls, and takes data besides that of the result. An UbusError, thrown or rejected
	 * with, ends the call with its code; any other error with `Status.UNKNOWN_ERROR`, and is logged.
	 */
	call(args: UbusTable, invocation: Invocation): UbusResult | Promise<UbusResult>;
}

export type UbusMethods = Readonly<Record<string, UbusMethod>>;

export class UbusObject {
	readonly path: string;
	readonly signature: UbusSignature;
	private readonly bus: Bus;
	private readonly methods: UbusMethods;
	private readonly own: OwnObject;
	private readonly trouble: Trouble;
	private readonly onRemove: () => void;
	private isActive = false;

	/** For UbusClient, whose `register` makes one. */
	constructor(bus: Bus, path: string, methods: UbusMethods, onRemove: () => void) {
		this.bus = bus;
		this.path = path;
		this.methods = methods;
		this.onRemove = onRemove;
		this.trouble = new Trouble(bus.log);
		const signature: Record<string, UbusArguments> = Object.create(null);
		for (const [name, method] of Object.entries(methods)) signature[name] = method.arguments ?? {};
		this.signature = signature;
		this.own = new OwnObject(bus, path, signature, {
			onInvocation: (invocation) => this.serve(invocation),
			onActive: (isActive) => {
				this.isActive = isActive;
			},
			onTargetGone: () => {},
		});
	}

	/** Object id; null while it is not on the bus. */
	get id(): number | null {
		return this.own.id;
	}

	/** Whether somebody has subscribed. */
	get hasSubscribers(): boolean {
		return this.isActive && this.own.id !== null;
	}

	/** For UbusClient: puts it on the bus, unless it is there. */
	restore(link: Link): void {
		if (this.own.isUnderWay) return;
		this.isActive = false;
		this.own.add(link, (error) => {
			if (error === null) {
				this.trouble.clear();
				return;
			}
			// ubusd says "invalid argument" of a path that is taken, and of one that its rules do not let us publish.
			const why = error.code === Status.INVALID_ARGUMENT ? " (taken, or not permitted)" : "";
			this.trouble.report(`${error.message}${why}`);
			this.bus.retryLater();
		});
	}

	/**
	 * Tells the subscribers. Returns whether there were any. Throws an UbusError (invalid argument) for what cannot be
	 * sent.
	 */
	notify(type: string, data: UbusInputTable = {}): boolean {
		const { id } = this.own;
		const { link } = this.bus;
		if (id === null || link === null || !this.isActive) return false;
		link.post(MessageType.NOTIFY, id, { objectId: id, method: type, data, noReply: true });
		return true;
	}

	/**
	 * Tells the subscribers and resolves to what each of them answers within `timeout` milliseconds. Rejects with an
	 * UbusError when they could not be told.
	 */
	ask(type: string, data: UbusInputTable = {}, timeout = 30_000): Promise<readonly SubscriberAnswer[]> {
		const what = `${this.path}: notification ${type}`;
		return new Promise((resolve, reject) => {
			const { id } = this.own;
			const { link } = this.bus;
			if (id === null || link === null) throw new UbusError(Status.CONNECTION_FAILED, what);
			link.notify(what, timeout, id, { objectId: id, method: type, data }, (error, answers) => {
				if (error === null) resolve(answers);
				else reject(error);
			});
		});
	}

	/** Takes it off the bus for good. Calls that are under way may still be answered, but nobody hears it. */
	remove(): void {
		this.onRemove();
		this.own.remove();
	}

	private serve(invocation: Invocation): void {
		const { data, method: name } = invocation;
		const method = Object.hasOwn(this.methods, name) ? this.methods[name] : undefined;
		if (method === undefined) {
			invocation.end(Status.METHOD_NOT_FOUND);
		} else if (data === null || findMistyped(method.arguments ?? {}, data) !== null) {
			invocation.end(Status.INVALID_ARGUMENT);
		} else {
			try {
				const result = method.call(data, invocation);
				if (result instanceof Promise) {
					result.then(
						(later) => this.answer(invocation, later),
						(error: unknown) => this.refuse(invocation, error),
					);
				} else {
					this.answer(invocation, result);
				}
			} catch (error) {
				this.refuse(invocation, error);
			}
		}
	}

	private answer(invocation: Invocation, result: UbusResult): void {
		let status: number = Status.UNKNOWN_ERROR;
		guard(this.bus.log, `${this.path} ${invocation.method}`, () => {
			if (result !== null) invocation.reply(result);
			status = Status.OK;
		});
		invocation.end(status);
	}

	private refuse(invocation: Invocation, error: unknown): void {
		if (error instanceof UbusError) {
			invocation.end(error.code);
			return;
		}
		logFailure(this.bus.log, `${this.path} ${invocation.method}`, error);
		invocation.end(Status.UNKNOWN_ERROR);
	}
}
