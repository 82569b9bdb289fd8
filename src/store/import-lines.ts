/** Reads the lines of an export into a database: see export-format.ts. */

import { isValidTopicFilter, isValidTopicName, type TextCodec } from "../packet/packet.ts";
import type { ByteSource } from "./byte-source.ts";
import { EXPORT_VERSION, Fields, FormatError, isObject, type JsonValue } from "./export-format.ts";
import type { Importer } from "./importer.ts";
import { LineReader, LongLineError } from "./line-reader.ts";
import { DeliveryState } from "./records.ts";

/** A line that cannot be taken, counted from 1. */
export class LineError extends Error {
	readonly line: number;

	constructor(line: number, cause: string) {
		super(cause);
		this.line = line;
	}
}

const MOST_ID = 2 ** 48;
const MOST_SECONDS = 0xffff_ffff;
/** Of subscription identifiers. */
const MOST_IDENTIFIER = 268_435_455;

/** Reads all lines. Throws LineError at the first that is wrong, and what `source` and `importer` throw. */
export function importLines(source: ByteSource, codec: TextCodec, importer: Importer): void {
	const reader = new LineReader(source);
	const lines = new LineImporter(codec, importer);
	try {
		while (reader.next()) {
			const text = codec.decode(reader.bytes, reader.start, reader.end);
			if (text === null) throw new FormatError("not UTF-8");
			if (text.trim() !== "") lines.take(text);
		}
		lines.finish();
	} catch (error) {
		if (!(error instanceof FormatError || error instanceof LongLineError)) throw error;
		throw new LineError(reader.line, error.message);
	}
}

function parse(text: string): Record<string, JsonValue> {
	let value: JsonValue;
	try {
		value = JSON.parse(text) as JsonValue;
	} catch (error) {
		throw new FormatError(`not JSON (${(error as Error).message})`);
	}
	if (!isObject(value)) throw new FormatError("not a JSON object");
	return value;
}

class LineImporter {
	private readonly codec: TextCodec;
	private readonly importer: Importer;
	/** Lines that say something. */
	private count = 0;
	private ended = false;
	private lastMessage = 0;

	constructor(codec: TextCodec, importer: Importer) {
		this.codec = codec;
		this.importer = importer;
	}

	take(text: string): void {
		if (this.ended) throw new FormatError(`a line after that of the kind "end"`);
		const object = parse(text);
		const { kind } = object;
		const fields = new Fields(object, this.codec);
		this.count++;
		if ((this.count === 1) !== (kind === "export"))
			throw new FormatError('the first line has the kind "export"');
		switch (kind) {
			case "export":
				this.header(fields);
				break;
			case "session":
				this.session(fields);
				break;
			case "subscription":
				this.subscription(fields);
				break;
			case "incoming":
				this.belongs(this.importer.incoming(fields.clientId(), fields.number("packetId", 1, 65_535)));
				break;
			case "will":
				this.will(fields);
				break;
			case "message":
				this.message(fields);
				break;
			case "delivery":
				this.delivery(fields);
				break;
			case "retained":
				this.retained(fields);
				break;
			case "end":
				if (fields.number("lines", 1, MOST_ID) !== this.count)
					throw new FormatError(`"lines" is not ${this.count}`);
				this.ended = true;
				break;
			default:
				throw new FormatError(`unknown kind ${JSON.stringify(kind ?? null)}`);
		}
	}

	finish(): void {
		if (!this.ended)
			throw new FormatError('the last line, of the kind "end", is missing: the file is cut off');
	}

	/** Throws unless what was given to the importer belongs to a session. */
	private belongs(isKnown: boolean): void {
		if (!isKnown) throw new FormatError('no line of the kind "session" before has this "clientId"');
	}

	private header(fields: Fields): void {
		const version = fields.number("version", 1, MOST_ID);
		if (version > EXPORT_VERSION) {
			throw new FormatError(`version ${version} of the format; this program knows up to ${EXPORT_VERSION}`);
		}
	}

	private session(fields: Fields): void {
		const clientId = fields.clientId();
		const isNew = this.importer.session({
			clientId,
			username: fields.textOrNull("username"),
			listener: fields.text("listener"),
			mountPoint: fields.text("mountPoint"),
			expiryInterval: fields.number("expiryInterval", 0, MOST_SECONDS),
			endsAt: fields.time("endsAt"),
			lastPacketId: fields.number("lastPacketId", 0, 65_535),
		});
		if (!isNew) throw new FormatError(`a second session of "${clientId}"`);
	}

	private subscription(fields: Fields): void {
		const isKnown = this.importer.subscription(fields.clientId(), {
			topicFilter: filterOf(fields, "filter"),
			qos: fields.qos(),
			noLocal: fields.flag("noLocal"),
			retainAsPublished: fields.flag("retainAsPublished"),
			identifier: fields.number("identifier", 0, MOST_IDENTIFIER),
		});
		this.belongs(isKnown);
	}

	private will(fields: Fields): void {
		const isKnown = this.importer.will(fields.clientId(), {
			topic: topicOf(fields),
			qos: fields.qos(),
			retain: fields.flag("retain"),
			dueAt: fields.time("dueAt"),
			properties: fields.properties("properties"),
			payload: fields.octets("payload"),
		});
		this.belongs(isKnown);
	}

	private message(fields: Fields): void {
		const id = fields.number("id", this.lastMessage + 1, MOST_ID);
		this.lastMessage = id;
		this.importer.message(id, {
			topic: topicOf(fields),
			qos: fields.qos(),
			expiresAt: fields.time("expiresAt"),
			properties: fields.properties("properties"),
			payload: fields.octets("payload"),
		});
	}

	private delivery(fields: Fields): void {
		const clientId = fields.clientId();
		const state = fields.state();
		const isQueued = state === DeliveryState.QUEUED;
		const isReceived = state === DeliveryState.PUBCOMP;
		const message = isReceived ? null : fields.number("message", 1, MOST_ID);
		const share = fields.textOrNull("share");
		if (share !== null && !isValidTopicFilter(share))
			throw new FormatError('"share" is no valid topic filter');
		this.belongs(this.importer.hasSession(clientId));
		const packetId = fields.number("packetId", isQueued ? 0 : 1, isQueued ? 0 : 65_535);
		if (!isQueued && this.importer.isUnderWay(clientId, packetId)) {
			throw new FormatError(`a second delivery to "${clientId}" with the packet identifier ${packetId}`);
		}
		const isThere = this.importer.delivery(clientId, {
			message,
			qos: fields.qos(),
			retain: fields.flag("retain"),
			identifier: fields.number("identifier", 0, MOST_IDENTIFIER),
			share,
			packetId,
			state,
		});
		if (!isThere) throw new FormatError(`no line of the kind "message" before has the "id" ${message}`);
	}

	private retained(fields: Fields): void {
		this.importer.retained({
			topic: topicOf(fields),
			qos: fields.qos(),
			expiresAt: fields.time("expiresAt"),
			clientId: fields.textOrNull("clientId"),
			username: fields.textOrNull("username"),
			listener: fields.text("listener"),
			properties: fields.properties("properties"),
			payload: fields.octets("payload"),
		});
	}
}

function topicOf(fields: Fields): string {
	const topic = fields.text("topic");
	if (!isValidTopicName(topic)) throw new FormatError('"topic" is no valid topic name');
	return topic;
}

function filterOf(fields: Fields, name: string): string {
	const filter = fields.text(name);
	if (!isValidTopicFilter(filter)) throw new FormatError(`"${name}" is no valid topic filter`);
	return filter;
}
