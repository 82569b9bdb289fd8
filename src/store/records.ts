/** What is persisted, a record for each row: MQTT 5.0 section 4.1 for sessions, and retained messages. */

import type { Properties, Qos } from "../packet/packet.ts";

/** Seconds that a session without an end of its own outlives its connection. */
export const NEVER_EXPIRES = 0xffff_ffff;

export interface SessionRecord {
	/** Row; from 1. */
	readonly id: number;
	/** Null for a session that has ended and whose rows are being deleted. */
	readonly clientId: string | null;
	readonly username: string | null;
	/** Where its last connection came in, as `ListenerSettings.name`; empty when that is not known. */
	readonly listener: string;
	/** Its topic filters and its will begin with it. */
	readonly mountPoint: string;
	/** Seconds that it outlives its connection; NEVER_EXPIRES is for ever. */
	readonly expiryInterval: number;
	/** Second (UTC) in which it ends; 0 when it does not, or its client was connected. */
	readonly endsAt: number;
	/** The packet identifier that it gave last. */
	readonly lastPacketId: number;
	/** Its client was connected, and may have been sent what waits for it. */
	readonly isConnected: boolean;
}

export interface SubscriptionRecord {
	/** Row of the session. */
	readonly session: number;
	/** With `$share/NAME/`, and after it the mount point. */
	readonly topicFilter: string;
	readonly qos: Qos;
	readonly noLocal: boolean;
	readonly retainAsPublished: boolean;
	/** Subscription identifier; 0 is none. */
	readonly identifier: number;
}

/** A message, once for all whom it is for. */
export interface MessageRecord {
	/** Row; from 1. */
	readonly id: number;
	readonly topic: string;
	/** As published. */
	readonly qos: Qos;
	/** Second (UTC) from which it is not to be delivered; 0 is never. */
	readonly expiresAt: number;
	/** Of PUBLISH, without topic alias, subscription identifier and message expiry interval. */
	readonly properties: Properties | null;
	readonly payload: Uint8Array;
}

/** What a delivery waits for. */
export const DeliveryState = { QUEUED: 0, PUBACK: 1, PUBREC: 2, PUBCOMP: 3 } as const;
export type DeliveryState = (typeof DeliveryState)[keyof typeof DeliveryState];

/** A message to one session. */
export interface DeliveryRecord {
	/** Row of the session. */
	readonly session: number;
	/** Orders the session's deliveries; from 1. */
	readonly position: number;
	/** Row of the message; null when PUBREC has come for it. */
	readonly message: number | null;
	/** As it is sent. */
	readonly qos: Qos;
	readonly retain: boolean;
	/** Subscription identifier; 0 is none. */
	readonly identifier: number;
	/** Topic filter of the shared subscription that it came by; null is none. */
	readonly share: string | null;
	/** 0 while it is queued. */
	readonly packetId: number;
	readonly state: DeliveryState;
	/** Octets of payload. */
	readonly octets: number;
}

/** The last will of a session: of its connection, or one that waits. */
export interface WillRecord {
	/** Row of the session. */
	readonly session: number;
	readonly topic: string;
	readonly qos: Qos;
	readonly retain: boolean;
	/** Second (UTC) in which it is sent; 0 while the client is connected. */
	readonly dueAt: number;
	/** Of a will in CONNECT. */
	readonly properties: Properties | null;
	readonly payload: Uint8Array;
}

export interface RetainedRecord {
	/** Row; from 1. The highest of a topic counts. */
	readonly id: number;
	readonly topic: string;
	readonly qos: Qos;
	/** Second (UTC) from which it is not to be delivered; 0 is never. */
	readonly expiresAt: number;
	/** Who published it, and where: for the check that it still may. A null client identifier is the broker itself. */
	readonly clientId: string | null;
	readonly username: string | null;
	/** As in SessionRecord. */
	readonly listener: string;
	/** As in MessageRecord. */
	readonly properties: Properties | null;
	/** Null: there is none any more. */
	readonly payload: Uint8Array | null;
}

/** What a session's deliveries come to. */
export interface QueueRecord {
	/** Row of the session. */
	readonly session: number;
	readonly deliveries: number;
	/** Those of them that are under way. */
	readonly underWay: number;
	/** Octets of payload of those that wait. */
	readonly octets: number;
	/** Highest position. */
	readonly last: number;
}

/** How much of the disk's life was used. */
export interface UsageRecord {
	/** Since 1970 (UTC). */
	readonly day: number;
	/** Written on that day, but for what the log has got since. */
	readonly octets: number;
	/** Of the write-ahead log then. */
	readonly logSize: number;
}
