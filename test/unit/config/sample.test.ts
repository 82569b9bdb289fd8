/** mosquitto's own sample, as Debian ships it: as it is, and with each of its options taken out of its comment. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "../../../src/config/error.ts";
import type { Option } from "../../../src/config/option.ts";
import { findOption } from "../../../src/config/options.ts";
import { readConfig } from "../../../src/config/read.ts";
import { createFakeHost } from "../../fake/host.ts";
import { debianFile, SAMPLE_CONFIG } from "../../vectors/debian.ts";

const SAMPLE = debianFile(SAMPLE_CONFIG);

/** What the sample shows to be filled in, and values that mosquitto itself does not take. */
const NO_VALUE = /<|\[|^max_packet_size 0$/;

/** The first line of the error; null when it was taken. */
function errorOf(text: string): string | null {
	const host = createFakeHost();
	host.files.put("/mosquitto.conf", text);
	try {
		readConfig(host, ["/mosquitto.conf"]);
		return null;
	} catch (error) {
		assert.ok(error instanceof ConfigError, String(error));
		return error.lines[0] ?? "";
	}
}

/** The error that the table foretells; null for none. */
function foretold(option: Option, name: string, value: string): string | null {
	if (option.scope === "bridge") return `Error: The '${name}' option requires a bridge to be defined first.`;
	if (option.state !== "refused") return null;
	const held = option.default !== null && option.type.parse({ name, rest: value }) === option.default;
	return held ? null : `Error: The '${name}' option cannot be used: ${option.reason}.`;
}

test("the sample as it is says nothing", () => {
	const host = createFakeHost();
	host.files.put("/mosquitto.conf", SAMPLE);
	const none = createFakeHost();
	assert.deepEqual(readConfig(host, ["/mosquitto.conf"]), readConfig(none, []));
});

test("each of its options can be taken out of its comment, unless the table says otherwise", () => {
	const lines = SAMPLE.split("\n").flatMap((line) => /^#([a-z][a-z0-9_.]+(?: .*)?)$/.exec(line)?.[1] ?? []);
	let [taken, empty] = [0, 0];
	for (const line of lines) {
		const [, name = "", value = ""] = /^([^ ]+) ?(.*)$/.exec(line) ?? [];
		const option = findOption(name);
		assert.ok(option !== undefined, line);
		if (NO_VALUE.test(line)) continue;
		const place = option.scope === "listener" || option.scope === "default-listener" ? "listener 1\n" : "";
		const said = errorOf(`${place}${line}\n`);
		if (value === "" && option.scope !== "bridge") {
			empty++;
			// What is passed over needs no value.
			if (option.reason !== "" || option.state === "honoured")
				assert.match(said ?? "", /^Error: Empty '/, line);
			continue;
		}
		assert.equal(said, foretold(option, name, value), line);
		if (said === null) taken++;
	}
	assert.ok(taken > 35 && empty > 20, `${taken} taken, ${empty} without a value, of ${lines.length}`);
});
