/** Writes everything of a database as lines of JSON: see export-format.ts. */

import type { Database, DatabaseValue } from "../host/database.ts";
import {
	PacketType,
	type Properties,
	type PropertyOwner,
	readProperties,
	type TextCodec,
} from "../packet/packet.ts";
import {
	EXPORT_VERSION,
	type JsonObject,
	octetsToJson,
	propertiesToJson,
	STATE_NAMES,
} from "./export-format.ts";
import type { RetainedRecord, SessionRecord } from "./records.ts";
import { Tables } from "./tables.ts";
import { TransferRows } from "./transfer-rows.ts";

/** Rows that are read at once where they are small. */
const PART = 500;
/** Of what a session has on disk: who it belongs to. */
type ClientIds = ReadonlyMap<number, string>;

/** Gives each line, without its end, to `write`. `at`: seconds since 1970. Throws HostError where the file cannot be read. */
export function exportLines(
	database: Database,
	codec: TextCodec,
	at: number,
	write: (line: string) => void,
): void {
	new Exporter(database, codec, write).run(at);
}

class Exporter {
	private readonly tables: Tables;
	private readonly rows: TransferRows;
	private readonly codec: TextCodec;
	private readonly write: (line: string) => void;
	private lines = 0;

	constructor(database: Database, codec: TextCodec, write: (line: string) => void) {
		this.tables = new Tables(database, codec);
		this.rows = new TransferRows(database);
		this.codec = codec;
		this.write = write;
	}

	run(at: number): void {
		this.line({ kind: "export", version: EXPORT_VERSION, at });
		const clientIds = this.sessions();
		this.subscriptions(clientIds);
		this.incoming(clientIds);
		this.wills(clientIds);
		this.messages();
		for (const [session, clientId] of clientIds) this.deliveries(session, clientId);
		this.retained();
		this.line({ kind: "end", lines: this.lines + 1 });
	}

	private line(object: JsonObject): void {
		this.lines++;
		this.write(JSON.stringify(object));
	}

	private sessions(): ClientIds {
		const clientIds = new Map<number, string>();
		let part: SessionRecord[] = [];
		do {
			part = this.tables.sessions(part.at(-1)?.id ?? 0, PART);
			for (const { id, clientId, isConnected: _, ...rest } of part) {
				if (clientId === null) continue;
				clientIds.set(id, clientId);
				this.line({ kind: "session", clientId, ...rest });
			}
		} while (part.length > 0);
		return clientIds;
	}

	private subscriptions(clientIds: ClientIds): void {
		let after = { session: 0, topicFilter: "" };
		for (;;) {
			const part = this.tables.subscriptions(after, PART);
			for (const { session, topicFilter: filter, ...rest } of part) {
				const clientId = clientIds.get(session);
				if (clientId !== undefined) this.line({ kind: "subscription", clientId, filter, ...rest });
			}
			const last = part.at(-1);
			if (last === undefined) return;
			after = last;
		}
	}

	private incoming(clientIds: ClientIds): void {
		const pairs = this.tables.incoming();
		for (let at = 0; at < pairs.length; at += 2) {
			const clientId = clientIds.get(pairs[at]!);
			if (clientId !== undefined) this.line({ kind: "incoming", clientId, packetId: pairs[at + 1]! });
		}
	}

	private wills(clientIds: ClientIds): void {
		for (const { session, properties, payload, ...rest } of this.tables.wills()) {
			const clientId = clientIds.get(session);
			if (clientId === undefined) continue;
			this.line({ kind: "will", clientId, ...rest, ...this.content(properties, payload) });
		}
	}

	private messages(): void {
		let after = 0;
		for (;;) {
			const last = this.rows.lastOfPart(after);
			if (last === null) return;
			const rows = this.rows.messages(after, last);
			for (let at = 0; at < rows.length; at += 6) {
				const [id, topic, qos, expiresAt, list, payload] = rows.slice(at, at + 6);
				const properties = this.decode(list, PacketType.PUBLISH);
				const content = this.content(properties, payload instanceof Uint8Array ? payload : new Uint8Array(0));
				this.line({
					kind: "message",
					id: Number(id),
					topic: String(topic),
					qos: Number(qos),
					expiresAt: Number(expiresAt),
					...content,
				});
			}
			after = last;
		}
	}

	private deliveries(session: number, clientId: string): void {
		let after = 0;
		for (;;) {
			const part = this.rows.deliveries(session, after);
			for (const { message, options, identifier, share, packetId, state } of part) {
				this.line({
					kind: "delivery",
					clientId,
					message,
					qos: options & 3,
					retain: (options & 4) !== 0,
					identifier,
					share,
					packetId,
					state: STATE_NAMES[state & 3]!,
				});
			}
			const last = part.at(-1);
			if (last === undefined) return;
			after = last.position;
		}
	}

	private retained(): void {
		const latest = new Map<string, number>();
		this.retainedRows(({ id, topic }) => latest.set(topic, id));
		this.retainedRows(({ id, properties, payload, ...rest }) => {
			// A row without payload says that there is none; an older one of the topic does not count.
			if (payload === null || latest.get(rest.topic) !== id) return;
			this.line({ kind: "retained", ...rest, ...this.content(properties, payload) });
		});
	}

	/** All that are not damaged, by row. */
	private retainedRows(use: (record: RetainedRecord) => void): void {
		let after = 0;
		for (;;) {
			const part = this.tables.retained(after, PART);
			const last = part.at(-1);
			if (last === undefined) return;
			for (const { record } of part) if (record !== null) use(record);
			after = last.id;
		}
	}

	private content(properties: Properties | null, payload: Uint8Array): JsonObject {
		return { properties: propertiesToJson(properties), payload: octetsToJson(payload, this.codec) };
	}

	private decode(list: DatabaseValue | undefined, owner: PropertyOwner): Properties | null {
		if (!(list instanceof Uint8Array) || list.length === 0) return null;
		try {
			return readProperties(list, 0, list.length, owner, this.codec);
		} catch {
			// As the broker: the message counts more.
			return null;
		}
	}
}
