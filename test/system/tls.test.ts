/** TLS listeners of the built programs with openssl, Debian's mosquitto clients and MQTT.js. */

import assert from "node:assert/strict";
import {
	chmodSync,
	copyFileSync,
	mkdirSync,
	mkdtempSync,
	readFileSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { connect as connectPlain } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, type TestContext, test } from "node:test";
import mqtt from "mqtt";
import { makeCertificates } from "../certificates.ts";
import { builtPrograms, type Ended, Running, type RunningBroker, run, startBroker } from "./harness.ts";

let folder = "";

before(() => {
	folder = mkdtempSync(join(tmpdir(), "mqttd-tls-"));
	chmodSync(folder, 0o755);
	makeCertificates(folder);
	writeFileSync(join(folder, "psk"), "sensor:00112233445566778899aabbccddeeff\n", { mode: 0o600 });
});

after(() => rmSync(folder, { recursive: true }));

function path(name: string): string {
	return join(folder, name);
}

/** Options of a listener with the server's certificate, and whatever more. Files are root's, and so is the broker. */
function config(more = "", name = "server"): string {
	const files = `certfile ${path(`${name}.pem`)}\nkeyfile ${path(`${name}.key`)}\n`;
	return `user root\nallow_anonymous true\nlistener auto 127.0.0.1\n${files}${more}`;
}

function own(name: string): string[] {
	return ["--cert", path(`${name}.pem`), "--key", path(`${name}.key`)];
}

/** Debian's client, told to publish. */
function publish(port: number, ...more: string[]): Promise<Ended> {
	const where = ["-h", "localhost", "-p", String(port), "-i", "pub"];
	return new Running(["mosquitto_pub", [...where, "-t", "a/b", "-m", "hello", "-q", "1", "-r", ...more]])
		.ended;
}

async function published(port: number, ...more: string[]): Promise<void> {
	const ended = await publish(port, ...more);
	assert.deepEqual([ended.code, ended.stderr], [0, ""], `mosquitto_pub ${more.join(" ")}`);
}

const ca = () => ["--cafile", path("ca.pem")];

/** A client is not let in, and the log has a line that says why. It would try again and again. */
async function refused(broker: RunningBroker, why: RegExp, ...more: string[]): Promise<void> {
	const where = ["-h", "localhost", "-p", String(broker.port)];
	const before = broker.log.length;
	const client = new Running(["mosquitto_pub", [...where, "-t", "a/b", "-m", "hello", ...more]]);
	await broker.line(new RegExp(`^[^]{${before},}(?:${why.source})`));
	client.child.kill("SIGKILL");
	await client.ended;
}

const CONNECT = Buffer.from("101000044d5154540402003c000474657374", "hex");

/** openssl s_client with CONNECT as its input; it ends with the test. */
async function handshake(context: TestContext, port: number, ...more: string[]): Promise<Running> {
	const trust = ["-CAfile", path("ca.pem"), "-verify_return_error", "-verify_hostname", "localhost"];
	const args = ["s_client", "-connect", `127.0.0.1:${port}`, "-servername", "localhost", ...trust, ...more];
	const client = new Running(["openssl", args], CONNECT.toString("latin1"));
	context.after(() => client.child.kill("SIGKILL"));
	return client;
}

for (const program of builtPrograms()) {
	suite(`TLS on ${program.name}`, () => {
		test("mosquitto_pub and mosquitto_sub, 1.2 and 1.3", async (context) => {
			const broker = await startBroker(context, program, { config: config() });
			for (const [flag, version] of [
				["tlsv1.3", "TLSv1.3"],
				["tlsv1.2", "TLSv1.2"],
			] as const) {
				await published(broker.port, ...ca(), "--tls-version", flag);
				if (flag === "tlsv1.3")
					await broker.line(new RegExp(`Connection from 127.0.0.1:[0-9]+ negotiated ${version} cipher TLS_`));
			}
			const where = ["-h", "localhost", "-p", String(broker.port), ...ca()];
			const received = await new Running(["mosquitto_sub", [...where, "-t", "a/#", "-C", "1", "-v"]]).ended;
			assert.deepEqual([received.code, received.stdout], [0, "a/b hello\n"]);
			await broker.stop();
		});

		test("openssl s_client; versions and ciphers as configured", async (context) => {
			const old = "ciphers ECDHE-ECDSA-AES128-GCM-SHA256\nciphers_tls1.3 TLS_AES_128_GCM_SHA256\n";
			const broker = await startBroker(context, program, { config: config(old) });
			for (const [flag, line] of [
				["-tls1_2", "TLSv1.2 cipher ECDHE-ECDSA-AES128-GCM-SHA256"],
				["-tls1_3", "TLSv1.3 cipher TLS_AES_128_GCM_SHA256"],
			] as const) {
				const client = await handshake(context, broker.port, flag, "-quiet");
				await client.line(/^ /, "stdout");
				assert.match(broker.log, new RegExp(`negotiated ${line}`));
				client.child.kill("SIGKILL");
			}
			await broker.stop();
			const strict = await startBroker(context, program, { config: config("tls_version tlsv1.3\n") });
			await handshake(context, strict.port, "-tls1_2");
			await strict.line(/Client from 127.0.0.1:[0-9]+ disconnected: TLS handshake failed: .*\(TLS_VERSION\)/);
			await strict.stop();
		});

		test("client certificates: who is let in, and by what name", async (context) => {
			const demand = `require_certificate true\ncafile ${path("ca.pem")}\ncrlfile ${path("crl.pem")}\n`;
			const broker = await startBroker(context, program, {
				// With both the identity counts, as in mosquitto.
				config: config(
					`${demand}use_identity_as_username true\nuse_subject_as_username true\nallow_anonymous false\n`,
				),
			});
			await published(broker.port, ...ca(), ...own("client"));
			await broker.line(/New client connected from .* as pub \(.*u'client one'\)/);
			const failed = "disconnected: TLS handshake failed: .*";
			await refused(broker, new RegExp(`${failed}CERT_REQUIRED`), ...ca());
			await refused(broker, new RegExp(`${failed}CERT_EXPIRED`), ...ca(), ...own("expired"));
			await refused(broker, new RegExp(`${failed}CERT_REVOKED`), ...ca(), ...own("revoked"));
			await refused(broker, new RegExp(`${failed}CERT_UNTRUSTED`), ...ca(), ...own("stranger"));
			await broker.stop();

			const authorities = mkdtempSync(join(folder, "capath-"));
			// As `openssl rehash` names it, beside what is of no use.
			copyFileSync(path("ca.pem"), join(authorities, "0123abcd.0"));
			symlinkSync(join(authorities, "none"), join(authorities, "gone.pem"));
			mkdirSync(join(authorities, "folder.crt"));
			const other = `require_certificate true\ncapath ${authorities}\nuse_subject_as_username true\n`;
			const subject = await startBroker(context, program, { config: config(other) });
			await published(subject.port, ...ca(), ...own("client"));
			await subject.line(/u'CN=client one,O=Test\\, Inc\.,C=DE'/);
			await subject.stop();
		});

		test("client certificates out of date", async (context) => {
			const text = config(
				`require_certificate true\ncafile ${path("ca.pem")}\ncrlfile ${path("crl.pem")}\ndisable_client_cert_date_checks true\n`,
			);
			const broker = await startBroker(context, program, { config: text });
			await published(broker.port, ...ca(), ...own("expired"));
			for (const name of ["revoked", "expired-revoked"])
				await refused(broker, /CERT_REVOKED/, ...ca(), ...own(name));
			await broker.stop();
		});

		test("PSK", async (context) => {
			const text = `user root\nallow_anonymous false\npsk_file ${path("psk")}\nlistener auto 127.0.0.1\npsk_hint hint\nuse_identity_as_username true\n`;
			const broker = await startBroker(context, program, { config: text });
			const key = ["--psk", "00112233445566778899aabbccddeeff"];
			await published(broker.port, ...key, "--psk-identity", "sensor");
			await broker.line(/New client connected from .* as pub \(.*u'sensor'\)/);
			await refused(broker, /TLS handshake failed: .*\(TLS_PSK\)/, ...key, "--psk-identity", "stranger");
			await refused(
				broker,
				/TLS handshake failed: .*\(TLS_PSK_KEY\)/,
				"--psk",
				"ff",
				"--psk-identity",
				"sensor",
			);
			await broker.stop();
		});

		test("plain on a TLS listener, and TLS on a plain one", async (context) => {
			const broker = await startBroker(context, program, { config: config() });
			const socket = connectPlain(broker.port, "127.0.0.1");
			socket.on("error", () => {});
			socket.write(CONNECT);
			await broker.line(
				/Client from 127.0.0.1:[0-9]+ appears to be connecting without TLS to a TLS listener\./,
			);
			socket.destroy();
			await broker.stop();
			const plain = await startBroker(context, program);
			await refused(plain, /appears to be using TLS to connect to a non-TLS listener\./, ...ca());
			await plain.stop();
		});

		test("MQTT.js, and a certificate that was renewed: after SIGHUP newcomers see it, and who is there stays", async (context) => {
			for (const kind of ["pem", "key"]) copyFileSync(path(`server.${kind}`), path(`live.${kind}`));
			const broker = await startBroker(context, program, { config: config("", "live") });
			const url = `mqtts://localhost:${broker.port}`;
			const client = mqtt.connect(url, { ca: readFileSync(path("ca.pem")), reconnectPeriod: 0 });
			context.after(() => client.end(true));
			await new Promise<void>((resolve) => client.once("connect", () => resolve()));
			for (const kind of ["pem", "key"]) copyFileSync(path(`renewed.${kind}`), path(`live.${kind}`));
			broker.signal("SIGHUP");
			await broker.line(/Config reloaded\./);
			const serial = (name: string) => readFileSync(path(name), "utf8").replace(/\s+/g, "");
			const seen = await new Running([
				"openssl",
				["s_client", "-connect", `127.0.0.1:${broker.port}`, "-showcerts"],
			]).ended;
			assert.ok(seen.stdout.replace(/\s+/g, "").includes(serial("renewed.pem")));
			await client.subscribeAsync("x");
			const message = new Promise<string>((resolve) => client.once("message", (topic) => resolve(topic)));
			await client.publishAsync("x", "still here");
			assert.equal(await message, "x");
			assert.ok(client.connected);
			await client.endAsync();
			// A key that does not fit keeps what is there.
			copyFileSync(path("server.key"), path("live.key"));
			broker.signal("SIGHUP");
			await broker.line(/Error: Server certificate\/key are inconsistent/);
			await published(broker.port, ...ca());
			await broker.stop();
		});

		test("its own clients", async (context) => {
			const demand = `require_certificate true\ncafile ${path("ca.pem")}\nuse_identity_as_username true\n`;
			const broker = await startBroker(context, program, { config: config(demand) });
			const where = ["-h", "localhost", "-p", String(broker.port)];
			const pub = (...more: string[]) =>
				run(program, ["pub", ...where, "-t", "a/b", "-m", "hello", "-r", "-q", "1", ...more]);
			assert.deepEqual((await pub(...ca(), ...own("client"))).code, 0);
			const sub = [
				"sub",
				"-L",
				`mqtts://localhost:${broker.port}/a/#`,
				...ca(),
				...own("client"),
				"-C",
				"1",
				"-v",
			];
			assert.equal((await run(program, sub)).stdout, "a/b hello\n");
			const untrusted = await pub("--cafile", path("other.pem"), ...own("client"));
			assert.deepEqual(
				[untrusted.code, untrusted.stderr],
				[8, "Error: A TLS error occurred: the peer's certificate is of an unknown authority.\n"],
			);
			await broker.stop();

			const web = await startBroker(context, program, { config: config(`${demand}protocol auto\n`) });
			const page = ["-L", `wss://localhost:${web.port}/w/x`, ...ca(), ...own("client")];
			const sent = await run(program, ["pub", ...page, "-m", "over WebSocket", "-r", "-q", "1"]);
			assert.deepEqual([sent.code, sent.stderr], [0, ""]);
			assert.equal((await run(program, ["sub", ...page, "-C", "1"])).stdout, "over WebSocket\n");
			await web.stop();

			const elsewhere = await startBroker(context, program, { config: config("", "elsewhere") });
			const there = ["pub", "-h", "localhost", "-p", String(elsewhere.port), "-t", "a", "-m", "x", ...ca()];
			const wrong = await run(program, there);
			assert.deepEqual(
				[wrong.code, wrong.stderr],
				[8, "Error: A TLS error occurred: the peer's certificate is for another host.\n"],
			);
			assert.equal((await run(program, [...there, "--insecure"])).code, 0);
			await elsewhere.stop();

			const keys = `user root\npsk_file ${path("psk")}\nallow_anonymous true\nlistener auto 127.0.0.1\npsk_hint hint\n`;
			const psk = await startBroker(context, program, { config: keys });
			const key = [
				"--psk",
				"00112233445566778899aabbccddeeff",
				"--psk-identity",
				"sensor",
				"--tls-version",
				"tlsv1.2",
			];
			const known = await run(program, [
				"pub",
				"-h",
				"localhost",
				"-p",
				String(psk.port),
				"-t",
				"a",
				"-m",
				"x",
				...key,
			]);
			assert.deepEqual([known.code, known.stderr], [0, ""]);
			await psk.stop();
		});

		test("settings that cannot be used keep the broker from starting", async () => {
			const file = join(folder, "wrong.conf");
			const cases: readonly [text: string, error: RegExp][] = [
				[config("", "none"), /Error: Unable to open certfile ".*none\.pem" \(No such file or directory\)\./],
				[config("ciphers NO-SUCH\n"), /Error: Unable to set TLS ciphers\. Check cipher list "NO-SUCH"/],
				[
					config("require_certificate true\n"),
					/Error: The 'require_certificate' option needs cafile or capath\./,
				],
				[
					`listener auto\ncertfile ${path("server.pem")}\n`,
					/Error: Both certfile and keyfile must be provided/,
				],
				[
					`listener auto\ncertfile ${path("server.pem")}\nkeyfile ${path("client.key")}\n`,
					/Error: Server certificate\/key are inconsistent/,
				],
				[
					`listener auto\ncertfile ${path("server.pem")}\nkeyfile ${path("encrypted.key")}\n`,
					/MQTTD_KEYFILE_PASSWORD/,
				],
				["listener auto\npsk_hint x\n", /Error: The 'psk_hint' option needs psk_file\./],
			];
			for (const [text, error] of cases) {
				writeFileSync(file, text);
				const { code, stderr } = await run(program, ["-c", file]);
				assert.match(stderr, error);
				assert.equal(code, 1, stderr);
			}
		});
	});
}
