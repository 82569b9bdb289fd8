/** Listening, connecting and looking up names. */

import { lookup } from "node:dns";
import { existsSync, lstatSync, unlinkSync } from "node:fs";
import { createServer, type ListenOptions as NodeListenOptions, type Server, Socket } from "node:net";
import { dirname } from "node:path";
import type { Connection, ConnectOptions, Listener, ListenOptions, Network } from "../host/network.ts";
import { adopt, NodeConnection } from "./connection.ts";
import { hostError, toHostError } from "./errno.ts";

/** Milliseconds for `connect` unless it is told. */
const CONNECT_TIMEOUT = 60_000;
/** Connections that may wait to be accepted; the system lowers it to its own limit. */
const BACKLOG = 1024;

export const network: Network = { listen, connect, resolve };

function listen(options: ListenOptions, onConnection: (connection: Connection) => void): Promise<Listener> {
	const { address, port, noDelay = false } = options;
	return new Promise((fulfil, reject) => {
		const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay });
		server.on("connection", (socket) => onConnection(adopt(socket)));
		server.once("error", (error) => reject(listenError(toHostError(error).code, address)));
		server.once("listening", () => {
			server.removeAllListeners("error");
			// The system is short of descriptors or memory; the peer sees its connection fail.
			server.on("error", () => {});
			fulfil(new NodeListener(server));
		});
		try {
			server.listen({ ...where(address, port), backlog: BACKLOG });
		} catch (error) {
			reject(toHostError(error));
		}
	});
}

function where(address: string, port: number): NodeListenOptions {
	if (!address.startsWith("/")) {
		return { host: address, port, ipv6Only: true };
	}
	if (lstatSync(address, { throwIfNoEntry: false })?.isSocket()) {
		unlinkSync(address);
	}
	return { path: address };
}

/** libuv reports a folder that is not there as EACCES. */
function listenError(code: string, address: string) {
	const absent = code === "EACCES" && address.startsWith("/") && !existsSync(dirname(address));
	return hostError(absent ? "ENOENT" : code);
}

class NodeListener implements Listener {
	readonly port: number;
	private readonly server: Server;

	constructor(server: Server) {
		const address = server.address();
		this.server = server;
		this.port = address !== null && typeof address === "object" ? address.port : 0;
	}

	close(): void {
		this.server.close();
	}
}

async function connect(options: ConnectOptions): Promise<Connection> {
	const { host, timeout = CONNECT_TIMEOUT } = options;
	const abort = new AbortController();
	let timer: ReturnType<typeof setTimeout> | undefined;
	const late = new Promise<never>((_, reject) => {
		timer = setTimeout(() => {
			abort.abort();
			reject(hostError("ETIMEDOUT"));
		}, timeout);
	});
	try {
		const addresses = host.startsWith("/") ? [host] : await Promise.race([resolve(host), late]);
		return await Promise.race([connectToOne(addresses, options, abort.signal), late]);
	} finally {
		clearTimeout(timer);
	}
}

/** Tries the addresses in turn. After `signal` nothing more is tried, and what connects late is dropped. */
async function connectToOne(
	addresses: readonly string[],
	options: ConnectOptions,
	signal: AbortSignal,
): Promise<Connection> {
	let last: unknown;
	for (const address of addresses) {
		try {
			return await connectTo(address, options, signal);
		} catch (error) {
			last = error;
		}
		if (signal.aborted) {
			break;
		}
	}
	throw last;
}

function connectTo(address: string, options: ConnectOptions, signal: AbortSignal): Promise<Connection> {
	return new Promise((fulfil, reject) => {
		const connection = new NodeConnection();
		const socket = new Socket({ allowHalfOpen: true, onread: connection.onRead });
		const stop = () => socket.destroy();
		const failed = (error: Error) => {
			signal.removeEventListener("abort", stop);
			try {
				reject(toHostError(error));
			} catch (defect) {
				reject(defect);
			}
		};
		signal.addEventListener("abort", stop);
		socket.once("error", failed);
		socket.once("connect", () => {
			signal.removeEventListener("abort", stop);
			socket.removeListener("error", failed);
			connection.attach(socket);
			fulfil(connection);
		});
		// Nothing is read before `start`.
		socket.pause();
		const { port, bindAddress, noDelay = false } = options;
		if (address.startsWith("/")) {
			socket.connect({ path: address });
			return;
		}
		const local = bindAddress === undefined ? {} : { localAddress: bindAddress };
		try {
			socket.setNoDelay(noDelay);
			socket.connect({ host: address, port, ...local });
		} catch (error) {
			failed(error as Error);
		}
	});
}

function resolve(host: string): Promise<string[]> {
	if (host === "") {
		// Node has its own, deprecated, idea of it.
		return Promise.reject(hostError("ENOTFOUND"));
	}
	return new Promise((fulfil, reject) => {
		lookup(host, { all: true, verbatim: true }, (error, addresses) => {
			if (error !== null) {
				reject(toHostError(error));
				return;
			}
			fulfil([...new Set(addresses.map((found) => found.address))]);
		});
	});
}
