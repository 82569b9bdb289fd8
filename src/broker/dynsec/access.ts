/** The access rights of a listener's clients, where dynamic security has a say. */

import type { Access, AccessRules } from "../rights.ts";
import { NO_MATCH, type Verdict } from "../verdict.ts";
import type { Work } from "../work.ts";
import { explainDefault, explainRoles } from "./explain.ts";
import type { RoleRules } from "./rules.ts";

/** The rules for the clients of a listener: what roles leave open is for the listener's own rules to say. */
export class DynamicAccess implements AccessRules {
	private readonly roles: RoleRules;
	private readonly otherwise: AccessRules | null;

	constructor(roles: RoleRules, otherwise: AccessRules | null) {
		this.roles = roles;
		this.otherwise = otherwise;
	}

	allows(access: Access, topic: string, clientId: string, username: string | null): boolean {
		const said = this.roles.allows(access, topic, clientId, username);
		if (said !== null) return said;
		return this.otherwise?.allows(access, topic, clientId, username) ?? false;
	}

	*explain(access: Access, topic: string, clientId: string, username: string | null): Work<Verdict> {
		const model = this.roles.current();
		const said = yield* explainRoles(model, access, topic, { clientId, username });
		if (said !== null) return said;
		const isKnown = username === null || model.clients.has(username);
		const byDefault = isKnown ? explainDefault(model, access, topic) : NO_MATCH;
		if (byDefault.allowed || this.otherwise === null) return byDefault;
		const other = yield* this.otherwise.explain(access, topic, clientId, username);
		return other.reason === "no_match" ? byDefault : other;
	}
}
