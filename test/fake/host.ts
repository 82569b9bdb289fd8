/**
 * A host for unit tests: time, randomness, network, files and standard streams are in the test's hands. UTF-8, byte
 * maps and hashes are those of Node, which the contract suite checks.
 */

import { pbkdf2Sync } from "node:crypto";
import type { Random } from "../../src/host/bytes.ts";
import type { Crypto } from "../../src/host/crypto.ts";
import type { Host } from "../../src/host/host.ts";
import { copyMasked, createByteMap, utf8 } from "../../src/node/bytes.ts";
import { crypto } from "../../src/node/crypto.ts";
import { FakeClock } from "./clock.ts";
import { FakeDatabases } from "./databases.ts";
import { FakeFiles } from "./files.ts";
import { FakeNetwork } from "./network.ts";
import { FakeProcess, FakeSyslog } from "./process.ts";
import { FakeTls } from "./tls.ts";

export { FakeClock } from "./clock.ts";
export { FakeDatabases } from "./databases.ts";
export { fakeError } from "./error.ts";
export { FakeFiles } from "./files.ts";
export { type FakeConnection, FakeNetwork, type FakePeer } from "./network.ts";
export { FakeExit, FakeProcess, FakeSyslog } from "./process.ts";
export { type FakeContext, FakeTls } from "./tls.ts";

export interface FakeHost extends Host {
	readonly clock: FakeClock;
	readonly timers: FakeClock;
	readonly network: FakeNetwork;
	readonly tls: FakeTls;
	readonly files: FakeFiles;
	readonly databases: FakeDatabases;
	readonly process: FakeProcess;
	readonly syslog: FakeSyslog;
}

/** Octets that look random and are the same in every run. */
class FakeRandom implements Random {
	private state = 0x2545f491;

	bytes(length: number): Uint8Array {
		return new Uint8Array(length).map(() => {
			// xorshift32
			this.state ^= this.state << 13;
			this.state ^= this.state >>> 17;
			this.state ^= this.state << 5;
			return this.state & 0xff;
		});
	}
}

/** Node's hashes; what is computed beside the loop is ready in the same turn. */
function fakeCrypto(network: FakeNetwork): Crypto {
	return {
		...crypto,
		pbkdf2Sha512(password, salt, iterations, length, callback) {
			const key = new Uint8Array(pbkdf2Sync(password, salt, iterations, length, "sha512"));
			network.later(() => callback(key));
		},
	};
}

/** `argv` as `Process.argv`: the program's name first. */
export function createFakeHost(argv: readonly string[] = ["program"]): FakeHost {
	const network = new FakeNetwork();
	const afterTurn = () => network.turn();
	const clock = new FakeClock(afterTurn);
	const files = new FakeFiles();
	return {
		name: "fake",
		clock,
		timers: clock,
		random: new FakeRandom(),
		utf8,
		crypto: fakeCrypto(network),
		network,
		tls: new FakeTls(),
		files,
		databases: new FakeDatabases(files),
		process: new FakeProcess(argv, afterTurn),
		syslog: new FakeSyslog(),
		copyMasked,
		createByteMap,
	};
}
