/** The description of the ubus object is that of the table of its methods. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CLIENT_EVENT, LISTENER_EVENT, METHODS, OBJECT } from "../../../../src/bin/ubus/interface.ts";

const TEXT = readFileSync(new URL("../../../../files/usr/share/doc/mqttd/ubus.md", import.meta.url), "utf8");

/** Arguments of each method with their types, as the tables of the sections tell. */
function described(): Record<string, Record<string, string>> {
	const methods: Record<string, Record<string, string>> = {};
	for (const section of TEXT.split(/^### /m).slice(1)) {
		const name = /^`([a-z_]+)`/.exec(section)?.[1] ?? assert.fail(`no method: ${section.slice(0, 40)}`);
		const types: Record<string, string> = {};
		for (const [, names = "", type = ""] of section.matchAll(/^\| (`[^|]*`) \| ([a-z0-9]+) \|/gm)) {
			for (const [, argument = ""] of names.matchAll(/`([a-z0-9_]+)`/g)) types[argument] = type;
		}
		methods[name] = types;
	}
	return methods;
}

test("every method is described, with each of its arguments and their types", () => {
	assert.deepEqual(described(), METHODS);
});

test("object and events are named", () => {
	for (const name of [OBJECT, CLIENT_EVENT, LISTENER_EVENT]) assert.ok(TEXT.includes(`\`${name}\``), name);
});
