/**
 * What test/fuzz/tls.ts runs: TLS of the C host against itself over a wire that damages records. Handshakes are live, so that
 * damage comes as far as what is encrypted, and both sides, server and client, have to do with it.
 *
 * Arguments: a folder of certificates, a seed, seconds.
 */

import type {
	Connection,
	Host,
	HostError,
	Listener,
	Tls,
	TlsClientContext,
	TlsClientOptions,
	TlsServerOptions,
} from "../../src/host/host.ts";
import { createQuickJsHost } from "../../src/qjs/host.ts";
import { damage, Random } from "./mutate.ts";

/** Conversations at once: those that wait for what was left out cost the others nothing. */
const PARALLEL = 16;
/** Milliseconds after which a conversation is cut off. */
const PATIENCE = 1000;
/** Octets of memory that all of it may take beyond what it took after the first conversations, of which there are half at most. */
const GROWTH = 48 * 1024 * 1024;
const WARM_UP = 200;
const RECORD_TYPES = [0, 20, 21, 22, 22, 23, 23, 24, 128, 255];
const LENGTHS = [0, 1, 2, 255, 256, 4096, 16384, 16385, 16640, 16641, 18432, 18433, 65535];

interface Kind {
	readonly name: string;
	readonly port: number;
	readonly context: TlsClientContext;
}

/** Records that were seen, of all conversations and both directions, to be sent at a wrong place. */
const seen: Uint8Array[] = [];

class Fuzzer {
	readonly #host: Host;
	readonly #tls: Tls;
	readonly #folder: string;
	readonly #seed: number;
	readonly #end: number;
	readonly #listeners: Listener[] = [];
	readonly #kinds: Kind[] = [];
	readonly #outcomes = new Map<string, number>();
	#begun = 0;
	#over = 0;
	#base = 0;

	constructor(host: Host, folder: string, seed: number, seconds: number) {
		this.#host = host;
		if (host.tls === null) throw new Error("no TLS");
		this.#tls = host.tls;
		this.#folder = folder;
		this.#seed = seed;
		this.#end = host.clock.monotonic() + seconds * 1000;
	}

	/** Runs until the time is over, and growth of memory could be seen. */
	async run(): Promise<void> {
		await this.#prepare();
		await Promise.all(Array.from({ length: PARALLEL }, () => this.#converse()));
		for (const listener of this.#listeners) listener.close();
		const lines = [...this.#outcomes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([what, n]) => `${what} ${n}`);
		const { current } = this.#host.process.memory();
		this.#say(`${this.#over} conversations, ${Math.round(current / 1024 / 1024)} MB: ${lines.join(", ")}\n`);
		for (const side of ["server", "client"]) {
			for (const what of ["served", "refused"]) {
				if (!lines.some((line) => line.startsWith(`${side} ${what}`)))
					throw new Error(`${side}: none ${what}`);
			}
		}
	}

	#say(text: string): void {
		this.#host.process.stdout.write(this.#host.utf8.encode(text));
	}

	#count(what: string): void {
		this.#outcomes.set(what, (this.#outcomes.get(what) ?? 0) + 1);
	}

	#file(name: string): Uint8Array {
		return this.#host.files.read(`${this.#folder}/${name}`, 100_000);
	}

	#own(name: string) {
		return { certificate: this.#file(`${name}.pem`), key: this.#file(`${name}.key`) };
	}

	/** A listener for each kind of handshake, and a client's context, which is also gone on with. */
	async #prepare(): Promise<void> {
		const authorities = this.#file("ca.pem");
		const psk = { identity: "sensor", key: new Uint8Array(16).fill(7) };
		const psks = new Map([[psk.identity, psk.key]]);
		const mutual = { requireCertificate: true, authorities, revocations: this.#file("crl.pem") };
		const kinds: readonly (readonly [name: string, server: TlsServerOptions, client: TlsClientOptions])[] = [
			["certificate", this.#own("server"), { authorities }],
			["RSA", this.#own("rsa"), { authorities }],
			["both", { ...this.#own("server"), ...mutual }, { authorities, ...this.#own("client") }],
			["PSK", { psks, pskHint: "hint" }, { psk }],
			["ALPN", { ...this.#own("server"), alpn: ["mqtt", "x"] }, { authorities, alpn: ["x", "y"] }],
		];
		for (const [name, server, client] of kinds) {
			for (const maximumVersion of ["TLSv1.2", "TLSv1.3"] as const) {
				const listener = await this.#serve({ ...server, maximumVersion });
				const context = this.#tls.createClientContext(client);
				this.#kinds.push({ name, port: listener.port, context });
			}
		}
	}

	async #serve(options: TlsServerOptions): Promise<Listener> {
		const refused = (_address: string, _port: number, { code }: HostError) =>
			this.#count(`server refused ${code}`);
		const tls = { context: this.#tls.createServerContext(options), refused, handshakeTime: 2 * PATIENCE };
		const listener = await this.#host.network.listen({ address: "127.0.0.1", port: 0, tls }, (connection) => {
			this.#count("server served");
			connection.start({
				onData(bytes, start, end) {
					connection.write(bytes, start, end);
					return end - start;
				},
				onDrain() {},
				onClose: (error) => this.#count(`server end ${error?.code ?? "orderly"}`),
			});
		});
		this.#listeners.push(listener);
		return listener;
	}

	/** One conversation after the other. */
	async #converse(): Promise<void> {
		const { clock, network } = this.#host;
		while (clock.monotonic() < this.#end || this.#over < 2 * WARM_UP) {
			const random = new Random(this.#seed + this.#begun++);
			const kind = random.pick(this.#kinds);
			const wire = new Wire(this.#host, random);
			const port = await wire.open(kind.port);
			const tls = { context: kind.context, serverName: "localhost" };
			try {
				const connection = await network.connect({ host: "127.0.0.1", port, timeout: 2 * PATIENCE, tls });
				this.#count("client served");
				await this.#talk(connection, random);
			} catch (error) {
				this.#count(`client refused ${(error as HostError).code}`);
			}
			wire.cut();
			this.#over++;
			this.#checkMemory();
		}
	}

	/** Sends something, and waits for the end. */
	#talk(connection: Connection, random: Random): Promise<void> {
		return new Promise((resolve) => {
			const more = () => {
				const bytes = new Uint8Array(random.pick([1, 100, 20_000]));
				connection.write(bytes, 0, bytes.length);
			};
			let pieces = 0;
			connection.start({
				onData(_, start, end) {
					if (++pieces < 4) more();
					else connection.close();
					return end - start;
				},
				onDrain() {},
				onClose: (error) => {
					this.#count(`client end ${error?.code ?? "orderly"}`);
					resolve();
				},
			});
			more();
		});
	}

	#checkMemory(): void {
		const { current } = this.#host.process.memory();
		if (this.#over <= WARM_UP) this.#base = current;
		else if (current > this.#base + GROWTH) {
			throw new Error(`memory grows: ${this.#base} octets, and ${current} after ${this.#over} conversations`);
		}
	}
}

/** Between a client and a server: takes their octets apart into records, and damages some. */
class Wire {
	readonly #host: Host;
	readonly #random: Random;
	readonly #connections: Connection[] = [];
	#listener: Listener | null = null;
	/** How many records pass before the first that is damaged. */
	#untouched: number;

	constructor(host: Host, random: Random) {
		this.#host = host;
		this.#random = random;
		this.#untouched = random.below(random.pick([1, 4, 8, 16, 40]));
	}

	/** Waits for one client, and connects it to `port`; it is cut off after a while. */
	async open(port: number): Promise<number> {
		const { network, timers } = this.#host;
		const listener = await network.listen({ address: "127.0.0.1", port: 0 }, (client) => {
			listener.close();
			this.#connections.push(client);
			network.connect({ host: "127.0.0.1", port }).then((server) => {
				this.#connections.push(server);
				timers.after(PATIENCE, () => this.cut());
				this.#carry(client, server);
				this.#carry(server, client);
			});
		});
		this.#listener = listener;
		return listener.port;
	}

	cut(): void {
		this.#listener?.close();
		for (const connection of this.#connections) connection.destroy();
	}

	#carry(from: Connection, to: Connection): void {
		from.start({
			onData: (bytes, start, end) => {
				let at = start;
				while (at + 5 <= end) {
					const next = at + 5 + bytes[at + 3]! * 256 + bytes[at + 4]!;
					if (next > end) break;
					for (const record of this.#damage(bytes.slice(at, next))) to.write(record, 0, record.length);
					at = next;
				}
				return at - start;
			},
			onDrain() {},
			onClose: () => to.close(),
		});
	}

	/** What is sent in place of a record. */
	#damage(record: Uint8Array): Uint8Array[] {
		const random = this.#random;
		if (seen.length < 500) seen.push(record);
		else seen[random.below(500)] = record;
		if (this.#untouched-- > 0 || random.below(3) === 0) return [record];
		switch (random.below(12)) {
			case 0: // left out
				return [];
			case 1: // twice
				return [record, record];
			case 2: // after another
				return [random.pick(seen), record];
			case 3: // another in its place
				return [random.pick(seen)];
			case 4: // its type
				return [changed(record, 0, random.pick(RECORD_TYPES))];
			case 5: // its version
				return [changed(record, 1 + random.below(2), random.below(256))];
			case 6: // its length
				return [withLength(record, random.pick(LENGTHS))];
			case 7: // two records of it
				return split(record, random.below(record.length));
			case 8: // of random octets
				return [made(random), record];
			case 9: {
				// its end cut off, and an end of the connection
				for (const connection of this.#connections) connection.close();
				return [record.slice(0, random.below(record.length))];
			}
			default: {
				// what is in it
				let body: Uint8Array = record.slice(5);
				for (let left = random.below(3) + 1; left > 0; left--) body = damage(body, random.pick(seen), random);
				const whole = new Uint8Array(body.length + 5);
				whole.set(record.subarray(0, 5));
				whole.set(body, 5);
				return [withLength(whole, body.length)];
			}
		}
	}
}

function changed(record: Uint8Array, at: number, octet: number): Uint8Array {
	const other = record.slice();
	other[at] = octet;
	return other;
}

function withLength(record: Uint8Array, length: number): Uint8Array {
	return changed(changed(record, 3, length >> 8), 4, length & 255);
}

/** A message may go on in the next record. */
function split(record: Uint8Array, at: number): Uint8Array[] {
	const first = record.slice(0, Math.max(5, at));
	const second = new Uint8Array(record.length - first.length + 5);
	second.set(record.subarray(0, 5));
	second.set(record.subarray(first.length), 5);
	return [withLength(first, first.length - 5), withLength(second, second.length - 5)];
}

function made(random: Random): Uint8Array {
	const length = random.pick([0, 1, 4, 60, 300, 17_000]);
	const record = Uint8Array.from({ length: length + 5 }, () => random.below(256));
	record[0] = random.pick(RECORD_TYPES);
	record[1] = 3;
	record[2] = 3;
	return withLength(record, length);
}

const host = createQuickJsHost();
const [, folder = "", seed = "", seconds = ""] = host.process.argv;
// Not awaited: the engine cannot take a module apart that waits when the program ends.
void new Fuzzer(host, folder, Number(seed), Number(seconds)).run();
