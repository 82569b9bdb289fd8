/** The logins that dynamic security knows. */

import type { PasswordHash } from "../../config/password.ts";
import type { Users } from "../settings.ts";
import type { Model } from "./model.ts";

export class DynamicUsers implements Users {
	private readonly model: () => Model;
	private readonly otherwise: Users | null;

	/** `otherwise`: who else there is. */
	constructor(model: () => Model, otherwise: Users | null) {
		this.model = model;
		this.otherwise = otherwise;
	}

	get(username: string): PasswordHash | undefined {
		const client = this.model().clients.get(username);
		return client === undefined ? this.otherwise?.get(username) : (client.password ?? undefined);
	}

	*values(): Generator<PasswordHash, undefined> {
		for (const { password } of this.model().clients.values()) if (password !== null) yield password;
		if (this.otherwise !== null) yield* this.otherwise.values();
		return undefined;
	}

	refuses(username: string, clientId: string): string | null {
		const client = this.model().clients.get(username);
		if (client === undefined) return null;
		if (client.disabled) return `the client '${username}' is disabled`;
		const { clientId: wanted } = client;
		return wanted === null || wanted === clientId ? null : `'${username}' has another client identifier`;
	}
}
