/** TLS in memory: contexts that tell what they were made of. There are no handshakes. */

import type {
	Tls,
	TlsClientContext,
	TlsClientOptions,
	TlsServerContext,
	TlsServerOptions,
} from "../../src/host/tls.ts";
import { fakeError } from "./error.ts";

/** A context as a test sees it. */
export interface FakeContext {
	readonly options: TlsServerOptions & TlsClientOptions;
}

export class FakeTls implements Tls {
	/** The code of the error that the next contexts fail with; null for none. */
	failure: string | null = null;

	createServerContext(options: TlsServerOptions): TlsServerContext & FakeContext {
		this.fail();
		return { role: "server", options };
	}

	createClientContext(options: TlsClientOptions): TlsClientContext & FakeContext {
		this.fail();
		return { role: "client", options };
	}

	private fail(): void {
		if (this.failure !== null) throw fakeError(this.failure);
	}
}
