/** What a listener's options ask of TLS, and who a client is by it: here, or at a proxy that tells of it. */

import type { ListenerConfig } from "../config/config.ts";
import type { TlsFacts } from "../host/host.ts";
import { commonName, subjectName } from "./certificate.ts";

/** Whether a listener's options ask for TLS. */
export function wantsTls({ certfile, keyfile, pskHint }: ListenerConfig): boolean {
	return certfile !== null || keyfile !== null || pskHint !== null;
}

/** Who a client is by what TLS has shown, where a listener's options ask for it; null when it does not tell. */
export function identityOf(listener: ListenerConfig, facts: TlsFacts | null): string | null {
	if (facts === null) return null;
	const { peerCertificate, pskIdentity } = facts;
	// With both options the identity counts, as in mosquitto.
	if (!listener.useIdentityAsUsername) return peerCertificate === null ? null : subjectName(peerCertificate);
	if (pskIdentity !== null) return pskIdentity;
	return peerCertificate === null ? null : commonName(peerCertificate);
}
