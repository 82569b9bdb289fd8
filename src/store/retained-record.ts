/** Retained messages between their records as objects, and as octets of the database (packed-retained.ts says how these are). */

import type { TextCodec } from "../packet/packet.ts";
import {
	capacityOf,
	expiryOf,
	isGone,
	isSound,
	type PackedMessage,
	payloadOf,
	propertiesOf,
	qosOf,
	recordLength,
	rowOf,
	sourceOf,
	topicOf,
	writeRecord,
} from "./packed-retained.ts";
import type { RetainedRecord } from "./records.ts";

/** A row of retained messages. */
export interface RetainedRow {
	readonly id: number;
	/** Null: it is damaged. */
	readonly record: RetainedRecord | null;
}

/** Without its row. User name and listener are those of a client. */
export function encodeRetained(record: Omit<RetainedRecord, "id">, codec: TextCodec): Uint8Array {
	const { topic, qos, expiresAt, clientId, username, listener, properties, payload } = record;
	const message: PackedMessage = { topicBytes: encode(topic, codec), qos, properties, payload, expiresAt };
	const source =
		clientId === null
			? null
			: {
					clientId: encode(clientId, codec),
					username: username === null ? null : encode(username, codec),
					listener: encode(listener, codec),
				};
	const bytes = new Uint8Array(recordLength(message, source, codec));
	writeRecord(bytes, 0, message, source, codec);
	return bytes;
}

function encode(text: string, codec: TextCodec): Uint8Array {
	const bytes = new Uint8Array(codec.byteLength(text));
	codec.encodeInto(text, bytes, 0);
	return bytes;
}

/** Of octets as `Statement.packed` gives them. */
export function decodeRetained(bytes: Uint8Array, codec: TextCodec): RetainedRow[] {
	const rows: RetainedRow[] = [];
	let capacity = 0;
	for (let at = 0; at < bytes.length; at += capacity) {
		capacity = capacityOf(bytes, at);
		const id = rowOf(bytes, at);
		rows.push({ id, record: isSound(bytes, at, capacity) ? decodeOne(id, bytes, at, codec) : null });
	}
	return rows;
}

function decodeOne(id: number, bytes: Uint8Array, at: number, codec: TextCodec): RetainedRecord | null {
	const topic = topicOf(bytes, at, codec);
	if (topic === null) return null;
	const source = sourceOf(bytes, at, codec);
	return {
		id,
		topic,
		qos: qosOf(bytes, at),
		expiresAt: expiryOf(bytes, at),
		clientId: source?.clientId ?? null,
		username: source?.username ?? null,
		listener: source?.listenerName ?? "",
		properties: propertiesOf(bytes, at, codec),
		payload: isGone(bytes, at) ? null : payloadOf(bytes, at),
	};
}
