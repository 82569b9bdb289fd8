/** Why somebody may or may not do something: which rule says so. */

/** A line of an ACL file, or a section of UCI. */
export interface FileRule {
	readonly source: "acl";
	readonly file: string;
	/** From 1. */
	readonly line: number;
	/** As it could be written: `topic read lights/#`. */
	readonly text: string;
}

/** A rule of a role of dynamic security. */
export interface RoleRule {
	readonly source: "dynsec";
	/** Null for a default. */
	readonly role: string | null;
	/** The group that the role comes from; null for one that the client has itself. */
	readonly group: string | null;
	/** `publishClientSend`, …; `allowWildcardSubs` for what a role says of all wildcards. */
	readonly type: string;
	/** Null for a default, and for what is said of all wildcards. */
	readonly topic: string | null;
	readonly allow: boolean;
}

export interface Verdict {
	readonly allowed: boolean;
	/**
	 * `rule`: a rule says so; `default`: what dynamic security says where no rule does; `no_match`: nothing allows it; `no_rules`:
	 * there are none for that listener; `not_asked`: rules of that kind refuse no subscription; `reserved`: the topic is the broker's.
	 */
	readonly reason: "rule" | "default" | "no_match" | "no_rules" | "not_asked" | "reserved";
	/** With `rule` and `default`. */
	readonly rule: FileRule | RoleRule | null;
}

export const NO_MATCH: Verdict = { allowed: false, reason: "no_match", rule: null };
export const NO_RULES: Verdict = { allowed: true, reason: "no_rules", rule: null };
export const RESERVED: Verdict = { allowed: false, reason: "reserved", rule: null };
export const NOT_ASKED: Verdict = { allowed: true, reason: "not_asked", rule: null };

/** A verdict in words, for the owner. */
export function verdictText({ allowed, reason, rule }: Verdict): string {
	if (rule?.source === "acl") return `${rule.file} line ${rule.line}: ${rule.text}`;
	if (rule !== null) return roleText(rule);
	switch (reason) {
		case "no_rules":
			return "There are no access rules: everybody may everything.";
		case "not_asked":
			return "An ACL file refuses no subscription: what may not be read is not delivered.";
		case "reserved":
			return "The topic belongs to the broker.";
		default:
			return allowed ? "Allowed." : "No rule allows it.";
	}
}

function roleText({ role, group, type, topic, allow }: RoleRule): string {
	const what = allow ? "allow" : "deny";
	if (role === null) return `dynamic security's default: ${type} ${what}`;
	const via = group === null ? "" : ` of group '${group}'`;
	return `role '${role}'${via}: ${type}${topic === null ? "" : ` ${topic}`} ${what}`;
}
