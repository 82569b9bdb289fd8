/** The client's end of WebSocket for the fuzzer of doors: the answer to its handshake, then frames of a server. */

import type { HostError } from "../../src/host/host.ts";
import { WebSocketConnection } from "../../src/websocket/connection.ts";
import { Entry } from "../../src/websocket/entry.ts";
import { acceptFor, checkAnswer, type HandshakeHost } from "../../src/websocket/handshake.ts";
import { HeadReader, HttpError, readAnswer } from "../../src/websocket/http.ts";
import type { HttpHost } from "../../src/websocket/http-stage.ts";
import { BINARY, bytes, CLOSE, closing, concat, FIN, frame, PING, PONG, TEXT } from "../vectors/websocket.ts";
import { hex } from "./run.ts";
import { type Outcome, Wire } from "./wire.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** What servers send, the head of the answer first. */
export function serverConversations(host: HandshakeHost): Uint8Array[] {
	const lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: WebSocket", "Connection: keep-alive, Upgrade"];
	lines.push(`Sec-WebSocket-Accept: ${acceptFor(KEY, host)}`, "Sec-WebSocket-Protocol: mqtt");
	const head = bytes(`${lines.join("\r\n")}\r\n\r\n`);
	const [short, long] = [bytes("packet"), new Uint8Array(300)];
	const part = (first: number, payload = short) => frame(first, payload, false);
	return [
		[part(FIN | BINARY), part(FIN | BINARY, long), part(FIN | PING), part(FIN | BINARY)],
		[part(BINARY), part(FIN | PONG), part(0), part(FIN | 0, long), part(FIN | CLOSE, closing(1000, "bye"))],
		[part(FIN | TEXT), part(FIN | BINARY)],
		[part(FIN | CLOSE, closing(1001))],
		[bytes(FIN | BINARY, 127, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff), long],
		[frame(FIN | BINARY, short)],
	].map((frames) => concat([head, ...frames]));
}

/** Gives it to a client that asked to be connected; `host` masks with zeros. */
export function runAsClient(host: HttpHost, octets: Uint8Array, pieces: readonly number[]): Outcome {
	const outcome: Outcome = { served: "nobody", received: "", sent: "", isClosed: false, ends: [] };
	const wire = new Wire();
	const entry = new Entry(wire);
	const head = new HeadReader();
	const received: Uint8Array[] = [];
	entry.begin({
		onData(data, start, end) {
			try {
				const length = head.find(data, start, end);
				if (length === 0) return 0;
				const { status, headers } = readAnswer(data, start, start + length, host.utf8);
				checkAnswer(status, headers, KEY, host);
				outcome.served = "served";
				serve(new WebSocketConnection(host, entry, true), received, outcome);
				return length;
			} catch (error) {
				if (!(error instanceof HttpError)) throw error;
				wire.destroy();
				return end - start;
			}
		},
		onDrain() {},
		onClose() {},
	});
	wire.giveAll(octets, pieces);
	outcome.isClosed = wire.isClosed;
	wire.end();
	outcome.received = hex(concat(received));
	outcome.sent = hex(concat(wire.sent));
	return outcome;
}

function serve(connection: WebSocketConnection, received: Uint8Array[], outcome: Outcome): void {
	connection.start({
		// One octet is left each time, so that what is left over is always among it.
		onData(data, start, end) {
			const used = Math.max(0, end - start - 1);
			received.push(data.slice(start, start + used));
			return used;
		},
		onDrain() {},
		onClose: (error: HostError | null) => void outcome.ends.push(error === null ? "end" : error.message),
	});
}
