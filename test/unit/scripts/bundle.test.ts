/** The bundler: the same octets everywhere, and nothing of Node for QuickJS. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
	cpSync,
	mkdirSync,
	mkdtempSync,
	readFileSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url));

suite("bundle", () => {
	let folder = "";
	before(() => {
		folder = mkdtempSync(join(tmpdir(), "bundle-"));
		for (const name of ["one", "two/deeper"]) {
			const copy = join(folder, name);
			mkdirSync(join(copy, "src"), { recursive: true });
			cpSync(join(root, "scripts/bundle.ts"), join(copy, "scripts/bundle.ts"));
			cpSync(join(root, "src/qjs/c/absent.awk"), join(copy, "src/qjs/c/absent.awk"));
			cpSync(join(root, "package.json"), join(copy, "package.json"));
			symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
			writeFileSync(join(copy, "src/codes.ts"), "/** Code. */\nexport const CODE = 0x87;\n");
			writeFileSync(
				join(copy, "src/main.ts"),
				[
					'import { CODE } from "./codes.ts";',
					"declare const __MQTTD_VERSION__: string;",
					"declare const print: (...values: unknown[]) => void;",
					"function remarkableName(code: number): number { return code === CODE ? 1 : CODE + 1; }",
					"print(remarkableName(CODE), remarkableName(1), __MQTTD_VERSION__);",
				].join("\n"),
			);
			writeFileSync(join(copy, "src/file.ts"), 'import "node:fs";\n');
			writeFileSync(join(copy, "src/bare.ts"), 'import * as c from "host:files";\nconsole.log(c);\n');
			writeFileSync(join(copy, "src/broken.ts"), 'import { x } from "./codes.ts";\nconsole.log(x);\n');
		}
	});
	after(() => rmSync(folder, { recursive: true }));

	function bundle(copy: string, ...args: string[]): { status: number | null; stderr: string } {
		const script = join(folder, copy, "scripts/bundle.ts");
		return spawnSync(process.execPath, [script, ...args], { cwd: join(folder, copy), encoding: "utf8" });
	}

	test("the same octets from another folder, with constants folded and the version put in", () => {
		const outputs = ["one", "two/deeper"].map((copy) => {
			const { status, stderr } = bundle(copy, "src/main.ts", "out/main.js", "quickjs");
			assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
			return readFileSync(join(folder, copy, "out/main.js"), "utf8");
		});
		assert.equal(outputs[0], outputs[1]);
		const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
		assert.ok(outputs[0]!.includes(JSON.stringify(version)));
		assert.match(outputs[0]!, /remarkableName/);
		assert.match(outputs[0]!, /===135/);
		assert.doesNotMatch(outputs[0]!, /CODE|tmp|src/);
	});

	test("for Node: a program that the shell can call", () => {
		const { status, stderr } = bundle("one", "src/file.ts", "out/file.js", "node");
		assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
		const path = join(folder, "one/out/file.js");
		assert.match(readFileSync(path, "utf8"), /^#!\/usr\/bin\/env node\n/);
		assert.equal(statSync(path).mode & 0o111, 0o111);
	});

	test("for QuickJS: modules of the C host stay, modules of Node are refused", () => {
		const refused = bundle("one", "src/file.ts", "out/no.js", "quickjs");
		assert.equal(refused.status, 1);
		assert.match(
			refused.stderr,
			/^bundle: src\/file\.ts:1:8: node:fs is a module of Node, which QuickJS has not\n/,
		);
		assert.equal(bundle("one", "src/bare.ts", "out/bare.js", "quickjs").status, 0);
		assert.match(readFileSync(join(folder, "one/out/bare.js"), "utf8"), /from"host:files"/);
	});

	test("an import that is not there, and a wrong call", () => {
		const broken = bundle("one", "src/broken.ts", "out/no.js", "node");
		assert.equal(broken.status, 1);
		assert.match(broken.stderr, /^bundle: src\/broken\.ts:1:10: .*"x"/);
		for (const args of [[], ["src/main.ts", "out/x.js"], ["src/main.ts", "out/x.js", "browser"]]) {
			const { status, stderr } = bundle("one", ...args);
			assert.deepEqual(
				{ status, stderr },
				{ status: 2, stderr: "Usage: bundle.ts ENTRY OUT node|quickjs\n" },
			);
		}
	});
});
