/**
 * Files that mosquitto (2.0.11, as Debian has it) was run with: `line` is the one that it refused, 0 without a line, null when
 * it served. Where its versions differ, 2.1 counts, and the case stands in another test.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ConfigError } from "../../../src/config/error.ts";
import { readConfig } from "../../../src/config/read.ts";
import { createFakeHost } from "../../fake/host.ts";

interface Case {
	readonly name: string;
	readonly file: string;
	readonly encoding?: "latin1";
	/** Other files by path. */
	readonly others?: Readonly<Record<string, string>>;
	readonly line: number | null;
}

const CASES = JSON.parse(
	readFileSync(new URL("../../vectors/config/reader.json", import.meta.url), "utf8"),
) as readonly Case[];

const FILE = "/etc/mosquitto.conf";

/** The line of the main file that is refused; null when none is. */
function refusedLine({ file, encoding, others = {} }: Case): number | null {
	const host = createFakeHost();
	host.files.put(FILE, Buffer.from(file, encoding ?? "utf8"));
	for (const [path, content] of Object.entries(others)) host.files.put(path, content);
	try {
		readConfig(host, [FILE]);
		return null;
	} catch (error) {
		assert.ok(error instanceof ConfigError, String(error));
		const [, line = "0"] =
			new RegExp(`Error found at ${FILE}:([0-9]+)\\.`).exec(error.lines.join("\n")) ?? [];
		return Number(line);
	}
}

test("there are cases, of both kinds", () => {
	const served = CASES.filter(({ line }) => line === null).length;
	assert.ok(served > 40 && CASES.length - served > 40, `${served} of ${CASES.length}`);
	assert.equal(new Set(CASES.map(({ name }) => name)).size, CASES.length);
});

for (const each of CASES) test(each.name, () => assert.equal(refusedLine(each), each.line));
