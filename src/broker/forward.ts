/**
 * The short way of a PUBLISH: a plain frame (no RETAIN, no DUP, no properties) goes on as it is to those who can take
 * it so. What it cannot be sure of it leaves, untouched, to `publish.ts`, which checks everything. Fields are read
 * one by one, as taking an object apart costs the interpreter more.
 */

import { PublishView } from "../packet/packet.ts";
import type { Client } from "./client.ts";
import { OUTPUT_LIMIT, PUBACK_HEADER, PUBLISH, PUBREC_HEADER } from "./constants.ts";
import type { Delivery } from "./delivery.ts";
import { distributeTo } from "./distribute.ts";
import type { Route } from "./routes.ts";
import type { Statistics } from "./statistics.ts";

const view = new PublishView();

/** Tallies, as those in client.ts: payload of frames, and what their copies come to beyond one copy of each. */
let payload = 0;
let furtherCopies = 0;
let furtherOctets = 0;
let furtherPayload = 0;
/** Frames of QoS 1 and 2, which `client.ts` has not counted. */
let tracked = 0;

export function takeTracked(): number {
	const count = tracked;
	tracked = 0;
	return count;
}

/** Adds the tallies to `statistics`, and starts over; `frames` and `octets` are those of frames that came this way. */
export function takeForwarded(statistics: Statistics, frames: number, octets: number): void {
	statistics.payloadReceived += payload;
	statistics.sent[PUBLISH]! += frames + furtherCopies;
	statistics.bytesSent += octets + furtherOctets;
	statistics.payloadSent += payload + furtherPayload;
	payload = 0;
	furtherCopies = 0;
	furtherOctets = 0;
	furtherPayload = 0;
}

/** Hands on a plain QoS 0 frame. False, having done nothing, when it is not for this short way. */
export function forward(client: Client, bytes: Uint8Array, start: number, end: number): boolean {
	const topicStart = bytes[start + 1]! < 128 ? start + 4 : afterLength(bytes, start) + 2;
	const topicEnd = topicStart + ((bytes[topicStart - 2]! << 8) | bytes[topicStart - 1]!);
	// At the end there may be no payload, or a topic that is longer than the frame.
	if (topicEnd >= end) return false;
	const routes = client.routes;
	let route = routes.cache.get(bytes, topicStart, topicEnd);
	if (route === undefined || route.generation !== routes.generation) {
		if (topicStart === topicEnd) return false;
		route = routes.get(bytes, topicStart, topicEnd);
	}
	let forwarding = route.forwarding;
	if (client.needsLook) {
		const rights = client.rights;
		if (rights !== null && route.writer !== rights && !route.admits(rights)) return false;
		if (client.isVersion5) {
			if (bytes[topicEnd]! > 0) return false;
			forwarding = route.forwarding5;
			if (forwarding !== null) payload--;
		}
	}
	if (forwarding === null) return false;
	payload += end - topicEnd;
	const only = forwarding.only;
	if (only !== null) {
		if (only.write(bytes, start, end) > OUTPUT_LIMIT) forwarding.links[0]!.becomeCongested();
	} else {
		const connections = forwarding.connections;
		const further = connections.length - 1;
		furtherCopies += further;
		furtherOctets += further * (end - start);
		furtherPayload += further * (end - topicEnd - (client.isVersion5 ? 1 : 0));
		for (let i = further; i >= 0; i--) {
			if (connections[i]!.write(bytes, start, end) > OUTPUT_LIMIT) forwarding.links[i]!.becomeCongested();
		}
	}
	if (forwarding.rest !== null)
		forwardRest(client, route, forwarding.rest, bytes, start, end, topicStart, topicEnd);
	return true;
}

/** Where the remaining length ends; a padded one gives a position past any frame, as it must not be passed on. */
function afterLength(bytes: Uint8Array, start: number): number {
	let position = start + 2;
	while (bytes[position - 1]! > 127) position++;
	return bytes[position - 1] === 0 ? bytes.length : position;
}

/** Those who need a look at each: another encoding, another QoS, no connection, or one that does not keep up. */
function forwardRest(
	client: Client,
	route: Route,
	rest: readonly Delivery[],
	bytes: Uint8Array,
	start: number,
	end: number,
	topicStart: number,
	topicEnd: number,
): void {
	const { publication } = client.broker;
	begin(client, route, bytes, start, end, topicStart, topicEnd, 0);
	distributeTo(rest, publication, client.session);
	publication.finish();
}

/** Frames that are taken as one run at most. */
const RUN_LIMIT = 64;
/** The acknowledgements of a run, which lack but their packet identifiers. */
const pubacks = acknowledgements(PUBACK_HEADER);
const pubrecs = acknowledgements(PUBREC_HEADER);

function acknowledgements(header: number): Uint8Array {
	return new Uint8Array(4 * RUN_LIMIT).map((_, at) => [header, 2, 0, 0][at & 3]!);
}

/**
 * As `forward`, for QoS 1 and 2: to each subscriber with a packet identifier of its own; then the acknowledgement. It
 * goes on with the frames of the same QoS behind it up to `limit`, as what is asked and written once for all of them is
 * most of the work. Returns where the first frame begins that it has left, untouched.
 */
export function forwardTracked(
	client: Client,
	bytes: Uint8Array,
	start: number,
	end: number,
	limit: number,
	qos: number,
): number {
	const session = client.session;
	const routes = client.routes;
	const cache = routes.cache;
	const isVersion5 = client.isVersion5;
	const rights = client.rights;
	const shortFrame = client.shortFrame;
	const level = isVersion5 ? 5 : 3;
	const header = bytes[start]!;
	const acks = qos === 1 ? pubacks : pubrecs;
	let at = start;
	let next = end;
	let count = 0;
	do {
		const topicStart = bytes[at + 1]! < 128 ? at + 4 : afterLength(bytes, at) + 2;
		const topicEnd = topicStart + ((bytes[topicStart - 2]! << 8) | bytes[topicStart - 1]!);
		if (topicEnd + 2 >= next || topicStart === topicEnd) break;
		const packetId = (bytes[topicEnd]! << 8) | bytes[topicEnd + 1]!;
		if (packetId === 0 || (qos === 2 && !session.mayReceive(packetId, client.incomingMaximum))) break;
		if (isVersion5 && bytes[topicEnd + 2]! > 0) break;
		let route = cache.get(bytes, topicStart, topicEnd);
		if (route === undefined || route.generation !== routes.generation) {
			// This may throw, and then what came before is to have been acknowledged.
			if (count > 0) break;
			route = routes.get(bytes, topicStart, topicEnd);
		}
		if (!route.tracks) break;
		if (rights !== null && route.writer !== rights && !route.admits(rights)) break;
		const only = route.only;
		if (isVersion5 && only === null && !hasReceiver(route.deliveries, client)) break;
		payload += next - topicEnd - (isVersion5 ? 3 : 2);
		if (
			only === null ||
			only.qos < qos ||
			!only.session.deliverFrame(bytes, at, next, topicEnd, level, qos)
		) {
			forwardToEach(client, route, bytes, at, next, topicStart, topicEnd, qos);
		}
		if (qos === 2) session.incoming.add(packetId);
		acks[4 * count + 2] = packetId >> 8;
		acks[4 * count + 3] = packetId;
		count++;
		at = next;
		if (limit - at < 2 || bytes[at] !== header) break;
		const length = bytes[at + 1]! + 2;
		if (length > shortFrame) break;
		next = at + length;
	} while (next <= limit && count < RUN_LIMIT);
	if (count > 0) {
		tracked += count;
		client.answerRun(acks, count); // [MQTT-4.3.2-4], [MQTT-4.3.3-8]
	}
	return at;
}

/** Any number of subscribers: the frame where it can be taken, or else a copy that is made for it. */
function forwardToEach(
	client: Client,
	route: Route,
	bytes: Uint8Array,
	start: number,
	end: number,
	topicStart: number,
	topicEnd: number,
	qos: number,
): void {
	const { deliveries } = route;
	const level = client.level;
	let begun = false;
	let further = -1;
	for (let i = deliveries.length - 1; i >= 0; i--) {
		const delivery = deliveries[i]!;
		const receiver = delivery.session;
		if (delivery.isPlain && delivery.qos >= qos) {
			if (receiver.deliverFrame(bytes, start, end, topicEnd, level, qos)) {
				further++;
				continue;
			}
		}
		const terms = delivery.noLocal ? delivery.termsFor(client.session) : delivery;
		if (terms === null) continue;
		if (!begun) {
			begun = true;
			begin(client, route, bytes, start, end, topicStart, topicEnd, qos);
		}
		receiver.deliver(client.broker.publication, terms);
	}
	if (begun) client.broker.publication.finish();
	furtherCopies += further;
	furtherOctets += further * (end - start);
	furtherPayload += further * (end - topicEnd - (level === 5 ? 3 : 2));
}

function hasReceiver(deliveries: readonly Delivery[], client: Client): boolean {
	for (const delivery of deliveries) {
		if (delivery.termsFor(client.session) !== null) return true;
	}
	return false;
}

/** Makes a publication of the frame, for those who need more than the frame. */
function begin(
	client: Client,
	route: Route,
	bytes: Uint8Array,
	start: number,
	end: number,
	topicStart: number,
	topicEnd: number,
	qos: number,
): void {
	const { publication, seconds } = client.broker;
	view.qos = qos;
	view.retain = false;
	view.topicStart = topicStart;
	view.topicEnd = topicEnd;
	view.payloadStart = topicEnd + (qos > 0 ? 2 : 0) + (client.isVersion5 ? 1 : 0);
	view.payloadEnd = end;
	publication.begin(route, bytes, view, null, 0, seconds);
	publication.useFrame(client.version, start, end);
}
