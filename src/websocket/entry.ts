/**
 * A connection whose first octets are for others than for who serves it: stages take the input in turn, each until it
 * puts the next one in its place. Who serves it is the last stage: `start` makes it that.
 */

import type { Connection, ConnectionHandler, HostError, TlsFacts } from "../host/host.ts";

export class Entry implements Connection, ConnectionHandler {
	/** May be changed by a stage that knows better, before the connection is handed on. */
	remoteAddress: string;
	remotePort: number;
	readonly tls: TlsFacts | null;
	/** Who the client is by what a proxy says of its certificate. */
	identity: string | null = null;
	private readonly below: Connection;
	private stage: ConnectionHandler | null = null;
	/** Whether the last stage has come. */
	private isStarted = false;
	/** How it ended. */
	private end: { readonly error: HostError | null } | null = null;

	constructor(below: Connection) {
		this.below = below;
		this.remoteAddress = below.remoteAddress;
		this.remotePort = below.remotePort;
		this.tls = below.tls;
	}

	/** Begins with its first stage. */
	begin(stage: ConnectionHandler): void {
		this.stage = stage;
		this.below.start(this);
	}

	/** To be called by a stage: what it does not consume goes to `stage`. */
	proceed(stage: ConnectionHandler): void {
		this.stage = stage;
	}

	start(handler: ConnectionHandler): void {
		if (this.isStarted) throw new Error("start: only once");
		this.isStarted = true;
		this.stage = handler;
		// It ended before anybody was there to be told.
		const { end } = this;
		if (end !== null) void Promise.resolve().then(() => handler.onClose(end.error));
	}

	get buffered(): number {
		return this.below.buffered;
	}

	write(bytes: Uint8Array, start: number, end: number): number {
		return this.below.write(bytes, start, end);
	}

	pause(paused: boolean): void {
		this.below.pause(paused);
	}

	close(): void {
		this.below.close();
	}

	destroy(): void {
		this.below.destroy();
	}

	onData(bytes: Uint8Array, start: number, end: number): number {
		let at = start;
		for (;;) {
			const { stage } = this;
			at += stage!.onData(bytes, at, end);
			// Whoever is last may have ended it, and is not called any more then; what is left is dropped by the host.
			if (stage === this.stage || at === end) return at - start;
		}
	}

	onDrain(): void {
		this.stage!.onDrain();
	}

	onClose(error: HostError | null): void {
		const { stage } = this;
		this.end = { error };
		// The stages know this connection: else only a collection of garbage would free them.
		this.stage = null;
		stage!.onClose(error);
	}
}
