/** Lines about single packets, in the wording that mosquitto's clients print with `-d`. */

import type { SubscriptionRequest } from "../packet/packet.ts";

/** How the client is called in a line; the server has not yet named a client without an identifier. */
function name(clientId: string): string {
	return clientId === "" ? "(null)" : clientId;
}

/** `Client ID sending WHAT`. */
export function sending(clientId: string, what: string): string {
	return `Client ${name(clientId)} sending ${what}`;
}

/** `Client ID received WHAT`. */
export function received(clientId: string, what: string): string {
	return `Client ${name(clientId)} received ${what}`;
}

/** What is said of a PUBLISH in either direction. */
export function publishText(
	dup: boolean,
	qos: number,
	retain: boolean,
	packetId: number,
	topic: string,
	length: number,
): string {
	return `PUBLISH (d${Number(dup)}, q${qos}, r${Number(retain)}, m${packetId}, '${topic}', ... (${length} bytes))`;
}

/** What is said of one topic filter of a SUBSCRIBE. The options are those octets' bits above the QoS. */
export function subscribeText(packetId: number, request: SubscriptionRequest): string {
	const options =
		(request.noLocal ? 4 : 0) | (request.retainAsPublished ? 8 : 0) | (request.retainHandling << 4);
	const hexadecimal = options.toString(16).padStart(2, "0");
	return `SUBSCRIBE (Mid: ${packetId}, Topic: ${request.topicFilter}, QoS: ${request.qos}, Options: 0x${hexadecimal})`;
}
