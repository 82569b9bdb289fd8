/** Listening, connecting and looking up names. */

import { lookup } from "node:dns";
import { existsSync, lstatSync, readdirSync, renameSync, unlinkSync } from "node:fs";
import { createServer, type ListenOptions as NodeListenOptions, type Server, Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { dirname } from "node:path";
import type { Connection, ConnectOptions, Listener, ListenOptions, Network } from "../host/network.ts";
import type { TlsServerContext } from "../host/tls.ts";
import { adopt, beforeFlush, NodeConnection } from "./connection.ts";
import { hostError, toHostError } from "./errno.ts";
import { Handshakes } from "./handshakes.ts";
import type { NodeClientContext } from "./tls.ts";

/** Milliseconds for `connect` unless it is told. */
const CONNECT_TIMEOUT = 60_000;
/** Connections that may wait to be accepted; the system lowers it to its own limit. */
const BACKLOG = 1024;

/** Octets of a unix socket's path on Linux. */
const PATH_LIMIT = 107;
/** Owner and group may connect to a unix socket. */
const SOCKET_UMASK = 0o007;
/** How many names of a socket that is about to be moved are tried. */
const FREE_NAMES = 100;

export const network: Network = { listen, connect, resolve, interfaceAddresses, beforeFlush };

function listen(options: ListenOptions, onConnection: (connection: Connection) => void): Promise<Listener> {
	const { address, port, tls, noDelay = tls !== undefined, mode } = options;
	// Who ends in the middle of a handshake has ended it.
	const server = createServer({ allowHalfOpen: tls === undefined, pauseOnConnect: true, noDelay });
	const handshakes = tls === undefined ? null : new Handshakes(tls, onConnection);
	server.on("connection", (socket) => {
		if (handshakes === null) onConnection(adopt(socket));
		else handshakes.begin(socket);
	});
	if (address.startsWith("/")) {
		return listenUnix(server, handshakes, address, mode === undefined ? SOCKET_UMASK : ~mode & 0o777);
	}
	return listenOn(server, { host: address, port, ipv6Only: true }, address).then(
		() => new NodeListener(server, handshakes),
	);
}

function listenOn(server: Server, options: NodeListenOptions, address: string): Promise<void> {
	return new Promise((fulfil, reject) => {
		server.once("error", (error) => reject(listenError(toHostError(error).code, address)));
		server.once("listening", () => {
			server.removeAllListeners("error");
			// The system is short of descriptors or memory; the peer sees its connection fail.
			server.on("error", () => {});
			fulfil();
		});
		try {
			server.listen({ ...options, backlog: BACKLOG });
		} catch (error) {
			reject(toHostError(error));
		}
	});
}

/**
 * Listens under a name of its own first, and then moves to the path: whoever is there is replaced in one step. Node, which
 * removes the path that it has bound when it closes it, knows only the first name.
 */
async function listenUnix(
	server: Server,
	handshakes: Handshakes | null,
	path: string,
	umask: number,
): Promise<Listener> {
	if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === false) {
		throw hostError("EADDRINUSE");
	}
	const name = freeName(path);
	if (Buffer.byteLength(path) > PATH_LIMIT || name === null) {
		throw hostError("ENAMETOOLONG");
	}
	// Node binds before it returns.
	const mask = process.umask(umask);
	const listening = listenOn(server, { path: name }, path);
	process.umask(mask);
	await listening;
	try {
		const { dev, ino } = lstatSync(name);
		renameSync(name, path);
		return new UnixListener(server, handshakes, path, dev, ino);
	} catch (error) {
		server.close();
		throw toHostError(error);
	}
}

/** A name that nothing has, in the folder of the path; short, as names of sockets are limited. */
function freeName(path: string): string | null {
	const folder = path.slice(0, path.lastIndexOf("/") + 1);
	for (let number = 0; number < FREE_NAMES; number++) {
		const name = `${folder}.${number}`;
		if (Buffer.byteLength(name) > PATH_LIMIT) {
			return null;
		}
		if (lstatSync(name, { throwIfNoEntry: false }) === undefined) {
			return name;
		}
	}
	return null;
}

/** libuv reports a folder that is not there as EACCES. */
function listenError(code: string, address: string) {
	const absent = code === "EACCES" && address.startsWith("/") && !existsSync(dirname(address));
	return hostError(absent ? "ENOENT" : code);
}

/** What listeners of all kinds have in common. */
abstract class ServerListener implements Listener {
	abstract readonly port: number;
	protected readonly server: Server & { noDelay?: boolean };
	private readonly handshakes: Handshakes | null;

	constructor(server: Server, handshakes: Handshakes | null) {
		this.server = server;
		this.handshakes = handshakes;
	}

	setNoDelay(noDelay: boolean): void {
		// What Node keeps the option of createServer in, and looks at with each connection.
		this.server.noDelay = noDelay;
	}

	close(): void {
		this.server.close();
		this.handshakes?.drop();
	}

	setTls(context: TlsServerContext): void {
		if (this.handshakes === null) throw new TypeError("a listener without TLS");
		this.handshakes.setContext(context);
	}
}

class NodeListener extends ServerListener {
	readonly port: number;

	constructor(server: Server, handshakes: Handshakes | null) {
		super(server, handshakes);
		const address = server.address();
		this.port = address !== null && typeof address === "object" ? address.port : 0;
	}
}

class UnixListener extends ServerListener {
	readonly port = 0;
	/** Where it is, and which file it is there; null when closed. */
	private path: string | null;
	private readonly device: number;
	private readonly inode: number;

	constructor(server: Server, handshakes: Handshakes | null, path: string, device: number, inode: number) {
		super(server, handshakes);
		this.path = path;
		this.device = device;
		this.inode = inode;
	}

	override close(): void {
		const { path } = this;
		if (path === null) {
			return;
		}
		this.path = null;
		const found = lstatSync(path, { throwIfNoEntry: false });
		// Another socket may have come to stand there since.
		if (found?.dev === this.device && found.ino === this.inode) {
			try {
				unlinkSync(path);
			} catch {
				// Not allowed any more: it stays, and whoever comes next replaces it.
			}
		}
		super.close();
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
		// A TLS socket reads from the system itself.
		const socket = new Socket(
			options.tls === undefined ? { allowHalfOpen: true, onread: connection.onRead } : {},
		);
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
		const { tls } = options;
		socket.once("connect", () => {
			if (tls === undefined) {
				signal.removeEventListener("abort", stop);
				socket.removeListener("error", failed);
				connection.attach(socket);
				fulfil(connection);
				return;
			}
			const { remoteAddress = "", remotePort = 0 } = socket;
			(tls.context as NodeClientContext).begin(socket, tls.serverName ?? options.host, {
				done(secure, facts) {
					signal.removeEventListener("abort", stop);
					connection.attachTls(secure, facts, remoteAddress, remotePort);
					fulfil(connection);
				},
				failed(error) {
					signal.removeEventListener("abort", stop);
					socket.destroy();
					reject(error);
				},
			});
		});
		// Nothing is read before `start`.
		socket.pause();
		const { port, bindAddress, noDelay = tls !== undefined } = options;
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

function interfaceAddresses(name: string): string[] {
	const found = networkInterfaces()[name];
	// Node knows only those that are up.
	if (found === undefined && !readdirSync("/sys/class/net").includes(name)) throw hostError("ENODEV");
	const addresses = (found ?? []).map((entry) =>
		entry.family === "IPv6" && entry.scopeid > 0 ? `${entry.address}%${name}` : entry.address,
	);
	return addresses.sort((a, b) => Number(a.includes(":")) - Number(b.includes(":")));
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
