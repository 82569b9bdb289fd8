/** Checks of option values that several options share. */

import { isValidTopicFilter, isValidTopicName, type Qos } from "../client/client.ts";
import { leadingInteger, wholeInteger } from "./numbers.ts";
import type { Settings } from "./settings.ts";
import { UsageError } from "./usage-error.ts";

export function qosValue(text: string): Qos | null {
	const value = leadingInteger(text);
	return value === 0 || value === 1 || value === 2 ? value : null;
}

/** mosquitto takes topics of at most this many levels, and so do most brokers. */
const MOST_SLASHES = 200;

export function hasTooManyLevels(topic: string): boolean {
	return topic.split("/").length - 1 > MOST_SLASHES;
}

export function checkTopicName(topic: string, what: string): void {
	if (!isValidTopicName(topic) || hasTooManyLevels(topic)) {
		throw new UsageError(`Error: Invalid ${what} topic '${topic}', does it contain '+' or '#'?\n`);
	}
}

export function checkTopicFilter(filter: string, what: string): void {
	if (!isValidTopicFilter(filter) || hasTooManyLevels(filter)) {
		throw new UsageError(
			`Error: Invalid ${what} topic '${filter}', are all '+' and '#' wildcards correct?\n`,
		);
	}
}

export function addTopic(settings: Settings, topic: string): void {
	if (settings.program === "mosquitto_pub") {
		checkTopicName(topic, "publish");
		settings.topic = topic;
	} else {
		checkTopicFilter(topic, "subscription");
		settings.topics.push(topic);
	}
}

const NO_END = 4_294_967_295;

export function sessionExpiry(text: string): number {
	if (text === "∞") return NO_END;
	const value = wholeInteger(text);
	if (value === null) throw new UsageError("Error: session-expiry-interval not a number.\n\n");
	if (value < -1 || value > NO_END) {
		throw new UsageError("Error: session-expiry-interval out of range.\n\n");
	}
	return value === -1 ? NO_END : value;
}
