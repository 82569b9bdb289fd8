/** What the ubus object needs of the program that it is part of. */

import type { BrokerControl, ListenerSettings } from "../../broker/settings.ts";
import type { BrokerConfig } from "../../config/config.ts";
import type { Host, Log } from "../../host/host.ts";
import type { AccessFiles } from "../access.ts";
import type { OpenListener } from "../listen.ts";
import type { LogRing } from "../log-ring.ts";
import type { ListenerPlan } from "../settings.ts";

/** How a reload ended. */
export interface ReloadResult {
	/** Seconds since 1970. */
	readonly time: number;
	/** Why it failed; empty when it did not. */
	readonly errors: readonly string[];
}

export interface Program {
	readonly host: Pick<
		Host,
		"name" | "clock" | "crypto" | "files" | "network" | "process" | "random" | "timers" | "utf8"
	>;
	readonly log: Log;
	readonly lines: LogRing;
	readonly broker: BrokerControl;
	config(): BrokerConfig;
	/** Files of users and rights in use. */
	access(): AccessFiles;
	listeners(): readonly OpenListener[];
	isStopping(): boolean;
	/** Null before the first one. */
	lastReload(): ReloadResult | null;
	reload(): Promise<ReloadResult>;
}

/** What a listener is called: its place, as the owner wrote it; a port that the system chose as a number. */
export function listenerName({
	host,
	kind,
	settings,
}: Pick<ListenerPlan, "host" | "kind" | "settings">): string {
	if (kind === "unix" && host !== null) return host;
	if (host === null) return String(settings.port);
	return host.includes(":") ? `[${host}]:${settings.port}` : `${host}:${settings.port}`;
}

/** The name of the listener that a client came through, which may be open no more. */
export function listenerOf(program: Program, settings: ListenerSettings | null): string | null {
	if (settings === null) return null;
	const open = program.listeners().find(({ plan }) => plan.settings === settings);
	if (open !== undefined) return listenerName(open.plan);
	return settings.path === "" ? String(settings.port) : settings.path;
}
