/** Retained messages as versions 1 and 2 of the schema have them, a column for each part: for the versions after them. */

import type { Database, DatabaseValue } from "../host/database.ts";
import { PacketType, type Properties, type Qos, readProperties, type TextCodec } from "../packet/packet.ts";
import type { RetainedRow } from "./retained-record.ts";

/** Payloads that are read at once come to so many octets at most, unless there is one only. */
const PART_OCTETS = 262_144;
const COLUMNS = 9;

/** Rows after one, up to `limit` and as many as fit into memory; none when there are no more. */
export type ReadRetained = (after: number, limit: number) => RetainedRow[];

export function retainedColumns(database: Database, codec: TextCodec): ReadRetained {
	const sizes = database.prepare(
		"SELECT id, coalesce(length(payload), 0) AS octets FROM retained WHERE id > ? ORDER BY id LIMIT ?",
	);
	const rows = database.prepare(
		"SELECT id, topic, qos, expires_at, client_id, username, listener, properties, payload FROM retained WHERE id > ? ORDER BY id LIMIT ?",
	);
	return (after, limit) => {
		const found: RetainedRow[] = [];
		const values = rows.all(after, within(sizes.all(after, limit)));
		for (let at = 0; at < values.length; at += COLUMNS) found.push(rowOf(values, at, codec));
		return found;
	};
}

/** How many of these rows fit into memory; at least 1. */
function within(sizes: readonly DatabaseValue[]): number {
	let octets = 0;
	let end = 0;
	for (; end < sizes.length; end += 2) {
		octets += Number(sizes[end + 1]);
		if (octets > PART_OCTETS && end > 0) break;
	}
	return Math.max(1, end / 2);
}

function rowOf(values: readonly DatabaseValue[], at: number, codec: TextCodec): RetainedRow {
	const [number, topic, qos, expiresAt, clientId, username, listener, properties, payload] = values.slice(
		at,
		at + COLUMNS,
	);
	const id = Number(number);
	const isOurs = typeof topic === "string" && (payload === null || payload instanceof Uint8Array);
	if (!isOurs) return { id, record: null };
	const record = {
		id,
		topic,
		qos: Math.min(Number(qos) & 3, 2) as Qos,
		expiresAt: typeof expiresAt === "number" ? expiresAt : 0,
		clientId: typeof clientId === "string" ? clientId : null,
		username: typeof username === "string" ? username : null,
		listener: typeof listener === "string" ? listener : "",
		properties: decode(properties, codec),
		payload,
	};
	return { id, record };
}

/** Properties that cannot be read are none: the message counts more. */
function decode(list: DatabaseValue | undefined, codec: TextCodec): Properties | null {
	if (!(list instanceof Uint8Array) || list.length === 0) return null;
	try {
		return readProperties(list, 0, list.length, PacketType.PUBLISH, codec);
	} catch {
		return null;
	}
}
