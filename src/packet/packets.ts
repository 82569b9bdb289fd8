/** Shapes of decoded packets. Numbers are as on the wire; texts are well-formed UTF-8. */

/** Protocol level: 3 is MQTT 3.1 (`MQIsdp`), 4 is 3.1.1, 5 is 5.0. */
export type ProtocolVersion = 3 | 4 | 5;

export type Qos = 0 | 1 | 2;

export const PacketType = {
	CONNECT: 1,
	CONNACK: 2,
	PUBLISH: 3,
	PUBACK: 4,
	PUBREC: 5,
	PUBREL: 6,
	PUBCOMP: 7,
	SUBSCRIBE: 8,
	SUBACK: 9,
	UNSUBSCRIBE: 10,
	UNSUBACK: 11,
	PINGREQ: 12,
	PINGRESP: 13,
	DISCONNECT: 14,
	AUTH: 15,
} as const;
export type PacketType = (typeof PacketType)[keyof typeof PacketType];

/** MQTT 5.0 properties, by the specification's names (section 2.2.2.2). Absent on the wire is absent here. */
export interface Properties {
	payloadFormatIndicator?: number;
	messageExpiryInterval?: number;
	contentType?: string;
	responseTopic?: string;
	correlationData?: Uint8Array;
	/** 1 to 268,435,455 each; several only in a PUBLISH from a server. */
	subscriptionIdentifier?: number[];
	sessionExpiryInterval?: number;
	assignedClientIdentifier?: string;
	serverKeepAlive?: number;
	authenticationMethod?: string;
	authenticationData?: Uint8Array;
	requestProblemInformation?: number;
	willDelayInterval?: number;
	requestResponseInformation?: number;
	responseInformation?: string;
	serverReference?: string;
	reasonString?: string;
	receiveMaximum?: number;
	topicAliasMaximum?: number;
	topicAlias?: number;
	maximumQos?: number;
	retainAvailable?: number;
	/** Name and value pairs, in order. */
	userProperty?: [string, string][];
	maximumPacketSize?: number;
	wildcardSubscriptionAvailable?: number;
	subscriptionIdentifierAvailable?: number;
	sharedSubscriptionAvailable?: number;
}

export interface Will {
	topic: string;
	payload: Uint8Array;
	qos: Qos;
	retain: boolean;
	properties: Properties | null;
}

/** `properties` is null below 5.0 and when the packet has none. */
export interface ConnectPacket {
	type: typeof PacketType.CONNECT;
	version: ProtocolVersion;
	/** mosquitto's bridge flag: the protocol level had bit 7 set (0x83, 0x84). */
	bridge: boolean;
	/** Clean session below 5.0. */
	cleanStart: boolean;
	/** Seconds; 0 is none. */
	keepAlive: number;
	clientId: string;
	will: Will | null;
	username: string | null;
	password: Uint8Array | null;
	properties: Properties | null;
}

export interface ConnackPacket {
	type: typeof PacketType.CONNACK;
	sessionPresent: boolean;
	/** A 5.0 reason code, or below 5.0 a return code 0 to 5. */
	reasonCode: number;
	properties: Properties | null;
}

export interface PublishPacket {
	type: typeof PacketType.PUBLISH;
	dup: boolean;
	qos: Qos;
	retain: boolean;
	/** Empty only in 5.0, with a topic alias. */
	topic: string;
	/** 0 at QoS 0. */
	packetId: number;
	properties: Properties | null;
	payload: Uint8Array;
}

/** PUBACK, PUBREC, PUBREL, PUBCOMP. */
export interface AckPacket {
	type: 4 | 5 | 6 | 7;
	packetId: number;
	/** 0 below 5.0. */
	reasonCode: number;
	properties: Properties | null;
}

export interface SubscriptionRequest {
	topicFilter: string;
	qos: Qos;
	noLocal: boolean;
	retainAsPublished: boolean;
	/** 0 send, 1 send if the subscription is new, 2 do not send. */
	retainHandling: 0 | 1 | 2;
}

export interface SubscribePacket {
	type: typeof PacketType.SUBSCRIBE;
	packetId: number;
	properties: Properties | null;
	subscriptions: SubscriptionRequest[];
}

export interface SubackPacket {
	type: typeof PacketType.SUBACK;
	packetId: number;
	properties: Properties | null;
	reasonCodes: number[];
}

export interface UnsubscribePacket {
	type: typeof PacketType.UNSUBSCRIBE;
	packetId: number;
	properties: Properties | null;
	topicFilters: string[];
}

export interface UnsubackPacket {
	type: typeof PacketType.UNSUBACK;
	packetId: number;
	properties: Properties | null;
	/** Empty below 5.0. */
	reasonCodes: number[];
}

export interface PingPacket {
	type: typeof PacketType.PINGREQ | typeof PacketType.PINGRESP;
}

export interface DisconnectPacket {
	type: typeof PacketType.DISCONNECT;
	/** 0 below 5.0. */
	reasonCode: number;
	properties: Properties | null;
}

export interface AuthPacket {
	type: typeof PacketType.AUTH;
	reasonCode: number;
	properties: Properties | null;
}

export type Packet =
	| ConnectPacket
	| ConnackPacket
	| PublishPacket
	| AckPacket
	| SubscribePacket
	| SubackPacket
	| UnsubscribePacket
	| UnsubackPacket
	| PingPacket
	| DisconnectPacket
	| AuthPacket;
