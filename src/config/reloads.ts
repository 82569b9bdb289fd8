/**
 * What a reload (SIGHUP) does with each option. Not in the program: the documentation is made with it, and a test goes through
 * all of it. mosquitto reloads fewer: none of a listener's.
 */

import type { Option } from "./option.ts";

/**
 * `all`: holds for everybody from then on; `new`: for who connects from then on, as who is connected was told, or is served,
 * otherwise; `no`: with the next start.
 */
export type Reload = "all" | "new" | "no";

/** What holds for options that are neither of a listener nor here below. */
const OF_BROKER: Reload = "all";
/** What holds for options of a listener that are not here below. */
const OF_LISTENER: Reload = "new";

const OTHERS: Readonly<Record<Reload, readonly string[]>> = {
	all: [
		"http_dir",
		"listener_allow_anonymous",
		"plugin_use",
		"use_identity_as_username",
		"use_subject_as_username",
	],
	new: [
		"allow_zero_length_clientid",
		"auto_id_prefix",
		"bind_address",
		"clientid_prefixes",
		"global_max_clients",
		"global_max_connections",
		"listener",
		"max_keepalive",
		"persistent_client_expiration",
		"port",
		"psk_file",
		"set_tcp_nodelay",
	],
	no: ["persistence", "persistence_file", "persistence_location", "pid_file", "user"],
};

/** Every name that stands in this file, for a test: it must be one of the table, and honoured. */
export const NAMED: readonly string[] = Object.values(OTHERS).flat();

/** Of an option; null when it has no effect, or is refused. */
export function reloadOf({ name, state, scope }: Option): Reload | null {
	if (state !== "honoured") return null;
	for (const reload of ["all", "new", "no"] as const) if (OTHERS[reload].includes(name)) return reload;
	return scope === "listener" || scope === "default-listener" ? OF_LISTENER : OF_BROKER;
}
