/** The files that say who may come in, and who may do what: read once each, however many listeners name them. */

import { Acl } from "../broker/acl.ts";
import type { ListenerSettings } from "../broker/settings.ts";
import { joinRules, readAclFile } from "../config/acl-file.ts";
import type { BrokerConfig, ListenerConfig, Remark } from "../config/config.ts";
import { type Users as PasswordUsers, readPasswordFile } from "../config/password-file.ts";
import type { ConfigHost } from "../config/text-file.ts";
import { type Dynsec, servesDynsec } from "./dynsec.ts";

/** What the files say to one listener. */
export type ListenerAccess = Pick<ListenerSettings, "users" | "access">;

export class AccessFiles {
	/** What the owner should know about them. */
	readonly remarks: Remark[] = [];
	private readonly host: ConfigHost;
	private readonly config: BrokerConfig;
	private readonly dynsec: Dynsec | null;
	private readonly users = new Map<string, PasswordUsers>();
	/** By path; null for the rules of the configuration alone. */
	private readonly access = new Map<string | null, ListenerAccess["access"]>();

	/** Reads all files that the configuration names. Throws ConfigError. */
	constructor(host: ConfigHost, config: BrokerConfig, dynsec: Dynsec | null) {
		this.host = host;
		this.config = config;
		this.dynsec = dynsec;
		if (dynsec !== null) this.remarks.push(...dynsec.remarks);
		for (const listener of config.listeners) this.of(listener);
		this.of(config.localListener);
	}

	of(listener: ListenerConfig): ListenerAccess {
		const { global } = this.config;
		const users = this.usersOf(listener.passwordFile ?? global.passwordFile);
		const access = this.accessOf(listener.aclFile ?? global.aclFile);
		if (this.dynsec === null || !servesDynsec(this.config, listener)) return { users, access };
		const { security } = this.dynsec;
		return { users: security.users(users), access: security.access(access) };
	}

	/** Users by password file, of all files that are in use. */
	passwordFiles(): ReadonlyMap<string, PasswordUsers> {
		return this.users;
	}

	/** Users of a file, and those of the configuration itself, which go before them. */
	private usersOf(path: string | null): ListenerAccess["users"] {
		const own = this.config.users;
		if (path === null) return own;
		let users = this.users.get(path);
		if (users === undefined) {
			const file = readPasswordFile(this.host, path);
			users = own === null ? file.users : new Map([...file.users, ...own]);
			this.users.set(path, users);
			this.remarks.push(...file.remarks);
		}
		return users;
	}

	/** Rules of a file, and those of the configuration itself. */
	private accessOf(path: string | null): ListenerAccess["access"] {
		const own = this.config.acl;
		if (path === null && own === null) return null;
		let access = this.access.get(path);
		if (access === undefined) {
			const file = path === null ? { rules: null, remarks: [] } : readAclFile(this.host, path);
			access = new Acl(joinRules(file.rules, own));
			this.access.set(path, access);
			this.remarks.push(...file.remarks);
		}
		return access;
	}
}
