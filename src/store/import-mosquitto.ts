/** Reads mosquitto's database file into a database. */

import { type Qos, type TextCodec, topicMatches } from "../packet/packet.ts";
import type { ByteSource } from "./byte-source.ts";
import type { ImportedDelivery, Importer } from "./importer.ts";
import { type MosquittoSummary, readMosquittoFile } from "./mosquitto-file.ts";
import {
	MessageState,
	type MosquittoClient,
	type MosquittoClientMessage,
	type MosquittoMessage,
	type MosquittoSubscription,
} from "./mosquitto-records.ts";
import { DeliveryState, NEVER_EXPIRES } from "./records.ts";

/** What became of a file beside what was imported. */
export interface MosquittoImport {
	readonly summary: MosquittoSummary;
	/** Sessions and messages whose time was over, and sessions that end with their connection. */
	readonly expired: number;
	/** Records that refer to something that is not in the file. */
	readonly dangling: number;
}

/** Messages that their publishers had not released that are looked for subscribers of; more than any real file has. */
const MOST_HELD = 10_000;

/** `now`: seconds since 1970. Throws NotMosquittoError, and what `source` and `importer` throw. */
export function importMosquitto(
	source: ByteSource,
	codec: TextCodec,
	importer: Importer,
	now: number,
): MosquittoImport {
	const visitor = new MosquittoImporter(importer, now);
	const summary = readMosquittoFile(source, codec, visitor);
	visitor.finish();
	return { summary, expired: visitor.expired, dangling: visitor.dangling };
}

/** What waits for what, by mosquitto's states; of other states nothing was sent yet. */
const WAITING: Readonly<Record<number, DeliveryState>> = {
	[MessageState.WAIT_FOR_PUBACK]: DeliveryState.PUBACK,
	[MessageState.WAIT_FOR_PUBREC]: DeliveryState.PUBREC,
	[MessageState.RESEND_PUBREL]: DeliveryState.PUBCOMP,
	[MessageState.WAIT_FOR_PUBCOMP]: DeliveryState.PUBCOMP,
};

/** Who published, once for all messages. */
interface Publisher {
	readonly clientId: string;
	readonly username: string;
	readonly port: number;
}

/** A message that mosquitto has acknowledged with PUBREC and not handed on yet. */
interface Held {
	readonly clientId: string;
	/** As in `Importer.message`. */
	readonly number: number;
	readonly topic: string;
	readonly retain: boolean;
}

/** The subscription by which one session gets a message. */
interface Match {
	readonly qos: Qos;
	readonly retain: boolean;
	readonly identifier: number;
	readonly share: string | null;
}

class MosquittoImporter {
	expired = 0;
	dangling = 0;
	private readonly importer: Importer;
	private readonly now: number;
	/** Number of a message by its identifier in the file; 0 for one whose time is over. */
	private readonly numbers = new Map<string, number>();
	/** By number of the message. */
	private readonly publishers: Publisher[] = [];
	private readonly knownPublishers = new Map<string, Publisher>();
	/** Sessions that are over. */
	private readonly endedSessions = new Set<string>();
	private readonly held: (Omit<Held, "topic"> & { readonly packetId: number })[] = [];
	private lastNumber = 0;

	constructor(importer: Importer, now: number) {
		this.importer = importer;
		this.now = now;
	}

	message({
		id,
		topic,
		payload,
		qos,
		properties,
		expiresAt,
		publisher,
		username,
		port,
	}: MosquittoMessage): void {
		if (expiresAt !== 0 && expiresAt <= this.now) {
			this.numbers.set(id, 0);
			this.expired++;
			return;
		}
		const number = ++this.lastNumber;
		this.numbers.set(id, number);
		this.publishers[number] = this.publisher(publisher, username, port);
		this.importer.message(number, { topic, qos, expiresAt, properties, payload });
	}

	private publisher(clientId: string, username: string, port: number): Publisher {
		const key = `${port}\n${username}\n${clientId}`;
		let known = this.knownPublishers.get(key);
		if (known === undefined) {
			known = { clientId, username, port };
			this.knownPublishers.set(key, known);
		}
		return known;
	}

	client({ clientId, username, expiryInterval, expiresAt, lastPacketId, port }: MosquittoClient): void {
		if (expiryInterval === 0 || (expiresAt !== 0 && expiresAt <= this.now)) {
			this.endedSessions.add(clientId);
			this.expired++;
			return;
		}
		const endsAt = expiryInterval === NEVER_EXPIRES ? 0 : expiresAt;
		const where = { listener: listenerOf(port), mountPoint: "" };
		this.importer.session({ clientId, username, ...where, expiryInterval, endsAt, lastPacketId });
	}

	subscription({ clientId, filter, subscriptionId, ...rest }: MosquittoSubscription): void {
		const record = { topicFilter: filter, identifier: subscriptionId, ...rest };
		if (!this.importer.subscription(clientId, record)) this.miss(clientId);
	}

	clientMessage(record: MosquittoClientMessage): void {
		const { clientId, messageId } = record;
		const number = this.numbers.get(messageId);
		if (number === undefined || !this.importer.hasSession(clientId)) {
			this.miss(clientId);
		} else if (number !== 0) {
			if (record.incoming) this.hold(record, number);
			else this.deliver(record, number);
		}
	}

	private miss(clientId: string): void {
		if (!this.endedSessions.has(clientId)) this.dangling++;
	}

	private deliver(record: MosquittoClientMessage, number: number): void {
		const { clientId, packetId, qos, retain, subscriptionId } = record;
		let state =
			qos === 0 || packetId === 0 ? DeliveryState.QUEUED : (WAITING[record.state] ?? DeliveryState.QUEUED);
		if (state !== DeliveryState.QUEUED && this.importer.isUnderWay(clientId, packetId)) {
			state = DeliveryState.QUEUED;
		}
		this.importer.delivery(clientId, {
			message: state === DeliveryState.PUBCOMP ? null : number,
			qos,
			retain,
			identifier: subscriptionId,
			share: null,
			packetId: state === DeliveryState.QUEUED ? 0 : packetId,
			state,
		});
	}

	/** What is not acknowledged yet is sent again. */
	private hold({ clientId, packetId, retain, state }: MosquittoClientMessage, number: number): void {
		if (state !== MessageState.WAIT_FOR_PUBREL || packetId === 0) return;
		if (this.held.length < MOST_HELD) this.held.push({ clientId, packetId, number, retain });
		else this.dangling++;
	}

	retained({ messageId }: { readonly messageId: string }): void {
		const number = this.numbers.get(messageId);
		if (number === undefined) this.dangling++;
		else if (number !== 0) this.retain(number);
	}

	private retain(number: number): void {
		const { clientId, username, port } = this.publishers[number]!;
		// Of a file that names no user, whether the publisher may still publish cannot be judged.
		const isKnown = clientId !== "" && port !== 0;
		this.importer.retainMessage(number, {
			clientId: isKnown ? clientId : null,
			username: isKnown && username !== "" ? username : null,
			listener: listenerOf(port),
		});
	}

	/**
	 * mosquitto hands a QoS 2 message on when it is released, we when it comes: those between are handed on now, as their
	 * publishers have been told that they are kept.
	 */
	finish(): void {
		if (this.held.length === 0) return;
		const held = this.held.map(({ clientId, packetId, number, retain }): Held => {
			this.importer.incoming(clientId, packetId);
			if (retain) this.retain(number);
			return {
				clientId,
				number,
				retain,
				topic: this.importer.topicOf(number),
			};
		});
		const matches = held.map(() => new Map<string, Match>());
		const shares = new Set<string>();
		this.importer.subscriptions((clientId, record) => {
			const { topicFilter, qos, noLocal, retainAsPublished, identifier } = record;
			const share = topicFilter.startsWith("$share/") ? topicFilter : null;
			for (const [index, each] of held.entries()) {
				if (!topicMatches(topicFilter, each.topic) || (noLocal && each.clientId === clientId)) continue;
				// One of those who share gets it.
				if (share !== null && shares.has(`${index} ${share}`)) continue;
				if (share !== null) shares.add(`${index} ${share}`);
				const old = matches[index]!.get(clientId);
				if (old !== undefined && old.qos >= qos) continue;
				const retain = each.retain && retainAsPublished;
				matches[index]!.set(clientId, { qos, retain, identifier, share });
			}
		});
		for (const [index, { number }] of held.entries()) {
			for (const [clientId, match] of matches[index]!) {
				const delivery: ImportedDelivery = {
					message: number,
					...match,
					packetId: 0,
					state: DeliveryState.QUEUED,
				};
				if (match.qos > 0) this.importer.delivery(clientId, delivery);
			}
		}
	}
}

/** The name of a listener as the broker has it. */
function listenerOf(port: number): string {
	return port === 0 ? "" : String(port);
}
