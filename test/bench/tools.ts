/** Builds the benchmark's own programs and mosquitto, into the cache outside the repository. */

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";

const here = import.meta.dirname;

export interface Tools {
	readonly load: string;
	readonly counter: string;
	readonly dist: string;
	/** A folder for configurations and counters, for this run alone. */
	readonly scratch: string;
	/** The path of mosquitto for a target; built on first use. */
	mosquitto(target: "x86_64" | "mips_24kc"): string;
	/** Removes the scratch folder. */
	close(): void;
}

/** Compiles C files of this folder; what comes of it is kept under a hash of all that went in. */
function compile(name: string, sources: string[], flags: string[]): string {
	const base =
		process.env.MQTTD_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "mqttd");
	const hash = createHash("sha256").update(flags.join(" "));
	for (const file of [...sources, "measure.h"]) hash.update(readFileSync(join(here, file)));
	const folder = join(base, "bench", `${name}-${hash.digest("hex").slice(0, 16)}`);
	const target = join(folder, name);
	if (existsSync(target)) return target;
	mkdirSync(folder, { recursive: true });
	const files = sources.map((file) => join(here, file));
	execFileSync("gcc", ["-O2", "-Wall", "-Wextra", ...flags, "-o", `${target}.new`, ...files], {
		stdio: "inherit",
	});
	renameSync(`${target}.new`, target);
	return target;
}

export function prepareTools(): Tools {
	const built = new Map<string, string>();
	const scratch = mkdtempSync(join(tmpdir(), "mqttd-bench-"));
	return {
		load: compile("load", ["load.c", "measure.c"], []),
		counter: compile("counter.so", ["counter.c"], ["-shared", "-fPIC"]),
		dist: join(here, "../../dist"),
		scratch,
		mosquitto(target) {
			let path = built.get(target);
			if (path === undefined) {
				path = execFileSync(join(here, "mosquitto.sh"), [target], {
					encoding: "utf8",
					stdio: ["ignore", "pipe", "inherit"],
				}).trim();
				built.set(target, path);
			}
			return path;
		},
		close() {
			rmSync(scratch, { recursive: true, force: true });
		},
	};
}
