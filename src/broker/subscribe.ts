/** SUBSCRIBE and UNSUBSCRIBE from a client. */

import {
	hasUnwanted,
	isValidTopicFilter,
	MqttError,
	PacketType,
	type Qos,
	Reason,
	type SubackPacket,
	type SubscribePacket,
	type SubscriptionRequest,
	type UnsubackPacket,
	type UnsubscribePacket,
} from "../packet/packet.ts";
import type { Client } from "./client.ts";
import { sendFailure } from "./explain.ts";
import { NOT_KEPT } from "./held.ts";
import { levelCount, MAXIMUM_LEVELS, tooManyLevels } from "./routes.ts";
import { Subscription, type SubscriptionFacts } from "./subscription-tree.ts";

export function handleSubscribe(client: Client, packet: SubscribePacket): void {
	client.trace("Received SUBSCRIBE from");
	const { session } = client;
	const changes = session.keeper === null ? 0 : session.keeper.store.urgentChanges;
	const identifier = packet.properties?.subscriptionIdentifier?.[0] ?? 0;
	for (const request of packet.subscriptions) checkFilter(request.topicFilter, "SUBSCRIBE");
	const retained: (() => void)[] = [];
	const refusals = new Set<string>();
	const formers = session.keeper === null ? [] : packet.subscriptions.map((each) => formerOf(client, each));
	// One after another, a code for each, in their order: [MQTT-3.8.4-5], [MQTT-3.8.4-6], [MQTT-3.9.3-1].
	// [MQTT-3.9.3-2], 3.1.1: [MQTT-3.8.4-4], [MQTT-3.8.4-5], [MQTT-3.9.3-1]
	const reasonCodes = packet.subscriptions.map((request) =>
		subscribe(client, request, identifier, retained, refusals),
	);
	client.trace("Sending SUBACK to");
	const { packetId } = packet;
	// [MQTT-2.2.1-6] [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-3.9.2-2]
	// 3.1.1: [MQTT-2.3.1-7], [MQTT-3.8.4-1], [MQTT-3.8.4-2]
	const answer: SubackPacket = { type: PacketType.SUBACK, packetId, properties: null, reasonCodes };
	const { keeper } = session;
	if (keeper === null || keeper.store.urgentChanges === changes) {
		sendAnswer(client, answer, refusals);
		for (const send of retained) send();
		return;
	}
	keeper.hold(client, (isWritten) => {
		if (isWritten) {
			sendAnswer(client, answer, refusals);
			for (const send of retained) send();
		} else {
			refuseAll(client, formers, answer);
		}
	});
}

function sendAnswer(client: Client, answer: SubackPacket, refusals: ReadonlySet<string>): void {
	if (refusals.size === 0 || !sendFailure(client, answer, [...refusals].join("; "))) client.sendWhole(answer);
}

/** What there was of a subscription before it is asked for; undefined for none. */
interface Former {
	readonly topicFilter: string;
	readonly facts: SubscriptionFacts | undefined;
}

function formerOf(client: Client, request: SubscriptionRequest): Former {
	const { broker, session } = client;
	const topicFilter = ownFilter(client, request.topicFilter);
	return { topicFilter, facts: broker.tree.find(session, topicFilter) };
}

/** The subscriptions could not be written: there are none, or those that there were before. */
function refuseAll(client: Client, formers: readonly Former[], answer: SubackPacket): void {
	const { broker, session } = client;
	for (const { topicFilter, facts } of formers) {
		if (facts === undefined) {
			session.subscriptions.delete(topicFilter);
			session.entry?.unsubscribe(topicFilter);
			broker.tree.remove(session, topicFilter);
			continue;
		}
		const { qos, noLocal, retainAsPublished, identifier } = facts;
		const subscription = new Subscription(session, topicFilter, qos, noLocal, retainAsPublished, identifier);
		session.entry?.subscribe(subscription);
		broker.tree.add(subscription);
	}
	broker.routes.invalidate();
	const reasonCodes = answer.reasonCodes.map(() => Reason.QUOTA_EXCEEDED);
	sendAnswer(client, { ...answer, reasonCodes }, new Set([NOT_KEPT]));
}

function subscribe(
	client: Client,
	request: SubscriptionRequest,
	identifier: number,
	retained: (() => void)[],
	refusals: Set<string>,
): number {
	const { broker, session } = client;
	const topicFilter = ownFilter(client, request.topicFilter);
	if (broker.tracing) broker.log.write("debug", `\t${topicFilter} (QoS ${request.qos})`);
	const shared = topicFilter.startsWith("$share/");
	if (shared && request.noLocal) {
		throw new MqttError(Reason.PROTOCOL_ERROR, "SUBSCRIBE: no local on a shared subscription"); // [MQTT-3.8.3-4]
	}
	// [MQTT-3.2.2-10] [MQTT-3.8.4-7]
	const qos: Qos = request.qos > client.maxQos ? client.maxQos : request.qos;
	const { noLocal, retainAsPublished, retainHandling } = request;
	if (client.rights !== null && !client.rights.maySubscribe(topicFilter)) {
		client.trace("Denied SUBSCRIBE from", `('${topicFilter}')`);
		refusals.add("no right to subscribe to this topic filter");
		return client.version === 3 ? qos : Reason.NOT_AUTHORIZED;
	}
	const isNew = !session.subscriptions.has(topicFilter);
	const why = isNew ? refusal(client, topicFilter) : null;
	if (why !== null) {
		refusals.add(why);
		return Reason.QUOTA_EXCEEDED;
	}
	const subscription = new Subscription(session, topicFilter, qos, noLocal, retainAsPublished, identifier);
	session.subscriptions.add(topicFilter);
	session.entry?.subscribe(subscription);
	const { heard } = broker.sys;
	broker.tree.add(subscription);
	if (!heard && broker.sys.heard) broker.sys.refresh();
	broker.routes.invalidate();
	broker.log.write("subscribe", `${session.clientId} ${qos} ${topicFilter}`);
	if (shared) return qos; // retained messages are not sent to shared subscriptions
	// [MQTT-3.3.1-9], [MQTT-3.3.1-10], [MQTT-3.3.1-11], [MQTT-3.8.4-4], 3.1.1: [MQTT-3.3.1-6], [MQTT-3.8.4-3]
	if (retainHandling === 0 || (retainHandling === 1 && isNew)) {
		retained.push(() => broker.handouts.begin(subscription));
	} else {
		session.handout?.renew(subscription);
	}
	return qos;
}

/** Why a client may not have a further subscription, which is logged; null when it may. */
function refusal({ broker, session }: Client, topicFilter: string): string | null {
	const { maxSubscriptions } = broker.settings;
	const limit = broker.keeper?.sessionRefusal(session) ?? null;
	if (limit !== null) {
		const what = `Subscription of client ${session.clientId} to ${topicFilter} denied`;
		broker.limits.reach(limit, session, `${what}: ${NOT_KEPT}`);
		return NOT_KEPT;
	}
	const room = session.subscriptions.size < maxSubscriptions;
	if (room && !broker.memoryScarce) return null;
	const why = broker.memoryScarce ? "memory_limit exceeded" : `more than ${maxSubscriptions} subscriptions`;
	const text = `Subscription of client ${session.clientId} to ${topicFilter} denied: ${why}`;
	broker.limits.reach(broker.memoryScarce ? "memory_limit" : "subscriptions", session, text);
	return why;
}

export function handleUnsubscribe(client: Client, packet: UnsubscribePacket): void {
	client.trace("Received UNSUBSCRIBE from");
	const { broker, session } = client;
	for (const topicFilter of packet.topicFilters) checkFilter(topicFilter, "UNSUBSCRIBE");
	// [MQTT-3.10.4-6] [MQTT-3.11.3-1] [MQTT-3.11.3-2] (3.1.1: [MQTT-3.10.4-6])
	const reasonCodes = packet.topicFilters.map((asked) => {
		const topicFilter = ownFilter(client, asked);
		if (broker.tracing) broker.log.write("debug", `\t${topicFilter}`);
		if (client.rights !== null && !client.rights.mayUnsubscribe(topicFilter)) {
			client.trace("Denied UNSUBSCRIBE from", `('${topicFilter}')`);
			return Reason.NOT_AUTHORIZED;
		}
		broker.log.write("unsubscribe", `${session.clientId} ${topicFilter}`);
		session.handout?.cancel(topicFilter);
		if (session.subscriptions.delete(topicFilter)) session.entry?.unsubscribe(topicFilter);
		// Nothing new is added; what was, stays: [MQTT-3.10.4-2], [MQTT-3.10.4-3], 3.1.1: [MQTT-3.10.4-2], [MQTT-3.10.4-3].
		return broker.tree.remove(session, topicFilter) ? Reason.SUCCESS : Reason.NO_SUBSCRIPTION_EXISTED;
	});
	broker.routes.invalidate();
	client.trace("Sending UNSUBACK to");
	// [MQTT-2.2.1-6] [MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-3.11.2-1] [MQTT-3.11.2-2]
	// 3.1.1: [MQTT-2.3.1-7], [MQTT-3.10.4-4], [MQTT-3.10.4-5]
	const answer: UnsubackPacket = {
		type: PacketType.UNSUBACK,
		packetId: packet.packetId,
		properties: null,
		reasonCodes: client.version === 5 ? reasonCodes : [],
	};
	if (session.entry?.urgent) session.keeper!.hold(client, () => client.sendWhole(answer));
	else client.sendWhole(answer);
}

/** The topic filter as the broker has it. */
function ownFilter({ mount }: Client, topicFilter: string): string {
	return mount === null ? topicFilter : mount.filter(topicFilter);
}

function checkFilter(topicFilter: string, packetName: string): void {
	if (!isValidTopicFilter(topicFilter)) {
		throw new MqttError(Reason.MALFORMED_PACKET, `${packetName}: invalid topic filter`); // [MQTT-4.7.1-1]
	}
	if (hasUnwanted(topicFilter)) {
		throw new MqttError(Reason.MALFORMED_PACKET, `${packetName}: control characters in a topic filter`);
	}
	if (levelCount(topicFilter) > MAXIMUM_LEVELS) {
		throw tooManyLevels(packetName);
	}
}
