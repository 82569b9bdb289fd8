/** `topics`, `retained`, `retained_delete` and `publish`. */

import type { Message } from "../../broker/message.ts";
import type { RetainedLevel } from "../../broker/retained.ts";
import { walkRetained } from "../../broker/retained-walk.ts";
import type { Work } from "../../broker/work.ts";
import { decodeBase64, encodeBase64 } from "../../host/base64.ts";
import { isValidTopicFilter, isValidTopicName, MqttError, type Qos } from "../../packet/packet.ts";
import { Status, UbusError } from "../../ubus/status.ts";
import type { UbusInputTable, UbusTable } from "../../ubus/value.ts";
import { flagOf, integerOf, requiredText, textOf, wrong } from "./arguments.ts";
import { Page, searchOf } from "./page.ts";
import type { Program } from "./program.ts";

/** Octets of payload in an answer: of one message at most and by default, and of each in a list at most. */
const MAXIMUM_PREVIEW = 262_144;
const DEFAULT_PREVIEW = 65_536;
const MAXIMUM_LIST_PREVIEW = 1024;
/** Octets of user properties after which no further one is shown. */
const MAXIMUM_PROPERTIES = 32_768;
/** Names of a level between two rests. */
const NAMES_AT_ONCE = 16;

const EVERYTHING = "#";
const NOTHING = new Uint8Array(0);

export function* topics(program: Program, args: UbusTable): Work<UbusInputTable> {
	const page = new Page(program.host.utf8, args);
	const prefix = textOf(args, "prefix");
	const level = program.broker.administration.retained(prefix === null ? [] : prefix.split("/"));
	if (level === undefined) throw new UbusError(Status.NOT_FOUND, prefix ?? "topics");
	let names = 0;
	for (const [name, child] of level.children()) {
		if (++names % NAMES_AT_ONCE === 0) yield;
		page.offer(() => ({
			name,
			topic: prefix === null ? name : `${prefix}/${name}`,
			retained: child.hasMessage,
			...(child.hasMessage ? { size: child.payloadLength } : {}),
			children: child.size,
			below: child.total - (child.hasMessage ? 1 : 0),
		}));
	}
	return page.result("topics");
}

export function* retained(program: Program, args: UbusTable): Work<UbusInputTable> {
	const topic = textOf(args, "topic");
	if (topic !== null) return retainedOf(program, topic, args);
	const { administration } = program.broker;
	const page = new Page(program.host.utf8, args);
	const matches = searchOf(args);
	const wantsAll = (textOf(args, "search") ?? "") === "";
	const preview = integerOf(args, "preview", 0, MAXIMUM_LIST_PREVIEW, 0);
	const root = administration.retained([]);
	if (root === undefined) return page.result("messages");
	yield* walkRetained(root, filterOf(args) ?? EVERYTHING, {
		passes: ({ total }) => wantsAll && page.pass(total),
		take: (level) => {
			if (!level.hasMessage || administration.hasExpired(level) || !matches(level.topic)) return;
			page.offer(() => messageTable(program, level, preview));
		},
	});
	return page.result("messages");
}

function filterOf(args: UbusTable): string | null {
	const filter = textOf(args, "filter");
	if (filter === null) return null;
	if (!isValidTopicFilter(filter) || filter.startsWith("$share/")) wrong("filter", "no topic filter");
	return filter;
}

function retainedOf(program: Program, topic: string, args: UbusTable): UbusInputTable {
	for (const name of ["filter", "search", "offset", "limit"]) {
		if ((args[name] ?? null) !== null) wrong(name, "not together with topic");
	}
	const preview = integerOf(args, "preview", 0, MAXIMUM_PREVIEW, DEFAULT_PREVIEW);
	const { administration } = program.broker;
	const level = administration.retained(topic.split("/"));
	if (level === undefined || !level.hasMessage || administration.hasExpired(level)) {
		throw new UbusError(Status.NOT_FOUND, topic);
	}
	return { ...messageTable(program, level, preview), ...propertiesTable(program, level.message!) };
}

function messageTable({ broker, host }: Program, level: RetainedLevel, preview: number): UbusInputTable {
	const { source } = level;
	const message = level.message!;
	const expires = broker.administration.expiresIn(message);
	const user = source?.username ?? null;
	return {
		topic: message.topic,
		size: message.payload.length,
		qos: message.qos,
		...(user === null ? {} : { user }),
		...(source === null ? {} : { client: source.clientId }),
		...(expires === null ? {} : { expires }),
		...payloadTable(host.utf8, message.payload, preview),
	};
}

/** The beginning of a payload, as text where it is text. */
function payloadTable(utf8: Program["host"]["utf8"], payload: Uint8Array, preview: number): UbusInputTable {
	if (preview === 0 && payload.length > 0) return { truncated: true };
	const truncated = payload.length > preview;
	let end = truncated ? preview : payload.length;
	// Not within a character.
	if (truncated) while (end > preview - 3 && end > 0 && (payload[end]! & 0xc0) === 0x80) end--;
	const text = utf8.decode(payload, 0, end);
	const more = truncated ? { truncated } : {};
	if (text !== null && !text.includes("\0")) return { payload: text, ...more };
	return { payload_base64: encodeBase64(payload.subarray(0, truncated ? preview : end)), ...more };
}

/** What of MQTT 5.0 an owner can make something of. */
function propertiesTable({ host }: Program, { properties }: Message): UbusInputTable {
	if (properties === null) return {};
	const { contentType, payloadFormatIndicator, responseTopic, correlationData, userProperty } = properties;
	const user: UbusInputTable[] = [];
	let octets = 0;
	for (const [name, value] of userProperty ?? []) {
		if (octets > MAXIMUM_PROPERTIES) break;
		octets += host.utf8.byteLength(name) + host.utf8.byteLength(value);
		user.push({ name, value });
	}
	return {
		properties: {
			...(contentType === undefined ? {} : { content_type: contentType }),
			...(payloadFormatIndicator === undefined ? {} : { payload_format: payloadFormatIndicator }),
			...(responseTopic === undefined ? {} : { response_topic: responseTopic }),
			...(correlationData === undefined ? {} : { correlation_data: encodeBase64(correlationData) }),
			...(user.length === 0 ? {} : { user }),
		},
	};
}

export function* retainedDelete(program: Program, args: UbusTable): Work<UbusInputTable> {
	const { administration } = program.broker;
	const topic = textOf(args, "topic");
	const filter = filterOf(args);
	if ((topic === null) === (filter === null)) wrong("topic", "either topic or filter");
	let deleted = 0;
	const take = (level: RetainedLevel): void => {
		if (!level.hasMessage) return;
		const { topic } = level;
		// The broker's own stay: they would come again.
		if (topic.startsWith("$SYS/")) return;
		const isThere = !administration.hasExpired(level);
		published(program, topic, NOTHING, 0, true);
		if (isThere) deleted++;
	};
	const root = administration.retained([]);
	if (topic !== null) {
		const level = administration.retained(topic.split("/"));
		if (level !== undefined) take(level);
		if (deleted === 0) throw new UbusError(Status.NOT_FOUND, topic);
	} else if (root !== undefined && filter !== null) {
		yield* walkRetained(root, filter, { passes: () => false, take });
	}
	program.log.write("notice", `ubus: ${deleted} retained messages of ${topic ?? filter} were deleted.`);
	return { deleted };
}

export function publish(program: Program, args: UbusTable): UbusInputTable {
	const topic = requiredText(args, "topic");
	const text = textOf(args, "payload");
	const base64 = textOf(args, "payload_base64");
	if (text !== null && base64 !== null) wrong("payload", "not together with payload_base64");
	const payload =
		base64 === null
			? program.host.utf8.encode(text ?? "")
			: (decodeBase64(base64) ?? wrong("payload_base64", "no base64"));
	const qos = integerOf(args, "qos", 0, 2, 0) as Qos;
	const subscribers = published(program, topic, payload, qos, flagOf(args, "retain"));
	return { subscribers };
}

function published(program: Program, topic: string, payload: Uint8Array, qos: Qos, retain: boolean): number {
	if (!isValidTopicName(topic)) wrong("topic", "no topic name");
	try {
		return program.broker.administration.publish(topic, payload, qos, retain);
	} catch (error) {
		if (!(error instanceof MqttError)) throw error;
		throw new UbusError(Status.INVALID_ARGUMENT, error.message);
	}
}
