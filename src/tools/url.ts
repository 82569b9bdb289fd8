/** The `-L` option's URL. */

import { leadingInteger } from "./numbers.ts";
import { UsageError } from "./usage-error.ts";

export interface BrokerUrl {
	readonly host: string;
	readonly port: number;
	/** Null when the URL has none. */
	readonly username: string | null;
	readonly password: string | null;
	readonly topic: string;
	readonly webSocket: boolean;
}

/** Schemes, and the ports that they stand for. */
const SCHEMES: Readonly<Record<string, { readonly port: number; readonly webSocket: boolean }>> = {
	"mqtt://": { port: 1883, webSocket: false },
	"ws://": { port: 8080, webSocket: true },
};

/** Reads `mqtt://[user[:password]@]host[:port]/topic`, or the same with `ws`; an IPv6 address stands in brackets. Throws a UsageError. */
export function readUrl(url: string): BrokerUrl {
	const lower = url.toLowerCase();
	if (lower.startsWith("mqtts://") || lower.startsWith("wss://")) {
		throw new UsageError("Error: TLS support not available.\n\n");
	}
	const scheme = Object.keys(SCHEMES).find((each) => lower.startsWith(each));
	if (scheme === undefined) throw new UsageError("Error: Unsupported URL scheme.\n\n");
	const { port: usual, webSocket } = SCHEMES[scheme]!;
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
		username,
		password,
		topic: rest.slice(slash + 1),
		webSocket,
	};
}
