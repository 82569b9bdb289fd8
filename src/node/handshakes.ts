/**
 * Unfinished TLS handshakes of one listener: their number and time are limited, and a turn of the loop begins one. What comes
 * after a client's first record is worked through by node:tls as it comes: in 1.2 an agreement on a key, and certificates of
 * clients; in 1.3 nothing else that takes time.
 */

import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import type { Connection } from "../host/network.ts";
import type { ListenTls, TlsServerContext } from "../host/tls.ts";
import { NodeConnection } from "./connection.ts";
import { type HandshakeEnd, type NodeServerContext, tlsError } from "./tls.ts";

const HANDSHAKE_TIME = 20_000;
const HANDSHAKES = 100;
/** What a client of TLS begins with: a record of type handshake, and the version's first octet. */
const HANDSHAKE_RECORD = 22;
const MAJOR = 3;
/** Octets that a record has before its content, and of its content at most. */
const RECORD_HEADER = 5;
const RECORD_LIMIT = 16_384;

/** Handshakes of all listeners whose first record has come. */
const waiting: (() => void)[] = [];

/**
 * Calls `begin` in a turn of the loop in which it is the only one. node:tls answers a first record at once, with all that a
 * server does with its keys; who has nothing to do with it must not wait for more than one of these.
 */
function inTurn(begin: () => void): void {
	waiting.push(begin);
	if (waiting.length === 1) setImmediate(beginFirst);
}

function beginFirst(): void {
	// It stays in the list meanwhile, so that nobody else asks for the next turn.
	waiting[0]!();
	waiting.shift();
	if (waiting.length > 0) setImmediate(beginFirst);
}

/** How many octets are waited for, by the first of them. OpenSSL refuses a record that is too long by its header. */
function wanted(head: Buffer): number {
	if (head.length < RECORD_HEADER) return RECORD_HEADER;
	const length = head.readUInt16BE(3);
	return length > RECORD_LIMIT ? RECORD_HEADER : RECORD_HEADER + length;
}

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
		const end: HandshakeEnd = {
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
		};
		this.awaitFirst(socket, (speaksTls) => {
			if (!speaksTls) {
				refuse("TLS_NOT_TLS");
				return;
			}
			inTurn(() => {
				// It may have been refused meanwhile.
				if (this.running.has(socket)) this.context.begin(socket, end);
			});
		});
	}

	/**
	 * Waits for a client's first record, looks at it, and puts it back: OpenSSL has several names for what is no TLS, and
	 * what is whole is answered in our turn.
	 */
	private awaitFirst(socket: Socket, next: (speaksTls: boolean) => void): void {
		const pieces: Buffer[] = [];
		let length = 0;
		let head = Buffer.alloc(0);
		const look = () => {
			const more: Buffer | null = socket.read();
			if (more === null) return;
			pieces.push(more);
			length += more.length;
			if (head.length < RECORD_HEADER) head = Buffer.concat(pieces);
			const isWrong = head[0] !== HANDSHAKE_RECORD || (length > 1 && head[1] !== MAJOR);
			if (!isWrong && length < wanted(head)) return;
			socket.removeListener("readable", look);
			socket.unshift(Buffer.concat(pieces));
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
