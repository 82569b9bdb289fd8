/**
 * The fuzzer of TLS records, under the address sanitizer: builds tls-target.ts with the C host, and runs it.
 *
 *     node test/fuzz/tls.ts [--seed N] [--seconds N]
 *
 * With the same seed conversations are damaged in the same ways; keys and the order of events differ. What broke, the
 * sanitizer says. Exit status 1 for that, for leaks, and for memory that grows.
 */

import { execFileSync, spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { makeCertificates } from "../certificates.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { values } = parseArgs({
	options: {
		seed: { type: "string", default: String(randomInt(2 ** 31)) },
		seconds: { type: "string", default: "20" },
	},
});
const program = "dist/x86_64-asan/fuzz-tls";
execFileSync("sh", ["scripts/native.sh", "x86_64-asan", "test/fuzz/tls-target.ts", program], {
	cwd: root,
	stdio: "inherit",
});
const folder = mkdtempSync(join(tmpdir(), "mqttd-fuzz-"));
try {
	makeCertificates(folder);
	process.stdout.write(`TLS fuzzer: --seed ${values.seed} --seconds ${values.seconds}\n`);
	// What was freed is kept for a while to find late uses, but counts as memory. Memory without bound ends the program, too.
	const env = {
		...process.env,
		ASAN_OPTIONS: "quarantine_size_mb=8:detect_leaks=1:max_allocation_size_mb=64:hard_rss_limit_mb=512",
	};
	const { status, signal } = spawnSync(join(root, program), [folder, values.seed, values.seconds], {
		env,
		stdio: "inherit",
		timeout: (Number(values.seconds) + 180) * 1000,
	});
	if (status !== 0) {
		process.stderr.write(`the program ended with ${signal ?? status}\n`);
		process.exitCode = 1;
	}
} finally {
	rmSync(folder, { recursive: true });
}
