/** Each client that must not be served over TLS gives the documented line in the log, and nothing else. */

import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createPlain, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, type TestContext, test } from "node:test";
import { createServer, type TlsOptions } from "node:tls";
import { makeCertificates } from "../certificates.ts";
import {
	type BuiltProgram,
	builtPrograms,
	next,
	Running,
	type RunningBroker,
	run,
	startBroker,
} from "./harness.ts";
import { badCertificates, badKeys, badOctets, client, type Refusal } from "./tls-refusals.ts";

let folder = "";

before(() => {
	folder = mkdtempSync(join(tmpdir(), "mqttd-refusals-"));
	chmodSync(folder, 0o755);
	makeCertificates(folder);
	writeFileSync(join(folder, "psk"), "sensor:00112233445566778899aabbccddeeff\n", { mode: 0o600 });
});

after(() => rmSync(folder, { recursive: true }));

const path = (name: string) => join(folder, name);

/** A listener with these options. */
function start(context: TestContext, program: BuiltProgram, options: string): Promise<RunningBroker> {
	const config = `user root\nallow_anonymous true\nlog_timestamp false\nlistener auto 127.0.0.1\n${options}`;
	return startBroker(context, program, { config });
}

const withCertificate = () => `certfile ${path("server.pem")}\nkeyfile ${path("server.key")}\n`;

const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");

/** All of them come one after the other; the log must have what is expected, and not a line more. */
async function refuseAll(broker: RunningBroker, refusals: readonly Refusal[]): Promise<void> {
	const before = broker.log.length;
	const expected: string[] = [];
	for (const { attack, line, connected } of refusals) {
		const address = await attack(broker.port);
		const last = line.replace("A", address);
		await broker.line(new RegExp(`^${escaped(last)}$`, "m"));
		if (connected !== undefined) {
			expected.push(`Connection from ${address} negotiated ${connected}`);
			expected.push(`New connection from ${address} on port ${broker.port}.`);
			expected.push(`New client connected from ${address} as test (p4, c1, k60).`);
		}
		expected.push(last);
	}
	const { stderr } = await broker.stop();
	const lines = stderr
		.slice(before)
		.replace(/(negotiated TLSv1\.[23]) cipher [A-Z0-9_-]+$/gm, "$1")
		.split("\n");
	assert.match(lines.splice(-2).join(""), / terminating$/);
	assert.deepEqual(lines, expected);
}

/** A server that listens on a port of the system's choice; it ends with the test. */
async function listening<T extends Server>(context: TestContext, server: T): Promise<number> {
	server.listen(0, "127.0.0.1");
	await next(server, "listening");
	context.after(() => server.close());
	return (server.address() as { port: number }).port;
}

for (const program of builtPrograms()) {
	suite(`who is not served over TLS, on ${program.name}`, () => {
		test("certificates that are not good", async (context) => {
			const demand = `require_certificate true\ncafile ${path("ca.pem")}\ncrlfile ${path("crl.pem")}\n`;
			const broker = await start(context, program, withCertificate() + demand);
			await refuseAll(broker, badCertificates(folder));
		});

		test("pre-shared keys that are not good", async (context) => {
			const broker = await start(context, program, `psk_hint hint\npsk_file ${path("psk")}\n`);
			await refuseAll(broker, badKeys());
		});

		test("garbage, truncated and oversized records, renegotiation, nothing in common", async (context) => {
			await refuseAll(await start(context, program, withCertificate()), badOctets());
		});

		test("TLS where there is none", async (context) => {
			const line = "Client from A appears to be using TLS to connect to a non-TLS listener.";
			for (const protocol of ["mqtt", "auto", "websockets"]) {
				const broker = await start(context, program, `protocol ${protocol}\n`);
				const from = broker.log.length;
				const address = await client({})(broker.port);
				await broker.line(new RegExp(escaped(line.replace("A", address))));
				const { stderr } = await broker.stop();
				const lines = stderr.slice(from).replaceAll(address, "A").split("\n");
				const arrived = protocol === "websockets" ? [] : [`New connection from A on port ${broker.port}.`];
				assert.deepEqual(lines.slice(0, -2), [...arrived, line], protocol);
			}
		});

		test("clients that do not take the broker's certificate", async (context) => {
			const broker = await start(context, program, withCertificate());
			for (const [alert, ...options] of [
				["unknown ca", "-CAfile", path("other.pem")],
				["bad certificate", "-CAfile", path("ca.pem"), "-verify_hostname", "example.org"],
			] as const) {
				for (const version of ["-tls1_2", "-tls1_3"]) {
					const from = broker.log.length;
					const where = ["-connect", `127.0.0.1:${broker.port}`, "-verify_return_error", version];
					await new Running(["openssl", ["s_client", ...where, ...options]]).ended;
					const line = `Client from 127.0.0.1:[0-9]+ disconnected: TLS handshake failed: the peer sent TLS alert: ${alert} \\(TLS_ALERT\\)\\.`;
					await broker.line(new RegExp(`^[^]{${from}}${line}\n$`));
				}
			}
			await broker.stop();
		});

		test("servers that our clients do not take", async (context) => {
			const secure = (name: string, more: TlsOptions = {}) => {
				const key = readFileSync(path(`${name}.key`));
				return createServer({ cert: readFileSync(path(`${name}.pem`)), key, ...more }, (socket) =>
					socket.resume(),
				);
			};
			const plain = (hex: string, end = false) =>
				createPlain((socket: Socket) => {
					socket.on("error", () => {});
					socket.resume();
					if (end) socket.end(Buffer.from(hex, "hex"));
					else socket.write(Buffer.from(hex, "hex"));
				});
			const demand = { requestCert: true, ca: readFileSync(path("ca.pem")) };
			const cases: readonly (readonly [server: Server, text: string, ...options: string[]])[] = [
				[secure("expired-server"), "the peer's certificate has expired"],
				[secure("future-server"), "the peer's certificate is not yet valid"],
				[secure("elsewhere"), "the peer's certificate is for another host"],
				[
					secure("server"),
					"the peer's certificate is of an unknown authority",
					"--cafile",
					path("other.pem"),
				],
				[
					secure("server", { maxVersion: "TLSv1.2" }),
					"the peer sent TLS alert: protocol version",
					"--tls-version",
					"tlsv1.3",
				],
				[
					secure("server", { ...demand, maxVersion: "TLSv1.2" }),
					"the peer sent TLS alert: handshake failure",
				],
				[plain("200900000022000a210014"), "the peer does not speak TLS"],
				[plain("16030300", true), "the connection ended during the TLS handshake"],
				[plain("", true), "the connection ended during the TLS handshake"],
				[plain(`1603034900${"11".repeat(0x4900)}`), "TLS protocol error"],
				[plain(`160303ffff${"11".repeat(100)}`), "TLS protocol error"],
				[plain(`1603030040020000${"11".repeat(61)}`), "TLS protocol error"],
			];
			for (const [server, text, ...options] of cases) {
				server.on("tlsClientError", () => {});
				const port = await listening(context, server);
				const trust = options.includes("--cafile") ? [] : ["--cafile", path("ca.pem")];
				const where = ["-h", "localhost", "-p", String(port), "-t", "a", "-m", "b"];
				const ended = await run(program, ["pub", ...where, ...trust, ...options]);
				const expected = `Error: A TLS error occurred: ${text}.\n`;
				assert.deepEqual([ended.code, ended.stdout, ended.stderr], [8, "", expected], text);
			}
		});
	});
}
