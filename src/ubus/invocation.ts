/** A call of one of our methods, until it is answered. */

import { type Attributes, MessageType, type OutgoingAttributes } from "./message.ts";
import type { UbusInputTable, UbusTable } from "./value.ts";

/** What an invocation needs of its connection. */
interface Answering {
	send(type: number, seq: number, peer: number, attributes: OutgoingAttributes): void;
	invocationEnded(): void;
}

export class Invocation {
	/** Client id of the caller; 0 for an event. */
	readonly caller: number;
	/** Our object. */
	readonly objectId: number;
	readonly method: string;
	/** The arguments: empty when none came, null when they are malformed. */
	readonly data: UbusTable | null;
	/** Names of the caller's user and group as ubusd knows them; null for an event. Nobody can forge them. */
	readonly user: string | null;
	readonly group: string | null;
	/** Whether no answer is wanted. */
	readonly noReply: boolean;
	private readonly link: Answering;
	/** The caller's number for it: two callers can have the same. */
	private readonly seq: number;
	private isEnded = false;

	constructor(
		link: Answering,
		seq: number,
		caller: number,
		objectId: number,
		method: string,
		attributes: Attributes,
	) {
		this.link = link;
		this.seq = seq;
		this.caller = caller;
		this.objectId = objectId;
		this.method = method;
		this.data = attributes.data === undefined ? {} : attributes.data;
		this.user = attributes.user ?? null;
		this.group = attributes.group ?? null;
		this.noReply = attributes.noReply ?? false;
	}

	/** Sends data, before the end. Throws an UbusError for what cannot be sent. Ignored after the end. */
	reply(data: UbusInputTable): void {
		if (this.isEnded || this.noReply) return;
		this.link.send(MessageType.DATA, this.seq, this.caller, { objectId: this.objectId, data });
	}

	/** Ends the call with a status (a `Status`, or any number of 32 bits). Idempotent. */
	end(status: number): void {
		if (this.isEnded) return;
		this.link.invocationEnded();
		this.refuse(status);
	}

	/** As `end`, for a call that was not admitted. */
	refuse(status: number): void {
		this.isEnded = true;
		if (this.noReply) return;
		this.link.send(MessageType.STATUS, this.seq, this.caller, { status, objectId: this.objectId });
	}

	/** Nothing is to be said: as for an event. */
	drop(): void {
		if (this.isEnded) return;
		this.isEnded = true;
		this.link.invocationEnded();
	}
}
