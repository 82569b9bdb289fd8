/** TLS 1.2 and 1.3 (RFC 5246, RFC 8446) of connections: what each side wants, and what is known of the other. */

import type { HostError } from "./error.ts";

export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** What both sides are made of. Certificates, keys and lists are PEM files' octets. */
export interface TlsOptions {
	/** Our certificate, then those of authorities between it and the root. */
	readonly certificate?: Uint8Array | null;
	/** Our private key; `keyPassword` when it is encrypted. */
	readonly key?: Uint8Array | null;
	readonly keyPassword?: string | null;
	/** Certificates of the authorities that the peer's certificate must be from; null for none: then no peer has a good one. */
	readonly authorities?: Uint8Array | null;
	/**
	 * Lists of revoked certificates. With some, there must be one of the authority of each certificate from the peer's to the
	 * root's, in force now.
	 */
	readonly revocations?: Uint8Array | null;
	/** Default TLSv1.2. */
	readonly minimumVersion?: TlsVersion;
	/** Default TLSv1.3. */
	readonly maximumVersion?: TlsVersion;
	/**
	 * Cipher suites of TLS 1.2, the most wanted first: OpenSSL's names with colons between. Only suites with ephemeral keys or
	 * PSK are known to every host. Default: the good ones.
	 */
	readonly ciphers?: string | null;
	/** Cipher suites of TLS 1.3, likewise (`TLS_AES_128_GCM_SHA256`). */
	readonly ciphersuites?: string | null;
	/** Application protocols (RFC 7301), the most wanted first; with some, a peer that offers only others is refused. */
	readonly alpn?: readonly string[];
}

export interface TlsServerOptions extends TlsOptions {
	/** Whether clients must show a certificate. If not, they are not asked for one. Default false. */
	readonly requireCertificate?: boolean;
	/**
	 * Whether clients' certificates, and lists of revoked ones, may be out of date. Default false. Not every host can take
	 * certificates out of date whose authority is not among `authorities` itself.
	 */
	readonly ignoreDates?: boolean;
	/** Pre-shared keys (1 to 64 octets) by identity; null for none. */
	readonly psks?: ReadonlyMap<string, Uint8Array> | null;
	/** For clients of TLS 1.2 with PSK, at most 128 octets. Only told to those that use ephemeral keys besides. */
	readonly pskHint?: string | null;
}

export interface TlsClientOptions extends TlsOptions {
	/** Whether the certificate must be for the host that was asked for. Default true. */
	readonly verifyName?: boolean;
	/** Use this pre-shared key instead of certificates. */
	readonly psk?: { readonly identity: string; readonly key: Uint8Array } | null;
	/**
	 * Path of a file that the keys of connections are appended to, in the format that Wireshark reads (SSLKEYLOGFILE). New, it
	 * is for its owner only. When it cannot be written they are not told.
	 */
	readonly keyLog?: string | null;
}

/** Settings of a server, ready for use; sessions can be gone on with by tickets of the same context. */
export interface TlsServerContext {
	readonly role: "server";
}

/** Settings of a client, ready for use. It remembers the last session, and offers to go on with it. */
export interface TlsClientContext {
	readonly role: "client";
}

/** What a handshake has shown. */
export interface TlsFacts {
	readonly version: TlsVersion;
	/** OpenSSL's name: `ECDHE-RSA-AES128-GCM-SHA256`, `TLS_AES_128_GCM_SHA256`. */
	readonly cipher: string;
	/** The peer's certificate, which has been found good (DER); null when there is none. */
	readonly peerCertificate: Uint8Array | null;
	/** Of a client that used a pre-shared key; on the server's side only. */
	readonly pskIdentity: string | null;
	/** The application protocol that was agreed upon. */
	readonly alpn: string | null;
	/** The host that the client asked for; on the server's side only. */
	readonly serverName: string | null;
	/** Whether an earlier session was gone on with. */
	readonly resumed: boolean;
}

/**
 * TLS's own errors, as HostError: `TLS_NOT_TLS` (the peer speaks something else), `TLS_BUSY` (too many unfinished
 * handshakes), `TLS_TIMEOUT`, `TLS_CLOSED` (the connection ended during the handshake), `TLS_VERSION`, `TLS_CIPHER` and
 * `TLS_ALPN` (nothing in common), `TLS_PSK` (unknown identity), `TLS_PSK_KEY` (another key for the identity),
 * `TLS_RENEGOTIATION` (the peer wants to, after the handshake), `TLS_ALERT` (the peer refused; the message has its reason),
 * `TLS_PROTOCOL` (anything else), `CERT_REQUIRED`, `CERT_UNTRUSTED`, `CERT_EXPIRED`, `CERT_NOT_YET_VALID`,
 * `CERT_REVOKED`, `CERT_NO_CRL`, `CERT_NAME` (another host's), `CERT_INVALID`. Of settings: `TLS_BAD_CERTIFICATE`, `TLS_BAD_KEY`,
 * `TLS_BAD_PASSWORD`, `TLS_KEY_MISMATCH`, `TLS_BAD_AUTHORITIES`, `TLS_BAD_REVOCATIONS`, `TLS_BAD_CIPHERS`.
 *
 * A peer of TLS that ends its side without saying so first is taken to have ended: MQTT has its own DISCONNECT. Nobody may
 * renegotiate.
 */
export interface Tls {
	/** Throws a HostError. */
	createServerContext(options: TlsServerOptions): TlsServerContext;
	/** Throws a HostError. */
	createClientContext(options: TlsClientOptions): TlsClientContext;
}

/** TLS on a listener: a connection is handed over when its handshake has ended well. */
export interface ListenTls {
	readonly context: TlsServerContext;
	/** A client was not let in; no address when it had not got so far. */
	refused(remoteAddress: string, remotePort: number, error: HostError): void;
	/** Milliseconds for a handshake. Default 20,000. */
	readonly handshakeTime?: number;
	/** Unfinished handshakes at once; beyond them the one that has waited longest for its client ends. Default 100. */
	readonly handshakes?: number;
}

/** TLS of an outgoing connection. */
export interface ConnectTls {
	readonly context: TlsClientContext;
	/** The host that the certificate must be for, and that the server is told; default that which is connected to. */
	readonly serverName?: string;
}
