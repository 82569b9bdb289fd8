/** Starts one of the brokers that the benchmark compares, with the same settings for each, and stops it again. */

import { spawn } from "node:child_process";
import { pbkdf2Sync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { formatPasswordHash } from "../../src/config/password.ts";
import { makeCertificates } from "../certificates.ts";
import type { Attack } from "./attack.ts";
import type { Host } from "./scenario.ts";
import type { Tools } from "./tools.ts";

/** Milliseconds after which a broker that does not end is killed. */
const STOP_TIMEOUT = 10_000;
/** Milliseconds between two looks whether it runs. */
const LOOK = 2;

export interface Broker {
	readonly pid: number;
	readonly port: number;
	/** Of the listener for an attack; 0 without. */
	readonly attackedPort: number;
	/** The file with the counters of instructions and system calls; only under qemu. */
	readonly counters: string | null;
	/** Ends the broker and waits for its end. */
	stop(signal?: NodeJS.Signals): Promise<void>;
}

/** The program and its first arguments; throws when it has not been built. */
export function command(host: Host, tools: Tools, counters: string): string[] {
	const emulated = ["qemu-mips", "-cpu", "24Kc", "-plugin", `file=${tools.counter},out=${counters}`];
	const lines: Record<Host, string[]> = {
		mosquitto: [tools.mosquitto("x86_64")],
		x86_64: [join(tools.dist, "x86_64/mqttd")],
		node: [process.execPath, join(tools.dist, "mqttd.js")],
		"mosquitto-mips": [...emulated, tools.mosquitto("mips_24kc")],
		mips_24kc: [...emulated, join(tools.dist, "mips_24kc/mqttd")],
	};
	const line = lines[host];
	const program = line.at(-1)!;
	if (!existsSync(program)) throw new Error(`bench: ${program} is missing: run \`make build\` first`);
	return line;
}

/** An ACL file whose last line allows the load generator's topics; returns its path. */
function writeAcl(tools: Tools, count: number): string {
	// Both brokers read it when they are no longer root.
	chmodSync(tools.scratch, 0o755);
	const path = join(tools.scratch, "acl");
	const others = Array.from({ length: count - 1 }, (_, at) => `topic readwrite other/${at}/#\n`);
	writeFileSync(path, `${others.join("")}topic readwrite bench/#\n`);
	return path;
}

/** The lines of a listener for an attack; files that they name are made. */
function attackedListener(tools: Tools, attack: Attack, port: number): string[] {
	chmodSync(tools.scratch, 0o755);
	const lines = [`listener ${port} 127.0.0.1`, "allow_anonymous true"];
	switch (attack) {
		case "tls handshakes":
		case "tls storm": {
			const folder = join(tools.scratch, "tls");
			if (!existsSync(folder)) makeCertificates(folder);
			// What others may read is refused, and it is read while the broker is root.
			chmodSync(join(folder, "server.key"), 0o600);
			return [...lines, `certfile ${folder}/server.pem`, `keyfile ${folder}/server.key`];
		}
		case "http heads":
			return [...lines, "protocol websockets"];
		case "proxy headers":
			return [...lines, "enable_proxy_protocol 1"];
		case "connects":
			return lines;
		case "wrong logins": {
			const path = join(tools.scratch, "passwords");
			const salt = randomBytes(12);
			// As mosquitto_passwd writes it.
			const iterations = 1000;
			const hash = pbkdf2Sync("right", salt, iterations, 64, "sha512");
			writeFileSync(path, `user:${formatPasswordHash({ kind: "pbkdf2", iterations, salt, hash })}\n`, {
				mode: 0o600,
			});
			return [...lines, `password_file ${path}`];
		}
	}
}

/** A port that was free a moment ago, chosen by the kernel. */
async function freePort(): Promise<number> {
	const server = createServer().listen(0, "127.0.0.1");
	await once(server, "listening");
	const address = server.address();
	if (address === null || typeof address === "string")
		throw new Error("bench: no port of a listening socket");
	server.close();
	await once(server, "close");
	return address.port;
}

/** What a broker has beside a listener on loopback. */
export interface Beside {
	/** Lines of an ACL file. */
	readonly acl?: number | undefined;
	/** Another listener, for an attack. */
	readonly attack?: Attack | undefined;
	/** Lines of the configuration. */
	readonly lines?: readonly string[];
	/** Whether it is waited for until it says that it runs, or until its listener takes connections. */
	readonly waits?: "running" | "listening";
}

/**
 * Starts a broker on processor `cpu`. Its configuration is a listener on loopback and anonymous access, and what is `beside`;
 * all else, limits and log included, is as each broker has it by default.
 */
export async function startBroker(host: Host, tools: Tools, cpu: number, beside: Beside): Promise<Broker> {
	const { acl = 0, attack, waits = "running" } = beside;
	const port = await freePort();
	const attackedPort = attack === undefined ? 0 : await freePort();
	const config = join(tools.scratch, `${host}.conf`);
	const emulated = host === "mosquitto-mips" || host === "mips_24kc";
	const counters = join(tools.scratch, `${host}.counters`);
	const lines = [...(beside.lines ?? []), `listener ${port} 127.0.0.1`, "allow_anonymous true"];
	if (acl > 0) lines.push(`acl_file ${writeAcl(tools, acl)}`);
	if (attack !== undefined) lines.unshift("per_listener_settings true");
	if (attack !== undefined) lines.push(...attackedListener(tools, attack, attackedPort));
	writeFileSync(config, `${lines.join("\n")}\n`);
	const line = ["taskset", "-c", String(cpu), ...command(host, tools, counters), "-c", config];
	// To a file, as on a router to its system log: whoever read it from a pipe would run whenever a line is written.
	const log = join(tools.scratch, `${host}.log`);
	const file = openSync(log, "w");
	const child = spawn(line[0]!, line.slice(1), { stdio: ["ignore", "ignore", file] });
	closeSync(file);
	const exit = new Promise<void>((resolve) => child.once("exit", () => resolve()));
	let ended: unknown = null;
	child.once("error", (error) => {
		ended = error;
	});
	child.once("exit", (code, signal) => {
		ended ??= signal ?? code;
	});
	const sign = waits === "running" ? / running$/m : / Opening ipv4 listen socket/;
	for (let said = ""; !sign.test(said); said = readFileSync(log, "utf8")) {
		if (ended !== null)
			throw new Error(`bench: ${host} did not start (${ended}): ${line.join(" ")}\n${said}`);
		await sleep(LOOK);
	}
	return {
		pid: child.pid!,
		port,
		attackedPort,
		counters: emulated ? counters : null,
		async stop(signal = "SIGTERM") {
			child.kill(signal);
			const late = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT);
			await exit;
			clearTimeout(late);
		},
	};
}
