/** Every option of the table, by its case: what it takes, gives and refuses, where it may stand, and what is said of it. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import type { BrokerConfig } from "../../../src/config/config.ts";
import { ConfigError } from "../../../src/config/error.ts";
import type { Option } from "../../../src/config/option.ts";
import { OPTIONS } from "../../../src/config/options.ts";
import { readConfig } from "../../../src/config/read.ts";
import { formOf } from "../../../src/config/value.ts";
import { createFakeHost } from "../../fake/host.ts";
import { CASES, type OptionCase } from "./cases.ts";

const FILE = "/etc/mosquitto/mosquitto.conf";
const PER_LISTENER = "per_listener_settings true\n";

function read(text: string): BrokerConfig {
	const host = createFakeHost();
	host.files.put(FILE, text);
	host.files.put("/conf.d/more.conf", "max_keepalive 77\n");
	return readConfig(host, [FILE]);
}

function errorOf(action: () => unknown): readonly string[] {
	try {
		action();
	} catch (error) {
		assert.ok(error instanceof ConfigError, String(error));
		return error.lines;
	}
	return assert.fail("accepted");
}

function refusal(text: string, error: string): void {
	assert.equal(errorOf(() => read(text))[0], error, text);
}

/** Where the option may stand, without what else it needs. */
function placeOf({ scope }: Option): string {
	return scope === "listener" || scope === "default-listener" ? "listener 1\n" : "";
}

function ofListener({ scope }: Option): boolean {
	return scope === "listener" || scope === "default-listener";
}

/** What a configuration has of the option. */
function gained(option: Option, { gives }: OptionCase, config: BrokerConfig): unknown {
	if (gives !== undefined) return gives(config);
	assert.ok(option.field !== null, "the case must say what it gives");
	const owner = ofListener(option) ? config.listeners[0] : config.global;
	return (owner as unknown as Record<string, unknown>)[option.field];
}

/** The name as it may be written. */
function writtenNames({ name, aliases }: Option): string[] {
	return [name, ...aliases].map((each) => each.replace("*", "x"));
}

function isHeld(option: Option, name: string, written: string): boolean {
	return option.default !== null && option.type.parse({ name, rest: written }) === option.default;
}

for (const option of OPTIONS) {
	describe(option.name, () => {
		const found = CASES[option.name];
		test("has a case", () => assert.ok(found !== undefined, "write one in cases.ts"));
		if (found === undefined) return;
		const ready = placeOf(option) + (found.before === undefined ? "" : `${found.before}\n`);
		for (const name of writtenNames(option)) {
			if (option.scope === "bridge" || option.scope === "plugin") typeTest(option, found, name);
			else if (option.state === "honoured") honouredTest(option, found, name, ready);
			else notHonouredTest(option, found, name);
			scopeTest(option, found, name, ready);
		}
		if (option.state === "honoured") shownTest(option, found);
	});
}

/** Of options whose section has tests of its own, or that begin nothing yet: the values alone. */
function typeTest(option: Option, { takes, wrong }: OptionCase, name: string): void {
	test(`${name}: values`, () => {
		assert.ok(takes.length > 0);
		const warn = () => undefined;
		for (const [rest, value] of takes) assert.deepEqual(option.type.parse({ name, rest, warn }), value, rest);
		for (const [rest, error] of wrong) {
			const [said] = errorOf(() => option.type.parse({ name, rest }));
			assert.equal(said, error.replace("NAME", name), rest);
		}
	});
}

function wrongValues(option: Option, { wrong }: OptionCase, name: string, ready: string): void {
	for (const [written, error] of wrong) {
		const lines = errorOf(() => read(`${ready}${name} ${written}\n`));
		const line = ready.split("\n").length;
		assert.equal(lines[0], error.replace("NAME", name), written);
		assert.equal(lines[1], `Error found at ${FILE}:${line}.`, written);
		if (lines[2] !== undefined) assert.equal(lines[2], `'${name}' takes ${formOf(option.type)}.`);
	}
}

function honouredTest(option: Option, found: OptionCase, name: string, ready: string): void {
	test(`${name}: what it takes and gives`, () => {
		assert.ok(found.takes.length > 0 && found.wrong.length > 0, "a value of each kind");
		for (const [written, value] of found.takes) {
			const config = read(`${ready}${name} ${written}\n`);
			assert.deepEqual(gained(option, found, config), value, written);
			const notes = config.remarks.map((remark) => remark.text);
			if (option.note !== null) assert.ok(notes.includes(option.note), option.note);
			for (const note of notes) assert.doesNotMatch(note, /no effect|no longer/);
			if (option.scope !== "security" || option.field === null) continue;
			const each = read(`${PER_LISTENER}listener 1\n${name} ${written}\nlistener 2\n`);
			const fields = each.listeners.map(
				(listener) => (listener as unknown as Record<string, unknown>)[option.field ?? ""],
			);
			assert.deepEqual(fields, [value, null], `${written} of a listener`);
		}
		wrongValues(option, found, name, ready);
	});
	if (option.once) {
		test(`${name}: once only`, () => {
			const [[written] = [""]] = found.takes;
			refusal(
				`${ready}${name} ${written}\n${name} ${written}\n`,
				`Error: Duplicate '${name}' value in configuration.`,
			);
		});
	}
}

function notHonouredTest(option: Option, found: OptionCase, name: string): void {
	const place = placeOf(option);
	test(`${name}: ${option.state}`, () => {
		let asked = 0;
		for (const [written] of found.takes) {
			const text = `${place}${name} ${written}\n`;
			if (isHeld(option, name, written)) {
				const notes = read(text).remarks.map((remark) => remark.text);
				assert.deepEqual(
					notes.filter((note) => note !== option.note),
					[],
					written,
				);
				continue;
			}
			asked++;
			if (option.state === "refused") {
				refusal(text, `Error: The '${name}' option cannot be used: ${option.reason}.`);
				continue;
			}
			const notes = read(option.once ? text : text + text).remarks;
			const warnings = notes.filter((remark) => remark.type === "warning").map((remark) => remark.text);
			assert.deepEqual(warnings, [withoutEffect(option, name)]);
		}
		assert.ok(asked > 0);
		wrongValues(option, found, name, place);
	});
}

function withoutEffect(option: Option, name: string): string {
	if (name === "dhparamfile") return "Warning: dhparamfile is no longer required.";
	if (option.reason === "") return `Warning: The '${name}' option is no longer available.`;
	return `Warning: The '${name}' option has no effect: ${option.reason}.`;
}

function scopeTest(option: Option, { takes }: OptionCase, name: string, ready: string): void {
	const [written = ""] = takes.at(-1) ?? [];
	const line = `${name} ${written}\n`;
	test(`${name}: where it may stand (${option.scope})`, () => {
		switch (option.scope) {
			case "global":
				if (option.state === "refused") break;
				assert.doesNotThrow(() => read(line));
				assert.doesNotThrow(() => read(`listener 9\n${line}`));
				break;
			case "security":
				refusal(PER_LISTENER + line, `Error: The '${name}' option requires a listener to be defined first.`);
				break;
			case "listener":
				refusal(line, `Error: The '${name}' option requires a listener to be defined first.`);
				break;
			case "default-listener": {
				if (option.state !== "honoured" && !isHeld(option, name, written)) break;
				if (ready !== placeOf(option)) break;
				const { remarks } = read(line);
				const said = `Creating default listener due to '${name}' option.`;
				assert.ok(remarks.some(({ text }) => text === said));
				break;
			}
			case "bridge":
				refusal(line, `Error: The '${name}' option requires a bridge to be defined first.`);
				break;
			case "plugin":
				refusal(
					line,
					`Error: The '${name}' option requires plugin/global_plugin/plugin_load to be defined first.`,
				);
				break;
		}
	});
}

/** A test of the broker must name the option, or the setting that the reader fills with it. */
function shownTest({ name, aliases, field }: Option, { shown }: OptionCase): void {
	test("the broker is seen to act on it", () => {
		assert.ok(shown !== undefined, "name the test that shows it in cases.ts");
		const content = readFileSync(new URL(`../../${shown}`, import.meta.url), "utf8");
		const names = [name.replace("*", ""), ...aliases, ...(field === null ? [] : [field])];
		assert.ok(
			names.some((each) => new RegExp(`(?:(?<![A-Za-z_])|(?<=\\\\n))${each}`).test(content)),
			`${shown} names none of ${names.join(", ")}`,
		);
	});
}

test("no case for what there is not", () => {
	const names = new Set(OPTIONS.map((option) => option.name));
	assert.deepEqual(
		Object.keys(CASES).filter((name) => !names.has(name)),
		[],
	);
});
