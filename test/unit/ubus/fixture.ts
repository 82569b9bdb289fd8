/** A bus on a fake host, and clients of it. */

import assert from "node:assert/strict";
import type { Log } from "../../../src/host/host.ts";
import { UbusClient, UbusError, type UbusOptions } from "../../../src/ubus/client.ts";
import { createFakeHost } from "../../fake/host.ts";
import { FakeUbusd } from "../../fake/ubusd.ts";

export const SOCKET = "/var/run/ubus/ubus.sock";

/** Lets everything happen that needs no time to pass. */
export async function settle(): Promise<void> {
	for (let count = 0; count < 5; count++) await new Promise((resolve) => setImmediate(resolve));
}

export interface Stage {
	readonly host: ReturnType<typeof createFakeHost>;
	readonly bus: FakeUbusd;
	/** What clients have logged. */
	readonly lines: string[];
	/** A client, open. */
	connect(options?: UbusOptions): Promise<UbusClient>;
	/** Milliseconds go by, and everything that they bring happens. */
	pass(ms: number): Promise<void>;
}

/** A stage whose ubusd listens, unless told not to. */
export async function startBus(socket: string | null = SOCKET): Promise<Stage> {
	const host = createFakeHost();
	const bus = new FakeUbusd(host);
	if (socket !== null) await bus.listen(socket);
	const lines: string[] = [];
	const log: Log = { enabled: () => true, write: (type, text) => void lines.push(`${type}: ${text}`) };
	return {
		host,
		bus,
		lines,
		async connect(options) {
			const client = new UbusClient(host, log, options);
			client.open();
			await settle();
			return client;
		},
		async pass(ms) {
			host.clock.advance(ms);
			await settle();
		},
	};
}

/** Checks that a promise rejects with that status and text. */
export async function fails(promise: Promise<unknown>, code: number, message: string): Promise<UbusError> {
	let caught: unknown;
	await assert.rejects(promise, (error) => {
		caught = error;
		return true;
	});
	assert.ok(caught instanceof UbusError, String(caught));
	assert.deepEqual({ code: caught.code, message: caught.message }, { code, message });
	return caught;
}

/** A table as a literal has it: with prototypes. */
export function plain(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(plain);
	if (typeof value !== "object" || value === null) return value;
	return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
}
