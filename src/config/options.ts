/** The option table of mosquitto.conf: every option of mosquitto 1.4 to 2.1, and what holds when nothing is said. */

import type { GlobalConfig, ListenerConfig } from "./config.ts";
import type { Option, OptionGroup } from "./option.ts";
import { BRIDGE_GROUP } from "./options-bridge.ts";
import { BROKER_GROUPS, OLD_GROUP } from "./options-broker.ts";
import { LISTENER_GROUPS } from "./options-listener.ts";
import type { Place } from "./value.ts";

/** All options, as the documentation shows them. */
export const GROUPS: readonly OptionGroup[] = [...BROKER_GROUPS, ...LISTENER_GROUPS, BRIDGE_GROUP, OLD_GROUP];

export const OPTIONS: readonly Option[] = GROUPS.flatMap((group) => group.options);

const exact = new Map<string, Option>();
const beginnings: Option[] = [];
for (const option of OPTIONS) {
	if (option.name.endsWith("*")) beginnings.push(option);
	else for (const name of [option.name, ...option.aliases]) exact.set(name, option);
}

/** The option of that name; undefined when there is none. */
export function findOption(name: string): Option | undefined {
	return exact.get(name) ?? beginnings.find((option) => name.startsWith(option.name.slice(0, -1)));
}

/** What holds for the broker when nothing is said. */
export function defaultGlobal(): GlobalConfig {
	const fields: Record<string, unknown> = {
		logDestinations: [{ kind: "stderr" }],
		logTypes: ["error", "warning", "notice", "information"],
		perListenerSettings: false,
	};
	for (const option of OPTIONS) {
		const ofBroker = option.scope === "global" || option.scope === "security";
		if (ofBroker && option.field !== null) fields[option.field] = option.default;
	}
	return fields as unknown as GlobalConfig;
}

/** What holds for a listener when nothing is said. */
export function defaultListener(place: Place): ListenerConfig {
	const fields: Record<string, unknown> = { place };
	for (const option of OPTIONS) {
		if (option.field === null) continue;
		if (option.scope === "security") fields[option.field] = null;
		if (option.scope === "listener" || option.scope === "default-listener") {
			fields[option.field] = option.default;
		}
	}
	return fields as unknown as ListenerConfig;
}
