/** Our packets in the shape of npm's mqtt-packet, and back. */

import {
	type ConnectPacket,
	type Packet,
	PacketType,
	PROPERTIES,
	type Properties,
	PropertyKind,
	type PropertyOwner,
	type ProtocolVersion,
	type SubscriptionRequest,
} from "../../../src/packet/packet.ts";

type Foreign = Record<string, unknown>;

/** Their names, where they differ from the specification's. */
const NAMES: Partial<Record<keyof Properties, string>> = {
	maximumQos: "maximumQoS",
	userProperty: "userProperties",
	subscriptionIdentifierAvailable: "subscriptionIdentifiersAvailable",
};

const COMMANDS = Object.fromEntries(
	Object.entries(PacketType).map(([name, type]) => [type, name.toLowerCase()]),
);

function foreignProperties(properties: Properties | null): Foreign | undefined {
	if (properties === null) return undefined;
	const foreign: Foreign = {};
	for (const { name, kind } of PROPERTIES) {
		const value = properties[name];
		if (value === undefined) continue;
		const key = NAMES[name] ?? name;
		// They write maximum QoS as a number, the other flags as booleans.
		if (kind === PropertyKind.FLAG && name !== "maximumQos") foreign[key] = value === 1;
		else if (kind === PropertyKind.BINARY) foreign[key] = Buffer.from(value as Uint8Array);
		else if (kind === PropertyKind.PAIR) foreign[key] = Object.fromEntries(value as [string, string][]);
		else foreign[key] = value;
	}
	return foreign;
}

function ownProperties(foreign: Foreign | undefined, owner: PropertyOwner): Properties | null {
	const own: Foreign = {};
	const known = new Set<string>();
	for (const { name, kind } of PROPERTIES) {
		const key = NAMES[name] ?? name;
		known.add(key);
		const value = foreign?.[key];
		if (value === undefined) continue;
		if (kind === PropertyKind.FLAG) own[name] = Number(value);
		else if (kind === PropertyKind.BINARY) own[name] = new Uint8Array(value as Buffer);
		else if (kind === PropertyKind.PAIR) own[name] = Object.entries(value as Record<string, string>);
		else if (kind === PropertyKind.VARIABLE) own[name] = Array.isArray(value) ? value : [value];
		else own[name] = value;
	}
	for (const key of Object.keys(foreign ?? {})) {
		if (!known.has(key)) throw new Error(`unknown property ${key} of ${owner}`);
	}
	return Object.keys(own).length === 0 ? null : (own as Properties);
}

function foreignConnect(packet: ConnectPacket): Foreign {
	const { will } = packet;
	return {
		cmd: "connect",
		protocolId: packet.version === 3 ? "MQIsdp" : "MQTT",
		protocolVersion: packet.version,
		bridgeMode: packet.bridge,
		clean: packet.cleanStart,
		clientId: packet.clientId,
		keepalive: packet.keepAlive,
		username: packet.username ?? undefined,
		password: packet.password === null ? undefined : Buffer.from(packet.password),
		will: will === null ? undefined : foreignWill(will),
		properties: foreignProperties(packet.properties),
	};
}

function foreignWill(will: NonNullable<ConnectPacket["will"]>): Foreign {
	return {
		topic: will.topic,
		payload: Buffer.from(will.payload),
		qos: will.qos,
		retain: will.retain,
		properties: foreignProperties(will.properties),
	};
}

export function toForeign(packet: Packet, version: ProtocolVersion): Foreign {
	if (packet.type === PacketType.CONNECT) return foreignConnect(packet);
	const foreign: Foreign = { cmd: COMMANDS[packet.type], protocolVersion: version };
	if ("packetId" in packet && packet.packetId !== 0) foreign.messageId = packet.packetId;
	if ("properties" in packet) foreign.properties = foreignProperties(packet.properties);
	if ("reasonCode" in packet) {
		foreign[packet.type === PacketType.CONNACK && version !== 5 ? "returnCode" : "reasonCode"] =
			packet.reasonCode;
	}
	switch (packet.type) {
		case PacketType.CONNACK:
			foreign.sessionPresent = packet.sessionPresent;
			break;
		case PacketType.PUBLISH: {
			const { dup, qos, retain, topic } = packet;
			Object.assign(foreign, { dup, qos, retain, topic, payload: Buffer.from(packet.payload) });
			break;
		}
		case PacketType.SUBSCRIBE:
			foreign.subscriptions = packet.subscriptions.map((request) => ({
				topic: request.topicFilter,
				qos: request.qos,
				...(version === 5 && {
					nl: request.noLocal,
					rap: request.retainAsPublished,
					rh: request.retainHandling,
				}),
			}));
			// They take one number here, and a list in a PUBLISH.
			if (packet.properties?.subscriptionIdentifier !== undefined) {
				(foreign.properties as Foreign).subscriptionIdentifier = packet.properties.subscriptionIdentifier[0];
			}
			break;
		case PacketType.SUBACK:
		case PacketType.UNSUBACK:
			foreign.granted = packet.reasonCodes;
			break;
		case PacketType.UNSUBSCRIBE:
			foreign.unsubscriptions = packet.topicFilters;
			break;
	}
	return foreign;
}

function ownConnect(foreign: Foreign): ConnectPacket {
	const will = foreign.will as Foreign | undefined;
	return {
		type: PacketType.CONNECT,
		version: foreign.protocolVersion as ProtocolVersion,
		bridge: foreign.bridgeMode === true,
		cleanStart: foreign.clean as boolean,
		keepAlive: foreign.keepalive as number,
		clientId: foreign.clientId as string,
		will:
			will === undefined
				? null
				: {
						topic: will.topic as string,
						payload: new Uint8Array(will.payload as Buffer),
						qos: will.qos as 0,
						retain: will.retain as boolean,
						properties: ownProperties(will.properties as Foreign, 0),
					},
		username: (foreign.username as string | undefined) ?? null,
		password: foreign.password == null ? null : new Uint8Array(foreign.password as Buffer),
		properties: ownProperties(foreign.properties as Foreign, PacketType.CONNECT),
	};
}

export function fromForeign(foreign: Foreign, version: ProtocolVersion): Packet {
	const name = (foreign.cmd as string).toUpperCase() as keyof typeof PacketType;
	const type = PacketType[name];
	const properties = ownProperties(foreign.properties as Foreign, type);
	const packetId = (foreign.messageId as number | undefined) ?? 0;
	const reasonCode = (foreign.reasonCode as number | undefined) ?? 0;
	switch (type) {
		case PacketType.CONNECT:
			return ownConnect(foreign);
		case PacketType.CONNACK:
			return {
				type,
				sessionPresent: version !== 3 && (foreign.sessionPresent as boolean),
				reasonCode: (version === 5 ? reasonCode : foreign.returnCode) as number,
				properties,
			};
		case PacketType.PUBLISH:
			return {
				type,
				dup: foreign.dup as boolean,
				qos: foreign.qos as 0,
				retain: foreign.retain as boolean,
				topic: foreign.topic as string,
				packetId,
				properties,
				payload: new Uint8Array(foreign.payload as Buffer),
			};
		case PacketType.SUBSCRIBE:
			return {
				type,
				packetId,
				properties,
				subscriptions: (foreign.subscriptions as Foreign[]).map(
					(each) =>
						({
							topicFilter: each.topic,
							qos: each.qos,
							noLocal: each.nl ?? false,
							retainAsPublished: each.rap ?? false,
							retainHandling: each.rh ?? 0,
						}) as SubscriptionRequest,
				),
			};
		case PacketType.SUBACK:
			return { type, packetId, properties, reasonCodes: foreign.granted as number[] };
		case PacketType.UNSUBACK:
			return { type, packetId, properties, reasonCodes: version === 5 ? (foreign.granted as number[]) : [] };
		case PacketType.UNSUBSCRIBE:
			return { type, packetId, properties, topicFilters: foreign.unsubscriptions as string[] };
		case PacketType.PINGREQ:
		case PacketType.PINGRESP:
			return { type };
		case PacketType.DISCONNECT:
		case PacketType.AUTH:
			return { type, reasonCode, properties };
		default:
			return { type, packetId, reasonCode, properties };
	}
}
