/** Where a configuration comes from: files of mosquitto.conf's format, or UCI. */

import type { BrokerConfig } from "../config/config.ts";
import { readConfig } from "../config/read.ts";
import { readUci, UCI_FOLDER } from "../config/read-uci.ts";
import type { Host } from "../host/host.ts";
import type { BrokerArguments } from "./args.ts";

export type LoadHost = Pick<Host, "files" | "utf8" | "process">;

type Sources = Pick<BrokerArguments, "configFiles" | "uci">;

/** The path of a UCI file: a name is one of the system's files, as `uci -c` and its environment variable have them. */
export function uciPath({ process }: Pick<Host, "process">, name: string): string {
	return name.includes("/") ? name : `${process.env("UCI_CONFIG_DIR") ?? UCI_FOLDER}/${name}`;
}

/** Reads what the command line names; defaults when it names nothing. Throws ConfigError. */
export function loadConfig(host: LoadHost, { configFiles, uci }: Sources): BrokerConfig {
	return uci === null ? readConfig(host, configFiles) : readUci(host, uciPath(host, uci));
}

/** The paths of what is read. */
export function sourcesOf(host: LoadHost, { configFiles, uci }: Sources): readonly string[] {
	return uci === null ? configFiles : [uciPath(host, uci)];
}
