/** What the commands of dynamic security have in common. */

import type { PasswordHash } from "../../config/password.ts";
import { type Fields, refuse } from "./fields.ts";
import { limitedPriority, type Model, NO_PRIORITY, type Ranked } from "./model.ts";

/** What a command works on. */
export interface Context {
	readonly model: Model;
	/** The hash of the command's password; null when it has none. */
	readonly password: PasswordHash | null;
	/** Says that what a user may do has changed: who is connected with that name has to come again. Null: the anonymous. */
	kick(username: string | null): void;
	/** Addresses of the connections with that user name and, unless it is null, client identifier. */
	connections(username: string, clientId: string | null): string[];
}

export interface Command {
	/** Whether it sets a password, which has to be hashed before. */
	readonly hashes: boolean;
	/** Whether it changes something, when it is not refused. */
	readonly changes: boolean;
	/** Members of the command that the log has. */
	readonly logged: readonly string[];
	/** Carries it out, wholly, or throws CommandError with nothing done. Returns what the answer tells. */
	run(fields: Fields, context: Context): object | undefined;
}

export function change(logged: readonly string[], run: (fields: Fields, context: Context) => void): Command {
	return {
		hashes: false,
		changes: true,
		logged,
		run(fields, context) {
			run(fields, context);
			return undefined;
		},
	};
}

/** The same for one that sets a password. */
export function changePassword(...args: Parameters<typeof change>): Command {
	return { ...change(...args), hashes: true };
}

export function question(logged: readonly string[], run: Command["run"]): Command {
	return { hashes: false, changes: false, logged, run };
}

/** Roles that a command gives to something; null when it does not speak of them. */
export function rolesOf(fields: Fields, { model }: Context, invalid: string): Ranked | null {
	const value = fields.get("roles");
	if (value === undefined) return null;
	const list = fields.list("roles");
	if (list === undefined || list.length !== (value as unknown[]).length) refuse(invalid);
	const roles: Ranked = new Map();
	for (const each of list) {
		const name = each.required("rolename", invalid);
		if (!model.roles.has(name)) refuse("Role not found");
		if (!roles.has(name)) roles.set(name, each.priority(NO_PRIORITY));
	}
	return roles;
}

/** A part of a list: all of it, or `count` entries from `offset` on. */
export function page<T>(fields: Fields, all: readonly T[]): T[] {
	const count = fields.number("count", -1);
	const offset = Math.max(0, fields.number("offset", 0));
	return all.slice(offset, count < 0 ? undefined : offset + Math.max(1, count));
}

/** Adds a name to those that something has; refused with `already` when it is there. */
export function addRanked(ranked: Ranked, name: string, priority: number, already: string): void {
	if (ranked.has(name)) refuse(already);
	ranked.set(name, limitedPriority(priority));
}
