/** The wire of the fuzzer of doors: input comes as a host gives it, output is kept. */

import type { Connection, ConnectionHandler } from "../../src/host/host.ts";
import { ok } from "../contract/assert.ts";
import { bytes, concat } from "../vectors/websocket.ts";

/** Octets that may wait for more to come: a head of HTTP takes the most. */
const WAITING_LIMIT = 8192;

/** The end of a connection that the code under test is given. */
export class Wire implements Connection {
	readonly remoteAddress = "198.51.100.1";
	readonly remotePort = 40_000;
	readonly tls = null;
	readonly buffered = 0;
	readonly sent: Uint8Array[] = [];
	isClosed = false;
	private handler: ConnectionHandler | null = null;
	private rest: Uint8Array = new Uint8Array(0);

	start(handler: ConnectionHandler): void {
		this.handler = handler;
	}

	write(octets: Uint8Array, start: number, end: number): number {
		ok(start >= 0 && start <= end && end <= octets.length, "what is written is there");
		if (!this.isClosed) this.sent.push(octets.slice(start, end));
		return 0;
	}

	pause(): void {}

	close(): void {
		this.isClosed = true;
	}

	destroy(): void {
		this.isClosed = true;
	}

	/** Gives all octets, in pieces of these lengths and what is left in one. */
	giveAll(octets: Uint8Array, pieces: readonly number[]): void {
		let at = 0;
		for (const length of pieces) {
			this.give(octets.subarray(at, at + length));
			at += length;
		}
		this.give(octets.subarray(at));
	}

	private give(octets: Uint8Array): void {
		if (this.isClosed || octets.length === 0) return;
		const all = concat([this.rest, octets]);
		const lent = concat([bytes(1, 2, 3), all, bytes(4)]);
		const used = this.handler!.onData(lent, 3, 3 + all.length);
		ok(used >= 0 && used <= all.length, `consumed ${used} of ${all.length}`);
		this.rest = lent.slice(3 + used, 3 + all.length);
		ok(this.isClosed || this.rest.length <= WAITING_LIMIT, `${this.rest.length} octets wait for more`);
	}

	end(): void {
		this.isClosed = true;
		this.handler!.onClose(null);
	}
}

/** What became of a connection. */
export interface Outcome {
	served: string;
	received: string;
	sent: string;
	isClosed: boolean;
	ends: string[];
}
