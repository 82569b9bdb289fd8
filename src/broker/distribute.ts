/** Hands a message to subscribers, one by one. */

import type { Delivery } from "./delivery.ts";
import type { Publication } from "./publication.ts";
import type { Route } from "./routes.ts";
import type { Session } from "./session.ts";

/** Returns to how many it went; a session that wants none of its own messages does not count. */
export function distribute(publication: Publication, route: Route, publisher: Session | null): number {
	let copies = distributeTo(route.deliveries, publication, publisher);
	for (const group of route.groups) if (group.deliver(publication)) copies++;
	return copies;
}

/** The same for some of a route's deliveries. */
export function distributeTo(
	deliveries: readonly Delivery[],
	publication: Publication,
	publisher: Session | null,
): number {
	let copies = 0;
	for (let i = 0; i < deliveries.length; i++) {
		const delivery = deliveries[i]!;
		const terms = delivery.noLocal ? delivery.termsFor(publisher) : delivery;
		if (terms === null) continue;
		delivery.session.deliver(publication, terms);
		copies++;
	}
	return copies;
}
