/** What tls.ts is, for a build without TLS: scripts/bundle.ts takes this. */

import type * as native from "native";
import type { Connection } from "../host/network.ts";
import type { Tls } from "../host/tls.ts";

export function toConnection(connection: native.NativeConnection): Connection {
	return connection as unknown as Connection;
}

export const tls: Tls | null = null;
