/**
 * Files of TLS, on every host: those that are renewed are taken up without a signal, encrypted keys are asked for, and
 * secrets that everybody can read are refused.
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, type TestContext, test } from "node:test";
import { makeCertificates } from "../certificates.ts";
import {
	type BuiltProgram,
	builtPrograms,
	commandOf,
	configFile,
	Running,
	run,
	startBroker,
	temporaryFolder,
} from "./harness.ts";

let folder = "";
const ends: (() => void)[] = [];

before(() => {
	folder = temporaryFolder({ after: (end: () => void) => void ends.push(end) } as unknown as TestContext);
	makeCertificates(folder);
	chmodSync(folder, 0o755);
	writeFileSync(join(folder, "psk"), "sensor:00112233\n", { mode: 0o600 });
});

after(() => {
	for (const end of ends) end();
});

const path = (name: string) => join(folder, name);
const own = (name: string) => ["--cert", path(`${name}.pem`), "--key", path(`${name}.key`)];

/** The certificate that a listener shows, as one line. */
async function shown(port: number): Promise<string> {
	const ended = await new Running(["openssl", ["s_client", "-connect", `127.0.0.1:${port}`, "-showcerts"]])
		.ended;
	return ended.stdout.replace(/\s+/g, "");
}

const oneLine = (name: string) => readFileSync(path(name), "utf8").replace(/\s+/g, "");

/** Starts a broker that asks for a pass phrase, and answers. */
async function startAsked(context: TestContext, program: BuiltProgram, config: string, answer: string) {
	const file = configFile(temporaryFolder(context), config);
	const broker = new Running(commandOf(program, ["-c", file]), answer);
	context.after(() => broker.child.kill("SIGKILL"));
	return broker;
}

for (const program of builtPrograms()) {
	suite(`files of TLS on ${program.name}`, () => {
		test("a certificate, authorities and a list of revoked ones that are renewed are taken up without SIGHUP", async (context) => {
			const live = temporaryFolder(context);
			const file = (name: string) => join(live, name);
			for (const name of ["pem", "key"]) copyFileSync(path(`server.${name}`), file(`server.${name}`));
			copyFileSync(path("ca.pem"), file("ca.pem"));
			copyFileSync(path("other-crl.pem"), file("crl.pem"));
			const config = [
				"user root",
				"allow_anonymous true",
				"listener auto 127.0.0.1",
				`certfile ${file("server.pem")}`,
				`keyfile ${file("server.key")}`,
				"require_certificate true",
				`cafile ${file("ca.pem")}`,
				`crlfile ${file("crl.pem")}`,
				"",
			];
			const broker = await startBroker(context, program, { config: config.join("\n") });
			const publish = (name: string) => {
				const where = ["-h", "localhost", "-p", String(broker.port), "--cafile", path("ca.pem")];
				return new Running(["mosquitto_pub", [...where, ...own(name), "-t", "a", "-m", "b"]]);
			};
			/** A client is refused; it would try again and again. */
			const refused = async (name: string, why: string) => {
				const from = broker.log.length;
				const client = publish(name);
				await broker.line(new RegExp(`^[^]{${from},}TLS handshake failed: .*\\(${why}\\)`));
				client.child.kill("SIGKILL");
				await client.ended;
			};
			// There is no list of this authority yet, and another is not known.
			await refused("client", "CERT_NO_CRL");
			await refused("stranger", "CERT_UNTRUSTED");
			assert.ok((await shown(broker.port)).includes(oneLine("server.pem")));
			// From the first step on key and certificate do not fit together: only after the last is there something to take up.
			const renew = (text: string, name: string) => {
				writeFileSync(file("new"), text, { mode: 0o600 });
				renameSync(file("new"), file(name));
			};
			const both = (...names: string[]) => names.map((name) => readFileSync(path(name), "utf8")).join("\n");
			renew(both("renewed.key"), "server.key");
			renew(both("ca.pem", "other.pem"), "ca.pem");
			renew(both("crl.pem", "other-crl.pem"), "crl.pem");
			renew(both("renewed.pem"), "server.pem");
			await broker.line(/Certificates of the listener on port [0-9]+ were loaded anew\./);
			assert.ok((await shown(broker.port)).includes(oneLine("renewed.pem")));
			for (const name of ["client", "stranger"]) assert.equal((await publish(name).ended).code, 0);
			await refused("revoked", "CERT_REVOKED");
			await broker.stop();
		});

		test("an encrypted key: the pass phrase is asked for, of broker and client", async (context) => {
			const encrypted = `certfile ${path("server.pem")}\nkeyfile ${path("encrypted.key")}\n`;
			const config = `user root\nallow_anonymous true\nlistener auto 127.0.0.1\n${encrypted}`;
			const wrong = await startAsked(context, program, config, "wrong\n");
			const { code, stderr } = await wrong.ended;
			assert.match(
				stderr,
				/^Enter PEM pass phrase:\n(?:.*\n)*.*Unable to load server key file ".*". Check MQTTD_KEYFILE_PASSWORD/,
			);
			assert.equal(code, 1);
			const broker = await startAsked(context, program, config, "secret\n");
			await broker.line(/ running$/m);
			const [, port] = await broker.line(/socket on port ([0-9]+)\./);
			const log = join(temporaryFolder(context), "keys");
			const args = [
				"-h",
				"localhost",
				"-p",
				port!,
				"-t",
				"a",
				"-m",
				"b",
				"--cafile",
				path("ca.pem"),
				"--tls-keylog",
				log,
			];
			const more = ["--cert", path("server.pem"), "--key", path("encrypted.key")];
			const client = await new Running(commandOf(program, ["pub", ...args, ...more]), "secret\n").ended;
			assert.deepEqual([client.code, client.stderr], [0, "Enter PEM pass phrase:\n"]);
			const secrets = readFileSync(log, "latin1");
			for (const name of ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"]) {
				assert.match(secrets, new RegExp(`^${name} [0-9a-f]{64} [0-9a-f]{64,96}$`, "m"));
			}
			broker.child.kill("SIGINT");
			assert.equal((await broker.ended).code, 0);
		});

		test("a key, a password file or keys of clients that everybody can read are refused", async (context) => {
			const open = temporaryFolder(context);
			const copy = (name: string) => {
				copyFileSync(path(name), join(open, name));
				chmodSync(join(open, name), 0o644);
				return join(open, name);
			};
			writeFileSync(path("passwd"), "", { mode: 0o600 });
			const key = `certfile ${path("server.pem")}\nkeyfile ${copy("server.key")}\n`;
			const keys = `psk_hint x\npsk_file ${copy("psk")}\n`;
			for (const [text, name, expected] of [
				[key, "server.key", 1],
				[keys, "psk", 1],
				[`password_file ${copy("passwd")}\n`, "passwd", 3],
			] as const) {
				const file = configFile(open, `listener auto 127.0.0.1\n${text}`);
				const { code, stderr } = await run(program, ["-c", file]);
				const refusal = `File ${join(open, name)} has world readable permissions, and is refused.`;
				assert.ok(
					stderr.includes(`Error: ${refusal} To fix this, use \`chmod o= ${join(open, name)}\`.`),
					stderr,
				);
				assert.equal(code, expected);
			}
			// The remedy is one.
			execFileSync("chmod", ["o=", join(open, "server.key")]);
			const broker = await startBroker(context, program, {
				config: `user root\nlistener auto 127.0.0.1\n${key}`,
			});
			await broker.stop();
		});
	});
}
