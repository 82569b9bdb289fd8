/** The password file: a user and the hash of the password in each line. */

import type { Remark } from "./config.ts";
import { type PasswordHash, parsePasswordHash } from "./password.ts";
import { type ConfigHost, FileRemarks, quote, readLines } from "./text-file.ts";

/** Users by name. */
export type Users = ReadonlyMap<string, PasswordHash>;

/** Octets of a user name at most: what CONNECT can carry. */
const MAXIMUM_NAME = 65535;

/**
 * Reads the file. Throws ConfigError when it cannot be read. A line that is not valid is left out, as mosquitto leaves
 * it out, and remarked on: its user cannot log in.
 */
export function readPasswordFile(host: ConfigHost, path: string): { users: Users; remarks: Remark[] } {
	const users = new Map<string, PasswordHash>();
	const remarks = new FileRemarks(path);
	for (const { number, text } of readLines(host, path, "password file", remarks.all)) {
		const colon = text.indexOf(":");
		const name = (colon < 0 ? text : text.slice(0, colon)).trim();
		const complain = (why: string) => {
			remarks.add("error", number, `user ${quote(name)} is left out: ${why}`);
		};
		if (name === "" || name.length > MAXIMUM_NAME) {
			remarks.add("warning", number, "the line has no user name");
		} else if (colon < 0 || text.slice(colon + 1).trim() === "") {
			complain("there is no password");
		} else if (users.has(name)) {
			complain("there is such a user already");
		} else {
			const hash = parsePasswordHash(text.slice(colon + 1).trim());
			if (typeof hash === "string") complain(hash);
			else users.set(name, hash);
		}
	}
	remarks.end();
	return { users, remarks: remarks.all };
}
