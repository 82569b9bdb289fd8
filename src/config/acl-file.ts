/** The ACL file: who may read and write which topics. */

import type { Remark } from "./config.ts";
import { fail } from "./error.ts";
import { type ConfigHost, FileRemarks, quote, readLines } from "./text-file.ts";

export interface AclRule {
	/** `deny` goes before all others. */
	readonly access: "read" | "write" | "readwrite" | "deny";
	/** In patterns, `%c` stands for the client identifier and `%u` for the user name. */
	readonly topicFilter: string;
	/** Where it stands, for who wants to know: the file, and the line from 1. */
	readonly file: string;
	readonly line: number;
}

export interface AclRules {
	/** For clients without a user name. */
	readonly anonymous: readonly AclRule[];
	readonly users: ReadonlyMap<string, readonly AclRule[]>;
	/** For everybody. */
	readonly patterns: readonly AclRule[];
}

const NONE: AclRules = { anonymous: [], users: new Map(), patterns: [] };

/** The rules of both. */
export function joinRules(first: AclRules | null, second: AclRules | null): AclRules {
	const a = first ?? NONE;
	const b = second ?? NONE;
	const users = new Map(a.users);
	for (const [name, rules] of b.users) users.set(name, [...(users.get(name) ?? []), ...rules]);
	return {
		anonymous: [...a.anonymous, ...b.anonymous],
		users,
		patterns: [...a.patterns, ...b.patterns],
	};
}

const ACCESS: readonly AclRule["access"][] = ["read", "write", "readwrite", "deny"];

/** Reads the file: lines `user NAME`, `topic [ACCESS] FILTER` and `pattern [ACCESS] FILTER`. Throws ConfigError. */
export function readAclFile(host: ConfigHost, path: string): { rules: AclRules; remarks: Remark[] } {
	const remarks = new FileRemarks(path);
	const anonymous: AclRule[] = [];
	const patterns: AclRule[] = [];
	const users = new Map<string, AclRule[]>();
	let current = anonymous;
	for (const { number, text } of readLines(host, path, "ACL file", remarks.all, false)) {
		const where = `Error: ${path}:${number}:`;
		const [, word = "", rest = ""] = /^\s*(\S+)\s*(.*)$/s.exec(text) ?? [];
		if (word === "user") {
			if (rest === "") fail(`${where} 'user' needs a name.`);
			current = users.get(rest) ?? [];
			users.set(rest, current);
		} else if (word === "topic") {
			current.push(parseRule(path, number, word, rest));
		} else if (word === "pattern") {
			const rule = parseRule(path, number, word, rest);
			if (!/%[cu]/.test(rule.topicFilter)) {
				const why = "has neither %c nor %u: it holds for everybody";
				remarks.add("warning", number, `pattern ${quote(rule.topicFilter)} ${why}`);
			}
			patterns.push(rule);
		} else {
			fail(`${where} ${quote(word)} is none of user, topic and pattern.`);
		}
	}
	remarks.end();
	return { rules: { anonymous, users, patterns }, remarks: remarks.all };
}

function parseRule(file: string, line: number, word: string, rest: string): AclRule {
	const where = `Error: ${file}:${line}:`;
	const [, first = "", more = ""] = /^(\S+)\s+(.*)$/s.exec(rest) ?? [];
	const access = ACCESS.find((each) => each === first);
	// A misspelt access must not become part of a topic that everybody then may use.
	if (more !== "" && access === undefined)
		fail(`${where} invalid access ${quote(first)}: ${ACCESS.join(", ")}.`);
	const topicFilter = access === undefined ? rest : more;
	if (topicFilter === "") fail(`${where} '${word}' needs a topic filter.`);
	if (!isTopicFilter(topicFilter)) fail(`${where} invalid topic filter ${quote(topicFilter)}.`);
	return { access: access ?? "readwrite", topicFilter, file, line };
}

/** Whether wildcards stand alone in their levels, and `#` last. */
export function isTopicFilter(filter: string): boolean {
	const levels = filter.split("/");
	return levels.every(
		(level, index) => level === "+" || (level === "#" && index === levels.length - 1) || !/[+#]/.test(level),
	);
}
