/** A client program over the fake host, with a server for it. */

import type { ProtocolVersion } from "../../../src/packet/packet.ts";
import { runPub, runSub } from "../../../src/tools/tools.ts";
import { createFakeHost, type FakeHost } from "../../fake/host.ts";
import { settle, TestServer } from "../client/server.ts";

export { settle } from "../client/server.ts";

export interface Run {
	readonly host: FakeHost;
	readonly server: TestServer;
	/** Standard output and error so far. */
	readonly out: string;
	readonly err: string;
	/** Exit code; null while it runs. */
	readonly code: number | null;
}

export interface RunOptions {
	readonly version?: ProtocolVersion;
	/** Environment variables. */
	readonly environment?: Readonly<Record<string, string>>;
	/** By path. */
	readonly files?: Readonly<Record<string, string>>;
}

/** Starts a program against a server at localhost:1883, and lets it connect. */
export async function start(
	program: "pub" | "sub",
	args: readonly string[],
	options: RunOptions = {},
): Promise<Run> {
	const host = createFakeHost([`mosquitto_${program}`, ...args]);
	Object.assign(host.process.environment, options.environment);
	for (const [path, text] of Object.entries(options.files ?? {})) host.files.put(path, text);
	// The program goes on to the end of a callback in which it exits, as nothing catches the fake's exception there.
	Object.assign(host.process, {
		exit(code: number) {
			host.process.exitCode ??= code;
		},
	});
	const server = new TestServer(host, options.version ?? 4);
	const run = program === "pub" ? runPub : runSub;
	run(host, args, "1.2.3");
	await settle();
	return {
		host,
		server,
		get out() {
			return host.process.stdout.text;
		},
		get err() {
			return host.process.stderr.text;
		},
		get code() {
			return host.process.exitCode;
		},
	};
}
