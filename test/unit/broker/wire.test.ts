// Wire cases against the broker on a fake host: each whole, and again with every packet fed octet by octet.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readThemes, runCase, type WireBroker } from "../../vectors/wire.ts";
import { type Fixture, startBroker } from "./fixture.ts";

/** `size`: octets in each arrival of input; 0 is everything at once. */
function bind(fixture: Fixture, size: number): WireBroker {
	return {
		immediate: true,
		async open() {
			const peer = fixture.dial();
			return {
				send: (bytes) => (size === 0 ? peer.send(bytes) : peer.sendSplit(bytes, size)),
				async receive() {
					const bytes = peer.take();
					if (bytes.length > 0) return bytes;
					assert.ok(peer.closed, "nothing came");
					return null;
				},
				async drop() {
					peer.end();
				},
			};
		},
		advance: fixture.advance,
		stop() {
			fixture.broker.stop(() => {});
			fixture.host.network.turn();
		},
	};
}

/** How a case is run: octets in each arrival of input (0: all at once), and whether packets are logged. */
const WAYS = [
	{ name: "", size: 0, debug: false },
	{ name: ", octet by octet", size: 1, debug: false },
	{ name: ", logged", size: 0, debug: true },
];

for (const { theme, cases } of readThemes()) {
	for (const wireCase of cases) {
		for (const version of wireCase.versions) {
			for (const { name, size, debug } of WAYS) {
				test(`${theme}: ${wireCase.name} (level ${version}${name})`, async () => {
					const fixture = await startBroker(wireCase.broker, wireCase.listener, debug);
					await runCase(bind(fixture, size), wireCase, version);
					const internal = fixture.lines.filter((line) => line.startsWith("error:"));
					assert.deepEqual(internal, [], "no internal error is logged");
				});
			}
		}
	}
}
