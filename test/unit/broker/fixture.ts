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
import { createFakeHost, type FakeHost, type FakePeer } from "../../fake/host.ts";

export interface Fixture {
	readonly host: FakeHost;
	readonly broker: Broker;
	readonly listener: ListenerSettings;
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

/** Starts a broker that lets anonymous clients in. `debug`: packets are logged too. */
export async function startBroker(
	settings: Partial<BrokerSettings> = {},
	listenerSettings: Partial<ListenerSettings> = {},
	debug = false,
): Promise<Fixture> {
	const host = createFakeHost();
	const lines: string[] = [];
	const log: Log = {
		enabled: (type) => type !== "debug" || debug,
		write: (type, text) => void lines.push(`${type}: ${text}`),
	};
	const broker = new Broker(host, { ...defaultBrokerSettings, ...settings }, log);
	const listener = { ...defaultListenerSettings, port: PORT, allowAnonymous: true, ...listenerSettings };
	await host.network.listen({ address: "127.0.0.1", port: PORT }, (connection) =>
		broker.accept(connection, listener),
	);
	return {
		host,
		broker,
		listener,
		lines,
		dial: () => host.network.dial(PORT),
		advance: (seconds) => host.clock.advance(seconds * 1000),
	};
}
