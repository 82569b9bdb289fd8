/** The contract of src/host/tls.ts: handshakes that end well, and those that must not; records; limits. */

import type {
	Connection,
	Host,
	HostError,
	Listener,
	ListenTls,
	Tls,
	TlsClientContext,
	TlsClientOptions,
	TlsServerOptions,
} from "../../src/host/host.ts";
import {
	End,
	endPair,
	equal,
	Gate,
	ok,
	type Pair,
	pattern,
	rejected,
	type Tests,
	thrown,
	turn,
} from "./harness.ts";

function tlsOf(host: Host): Tls {
	ok(host.tls !== null, "no TLS");
	return host.tls;
}

/** A file that test/certificates.ts has made. */
function file(host: Host, name: string): Uint8Array {
	return host.files.read(`${host.process.env("CONTRACT_TLS")}/${name}`, 100_000);
}

/** Certificate and key by name. */
function own(host: Host, name: string) {
	return { certificate: file(host, `${name}.pem`), key: file(host, `${name}.key`) };
}

function serverOptions(host: Host): TlsServerOptions {
	return own(host, "server");
}

function clientOptions(host: Host): TlsClientOptions {
	return { authorities: file(host, "ca.pem") };
}

interface Refusal {
	readonly address: string;
	readonly port: number;
	readonly error: HostError;
}

/** A listener with TLS, the connections that it let in and those that it did not, each in turn. */
class Server {
	listener!: Listener;
	readonly #accepted: Connection[] = [];
	readonly #refused: Refusal[] = [];
	#tell: () => void = () => {};

	static async start(
		host: Host,
		options: TlsServerOptions,
		limits: Partial<ListenTls> = {},
	): Promise<Server> {
		const server = new Server();
		const tls: ListenTls = {
			context: tlsOf(host).createServerContext(options),
			refused: (address, port, error) => {
				server.#refused.push({ address, port, error });
				server.#tell();
			},
			...limits,
		};
		server.listener = await host.network.listen({ address: "127.0.0.1", port: 0, tls }, (connection) => {
			server.#accepted.push(connection);
			server.#tell();
		});
		return server;
	}

	get port(): number {
		return this.listener.port;
	}

	async #next<T>(list: T[], other: readonly unknown[], what: string): Promise<T> {
		while (list.length === 0) {
			ok(other.length === 0, `${what} instead: ${JSON.stringify(other)}`);
			await new Promise<void>((resolve) => {
				this.#tell = resolve;
			});
		}
		return list.shift()!;
	}

	accepted(): Promise<Connection> {
		return this.#next(this.#accepted, this.#refused, "refused");
	}

	refused(): Promise<Refusal> {
		return this.#next(this.#refused, this.#accepted, "accepted");
	}
}

function dial(
	host: Host,
	server: Server,
	context: TlsClientContext,
	serverName = "localhost",
): Promise<Connection> {
	return host.network.connect({
		host: "127.0.0.1",
		port: server.port,
		noDelay: true,
		tls: { context, serverName },
	});
}

async function pairOf(
	host: Host,
	serverSide: TlsServerOptions = {},
	clientSide: TlsClientOptions = {},
): Promise<Pair> {
	const server = await Server.start(host, { ...serverOptions(host), ...serverSide });
	const context = tlsOf(host).createClientContext({ ...clientOptions(host), ...clientSide });
	const [client, accepted] = await Promise.all([dial(host, server, context), server.accepted()]);
	return { client: new End(client), server: new End(accepted), listener: server.listener };
}

/** Both ends send something, and read what the other has sent. */
async function exchange({ client, server }: Pair): Promise<void> {
	client.start();
	server.start();
	client.write(Uint8Array.of(1, 2, 3));
	await server.until(() => server.received === 3);
	server.write(Uint8Array.of(4, 5));
	await client.until(() => client.received === 2);
}

/** Why the server does not let a client in whom it should not; the client may learn of it later than it is connected. */
async function refusalOf(
	host: Host,
	serverSide: TlsServerOptions,
	clientSide: TlsClientOptions,
): Promise<string> {
	const server = await Server.start(host, { ...serverOptions(host), ...serverSide });
	const context = tlsOf(host).createClientContext({ ...clientOptions(host), ...clientSide });
	const attempt = dial(host, server, context).then(
		async (connection) => {
			const end = new End(connection).start();
			await end.closed();
			equal(end.received, 0, "octets that a client got who was not let in");
		},
		() => {},
	);
	const refusal = await server.refused();
	equal(refusal.address, "127.0.0.1", "address of who was refused");
	ok(refusal.port > 0, "port of who was refused");
	ok(refusal.error.message.length > 8, "a text");
	await attempt;
	server.listener.close();
	return refusal.error.code;
}

/** Why the client does not take the server. */
async function rejectionOf(
	host: Host,
	serverSide: TlsServerOptions,
	clientSide: TlsClientOptions,
	name = "localhost",
): Promise<string> {
	const server = await Server.start(host, { ...serverOptions(host), ...serverSide });
	const context = tlsOf(host).createClientContext({ ...clientOptions(host), ...clientSide });
	const { code } = await rejected(dial(host, server, context, name));
	server.listener.close();
	return code;
}

/** Sends raw octets to a server of TLS, and perhaps an end. */
async function sendRaw(host: Host, port: number, bytes: Uint8Array, close: boolean): Promise<End> {
	const end = new End(await host.network.connect({ host: "127.0.0.1", port })).start();
	end.write(bytes);
	if (close) end.close();
	return end;
}

/** Milliseconds for handshakes of a slow machine, where their time is not what a test is about. */
const PATIENCE = 600_000;

/** A wire between client and server that a test can cut into: `pass` writes what goes to the server. */
async function wire(
	host: Host,
	to: number,
	pass: (bytes: Uint8Array, server: End) => void,
): Promise<Listener> {
	return host.network.listen({ address: "127.0.0.1", port: 0 }, async (connection) => {
		const other = await host.network.connect({ host: "127.0.0.1", port: to, noDelay: true });
		const one = new End(connection);
		const two = new End(other);
		one.consume = (bytes, start, end) => {
			pass(bytes.slice(start, end), two);
			return end - start;
		};
		two.consume = (bytes, start, end) => {
			one.write(bytes, start, end);
			return end - start;
		};
		one.start();
		two.start();
		one.closed().then(() => two.close());
		two.closed().then(() => one.close());
	});
}

/** The key is as long as one may be. */
const PSK = { identity: "sensor 1", key: new Uint8Array(64).map((_, at) => at + 1) };
const PSKS = new Map([
	["another", new Uint8Array(32).fill(9)],
	[PSK.identity, PSK.key],
	["zero", Uint8Array.of(0)],
]);
const WITHOUT_CERTIFICATE = { certificate: null, key: null } as const;

export const tlsTests: Tests = {
	"handshake: 1.2 and 1.3, with what both know of it": async (host) => {
		for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
			const pair = await pairOf(host, {}, { minimumVersion: version, maximumVersion: version });
			const { client, server } = pair;
			await exchange(pair);
			for (const { connection } of [client, server]) {
				const { tls } = connection;
				ok(tls !== null, "facts");
				equal(tls.version, version, "version");
				equal(tls.resumed, false, "not resumed");
				equal(tls.alpn, null, "no ALPN");
				equal(tls.pskIdentity, null, "no PSK");
				ok(
					version === "TLSv1.3" ? tls.cipher.startsWith("TLS_") : tls.cipher.startsWith("ECDHE-ECDSA-"),
					tls.cipher,
				);
				equal(connection.remoteAddress, "127.0.0.1", "address");
			}
			equal(client.connection.tls?.cipher, server.connection.tls?.cipher, "cipher");
			equal(server.connection.tls?.serverName, "localhost", "server name");
			equal(client.connection.tls?.serverName, null, "no server name of the client");
			equal(server.connection.tls?.peerCertificate, null, "no certificate of the client");
			ok((client.connection.tls?.peerCertificate?.length ?? 0) > 200, "certificate of the server");
			await endPair(pair);
			equal(client.error, null, "client's end");
			equal(server.error, null, "server's end");
		}
	},

	"handshake: in small pieces": async (host) => {
		for (const maximumVersion of ["TLSv1.2", "TLSv1.3"] as const) {
			const options = { ...serverOptions(host), maximumVersion };
			const server = await Server.start(host, options, { handshakeTime: PATIENCE });
			let sending = Promise.resolve();
			const between = await wire(host, server.port, (bytes, to) => {
				sending = sending.then(async () => {
					for (let at = 0, next = 0; at < bytes.length; at = next) {
						next = Math.min(at < 8 ? at + 1 : at + 50, bytes.length);
						to.write(bytes, at, next);
						await turn(host);
					}
				});
			});
			const context = tlsOf(host).createClientContext(clientOptions(host));
			const tls = { context, serverName: "localhost" };
			const { port } = between;
			const [client, accepted] = await Promise.all([
				host.network.connect({ host: "127.0.0.1", port, timeout: PATIENCE, tls }),
				server.accepted(),
			]);
			const pair = { client: new End(client), server: new End(accepted), listener: between };
			await exchange(pair);
			await endPair(pair);
			server.listener.close();
		}
	},

	"handshake: certificates of RSA and P-521, of both sides": async (host) => {
		const demand = { requireCertificate: true, authorities: file(host, "ca.pem") };
		for (const name of ["rsa", "p521"]) {
			for (const maximumVersion of ["TLSv1.2", "TLSv1.3"] as const) {
				const pair = await pairOf(
					host,
					{ ...own(host, name), ...demand },
					{ ...own(host, name), maximumVersion },
				);
				await exchange(pair);
				await endPair(pair);
			}
		}
	},

	"handshake: ciphers as asked for": async (host) => {
		const ciphers = "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
		const ciphersuites = "TLS_CHACHA20_POLY1305_SHA256";
		for (const [maximumVersion, cipher] of [
			["TLSv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305"],
			["TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256"],
		] as const) {
			const pair = await pairOf(host, { maximumVersion, ciphers, ciphersuites });
			await exchange(pair);
			equal(pair.client.connection.tls?.cipher, cipher, "cipher");
			await endPair(pair);
		}
	},

	"handshake: nothing in common": async (host) => {
		const old = { maximumVersion: "TLSv1.2" } as const;
		equal(await refusalOf(host, { minimumVersion: "TLSv1.3" }, old), "TLS_VERSION", "version");
		const one = { ...old, ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" };
		const other = { ...old, ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384" };
		equal(await refusalOf(host, one, other), "TLS_CIPHER", "cipher");
	},

	"handshake: ALPN": async (host) => {
		const alpn = ["mqtt", "x-other"];
		for (const maximumVersion of ["TLSv1.2", "TLSv1.3"] as const) {
			const pair = await pairOf(host, { alpn, maximumVersion }, { alpn: ["nothing", "x-other"] });
			equal(pair.client.connection.tls?.alpn, "x-other", "client");
			equal(pair.server.connection.tls?.alpn, "x-other", "server");
			await exchange(pair);
			await endPair(pair);
		}
		equal(await refusalOf(host, { alpn }, { alpn: ["nothing"] }), "TLS_ALPN", "nothing in common");
		const pair = await pairOf(host, { alpn });
		equal(pair.server.connection.tls?.alpn, null, "not asked for");
		await exchange(pair);
		await endPair(pair);
	},

	"server's certificate: of an unknown authority, expired, for another host": async (host) => {
		equal(await rejectionOf(host, {}, { authorities: file(host, "other.pem") }), "CERT_UNTRUSTED", "other");
		equal(await rejectionOf(host, {}, { authorities: null }), "CERT_UNTRUSTED", "none trusted");
		equal(await rejectionOf(host, own(host, "expired-server"), {}), "CERT_EXPIRED", "expired");
		equal(await rejectionOf(host, {}, {}, "example.org"), "CERT_NAME", "another name");
		equal(await rejectionOf(host, own(host, "elsewhere"), {}), "CERT_NAME", "another's certificate");
		equal(await rejectionOf(host, own(host, "elsewhere"), {}, "127.0.0.1"), "CERT_NAME", "no address");
	},

	"server's certificate: for a numeric address, or of whatever name": async (host) => {
		for (const [name, options, certificate] of [
			["127.0.0.1", {}, "server"],
			["localhost", { verifyName: false }, "elsewhere"],
			["127.0.0.1", { verifyName: false }, "elsewhere"],
		] as const) {
			const server = await Server.start(host, own(host, certificate));
			const context = tlsOf(host).createClientContext({ ...clientOptions(host), ...options });
			const end = new End(await dial(host, server, context, name));
			const pair = { client: end, server: new End(await server.accepted()), listener: server.listener };
			await exchange(pair);
			await endPair(pair);
		}
		const other = { verifyName: false, authorities: file(host, "other.pem") };
		equal(await rejectionOf(host, own(host, "elsewhere"), other), "CERT_UNTRUSTED", "the authority counts");
	},

	"client's certificate: good": async (host) => {
		for (const maximumVersion of ["TLSv1.2", "TLSv1.3"] as const) {
			const serverSide = {
				requireCertificate: true,
				authorities: file(host, "ca.pem"),
				revocations: file(host, "crl.pem"),
			};
			const pair = await pairOf(host, { ...serverSide, maximumVersion }, own(host, "client"));
			await exchange(pair);
			const der = pair.server.connection.tls?.peerCertificate;
			const name = host.utf8.encode("client one");
			ok(der?.some((_, at) => name.every((octet, i) => der[at + i] === octet)) ?? false, "its name is in it");
			await endPair(pair);
		}
	},

	"client's certificate: none, of an unknown authority, out of date, revoked": async (host) => {
		for (const maximumVersion of ["TLSv1.2", "TLSv1.3"] as const) {
			const serverSide = { requireCertificate: true, authorities: file(host, "ca.pem"), maximumVersion };
			equal(await refusalOf(host, serverSide, {}), "CERT_REQUIRED", "none");
			equal(await refusalOf(host, serverSide, own(host, "stranger")), "CERT_UNTRUSTED", "stranger");
			equal(await refusalOf(host, serverSide, own(host, "expired")), "CERT_EXPIRED", "expired");
			equal(await refusalOf(host, serverSide, own(host, "future")), "CERT_NOT_YET_VALID", "future");
			const revocations = file(host, "crl.pem");
			equal(
				await refusalOf(host, { ...serverSide, revocations }, own(host, "revoked")),
				"CERT_REVOKED",
				"revoked",
			);
		}
	},

	"client's certificate: out of date, where that does not matter": async (host) => {
		const serverSide = { requireCertificate: true, authorities: file(host, "ca.pem"), ignoreDates: true };
		for (const name of ["expired", "future"]) {
			const pair = await pairOf(host, serverSide, own(host, name));
			await exchange(pair);
			await endPair(pair);
		}
		equal(await refusalOf(host, serverSide, own(host, "stranger")), "CERT_UNTRUSTED", "stranger");
		equal(await refusalOf(host, serverSide, own(host, "expired-stranger")), "CERT_UNTRUSTED", "expired, too");
		equal(await refusalOf(host, serverSide, own(host, "expired-web")), "CERT_INVALID", "for servers only");
		for (const list of ["crl.pem", "expired-crl.pem"]) {
			const lists = { ...serverSide, revocations: file(host, list) };
			const pair = await pairOf(host, lists, own(host, "expired"));
			await exchange(pair);
			await endPair(pair);
			equal(await refusalOf(host, lists, own(host, "revoked")), "CERT_REVOKED", `revoked: ${list}`);
			equal(await refusalOf(host, lists, own(host, "expired-revoked")), "CERT_REVOKED", `both: ${list}`);
		}
		const other = { ...serverSide, revocations: file(host, "other-crl.pem") };
		equal(await refusalOf(host, other, own(host, "expired")), "CERT_NO_CRL", "another authority's list");
	},

	"lists of revoked certificates: one of each authority, in force": async (host) => {
		const text = (name: string) => file(host, name);
		const both = (one: Uint8Array, other: Uint8Array) => Uint8Array.of(...one, 10, ...other);
		const chain = { certificate: both(text("leaf.pem"), text("middle.pem")), key: text("leaf.key") };
		const serverSide = { requireCertificate: true, authorities: text("ca.pem") };
		const pass = async (revocations: Uint8Array, client: TlsClientOptions) => {
			const pair = await pairOf(host, { ...serverSide, revocations }, client);
			await exchange(pair);
			await endPair(pair);
		};
		await pass(text("crl.pem"), own(host, "client"));
		await pass(both(text("crl.pem"), text("middle-crl.pem")), chain);
		for (const [revocations, client, what] of [
			[text("other-crl.pem"), own(host, "client"), "another authority's"],
			[text("expired-crl.pem"), own(host, "client"), "out of date"],
			[text("crl.pem"), chain, "not of the one in between"],
			[text("middle-crl.pem"), chain, "not of the root"],
		] as const) {
			equal(await refusalOf(host, { ...serverSide, revocations }, client), "CERT_NO_CRL", what);
		}
	},

	"a client learns why it was refused": async (host) => {
		const server = await Server.start(host, serverOptions(host));
		const wrong = tlsOf(host).createClientContext({ authorities: file(host, "other.pem") });
		equal((await rejected(dial(host, server, wrong))).code, "CERT_UNTRUSTED", "by itself");
		const refusal = await server.refused();
		ok(["TLS_ALERT", "TLS_CLOSED"].includes(refusal.error.code), `server: ${refusal.error.code}`);
		server.listener.close();
		const old = { maximumVersion: "TLSv1.2", minimumVersion: "TLSv1.2" } as const;
		equal(await rejectionOf(host, { minimumVersion: "TLSv1.3" }, old), "TLS_ALERT", "by the server");
	},

	"PSK: known, unknown, wrong": async (host) => {
		for (const maximumVersion of ["TLSv1.2", "TLSv1.3"] as const) {
			const serverSide = { ...WITHOUT_CERTIFICATE, psks: PSKS, pskHint: "hint", maximumVersion };
			const pair = await pairOf(host, serverSide, { psk: PSK });
			await exchange(pair);
			equal(pair.server.connection.tls?.pskIdentity, PSK.identity, "identity");
			equal(pair.server.connection.tls?.peerCertificate, null, "no certificate");
			equal(pair.client.connection.tls?.peerCertificate, null, "no certificate of the server");
			equal(pair.client.connection.tls?.version, maximumVersion, "version");
			await endPair(pair);
			const unknown = { identity: "stranger", key: PSK.key };
			equal(await refusalOf(host, serverSide, { psk: unknown }), "TLS_PSK", "unknown identity");
			const wrong = { identity: PSK.identity, key: Uint8Array.of(1) };
			equal(await refusalOf(host, serverSide, { psk: wrong }), "TLS_PSK_KEY", "another key");
		}
	},

	"PSK beside a certificate": async (host) => {
		const one = await pairOf(host, { psks: PSKS }, { psk: PSK });
		equal(one.server.connection.tls?.pskIdentity, PSK.identity, "identity");
		await endPair({ ...one, client: one.client.start(), server: one.server.start() });
		const other = await pairOf(host, { psks: PSKS });
		equal(other.server.connection.tls?.pskIdentity, null, "with the certificate");
		await exchange(other);
		await endPair(other);
	},

	"resumption: a context's next session, except where clients show who they are": async (host) => {
		for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
			for (const required of [false, true]) {
				const serverSide = required ? { requireCertificate: true, authorities: file(host, "ca.pem") } : {};
				const server = await Server.start(host, {
					...serverOptions(host),
					...serverSide,
					maximumVersion: version,
				});
				const context = tlsOf(host).createClientContext({ ...clientOptions(host), ...own(host, "client") });
				for (const again of [false, true]) {
					const [client, accepted] = await Promise.all([dial(host, server, context), server.accepted()]);
					const pair = { client: new End(client), server: new End(accepted), listener: server.listener };
					const resumed = again && !required;
					equal(client.tls?.resumed, resumed, `client, ${version}, required ${required}`);
					equal(accepted.tls?.resumed, resumed, `server, ${version}, required ${required}`);
					equal(accepted.tls?.peerCertificate !== null, required, "certificate");
					await exchange(pair);
					pair.client.close();
					await Promise.all([pair.client.closed(), pair.server.closed()]);
				}
				server.listener.close();
			}
		}
	},

	"another context: for newcomers, while connections go on": async (host) => {
		const server = await Server.start(host, serverOptions(host));
		const context = () => tlsOf(host).createClientContext(clientOptions(host));
		const [one, first] = await Promise.all([dial(host, server, context()), server.accepted()]);
		server.listener.setTls(tlsOf(host).createServerContext(own(host, "renewed")));
		const [two, second] = await Promise.all([dial(host, server, context()), server.accepted()]);
		ok(`${one.tls?.peerCertificate}` !== `${two.tls?.peerCertificate}`, "certificates differ");
		for (const [client, accepted] of [
			[one, first],
			[two, second],
		] as const) {
			const pair = { client: new End(client), server: new End(accepted), listener: server.listener };
			await exchange(pair);
			await endPair(pair);
		}
	},

	"who does not speak TLS": async (host) => {
		const server = await Server.start(host, serverOptions(host));
		const connect = Uint8Array.of(0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 60, 0, 0);
		const others = [Uint8Array.of(22, 255, 1, 0, 5), Uint8Array.of(21, 3, 3, 0, 2, 2, 40)];
		for (const bytes of [connect, host.utf8.encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), ...others]) {
			const end = await sendRaw(host, server.port, bytes, false);
			equal((await server.refused()).error.code, "TLS_NOT_TLS", "client");
			end.close();
			await end.closed();
		}
		server.listener.close();
		const plain = await host.network.listen({ address: "127.0.0.1", port: 0 }, (connection) => {
			const end = new End(connection).start();
			end.write(host.utf8.encode("SSH-2.0-something, and more than a record's header\r\n"));
		});
		const context = tlsOf(host).createClientContext(clientOptions(host));
		const error = await rejected(
			host.network.connect({ host: "127.0.0.1", port: plain.port, tls: { context } }),
		);
		equal(error.code, "TLS_NOT_TLS", "server");
		plain.close();
	},

	"a handshake that ends in the middle": async (host) => {
		const server = await Server.start(host, serverOptions(host));
		for (const bytes of [Uint8Array.of(), Uint8Array.of(22, 3, 1, 2, 0, 1, 0)]) {
			const end = await sendRaw(host, server.port, bytes, true);
			equal((await server.refused()).error.code, "TLS_CLOSED", `${bytes.length} octets`);
			await end.closed();
		}
		server.listener.close();
		const closing = await host.network.listen({ address: "127.0.0.1", port: 0 }, (connection) =>
			connection.close(),
		);
		const context = tlsOf(host).createClientContext(clientOptions(host));
		const error = await rejected(
			host.network.connect({ host: "127.0.0.1", port: closing.port, tls: { context } }),
		);
		ok(["TLS_CLOSED", "ECONNRESET"].includes(error.code), error.code);
		closing.close();
	},

	"handshakes that take too long": async (host) => {
		const server = await Server.start(host, serverOptions(host), { handshakeTime: 100 });
		const end = await sendRaw(host, server.port, Uint8Array.of(22, 3, 1), false);
		const { error, address } = await server.refused();
		equal(error.code, "TLS_TIMEOUT", "code");
		equal(address, "127.0.0.1", "address");
		end.close();
		await end.closed();
		server.listener.close();
		const silent = await host.network.listen({ address: "127.0.0.1", port: 0 }, () => {});
		const context = tlsOf(host).createClientContext(clientOptions(host));
		const { port } = silent;
		const late = await rejected(
			host.network.connect({ host: "127.0.0.1", port, timeout: 100, tls: { context } }),
		);
		equal(late.code, "ETIMEDOUT", "client");
		silent.close();
	},

	"too many handshakes: the one that has waited longest ends, and newcomers are served": async (host) => {
		const server = await Server.start(host, serverOptions(host), { handshakes: 3 });
		const idle: End[] = [];
		for (let count = 0; count < 5; count++) {
			idle.push(await sendRaw(host, server.port, Uint8Array.of(22, 3, 1), false));
			if (count >= 3) equal((await server.refused()).error.code, "TLS_BUSY", `number ${count}`);
		}
		const context = tlsOf(host).createClientContext(clientOptions(host));
		const client = new End(await dial(host, server, context));
		equal((await server.refused()).error.code, "TLS_BUSY", "for the good one");
		const pair = { client, server: new End(await server.accepted()), listener: server.listener };
		await exchange(pair);
		// The listener's end drops the rest.
		await endPair(pair);
		await Promise.all(idle.map((end) => end.closed()));
	},

	"handshakes take little memory, whatever clients send": async (host) => {
		const [clients, pieces] = [50, 128];
		const server = await Server.start(host, serverOptions(host), { handshakeTime: 3000 });
		// The beginning of a ClientHello of 16 MB in records of the largest size, 2 MB of it.
		const first = new Uint8Array(16_389).fill(0x55);
		first.set([22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff, 3, 3]);
		const more = first.slice();
		more.set([0x55, 0x55, 0x55, 0x55, 0x55, 0x55], 5);
		const before = host.process.memory().current;
		const ends = await Promise.all(
			Array.from({ length: clients }, async () => {
				const end = await sendRaw(host, server.port, first, false);
				let sent = 1;
				const send = () => {
					while (sent++ < pieces && end.connection.buffered === 0) end.write(more);
				};
				end.drained = send;
				send();
				return end;
			}),
		);
		let most = 0;
		for (let count = 0; count < clients; count++) {
			const { error } = await server.refused();
			ok(["TLS_PROTOCOL", "TLS_TIMEOUT", "TLS_CLOSED"].includes(error.code), error.code);
			most = Math.max(most, host.process.memory().current);
		}
		// The senders are of this program, too: they hold a piece each at most.
		ok(most - before < 24_000_000, `${clients} handshakes took ${most - before} octets`);
		for (const end of ends) end.connection.destroy();
		server.listener.close();
	},

	"handshakes that begin together: each turn of the loop goes on with one": async (host) => {
		const count = 24;
		const hello = await firstFlight(host);
		const server = await Server.start(host, serverOptions(host), { handshakeTime: PATIENCE });
		const clients = await Promise.all(
			Array.from({ length: count }, async () => {
				return new End(await host.network.connect({ host: "127.0.0.1", port: server.port })).start();
			}),
		);
		let turns = 0;
		const accepted = new Gate();
		const counter = countTurns(host, () => {
			// A listener may take one newcomer in a turn.
			if (++turns === 2 * count) accepted.open();
		});
		await accepted.passed;
		turns = 0;
		for (const client of clients) client.write(hello);
		await Promise.all(clients.map((client) => client.until(() => client.received > 100)));
		counter.stop();
		ok(turns >= count, `${count} handshakes in ${turns} turns`);
		for (const client of clients) client.destroy();
		server.listener.close();
	},

	"handshakes that begin together: who goes away meanwhile is told of": async (host) => {
		const count = 12;
		const hello = await firstFlight(host);
		const server = await Server.start(host, serverOptions(host), { handshakeTime: PATIENCE });
		for (let left = count; left > 0; left--) await sendRaw(host, server.port, hello, true);
		for (let left = count; left > 0; left--)
			equal((await server.refused()).error.code, "TLS_CLOSED", "who has gone");
		server.listener.close();
	},

	"a listener that is closed drops handshakes without a word": async (host) => {
		const server = await Server.start(host, serverOptions(host));
		const end = await sendRaw(host, server.port, Uint8Array.of(22, 3, 1), false);
		await turn(host);
		server.listener.close();
		await end.closed();
	},

	"records: three megabytes each way, consumed in odd pieces, with pauses": async (host) => {
		for (const maximumVersion of ["TLSv1.2", "TLSv1.3"] as const) {
			const pair = await pairOf(host, { maximumVersion });
			const { client, server } = pair;
			const bytes = pattern(3_000_000);
			const wrong: string[] = [];
			for (const end of [client, server]) {
				let at = 0;
				let calls = 0;
				end.consume = (given, start, stop) => {
					// An odd part, unless it is the last.
					const used = at + stop - start === bytes.length ? stop - start : Math.min(stop - start, 4097);
					if (given[start] !== bytes[at] || given[start + used - 1] !== bytes[at + used - 1]) {
						wrong.push(`octets from ${at}`);
					}
					at += used;
					if (++calls % 7 === 0) {
						end.pause(true);
						host.timers.after(0, () => end.pause(false));
					}
					return used;
				};
				end.start();
			}
			for (const end of [client, server]) {
				let sent = 0;
				const more = () => {
					while (sent < bytes.length && end.connection.buffered < 200_000) {
						const stop = Math.min(sent + 30_011, bytes.length);
						end.write(bytes, sent, stop);
						sent = stop;
					}
				};
				end.drained = more;
				more();
			}
			await Promise.all([client, server].map((end) => end.until(() => end.received >= bytes.length - 4097)));
			// What is left comes with new input only.
			for (const [from, to] of [
				[client, server],
				[server, client],
			] as const) {
				to.consume = (_, start, stop) => stop - start;
				from.write(Uint8Array.of(1));
				await to.until(() => to.received === bytes.length + 1);
			}
			equal(wrong, [], "octets");
			await endPair(pair);
		}
	},

	"records: a peer that does not read holds up who writes, and nobody else": async (host) => {
		const pair = await pairOf(host);
		const { client, server } = pair;
		client.start();
		server.start();
		client.pause(true);
		const bytes = pattern(1_000_000);
		let written = 0;
		while (written < 64_000_000) {
			server.write(bytes);
			written += bytes.length;
			await turn(host);
			await turn(host);
			await turn(host);
			if (server.connection.buffered > 500_000) break;
		}
		ok(server.connection.buffered > 500_000, "output piles up");
		equal(client.received, 0, "paused");
		client.pause(false);
		await client.until(() => client.received === written);
		await server.until(() => server.drains > 0);
		equal(server.connection.buffered, 0, "drained");
		await endPair(pair);
	},

	"records: the output of a turn, in few pieces": async (host) => {
		const pair = await pairOf(host);
		const { client, server } = pair;
		client.start();
		server.start();
		await exchangeOnce(pair);
		const calls = server.calls;
		for (let count = 0; count < 500; count++) client.write(Uint8Array.of(count % 256));
		await server.until(() => server.received === 501);
		ok(server.calls - calls <= 3, `${server.calls - calls} calls`);
		await endPair(pair);
	},

	"close: what was written arrives, and both ends are told of an orderly end": async (host) => {
		const pair = await pairOf(host);
		const { client, server } = pair;
		client.start();
		server.start();
		const bytes = pattern(400_000);
		server.write(bytes);
		server.close();
		await client.closed();
		equal(client.received, bytes.length, "octets");
		equal(client.error, null, "client's end");
		await server.closed();
		equal(server.error, null, "server's end");
		equal(server.write(bytes), 0, "nothing more is taken");
		pair.listener.close();
	},

	"close: before start, and from a handler": async (host) => {
		const pair = await pairOf(host);
		pair.server.close();
		pair.client.consume = () => 0;
		pair.client.start();
		await pair.client.closed();
		pair.server.start();
		await pair.server.closed();
		pair.listener.close();
		const other = await pairOf(host);
		other.server.consume = (_, start, end) => {
			other.server.close();
			return end - start;
		};
		other.client.start();
		other.server.start();
		other.client.write(pattern(100_000));
		await Promise.all([other.client.closed(), other.server.closed()]);
		equal(other.server.calls, 1, "nothing after close");
		other.listener.close();
	},

	"destroy: at once": async (host) => {
		const pair = await pairOf(host);
		pair.client.start();
		pair.server.start();
		pair.server.write(pattern(10));
		pair.server.destroy();
		await Promise.all([pair.client.closed(), pair.server.closed()]);
		equal(pair.server.error, null, "server's end");
		pair.listener.close();
	},

	"records: one that was changed on the way ends the connection": async (host) => {
		for (const maximumVersion of ["TLSv1.2", "TLSv1.3"] as const) {
			const server = await Server.start(host, { ...serverOptions(host), maximumVersion });
			let isBad = false;
			const between = await wire(host, server.port, (bytes, to) => {
				if (isBad) bytes[bytes.length - 1]! ^= 1;
				to.write(bytes);
			});
			const context = tlsOf(host).createClientContext(clientOptions(host));
			const tls = { context, serverName: "localhost" };
			const connection = await host.network.connect({ host: "127.0.0.1", port: between.port, tls });
			const pair = {
				client: new End(connection),
				server: new End(await server.accepted()),
				listener: between,
			};
			await exchange(pair);
			isBad = true;
			pair.client.write(Uint8Array.of(1, 2, 3));
			await Promise.all([pair.client.closed(), pair.server.closed()]);
			equal(pair.server.received, 3, "nothing of it is given");
			equal(pair.server.error?.code, "TLS_PROTOCOL", "server's end");
			equal(pair.client.error?.code, "TLS_ALERT", "client's end");
			between.close();
			server.listener.close();
		}
	},

	"records: an end without notice is an end": async (host) => {
		const server = await Server.start(host, serverOptions(host));
		let out: Connection | null = null;
		const between = await host.network.listen({ address: "127.0.0.1", port: 0 }, async (connection) => {
			out = await host.network.connect({ host: "127.0.0.1", port: server.port });
			const [one, two] = [new End(connection), new End(out)];
			one.consume = (bytes, start, end) => {
				two.write(bytes, start, end);
				return end - start;
			};
			two.consume = (bytes, start, end) => {
				one.write(bytes, start, end);
				return end - start;
			};
			one.start();
			two.start();
			two.closed().then(() => one.close());
		});
		const context = tlsOf(host).createClientContext(clientOptions(host));
		const tls = { context, serverName: "localhost" };
		const connection = await host.network.connect({ host: "127.0.0.1", port: between.port, tls });
		const pair = { client: new End(connection), server: new End(await server.accepted()), listener: between };
		await exchange(pair);
		(out as Connection | null)?.close();
		await Promise.all([pair.client.closed(), pair.server.closed()]);
		equal(pair.server.error, null, "server's end");
		between.close();
		server.listener.close();
	},

	"settings: what is wrong with them": (host) => {
		const tls = tlsOf(host);
		const text = host.utf8.encode("no PEM at all\n");
		const good = serverOptions(host);
		const code = (options: TlsServerOptions) =>
			thrown(() => tls.createServerContext({ ...good, ...options })).code;
		equal(code({ certificate: text }), "TLS_BAD_CERTIFICATE", "certificate");
		equal(code({ key: text }), "TLS_BAD_KEY", "key");
		equal(code({ key: file(host, "client.key") }), "TLS_KEY_MISMATCH", "another's key");
		equal(code({ authorities: text }), "TLS_BAD_AUTHORITIES", "authorities");
		equal(code({ revocations: text }), "TLS_BAD_REVOCATIONS", "revocations");
		equal(code({ ciphers: "NO-SUCH-CIPHER" }), "TLS_BAD_CIPHERS", "ciphers");
		equal(code({ ciphersuites: "NO-SUCH-CIPHER" }), "TLS_BAD_CIPHERS", "ciphers of 1.3");
		const encrypted = { key: file(host, "encrypted.key") };
		equal(code(encrypted), "TLS_BAD_PASSWORD", "no password");
		equal(code({ ...encrypted, keyPassword: "wrong" }), "TLS_BAD_PASSWORD", "wrong password");
		for (const name of ["encrypted.key", "des3.key"])
			tls.createServerContext({ ...good, key: file(host, name), keyPassword: "secret" });
		tls.createServerContext({ ...good, ciphers: "NO-SUCH-CIPHER:ECDHE-ECDSA-AES128-GCM-SHA256" });
		tls.createClientContext({ authorities: file(host, "ca.pem"), ...own(host, "rsa") });
	},

	"a listener without TLS takes none": async (host) => {
		const listener = await host.network.listen({ address: "127.0.0.1", port: 0 }, () => {});
		let error: unknown;
		try {
			listener.setTls(tlsOf(host).createServerContext(serverOptions(host)));
		} catch (caught) {
			error = caught;
		}
		ok(error instanceof TypeError, "a TypeError");
		listener.close();
	},

	"many at once": async (host) => {
		const server = await Server.start(host, serverOptions(host), { handshakeTime: PATIENCE });
		const all = new Gate();
		let told = 0;
		const clients = Array.from({ length: 20 }, async () => {
			const context = tlsOf(host).createClientContext(clientOptions(host));
			const client = new End(await dial(host, server, context)).start();
			client.write(pattern(5000));
			await client.until(() => client.received === 5000);
			client.close();
			await client.closed();
			if (++told === 20) all.open();
		});
		for (let count = 0; count < clients.length; count++) {
			const end = new End(await server.accepted());
			end.consume = (bytes, start, stop) => {
				end.write(bytes, start, stop);
				return stop - start;
			};
			end.start();
		}
		await all.passed;
		await Promise.all(clients);
		server.listener.close();
	},
};

/** What a client says first. */
async function firstFlight(host: Host): Promise<Uint8Array> {
	const said = new Gate<Uint8Array>();
	const listener = await host.network.listen({ address: "127.0.0.1", port: 0 }, (connection) => {
		const end = new End(connection);
		end.consume = (bytes, start, stop) => {
			said.open(bytes.slice(start, stop));
			end.connection.destroy();
			return stop - start;
		};
		end.start();
	});
	const context = tlsOf(host).createClientContext(clientOptions(host));
	const tls = { context, serverName: "localhost" };
	await rejected(host.network.connect({ host: "127.0.0.1", port: listener.port, tls }));
	listener.close();
	return said.passed;
}

/** Calls `tell` once in each turn of the loop, by what the engine has for it, until it is stopped. */
function countTurns(host: Host, tell: () => void): { stop: () => void } {
	const { setImmediate } = globalThis as { setImmediate?: (call: () => void) => void };
	const soon = setImmediate ?? ((call: () => void) => void host.timers.after(0, call));
	let isStopped = false;
	const next = () => {
		if (isStopped) return;
		tell();
		soon(next);
	};
	soon(next);
	return {
		stop: () => {
			isStopped = true;
		},
	};
}

async function exchangeOnce({ client, server }: Pair): Promise<void> {
	client.write(Uint8Array.of(7));
	await server.until(() => server.received === 1);
}
