/** Streams of bytes, ordered and lossless ([MQTT-4.2.0-1]; 3.1.1: [MQTT-7.1.1-1], [MQTT-7.1.2-1]): TCP, unix sockets, TLS. */

import type { HostError } from "./error.ts";
import type { ConnectTls, ListenTls, TlsFacts, TlsServerContext } from "./tls.ts";

/** What the user of a connection is told. Called from the event loop, never from inside one of its own calls. */
export interface ConnectionHandler {
	/**
	 * `bytes[start, end)` is all input not yet consumed, oldest first. Returns how many octets were consumed, 0 to
	 * `end - start`; the host keeps the rest and gives it again, at another place, with the next input. The array is
	 * lent: the handler may change what it consumes, and all is overwritten after the call. Called only when there is new input. A handler that leaves octets
	 * bounds what it waits for: the host grows its buffer as needed.
	 */
	onData(bytes: Uint8Array, start: number, end: number): number;
	/** Output had piled up (the system did not take all at a flush) and has now been handed over entirely. */
	onDrain(): void;
	/**
	 * The connection is over and is not to be used: once for each started connection, also after `close` and
	 * `destroy`. `error` is null for an orderly end (by the peer, or by us, whatever a peer does once the system took
	 * all that was written before `close`), else what broke it ("ECONNRESET").
	 */
	onClose(error: HostError | null): void;
}

export interface Connection {
	/** Peer's numeric address (`127.0.0.1`, `fe80::1`); empty for a unix socket, and for who was gone when it was accepted. */
	readonly remoteAddress: string;
	/** Peer's port; 0 for a unix socket. */
	readonly remotePort: number;
	/** What the TLS handshake has shown; null without TLS. */
	readonly tls: TlsFacts | null;
	/** Octets written and not yet taken by the system. */
	readonly buffered: number;
	/** Says who is told; reading begins. Exactly once, before `write`. */
	start(handler: ConnectionHandler): void;
	/**
	 * Copies `bytes[start, end)` to the connection's output and returns `buffered` after it. All output of one turn of
	 * the event loop goes to the system with one call at the end of the turn; more than 64 KiB at once is offered
	 * to the system earlier, so that `buffered` beyond it means that the peer does not keep up. Ignored after `close`
	 * (returns 0).
	 */
	write(bytes: Uint8Array, start: number, end: number): number;
	/** Stops (true) or resumes (false) reading. */
	pause(paused: boolean): void;
	/**
	 * Ends the connection without losing what was written: sends it, then says that it was all, and drops what still
	 * comes, up to 16 MiB, until the peer has ended its side, too; a system that closed earlier would answer unread
	 * input with a reset, which makes the peer lose what it has not read. All of it for at most 5 s; then it closes
	 * all the same. `onData` and `onDrain` are not called any more. Idempotent.
	 */
	close(): void;
	/** Closes at once; what was written and not taken by the system is dropped. Idempotent. */
	destroy(): void;
}

export interface ListenOptions {
	/**
	 * Numeric address (`0.0.0.0`, `::1`), or the path of a unix socket (begins with `/`): a socket that is there is replaced
	 * in one step, anything else is EADDRINUSE. Owner and group may connect, whatever the umask.
	 */
	readonly address: string;
	/** 0 lets the system choose. Not used for a unix socket. */
	readonly port: number;
	/** Sets TCP_NODELAY on what is accepted. */
	readonly noDelay?: boolean;
	/** Permission bits of a unix socket, from its first moment, in place of those. */
	readonly mode?: number;
	readonly tls?: ListenTls;
}

export interface Listener {
	/** The port listened on, also when 0 was asked for; 0 for a unix socket. */
	readonly port: number;
	/** Says whether TCP_NODELAY is set on what is accepted from now on. */
	setNoDelay(noDelay: boolean): void;
	/**
	 * Accepts no more, and drops unfinished TLS handshakes; accepted connections go on. Removes a unix socket's path,
	 * unless it was replaced. Idempotent.
	 */
	close(): void;
	/** Takes other TLS settings for handshakes from now on. Only for a listener with TLS. */
	setTls(context: TlsServerContext): void;
}

export interface ConnectOptions {
	/** Host name, numeric address, or the path of a unix socket (begins with `/`). A name's addresses are tried in turn. */
	readonly host: string;
	readonly port: number;
	/** Numeric local address to connect from. */
	readonly bindAddress?: string;
	readonly noDelay?: boolean;
	/** Milliseconds for all of it, with the TLS handshake; then ETIMEDOUT. Default 60,000. */
	readonly timeout?: number;
	readonly tls?: ConnectTls;
}

export interface Network {
	/** Listens. Rejects with a HostError. An IPv6 listener takes IPv6 only. */
	listen(options: ListenOptions, onConnection: (connection: Connection) => void): Promise<Listener>;
	/** Connects; the name is looked up without blocking the loop. Rejects with the last address's HostError, which may be one of TLS. */
	connect(options: ConnectOptions): Promise<Connection>;
	/** Numeric addresses of a name, in the system's order of preference; at least one. Rejects with a HostError. */
	resolve(host: string): Promise<string[]>;
	/**
	 * Numeric addresses of a network interface, IPv4 before IPv6; a link-local one names its link, as `listen` wants it
	 * (`fe80::1%eth0`). None while it has none; on Node also while it is down or has no carrier. Throws ENODEV when there is
	 * no interface of that name.
	 */
	interfaceAddresses(name: string): string[];
	/**
	 * Calls `callback` once at the end of the present turn of the event loop, before the output of the turn goes to the
	 * system (but for what was offered earlier, see `write`): what it writes goes with it. Callbacks are called in the order
	 * in which they were asked for; one that is asked for from inside of another comes in the same turn, after the others. One
	 * that is pending keeps the program running.
	 */
	beforeFlush(callback: () => void): void;
}
