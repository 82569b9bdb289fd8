/** Headers of the PROXY protocol, and what they say. */

import { bytes } from "./websocket.ts";

const SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];

/** A header of version 2. */
export function version2(command: number, family: number, ...rest: (readonly number[] | Uint8Array | string)[]): Uint8Array {
	const body = bytes(...rest);
	return bytes(SIGNATURE, command, family, body.length >> 8, body.length & 255, body);
}

/** A type-length-value item. */
export function item(type: number, ...rest: (readonly number[] | Uint8Array | string)[]): Uint8Array {
	const body = bytes(...rest);
	return bytes(type, body.length >> 8, body.length & 255, body);
}

export const IPV4 = [192, 0, 2, 7, 198, 51, 100, 1, 0xd4, 0x31, 0x07, 0x5b];
export const IPV6 = [
	...[0x20, 0x01, 0x0d, 0xb8, ...new Array(11).fill(0), 7],
	...[0x20, 0x01, 0x0d, 0xb8, ...new Array(11).fill(0), 1],
	...[0xd4, 0x31, 0x07, 0x5b],
];
export const TLS = item(0x20, [1, 0, 0, 0, 0], item(0x21, "TLSv1.3"), item(0x23, "TLS_AES_128_GCM_SHA256"));

export interface ProxyCase {
	readonly name: string;
	readonly version: 1 | 2;
	readonly bytes: Uint8Array;
	/** `ADDRESS:PORT`, `none` when nothing is said of the client, `wrong` when it is refused. */
	readonly says: string;
	readonly tls?: boolean;
}

const line = (text: string) => bytes(`${text}\r\n`);

export const proxyCases: readonly ProxyCase[] = [
	{ name: "TCP4", version: 1, bytes: line("PROXY TCP4 192.0.2.7 198.51.100.1 54321 1883"), says: "192.0.2.7:54321" },
	{ name: "TCP6", version: 1, bytes: line("PROXY TCP6 2001:db8:0::7 2001:db8::1 54321 1883"), says: "2001:db8::7:54321" },
	{ name: "UNKNOWN", version: 1, bytes: line("PROXY UNKNOWN"), says: "none" },
	{ name: "UNKNOWN and more", version: 1, bytes: line("PROXY UNKNOWN ffff::f ffff::f 65535 65535"), says: "none" },
	...[
		"PROXY",
		"PROXY ",
		"proxy TCP4 192.0.2.7 198.51.100.1 54321 1883",
		"PROXY TCP5 192.0.2.7 198.51.100.1 54321 1883",
		"PROXY TCP4 192.0.2.7 198.51.100.1 54321",
		"PROXY TCP4 192.0.2.7 198.51.100.1 54321 1883 x",
		"PROXY TCP4 192.0.2.7  198.51.100.1 54321 1883",
		"PROXY TCP4 192.0.2.256 198.51.100.1 54321 1883",
		"PROXY TCP4 2001:db8::7 198.51.100.1 54321 1883",
		"PROXY TCP4 192.0.2.7 2001:db8::7 54321 1883",
		"PROXY TCP6 192.0.2.7 198.51.100.1 54321 1883",
		"PROXY TCP4 192.0.2.7 198.51.100.1 65536 1883",
		"PROXY TCP4 192.0.2.7 198.51.100.1 054321 1883",
		"PROXY TCP4 192.0.2.7 198.51.100.1 -1 1883",
		"PROXY TCP4 192.0.2.7 host 54321 1883",
		`PROXY UNKNOWN ${"x".repeat(100)}`,
	].map((text): ProxyCase => ({ name: `wrong: ${text}`, version: 1, bytes: line(text), says: "wrong" })),
	{ name: "without carriage return", version: 1, bytes: bytes("PROXY UNKNOWN\n"), says: "wrong" },
	{ name: "CONNECT", version: 1, bytes: bytes(0x10, 12, 0, 4, "MQTT"), says: "wrong" },
	{ name: "version 2 for 1", version: 1, bytes: version2(0x21, 0x11, IPV4), says: "wrong" },

	{ name: "IPv4", version: 2, bytes: version2(0x21, 0x11, IPV4), says: "192.0.2.7:54321" },
	{ name: "IPv6", version: 2, bytes: version2(0x21, 0x21, IPV6), says: "2001:db8::7:54321" },
	{ name: "unix", version: 2, bytes: version2(0x21, 0x31, new Uint8Array(216)), says: ":0" },
	{ name: "LOCAL", version: 2, bytes: version2(0x20, 0x00), says: "none" },
	{ name: "LOCAL with addresses", version: 2, bytes: version2(0x20, 0x11, IPV4), says: "none" },
	{ name: "TLS", version: 2, bytes: version2(0x21, 0x11, IPV4, item(4, "padding"), TLS), says: "192.0.2.7:54321", tls: true },
	{ name: "TLS, but not the client", version: 2, bytes: version2(0x21, 0x11, IPV4, item(0x20, [0, 0, 0, 0, 0])), says: "192.0.2.7:54321" },
	{ name: "longest", version: 2, bytes: version2(0x21, 0x11, IPV4, item(4, new Uint8Array(4081))), says: "192.0.2.7:54321" },
	{ name: "too long", version: 2, bytes: version2(0x21, 0x11, IPV4, item(4, new Uint8Array(4082))), says: "wrong" },
	{ name: "short IPv4", version: 2, bytes: version2(0x21, 0x11, IPV4.slice(1)), says: "wrong" },
	{ name: "short IPv6", version: 2, bytes: version2(0x21, 0x21, IPV4), says: "wrong" },
	{ name: "datagrams", version: 2, bytes: version2(0x21, 0x12, IPV4), says: "wrong" },
	{ name: "no family", version: 2, bytes: version2(0x21, 0x00), says: "wrong" },
	{ name: "another command", version: 2, bytes: version2(0x22, 0x11, IPV4), says: "wrong" },
	{ name: "another version", version: 2, bytes: version2(0x31, 0x11, IPV4), says: "wrong" },
	{ name: "an item cut off", version: 2, bytes: version2(0x21, 0x11, IPV4, [4, 0]), says: "wrong" },
	{ name: "an item beyond the end", version: 2, bytes: version2(0x21, 0x11, IPV4, [4, 0, 9, 1]), says: "wrong" },
	{ name: "short TLS", version: 2, bytes: version2(0x21, 0x11, IPV4, item(0x20, [1, 0, 0, 0])), says: "wrong" },
	{ name: "TLS with an item beyond it", version: 2, bytes: version2(0x21, 0x11, IPV4, item(0x20, [1, 0, 0, 0, 0, 0x21, 0, 9])), says: "wrong" },
	{ name: "version 1 for 2", version: 2, bytes: line("PROXY UNKNOWN"), says: "wrong" },
];
