/**
 * TLS and WebSocket with the programs of others, in the directions that tls.test.ts and websocket.test.ts leave: our clients
 * with openssl s_server, with mosquitto and with a WebSocket server; Debian's mosquitto_sub and MQTT.js with ours.
 */

import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttp } from "node:http";
import { createServer as createHttps } from "node:https";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import mqtt from "mqtt";
import { WebSocketServer } from "ws";
import { makeCertificates } from "../certificates.ts";
import { builtPrograms, configFile, next, Running, run, startBroker, temporaryFolder } from "./harness.ts";
import { messages } from "./mqtt-client.ts";

const MOSQUITTO = fileURLToPath(new URL("../../.cache/mosquitto/usr/sbin/mosquitto", import.meta.url));
const KEY = "00112233445566778899aabbccddeeff";

let folder = "";

before(() => {
	folder = mkdtempSync(join(tmpdir(), "mqttd-tls-"));
	chmodSync(folder, 0o755);
	makeCertificates(folder);
	writeFileSync(join(folder, "psk"), `sensor:${KEY}\n`, { mode: 0o600 });
});

after(() => rmSync(folder, { recursive: true }));

const path = (name: string) => join(folder, name);
const ca = () => ["--cafile", path("ca.pem")];
const own = (name: string) => ["--cert", path(`${name}.pem`), "--key", path(`${name}.key`)];
const psk = ["--psk", KEY, "--psk-identity", "sensor"];
const at = (port: number) => ["-h", "localhost", "-p", String(port)];

/** What a broker of MQTT 3.1.1 says to a subscriber: CONNACK, SUBACK of packet 1, and a message. */
const ANSWERS = Buffer.from("20020000" + "9003000100" + "3006000161686579", "hex");

/** A client of MQTT 3.1.1 that comes and goes. */
const VISIT = Buffer.from("101000044d5154540402003c000474657374" + "e000", "hex");

/** openssl s_server for one client; it ends with the test. */
async function server(context: TestContext, ...more: string[]): Promise<[server: Running, port: number]> {
	const args = ["s_server", "-accept", "127.0.0.1:0", "-naccept", "1", ...more];
	const started = new Running(["openssl", args], "", true);
	context.after(() => started.child.kill("SIGKILL"));
	const [, port] = await started.line(/^ACCEPT .*:([0-9]+)$/m, "stdout");
	return [started, Number(port)];
}

/** What a WebSocket server hears of a client. */
interface Heard {
	/** In hexadecimal digits. */
	readonly sent: string;
	readonly isBinary: boolean;
	readonly protocol: string;
	readonly pong: string;
	/** Of the client's close frame. */
	readonly code: number;
}

/** A WebSocket server that gives its answers in two fragments, with a ping between them. */
async function webSocketServer(
	context: TestContext,
	isSecure: boolean,
): Promise<{ port: number; heard: Promise<Heard> }> {
	const files = { cert: readFileSync(path("server.pem")), key: readFileSync(path("server.key")) };
	const below = isSecure ? createHttps(files) : createHttp();
	const server = new WebSocketServer({ server: below });
	const heard = new Promise<Heard>((resolve) => {
		server.once("connection", (socket) => {
			const pieces: Buffer[] = [];
			let isBinary = true;
			let pong = "";
			socket.on("message", (data: Buffer, binary) => {
				if (pieces.push(data) === 1) {
					socket.send(ANSWERS.subarray(0, 7), { fin: false });
					socket.ping("inside");
					socket.send(ANSWERS.subarray(7));
				}
				isBinary &&= binary;
			});
			socket.on("pong", (data) => {
				pong += data.toString();
			});
			socket.once("close", (code) =>
				resolve({
					sent: Buffer.concat(pieces).toString("hex"),
					isBinary,
					protocol: socket.protocol,
					pong,
					code,
				}),
			);
		});
	});
	below.listen(0, "127.0.0.1");
	await next(below, "listening");
	context.after(() => below.close());
	return { port: (below.address() as AddressInfo).port, heard };
}

/** What our subscriber makes of it, and what the server saw. */
interface Case {
	readonly name: string;
	readonly server: readonly string[];
	readonly client: readonly string[];
	/** Each is in the server's report. */
	readonly report: readonly RegExp[];
}

function cases(): Case[] {
	const certificate = (name: string) => ["-cert", path(`${name}.pem`), "-key", path(`${name}.key`)];
	const demand = ["-Verify", "1", "-verify_return_error", "-CAfile", path("ca.pem")];
	const names = ["-servername", "localhost", "-cert2", path("server.pem"), "-key2", path("server.key")];
	return [
		{
			name: "TLS 1.3, SNI and a client certificate",
			server: [...certificate("elsewhere"), ...names, ...demand, "-tls1_3"],
			client: [...ca(), ...own("client"), "--tls-version", "tlsv1.3"],
			report: [
				/Hostname in TLS extension: "localhost"/,
				/subject=C ?= ?DE, O ?= ?"Test, Inc\.", CN ?= ?client one/,
				/CIPHER is TLS_/,
			],
		},
		{
			name: "TLS 1.2, a cipher of the client's, ALPN, an RSA certificate",
			server: [...certificate("rsa"), "-tls1_2", "-alpn", "mqtt"],
			client: [...ca(), "--ciphers", "ECDHE-RSA-CHACHA20-POLY1305", "--tls-alpn", "mqtt"],
			report: [/CIPHER is ECDHE-RSA-CHACHA20-POLY1305/, /ALPN protocols selected: mqtt/],
		},
		...["-tls1_2", "-tls1_3"].map((version) => ({
			name: `PSK, ${version}`,
			server: ["-nocert", "-psk", KEY, "-psk_identity", "sensor", "-psk_hint", "a hint", version],
			client: psk,
			report: [version === "-tls1_2" ? /CIPHER is (ECDHE-)?PSK-/ : /CIPHER is TLS_/],
		})),
	];
}

/** TCP on a port of the system's choice, passed on to a unix socket: mosquitto cannot choose a port. */
async function relay(context: TestContext, to: string): Promise<number> {
	const listener = createServer((one) => {
		const other = connect(to);
		for (const [from, into] of [
			[one, other],
			[other, one],
		] as const) {
			from.on("error", () => into.destroy());
			from.pipe(into);
		}
	});
	listener.listen(0, "127.0.0.1");
	await next(listener, "listening");
	context.after(() => listener.close());
	return (listener.address() as AddressInfo).port;
}

const LISTENERS = ["server", "client", "psk"] as const;

/** Debian's mosquitto with a listener of each kind: plain TLS, with client certificates, with keys; their ports. */
async function startMosquitto(context: TestContext): Promise<{ broker: Running; ports: number[] }> {
	if (!existsSync(MOSQUITTO)) throw new Error(`${MOSQUITTO} is missing: run scripts/setup.sh test`);
	const sockets = temporaryFolder(context);
	const files = `certfile ${path("server.pem")}\nkeyfile ${path("server.key")}\n`;
	const demand = `${files}cafile ${path("ca.pem")}\nrequire_certificate true\nuse_identity_as_username true\n`;
	const keys = `psk_hint hint\npsk_file ${path("psk")}\nuse_identity_as_username true\n`;
	const options = { server: files, client: demand, psk: keys };
	const text = LISTENERS.map(
		(name) => `listener 0 ${join(sockets, name)}\nallow_anonymous true\n${options[name]}`,
	);
	const config = configFile(sockets, `per_listener_settings true\nuser root\nlog_type all\n${text.join("")}`);
	const broker = new Running([MOSQUITTO, ["-c", config]]);
	context.after(() => broker.child.kill("SIGKILL"));
	await broker.line(/ running$/m);
	return { broker, ports: await Promise.all(LISTENERS.map((name) => relay(context, join(sockets, name)))) };
}

for (const program of builtPrograms()) {
	suite(`TLS with other programs on ${program.name}`, () => {
		test("our mosquitto_sub with openssl s_server: versions, ciphers, SNI, ALPN, client certificate, PSK", async (context) => {
			for (const { name, server: options, client, report } of cases()) {
				const [peer, port] = await server(context, ...options);
				const over = run(program, ["sub", ...at(port), "-t", "a", "-C", "1", "-i", "ours", ...client]);
				// It reports on the handshake before it passes CONNECT on, if it has nothing to say itself.
				await peer.line(/ours/, "stdout");
				peer.child.stdin.write(ANSWERS);
				const ended = await over;
				assert.deepEqual([ended.code, ended.stdout, ended.stderr], [0, "hey\n", ""], name);
				const { stdout } = await peer.ended;
				for (const pattern of report) assert.match(stdout, pattern, name);
				// CONNECT, with the name of its protocol, and the client's identifier.
				for (const text of ["\0\x04MQTT\x04", "\0\x04ours"]) assert.ok(stdout.includes(text), name);
			}
		});

		test("our mosquitto_pub and mosquitto_sub with mosquitto: TLS, client certificate, PSK", async (context) => {
			const { broker, ports } = await startMosquitto(context);
			const options = [ca(), [...ca(), ...own("client")], psk];
			for (const [number, more] of options.entries()) {
				const where = [...at(ports[number]!), ...more, "-q", "1", "-t", `a/${LISTENERS[number]}`];
				const sent = await run(program, ["pub", ...where, "-i", `pub-${number}`, "-m", "hello", "-r"]);
				assert.deepEqual([sent.code, sent.stderr], [0, ""]);
				const received = await run(program, ["sub", ...where, "-C", "1", "-i", `sub-${number}`]);
				assert.deepEqual([received.code, received.stdout, received.stderr], [0, "hello\n", ""]);
			}
			await broker.line(/as pub-1 \(.*u'client one'\)/);
			await broker.line(/as sub-2 \(.*u'sensor'\)/);
		});

		test("our mosquitto_sub with the WebSocket server of the package ws, over TLS and without", async (context) => {
			for (const trust of [[], ca()]) {
				const { port, heard } = await webSocketServer(context, trust.length > 0);
				const args = ["sub", "--ws", ...at(port), "-t", "a", "-C", "1", "-i", "ours", ...trust];
				const ended = await run(program, args);
				assert.deepEqual([ended.code, ended.stdout, ended.stderr], [0, "hey\n", ""]);
				const connect = "101000044d5154540402003c00046f757273";
				const sent = `${connect}8206000100016100e000`;
				assert.deepEqual(await heard, { sent, isBinary: true, protocol: "mqtt", pong: "inside", code: 1000 });
			}
		});

		test("Debian's mosquitto_sub, MQTT.js and openssl s_client with ours: one broker, every kind of listener", async (context) => {
			const files = `certfile ${path("server.pem")}\nkeyfile ${path("server.key")}\n`;
			const demand = `${files}cafile ${path("ca.pem")}\nrequire_certificate true\nuse_identity_as_username true\n`;
			const keys = `psk_hint hint\npsk_file ${path("psk")}\nuse_identity_as_username true\n`;
			const texts = [`protocol auto\n${files}`, demand, keys, "protocol auto\n"];
			const config = texts.map((text) => `listener auto 127.0.0.1\n${text}`).join("");
			const broker = await startBroker(context, program, {
				config: `user root\nallow_anonymous true\n${config}`,
			});
			const ports = [...broker.log.matchAll(/Opening ipv4 listen socket on port ([0-9]+)\./g)].map(
				([, port]) => Number(port),
			);
			assert.equal(ports.length, texts.length, broker.log);
			const [tlsPort, certificatePort, pskPort, plainPort] = ports as [number, number, number, number];

			// MQTT.js by each of its transports, to and from each other.
			const trust = { ca: readFileSync(path("ca.pem")), wsOptions: { family: 4 } };
			const urls = [
				[`mqtts://localhost:${tlsPort}`, trust],
				[`wss://localhost:${tlsPort}/mqtt`, trust],
				[`ws://127.0.0.1:${plainPort}/mqtt`, {}],
				[
					`mqtts://localhost:${certificatePort}`,
					{ ...trust, cert: readFileSync(path("client.pem")), key: readFileSync(path("client.key")) },
				],
			] as const;
			const clients = [];
			for (const [url, options] of urls) {
				const more = { reconnectPeriod: 0, connectTimeout: 120_000, protocolVersion: 5 as const };
				clients.push(await mqtt.connectAsync(url, { ...options, ...more }, false));
			}
			const arrived = clients.map((client) => messages(client, clients.length));
			for (const client of clients) await client.subscribeAsync("js/#", { qos: 1 });
			for (const [number, client] of clients.entries())
				await client.publishAsync(`js/${number}`, "x", { qos: 1 });
			for (const list of await Promise.all(arrived)) {
				assert.deepEqual(
					list.map(({ topic }) => topic),
					clients.map((_, number) => `js/${number}`),
				);
			}
			await Promise.all(clients.map((client) => client.endAsync()));

			for (const [port, ...more] of [
				[certificatePort, ...ca(), ...own("client")],
				[pskPort, ...psk],
			] as const) {
				const where = [...at(port), ...more, "-t", "debian", "-q", "1"];
				const sent = await new Running(["mosquitto_pub", [...where, "-m", "hello", "-r"]]).ended;
				assert.deepEqual([sent.code, sent.stderr], [0, ""]);
				const received = await new Running(["mosquitto_sub", [...where, "-C", "1"]]).ended;
				assert.deepEqual([received.code, received.stdout, received.stderr], [0, "hello\n", ""]);
			}

			// The hint is told with ephemeral keys; names and protocols that a client asks for are taken note of.
			const hinted = [
				"-psk",
				KEY,
				"-psk_identity",
				"sensor",
				"-tls1_2",
				"-cipher",
				"ECDHE-PSK-CHACHA20-POLY1305",
			];
			const asking = ["-CAfile", path("ca.pem"), "-servername", "localhost", "-alpn", "mqtt"];
			for (const [port, pattern, ...options] of [
				[pskPort, /PSK identity hint: hint/, ...hinted],
				[tlsPort, /Verify return code: 0 \(ok\)/, ...asking],
			] as const) {
				const client = await new Running([
					"openssl",
					["s_client", "-connect", `127.0.0.1:${port}`, ...options],
				]).ended;
				assert.match(client.stdout, pattern);
			}

			// The broker ends the connection, when it has sent what a session is gone on with.
			for (const version of ["-tls1_2", "-tls1_3"]) {
				const options = [...asking, version, "-ign_eof", "-connect", `127.0.0.1:${tlsPort}`];
				const session = join(folder, `session-${program.name}${version}`);
				for (const [option, pattern] of [
					["-sess_out", /^New, TLS/m],
					["-sess_in", /^Reused, TLS/m],
				] as const) {
					const args = ["s_client", ...options, option, session];
					assert.match((await new Running(["openssl", args], VISIT).ended).stdout, pattern);
				}
			}
			await broker.stop();
		});
	});
}
