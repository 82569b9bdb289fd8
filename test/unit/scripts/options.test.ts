/** What is generated from the option table: that it is up to date, complete, and that the sample means what it shows. */

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import {
	differing,
	GENERATED,
	reference,
	sample,
	sampleLine,
	sampleOptions,
} from "../../../scripts/options.ts";
import { OPTIONS } from "../../../src/config/options.ts";
import { readConfig } from "../../../src/config/read.ts";
import { createFakeHost } from "../../fake/host.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

function read(text: string) {
	const host = createFakeHost();
	host.files.put("/mqttd.conf", text);
	host.files.put("/etc/mqttd/conf.d/empty.conf", "");
	return readConfig(host, ["/mqttd.conf"]);
}

test("the files in the repository are those of the table", () => {
	assert.deepEqual(differing(ROOT), []);
});

test("a file that is missing or differs by a letter is found", (context) => {
	const root = mkdtempSync(join(tmpdir(), "mqttd-options-"));
	context.after(() => rmSync(root, { recursive: true }));
	const paths = Object.keys(GENERATED);
	assert.deepEqual(differing(root), paths);
	for (const path of paths) {
		mkdirSync(join(root, dirname(path)), { recursive: true });
		writeFileSync(join(root, path), readFileSync(join(ROOT, path)));
	}
	assert.deepEqual(differing(root), []);
	writeFileSync(join(root, paths[0]!), `${readFileSync(join(ROOT, paths[0]!), "utf8")}.`);
	assert.deepEqual(differing(root), [paths[0]]);
});

test("every option stands in the reference once, with its meaning", () => {
	const rows = reference()
		.split("\n")
		.filter((line) => line.startsWith("| `"));
	assert.equal(rows.length, OPTIONS.length);
	for (const { name, doc, state } of OPTIONS) {
		const [row, ...others] = rows.filter((line) => line.startsWith(`| \`${name}\``));
		assert.ok(row !== undefined, name);
		assert.ok(row.includes(doc.replaceAll("|", "\\|")), name);
		assert.deepEqual(others, [], name);
		const cells = row.split(/(?<!\\)\|/).map((cell) => cell.trim());
		assert.equal(cells.length, 10, `${name}: eight cells`);
		const said = { honoured: "honoured", refused: "**refused**", ignored: "**no effect**" }[state];
		assert.equal(cells[6]?.split(",")[0], said, name);
		assert.match(cells[7] ?? "", state === "honoured" ? /^(yes|no|new clients)$/ : /^$/, name);
	}
});

test("the sample as it is says nothing; each of its lines can be taken, and all of them together", () => {
	assert.deepEqual(read(sample()), read(""));
	const lines = sample()
		.split("\n")
		.filter((line) => /^#[^ #]/.test(line) && line !== "#")
		.map((line) => line.slice(1));
	assert.deepEqual(lines, sampleOptions().map(sampleLine));
	assert.ok(lines.length > 30, `only ${lines.length}`);
	const load = lines.find((line) => line.startsWith("plugin_load "));
	for (const line of lines) {
		const before = line.startsWith("listener ")
			? ""
			: line.startsWith("plugin_use ")
				? `${load}\nlistener 1\n`
				: "listener 1\n";
		const { remarks } = read(before + line);
		assert.deepEqual(
			remarks.filter((remark) => remark.type !== "information"),
			[],
			line,
		);
	}
	// A listener on a network has no address of its own.
	const all = read(lines.filter((line) => line !== "interface lan").join("\n"));
	assert.deepEqual(all.listeners[0]?.place, { kind: "tcp", port: 1883, host: "192.168.1.1" });
});
