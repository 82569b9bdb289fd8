/** Limits that need a real host, on all of them: what listeners are bound to, options of sockets, and memory. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { connect as dial, type Socket } from "node:net";
import { describe, test } from "node:test";
import { makeCertificates } from "../certificates.ts";
import { builtPrograms, commandOf, configFile, Running, startBroker, temporaryFolder } from "./harness.ts";
import { closed, connect, exchange } from "./mqtt-client.ts";

const OPEN = "listener auto\nallow_anonymous true\n";

/** Whether something listens there. */
function listens(port: number, host: string): Promise<boolean> {
	return new Promise((resolve) => {
		const socket = dial(port, host);
		socket.once("connect", () => {
			socket.destroy();
			resolve(true);
		});
		socket.once("error", () => resolve(false));
	});
}

function portOf(log: string): number {
	return Number(/Opening ipv[46] listen socket on port ([0-9]+)\./.exec(log)?.[1]);
}

/** Asks a socket of another process for an option of TCP: takes over a copy of its descriptor, as debuggers do. */
const GET_OPTION = `
	my ($pid, $fd, $option) = @ARGV;
	my $process = syscall(434, $pid + 0, 0);
	my $copy = syscall(438, $process, $fd + 0, 0);
	die "no descriptor: $!" if $process < 0 || $copy < 0;
	open(my $socket, "+<&=", $copy) or die "open: $!";
	print unpack("i", getsockopt($socket, 6, $option + 0));
`;
const TCP_NODELAY = 1;

/** Whether TCP_NODELAY is set on the broker's end of a connection. */
function noDelay(pid: number, client: Socket): boolean {
	const end = (port: number) => `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
	const rows = readFileSync("/proc/net/tcp", "utf8").split("\n");
	const columns = rows.map((row) => row.trim().split(/ +/));
	const isIts = (row: readonly string[]) =>
		row[1] === end(client.remotePort!) && row[2] === end(client.localPort!);
	const inode = columns.find(isIts)?.[9];
	const descriptors = `/proc/${pid}/fd`;
	const descriptor = readdirSync(descriptors).find(
		(each) => readlinkSync(`${descriptors}/${each}`) === `socket:[${inode}]`,
	);
	assert.ok(descriptor !== undefined, `the socket ${inode} of the broker`);
	const args = ["-e", GET_OPTION, String(pid), descriptor, String(TCP_NODELAY)];
	return Number(execFileSync("perl", args, { encoding: "utf8" })) !== 0;
}

for (const program of builtPrograms()) {
	describe(`limits: ${program.name}`, () => {
		test("bind_interface", async (context) => {
			const broker = await startBroker(context, program, { config: `${OPEN}bind_interface lo\n` });
			const { port } = broker;
			assert.equal(broker.log.match(/Opening ipv[46] listen socket/g)?.length, 2);
			// All of 127.0.0.0/8 is the loopback's, but 127.0.0.1 is its only address.
			const open = ["127.0.0.1", "::1", "127.0.0.2"].map((address) => listens(port, address));
			assert.deepEqual(await Promise.all(open), [true, true, false]);
			await broker.stop();
		});

		test("bind_interface: one that does not exist", async (context) => {
			const path = configFile(temporaryFolder(context), `${OPEN}bind_interface no-such0\n`);
			const { code, stderr } = await new Running(commandOf(program, ["-c", path])).ended;
			assert.equal(code, 1);
			assert.match(stderr, /Error: Interface no-such0 does not exist\.\n$/);
		});

		test("socket_domain", async (context) => {
			for (const [domain, four, six] of [
				["ipv4", true, false],
				["ipv6", false, true],
			] as const) {
				const broker = await startBroker(context, program, { config: `${OPEN}socket_domain ${domain}\n` });
				const port = portOf(broker.log);
				assert.deepEqual([await listens(port, "127.0.0.1"), await listens(port, "::1")], [four, six]);
				await broker.stop();
			}
		});

		test("set_tcp_nodelay, also after a reload", async (context) => {
			const folder = temporaryFolder(context);
			const write = (value: boolean) => configFile(folder, `${OPEN}set_tcp_nodelay ${value}\n`);
			const broker = new Running(commandOf(program, ["-c", write(true)]));
			context.after(() => broker.child.kill("SIGKILL"));
			await broker.line(/ running$/m);
			const port = portOf(broker.stderr);
			const asked = async () => {
				const socket = dial(port, "127.0.0.1");
				await once(socket, "connect");
				// An answer shows that the connection has been taken.
				socket.write(Uint8Array.of(0x10, 13, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 0, 0, 1, 0x61));
				await once(socket, "data");
				const set = noDelay(broker.pid, socket);
				socket.destroy();
				return set;
			};
			assert.equal(await asked(), true);
			write(false);
			process.kill(broker.pid, "SIGHUP");
			await broker.line(/Config reloaded\./);
			assert.equal(await asked(), false);
			process.kill(broker.pid, "SIGTERM");
			assert.equal((await broker.ended).code, 0);
		});

		test("connections that do not get as far as MQTT are limited in number, the oldest go", async (context) => {
			const folder = temporaryFolder(context);
			makeCertificates(folder);
			const tls = `certfile ${folder}/server.pem\nkeyfile ${folder}/server.key\n`;
			const config =
				`sys_interval 1\nallow_anonymous true\nlistener auto 127.0.0.1\nlistener auto 127.0.0.1\n${tls}` +
				"listener auto 127.0.0.1\nprotocol websockets\n";
			const broker = await startBroker(context, program, { config });
			const ports = [...broker.log.matchAll(/Opening \w+ listen socket on port ([0-9]+)\./g)];
			const [plain = 0, secure = 0, web = 0] = ports.map((match) => Number(match[1]));
			for (const [port, number, words] of [
				[secure, 100, "Hello"],
				[web, 256, "GET / HTTP/1.1\r\n"],
			] as const) {
				const dialled: Socket[] = [];
				const open = async () => {
					const socket = dial(port, "127.0.0.1");
					context.after(() => socket.destroy());
					socket.on("error", () => undefined);
					socket.resume();
					await once(socket, "connect");
					// Of TLS only a beginning.
					socket.write(words === "Hello" ? Uint8Array.of(22, 3) : words);
					dialled.push(socket);
				};
				await open();
				const dropped = once(dialled[0]!, "close");
				for (let count = 0; count < number; count++) await open();
				await dropped;
			}
			await broker.line(
				/Client from 127\.0\.0\.1:\d+ disconnected: TLS handshake failed: too many unfinished TLS handshakes \(TLS_BUSY\)\./,
			);
			await broker.line(/Connection from 127\.0\.0\.1:\d+ dropped: too many connections wait\./);
			const client = await connect(plain);
			const counts = new Map<string, Promise<void>>();
			for (const name of ["tls_handshakes", "waiting_connections"]) {
				const counted = new Promise<void>((resolve) => {
					client.on("message", (topic, payload) => {
						if (topic.endsWith(name) && Number(payload.toString()) >= 1) resolve();
					});
				});
				counts.set(name, counted);
			}
			await client.subscribeAsync("$SYS/broker/limits/+");
			await Promise.all(counts.values());
			await client.endAsync();
			await broker.stop();
		});

		test("memory_limit: the broker stays up, serves who is there, and recovers", async (context) => {
			const config = `${OPEN}memory_limit 8000000\nmax_queued_messages 0\n`;
			const broker = await startBroker(context, program, { config });
			const away = { clientId: "away", clean: false };
			const first = await connect(broker.port, away);
			await first.subscribeAsync("fill", { qos: 1 });
			await first.endAsync();
			const publisher = await connect(broker.port);
			const payload = Buffer.alloc(50_000);
			let warned = false;
			const warning = broker.line(/Warning: [0-9]+ octets of memory are in use, memory_limit is 8000000\./);
			const scarce = warning.then(() => {
				warned = true;
			});
			// What waits is looked at each second; it is more than the limit long before the last of these.
			for (let sent = 0; !warned && sent < 10_000; sent++) {
				await publisher.publishAsync("fill", payload, { qos: 1 });
			}
			await scarce;
			await assert.rejects(connect(broker.port, { clientId: "new" }), /Server unavailable/);
			await assert.rejects(publisher.subscribeAsync("new"));
			await publisher.publishAsync("fill", payload, { qos: 1 });
			await broker.line(/Outgoing messages are being dropped for client away\./);
			const ended = closed(publisher);
			publisher.publish("fill", Buffer.alloc(100_000));
			await ended;

			const recovered = broker.line(/: [0-9]+ octets of memory are in use, memory_limit is 8000000\.\n/);
			const back = await connect(broker.port, away);
			await recovered;
			assert.equal(await exchange(broker.port), "hello");
			await back.endAsync();
			await broker.stop();
		});
	});
}
