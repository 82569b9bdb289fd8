/** The store as the configuration asks for it. */

import type { GlobalConfig } from "../config/config.ts";
import type { DurabilityClass } from "../config/options-persistence.ts";
import type { Host, Log } from "../host/host.ts";
import { Durability } from "../store/durability.ts";
import { SchemaError } from "../store/schema.ts";
import { Store } from "../store/store.ts";
import type { StoreSettings } from "../store/store-host.ts";
import { describe, importFirst, TransferError } from "../store/transfer.ts";

const DURABILITY: Readonly<Record<DurabilityClass, Durability>> = {
	sync: Durability.SYNC,
	lazy: Durability.LAZY,
	ram: Durability.RAM,
};

/** mosquitto's own file. */
const MOSQUITTO_FILE = "mosquitto.db";
const OWN_FILE = "mqttd.db";

/** Paths of the database, and of mosquitto's, which is another format and is never written. */
export function storePaths({ persistenceLocation, persistenceFile }: GlobalConfig): {
	readonly own: string;
	readonly mosquitto: string;
} {
	const folder =
		persistenceLocation === null || persistenceLocation.endsWith("/")
			? (persistenceLocation ?? "")
			: `${persistenceLocation}/`;
	const file = persistenceFile ?? MOSQUITTO_FILE;
	const own = file === MOSQUITTO_FILE ? OWN_FILE : `${file.replace(/\.db$/, "")}.${OWN_FILE}`;
	return { own: folder + own, mosquitto: folder + file };
}

/**
 * mosquitto's options go with ours: what it would write by now is written by now, and sooner when ours says so; so nothing
 * is kept less surely than there.
 */
export function storeSettings(global: GlobalConfig): StoreSettings {
	const { autosaveInterval, autosaveOnChanges, persistInterval } = global;
	const counts = autosaveOnChanges && autosaveInterval > 0;
	const isSooner = !autosaveOnChanges && autosaveInterval > 0 && autosaveInterval < persistInterval;
	return {
		path: storePaths(global).own,
		durability: DURABILITY[global.durability],
		rules: global.persistTopics.map(({ topicFilter, durability }) => ({
			topicFilter,
			durability: DURABILITY[durability],
		})),
		lazyInterval: isSooner ? autosaveInterval : persistInterval,
		lazyOctets: global.persistOctets,
		lazyChanges: counts ? autosaveInterval : 0,
		maximumSize: global.maxStoreSize,
		dailyBudget: global.persistDailyBudget,
	};
}

/** At the first start with a file of mosquitto's beside ours that is not there yet, what mosquitto kept goes on. */
function takeFromMosquitto(host: Host, log: Log, global: GlobalConfig): void {
	const { own, mosquitto } = storePaths(global);
	try {
		const report = importFirst(host, own, mosquitto);
		if (report === null) return;
		for (const warning of report.warnings) log.write("warning", `Warning: ${warning}.`);
		log.write("notice", `Imported ${describe(report.counts)} from '${mosquitto}'.`);
	} catch (error) {
		if (!(error instanceof TransferError)) throw error;
		log.write(
			"error",
			`Error: ${error.message}. What mosquitto kept is not imported; mqttd import does that later.`,
		);
	}
}

/**
 * Opens the store; null when nothing is to outlive the process, or the file is of a kind that this program would have to
 * destroy to use it: then the broker serves from memory, and says so.
 */
export function openStore(host: Host, log: Log, global: GlobalConfig): Store | null {
	if (!global.persistence) return null;
	const settings = storeSettings(global);
	takeFromMosquitto(host, log, global);
	const store = new Store(host, log, settings);
	try {
		store.start();
		return store;
	} catch (error) {
		if (!(error instanceof SchemaError)) throw error;
		const text = `Error: Unable to use the database '${settings.path}': ${error.message}.`;
		log.write("error", `${text} It is left as it is; nothing outlives the process.`);
		return null;
	}
}
