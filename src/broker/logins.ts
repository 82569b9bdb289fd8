/**
 * Logins with user name and password. Hashing takes long on purpose: it is done beside the event loop, a few at a time,
 * not at all for a password that was right before, and who guesses has to wait.
 */

import type { PasswordHash } from "../config/password.ts";
import type { Host, Log } from "../host/host.ts";
import { LoginGuard } from "./login-guard.ts";
import type { Users } from "./settings.ts";

/** Hashes computed at once; the others wait. */
const MAXIMUM_RUNNING = 2;
/** Logins that wait, of everybody and of one address. */
const MAXIMUM_WAITING = 256;
const MAXIMUM_WAITING_OF_ADDRESS = 32;

/** How a login ended. `busy`: it was not looked at, as too many wait. */
export type LoginResult = "accepted" | "refused" | "busy";

/** Who wants in, and who is told. */
export interface Login {
	readonly users: Users;
	readonly username: string;
	/** As in CONNECT; null when there is none. */
	readonly password: Uint8Array | null;
	/** Numeric address, empty for a unix socket. */
	readonly address: string;
	/** Whether anybody still waits for the result. */
	isWanted(): boolean;
	/** Told why, for the owner, before it is refused; the log has it then. */
	refused(why: string): void;
	/** Called once, from the event loop, if `check` returned null. */
	done(result: LoginResult): void;
}

type LoginHost = Pick<Host, "crypto" | "random">;

export class Logins {
	private readonly host: LoginHost;
	private readonly log: Log;
	private readonly guard: LoginGuard;
	private readonly waiting: Login[] = [];
	private running = 0;
	/** Passwords that were right, as they are remembered: a code of each, by a key that nobody else has. */
	private readonly known = new WeakMap<PasswordHash, Uint8Array>();
	private readonly key: Uint8Array;

	constructor(host: LoginHost, log: Log) {
		this.host = host;
		this.log = log;
		this.guard = new LoginGuard(log);
		this.key = host.random.bytes(32);
	}

	/** The result when it can be told at once, else null: `done` is called later. `now`: the broker's second. */
	check(login: Login, now: number): LoginResult | null {
		const hash = login.users.get(login.username);
		if (hash !== undefined && this.isKnown(hash, login.password)) return "accepted";
		const refusal = this.refusal(login, now);
		if (refusal !== null) return refusal;
		this.waiting.push(login);
		this.next(now);
		return null;
	}

	private isKnown(hash: PasswordHash, password: Uint8Array | null): boolean {
		const code = this.known.get(hash);
		if (code === undefined || password === null) return false;
		return this.host.crypto.equal(code, this.host.crypto.hmacSha256(this.key, password));
	}

	private refusal(login: Login, now: number): LoginResult | null {
		const { address, username, password } = login;
		if (this.guard.isBlocked(address, now)) {
			this.refuse(login, "too many failed logins from its address");
			return "refused";
		}
		if (password === null) {
			this.failed(login, "no password", now);
			return "refused";
		}
		if (this.waiting.length < MAXIMUM_WAITING && this.waitingOf(address) < MAXIMUM_WAITING_OF_ADDRESS)
			return null;
		this.log.write("warning", `Warning: login of '${username}' from ${address} denied: too many wait.`);
		return "busy";
	}

	/** No closure: it is called for each login of those who try many. */
	private waitingOf(address: string): number {
		let count = 0;
		for (let at = 0; at < this.waiting.length; at++) {
			if (this.waiting[at]!.address === address) count++;
		}
		return count;
	}

	private next(now: number): void {
		while (this.running < MAXIMUM_RUNNING) {
			const login = this.waiting.shift();
			if (login === undefined) return;
			if (login.isWanted()) this.start(login, now);
		}
	}

	private start(login: Login, now: number): void {
		const { crypto } = this.host;
		const password = login.password ?? new Uint8Array(0);
		const own = login.users.get(login.username);
		// For a user that there is not as for one that there is: how long it takes tells nobody who is known.
		const hash = own ?? login.users.values().next().value;
		this.running++;
		const end = (found: Uint8Array | null) => {
			this.running--;
			const right = found !== null && own !== undefined && crypto.equal(found, own.hash);
			if (right) {
				this.known.set(own, crypto.hmacSha256(this.key, password));
				this.guard.succeeded(login.address);
			} else {
				const why = own === undefined ? "unknown user" : "wrong password";
				this.failed(login, why, now);
			}
			login.done(right ? "accepted" : "refused");
			this.next(now);
		};
		if (hash === undefined || hash.kind === "sha512") {
			// From the event loop, as the slow ones.
			crypto.pbkdf2Sha512(password, NO_SALT, 1, 1, () =>
				end(hash === undefined ? null : crypto.sha512(joined(password, hash.salt))),
			);
		} else {
			crypto.pbkdf2Sha512(password, hash.salt, hash.iterations, hash.hash.length, end);
		}
	}

	private failed(login: Login, why: string, now: number): void {
		this.refuse(login, why);
		this.guard.failed(login.address, now);
	}

	/** The line that others are banned by: what the client chose stands before the address. */
	private refuse(login: Login, why: string): void {
		login.refused(why);
		this.log.write("notice", `Login of '${login.username}' from ${login.address} failed: ${why}.`);
	}
}

const NO_SALT = new Uint8Array(0);

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
	const bytes = new Uint8Array(a.length + b.length);
	bytes.set(a);
	bytes.set(b, a.length);
	return bytes;
}
