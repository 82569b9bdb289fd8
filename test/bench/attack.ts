/**
 * Peers that mean no good, for the benchmark: `node test/bench/attack.ts ATTACK PORT [NUMBER]`. Prints `ready` once the
 * attack is under way, then for each line of its input how much it has done so far: connections begun, octets sent, and logins;
 * and goes on until it is killed. It says nothing unasked, as who reads that is in the way of what is measured. Of the connections that the broker ended, 50 a second are begun anew:
 * as many as slowhttptest, which such attacks are tried with, opens by default.
 */

import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { connect as connectTls } from "node:tls";

/** What each says, an octet a second, and never ends saying. */
const SLOW = {
	/** The beginning of a ClientHello. */
	"tls handshakes": Uint8Array.of(22, 3, 1, 1, 0x2c, 1, 0, 1, 0x28, 3, 3, ...new Uint8Array(289)),
	"http heads": text(`GET /mqtt HTTP/1.1\r\nHost: broker\r\nX-Long: ${"a".repeat(1000)}`),
	"proxy headers": text(`PROXY TCP4 192.0.2.1 192.0.2.2 ${"1".repeat(60)}`),
	connects: Uint8Array.of(
		0x10,
		0xff,
		1,
		0,
		4,
		0x4d,
		0x51,
		0x54,
		0x54,
		4,
		2,
		0,
		60,
		0,
		240,
		...text("c".repeat(200)),
	),
} as const;

/** Logins with a wrong password, by number a second; and whole TLS handshakes, by number at once. */
export type Attack = keyof typeof SLOW | "wrong logins" | "tls storm";

/** Milliseconds between connections that are begun anew. */
const ANEW = 20;
/** Times of a second at which octets are sent. */
const TICKS = 100;
/** Milliseconds in which the first wave is over. */
const SETTLING = 500;

function text(content: string): Uint8Array {
	return new TextEncoder().encode(content);
}

let done = 0;
let isReady = false;

function ready(): void {
	if (isReady) return;
	isReady = true;
	process.stdout.write("ready\n");
	createInterface({ input: process.stdin }).on("line", () => process.stdout.write(`${done}\n`));
}

/**
 * `number` connections; ready when each has been made once, and the broker has ended those that it does not keep. Each sends
 * its octet a second at a time of its own, as it was begun.
 */
function saySlowly(port: number, number: number, octets: Uint8Array): void {
	let dialled = 0;
	let connected = 0;
	/** By the tick of each second in which they send. */
	const open = Array.from({ length: TICKS }, () => new Map<Socket, number>());
	let count = 0;
	let tick = 0;
	const dial = () => {
		const own = open[dialled++ % TICKS]!;
		count++;
		done++;
		const socket = connect(port, "127.0.0.1", () => {
			socket.setNoDelay(true);
			// As much as tells what it wants to be.
			socket.write(octets.subarray(0, 3));
			if (++connected === number) setTimeout(ready, SETTLING);
		});
		own.set(socket, 3);
		socket.on("error", () => undefined);
		socket.on("close", () => {
			own.delete(socket);
			count--;
		});
		socket.resume();
	};
	// A few at a time: the queue of a listening socket is short, and is not what is measured.
	const beginning = setInterval(() => {
		for (let some = 0; some < 10 && dialled < number; some++) dial();
		if (dialled === number) clearInterval(beginning);
	}, 5);
	setInterval(() => {
		if (dialled >= number && count < number) dial();
	}, ANEW);
	setInterval(() => {
		const own = open[tick++ % TICKS]!;
		for (const [socket, at] of own) {
			if (at >= octets.length) continue;
			socket.write(octets.subarray(at, at + 1));
			done++;
			own.set(socket, at + 1);
		}
	}, 1000 / TICKS);
}

/** CONNECT with the user name `user` and a password that is not the user's. */
function wrongConnect(): Uint8Array {
	const field = (content: string) => Uint8Array.of(0, content.length, ...text(content));
	const body = [
		0,
		4,
		0x4d,
		0x51,
		0x54,
		0x54,
		4,
		0xc2,
		0,
		60,
		...field(""),
		...field("user"),
		...field("wrong"),
	];
	return Uint8Array.of(0x10, body.length, ...body);
}

function guess(port: number, perSecond: number): void {
	const packet = wrongConnect();
	let answered = 0;
	setInterval(() => {
		const socket = connect(port, "127.0.0.1", () => socket.write(packet));
		socket.on("error", () => undefined);
		socket.on("close", () => {
			done++;
			if (++answered === 10) ready();
		});
		socket.resume();
	}, 1000 / perSecond);
}

function storm(port: number, atOnce: number): void {
	const dial = () => {
		const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
			socket.destroy();
			if (++done === 10) ready();
		});
		socket.on("error", () => undefined);
		socket.on("close", dial);
	};
	for (let count = 0; count < atOnce; count++) dial();
}

if (import.meta.main) {
	const [attack = "", port = "", number = ""] = process.argv.slice(2);
	if (attack === "wrong logins") guess(Number(port), Number(number));
	else if (attack === "tls storm") storm(Number(port), Number(number));
	else if (attack in SLOW) saySlowly(Number(port), Number(number), SLOW[attack as keyof typeof SLOW]);
	else throw new Error(`attack: there is no '${attack}'`);
}
