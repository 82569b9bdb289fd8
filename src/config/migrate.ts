/**
 * From mosquitto's configuration on OpenWrt to ours: `/etc/config/mosquitto`, which its init script turns into a mosquitto.conf,
 * or a mosquitto.conf of the owner's own. What cannot be carried over is said; where that would let anybody do more than before,
 * what it belongs to is switched off.
 */

import type { Utf8 } from "../host/host.ts";
import { ConfigError } from "./error.ts";
import { findOption } from "./options.ts";
import { findBuiltIn } from "./plugins.ts";
import { readConfig } from "./read.ts";
import { readUci } from "./read-uci.ts";
import type { ConfigHost } from "./text-file.ts";
import { quoteUci, type UciOption, type UciSection, type UciValue } from "./uci-file.ts";
import { findUciOption, type SectionType } from "./uci-options.ts";

export type MigrationHost = ConfigHost & { readonly utf8: Pick<Utf8, "decode" | "encode"> };

export interface Migration {
	/** The new file. */
	readonly text: string;
	/** What the owner should know, a sentence each. */
	readonly report: readonly string[];
	/** Whether something is switched off until the owner has looked at it. */
	readonly isStopped: boolean;
}

/** A section of the new file. */
class NewSection {
	readonly type: SectionType;
	readonly name: string | null;
	readonly lines: string[] = [];
	/** Why it is switched off; none when it is not. */
	readonly stops: string[] = [];

	constructor(type: SectionType, name: string | null = null) {
		this.type = type;
		this.name = name;
	}

	option(name: string, value: string): void {
		this.lines.push(`\toption ${name} ${quoteUci(value)}`);
	}

	list(name: string, value: string): void {
		this.lines.push(`\tlist ${name} ${quoteUci(value)}`);
	}

	text(): string {
		const head = `config ${this.type}${this.name === null ? "" : ` ${quoteUci(this.name)}`}`;
		const enabled = this.stops.map((why) => `\t# Switched off: ${why}`);
		if (enabled.length > 0) enabled.push("\toption enabled '0'");
		return [head, ...enabled, ...this.lines, ""].join("\n");
	}
}

/** Names that mosquitto's package has for options, where they are not those of mosquitto.conf. */
const NAMES: Readonly<Record<string, string>> = {
	client_expiration: "persistent_client_expiration",
	log_types: "log_type",
	notifications_topic: "notification_topic",
	pskhint: "psk_hint",
};
/** What the package itself does with them, or nobody needs any more. */
const HANDLED: readonly string[] = ["no_remote_access", "port", "bind_address", "connection", "enabled"];
const FORGOTTEN: Readonly<Record<string, string>> = {
	dhparamfile: "it is no longer needed",
	store_clean_interval: "it no longer exists",
	user: "the broker runs as the user mqttd",
	write_pid: "procd knows the process",
};
/** With per_listener_settings, any of them makes the default listener one that is there. */
const FILES_OF_LISTENER: readonly string[] = ["password_file", "psk_file", "auth_plugin"];
/** Of the broker with per_listener_settings false, wherever they stand: the last one counts. */
const SECURITY: readonly string[] = [
	"allow_anonymous",
	"acl_file",
	"password_file",
	"psk_file",
	"allow_zero_length_clientid",
];
const DEFAULT_PORT = "1883";
const TRUE: readonly string[] = ["1", "on", "true", "yes", "enabled"];

/** Whether mosquitto's package runs with UCI at all. */
export function usesUci(sections: readonly UciSection[]): boolean {
	const value = sections.find(({ type }) => type === "owrt")?.options.get("use_uci")?.values[0]?.text;
	return value === "1";
}

/** Migrates the sections of `/etc/config/mosquitto`. */
export function migrateUci(host: MigrationHost, sections: readonly UciSection[]): Migration {
	return new UciMigration(host, sections).run();
}

class UciMigration {
	private readonly host: MigrationHost;
	private readonly sections: readonly UciSection[];
	private readonly report: string[] = [];
	private readonly broker = new NewSection("mqttd", "mqttd");
	private readonly persistence = new NewSection("persistence", "persistence");
	private readonly listeners: NewSection[] = [];
	private readonly others: NewSection[] = [];
	private readonly perListener: boolean;
	/** Options of the broker that stand with listeners. */
	private readonly security = new Map<string, UciValue>();

	constructor(host: MigrationHost, sections: readonly UciSection[]) {
		this.host = host;
		this.sections = sections;
		this.perListener = this.of("mosquitto").some(({ options }) =>
			this.isTrue(options.get("per_listener_settings")),
		);
	}

	run(): Migration {
		for (const section of this.of("mosquitto")) this.general(section);
		for (const section of this.of("persistence")) this.keep(section);
		for (const section of this.of("listener")) this.listener(section);
		for (const section of this.of("bridge")) this.bridge(section);
		for (const { type, line } of this.sections) {
			if (!["owrt", "mosquitto", "persistence", "listener", "bridge"].includes(type)) {
				this.report.push(
					`Line ${line}: the section '${type}' is not carried over: mosquitto's package does not know it.`,
				);
			}
		}
		for (const [name, { text, line }] of this.security) this.place(line, this.broker, name, text);
		this.broker.option("user", "mqttd");
		const all = [this.broker, this.persistence, ...this.listeners, ...this.others];
		const kept = all.filter((section) => section !== this.persistence || section.lines.length > 0);
		return {
			text: `\n${kept.map((section) => section.text()).join("\n")}`,
			report: this.report,
			isStopped: all.some(({ type, stops }) => type !== "bridge" && stops.length > 0),
		};
	}

	private of(type: string): UciSection[] {
		return this.sections.filter((section) => section.type === type);
	}

	private isTrue(option: UciOption | undefined): boolean {
		return option !== undefined && TRUE.includes(option.values.at(-1)?.text ?? "");
	}

	private value({ options }: UciSection, name: string): string | null {
		return options.get(name)?.values[0]?.text ?? null;
	}

	/** The section `mosquitto` is the broker, and its default listener, where there is one. */
	private general(section: UciSection): void {
		const listener = this.defaultListener(section);
		this.plugin(section, this.perListener ? listener : null);
		for (const option of section.options.values()) {
			if (this.isSpecial(section, option)) continue;
			const name = NAMES[option.name] ?? option.name;
			const scope = findOption(name)?.scope;
			const isOfListener =
				scope === "listener" || scope === "default-listener" || (scope === "security" && this.perListener);
			if (SECURITY.includes(name) && !this.perListener) this.security.set(name, option.values.at(-1)!);
			else this.carry(section, option, name, isOfListener ? listener : this.broker);
		}
		if (!this.listeners.includes(listener) && listener.lines.length > 1) {
			this.report.push(
				`Line ${section.line}: without a port there is no default listener: what is said of it is not carried over.`,
			);
		}
	}

	/** Something must ask for it; with no listener at all, mosquitto serves this machine only, and everybody on it. */
	private defaultListener(section: UciSection): NewSection {
		const listener = new NewSection("listener");
		const port = this.value(section, "port");
		const isLocal = this.isTrue(section.options.get("no_remote_access"));
		const protocol = this.value(section, "protocol") ?? "mqtt";
		const hasFiles = this.perListener && FILES_OF_LISTENER.some((name) => section.options.has(name));
		this.place(section.line, listener, "port", port ?? DEFAULT_PORT);
		if (isLocal) listener.option("bind_address", "localhost");
		if (port !== null || isLocal || protocol !== "mqtt" || hasFiles) this.listeners.push(listener);
		else if (!this.of("listener").some((each) => this.value(each, "port") !== null)) {
			listener.option("no_remote_access", "1");
			if (!section.options.has("allow_anonymous")) listener.option("allow_anonymous", "1");
			this.listeners.push(listener);
		}
		return listener;
	}

	private keep(section: UciSection): void {
		for (const option of section.options.values()) {
			if (this.isSpecial(section, option)) continue;
			const name = NAMES[option.name] ?? option.name;
			const target = name === option.name ? this.persistence : this.broker;
			this.carry(section, option, name, target);
		}
	}

	/** Puts in what a section cannot do without: with a value that is wrong, mosquitto did not run either. */
	private place(line: number, target: NewSection, name: string, value: string): void {
		const wrong = problemOf(this.host, target.type, name, value);
		if (wrong === null) {
			target.option(name, value);
			return;
		}
		target.stops.push(`'${name}' cannot be carried over`);
		this.report.push(
			`Line ${line}: '${name}' (${value}) is not carried over: ${wrong}`,
			`Line ${line}: ${this.nameOf(target)} is switched off for that.`,
		);
	}

	private listener(section: UciSection): void {
		const port = this.value(section, "port");
		if (port === null) {
			this.report.push(`Line ${section.line}: the listener has no port, and was none.`);
			return;
		}
		const listener = new NewSection("listener", freeName(section));
		this.place(section.line, listener, "port", port);
		const address = this.isTrue(section.options.get("no_remote_access"))
			? "127.0.0.1"
			: this.value(section, "bind_address");
		if (address !== null) this.place(section.line, listener, "bind_address", address);
		this.listeners.push(listener);
		this.plugin(section, this.perListener ? listener : null);
		for (const option of section.options.values()) {
			if (this.isSpecial(section, option)) continue;
			const name = NAMES[option.name] ?? option.name;
			if (SECURITY.includes(name) && !this.perListener) {
				this.security.set(name, option.values.at(-1)!);
				this.report.push(
					`Line ${option.values[0]?.line}: '${name}' of a listener holds for all of them, as without per_listener_settings under mosquitto.`,
				);
			} else this.carry(section, option, name, listener);
		}
	}

	private bridge(section: UciSection): void {
		const connection = this.value(section, "connection");
		if (connection === null || this.value(section, "address") === null) {
			this.report.push(`Line ${section.line}: the bridge has no connection or no address, and was none.`);
			return;
		}
		if (!section.options.has("topic")) {
			this.report.push(`Line ${section.line}: the bridge '${connection}' has no topic, and was none.`);
			return;
		}
		const bridge = new NewSection("bridge", freeName(section));
		bridge.option("connection", connection);
		for (const option of section.options.values()) {
			if (!this.isSpecial(section, option))
				this.carry(section, option, NAMES[option.name] ?? option.name, bridge);
		}
		this.others.push(bridge);
		this.report.push(
			`The bridge '${connection}' is carried over, and takes effect with a version of mqttd that has bridges; until then its messages stay here.`,
		);
	}

	/** A plugin of mosquitto's own is built in; without another one, who may do what is not known. */
	private plugin(section: UciSection, listener: NewSection | null): void {
		const path = this.value(section, "auth_plugin");
		if (path === null) return;
		const known = findBuiltIn(path);
		if (known === undefined) {
			const why = `the plugin ${path} cannot be loaded`;
			(listener ?? this.broker).stops.push(why);
			this.report.push(
				`Line ${section.line}: ${why}: ${this.nameOf(listener ?? this.broker)} is switched off.`,
			);
			return;
		}
		const name = listener === null ? null : `plugin${this.others.length + 1}`;
		const plugin = new NewSection("plugin", name);
		plugin.option("path", path);
		if (listener !== null && name !== null) listener.list("plugin_use", name);
		for (const option of section.options.values()) {
			if (option.name.startsWith("auth_opt_")) plugin.option(option.name, last(option));
		}
		this.others.push(plugin);
	}

	private isSpecial(section: UciSection, { name, values }: UciOption): boolean {
		if (name === "per_listener_settings" || name === "auth_plugin" || name.startsWith("auth_opt_"))
			return true;
		if (section.type === "bridge" ? name === "connection" || name === "enabled" : HANDLED.includes(name))
			return true;
		const why = FORGOTTEN[name];
		if (why === undefined || (name === "user" && section.type !== "mosquitto")) return false;
		this.report.push(`Line ${values[0]?.line}: '${name}' is not carried over: ${why}.`);
		return true;
	}

	/** Takes one option over into a section, as far as there is one of that name. */
	private carry(section: UciSection, option: UciOption, name: string, target: NewSection): void {
		const line = option.values[0]?.line;
		const found = findUciOption(target.type, name.replaceAll(".", ""));
		if (found === undefined) {
			this.report.push(
				`Line ${line}: '${option.name}' of ${section.type} is not carried over: there is no such option.`,
			);
			return;
		}
		const values = found.repeats
			? option.values.flatMap((value) => wordsOf(found.name, value.text))
			: [last(option)];
		for (const value of values) {
			const wrong = problemOf(this.host, target.type, name, value);
			if (wrong !== null) {
				this.report.push(`Line ${line}: '${option.name}' (${value}) is not carried over: ${wrong}`);
				// With a value that is wrong, mosquitto did not run either.
				if (target.type !== "bridge") {
					(target === this.persistence ? this.broker : target).stops.push(
						`'${option.name}' cannot be carried over`,
					);
					this.report.push(`Line ${line}: ${this.nameOf(target)} is switched off for that.`);
				}
				continue;
			}
			if (found.state === "ignored" && target.type !== "persistence") {
				this.report.push(
					`Line ${line}: '${option.name}' is carried over and has no effect: ${found.reason || "it no longer exists"}.`,
				);
			}
			if (found.repeats) target.list(name, value);
			else target.option(name.replaceAll(".", ""), value);
		}
	}

	private nameOf({ type, lines }: NewSection): string {
		return type === "listener"
			? `the listener on port ${/^\toption port '(.*)'/.exec(lines[0] ?? "")?.[1] ?? "(none)"}`
			: "the broker";
	}
}

/** A section's name, unless the new file has other sections of it. */
function freeName({ name }: UciSection): string | null {
	return name !== null && /^(?:mqttd|persistence|plugin\d+)$/.test(name) ? null : name;
}

/** The value that counts of an option that has one. */
function last({ values }: UciOption): string {
	return values.at(-1)?.text ?? "";
}

/** mosquitto's package separates the words of a list that is written as an option. */
function wordsOf(name: string, text: string): string[] {
	const isWords = name === "log_type" || (name === "log_dest" && !text.startsWith("file"));
	return isWords ? text.split(" ").filter((word) => word !== "") : [text];
}

/** What is wrong with an option; null when nothing is. */
function problemOf(host: MigrationHost, type: SectionType, name: string, value: string): string | null {
	const path = "/migration";
	const head = type === "listener" ? "config listener\n\toption port 1\n" : `config ${type}\n`;
	const keyword = findUciOption(type, name.replaceAll(".", ""))?.repeats ? "list" : "option";
	try {
		const text = `${head}\t${keyword} ${name.replaceAll(".", "")} ${quoteUci(value)}\n`;
		readUci(withFile(host, path, text), path);
		return null;
	} catch (error) {
		if (!(error instanceof ConfigError)) throw error;
		return error.lines[0]?.replace(/^Error: /, "") ?? "";
	}
}

/** A host that has one file more. */
function withFile(host: MigrationHost, path: string, text: string): ConfigHost {
	const { files, utf8, process } = host;
	return {
		files: {
			read: (each, limit) => (each === path ? utf8.encode(text) : files.read(each, limit)),
			list: (each) => files.list(each),
			info: (each) => (each === path ? null : files.info(each)),
		},
		utf8,
		process,
	};
}

/** Lines of a mosquitto.conf that are tried at most. */
const LINE_LIMIT = 500;

/**
 * Migrates a mosquitto.conf: it stays as it is, but for lines that we cannot take, which become comments. Null when there is no
 * line in it that says anything. `host` has the files that the lines name.
 */
export function migrateConf(host: MigrationHost, path: string, text: string): Migration | null {
	const lines = text.split("\n");
	if (lines.every((line) => /^\s*(?:#.*)?$/.test(line))) return null;
	const report: string[] = [];
	let isStopped = false;
	for (let count = 0; count < LINE_LIMIT; count++) {
		try {
			readConfig(withFile(host, path, lines.join("\n")), [path]);
			return { text: lines.join("\n"), report, isStopped };
		} catch (error) {
			if (!(error instanceof ConfigError)) throw error;
			const place = error.lines.find((line) => line.startsWith(`Error found at ${path}:`));
			const number = Number(/:([0-9]+)/.exec(place?.slice(`Error found at ${path}`.length) ?? "")?.[1] ?? 0);
			const line = lines[number - 1];
			const why = (error.lines[0] ?? "").replace(/^Error: /, "");
			if (line === undefined) {
				report.push(`Nothing is carried over: ${error.lines.join(" ")}`);
				return { text: "", report, isStopped: true };
			}
			const name = /^ *([^ ]+)/.exec(line)?.[1] ?? "";
			const isOfBridge = name === "connection" || findOption(name)?.scope === "bridge";
			lines[number - 1] = `# Not carried over (${why}) ${line}`;
			if (name === "connection") {
				report.push(
					`Line ${number}: the bridge '${line.trim().slice(name.length + 1)}' is kept as a comment, for a version of mqttd that has bridges.`,
				);
			} else if (!isOfBridge) {
				report.push(`Line ${number}: '${name}' is not carried over: ${why}`);
				isStopped = true;
			}
		}
	}
	report.push("Nothing is carried over: there are too many lines that cannot be.");
	return { text: "", report, isStopped: true };
}
