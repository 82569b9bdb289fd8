/** What the store is given, and whom it tells. */

import type { Clock, Databases, Files, Network, Timers } from "../host/host.ts";
import type { TextCodec } from "../packet/packet.ts";
import type { Durability, DurabilityRule } from "./durability.ts";
import type { SessionEntry } from "./entries.ts";
import type { DeliveryWithMessage } from "./tables.ts";

export interface StoreSettings {
	/** Path of the file. */
	readonly path: string;
	readonly durability: Durability;
	readonly rules: readonly DurabilityRule[];
	/** Seconds after which what is lazy is written at the latest. */
	readonly lazyInterval: number;
	/** Octets of what is not written, about, and changes, after which it is written; 0 is no limit. */
	readonly lazyOctets: number;
	readonly lazyChanges: number;
	/** Octets that the file may have; 0 is no limit. */
	readonly maximumSize: number;
	/** Octets a day beyond which there is a warning; 0 is none. */
	readonly dailyBudget: number;
}

export interface StoreHost {
	readonly databases: Databases;
	readonly files: Files;
	readonly clock: Clock;
	readonly timers: Timers;
	readonly network: Pick<Network, "beforeFlush">;
	readonly utf8: TextCodec;
}

/** Who hears of the store's doings. */
export interface StoreListener {
	/** A transaction has ended; `entries` are those whose changes it had, all written when `isWritten`. */
	committed(isWritten: boolean, entries: readonly SessionEntry[]): void;
	/** Deliveries of a session that has ended, whose shared subscriptions others may have. */
	orphaned(rows: readonly DeliveryWithMessage[]): void;
	/** The file was damaged and is a new one: what is in memory is to be written again. */
	repaired(): void;
}
