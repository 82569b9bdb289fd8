/** Which rule of which role decides, step by step as rules.ts decides; for the owner, who may want to know. */

import { isValidTopicFilter, topicMatches } from "../../packet/packet.ts";
import type { Access } from "../rights.ts";
import type { RoleRule, Verdict } from "../verdict.ts";
import type { Work } from "../work.ts";
import { type AclType, aclsInOrder, inOrder, type Model, type Role } from "./model.ts";
import { covers, DEFAULTS, fill } from "./rules.ts";

/** What lists of a role decide about a kind of access: exact filters, then those that match. */
const LISTS: Readonly<Record<Access, { readonly literal: AclType | null; readonly pattern: AclType }>> = {
	write: { literal: null, pattern: "publishClientSend" },
	read: { literal: null, pattern: "publishClientReceive" },
	subscribe: { literal: "subscribeLiteral", pattern: "subscribePattern" },
	unsubscribe: { literal: "unsubscribeLiteral", pattern: "unsubscribePattern" },
};

/** A role, and the group that it comes from. */
interface Held {
	readonly role: Role;
	readonly group: string | null;
}

/** Who asks. */
interface Subject {
	readonly clientId: string;
	readonly username: string | null;
}

/** What roles say; null when it is not for them to say, or none says anything. */
export function* explainRoles(
	model: Model,
	access: Access,
	topic: string,
	subject: Subject,
): Work<Verdict | null> {
	const { username } = subject;
	if (username !== null && !model.clients.has(username)) return null;
	const roles = rolesOf(model, username);
	let rule = yield* firstRule(roles, access, topic, subject);
	const isFilter = access === "subscribe" || access === "unsubscribe";
	if (rule === null && isFilter && topic.startsWith("$share/")) {
		rule = yield* firstRule(roles, access, topic.slice(topic.indexOf("/", 7) + 1), subject);
	}
	return rule === null ? null : { allowed: rule.allow, reason: "rule", rule };
}

/** What holds where no rule says anything. */
export function explainDefault(model: Model, access: Access, topic: string): Verdict {
	const type = DEFAULTS[access];
	const allow = model.defaults[type] && !topic.startsWith("$CONTROL");
	const rule: RoleRule = { source: "dynsec", role: null, group: null, type, topic: null, allow };
	return { allowed: allow, reason: "default", rule };
}

function rolesOf({ clients, groups, roles, anonymousGroup }: Model, username: string | null): Held[] {
	const held: Held[] = [];
	const take = (names: ReadonlyMap<string, number>, group: string | null) => {
		for (const [name] of inOrder(new Map(names))) held.push({ role: roles.get(name)!, group });
	};
	const client = username === null ? undefined : clients.get(username);
	const inGroups = client === undefined ? [anonymousGroup] : inOrder(client.groups).map(([name]) => name);
	if (client !== undefined) take(client.roles, null);
	for (const name of inGroups) {
		const group = name === null ? undefined : groups.get(name);
		if (group !== undefined) take(group.roles, group.name);
	}
	return held;
}

function* firstRule(
	roles: readonly Held[],
	access: Access,
	topic: string,
	{ clientId, username }: Subject,
): Work<RoleRule | null> {
	const { literal, pattern } = LISTS[access];
	const matches = access === "read" || access === "write" ? topicMatches : covers;
	for (const { role, group } of roles) {
		const found = (type: string, filter: string | null, allow: boolean): RoleRule => ({
			source: "dynsec",
			role: role.name,
			group,
			type,
			topic: filter,
			allow,
		});
		if (access === "subscribe" && !role.allowWildcardSubs && /[+#]/.test(topic)) {
			return found("allowWildcardSubs", null, false);
		}
		const exact = literal === null ? undefined : role.acls[literal].get(topic);
		if (literal !== null && exact !== undefined) return found(literal, topic, exact.allow);
		for (const acl of aclsInOrder(role, pattern)) {
			yield;
			if (!isValidTopicFilter(acl.topic)) continue;
			const filled = /%[cu]/.test(acl.topic) ? fill(acl.topic, clientId, username) : acl.topic;
			if (filled !== null && matches(filled, topic)) return found(pattern, acl.topic, acl.allow);
		}
	}
	return null;
}
