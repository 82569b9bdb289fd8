/** The reader of UCI: what the sections of `/etc/config/mqttd` say, as a configuration. Pure, as that of mosquitto.conf. */

import { type AclRule, type AclRules, isTopicFilter } from "./acl-file.ts";
import type { BrokerConfig } from "./config.ts";
import { fail } from "./error.ts";
import type { Option } from "./option.ts";
import { findOption } from "./options.ts";
import { type PasswordHash, parsePasswordHash } from "./password.ts";
import type { Users } from "./password-file.ts";
import { beginning, ConfigReader, type Position, placed, readConfig, withExpected } from "./read.ts";
import type { ConfigHost } from "./text-file.ts";
import { readUciFile, type UciOption, type UciSection } from "./uci-file.ts";
import { findUciOption, SECTIONS, type SectionType, type UciOnly, uciOnly } from "./uci-options.ts";
import { formOf } from "./value.ts";

/** Where `mqttd --uci NAME` finds its file, unless UCI_CONFIG_DIR says otherwise. */
export const UCI_FOLDER = "/etc/config";

/**
 * Reads the sections of a UCI file into a configuration; or, with `use_uci 0`, the file in the format of mosquitto.conf that
 * they name. Throws ConfigError.
 */
export function readUci(host: ConfigHost, path: string): BrokerConfig {
	return withExpected(() => {
		const { sections } = readUciFile(host, path);
		const reader = new UciReader(host, path, sections);
		const instead = reader.configFile();
		return instead === null ? reader.read() : readConfig(host, [instead]);
	});
}

const TRUE: readonly string[] = ["1", "on", "true", "yes", "enabled"];
const FALSE: readonly string[] = ["0", "off", "false", "no", "disabled"];

/** Kinds of values that are one word. */
const ONE_WORD: readonly string[] = ["boolean", "choice", "duration", "integer", "octets", "port"];

class UciReader {
	private readonly path: string;
	private readonly sections: readonly UciSection[];
	private readonly reader: ConfigReader;
	private readonly users = new Map<string, PasswordHash>();
	private readonly anonymous: AclRule[] = [];
	private readonly patterns: AclRule[] = [];
	private readonly byUser = new Map<string, AclRule[]>();

	constructor(host: ConfigHost, path: string, sections: readonly UciSection[]) {
		this.path = path;
		this.sections = sections;
		this.reader = new ConfigReader(host);
	}

	/** The file that is to be read instead; null when there is none. */
	configFile(): string | null {
		let path: string | null = null;
		for (const section of this.of("mqttd")) {
			if (this.flag(section, "use_uci", true)) continue;
			path = this.text(section, "config_file") ?? "/etc/mqttd/mqttd.conf";
		}
		return path;
	}

	read(): BrokerConfig {
		for (const section of this.sections) this.check(section);
		for (const section of [...this.of("mqttd"), ...this.of("persistence")]) {
			this.takeAll(section, this.position(section));
		}
		for (const section of this.enabled("plugin")) this.plugin(section);
		for (const section of this.enabled("listener")) this.listener(section);
		for (const section of this.enabled("bridge")) this.bridge(section);
		for (const section of this.enabled("user")) this.user(section);
		for (const section of this.enabled("acl")) this.rule(section);
		for (const section of this.enabled("topic")) this.topic(section);
		const listeners = [...this.of("listener")].length;
		if (listeners > 0) this.reader.allowNoListener();
		const config = this.reader.finish();
		if (listeners > 0 && config.listeners.length === 0) {
			this.reader.remark("warning", "Warning: No listener is enabled: nobody can connect.");
		}
		return { ...config, users: this.allUsers(), acl: this.allRules() };
	}

	private of(type: SectionType): UciSection[] {
		return this.sections.filter((section) => section.type === type);
	}

	private enabled(type: SectionType): UciSection[] {
		return this.of(type).filter((section) => this.flag(section, "enabled", true));
	}

	private position({ type, name, line }: UciSection): Position {
		const section = name === null ? type : `${type} '${name}'`;
		return Object.assign(beginning(this.path), { line, section });
	}

	/** The position for errors about one option. */
	private at(section: UciSection, { name, values }: UciOption, value = values[0]!): Position {
		const { section: label, ...position } = this.position(section);
		return { ...position, line: value.line, section: `${label}, option '${name}'` };
	}

	/** Sections and options that there are none of are errors, also in sections that are switched off. */
	private check(section: UciSection): void {
		const type = SECTIONS.find((each) => each === section.type);
		if (type === undefined) {
			placed(this.position(section), () =>
				fail(`Error: There is no section '${section.type}', but ${SECTIONS.join(", ")}.`),
			);
			return;
		}
		for (const option of section.options.values()) {
			placed(this.at(section, option), () => {
				const own = uciOnly(type).find(({ name }) => name === option.name);
				const found = own ?? findUciOption(type, option.name);
				if (found === undefined) return fail(`Error: Unknown option '${option.name}'.`);
				const isList = "isList" in found ? found.isList : found.repeats;
				if (option.isList && !isList) fail(`Error: '${option.name}' is an option, not a list.`);
				if (own !== undefined) for (const { text } of option.values) this.parse(own, option.name, text);
			});
		}
	}

	private parse({ type, name }: UciOnly, written: string, text: string): unknown {
		const rest = asWritten(type.kind, written, text);
		return this.reader.parse(name, type, rest);
	}

	private text({ options }: UciSection, name: string): string | null {
		return options.get(name)?.values[0]?.text ?? null;
	}

	private texts({ options }: UciSection, name: string): string[] {
		return options.get(name)?.values.map(({ text }) => text) ?? [];
	}

	private flag(section: UciSection, name: string, byDefault: boolean): boolean {
		const text = this.text(section, name);
		return text === null ? byDefault : TRUE.includes(text);
	}

	/** Gives all options of a section that mosquitto.conf has as well to the reader. */
	private takeAll(section: UciSection, position: Position): void {
		for (const written of section.options.values()) {
			const option = findUciOption(section.type as SectionType, written.name);
			if (option === undefined) continue;
			for (const value of written.values) {
				const { line, section: label } = this.at(section, written, value);
				Object.assign(position, { line, section: label });
				placed(position, () => this.take(option, written.name, value.text, position));
			}
		}
	}

	private take(option: Option, name: string, text: string, position: Position): void {
		// Of plugins, what comes after the beginning of the name counts.
		const full = option.name.endsWith("*") ? name : option.name;
		this.reader.take(option, full, asWritten(option.type.kind, name, text), position);
	}

	private listener(section: UciSection): void {
		const position = this.position(section);
		placed(position, () => {
			const path = this.text(section, "path");
			const port = this.text(section, "port");
			if (path === null && port === null) fail("Error: A listener needs 'port', or 'path'.");
			if (path !== null && port !== null) fail("Error: A listener has 'port', or 'path', not both.");
			const rest = path === null ? `${port} ${this.text(section, "bind_address") ?? ""}` : `0 ${path}`;
			if (path?.includes(" ")) {
				Object.assign(position, this.at(section, section.options.get("path")!));
				fail(`Error: Invalid 'path' value (${path}).`);
			}
			this.reader.take(findOption("listener")!, "listener", rest, position);
		});
		this.takeAll(section, position);
	}

	private plugin(section: UciSection): void {
		const position = this.position(section);
		placed(position, () => {
			const path = this.text(section, "path");
			if (path === null) return fail("Error: A plugin needs 'path'.");
			const { name } = section;
			const users = this.enabled("listener").flatMap((each) => this.texts(each, "plugin_use"));
			const isForSome = name !== null && users.includes(name);
			const option = isForSome ? "plugin_load" : "global_plugin";
			const rest = isForSome ? `${name} ${path}` : path;
			this.reader.take(findOption(option)!, option, rest, position);
		});
		this.takeAll(section, position);
	}

	/** Bridges are checked, and wait for a build that has them: the broker is of use without them. */
	private bridge(section: UciSection): void {
		for (const written of section.options.values()) {
			const option = findUciOption("bridge", written.name);
			if (option === undefined) continue;
			for (const value of written.values) {
				placed(this.at(section, written, value), () => {
					this.reader.parse(written.name, option.type, asWritten(option.type.kind, written.name, value.text));
				});
			}
		}
		const name = this.text(section, "connection") ?? section.name ?? "";
		const why = "this build has no bridges, and the messages stay here";
		this.reader.remark("warning", `Warning: The bridge '${name}' has no effect: ${why}.`);
	}

	/** As with password files, a user without a valid hash cannot log in, and all others can. */
	private user(section: UciSection): void {
		const name = this.text(section, "username") ?? section.name;
		const password = this.text(section, "password");
		placed(this.position(section), () => {
			if (name === null) return fail("Error: A user needs 'username', or the section a name.");
			const complain = (why: string) => {
				const text = `Error: ${this.path}:${section.line}: user '${name}' is left out: ${why}.`;
				this.reader.remark("error", text);
			};
			if (password === null) return complain("there is no password");
			if (this.users.has(name)) return complain("there is such a user already");
			const hash = parsePasswordHash(password);
			if (typeof hash === "string") complain(hash);
			else this.users.set(name, hash);
		});
	}

	private rule(section: UciSection): void {
		const topics = section.options.get("topic");
		if (topics === undefined) {
			placed(this.position(section), () => fail("Error: A rule needs 'topic'."));
			return;
		}
		const access = (this.text(section, "access") ?? "readwrite") as AclRule["access"];
		const names = this.texts(section, "username");
		const isAnonymous = this.flag(section, "anonymous", false);
		for (const value of topics.values) {
			const { text: topicFilter, line } = value;
			placed(this.at(section, topics, value), () => {
				if (!isTopicFilter(topicFilter)) fail(`Error: invalid topic filter '${topicFilter}'.`);
			});
			const rule = { access, topicFilter, file: this.path, line };
			if (isAnonymous) this.anonymous.push(rule);
			if (!isAnonymous && names.length === 0) this.patterns.push(rule);
			for (const name of names) {
				const rules = this.byUser.get(name) ?? [];
				this.byUser.set(name, [...rules, rule]);
			}
		}
	}

	/** `persist_topic` for each of the topics. */
	private topic(section: UciSection): void {
		const topics = section.options.get("topic");
		const durability = this.text(section, "durability");
		if (topics === undefined || durability === null) {
			placed(this.position(section), () => fail("Error: A section 'topic' needs 'topic' and 'durability'."));
			return;
		}
		const option = findOption("persist_topic")!;
		for (const value of topics.values) {
			const position = this.at(section, topics, value);
			placed(position, () => this.reader.take(option, "topic", `${value.text} ${durability}`, position));
		}
	}

	private allUsers(): Users | null {
		return this.of("user").length === 0 ? null : this.users;
	}

	/** With a rule at all, what no rule allows is denied; also when those that there are are switched off. */
	private allRules(): AclRules | null {
		if (this.of("acl").length === 0) return null;
		return { anonymous: this.anonymous, users: this.byUser, patterns: this.patterns };
	}
}

/** The value as mosquitto.conf would have it. */
function asWritten(kind: string, name: string, text: string): string {
	const value = text.trim();
	if (/\p{Cc}/u.test(value)) fail(`Error: '${name}' has a control character in its value.`);
	if (kind === "boolean") return TRUE.includes(value) ? "true" : FALSE.includes(value) ? "false" : value;
	if (ONE_WORD.includes(kind) && value.includes(" ")) fail(`Error: Invalid '${name}' value (${value}).`);
	return value;
}

/** What a value may be, for documentation. */
export function uciFormOf(type: Parameters<typeof formOf>[0]): string {
	return type.kind === "boolean" ? "1 or 0" : formOf(type);
}
