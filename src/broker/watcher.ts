/** Who is told of clients that come and go, or are not let in. None of it may throw. */

import type { Client } from "./client.ts";

export interface ClientWatcher {
	/** It was let in. */
	connected(client: Client): void;
	/** It goes; `reason` is null when it said goodbye. */
	disconnected(client: Client, reason: string | null): void;
	/** It was not let in; `clientId` is empty and `username` null where it did not say. `reason`: for the owner. */
	refused(client: Client, clientId: string, username: string | null, reason: string): void;
}
