/** What is read at the start: everything of sessions but their messages. */

import type { QueueRecord, SessionRecord, SubscriptionRecord, WillRecord } from "./records.ts";
import type { Tables } from "./tables.ts";

/** Rows that are read at once. */
const PART = 1000;

export interface Loaded {
	readonly sessions: readonly SessionRecord[];
	readonly subscriptions: readonly SubscriptionRecord[];
	readonly queues: readonly QueueRecord[];
	/** Row of the session, packet identifier, and so on. */
	readonly incoming: readonly number[];
	readonly wills: readonly WillRecord[];
}

export function loadSessions(tables: Tables): Loaded {
	const sessions: SessionRecord[] = [];
	for (;;) {
		const part = tables.sessions(sessions.at(-1)?.id ?? 0, PART);
		if (part.length === 0) break;
		sessions.push(...part);
	}
	const subscriptions: SubscriptionRecord[] = [];
	for (;;) {
		const part = tables.subscriptions(subscriptions.at(-1) ?? { session: 0, topicFilter: "" }, PART);
		if (part.length === 0) break;
		subscriptions.push(...part);
	}
	return {
		sessions,
		subscriptions,
		queues: tables.queues(),
		incoming: tables.incoming(),
		wills: tables.wills(),
	};
}
