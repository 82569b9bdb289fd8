/**
 * Plugins. None can be loaded, but those that come with mosquitto are built in: a line that names the file of one of
 * them, in whatever folder, selects what we have in its place.
 */

import type { ListenerConfig } from "./config.ts";
import { ConfigError, fail } from "./error.ts";
import { anything, choice, integer, text, type ValueType, type Written } from "./value.ts";

/** A `plugin_opt_*` of a built-in plugin. */
interface PluginOption {
	readonly type: ValueType<unknown>;
	/** The option of mosquitto.conf that asks for the same; null when there is none. */
	readonly same: string | null;
	/** Whether the plugin is of no use without it. */
	readonly required: boolean;
}

/** What stands in for one of mosquitto's plugins. */
export interface BuiltIn {
	/** The name of its file, without the ending. */
	readonly name: string;
	/** By name, without `plugin_opt_`. */
	readonly options: Readonly<Record<string, PluginOption>>;
	/** Options of mosquitto.conf, with their values, that the plugin as such asks for. */
	readonly implies: readonly (readonly [name: string, value: string])[];
}

function own(type: ValueType<unknown>, required = false): PluginOption {
	return { type, same: null, required };
}

function sameAs(name: string): PluginOption {
	return { type: anything, same: name, required: true };
}

export const BUILT_INS: readonly BuiltIn[] = [
	{
		name: "mosquitto_acl_file",
		options: { acl_file: sameAs("acl_file") },
		implies: [],
	},
	{
		name: "mosquitto_dynamic_security",
		options: { config_file: own(text(), true), password_init_file: own(text()) },
		implies: [],
	},
	{
		name: "mosquitto_password_file",
		options: { password_file: sameAs("password_file") },
		implies: [],
	},
	{
		name: "mosquitto_persist_sqlite",
		options: {
			db_file: own(text()),
			sync: own(choice(["extra", "full", "normal", "off"])),
			flush_period: own(integer({ min: 0 })),
			page_size: own(integer({ min: 1 })),
		},
		implies: [["persistence", "true"]],
	},
	{ name: "mosquitto_sparkplug_aware", options: {}, implies: [] },
];

/** Endings of a plugin's file: Unix, Windows. */
const ENDINGS: readonly string[] = [".so", ".dll"];

/** The built-in plugin whose file `path` names, in any folder; undefined when it is another one. */
export function findBuiltIn(path: string): BuiltIn | undefined {
	const file = path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
	return BUILT_INS.find(({ name }) => ENDINGS.some((ending) => file === name + ending));
}

/** A plugin that is in use. */
export interface PluginConfig {
	readonly builtIn: BuiltIn;
	/** Values of its own options that were given, by name. */
	readonly options: ReadonlyMap<string, unknown>;
	/** Whom it serves: the listeners named, or with null all of them. */
	readonly listeners: readonly ListenerConfig[] | null;
}

/** A plugin cannot be loaded. mosquitto finds that out when it starts, and has an exit code of its own for it. */
export class PluginError extends ConfigError {}

/** An option as it was written, and where. */
interface Given {
	readonly name: string;
	readonly rest: string;
	readonly at: string;
}

/** A plugin as the file has it, while the file is read: lines about it may follow later. */
export class PluginLines {
	readonly path: string;
	/** Where it stands: the end of an error. */
	readonly at: string;
	/** Null when it serves all. */
	readonly listeners: ListenerConfig[] | null;
	readonly options = new Map<string, Given>();

	constructor(path: string, at: string, listeners: ListenerConfig[] | null) {
		this.path = path;
		this.at = at;
		this.listeners = listeners;
	}

	/** Takes `plugin_opt_*`; the last one of a name counts. mosquitto's plugins do not mind the case of its letters. */
	take({ name, rest }: Written, prefix: string, at: string): void {
		const key = name.slice(prefix.length);
		if (key === "") fail(`Error: Invalid '${prefix}' config option.`);
		this.options.set(key.toLowerCase(), { name, rest: text().parse({ name: key, rest }), at });
	}
}

/** What the reader does for a plugin. */
export interface PluginOwner {
	/** Sets an option of mosquitto.conf as if it stood there, for all or for some listeners. */
	give(name: string, rest: string, listeners: readonly ListenerConfig[] | null): void;
	warn(text: string): void;
}

/** The plugin that the lines ask for. Throws ConfigError, with the place. */
export function resolvePlugin(lines: PluginLines, owner: PluginOwner): PluginConfig {
	const { path, listeners } = lines;
	const builtIn = findBuiltIn(path);
	if (builtIn === undefined) {
		const known = BUILT_INS.map(({ name }) => name).join(", ");
		throw new PluginError([
			`Error: Unable to load plugin "${path}".`,
			`Error: Only plugins that come with mosquitto can be used, as they are built in: ${known}.`,
			lines.at,
		]);
	}
	const { name, implies } = builtIn;
	placed(lines.at, () => {
		for (const [option, { required }] of Object.entries(builtIn.options)) {
			if (required && !lines.options.has(option)) {
				fail(`Error: The plugin ${name} needs the option 'plugin_opt_${option}'.`);
			}
		}
		for (const [option, value] of implies) owner.give(option, value, listeners);
	});
	const options = new Map<string, unknown>();
	for (const [key, given] of lines.options) {
		const option = Object.hasOwn(builtIn.options, key) ? builtIn.options[key] : undefined;
		placed(given.at, () => {
			if (option === undefined) {
				owner.warn(`Warning: The '${given.name}' option has no effect: ${name} has no such option.`);
			} else if (option.same !== null) {
				owner.give(option.same, given.rest, listeners);
			} else {
				options.set(key, option.type.parse(given));
			}
		});
	}
	return { builtIn, options, listeners };
}

/** Adds a place to the errors of an action. */
function placed(at: string, action: () => void): void {
	try {
		action();
	} catch (error) {
		if (!(error instanceof ConfigError)) throw error;
		throw new ConfigError([...error.lines, at]);
	}
}
