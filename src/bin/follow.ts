/** Listeners on the addresses of a network, which come and go. */

import type { HostError, Listener } from "../host/host.ts";
import type { Log } from "../host/log.ts";
import {
	isOfDomain,
	type ListenEvents,
	type ListenHost,
	type OpenListener,
	optionsOf,
	sayOpening,
} from "./listen.ts";

/**
 * Opens what is missing of `addresses`, and closes what is not among them; connected clients stay. An address that cannot be
 * had is logged, and tried again with the next call: returns whether all could be had.
 */
export async function followAddresses(
	host: ListenHost,
	log: Log,
	open: OpenListener,
	addresses: readonly string[],
	events: ListenEvents,
): Promise<boolean> {
	const { plan } = open;
	const wanted = addresses.filter((address) => isOfDomain(plan, address));
	const followed = open.followed ?? new Map<string, Listener | null>();
	for (const [address, handle] of followed) {
		if (wanted.includes(address)) continue;
		followed.delete(address);
		if (handle === null) continue;
		handle.close();
		log.write(
			"information",
			`Closing listener on ${address} port ${plan.settings.port}: ${plan.network} has left it.`,
		);
	}
	let hasAll = true;
	for (const address of wanted) {
		const before = followed.get(address);
		if (before !== undefined && before !== null) continue;
		// A port that the system chose stays for addresses that come later.
		const port = plan.port === "auto" ? plan.settings.port : plan.port;
		try {
			const handle = await host.network.listen(
				optionsOf(log, plan, address, port, open.noDelay, events.limits),
				(connection) => events.accept(connection, plan),
			);
			followed.set(address, handle);
			plan.settings.port = handle.port;
			sayOpening(log, plan, address, handle.port, true);
		} catch (error) {
			hasAll = false;
			// An IPv6 address is not to be had for a while after it came (it may be somebody else's).
			if (before === undefined) {
				const why = (error as HostError).message;
				log.write(
					"warning",
					`Warning: Unable to listen on ${address} port ${port} of ${plan.network} (${why}).`,
				);
			}
			followed.set(address, null);
		}
	}
	open.followed = followed;
	open.handles = [...followed.values()].filter((handle) => handle !== null);
	return hasAll;
}
