/** LuCI's uci: a cache of configurations over rpcd's `uci` object, with changes that save() sends. */

import { check, type Members } from "./class.ts";
import { rpc } from "./rpc.ts";

type Value = string | string[];
export type Section = Record<string, unknown> & { readonly ".name": string; readonly ".type": string };
type Sections = Record<string, Section>;

const callLoad = rpc.declare({
	object: "uci",
	method: "get",
	params: ["config"],
	expect: { values: {} },
	reject: true,
});
const callAdd = rpc.declare({
	object: "uci",
	method: "add",
	params: ["config", "type", "name", "values"],
	expect: { section: "" },
	reject: true,
});
const callSet = rpc.declare({
	object: "uci",
	method: "set",
	params: ["config", "section", "values"],
	reject: true,
});
const callDelete = rpc.declare({
	object: "uci",
	method: "delete",
	params: ["config", "section", "options"],
	reject: true,
});
const callApply = rpc.declare({
	object: "uci",
	method: "apply",
	params: ["timeout", "rollback"],
	reject: true,
});
const callConfirm = rpc.declare({ object: "uci", method: "confirm", reject: true });

/** What is loaded, by configuration, with all changes in it; and what has to be sent for them. */
const loaded = new Map<string, Sections>();
const created = new Map<string, Set<string>>();
const changed = new Map<string, Map<string, Map<string, Value | null>>>();
const removed = new Map<string, Set<string>>();
let newCount = 0;

function of<V>(map: Map<string, V>, key: string, make: () => V): V {
	let value = map.get(key);
	if (value === undefined) {
		value = make();
		map.set(key, value);
	}
	return value;
}

function sectionsOf(config: string): Sections {
	const sections = loaded.get(config);
	check(sections !== undefined, `uci: ${config} is not loaded`);
	return sections;
}

/** `@type[0]` as well as a name. */
function resolve(config: string, id: string): string | null {
	const match = /^@([\w-]+)\[(-?\d+)\]$/.exec(id);
	if (match === null) return id;
	return uci.sections(config, match[1]).at(Number(match[2]))?.[".name"] ?? null;
}

function optionsOf(section: Section): Members {
	return Object.fromEntries(Object.entries(section).filter(([name]) => !name.startsWith(".")));
}

export const uci = {
	async load(configs: string | readonly string[]): Promise<string[]> {
		const names = [configs].flat().filter((name) => !loaded.has(name));
		for (const name of names) loaded.set(name, structuredClone((await callLoad(name)) as Sections));
		return names;
	},
	unload(configs: string | readonly string[]): void {
		for (const name of [configs].flat())
			for (const map of [loaded, created, changed, removed]) map.delete(name);
	},
	sections(config: string, type?: string | null, each?: (section: Section, id: string) => void): Section[] {
		const found = Object.values(sectionsOf(config))
			.filter((section) => type === undefined || type === null || section[".type"] === type)
			.sort((a, b) => Number(a[".index"]) - Number(b[".index"]));
		if (each !== undefined) for (const section of found) each(section, section[".name"]);
		return found;
	},
	get(config: string, id: string, option?: string | null): unknown {
		const name = resolve(config, id);
		const section = name === null ? undefined : sectionsOf(config)[name];
		if (section === undefined) return null;
		return option === undefined || option === null ? section : (section[option] ?? null);
	},
	get_first(config: string, type: string, option?: string): unknown {
		const [first] = uci.sections(config, type);
		return first === undefined ? null : uci.get(config, first[".name"], option);
	},
	set(config: string, id: string, option: string, value: Value | null): void {
		const name = resolve(config, id);
		const section = name === null ? undefined : sectionsOf(config)[name];
		check(section !== undefined && name !== null, `uci.set: no section ${config}.${id}`);
		check(/^[A-Za-z0-9_]+$/.test(option), `uci.set: option ${option}`);
		check(
			value === null || typeof value === "string" || Array.isArray(value),
			`uci.set ${config}.${id}.${option}: text, list or null`,
		);
		if (value === null || value === "") delete section[option];
		else section[option] = value;
		if (created.get(config)?.has(name)) return;
		const changes = of(
			of(changed, config, () => new Map()),
			name,
			() => new Map(),
		);
		changes.set(option, value === "" ? null : value);
	},
	unset(config: string, id: string, option: string): void {
		uci.set(config, id, option, null);
	},
	add(config: string, type: string, name?: string): string {
		const sections = sectionsOf(config);
		const id = name ?? `new${(++newCount).toString(16).padStart(6, "0")}`;
		check(name === undefined || /^[A-Za-z0-9_]+$/.test(name), `uci.add: name ${name}`);
		sections[id] = {
			".name": id,
			".type": type,
			".anonymous": name === undefined,
			".index": 1000 + newCount,
		};
		of(created, config, () => new Set()).add(id);
		return id;
	},
	remove(config: string, id: string): void {
		const sections = sectionsOf(config);
		check(id in sections, `uci.remove: no section ${config}.${id}`);
		delete sections[id];
		changed.get(config)?.delete(id);
		if (!created.get(config)?.delete(id)) of(removed, config, () => new Set()).add(id);
	},
	/** Sends all changes; rpcd keeps them apart until apply(). */
	async save(): Promise<void> {
		for (const [config, ids] of removed) for (const id of ids) await callDelete(config, id, undefined);
		for (const [config, sections] of changed) {
			for (const [id, options] of sections) {
				const values = Object.fromEntries([...options].filter(([, value]) => value !== null));
				const gone = [...options].filter(([, value]) => value === null).map(([name]) => name);
				if (Object.keys(values).length > 0) await callSet(config, id, values);
				if (gone.length > 0) await callDelete(config, id, gone);
			}
		}
		for (const [config, ids] of created) {
			for (const id of ids) {
				const section = sectionsOf(config)[id];
				if (section === undefined) continue;
				const name = section[".anonymous"] === true ? undefined : id;
				await callAdd(config, section[".type"], name, optionsOf(section));
			}
		}
		const configs = new Set([...removed.keys(), ...changed.keys(), ...created.keys()]);
		uci.unload([...configs]);
		await uci.load([...configs]);
	},
	async apply(timeout = 10): Promise<void> {
		await callApply(timeout, true);
		await callConfirm();
	},
	async changes(): Promise<unknown> {
		return rpc.declare({ object: "uci", method: "changes", expect: { changes: {} } })();
	},
};
