/** The texts of luci-app-mqttd, its compiled catalogue, and the module that its settings are made from. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { compileCatalogue, hash } from "../../../scripts/lmo.ts";
import { groupsOf, moduleText, titleOf } from "../../../scripts/luci-options.ts";
import {
	catalogues,
	collect,
	faults,
	LUCI_APP,
	readCatalogue,
	templateText,
	textsOfScript,
} from "../../../scripts/luci-texts.ts";
import { OPTIONS } from "../../../src/config/options.ts";
import { uciNames } from "../../../src/config/uci-options.ts";

const encoder = new TextEncoder();

/** The translation of a text, found as LuCI does: by bisection of the index. */
function lookUp(file: Uint8Array, text: string): string | null {
	const view = new DataView(file.buffer);
	const start = view.getUint32(file.length - 4);
	const wanted = hash(encoder.encode(text));
	let low = 0;
	let high = (file.length - 4 - start) / 16 - 1;
	while (low <= high) {
		const middle = (low + high) >> 1;
		const at = start + middle * 16;
		const key = view.getUint32(at);
		if (key === wanted) {
			const offset = view.getUint32(at + 8);
			return new TextDecoder().decode(file.subarray(offset, offset + view.getUint32(at + 12)));
		}
		if (key < wanted) low = middle + 1;
		else high = middle - 1;
	}
	return null;
}

test("texts of a script", () => {
	const source = "title: _('It\\'s \"so\"'), x._('no'), name_('no'), _(\"two\")";
	assert.deepEqual(textsOfScript("a.js", source), ['It\'s "so"', "two"]);
});

test("a text that is none of one literal is told with its place", () => {
	assert.throws(() => textsOfScript("a.js", "\n_('a' + b)"), /a\.js:2: _\(\) takes one text/);
	assert.throws(() => textsOfScript("a.js", "_(text)"), /a\.js:1/);
});

test("a catalogue is read, with continued lines", () => {
	const source = 'msgid ""\nmsgstr "Language: x\\n"\n\n#: place\nmsgid "a \\"b\\""\nmsgstr "c"\n" d"\n';
	assert.deepEqual([...readCatalogue(source)], [['a "b"', "c d"]]);
	assert.throws(() => readCatalogue('msgid "a\n'), /line 1/);
});

test("what is wrong with a catalogue", () => {
	const catalogue = new Map([
		["%d of %s", "%s / %d"],
		["old", "alt"],
		["empty", ""],
	]);
	assert.deepEqual(faults(["%d of %s", "empty", "new"], catalogue), [
		'other conversions than in "%d of %s"',
		'no translation of "empty"',
		'no translation of "new"',
		'no such text: "old"',
	]);
});

test("the pages have texts, and Traditional Chinese all of them", () => {
	const texts = collect(LUCI_APP);
	assert.ok(texts.size > 200, `texts: ${texts.size}`);
	assert.ok(texts.has("Overview") && texts.has("Grant access to the MQTT broker mqttd"));
	const catalogue = catalogues(LUCI_APP).get("zh_Hant");
	assert.ok(catalogue);
	assert.deepEqual(faults(texts.keys(), catalogue), []);
	assert.deepEqual([...readCatalogue(templateText(LUCI_APP)).keys()].sort(), [...texts.keys()].sort());
});

test("hashes are those of LuCI", () => {
	const known = {
		a: 0x115ea782,
		ab: 0x516b8b44,
		abc: 0xd2be198a,
		abcd: 0xdad8b8db,
		"Users and access": 0xcb270964,
		"« Previous": 0xbfa91649,
		"%d more…": 0x49102626,
		é: 0xc4fba554,
		日誌: 0x7861eeaa,
	};
	for (const [text, value] of Object.entries(known)) assert.equal(hash(encoder.encode(text)), value, text);
	assert.equal(hash(new Uint8Array()), 0);
});

test("every text of the compiled catalogue is found", () => {
	const catalogue = catalogues(LUCI_APP).get("zh_Hant");
	assert.ok(catalogue);
	const file = compileCatalogue(catalogue);
	let same = 0;
	for (const [text, translation] of catalogue) {
		if (text === translation) same++;
		assert.equal(lookUp(file, text), text === translation ? null : translation, text);
	}
	assert.ok(same < 20, `untranslated: ${same}`);
	assert.equal(lookUp(file, "no such text"), null);
});

test("titles of options", () => {
	assert.equal(titleOf("max_inflight_messages"), "Max inflight messages");
	assert.equal(titleOf("queue_qos0_messages"), "Queue QoS 0 messages");
	assert.equal(titleOf("mdns"), "mDNS");
});

test("options that have an effect are on the page of settings, with the table's bounds", () => {
	const names = groupsOf("listener").flatMap(({ fields }) => fields.map(({ name }) => name));
	assert.deepEqual(names.slice(0, 3), ["enabled", "port", "interface"]);
	assert.equal(new Set(names).size, names.length);
	for (const option of OPTIONS) {
		if (option.scope !== "listener" || option.state !== "honoured" || option.note !== null) continue;
		for (const { section, name } of uciNames(option))
			if (section === "listener") assert.ok(names.includes(name), name);
	}
	const fields = groupsOf("mqttd").flatMap((group) => group.fields);
	assert.equal(
		fields.find(({ name }) => name === "max_inflight_messages")?.datatype,
		"and(integer,min(0),max(65535))",
	);
	assert.ok(!names.includes("pid_file"));
});

test("the module of options is a script that quotes what it must", () => {
	const text = moduleText();
	assert.match(text, /name: 'max_qos'/);
	const make = new Function("baseclass", "_", text) as (
		baseclass: { extend(members: object): object },
		translate: (text: string) => string,
	) => { groups(section: string): { options: { name: string }[] }[] };
	const module = make({ extend: (members) => members }, (each) => each);
	assert.ok(module.groups("mqttd").length > 3);
	assert.deepEqual(module.groups("acl"), []);
});
