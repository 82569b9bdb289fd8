/** What roles allow: order of evaluation, kinds of rules, defaults, and what is asked when they say nothing. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { covers } from "../../../src/broker/dynsec/rules.ts";
import type { Access, AccessRules } from "../../../src/broker/rights.ts";
import { NO_MATCH, NO_RULES } from "../../../src/broker/verdict.ts";
import { createDynsec, type DynsecFixture } from "./dynsec-fixture.ts";
import { finished } from "./fixture.ts";

const DENY = { publishClientSend: false, publishClientReceive: false, subscribe: false, unsubscribe: false };
const ALLOW = { publishClientSend: true, publishClientReceive: true, subscribe: true, unsubscribe: true };

type Line = readonly [acltype: string, topic: string, allow: boolean, priority?: number];

function role(rolename: string, ...lines: Line[]): object {
	return {
		rolename,
		acls: lines.map(([acltype, topic, allow, priority = 0]) => ({ acltype, topic, allow, priority })),
	};
}

/** `ann` has what is given; `clientId` is `id` unless said otherwise. */
function rules(fixture: DynsecFixture, otherwise: AccessRules | null = null) {
	const access = fixture.security.access(otherwise);
	return (kind: Access, topic: string, username: string | null = "ann", clientId = "id") => {
		const is = access.allows(kind, topic, clientId, username);
		const { allowed } = finished(access.explain(kind, topic, clientId, username));
		assert.equal(allowed, is, `why ${username}: ${kind} ${topic}`);
		return is;
	};
}

describe("order", () => {
	test("a client's own roles by priority, then its groups', and within a role the rules by priority; the first match decides", () => {
		const fixture = createDynsec({
			defaultACLAccess: DENY,
			roles: [
				role("low", ["publishClientSend", "a/#", true], ["publishClientSend", "b", true]),
				role("high", ["publishClientSend", "a/secret", false]),
				role("inner", ["publishClientSend", "c/#", false, 1], ["publishClientSend", "c/open", true, 2]),
				role("of-group", ["publishClientSend", "#", true]),
				role("of-better-group", ["publishClientSend", "d/#", false]),
			],
			clients: [
				{
					username: "ann",
					roles: [{ rolename: "low", priority: 1 }, { rolename: "high", priority: 2 }, { rolename: "inner" }],
				},
			],
			groups: [
				{ groupname: "g", roles: [{ rolename: "of-group" }], clients: [{ username: "ann", priority: 1 }] },
				{
					groupname: "h",
					roles: [{ rolename: "of-better-group" }],
					clients: [{ username: "ann", priority: 5 }],
				},
			],
		});
		const allows = rules(fixture);
		const found = ["a/x", "a/secret", "b", "c/open", "c/x", "d/x", "e"].map((topic) =>
			allows("write", topic),
		);
		assert.deepEqual(found, [true, false, true, true, false, false, true]);
		assert.equal(allows("read", "a/x"), false, "a rule is for one kind of access only");
	});
});

describe("kinds of rules", () => {
	test("publishing and receiving match topics, subscribing compares or covers topic filters", () => {
		const fixture = createDynsec({
			defaultACLAccess: DENY,
			roles: [
				role(
					"r",
					["publishClientReceive", "in/+", true],
					["subscribeLiteral", "lit/#", true],
					["subscribePattern", "pat/+/x", true],
					["subscribePattern", "all/#", true],
					["subscribePattern", "all/of/it", false, 5],
					["unsubscribeLiteral", "lit/#", true],
					["unsubscribePattern", "pat/#", true],
				),
			],
			clients: [{ username: "ann", roles: [{ rolename: "r" }] }],
		});
		const allows = rules(fixture);
		const check = (kind: Access, expected: Record<string, boolean>) => {
			for (const [topic, wanted] of Object.entries(expected))
				assert.equal(allows(kind, topic), wanted, `${kind} ${topic}`);
		};
		check("read", { "in/1": true, "in/1/2": false });
		check("subscribe", {
			"lit/#": true,
			"lit/a": false,
			"pat/a/x": true,
			"pat/+/x": true,
			"pat/#": false,
			"all/#": true,
			all: true,
			"all/of/it": false,
			"$share/g/all/x": true,
			"$share/g/other": false,
		});
		check("unsubscribe", { "lit/#": true, "pat/#": true, "pat/+": true, "other/#": false });
	});

	test("allowwildcardsubs false refuses every wildcard", () => {
		const fixture = createDynsec({
			defaultACLAccess: ALLOW,
			roles: [{ ...role("r", ["subscribePattern", "#", true]), allowwildcardsubs: false }],
			clients: [{ username: "ann", roles: [{ rolename: "r" }] }],
		});
		const allows = rules(fixture);
		assert.deepEqual(
			["a", "a/+", "#", "$share/g/a", "$share/g/#"].map((topic) => allows("subscribe", topic)),
			[true, false, false, true, false],
		);
		assert.equal(allows("unsubscribe", "#"), true);
	});

	test("%c and %u are the client's own, and never a wildcard", () => {
		const fixture = createDynsec({
			defaultACLAccess: DENY,
			roles: [
				role(
					"r",
					["publishClientSend", "u/%u", true],
					["publishClientSend", "c/%c/#", true],
					["subscribePattern", "s/%u/%c", true],
					["publishClientSend", "%c/own", true],
				),
			],
			clients: ["ann", "+", "a/b"].map((username) => ({ username, roles: [{ rolename: "r" }] })),
			groups: [{ groupname: "anonymous", roles: [{ rolename: "r" }] }],
			anonymousGroup: "anonymous",
		});
		const allows = rules(fixture);
		assert.equal(allows("write", "u/ann"), true);
		assert.equal(allows("write", "u/bob"), false);
		assert.equal(allows("write", "c/id/x"), true);
		assert.equal(
			allows("write", "c/id/x", "ann", "other"),
			false,
			"decisions of one client are not those of another",
		);
		assert.equal(allows("write", "c/other/x", "ann", "other"), true);
		assert.equal(allows("write", "c/anything/x", "ann", "+"), false);
		assert.equal(allows("write", "u/anything", "+"), false);
		assert.equal(allows("write", "u/a/b", "a/b"), false);
		assert.equal(allows("subscribe", "s/ann/id"), true);
		assert.equal(allows("subscribe", "s/ann/+"), false);
		assert.equal(allows("write", "c/id/x", null), true, "also for who has no user name");
		assert.equal(allows("write", "u/null", null), false);
		assert.equal(allows("write", "mine/own", "ann", "mine"), true);
		assert.equal(allows("write", "$CONTROL/own", "ann", "$CONTROL"), false);
	});

	test("a rule with an impossible topic filter matches nothing", () => {
		const fixture = createDynsec({
			defaultACLAccess: DENY,
			roles: [role("r", ["publishClientSend", "a/#/b", true], ["subscribePattern", "x#", true])],
			clients: [{ username: "ann", roles: [{ rolename: "r" }] }],
		});
		const allows = rules(fixture);
		assert.equal(allows("write", "a/x"), false);
		assert.equal(allows("subscribe", "x#"), false);
	});
});

describe("defaults", () => {
	test("hold where no rule says anything, but for $CONTROL", () => {
		const clients = [{ username: "ann" }];
		for (const [defaultACLAccess, expected] of [
			[ALLOW, true],
			[DENY, false],
		] as const) {
			const allows = rules(createDynsec({ defaultACLAccess, clients }));
			for (const kind of ["read", "write", "subscribe", "unsubscribe"] as const) {
				assert.equal(allows(kind, "a"), expected, kind);
				assert.equal(allows(kind, "a", null), expected, `${kind} of the anonymous`);
				assert.equal(allows(kind, "$CONTROL/dynamic-security/v1"), false, `${kind} $CONTROL`);
			}
		}
	});

	test("the anonymous group is for who has no user name", () => {
		const fixture = createDynsec({
			defaultACLAccess: DENY,
			roles: [role("r", ["publishClientSend", "open", true])],
			clients: [{ username: "ann" }],
			groups: [{ groupname: "g", roles: [{ rolename: "r" }] }],
			anonymousGroup: "g",
		});
		assert.equal(rules(fixture)("write", "open", null), true);
		assert.equal(rules(fixture)("write", "open"), false);
	});

	test("what is left open is for the listener's acl_file to say, also for users that are not known", () => {
		const fixture = createDynsec({
			defaultACLAccess: { ...DENY, publishClientReceive: true },
			roles: [role("r", ["publishClientSend", "a", false], ["publishClientSend", "b", true])],
			clients: [{ username: "ann", roles: [{ rolename: "r" }] }],
		});
		const asked: string[] = [];
		const allows = rules(fixture, {
			allows: (access, topic) => {
				asked.push(`${access} ${topic}`);
				return topic === "c" || topic === "a";
			},
			// biome-ignore lint/correctness/useYield: it needs no rest
			*explain(_access, topic) {
				return topic === "c" || topic === "a" ? NO_RULES : NO_MATCH;
			},
		});
		assert.equal(allows("write", "a"), false, "denied by a role");
		assert.equal(allows("write", "b"), true, "allowed by a role");
		assert.equal(allows("read", "d"), true, "allowed by default");
		assert.deepEqual(asked, []);
		assert.equal(allows("write", "c"), true);
		assert.equal(allows("write", "d"), false);
		assert.equal(allows("read", "d", "stranger"), false, "defaults are not for strangers");
		assert.deepEqual(asked, ["write c", "write d", "read d"]);
	});

	test("a change holds at once", () => {
		const fixture = createDynsec({
			defaultACLAccess: DENY,
			roles: [role("r")],
			clients: [{ username: "ann", roles: [{ rolename: "r" }] }],
		});
		const allows = rules(fixture);
		assert.equal(allows("write", "a"), false);
		fixture.command("addRoleACL", { rolename: "r", acltype: "publishClientSend", topic: "a", allow: true });
		assert.equal(allows("write", "a"), true);
		fixture.command("deleteClient", { username: "ann" });
		assert.equal(allows("write", "a"), false);
	});

	test("more topics than are remembered are decided all the same", () => {
		const fixture = createDynsec({
			defaultACLAccess: DENY,
			roles: [role("r", ["publishClientSend", "even/#", true])],
			clients: [{ username: "ann", roles: [{ rolename: "r" }] }],
		});
		const allows = rules(fixture);
		for (let round = 0; round < 2; round++) {
			for (let index = 0; index < 10_000; index++) {
				assert.equal(allows("write", `${index % 2 === 0 ? "even" : "odd"}/${index}`), index % 2 === 0);
			}
		}
	});
});

test("a topic filter covers another when it matches all that the other matches", () => {
	const CASES: readonly (readonly [string, string, boolean])[] = [
		["#", "a", true],
		["#", "#", true],
		["#", "+/b", true],
		["#", "$SYS/#", false],
		["$SYS/#", "$SYS/a", true],
		["$SYS/#", "#", false],
		["+", "$SYS", false],
		["a/#", "a", true],
		["a/#", "a/b/c", true],
		["a/#", "b", false],
		["a/+", "a/b", true],
		["a/+", "a/+", true],
		["a/+", "a/#", false],
		["a/+", "a", false],
		["a/+", "a/b/c", false],
		["a/b", "a/b", true],
		["a/b", "a/+", false],
		["a/b", "a", false],
		["+/+", "a/+", true],
		["a//b", "a//b", true],
		["a/+/b", "a//b", true],
	];
	for (const [rule, asked, expected] of CASES)
		assert.equal(covers(rule, asked), expected, `${rule} ${asked}`);
});
