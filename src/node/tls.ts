/** TLS, by Node's own: contexts, handshakes of both sides, and its errors as the contract has them. */

import { constants, X509Certificate } from "node:crypto";
import { appendFileSync } from "node:fs";
import { isIP, type Socket } from "node:net";
import {
	connect,
	createSecureContext,
	createServer,
	type TlsOptions as NodeServerOptions,
	type SecureContext,
	type SecureContextOptions,
	type Server,
	type TLSSocket,
} from "node:tls";
import type { HostError } from "../host/error.ts";
import type { Tls, TlsClientOptions, TlsFacts, TlsOptions, TlsServerOptions } from "../host/tls.ts";
import { toHostError } from "./errno.ts";
import { Revocations } from "./revocation.ts";

/** Node's own limit of a handshake's time must not come before ours. */
const NEVER = 2 ** 31 - 1;

const CIPHERS_13 = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";
const CIPHERS_12 = "ECDHE+AESGCM:ECDHE+CHACHA20";
const CIPHERS_PSK =
	"kECDHEPSK+CHACHA20:kPSK+AESGCM:kPSK+CHACHA20:kECDHEPSK+AES:kPSK+AES:!eNULL:!aNULL:!DHE:!RSAPSK:!AESCCM";

/** What a handshake waits for; told once. */
export interface HandshakeEnd {
	done(socket: TLSSocket, facts: TlsFacts): void;
	failed(error: HostError): void;
}

/** How OpenSSL calls the end of a handshake with a key that is not the client's: in 1.2 and in 1.3. */
const WRONG_KEY: readonly string[] = [
	"ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC",
	"ERR_SSL_BINDER_DOES_NOT_VERIFY",
];

/** A server's settings: a server that does not listen, but is given the connections that others accept. */
export class NodeServerContext {
	readonly role = "server";
	private readonly server: Server;
	private readonly ends = new WeakMap<object, HandshakeEnd>();
	/** Identities of the pre-shared keys that clients used, and those that tried one that is not known. */
	private readonly identities = new WeakMap<TLSSocket, string>();
	private readonly strangers = new WeakSet<TLSSocket>();
	/** Authorities whose certificates may be out of date. */
	private readonly anyDate: readonly X509Certificate[] = [];
	private readonly revocations: Revocations | null = null;

	constructor(options: TlsServerOptions) {
		const { requireCertificate = false, psks = null } = options;
		const stateless = requireCertificate || psks !== null;
		const settings: NodeServerOptions = {
			...contextOptions(options, psks === null ? CIPHERS_12 : pskCiphers(options)),
			requestCert: requireCertificate,
			rejectUnauthorized: false,
			handshakeTimeout: NEVER,
			...(options.alpn?.length ? { ALPNProtocols: [...options.alpn] } : {}),
		};
		if (psks !== null) {
			settings.pskCallback = (socket, identity) => this.findKey(psks, socket, identity);
			if (options.pskHint) settings.pskIdentityHint = options.pskHint;
		}
		// Clients may not renegotiate either, but OpenSSL would not tell of those who try: `secured` forbids it.
		// Who has shown who he is does so each time: revocation is to have an effect.
		if (stateless) settings.secureOptions = (settings.secureOptions ?? 0) | constants.SSL_OP_NO_TICKET;
		checkKey(options);
		this.server = inContext(() => createServer(settings));
		if (options.ignoreDates) {
			this.anyDate = certificatesOf(options.authorities ?? null);
			if (options.revocations) this.revocations = new Revocations(listsOf(options.revocations));
		}
		this.server.on("secureConnection", (socket) => this.secured(socket, requireCertificate));
		this.server.on("tlsClientError", (error, socket) =>
			this.take(socket)?.failed(this.failure(error, socket)),
		);
	}

	/** Begins the handshake of a connection that was accepted. */
	begin(socket: Socket, end: HandshakeEnd): void {
		this.ends.set(socket, end);
		this.server.emit("connection", socket);
	}

	private failure(error: Error, socket: TLSSocket): HostError {
		if (this.strangers.has(socket)) return tlsError("TLS_PSK", error);
		const { code = "" } = error as { code?: string };
		if (this.identities.has(socket) && WRONG_KEY.includes(code)) return tlsError("TLS_PSK_KEY", error);
		return handshakeError(error, true);
	}

	/** The code of what is wrong with a client's certificate; null when it is good. */
	private faultOf(socket: TLSSocket, certificate: X509Certificate | undefined): string | null {
		if (certificate === undefined) return "CERT_REQUIRED";
		if (socket.authorized) return null;
		const code = String(socket.authorizationError);
		if (this.anyDate.length === 0 || !DATES.includes(code)) return verifyCode(code);
		// All that the date may have hidden; from an authority of the file itself, as Node does not tell of others in between.
		const authority = this.anyDate.find((each) => isFrom(certificate, each));
		if (authority === undefined) return "CERT_UNTRUSTED";
		if (!isFor(certificate, CLIENT)) return "CERT_INVALID";
		return this.revocations?.faultOf(certificate, authority) ?? null;
	}

	private findKey(psks: ReadonlyMap<string, Uint8Array>, socket: TLSSocket, identity: string) {
		const key = psks.get(identity);
		if (key === undefined) {
			this.strangers.add(socket);
			return null;
		}
		this.identities.set(socket, identity);
		return key;
	}

	/** Whom the connection under a TLS socket belongs to, once. */
	private take(socket: TLSSocket): HandshakeEnd | undefined {
		const { _parent: below } = socket as TLSSocket & { _parent: object };
		const end = this.ends.get(below);
		this.ends.delete(below);
		return end;
	}

	private secured(socket: TLSSocket, requireCertificate: boolean): void {
		const end = this.take(socket);
		const certificate = requireCertificate ? socket.getPeerX509Certificate() : undefined;
		const fault = requireCertificate ? this.faultOf(socket, certificate) : null;
		if (fault !== null) {
			end?.failed(tlsError(fault));
			socket.destroy();
			return;
		}
		socket.disableRenegotiation();
		end?.done(socket, factsOf(socket, certificate ?? null, this.identities.get(socket) ?? null));
	}
}

/** A client's settings, and its last session. */
export class NodeClientContext {
	readonly role = "client";
	private readonly options: TlsClientOptions;
	private readonly context: SecureContext;
	private session: Buffer | null = null;

	constructor(options: TlsClientOptions) {
		const { psk = null } = options;
		this.options = options;
		checkKey(options);
		const settings = contextOptions(options, psk === null ? CIPHERS_12 : pskCiphers(options));
		settings.secureOptions = constants.SSL_OP_NO_RENEGOTIATION;
		this.context = inContext(() => createSecureContext(settings));
	}

	/** Begins the handshake of a connected socket. */
	begin(socket: Socket, name: string, end: HandshakeEnd): void {
		const { psk = null, verifyName = true, alpn = [] } = this.options;
		const checked = verifyName && psk === null;
		const secure = connect({
			socket,
			secureContext: this.context,
			host: name,
			...(isIP(name) === 0 ? { servername: name } : {}),
			...(checked ? {} : { checkServerIdentity: () => undefined }),
			...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
			...(psk === null ? {} : { pskCallback: () => ({ identity: psk.identity, psk: psk.key }) }),
			...(this.session === null ? {} : { session: this.session }),
		});
		const failed = (error: Error) => end.failed(handshakeError(error));
		secure.once("error", failed);
		const { keyLog = null } = this.options;
		if (keyLog !== null) secure.on("keylog", (line) => logKeys(keyLog, line));
		secure.on("session", (session) => {
			this.session = session;
		});
		secure.once("secureConnect", () => {
			secure.removeListener("error", failed);
			const certificate = psk === null ? secure.getPeerX509Certificate() : undefined;
			end.done(secure, factsOf(secure, certificate ?? null, null));
		});
	}
}

function logKeys(path: string, line: Uint8Array): void {
	try {
		appendFileSync(path, line, { mode: 0o600 });
	} catch {
		// It does not keep anybody from talking.
	}
}

export const tls: Tls = {
	createServerContext: (options) => new NodeServerContext(options),
	createClientContext: (options) => new NodeClientContext(options),
};

function pskCiphers(options: TlsOptions): string {
	return options.certificate ? `${CIPHERS_12}:${CIPHERS_PSK}` : CIPHERS_PSK;
}

function contextOptions(options: TlsOptions, ciphers12: string): SecureContextOptions {
	const text = (bytes: Uint8Array) => Buffer.from(bytes);
	const { certificate, key, keyPassword, authorities, revocations } = options;
	const suites = options.ciphersuites ?? CIPHERS_13;
	return {
		...(certificate ? { cert: text(certificate) } : {}),
		...(key ? { key: text(key) } : {}),
		...(typeof keyPassword === "string" ? { passphrase: keyPassword } : {}),
		// An empty list: without any, Node would trust authorities of its own.
		ca: authorities ? [text(authorities)] : [],
		// Node reads one list of each.
		...(revocations ? { crl: listsOf(revocations) } : {}),
		minVersion: options.minimumVersion ?? "TLSv1.2",
		maxVersion: options.maximumVersion ?? "TLSv1.3",
		ciphers: `${knownSuites(suites)}:${options.ciphers ?? ciphers12}`,
		secureOptions: constants.SSL_OP_CIPHER_SERVER_PREFERENCE,
	};
}

/** Node takes a list of TLS 1.3 only when all of it is known. */
function knownSuites(list: string): string {
	const known = list.split(":").filter((name) => CIPHERS_13.split(":").includes(name));
	if (known.length === 0) throw tlsError("TLS_BAD_CIPHERS");
	return known.join(":");
}

const CLIENT = "1.3.6.1.5.5.7.3.2";
const ANY_USAGE = "2.5.29.37.0";

/** What OpenSSL says of dates, and may hide by it: it tells the last fault that it finds. */
const DATES: readonly string[] = [
	"CERT_HAS_EXPIRED",
	"CERT_NOT_YET_VALID",
	"CRL_HAS_EXPIRED",
	"CRL_NOT_YET_VALID",
];

const LIST = /-----BEGIN X509 CRL-----[\s\S]*?-----END X509 CRL-----/g;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** Finds out before OpenSSL, whose errors do not tell, which of several files is not what it should be. */
function checkKey({ certificate, key, authorities, revocations }: TlsOptions): void {
	const latin = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
	if (certificate && !isCertificates(latin(certificate))) throw tlsError("TLS_BAD_CERTIFICATE");
	if (authorities && !isCertificates(latin(authorities))) throw tlsError("TLS_BAD_AUTHORITIES");
	if (key && !/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(latin(key))) throw tlsError("TLS_BAD_KEY");
	if (key && !certificate) throw tlsError("TLS_KEY_MISMATCH");
	if (revocations && !/-----BEGIN X509 CRL-----/.test(latin(revocations)))
		throw tlsError("TLS_BAD_REVOCATIONS");
}

function listsOf(pem: Uint8Array): string[] {
	return Buffer.from(pem).toString("latin1").match(LIST) ?? [];
}

function certificatesOf(pem: Uint8Array | null): X509Certificate[] {
	const found = pem === null ? null : Buffer.from(pem).toString("latin1").match(CERTIFICATE);
	return (found ?? []).map((each) => new X509Certificate(each));
}

function isFrom(certificate: X509Certificate, authority: X509Certificate): boolean {
	return authority.ca && certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

/** Whether its extended key usage, if it has one (RFC 5280, section 4.2.1.12), is that. */
function isFor({ keyUsage }: X509Certificate, usage: string): boolean {
	return keyUsage === undefined || keyUsage.includes(usage) || keyUsage.includes(ANY_USAGE);
}

function isCertificates(text: string): boolean {
	const found = text.match(CERTIFICATE);
	if (found === null) return false;
	try {
		return found.every((pem) => new X509Certificate(pem).raw.length > 0);
	} catch {
		return false;
	}
}

/** Makes a context; what Node throws comes out as a HostError. */
function inContext<T>(make: () => T): T {
	try {
		return make();
	} catch (error) {
		throw tlsError(settingsCode(error as Error & { code?: string }), error);
	}
}

function settingsCode({ code = "", message }: Error & { code?: string }): string {
	if (code === "ERR_OSSL_X509_KEY_VALUES_MISMATCH" || code === "ERR_OSSL_X509_KEY_TYPE_MISMATCH") {
		return "TLS_KEY_MISMATCH";
	}
	if (/BAD_DECRYPT|BAD_PASSWORD|INTERRUPTED_OR_CANCELLED|MISSING_PASSPHRASE/.test(code))
		return "TLS_BAD_PASSWORD";
	if (/bad decrypt|password|passphrase/i.test(message)) return "TLS_BAD_PASSWORD";
	if (/NO_CIPHER_MATCH/.test(code)) return "TLS_BAD_CIPHERS";
	if (/CRL/i.test(message)) return "TLS_BAD_REVOCATIONS";
	return "TLS_BAD_KEY";
}

function factsOf(socket: TLSSocket, certificate: X509Certificate | null, identity: string | null): TlsFacts {
	const { alpnProtocol } = socket;
	const server = (socket as TLSSocket & { servername?: unknown }).servername;
	const name = (socket as TLSSocket & { isServer?: boolean; _tlsOptions: { isServer?: boolean } })._tlsOptions
		.isServer
		? server
		: null;
	return {
		version: socket.getProtocol() === "TLSv1.2" ? "TLSv1.2" : "TLSv1.3",
		cipher: socket.getCipher().name,
		peerCertificate: certificate === null ? null : new Uint8Array(certificate.raw),
		pskIdentity: identity,
		alpn: typeof alpnProtocol === "string" ? alpnProtocol : null,
		serverName: typeof name === "string" ? name : null,
		resumed: socket.isSessionReused(),
	};
}

/** Texts; the C host has the same. */
const texts: Readonly<Record<string, string>> = {
	TLS_NOT_TLS: "the peer does not speak TLS",
	TLS_BUSY: "too many unfinished TLS handshakes",
	TLS_TIMEOUT: "the TLS handshake took too long",
	TLS_CLOSED: "the connection ended during the TLS handshake",
	TLS_VERSION: "no TLS version in common",
	TLS_CIPHER: "no TLS cipher in common",
	TLS_ALPN: "no application protocol in common",
	TLS_PSK: "unknown PSK identity",
	TLS_PSK_KEY: "the peer has another key for its PSK identity",
	TLS_RENEGOTIATION: "the peer wants to renegotiate TLS",
	TLS_PROTOCOL: "TLS protocol error",
	CERT_REQUIRED: "the peer gave no certificate",
	CERT_UNTRUSTED: "the peer's certificate is of an unknown authority",
	CERT_EXPIRED: "the peer's certificate has expired",
	CERT_NOT_YET_VALID: "the peer's certificate is not yet valid",
	CERT_REVOKED: "the peer's certificate has been revoked",
	CERT_NO_CRL: "there is no valid revocation list of an authority of the peer's certificate",
	CERT_NAME: "the peer's certificate is for another host",
	CERT_INVALID: "the peer's certificate is not valid",
	TLS_BAD_CERTIFICATE: "no certificate of a known kind in PEM form",
	TLS_BAD_KEY: "no private key of a known kind in PEM form",
	TLS_BAD_PASSWORD: "the private key needs another password",
	TLS_KEY_MISMATCH: "the private key does not belong to the certificate",
	TLS_BAD_AUTHORITIES: "no certificates of authorities in PEM form",
	TLS_BAD_REVOCATIONS: "no revocation list in PEM form",
	TLS_BAD_CIPHERS: "no such ciphers",
};

/** An error of TLS by its code. */
export function tlsError(code: string, cause?: unknown): HostError {
	return Object.assign(new Error(texts[code] ?? code, cause === undefined ? undefined : { cause }), { code });
}

/** OpenSSL's names of what is wrong with a certificate. */
const verifyCodes: Readonly<Record<string, string>> = {
	CERT_HAS_EXPIRED: "CERT_EXPIRED",
	CERT_NOT_YET_VALID: "CERT_NOT_YET_VALID",
	CERT_REVOKED: "CERT_REVOKED",
	UNABLE_TO_GET_CRL: "CERT_NO_CRL",
	UNABLE_TO_GET_CRL_ISSUER: "CERT_NO_CRL",
	CRL_SIGNATURE_FAILURE: "CERT_NO_CRL",
	CRL_HAS_EXPIRED: "CERT_NO_CRL",
	CRL_NOT_YET_VALID: "CERT_NO_CRL",
	HOSTNAME_MISMATCH: "CERT_NAME",
	ERR_TLS_CERT_ALTNAME_INVALID: "CERT_NAME",
	DEPTH_ZERO_SELF_SIGNED_CERT: "CERT_UNTRUSTED",
	SELF_SIGNED_CERT_IN_CHAIN: "CERT_UNTRUSTED",
	UNABLE_TO_GET_ISSUER_CERT: "CERT_UNTRUSTED",
	UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "CERT_UNTRUSTED",
	UNABLE_TO_VERIFY_LEAF_SIGNATURE: "CERT_UNTRUSTED",
	CERT_UNTRUSTED: "CERT_UNTRUSTED",
	INVALID_CA: "CERT_UNTRUSTED",
	CERT_SIGNATURE_FAILURE: "CERT_UNTRUSTED",
};

function verifyCode(code: string): string {
	return verifyCodes[code] ?? "CERT_INVALID";
}

/** What OpenSSL calls a peer that speaks something else, from the first octets. */
const NOT_TLS: readonly string[] = [
	"ERR_SSL_WRONG_VERSION_NUMBER",
	"ERR_SSL_HTTP_REQUEST",
	"ERR_SSL_HTTPS_PROXY_REQUEST",
	"ERR_SSL_PACKET_LENGTH_TOO_LONG",
	"ERR_SSL_UNKNOWN_PROTOCOL",
];

const codes: Readonly<Record<string, string>> = {
	ERR_SSL_UNSUPPORTED_PROTOCOL: "TLS_VERSION",
	ERR_SSL_UNSUPPORTED_SSL_VERSION: "TLS_VERSION",
	ERR_SSL_NO_SHARED_CIPHER: "TLS_CIPHER",
	ERR_SSL_NO_APPLICATION_PROTOCOL: "TLS_ALPN",
	ERR_SSL_PSK_IDENTITY_NOT_FOUND: "TLS_PSK",
	ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: "CERT_REQUIRED",
	ERR_TLS_RENEGOTIATION_DISABLED: "TLS_RENEGOTIATION",
};

/** The error of a handshake; of a client's, that it speaks TLS at all is known before. */
function handshakeError(error: Error, isServer = false): HostError {
	const code = (error as { code?: string }).code ?? "";
	if (code === "ECONNRESET" && /socket (hang up|disconnected)/.test(error.message))
		return tlsError("TLS_CLOSED", error);
	if (!isServer && NOT_TLS.includes(code)) return tlsError("TLS_NOT_TLS", error);
	return recordError(error);
}

/** The error of a connection with TLS, at any time. */
export function recordError(error: Error): HostError {
	const code = (error as { code?: string }).code ?? "";
	const own = codes[code] ?? verifyCodes[code];
	if (own !== undefined) return tlsError(own, error);
	const alert = /^ERR_SSL_.*_ALERT_([A-Z_]+)$/.exec(code) ?? /^ERR_SSL_TLSV1_(UNRECOGNIZED_NAME)$/.exec(code);
	if (alert !== null) {
		const text = `the peer sent TLS alert: ${alert[1]!.toLowerCase().replaceAll("_", " ")}`;
		return Object.assign(new Error(text, { cause: error }), { code: "TLS_ALERT" });
	}
	if (code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_")) return tlsError("TLS_PROTOCOL", error);
	if (/CERT|CRL|CA|CHAIN|SIGNATURE|PURPOSE/.test(code)) return tlsError("CERT_INVALID", error);
	return toHostError(error);
}
