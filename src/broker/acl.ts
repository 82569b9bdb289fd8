/**
 * The rules of an ACL file. What a user's lines deny is denied, else what they allow is allowed, else patterns decide
 * in the same way; what nothing allows is denied. Subscriptions are not refused: what may not be read is not delivered.
 */

import type { AclRule, AclRules } from "../config/acl-file.ts";
import type { Access, AccessRules } from "./rights.ts";
import { NO_MATCH, NOT_ASKED, type Verdict } from "./verdict.ts";
import type { Work } from "./work.ts";

const READ = 1;
const WRITE = 2;
const DENY = 4;

const MASKS: Readonly<Record<AclRule["access"], number>> = {
	read: READ,
	write: WRITE,
	readwrite: READ | WRITE,
	deny: DENY,
};

/** Who asks; for `%c` and `%u`. */
interface Identity {
	readonly clientId: string;
	readonly username: string | null;
}

/** A level of topic filters. */
class Level {
	/** By the next level's name; `+` is among them. */
	readonly children = new Map<string, Level>();
	/** Those whose name has `%c` or `%u` in it. */
	readonly templates = new Map<string, Level>();
	/** Of the filters that end here. */
	mask = 0;
	/** Of the filters that end with `#` in the next level. */
	rest = 0;
}

/** Filters with what they allow. Looking a topic up takes as long as it has levels, however many filters there are. */
class FilterTree {
	private readonly root = new Level();

	constructor(rules: readonly AclRule[], isPattern: boolean) {
		for (const { access, topicFilter } of rules) this.add(topicFilter.split("/"), MASKS[access], isPattern);
	}

	private add(names: readonly string[], mask: number, isPattern: boolean): void {
		let level = this.root;
		for (const name of names) {
			if (name === "#") {
				level.rest |= mask;
				return;
			}
			const next = isPattern && /%[cu]/.test(name) ? level.templates : level.children;
			let child = next.get(name);
			if (child === undefined) {
				child = new Level();
				next.set(name, child);
			}
			level = child;
		}
		level.mask |= mask;
	}

	/** All that the filters which match say, together. */
	match(names: readonly string[], identity: Identity): number {
		return collect(this.root, names, 0, identity);
	}
}

function collect(level: Level, names: readonly string[], depth: number, identity: Identity): number {
	// Wildcards at the beginning do not match topics that begin with $.
	const wildcards = depth > 0 || names[0]!.charCodeAt(0) !== 36;
	let mask = wildcards ? level.rest : 0;
	if (depth === names.length) return mask | level.mask;
	const name = names[depth]!;
	const exact = level.children.get(name);
	if (exact !== undefined) mask |= collect(exact, names, depth + 1, identity);
	const any = wildcards ? level.children.get("+") : undefined;
	if (any !== undefined) mask |= collect(any, names, depth + 1, identity);
	for (const [template, child] of level.templates) {
		// Nor do names that clients give themselves.
		if (!wildcards && template.charCodeAt(0) !== 36) continue;
		if (fill(template, identity) === name) mask |= collect(child, names, depth + 1, identity);
	}
	return mask;
}

/** The level that a template stands for, which with a slash is none; null when it needs a user name and there is none. */
function fill(template: string, { clientId, username }: Identity): string | null {
	if (username === null && template.includes("%u")) return null;
	return template.replace(/%[cu]/g, (sign) => (sign === "%c" ? clientId : username!));
}

export class Acl implements AccessRules {
	/** As they stand in the file: they are few, and the owner may want to know which one counts. */
	private readonly rules: AclRules;
	private readonly anonymous: FilterTree;
	private readonly users = new Map<string, FilterTree>();
	private readonly patterns: FilterTree;

	constructor(rules: AclRules) {
		this.rules = rules;
		this.anonymous = new FilterTree(rules.anonymous, false);
		for (const [name, ofUser] of rules.users) this.users.set(name, new FilterTree(ofUser, false));
		this.patterns = new FilterTree(rules.patterns, true);
	}

	allows(access: Access, topic: string, clientId: string, username: string | null): boolean {
		if (access === "subscribe" || access === "unsubscribe") return true;
		const wanted = access === "read" ? READ : WRITE;
		const names = topic.split("/");
		const identity = { clientId, username };
		const own = username === null ? this.anonymous : this.users.get(username);
		const mask = own?.match(names, identity) ?? 0;
		if ((mask & DENY) !== 0) return false;
		if ((mask & wanted) !== 0) return true;
		if (!mayUsePatterns(identity)) return false;
		const common = this.patterns.match(names, identity);
		return (common & DENY) === 0 && (common & wanted) !== 0;
	}

	*explain(access: Access, topic: string, clientId: string, username: string | null): Work<Verdict> {
		if (access === "subscribe" || access === "unsubscribe") return NOT_ASKED;
		const { anonymous, users, patterns } = this.rules;
		const question = {
			wanted: access === "read" ? READ : WRITE,
			names: topic.split("/"),
			identity: { clientId, username },
		};
		const own = (username === null ? anonymous : users.get(username)) ?? [];
		const said = yield* decisive(own, "topic", question);
		if (said !== null) return said;
		if (!mayUsePatterns(question.identity)) return NO_MATCH;
		return (yield* decisive(patterns, "pattern", question)) ?? NO_MATCH;
	}
}

interface Question {
	readonly wanted: number;
	readonly names: readonly string[];
	readonly identity: Identity;
}

/** The first rule that denies, else the first that allows; each is asked as all of them are, by a tree. */
function* decisive(
	rules: readonly AclRule[],
	word: "topic" | "pattern",
	{ wanted, names, identity }: Question,
): Work<Verdict | null> {
	let found: AclRule | null = null;
	for (const rule of rules) {
		yield;
		const isDenying = rule.access === "deny";
		if (!isDenying && (found !== null || (MASKS[rule.access] & wanted) === 0)) continue;
		if (new FilterTree([rule], word === "pattern").match(names, identity) === 0) continue;
		found = rule;
		if (isDenying) break;
	}
	if (found === null) return null;
	const { access, topicFilter, file, line } = found;
	const rule = { source: "acl", file, line, text: `${word} ${access} ${topicFilter}` } as const;
	return { allowed: access !== "deny", reason: "rule", rule };
}

/** Who is called `+` must not be let into the topics of all others. */
function mayUsePatterns({ clientId, username }: Identity): boolean {
	return !/[+#]/.test(clientId) && (username === null || !/[+#]/.test(username));
}
