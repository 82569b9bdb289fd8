// Wire cases against the broker on a fake host: each whole, and again with every packet fed octet by octet.

import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "../../../src/node/bytes.ts";
import type { ProtocolVersion } from "../../../src/packet/packet.ts";
import { scriptedAuthenticator } from "../../vectors/authenticator.ts";
import { Coverage, everything, gaps } from "../../vectors/coverage.ts";
import { NEVER_FROM_CLIENTS, NEVER_FROM_SERVER } from "../../vectors/exceptions.ts";
import { byOctet, readThemes, runCase, type WireBroker, type WireCase } from "../../vectors/wire.ts";
import { type Fixture, startBroker } from "./fixture.ts";

function bind(fixture: Fixture, octetByOctet: boolean): WireBroker {
	return {
		immediate: true,
		async open() {
			const peer = fixture.dial();
			return {
				send: (bytes) => peer.send(...(octetByOctet ? byOctet(bytes) : [bytes])),
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

/** How a case is run. */
const WAYS = [
	{ name: "", octetByOctet: false, debug: false },
	{ name: ", octet by octet", octetByOctet: true, debug: false },
	{ name: ", logged", octetByOctet: false, debug: true },
];

const coverage = new Coverage(utf8);

async function runAs(
	wireCase: WireCase,
	version: ProtocolVersion,
	way: (typeof WAYS)[number],
): Promise<void> {
	const fixture = await startBroker(wireCase.broker, wireCase.listener, way.debug);
	const { authentication } = wireCase;
	if (authentication !== undefined) {
		const authenticator = scriptedAuthenticator(authentication, fixture.host.utf8);
		fixture.broker.authenticators.set(authentication.method, authenticator);
	}
	try {
		await runCase(bind(fixture, way.octetByOctet), wireCase, version, coverage);
		const internal = fixture.lines.filter((line) => line.startsWith("error:"));
		assert.deepEqual(internal, [], "no internal error is logged");
	} catch (error) {
		throw new Error(`level ${version}${way.name}: ${(error as Error).message}`, { cause: error });
	}
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

// They have run by now: tests of a file run in their order.
test("the cases send all that a client can send", () => {
	assert.deepEqual(gaps(everything("client"), coverage.fromClients, NEVER_FROM_CLIENTS), []);
});

test("the cases get all that the broker can send", () => {
	assert.deepEqual(gaps(everything("server"), coverage.fromServer, NEVER_FROM_SERVER), []);
});
