/** TLS of listeners as the program sets it up: what contexts are made of, renewed files, names of clients. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { commonName, subjectName } from "../../../src/bin/certificate.ts";
import { ProgramLog } from "../../../src/bin/log.ts";
import { runBroker } from "../../../src/bin/mqttd.ts";
import { Broker } from "../../../src/broker/broker.ts";
import { parsePsk, readPskFile } from "../../../src/config/psk-file.ts";
import type { TlsFacts } from "../../../src/host/host.ts";
import { createFakeHost, type FakeContext, FakeExit, type FakeHost, fakeError } from "../../fake/host.ts";
import { IPV4, item, version2 } from "../../vectors/proxy-header.ts";
import { concat } from "../../vectors/websocket.ts";

const FILES = {
	"/cert.pem": "certificate",
	"/key.pem": "key",
	"/ca.pem": "authorities",
	"/crl.pem": "revocations",
	"/psk": `# keys\none:0102\n\nno colon\nbad:xyz\none:03\nlong:${"00".repeat(65)}\n`,
};
const CONFIG = "user root\nlistener 8883 127.0.0.1\ncertfile /cert.pem\nkeyfile /key.pem\n";

async function start(
	config: string,
	change: (host: FakeHost) => void = () => {},
): Promise<{ host: FakeHost; lines: () => string[]; broker: Broker | null }> {
	let broker: Broker | null = null;
	const host = createFakeHost(["mqttd"]);
	for (const [path, text] of Object.entries(FILES)) host.files.put(path, text);
	host.files.put("/mqttd.conf", config);
	change(host);
	try {
		await runBroker(
			{ host, log: new ProgramLog(host, "mqttd"), name: "mqttd", args: ["-c", "/mqttd.conf"] },
			(platform, settings, log) => {
				broker = new Broker(platform, settings, log);
				return broker;
			},
		);
	} catch (error) {
		if (!(error instanceof FakeExit)) throw error;
	}
	const lines = () => host.process.stderr.text.split("\n").map((line) => line.replace(/^[0-9]+: /, ""));
	return { host, lines, broker };
}

function optionsOf(host: FakeHost) {
	const context = host.network.tlsOf("127.0.0.1", 8883)?.context as unknown as FakeContext | undefined;
	assert.ok(context !== undefined, "a listener with TLS");
	return context.options;
}

function text(bytes: Uint8Array | null | undefined): string | null {
	return bytes ? Buffer.from(bytes).toString() : null;
}

const FACTS: TlsFacts = {
	version: "TLSv1.3",
	cipher: "TLS_AES_128_GCM_SHA256",
	peerCertificate: null,
	pskIdentity: null,
	alpn: null,
	serverName: null,
	resumed: false,
};

/** CONNECT of MQTT 3.1.1 as client "c". */
const CONNECT = Uint8Array.of(0x10, 13, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 60, 0, 1, 0x63);

describe("contexts", () => {
	test("are made of the files and options of the listener", async () => {
		const more =
			"cafile /ca.pem\ncrlfile /crl.pem\nrequire_certificate true\nciphers A:B\nciphers_tls1.3 C\ntls_version tlsv1.3\n";
		const { host } = await start(CONFIG + more);
		const options = optionsOf(host);
		assert.deepEqual([options.certificate, options.key, options.authorities, options.revocations].map(text), [
			"certificate",
			"key",
			"authorities\n",
			"revocations",
		]);
		assert.equal(options.requireCertificate, true);
		assert.deepEqual(
			[options.ciphers, options.ciphersuites, options.minimumVersion],
			["A:B", "C", "TLSv1.3"],
		);
		assert.equal(options.psks, null);
	});

	test("a context that cannot be made keeps the broker from starting, in mosquitto's words", async () => {
		for (const [code, line] of [
			["TLS_BAD_KEY", /^Error: Unable to load server key file "\/key\.pem"\. Check keyfile/],
			["TLS_KEY_MISMATCH", /^Error: Server certificate\/key are inconsistent/],
			["TLS_BAD_CERTIFICATE", /^Error: Unable to load server certificate "\/cert\.pem"\. Check certfile/],
		] as const) {
			const host = createFakeHost(["mqttd"]);
			host.tls.failure = code;
			for (const [path, content] of Object.entries(FILES)) host.files.put(path, content);
			host.files.put("/mqttd.conf", CONFIG);
			await assert.rejects(
				runBroker(
					{ host, log: new ProgramLog(host, "mqttd"), name: "mqttd", args: ["-c", "/mqttd.conf"] },
					(platform, settings, log) => new Broker(platform, settings, log),
				),
				FakeExit,
			);
			assert.equal(host.process.exitCode, 1);
			const lines = host.process.stderr.text.split("\n").map((each) => each.replace(/^[0-9]+: /, ""));
			assert.ok(
				lines.some((each) => line.test(each)),
				lines.join("\n"),
			);
		}
	});

	test("files that have changed are found in seconds; what is wrong with them at two looks is said once", async () => {
		const { host, lines } = await start(CONFIG);
		host.clock.advance(5_000);
		assert.ok(!lines().some((line) => /loaded anew/.test(line)), "nothing has changed");
		host.files.put("/cert.pem", "renewed");
		host.clock.advance(5_000);
		assert.equal(text(optionsOf(host).certificate), "renewed");
		assert.ok(lines().includes("Certificates of the listener on port 8883 were loaded anew."));
		host.files.put("/cert.pem", "broken");
		host.tls.failure = "TLS_BAD_CERTIFICATE";
		host.clock.advance(5_000);
		const complaints = () => lines().filter((line) => /Unable to load server certificate/.test(line)).length;
		assert.equal(complaints(), 0, "it may be half of what is being written");
		host.clock.advance(180_000);
		assert.equal(text(optionsOf(host).certificate), "renewed", "the running one stays");
		assert.equal(complaints(), 1);
		host.tls.failure = null;
		host.files.put("/cert.pem", "mended");
		host.clock.advance(5_000);
		assert.equal(text(optionsOf(host).certificate), "mended");
	});

	test("a key or a file of keys that everybody can read is refused, with the way out", async () => {
		const more = "psk_hint x\npsk_file /psk\n";
		for (const path of ["/key.pem", "/psk"]) {
			const refusal = `Error: File ${path} has world readable permissions, and is refused. To fix this, use \`chmod o= ${path}\`.`;
			const started = await start(CONFIG + more, (host) =>
				host.files.put(path, FILES[path as "/psk"], 0o644),
			);
			assert.ok(started.lines().includes(refusal), started.lines().join("\n"));
			assert.equal(started.host.process.exitCode, 1);
			const allowed = await start(CONFIG + more, (host) => {
				host.files.put(path, FILES[path as "/psk"], 0o644);
				host.process.environment.MQTTD_UNSAFE_ALLOW_WORLD_READABLE = "1";
			});
			assert.equal(allowed.host.process.exitCode, null);
			// Of a running broker the context stays.
			const { host, lines } = await start(CONFIG + more);
			host.files.put(path, "other", 0o604);
			host.clock.advance(10_000);
			assert.ok(lines().includes(refusal), lines().join("\n"));
			assert.equal(text(optionsOf(host).key), "key");
		}
	});

	test("a reload gives a listener that stays the new ones, and opens one anew that becomes plain", async () => {
		const { host } = await start(CONFIG);
		host.files.put("/key.pem", "other key");
		host.process.signal("SIGHUP");
		await setImmediate();
		assert.equal(text(optionsOf(host).key), "other key");
		host.files.put("/mqttd.conf", "user root\nlistener 8883 127.0.0.1\n");
		host.process.signal("SIGHUP");
		await setImmediate();
		assert.ok(host.network.listens("127.0.0.1", 8883));
		assert.equal(host.network.tlsOf("127.0.0.1", 8883), null);
	});
});

describe("clients", () => {
	test("who is not let in is logged, and who does not speak TLS is told apart", async () => {
		const { host, lines } = await start(CONFIG);
		const tls = host.network.tlsOf("127.0.0.1", 8883);
		tls?.refused("192.0.2.1", 5, fakeError("TLS_NOT_TLS"));
		tls?.refused("192.0.2.2", 6, fakeError("CERT_EXPIRED"));
		const said = lines();
		assert.ok(
			said.includes("Client from 192.0.2.1:5 appears to be connecting without TLS to a TLS listener."),
		);
		const why = "TLS handshake failed: Error CERT_EXPIRED (CERT_EXPIRED).";
		assert.ok(said.includes(`Client from 192.0.2.2:6 disconnected: ${why}`));
	});

	test("handshakes beyond their number are counted, and told in one line; those beyond their time in one each", async () => {
		const { host, lines, broker } = await start(CONFIG);
		const tls = host.network.tlsOf("127.0.0.1", 8883);
		for (let port = 1; port <= 3; port++) tls?.refused("192.0.2.1", port, fakeError("TLS_BUSY"));
		for (let port = 4; port <= 5; port++) tls?.refused("192.0.2.1", port, fakeError("TLS_TIMEOUT"));
		assert.equal(broker?.limits.reached("tls_handshakes"), 3);
		assert.equal(broker?.limits.reached("connect_timeout"), 2);
		assert.deepEqual(
			lines().filter((line) => line.startsWith("Client from")),
			[
				"Client from 192.0.2.1:1 disconnected: TLS handshake failed: Error TLS_BUSY (TLS_BUSY).",
				"Client from 192.0.2.1:4 disconnected: TLS handshake failed: Error TLS_TIMEOUT (TLS_TIMEOUT).",
				"Client from 192.0.2.1:5 disconnected: TLS handshake failed: Error TLS_TIMEOUT (TLS_TIMEOUT).",
			],
		);
	});

	test("their names come from TLS, and from nothing else, where that is asked for", async () => {
		const { host, lines } = await start(
			`${CONFIG}psk_hint x\npsk_file /psk\nuse_identity_as_username true\n`,
		);
		assert.deepEqual([...(optionsOf(host).psks ?? [])], [["one", Uint8Array.of(1, 2)]]);
		const one = host.network.dial(8883, "127.0.0.1", "192.0.2.1", { ...FACTS, pskIdentity: "one" });
		one.send(CONNECT);
		assert.ok(lines().some((line) => /New client connected from 192\.0\.2\.1:.* as c .*u'one'/.test(line)));
		const other = host.network.dial(8883, "127.0.0.1", "192.0.2.2", FACTS);
		other.send(CONNECT);
		assert.ok(!lines().some((line) => /New client connected from 192\.0\.2\.2/.test(line)), "no name");
		assert.ok(lines().some((line) => /negotiated TLSv1\.3 cipher TLS_AES_128_GCM_SHA256/.test(line)));
	});
});

test("clients behind a proxy are who their certificates say, where the proxy has found them good", async () => {
	const proxy = "enable_proxy_protocol 2\nrequire_certificate true\nuse_identity_as_username true\n";
	const { host, lines } = await start(`user root\nlistener 8883 127.0.0.1\n${proxy}`);
	const name = (flags: number, ...items: Uint8Array[]) => {
		const header = version2(0x21, 0x11, IPV4, item(0x20, [flags, 0, 0, 0, 0], ...items));
		const peer = host.network.dial(8883, "127.0.0.1", "198.51.100.9");
		peer.send(concat([header, CONNECT]));
		return lines().at(-2);
	};
	assert.match(
		name(5, item(0x22, "größe")) ?? "",
		/^New client connected from 192\.0\.2\.7:54321 as c .*u'größe'/,
	);
	assert.match(name(1, item(0x22, "forged")) ?? "", /rejected, client did not provide a certificate\.$/);
	assert.match(name(5) ?? "", /not authorised/);
});

describe("the file of pre-shared keys", () => {
	test("lines that are not valid are left out, and said", () => {
		const host = createFakeHost();
		host.files.put("/psk", FILES["/psk"]);
		const { keys, remarks } = readPskFile(host, "/psk");
		assert.deepEqual([...keys], [["one", Uint8Array.of(1, 2)]]);
		const errors = remarks.filter(({ type }) => type === "error").map((remark) => remark.text);
		assert.deepEqual(errors, [
			"Error: /psk:4: the line is left out: no identity of 1 to 128 characters.",
			"Error: /psk:5: the line is left out: no key of 1 to 64 octets in hexadecimal digits.",
			"Error: /psk:6: the line is left out: there is such an identity already.",
			"Error: /psk:7: the line is left out: no key of 1 to 64 octets in hexadecimal digits.",
		]);
		assert.deepEqual(parsePsk("fF00"), Uint8Array.of(255, 0));
		assert.equal(parsePsk("abc"), null);
	});
});

describe("names in certificates", () => {
	/** A certificate with this subject, as openssl takes it. */
	function certificate(subject: string): Uint8Array {
		const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-keyout", "/dev/null"];
		const rest = ["-nodes", "-utf8", "-multivalue-rdn", "-subj", subject];
		const pem = execFileSync("openssl", ["req", "-x509", ...key, ...rest], {
			stdio: ["ignore", "pipe", "ignore"],
		});
		return new Uint8Array(new X509Certificate(pem).raw);
	}

	test("as openssl writes them", () => {
		for (const subject of [
			"/C=DE/O=Test, Inc./CN=client one",
			"/DC=org/DC=example/OU=a+CN=b/emailAddress=x@example.org",
			'/CN=  #edge \\+;<>"  /L=Köln',
		]) {
			const der = certificate(subject);
			const theirs = execFileSync(
				"openssl",
				["x509", "-inform", "DER", "-noout", "-subject", "-nameopt", "RFC2253"],
				{
					input: der,
					encoding: "utf8",
				},
			);
			assert.equal(`subject=${subjectName(der)}\n`, theirs);
		}
		assert.equal(commonName(certificate("/C=DE/O=x/CN=größe 1")), "größe 1");
		assert.equal(commonName(certificate("/C=DE/O=x")), null);
	});

	test("octets that are no certificate have none", () => {
		const der = certificate("/CN=x");
		for (let length = 0; length < der.length; length++) {
			const part = der.slice(0, length);
			assert.equal(commonName(part), null);
			assert.equal(subjectName(part), null);
		}
		for (let at = 0; at < der.length; at++) {
			const changed = der.slice();
			changed[at]! ^= 0xff;
			commonName(changed);
			subjectName(changed);
		}
	});
});
