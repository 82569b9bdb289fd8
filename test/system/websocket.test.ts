/**
 * Listeners for web pages and behind proxies, on every host: conformance to RFC 6455, MQTT.js over WebSocket, protocols told
 * apart, the PROXY protocol, address lists, unix sockets' modes, files, the HTTP API, and clients that mean no good.
 */

import assert from "node:assert/strict";
import { pbkdf2Sync, randomBytes } from "node:crypto";
import {
	chmodSync,
	mkdirSync,
	mkdtempSync,
	readFileSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { get as getHttps } from "node:https";
import { connect as connectSocket, type NetConnectOpts, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import mqtt from "mqtt";
import { makeCertificates } from "../certificates.ts";
import { Random } from "../fuzz/mutate.ts";
import { IPV4, TLS, version2 } from "../vectors/proxy-header.ts";
import {
	BINARY,
	bytes,
	checkCase,
	concat,
	FIN,
	frame,
	GOODBYE,
	OPENED,
	OPENING,
	webSocketCases,
} from "../vectors/websocket.ts";
import {
	builtPrograms,
	commandOf,
	configFile,
	next,
	Running,
	type RunningBroker,
	run,
	startBroker,
	temporaryFolder,
} from "./harness.ts";
import { connect, exchange, messages } from "./mqtt-client.ts";

const WEBSOCKETS = "listener auto 127.0.0.1\nprotocol websockets\nallow_anonymous true\n";
const AUTO = "listener auto 127.0.0.1\nprotocol auto\nallow_anonymous true\n";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const UPGRADED =
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";

function upgrade(...headers: string[]): Buffer {
	const lines = [
		"GET /mqtt HTTP/1.1",
		"Host: localhost",
		"Upgrade: websocket",
		"Connection: Upgrade",
		`Sec-WebSocket-Key: ${KEY}`,
		"Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Protocol: mqtt",
		...headers,
	];
	return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`);
}

/** Sends `sent` in pieces of `size`, and collects what comes until the other side ends the connection. */
function talk(where: NetConnectOpts, sent: Uint8Array, size = sent.length): Promise<Buffer> {
	return new Promise((resolve, reject) => {
		const pieces: Buffer[] = [];
		const socket = connectSocket(where, () => {
			socket.setNoDelay(true);
			for (let at = 0; at < sent.length; at += size) socket.write(sent.subarray(at, at + size));
		});
		socket.on("data", (piece) => pieces.push(piece));
		socket.on("error", (error: NodeJS.ErrnoException) => {
			if (error.syscall === "connect") reject(error);
		});
		socket.on("close", () => resolve(Buffer.concat(pieces)));
	});
}

/** Sends, and resolves once `count` octets have come; the connection goes on. */
async function ask(
	where: NetConnectOpts,
	sent: Uint8Array,
	count: number,
): Promise<{ socket: Socket; got: Buffer }> {
	const socket = connectSocket(where);
	await next(socket, "connect");
	let got = Buffer.alloc(0);
	const arrived = new Promise<void>((resolve, reject) => {
		socket.on("data", (piece: Buffer) => {
			got = Buffer.concat([got, piece]);
			if (got.length >= count) resolve();
		});
		socket.on("close", () =>
			reject(new Error(`closed after ${got.length} octets: ${got.toString("latin1")}`)),
		);
	});
	socket.on("error", () => undefined);
	socket.write(sent);
	await arrived;
	return { socket, got };
}

const at = (broker: RunningBroker): NetConnectOpts => ({ port: broker.port, host: "127.0.0.1" });
const DISCONNECT = bytes(0xe0, 0);

for (const program of builtPrograms()) {
	describe(`WebSocket on ${program.name}`, () => {
		// [MQTT-6.0.0-1] [MQTT-6.0.0-2] [MQTT-6.0.0-4], 3.1.1: [MQTT-6.0.0-1], 3.1.1: [MQTT-6.0.0-2], 3.1.1: [MQTT-6.0.0-4]
		test("conformance to RFC 6455", async (context) => {
			const broker = await startBroker(context, program, {
				config: `${WEBSOCKETS}connection_messages false\n`,
			});
			const runs = webSocketCases.flatMap((each) => {
				const sent = concat([
					upgrade(),
					frame(FIN | BINARY, OPENING),
					...each.send,
					...(each.goesOn ? [GOODBYE] : []),
				]);
				const sizes = sent.length < 1000 ? [sent.length, 1] : [sent.length, 997];
				return sizes.map((size) => ({ each, sent, size }));
			});
			assert.ok(runs.length >= 560, `runs: ${runs.length}`);
			// One after another: all publish to the same topic.
			for (const { each, sent, size } of runs) {
				const received = await talk(at(broker), sent, size);
				assert.equal(received.toString("latin1", 0, UPGRADED.length), UPGRADED);
				checkCase(each, received.subarray(UPGRADED.length));
			}
			assert.equal(broker.log.match(/Opening websockets listen socket on port/g)?.length, 1);
			await broker.stop();
		});

		for (const [name, version] of Object.entries({
			"3.1": { protocolVersion: 3, protocolId: "MQIsdp" },
			"3.1.1": { protocolVersion: 4 },
			"5.0": { protocolVersion: 5 },
		} as const)) {
			test(`MQTT.js with MQTT ${name} over WebSocket`, async (context) => {
				const broker = await startBroker(context, program, { config: WEBSOCKETS });
				const url = `ws://127.0.0.1:${broker.port}/mqtt`;
				const options = { ...version, clientId: "web", reconnectPeriod: 0, connectTimeout: 120_000 };
				const client = await mqtt.connectAsync(url, options, false);
				const large = "0123456789abcdef".repeat(20_000);
				const arrived = messages(client, 4);
				await client.subscribeAsync("a/#", { qos: 2 });
				for (const qos of [0, 1, 2] as const) await client.publishAsync("a/b", `QoS ${qos}`, { qos });
				await client.publishAsync("a/large", large, { qos: 1 });
				assert.deepEqual(
					(await arrived).map(({ payload, qos }) => [payload, qos]),
					[
						["QoS 0", 0],
						["QoS 1", 1],
						["QoS 2", 2],
						[large, 1],
					],
				);
				await broker.line(/New client connected from 127\.0\.0\.1:\d+ as web/);
				await client.endAsync();
				await broker.line(/Client web \[127\.0\.0\.1:\d+\] disconnected\./);
				await broker.stop();
			});
		}

		test("mosquitto_pub and mosquitto_sub with --ws and ws:// URLs", async (context) => {
			const broker = await startBroker(context, program, { config: `${WEBSOCKETS}log_type all\n` });
			const port = String(broker.port);
			const sub = new Running(
				commandOf(program, ["sub", "--ws", "-p", port, "-t", "a/#", "-C", "3", "-q", "2", "-i", "ws-sub"]),
			);
			context.after(() => sub.child.kill("SIGKILL"));
			await broker.line(/Sending SUBACK to ws-sub/);
			const large = "0123456789abcdef".repeat(6000);
			for (const args of [
				["--ws", "-p", port, "-t", "a/b", "-m", "one", "-q", "1"],
				["-L", `ws://127.0.0.1:${port}/a/c`, "-m", "two", "-q", "2"],
				["--ws", "-p", port, "-t", "a/d", "-m", large, "-q", "0", "-V", "mqttv5"],
			]) {
				const ended = await run(program, ["pub", ...args]);
				assert.deepEqual([ended.code, ended.stderr], [0, ""]);
			}
			assert.deepEqual(await sub.ended.then(({ code, stdout }) => [code, stdout]), [
				0,
				`one\ntwo\n${large}\n`,
			]);
			await broker.stop();
		});

		test("websockets_origin: taken, refused, and changed by a reload", async (context) => {
			const folder = temporaryFolder(context);
			const config = `${WEBSOCKETS}log_type all\nwebsockets_origin http://one.example\nwebsockets_origin http://two.example\n`;
			const path = configFile(folder, config);
			const broker = await startBroker(context, program, { args: ["-c", path], config: "log_type all\n" });
			const try_ = async (origin: string) =>
				(await talk(at(broker), concat([upgrade(`Origin: ${origin}`), GOODBYE]))).toString();
			assert.match(await try_("http://two.example"), /^HTTP\/1\.1 101 /);
			assert.match(await try_("http://three.example"), /^HTTP\/1\.1 403 /);
			await broker.line(
				/HTTP request from 127\.0\.0\.1:\d+ on port \d+ refused: the origin may not connect\./,
			);
			configFile(folder, `${WEBSOCKETS}websockets_origin http://three.example\n`);
			broker.signal("SIGHUP");
			await broker.line(/Config reloaded\./);
			assert.match(await try_("http://three.example"), /^HTTP\/1\.1 101 /);
			assert.match(await try_("http://two.example"), /^HTTP\/1\.1 403 /);
			await broker.stop();
		});

		test("protocol auto: MQTT and WebSocket on one port", async (context) => {
			const broker = await startBroker(context, program, { config: AUTO });
			assert.equal(await exchange(broker.port, "plain"), "plain");
			const url = `ws://127.0.0.1:${broker.port}/`;
			const web = await mqtt.connectAsync(url, { reconnectPeriod: 0, connectTimeout: 120_000 }, false);
			const plain = await connect(broker.port);
			const arrived = messages(web, 1);
			await web.subscribeAsync("from/plain", { qos: 1 });
			await plain.publishAsync("from/plain", "hello", { qos: 1 });
			assert.equal((await arrived)[0]?.payload, "hello");
			await web.endAsync();
			await plain.endAsync();
			await broker.stop();
		});

		test("enable_proxy_protocol: the client's address is what the proxy says", async (context) => {
			const config = "allow_anonymous true\nlistener auto 127.0.0.1\n";
			const one = await startBroker(context, program, { config: `${config}enable_proxy_protocol 1\n` });
			const line = Buffer.from("PROXY TCP6 2001:db8::7 2001:db8::1 54321 1883\r\n");
			const { got, socket } = await ask(at(one), concat([line, OPENING]), OPENED.length);
			assert.deepEqual(Uint8Array.from(got), OPENED);
			await one.line(/New connection from 2001:db8::7:54321 on port/);
			socket.destroy();
			assert.equal((await talk(at(one), OPENING)).length, 0);
			await one.line(/Connection from 127\.0\.0\.1:\d+ rejected, corrupt PROXY header/);
			await one.stop();

			const options =
				"enable_proxy_protocol 2\nproxy_protocol_v2_require_tls true\nprotocol auto\ntrusted_proxy 127.0.0.1\n";
			const two = await startBroker(context, program, { config: `${config}${options}` });
			const header = version2(0x21, 0x11, IPV4, TLS);
			const sent = concat([header, upgrade(), frame(FIN | BINARY, concat([OPENING, DISCONNECT]))]);
			assert.match((await talk(at(two), sent, 1)).toString("latin1"), /^HTTP\/1\.1 101 /);
			await two.line(/Connection from 192\.0\.2\.7:54321 negotiated TLSv1\.3 cipher TLS_AES_128_GCM_SHA256/);
			await two.line(/New client connected from 192\.0\.2\.7:54321 as auto-/);
			assert.equal((await talk(at(two), concat([version2(0x21, 0x11, IPV4), OPENING]))).length, 0);
			await two.line(/192\.0\.2\.7:54321 rejected, client did not connect using TLS/);
			await two.stop();

			const far = await startBroker(context, program, {
				config: `${config}enable_proxy_protocol 2\ntrusted_proxy 192.0.2.1\n`,
			});
			assert.equal((await talk(at(far), concat([header, OPENING]))).length, 0);
			await far.line(/Client connection from 127\.0\.0\.1 denied: it is not in trusted_proxy\./);
			await far.stop();
		});

		test("trusted_proxy: X-Forwarded-For counts from there only", async (context) => {
			for (const [proxy, address] of [
				["127.0.0.1", "192.0.2.7:0"],
				["192.0.2.1", "127.0.0.1:\\d+"],
			]) {
				const broker = await startBroker(context, program, {
					config: `${WEBSOCKETS}trusted_proxy ${proxy}\n`,
				});
				const sent = concat([upgrade("X-Forwarded-For: 203.0.113.1, 192.0.2.7"), GOODBYE]);
				assert.match((await talk(at(broker), sent)).toString("latin1"), /^HTTP\/1\.1 101 /);
				await broker.line(new RegExp(`New connection from ${address} on port`));
				await broker.stop();
			}
		});

		test("allow_source and deny_source", async (context) => {
			const config = "allow_anonymous true\nlistener auto 127.0.0.1\n";
			for (const [lists, isAllowed] of [
				["allow_source 192.0.2.0/24 127.0.0.0/8", true],
				["allow_source 192.0.2.0/24", false],
				["deny_source 192.0.2.0/24", true],
				["allow_source 127.0.0.1\ndeny_source 127.0.0.0/8", false],
			] as const) {
				const broker = await startBroker(context, program, { config: `${config}${lists}\n` });
				// Who has reset it before it is accepted has no address any more: no list would say no.
				broker.signal("SIGSTOP");
				const gone = connectSocket(at(broker));
				await next(gone, "connect");
				await new Promise<void>((sent) => gone.write(OPENING, () => sent()));
				gone.resetAndDestroy();
				broker.signal("SIGCONT");
				if (isAllowed) {
					assert.equal(await exchange(broker.port), "hello");
				} else {
					assert.equal((await talk(at(broker), OPENING)).length, 0);
					await broker.line(/Client connection from 127\.0\.0\.1 denied: its address is not allowed\./);
				}
				assert.doesNotMatch(broker.log, /New connection from :0/);
				await broker.stop();
			}
		});

		test("unix_socket_mode and unix_socket_owner", async (context) => {
			const path = join(temporaryFolder(context), "socket");
			const isRoot = process.getuid?.() === 0;
			const owner = isRoot ? "unix_socket_owner daemon:root\n" : "";
			const config = `listener 0 ${path}\nallow_anonymous true\nunix_socket_mode 0606\n${owner}`;
			const broker = await startBroker(context, program, { config });
			const info = statSync(path);
			assert.equal(info.mode & 0o777, 0o606);
			if (isRoot) assert.deepEqual([info.uid, info.gid], [1, 0]);
			const { socket } = await ask({ path }, OPENING, OPENED.length);
			socket.destroy();
			await broker.stop();
		});

		test("http_dir: files of a directory, and nothing else", async (context) => {
			const folder = temporaryFolder(context);
			const www = join(folder, "www");
			mkdirSync(join(www, "sub"), { recursive: true });
			const large = "0123456789".repeat(100_000);
			writeFileSync(join(www, "index.html"), "<p>index</p>");
			writeFileSync(join(www, "sub", "large.js"), large);
			writeFileSync(join(www, "toolarge"), Buffer.alloc(1024 * 1024 + 1));
			writeFileSync(join(www, ".hidden"), "secret");
			writeFileSync(join(folder, "outside"), "secret");
			symlinkSync(join(folder, "outside"), join(www, "link"));
			const broker = await startBroker(context, program, { config: `${AUTO}http_dir ${www}\n` });
			const get = (path: string) => fetch(`http://127.0.0.1:${broker.port}${path}`, { redirect: "manual" });
			const index = await get("/");
			assert.deepEqual([index.status, index.headers.get("content-type")], [200, "text/html; charset=utf-8"]);
			assert.equal(await index.text(), "<p>index</p>");
			const script = await get("/sub/large.js");
			assert.equal(script.headers.get("content-type"), "text/javascript; charset=utf-8");
			assert.equal(await script.text(), large);
			const moved = await get("/sub");
			assert.deepEqual([moved.status, moved.headers.get("location")], [301, "/sub/"]);
			assert.equal((await get("/toolarge")).status, 413);
			const raw = async (line: string) =>
				(await talk(at(broker), Buffer.from(`${line} HTTP/1.1\r\nHost: h\r\n\r\n`))).toString();
			for (const path of [
				"/../outside",
				"/%2e%2e/outside",
				"/sub/..%2f..%2foutside",
				"//etc/passwd",
				"/.hidden",
				"/link",
			]) {
				const answer = await raw(`GET ${path}`);
				assert.match(answer, /^HTTP\/1\.1 404 /, path);
				assert.doesNotMatch(answer, /secret|root:/);
			}
			assert.match(await raw("POST /index.html"), /^HTTP\/1\.1 405 /);
			assert.match(
				await raw("HEAD /index.html"),
				/^HTTP\/1\.1 200 OK\r\n[\s\S]*Content-Length: 12\r\n[\s\S]*\r\n\r\n$/,
			);
			assert.equal(await exchange(broker.port), "hello");
			await broker.stop();
		});

		test("protocol http_api: version, listeners and $SYS, for those who may", async (context) => {
			const www = temporaryFolder(context);
			writeFileSync(join(www, "page.txt"), "a page");
			const config = `listener auto 127.0.0.1\nprotocol http_api\nhttp_dir ${www}\nlistener auto 127.0.0.1\n`;
			const broker = await startBroker(context, program, { config: `allow_anonymous true\n${config}` });
			await broker.line(/Opening http api listen socket on port \d+\./);
			const mqttPort = Number(/Opening ipv4 listen socket on port (\d+)/.exec(broker.log)?.[1]);
			await exchange(mqttPort);
			const get = async (path: string) => {
				const response = await fetch(`http://127.0.0.1:${broker.port}${path}`);
				assert.equal(response.status, 200, path);
				return response.text();
			};
			assert.match(await get("/api/v1/version"), /^\d+\.\d+\.\d+/);
			const common = { tls: false, mtls: false, allow_anonymous: true };
			assert.deepEqual(JSON.parse(await get("/api/v1/listeners")), {
				listeners: [
					{ port: broker.port, protocol: "httpapi", ...common },
					{ port: mqttPort, protocol: "mqtt", ...common },
				],
			});
			const systree = JSON.parse(await get("/api/v1/systree"));
			assert.equal(systree["$SYS/broker/messages/received"] > 3, true);
			assert.equal(typeof systree["$SYS/broker/uptime"], "number");
			assert.equal(await get("/page.txt"), "a page");
			assert.equal((await fetch(`http://127.0.0.1:${broker.port}/api/v1/other`)).status, 404);
			assert.equal(
				(await fetch(`http://127.0.0.1:${broker.port}/api/v1/version`, { method: "DELETE" })).status,
				405,
			);
			await broker.stop();

			const salt = randomBytes(12);
			const hash = pbkdf2Sync("secret", salt, 100, 64, "sha512");
			const passwords = configFile(
				www,
				`reader:$7$100$${salt.toString("base64")}$${hash.toString("base64")}\n`,
				"passwords",
			);
			const rules = configFile(www, "user reader\ntopic read /api/v1/version\n", "rules");
			chmodSync(passwords, 0o640);
			const files = `password_file ${passwords}\nacl_file ${rules}\nallow_anonymous false\n`;
			const closed = await startBroker(context, program, { config: `${files}${config}` });
			const ask_ = async (path: string, login: string | null) => {
				const headers =
					login === null ? {} : { Authorization: `Basic ${Buffer.from(login).toString("base64")}` };
				return fetch(`http://127.0.0.1:${closed.port}${path}`, { headers });
			};
			const refused = await ask_("/api/v1/version", null);
			assert.deepEqual(
				[refused.status, refused.headers.get("www-authenticate")],
				[401, 'Basic realm="Mosquitto API"'],
			);
			assert.equal((await ask_("/api/v1/version", "reader:wrong")).status, 401);
			assert.equal((await ask_("/api/v1/version", "other:secret")).status, 401);
			assert.equal((await ask_("/api/v1/version", "reader:secret")).status, 200);
			assert.equal((await ask_("/api/v1/systree", "reader:secret")).status, 401);
			assert.equal((await ask_("/page.txt", "reader:secret")).status, 401);
			for (const why of [
				"anonymous clients are not allowed",
				"wrong password",
				"unknown user",
				"'reader' may not read /api/v1/systree",
			]) {
				await closed.line(new RegExp(`HTTP request from 127\\.0\\.0\\.1 refused: ${why}\\.`));
			}
			await closed.stop();
		});

		test("over TLS: wss and mqtts on one port, and the HTTP API", async (context) => {
			const folder = mkdtempSync(join(tmpdir(), "mqttd-wss-"));
			context.after(() => rmSync(folder, { recursive: true }));
			makeCertificates(folder);
			const files = `certfile ${join(folder, "server.pem")}\nkeyfile ${join(folder, "server.key")}\n`;
			const api = `listener auto 127.0.0.1\nprotocol http_api\n${files}`;
			const broker = await startBroker(context, program, { config: `user root\n${AUTO}${files}${api}` });
			const ca = readFileSync(join(folder, "ca.pem"));
			const options = { ca, servername: "localhost", reconnectPeriod: 0, connectTimeout: 120_000 };
			const web = await mqtt.connectAsync(
				`wss://localhost:${broker.port}/mqtt`,
				{ ...options, wsOptions: { family: 4 } },
				false,
			);
			const plain = await mqtt.connectAsync(`mqtts://127.0.0.1:${broker.port}`, options, false);
			const large = "0123456789abcdef".repeat(20_000);
			const arrived = messages(web, 1);
			await web.subscribeAsync("secret", { qos: 1 });
			await plain.publishAsync("secret", large, { qos: 1 });
			assert.equal((await arrived)[0]?.payload, large);
			await web.endAsync();
			await plain.endAsync();
			const [, apiPort] = await broker.line(/Opening http api listen socket on port (\d+)/);
			const body = await new Promise<string>((resolve, reject) => {
				const where = {
					host: "127.0.0.1",
					port: Number(apiPort),
					path: "/api/v1/listeners",
					ca,
					servername: "localhost",
				};
				getHttps(where, (response) => {
					let all = "";
					response.setEncoding("utf8").on("data", (piece) => {
						all += piece;
					});
					response.on("end", () => resolve(all));
				}).on("error", reject);
			});
			assert.deepEqual(
				JSON.parse(body).listeners.map(({ protocol, tls }: { protocol: string; tls: boolean }) => [
					protocol,
					tls,
				]),
				[
					["auto", true],
					["httpapi", true],
				],
			);
			await broker.stop();
		});

		test("slow, huge and broken: whoever means well is served", async (context) => {
			const broker = await startBroker(context, program, { config: `${AUTO}connection_messages false\n` });
			const slow = await Promise.all(
				Array.from({ length: 400 }, async () => {
					const socket = connectSocket(at(broker));
					socket.on("error", () => undefined);
					await next(socket, "connect");
					socket.write("GET / HTTP/1.1\r\nHost: ");
					return socket;
				}),
			);
			let left = slow.length;
			const enough = new Promise<void>((resolve) => {
				for (const socket of slow) {
					socket.resume().once("close", () => {
						left--;
						if (left <= 256) resolve();
					});
				}
			});
			await enough;
			assert.equal(await exchange(broker.port), "hello");
			const url = `ws://127.0.0.1:${broker.port}/`;
			const web = await mqtt.connectAsync(url, { reconnectPeriod: 0, connectTimeout: 120_000 }, false);
			assert.match((await talk(at(broker), Buffer.alloc(100_000, "GET / "))).toString(), /^HTTP\/1\.1 431 /);

			const random = new Random(1);
			const all = webSocketCases.filter((each) => concat(each.send).length < 2000);
			for (let count = 0; count < 300; count++) {
				const sent = concat([upgrade(), frame(FIN | BINARY, OPENING), ...random.pick(all).send, GOODBYE]);
				const start = random.below(4) === 0 ? 0 : upgrade().length;
				for (let times = random.below(5) + 1; times > 0; times--) {
					sent[start + random.below(sent.length - start)] = random.below(256);
				}
				const socket = connectSocket(at(broker));
				socket.on("error", () => undefined);
				socket.end(sent);
				socket.resume();
				await next(socket, "close");
			}
			const arrived = messages(web, 1);
			await web.subscribeAsync("still", { qos: 1 });
			await web.publishAsync("still", "served", { qos: 1 });
			assert.equal((await arrived)[0]?.payload, "served");
			await web.endAsync();
			for (const socket of slow) socket.destroy();
			const ended = await broker.stop();
			assert.doesNotMatch(ended.stderr, /Internal error|Unexpected error/);
		});
	});
}
