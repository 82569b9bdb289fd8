/** From arguments and options files to settings. */

import type { Host } from "../host/host.ts";
import { isText } from "./argument.ts";
import type { OptionContext, OptionDefinition } from "./option.ts";
import { OPTIONS } from "./option-table.ts";
import { defaultSettings, type Program, type Settings } from "./settings.ts";
import { checkTls, wantsTls } from "./tls.ts";
import { UsageError } from "./usage-error.ts";

const LARGEST_OPTIONS_FILE = 1_048_576;
/** Options whose value is octets; those of all others are text. */
const OCTET_OPTIONS: readonly string[] = ["-m", "-P", "--will-payload"];
const NO_END = 4_294_967_295;
const TLS_PORT = 8883;

/**
 * Reads the options file, then the arguments. Throws a UsageError for what is wrong, an InformationRequest for
 * `--help` and `--version`.
 */
export function readCommandLine(host: Host, program: Program, args: readonly string[]): Settings {
	const settings = defaultSettings(program);
	const options = OPTIONS.filter(({ programs }) => programs.includes(program));
	const [name] = readLeadingOptions(host, settings, args, options);
	if (name !== undefined) throw new UsageError(`Error: Unknown option '${name}'.\n`);
	checkTogether(settings);
	return settings;
}

/** The same without a look at how options go together, and as far as arguments begin with `-`. Returns the rest of them. */
export function readLeadingOptions(
	host: Host,
	settings: Settings,
	args: readonly string[],
	options: readonly OptionDefinition[],
): readonly string[] {
	const context: OptionContext = { encode: (text) => host.utf8.encode(text) };
	const byName = new Map<string, OptionDefinition>();
	for (const option of options) for (const name of option.names) byName.set(name, option);
	for (const line of optionsFileLines(host, settings.program, args)) {
		const [name] = readOptions(settings, line, byName, context);
		if (name !== undefined) throw new UsageError(`Error: Unknown option '${name}'.\n`);
	}
	return readOptions(settings, args, byName, context);
}

function readOptions(
	settings: Settings,
	args: readonly string[],
	byName: ReadonlyMap<string, OptionDefinition>,
	context: OptionContext,
): readonly string[] {
	let index = 0;
	while (index < args.length && args[index]!.startsWith("-")) {
		const name = args[index]!;
		const option = byName.get(name);
		if (option === undefined) throw new UsageError(`Error: Unknown option '${name}'.\n`);
		const taken = option.read(settings, args.slice(index + 1), context);
		const [label = name] = option.names;
		const values = args.slice(index + 1, index + 1 + taken);
		if (!OCTET_OPTIONS.includes(label) && !values.every(isText)) {
			throw new UsageError(`Error: Malformed UTF-8 in ${label} argument.\n\n`);
		}
		index += 1 + taken;
	}
	return args.slice(index);
}

/** The file named with `-o`, else the user's own; each line is an option and, after a space, its value. */
function optionsFileLines(host: Host, program: Program, args: readonly string[]): string[][] {
	let path: string | null = null;
	for (let index = 0; index < args.length; index++) {
		if (args[index] !== "-o") continue;
		if (path !== null) throw new UsageError("Error: Duplicate -o argument given.\n\n");
		const next = args[index + 1];
		if (next === undefined) {
			throw new UsageError("Error: -o argument given but no options file specified.\n\n");
		}
		path = next;
	}
	const configHome = host.process.env("XDG_CONFIG_HOME");
	const home = host.process.env("HOME");
	if (path !== null) return splitLines(readText(host, path, true));
	if (configHome !== undefined) return splitLines(readText(host, `${configHome}/${program}`, false));
	if (home !== undefined) return splitLines(readText(host, `${home}/.config/${program}`, false));
	return [];
}

function readText(host: Host, path: string, wanted: boolean): string {
	let bytes: Uint8Array;
	try {
		bytes = host.files.read(path, LARGEST_OPTIONS_FILE);
	} catch (error) {
		if (!wanted) return "";
		throw new UsageError(`Error: Unable to read options file "${path}": ${(error as Error).message}.\n`);
	}
	return host.utf8.decodeLossy(bytes, 0, bytes.length);
}

function splitLines(text: string): string[][] {
	const lines: string[][] = [];
	for (const line of text.split("\n")) {
		const option = line.replace(/\r+$/, "").replace(/^ +/, "");
		if (option === "" || line.startsWith("#")) continue;
		const space = option.indexOf(" ");
		lines.push(space < 0 ? [option] : [option.slice(0, space), option.slice(space + 1)]);
	}
	return lines;
}

/** Options that make sense only with others, or not with others. */
export function checkTogether(settings: Settings): void {
	if (settings.willPayload !== null && settings.willTopic === null) {
		throw new UsageError("Error: Will payload given, but no will topic given.\n");
	}
	if (settings.willRetain && settings.willTopic === null) {
		throw new UsageError("Error: Will retain given, but no will topic given.\n");
	}
	if (settings.version === 5) {
		if (!settings.cleanStart) settings.sessionExpiryInterval ??= NO_END;
		if (settings.sessionExpiryInterval === NO_END && settings.clientId === null) {
			throw new UsageError(
				"Error: You must provide a client id if you are using an infinite session expiry interval.\n",
			);
		}
		if (settings.sessionExpiryInterval !== null && settings.sessionExpiryInterval > 0) {
			settings.properties.connect.sessionExpiryInterval = settings.sessionExpiryInterval;
		}
	} else if (!settings.cleanStart && settings.clientId === null) {
		throw new UsageError("Error: You must provide a client id if you are using the -c option.\n");
	}
	checkTls(settings.tls);
	// The port alone asks for TLS with the authorities that the system trusts.
	if (settings.port === TLS_PORT && !settings.noTls && !wantsTls(settings.tls))
		settings.tls.useOsCerts = true;
	if (settings.program === "mosquitto_sub") {
		if (settings.topics.length === 0 && settings.unsubscribeTopics.length === 0) {
			throw new UsageError("Error: You must specify a topic to subscribe to.\n");
		}
	}
}
