/** Reads mosquitto's database file, versions 3 to 6. What is damaged is left out, and told with its place. */

import type { TextCodec } from "../packet/packet.ts";
import { type ByteSource, Window } from "./byte-source.ts";
import {
	Chunk,
	ChunkReader,
	Damage,
	type MosquittoClient,
	type MosquittoClientMessage,
	type MosquittoMessage,
	type MosquittoRetained,
	type MosquittoSettings,
	type MosquittoSubscription,
	readClient,
	readClientMessage,
	readMessage,
	readRetained,
	readSettings,
	readSubscription,
} from "./mosquitto-records.ts";

/** Who is told of the records, in the order of the file: mosquitto writes messages before what refers to them. */
export interface MosquittoVisitor {
	message(record: MosquittoMessage): void;
	client(record: MosquittoClient): void;
	clientMessage(record: MosquittoClientMessage): void;
	retained(record: MosquittoRetained): void;
	subscription(record: MosquittoSubscription): void;
}

/** A place that could not be read. */
export interface DamagedPlace {
	/** Octets from the beginning of the file. */
	readonly offset: number;
	/** "message has QoS 7". */
	readonly cause: string;
}

/** What became of the file. */
export interface MosquittoSummary {
	readonly version: number;
	/** Null where its chunk is missing or damaged. */
	settings: MosquittoSettings | null;
	messages: number;
	clients: number;
	clientMessages: number;
	retained: number;
	subscriptions: number;
	/** Places that could not be read. */
	damaged: number;
	/** Octets in them. */
	lostOctets: number;
	/** The first `MOST_PLACES` of them. */
	readonly places: DamagedPlace[];
}

/** More damaged places than this are counted only. */
export const MOST_PLACES = 100;

/** The file is none of mosquitto's, or of a version that is not known. */
export class NotMosquittoError extends Error {}

const MAGIC = Uint8Array.of(0, 0xb5, 0, ...Array.from("mosquitto db", (letter) => letter.charCodeAt(0)));
/** Magic, a checksum that is always 0, and the version. */
const HEAD_LENGTH = MAGIC.length + 8;
const NAMES = ["", "settings", "message", "client message", "retained message", "subscription", "client"];
/** The least length of each kind of chunk: of versions 3 and 4, and of 5 and 6. */
const LEAST_3 = [0, 10, 23, 16, 8, 6, 8];
const LEAST_5 = [0, 12, 33, 17, 8, 14, 17];
/** A chunk that was looked for counts as found when so many sound headers, or the end of the file, follow. */
const CHAIN = 2;

/** Whether the octets at the beginning of a file are those of mosquitto's. */
export function isMosquittoFile(source: ByteSource): boolean {
	const head = source.read(0, MAGIC.length);
	return head.length === MAGIC.length && MAGIC.every((octet, index) => head[index] === octet);
}

/** Reads all of `source`. Throws a NotMosquittoError, and what `source` and `visitor` throw. */
export function readMosquittoFile(
	source: ByteSource,
	codec: TextCodec,
	visitor: MosquittoVisitor,
): MosquittoSummary {
	if (!isMosquittoFile(source)) throw new NotMosquittoError("not a database file of mosquitto");
	const head = source.read(0, HEAD_LENGTH);
	if (head.length < HEAD_LENGTH)
		throw new NotMosquittoError("a database file of mosquitto that ends in its header");
	const version = uint32(head, HEAD_LENGTH - 4);
	if (version < 3 || version > 6) {
		throw new NotMosquittoError(
			`a database file of mosquitto of version ${version}; versions 3 to 6 are known`,
		);
	}
	return new FileReader(source, codec, visitor, version).read();
}

function uint32(bytes: Uint8Array, at: number): number {
	return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

interface Header {
	readonly kind: number;
	/** Octets after the header. */
	readonly length: number;
}

class FileReader {
	private readonly window: Window;
	private readonly codec: TextCodec;
	private readonly visitor: MosquittoVisitor;
	private readonly summary: MosquittoSummary;
	private readonly headerLength: number;
	private readonly least: readonly number[];

	constructor(source: ByteSource, codec: TextCodec, visitor: MosquittoVisitor, version: number) {
		this.window = new Window(source);
		this.codec = codec;
		this.visitor = visitor;
		this.headerLength = version >= 5 ? 8 : 6;
		this.least = version >= 5 ? LEAST_5 : LEAST_3;
		const none = { messages: 0, clients: 0, clientMessages: 0, retained: 0, subscriptions: 0 };
		this.summary = { version, settings: null, ...none, damaged: 0, lostOctets: 0, places: [] };
	}

	read(): MosquittoSummary {
		let position = HEAD_LENGTH;
		while (this.window.reaches(position + 1)) position = this.chunk(position);
		return this.summary;
	}

	/** Reads what begins at `position`, and returns where to go on. */
	private chunk(position: number): number {
		const header = this.header(position);
		if (header === null) return this.lose(position, "the file ends in a header");
		const { kind, length } = header;
		const name = NAMES[kind];
		if (kind === 0 || name === undefined) return this.lose(position, `chunk of unknown kind ${kind}`);
		const end = position + this.headerLength + length;
		const start = this.window.find(position + this.headerLength, length);
		if (start < 0) return this.lose(position, `${name} is longer than the rest of the file`);
		try {
			this.record(kind, new ChunkReader(this.window.bytes, start, start + length, this.codec));
			return end;
		} catch (error) {
			if (!(error instanceof Damage)) throw error;
			return this.lose(position, `${name} ${error.message}`, end);
		}
	}

	private record(kind: number, reader: ChunkReader): void {
		const { summary, visitor } = this;
		const { version } = summary;
		switch (kind) {
			case Chunk.SETTINGS:
				summary.settings = readSettings(reader, version);
				break;
			case Chunk.MESSAGE:
				visitor.message(readMessage(reader, version));
				summary.messages++;
				break;
			case Chunk.CLIENT_MESSAGE:
				visitor.clientMessage(readClientMessage(reader, version));
				summary.clientMessages++;
				break;
			case Chunk.RETAINED:
				visitor.retained(readRetained(reader));
				summary.retained++;
				break;
			case Chunk.SUBSCRIPTION:
				visitor.subscription(readSubscription(reader, version));
				summary.subscriptions++;
				break;
			default:
				visitor.client(readClient(reader, version));
				summary.clients++;
		}
	}

	/**
	 * Counts a damaged place at `position`, and returns where the next chunk is: at `end` when one is there, or the first that
	 * is found behind `position`.
	 */
	private lose(position: number, cause: string, end = -1): number {
		const next = end >= 0 && this.isChain(end, CHAIN) ? end : this.search(position + 1);
		const { summary } = this;
		summary.damaged++;
		summary.lostOctets += next - position;
		if (summary.places.length < MOST_PLACES) summary.places.push({ offset: position, cause });
		return next;
	}

	/** The first position from `from` on at which chunks begin, or the end of the file. */
	private search(from: number): number {
		for (let position = from; ; position++) {
			// Two octets are looked at first: most positions are none.
			const index = this.window.find(position, this.headerLength);
			if (index < 0) return this.window.end(position);
			const { bytes } = this.window;
			if (bytes[index] === 0 && bytes[index + this.headerLength - 5]! <= Chunk.CLIENT) {
				if (this.isChain(position, CHAIN)) return position;
			}
		}
	}

	/** Whether `count` sound headers, one behind the other, begin at `position`, or fewer and then the end of the file. */
	private isChain(position: number, count: number): boolean {
		let at = position;
		for (let left = count; left > 0; left--) {
			const header = this.header(at);
			if (header === null) return at > position && !this.window.reaches(at + 1);
			const { kind, length } = header;
			if (kind === 0 || kind > Chunk.CLIENT || length < this.least[kind]!) return false;
			if (kind === Chunk.RETAINED && length !== 8) return false;
			at += this.headerLength + length;
			if (!this.window.reaches(at)) return false;
		}
		return true;
	}

	/** The header at `position`; null where the file ends before. */
	private header(position: number): Header | null {
		const bytes = this.window.peek(position, this.headerLength);
		if (bytes === null) return null;
		const kind = this.headerLength === 8 ? uint32(bytes, 0) : (bytes[0]! << 8) | bytes[1]!;
		return { kind, length: uint32(bytes, this.headerLength - 4) };
	}
}
