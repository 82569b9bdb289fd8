/** What is sent to clients when that which it says is on the disk, and not before. */

import { PacketType, Reason } from "../packet/packet.ts";
import type { Client } from "./client.ts";
import { CONNECTED, FAILURE } from "./constants.ts";
import type { Copy } from "./copy.ts";
import { sendFailedAck } from "./explain.ts";
import type { Link } from "./link.ts";
import type { Message } from "./message.ts";
import type { Session } from "./session.ts";

/** What a client is told when its message could not be kept. */
export const NOT_KEPT = "what has to be kept cannot be written now";

export interface Held {
	/** The message that its publisher is refused when the transaction does not end well; null for none. */
	readonly refusable?: Message | null;
	/** A transaction has ended, well or not. Returns false when it goes on waiting, for one that ends well. */
	settle(isWritten: boolean): boolean;
}

/** PUBACK or PUBREC of a message. */
export class HeldAck implements Held {
	private readonly client: Client;
	private readonly type: 4 | 5;
	private readonly packetId: number;
	private readonly reasonCode: number;
	private readonly text: string;
	/** Whether the message had something written; else it is held for the order alone. */
	private readonly isKept: boolean;
	readonly refusable: Message | null;

	constructor(
		client: Client,
		type: 4 | 5,
		packetId: number,
		reasonCode: number,
		text: string,
		isKept: boolean,
		message: Message | null,
	) {
		this.client = client;
		this.type = type;
		this.packetId = packetId;
		this.reasonCode = reasonCode;
		this.text = text;
		this.isKept = isKept;
		// One of QoS 2 comes again under its packet identifier below 5.0: it stays, and is published once.
		const isRefused = isKept && (client.version === 5 || type === PacketType.PUBACK);
		this.refusable = isRefused ? message : null;
		client.holdAck();
	}

	settle(isWritten: boolean): boolean {
		const { client, type, packetId, reasonCode } = this;
		client.ackSettled();
		if (client.state !== CONNECTED) return true;
		if (isWritten || !this.isKept) {
			if (client.broker.tracing) client.traceAck(type, packetId, client.version === 5 ? reasonCode : 0);
			if (reasonCode < FAILURE) client.sendAck(type, packetId, reasonCode);
			else sendFailedAck(client, type, packetId, reasonCode, this.text);
		} else if (client.version === 5) {
			// One that was refused is forgotten [MQTT-4.3.3-9].
			if (type === PacketType.PUBREC && client.session.incoming.delete(packetId)) {
				client.session.entry?.release(packetId);
			}
			sendFailedAck(client, type, packetId, Reason.QUOTA_EXCEEDED, NOT_KEPT);
		}
		// Below 5.0 there is no way to say no: the client sends it again.
		return true;
	}
}

/** PUBREL or PUBCOMP, by its first octet. */
export class HeldAnswer implements Held {
	private readonly client: Client;
	private readonly header: number;
	private readonly packetId: number;

	constructor(client: Client, header: number, packetId: number) {
		this.client = client;
		this.header = header;
		this.packetId = packetId;
	}

	settle(isWritten: boolean): boolean {
		const isOver = this.client.state !== CONNECTED;
		if (isWritten && !isOver) this.client.answer(this.header, this.packetId);
		return isWritten || isOver;
	}
}

/** A message to a subscriber; see `Session.hold`. */
export class HeldPublish implements Held {
	private readonly session: Session;
	private readonly link: Link;
	private readonly copy: Copy;

	constructor(session: Session, link: Link, copy: Copy) {
		this.session = session;
		this.link = link;
		this.copy = copy;
		copy.isHeld = true;
	}

	settle(isWritten: boolean): boolean {
		const isOver = this.session.link !== this.link || !this.copy.isHeld;
		if (!isWritten && !isOver) return false;
		this.session.settleHeld(this.link, this.copy);
		return true;
	}
}

/** Something else for a client that is still connected then. */
export class HeldAction implements Held {
	private readonly client: Client;
	private readonly action: (isWritten: boolean) => void;

	constructor(client: Client, action: (isWritten: boolean) => void) {
		this.client = client;
		this.action = action;
	}

	settle(isWritten: boolean): boolean {
		if (this.client.state === CONNECTED) this.action(isWritten);
		return true;
	}
}
