/** Listening, connecting and looking up names. */

import * as native from "native";
import type { HostError } from "../host/error.ts";
import type { Connection, ConnectOptions, Listener, ListenOptions, Network } from "../host/network.ts";
import { toConnection } from "./tls.ts";

/** Milliseconds for `connect` unless it is told. */
const CONNECT_TIMEOUT = 60_000;
/** Milliseconds for a TLS handshake, and how many may be unfinished. */
const HANDSHAKE_TIME = 20_000;
const HANDSHAKES = 100;

export const network: Network = {
	listen,
	connect,
	resolve,
	interfaceAddresses: native.interfaceAddresses,
	beforeFlush: native.beforeFlush,
};

async function listen(
	{ address, port, noDelay = false, mode, tls }: ListenOptions,
	onConnection: (connection: Connection) => void,
): Promise<Listener> {
	return native.listen(
		address,
		port,
		noDelay,
		mode,
		(connection) => onConnection(toConnection(connection)),
		tls?.context,
		(remoteAddress, remotePort, error) => tls?.refused(remoteAddress, remotePort, error),
		tls?.handshakeTime ?? HANDSHAKE_TIME,
		tls?.handshakes ?? HANDSHAKES,
	);
}

async function resolve(name: string): Promise<string[]> {
	if (native.isAddress(name)) {
		return [name];
	}
	return new Promise((fulfil, reject) => {
		native.resolve(name, (error, addresses) => {
			if (addresses === null) {
				reject(error);
			} else {
				fulfil([...new Set(addresses)]);
			}
		});
	});
}

function connect(options: ConnectOptions): Promise<Connection> {
	const attempts = new Attempts(options);
	return new Promise((fulfil, reject) => attempts.run(fulfil, reject));
}

/** Tries the addresses of a name in turn, for a limited time. */
class Attempts {
	private readonly options: ConnectOptions;
	/** The attempt that is being made. */
	private current: { cancel(): void } | null = null;
	private over = false;

	constructor(options: ConnectOptions) {
		this.options = options;
	}

	run(fulfil: (connection: Connection) => void, reject: (error: unknown) => void): void {
		const timer = native.after(this.options.timeout ?? CONNECT_TIMEOUT, () => {
			this.over = true;
			this.current?.cancel();
			reject(native.timeoutError());
		});
		this.tryAll()
			.then(fulfil, reject)
			.finally(() => timer.cancel());
	}

	private async tryAll(): Promise<Connection> {
		const { host } = this.options;
		const addresses = host.startsWith("/") ? [host] : await resolve(host);
		let last: unknown;
		for (const address of addresses) {
			if (this.over) {
				break;
			}
			try {
				return await this.tryOne(address);
			} catch (error) {
				last = error;
			}
		}
		throw last;
	}

	private tryOne(address: string): Promise<Connection> {
		const { host, port, bindAddress, noDelay = false, tls } = this.options;
		return new Promise((fulfil, reject) => {
			const done = (error: HostError | null, connection: native.NativeConnection | null) => {
				this.current = null;
				if (connection === null) {
					reject(error);
				} else {
					fulfil(toConnection(connection));
				}
			};
			const name = tls?.serverName ?? host;
			this.current = native.connect(address, port, bindAddress, noDelay, done, tls?.context, name);
		});
	}
}
