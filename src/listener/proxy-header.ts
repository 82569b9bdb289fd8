/** The header of the PROXY protocol, version 1 (text) and 2 (binary), by which a proxy says who its client is. */

import { formatAddress, parseAddress } from "../host/address.ts";
import type { Utf8 } from "../host/host.ts";

/** A header that breaks the protocol, or that we do not take. */
export class ProxyError extends Error {}

/** What a proxy says. */
export interface ProxyHeader {
	/** Octets of the header. */
	readonly length: number;
	/** The client; null when the proxy speaks for itself (LOCAL) or does not know (UNKNOWN). */
	readonly source: { readonly address: string; readonly port: number } | null;
	/** Whether the client is connected to the proxy over TLS; version and cipher where they are told. */
	readonly tls: boolean;
	readonly tlsVersion: string | null;
	readonly cipher: string | null;
	/** Whether the client has shown a certificate that the proxy has found good, and the common name in it where it is told. */
	readonly hasCertificate: boolean;
	readonly commonName: string | null;
}

/** Octets of a header of version 1, its line end included, and of one of version 2 behind its first 16. */
const LIMIT_1 = 107;
const LIMIT_2 = 4096;

const PLAIN = { tls: false, tlsVersion: null, cipher: null, hasCertificate: false, commonName: null };

/** Reads the header at `bytes[start, end)`; null when there is more to come. Throws a ProxyError as soon as it is wrong. */
export function readProxyHeader(
	utf8: Utf8,
	bytes: Uint8Array,
	start: number,
	end: number,
	version: 1 | 2,
): ProxyHeader | null {
	return version === 1 ? readVersion1(bytes, start, end) : readVersion2(utf8, bytes, start, end);
}

const BEGINNING_1 = [0x50, 0x52, 0x4f, 0x58, 0x59, 0x20]; // "PROXY "
const PORT = /^(?:0|[1-9][0-9]{0,4})$/;

function readVersion1(bytes: Uint8Array, start: number, end: number): ProxyHeader | null {
	checkBeginning(bytes, start, end, BEGINNING_1);
	const limit = Math.min(end, start + LIMIT_1);
	let text = "";
	for (let at = start; at < limit; at++) {
		const octet = bytes[at]!;
		if (octet === 10) {
			if (!text.endsWith("\r")) throw new ProxyError("a line without a carriage return");
			return { length: at + 1 - start, source: sourceOf(text.slice(0, -1)), ...PLAIN };
		}
		text += String.fromCharCode(octet);
	}
	if (limit - start === LIMIT_1) throw new ProxyError("a line of more than 107 octets");
	return null;
}

/** `PROXY TCP4 SOURCE DESTINATION PORT PORT`, or `PROXY UNKNOWN` with anything behind. */
function sourceOf(line: string): ProxyHeader["source"] {
	const words = line.split(" ");
	const [, family, source = "", destination = "", port = "", otherPort = ""] = words;
	if (family === "UNKNOWN") return null;
	const octets = parseAddress(source);
	const fits = [source, destination].every((text) => text.includes(":") === (family === "TCP6"));
	const isWrong =
		words.length !== 6 ||
		(family !== "TCP4" && family !== "TCP6") ||
		!fits ||
		parseAddress(destination) === null ||
		![port, otherPort].every((text) => PORT.test(text) && Number(text) <= 65535);
	if (isWrong || octets === null) throw new ProxyError("a malformed line");
	return { address: formatAddress(octets), port: Number(port) };
}

const BEGINNING_2 = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
const FIXED = 16;

/** Octets of addresses and ports by protocol family: streams over IPv4, IPv6 and unix sockets. */
const FAMILIES: Readonly<Record<number, number>> = { 17: 12, 33: 36, 49: 216 };

function readVersion2(utf8: Utf8, bytes: Uint8Array, start: number, end: number): ProxyHeader | null {
	checkBeginning(bytes, start, end, BEGINNING_2);
	if (end - start < FIXED) return null;
	const command = bytes[start + 12]!;
	const family = bytes[start + 13]!;
	const length = (bytes[start + 14]! << 8) | bytes[start + 15]!;
	if (command !== 0x20 && command !== 0x21) throw new ProxyError("another version or command");
	if (length > LIMIT_2) throw new ProxyError("a header of more than 4112 octets");
	const isLocal = command === 0x20;
	const addresses = FAMILIES[family];
	if (!isLocal && (addresses === undefined || length < addresses))
		throw new ProxyError("another family of addresses");
	if (end - start < FIXED + length) return null;
	const from = start + FIXED;
	if (isLocal || addresses === undefined) return { length: FIXED + length, source: null, ...PLAIN };
	return {
		length: FIXED + length,
		source: addressesOf(bytes, from, addresses),
		...readSsl(utf8, bytes, from + addresses, from + length),
	};
}

function addressesOf(bytes: Uint8Array, at: number, size: number): ProxyHeader["source"] {
	if (size === 216) return { address: "", port: 0 };
	const octets = (size - 4) / 2;
	const port = at + 2 * octets;
	return {
		address: formatAddress(bytes.slice(at, at + octets)),
		port: (bytes[port]! << 8) | bytes[port + 1]!,
	};
}

function checkBeginning(bytes: Uint8Array, start: number, end: number, expected: readonly number[]): void {
	const count = Math.min(end - start, expected.length);
	for (let at = 0; at < count; at++) {
		if (bytes[start + at] !== expected[at]) throw new ProxyError("no PROXY header");
	}
}

const TYPE_SSL = 0x20;
const TYPE_SSL_VERSION = 0x21;
const TYPE_SSL_CN = 0x22;
const TYPE_SSL_CIPHER = 0x23;
/** In the first octet of TYPE_SSL: the client is connected over TLS, and has shown a certificate in this session. */
const CLIENT_SSL = 1;
const CLIENT_CERT = 4;

function readSsl(
	utf8: Utf8,
	bytes: Uint8Array,
	start: number,
	end: number,
): Omit<ProxyHeader, "length" | "source"> {
	let found: Omit<ProxyHeader, "length" | "source"> = PLAIN;
	forEachTlv(bytes, start, end, (type, from, to) => {
		if (type !== TYPE_SSL) return;
		if (to - from < 5) throw new ProxyError("a short description of TLS");
		let tlsVersion: string | null = null;
		let cipher: string | null = null;
		let commonName: string | null = null;
		forEachTlv(bytes, from + 5, to, (subtype, at, limit) => {
			if (subtype === TYPE_SSL_VERSION) tlsVersion = printable(bytes, at, limit);
			if (subtype === TYPE_SSL_CIPHER) cipher = printable(bytes, at, limit);
			if (subtype === TYPE_SSL_CN) commonName = utf8.decode(bytes, at, limit);
		});
		const tls = (bytes[from]! & CLIENT_SSL) !== 0;
		// The four octets of how the proxy has found the certificate; 0 is good.
		const isGood =
			bytes[from + 1] === 0 && bytes[from + 2] === 0 && bytes[from + 3] === 0 && bytes[from + 4] === 0;
		const hasCertificate = tls && (bytes[from]! & CLIENT_CERT) !== 0 && isGood;
		found = { tls, tlsVersion, cipher, hasCertificate, commonName: hasCertificate ? commonName : null };
	});
	return found;
}

/** Goes through items of type, length in two octets, and value. */
function forEachTlv(
	bytes: Uint8Array,
	start: number,
	end: number,
	take: (type: number, from: number, to: number) => void,
): void {
	let at = start;
	while (at < end) {
		if (end - at < 3) throw new ProxyError("an item that is cut off");
		const to = at + 3 + ((bytes[at + 1]! << 8) | bytes[at + 2]!);
		if (to > end) throw new ProxyError("an item that is cut off");
		take(bytes[at]!, at + 3, to);
		at = to;
	}
}

/** Names of versions and ciphers, for the log. */
function printable(bytes: Uint8Array, start: number, end: number): string {
	let text = "";
	for (let at = start; at < Math.min(end, start + 64); at++) {
		const octet = bytes[at]!;
		text += octet > 0x20 && octet < 0x7f ? String.fromCharCode(octet) : "?";
	}
	return text;
}
