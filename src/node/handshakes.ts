/** Unfinished TLS handshakes of one listener: their number and time are limited. */

import type { Socket } from "node:net";
import type { Connection } from "../host/network.ts";
import type { ListenTls, TlsServerContext } from "../host/tls.ts";
import { NodeConnection } from "./connection.ts";
import { type NodeServerContext, tlsError } from "./tls.ts";

const HANDSHAKE_TIME = 20_000;
const HANDSHAKES = 100;
/** What a client of TLS begins with: a record of type handshake, and the version's first octet. */
const HANDSHAKE_RECORD = 22;
const MAJOR = 3;

export class Handshakes {
	private readonly options: ListenTls;
	private readonly onConnection: (connection: Connection) => void;
	private context: NodeServerContext;
	/** What ends each, with an error's code, the oldest first. */
	private readonly running = new Map<Socket, (code: string) => void>();

	constructor(options: ListenTls, onConnection: (connection: Connection) => void) {
		this.options = options;
		this.onConnection = onConnection;
		this.context = options.context as NodeServerContext;
	}

	setContext(context: TlsServerContext): void {
		this.context = context as NodeServerContext;
	}

	begin(socket: Socket): void {
		const { handshakes = HANDSHAKES, handshakeTime = HANDSHAKE_TIME } = this.options;
		const { remoteAddress = "", remotePort = 0 } = socket;
		const [oldest] = this.running.values();
		if (oldest !== undefined && this.running.size >= handshakes) oldest("TLS_BUSY");
		const leave = () => {
			clearTimeout(timer);
			return this.running.delete(socket);
		};
		const refuse = (code: string) => {
			if (!leave()) return;
			this.options.refused(remoteAddress, remotePort, tlsError(code));
			socket.destroy();
		};
		const timer = setTimeout(() => refuse("TLS_TIMEOUT"), handshakeTime);
		this.running.set(socket, refuse);
		socket.once("close", () => refuse("TLS_CLOSED"));
		// A reset; "close" follows.
		socket.on("error", () => {});
		this.awaitFirst(socket, (speaksTls) => {
			if (!speaksTls) {
				refuse("TLS_NOT_TLS");
				return;
			}
			this.context.begin(socket, {
				done: (secure, facts) => {
					if (!leave()) return;
					const connection = new NodeConnection();
					connection.attachTls(secure, facts, remoteAddress, remotePort);
					this.onConnection(connection);
				},
				failed: (error) => {
					// What befell a client's network is all one to us.
					const isOurs = /^(TLS|CERT)_/.test(error.code);
					const told = isOurs ? error : tlsError("TLS_CLOSED", error);
					if (leave()) this.options.refused(remoteAddress, remotePort, told);
				},
			});
		});
	}

	/** Looks at a client's first octets, and puts them back: OpenSSL has several names for what is no TLS. */
	private awaitFirst(socket: Socket, next: (speaksTls: boolean) => void): void {
		let first = Buffer.alloc(0);
		const look = () => {
			const more: Buffer | null = socket.read();
			if (more === null) return;
			first = Buffer.concat([first, more]);
			const isWrong = first[0] !== HANDSHAKE_RECORD || (first.length > 1 && first[1] !== MAJOR);
			if (!isWrong && first.length < 2) return;
			socket.removeListener("readable", look);
			socket.unshift(first);
			next(!isWrong);
		};
		socket.on("readable", look);
	}

	/** Drops all without telling. */
	drop(): void {
		for (const socket of [...this.running.keys()]) {
			this.running.delete(socket);
			socket.destroy();
		}
	}
}
