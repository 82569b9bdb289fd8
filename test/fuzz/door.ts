/**
 * The fuzzer of what comes before MQTT: PROXY headers, HTTP heads, WebSocket frames. Options: run.ts. Each input is given to
 * two doors, or two clients, whole and in pieces: both must make the same of it, and what doors send must be well-formed.
 */

import { AddressList } from "../../src/host/address.ts";
import type { HostError } from "../../src/host/host.ts";
import { Door, type DoorSettings } from "../../src/listener/door.ts";
import { answerWithFile } from "../../src/listener/static-files.ts";
import { WebSocketConnection } from "../../src/websocket/connection.ts";
import { Outbox } from "../../src/websocket/outbox.ts";
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
import { runAsClient, serverConversations } from "./door-client.ts";
import { damage, type Random } from "./mutate.ts";
import { hex, runFuzzer } from "./run.ts";
import { type Outcome, Wire } from "./wire.ts";

type Asked = Pick<
	DoorSettings,
	"protocol" | "proxyProtocol" | "proxyRequiresTls" | "proxyRequiresCertificate" | "origins" | "deny"
>;

interface Input {
	readonly octets: Uint8Array;
	/** What the listener asks for; null for octets that a server sends to our client. */
	readonly asked: Asked | null;
	/** Lengths of the pieces; the rest is one piece. */
	readonly pieces: readonly number[];
}

const UPGRADE = bytes(
	"GET /mqtt?x=%20 HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Protocol: mqtt\r\nX-Forwarded-For: 192.0.2.1, ::ffff:192.0.2.2\r\n\r\n",
);
/** As a page of that origin asks. */
const PAGE = bytes(
	"GET /mqtt HTTP/1.1\r\nHost: h\r\nOrigin: https://h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Protocol: mqttv3.1, mqtt\r\n\r\n",
);
const FILES = ["/", "/index.html", "/%69ndex.html?q", "/sub", "/sub/../index.html", "/%2e%2e/etc"];
const requests = FILES.map((path) => bytes(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`));
const conversations = webSocketCases
	.map(({ send }, index) => concat([index % 3 === 0 ? PAGE : UPGRADE, frame(FIN | BINARY, OPENING), ...send]))
	.filter(({ length }) => length < 1500);
/** What is taken, and given back, in one go and in several. */
const large = [300, 3000, 9000].map((size) => concat([UPGRADE, frame(FIN | BINARY, new Uint8Array(size))]));
const webs = [...conversations, ...large, ...requests, OPENING, bytes(22, 3, 1, 0, 5)];
const proxies = proxyCases.filter(({ says }) => says !== "wrong");

const host = createFakeHost();
host.files.put("/www/index.html", "index");
host.files.put("/www/sub/file", "file");

function run({ octets, asked }: Input, pieces: readonly number[]): Outcome {
	if (asked === null) return runAsClient(client, octets, pieces);
	const door = new Door(host, { enabled: () => true, write: () => {} }, { count: () => {}, reach: () => {} });
	const settings: DoorSettings = {
		...asked,
		trustedProxies: AddressList.of(["198.51.100.0/24"]),
		allow: AddressList.of([]),
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
				if (connection instanceof WebSocketConnection) connection.write(data, start, start + used);
				return used;
			},
			onDrain: () => {},
			onClose: (error: HostError | null) => void outcome.ends.push(error === null ? "end" : error.message),
		});
	});
	wire.giveAll(octets, pieces);
	host.clock.advance(0);
	outcome.isClosed = wire.isClosed;
	wire.end();
	door.close();
	outcome.received = hex(concat(received));
	outcome.sent = comparable(concat(wire.sent));
	ok(
		outcome.ends.length === (outcome.served === "nobody" ? 0 : 1),
		`told ${outcome.ends.length} times of the end`,
	);
	return outcome;
}

/**
 * An answer of HTTP, and the frames behind it when it is one that begins WebSocket: what was written at once depends on when
 * input came, and goes out in as many frames.
 */
function comparable(sent: Uint8Array): string {
	if (sent.length === 0) return "";
	const text = String.fromCharCode(...sent.subarray(0, 512));
	const match = /^HTTP\/1\.1 ([1-5][0-9][0-9]) [ A-Za-z]+\r\n(?:[A-Za-z-]+: [ -~]+\r\n)*\r\n/.exec(text);
	ok(match !== null, "an answer of HTTP");
	const { length } = match![0];
	if (match![1] !== "101") return hex(sent);
	const frames = readFrames(sent.subarray(length));
	const data = concat(frames.filter(({ first }) => first === (FIN | BINARY)).map(({ payload }) => payload));
	const control = frames.filter(({ first }) => first !== (FIN | BINARY));
	const said = control.map(({ first, payload }) => `${first} ${hex(payload)}`);
	return [hex(sent.subarray(0, length)), hex(data), ...said].join(", ");
}

const HTTP = hex(bytes("HTTP/1.1 "));
const SWITCHING = hex(bytes("HTTP/1.1 101"));
const OK = hex(bytes("HTTP/1.1 200"));
const TOO_LONG = hex(bytes("HTTP/1.1 431"));

/** Clients whose masks change nothing. */
const client = {
	...host,
	random: { bytes: (length: number) => new Uint8Array(length) },
	outbox: new Outbox(host.timers),
};
const servers = serverConversations(host);

/** Mostly what clients get through, so that there is something behind it to come to. */
function ask(random: Random): Asked {
	return {
		protocol: random.pick(["auto", "auto", "auto", "websockets", "websockets", "http_api", "mqtt"]),
		proxyProtocol: random.pick([0, 0, 1, 2]),
		proxyRequiresTls: random.below(8) === 0,
		proxyRequiresCertificate: random.below(16) === 0,
		origins: random.pick([[], [], ["https://h"]]),
		deny: AddressList.of(random.below(8) === 0 ? ["192.0.2.0/24"] : ["203.0.113.0/24"]),
	};
}

/** What does not end where it should: behind a conversation, or a head that is cut off. */
function flood(random: Random): Uint8Array {
	const piece = bytes(random.pick(["x", "x: y\r\n", "\r", "\n", "PROXY ", "\0\0\0", "\u00e9"]));
	return concat(Array.from({ length: Math.floor(random.pick([500, 12_000]) / piece.length) }, () => piece));
}

runFuzzer(import.meta.url, "door", () => {
	const counts: Record<string, number> = {
		"as a client: served": 0,
		"as a client: nobody": 0,
		served: 0,
		"served behind PROXY 1": 0,
		"served behind PROXY 2": 0,
		"WebSocket begun": 0,
		"WebSocket ended by us": 0,
		"files given": 0,
		"requests refused": 0,
		"heads too long": 0,
		"cut off without a word": 0,
	};
	return {
		make(random: Random): Input {
			const asked = random.below(6) === 0 ? null : ask(random);
			const version = asked?.proxyProtocol ?? 0;
			const header = version === 0 ? null : random.pick(proxies.filter((each) => each.version === version));
			const whole = asked === null ? servers : webs;
			let octets = concat([header?.bytes ?? bytes(), random.pick(whole)]);
			for (let left = random.below(4); left > 0; left--) octets = damage(octets, random.pick(whole), random);
			if (random.below(12) === 0) {
				octets = concat([octets.subarray(0, random.below(octets.length + 1)), flood(random)]);
			}
			const pieces = Array.from({ length: random.below(20) }, () =>
				random.below(random.pick([2, 8, 300, 6000])),
			);
			return { octets, asked, pieces };
		},
		check(input: Input, name: string): void {
			try {
				const whole = run(input, []);
				equal(run(input, input.pieces), whole, "in pieces");
				if (input.asked === null) {
					counts[`as a client: ${whole.served}`]!++;
					return;
				}
				const { proxyProtocol } = input.asked;
				if (whole.served !== "nobody") {
					counts.served!++;
					if (proxyProtocol !== 0) counts[`served behind PROXY ${proxyProtocol}`]!++;
				}
				const answer = whole.sent.slice(0, 24);
				if (answer === SWITCHING) {
					counts["WebSocket begun"]!++;
					if (whole.isClosed) counts["WebSocket ended by us"]!++;
				} else if (answer === OK) counts["files given"]!++;
				else if (answer === TOO_LONG) counts["heads too long"]!++;
				else if (answer.startsWith(HTTP)) counts["requests refused"]!++;
				else if (whole.isClosed && whole.sent === "") counts["cut off without a word"]!++;
			} catch (error) {
				const { octets, asked, pieces } = input;
				const how = `${JSON.stringify(asked)}, in pieces of ${pieces}`;
				throw new Error(`${name}: ${hex(octets)} (${how})`, { cause: error });
			}
		},
		counts: () => counts,
	};
});
