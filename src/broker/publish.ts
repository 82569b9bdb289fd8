/** PUBLISH from a client: checks, acknowledgement, and distribution to subscribers. */

import {
	MqttError,
	PacketType,
	type Properties,
	PublishView,
	type Qos,
	Reason,
	readProperties,
	readPublish,
} from "../packet/packet.ts";
import type { Client } from "./client.ts";
import { sendFailedAck } from "./explain.ts";
import { NOT_KEPT } from "./held.ts";
import type { Keeper } from "./keeper.ts";
import { LimitError } from "./limits.ts";
import type { Message } from "./message.ts";
import type { Route } from "./routes.ts";
import type { Session } from "./session.ts";
import { publishCertificate } from "./sparkplug.ts";
import { stampPayload } from "./sparkplug-payload.ts";
import { BIRTH, CERTIFICATE, DEATH, mountedRole, NO_ROLE, type SparkplugRole } from "./sparkplug-topic.ts";

const view = new PublishView();

/** Why a message is acknowledged but goes nowhere. */
interface Refusal {
	readonly code: number;
	readonly text: string;
}

const TOO_LARGE: Refusal = {
	code: Reason.IMPLEMENTATION_SPECIFIC_ERROR, // of those that [MQTT-3.4.2-1] allows, as mosquitto's manual has it
	text: "the payload is longer than message_size_limit",
};
const NO_MEMORY: Refusal = {
	code: Reason.QUOTA_EXCEEDED,
	text: "memory_limit is exceeded: no retained message is kept",
};
const NOT_STORED: Refusal = { code: Reason.QUOTA_EXCEEDED, text: NOT_KEPT };
const RESERVED: Refusal = {
	code: Reason.NOT_AUTHORIZED,
	text: "clients do not publish to $SYS, $CONTROL, $share or Sparkplug's certificates",
};
const NO_RIGHT: Refusal = {
	code: Reason.NOT_AUTHORIZED,
	text: "no right to publish to this topic",
};
const TOO_MANY: Refusal = {
	code: Reason.QUOTA_EXCEEDED,
	text: "more QoS 2 messages are under way than the receive maximum",
};

/** Any PUBLISH, also one that `forward.ts` has left: with properties, retained, repeated, refused, or to be logged. */
export function handlePublish(client: Client, bytes: Uint8Array, start: number, end: number): void {
	const { broker, version } = client;
	readPublish(bytes, start, end, version, view);
	broker.statistics.payloadReceived += view.payloadEnd - view.payloadStart;
	let properties: Properties | null = null;
	// A padded remaining length is not passed on; the octet before the topic's length is its last.
	let forwardable = client.mount === null && (bytes[start + 1]! < 128 || bytes[view.topicStart - 3] !== 0);
	let expiresAt = 0;
	if (view.propertiesEnd > view.propertiesStart) {
		const { propertiesStart, propertiesEnd } = view;
		properties = readProperties(bytes, propertiesStart, propertiesEnd, PacketType.PUBLISH, broker.host.utf8);
		if (properties.subscriptionIdentifier !== undefined) {
			throw new MqttError(Reason.PROTOCOL_ERROR, "PUBLISH from a client has a subscription identifier"); // [MQTT-3.3.4-6]
		}
		if (properties.topicAlias !== undefined || properties.messageExpiryInterval !== undefined)
			forwardable = false;
	}
	const route = routeOf(client, bytes, properties);
	if (properties !== null && !forwardable) {
		if (properties.messageExpiryInterval !== undefined) {
			expiresAt = broker.seconds + properties.messageExpiryInterval;
		}
		// What is forwarded goes without alias and original lifetime; the remaining lifetime is added on the way out.
		delete properties.topicAlias;
		delete properties.messageExpiryInterval;
	}
	if (view.qos > client.maxQos) {
		const text = `PUBLISH: QoS ${view.qos} is above the maximum`;
		throw new LimitError("max_qos", Reason.QOS_NOT_SUPPORTED, text); // [MQTT-3.2.2-11]
	}
	if (view.retain && !broker.settings.retainAvailable) {
		const text = "PUBLISH: retained messages are not available";
		throw new LimitError("retain_available", Reason.RETAIN_NOT_SUPPORTED, text); // [MQTT-3.2.2-14]
	}

	const { session } = client;
	const packetId = view.packetId;
	const qos = view.qos;
	const role = client.sparkplugAware ? roleOf(client, route) : NO_ROLE;
	const endpoint = route.reserved ? broker.control.get(route.topic) : undefined;
	let refusal = refusalOf(client, route, role, view.payloadEnd - view.payloadStart, endpoint !== undefined);
	if (broker.tracing && refusal === null) trace(client, "Received PUBLISH from", route.topic);
	const { keeper } = broker;
	if (qos === 2 && session.incoming.has(packetId)) {
		// Not published again [MQTT-4.3.3-10]. What could not be written of it yet may be of other sessions.
		const isKept = session.entry?.urgent || keeper?.store.isReady === false;
		acknowledge(client, PacketType.PUBREC, packetId, Reason.SUCCESS, isKept, null);
		return;
	}
	if (keeper !== null && refusal === null) refusal = storeRefusal(client, keeper, route, qos);
	const changes = keeper === null ? 0 : keeper.store.urgentChanges;
	if (refusal === null && qos === 2 && version === 5 && session.incoming.size >= client.incomingMaximum) {
		refusal = TOO_MANY;
		const text = `Client ${session.clientId} has more than ${client.incomingMaximum} QoS 2 messages under way`;
		broker.limits.reach("max_inflight_messages", session, text);
	}
	let reason: number = Reason.SUCCESS;
	let message: Message | null = null;
	if (endpoint !== undefined && refusal === null) {
		broker.requestControl(endpoint, bytes.subarray(view.payloadStart, view.payloadEnd), client);
		if (qos === 2) receive(session, packetId, route, keeper);
	} else if (refusal === null) {
		const { publication } = broker;
		const source = role === DEATH ? stamped(client, bytes) : bytes;
		publication.begin(route, source, view, properties, expiresAt, broker.seconds);
		if (forwardable && source === bytes) publication.useFrame(version, start, end);
		if (keeper !== null && qos > 0 && keeper.mayRefuse(route, view.retain)) {
			message = publication.keep();
			if (view.retain) keeper.replacing(message);
		}
		if (broker.distribute(publication, route, session) === 0) reason = Reason.NO_MATCHING_SUBSCRIBERS;
		if (role === BIRTH) {
			const mountPoint = client.mount === null ? "" : client.mount.point;
			publishCertificate(broker, route.topic, mountPoint, bytes, view, properties, expiresAt);
		}
		// One that was refused is forgotten [MQTT-4.3.3-9]; one that has expired is not [MQTT-4.3.3-13].
		if (qos === 2) receive(session, packetId, route, keeper);
	}
	if (qos === 0) return;
	// At once, so in the order in which they came, and with the same identifier: [MQTT-2.2.1-5], [MQTT-3.3.4-1]; and
	// forgotten: [MQTT-4.3.2-4], [MQTT-4.3.2-5], [MQTT-4.3.3-8].
	// 3.1.1: [MQTT-2.3.1-6], [MQTT-3.3.4-1], [MQTT-4.3.2-2], [MQTT-4.3.3-2], [MQTT-4.6.0-2], [MQTT-4.6.0-3]
	const type = qos === 1 ? PacketType.PUBACK : PacketType.PUBREC;
	const isKept = keeper !== null && keeper.store.urgentChanges !== changes;
	if (refusal === null) acknowledge(client, type, packetId, reason, isKept, message);
	else if (refusal !== NOT_STORED || version === 5) refuse(client, type, packetId, refusal);
	// Below 5.0 there is no way to say no but to say nothing.
}

function receive(session: Session, packetId: number, route: Route, keeper: Keeper | null): void {
	session.incoming.add(packetId);
	if (keeper !== null) session.entry?.receive(packetId, keeper.store.durabilityOfTopic(route.topic));
}

/** Whether the message would have to be kept, and cannot be. */
function storeRefusal(client: Client, keeper: Keeper, route: Route, qos: number): Refusal | null {
	const { session, broker } = client;
	const limit = keeper.refusalOf(session, route, qos, view.retain);
	if (limit === null) return null;
	broker.limits.reach(limit, session, `Message of client ${session.clientId} refused: ${NOT_KEPT}`);
	return NOT_STORED;
}

/** The topic's route: by name or, in 5.0, by topic alias. */
function routeOf(client: Client, bytes: Uint8Array, properties: Properties | null): Route {
	const alias = properties?.topicAlias;
	if (alias === undefined) {
		if (view.topicStart === view.topicEnd) {
			throw new MqttError(Reason.PROTOCOL_ERROR, "PUBLISH has neither topic name nor topic alias");
		}
		return routeOfName(client, bytes);
	}
	if (alias === 0) throw new MqttError(Reason.TOPIC_ALIAS_INVALID, "PUBLISH: topic alias 0"); // [MQTT-3.3.2-8]
	if (alias > client.maxTopicAlias) {
		const text = `PUBLISH: topic alias ${alias} is above the maximum`;
		throw new LimitError("max_topic_alias", Reason.TOPIC_ALIAS_INVALID, text); // [MQTT-3.3.2-9], [MQTT-3.3.2-12]
	}
	if (view.topicStart !== view.topicEnd) {
		const route = routeOfName(client, bytes);
		client.aliases[alias] = route;
		return route;
	}
	const known = client.aliases[alias];
	if (known === undefined) {
		throw new MqttError(Reason.PROTOCOL_ERROR, `PUBLISH: topic alias ${alias} was not set up`);
	}
	return client.broker.routes.refresh(known);
}

function routeOfName(client: Client, bytes: Uint8Array): Route {
	const { mount, routes } = client;
	const { topicStart, topicEnd } = view;
	if (mount === null) return routes.get(bytes, topicStart, topicEnd);
	const joined = mount.join(bytes, topicStart, topicEnd);
	if (joined === null) {
		throw new MqttError(
			Reason.TOPIC_NAME_INVALID,
			"PUBLISH: the topic name is too long with the mount point",
		);
	}
	return routes.get(joined, 0, joined.length);
}

function roleOf({ mount }: Client, route: Route): SparkplugRole {
	return mount === null ? route.role : mountedRole(route.topic, mount.point);
}

/** What has the payload with the time of now in it; `view` tells where. As it came, when there is no place for it. */
function stamped({ broker }: Client, bytes: Uint8Array): Uint8Array {
	const payload = stampPayload(bytes, view.payloadStart, view.payloadEnd, broker.host.clock.now());
	if (payload === null) return bytes;
	view.payloadStart = 0;
	view.payloadEnd = payload.length;
	return payload;
}

/**
 * Null when the message is taken; else a reason that PUBACK and PUBREC have ([MQTT-3.4.2-1], [MQTT-3.5.2-1]).
 * (3.1.1: [MQTT-3.3.5-2])
 */
function refusalOf(
	client: Client,
	route: Route,
	role: SparkplugRole,
	payloadLength: number,
	isControl: boolean,
): Refusal | null {
	const { broker, session } = client;
	const limit = broker.settings.messageSizeLimit;
	if (limit !== 0 && payloadLength > limit) {
		trace(client, "Dropped too large PUBLISH from", route.topic);
		const text = `Message of client ${session.clientId} dropped: ${payloadLength} bytes, message_size_limit is ${limit}`;
		broker.limits.reach("message_size_limit", session, text);
		return TOO_LARGE;
	}
	if (view.retain && payloadLength > 0 && broker.memoryScarce) {
		const text = `Retained message of client ${session.clientId} dropped: memory_limit exceeded`;
		broker.limits.reach("memory_limit", session, text);
		return NO_MEMORY;
	}
	const { rights } = client;
	const isReserved = (route.reserved && !isControl) || role === CERTIFICATE;
	if (isReserved || (rights !== null && !route.admits(rights))) {
		trace(client, "Denied PUBLISH from", route.topic);
		return isReserved ? RESERVED : NO_RIGHT;
	}
	return null;
}

/** `isKept`: it has something written, and waits for that. `message`: what was taken that may have to be refused. */
function acknowledge(
	client: Client,
	type: 4 | 5,
	packetId: number,
	reason: number,
	isKept: boolean,
	message: Message | null,
): void {
	if (isKept || client.holdsAcks) {
		client.broker.keeper!.holdAck(client, type, packetId, reason, "", isKept, message);
		return;
	}
	if (client.broker.tracing) client.traceAck(type, packetId, client.version === 5 ? reason : 0);
	client.sendAck(type, packetId, reason);
}

function refuse(client: Client, type: 4 | 5, packetId: number, { code, text }: Refusal): void {
	if (client.holdsAcks) {
		client.broker.keeper!.holdAck(client, type, packetId, code, text, false, null);
		return;
	}
	if (client.broker.tracing) client.traceAck(type, packetId, client.version === 5 ? code : 0);
	sendFailedAck(client, type, packetId, code, text);
}

/** The packet in `view`. */
function trace(client: Client, what: string, topic: string): void {
	if (!client.broker.tracing) return;
	const flags = `d${view.dup ? 1 : 0}, q${view.qos as Qos}, r${view.retain ? 1 : 0}, m${view.packetId}`;
	const size = view.payloadEnd - view.payloadStart;
	client.trace(what, `(${flags}, '${topic}', ... (${size} bytes))`);
}
