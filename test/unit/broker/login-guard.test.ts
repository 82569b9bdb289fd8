/** Which addresses are held off together for failed logins. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { LoginGuard } from "../../../src/broker/login-guard.ts";

const log = { enabled: () => true, write: () => undefined };

/** Whether the one is held off for what the other did. */
function isHeldOffFor(guesser: string, other: string): boolean {
	const guard = new LoginGuard(log);
	for (let count = 0; count < 10; count++) guard.failed(guesser, 100);
	assert.ok(guard.isBlocked(guesser, 100), guesser);
	return guard.isBlocked(other, 100);
}

const TOGETHER = [
	["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::9"],
	["2001:db8::1", "2001:db8::ffff:0:0:1"],
	["2001:db8:1:2::", "2001:db8:1:2::1"],
] as const;

const APART = [
	["192.0.2.1", "192.0.2.2"],
	["2001:db8:1:2::1", "2001:db8:1:3::1"],
	// Of the first 64 bits some are behind the colons.
	["2001::1:2:3:4:5", "2001::2:9:9:9:9"],
	["::1:0:0:0:1", "::2:0:0:0:1"],
	["2001:db8::1:0:0:1", "2001:db8::1:0:0:0:1"],
	// One link, one translator, and IPv4.
	["fe80::1", "fe80::2"],
	["febf::1%br-lan", "febf::1%wan"],
	["64:ff9b::192.0.2.1", "64:ff9b::192.0.2.2"],
	["64:ff9b:1::c000:201", "64:ff9b:1::c000:202"],
	["::ffff:192.0.2.1", "::ffff:192.0.2.2"],
] as const;

test("an address is held off with those of its household, and with nobody else", () => {
	for (const [one, other] of TOGETHER) {
		assert.ok(isHeldOffFor(one, other), `${one} and ${other}`);
		assert.ok(isHeldOffFor(other, one), `${other} and ${one}`);
	}
	for (const [one, other] of APART) {
		assert.ok(!isHeldOffFor(one, other), `${one} and ${other}`);
		assert.ok(!isHeldOffFor(other, one), `${other} and ${one}`);
	}
});
