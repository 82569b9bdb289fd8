/** How sure it is that something is still there after a crash. */

import { topicMatches } from "../packet/packet.ts";

/**
 * `SYNC`: on the disk before it is acknowledged; `LAZY`: written within an interval, once for all changes of it; `RAM`: never
 * written.
 */
export const Durability = { RAM: 0, LAZY: 1, SYNC: 2 } as const;
export type Durability = (typeof Durability)[keyof typeof Durability];

/** The durability of the topics that a filter matches. */
export interface DurabilityRule {
	readonly topicFilter: string;
	readonly durability: Durability;
}

export class DurabilityRules {
	/** Of sessions and of topics that no rule is about. */
	readonly general: Durability;
	/** Of the state of sessions: what is kept for them needs them. */
	readonly sessions: Durability;
	/** The highest that any topic has. */
	readonly strictest: Durability;
	private readonly rules: readonly DurabilityRule[];

	constructor(general: Durability, rules: readonly DurabilityRule[]) {
		this.general = general;
		this.rules = rules;
		this.strictest = rules.reduce((most, rule) => (rule.durability > most ? rule.durability : most), general);
		this.sessions = general === Durability.RAM && this.strictest > general ? Durability.LAZY : general;
	}

	/** Of a topic: by the first rule that matches. */
	of(topic: string): Durability {
		for (const { topicFilter, durability } of this.rules)
			if (topicMatches(topicFilter, topic)) return durability;
		return this.general;
	}
}
