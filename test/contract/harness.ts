/** A test harness that needs nothing but a host: it prints TAP-like lines and ends the process. */

import type { Connection, ConnectionHandler, Host, HostError, Listener } from "../../src/host/host.ts";
import { equal, Failure, ok } from "./assert.ts";

export { equal, ok } from "./assert.ts";

/** Milliseconds after which a suite that does not get on is ended: emulated, it takes far less. */
const TIME_LIMIT = 240_000;

export type Test = (host: Host) => void | Promise<void>;
/** Tests by name, in the order they run in. */
export type Tests = Readonly<Record<string, Test>>;

/** The HostError that `call` throws. */
export function thrown(call: () => unknown): HostError {
	try {
		call();
	} catch (error) {
		return checked(error);
	}
	throw new Failure("did not throw");
}

/** The HostError that `promise` rejects with. */
export async function rejected(promise: Promise<unknown>): Promise<HostError> {
	try {
		await promise;
	} catch (error) {
		return checked(error);
	}
	throw new Failure("did not reject");
}

function checked(error: unknown): HostError {
	ok(error instanceof Error, `not an Error: ${String(error)}`);
	ok(typeof (error as { code?: unknown }).code === "string", `no code: ${error.message}`);
	return error as HostError;
}

/** A step in a test: something waits for it, something else lets it happen. */
export class Gate<T = void> {
	readonly passed: Promise<T>;
	open: (value: T) => void = () => {};

	constructor() {
		this.passed = new Promise((resolve) => {
			this.open = resolve;
		});
	}
}

/** The loop has gone round: what was ready has been told, and output flushed. */
export function turn(host: Host): Promise<void> {
	return new Promise((resolve) => {
		host.timers.after(0, resolve);
	});
}

/** One end of a connection that writes down what it is told. */
export class End implements ConnectionHandler {
	readonly connection: Connection;
	/** Octets consumed. */
	received = 0;
	/** Calls of onData. */
	calls = 0;
	drains = 0;
	closes = 0;
	error: HostError | null = null;
	/** Whether we are inside one of the connection's own calls. */
	inside = false;
	/** Whether something was told from inside a call. */
	reentered = false;
	/** Consumes what was received; all of it unless a test says otherwise. */
	consume: (bytes: Uint8Array, start: number, end: number) => number = (_bytes, start, end) => end - start;
	drained: () => void = () => {};
	private waiting: { test: () => boolean; done: () => void }[] = [];

	constructor(connection: Connection) {
		this.connection = connection;
	}

	start(): this {
		this.own(() => this.connection.start(this));
		return this;
	}

	write(bytes: Uint8Array, start = 0, end = bytes.length): number {
		return this.own(() => this.connection.write(bytes, start, end));
	}

	close(): void {
		this.own(() => this.connection.close());
	}

	destroy(): void {
		this.own(() => this.connection.destroy());
	}

	pause(paused: boolean): void {
		this.own(() => this.connection.pause(paused));
	}

	onData(bytes: Uint8Array, start: number, end: number): number {
		this.told();
		this.calls++;
		const used = this.consume(bytes, start, end);
		this.received += used;
		this.check();
		return used;
	}

	onDrain(): void {
		this.told();
		this.drains++;
		this.drained();
		this.check();
	}

	onClose(error: HostError | null): void {
		this.told();
		this.closes++;
		this.error = error;
		this.check();
	}

	/** Resolves as soon as `test` holds; it is asked after everything that this end is told. */
	until(test: () => boolean): Promise<void> {
		return new Promise((resolve) => {
			this.waiting.push({ test, done: resolve });
			this.check();
		});
	}

	closed(): Promise<void> {
		return this.until(() => this.closes > 0);
	}

	private own<T>(call: () => T): T {
		const outer = this.inside;
		this.inside = true;
		try {
			return call();
		} finally {
			this.inside = outer;
		}
	}

	private told(): void {
		this.reentered ||= this.inside;
	}

	private check(): void {
		const met = this.waiting.filter((waiter) => waiter.test());
		this.waiting = this.waiting.filter((waiter) => !met.includes(waiter));
		for (const waiter of met) {
			waiter.done();
		}
	}
}

/** Two ends of one connection, neither of them started. */
export interface Pair {
	readonly client: End;
	readonly server: End;
	readonly listener: Listener;
}

export async function connectPair(host: Host, address = "127.0.0.1"): Promise<Pair> {
	const accepted = new Gate<Connection>();
	const listener = await host.network.listen({ address, port: 0, noDelay: true }, accepted.open);
	const client = await host.network.connect({ host: address, port: listener.port, noDelay: true });
	const server = await accepted.passed;
	return { client: new End(client), server: new End(server), listener };
}

/** Ends a pair; both ends must have been told so exactly once, and nothing from inside a call. */
export async function endPair({ client, server, listener }: Pair): Promise<void> {
	listener.close();
	client.close();
	await Promise.all([client.closed(), server.closed()]);
	for (const [end, name] of [
		[client, "client"],
		[server, "server"],
	] as const) {
		equal(end.closes, 1, `onClose calls of the ${name}`);
		ok(!end.reentered, `the ${name} was called from inside its own call`);
	}
}

/** `length` octets of which any part tells its place: the pattern repeats after 65,521 octets. */
export function pattern(length: number): Uint8Array {
	const bytes = new Uint8Array(length);
	for (let at = 0; at < Math.min(length, PERIOD); at++) {
		bytes[at] = (at * 167 + (at >> 8)) & 0xff;
	}
	for (let filled = PERIOD; filled < length; filled *= 2) {
		bytes.copyWithin(filled, 0, Math.min(filled, length - filled));
	}
	return bytes;
}

const PERIOD = 65_521;

/** A path for this test alone. */
export function scratch(host: Host, name: string): string {
	const folder = host.process.env("CONTRACT_DIR") ?? "/tmp";
	let unique = "";
	for (const octet of host.random.bytes(6)) {
		unique += octet.toString(16).padStart(2, "0");
	}
	return `${folder}/${unique}-${name}`;
}

/** Writes a line to standard output. */
export function say(host: Host, line: string): void {
	host.process.stdout.write(host.utf8.encode(`${line}\n`));
}

/** Runs the tests one after another and ends the process: code 0 when all passed. */
export async function runTests(host: Host, suites: Readonly<Record<string, Tests>>): Promise<never> {
	const only = host.process.env("CONTRACT_ONLY");
	let passed = 0;
	let failed = 0;
	let running = "start";
	const limit = host.timers.after(TIME_LIMIT, () => {
		say(host, `not ok ${passed + failed + 1} - ${running}\n  # no end after ${TIME_LIMIT / 1000} s`);
		say(host, `${passed} passed, ${failed + 1} failed`);
		host.process.exit(1);
	});
	for (const [suite, tests] of Object.entries(suites)) {
		for (const [name, test] of Object.entries(tests)) {
			running = `${suite}: ${name}`;
			if (only !== undefined && !running.includes(only)) {
				continue;
			}
			try {
				await test(host);
				passed++;
				say(host, `ok ${passed + failed} - ${running}`);
			} catch (error) {
				failed++;
				const text = error instanceof Failure ? error.message : describe(error);
				say(host, `not ok ${passed + failed} - ${running}\n  # ${text.replaceAll("\n", "\n  # ")}`);
			}
		}
	}
	limit.cancel();
	say(host, `${passed} passed, ${failed} failed`);
	return host.process.exit(failed > 0 || passed === 0 ? 1 : 0);
}

function describe(error: unknown): string {
	if (!(error instanceof Error)) {
		return String(error);
	}
	const cause = error.cause === undefined ? "" : `\ncause: ${describe(error.cause)}`;
	return `${error.name}: ${error.message}\n${error.stack ?? ""}${cause}`;
}
