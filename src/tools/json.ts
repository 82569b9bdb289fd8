/** JSON as `%j` and `%J` print it: one line, or with `--pretty` indented by tabs. */

import type { Properties } from "../client/client.ts";

/** Facts about a message that its JSON tells. */
export interface JsonMessage {
	readonly time: string;
	readonly topic: string;
	readonly qos: number;
	readonly retain: boolean;
	readonly packetId: number;
	readonly payloadLength: number;
	readonly properties: Properties | null;
	/** The payload as JSON. */
	readonly payload: string;
}

type Octets = (bytes: Uint8Array) => string;

/** The message as compact JSON; `decode` makes a text of octets. */
export function messageJson(message: JsonMessage, decode: Octets): string {
	const members = [
		`"tst":${JSON.stringify(message.time)}`,
		`"topic":${JSON.stringify(message.topic)}`,
		`"qos":${message.qos}`,
		`"retain":${message.retain}`,
		`"payloadlen":${message.payloadLength}`,
	];
	if (message.qos > 0) members.push(`"mid":${message.packetId}`);
	if (message.properties !== null) members.push(`"properties":${propertiesJson(message.properties, decode)}`);
	members.push(`"payload":${message.payload}`);
	return `{${members.join(",")}}`;
}

function propertiesJson(properties: Properties, decode: Octets): string {
	const members: Record<string, unknown> = {};
	if (properties.payloadFormatIndicator !== undefined) {
		members["payload-format-indicator"] = properties.payloadFormatIndicator;
	}
	if (properties.messageExpiryInterval !== undefined) {
		members["message-expiry-interval"] = properties.messageExpiryInterval;
	}
	if (properties.contentType !== undefined) members["content-type"] = properties.contentType;
	if (properties.responseTopic !== undefined) members["response-topic"] = properties.responseTopic;
	if (properties.correlationData !== undefined) {
		members["correlation-data"] = decode(properties.correlationData);
	}
	if (properties.subscriptionIdentifier !== undefined) {
		// The last one, as of members that are there twice.
		members["subscription-identifier"] = properties.subscriptionIdentifier.at(-1);
	}
	if (properties.topicAlias !== undefined) members["topic-alias"] = properties.topicAlias;
	if (properties.userProperty !== undefined) {
		members["user-properties"] = properties.userProperty.map(([name, value]) => ({ [name]: value }));
	}
	return JSON.stringify(members);
}

/** The same JSON without white space between its tokens; null when `text` is not JSON. Numbers stay as written. */
export function compactJson(text: string): string | null {
	try {
		JSON.parse(text);
	} catch {
		return null;
	}
	return tokens(text).join("");
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s"{}[\]:,]+/gs;

function tokens(json: string): string[] {
	return json.match(TOKEN) ?? [];
}

/** JSON over several lines: a member of an object a line, indented by tabs; an array on one line. */
export function prettyJson(json: string): string {
	let text = "";
	let depth = 0;
	const open: string[] = [];
	let previous = "";
	for (const token of tokens(json)) {
		switch (token) {
			case "{":
				open.push(token);
				depth++;
				text += "{\n";
				break;
			case "}":
				open.pop();
				depth--;
				if (previous !== "{") text += "\n";
				text += `${"\t".repeat(depth)}}`;
				break;
			case "[":
				open.push(token);
				depth++;
				text += "[";
				break;
			case "]":
				open.pop();
				depth--;
				text += "]";
				break;
			case ":":
				text += ":\t";
				break;
			case ",":
				text += open.at(-1) === "{" ? ",\n" : ", ";
				break;
			default:
				if (open.at(-1) === "{" && (previous === "{" || previous === ",")) text += "\t".repeat(depth);
				text += token;
		}
		previous = token;
	}
	return text;
}
