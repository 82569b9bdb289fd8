/** The option table: what outlives the process. */

import { fail } from "./error.ts";
import { type Option, type OptionGroup, ofBroker } from "./option.ts";
import { boolean, choice, integer, octets, text, type ValueType, wordsOf } from "./value.ts";

/** How sure something is to outlive the process. */
export const CLASSES = ["sync", "lazy", "ram"] as const;
export type DurabilityClass = (typeof CLASSES)[number];

/** The durability of some topics. */
export interface PersistTopic {
	readonly topicFilter: string;
	readonly durability: DurabilityClass;
}

/** `FILTER CLASS`; a filter may have spaces in it. */
const persistTopic: ValueType<readonly PersistTopic[]> = {
	kind: "words",
	form: "a topic filter and one of sync, lazy, ram",
	parse(written) {
		const words = wordsOf(written.rest);
		if (words.length === 0) fail(`Error: Empty '${written.name}' value in configuration.`);
		const last = words.at(-1);
		const durability = CLASSES.find((each) => each === last);
		const value = written.rest.trim();
		if (durability === undefined || words.length < 2) {
			return fail(`Error: Invalid '${written.name}' value (${value}).`);
		}
		const topicFilter = value.slice(0, -durability.length).trim();
		const levels = topicFilter.split("/");
		const isValid = levels.every((level, i) => {
			if (level === "#") return i === levels.length - 1;
			return level === "+" || !/[+#]/.test(level);
		});
		if (!isValid) fail(`Error: Invalid '${written.name}' value (${value}).`);
		return [{ topicFilter, durability }];
	},
};

const PERSISTENCE: readonly Option[] = [
	ofBroker(
		"persistence",
		boolean,
		"persistence",
		false,
		"Whether messages and sessions outlive the process.",
		{ aliases: ["retained_persistence"] },
	),
	ofBroker(
		"persistence_file",
		text(),
		"persistenceFile",
		null,
		"File name of mosquitto's database, mosquitto.db by default, which is read at the first start and never written; ours is mqttd.db, or NAME.mqttd.db for another NAME.db.",
		{ once: true, example: "mosquitto.db" },
	),
	ofBroker(
		"persistence_location",
		text(),
		"persistenceLocation",
		null,
		"Directory of the database. Default: the present one.",
		{ once: true, example: "/var/lib/mqttd/" },
	),
	ofBroker(
		"durability",
		choice(CLASSES),
		"durability",
		"lazy",
		"What is acknowledged is on the disk before (sync), is written within persist_interval (lazy), or is in memory only (ram).",
	),
	ofBroker(
		"persist_topic",
		persistTopic,
		"persistTopics",
		[],
		"A topic filter, and the durability of messages whose topics match it; the first that matches counts. Repeat for more.",
		{ repeats: true, example: "alarm/# sync" },
	),
	ofBroker(
		"persist_interval",
		integer({ min: 1, max: 86_400 }),
		"persistInterval",
		60,
		"Seconds within which lazy changes are written.",
	),
	ofBroker(
		"persist_octets",
		octets({ min: 0 }),
		"persistOctets",
		131_072,
		"Octets of lazy changes, about, that are written sooner; 0 is no limit.",
	),
	ofBroker(
		"autosave_interval",
		integer({ min: 0, below: 0 }),
		"autosaveInterval",
		1800,
		"Seconds, or changes, after which lazy changes are written, where that is sooner than persist_interval; 0 is at no time of its own.",
	),
	ofBroker(
		"autosave_on_changes",
		boolean,
		"autosaveOnChanges",
		false,
		"Whether autosave_interval counts changes.",
	),
	ofBroker(
		"max_store_size",
		octets({ min: 0 }),
		"maxStoreSize",
		0,
		"Octets of the database beyond which nothing more is kept; 0 is no limit.",
	),
	ofBroker(
		"persist_daily_budget",
		octets({ min: 0 }),
		"persistDailyBudget",
		0,
		"Octets written a day beyond which there is a warning, to spare flash; 0 is none.",
	),
];

export const PERSISTENCE_GROUP: OptionGroup = {
	title: "Persistence",
	section: "persistence",
	options: PERSISTENCE,
};
