/** Enhanced authentication (section 4.12): what the broker asks of a method. The broker carries its octets only. */

/** One method, by the name that clients ask for it with. */
export interface Authenticator {
	/** Authentication Method, such as `SCRAM-SHA-256`. */
	readonly method: string;
	/** A client begins, or begins anew. */
	begin(): AuthenticationExchange;
}

/** One attempt of one client. It is dropped when it has ended, failed or taken too long. */
export interface AuthenticationExchange {
	/**
	 * Takes what the client sends: first with CONNECT or with the AUTH that asks for re-authentication, then with each
	 * AUTH; null is no Authentication Data. Throws an MqttError, of which the client is told the reason code, when the client
	 * is not who it says.
	 */
	step(data: Uint8Array | null): AuthenticationStep;
}

/** What the broker is to answer. `data` null: without Authentication Data. */
export type AuthenticationStep =
	/** The client is to go on. */
	| { readonly done: false; readonly data: Uint8Array | null }
	/** The client is this user. */
	| { readonly done: true; readonly data: Uint8Array | null; readonly username: string };
