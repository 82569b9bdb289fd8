/** Debian's real mosquitto, which set-up has unpacked, behind a unix socket. */

import { chmodSync, existsSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { PacketType } from "../../src/packet/packet.ts";
import { configFile, Running, temporaryFolder } from "./harness.ts";
import { RawClient, type RawOptions } from "./raw-client.ts";

/** The path of something below Debian's /usr; throws when it has not been unpacked. */
export function debianProgram(path: string): string {
	const program = fileURLToPath(new URL(`../../.cache/mosquitto/usr/${path}`, import.meta.url));
	if (!existsSync(program)) throw new Error(`${program} is missing: run scripts/setup.sh test`);
	return program;
}

/** Debian's plugin of dynamic security. */
export function dynsecPlugin(): string {
	const folder = `lib/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`;
	return debianProgram(`${folder}/mosquitto_dynamic_security.so`);
}

/** A mosquitto that serves. */
export interface RunningMosquitto {
	readonly process: Running;
	/** Its socket. */
	readonly path: string;
	/** Ends it, and waits for that. */
	stop(): Promise<void>;
}

/** Starts mosquitto with those lines of configuration, on a socket in that folder. */
export async function startMosquitto(
	context: TestContext,
	folder: string,
	lines: readonly string[],
): Promise<RunningMosquitto> {
	const path = join(folder, "socket");
	const all = [`listener 0 ${path}`, "user root", ...lines, ""];
	const config = configFile(folder, all.join("\n"), "debian.conf");
	const process = new Running([debianProgram("sbin/mosquitto"), ["-c", config]]);
	context.after(() => process.child.kill("SIGKILL"));
	await process.line(/ running$/m);
	const stop = async () => {
		process.child.kill("SIGTERM");
		const { code, stderr } = await process.ended;
		if (code !== 0) throw new Error(`mosquitto ended with ${code}:\n${stderr}`);
	};
	return { process, path, stop };
}

/** Has mosquitto keep what `use` does, ends it, and returns the path of its database file. */
export async function mosquittoFile(
	context: TestContext,
	use: (path: string) => Promise<void>,
): Promise<string> {
	const folder = temporaryFolder(context);
	const mosquitto = await startMosquitto(context, folder, [
		"allow_anonymous true",
		"persistence true",
		`persistence_location ${folder}/`,
	]);
	await use(mosquitto.path);
	await mosquitto.stop();
	const path = join(folder, "mosquitto.db");
	chmodSync(path, 0o644);
	return path;
}

/** Second in which the messages of `fillMosquitto` expire, at the earliest less their 5,000. */
export const LIFETIME = 5000;

/**
 * Sessions of each kind: `five` (MQTT 5, three QoS 2 messages that it has not answered, one that it has received, two more that
 * wait), `three` (3.1.1, one QoS 1 message), `sender` (a QoS 2 message that it has not released); and two retained messages.
 */
export async function fillMosquitto(path: string): Promise<void> {
	const open = async (options: RawOptions) => (await RawClient.open({ path }, options)).client;
	const five = await open({ clientId: "five", username: "joe", sessionExpiry: 3600, receiveMaximum: 3 });
	await five.subscribe("a/+/#", 2, 200);
	const three = await open({ clientId: "three", version: 4 });
	await three.subscribe("b/#", 1);
	await three.end();

	const sender = await open({ clientId: "sender", sessionExpiry: 0xffff_ffff });
	const properties = {
		messageExpiryInterval: LIFETIME,
		contentType: "text",
		userProperty: [["key", "value"]] as [string, string][],
		correlationData: Uint8Array.of(0, 255),
	};
	const received: number[] = [];
	const all = new Promise<void>((resolve) => {
		five.listen((packet) => {
			if (packet.type !== PacketType.PUBLISH) return;
			received.push(packet.packetId);
			if (received.length === 3) resolve();
		});
	});
	for (let id = 1; id <= 5; id++) {
		sender.publish(`a/${id}`, `message ${id}`, 2, id, { properties });
		await sender.next(PacketType.PUBREC);
		sender.acknowledge(6, id);
		await sender.next(PacketType.PUBCOMP);
	}
	await all;
	// The first of them is received; the broker's PUBREL is not answered.
	five.acknowledge(5, received[0]!);
	await five.next(PacketType.PUBREL);
	await five.drop();

	sender.publish("b/1", "retained", 1, 7, { retain: true });
	await sender.next(PacketType.PUBACK);
	sender.publish("c/1", Uint8Array.of(0, 1, 255), 1, 8, { retain: true });
	await sender.next(PacketType.PUBACK);
	sender.publish("a/last", "not released", 2, 9);
	await sender.next(PacketType.PUBREC);
	await sender.drop();
}
