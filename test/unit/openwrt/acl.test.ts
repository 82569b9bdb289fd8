/** What ubusd's rules let the broker's user do: all that the broker asks of it, and not more than that. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CLIENT_EVENT, LISTENER_EVENT, OBJECT } from "../../../src/bin/ubus/interface.ts";
import { matchesPattern } from "../../../src/ubus/events.ts";

interface Rules {
	readonly user: string;
	readonly access: Readonly<Record<string, { readonly methods: readonly string[] }>>;
	readonly publish: readonly string[];
	readonly subscribe: readonly string[];
	readonly listen: readonly string[];
	readonly send: readonly string[];
}

const RULES = JSON.parse(
	readFileSync(new URL("../../../files/usr/share/acl.d/mqttd.json", import.meta.url), "utf8"),
) as Rules;

const allows = (patterns: readonly string[], name: string) =>
	patterns.some((pattern) => matchesPattern(pattern, name));

test("the user is that of the package; it may serve its object, and send its own events", () => {
	const recipe = readFileSync(new URL("../../../openwrt/mqttd/Makefile", import.meta.url), "utf8");
	assert.match(recipe, new RegExp(`^ *USERID:=${RULES.user}=`, "m"));
	assert.deepEqual(RULES.publish, [OBJECT]);
	for (const event of [CLIENT_EVENT, LISTENER_EVENT]) assert.ok(allows(RULES.send, event), event);
	for (const event of ["network.interface", "dhcp.ack"]) assert.ok(!allows(RULES.send, event), event);
});

test("it may hear every event, and ask netifd for addresses, which is all that it may ask anybody", () => {
	for (const event of ["ubus.object.add", "network.interface", "x"]) assert.ok(allows(RULES.listen, event));
	assert.deepEqual(RULES.subscribe, ["network.interface"]);
	assert.deepEqual(RULES.access, { "network.interface": { methods: ["dump"] } });
});
