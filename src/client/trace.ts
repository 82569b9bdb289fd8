/** Lines about single packets, in the wording that mosquitto's clients print with `-d`. */

import type { SubscriptionRequest } from "../packet/packet.ts";

/** Tells the handler of packets. Ask `enabled` before making up a text for it. */
export class Trace {
	readonly enabled: boolean;
	/** How the client is called; the server has not yet named a client without an identifier. */
	clientId = "";
	private readonly tell: (line: string) => void;

	/** `tell` undefined: nobody wants to know. */
	constructor(tell: ((line: string) => void) | undefined) {
		this.enabled = tell !== undefined;
		this.tell = tell ?? (() => {});
	}

	sending(what: string): void {
		this.tell(`Client ${this.clientId === "" ? "(null)" : this.clientId} sending ${what}`);
	}

	received(what: string): void {
		this.tell(`Client ${this.clientId === "" ? "(null)" : this.clientId} received ${what}`);
	}

	/** A line that does not begin with the client. */
	line(text: string): void {
		this.tell(text);
	}
}

/** What is said of a PUBLISH in either direction; an empty topic is one that an alias stands for. */
export function publishText(
	dup: boolean,
	qos: number,
	retain: boolean,
	packetId: number,
	topic: string,
	length: number,
): string {
	const shown = topic === "" ? "(null)" : topic;
	return `PUBLISH (d${Number(dup)}, q${qos}, r${Number(retain)}, m${packetId}, '${shown}', ... (${length} bytes))`;
}

/** What is said of one topic filter of a SUBSCRIBE. The options are those octets' bits above the QoS. */
export function subscribeText(packetId: number, request: SubscriptionRequest): string {
	const options =
		(request.noLocal ? 4 : 0) | (request.retainAsPublished ? 8 : 0) | (request.retainHandling << 4);
	const hexadecimal = options.toString(16).padStart(2, "0");
	return `SUBSCRIBE (Mid: ${packetId}, Topic: ${request.topicFilter}, QoS: ${request.qos}, Options: 0x${hexadecimal})`;
}
