/** The start of every program: which one it is, and what happens when one fails in a way nobody foresaw. */

import { Broker } from "../broker/broker.ts";
import type { Host, Network } from "../host/host.ts";
import { runCtrl, runPasswd, runPub, runSub } from "../tools/tools.ts";
import { webSocketNetwork } from "../websocket/client.ts";
import { Outbox } from "../websocket/outbox.ts";
import { ProgramLog } from "./log.ts";
import { runMigrate } from "./migrate.ts";
import { runBroker } from "./mqttd.ts";
import type { Context } from "./prepare.ts";
import { runExport, runImport } from "./transfer.ts";
import { VERSION } from "./version.ts";

/** EX_SOFTWARE of sysexits.h: a fault of the program itself. */
const EXIT_CRASH = 70;

type Program = (context: Context) => void | Promise<void>;

const broker: Program = (context) =>
	runBroker(context, (host, settings, log) => new Broker(host, settings, log));

/** Programs by the name that they are called by. */
const PROGRAMS: Readonly<Record<string, Program>> = {
	mqttd: broker,
	mosquitto: broker,
	mosquitto_ctrl: ({ host, args }) => runCtrl(host, args, VERSION, webSocketOf(host)),
	mosquitto_passwd: ({ host, args }) => runPasswd(host, args),
	mosquitto_pub: ({ host, args }) => runPub(host, args, VERSION, webSocketOf(host)),
	mosquitto_sub: ({ host, args }) => runSub(host, args, VERSION, webSocketOf(host)),
};

/** Programs that have no name of their own: `mqttd export …`. */
const COMMANDS: Readonly<Record<string, Program>> = {
	export: runExport,
	import: runImport,
	migrate: runMigrate,
};

/** The network of clients that connect by way of WebSocket; the path is that of mosquitto's. */
function webSocketOf(host: Host): Network {
	return webSocketNetwork({ ...host, outbox: new Outbox(host.timers) }, host.network, "/mqtt");
}

/** `mqttd pub …` is `mosquitto_pub …`. */
const PREFIX = "mosquitto_";

/**
 * Finds the program by the name that was called, or else by the first argument after `mqttd`, and what is left for it.
 * Null for a name of mosquitto's that is none of ours.
 */
export function chooseProgram(
	argv: readonly string[],
): { name: string; run: Program; args: readonly string[] } | null {
	const [called = "", ...args] = argv;
	const name = called.replace(/\.[a-z]+$/, "");
	const [first = "", ...rest] = args;
	if (!name.startsWith("mosquitto")) {
		const sub = Object.hasOwn(PROGRAMS, PREFIX + first) ? PROGRAMS[PREFIX + first] : undefined;
		if (sub !== undefined) return { name: PREFIX + first, run: sub, args: rest };
		const command = Object.hasOwn(COMMANDS, first) ? COMMANDS[first] : undefined;
		if (command !== undefined) return { name, run: command, args: rest };
	}
	const own = Object.hasOwn(PROGRAMS, name) ? PROGRAMS[name] : undefined;
	if (own !== undefined) return { name, run: own, args };
	// Renamed or run from its sources, it is the broker; but nobody who calls mosquitto_passwd wants a broker.
	return name.startsWith(PREFIX) ? null : { name: "mqttd", run: broker, args };
}

/** Runs the program that was called. An error that nobody caught goes to its log, and ends it. */
export function main(host: Host): void {
	const chosen = chooseProgram(host.process.argv);
	const log = new ProgramLog(host, chosen?.name ?? "mqttd");
	const crash = (error: unknown) => {
		const stack = error instanceof Error ? `${error}\n${error.stack ?? ""}` : String(error);
		const lines = stack.split("\n").filter((line, i, all) => line.trim() !== "" && line !== all[i - 1]);
		for (const line of [`Error: Unexpected error, please report it:`, ...lines]) {
			if (log.enabled("error")) log.write("error", line);
			else host.process.stderr.write(host.utf8.encode(`${line}\n`));
		}
		host.process.exit(EXIT_CRASH);
	};
	host.process.onUncaught(crash);
	if (chosen === null) {
		const name = host.process.argv[0] ?? "";
		host.process.stderr.write(host.utf8.encode(`Error: ${name} is not part of this version.\n`));
		host.process.exit(1);
	}
	const { name, args } = chosen;
	Promise.resolve(chosen.run({ host, log, name, args })).catch(crash);
}
