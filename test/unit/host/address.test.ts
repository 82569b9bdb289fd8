/** Addresses and sets of them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { AddressList, formatAddress, parseAddress } from "../../../src/host/address.ts";

test("addresses, read and written", () => {
	for (const [text, canonical] of [
		["0.0.0.0", "0.0.0.0"],
		["192.168.1.255", "192.168.1.255"],
		["::", "::"],
		["::1", "::1"],
		["1::", "1::"],
		["FE80::1", "fe80::1"],
		["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
		["2001:0db8::0001", "2001:db8::1"],
		["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
		["1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"],
		["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
		["::ffff:192.0.2.1", "192.0.2.1"],
		["::ffff:c000:201", "192.0.2.1"],
		["64:ff9b::192.0.2.1", "64:ff9b::c000:201"],
	] as const) {
		const octets = parseAddress(text);
		assert.ok(octets !== null, text);
		assert.equal(formatAddress(octets), canonical, text);
	}
});

test("what is no address", () => {
	for (const text of [
		...[
			"",
			" ",
			"localhost",
			"1",
			"1.2.3",
			"1.2.3.4.5",
			"1.2.3.256",
			"01.2.3.4",
			"1.2.3.4 ",
			"1.2.3.-4",
			"0x1.2.3.4",
		],
		...[
			":",
			":::",
			"1::2::3",
			"1:2:3:4:5:6:7",
			"1:2:3:4:5:6:7:8:9",
			"::12345",
			"::g",
			"1:2:3:4:5:6:7:8::",
			"[::1]",
		],
		...["::1%eth0", "::1.2.3", "1.2.3.4::", "::1.2.3.4:5"],
	]) {
		assert.equal(parseAddress(text), null, text);
	}
});

test("networks", () => {
	const list = AddressList.of([
		"10.0.0.0/8",
		"192.168.1.17",
		"192.0.2.128/25",
		"2001:db8::/33",
		"::1",
		"fe80::/10",
	]);
	for (const [address, isIn] of [
		["10.1.2.3", true],
		["11.0.0.0", false],
		["192.168.1.17", true],
		["192.168.1.16", false],
		["192.0.2.128", true],
		["192.0.2.127", false],
		["2001:db8:7fff::1", true],
		["2001:db8:8000::1", false],
		["::1", true],
		["::2", false],
		["::ffff:10.0.0.1", true],
		["fe80::1%eth0", true],
		["", false],
	] as const) {
		assert.equal(list.has(address), isIn, address);
	}
	assert.ok(AddressList.of(["0.0.0.0/0"]).has("1.2.3.4"));
	assert.ok(!AddressList.of(["0.0.0.0/0"]).has("::1"));
	assert.ok(AddressList.of([]).isEmpty);
});

test("what is no network", () => {
	for (const text of [
		"",
		"1.2.3.4/33",
		"1.2.3.4/",
		"1.2.3.4/-1",
		"1.2.3.4/8/8",
		"::/129",
		"host/8",
		"1.2.3.4/x",
	]) {
		assert.throws(() => AddressList.of([text]), RangeError, text);
	}
});
