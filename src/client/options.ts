/** What a client is told about the server to connect to, and how. */

import type { ConnectTls, Host } from "../host/host.ts";
import { MAXIMUM_PACKET_SIZE, type Properties, type ProtocolVersion, type Will } from "../packet/packet.ts";

/** What a client needs of the platform. */
export type ClientHost = Pick<Host, "clock" | "timers" | "random" | "utf8" | "network">;

/** When and how a lost connection is made again. */
export interface ReconnectOptions {
	/** Milliseconds to wait before the first attempt; doubled for each further one up to `maximum`. */
	readonly delay: number;
	/** Milliseconds. */
	readonly maximum: number;
	/** Whether to go on when not even the first attempt reached the server. */
	readonly first: boolean;
}

export interface ClientOptions {
	/** Host name, numeric address, or the path of a unix socket (begins with `/`). */
	readonly host: string;
	readonly port: number;
	/** Numeric local address to connect from. */
	readonly bindAddress?: string;
	readonly noDelay?: boolean;
	/** Default null: no TLS. */
	readonly tls?: ConnectTls | null;
	/** Milliseconds for finding and reaching the server; the host's default when absent. */
	readonly connectTimeout?: number;
	/** Default 4 (MQTT 3.1.1). */
	readonly version?: ProtocolVersion;
	/** Default empty: the server chooses one, except in 3.1, where the client makes a random one. */
	readonly clientId?: string;
	/** Clean session below 5.0. Default true. It holds for every connection, also those made again. */
	readonly cleanStart?: boolean;
	/** Seconds, 0 for none. Default 60. */
	readonly keepAlive?: number;
	readonly username?: string | null;
	readonly password?: Uint8Array | null;
	readonly will?: Will | null;
	/** Properties of CONNECT; 5.0 only. */
	readonly properties?: Properties | null;
	/** How many QoS 1 and 2 publications may be unanswered at once, unless the server allows less. Default 20. */
	readonly maximumInflight?: number;
	/** Longer packets from the server end the connection. Octets; default the largest that MQTT has. */
	readonly maximumPacketSize?: number;
	/** Default null: a connection that ends is not made again. */
	readonly reconnect?: ReconnectOptions | null;
}

/** Options with nothing left open. */
export interface ResolvedOptions {
	readonly host: string;
	readonly port: number;
	readonly bindAddress: string | undefined;
	readonly noDelay: boolean;
	readonly tls: ConnectTls | null;
	readonly connectTimeout: number | undefined;
	readonly version: ProtocolVersion;
	readonly clientId: string;
	readonly cleanStart: boolean;
	readonly keepAlive: number;
	readonly username: string | null;
	readonly password: Uint8Array | null;
	readonly will: Will | null;
	readonly properties: Properties | null;
	readonly maximumInflight: number;
	readonly maximumPacketSize: number;
	readonly reconnect: ReconnectOptions | null;
}

const MAXIMUM_INFLIGHT = 65_535;

/** Fills in defaults. Throws a RangeError for values that no CONNECT can carry. */
export function resolveOptions(options: ClientOptions): ResolvedOptions {
	const version = options.version ?? 4;
	const keepAlive = options.keepAlive ?? 60;
	if (!(Number.isInteger(keepAlive) && keepAlive >= 0 && keepAlive <= 65_535)) {
		throw new RangeError(`keep alive ${keepAlive} is not a whole number from 0 to 65535`);
	}
	const maximumInflight = options.maximumInflight ?? 20;
	if (!(Number.isInteger(maximumInflight) && maximumInflight >= 1)) {
		throw new RangeError(`maximum inflight ${maximumInflight} is not a whole number from 1`);
	}
	const username = options.username ?? null;
	const password = options.password ?? null;
	if (version < 5 && password !== null && username === null) {
		throw new RangeError("a password without a user name needs MQTT 5.0"); // [MQTT-3.1.2-22] of 3.1.1
	}
	const properties = options.properties ?? null;
	if (version < 5 && properties !== null) throw new RangeError("properties need MQTT 5.0");
	return {
		host: options.host,
		port: options.port,
		bindAddress: options.bindAddress,
		noDelay: options.noDelay ?? false,
		tls: options.tls ?? null,
		connectTimeout: options.connectTimeout,
		version,
		clientId: options.clientId ?? "",
		cleanStart: options.cleanStart ?? true,
		keepAlive,
		username,
		password,
		will: options.will ?? null,
		properties,
		maximumInflight: Math.min(maximumInflight, MAXIMUM_INFLIGHT),
		maximumPacketSize: options.maximumPacketSize ?? properties?.maximumPacketSize ?? MAXIMUM_PACKET_SIZE,
		reconnect: options.reconnect ?? null,
	};
}
