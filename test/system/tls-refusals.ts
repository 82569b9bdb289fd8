/**
 * Clients that a listener with TLS must not serve, and what the log says of each: one line, the same on every host. An `A` stands
 * for the client's address.
 */

import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";

/** CONNECT of MQTT 3.1.1 by the client `test`. */
export const CONNECT = Buffer.from("101000044d5154540402003c000474657374", "hex");

type Attack = (port: number) => Promise<string>;

export interface Refusal {
	readonly name: string;
	/** Resolves with its address when the connection is over. */
	readonly attack: Attack;
	/** The line that says why. */
	readonly line: string;
	/** The version of TLS, if the client was let in before. */
	readonly connected?: Versions;
}

export type Versions = "TLSv1.2" | "TLSv1.3";
const VERSIONS: readonly Versions[] = ["TLSv1.2", "TLSv1.3"];

function failed(text: string, code: string): string {
	return `Client from A disconnected: TLS handshake failed: ${text} (${code}).`;
}

const NOT_TLS = "Client from A appears to be connecting without TLS to a TLS listener.";
const CLOSED = failed("the connection ended during the TLS handshake", "TLS_CLOSED");
const PROTOCOL = failed("TLS protocol error", "TLS_PROTOCOL");

function ended(client: string, why: string): string {
	return `Client ${client} [A] disconnected: ${why}.`;
}

function over(socket: Socket): Promise<string> {
	let address = "";
	socket.once("connect", () => {
		address = `127.0.0.1:${socket.localPort}`;
	});
	return new Promise((resolve) => socket.once("close", () => resolve(address)));
}

/** Octets as they are; `end` ends our side after them, else the broker has to end the connection. */
export function raw(octets: Buffer, end = false): Attack {
	return (port) => {
		const socket = connect(port, "127.0.0.1");
		// It may be reset.
		socket.on("error", () => {});
		socket.resume();
		if (end) socket.end(octets);
		else socket.write(octets);
		return over(socket);
	};
}

/** A client by Node's TLS; `then` is called when its handshake is over, with the connection below it. */
export function client(
	options: ConnectionOptions,
	then: (secure: TLSSocket, below: Socket) => void = () => {},
): Attack {
	return (port) => {
		const below = connect(port, "127.0.0.1");
		const closed = over(below);
		const secure = connectTls({
			socket: below,
			servername: "localhost",
			rejectUnauthorized: false,
			...options,
		});
		for (const socket of [below, secure]) socket.on("error", () => {});
		secure.once("secureConnect", () => then(secure, below));
		secure.resume();
		return closed;
	};
}

/** A client that is let in, and then sends something below its TLS. */
function after(version: Versions, octets: Buffer, end = false): Attack {
	return client({ minVersion: version, maxVersion: version }, (secure, below) => {
		secure.write(CONNECT);
		secure.once("data", () => {
			if (end) below.end(octets);
			else below.write(octets);
		});
	});
}

function own(folder: string, name: string) {
	return { cert: readFileSync(join(folder, `${name}.pem`)), key: readFileSync(join(folder, `${name}.key`)) };
}

/** Of a listener that wants certificates, with a list of those that were revoked. */
export function badCertificates(folder: string): Refusal[] {
	return VERSIONS.flatMap((version) => {
		const versions = { minVersion: version, maxVersion: version };
		const cases = [
			["expired", "the peer's certificate has expired", "CERT_EXPIRED"],
			["future", "the peer's certificate is not yet valid", "CERT_NOT_YET_VALID"],
			["revoked", "the peer's certificate has been revoked", "CERT_REVOKED"],
			["stranger", "the peer's certificate is of an unknown authority", "CERT_UNTRUSTED"],
		] as const;
		const bad = cases.map(([name, text, code]) => ({
			name: `${version}: ${name}`,
			attack: client({ ...own(folder, name), ...versions }),
			line: failed(text, code),
		}));
		const none = {
			name: `${version}: no certificate`,
			attack: client(versions),
			line: failed("the peer gave no certificate", "CERT_REQUIRED"),
		};
		return [...bad, none];
	});
}

/** Of a listener with pre-shared keys, of which one is for `sensor`. */
export function badKeys(): Refusal[] {
	const ciphers = "PSK:TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384";
	return VERSIONS.flatMap((version) => {
		const attack = (identity: string, key: string) => {
			const psk = Buffer.from(key, "hex");
			const pskCallback = () => ({ identity, psk });
			return client({ minVersion: version, maxVersion: version, ciphers, pskCallback });
		};
		return [
			{
				name: `${version}: unknown PSK identity`,
				attack: attack("stranger", "00112233445566778899aabbccddeeff"),
				line: failed("unknown PSK identity", "TLS_PSK"),
			},
			{
				name: `${version}: another key`,
				attack: attack("sensor", "ff"),
				line: failed("the peer has another key for its PSK identity", "TLS_PSK_KEY"),
			},
		];
	});
}

/** Of any listener with TLS: before a handshake, and instead of one. */
const FIRST: readonly (readonly [name: string, hex: string, line: string, end?: boolean])[] = [
	["MQTT without TLS", CONNECT.toString("hex"), NOT_TLS],
	["HTTP", Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n").toString("hex"), NOT_TLS],
	["garbage", "deadbeef".repeat(64), NOT_TLS],
	["data first", "1703030005aabbccddee", NOT_TLS],
	["an alert first", "15030100020228", NOT_TLS],
	["SSL 2", `802e0103010015000000100100800300800600400200800400800700c0${"00".repeat(20)}`, NOT_TLS],
	["a version that is none", `16ff010200010001fc0303${"00".repeat(600)}`, NOT_TLS],
	["nothing", "", CLOSED, true],
	["one octet", "16", CLOSED, true],
	["a truncated record", "1603010200010001fc0303", CLOSED, true],
	["an oversized record", `1603014801${"01".repeat(100)}`, PROTOCOL],
	["the largest record", `160301ffff${"01".repeat(100)}`, PROTOCOL],
	["a ClientHello without a body", "16030100050100000100", PROTOCOL],
	["another message", "160301000402000000", PROTOCOL],
	["a ClientHello of garbage", `1603010100010000fc0303${"55".repeat(250)}`, PROTOCOL],
];

/** Of a listener with a certificate: what breaks the protocol, and clients with which nothing is in common. */
export function badOctets(): Refusal[] {
	const first = FIRST.map(([name, hex, line, end = false]) => ({
		name,
		attack: raw(Buffer.from(hex, "hex"), end),
		line,
	}));
	const protocol = "TLS protocol error";
	const records = VERSIONS.flatMap((version) =>
		(
			[
				["a record that was changed", `1703030020${"11".repeat(32)}`, protocol],
				["an oversized record", `1703034900${"11".repeat(0x4900)}`, protocol],
				["a record that is too short", "1703030001aa", protocol],
				["a handshake that is not encrypted", `1603030020${"11".repeat(32)}`, protocol],
				["an alert that is not encrypted", "15030300020228", protocol],
				["garbage", "deadbeef".repeat(64), protocol],
				["a truncated record", "170303002011", "connection closed by client", true],
			] as const
		).map(([name, hex, why, end = false]) => ({
			name: `${version}, when it is connected: ${name}`,
			attack: after(version, Buffer.from(hex, "hex"), end),
			line: ended("test", why),
			connected: version,
		})),
	);
	const renegotiates = client({ maxVersion: "TLSv1.2" }, (secure) => {
		secure.write(CONNECT);
		secure.once("data", () => secure.renegotiate({}, () => {}));
	});
	return [
		...first,
		...records,
		{
			name: "renegotiation",
			attack: renegotiates,
			line: ended("test", "the peer wants to renegotiate TLS"),
			connected: "TLSv1.2",
		},
		{
			name: "an old version",
			attack: client({ minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }),
			line: failed("no TLS version in common", "TLS_VERSION"),
		},
		{
			name: "no cipher in common",
			attack: client({ maxVersion: "TLSv1.2", ciphers: "AES128-SHA" }),
			line: failed("no TLS cipher in common", "TLS_CIPHER"),
		},
	];
}
