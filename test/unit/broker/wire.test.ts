// Wire cases against the broker on a fake host: each whole, and again with every packet fed octet by octet.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProtocolVersion } from "../../../src/packet/packet.ts";
import type { FakePeer } from "../../fake/host.ts";
import { readThemes, runCase, type WireBroker, type WireCase } from "../../vectors/wire.ts";
import { type Fixture, startBroker } from "./fixture.ts";

/** `size`: octets in each arrival of input; 0 is everything at once. */
function bind(fixture: Fixture, size: number): WireBroker {
	return {
		immediate: true,
		async open() {
			const peer = fixture.dial();
			return {
				send: (bytes) => (size === 0 ? peer.send(bytes) : sendOctets(peer, bytes)),
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

/** Octets at either end of what is sent in one write that go one by one. */
const EDGE = 1000;

/** How a case is run: octets in each arrival of input (0: all at once), and whether packets are logged. */
const WAYS = [
	{ name: "", size: 0, debug: false },
	{ name: ", octet by octet", size: 1, debug: false },
	{ name: ", logged", size: 0, debug: true },
];

async function runAs(
	wireCase: WireCase,
	version: ProtocolVersion,
	way: (typeof WAYS)[number],
): Promise<void> {
	const fixture = await startBroker(wireCase.broker, wireCase.listener, way.debug);
	try {
		await runCase(bind(fixture, way.size), wireCase, version);
		const internal = fixture.lines.filter((line) => line.startsWith("error:"));
		assert.deepEqual(internal, [], "no internal error is logged");
	} catch (error) {
		throw new Error(`level ${version}${way.name}: ${(error as Error).message}`, { cause: error });
	}
}

/** Octet by octet; of what is long, the beginning and the end. */
function sendOctets(peer: FakePeer, bytes: Uint8Array): void {
	const end = Math.max(EDGE, bytes.length - EDGE);
	peer.sendSplit(bytes.subarray(0, EDGE), 1);
	peer.send(bytes.subarray(EDGE, end));
	peer.sendSplit(bytes.subarray(end), 1);
}

for (const { theme, cases } of readThemes()) {
	for (const wireCase of cases) {
		test(`${theme}: ${wireCase.name}`, async () => {
			for (const version of wireCase.versions) {
				for (const way of WAYS) await runAs(wireCase, version, way);
			}
		});
	}
}
