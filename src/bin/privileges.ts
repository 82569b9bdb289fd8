/** Whom the program runs as, and what it lets others do with its files: options, and mosquitto's environment variables. */

import type { Host, HostError } from "../host/host.ts";
import type { Log } from "../host/log.ts";
import { StartError } from "./start-error.ts";

/** Users to become when started as root and none is configured. */
export const FIRST_USER = "mosquitto";
export const LAST_USER = "nobody";

type PrivilegeHost = Pick<Host, "files" | "process" | "utf8">;

/** Octets of /etc/passwd that are looked at. */
const PASSWD_LIMIT = 1 << 20;
const MAXIMUM_ID = 0x7fffffff;

/** What UMASK_SET says, in octal; null when it is not there. Throws a StartError. */
export function umaskOf({ process }: Pick<Host, "process">): number | null {
	const text = process.env("UMASK_SET");
	if (text === undefined) return null;
	if (!/^[0-7]{1,9}$/.test(text)) {
		throw new StartError(["Error: UMASK_SET environment variable not a valid octal number."]);
	}
	const mask = Number.parseInt(text, 8);
	if (mask > 0o777) throw new StartError(["Error: UMASK_SET environment variable out of range."]);
	return mask;
}

/**
 * Gives up the rights of root, if the program has them: for the ids in PUID and PGID (as containers set them), or for
 * `user`, or for a user that a system has for such programs. Within a snap of mosquitto's name nothing is given up.
 * `program` is named in the log; `logFiles` are given to the user, who has to open them again. Throws a StartError.
 */
export function dropPrivileges(
	host: PrivilegeHost,
	log: Log,
	program: string,
	user: string | null,
	logFiles: readonly string[],
): void {
	if (host.process.env("SNAP_NAME") === "mosquitto") return;
	if (host.process.uid === 0) {
		const uid = idOf(host, "PUID");
		const gid = idOf(host, "PGID");
		if (uid !== null || gid !== null) becomeIds(host, uid, gid);
		else if (user !== "root") becomeUser(host, log, user, logFiles);
	}
	const { uid } = host.process;
	const name = userName(host, uid);
	const who = name === null ? `user id: ${uid}` : `user: ${name}`;
	log.write("information", `Info: running ${program} as ${who}.`);
	if (uid === 0) {
		const Program = program.slice(0, 1).toUpperCase() + program.slice(1);
		log.write("warning", `Warning: ${Program} should not be run as root/administrator.`);
	}
}

function idOf({ process }: Pick<Host, "process">, name: string): number | null {
	const text = process.env(name);
	if (text === undefined) return null;
	const id = /^[0-9]{1,10}$/.test(text) ? Number(text) : -1;
	if (id < 0) throw new StartError([`Error: ${name} not a valid ID '${text}'`]);
	if (id > MAXIMUM_ID) throw new StartError([`Error: ${name} must not be more than ${MAXIMUM_ID}`]);
	return id;
}

/** An id of 0 leaves things as they are. */
function becomeIds({ process }: Pick<Host, "process">, uid: number | null, gid: number | null): void {
	try {
		process.becomeIds(uid ?? 0, gid ?? 0);
	} catch (error) {
		const why = (error as HostError).message;
		throw new StartError([`Error setting user and group whilst dropping privileges: ${why}.`], error);
	}
}

function becomeUser(host: PrivilegeHost, log: Log, user: string | null, logFiles: readonly string[]): void {
	const wanted = user ?? FIRST_USER;
	try {
		become(host, wanted, logFiles);
		return;
	} catch (error) {
		const { code, message } = error as HostError;
		const missing = code === "ENOENT";
		const text = `Unable to drop privileges to '${wanted}'`;
		// Going on as root is no answer to a system that refuses, or to a user who was asked for.
		if (!missing) throw new StartError([`Error: ${text} (${message}).`], error);
		const why = `${text} because this user does not exist.`;
		if (wanted !== FIRST_USER) throw new StartError([`Error: ${why}`], error);
		log.write("warning", `Warning: ${why} Trying '${LAST_USER}' instead.`);
	}
	try {
		become(host, LAST_USER, logFiles);
	} catch (error) {
		const { code, message } = error as HostError;
		// A system without users at all, as in a container: there is nobody to become.
		if (code === "ENOENT") return;
		throw new StartError([`Error: Unable to drop privileges to '${LAST_USER}' (${message}).`], error);
	}
}

function become({ files, process }: PrivilegeHost, user: string, logFiles: readonly string[]): void {
	for (const path of logFiles) {
		// A device or a pipe stays whose it is.
		if (files.info(path)?.kind === "file") files.setOwner(path, user, null);
	}
	process.becomeUser(user);
}

function userName({ files, utf8 }: PrivilegeHost, uid: number): string | null {
	try {
		const bytes = files.read("/etc/passwd", PASSWD_LIMIT);
		const lines = utf8.decodeLossy(bytes, 0, bytes.length).split("\n");
		const fields = lines.map((line) => line.split(":")).find(([, , id]) => id === String(uid));
		return fields?.[0] ?? null;
	} catch {
		return null;
	}
}
