/**
 * A network in memory. The code under test holds a FakeConnection; the test holds its other end, a FakePeer.
 *
 * A turn of the event loop is one call of a peer (`send`, `end`, …): the code under test is told, then what it wrote
 * goes to the peers, then it is told of connections that closed. What is written outside of a turn goes when `turn` is
 * called, or at the latest when the test awaits something.
 */

import type { HostError } from "../../src/host/error.ts";
import type {
	Connection,
	ConnectionHandler,
	ConnectOptions,
	Listener,
	ListenOptions,
	Network,
} from "../../src/host/network.ts";
import type { ListenTls, TlsFacts } from "../../src/host/tls.ts";
import { fakeError } from "./error.ts";

export class FakeNetwork implements Network {
	/** Names that `resolve` knows besides `localhost`; numeric addresses stand for themselves. */
	readonly names = new Map<string, string[]>();
	/** What the code under test asked to connect to, in order. */
	readonly connects: ConnectOptions[] = [];
	/** Addresses of network interfaces. */
	readonly interfaces = new Map([["lo", ["127.0.0.1", "::1"]]]);
	/** Whether TCP_NODELAY is set on what is accepted, by `ADDRESS PORT` or path. */
	readonly noDelay = new Map<string, boolean>();
	private readonly listeners = new Map<string, FakeListener>();
	private readonly servers = new Map<string, (peer: FakePeer) => void>();
	private readonly dirty = new Set<FakeConnection>();
	private readonly events: (() => void)[] = [];
	private callbacks: (() => void)[] = [];
	private nextPort = 40_000;
	private turning = false;
	private scheduled = false;

	async listen(options: ListenOptions, onConnection: (connection: Connection) => void): Promise<Listener> {
		const unix = options.address.startsWith("/");
		const port = unix ? 0 : options.port === 0 ? this.nextPort++ : options.port;
		const key = keyOf(options.address, port);
		if (this.listeners.has(key)) {
			throw fakeError("EADDRINUSE");
		}
		const listener: FakeListener = { accept: onConnection, tls: options.tls ?? null };
		this.listeners.set(key, listener);
		this.noDelay.set(key, options.noDelay ?? false);
		return {
			port,
			setNoDelay: (noDelay) => void this.noDelay.set(key, noDelay),
			close: () => {
				this.listeners.delete(key);
				this.noDelay.delete(key);
			},
			setTls(context) {
				if (listener.tls === null) throw new TypeError("a listener without TLS");
				listener.tls = { ...listener.tls, context };
			},
		};
	}

	interfaceAddresses(name: string): string[] {
		const addresses = this.interfaces.get(name);
		if (addresses === undefined) throw fakeError("ENODEV");
		return addresses;
	}

	async connect(options: ConnectOptions): Promise<Connection> {
		this.connects.push(options);
		const [address = ""] = options.host.startsWith("/") ? [options.host] : await this.resolve(options.host);
		const server = this.servers.get(keyOf(address, options.port));
		const accept = this.find(address, options.port)?.accept;
		if (server === undefined && accept === undefined) {
			throw fakeError("ECONNREFUSED");
		}
		const connection = new FakeConnection(this, address, options.port);
		if (server !== undefined) {
			server(connection.peer);
		} else {
			const other = new FakeConnection(this, address, this.nextPort++);
			join(connection.peer, other.peer);
			this.later(() => accept!(other));
		}
		return connection;
	}

	async resolve(host: string): Promise<string[]> {
		if (/^[0-9.]+$|:/.test(host)) {
			return [host];
		}
		const addresses = host === "localhost" ? ["127.0.0.1", "::1"] : this.names.get(host);
		if (addresses === undefined) {
			throw fakeError("ENOTFOUND");
		}
		return addresses;
	}

	/** Whether the code under test listens there. */
	listens(address: string, port: number): boolean {
		return this.find(address, port) !== undefined;
	}

	/** What the code under test gave a listener for TLS; null without. */
	tlsOf(address: string, port: number): ListenTls | null {
		return this.find(address, port)?.tls ?? null;
	}

	/** A test's client connects to a listener of the code under test, which is told at once. `tls`: after a handshake. */
	dial(port: number, address = "127.0.0.1", from = "192.0.2.1", tls: TlsFacts | null = null): FakePeer {
		const accept = this.find(address, port)?.accept;
		if (accept === undefined) {
			throw fakeError("ECONNREFUSED");
		}
		const unix = address.startsWith("/");
		const connection = new FakeConnection(this, unix ? "" : from, unix ? 0 : this.nextPort++);
		connection.tls = tls;
		accept(connection);
		this.turn();
		return connection.peer;
	}

	/** A test's server: `onPeer` gets the other end of each connection that the code under test makes there. */
	serve(address: string, port: number, onPeer: (peer: FakePeer) => void): void {
		this.servers.set(keyOf(address, port), onPeer);
	}

	/** Ends the turn: output goes to the peers, then events that this caused are told, until all is quiet. */
	turn(): void {
		if (this.turning) {
			return;
		}
		this.turning = true;
		try {
			while (this.dirty.size > 0 || this.events.length > 0 || this.callbacks.length > 0) {
				// Those that these ask for are appended.
				for (const callback of this.callbacks) callback();
				this.callbacks = [];
				for (const connection of this.dirty) {
					this.dirty.delete(connection);
					connection.flush();
				}
				this.events.shift()?.();
			}
		} finally {
			this.turning = false;
		}
	}

	beforeFlush(callback: () => void): void {
		this.callbacks.push(callback);
		this.schedule();
	}

	/** For FakeConnection: there is output. */
	markDirty(connection: FakeConnection): void {
		this.dirty.add(connection);
		this.schedule();
	}

	/** For FakeConnection: something to tell the code under test, not from inside its own call. */
	later(event: () => void): void {
		this.events.push(event);
		this.schedule();
	}

	private schedule(): void {
		if (!this.turning && !this.scheduled) {
			this.scheduled = true;
			// Not every engine has queueMicrotask.
			void Promise.resolve().then(() => {
				this.scheduled = false;
				this.turn();
			});
		}
	}

	private find(address: string, port: number): FakeListener | undefined {
		const any = address.includes(":") ? "::" : "0.0.0.0";
		return this.listeners.get(keyOf(address, port)) ?? this.listeners.get(keyOf(any, port));
	}
}

interface FakeListener {
	readonly accept: (connection: Connection) => void;
	tls: ListenTls | null;
}

function keyOf(address: string, port: number): string {
	return address.startsWith("/") ? address : `${address} ${port}`;
}

/** What the code under test writes to one connection arrives at the other. */
function join(one: FakePeer, other: FakePeer): void {
	one.forwardTo(other);
	other.forwardTo(one);
}

/** Output beyond this is offered to the peer before the turn ends. */
const EARLY = 65_536;

export class FakeConnection implements Connection {
	readonly remoteAddress: string;
	readonly remotePort: number;
	tls: TlsFacts | null = null;
	readonly peer: FakePeer;
	private readonly network: FakeNetwork;
	private handler: ConnectionHandler | null = null;
	private output: number[] = [];
	private input = new Uint8Array(0);
	private unseen = false;
	private room = Infinity;
	private piled = false;
	private paused = false;
	private closing = false;
	private over = false;
	private error: HostError | null = null;

	constructor(network: FakeNetwork, remoteAddress: string, remotePort: number) {
		this.network = network;
		this.remoteAddress = remoteAddress;
		this.remotePort = remotePort;
		this.peer = new FakePeer(this, network);
	}

	get buffered(): number {
		return this.output.length;
	}

	start(handler: ConnectionHandler): void {
		if (this.handler !== null) {
			throw new Error("start: only once");
		}
		this.handler = handler;
		if (this.over) {
			this.network.later(() => handler.onClose(this.error));
		} else if (this.unseen) {
			this.network.later(() => this.deliver());
		}
	}

	write(bytes: Uint8Array, start: number, end: number): number {
		if (this.handler === null) {
			throw new Error("write: before start");
		}
		if (this.closing) {
			return 0;
		}
		for (let at = start; at < end; at++) {
			this.output.push(bytes[at]!);
		}
		this.network.markDirty(this);
		if (this.output.length > EARLY) {
			this.flush();
		}
		return this.output.length;
	}

	pause(paused: boolean): void {
		this.paused = paused;
		if (!paused && this.unseen) {
			this.network.later(() => this.deliver());
		}
	}

	close(): void {
		if (!this.closing) {
			this.closing = true;
			this.network.markDirty(this);
		}
	}

	destroy(): void {
		this.closing = true;
		this.output = [];
		this.finish(null);
	}

	/** For FakePeer: input has come. */
	receive(bytes: Uint8Array): void {
		if (this.closing || bytes.length === 0) {
			return;
		}
		const joined = new Uint8Array(this.input.length + bytes.length);
		joined.set(this.input);
		joined.set(bytes, this.input.length);
		this.input = joined;
		this.unseen = true;
		this.deliver();
	}

	/** For FakePeer: how many octets more the peer takes. */
	allow(room: number): void {
		this.room = room;
		this.network.markDirty(this);
	}

	/** For FakeNetwork, at the end of a turn. */
	flush(): void {
		const count = Math.min(this.room, this.output.length);
		this.room -= count;
		if (count > 0) {
			this.peer.arrive(Uint8Array.from(this.output.splice(0, count)));
		}
		if (this.output.length > 0) {
			this.piled = true;
		} else if (this.closing) {
			this.finish(null);
		} else if (this.piled) {
			this.piled = false;
			this.network.later(() => {
				if (!this.closing) {
					this.handler!.onDrain();
				}
			});
		}
	}

	/** The connection is over: both sides are told. */
	finish(error: HostError | null): void {
		if (this.over) {
			return;
		}
		this.over = true;
		this.closing = true;
		this.error = error;
		this.output = [];
		this.peer.ended();
		const { handler } = this;
		if (handler !== null) {
			this.network.later(() => handler.onClose(error));
		}
	}

	private deliver(): void {
		if (this.handler === null || this.paused || this.closing || !this.unseen) {
			return;
		}
		this.unseen = false;
		// At an odd place in a larger array that is spoilt afterwards: who keeps a reference is found out.
		const lent = new Uint8Array(this.input.length + 7).fill(0xa5);
		lent.set(this.input, 3);
		const end = 3 + this.input.length;
		const used = this.handler.onData(lent, 3, end);
		if (!(used >= 0 && used <= end - 3)) {
			throw new RangeError(`onData consumed ${used} of ${end - 3} octets`);
		}
		this.input = lent.slice(3 + used, end);
		lent.fill(0xa5);
	}
}

/** The test's end of a connection. */
export class FakePeer {
	/** Whether the code under test has closed the connection, or we have. */
	closed = false;
	/** What arrived, one array for each flush. */
	readonly chunks: Uint8Array[] = [];
	private readonly connection: FakeConnection;
	private readonly network: FakeNetwork;
	private other: FakePeer | null = null;

	constructor(connection: FakeConnection, network: FakeNetwork) {
		this.connection = connection;
		this.network = network;
	}

	/** Sends each piece as one arrival of input, each in a turn of its own. */
	send(...pieces: (Uint8Array | readonly number[])[]): void {
		for (const piece of pieces) {
			this.connection.receive(Uint8Array.from(piece));
			this.network.turn();
		}
	}

	/** Sends in pieces of `size` octets. */
	sendSplit(bytes: Uint8Array, size: number): void {
		for (let at = 0; at < bytes.length; at += size) {
			this.send(bytes.subarray(at, at + size));
		}
	}

	/** All that arrived since the last `take`, joined. */
	take(): Uint8Array {
		const length = this.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
		const all = new Uint8Array(length);
		let at = 0;
		for (const chunk of this.chunks.splice(0)) {
			all.set(chunk, at);
			at += chunk.length;
		}
		return all;
	}

	/** Takes no more output (a slow consumer) but `octets` of it. */
	hold(octets = 0): void {
		this.connection.allow(octets);
		this.network.turn();
	}

	/** Takes output again as it comes. */
	release(): void {
		this.connection.allow(Infinity);
		this.network.turn();
	}

	/** Ends our output in an orderly way. */
	end(): void {
		this.connection.close();
		this.network.turn();
	}

	/** Breaks the connection. */
	reset(code = "ECONNRESET"): void {
		this.connection.finish(fakeError(code));
		this.network.turn();
	}

	/** For FakeNetwork: what arrives here goes out there. */
	forwardTo(other: FakePeer): void {
		this.other = other;
	}

	/** For FakeConnection. */
	arrive(bytes: Uint8Array): void {
		const { other } = this;
		if (other === null) {
			this.chunks.push(bytes);
		} else {
			this.network.later(() => other.connection.receive(bytes));
		}
	}

	/** For FakeConnection. */
	ended(): void {
		this.closed = true;
		const { other } = this;
		if (other !== null) {
			this.network.later(() => other.connection.close());
		}
	}
}
