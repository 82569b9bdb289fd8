/** Reading what can be read of a damaged database: part by part, and row by row where a part is damaged. */

import { isDamage } from "./damage.ts";
import type { SubscriptionRecord } from "./records.ts";
import type { ReadRetained } from "./retained-columns.ts";
import type { Tables } from "./tables.ts";

/** Rows that are read at once. */
const PART = 200;
/** Rows in a row that cannot be read, after which there are taken to be no more. */
const GAP = 20_000;

export interface Salvaged {
	readonly sessions: number;
	/** Deliveries. */
	readonly messages: number;
	readonly retained: number;
	/** Whether everything could be read. */
	readonly isWhole: boolean;
}

/**
 * Copies into the tables `to`, which are empty and in a transaction, what can be read of `from`; rows keep their numbers.
 * `readRetained`: how those are read.
 */
export function salvage(from: Tables, readRetained: ReadRetained, to: Tables): Salvaged {
	const reader = new Reader();
	const sessions = new Set<number>();
	reader.byRow(
		(after, limit) => from.sessions(after, limit),
		({ id }) => id,
		(session) => {
			to.putSession(session);
			sessions.add(session.id);
		},
	);
	copySubscriptions(reader, from, to, sessions);
	const incoming = reader.attempt(() => from.incoming()) ?? [];
	for (let i = 0; i < incoming.length; i += 2) {
		if (sessions.has(incoming[i]!)) to.putIncoming(incoming[i]!, incoming[i + 1]!);
	}
	for (const will of reader.attempt(() => from.wills()) ?? []) {
		if (sessions.has(will.session)) to.putWill(will);
	}
	let messages = 0;
	for (const session of sessions) messages += copyDeliveries(reader, from, to, session);
	let retained = 0;
	reader.byRow(
		readRetained,
		({ id }) => id,
		({ record }) => {
			if (record === null) {
				reader.isWhole = false;
				return;
			}
			to.putRetained(record);
			if (record.payload !== null) retained++;
		},
	);
	return { sessions: sessions.size, messages, retained, isWhole: reader.isWhole };
}

function copySubscriptions(reader: Reader, from: Tables, to: Tables, sessions: ReadonlySet<number>): void {
	let after: Pick<SubscriptionRecord, "session" | "topicFilter"> = { session: 0, topicFilter: "" };
	for (;;) {
		const { session } = after;
		const part = reader.attempt(() => from.subscriptions(after, PART));
		// Where they cannot be read on, those of the next session may.
		if (part === null && ![...sessions].some((each) => each > session)) return;
		if (part?.length === 0) return;
		for (const each of part ?? []) if (sessions.has(each.session)) to.putSubscription(each);
		after = part?.at(-1) ?? { session: session + 1, topicFilter: "" };
	}
}

/** Returns how many. */
function copyDeliveries(reader: Reader, from: Tables, to: Tables, session: number): number {
	let count = 0;
	reader.byRow(
		(after, limit) => from.deliveries(session, after, limit),
		({ delivery }) => delivery.position,
		({ delivery, message }) => {
			// One whose message is lost is of no use.
			if (message === null && delivery.message !== null) return;
			if (message !== null) to.putMessage(message, 1);
			to.putDelivery(delivery);
			count++;
		},
	);
	return count;
}

class Reader {
	isWhole = true;

	/** What `read` gives; null when it cannot be read. */
	attempt<T>(read: () => T): T | null {
		try {
			return read();
		} catch (error) {
			if (!isDamage(error)) throw error;
			this.isWhole = false;
			return null;
		}
	}

	/** Hands on all rows that can be read; where a part cannot, those after it are looked for. */
	byRow<T>(
		read: (after: number, limit: number) => T[],
		rowOf: (record: T) => number,
		use: (record: T) => void,
	): void {
		let after = 0;
		let limit = PART;
		let missing = 0;
		while (missing < GAP) {
			const part = this.attempt(() => read(after, limit));
			if (part === null && limit > 1) {
				limit = 1;
				continue;
			}
			if (part === null) {
				after++;
				missing++;
				continue;
			}
			const last = part.at(-1);
			if (last === undefined) return;
			for (const record of part) use(record);
			after = rowOf(last);
			missing = 0;
			limit = Math.min(PART, 2 * limit);
		}
	}
}
