/** ACL files that can be read, and what their rules say, worked out one rule after the other. */

import type { AclRule, AclRules } from "../../src/config/acl-file.ts";
import { topicMatches } from "../../src/packet/packet.ts";
import type { Random } from "./mutate.ts";

const WORDS = ["topic", "topic", "topic", "pattern", "pattern", "user"];
const USERS = ["ann", "bob", "%c", "#"];
const ACCESS = ["", "read ", "write ", "readwrite ", "deny "];
const LEVELS = ["a", "b", "c", "id", "ann", "", "+", "+", "$SYS", "x", "%c", "%u", "x%c", "%u%c"];

function makeLine(random: Random): string {
	const word = random.pick(WORDS);
	if (word === "user") return `user ${random.pick(USERS)}`;
	const levels = Array.from({ length: random.below(4) + 1 }, () => random.pick(LEVELS));
	if (random.below(3) === 0) levels.push("#");
	return `${word} ${random.pick(ACCESS)}${levels.join("/")}`;
}

/** A file of some lines; it may be refused for a rule without a filter. */
export function makeAclFile(random: Random): string {
	return Array.from({ length: random.below(12) }, () => makeLine(random)).join("\n");
}

/** What `Acl` is to decide. */
export function allowedBy(
	{ anonymous, users, patterns }: AclRules,
	access: "read" | "write",
	topic: string,
	clientId: string,
	username: string | null,
): boolean {
	const own = username === null ? anonymous : (users.get(username) ?? []);
	const said = says(own, access, topic, (filter) => filter);
	if (said !== null) return said;
	// Who has a wildcard in a name is known to no pattern.
	if (/[+#]/.test(`${clientId}${username ?? ""}`)) return false;
	return says(patterns, access, topic, (filter) => filled(filter, clientId, username)) ?? false;
}

function says(
	rules: readonly AclRule[],
	access: "read" | "write",
	topic: string,
	fill: (filter: string) => string | null,
): boolean | null {
	const matching = rules.filter(({ topicFilter }) => {
		const filter = fill(topicFilter);
		return filter !== null && topicMatches(filter, topic);
	});
	if (matching.some((rule) => rule.access === "deny")) return false;
	return matching.some((rule) => rule.access === "readwrite" || rule.access === access) ? true : null;
}

/** The filter of a pattern for one client; null when it is none for it. */
function filled(filter: string, clientId: string, username: string | null): string | null {
	if (filter.includes("%c") && clientId.includes("/")) return null;
	if (filter.includes("%u") && (username === null || username.includes("/"))) return null;
	const result = filter.replace(/%[cu]/g, (sign) => (sign === "%c" ? clientId : username!));
	return result.startsWith("$") && !filter.startsWith("$") ? null : result;
}
