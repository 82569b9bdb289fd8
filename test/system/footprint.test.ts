/** What the broker costs a router that has nothing to do for it: memory, and nothing else. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import { makeCertificates } from "../certificates.ts";
import { builtPrograms, next, startBroker, temporaryFolder } from "./harness.ts";

/** Resident memory of an idle broker in KiB: a router has 128 MiB for everything. */
const IDLE_LIMIT = 6 * 1024;

// Under qemu, and in Node, the memory is that of the emulator and of V8.
for (const program of builtPrograms().filter((each) => each.name === "x86_64")) {
	test("the idle x86_64 broker takes little memory and one thread", async (context) => {
		const broker = await startBroker(context, program);
		const status = readFileSync(`/proc/${broker.pid}/status`, "utf8");
		const resident = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
		assert.ok(resident > 0 && resident <= IDLE_LIMIT, `${resident} KiB resident`);
		assert.equal(/^Threads:\s+(\d+)$/m.exec(status)?.[1], "1");
		await broker.stop();
	});
}

/** What a connected client with TLS, that has nothing to say, costs in KiB; without TLS it is some 6. */
const SECURE_LIMIT = 24;
const CLIENTS = 200;

for (const program of builtPrograms().filter((each) => each.name === "x86_64")) {
	test("idle clients with TLS take little memory on x86_64", async (context) => {
		const folder = temporaryFolder(context);
		makeCertificates(folder);
		const files = `certfile ${join(folder, "server.pem")}\nkeyfile ${join(folder, "server.key")}\n`;
		const config = `user root\nallow_anonymous true\nlistener auto 127.0.0.1\n${files}`;
		for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
			const broker = await startBroker(context, program, { config });
			const resident = () => {
				const status = readFileSync(`/proc/${broker.pid}/status`, "utf8");
				return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
			};
			const clients: TLSSocket[] = [];
			const ca = readFileSync(join(folder, "ca.pem"));
			const versions = { minVersion: version, maxVersion: version, ca };
			const before = resident();
			for (let number = 0; number < CLIENTS; number++) {
				const client = connect({
					port: broker.port,
					host: "127.0.0.1",
					servername: "localhost",
					...versions,
				});
				clients.push(client);
				await next(client, "secureConnect");
				// A client identifier of its own; CONNACK says that all has been read.
				const id = String(number).padStart(4, "0");
				client.write(Buffer.concat([Buffer.from("101000044d5154540402003c0004", "hex"), Buffer.from(id)]));
				await next(client, "data");
			}
			const each = (resident() - before) / CLIENTS;
			assert.ok(each <= SECURE_LIMIT, `${each} KiB for each of ${CLIENTS} clients with ${version}`);
			for (const client of clients) client.destroy();
			await broker.stop();
		}
	});
}
