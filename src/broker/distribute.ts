/** Hands a message to subscribers, one by one. */

import type { Publication } from "./publication.ts";
import type { Delivery } from "./routes.ts";
import type { Session } from "./session.ts";

/** Returns to how many groups it went. */
export function distributeShared(publication: Publication): number {
	let copies = 0;
	for (const group of publication.route.groups) if (group.deliver(publication)) copies++;
	return copies;
}

/** Returns to how many it went; a session that wants none of its own messages does not count. */
export function distribute(
	publisher: Session | null,
	publication: Publication,
	deliveries: readonly Delivery[],
): number {
	let copies = 0;
	for (let i = 0; i < deliveries.length; i++) {
		const delivery = deliveries[i]!;
		if (delivery.noLocal && delivery.session === publisher) continue; // [MQTT-3.8.3-3]
		delivery.session.deliver(publication, delivery);
		copies++;
	}
	return copies;
}
