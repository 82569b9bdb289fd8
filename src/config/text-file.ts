/** Files of lines that a configuration names: passwords, access rights, keys. */

import type { Files, HostError, Process, Utf8 } from "../host/host.ts";
import type { Remark } from "./config.ts";
import { fail } from "./error.ts";

/** What readers of files need of their host. */
export interface ConfigHost {
	readonly files: Pick<Files, "read" | "list" | "info">;
	readonly utf8: Pick<Utf8, "decode">;
	readonly process: Pick<Process, "uid">;
}

/** Octets; more than any such file, and little enough to hold. */
const FILE_LIMIT = 4 * 1024 * 1024;

/** A line that says something: neither empty nor a comment. */
export interface Line {
	/** From 1. */
	readonly number: number;
	readonly text: string;
}

/** The lines of a file that `what` names in errors. Throws ConfigError. Remarks on who else can read it. */
export function readLines(host: ConfigHost, path: string, what: string, remarks: Remark[]): Line[] {
	const bytes = load(host, path, what);
	remarkOnPermissions(host, path, remarks);
	const text = host.utf8.decode(bytes, 0, bytes.length);
	if (text === null) fail(`Error: The ${what} '${path}' is not UTF-8.`);
	return text
		.replace(/^\ufeff/, "")
		.split("\n")
		.map((line, index) => ({ number: index + 1, text: line.replace(/[\r\t ]+$/, "") }))
		.filter((line) => line.text !== "" && !line.text.startsWith("#"));
}

function load(host: ConfigHost, path: string, what: string): Uint8Array {
	try {
		return host.files.read(path, FILE_LIMIT);
	} catch (error) {
		return fail(`Error: Unable to open ${what} "${path}" (${(error as HostError).message}).`);
	}
}

/** In mosquitto's words. */
function remarkOnPermissions({ files, process }: ConfigHost, path: string, remarks: Remark[]): void {
	const info = files.info(path);
	const warn = (text: string) => remarks.push({ type: "warning", text: `Warning: ${text}` });
	const future = "Future versions will refuse to load this file.";
	if (info === null) return;
	if (info.kind === "link") warn(`File ${path} is a symbolic link. ${future}`);
	else if ((info.mode & 0o007) !== 0) {
		warn(`File ${path} has world readable permissions. ${future} To fix this, use \`chmod 0700 ${path}\`.`);
	} else if (info.owner !== process.uid && process.uid !== 0) {
		warn(`File ${path} owner is not the user that the broker runs as. ${future}`);
	}
}
