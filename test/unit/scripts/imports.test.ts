// The import check finds what it is there for: every case here is an offence it must name, or code it must let pass.

import assert from "node:assert/strict";
import { test } from "node:test";
import { checkRules, findCycles, findImports, type SourceFile } from "../../../scripts/imports.ts";

/** Files by path and text. */
function sources(texts: Record<string, string>): SourceFile[] {
	return Object.entries(texts).map(([path, text]) => ({ path, imports: findImports(text) }));
}

test("finds every form of import and its line", () => {
	const text = [
		'import a, { type B } from "./a.ts";',
		"import {",
		"	c,",
		'} from "./c.ts";',
		'import "./effect.ts";',
		'import type { D } from "./d.ts";',
		'export { e } from "./e.ts";',
		'export type * from "./f.ts";',
		'export * as g from "./g.ts";',
		'	const h = await import("./h.ts");',
		'const i = require("node:fs");',
	].join("\n");
	assert.deepEqual(
		findImports(text).map((item) => [item.line, item.specifier, item.typeOnly]),
		[
			[1, "./a.ts", false],
			[2, "./c.ts", false],
			[5, "./effect.ts", false],
			[6, "./d.ts", true],
			[7, "./e.ts", false],
			[8, "./f.ts", true],
			[9, "./g.ts", false],
			[10, "./h.ts", false],
			[11, "node:fs", false],
		],
	);
});

test("comments and strings are not imports", () => {
	const text = [
		'// import "./a.ts";',
		"/*",
		'import "./b.ts";',
		"*/",
		'const url = "http://x"; // import("./c.ts")',
		"export const name = 1;",
		'export function from() { return "./d.ts"; }',
		'import "./real.ts";',
	].join("\n");
	assert.deepEqual(findImports(text), [{ specifier: "./real.ts", line: 8, typeOnly: false }]);
});

test("what the table allows passes", () => {
	const files = sources({
		"src/packet/a.ts": 'import { b } from "./b.ts";',
		"src/packet/b.ts": "export const b = 1;",
		"src/config/options.ts": "export const options = [];",
		"src/broker/broker.ts":
			'import { b } from "../packet/b.ts";\nimport type { Options } from "../config/options.ts";',
		"src/node/files.ts": 'import { open } from "node:fs/promises";',
		"src/qjs/host.ts": "export const host = 1;",
		"src/bin/main.ts": 'import { broker } from "../broker/broker.ts";',
		"src/bin/node.ts":
			'import process from "node:process";\nimport "../node/files.ts";\nimport { main } from "./main.ts";',
		"src/bin/qjs.ts": 'import { host } from "../qjs/host.ts";',
	});
	assert.deepEqual(checkRules(files), []);
	assert.deepEqual(findCycles(files), []);
});

test("each kind of offence is named with file and line", () => {
	const files = sources({
		"src/packet/a.ts": 'import { x } from "../host/host.ts";',
		"src/host/host.ts": '\nimport { readFileSync } from "node:fs";',
		"src/broker/a.ts": 'import { options } from "../config/options.ts";',
		"src/config/options.ts": 'import "mqtt";',
		"src/client/a.ts": 'import type { Broker } from "../broker/a.ts";',
		"src/tools/a.ts": 'import { gone } from "./gone.ts";',
		"src/bin/main.ts": 'import "../node/a.ts";\nimport "node:fs";',
		"src/bin/qjs.ts": 'import "../node/a.ts";',
		"src/node/a.ts": 'import "../../scripts/x.ts";',
		"src/extra/a.ts": "export const a = 1;",
		"src/loose.ts": "export const b = 1;",
	});
	assert.deepEqual(checkRules(files), [
		'src/packet/a.ts:1: packet must not import host ("../host/host.ts")',
		'src/host/host.ts:2: host must not import "node:fs"',
		'src/broker/a.ts:1: broker may import only types of config ("../config/options.ts")',
		'src/config/options.ts:1: config must not import "mqtt"',
		'src/client/a.ts:1: client must not import broker ("../broker/a.ts")',
		'src/tools/a.ts:1: "./gone.ts" is no TypeScript file of src',
		"src/bin/main.ts:1: only src/bin/node.ts imports src/node",
		'src/bin/main.ts:2: bin must not import "node:fs"',
		"src/bin/qjs.ts:1: only src/bin/node.ts imports src/node",
		'src/node/a.ts:1: "../../scripts/x.ts" is no TypeScript file of src',
		"src/extra/a.ts:1: no row of the import table covers this file",
		"src/loose.ts:1: no row of the import table covers this file",
	]);
});

test("a cycle is found, and one of types alone is none", () => {
	const files = sources({
		"src/packet/a.ts": 'import { b } from "./b.ts";',
		"src/packet/b.ts": 'import { c } from "./c.ts";',
		"src/packet/c.ts": 'export { a } from "./a.ts";',
		"src/packet/d.ts": 'import type { E } from "./e.ts";',
		"src/packet/e.ts": 'import { d } from "./d.ts";\nimport { a } from "./a.ts";',
	});
	assert.deepEqual(findCycles(files), [
		["src/packet/a.ts", "src/packet/b.ts", "src/packet/c.ts", "src/packet/a.ts"],
	]);
});
