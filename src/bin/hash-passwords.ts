/** The step before a broker starts from UCI: passwords in plain text are replaced by their hashes, and nothing else changes. */

import { ConfigError } from "../config/error.ts";
import { formatPasswordHash, hashPassword, looksHashed } from "../config/password.ts";
import { quoteUci, readUciFile, type UciValue } from "../config/uci-file.ts";
import type { Host, HostError } from "../host/host.ts";

/** Octets that CONNECT can carry. */
const MAXIMUM_LENGTH = 65535;

/** Writes the file anew, in one step, unless there is nothing to hash. Throws ConfigError, with the file as it was. */
export async function hashUciPasswords(host: Host, path: string): Promise<void> {
	const { text, sections } = readUciFile(host, path);
	const values: UciValue[] = [];
	for (const { type, options } of sections) {
		if (type === "user") values.push(...(options.get("password")?.values ?? []));
	}
	const plain = values.filter((value) => !looksHashed(value.text)).sort((a, b) => a.start - b.start);
	if (plain.length === 0) return;
	let written = "";
	let at = 0;
	for (const value of plain) {
		const password = host.utf8.encode(value.text);
		if (password.length > MAXIMUM_LENGTH) {
			throw new ConfigError([
				`Error: A password is longer than ${MAXIMUM_LENGTH} octets.`,
				`Error found at ${path}:${value.line}.`,
			]);
		}
		const hash = formatPasswordHash(await hashPassword(host, password));
		written += `${text.slice(at, value.start)}${quoteUci(hash)}`;
		at = value.end;
	}
	try {
		host.files.replace(path, host.utf8.encode(written + text.slice(at)), 0o644);
	} catch (error) {
		throw new ConfigError([`Error: Unable to write '${path}' (${(error as HostError).message}).`]);
	}
}
