/** Certificates of authorities from several files: what `capath` and `--capath` name, and all of it as one. */

import type { Files } from "../host/host.ts";

/** Names as people give them, and as `openssl rehash` does. */
const NAMES = /\.(pem|crt|cer)$|^[0-9a-f]{8}\.[0-9]+$/;

/** Paths of the files in a folder that have certificates; links that lead nowhere are passed over. Throws a HostError. */
export function authoritiesIn(files: Pick<Files, "list" | "info">, folder: string): string[] {
	return files
		.list(folder)
		.filter((name) => NAMES.test(name))
		.map((name) => `${folder}/${name}`)
		.filter((path) => files.info(path, true)?.kind === "file");
}

/** Files' contents as one, with a line end after each; what is there by several names comes once. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
	const different = parts.filter((part, at) => parts.findIndex((other) => isSame(part, other)) === at);
	const all = new Uint8Array(different.reduce((sum, part) => sum + part.length + 1, 0)).fill(0x0a);
	let at = 0;
	for (const part of different) {
		all.set(part, at);
		at += part.length + 1;
	}
	return all;
}

/** Whether two files have the same contents. */
export function isSame(one: Uint8Array, other: Uint8Array): boolean {
	return one === other || (one.length === other.length && one.every((octet, at) => octet === other[at]));
}
