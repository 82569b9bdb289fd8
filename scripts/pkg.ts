// Makes dist/mqttd-linux-ARCH: the Node bundle and Node itself in one executable file, by @yao-pkg/pkg.
//
//   node scripts/pkg.ts [OUT]
//
// The Node that goes in is the one that runs this script, so nothing is downloaded. A single executable's main script
// is CommonJS, which the ES module dist/mqttd.js is turned into first.

import { mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import sea from "@yao-pkg/pkg/lib-es5/sea.js";
import { build } from "esbuild";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");

async function main(out: string): Promise<void> {
	mkdirSync(dirname(out), { recursive: true });
	// Beside the result, so that the rename at the end is one step: a broken build leaves no half-made file.
	const folder = mkdtempSync(join(dirname(out), ".pkg-"));
	try {
		const script = join(folder, "mqttd.cjs");
		await build({
			entryPoints: [join(ROOT, "dist/mqttd.js")],
			outfile: script,
			format: "cjs",
			platform: "node",
			target: "node24",
			// What src/node tells a single executable by. pkg's own runtime sets it, which is left out here: our bundle
			// needs no file system inside the executable.
			banner: { js: "process.pkg = {};" },
			logLevel: "warning",
		});
		const output = join(folder, "mqttd");
		const arch = process.arch as "x64" | "arm64";
		const nodeRange = `node${process.versions.node}`;
		await sea.default(script, {
			targets: [{ nodeRange, platform: "linux", arch, output }],
			nodePath: process.execPath,
			signature: false,
			seaConfig: { disableExperimentalSEAWarning: true, useSnapshot: false, useCodeCache: true },
		});
		renameSync(output, out);
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

await main(resolve(process.argv[2] ?? join(ROOT, "dist", `mqttd-linux-${process.arch}`)));
