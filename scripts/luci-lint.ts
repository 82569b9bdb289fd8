// Lints the pages of luci-app-mqttd. LuCI makes a function of each file, with what it requires as arguments; a linter takes such
// a file for wrong, so that here each gets such a function around it before.
//
//   node scripts/luci-lint.ts

import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { LUCI_APP } from "./luci-texts.ts";

const BIOME = fileURLToPath(new URL("../node_modules/.bin/biome", import.meta.url));

/** LuCI's own: `var` is its style, and what is global is what its loader and browsers give. */
const SETTINGS = {
	root: true,
	formatter: { enabled: false },
	javascript: { globals: ["E", "L", "_"] },
	linter: {
		rules: {
			preset: "recommended",
			correctness: {
				noUndeclaredVariables: "error",
				noUnusedVariables: "error",
				noUnusedFunctionParameters: "error",
				noInnerDeclarations: "off",
			},
			complexity: { useArrowFunction: "off", useLiteralKeys: "off", useOptionalChain: "off" },
			style: { useTemplate: "off" },
			suspicious: {
				noVar: "off",
				noDoubleEquals: "off",
				noControlCharactersInRegex: "off",
				noRedundantUseStrict: "off",
			},
		},
	},
};

/** The file as LuCI runs it, line by line; its last line calls the function, which is how a linter knows that it is used. */
function wrapped(source: string): string {
	const names = [...source.matchAll(/^'require (\S+?)(?: as (\w+))?';$/gm)].map(
		([, name = "", as]) => as ?? name.replaceAll(".", "_"),
	);
	return `(function(${names.join(", ")}) { ${source}\n})();\n`;
}

const folder = mkdtempSync(join(tmpdir(), "mqttd-luci-"));
try {
	writeFileSync(join(folder, "biome.json"), JSON.stringify(SETTINGS));
	const files = globSync("htdocs/**/*.js", { cwd: LUCI_APP });
	if (files.length === 0) throw new Error("there are no pages");
	for (const path of files) {
		mkdirSync(dirname(join(folder, path)), { recursive: true });
		writeFileSync(join(folder, path), wrapped(readFileSync(join(LUCI_APP, path), "utf8")));
	}
	const { status } = spawnSync(BIOME, ["lint", "--colors=off", "--error-on-warnings", "."], {
		cwd: folder,
		stdio: "inherit",
	});
	process.exitCode = status ?? 1;
} finally {
	rmSync(folder, { recursive: true });
}
