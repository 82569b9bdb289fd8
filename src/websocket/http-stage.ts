/** The stage of a connection that speaks HTTP: one request, which becomes a WebSocket connection or gets an answer. */

import type { ConnectionHandler, HostError, Utf8 } from "../host/host.ts";
import { WebSocketConnection, type WebSocketHost } from "./connection.ts";
import type { Entry } from "./entry.ts";
import { acceptUpgrade, asksForUpgrade, type HandshakeHost } from "./handshake.ts";
import { answerHead, HeadReader, HttpError, type Request, readRequest } from "./http.ts";

/** What is answered to a request. */
export interface Answer {
	readonly status: number;
	readonly headers: readonly (readonly [string, string])[];
	readonly body: Uint8Array;
}

/** Gives what a request comes to: an answer, or why there is none. To be called once, at once or later. */
export type Reply = (result: Answer | HttpError) => void;

/** What serves requests. */
export interface HttpService {
	/** Whether a request may become a WebSocket connection, and those of which origins (none for all). */
	readonly upgrades: boolean;
	readonly origins: readonly string[];
	/** Answers a request that is none for WebSocket. Throws an HttpError, or replies. */
	answer(request: Request, reply: Reply): void;
	/** A request came that can be read. Throws an HttpError to refuse it. */
	arrived(request: Request): void;
	/** A WebSocket connection, to be started or ended at once. */
	opened(connection: WebSocketConnection): void;
	/** The request was refused. */
	refused(error: HttpError): void;
	/** An answer is being sent; nobody else serves this connection any more. */
	answering(): void;
	/** The connection is over. */
	ended(): void;
}

export interface HttpHost extends WebSocketHost, HandshakeHost {
	readonly utf8: Utf8;
}

const none = new Uint8Array(0);
/** Octets of an answer that are written at once: so many that they are offered to the system without waiting. */
const PIECE = 65_537;

export class HttpStage implements ConnectionHandler {
	private readonly host: HttpHost;
	private readonly entry: Entry;
	private readonly service: HttpService;
	private readonly head = new HeadReader();
	/** The request has come; what comes after it is not looked at. */
	private isAnswered = false;
	private isSending = false;
	private isOver = false;
	/** What of the answer's body is still to be written. */
	private body: Uint8Array = none;

	constructor(host: HttpHost, entry: Entry, service: HttpService) {
		this.host = host;
		this.entry = entry;
		this.service = service;
	}

	onData(bytes: Uint8Array, start: number, end: number): number {
		// One request is answered; what comes after it is not looked at.
		if (this.isAnswered) return end - start;
		try {
			const length = this.head.find(bytes, start, end);
			if (length === 0) return 0;
			this.serve(readRequest(bytes, start, start + length, this.host.utf8));
			return length;
		} catch (error) {
			if (!(error instanceof HttpError)) throw error;
			this.refuse(error);
			return end - start;
		}
	}

	private serve(request: Request): void {
		const { host, entry, service } = this;
		service.arrived(request);
		if (!service.upgrades || !asksForUpgrade(request.headers)) {
			this.isAnswered = true;
			service.answer(request, (result) => {
				// Who asked may have gone meanwhile.
				if (this.isOver) return;
				if (result instanceof HttpError) this.refuse(result);
				else this.send(result, request.method !== "HEAD");
			});
			return;
		}
		const head = host.utf8.encode(acceptUpgrade(request, service.origins, host));
		this.isAnswered = true;
		entry.write(head, 0, head.length);
		service.opened(new WebSocketConnection(host, entry, false));
	}

	private refuse(error: HttpError): void {
		this.service.refused(error);
		this.send(refusal(error, this.host.utf8), true);
	}

	private send(answer: Answer, hasBody: boolean): void {
		const { entry } = this;
		this.isAnswered = true;
		this.isSending = true;
		this.service.answering();
		const head = answerHead(answer.status, [
			...answer.headers,
			["Content-Length", String(answer.body.length)],
			["Connection", "close"],
		]);
		const octets = this.host.utf8.encode(head);
		entry.write(octets, 0, octets.length);
		if (hasBody) this.body = answer.body;
		this.sendBody();
	}

	/** A long body goes out as fast as it is taken: `close` allows for little more than is written already. */
	private sendBody(): void {
		const { entry } = this;
		while (this.body.length > 0) {
			const length = Math.min(PIECE, this.body.length);
			const buffered = entry.write(this.body, 0, length);
			this.body = this.body.subarray(length);
			if (length === PIECE && buffered > 0) return;
		}
		entry.close();
	}

	onDrain(): void {
		if (this.isSending) this.sendBody();
	}

	onClose(_error: HostError | null): void {
		this.isOver = true;
		this.body = none;
		this.service.ended();
	}
}

function refusal(error: HttpError, utf8: Utf8): Answer {
	const headers: [string, string][] = [["Content-Type", "text/plain"]];
	if (error.status === 405) headers.push(["Allow", "GET, HEAD"]);
	if (error.status === 426) headers.push(["Upgrade", "websocket"], ["Sec-WebSocket-Version", "13"]);
	return { status: error.status, headers, body: utf8.encode(`${error.message}\n`) };
}
