/** One connection to ubusd: framing, requests with their replies and time-outs, and what comes unasked. */

import type { Connection, ConnectionHandler, HostError, Timer, Timers, Utf8 } from "../host/host.ts";
import { Invocation } from "./invocation.ts";
import {
	type Attributes,
	decodeMessage,
	encodeMessage,
	type Message,
	MessageType,
	messageLength,
	type OutgoingAttributes,
} from "./message.ts";
import { Status, UbusError } from "./status.ts";
import type { UbusArguments, UbusTable } from "./value.ts";

/** Milliseconds for ubusd to greet us. */
const HELLO_TIMEOUT = 5_000;
/** Requests under way. */
export const MAX_REQUESTS = 1_024;
/** Calls of our methods under way. */
export const MAX_INVOCATIONS = 1_024;
/** What one request collects. */
export const MAX_REPLIES = 4_096;
export const MAX_REPLY_OCTETS = 4 * 1_048_576;
/** Octets that wait for an ubusd that does not read. */
export const MAX_OUTPUT = 4 * 1_048_576;

/** Numbers for requests. One for all connections of a client, so that no old reply fits a new request. */
export class Sequence {
	private last: number;

	/** `first`: the first number given out. */
	constructor(first = 1) {
		this.last = first - 1;
	}

	next(isTaken: (seq: number) => boolean): number {
		do this.last = (this.last + 1) & 0xffff;
		while (isTaken(this.last));
		return this.last;
	}
}

/** What a link is told. None of it may throw. */
export interface LinkHandler {
	/** ubusd has accepted us. */
	onHello(): void;
	onInvocation(invocation: Invocation): void;
	/** An object of ours has its first subscriber, or lost its last one. */
	onActive(objectId: number, isActive: boolean): void;
	/** What an object of ours was subscribed to is gone. */
	onTargetGone(objectId: number, target: number): void;
	/** The connection is over; all requests have failed. Once, also after `fail`, but not after `close`. */
	onLost(reason: string): void;
}

/** One that was asked by `notify` and answered; `status` is `Status.TIMEOUT` for one that did not. */
export interface SubscriberAnswer {
	/** Object id. */
	readonly subscriber: number;
	readonly status: number;
	readonly replies: readonly UbusTable[];
}

/** Called once with what a request came to: the attributes of its DATA messages, or an error. */
export type RequestDone = (error: UbusError | null, replies: readonly Attributes[]) => void;
export type NotifyDone = (error: UbusError | null, answers: readonly SubscriberAnswer[]) => void;

/** A request under way. */
interface Pending {
	readonly what: string;
	/** What the replies have as `peer`. */
	readonly peer: number;
	readonly timer: Timer;
	octets: number;
	count: number;
	onReply(message: Message): void;
	/** Returns what to do when the request is finished; null while it is not. */
	onStatus(message: Message): (() => void) | null;
	onFailure(error: UbusError): void;
	/** Whether a reply with this `peer` belongs to it. */
	accepts(peer: number): boolean;
}

export class Link implements ConnectionHandler {
	private readonly utf8: Utf8;
	private readonly timers: Timers;
	private readonly connection: Connection;
	private readonly sequence: Sequence;
	private readonly handler: LinkHandler;
	private readonly pending = new Map<number, Pending>();
	private helloTimer: Timer | null;
	private invocations = 0;
	/** Our client id, once ubusd has told it. */
	clientId: number | null = null;
	/** Nothing is sent or received any more. */
	isOver = false;

	/** Takes over `connection`, which has not been started. */
	constructor(
		host: { readonly utf8: Utf8; readonly timers: Timers },
		connection: Connection,
		sequence: Sequence,
		handler: LinkHandler,
	) {
		this.utf8 = host.utf8;
		this.timers = host.timers;
		this.connection = connection;
		this.sequence = sequence;
		this.handler = handler;
		this.helloTimer = host.timers.after(HELLO_TIMEOUT, () => this.fail("no greeting from ubusd"));
		connection.start(this);
	}

	/**
	 * Sends a request. `what` names it in errors; `timeout` is in milliseconds. `done` is never called from inside.
	 * Throws an UbusError for what cannot be sent.
	 */
	request(
		what: string,
		timeout: number,
		type: number,
		peer: number,
		attributes: OutgoingAttributes,
		done: RequestDone,
		types?: UbusArguments,
	): void {
		const replies: Attributes[] = [];
		this.begin(what, timeout, type, peer, attributes, types, {
			accepts: (from) => from === peer,
			onReply: (message) => void replies.push(message.attributes),
			onStatus: ({ attributes: { status = Status.UNKNOWN_ERROR } }) => {
				const error = status === Status.OK ? null : new UbusError(status, what, tablesOf(replies));
				return () => done(error, replies);
			},
			onFailure: (error) => done(error, []),
		});
	}

	/**
	 * Notifies the subscribers of our object `objectId`, and waits for the answer of each of them, at most `timeout`
	 * milliseconds. Throws as `request`.
	 */
	notify(
		what: string,
		timeout: number,
		objectId: number,
		attributes: OutgoingAttributes,
		done: NotifyDone,
	): void {
		// First comes who is asked, with the id of our object; then one status from each, with its own id.
		let waiting: Map<number, UbusTable[]> | null = null;
		const answers: SubscriberAnswer[] = [];
		this.begin(what, timeout, MessageType.NOTIFY, objectId, attributes, undefined, {
			accepts: (from) => (waiting === null ? from === objectId : waiting.has(from)),
			onReply: ({ peer, attributes: { data } }) => {
				if (data) waiting?.get(peer)?.push(data);
			},
			onStatus: ({ peer, attributes: { status = Status.UNKNOWN_ERROR, subscribers } }) => {
				if (waiting === null) {
					if (status !== Status.OK) return () => done(new UbusError(status, what), []);
					waiting = new Map(subscribers?.map((id) => [id, []]));
				} else {
					answers.push({ subscriber: peer, status, replies: waiting.get(peer) ?? [] });
					waiting.delete(peer);
				}
				return waiting.size > 0 ? null : () => done(null, answers);
			},
			onFailure: (error) => {
				if (waiting === null || error.code !== Status.TIMEOUT) {
					done(error, []);
					return;
				}
				for (const [subscriber, replies] of waiting) {
					answers.push({ subscriber, status: Status.TIMEOUT, replies });
				}
				done(null, answers);
			},
		});
	}

	/** Sends a message that nothing answers. Throws an UbusError for what cannot be sent. */
	post(type: number, peer: number, attributes: OutgoingAttributes): void {
		this.send(type, this.nextSeq(), peer, attributes);
	}

	/** Sends a message with a number of the other side. Throws an UbusError for what cannot be sent. */
	send(type: number, seq: number, peer: number, attributes: OutgoingAttributes, types?: UbusArguments): void {
		if (this.isOver) return;
		const bytes = encodeMessage(this.utf8, type, seq, peer, attributes, types);
		if (this.connection.write(bytes, 0, bytes.length) > MAX_OUTPUT) {
			// Not from inside: who sends does not expect the link to go.
			this.timers.after(0, () => this.fail("ubusd does not read"));
		}
	}

	/** The owner of an object has gone: nobody will answer what was asked of it. */
	objectRemoved(objectId: number): void {
		for (const [seq, request] of this.pending) {
			if (request.peer !== objectId) continue;
			this.finish(seq, request);
			request.onFailure(new UbusError(Status.NOT_FOUND, `${request.what}: the object was removed`));
		}
	}

	/** Ends the connection in order, and what is under way with it. */
	close(): void {
		this.over("closed", () => this.connection.close());
	}

	/** Gives the connection up. */
	fail(reason: string): void {
		if (this.over(reason, () => this.connection.destroy())) this.handler.onLost(reason);
	}

	onData(bytes: Uint8Array, start: number, end: number): number {
		let at = start;
		while (!this.isOver) {
			let length: number;
			try {
				length = messageLength(bytes, at, end);
			} catch (error) {
				this.fail(`ubusd sent what is no message: ${(error as Error).message}`);
				break;
			}
			if (length === 0 || length > end - at) return at - start;
			this.receive(decodeMessage(this.utf8, bytes, at, at + length), length);
			at += length;
		}
		return end - start;
	}

	onDrain(): void {}

	onClose(error: HostError | null): void {
		const reason =
			error !== null
				? error.message
				: this.clientId === null
					? "refused: ubusd does not know our user or group"
					: "ubusd has closed the connection";
		if (this.over(reason, () => {})) this.handler.onLost(reason);
	}

	/** Whether a call of a method may begin; `invocationEnded` tells of its end. */
	private admit(): boolean {
		if (this.invocations >= MAX_INVOCATIONS) return false;
		this.invocations++;
		return true;
	}

	/** For Invocation. */
	invocationEnded(): void {
		this.invocations--;
	}

	private receive(message: Message, length: number): void {
		const { type, peer, attributes } = message;
		if (type === MessageType.HELLO) {
			if (this.clientId !== null) return;
			this.clientId = peer;
			this.helloTimer?.cancel();
			this.helloTimer = null;
			this.handler.onHello();
			return;
		}
		const { objectId } = attributes;
		switch (type) {
			case MessageType.DATA:
			case MessageType.STATUS:
				this.receiveReply(message, length);
				break;
			case MessageType.INVOKE:
				this.receiveInvoke(message);
				break;
			case MessageType.NOTIFY:
				if (objectId !== undefined) this.handler.onActive(objectId, attributes.isActive === true);
				break;
			case MessageType.UNSUBSCRIBE:
				if (objectId !== undefined) this.handler.onTargetGone(objectId, attributes.target ?? 0);
				break;
			default:
				// Unknown messages are for others to come.
				break;
		}
	}

	private receiveReply(message: Message, length: number): void {
		const request = this.pending.get(message.seq);
		// What fits nothing comes after its time-out.
		if (!request?.accepts(message.peer)) return;
		request.octets += length;
		request.count++;
		if (request.octets > MAX_REPLY_OCTETS || request.count > MAX_REPLIES) {
			this.finish(message.seq, request);
			request.onFailure(new UbusError(Status.NO_MEMORY, `${request.what}: too many replies`));
		} else if (message.type === MessageType.DATA) {
			request.onReply(message);
		} else {
			const complete = request.onStatus(message);
			if (complete === null) return;
			this.finish(message.seq, request);
			complete();
		}
	}

	private receiveInvoke({ seq, peer, attributes }: Message): void {
		const { objectId, method } = attributes;
		if (objectId === undefined || method === undefined) return;
		const invocation = new Invocation(this, seq, peer, objectId, method, attributes);
		if (this.admit()) this.handler.onInvocation(invocation);
		else invocation.refuse(Status.NO_MEMORY);
	}

	private begin(
		what: string,
		timeout: number,
		type: number,
		peer: number,
		attributes: OutgoingAttributes,
		types: UbusArguments | undefined,
		events: Pick<Pending, "accepts" | "onReply" | "onStatus" | "onFailure">,
	): void {
		if (this.isOver) throw new UbusError(Status.CONNECTION_FAILED, what);
		if (this.pending.size >= MAX_REQUESTS)
			throw new UbusError(Status.NO_MEMORY, `${what}: too many requests`);
		const seq = this.nextSeq();
		this.send(type, seq, peer, attributes, types);
		const timer = this.timers.after(timeout, () => {
			this.pending.delete(seq);
			events.onFailure(new UbusError(Status.TIMEOUT, what));
		});
		this.pending.set(seq, { what, peer, timer, octets: 0, count: 0, ...events });
	}

	private nextSeq(): number {
		return this.sequence.next((seq) => this.pending.has(seq));
	}

	private finish(seq: number, request: Pending): void {
		request.timer.cancel();
		this.pending.delete(seq);
	}

	/** Returns whether it was not over before. */
	private over(reason: string, end: () => void): boolean {
		if (this.isOver) return false;
		this.isOver = true;
		this.helloTimer?.cancel();
		end();
		for (const [seq, request] of this.pending) {
			this.finish(seq, request);
			request.onFailure(new UbusError(Status.CONNECTION_FAILED, `${request.what}: ${reason}`));
		}
		return true;
	}
}

/** What the replies to a call hold; one that could not be read is left out. */
export function tablesOf(replies: readonly Attributes[]): UbusTable[] {
	return replies.flatMap(({ data }) => (data ? [data] : []));
}
