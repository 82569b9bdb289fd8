/** The properties of MQTT 5.0 (section 2.2.2.2) as one table. */

import { PacketType, type Properties } from "./packets.ts";

/** Stands for the properties of a will where a packet type is asked for; type 0 is none on the wire. */
export const WILL = 0;
/** What has properties: a packet type, or a will. */
export type PropertyOwner = PacketType | typeof WILL;

/** How a value is written. `FLAG` is a byte that is 0 or 1. */
export const PropertyKind = {
	FLAG: 1,
	UINT16: 2,
	UINT32: 3,
	VARIABLE: 4,
	TEXT: 5,
	BINARY: 6,
	PAIR: 7,
} as const;
export type PropertyKind = (typeof PropertyKind)[keyof typeof PropertyKind];

/** One line of the table. A value below `minimum` is refused. */
export interface PropertyDefinition {
	readonly id: number;
	readonly name: keyof Properties;
	readonly kind: PropertyKind;
	readonly owners: readonly PropertyOwner[];
	readonly minimum: number;
}

function define(
	id: number,
	name: keyof Properties,
	kind: PropertyKind,
	owners: readonly PropertyOwner[],
	minimum = 0,
): PropertyDefinition {
	return { id, name, kind, owners, minimum };
}

const { FLAG, UINT16, UINT32, VARIABLE, TEXT, BINARY, PAIR } = PropertyKind;
const {
	CONNECT,
	CONNACK,
	PUBLISH,
	PUBACK,
	PUBREC,
	PUBREL,
	PUBCOMP,
	SUBSCRIBE,
	SUBACK,
	UNSUBSCRIBE,
	UNSUBACK,
	DISCONNECT,
	AUTH,
} = PacketType;
const MESSAGE: PropertyOwner[] = [PUBLISH, WILL];
const OPENING = [CONNECT, CONNACK];
const ANSWERS = [CONNACK, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK, DISCONNECT, AUTH];

/** All properties, by ascending identifier. */
export const PROPERTIES: readonly PropertyDefinition[] = [
	define(0x01, "payloadFormatIndicator", FLAG, MESSAGE),
	define(0x02, "messageExpiryInterval", UINT32, MESSAGE),
	define(0x03, "contentType", TEXT, MESSAGE),
	define(0x08, "responseTopic", TEXT, MESSAGE),
	define(0x09, "correlationData", BINARY, MESSAGE),
	define(0x0b, "subscriptionIdentifier", VARIABLE, [PUBLISH, SUBSCRIBE], 1),
	define(0x11, "sessionExpiryInterval", UINT32, [CONNECT, CONNACK, DISCONNECT]),
	define(0x12, "assignedClientIdentifier", TEXT, [CONNACK]),
	define(0x13, "serverKeepAlive", UINT16, [CONNACK]),
	define(0x15, "authenticationMethod", TEXT, [CONNECT, CONNACK, AUTH]),
	define(0x16, "authenticationData", BINARY, [CONNECT, CONNACK, AUTH]),
	define(0x17, "requestProblemInformation", FLAG, [CONNECT]),
	define(0x18, "willDelayInterval", UINT32, [WILL]),
	define(0x19, "requestResponseInformation", FLAG, [CONNECT]),
	define(0x1a, "responseInformation", TEXT, [CONNACK]),
	define(0x1c, "serverReference", TEXT, [CONNACK, DISCONNECT]),
	define(0x1f, "reasonString", TEXT, ANSWERS),
	define(0x21, "receiveMaximum", UINT16, OPENING, 1),
	define(0x22, "topicAliasMaximum", UINT16, OPENING),
	define(0x23, "topicAlias", UINT16, [PUBLISH], 1),
	define(0x24, "maximumQos", FLAG, [CONNACK]),
	define(0x25, "retainAvailable", FLAG, [CONNACK]),
	define(0x26, "userProperty", PAIR, [CONNECT, PUBLISH, WILL, SUBSCRIBE, UNSUBSCRIBE, ...ANSWERS]),
	define(0x27, "maximumPacketSize", UINT32, OPENING, 1),
	define(0x28, "wildcardSubscriptionAvailable", FLAG, [CONNACK]),
	define(0x29, "subscriptionIdentifierAvailable", FLAG, [CONNACK]),
	define(0x2a, "sharedSubscriptionAvailable", FLAG, [CONNACK]),
];

/** The identifiers with a meaning of their own to the codec. */
export const RESPONSE_TOPIC = 0x08;
export const SUBSCRIPTION_IDENTIFIER = 0x0b;
export const TOPIC_ALIAS = 0x23;
export const USER_PROPERTY = 0x26;

/** Identifiers are below this. */
export const PROPERTY_ID_LIMIT = 0x2b;

/** By identifier; `undefined` where the specification defines none. */
export const propertyById: (PropertyDefinition | undefined)[] = new Array(PROPERTY_ID_LIMIT).fill(undefined);
/** By identifier: bit n is set when owner n may have it. */
export const ownersById = new Uint16Array(PROPERTY_ID_LIMIT);
export const propertyByName = new Map<string, PropertyDefinition>();
for (const definition of PROPERTIES) {
	propertyById[definition.id] = definition;
	propertyByName.set(definition.name, definition);
	for (const owner of definition.owners) ownersById[definition.id]! |= 1 << owner;
}

const ownerNames: Record<number, string> = { [WILL]: "will" };
for (const [name, type] of Object.entries(PacketType)) ownerNames[type] = name;

/** "PUBLISH", "will", ...: for error texts. */
export function ownerName(owner: number): string {
	return ownerNames[owner] ?? `packet type ${owner}`;
}
