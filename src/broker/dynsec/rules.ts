/**
 * What the roles of a client say about a topic. Its own roles come first, then those of its groups, each in the order
 * of priority; within a role the rules likewise. The first rule that matches decides.
 */

import { isValidTopicFilter, topicMatches } from "../../packet/packet.ts";
import type { Access } from "../rights.ts";
import { type AclType, aclsInOrder, type DefaultType, inOrder, type Model, type Role } from "./model.ts";

/** Decisions remembered, of all clients together. */
const MAXIMUM_DECISIONS = 8192;

/** A topic filter and what it means. */
interface Rule {
	readonly filter: string;
	/** Whether `%c` or `%u` is in it. */
	readonly isTemplate: boolean;
	readonly allow: boolean;
}

/** A role, ready to be asked. */
interface Compiled {
	readonly write: readonly Rule[];
	readonly read: readonly Rule[];
	readonly subscribe: readonly Rule[];
	readonly unsubscribe: readonly Rule[];
	readonly subscribeLiteral: ReadonlyMap<string, { readonly allow: boolean }>;
	readonly unsubscribeLiteral: ReadonlyMap<string, { readonly allow: boolean }>;
	readonly allowWildcardSubs: boolean;
	readonly hasTemplates: boolean;
}

/** Clients that share all decisions: those of a user, or just one where client identifiers matter. */
interface Subject {
	/** In the order in which they count. */
	readonly roles: readonly Compiled[];
	/** Null: no rule says anything. By access and topic. */
	readonly decided: Map<string, boolean | null>;
}

export const DEFAULTS: Readonly<Record<Access, DefaultType>> = {
	write: "publishClientSend",
	read: "publishClientReceive",
	subscribe: "subscribe",
	unsubscribe: "unsubscribe",
};

export class RoleRules {
	private model: Model;
	private readonly compiled = new Map<string, Compiled>();
	/** By user name; those with templates by user name and client identifier. Null is who has no user name. */
	private readonly subjects = new Map<string | null, Subject>();
	private readonly single = new Map<string, Subject>();
	private decisions = 0;

	constructor(model: Model) {
		this.model = model;
	}

	/** Says that something has changed. */
	forget(model: Model): void {
		this.model = model;
		this.compiled.clear();
		this.forgetDecisions();
	}

	private forgetDecisions(): void {
		this.subjects.clear();
		this.single.clear();
		this.decisions = 0;
	}

	/** What holds now, for who wants to know why. */
	current(): Model {
		return this.model;
	}

	/** What roles or defaults say; null when it is not for them to say. */
	allows(access: Access, topic: string, clientId: string, username: string | null): boolean | null {
		if (username !== null && !this.model.clients.has(username)) return null;
		const subject = this.subjectOf(clientId, username);
		const key = `${access} ${topic}`;
		let decision = subject.decided.get(key);
		if (decision === undefined) {
			decision = decide(subject.roles, access, topic, clientId, username);
			if (++this.decisions > MAXIMUM_DECISIONS) this.forgetDecisions();
			else subject.decided.set(key, decision);
		}
		if (decision !== null) return decision;
		// Rights to control the broker are only given on purpose.
		return this.model.defaults[DEFAULTS[access]] && !topic.startsWith("$CONTROL") ? true : null;
	}

	private subjectOf(clientId: string, username: string | null): Subject {
		let subject = this.subjects.get(username);
		if (subject === undefined) {
			subject = { roles: this.rolesOf(username), decided: new Map() };
			this.subjects.set(username, subject);
			this.decisions++;
		}
		if (!subject.roles.some(({ hasTemplates }) => hasTemplates)) return subject;
		const key = `${username === null ? "-" : `+${username}`}\n${clientId}`;
		let single = this.single.get(key);
		if (single === undefined) {
			single = { roles: subject.roles, decided: new Map() };
			this.single.set(key, single);
			this.decisions++;
		}
		return single;
	}

	private rolesOf(username: string | null): Compiled[] {
		const { clients, groups, roles, anonymousGroup } = this.model;
		const client = username === null ? undefined : clients.get(username);
		const names: string[] = [];
		if (client !== undefined) {
			for (const [name] of inOrder(client.roles)) names.push(name);
			for (const [group] of inOrder(client.groups)) {
				for (const [name] of inOrder(groups.get(group)?.roles ?? new Map())) names.push(name);
			}
		} else if (anonymousGroup !== null) {
			for (const [name] of inOrder(groups.get(anonymousGroup)?.roles ?? new Map())) names.push(name);
		}
		return names.map((name) => this.compile(roles.get(name)!));
	}

	private compile(role: Role): Compiled {
		let compiled = this.compiled.get(role.name);
		if (compiled === undefined) {
			compiled = compile(role);
			this.compiled.set(role.name, compiled);
		}
		return compiled;
	}
}

function compile(role: Role): Compiled {
	const rules = (type: AclType): Rule[] =>
		aclsInOrder(role, type)
			.filter(({ topic }) => isValidTopicFilter(topic))
			.map(({ topic, allow }) => ({ filter: topic, isTemplate: /%[cu]/.test(topic), allow }));
	const lists = {
		write: rules("publishClientSend"),
		read: rules("publishClientReceive"),
		subscribe: rules("subscribePattern"),
		unsubscribe: rules("unsubscribePattern"),
	};
	return {
		...lists,
		subscribeLiteral: role.acls.subscribeLiteral,
		unsubscribeLiteral: role.acls.unsubscribeLiteral,
		allowWildcardSubs: role.allowWildcardSubs,
		hasTemplates: Object.values(lists).some((list) => list.some(({ isTemplate }) => isTemplate)),
	};
}

/** A shared subscription is what its topic filter is, unless a rule speaks of shared subscriptions. */
function decide(
	roles: readonly Compiled[],
	access: Access,
	topic: string,
	clientId: string,
	username: string | null,
): boolean | null {
	const said = firstMatch(roles, access, topic, clientId, username);
	const isFilter = access === "subscribe" || access === "unsubscribe";
	if (said !== null || !isFilter || !topic.startsWith("$share/")) return said;
	const inner = topic.slice(topic.indexOf("/", 7) + 1);
	return firstMatch(roles, access, inner, clientId, username);
}

function firstMatch(
	roles: readonly Compiled[],
	access: Access,
	topic: string,
	clientId: string,
	username: string | null,
): boolean | null {
	const matches = access === "read" || access === "write" ? topicMatches : covers;
	for (const role of roles) {
		if (access === "subscribe" || access === "unsubscribe") {
			if (access === "subscribe" && !role.allowWildcardSubs && /[+#]/.test(topic)) return false;
			const literal = access === "subscribe" ? role.subscribeLiteral : role.unsubscribeLiteral;
			const said = literal.get(topic);
			if (said !== undefined) return said.allow;
		}
		for (const { filter, isTemplate, allow } of role[access]) {
			const filled = isTemplate ? fill(filter, clientId, username) : filter;
			if (filled !== null && matches(filled, topic)) return allow;
		}
	}
	return null;
}

/**
 * Null where the rule is not for that client: who is called `+` must not be let into the topics of all others, nor who is
 * called `$CONTROL` into those of the broker.
 */
export function fill(filter: string, clientId: string, username: string | null): string | null {
	if (filter.includes("%u") && (username === null || /[+#/]/.test(username))) return null;
	if (filter.includes("%c") && /[+#/]/.test(clientId)) return null;
	const filled = filter.replace(/%[cu]/g, (sign) => (sign === "%c" ? clientId : username!));
	return filled.charCodeAt(0) === 36 && filter.charCodeAt(0) !== 36 ? null : filled;
}

/** Whether all that a topic filter matches is matched by a rule's. */
export function covers(rule: string, topicFilter: string): boolean {
	if ((rule.charCodeAt(0) === 36) !== (topicFilter.charCodeAt(0) === 36)) return false;
	const levels = rule.split("/");
	const asked = topicFilter.split("/");
	for (const [depth, level] of levels.entries()) {
		if (level === "#") return true;
		const other = asked[depth];
		if (other === undefined || other === "#") return false;
		if (level !== "+" && level !== other) return false;
	}
	return asked.length === levels.length;
}
