/**
 * The fuzzer of what comes before MQTT: PROXY headers, HTTP heads, WebSocket frames. Options: run.ts. Each input is given to
 * two doors, whole and in pieces: both must make the same of it, and what they send must be well-formed.
 */

import { AddressList } from "../../src/host/address.ts";
import type { Connection, ConnectionHandler, HostError } from "../../src/host/host.ts";
import { Door, type DoorSettings } from "../../src/listener/door.ts";
import { answerWithFile } from "../../src/listener/static-files.ts";
import { equal, ok } from "../contract/assert.ts";
import { createFakeHost } from "../fake/host.ts";
import { proxyCases } from "../vectors/proxy-header.ts";
import {
	BINARY,
	bytes,
	concat,
	FIN,
	frame,
	OPENING,
	readFrames,
	webSocketCases,
} from "../vectors/websocket.ts";
import { damage, type Random } from "./mutate.ts";
import { hex, runFuzzer } from "./run.ts";

interface Input {
	readonly octets: Uint8Array;
	readonly proxyProtocol: 0 | 1 | 2;
	/** Lengths of the pieces; the rest is one piece. */
	readonly pieces: readonly number[];
}

const UPGRADE = bytes(
	"GET /mqtt?x=%20 HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Protocol: mqtt\r\nX-Forwarded-For: 192.0.2.1, ::ffff:192.0.2.2\r\n\r\n",
);
const FILES = ["/", "/index.html", "/%69ndex.html?q", "/sub", "/sub/../index.html", "/%2e%2e/etc"];
const requests = FILES.map((path) => bytes(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`));
const conversations = webSocketCases
	.map(({ send }) => concat([UPGRADE, frame(FIN | BINARY, OPENING), ...send]))
	.filter(({ length }) => length < 1500);
const webs = [...conversations, ...requests, OPENING];
const proxies = proxyCases.filter(({ says }) => says !== "wrong");

/** The end of a connection that a door is given: input comes as a host gives it, output is kept. */
class Wire implements Connection {
	readonly remoteAddress = "198.51.100.1";
	readonly remotePort = 40_000;
	readonly tls = null;
	readonly buffered = 0;
	readonly sent: Uint8Array[] = [];
	isClosed = false;
	private handler: ConnectionHandler | null = null;
	private rest: Uint8Array = new Uint8Array(0);

	start(handler: ConnectionHandler): void {
		this.handler = handler;
	}

	write(octets: Uint8Array, start: number, end: number): number {
		ok(start >= 0 && start <= end && end <= octets.length, "what is written is there");
		if (!this.isClosed) this.sent.push(octets.slice(start, end));
		return 0;
	}

	pause(): void {}

	close(): void {
		this.isClosed = true;
	}

	destroy(): void {
		this.isClosed = true;
	}

	give(octets: Uint8Array): void {
		if (this.isClosed || octets.length === 0) return;
		const all = concat([this.rest, octets]);
		const lent = concat([bytes(1, 2, 3), all, bytes(4)]);
		const used = this.handler!.onData(lent, 3, 3 + all.length);
		ok(used >= 0 && used <= all.length, `consumed ${used} of ${all.length}`);
		this.rest = lent.slice(3 + used, 3 + all.length);
	}

	end(): void {
		this.isClosed = true;
		this.handler!.onClose(null);
	}
}

/** What became of a connection. */
interface Outcome {
	served: string;
	received: string;
	sent: string;
	isClosed: boolean;
	ends: string[];
}

const host = createFakeHost();
host.files.put("/www/index.html", "index");
host.files.put("/www/sub/file", "file");

function run({ octets, proxyProtocol }: Input, pieces: readonly number[]): Outcome {
	const door = new Door(host, { enabled: () => true, write: () => {} }, { count: () => {}, reach: () => {} });
	const settings: DoorSettings = {
		protocol: "auto",
		proxyProtocol,
		proxyRequiresTls: false,
		proxyRequiresCertificate: false,
		trustedProxies: AddressList.of(["198.51.100.0/24"]),
		allow: AddressList.of([]),
		deny: AddressList.of(["203.0.113.0/24"]),
		origins: [],
		answer: (request, _, reply) => reply(answerWithFile(host, "/www", request)),
		where: () => "port 1",
	};
	const outcome: Outcome = { served: "nobody", received: "", sent: "", isClosed: false, ends: [] };
	const wire = new Wire();
	const received: Uint8Array[] = [];
	door.accept(wire, settings, (connection) => {
		outcome.served = `${connection.remoteAddress}:${connection.remotePort}`;
		connection.start({
			// One octet is left each time, so that what is left over is always among it.
			onData: (data, start, end) => {
				const used = Math.max(0, end - start - 1);
				received.push(data.slice(start, start + used));
				return used;
			},
			onDrain: () => {},
			onClose: (error: HostError | null) => void outcome.ends.push(error === null ? "end" : error.message),
		});
	});
	let at = 0;
	for (const length of pieces) {
		wire.give(octets.subarray(at, at + length));
		at += length;
	}
	wire.give(octets.subarray(at));
	host.clock.advance(0);
	outcome.isClosed = wire.isClosed;
	wire.end();
	door.close();
	outcome.received = hex(concat(received));
	const sent = concat(wire.sent);
	outcome.sent = hex(sent);
	checkSent(sent);
	ok(
		outcome.ends.length === (outcome.served === "nobody" ? 0 : 1),
		`told ${outcome.ends.length} times of the end`,
	);
	return outcome;
}

/** An answer of HTTP, and frames behind it when it is one that begins WebSocket. */
function checkSent(sent: Uint8Array): void {
	if (sent.length === 0) return;
	const text = String.fromCharCode(...sent.subarray(0, 512));
	const match = /^HTTP\/1\.1 ([1-5][0-9][0-9]) [ A-Za-z]+\r\n(?:[A-Za-z-]+: [ -~]+\r\n)*\r\n/.exec(text);
	ok(match !== null, "an answer of HTTP");
	if (match![1] === "101") readFrames(sent.subarray(match![0].length));
}

const HTTP = hex(bytes("HTTP/1.1 "));
const SWITCHING = hex(bytes("HTTP/1.1 101"));
const OK = hex(bytes("HTTP/1.1 200"));

runFuzzer(import.meta.url, "door", () => {
	const counts = {
		served: 0,
		"served behind PROXY 1": 0,
		"served behind PROXY 2": 0,
		"WebSocket begun": 0,
		"WebSocket ended by us": 0,
		"files given": 0,
		"requests refused": 0,
		"cut off without a word": 0,
	};
	return {
		make(random: Random): Input {
			const proxyProtocol = random.pick([0, 0, 1, 2] as const);
			const header =
				proxyProtocol === 0 ? null : random.pick(proxies.filter(({ version }) => version === proxyProtocol));
			let octets = concat([header?.bytes ?? bytes(), random.pick(webs)]);
			for (let left = random.below(4); left > 0; left--) octets = damage(octets, random.pick(webs), random);
			const pieces = Array.from({ length: random.below(20) }, () => random.below(random.pick([2, 8, 300])));
			return { octets, proxyProtocol, pieces };
		},
		check(input: Input, name: string): void {
			try {
				const whole = run(input, []);
				equal(run(input, input.pieces), whole, "in pieces");
				if (whole.served !== "nobody") {
					counts.served++;
					if (input.proxyProtocol !== 0) counts[`served behind PROXY ${input.proxyProtocol}`]++;
				}
				const answer = whole.sent.slice(0, 24);
				if (answer === SWITCHING) {
					counts["WebSocket begun"]++;
					if (whole.isClosed) counts["WebSocket ended by us"]++;
				} else if (answer === OK) counts["files given"]++;
				else if (answer.startsWith(HTTP)) counts["requests refused"]++;
				else if (whole.isClosed && whole.sent === "") counts["cut off without a word"]++;
			} catch (error) {
				const { octets, proxyProtocol, pieces } = input;
				throw new Error(`${name}: ${hex(octets)} (PROXY ${proxyProtocol}, in pieces of ${pieces})`, {
					cause: error,
				});
			}
		},
		counts: () => counts,
	};
});
