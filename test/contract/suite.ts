/**
 * The contract suite: one program that holds a host to every sentence of src/host. Without arguments it tests what a
 * program can test itself; with the name of a mode it does something that contract.test.ts watches from outside.
 */

import type { Host } from "../../src/host/host.ts";
import { bytesTests } from "./bytes.ts";
import { clockTests } from "./clock.ts";
import { connectionTests } from "./connection.ts";
import { cryptoTests } from "./crypto.ts";
import { databaseTests } from "./database.ts";
import { filesTests } from "./files.ts";
import { runTests, say } from "./harness.ts";
import { modes } from "./modes.ts";
import { networkTests } from "./network.ts";
import { processTests } from "./process.ts";
import { tlsTests } from "./tls.ts";

/** Runs the suite, or the mode that the first argument names, on `host`. */
export async function runContract(host: Host): Promise<void> {
	const [, name, ...args] = host.process.argv;
	if (name === undefined) {
		await runTests(host, {
			bytes: bytesTests,
			clock: clockTests,
			crypto: cryptoTests,
			files: filesTests,
			database: databaseTests,
			process: processTests,
			network: networkTests,
			connection: connectionTests,
			tls: tlsTests,
		});
	}
	const mode = name === undefined ? undefined : modes[name];
	if (mode === undefined) {
		say(host, `no mode ${name}`);
		host.process.exit(2);
	}
	await mode(host, args);
}
