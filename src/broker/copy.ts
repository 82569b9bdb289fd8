/** One message on its way to one session: in its queue, or sent and not yet acknowledged to the end. */

import type { Qos } from "../packet/packet.ts";
import type { StoredCopy } from "../store/entries.ts";
import type { Message } from "./message.ts";

/** Who finds another receiver for a message that a session did not get through to its client. */
export interface Redeliverer {
	/** The shared subscription's, as it was subscribed to. */
	readonly topicFilter: string;
	redeliver(message: Message): void;
}

export class Copy implements StoredCopy {
	/** Null when PUBREC has come for it: what is sent again is PUBREL. */
	message: Message | null;
	/** As it is sent. */
	readonly qos: Qos;
	readonly retain: boolean;
	/** Subscription identifier; 0 is none. */
	readonly identifier: number;
	/** The shared subscription that it came by. */
	readonly group: Redeliverer | null;
	/** 0 while it is queued. */
	packetId = 0;
	/** What it waits for; 0 while it is queued. */
	state = 0;
	position = 0;
	isWritten = false;
	/** It is sent when what the store has of it is on the disk, and not before. */
	isHeld = false;
	/** It may have been sent before the broker was killed, which is not on the disk. */
	isRepeat = false;

	constructor(
		message: Message | null,
		qos: Qos,
		retain: boolean,
		identifier: number,
		group: Redeliverer | null,
	) {
		this.message = message;
		this.qos = qos;
		this.retain = retain;
		this.identifier = identifier;
		this.group = group;
	}

	/** Octets of payload. */
	get octets(): number {
		return this.message === null ? 0 : this.message.payload.length;
	}

	get share(): string | null {
		return this.group === null ? null : this.group.topicFilter;
	}
}
