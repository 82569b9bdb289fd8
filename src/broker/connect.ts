/** CONNECT: a list of steps, each of which may refuse. */

import type { Log, Utf8 } from "../host/host.ts";
import {
	type ConnackPacket,
	type ConnectPacket,
	encodedLength,
	hasReturnCode,
	hasUnwanted,
	isValidTopicName,
	MAXIMUM_PACKET_SIZE,
	MqttError,
	PacketType,
	type Properties,
	Reason,
	returnCodeFor,
	type Will,
} from "../packet/packet.ts";
import { NEVER_EXPIRES } from "../store/records.ts";
import { openAuthentication, sendAuth } from "./authentication.ts";
import type { Client } from "./client.ts";
import { AUTHENTICATING, CONNECTED } from "./constants.ts";
import { sendFailure } from "./explain.ts";
import { LimitError } from "./limits.ts";
import { beginLogin, requireLogin, requireUser } from "./login.ts";
import type { Mount } from "./mount.ts";
import { OutgoingAliases } from "./outgoing-aliases.ts";
import { levelCount, MAXIMUM_LEVELS, tooManyLevels } from "./routes.ts";

/** What the steps work out for CONNACK. */
class Answer {
	clientId: string;
	sessionPresent = false;
	/** Seconds that the session outlives its connection. */
	expiryInterval = 0;
	readonly properties: Properties = {};

	constructor(packet: ConnectPacket) {
		this.clientId = packet.clientId;
	}
}

type Step = (client: Client, packet: ConnectPacket, answer: Answer) => void;

/** After enhanced authentication, where there is any. */
const steps: readonly Step[] = [
	chooseClientId,
	(client, _packet, { clientId }) => requireUser(client, clientId),
	checkWill,
	checkClientLimit,
	chooseKeepAlive,
	chooseExpiry,
	checkAnswer,
	openSession,
];

/** Carries out CONNECT, or refuses it: CONNACK with the reason, then the connection is closed. */
export function handleConnect(client: Client, packet: ConnectPacket): void {
	checkTexts(packet, client.broker.host.utf8);
	const answer = new Answer(packet);
	try {
		takeLimits(client, packet);
		takeVersion(client, packet);
		if (authenticate(client, packet, answer) || logIn(client, packet, answer)) return;
		letIn(client, packet, answer);
	} catch (error) {
		refuse(client, packet, error);
	}
}

/** Goes on with a CONNECT that had to wait for enhanced authentication. `properties`: of CONNACK. */
export function finishConnect(client: Client, packet: ConnectPacket, properties: Properties): void {
	const answer = new Answer(packet);
	Object.assign(answer.properties, properties);
	try {
		letIn(client, packet, answer);
	} catch (error) {
		refuse(client, packet, error);
	}
}

function letIn(client: Client, packet: ConnectPacket, answer: Answer): void {
	if (client.authentication !== null) client.username = client.authentication.username;
	for (const step of steps) step(client, packet, answer);
	accept(client, packet, answer);
}

/** Such a CONNECT is malformed, and gets no answer. */
function checkTexts({ clientId, username, will }: ConnectPacket, utf8: Utf8): void {
	if (isSound(clientId, utf8) && isSound(username, utf8) && (will === null || isSound(will.topic, utf8)))
		return;
	const text = "CONNECT: control characters in the client identifier, user name or will topic";
	throw new MqttError(Reason.MALFORMED_PACKET, text);
}

/** The host's look costs the interpreter less than the other one. */
function isSound(text: string | null, utf8: Utf8): boolean {
	return text === null || utf8.isPlain(text) || !hasUnwanted(text);
}

function takeVersion(client: Client, packet: ConnectPacket): void {
	client.version = packet.version;
	if (!client.listener.acceptProtocolVersions.includes(packet.version)) {
		// [MQTT-3.1.2-2] (3.1.1: [MQTT-3.1.2-2])
		throw new MqttError(Reason.UNSUPPORTED_PROTOCOL_VERSION, "protocol version not accepted");
	}
}

/** Begins enhanced authentication where it is asked for. Returns whether it goes on: CONNECT has to wait for it. */
function authenticate(client: Client, packet: ConnectPacket, answer: Answer): boolean {
	const authentication = openAuthentication(client, packet);
	client.authentication = authentication;
	if (authentication === null) return false;
	const step = authentication.step(packet.properties?.authenticationData);
	const properties = authentication.properties(step.data);
	if (step.done) {
		Object.assign(answer.properties, properties);
		return false;
	}
	client.state = AUTHENTICATING;
	sendAuth(client, Reason.CONTINUE_AUTHENTICATION, properties); // [MQTT-4.12.0-2]
	return true;
}

function chooseClientId(client: Client, packet: ConnectPacket, answer: Answer): void {
	if (packet.clientId === "") {
		answer.clientId = newClientId(client, packet);
		if (packet.version === 5) answer.properties.assignedClientIdentifier = answer.clientId; // [MQTT-3.1.3-7]
	}
	const prefix = client.broker.settings.clientIdPrefixes;
	if (prefix !== null && !answer.clientId.startsWith(prefix)) {
		throw new MqttError(Reason.NOT_AUTHORIZED, "the client identifier has none of clientid_prefixes");
	}
}

/** An identifier for who gave none. */
function newClientId({ broker, listener }: Client, packet: ConnectPacket): string {
	if (!listener.allowZeroLengthClientId) {
		// [MQTT-3.1.3-8] (3.1.1: [MQTT-3.1.3-9])
		throw new LimitError(
			"allow_zero_length_clientid",
			Reason.CLIENT_IDENTIFIER_NOT_VALID,
			"zero-length client identifiers are not allowed",
		);
	}
	// [MQTT-3.1.3-7] of 3.1.1, [MQTT-3.1.3-8] of 3.1.1; 3.1 has no empty identifiers at all.
	if (packet.version === 3 || (packet.version === 4 && !packet.cleanStart)) {
		throw new MqttError(
			Reason.CLIENT_IDENTIFIER_NOT_VALID,
			"zero-length client identifier without clean session",
		);
	}
	// [MQTT-3.1.3-6] [MQTT-3.2.2-16] (3.1.1: [MQTT-3.1.3-6])
	return listener.autoIdPrefix + uuid(broker.host.random.bytes(16));
}

/** Begins the check of a password where it is asked for. Returns whether it goes on: CONNECT has to wait for it. */
function logIn(client: Client, packet: ConnectPacket, answer: Answer): boolean {
	return beginLogin(client, packet, (result) => {
		try {
			requireLogin(result);
			letIn(client, packet, answer);
		} catch (error) {
			refuse(client, packet, error);
		}
	});
}

/** A client that is known, connected or not, is no further one. */
function checkClientLimit(client: Client, _packet: ConnectPacket, answer: Answer): void {
	const { sessions, settings, memoryScarce } = client.broker;
	if (sessions.has(answer.clientId)) return;
	if (memoryScarce) throw new LimitError("memory_limit", Reason.QUOTA_EXCEEDED, "memory_limit exceeded");
	const limit = settings.globalMaxClients;
	if (limit === null || sessions.size < limit) return;
	throw new LimitError("global_max_clients", Reason.SERVER_BUSY, "global_max_clients exceeded");
}

/** Checks the will, and takes it as the broker will publish it ([MQTT-3.1.2-7]; 3.1.1: [MQTT-3.1.2-8]). */
function checkWill(client: Client, packet: ConnectPacket): void {
	const { will } = packet;
	client.will = will;
	if (will === null) return;
	if (!isValidTopicName(will.topic)) {
		throw new MqttError(Reason.MALFORMED_PACKET, "CONNECT: invalid will topic");
	}
	if (levelCount(will.topic) > MAXIMUM_LEVELS) throw tooManyLevels("CONNECT");
	if (client.mount !== null) client.will = { ...will, topic: mountedTopic(client.mount, client, will.topic) };
	if (will.qos > client.maxQos) {
		const text = `CONNECT: will QoS ${will.qos} is above the maximum`;
		throw new LimitError("max_qos", Reason.QOS_NOT_SUPPORTED, text); // [MQTT-3.2.2-12]
	}
	const { retainAvailable, messageSizeLimit } = client.broker.settings;
	if (will.retain && !retainAvailable) {
		const text = "CONNECT: retained messages are not available";
		throw new LimitError("retain_available", Reason.RETAIN_NOT_SUPPORTED, text); // [MQTT-3.2.2-13]
	}
	if (messageSizeLimit !== 0 && will.payload.length > messageSizeLimit) {
		const text = `CONNECT: will of ${will.payload.length} bytes, message_size_limit is ${messageSizeLimit}`;
		throw new LimitError("message_size_limit", Reason.PACKET_TOO_LARGE, text);
	}
}

function mountedTopic(mount: Mount, client: Client, topic: string): string {
	const mounted = mount.point + topic;
	const { utf8 } = client.broker.host;
	if (utf8.byteLength(mounted) > 65535 || levelCount(mounted) > MAXIMUM_LEVELS) {
		throw new MqttError(
			Reason.TOPIC_NAME_INVALID,
			"CONNECT: the will topic is too long with the mount point",
		);
	}
	return mounted;
}

function chooseKeepAlive(client: Client, packet: ConnectPacket, answer: Answer): void {
	client.keepAlive = packet.keepAlive; // [MQTT-3.2.2-22]
	const maximum = client.broker.settings.maxKeepalive;
	if (maximum === 0 || (packet.keepAlive !== 0 && packet.keepAlive <= maximum)) return;
	if (packet.version < 5) {
		const text = "keep alive is above max_keepalive";
		throw new LimitError("max_keepalive", Reason.CLIENT_IDENTIFIER_NOT_VALID, text);
	}
	client.keepAlive = maximum;
	answer.properties.serverKeepAlive = maximum; // [MQTT-3.1.2-21]
}

/** How long the session stays: as the client asks, limited by the owner, of which a 5.0 client is told (section 3.2.2.3.2). */
function chooseExpiry(client: Client, packet: ConnectPacket, answer: Answer): void {
	const limit = client.broker.settings.persistentClientExpiration ?? NEVER_EXPIRES;
	if (packet.version < 5) {
		answer.expiryInterval = packet.cleanStart ? 0 : limit;
		return;
	}
	const asked = packet.properties?.sessionExpiryInterval ?? 0;
	answer.expiryInterval = Math.min(asked, limit);
	if (asked > limit) answer.properties.sessionExpiryInterval = limit;
}

function takeLimits(client: Client, packet: ConnectPacket): void {
	const { listener } = client;
	const { maxInflightMessages } = client.broker.settings;
	client.maxQos = listener.maxQos;
	client.maxTopicAlias = listener.maxTopicAlias;
	if (maxInflightMessages !== 0) client.incomingMaximum = maxInflightMessages;
	const { properties } = packet;
	if (properties === null) return;
	client.receiveMaximum = properties.receiveMaximum ?? 65535;
	client.wantsReasons = properties.requestProblemInformation === 1;
	// [MQTT-3.1.2-26], [MQTT-3.1.2-27]
	const aliases = Math.min(properties.topicAliasMaximum ?? 0, listener.maxTopicAliasBroker);
	if (aliases > 0) client.outgoingAliases = new OutgoingAliases(aliases);
	client.maximumPacketSize = Math.min(
		properties.maximumPacketSize ?? MAXIMUM_PACKET_SIZE,
		MAXIMUM_PACKET_SIZE,
	);
}

/** CONNACK must not be longer than the client allows ([MQTT-3.1.2-24]). */
function checkAnswer(client: Client, packet: ConnectPacket, answer: Answer): void {
	if (packet.version < 5) return;
	const { utf8 } = client.broker.host;
	if (encodedLength(connack(client, packet, answer), 5, utf8) > client.maximumPacketSize) {
		throw new LimitError(null, Reason.PACKET_TOO_LARGE, "CONNACK would be longer than the client takes");
	}
}

function openSession(client: Client, packet: ConnectPacket, answer: Answer): void {
	const { broker } = client;
	const previous = broker.sessions.get(answer.clientId); // [MQTT-3.1.3-2] (3.1.1: [MQTT-3.1.3-2])
	if (previous?.link) {
		if (broker.settings.connectionMessages) {
			broker.log.write("notice", `Client ${answer.clientId} already connected, closing old connection.`);
		}
		previous.link.takeOver(packet.cleanStart); // [MQTT-3.1.4-3] (3.1.1: [MQTT-3.1.4-2])
	}
	const session = broker.openSession(answer.clientId, packet.cleanStart); // [MQTT-3.1.4-4] (3.1.1: [MQTT-3.1.4-3])
	// [MQTT-3.2.2-2], [MQTT-3.2.2-3]; 3.1.1: [MQTT-3.2.2-1], [MQTT-3.2.2-2], [MQTT-3.2.2-3]
	answer.sessionPresent = session === previous;
	session.expiryInterval = answer.expiryInterval;
	session.listener = client.listener;
	session.mountPoint = client.mount?.point ?? "";
	client.session = session;
	client.takeRights();
	broker.keeper?.sessionOpened(session, client.will);
}

function accept(client: Client, packet: ConnectPacket, answer: Answer): void {
	const { broker, session } = client;
	client.state = CONNECTED;
	client.cleanStart = packet.cleanStart;
	broker.connected++;
	if (client.authentication !== null) client.authentication.connect = null;
	if (broker.settings.connectionMessages) logAccepted(client, packet);
	client.traceConnack(session.clientId, answer.sessionPresent, 0);
	// Before all else: [MQTT-3.1.4-5], [MQTT-3.2.0-1], 3.1.1: [MQTT-3.1.4-4], [MQTT-3.2.0-1].
	client.send(connack(client, packet, answer));
	session.attach(client);
	client.configure();
	client.watchKeepAlive();
	broker.watcher?.connected(client);
	// What follows must not take CONNACK along before the session is on the disk.
	if (session.entry?.urgent && session.keeper?.store.isReady)
		session.keeper.hold(client, () => session.drain());
	else session.drain();
}

function connack(client: Client, packet: ConnectPacket, answer: Answer): ConnackPacket {
	return {
		type: PacketType.CONNACK,
		sessionPresent: answer.sessionPresent,
		reasonCode: Reason.SUCCESS,
		properties: packet.version === 5 ? serverProperties(client, answer.properties) : null,
	};
}

/**
 * CONNACK's properties, in the order that mosquitto sends them. Response information, reason string and user
 * properties are not among them ([MQTT-3.1.2-28], [MQTT-3.2.2-19], [MQTT-3.2.2-20]), nor is an authentication method
 * unless it is among the `chosen` ([MQTT-4.12.0-6]).
 */
function serverProperties(client: Client, chosen: Properties): Properties {
	const { settings } = client.broker;
	const { maxTopicAlias, maxQos, incomingMaximum } = client;
	const properties: Properties = {};
	if (maxTopicAlias > 0) properties.topicAliasMaximum = maxTopicAlias;
	Object.assign(properties, chosen);
	if (!settings.retainAvailable) properties.retainAvailable = 0;
	properties.maximumPacketSize = settings.maxPacketSize;
	if (incomingMaximum < 65535) properties.receiveMaximum = incomingMaximum;
	if (maxQos < 2) properties.maximumQos = maxQos; // [MQTT-3.2.2-9]
	return properties;
}

function logAccepted(client: Client, packet: ConnectPacket): void {
	const { log, tracing } = client.broker;
	const user = client.username === null ? "" : `, u'${client.username}'`;
	const details = `p${packet.version}, c${packet.cleanStart ? 1 : 0}, k${client.keepAlive}${user}`;
	const { clientId } = client.session;
	log.write("notice", `New client connected from ${client.address} as ${clientId} (${details}).`);
	if (tracing) logWill(log, client.will);
}

function logWill(log: Log, will: Will | null): void {
	if (will === null) {
		log.write("debug", "No will message specified.");
		return;
	}
	const { payload, retain, qos, topic } = will;
	log.write("debug", `Will message specified (${payload.length} bytes) (r${retain ? 1 : 0}, q${qos}).`);
	log.write("debug", `\t${topic}`);
}

/** Sends the CONNACK that says no. `clientId`: for the log. */
export function refuseConnect(client: Client, clientId: string, error: MqttError): void {
	const isCurrent = client.version === 5;
	// For some reasons there is no return code below 5.0, and so no CONNACK (3.1.1: [MQTT-3.2.2-6]).
	if (!isCurrent && !hasReturnCode(error.code)) return;
	const reasonCode = isCurrent ? error.code : returnCodeFor(error.code); // [MQTT-3.2.2-8]
	client.traceConnack(clientId, false, reasonCode);
	if (!client.wantsReasons) {
		client.sendRefusal(reasonCode);
		return;
	}
	const packet: ConnackPacket = {
		type: PacketType.CONNACK,
		sessionPresent: false, // [MQTT-3.2.2-6] (3.1.1: [MQTT-3.2.2-4])
		reasonCode,
		properties: null,
	};
	sendFailure(client, packet, error.message);
}

/** Refuses CONNECT as something in the way forbids it; what is a fault of ours is thrown on. */
function refuse(client: Client, packet: ConnectPacket, error: unknown): void {
	if (!(error instanceof MqttError) || client.state === CONNECTED) throw error;
	const { limits, watcher } = client.broker;
	limits.countError(error);
	watcher?.refused(client, packet.clientId, packet.username, client.refusal ?? error.message);
	refuseConnect(client, packet.clientId, error);
	client.broker.logFault(client, packet.clientId, error);
	client.broker.closeUnopened(client); // [MQTT-3.2.2-7] [MQTT-4.13.2-1] (3.1.1: [MQTT-3.2.2-5])
}

/** RFC 9562 version 4, from 16 random octets. */
function uuid(bytes: Uint8Array): string {
	bytes[6] = (bytes[6]! & 0x0f) | 0x40;
	bytes[8] = (bytes[8]! & 0x3f) | 0x80;
	let text = "";
	for (let i = 0; i < 16; i++) {
		if (i === 4 || i === 6 || i === 8 || i === 10) text += "-";
		text += bytes[i]!.toString(16).padStart(2, "0");
	}
	return text;
}
