/** What a client tells its user: messages, answers, the end of a connection. */

import type { HostError } from "../host/host.ts";
import type { AuthPacket, ConnackPacket, Properties, Qos } from "../packet/packet.ts";

/**
 * A message that arrived. For QoS 0 and 1 this object and `payload` are lent: they are overwritten after the
 * handler returns. What is kept must be copied.
 */
export class Message {
	topic = "";
	/** The octets are `payload[payloadStart, payloadEnd)`. */
	payload: Uint8Array = new Uint8Array(0);
	payloadStart = 0;
	payloadEnd = 0;
	qos: Qos = 0;
	retain = false;
	dup = false;
	/** 0 at QoS 0. */
	packetId = 0;
	/** Null below 5.0 and when there are none. */
	properties: Properties | null = null;
}

/** Why a connection ended. */
export type CloseReason =
	/** `disconnect` was called. */
	| { readonly kind: "requested" }
	/** The server was not found, or could not be reached: no connection came about. */
	| { readonly kind: "unreachable"; readonly error: HostError }
	/** CONNACK refused the connection. The code is a return code 1 to 5 below 5.0, else a reason code. */
	| { readonly kind: "refused"; readonly code: number }
	/** The connection broke, or the server closed it without a word; `error` is null in the latter case. */
	| { readonly kind: "lost"; readonly error: HostError | null }
	/** The server was silent for too long. */
	| { readonly kind: "keep-alive" }
	/** The server sent DISCONNECT (5.0). */
	| { readonly kind: "server"; readonly code: number; readonly properties: Properties | null }
	/** The server sent what MQTT does not allow; `code` is the reason code that says so. */
	| { readonly kind: "protocol"; readonly code: number; readonly text: string };

/**
 * Called from the event loop. Packet identifiers are those that `publish`, `subscribe` and `unsubscribe` returned.
 * Only `onClose` must be there.
 */
export interface ClientHandler {
	/** The server was reached, and CONNECT is on its way. */
	onReached?(): void;
	/** The server accepted the connection. */
	onConnect?(connack: ConnackPacket): void;
	/** The server refused the connection; `onClose` follows. */
	onRefused?(connack: ConnackPacket): void;
	onMessage?(message: Message): void;
	/**
	 * A QoS 1 or 2 publication was answered for good. A `reasonCode` of 0x80 and more (5.0 only) says that the
	 * server did not take it; `properties` are then those of the answer.
	 */
	onPublished?(packetId: number, reasonCode: number, properties: Properties | null): void;
	/** One code for each topic filter: the granted QoS, or 0x80 and more when refused. */
	onSubscribed?(packetId: number, reasonCodes: readonly number[], properties: Properties | null): void;
	/** `reasonCodes` is empty below 5.0. */
	onUnsubscribed?(packetId: number, reasonCodes: readonly number[], properties: Properties | null): void;
	/** Enhanced authentication (5.0) goes on; without this function AUTH is a protocol error. */
	onAuth?(auth: AuthPacket): void;
	/** Output that had piled up was taken by the system. */
	onDrain?(): void;
	/**
	 * A connection ended, or none came about. The client goes on by itself when it was told to reconnect and the
	 * reason is not "requested"; calling `disconnect` in here keeps it from that.
	 */
	onClose(reason: CloseReason): void;
	/** Receives one line of text about each packet; nothing is made up for it when it is not there. */
	onTrace?(line: string): void;
}

/** What `publish` and the like return instead of a packet identifier: numbers below 0. */
export const ClientError = {
	/** There is no connection, and nothing that could wait for one. */
	NOT_CONNECTED: -1,
	/** The topic name or topic filter is empty, too long, or has wildcards where none may be. */
	INVALID_TOPIC: -2,
	/** The packet would be longer than MQTT, or this server, allows. */
	PACKET_TOO_LARGE: -3,
	/** The server does not take this QoS. */
	QOS_NOT_SUPPORTED: -4,
	/** All 65,535 packet identifiers are in use. */
	NO_PACKET_IDENTIFIER: -5,
	/** The topic alias is 0 or beyond the server's topic alias maximum. */
	INVALID_TOPIC_ALIAS: -6,
} as const;
export type ClientError = (typeof ClientError)[keyof typeof ClientError];

const ERROR_TEXTS: Readonly<Record<ClientError, string>> = {
	[ClientError.NOT_CONNECTED]: "not connected",
	[ClientError.INVALID_TOPIC]: "invalid topic",
	[ClientError.PACKET_TOO_LARGE]: "packet too large",
	[ClientError.QOS_NOT_SUPPORTED]: "QoS not supported by the server",
	[ClientError.NO_PACKET_IDENTIFIER]: "no free packet identifier",
	[ClientError.INVALID_TOPIC_ALIAS]: "topic alias out of range",
};

/** A few words for a number below 0 that `publish` and the like returned. */
export function clientErrorText(code: number): string {
	return ERROR_TEXTS[code as ClientError] ?? `error ${code}`;
}
