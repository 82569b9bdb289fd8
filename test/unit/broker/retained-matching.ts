/** What a broker has retained, for tests that look. */

import type { Message } from "../../../src/broker/message.ts";
import type { RetainedMessages } from "../../../src/broker/retained.ts";
import { walkRetained } from "../../../src/broker/retained-walk.ts";
import { finished } from "./fixture.ts";

/** The retained messages that match a topic filter, expired or not. */
export function retainedMatching(retained: RetainedMessages, topicFilter: string): Message[] {
	const found: Message[] = [];
	const take = ({ message }: { readonly message: Message | null }) => void found.push(message!);
	finished(walkRetained(retained.level([])!, topicFilter, { take, passes: () => false }));
	return found;
}
