/** Which addresses the networks of OpenWrt (`lan`) have: netifd tells over ubus, and goes on telling. */

import type { Log, Process, Timer } from "../host/host.ts";
import { UbusClient, UbusError, type UbusHost, type UbusValue } from "../ubus/client.ts";

/** netifd's object for all networks. */
const OBJECT = "network.interface";
/** Milliseconds that a start waits for the first answer: without one, listeners wait for theirs. */
const FIRST_ANSWER = 2_000;
/** Milliseconds until netifd is asked again after it gave no answer. */
const RETRY = 5_000;
/** Addresses of one network at most. */
const ADDRESS_LIMIT = 64;

export type NetworksHost = UbusHost & { readonly process: Pick<Process, "env"> };

/** Where ubusd listens, if not where it usually does; for tests. */
export function ubusSockets({ process }: Pick<NetworksHost, "process">): { sockets?: readonly string[] } {
	const path = process.env("MQTTD_UBUS_SOCKET");
	return path === undefined ? {} : { sockets: [path] };
}

/** Nothing is asked before `start`. */
export class Networks {
	private readonly host: NetworksHost;
	private readonly log: Log;
	private readonly onChange: () => void;
	private client: UbusClient | null = null;
	private known: ReadonlyMap<string, readonly string[]> = new Map();
	private isAsking = false;
	/** Something has changed since netifd was asked. */
	private isStale = false;
	private retry: Timer | null = null;
	/** Who waits for the first answer. */
	private waiting: (() => void)[] | null = [];

	/** `onChange`: addresses may be others from now on. */
	constructor(host: NetworksHost, log: Log, onChange: () => void) {
		this.host = host;
		this.log = log;
		this.onChange = onChange;
	}

	/** Asks, and follows from then on. Resolves with the first answer, or when there is none in time. */
	async start(): Promise<void> {
		if (this.client === null) {
			const client = new UbusClient(this.host, this.log, ubusSockets(this.host));
			this.client = client;
			client.subscribe(OBJECT, {
				onNotification: () => {
					this.ask();
					return undefined;
				},
				onState: (isSubscribed) => {
					if (isSubscribed) this.ask();
				},
			});
			client.open();
		}
		const { waiting } = this;
		if (waiting === null) return;
		await new Promise<void>((resolve) => {
			const timer = this.host.timers.after(FIRST_ANSWER, resolve);
			waiting.push(() => {
				timer.cancel();
				resolve();
			});
		});
	}

	/** Numeric addresses of a network; none while it is down, or not known. */
	addresses(network: string): readonly string[] {
		return this.known.get(network) ?? [];
	}

	close(): void {
		this.retry?.cancel();
		this.client?.close();
	}

	private ask(): void {
		if (this.isAsking) this.isStale = true;
		else void this.askOnce();
	}

	private async askOnce(): Promise<void> {
		this.retry?.cancel();
		this.isAsking = true;
		do {
			this.isStale = false;
			try {
				const [answer] = (await this.client?.call(OBJECT, "dump")) ?? [];
				this.learn(networksOf(answer?.interface));
			} catch (error) {
				if (!(error instanceof UbusError)) throw error;
				this.log.write("warning", `ubus: addresses of networks: ${error.message}`);
				this.retry = this.host.timers.after(RETRY, () => this.ask());
			}
		} while (this.isStale);
		this.isAsking = false;
	}

	private learn(known: ReadonlyMap<string, readonly string[]>): void {
		this.known = known;
		const { waiting } = this;
		this.waiting = null;
		for (const done of waiting ?? []) done();
		this.onChange();
	}
}

/** Addresses by network, of netifd's `dump`. What is not as it should be is passed over. */
function networksOf(dump: UbusValue | undefined): Map<string, readonly string[]> {
	const found = new Map<string, readonly string[]>();
	for (const network of listOf(dump)) {
		const name = field(network, "interface");
		if (typeof name !== "string" || field(network, "up") !== true) continue;
		const prefixes = listOf(field(network, "ipv6-prefix-assignment"));
		const entries = [
			...listOf(field(network, "ipv4-address")),
			...listOf(field(network, "ipv6-address")),
			...prefixes.map((prefix) => field(prefix, "local-address")),
		];
		const addresses = entries
			.map((entry) => field(entry, "address"))
			.filter((address): address is string => typeof address === "string");
		found.set(name, [...new Set(addresses)].slice(0, ADDRESS_LIMIT));
	}
	return found;
}

function listOf(value: UbusValue | undefined): readonly UbusValue[] {
	return Array.isArray(value) ? value : [];
}

function field(value: UbusValue | undefined, name: string): UbusValue | undefined {
	if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
	return (value as { readonly [name: string]: UbusValue })[name];
}
