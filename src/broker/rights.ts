/** What a client may do: its identity, and the rules of the listener that it came through. */

import type { ListenerSettings } from "./settings.ts";
import type { Verdict } from "./verdict.ts";
import type { Work } from "./work.ts";

/** What a client asks for: to be sent messages of a topic, to publish to it, to (un)subscribe to a topic filter. */
export type Access = "read" | "write" | "subscribe" | "unsubscribe";

/** Rules about who may do what. They see topics as the broker has them, with the mount point. */
export interface AccessRules {
	/** `username` is null for an anonymous client. */
	allows(access: Access, topic: string, clientId: string, username: string | null): boolean;
	/** The same, and which rule says so: for the owner, as it may take longer. */
	explain(access: Access, topic: string, clientId: string, username: string | null): Work<Verdict>;
}

/** A client's rights. They follow the listener's rules, which a reload may replace; who keeps them is never behind. */
export class Rights {
	readonly clientId: string;
	readonly username: string | null;
	readonly listener: Pick<ListenerSettings, "access" | "name">;

	constructor(
		listener: Pick<ListenerSettings, "access" | "name">,
		clientId: string,
		username: string | null,
	) {
		this.listener = listener;
		this.clientId = clientId;
		this.username = username;
	}

	/** Name of the listener. */
	get listenerName(): string {
		return this.listener.name;
	}

	/** Whether there are rules at all. */
	get restricted(): boolean {
		return this.listener.access !== null;
	}

	mayRead(topic: string): boolean {
		return this.may("read", topic);
	}

	mayWrite(topic: string): boolean {
		return this.may("write", topic);
	}

	maySubscribe(topicFilter: string): boolean {
		return this.may("subscribe", topicFilter);
	}

	mayUnsubscribe(topicFilter: string): boolean {
		return this.may("unsubscribe", topicFilter);
	}

	private may(access: Access, topic: string): boolean {
		const rules = this.listener.access;
		return rules === null || rules.allows(access, topic, this.clientId, this.username);
	}
}
