/** fast-check arbitraries of every packet type and version, in the form in which decoding gives them. */

import fc from "fast-check";
import {
	type AckPacket,
	type ConnectPacket,
	type Packet,
	PacketType,
	PROPERTIES,
	type Properties,
	type PropertyDefinition,
	PropertyKind,
	type PropertyOwner,
	type ProtocolVersion,
	type PublishPacket,
	REASONS,
	type SubscribePacket,
	WILL,
} from "../../../src/packet/packet.ts";

const VARIABLE_MAXIMUM = 268_435_455;

/** Any text but U+0000; now and then one whose length takes two octets. */
export const text = fc
	.oneof(
		{ weight: 20, arbitrary: fc.string({ unit: "binary", maxLength: 12 }) },
		{ weight: 1, arbitrary: fc.string({ unit: "binary", minLength: 256, maxLength: 300 }) },
	)
	.map((t) => t.replaceAll("\0", "\ufeff"));

const level = fc.oneof(
	fc.constantFrom("", "a", "b", "$SYS", "é", "\u{1f600}", " "),
	text.map((t) => t.replaceAll(/[+#/]/g, "_")),
);

export const topicName = fc
	.array(level, { minLength: 1, maxLength: 5 })
	.map((levels) => levels.join("/") || "/");

const plainFilter = fc
	.tuple(fc.array(fc.oneof(level, fc.constant("+")), { minLength: 1, maxLength: 5 }), fc.boolean())
	.map(([levels, open]) => (open ? [...levels, "#"] : levels).join("/") || "+");

const shareName = fc.oneof(
	fc.constantFrom("g", "group 1"),
	text.map((t) => t.replaceAll(/[+#/]/g, "_") || "s"),
);

export const topicFilter = fc.oneof(
	{ weight: 4, arbitrary: plainFilter.filter((filter) => !filter.startsWith("$share/")) },
	{
		weight: 1,
		arbitrary: fc.tuple(shareName, plainFilter).map(([name, filter]) => `$share/${name}/${filter}`),
	},
);

const binary = fc.uint8Array({ maxLength: 40 });
const payload = fc.oneof(
	{ weight: 10, arbitrary: binary },
	{ weight: 1, arbitrary: fc.uint8Array({ minLength: 100, maxLength: 20_000 }) },
);
const qos = fc.constantFrom(0 as const, 1 as const, 2 as const);
const packetId = fc.integer({ min: 1, max: 65_535 });

function value({ name, kind, minimum }: PropertyDefinition, owner: PropertyOwner): fc.Arbitrary<unknown> {
	switch (kind) {
		case PropertyKind.FLAG:
			return fc.integer({ min: 0, max: 1 });
		case PropertyKind.UINT16:
			return fc.integer({ min: minimum, max: 65_535 });
		case PropertyKind.UINT32:
			return fc.integer({ min: minimum, max: 4_294_967_295 });
		case PropertyKind.VARIABLE:
			return fc.array(fc.integer({ min: minimum, max: VARIABLE_MAXIMUM }), {
				minLength: 1,
				maxLength: owner === PacketType.PUBLISH ? 3 : 1,
			});
		case PropertyKind.TEXT:
			return name === "responseTopic" ? topicName : text;
		case PropertyKind.BINARY:
			return binary;
		case PropertyKind.PAIR:
			return fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 3 });
	}
}

/** Properties that the owner may have; null for none, and always below 5.0. */
export function properties(owner: PropertyOwner, version: ProtocolVersion): fc.Arbitrary<Properties | null> {
	if (version !== 5) return fc.constant(null);
	const model: Record<string, fc.Arbitrary<unknown>> = {};
	for (const each of PROPERTIES) {
		if (each.owners.includes(owner)) model[each.name] = value(each, owner);
	}
	const some = fc
		.record(model, { requiredKeys: [], noNullPrototype: true })
		.map((record) => (Object.keys(record).length === 0 ? null : (record as Properties)));
	// Left to chance, none at all would be rare.
	return fc.oneof({ weight: 3, arbitrary: some }, { weight: 1, arbitrary: fc.constant(null) });
}

/** 5.0 reason codes of a packet type; 0 for one that bears none. */
export function reasonCode(type: PacketType): fc.Arbitrary<number> {
	const codes = Object.values(REASONS).filter((reason) => reason.packets.includes(type));
	return codes.length === 0 ? fc.constant(0) : fc.constantFrom(...codes.map((reason) => reason.code));
}

function connect(version: ProtocolVersion): fc.Arbitrary<ConnectPacket> {
	const will = fc.record(
		{ topic: topicName, payload: binary, qos, retain: fc.boolean(), properties: properties(WILL, version) },
		{ noNullPrototype: true },
	);
	return fc
		.record(
			{
				type: fc.constant(PacketType.CONNECT),
				version: fc.constant(version),
				bridge: version === 5 ? fc.constant(false) : fc.boolean(),
				cleanStart: fc.boolean(),
				keepAlive: fc.integer({ min: 0, max: 65_535 }),
				clientId: text,
				will: fc.option(will),
				username: fc.option(text),
				password: fc.option(binary),
				properties: properties(PacketType.CONNECT, version),
			},
			{ noNullPrototype: true },
		)
		.map((packet) => {
			if (version !== 5 && packet.username === null) packet.password = null;
			if (packet.clientId === "" && (version === 3 || (version === 4 && !packet.cleanStart))) {
				packet.clientId = "c";
			}
			if (packet.properties?.authenticationData !== undefined) {
				packet.properties.authenticationMethod ??= "m";
			}
			return packet;
		});
}

function publish(version: ProtocolVersion): fc.Arbitrary<PublishPacket> {
	return fc
		.record(
			{
				type: fc.constant(PacketType.PUBLISH),
				dup: fc.boolean(),
				qos,
				retain: fc.boolean(),
				topic: topicName,
				packetId,
				properties: properties(PacketType.PUBLISH, version),
				payload,
			},
			{ noNullPrototype: true },
		)
		.chain((packet) => {
			if (packet.qos === 0) {
				packet.dup = false;
				packet.packetId = 0;
			}
			const topic = packet.properties?.topicAlias === undefined ? packet.topic : "";
			return fc.constantFrom(packet, { ...packet, topic });
		});
}

function subscribe(version: ProtocolVersion): fc.Arbitrary<SubscribePacket> {
	const isFive = version === 5;
	const request = fc
		.record(
			{
				topicFilter,
				qos,
				noLocal: isFive ? fc.boolean() : fc.constant(false),
				retainAsPublished: isFive ? fc.boolean() : fc.constant(false),
				retainHandling: isFive ? qos : fc.constant(0 as const),
			},
			{ noNullPrototype: true },
		)
		.map((each) => (each.topicFilter.startsWith("$share/") ? { ...each, noLocal: false } : each));
	return fc.record(
		{
			type: fc.constant(PacketType.SUBSCRIBE),
			packetId,
			properties: properties(PacketType.SUBSCRIBE, version),
			subscriptions: fc.array(request, { minLength: 1, maxLength: 4 }),
		},
		{ noNullPrototype: true },
	);
}

/** Packets of one type, as `decodePacket` returns them. */
export function packet(type: PacketType, version: ProtocolVersion): fc.Arbitrary<Packet> {
	const own = properties(type, version);
	const code = version === 5 ? reasonCode(type) : fc.constant(0);
	const typed = <T extends PacketType>(only: T): fc.Arbitrary<T> => fc.constant(only);
	const options = { noNullPrototype: true } as const;
	switch (type) {
		case PacketType.CONNECT:
			return connect(version);
		case PacketType.CONNACK:
			return fc
				.record(
					{
						type: typed(PacketType.CONNACK),
						sessionPresent: version === 3 ? fc.constant(false) : fc.boolean(),
						reasonCode: version === 5 ? code : fc.integer({ min: 0, max: 5 }),
						properties: own,
					},
					options,
				)
				.map((each) => ({ ...each, sessionPresent: each.sessionPresent && each.reasonCode === 0 }));
		case PacketType.PUBLISH:
			return publish(version);
		case PacketType.PUBACK:
		case PacketType.PUBREC:
		case PacketType.PUBREL:
		case PacketType.PUBCOMP:
			return fc.record(
				{ type: fc.constant<AckPacket["type"]>(type), packetId, reasonCode: code, properties: own },
				options,
			);
		case PacketType.SUBSCRIBE:
			return subscribe(version);
		case PacketType.SUBACK: {
			const granted = version === 5 ? code : fc.constantFrom(0, 1, 2, 0x80);
			const reasonCodes = fc.array(granted, { minLength: 1, maxLength: 5 });
			return fc.record({ type: typed(PacketType.SUBACK), packetId, properties: own, reasonCodes }, options);
		}
		case PacketType.UNSUBSCRIBE: {
			const topicFilters = fc.array(topicFilter, { minLength: 1, maxLength: 4 });
			return fc.record(
				{ type: typed(PacketType.UNSUBSCRIBE), packetId, properties: own, topicFilters },
				options,
			);
		}
		case PacketType.UNSUBACK: {
			const reasonCodes =
				version === 5 ? fc.array(code, { minLength: 1, maxLength: 5 }) : fc.constant<number[]>([]);
			return fc.record({ type: typed(PacketType.UNSUBACK), packetId, properties: own, reasonCodes }, options);
		}
		case PacketType.PINGREQ:
		case PacketType.PINGRESP:
			return fc.record({ type: typed(type) }, options);
		case PacketType.DISCONNECT:
			return fc.record({ type: typed(PacketType.DISCONNECT), reasonCode: code, properties: own }, options);
		case PacketType.AUTH:
			return fc
				.record({ type: typed(PacketType.AUTH), reasonCode: code, properties: own }, options)
				.map((each) => {
					if (each.reasonCode === 0 && each.properties === null) return each;
					const authenticationMethod = each.properties?.authenticationMethod ?? "m";
					return { ...each, properties: { ...each.properties, authenticationMethod } };
				});
	}
}

/** Every (type, version) that exists: AUTH only in 5.0. */
export const KINDS: readonly [name: string, type: PacketType, version: ProtocolVersion][] = Object.entries(
	PacketType,
).flatMap(([name, type]) =>
	([3, 4, 5] as const)
		.filter((version) => type !== PacketType.AUTH || version === 5)
		.map((version): [string, PacketType, ProtocolVersion] => [`${name} ${version}`, type, version]),
);
