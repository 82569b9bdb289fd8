/**
 * Runs in a network of its own, where every port is free: starts one broker after the other as told on standard input (JSON), tries
 * its clients, and prints what became of them (JSON). For migration.test.ts.
 */

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import mqtt, { type IClientOptions, type MqttClient } from "mqtt";
import type { Probe } from "../vectors/migration.ts";

/** A broker to start, and who is to try it. */
export interface Trial {
	readonly command: readonly string[];
	/** Of `PORT1` and so on. */
	readonly ports: readonly number[];
	/** Where certificates are. */
	readonly folder: string;
	readonly probes: readonly Probe[];
}

function optionsOf({ port, username, password, tls }: Probe, { ports, folder }: Trial): IClientOptions {
	const file = (name: string) => readFileSync(join(folder, name));
	const certificate =
		tls === undefined || tls === "" ? {} : { cert: file(`${tls}.pem`), key: file(`${tls}.key`) };
	return {
		host: "127.0.0.1",
		port: ports[port - 1]!,
		protocolVersion: 4,
		reconnectPeriod: 0,
		...(username === undefined ? {} : { username }),
		...(password === undefined ? {} : { password }),
		...(tls === undefined ? {} : { protocol: "mqtts" as const, ca: file("ca.pem"), ...certificate }),
	};
}

async function attempt(probe: Probe, trial: Trial): Promise<Probe["outcome"]> {
	let client: MqttClient;
	try {
		client = await mqtt.connectAsync("mqtt://127.0.0.1", optionsOf(probe, trial), false);
	} catch {
		return "out";
	}
	const topic = probe.topic ?? "any/x";
	let isBack = false;
	client.on("message", () => {
		isBack = true;
	});
	// A client whose certificate is refused under TLS 1.3 learns of it once it is connected.
	const lost = new Promise<"out">((resolve) => client.on("close", () => resolve("out")));
	const used = (async () => {
		await client.subscribeAsync(topic, { qos: 1 }).catch(() => {});
		await client.publishAsync(topic, "x", { qos: 1 });
		// What is forwarded to it was sent before this answer.
		await client.subscribeAsync("end/of/it", { qos: 0 }).catch(() => {});
		return isBack ? ("in" as const) : ("mute" as const);
	})();
	const outcome = await Promise.race([used, lost]);
	used.catch(() => {});
	await client.endAsync(true);
	return outcome;
}

async function run(trial: Trial): Promise<{ outcomes: Probe["outcome"][]; log: string }> {
	const [command = "", ...args] = trial.command;
	const broker = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
	let log = "";
	const serving = new Promise<boolean>((resolve) => {
		const onText = (text: Buffer) => {
			log += text.toString();
			if (/ running\n/.test(log)) resolve(true);
		};
		broker.stdout.on("data", onText);
		broker.stderr.on("data", onText);
		broker.on("exit", () => resolve(false));
	});
	const outcomes: Probe["outcome"][] = [];
	if (await serving) {
		for (const probe of trial.probes) outcomes.push(await attempt(probe, trial));
		const ended = once(broker, "exit");
		broker.kill("SIGTERM");
		await ended;
	}
	return { outcomes, log };
}

execFileSync("busybox", ["ifconfig", "lo", "127.0.0.1", "up"]);
const trials = JSON.parse(readFileSync(0, "utf8")) as Trial[];
const results = [];
for (const trial of trials) results.push(await run(trial));
process.stdout.write(JSON.stringify(results));
