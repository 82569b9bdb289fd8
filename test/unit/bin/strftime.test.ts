/** strftime beside the C library's own results. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { strftime } from "../../../src/bin/strftime.ts";

const LETTERS = "aAbBcCdDeFgGhHIjklmMpPrRsStTuUVwWxXyYz%";

test("every conversion gives what date(1) gives, at the odd moments of the calendar", () => {
	const moments = [
		"1970-01-01T00:00:00Z",
		"2000-02-29T12:00:00Z",
		"2004-12-31T23:59:59Z",
		"2005-01-01T00:00:00Z",
		"2008-12-29T01:02:03Z",
		"2010-01-03T11:59:59Z",
		"2012-01-01T13:00:00Z",
		"2026-11-22T08:09:10Z",
	];
	for (const moment of moments) {
		const ms = Date.parse(moment);
		for (const [zone, offset] of [
			["UTC0", 0],
			["XXX-5:45", 345],
			["XXX+9:30", -570],
		] as const) {
			const format = [...LETTERS].map((letter) => `%${letter}`).join("|");
			const expected = execFileSync("date", ["-d", `@${ms / 1000}`, `+${format}`], {
				env: { TZ: zone, LC_ALL: "C" },
				encoding: "utf8",
			});
			assert.equal(`${strftime(format, ms, offset)}\n`, expected, `${moment} ${zone}`);
		}
	}
});

test("text stays, unknown conversions stay, E and O are passed over", () => {
	assert.equal(strftime("[%Ey %Od] 100% %Q %", 0, 0), "[70 01] 100% %Q %");
	assert.equal(strftime("%n%t%Z", 0, 0), "\n\tUTC");
	assert.equal(strftime("%Z", 0, -90), "-0130");
});
