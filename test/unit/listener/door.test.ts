/** What stands before the broker: PROXY headers, telling protocols apart, address lists, limits of those who wait, files. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { AddressList } from "../../../src/host/address.ts";
import type { DoorSettings } from "../../../src/listener/door.ts";
import { answerWithFile } from "../../../src/listener/static-files.ts";
import { WAITING_LIMIT } from "../../../src/listener/waiting.ts";
import { createFakeHost } from "../../fake/host.ts";
import { IPV4, item, proxyCases, TLS, version2 } from "../../vectors/proxy-header.ts";
import { BINARY, bytes, concat, FIN, frame, OPENED, OPENING, readFrames } from "../../vectors/websocket.ts";
import { ascii, startDoor, text, UPGRADED, upgrade } from "./fixture.ts";

const of = (...nets: string[]) => AddressList.of(nets);
const connected = (lines: readonly string[]) =>
	lines.flatMap((line) => /New connection from (\S*) on port/.exec(line)?.[1] ?? []);

test("PROXY headers: every case, whole and octet by octet", async () => {
	for (const each of proxyCases) {
		for (const size of [1, 10_000]) {
			const { dial, lines } = await startDoor({ protocol: "mqtt", proxyProtocol: each.version });
			const peer = dial("198.51.100.9");
			peer.sendSplit(concat([each.bytes, OPENING]), size);
			if (each.says === "wrong") {
				assert.ok(peer.closed, each.name);
				assert.match(
					lines.join("\n"),
					/^notice: Connection from 198\.51\.100\.9:\d+ rejected, corrupt PROXY header: .+\.$/,
				);
				continue;
			}
			assert.deepEqual(peer.take(), OPENED, each.name);
			const [address = ""] = connected(lines);
			if (each.says === "none") assert.match(address, /^198\.51\.100\.9:\d+$/, each.name);
			else assert.equal(address, each.says, each.name);
		}
	}
});

test("PROXY headers: TLS may be required, and is logged", async () => {
	const settings: Partial<DoorSettings> = { protocol: "mqtt", proxyProtocol: 2, proxyRequiresTls: true };
	const { dial, lines } = await startDoor(settings);
	const peer = dial();
	peer.send(concat([version2(0x21, 0x11, IPV4, TLS), OPENING]));
	assert.deepEqual(peer.take(), OPENED);
	assert.equal(
		lines[0],
		"notice: Connection from 192.0.2.7:54321 negotiated TLSv1.3 cipher TLS_AES_128_GCM_SHA256",
	);
	const plain = dial();
	plain.send(concat([version2(0x21, 0x11, IPV4), OPENING]));
	assert.ok(plain.closed);
	assert.equal(
		lines.at(-1),
		"notice: Connection from 192.0.2.7:54321 rejected, client did not connect using TLS.",
	);
});

test("PROXY headers: a certificate may be required", async () => {
	const settings: Partial<DoorSettings> = {
		protocol: "mqtt",
		proxyProtocol: 2,
		proxyRequiresCertificate: true,
	};
	const { dial, lines } = await startDoor(settings);
	for (const [flags, verified, isGood] of [
		[5, 0, true],
		[7, 0, true],
		[5, 1, false], // which the proxy has found wrong
		[3, 0, false], // of an earlier session
		[4, 0, false], // without TLS
		[1, 0, false],
	] as const) {
		const peer = dial();
		const tls = item(0x20, [flags, 0, 0, 0, verified]);
		peer.send(concat([version2(0x21, 0x11, IPV4, tls), OPENING]));
		assert.equal(peer.closed, !isGood, `${flags} ${verified}`);
		if (isGood) continue;
		const why = "client did not provide a certificate";
		assert.equal(lines.at(-1), `notice: Connection from 192.0.2.7:54321 rejected, ${why}.`);
	}
	const local = dial();
	local.send(concat([version2(0x20, 0), OPENING]));
	assert.ok(local.closed, "nothing is said of a client");
});

test("PROXY headers: only from who is trusted, and lists are about the client then", async () => {
	const { dial, lines } = await startDoor({
		protocol: "mqtt",
		proxyProtocol: 2,
		trustedProxies: of("198.51.100.0/24"),
		deny: of("192.0.2.0/24", "198.51.100.0/24"),
	});
	const other = dial("203.0.113.1");
	assert.ok(other.closed);
	assert.equal(
		lines.at(-1),
		"notice: Client connection from 203.0.113.1 denied: it is not in trusted_proxy.",
	);
	const denied = dial("198.51.100.1");
	denied.send(concat([version2(0x21, 0x11, IPV4), OPENING]));
	assert.ok(denied.closed);
	assert.equal(lines.at(-1), "notice: Client connection from 192.0.2.7 denied: its address is not allowed.");
	const allowed = dial("198.51.100.1");
	allowed.send(concat([version2(0x21, 0x11, [193, ...IPV4.slice(1)]), OPENING]));
	assert.deepEqual(allowed.take(), OPENED);
});

test("a PROXY header, then WebSocket", async () => {
	const { dial, lines, settle } = await startDoor({ protocol: "auto", proxyProtocol: 1 });
	const peer = dial();
	peer.send(
		concat([
			ascii("PROXY TCP4 192.0.2.7 198.51.100.1 54321 1883\r\n"),
			upgrade(),
			frame(FIN | BINARY, OPENING),
		]),
	);
	settle();
	const answer = peer.take();
	assert.equal(text(answer.subarray(0, UPGRADED.length)), UPGRADED);
	assert.deepEqual(
		concat(readFrames(answer.subarray(UPGRADED.length)).map(({ payload }) => payload)),
		OPENED,
	);
	assert.deepEqual(connected(lines), ["192.0.2.7:54321"]);
});

test("address lists", async () => {
	const cases: [Partial<DoorSettings>, string, boolean][] = [
		[{ allow: of("192.0.2.0/24") }, "192.0.2.1", true],
		[{ allow: of("192.0.2.0/24") }, "192.0.3.1", false],
		[{ allow: of("2001:db8::/32") }, "2001:db8::1", true],
		[{ allow: of("2001:db8::/32") }, "192.0.2.1", false],
		[{ deny: of("192.0.2.1") }, "192.0.2.1", false],
		[{ deny: of("192.0.2.1") }, "192.0.2.2", true],
		[{ allow: of("192.0.2.0/24"), deny: of("192.0.2.128/25") }, "192.0.2.127", true],
		[{ allow: of("192.0.2.0/24"), deny: of("192.0.2.128/25") }, "192.0.2.128", false],
	];
	for (const [lists, from, isAllowed] of cases) {
		const { dial, lines } = await startDoor({ protocol: "mqtt", ...lists });
		const peer = dial(from);
		assert.equal(peer.closed, !isAllowed, from);
		if (!isAllowed) {
			assert.deepEqual(lines, [`notice: Client connection from ${from} denied: its address is not allowed.`]);
			continue;
		}
		peer.send(OPENING);
		assert.deepEqual(peer.take(), OPENED);
	}
});

test("MQTT and HTTP on one port, by the first octet", async () => {
	const { dial, settle, lines } = await startDoor({ protocol: "auto" });
	const plain = dial();
	for (const octet of OPENING) plain.send([octet]);
	assert.deepEqual(plain.take(), OPENED);
	const web = dial();
	for (const octet of upgrade()) web.send([octet]);
	assert.equal(text(web.take()), UPGRADED);
	web.send(frame(FIN | BINARY, OPENING));
	settle();
	assert.deepEqual(concat(readFrames(web.take()).map(({ payload }) => payload)), OPENED);
	const other = dial();
	other.send(ascii("HEAD / HTTP/1.0\r\n\r\n"));
	assert.match(text(other.take()), /^HTTP\/1\.1 404 /);
	const wrong = dial();
	wrong.send([0x30, 0, 0, 0]);
	assert.ok(wrong.closed);
	assert.match(lines.at(-1) ?? "", /protocol error/);
});

test("X-Forwarded-For: as far as those who wrote it are trusted", async () => {
	const trustedProxies = of("198.51.100.0/24");
	const cases: [header: string | null, from: string, client: string | null][] = [
		["192.0.2.7", "198.51.100.1", "192.0.2.7:0"],
		["192.0.2.7", "203.0.113.1", null],
		[null, "198.51.100.1", null],
		["203.0.113.5, 192.0.2.7", "198.51.100.1", "192.0.2.7:0"],
		["203.0.113.5, 192.0.2.7, 198.51.100.2", "198.51.100.1", "192.0.2.7:0"],
		["198.51.100.3, 198.51.100.2", "198.51.100.1", "198.51.100.3:0"],
		["192.0.2.7, nonsense", "198.51.100.1", null],
		["nonsense, 192.0.2.7", "198.51.100.1", "192.0.2.7:0"],
		["2001:DB8::7", "198.51.100.1", "2001:db8::7:0"],
	];
	for (const [header, from, client] of cases) {
		const { dial, lines } = await startDoor({ trustedProxies });
		const peer = dial(from);
		peer.send(upgrade({ "X-Forwarded-For": header }));
		assert.equal(text(peer.take()), UPGRADED);
		const [address = ""] = connected(lines);
		if (client === null) assert.ok(address.startsWith(`${from}:4`), address);
		else assert.equal(address, client);
	}
	const { dial } = await startDoor({ trustedProxies, deny: of("192.0.2.7") });
	const denied = dial("198.51.100.1");
	denied.send(upgrade({ "X-Forwarded-For": "192.0.2.7" }));
	assert.match(text(denied.take()), /^HTTP\/1\.1 403 /);
	assert.ok(denied.closed);
});

test("who says nothing in time is given up, and who came longest ago when there are too many", async () => {
	const { dial, host, lines, broker } = await startDoor({ protocol: "auto" });
	const slow = dial();
	slow.send(ascii("GET / HTTP/1.1\r\n"));
	host.clock.advance(20_000);
	slow.send(ascii("A: b\r\n"));
	const silent = dial();
	host.clock.advance(10_000);
	assert.ok(slow.closed && !silent.closed);
	assert.match(
		lines.at(-1) ?? "",
		/^notice: Connection from 192\.0\.2\.1:\d+ dropped: it took too long to say what it wants\.$/,
	);
	host.clock.advance(20_000);
	assert.ok(silent.closed);
	const many = Array.from({ length: WAITING_LIMIT }, () => dial());
	assert.ok(many.every((peer) => !peer.closed));
	const next = dial();
	assert.deepEqual([many[0]!.closed, many[1]!.closed], [true, false]);
	assert.match(lines.at(-1) ?? "", /dropped: too many connections wait\.$/);
	next.send(OPENING);
	assert.deepEqual(next.take(), OPENED);
	assert.equal(broker.statistics.sockets, 1);
	assert.equal(broker.limits.reached("waiting_connections"), 1);
	// Of many at once the log tells in one line.
	const lineCount = lines.length;
	for (let more = 0; more < 20; more++) dial();
	// The first of them has the place of the one that was served.
	assert.ok(many[19]!.closed && !many[20]!.closed);
	assert.equal(lines.length, lineCount);
	assert.equal(broker.limits.reached("waiting_connections"), 20);
	host.clock.advance(40_000);
	assert.ok(many.every((peer) => peer.closed));
	assert.equal(broker.limits.reached("connect_timeout"), 2 + WAITING_LIMIT);
});

test("connections that wait end with the broker", async () => {
	const { dial, door, host } = await startDoor();
	const before = host.clock.timers;
	const waiting = dial();
	waiting.send(ascii("GET"));
	door.close();
	host.network.turn();
	assert.ok(waiting.closed);
	assert.equal(host.clock.timers, before);
});

test("an answer that is not taken waits, and not for ever", async () => {
	const body = new Uint8Array(1_000_000).fill(0x61);
	const answer: DoorSettings["answer"] = (_request, _address, reply) =>
		reply({ status: 200, headers: [], body });
	const { dial, host } = await startDoor({ answer });
	const good = dial();
	good.hold(100_000);
	good.send(ascii("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
	assert.equal(good.take().length, 100_000);
	host.clock.advance(60_000);
	good.release();
	assert.ok(good.closed);
	assert.equal(
		good.take().length,
		900_000 + "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\nConnection: close\r\n\r\n".length,
	);
	const bad = dial();
	bad.hold();
	bad.send(ascii("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
	host.clock.advance(119_000);
	assert.ok(!bad.closed);
	host.clock.advance(2000);
	assert.ok(bad.closed);
});

test("HEAD gets no body, and what follows a request is not looked at", async () => {
	const { dial } = await startDoor({
		answer: (_request, _address, reply) => reply({ status: 200, headers: [["A", "b"]], body: bytes("body") }),
	});
	const peer = dial();
	peer.send(ascii("HEAD / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"));
	assert.equal(
		text(peer.take()),
		"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 4\r\nConnection: close\r\n\r\n",
	);
	assert.ok(peer.closed);
});

test("files: what is served, and what is not", () => {
	const host = createFakeHost();
	host.files.put("/www/index.html", "index");
	host.files.put("/www/a b/ü.JS", "script");
	host.files.put("/www/plain", "plain");
	host.files.put("/www/.htpasswd", "secret");
	host.files.put("/www/.git/config", "secret");
	host.files.put("/www/large", new Uint8Array(1024 * 1024 + 1));
	host.files.put("/secret", "secret");
	host.files.entries.set("/www/link", {
		bytes: bytes("/secret"),
		kind: "link",
		mode: 0o777,
		owner: 0,
		changed: 0,
	});
	host.files.entries.set("/www/linked", {
		bytes: bytes("/"),
		kind: "link",
		mode: 0o777,
		owner: 0,
		changed: 0,
	});
	host.files.put("/www/linked/secret", "secret");
	host.files.entries.set("/www/pipe", { bytes: bytes(), kind: "other", mode: 0o644, owner: 0, changed: 0 });
	const get = (target: string, method = "GET") => {
		try {
			const { status, headers, body } = answerWithFile(host, "/www", { method, target, headers: new Map() });
			return `${status} ${new Map(headers).get(status === 301 ? "Location" : "Content-Type")} ${text(body)}`.trim();
		} catch (error) {
			return String((error as { status: number }).status);
		}
	};
	for (const [target, expected] of Object.entries({
		"/": "200 text/html; charset=utf-8 index",
		"/index.html": "200 text/html; charset=utf-8 index",
		"/index.html?query=/../x": "200 text/html; charset=utf-8 index",
		"/a%20b/%c3%BC.JS": "200 text/javascript; charset=utf-8 script",
		"/plain": "200 application/octet-stream plain",
		"/a%20b": "301 /a%20b/",
		"/a%20b/": "404",
		"/missing": "404",
		"/plain/": "404",
		"/plain/x": "404",
		"/large": "413",
		"/link": "404",
		"/linked/secret": "404",
		"/pipe": "404",
		"/.htpasswd": "404",
		"/.git/config": "404",
		"/../secret": "404",
		"/%2e%2e/secret": "404",
		"/a%20b/../../secret": "404",
		"/..%2fsecret": "404",
		"/%2fsecret": "404",
		"//secret": "404",
		"/./plain": "404",
		"/..%5csecret": "404",
		"/plain%00.html": "404",
		"/plain%0a": "404",
		"/%ff": "404",
		"/%zz": "400",
		"/%2": "400",
	})) {
		assert.equal(get(target), expected, target);
	}
	assert.equal(get("/plain", "POST"), "405");
	assert.equal(get("/plain", "HEAD"), "200 application/octet-stream plain");
});
