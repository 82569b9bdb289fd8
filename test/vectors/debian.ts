/** Files of Debian's package mosquitto, which set-up (scripts/setup.sh) has unpacked. */

import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

const ROOT = new URL("../../.cache/mosquitto/", import.meta.url);

/** The text of a file, by its path from the root; documentation may be compressed. Throws when it is not there. */
export function debianFile(path: string): string {
	const compressed = new URL(`${path}.gz`, ROOT);
	if (existsSync(compressed)) return gunzipSync(readFileSync(compressed)).toString("utf8");
	return readFileSync(new URL(path, ROOT), "utf8");
}

export const DEBIAN_CONFIG = "etc/mosquitto/mosquitto.conf";
/** Upstream's sample, which OpenWrt installs as its mosquitto.conf. */
export const SAMPLE_CONFIG = "usr/share/doc/mosquitto/examples/mosquitto.conf";
