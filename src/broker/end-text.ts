/** Why a connection ended, in the words that mosquitto's log has for it: scripts look for them. */

import type { HostError } from "../host/host.ts";
import { Reason, reasonName } from "../packet/packet.ts";

/** Stands for the identifier of a client that has not told it. */
export const UNKNOWN_CLIENT = "<unknown>";

/** What is not called as the specification calls it. A wrong password is no more than what a client may not do. */
const OWN: ReadonlyMap<number, string> = new Map([
	[Reason.PACKET_TOO_LARGE, "oversize packet"],
	[Reason.NOT_AUTHORIZED, "not authorised"],
	[Reason.BAD_USER_NAME_OR_PASSWORD, "not authorised"],
]);

/** A client did something wrong; null for a limit, which the error names better than its code. */
export function faultText(code: number): string | null {
	if (code === Reason.SERVER_BUSY || code === Reason.QUOTA_EXCEEDED) return null;
	return OWN.get(code) ?? reasonName(code).toLowerCase();
}

/** The network connection ended without DISCONNECT. */
export function lossText(error: HostError | null): string {
	return error === null || error.code === "ECONNRESET" ? "connection closed by client" : error.message;
}
