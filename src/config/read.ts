/** The reader of mosquitto.conf. Pure: files and UTF-8 come from the host. What it does with options, that of UCI uses too. */

import type { HostError } from "../host/host.ts";
import type { LogType } from "../host/log.ts";
import type { BrokerConfig, GlobalConfig, ListenerConfig, Remark } from "./config.ts";
import { ConfigError, fail } from "./error.ts";
import type { Option } from "./option.ts";
import { defaultGlobal, defaultListener, findOption } from "./options.ts";
import { type PluginConfig, PluginLines, resolvePlugin } from "./plugins.ts";
import type { ConfigHost } from "./text-file.ts";
import {
	formOf,
	LOG_TYPES,
	type LogDestination,
	type NamedPath,
	type Place,
	type Port,
	type ValueType,
} from "./value.ts";

/** Octets; more than any configuration, and little enough to hold. */
const FILE_LIMIT = 4 * 1024 * 1024;
const DEFAULT_PORT = 1883;
const CONF = ".conf";
const MALFORMED = "Error: Malformed UTF-8 in configuration.";

/** Where a file stands: options belong to the listener, plugin and bridge before them in the same file. */
export interface Position {
	readonly path: string;
	readonly depth: number;
	line: number;
	/** In UCI, the section and option; null in mosquitto.conf, where options tell what they belong to by their order. */
	section: string | null;
	listener: ListenerConfig | null;
	plugin: PluginLines | null;
}

export function beginning(path: string, depth = 0): Position {
	return { path, depth, line: 0, section: null, listener: null, plugin: null };
}

/** The end of an error. */
function foundAt({ path, line, section }: Position): string {
	return `Error found at ${path}:${line}${section === null ? "" : ` (${section})`}.`;
}

/**
 * Reads configuration files in turn into one configuration; with none, the defaults. Throws ConfigError, having changed
 * nothing outside of itself.
 */
export function readConfig(host: ConfigHost, paths: readonly string[]): BrokerConfig {
	const reader = new ConfigReader(host);
	return withExpected(() => {
		for (const path of paths) reader.readFile(beginning(path));
		return reader.finish();
	});
}

/** Adds what is expected to the errors of an action, once all places are there. */
export function withExpected<T>(action: () => T): T {
	try {
		return action();
	} catch (error) {
		if (!(error instanceof ConfigError) || error.expected === null) throw error;
		throw new ConfigError([...error.lines, error.expected]);
	}
}

/** Adds a place to the errors of an action. */
export function placed(position: Position, action: () => void): void {
	try {
		action();
	} catch (error) {
		if (!(error instanceof ConfigError)) throw error;
		throw new ConfigError([...error.lines, foundAt(position)], error.expected);
	}
}

/** Takes options one after the other, and makes a configuration of them. */
export class ConfigReader {
	readonly #host: ConfigHost;
	readonly #global: GlobalConfig = defaultGlobal();
	readonly #listeners: ListenerConfig[] = [];
	readonly #remarks: Remark[] = [];
	/** Options with one value at most that have one: by what they belong to. */
	readonly #given = new Map<object, Set<Option>>();
	readonly #said = new Set<string>();
	readonly #destinations: LogDestination[] = [];
	readonly #types = new Set<LogType>();
	readonly #plugins: PluginLines[] = [];
	/** Those of `plugin_load`, by name. */
	readonly #loaded = new Map<string, PluginLines>();
	#defaultListener: ListenerConfig | null = null;
	#portGiven = false;
	#bindAddressGiven = false;
	#securityGiven = false;
	#destinationGiven = false;
	#typeGiven = false;
	#localOnly = true;

	constructor(host: ConfigHost) {
		this.#host = host;
	}

	/** Whoever defines listeners and then switches all of them off wants none. */
	allowNoListener(): void {
		this.#localOnly = false;
	}

	/** Throws ConfigError. */
	finish(): BrokerConfig {
		const global = this.#global;
		for (const listener of this.#listeners) checkPlace(listener);
		const plugins = this.#resolvePlugins();
		if (this.#destinationGiven) global.logDestinations = this.#destinations;
		if (this.#typeGiven) global.logTypes = LOG_TYPES.filter((type) => this.#types.has(type));
		const place: Place = { kind: "tcp", port: DEFAULT_PORT, host: null };
		return {
			global,
			listeners: this.#localOnly ? [] : this.#listeners,
			localOnly: this.#localOnly,
			localListener: this.#defaultListener ?? defaultListener(place),
			plugins,
			users: null,
			acl: null,
			remarks: this.#remarks,
		};
	}

	readFile(position: Position): void {
		const bytes = this.#load(position.path);
		// A byte order mark is no part of the first option's name.
		let start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
		while (start < bytes.length) {
			position.line++;
			const newline = bytes.indexOf(0x0a, start);
			const end = newline < 0 ? bytes.length : newline;
			placed(position, () => this.#readLine(bytes, start, end, position));
			start = end + 1;
		}
	}

	#load(path: string): Uint8Array {
		try {
			if (this.#host.files.info(path)?.kind === "directory")
				fail(`Error: Config file '${path}' is a directory.`);
			return this.#host.files.read(path, FILE_LIMIT);
		} catch (error) {
			if (error instanceof ConfigError) throw error;
			return fail(`Error: Unable to open config file '${path}' (${(error as HostError).message}).`);
		}
	}

	#readLine(bytes: Uint8Array, start: number, end: number, position: Position): void {
		while (end > start && bytes[end - 1] === 0x0d) end--;
		// Comments are passed over undecoded: they may be in any encoding.
		if (start === end || bytes[start] === 0x23) return;
		const line = this.#host.utf8.decode(bytes, start, end);
		const match = /^ *([^ ]+) ?(.*)$/s.exec(line ?? this.#wordsBefore(bytes, start, end));
		if (match === null) return;
		const [, name = "", rest = ""] = match;
		const option = findOption(name);
		if (option === undefined) fail(`Error: Unknown configuration variable '${name}'.`);
		if (line === null && option.type.kind === "string") fail(MALFORMED);
		this.take(option, name, rest, position);
	}

	/** What stands before the word with the first octet that is not ASCII: there may be a remark in another encoding. */
	#wordsBefore(bytes: Uint8Array, start: number, end: number): string {
		const foreign = bytes.subarray(start, end).findIndex((octet) => octet >= 0x80);
		const space = bytes.lastIndexOf(0x20, start + foreign);
		const words = space < start ? null : this.#host.utf8.decode(bytes, start, space);
		// The value itself, and not something after it, may be what cannot be read.
		return words !== null && /[^ ] +[^ ]/.test(words) ? words : fail(MALFORMED);
	}

	/** One option as it is written, under one of its names. Throws ConfigError without a place. */
	take(option: Option, name: string, rest: string, position: Position): void {
		const target = this.#target(option, name, position);
		// Notes are about mosquitto.conf.
		if (option.note !== null && position.section === null) this.remark("notice", option.note);
		if (option.once) this.#takeOnce(option, name, target);
		const value = this.#give(option, name, rest, target);
		if (option.scope === "security") this.#securityGiven = true;
		if (option.ofListener !== null && this.#global.perListenerSettings) {
			const what = `You are using the '${name}' option with 'per_listener_settings true'.`;
			this.remark("notice", `${what} Please replace this with '${option.ofListener}'.`);
		}
		if (option.field !== null || option.state !== "honoured") return;
		if (option.scope === "plugin") {
			position.plugin?.take({ name, rest }, option.name.slice(0, -1), foundAt(position));
		} else this.#act(option.name, value, position);
	}

	/** Takes the value of an option, and puts it where it belongs if that is all there is to do. */
	#give(option: Option, name: string, rest: string, target: object): unknown {
		const value = this.parse(name, option.type, rest);
		const asked = option.default === null || value !== option.default;
		if (option.state === "refused" && asked)
			fail(`Error: The '${name}' option cannot be used: ${option.reason}.`);
		if (option.state === "ignored" && asked) this.remark("warning", ignoredText(option, name));
		// It says where to listen, too.
		if (option.field === "bindInterface") this.#localOnly = false;
		if (option.field !== null) {
			const fields = target as Record<string, unknown>;
			const before = option.repeats ? (fields[option.field] as unknown[]) : [];
			fields[option.field] = option.repeats ? [...before, ...(value as unknown[])] : value;
		}
		return value;
	}

	/** The value of an option. Throws ConfigError. */
	parse(name: string, type: ValueType<unknown>, rest: string): unknown {
		try {
			return type.parse({ name, rest, warn: (text) => this.remark("warning", text) });
		} catch (error) {
			if (!(error instanceof ConfigError)) throw error;
			throw new ConfigError(error.lines, `'${name}' takes ${formOf(type)}.`);
		}
	}

	/** What the option belongs to. Bridges do not come to be, as `connection` is refused. */
	#target(option: Option, name: string, position: Position): object {
		switch (option.scope) {
			case "global":
				return this.#global;
			case "security":
				if (position.section !== null) return position.listener ?? this.#global;
				if (!this.#global.perListenerSettings) return this.#global;
				return position.listener ?? needs(name, "a listener");
			case "listener":
				return position.listener ?? needs(name, "a listener");
			case "default-listener":
				position.listener ??= this.#createDefaultListener(name);
				return position.listener;
			case "bridge":
				return needs(name, "a bridge");
			case "plugin":
				return position.plugin ?? needs(name, "plugin/global_plugin/plugin_load");
		}
	}

	#takeOnce(option: Option, name: string, target: object): void {
		const given = this.#given.get(target) ?? new Set();
		if (given.has(option)) fail(`Error: Duplicate '${name}' value in configuration.`);
		this.#given.set(target, given.add(option));
	}

	/** Says something once. */
	remark(type: LogType, text: string): void {
		if (this.#said.has(text)) return;
		this.#said.add(text);
		this.#remarks.push({ type, text });
	}

	/** Options that do more than set a field. The table's value types vouch for the types of `value`. */
	#act(name: string, value: unknown, position: Position): void {
		switch (name) {
			case "listener":
				this.#beginListener(value as Place, position);
				break;
			case "port":
				this.#takePort(value as Port, position);
				break;
			case "bind_address":
				this.#takeBindAddress(value as string, position);
				break;
			case "per_listener_settings":
				this.#takePerListener(value as boolean);
				break;
			case "include_dir":
				this.#include(value as string, position);
				break;
			case "plugin":
				this.#beginPlugin(
					value as string,
					this.#global.perListenerSettings ? position.listener : null,
					position,
				);
				break;
			case "global_plugin":
				this.#beginPlugin(value as string, null, position);
				break;
			case "plugin_load":
				this.#loadPlugin(value as NamedPath, position);
				break;
			case "plugin_use":
				this.#usePlugin(value as string, position);
				break;
			case "log_dest":
				this.#takeDestination(value as LogDestination);
				break;
			case "log_type":
				this.#takeType(value as LogType | "none" | "all" | "internal");
				break;
			default:
				throw new Error(`no action for option ${name}`);
		}
	}

	#beginListener(place: Place, position: Position): void {
		this.#localOnly = false;
		position.listener = defaultListener(place);
		this.#listeners.push(position.listener);
	}

	#createDefaultListener(option: string): ListenerConfig {
		if (this.#defaultListener !== null) return this.#defaultListener;
		this.remark("information", `Creating default listener due to '${option}' option.`);
		const warning = `Using the '${option}' option without a listener will be disabled in the future.`;
		this.remark("information", `It is best practice to define a 'listener' first. ${warning}`);
		const listener = defaultListener({ kind: "tcp", port: DEFAULT_PORT, host: null });
		this.#listeners.push(listener);
		this.#defaultListener = listener;
		return listener;
	}

	#takePort(port: Port, position: Position): void {
		this.#localOnly = false;
		const listener = this.#createDefaultListener("port");
		position.listener = listener;
		if (this.#portGiven) {
			this.remark(
				"warning",
				"Warning: Default listener port specified multiple times. Only the latest will be used.",
			);
		}
		this.#portGiven = true;
		listener.place = { kind: "tcp", port, host: listener.place.kind === "tcp" ? listener.place.host : null };
	}

	#takeBindAddress(host: string, position: Position): void {
		this.#localOnly = false;
		const listener = this.#createDefaultListener("bind_address");
		position.listener = listener;
		if (this.#bindAddressGiven)
			fail("Error: Duplicate 'default listener bind_address' value in configuration.");
		this.#bindAddressGiven = true;
		listener.place = {
			kind: "tcp",
			port: listener.place.kind === "tcp" ? listener.place.port : DEFAULT_PORT,
			host,
		};
	}

	/** Once true it stays true. */
	#takePerListener(value: boolean): void {
		if (this.#global.perListenerSettings || !value) return;
		if (this.#securityGiven)
			fail("Error: per_listener_settings must be set before any other security settings.");
		this.#global.perListenerSettings = true;
	}

	#include(directory: string, position: Position): void {
		if (position.depth > 0)
			fail("Error: The include_dir option is only valid in the main configuration file.");
		let names: string[];
		try {
			names = this.#host.files.list(directory);
		} catch (error) {
			fail(`Error: Unable to open include_dir '${directory}' (${(error as HostError).message}).`);
		}
		for (const name of names.filter((each) => each.endsWith(CONF) && each !== CONF).sort(byLetter)) {
			const path = `${directory}/${name}`;
			this.remark("information", `Loading config file '${path}'`);
			this.readFile(beginning(path, position.depth + 1));
		}
	}

	/** A plugin for one listener, or with null for all. */
	#beginPlugin(path: string, listener: ListenerConfig | null, position: Position): void {
		position.plugin = new PluginLines(path, foundAt(position), listener === null ? null : [listener]);
		this.#plugins.push(position.plugin);
	}

	#loadPlugin({ name, path }: NamedPath, position: Position): void {
		if (this.#loaded.has(name)) fail(`Error: Plugin '${name}' already loaded.`);
		position.plugin = new PluginLines(path, foundAt(position), []);
		this.#plugins.push(position.plugin);
		this.#loaded.set(name, position.plugin);
	}

	#usePlugin(name: string, position: Position): void {
		const plugin = this.#loaded.get(name);
		if (plugin === undefined) fail(`Error: Plugin '${name}' not previously loaded.`);
		if (position.listener !== null) plugin.listeners?.push(position.listener);
		position.plugin = plugin;
	}

	/** At the end: options of a plugin, and listeners that use it, may follow long after it. */
	#resolvePlugins(): PluginConfig[] {
		const give = (name: string, rest: string, listeners: readonly ListenerConfig[] | null): void => {
			const option = findOption(name);
			if (option === undefined) throw new Error(`no option ${name}`);
			for (const target of listeners ?? [this.#global]) this.#give(option, name, rest, target);
		};
		const warn = (text: string): void => this.remark("warning", text);
		return this.#plugins.map((lines) => {
			this.remark("information", `Loading plugin: ${lines.path}`);
			return resolvePlugin(lines, { give, warn });
		});
	}

	#takeDestination(destination: LogDestination): void {
		this.#destinationGiven = true;
		const destinations = this.#destinations;
		if (destination.kind === "none") {
			destinations.length = 0;
			return;
		}
		if (destination.kind === "dlt") {
			this.remark("warning", "Warning: 'log_dest dlt' has no effect: DLT is not supported.");
			return;
		}
		if (destination.kind === "file" && destinations.some((each) => each.kind === "file")) {
			fail('Error: Duplicate "log_dest file" value.');
		}
		if (!destinations.some((each) => each.kind === destination.kind)) destinations.push(destination);
	}

	#takeType(type: LogType | "none" | "all" | "internal"): void {
		this.#typeGiven = true;
		if (type === "none") this.#types.clear();
		else if (type === "all") for (const each of LOG_TYPES) this.#types.add(each);
		else if (type !== "internal") this.#types.add(type);
	}
}

/** A listener listens on one address, on this machine only, or on the addresses of a network. */
function checkPlace({ place, localOnly, network, bindInterface }: ListenerConfig): void {
	const ways = [
		place.kind === "unix" || place.host !== null || bindInterface !== null,
		localOnly,
		network !== null,
	];
	if (ways.filter((given) => given).length <= 1) return;
	const where = place.kind === "unix" ? place.path : `port ${place.port}`;
	fail(
		`Error: The listener on ${where} can have one of an address, 'interface' and 'no_remote_access' only.`,
	);
}

function needs(name: string, what: string): never {
	return fail(`Error: The '${name}' option requires ${what} to be defined first.`);
}

function ignoredText(option: Option, name: string): string {
	if (option.name === "dhparamfile") return "Warning: dhparamfile is no longer required.";
	if (option.reason === "") return `Warning: The '${name}' option is no longer available.`;
	return `Warning: The '${name}' option has no effect: ${option.reason}.`;
}

/** mosquitto's order: by letter, and of the same letter upper case first (`A.conf`, `a.conf`, `B.conf`). */
function byLetter(a: string, b: string): number {
	const [lowerA, lowerB] = [a.toLowerCase(), b.toLowerCase()];
	if (lowerA !== lowerB) return lowerA < lowerB ? -1 : 1;
	return a < b ? -1 : a > b ? 1 : 0;
}
