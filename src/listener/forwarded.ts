/** Who is behind HTTP proxies: X-Forwarded-For, as far as those who wrote it are trusted. */

import { type AddressList, formatAddress, parseAddress } from "../host/address.ts";
import { listOf, type Request } from "../websocket/http.ts";

/**
 * The client's address, or null when `peer` is the client as far as one can know. Each proxy adds whom it got the request
 * from at the end: the last that is no trusted proxy itself is whom we know of; what stands before it anybody can have
 * written.
 */
export function forwardedFor(request: Request, peer: string, trusted: AddressList): string | null {
	if (trusted.isEmpty || (peer !== "" && !trusted.has(peer))) return null;
	let client: string | null = null;
	for (const text of listOf(request.headers.get("x-forwarded-for")).reverse()) {
		const octets = parseAddress(text);
		if (octets === null) break;
		client = formatAddress(octets);
		if (!trusted.has(client)) break;
	}
	return client;
}
