/** What tls.ts is, for a build without TLS: scripts/bundle.ts takes this. */

import type { Remark } from "../config/config.ts";
import type { TlsServerContext } from "../host/host.ts";
import { StartError } from "./start-error.ts";

/** There are none. */
export class TlsSettings {
	declare context: TlsServerContext;
	readonly remarks: readonly Remark[] = [];

	constructor() {
		throw new StartError(["Error: TLS support not available."]);
	}

	tryRefresh(): { readonly changed: boolean; readonly complaint: readonly string[] } {
		return { changed: false, complaint: [] };
	}
}
