/** Heads of HTTP requests: what is read, what is refused, and the handshake's own rules. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { checkAnswer, upgradeRequest } from "../../../src/websocket/handshake.ts";
import { HeadReader, HttpError, readAnswer, readRequest } from "../../../src/websocket/http.ts";
import { createFakeHost } from "../../fake/host.ts";
import { ascii, startDoor, text, UPGRADED, upgrade } from "../listener/fixture.ts";

const host = createFakeHost();

/** Reads a head that comes octet by octet; the status when it is refused. */
function read(head: string): ReturnType<typeof readRequest> | number {
	const bytes = Uint8Array.from(head, (character) => character.charCodeAt(0));
	const reader = new HeadReader();
	try {
		for (let end = 0; end <= bytes.length; end++) {
			const length = reader.find(bytes, 0, end);
			if (length > 0) return readRequest(bytes, 0, length, host.utf8);
		}
		return 0;
	} catch (error) {
		assert.ok(error instanceof HttpError, String(error));
		return error.status;
	}
}

test("a request's head", () => {
	const request = read(
		"GET /a?b HTTP/1.1\r\nHost:  h:1 \r\nX-List: one\r\nx-list:\ttwo, three\r\nEmpty:\r\n\r\nrest",
	);
	assert.ok(typeof request === "object");
	assert.equal(request.method, "GET");
	assert.equal(request.target, "/a?b");
	assert.deepEqual(
		[...request.headers],
		[
			["host", "h:1"],
			["x-list", "one, two, three"],
			["empty", ""],
		],
	);
	assert.equal(typeof read("GET / HTTP/1.0\r\n\r\n"), "object");
});

test("heads that are refused", () => {
	const headers = (count: number) => "A: b\r\n".repeat(count);
	const cases: [status: number, head: string][] = [
		[400, "GET / HTTP/1.1\r\n\r\n"],
		[400, "GET /\r\n\r\n"],
		[400, "GET / HTTP/2.0\r\nHost: h\r\n\r\n"],
		[400, "GET  / HTTP/1.1\r\nHost: h\r\n\r\n"],
		[400, "GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n"],
		[400, "GET /\x7f HTTP/1.1\r\nHost: h\r\n\r\n"],
		[400, "GET /ä HTTP/1.1\r\nHost: h\r\n\r\n"],
		[400, " GET / HTTP/1.1\r\nHost: h\r\n\r\n"],
		[400, "\r\n"],
		[400, "\n"],
		[400, "GET / HTTP/1.1\nHost: h\n\n"],
		[400, "GET / HTTP/1.1\r\nHost: h\n\r\n"],
		[400, "GET / HTTP/1.1\r\nHost: h\r\r\n\r\n"],
		[400, "GET / HTTP/1.1\r\nHost: h\r\nfolded: a\r\n b\r\n\r\n"],
		[400, "GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n"],
		[400, "GET / HTTP/1.1\r\nHost: h\r\nblank : x\r\n\r\n"],
		[400, "GET / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n"],
		[400, "GET / HTTP/1.1\r\nHost: h\r\nA: \x01\r\n\r\n"],
		[400, "GET / HTTP/1.1\r\nHost: h\r\nA: \0\r\n\r\n"],
		[400, "GET / HTTP/1.1\r\nHost: h\r\nA: \xff\r\n\r\n"],
		[400, "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n"],
		[431, `GET / HTTP/1.1\r\nHost: h\r\n${headers(64)}\r\n`],
		[431, `GET /${"a".repeat(8192)}`],
		[431, "a".repeat(8192)],
		[431, `GET / HTTP/1.1\r\nA: ${"y".repeat(8192)}`],
		[0, "GET / HTTP/1.1\r\nHost: h\r\n"],
		[0, "a".repeat(8191)],
	];
	for (const [status, head] of cases) assert.equal(read(head), status, JSON.stringify(head.slice(0, 80)));
	assert.equal(typeof read(`GET / HTTP/1.1\r\nHost: h\r\n${headers(63)}\r\n`), "object");
});

test("blanks without end cost no more than other octets", () => {
	const head = `GET / HTTP/1.1\r\nHost: h\r\nA:${" ".repeat(8000)}\x01\r\n\r\n`;
	for (let count = 0; count < 200; count++) assert.equal(readStatus(head), 400);
});

function readStatus(head: string): number {
	try {
		readRequest(ascii(head), 0, head.length, host.utf8);
		return 200;
	} catch (error) {
		return (error as HttpError).status;
	}
}

// [MQTT-6.0.0-3] [MQTT-6.0.0-4], 3.1.1: [MQTT-6.0.0-3]
test("handshakes, and what is wrong with others", async () => {
	const { dial, broker } = await startDoor({ origins: ["http://page.example", "https://page.example:8443"] });
	const good = { Origin: "http://page.example" };
	const cases: [status: number, change: Record<string, string | null>][] = [
		[101, good],
		[101, { Origin: "https://page.example:8443" }],
		[101, { ...good, Connection: "keep-alive, upgrade", Upgrade: "WebSocket" }],
		[101, { ...good, "Sec-WebSocket-Protocol": "other, mqttv3.1,mqtt" }],
		[101, { ...good, "Sec-WebSocket-Extensions": "permessage-deflate" }],
		[403, {}],
		[403, { Origin: "http://other.example" }],
		[403, { Origin: "http://page.example:80" }],
		[404, { ...good, Upgrade: null }],
		[404, { ...good, Upgrade: "h2c" }],
		[400, { ...good, Connection: "keep-alive" }],
		[400, { ...good, Connection: null }],
		[400, { ...good, "Sec-WebSocket-Key": null }],
		[400, { ...good, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=" }],
		[400, { ...good, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZR==" }],
		[426, { ...good, "Sec-WebSocket-Version": "8" }],
		[426, { ...good, "Sec-WebSocket-Version": null }],
		[400, { ...good, "Sec-WebSocket-Protocol": null }],
		[400, { ...good, "Sec-WebSocket-Protocol": "mqttx, wamp" }],
		[400, { ...good, "Sec-WebSocket-Protocol": "MQTT" }],
	];
	for (const [status, change] of cases) {
		const peer = dial();
		peer.send(upgrade(change));
		const answer = text(peer.take());
		assert.equal(answer.split(" ")[1], String(status), JSON.stringify(change));
		if (status === 101) assert.equal(answer, UPGRADED);
		else assert.match(answer, /\r\nConnection: close\r\n\r\n.+\n$/);
		assert.equal(peer.closed, status !== 101);
		peer.reset();
	}
	assert.equal(broker.statistics.sockets, 5);
	// WebSocket wants HTTP/1.1 (RFC 6455, section 4.2.1).
	const early = dial();
	early.send(ascii(text(upgrade(good)).replace("HTTP/1.1", "HTTP/1.0")));
	assert.match(text(early.take()), /^HTTP\/1\.1 404 /);
	const old = dial();
	old.send(upgrade({ ...good, "Sec-WebSocket-Protocol": "mqttv3.1" }));
	assert.match(text(old.take()), /\r\nSec-WebSocket-Protocol: mqttv3\.1\r\n/);
});

test("a client's handshake", () => {
	const key = "dGhlIHNhbXBsZSBub25jZQ==";
	assert.equal(
		upgradeRequest("broker:8080", "/mqtt", key),
		"GET /mqtt HTTP/1.1\r\nHost: broker:8080\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
			`Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n`,
	);
	const check = (answer: string) => {
		const { status, headers } = readAnswer(ascii(answer), 0, answer.length, host.utf8);
		checkAnswer(status, headers, key, host);
	};
	check(UPGRADED);
	for (const [from, to] of [
		["101", "200"],
		["WebSocket", "h2c"],
		["Connection: Upgrade", "Connection: close"],
		["s3pP", "S3pP"],
		["mqtt\r", "mqttv3.1\r"],
		["Sec-WebSocket-Protocol: mqtt\r\n", ""],
		["\r\n\r\n", "\r\nSec-WebSocket-Extensions: x\r\n\r\n"],
		["HTTP/1.1", "HTTP/1.2"],
	] as const) {
		assert.throws(() => check(UPGRADED.replace(from, to)), HttpError, `${from} → ${to}`);
	}
});
