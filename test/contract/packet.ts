/** The codec on one host: its wire cases, and mutations of them whose results must be the same on every host. */

import type { Host } from "../../src/host/host.ts";
import { checkMutations } from "../fuzz/repeatable.ts";
import { packetChecks } from "../vectors/packet.ts";
import { runTests, say, type Test } from "./harness.ts";

/** Runs everything on `host`, and ends the process. */
export function runPacketChecks(host: Host): Promise<never> {
	const cases = packetChecks.map(({ title, run }): [string, Test] => [title, () => run(host.utf8)]);
	return runTests(host, {
		packet: Object.fromEntries(cases),
		mutations: { "whatever is decoded": () => say(host, checkMutations(host.utf8)) },
	});
}
