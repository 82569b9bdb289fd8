/** `users` and `passwd`: who is in the password files, and changing that. */

import type { Work } from "../../broker/work.ts";
import { formatPasswordHash, hashPassword } from "../../config/password.ts";
import {
	complaintAboutName,
	complaintAboutPassword,
	nameOf,
	passwordLines,
	passwordText,
} from "../../config/password-edit.ts";
import type { HostError } from "../../host/host.ts";
import { Status, UbusError } from "../../ubus/status.ts";
import type { UbusInputTable, UbusTable } from "../../ubus/value.ts";
import { flagOf, requiredText, textOf, wrong } from "./arguments.ts";
import { Page, searchOf } from "./page.ts";
import type { Program } from "./program.ts";

/** Octets of a password file; what the broker itself reads. */
const FILE_LIMIT = 4 * 1024 * 1024;
/** What the system says when it does not let us. */
const FORBIDDEN: readonly string[] = ["EACCES", "EPERM", "EROFS"];

export function* users(program: Program, args: UbusTable): Work<UbusInputTable> {
	const page = new Page(program.host.utf8, args);
	const matches = searchOf(args);
	const files = program.access().passwordFiles();
	const connections = new Map<string, number>();
	for (const { link, rights } of program.broker.administration.sessions()) {
		yield;
		const name = rights?.username ?? null;
		if (link !== null && name !== null) connections.set(name, (connections.get(name) ?? 0) + 1);
	}
	const offer = (name: string, more: UbusInputTable): void => {
		if (matches(name)) page.offer(() => ({ name, ...more, connections: connections.get(name) ?? 0 }));
	};
	const own = program.config().users;
	for (const name of own?.keys() ?? []) {
		yield;
		offer(name, {});
	}
	for (const [file, ofFile] of files) {
		for (const name of ofFile.keys()) {
			yield;
			if (own?.has(name) !== true) offer(name, { file });
		}
	}
	return { ...page.result("users"), files: [...files.keys()] };
}

/** Changes of password files, one after another: each is made of the file as the one before has left it. */
export class PasswordChanges {
	private readonly program: Program;
	private last: Promise<unknown> = Promise.resolve();

	constructor(program: Program) {
		this.program = program;
	}

	passwd(args: UbusTable): Promise<UbusInputTable> {
		const change = this.last.then(() => this.change(args));
		this.last = change.catch(() => {});
		return change;
	}

	private async change(args: UbusTable): Promise<UbusInputTable> {
		const { host, log } = this.program;
		const user = requiredText(args, "user");
		const complaint = complaintAboutName(user);
		if (complaint !== null) wrong("user", complaint);
		const file = this.fileOf(args);
		const isDeletion = flagOf(args, "delete");
		const entry = isDeletion ? null : await this.entryFor(user, args);
		if (isDeletion && textOf(args, "password") !== null) wrong("password", "not together with delete");
		const lines = this.read(file);
		const at = lines.findIndex((line) => nameOf(line) === user);
		if (entry === null && at < 0) throw new UbusError(Status.NOT_FOUND, user);
		if (entry === null) lines.splice(at, 1);
		else if (at < 0) lines.push(entry);
		else lines[at] = entry;
		try {
			host.files.replace(file, host.utf8.encode(passwordText(lines)));
		} catch (error) {
			throw this.failed(`Unable to write password file ${file}`, error as HostError);
		}
		const what = entry === null ? "deleted" : at < 0 ? "added" : "given another password";
		log.write("notice", `ubus: user ${user} was ${what} in ${file}.`);
		const { errors } = await this.program.reload();
		return { file, added: entry !== null && at < 0, ok: errors.length === 0, errors };
	}

	private async entryFor(user: string, args: UbusTable): Promise<string> {
		const password = this.program.host.utf8.encode(requiredText(args, "password"));
		const complaint = complaintAboutPassword(password);
		if (complaint !== null) wrong("password", complaint);
		const hash = await hashPassword(this.program.host, password);
		return `${user}:${formatPasswordHash(hash)}`;
	}

	/** The file that is meant. */
	private fileOf(args: UbusTable): string {
		const files = [...this.program.access().passwordFiles().keys()];
		const named = textOf(args, "file");
		if (files.length === 0) throw new UbusError(Status.NOT_SUPPORTED, "there is no password file");
		if (named !== null && !files.includes(named)) throw new UbusError(Status.NOT_FOUND, named);
		if (named === null && files.length > 1) wrong("file", "there is more than one password file");
		return named ?? files[0]!;
	}

	private read(file: string): string[] {
		const { files, utf8 } = this.program.host;
		let bytes: Uint8Array;
		try {
			bytes = files.read(file, FILE_LIMIT);
		} catch (error) {
			throw this.failed(`Unable to read password file ${file}`, error as HostError);
		}
		const text = utf8.decode(bytes, 0, bytes.length);
		if (text === null) throw new UbusError(Status.UNKNOWN_ERROR, `${file} is not UTF-8`);
		return passwordLines(text);
	}

	private failed(what: string, { code, message }: HostError): UbusError {
		this.program.log.write("error", `Error: ${what} (${message}).`);
		return new UbusError(FORBIDDEN.includes(code) ? Status.PERMISSION_DENIED : Status.UNKNOWN_ERROR, what);
	}
}
