/**
 * The names of options in UCI. They come from the option table: those of the broker stand in `config mqttd` (about the database,
 * in `config persistence`), a listener's in `config listener` and a bridge's in `config bridge`, under the name that they have
 * in mosquitto.conf less what the section says already (`bridge_cafile` is `cafile`). What only UCI has is here.
 */

import type { Option } from "./option.ts";
import { GROUPS, OPTIONS } from "./options.ts";
import { boolean, choice, integer, port, text, type ValueType } from "./value.ts";

export const SECTIONS = [
	"mqttd",
	"persistence",
	"listener",
	"bridge",
	"plugin",
	"user",
	"acl",
	"topic",
] as const;

export type SectionType = (typeof SECTIONS)[number];

/** What sections are for, for documentation and forms. */
export const SECTION_DOCS: Readonly<Record<SectionType, string>> = {
	mqttd: "The broker. Options of `listener` that are here, too, are for listeners that say nothing else.",
	persistence: "What is kept over a restart.",
	listener: "Where clients come in; one section for each listener.",
	bridge: "A link to another broker.",
	plugin:
		"One of mosquitto's own plugins, which are built in. One with a name that a listener has in `plugin_use` is for such listeners, others for all.",
	user: "A user who may log in.",
	acl: "A rule of what may be published and subscribed to. Without any rule everybody may everything.",
	topic:
		"How sure messages of some topics are to outlive the process; the first section that has a topic counts.",
};

/** An option that only UCI has. */
export interface UciOnly {
	readonly sections: readonly SectionType[];
	readonly name: string;
	readonly type: ValueType<unknown>;
	readonly isList: boolean;
	readonly default: string | null;
	readonly doc: string;
}

function only(
	sections: readonly SectionType[],
	name: string,
	type: ValueType<unknown>,
	doc: string,
	more: Partial<Pick<UciOnly, "isList" | "default">> = {},
): UciOnly {
	return { sections, name, type, doc, isList: false, default: null, ...more };
}

const LIST = { isList: true } as const;

export const ACL_ACCESS = ["read", "write", "readwrite", "deny"] as const;

export const UCI_ONLY: readonly UciOnly[] = [
	only(
		["mqttd", "listener", "bridge", "plugin", "user", "acl", "topic"],
		"enabled",
		boolean,
		"Whether the section counts; that of `mqttd`: whether the broker is started.",
		{ default: "1" },
	),
	only(
		["mqttd"],
		"use_uci",
		boolean,
		"0: all other options here are passed over, and those of config_file hold.",
		{
			default: "1",
		},
	),
	only(["mqttd"], "config_file", text(), "File in the format of mosquitto.conf, for use_uci 0.", {
		default: "/etc/mqttd/mqttd.conf",
	}),
	only(
		["mqttd"],
		"mdns",
		boolean,
		"Whether listeners are announced (mDNS), but for those on this router only.",
		{ default: "0" },
	),
	only(
		["mqttd"],
		"jail",
		boolean,
		"Whether the broker runs in a jail of procd, where the system can; without one where it cannot.",
		{ default: "0" },
	),
	only(
		["mqttd"],
		"max_open_files",
		integer({ min: 64, max: 1_000_000 }),
		"Connections and files at once at most.",
		{
			default: "4096",
		},
	),
	only(["listener"], "port", port, "Port to listen on."),
	only(["listener"], "bind_address", text(), "Address or host name to listen on; all addresses without it."),
	only(["listener"], "path", text(), "Path of a unix socket to listen on, in place of a port."),
	only(
		["listener"],
		"firewall_zone",
		text(),
		"Zone of the firewall, such as wan, from which the port can be reached; repeat for more. Clients of lan need none.",
		LIST,
	),
	only(["bridge"], "connection", text(), "Name of the bridge; that of the section without it."),
	only(["plugin"], "path", text(), "Path of the plugin, of which only the file's name counts."),
	only(["user"], "username", text(), "The user's name; that of the section without it."),
	only(
		["user"],
		"password",
		text(),
		"The password. It is replaced by its hash before the broker starts or reloads.",
	),
	only(
		["acl"],
		"username",
		text(),
		"User that the rule is for; repeat for more. Without it, for everybody.",
		LIST,
	),
	only(["acl"], "anonymous", boolean, "1: the rule is for clients without a user name.", { default: "0" }),
	only(["acl"], "access", choice(ACL_ACCESS), "What may be done; deny goes before all others.", {
		default: "readwrite",
	}),
	only(
		["acl"],
		"topic",
		text(),
		"Topic filter; repeat for more. In rules for everybody, %c stands for the client identifier and %u for the user name.",
		LIST,
	),
	only(["topic"], "topic", text(), "Topic filter; repeat for more.", LIST),
	only(
		["topic"],
		"durability",
		choice(["sync", "lazy", "ram"]),
		"When messages of these topics are written: before they are acknowledged, after a while, or never.",
	),
];

/** An option of mosquitto.conf in UCI. */
export interface UciName {
	readonly section: SectionType;
	readonly name: string;
}

/** Options that are said in another way in UCI. */
const REPLACED: readonly string[] = [
	"listener",
	"port",
	"bind_address",
	"per_listener_settings",
	"connection",
	"plugin",
	"global_plugin",
	"plugin_load",
	// These are allow_anonymous and auto_id_prefix of a listener's section.
	"listener_allow_anonymous",
	"listener_auto_id_prefix",
];

/** Sections of options by group, where they are not those of their scope. */
const byGroup = new Map<Option, "persistence" | null>();
for (const { section, options } of GROUPS) {
	if (section !== undefined) for (const option of options) byGroup.set(option, section);
}

function sectionsOf(option: Option): readonly SectionType[] {
	const own = byGroup.get(option);
	if (own !== undefined) return own === null ? [] : [own];
	switch (option.scope) {
		case "global":
			return ["mqttd"];
		case "security":
			return ["mqttd", "listener"];
		case "listener":
		case "default-listener":
			return ["listener"];
		case "bridge":
			return ["bridge"];
		case "plugin":
			return ["plugin"];
	}
}

/** Where an option of mosquitto.conf, or of another name of one, stands in UCI; nowhere, if UCI says it in another way. */
export function uciNames(option: Option, name = option.name): UciName[] {
	if (REPLACED.includes(option.name)) return [];
	return sectionsOf(option).map((section) => ({ section, name: shortName(section, name) }));
}

/** Names in UCI are letters, digits and `_`: `ciphers_tls1.3` is `ciphers_tls13`. */
function shortName(section: SectionType, name: string): string {
	const short = name.replaceAll(".", "");
	if (name === "ubus_event") return "event";
	if (section === "bridge" && short.startsWith("bridge_")) return short.slice("bridge_".length);
	if (section === "persistence" && short.startsWith("persistence_"))
		return short.slice("persistence_".length);
	return short;
}

/** Options that only UCI has, of one kind of section. */
export function uciOnly(section: SectionType): UciOnly[] {
	return UCI_ONLY.filter(({ sections }) => sections.includes(section));
}

const byName = new Map<string, Option>();
const beginnings: { readonly section: SectionType; readonly start: string; readonly option: Option }[] = [];
for (const option of OPTIONS) {
	for (const written of [option.name, ...option.aliases]) {
		for (const { section, name } of uciNames(option, written)) {
			if (name.endsWith("*")) beginnings.push({ section, start: name.slice(0, -1), option });
			else byName.set(`${section}.${name}`, option);
		}
	}
}

/** The option of mosquitto.conf that stands in a section under that name; undefined when there is none. */
export function findUciOption(section: SectionType, name: string): Option | undefined {
	const found = byName.get(`${section}.${name}`);
	if (found !== undefined) return found;
	return beginnings.find((each) => each.section === section && name.startsWith(each.start))?.option;
}
