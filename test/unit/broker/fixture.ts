/** A broker on a fake host, for unit tests. */

import { Broker } from "../../../src/broker/broker.ts";
import {
	type BrokerSettings,
	defaultBrokerSettings,
	defaultListenerSettings,
	type ListenerSettings,
} from "../../../src/broker/settings.ts";
import type { Work } from "../../../src/broker/work.ts";
import type { Log } from "../../../src/host/log.ts";
import { Durability } from "../../../src/store/durability.ts";
import { Store } from "../../../src/store/store.ts";
import type { StoreSettings } from "../../../src/store/store-host.ts";
import { createFakeHost, type FakeHost, type FakePeer } from "../../fake/host.ts";

export interface Fixture {
	readonly host: FakeHost;
	readonly broker: Broker;
	readonly listener: ListenerSettings;
	/** Null unless its settings were given. */
	readonly store: Store | null;
	/** What was logged: `type: text`. */
	readonly lines: string[];
	/** A new connection to the broker. */
	dial(): FakePeer;
	/** Lets seconds pass. */
	advance(seconds: number): void;
}

/** Does work to its end. */
export function finished<T>(work: Work<T>): T {
	for (;;) {
		const { done, value } = work.next();
		if (done) return value;
	}
}

const PORT = 1883;

/** A store that writes when it is told to, or after an hour. */
const STORE: StoreSettings = {
	path: "/mqttd.db",
	durability: Durability.LAZY,
	rules: [],
	lazyInterval: 3600,
	lazyOctets: 0,
	lazyChanges: 0,
	maximumSize: 0,
	dailyBudget: 0,
};

/** The same machine after the program was killed: files and time are as they were. */
export function crash({ host }: Fixture): FakeHost {
	host.databases.abandon();
	const next = createFakeHost();
	next.clock.epoch = host.clock.now();
	return { ...next, files: host.files, databases: host.databases };
}

/** Starts a broker that lets anonymous clients in. `debug`: packets are logged too. */
export async function startBroker(...given: Parameters<typeof createBroker>): Promise<Fixture> {
	return createBroker(...given);
}

/** The same at once. */
export function createBroker(
	settings: Partial<BrokerSettings> = {},
	listenerSettings: Partial<ListenerSettings> = {},
	debug = false,
	storeSettings: Partial<StoreSettings> | null = null,
	host: FakeHost = createFakeHost(),
): Fixture {
	const lines: string[] = [];
	const log: Log = {
		enabled: (type) => type !== "debug" || debug,
		write: (type, text) => void lines.push(`${type}: ${text}`),
	};
	const broker = new Broker(host, { ...defaultBrokerSettings, ...settings }, log);
	const listener = {
		...defaultListenerSettings,
		name: "1883",
		port: PORT,
		allowAnonymous: true,
		...listenerSettings,
	};
	const store = storeSettings && new Store(host, log, { ...STORE, ...storeSettings });
	store?.start();
	if (store !== null) broker.keepIn(store, [listener]);
	void host.network.listen({ address: "127.0.0.1", port: PORT }, (connection) =>
		broker.accept(connection, listener),
	);
	return {
		host,
		broker,
		listener,
		store,
		lines,
		dial: () => host.network.dial(PORT),
		advance: (seconds) => host.clock.advance(seconds * 1000),
	};
}
