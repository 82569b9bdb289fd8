/** OpenWrt's netifd as far as others ask it for the addresses of networks: an object on the bus, over any host. */

import type { Log } from "../../src/host/host.ts";
import { UbusClient, type UbusHost, type UbusInputTable, type UbusObject } from "../../src/ubus/client.ts";

/** Addresses by network; those with colons are IPv6, and null is a network that is down. */
export type NetworkTable = Readonly<Record<string, readonly string[] | null>>;

const SILENT: Log = { enabled: () => false, write: () => {} };

export class FakeNetifd {
	networks: NetworkTable;
	/** What is told when asked, if not what `networks` says. */
	answer: UbusInputTable | null = null;
	readonly #client: UbusClient;
	readonly #object: UbusObject;

	constructor(host: UbusHost, socket: string, networks: NetworkTable) {
		this.networks = networks;
		this.#client = new UbusClient(host, SILENT, { sockets: [socket] });
		this.#object = this.#client.register("network.interface", {
			dump: {
				call: () =>
					this.answer ?? {
						interface: Object.keys(this.networks).map((name) => statusOf(name, this.networks)),
					},
			},
		});
		this.#client.open();
	}

	/** Networks change: who follows them is told, as netifd tells of each. */
	set(networks: NetworkTable): void {
		this.networks = networks;
		for (const name of Object.keys(networks)) {
			const isUp = networks[name] !== null;
			this.#object.notify(isUp ? "interface.update" : "interface.down", statusOf(name, networks));
		}
	}

	close(): void {
		this.#client.close();
	}
}

/** The second IPv6 address and those after it are of a prefix, as netifd has those that it gives out itself. */
function statusOf(name: string, networks: NetworkTable): UbusInputTable {
	const addresses = networks[name] ?? [];
	const [first, ...rest] = addresses.filter((address) => address.includes(":"));
	return {
		interface: name,
		up: networks[name] !== null,
		"ipv4-address": addresses.filter((each) => !each.includes(":")).map((address) => ({ address, mask: 24 })),
		"ipv6-address": first === undefined ? [] : [{ address: first, mask: 64 }],
		"ipv6-prefix-assignment": rest.map((address) => ({
			address: "fd00::",
			mask: 60,
			"local-address": { address, mask: 60 },
		})),
	};
}
