/** The client's end of WebSocket: a Network whose connections begin with the handshake. */

import { encodeBase64 } from "../host/base64.ts";
import type {
	Connection,
	ConnectionHandler,
	ConnectOptions,
	HostError,
	Network,
	Timers,
} from "../host/host.ts";
import { WebSocketConnection } from "./connection.ts";
import { Entry } from "./entry.ts";
import { checkAnswer, upgradeRequest } from "./handshake.ts";
import { HeadReader, HttpError, readAnswer } from "./http.ts";
import type { HttpHost } from "./http-stage.ts";

/** Milliseconds for the handshake unless the caller says how long connecting may take. */
const TIMEOUT = 60_000;

/**
 * A network that connects by way of `network`, and to `path` then. Connecting also fails with EPROTO, when the server does not
 * take the handshake. In all else it is as `network`.
 */
export function webSocketNetwork(
	host: HttpHost & { readonly timers: Timers },
	network: Network,
	path: string,
): Network {
	return {
		listen: (options, onConnection) => network.listen(options, onConnection),
		resolve: (name) => network.resolve(name),
		interfaceAddresses: (name) => network.interfaceAddresses(name),
		beforeFlush: (callback) => network.beforeFlush(callback),
		async connect(options: ConnectOptions): Promise<Connection> {
			const entry = new Entry(await network.connect(options));
			return new Promise((fulfil, reject) => {
				const limit = host.timers.after(options.timeout ?? TIMEOUT, () => {
					reject(failure("ETIMEDOUT", "Connection timed out"));
					entry.destroy();
				});
				const handshake = new Handshake(host, entry, (error) => {
					limit.cancel();
					if (error === null) fulfil(new WebSocketConnection(host, entry, true));
					else reject(error);
				});
				handshake.begin(authority(options), path);
			});
		},
	};
}

function authority({ host, port }: ConnectOptions): string {
	// A unix socket has no name of its own.
	if (host.startsWith("/")) return "localhost";
	return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function failure(code: string, message: string): HostError {
	return Object.assign(new Error(message), { code });
}

/** Sends the request and waits for the answer. */
class Handshake implements ConnectionHandler {
	private readonly host: HttpHost;
	private readonly entry: Entry;
	private readonly done: (error: HostError | null) => void;
	private readonly head = new HeadReader();
	private readonly key: string;
	private isDone = false;

	constructor(host: HttpHost, entry: Entry, done: (error: HostError | null) => void) {
		this.host = host;
		this.entry = entry;
		this.done = done;
		this.key = encodeBase64(host.random.bytes(16));
	}

	begin(server: string, path: string): void {
		this.entry.begin(this);
		const request = this.host.utf8.encode(upgradeRequest(server, path, this.key));
		this.entry.write(request, 0, request.length);
	}

	onData(bytes: Uint8Array, start: number, end: number): number {
		// A server of MQTT has nothing to say before CONNECT; if this one has, it is kept until somebody listens.
		if (this.isDone) return 0;
		try {
			const length = this.head.find(bytes, start, end);
			if (length === 0) return 0;
			const { status, headers } = readAnswer(bytes, start, start + length, this.host.utf8);
			checkAnswer(status, headers, this.key, this.host);
			this.finish(null);
			return length;
		} catch (error) {
			if (!(error instanceof HttpError)) throw error;
			this.finish(failure("EPROTO", `WebSocket handshake failed: ${error.message}`));
			this.entry.destroy();
			return end - start;
		}
	}

	onDrain(): void {}

	onClose(error: HostError | null): void {
		this.finish(error ?? failure("ECONNRESET", "Connection reset by peer"));
	}

	private finish(error: HostError | null): void {
		if (this.isDone) return;
		this.isDone = true;
		this.done(error);
	}
}
