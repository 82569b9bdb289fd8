/** The reason codes of MQTT 5.0 (section 2.4) as one table, and the error that carries one. */

import { PacketType } from "./packets.ts";

const { CONNACK, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK, DISCONNECT: DISC, AUTH } = PacketType;
const PUBLISHED = [PUBACK, PUBREC];
const EITHER = [CONNACK, DISC];
const SUBSCRIBED = [SUBACK, DISC];
const ANSWERED = [CONNACK, PUBACK, PUBREC, SUBACK, UNSUBACK, DISC];
const PUBLICATION = [CONNACK, PUBACK, PUBREC, DISC];

/** One line of the table. `returnCode` is the CONNACK return code below 5.0 that says the same; 0 is none. */
export interface ReasonDefinition {
	readonly name: string;
	readonly packets: readonly PacketType[];
	readonly returnCode: number;
	readonly code: number;
}

function define<const C extends number>(
	code: C,
	name: string,
	packets: readonly PacketType[],
	returnCode = 0,
): ReasonDefinition & { readonly code: C } {
	return { code, name, packets, returnCode };
}

/** Every reason code, by field name; three names share 0x00. */
export const REASONS = {
	SUCCESS: define(0x00, "Success", [CONNACK, PUBACK, PUBREC, PUBREL, PUBCOMP, UNSUBACK, AUTH]),
	NORMAL_DISCONNECTION: define(0x00, "Normal disconnection", [DISC]),
	GRANTED_QOS_0: define(0x00, "Granted QoS 0", [SUBACK]),
	GRANTED_QOS_1: define(0x01, "Granted QoS 1", [SUBACK]),
	GRANTED_QOS_2: define(0x02, "Granted QoS 2", [SUBACK]),
	DISCONNECT_WITH_WILL_MESSAGE: define(0x04, "Disconnect with Will Message", [DISC]),
	NO_MATCHING_SUBSCRIBERS: define(0x10, "No matching subscribers", PUBLISHED),
	NO_SUBSCRIPTION_EXISTED: define(0x11, "No subscription existed", [UNSUBACK]),
	CONTINUE_AUTHENTICATION: define(0x18, "Continue authentication", [AUTH]),
	RE_AUTHENTICATE: define(0x19, "Re-authenticate", [AUTH]),
	UNSPECIFIED_ERROR: define(0x80, "Unspecified error", ANSWERED, 3),
	MALFORMED_PACKET: define(0x81, "Malformed Packet", EITHER),
	PROTOCOL_ERROR: define(0x82, "Protocol Error", EITHER),
	IMPLEMENTATION_SPECIFIC_ERROR: define(0x83, "Implementation specific error", ANSWERED, 3),
	UNSUPPORTED_PROTOCOL_VERSION: define(0x84, "Unsupported Protocol Version", [CONNACK], 1),
	CLIENT_IDENTIFIER_NOT_VALID: define(0x85, "Client Identifier not valid", [CONNACK], 2),
	BAD_USER_NAME_OR_PASSWORD: define(0x86, "Bad User Name or Password", [CONNACK], 4),
	NOT_AUTHORIZED: define(0x87, "Not authorized", ANSWERED, 5),
	SERVER_UNAVAILABLE: define(0x88, "Server unavailable", [CONNACK], 3),
	SERVER_BUSY: define(0x89, "Server busy", EITHER, 3),
	BANNED: define(0x8a, "Banned", [CONNACK], 5),
	SERVER_SHUTTING_DOWN: define(0x8b, "Server shutting down", [DISC]),
	BAD_AUTHENTICATION_METHOD: define(0x8c, "Bad authentication method", EITHER, 5),
	KEEP_ALIVE_TIMEOUT: define(0x8d, "Keep Alive timeout", [DISC]),
	SESSION_TAKEN_OVER: define(0x8e, "Session taken over", [DISC]),
	TOPIC_FILTER_INVALID: define(0x8f, "Topic Filter invalid", [SUBACK, UNSUBACK, DISC]),
	TOPIC_NAME_INVALID: define(0x90, "Topic Name invalid", PUBLICATION),
	PACKET_IDENTIFIER_IN_USE: define(0x91, "Packet Identifier in use", [PUBACK, PUBREC, SUBACK, UNSUBACK]),
	PACKET_IDENTIFIER_NOT_FOUND: define(0x92, "Packet Identifier not found", [PUBREL, PUBCOMP]),
	RECEIVE_MAXIMUM_EXCEEDED: define(0x93, "Receive Maximum exceeded", [DISC]),
	TOPIC_ALIAS_INVALID: define(0x94, "Topic Alias invalid", [DISC]),
	PACKET_TOO_LARGE: define(0x95, "Packet too large", EITHER, 5),
	MESSAGE_RATE_TOO_HIGH: define(0x96, "Message rate too high", [DISC]),
	QUOTA_EXCEEDED: define(0x97, "Quota exceeded", [CONNACK, PUBACK, PUBREC, SUBACK, DISC], 3),
	ADMINISTRATIVE_ACTION: define(0x98, "Administrative action", [DISC]),
	PAYLOAD_FORMAT_INVALID: define(0x99, "Payload format invalid", PUBLICATION),
	RETAIN_NOT_SUPPORTED: define(0x9a, "Retain not supported", EITHER),
	QOS_NOT_SUPPORTED: define(0x9b, "QoS not supported", EITHER),
	USE_ANOTHER_SERVER: define(0x9c, "Use another server", EITHER, 3),
	SERVER_MOVED: define(0x9d, "Server moved", EITHER, 3),
	SHARED_SUBSCRIPTIONS_NOT_SUPPORTED: define(0x9e, "Shared Subscriptions not supported", SUBSCRIBED),
	CONNECTION_RATE_EXCEEDED: define(0x9f, "Connection rate exceeded", EITHER, 3),
	MAXIMUM_CONNECT_TIME: define(0xa0, "Maximum connect time", [DISC]),
	SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED: define(0xa1, "Subscription Identifiers not supported", SUBSCRIBED),
	WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED: define(0xa2, "Wildcard Subscriptions not supported", SUBSCRIBED),
} as const;

type ReasonField = keyof typeof REASONS;

/** The reason codes by field name. */
export const Reason = Object.fromEntries(
	Object.entries(REASONS).map(([field, definition]) => [field, definition.code]),
) as { readonly [F in ReasonField]: (typeof REASONS)[F]["code"] };
export type ReasonCode = (typeof Reason)[ReasonField];

const byCode: (ReasonDefinition | undefined)[] = new Array(256).fill(undefined);
/** For each code, bit n is set when packets of type n may bear it. */
const packetsByCode = new Uint16Array(256);
for (const definition of Object.values<ReasonDefinition>(REASONS)) {
	byCode[definition.code] ??= definition;
	for (const type of definition.packets) packetsByCode[definition.code]! |= 1 << type;
}

/** The specification's name of a reason code ("Not authorized"), or "Reason code 0x2a" for an unknown one. */
export function reasonName(code: number): string {
	return byCode[code]?.name ?? `Reason code 0x${code.toString(16).padStart(2, "0")}`;
}

/** The CONNACK return code below 5.0 that says the same as a 5.0 reason, or else 3, server unavailable; 0 for success. */
export function returnCodeFor(code: number): number {
	return code < 0x80 ? 0 : byCode[code]?.returnCode || 3;
}

/** Whether there is a CONNACK return code below 5.0 that says the same as a 5.0 reason. */
export function hasReturnCode(code: number): boolean {
	return (byCode[code]?.returnCode ?? 0) !== 0;
}

/** Whether a 5.0 packet of this type may bear this reason code. */
export function isReasonFor(type: number, code: number): boolean {
	return ((packetsByCode[code]! >> type) & 1) !== 0;
}

/** Reason codes of DISCONNECT that only a server sends (section 3.14.2.1, table "Disconnect Reason Code values"). */
const SERVER_DISCONNECTS: ReadonlySet<number> = new Set([
	Reason.NOT_AUTHORIZED,
	Reason.SERVER_BUSY,
	Reason.SERVER_SHUTTING_DOWN,
	Reason.KEEP_ALIVE_TIMEOUT,
	Reason.SESSION_TAKEN_OVER,
	Reason.TOPIC_FILTER_INVALID,
	Reason.RETAIN_NOT_SUPPORTED,
	Reason.QOS_NOT_SUPPORTED,
	Reason.USE_ANOTHER_SERVER,
	Reason.SERVER_MOVED,
	Reason.SHARED_SUBSCRIPTIONS_NOT_SUPPORTED,
	Reason.CONNECTION_RATE_EXCEEDED,
	Reason.MAXIMUM_CONNECT_TIME,
	Reason.SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED,
	Reason.WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED,
]);

/** Whether only a server may send a DISCONNECT with this reason code. */
export function isServerDisconnect(code: number): boolean {
	return SERVER_DISCONNECTS.has(code);
}

/** What decoding throws: the reason code to answer with, and what was wrong where. */
export class MqttError extends Error {
	readonly code: ReasonCode;

	constructor(code: ReasonCode, text: string) {
		super(text);
		this.name = "MqttError";
		this.code = code;
	}
}

/** The error for octets that cannot be a packet (section 1.2, Malformed Packet). */
export function malformed(text: string): MqttError {
	return new MqttError(Reason.MALFORMED_PACKET, text);
}

/** The error for a packet that reads well, but that the protocol does not allow. */
export function protocolError(text: string): MqttError {
	return new MqttError(Reason.PROTOCOL_ERROR, text);
}
