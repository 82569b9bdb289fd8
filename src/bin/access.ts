/** The files that say who may come in, and who may do what: read once each, however many listeners name them. */

import { Acl } from "../broker/acl.ts";
import type { ListenerSettings } from "../broker/settings.ts";
import { readAclFile } from "../config/acl-file.ts";
import type { BrokerConfig, ListenerConfig, Remark } from "../config/config.ts";
import { readPasswordFile } from "../config/password-file.ts";
import type { ConfigHost } from "../config/text-file.ts";

/** What the files say to one listener. */
export type ListenerAccess = Pick<ListenerSettings, "users" | "access">;

export class AccessFiles {
	/** What the owner should know about them. */
	readonly remarks: Remark[] = [];
	private readonly host: ConfigHost;
	private readonly config: BrokerConfig;
	private readonly users = new Map<string, ListenerAccess["users"]>();
	private readonly access = new Map<string, ListenerAccess["access"]>();

	/** Reads all files that the configuration names. Throws ConfigError. */
	constructor(host: ConfigHost, config: BrokerConfig) {
		this.host = host;
		this.config = config;
		for (const listener of config.listeners) this.of(listener);
		this.of(config.localListener);
	}

	of(listener: ListenerConfig): ListenerAccess {
		const { global } = this.config;
		return {
			users: this.usersOf(listener.passwordFile ?? global.passwordFile),
			access: this.accessOf(listener.aclFile ?? global.aclFile),
		};
	}

	private usersOf(path: string | null): ListenerAccess["users"] {
		if (path === null) return null;
		let users = this.users.get(path);
		if (users === undefined) {
			const file = readPasswordFile(this.host, path);
			users = file.users;
			this.users.set(path, users);
			this.remarks.push(...file.remarks);
		}
		return users;
	}

	private accessOf(path: string | null): ListenerAccess["access"] {
		if (path === null) return null;
		let access = this.access.get(path);
		if (access === undefined) {
			const file = readAclFile(this.host, path);
			access = new Acl(file.rules);
			this.access.set(path, access);
			this.remarks.push(...file.remarks);
		}
		return access;
	}
}
