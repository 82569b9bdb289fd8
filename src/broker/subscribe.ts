/** SUBSCRIBE and UNSUBSCRIBE from a client. */

import {
	isValidTopicFilter,
	MqttError,
	PacketType,
	type Qos,
	Reason,
	type SubscribePacket,
	type SubscriptionRequest,
	type UnsubscribePacket,
} from "../packet/packet.ts";
import type { Client } from "./client.ts";
import { levelCount, MAXIMUM_LEVELS } from "./routes.ts";
import { Subscription } from "./subscription-tree.ts";

export function handleSubscribe(client: Client, packet: SubscribePacket): void {
	client.trace("Received SUBSCRIBE from");
	const identifier = packet.properties?.subscriptionIdentifier?.[0] ?? 0;
	for (const request of packet.subscriptions) checkFilter(request.topicFilter, "SUBSCRIBE");
	const retained: (() => void)[] = [];
	const reasonCodes = packet.subscriptions.map((request) => subscribe(client, request, identifier, retained));
	client.trace("Sending SUBACK to");
	client.sendWhole({ type: PacketType.SUBACK, packetId: packet.packetId, properties: null, reasonCodes }); // [MQTT-3.8.4-1]
	for (const send of retained) send();
}

function subscribe(
	client: Client,
	request: SubscriptionRequest,
	identifier: number,
	retained: (() => void)[],
): number {
	const { broker, session } = client;
	const topicFilter = ownFilter(client, request.topicFilter);
	const shared = topicFilter.startsWith("$share/");
	if (shared && request.noLocal) {
		throw new MqttError(Reason.PROTOCOL_ERROR, "SUBSCRIBE: no local on a shared subscription"); // [MQTT-3.8.3-4]
	}
	const qos: Qos = request.qos > client.listener.maxQos ? client.listener.maxQos : request.qos;
	const { noLocal, retainAsPublished, retainHandling } = request;
	const isNew = !session.subscriptions.has(topicFilter);
	const why = isNew ? refusal(client) : null;
	if (why !== null) {
		broker.log.write(
			"notice",
			`Subscription of client ${session.clientId} to ${topicFilter} denied: ${why}.`,
		);
		return Reason.QUOTA_EXCEEDED;
	}
	const subscription = new Subscription(session, topicFilter, qos, noLocal, retainAsPublished, identifier);
	session.subscriptions.add(topicFilter);
	const { heard } = broker.sys;
	broker.tree.add(subscription);
	if (!heard && broker.sys.heard) broker.sys.refresh();
	broker.routes.invalidate();
	broker.log.write("subscribe", `${session.clientId} ${qos} ${topicFilter}`);
	// [MQTT-3.3.1-9] to [MQTT-3.3.1-11]
	if (shared) return qos; // retained messages are not sent to shared subscriptions
	if (retainHandling === 0 || (retainHandling === 1 && isNew)) {
		retained.push(() => sendRetained(client, subscription));
	}
	return qos;
}

/** Why a client may not have a further subscription; null when it may. */
function refusal({ broker, session }: Client): string | null {
	if (broker.memoryScarce) return "memory_limit exceeded";
	const { maxSubscriptions } = broker.settings;
	return session.subscriptions.size < maxSubscriptions ? null : `more than ${maxSubscriptions} subscriptions`;
}

function sendRetained(client: Client, subscription: Subscription): void {
	const { broker, session } = client;
	for (const message of broker.retained.match(subscription.topicFilter, broker.seconds)) {
		const { qos: granted } = subscription;
		const qos = message.qos < granted && !broker.settings.upgradeOutgoingQos ? message.qos : granted;
		session.deliverMessage(message, qos, true, subscription.identifier); // 3.1.1: [MQTT-3.3.1-8]
	}
}

export function handleUnsubscribe(client: Client, packet: UnsubscribePacket): void {
	client.trace("Received UNSUBSCRIBE from");
	const { broker, session } = client;
	for (const topicFilter of packet.topicFilters) checkFilter(topicFilter, "UNSUBSCRIBE");
	const reasonCodes = packet.topicFilters.map((asked) => {
		const topicFilter = ownFilter(client, asked);
		broker.log.write("unsubscribe", `${session.clientId} ${topicFilter}`);
		session.subscriptions.delete(topicFilter);
		return broker.tree.remove(session, topicFilter) ? Reason.SUCCESS : Reason.NO_SUBSCRIPTION_EXISTED;
	});
	broker.routes.invalidate();
	client.trace("Sending UNSUBACK to");
	client.sendWhole({
		type: PacketType.UNSUBACK, // [MQTT-3.10.4-4]
		packetId: packet.packetId,
		properties: null,
		reasonCodes: client.version === 5 ? reasonCodes : [],
	});
}

/** The topic filter as the broker has it. */
function ownFilter({ mount }: Client, topicFilter: string): string {
	return mount === null ? topicFilter : mount.filter(topicFilter);
}

function checkFilter(topicFilter: string, packetName: string): void {
	if (!isValidTopicFilter(topicFilter)) {
		throw new MqttError(Reason.MALFORMED_PACKET, `${packetName}: invalid topic filter`); // [MQTT-4.7.1-1]
	}
	if (levelCount(topicFilter) > MAXIMUM_LEVELS) {
		throw new MqttError(Reason.MALFORMED_PACKET, `${packetName}: more than ${MAXIMUM_LEVELS} topic levels`);
	}
}
