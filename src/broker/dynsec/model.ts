/**
 * What dynamic security knows: clients, groups of clients, and roles with access rights that both can have. Names and
 * meanings are those of mosquitto's plugin.
 */

import type { PasswordHash } from "../../config/password.ts";

/** What a rule is about. The literal ones compare topic filters, those with patterns match them. */
export const ACL_TYPES = [
	"publishClientSend",
	"publishClientReceive",
	"subscribeLiteral",
	"subscribePattern",
	"unsubscribeLiteral",
	"unsubscribePattern",
] as const;
export type AclType = (typeof ACL_TYPES)[number];

/** What is decided by default where no rule says anything. */
export const DEFAULT_TYPES = [
	"publishClientSend",
	"publishClientReceive",
	"subscribe",
	"unsubscribe",
] as const;
export type DefaultType = (typeof DEFAULT_TYPES)[number];

/** Priorities are within plus and minus this. */
const MAXIMUM_PRIORITY = 100_000;
/** The priority that is not written down. */
export const NO_PRIORITY = -1;

/** One rule of a role. Of those of a type, the one of the highest priority that matches decides. */
export interface Acl {
	/** Topic filter. `%c` and `%u` in it are the client identifier and the user name. */
	readonly topic: string;
	readonly priority: number;
	readonly allow: boolean;
}

/** What an owner may write about an entry. Null is nothing. */
export interface Described {
	textName: string | null;
	textDescription: string | null;
}

/** Names of roles, groups or clients with their priorities. */
export type Ranked = Map<string, number>;

export interface Role extends Described {
	readonly name: string;
	/** Whether who has the role may subscribe with wildcards at all. */
	allowWildcardSubs: boolean;
	/** By topic filter. */
	acls: Record<AclType, Map<string, Acl>>;
}

export interface Group extends Described {
	readonly name: string;
	roles: Ranked;
	readonly clients: Ranked;
}

export interface Client extends Described {
	readonly username: string;
	/** The only client identifier that may be used with the user name; null for any. */
	clientId: string | null;
	disabled: boolean;
	/** Null: nobody can log in. */
	password: PasswordHash | null;
	/** A hash of a kind that is not known here, as it was read; to be written again. */
	unknownPassword: string | null;
	roles: Ranked;
	readonly groups: Ranked;
}

export class Model {
	readonly defaults: Record<DefaultType, boolean> = {
		publishClientSend: false,
		publishClientReceive: true,
		subscribe: false,
		unsubscribe: true,
	};
	readonly clients = new Map<string, Client>();
	readonly groups = new Map<string, Group>();
	readonly roles = new Map<string, Role>();
	/** The group of clients without a user name. */
	anonymousGroup: string | null = null;
	/** Counts changes. */
	changeIndex = 0;

	join(group: Group, client: Client, priority: number): void {
		group.clients.set(client.username, priority);
		client.groups.set(group.name, priority);
	}

	leave(group: Group, client: Client): void {
		group.clients.delete(client.username);
		client.groups.delete(group.name);
	}

	deleteClient(client: Client): void {
		for (const name of client.groups.keys()) this.groups.get(name)?.clients.delete(client.username);
		this.clients.delete(client.username);
	}

	deleteGroup(group: Group): void {
		for (const name of group.clients.keys()) this.clients.get(name)?.groups.delete(group.name);
		this.groups.delete(group.name);
	}

	deleteRole(role: Role): void {
		for (const client of this.clients.values()) client.roles.delete(role.name);
		for (const group of this.groups.values()) group.roles.delete(role.name);
		this.roles.delete(role.name);
	}
}

export function createRole(name: string): Role {
	return { name, textName: null, textDescription: null, allowWildcardSubs: true, acls: noAcls() };
}

export function createGroup(name: string): Group {
	return { name, textName: null, textDescription: null, roles: new Map(), clients: new Map() };
}

export function createClient(username: string): Client {
	return {
		username,
		textName: null,
		textDescription: null,
		clientId: null,
		disabled: false,
		password: null,
		unknownPassword: null,
		roles: new Map(),
		groups: new Map(),
	};
}

export function noAcls(): Role["acls"] {
	return {
		publishClientSend: new Map(),
		publishClientReceive: new Map(),
		subscribeLiteral: new Map(),
		subscribePattern: new Map(),
		unsubscribeLiteral: new Map(),
		unsubscribePattern: new Map(),
	};
}

/** The type of that name, whatever the case of its letters. */
export function findAclType(name: string): AclType | undefined {
	return ACL_TYPES.find((type) => type.toLowerCase() === name.toLowerCase());
}

export function findDefaultType(name: string): DefaultType | undefined {
	return DEFAULT_TYPES.find((type) => type.toLowerCase() === name.toLowerCase());
}

export function limitedPriority(priority: number): number {
	return Math.max(-MAXIMUM_PRIORITY, Math.min(MAXIMUM_PRIORITY, Math.trunc(priority)));
}

/** The entries in the order in which they count: by priority, the highest first, then by name. */
export function inOrder(ranked: Ranked): [name: string, priority: number][] {
	return [...ranked].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}

/** The rules of a type in the order in which they count; of the same priority, the older first. */
export function aclsInOrder(role: Role, type: AclType): Acl[] {
	return [...role.acls[type].values()].sort((a, b) => b.priority - a.priority);
}

/** The names, in their own order. */
export function namesOf(map: ReadonlyMap<string, unknown>): string[] {
	return [...map.keys()].sort();
}

/** The values of a map by name. */
export function byName<T>(map: ReadonlyMap<string, T>): T[] {
	return [...map].sort((a, b) => (a[0] < b[0] ? -1 : 1)).map(([, value]) => value);
}
