/**
 * Dynamic security: clients, groups and roles that are changed while the broker runs, by commands to
 * `$CONTROL/dynamic-security/v1`. It is what mosquitto's plugin of that name is.
 */

import type { PasswordHash } from "../../config/password.ts";
import type { Host, HostError, Log, Timer } from "../../host/host.ts";
import {
	type ControlEndpoint,
	MAXIMUM_REQUEST,
	type Request,
	type Requester,
	type Response,
	readRequest,
	reply,
	responseText,
	tell,
} from "../control.ts";
import type { AccessRules } from "../rights.ts";
import type { Users } from "../settings.ts";
import { DynamicAccess } from "./access.ts";
import type { Context } from "./command.ts";
import { findCommand } from "./commands.ts";
import { CommandError, Fields } from "./fields.ts";
import { writeModel } from "./file.ts";
import type { Model } from "./model.ts";
import { RoleRules } from "./rules.ts";
import { DynamicUsers } from "./users.ts";

/** What it needs of the broker. */
export interface DynsecBroker {
	/** What was found out about rights no longer holds. */
	accessChanged(): void;
	/** Ends the connections of a user, or with null of all without user name. */
	kick(username: string | null): void;
	/** Addresses of the connections of a user, of that client identifier or with null of any. */
	connectionsOf(username: string, clientId: string | null): string[];
}

export type DynsecHost = Pick<Host, "crypto" | "random" | "timers" | "utf8">;

/** Stores the file; throws HostError. */
export type Save = (text: string) => void;

/** As mosquitto 2.0 wants it, which may have to read the file some day. */
const SALT_LENGTH = 12;
const HASH_LENGTH = 64;
const ITERATIONS = 1000;
/** Requests that wait for hashes of passwords, and octets of all: what is made of them is many times as much. */
const MAXIMUM_WAITING = 64;
const MAXIMUM_WAITING_OCTETS = 2 * MAXIMUM_REQUEST;
/** Octets of the file from which on nothing is added. */
const MAXIMUM_FILE = 4 * 1024 * 1024;
/** Characters of an answer from which on nothing more is told: a request may ask for everything a thousand times. */
const MAXIMUM_ANSWER = 4 * 1024 * 1024;
/** Milliseconds after which a file that could not be written is tried again. */
const RETRY = 30_000;

interface Waiting {
	readonly octets: number;
	readonly commands: readonly Request[];
	readonly error: Response | null;
	readonly from: Requester;
	readonly answer: (response: string) => void;
	/** Those of the first commands; null for one that has none. */
	readonly passwords: (PasswordHash | null)[];
}

export class DynamicSecurity implements ControlEndpoint {
	readonly topic = "$CONTROL/dynamic-security/v1";
	private readonly host: DynsecHost;
	private readonly log: Log;
	private readonly save: Save;
	private readonly roles: RoleRules;
	private model: Model;
	private broker: DynsecBroker | null = null;
	private readonly waiting: Waiting[] = [];
	private waitingOctets = 0;
	private hashing = false;
	/** Octets of the file as it was written last. */
	private size = 0;
	/** Runs while the file does not have what is known. */
	private retry: Timer | null = null;

	constructor(host: DynsecHost, log: Log, model: Model, save: Save) {
		this.host = host;
		this.log = log;
		this.model = model;
		this.save = save;
		this.roles = new RoleRules(model);
	}

	attach(broker: DynsecBroker): void {
		this.broker = broker;
	}

	/** Takes what the owner has changed in the file. The broker has to look at all its clients again. */
	replace(model: Model): void {
		this.model = model;
		this.roles.forget(model);
	}

	/** The logins of a listener: those known here, and others. */
	users(otherwise: Users | null): Users {
		return new DynamicUsers(() => this.model, otherwise);
	}

	/** The access rights of a listener; see DynamicAccess. */
	access(otherwise: AccessRules | null): AccessRules {
		return new DynamicAccess(this.roles, otherwise);
	}

	take(payload: Uint8Array, from: Requester, answer: (response: string) => void): void {
		const error = (text: string) => answer(responseText([{ command: "Unknown command", error: text }]));
		if (payload.length > MAXIMUM_REQUEST) {
			error("Payload too large");
			return;
		}
		const octets = payload.length;
		if (this.waiting.length >= MAXIMUM_WAITING || this.waitingOctets + octets > MAXIMUM_WAITING_OCTETS) {
			error("Too many requests");
			return;
		}
		const request = readRequest(this.host.utf8.decode(payload, 0, octets));
		this.waitingOctets += octets;
		this.waiting.push({ ...request, octets, from, answer, passwords: [] });
		this.next();
	}

	/** What the file is to be. */
	fileText(): string {
		return writeModel(this.model);
	}

	/** Writes what could not be written before; for the end of the program. */
	flush(): void {
		if (this.retry !== null) this.store();
	}

	/** Carries out requests in their order, as far as the passwords in them are hashed. */
	private next(): void {
		while (!this.hashing) {
			const request = this.waiting[0];
			if (request === undefined) return;
			if (request.passwords.length < request.commands.length) {
				this.hash(request, request.commands[request.passwords.length]!);
			} else {
				this.waiting.shift();
				this.waitingOctets -= request.octets;
				this.carryOut(request);
			}
		}
	}

	/** Hashes the password of a command, when it has one. */
	private hash(request: Waiting, { name, members }: Request): void {
		const text = findCommand(name)?.[1].hashes ? new Fields(members).text("password") : undefined;
		if (text === undefined) {
			request.passwords.push(null);
			return;
		}
		this.hashing = true;
		const { crypto, random, utf8 } = this.host;
		const salt = random.bytes(SALT_LENGTH);
		crypto.pbkdf2Sha512(utf8.encode(text), salt, ITERATIONS, HASH_LENGTH, (hash) => {
			this.hashing = false;
			request.passwords.push({ kind: "pbkdf2", iterations: ITERATIONS, salt, hash });
			this.next();
		});
	}

	private carryOut({ commands, error, from, answer, passwords }: Waiting): void {
		const kicked = new Set<string | null>();
		const answers = new Answers();
		let changed = false;
		for (const [index, request] of commands.entries()) {
			const context: Context = {
				model: this.model,
				password: passwords[index] ?? null,
				kick: (username) => kicked.add(username),
				connections: (username, clientId) => this.broker?.connectionsOf(username, clientId) ?? [],
			};
			const found = findCommand(request.name);
			if (found === undefined) {
				answers.add(reply(request, "Unknown command"));
				continue;
			}
			const [name, command] = found;
			const fields = new Fields(request.members);
			try {
				if (command.changes && this.size > MAXIMUM_FILE && !/^(delete|remove|disable)/.test(name)) {
					throw new CommandError("Configuration too large");
				}
				const data = command.run(fields, context);
				if (data === undefined) answers.add(reply(request));
				else if (!answers.fits(tell(name, data, request))) throw new CommandError("Response too large");
				changed ||= command.changes;
				this.note(from, name, command.logged, fields);
			} catch (cause) {
				answers.add(reply(request, this.errorText(cause)));
			}
		}
		if (error !== null) answers.add(error);
		if (changed) this.changed();
		answer(answers.text());
		// Who sent it may be among them, and is to get the answer before.
		if (kicked.size > 0) {
			this.host.timers.after(0, () => {
				for (const username of kicked) this.broker?.kick(username);
			});
		}
	}

	private errorText(cause: unknown): string {
		if (cause instanceof CommandError) return cause.message;
		const text = cause instanceof Error ? `${cause.message}\n${cause.stack}` : String(cause);
		this.log.write("error", `Internal error in dynamic security: ${text}`);
		return "Internal error";
	}

	private note(from: Requester, name: string, logged: readonly string[], fields: Fields): void {
		const parts = [`dynsec: ${from.clientId}/${from.username ?? "(null)"}`, name];
		for (const field of logged) {
			const value = fields.get(field);
			if (field === "password") parts.push(`password=${value === undefined ? "no password" : "*****"}`);
			else if (value !== undefined) parts.push(`${field}=${value}`);
		}
		this.log.write("information", parts.join(" | "));
	}

	private changed(): void {
		this.model.changeIndex++;
		this.roles.forget(this.model);
		this.broker?.accessChanged();
		this.store();
	}

	/** Whatever happens to the file, what was changed holds. */
	private store(): void {
		this.retry?.cancel();
		this.retry = null;
		const text = this.fileText();
		this.size = text.length;
		try {
			this.save(text);
		} catch (error) {
			const why = (error as HostError).message;
			this.log.write("error", `Error saving Dynamic security plugin config: ${why}. It is tried again.`);
			this.retry = this.host.timers.after(RETRY, () => this.store());
		}
	}
}

/** The responses to the commands of a request. */
class Answers {
	private readonly texts: string[] = [];
	private length = 0;

	add(response: Response): void {
		const text = JSON.stringify(response);
		this.texts.push(text);
		this.length += text.length;
	}

	/** Adds what is not too much with all before it; one may be as long as it is. False when it is. */
	fits(response: Response): boolean {
		if (this.length > MAXIMUM_ANSWER) return false;
		this.add(response);
		return true;
	}

	text(): string {
		return `{"responses":[${this.texts.join(",")}]}`;
	}
}
