/** The file of pre-shared keys for TLS-PSK: an identity and a key in hexadecimal digits in each line. */

import type { Remark } from "./config.ts";
import { type ConfigHost, FileRemarks, readLines } from "./text-file.ts";

/** Octets of a key at most: what every host takes. */
const MAXIMUM_KEY = 64;
/** Octets of an identity at most, as in OpenSSL. */
const MAXIMUM_IDENTITY = 128;

/** The octets of hexadecimal digits, 1 to 64 of them; null when they are something else. */
export function parsePsk(digits: string): Uint8Array | null {
	if (!/^([0-9a-fA-F]{2})+$/.test(digits) || digits.length > 2 * MAXIMUM_KEY) return null;
	return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** Reads the file. Throws ConfigError when it cannot be read. A line that is not valid is left out and remarked on. */
export function readPskFile(
	host: ConfigHost,
	path: string,
): { keys: Map<string, Uint8Array>; remarks: Remark[] } {
	const keys = new Map<string, Uint8Array>();
	const remarks = new FileRemarks(path);
	for (const { number, text } of readLines(host, path, "PSK file", remarks.all)) {
		const colon = text.indexOf(":");
		const identity = text.slice(0, Math.max(colon, 0));
		const key = parsePsk(text.slice(colon + 1).trim());
		const complain = (why: string) => {
			remarks.add("error", number, `the line is left out: ${why}`);
		};
		if (identity === "" || identity.length > MAXIMUM_IDENTITY) complain("no identity of 1 to 128 characters");
		else if (key === null) complain("no key of 1 to 64 octets in hexadecimal digits");
		else if (keys.has(identity)) complain("there is such an identity already");
		else keys.set(identity, key);
	}
	remarks.end();
	return { keys, remarks: remarks.all };
}
