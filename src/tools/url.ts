/** The `-L` option's URL. */

import { leadingInteger } from "./numbers.ts";
import { UsageError } from "./usage-error.ts";

export interface BrokerUrl {
	readonly host: string;
	readonly port: number;
	/** Whether it asks for TLS. */
	readonly tls: boolean;
	/** Null when the URL has none. */
	readonly username: string | null;
	readonly password: string | null;
	readonly topic: string;
	readonly webSocket: boolean;
}

/** Schemes, and what they stand for. */
const SCHEMES: Readonly<
	Record<string, { readonly port: number; readonly webSocket: boolean; readonly tls: boolean }>
> = {
	"mqtt://": { port: 1883, webSocket: false, tls: false },
	"mqtts://": { port: 8883, webSocket: false, tls: true },
	"ws://": { port: 8080, webSocket: true, tls: false },
	"wss://": { port: 8883, webSocket: true, tls: true },
};

/**
 * Reads `mqtt://[user[:password]@]host[:port]/topic`, or the same with `mqtts`, `ws` or `wss`; an IPv6 address stands in
 * brackets. Throws a UsageError.
 */
export function readUrl(url: string): BrokerUrl {
	const lower = url.toLowerCase();
	const scheme = Object.keys(SCHEMES).find((each) => lower.startsWith(each));
	if (scheme === undefined) throw new UsageError("Error: Unsupported URL scheme.\n\n");
	const { port: usual, webSocket, tls } = SCHEMES[scheme]!;
	const rest = url.slice(scheme.length);
	const slash = rest.indexOf("/");
	if (slash < 0) {
		throw new UsageError("Error: Invalid URL for -L argument specified - topic missing.\n");
	}
	let authority = rest.slice(0, slash);
	let username: string | null = null;
	let password: string | null = null;
	const at = authority.lastIndexOf("@");
	if (at >= 0) {
		username = authority.slice(0, at);
		authority = authority.slice(at + 1);
		const colon = username.indexOf(":");
		if (colon >= 0) {
			password = username.slice(colon + 1);
			username = username.slice(0, colon);
		}
	}
	const match = /^(?:\[([^\]]*)\]|([^:]*))(?::(.*))?$/.exec(authority);
	if (match === null) throw new UsageError(`Error: Invalid host '${authority}' in URL for -L argument.\n`);
	const port = match[3] === undefined ? usual : leadingInteger(match[3]);
	if (port < 1 || port > 65_535) throw new UsageError(`Error: Invalid port given: ${port}\n`);
	return {
		host: match[1] ?? match[2] ?? "",
		port,
		tls,
		username,
		password,
		topic: rest.slice(slash + 1),
		webSocket,
	};
}
