// Writes the module of luci-app-mqttd that the page of settings makes its fields from: the option table (src/config) as LuCI
// needs it, with the names that options have in UCI.
//
//   node scripts/luci-options.ts             writes the file if it differs
//   node scripts/luci-options.ts --check     exits 1 when it does

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Option } from "../src/config/option.ts";
import { GROUPS } from "../src/config/options.ts";
import { type SectionType, type UciOnly, uciNames, uciOnly } from "../src/config/uci-options.ts";
import { formOf, LOG_TYPES, type ValueType } from "../src/config/value.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const VERSION: string = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).version;
const SCRIPT = "scripts/luci-options.ts";
const PATH = "openwrt/luci-app-mqttd/htdocs/luci-static/resources/mqttd/options.js";

/** Kinds of sections that the page of settings has; users and rules have a page of their own. */
const SECTIONS = ["mqttd", "persistence", "listener", "bridge", "plugin", "topic"] as const;

/** The group of options that only UCI has, which comes first. */
const OWN_GROUP = "Basics";

/** Columns of the tables. */
const COLUMNS: Readonly<Record<string, readonly string[]>> = {
	listener: ["enabled", "port", "interface", "protocol"],
	bridge: ["enabled", "connection", "address"],
	plugin: ["enabled", "path"],
	topic: ["enabled", "topic", "durability"],
};

/** Options of the first tab, in their order, also of those that the table has in other groups; further ones follow. */
const BASICS: Readonly<Record<string, readonly string[]>> = {
	mqttd: ["enabled", "allow_anonymous"],
	listener: [
		"enabled",
		"port",
		"interface",
		"bind_address",
		"no_remote_access",
		"protocol",
		"allow_anonymous",
		"firewall_zone",
		"path",
	],
	bridge: ["enabled", "connection", "address", "topic", "remote_username", "remote_password"],
};

/** What is said of an option in place of the table's words, where these are for all sections together. */
const DOCS: Readonly<Record<string, string>> = {
	"mqttd.enabled": "Whether the broker is started.",
	"listener.enabled": "Whether the listener is opened.",
	"bridge.enabled": "Whether the bridge is used.",
	"plugin.enabled": "Whether the plugin is used.",
	"topic.enabled": "Whether this counts.",
};

/** Octets of any text at most. */
const TEXT_MAX = 65535;

/** What the init script gives to the broker, so that it is nothing to choose. */
const NOT_ON_A_ROUTER: readonly string[] = [
	"include_dir",
	"pid_file",
	"user",
	"log_timestamp",
	"log_timestamp_format",
	"log_facility",
];

/** How words are written that are not just in lower case. */
const WORDS: Readonly<Record<string, string>> = {
	acl: "ACL",
	alpn: "ALPN",
	api: "API",
	ca: "CA",
	cafile: "CA file",
	capath: "CA path",
	cert: "certificate",
	certfile: "certificate file",
	certs: "certificates",
	cleansession: "clean session",
	clientid: "client identifier",
	crlfile: "CRL file",
	dest: "destination",
	dir: "directory",
	http: "HTTP",
	id: "ID",
	keepalive: "keep alive",
	keyfile: "key file",
	mdns: "mDNS",
	nodelay: "no delay",
	ocsp: "OCSP",
	os: "OS",
	psk: "PSK",
	qos: "QoS",
	qos0: "QoS 0",
	sys: "$SYS",
	tcp: "TCP",
	tls: "TLS",
	tls13: "TLS 1.3",
	uci: "UCI",
	v2: "v2",
	username: "user name",
	websockets: "WebSocket",
};

/** A field of the form. */
interface Field {
	readonly name: string;
	readonly title: string;
	readonly doc: string;
	/** flag, choice, several, list, network, secret or text. */
	readonly kind: string;
	readonly default?: string;
	readonly example?: string;
	readonly values?: readonly string[];
	readonly isFlag?: true;
	readonly datatype?: string;
	readonly pattern?: string;
	readonly expected?: string;
	readonly required?: true;
	readonly isColumn?: true;
}

interface Group {
	readonly name: string;
	readonly title: string;
	readonly isMain: boolean;
	readonly fields: readonly Field[];
}

/** `max_inflight_messages` is “Max inflight messages”. */
export function titleOf(name: string): string {
	const text = name
		.split("_")
		.map((word) => WORDS[word] ?? word)
		.join(" ");
	return /^[a-z]+[A-Z]/.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1);
}

/** What the form checks of a value before the broker does. */
function checksOf(type: ValueType<unknown>): Pick<Field, "datatype" | "pattern" | "expected"> {
	const { kind, min, max } = type;
	switch (kind) {
		case "integer":
		case "octets": {
			const bounds: string[] = [];
			if (min !== undefined) bounds.push(`min(${min})`);
			if (max !== undefined && max < Number.MAX_SAFE_INTEGER) bounds.push(`max(${max})`);
			return { datatype: `and(${["integer", ...bounds].join(",")})` };
		}
		case "port":
			return { datatype: `or("auto",and(port,min(${min ?? 1})))` };
		case "duration":
			return { pattern: "^[0-9]{1,9}[shdwmy]?$", expected: `Expecting: ${formOf(type)}` };
		case "string":
			return max === undefined || max >= TEXT_MAX ? {} : { datatype: `maxlength(${max})` };
		default:
			return {};
	}
}

/** The default as UCI has it; undefined when there is none to show. */
function defaultOf(value: unknown): string | undefined {
	if (typeof value === "boolean") return value ? "1" : "0";
	return typeof value === "number" || typeof value === "string" ? String(value) : undefined;
}

function kindOf(
	name: string,
	type: ValueType<unknown>,
	isList: boolean,
	byDefault: string | undefined,
): Partial<Field> {
	if (name === "interface") return { kind: "network" };
	if (name === "log_type") return { kind: "several", values: [...LOG_TYPES, "none", "all"] };
	if (isList) return { kind: "list" };
	if (name === "psk" || (name.includes("password") && !name.endsWith("_file"))) return { kind: "secret" };
	if (type.kind === "boolean") {
		return byDefault === undefined ? { kind: "choice", values: ["1", "0"], isFlag: true } : { kind: "flag" };
	}
	if (type.kind === "choice") return { kind: "choice", values: type.values ?? [] };
	return { kind: "text" };
}

interface Given {
	readonly name: string;
	readonly type: ValueType<unknown>;
	readonly isList: boolean;
	readonly default: unknown;
	readonly example: string | null;
	readonly doc: string;
}

function fieldOf(
	section: SectionType,
	{ name, type, isList, default: byDefault, example, doc }: Given,
): Field {
	const shown = defaultOf(byDefault);
	const kind = kindOf(name, type, isList, shown);
	return {
		name,
		title: titleOf(name),
		doc: DOCS[`${section}.${name}`] ?? doc,
		kind: "text",
		...kind,
		...(shown !== undefined && { default: shown }),
		...(example !== null && shown === undefined && kind.kind !== "flag" && { example }),
		...(kind.kind === "text" && checksOf(type)),
		...(COLUMNS[section]?.includes(name) && { isColumn: true as const }),
	};
}

function ofOption(section: SectionType, name: string, option: Option): Field {
	// What a listener does not say is as the broker has it, and not as the table has it.
	const byDefault = section === "listener" && option.scope === "security" ? null : option.default;
	return fieldOf(section, { ...option, name, isList: option.repeats, default: byDefault });
}

function ofOnly(section: SectionType, only: UciOnly): Field {
	return fieldOf(section, { ...only, example: null });
}

/**
 * Whether an option is something to offer: it has an effect, and is not of old. Those of bridges are kept for a build that has
 * them, as what was taken over from mosquitto is to be seen.
 */
function isOffered({ name, scope, state, note }: Option): boolean {
	if (state !== "honoured" && scope !== "bridge") return false;
	return note === null && !name.endsWith("*") && !NOT_ON_A_ROUTER.includes(name);
}

/** The tabs of a kind of section. */
export function groupsOf(section: SectionType): Group[] {
	const basics: Field[] = uciOnly(section).map((only) => ofOnly(section, only));
	const groups: Group[] = [{ name: "basics", title: OWN_GROUP, isMain: true, fields: basics }];
	for (const [index, { title, options }] of GROUPS.entries()) {
		const fields: Field[] = [];
		for (const option of options.filter(isOffered)) {
			const names = uciNames(option).filter((each) => each.section === section);
			for (const { name } of names) {
				const isBasic = BASICS[section]?.includes(name) ?? false;
				(isBasic ? basics : fields).push(ofOption(section, name, option));
			}
		}
		if (fields.length > 0) groups.push({ name: `group${index}`, title, isMain: false, fields });
	}
	const rank = ({ name }: Field): number => (BASICS[section]?.indexOf(name) ?? -1) >>> 0;
	basics.sort((a, b) => rank(a) - rank(b));
	return groups.filter(({ fields }) => fields.length > 0);
}

/** Whether this build does something about such sections. */
function isOfUse(section: SectionType): boolean {
	if (section === "topic") return isOfUse("persistence");
	return (
		section === "plugin" ||
		groupsOf(section).some(({ fields }) =>
			fields.some(({ name }) => uciOnly(section).every((only) => only.name !== name)),
		)
	);
}

function quote(text: string): string {
	return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

function valueText(name: string, value: unknown): string {
	if (Array.isArray(value)) return `[ ${value.map((each) => quote(String(each))).join(", ")} ]`;
	if (typeof value !== "string") return String(value);
	return ["title", "doc", "expected"].includes(name) ? `_(${quote(value)})` : quote(value);
}

function fieldText(field: Field): string {
	const members = Object.entries(field).map(([name, value]) => `${name}: ${valueText(name, value)}`);
	return `\t\t\t{ ${members.join(", ")} }`;
}

function groupText({ name, title, isMain, fields }: Group): string {
	return [
		`\t\t{ name: ${quote(name)}, title: _(${quote(title)}), isMain: ${isMain}, options: [`,
		fields.map(fieldText).join(",\n"),
		"\t\t] }",
	].join("\n");
}

/** The module. */
export function moduleText(): string {
	const sections = SECTIONS.filter(isOfUse).map(
		(section) => `\t${section}: [\n${groupsOf(section).map(groupText).join(",\n")}\n\t]`,
	);
	return [
		"'use strict';",
		"'require baseclass';",
		"",
		`/* Made from the option table in src/config by ${SCRIPT}: changes here are lost. */`,
		"",
		"var GROUPS = {",
		sections.join(",\n"),
		"};",
		"",
		"return baseclass.extend({",
		"\t/* That of these pages, which come in a package of their own. */",
		`\tversion: ${quote(VERSION)},`,
		"",
		"\t/* The tabs of a kind of section, with their options; none when the broker has no use for such sections. */",
		"\tgroups: function(section) {",
		"\t\treturn GROUPS[section] || [];",
		"\t}",
		"});",
		"",
	].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const path = join(ROOT, PATH);
	if (!process.argv.includes("--check")) {
		writeFileSync(path, moduleText());
	} else if (readFileSync(path, "utf8") !== moduleText()) {
		process.stderr.write(`${PATH} differs from the option table: run ${SCRIPT}\n`);
		process.exitCode = 1;
	}
}
