/** What comes before a broker: its arguments and its configuration, or the answer to who asked for something else. */

import type { BrokerConfig, Remark } from "../config/config.ts";
import { ConfigError } from "../config/error.ts";
import { PluginError } from "../config/plugins.ts";
import type { Host } from "../host/host.ts";
import { AccessFiles } from "./access.ts";
import { ArgumentError, type BrokerArguments, parseArguments, usage } from "./args.ts";
import { Dynsec } from "./dynsec.ts";
import { hashUciPasswords } from "./hash-passwords.ts";
import { loadConfig, uciPath } from "./load.ts";
import type { ProgramLog } from "./log.ts";
import { askPassPhrases, NO_PASS_PHRASES, type PassPhrases } from "./pass-phrase.ts";
import { umaskOf } from "./privileges.ts";
import { brokerSettings, listenerPlans } from "./settings.ts";
import { StartError } from "./start-error.ts";
import { VERSION } from "./version.ts";

/**
 * mosquitto's exit codes: wrong arguments, configuration or environment; a plugin that cannot be loaded, which a mere test
 * of the configuration does not try.
 */
const EXIT_INVALID = 3;
const EXIT_PLUGIN = 13;

/** What a program is given: its platform, its log, the name it was called by, and its arguments. */
export interface Context {
	readonly host: Host;
	readonly log: ProgramLog;
	readonly name: string;
	readonly args: readonly string[];
}

/** What a broker starts with. */
export interface Start {
	readonly given: BrokerArguments;
	readonly config: BrokerConfig;
	/** Null when the configuration does not ask for it. */
	readonly dynsec: Dynsec | null;
	readonly access: AccessFiles;
	readonly passPhrases: PassPhrases;
	/** Permission bits that new files do not get; null for those of who started it. */
	readonly umask: number | null;
}

/** Arguments and configuration; null when there is nothing to start and the process has been ended. */
export async function prepare(context: Context): Promise<Start | null> {
	const { host, log, name, args } = context;
	const print = (stream: "stdout" | "stderr", text: string) => {
		host.process[stream].write(host.utf8.encode(text));
	};
	let testing = false;
	try {
		const given = parseArguments(args);
		testing = given.testConfig;
		if (given.print !== null) {
			print("stdout", given.print === "help" ? usage(name, VERSION) : `${name} version ${VERSION}\n`);
			host.process.exit(0);
			return null;
		}
		if (given.hashPasswords && given.uci !== null) {
			await hashUciPasswords(host, uciPath(host, given.uci));
			host.process.exit(0);
			return null;
		}
		if (given.testConfig && given.configFiles.length === 0 && given.uci === null) {
			throw new ArgumentError("Error: Please provide a configuration file to test.");
		}
		const config = loadConfig(host, given);
		// Whether it can be mapped belongs to whether it is right.
		brokerSettings(config, name);
		const dynsec = Dynsec.open(host, log, config, null);
		const access = new AccessFiles(host, config, dynsec);
		// In the background there is nobody to be asked.
		const passPhrases = given.daemon ? NO_PASS_PHRASES : await askPassPhrases(host, config.listeners);
		if (!given.testConfig) return { given, config, dynsec, access, passPhrases, umask: umaskOf(host) };
		// Certificates and keys that cannot be used would keep it from starting.
		const tls = listenerPlans(host, config, access, given.ports, passPhrases).flatMap(
			(plan) => plan.tls?.remarks ?? [],
		);
		sayRemarks(context, [...config.remarks, ...access.remarks, ...tls]);
		log.write("information", "Configuration file is OK.");
		host.process.exit(0);
	} catch (error) {
		if (error instanceof ArgumentError) {
			print("stderr", `${error.message}\n`);
			if (error.usage) print("stdout", usage(name, VERSION));
		} else if (error instanceof ConfigError || error instanceof StartError) {
			for (const line of error.lines) log.write("error", line);
		} else {
			throw error;
		}
		host.process.exit(error instanceof PluginError && !testing ? EXIT_PLUGIN : EXIT_INVALID);
	}
	return null;
}

/** Tells the owner what the configuration gives reason to. */
export function sayRemarks({ log }: Pick<Context, "log">, remarks: readonly Remark[]): void {
	for (const { type, text } of remarks) log.write(type, text);
}
