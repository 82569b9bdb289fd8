/** WebSocketConnection as a Connection: its output in frames, back-pressure, both ends of it, and its end. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Connection, ConnectionHandler, HostError } from "../../../src/host/host.ts";
import { WebSocketConnection } from "../../../src/websocket/connection.ts";
import { Outbox } from "../../../src/websocket/outbox.ts";
import { createFakeHost, type FakePeer } from "../../fake/host.ts";
import {
	BINARY,
	bytes,
	CLOSE,
	closing,
	concat,
	FIN,
	frame,
	PING,
	readFrames,
} from "../../vectors/websocket.ts";

class Recorder implements ConnectionHandler {
	readonly calls: string[] = [];
	received: number[] = [];
	/** How much of the input is consumed. */
	take: (length: number) => number = (length) => length;
	during: () => void = () => {};

	onData(octets: Uint8Array, start: number, end: number): number {
		this.during();
		const used = this.take(end - start);
		this.received.push(...octets.subarray(start, start + used));
		this.calls.push(`data ${end - start}`);
		return used;
	}

	onDrain(): void {
		this.calls.push("drain");
	}

	onClose(error: HostError | null): void {
		this.calls.push(`close ${error === null ? "null" : `${error.code} ${error.message}`}`);
	}
}

/** A server's end, or a client's, the test's end of its network connection, and who is above. */
async function open(isClient = false) {
	const host = createFakeHost();
	const parts = { ...host, outbox: new Outbox(host.timers) };
	let below!: Connection;
	await host.network.listen({ address: "127.0.0.1", port: 1 }, (connection) => {
		below = connection;
	});
	const peer: FakePeer = host.network.dial(1);
	const connection = new WebSocketConnection(parts, below, isClient);
	const handler = new Recorder();
	connection.start(handler);
	const settle = () => {
		host.clock.advance(0);
		host.network.turn();
	};
	return { host, peer, connection, handler, settle };
}

const some = bytes("some octets");

test("what is written in one turn is one frame", async () => {
	const { peer, connection, settle } = await open();
	assert.equal(connection.write(some, 0, 4), 4);
	assert.equal(connection.write(some, 4, 11), 11);
	assert.equal(connection.buffered, 11);
	settle();
	connection.write(some, 0, 11);
	settle();
	assert.deepEqual(readFrames(peer.take()), [
		{ first: FIN | BINARY, payload: some },
		{ first: FIN | BINARY, payload: some },
	]);
	assert.equal(connection.buffered, 0);
});

test("every length of frame", async () => {
	const { peer, connection, settle } = await open();
	for (const length of [1, 125, 126, 8192, 8193, 65_535, 65_536, 200_000]) {
		const payload = new Uint8Array(length).map((_, index) => index * 3);
		connection.write(payload, 0, length);
		settle();
		assert.deepEqual(readFrames(peer.take()), [{ first: FIN | BINARY, payload }]);
	}
});

test("a long write comes after what was written before it", async () => {
	const { peer, connection, settle } = await open();
	const long = new Uint8Array(20_000).fill(7);
	connection.write(some, 0, 11);
	connection.write(long, 0, long.length);
	connection.write(some, 0, 11);
	settle();
	assert.deepEqual(concat(readFrames(peer.take()).map(({ payload }) => payload)), concat([some, long, some]));
});

test("much in one turn is offered early, so that more than 64 KiB means a peer that does not take it", async () => {
	const { peer, connection, handler, settle } = await open();
	const piece = new Uint8Array(5000);
	let most = 0;
	for (let count = 0; count < 100; count++) most = Math.max(most, connection.write(piece, 0, 5000));
	assert.ok(most <= 65_536, `${most}`);
	settle();
	assert.equal(concat(readFrames(peer.take()).map(({ payload }) => payload)).length, 500_000);
	peer.hold();
	let waiting = 0;
	for (let count = 0; count < 20; count++) waiting = connection.write(piece, 0, 5000);
	assert.ok(waiting > 95_000, `${waiting}`);
	settle();
	assert.deepEqual(handler.calls, []);
	peer.release();
	assert.deepEqual(handler.calls, ["drain"]);
	assert.equal(connection.buffered, 0);
});

test("what is not consumed comes again with what follows, and only then", async () => {
	const { peer, handler } = await open();
	handler.take = (length) => (length < 12 ? Math.min(2, length) : length);
	peer.send(frame(FIN | BINARY, bytes("0123")));
	peer.send(frame(FIN | PING, bytes("?")));
	peer.send(frame(FIN | BINARY, bytes("4567")), frame(FIN | BINARY, bytes("89abcdefgh")));
	assert.deepEqual(handler.calls, ["data 4", "data 6", "data 14"]);
	assert.deepEqual(Uint8Array.from(handler.received), bytes("0123456789abcdefgh"));
});

test("a large frame is handed on as it comes", async () => {
	const { peer, handler } = await open();
	const large = new Uint8Array(100_000).map((_, index) => index);
	peer.sendSplit(frame(FIN | BINARY, large), 999);
	assert.deepEqual(Uint8Array.from(handler.received), large);
	assert.ok(handler.calls.length > 90);
});

test("an octet each in a frame each, while much is left unconsumed", async () => {
	const { peer, handler } = await open();
	const all = new Uint8Array(5000).map((_, index) => index * 7);
	handler.take = (length) => (length < all.length ? 0 : length);
	for (const octet of all) peer.send(frame(FIN | BINARY, bytes(octet)));
	assert.deepEqual(Uint8Array.from(handler.received), all);
	assert.equal(handler.calls.length, 5000);
});

test("close: all goes out, a close frame, and the end", async () => {
	const { peer, connection, handler } = await open();
	connection.write(some, 0, 11);
	connection.close();
	connection.close();
	assert.equal(connection.write(some, 0, 11), 0);
	assert.deepEqual(handler.calls, []);
	peer.send(frame(FIN | BINARY, some));
	assert.deepEqual(readFrames(peer.take()), [
		{ first: FIN | BINARY, payload: some },
		{ first: FIN | CLOSE, payload: closing(1000) },
	]);
	assert.ok(peer.closed);
	assert.deepEqual(handler.calls, ["close null"]);
});

test("destroy: nothing goes out, and the handler is told", async () => {
	const { peer, connection, handler, settle } = await open();
	connection.write(some, 0, 11);
	connection.destroy();
	settle();
	assert.equal(peer.take().length, 0);
	assert.ok(peer.closed);
	assert.deepEqual(handler.calls, ["close null"]);
});

test("the peer's close, its end without one, and a broken connection are told once", async () => {
	for (const [end, told] of [
		[(peer: FakePeer) => peer.send(frame(FIN | CLOSE, closing(1000))), "close null"],
		[(peer: FakePeer) => peer.end(), "close null"],
		[(peer: FakePeer) => peer.reset(), "close ECONNRESET Connection reset by peer"],
		[
			(peer: FakePeer) => peer.send(frame(FIN | 1, some)),
			"close EPROTO WebSocket protocol error: a text frame",
		],
	] as const) {
		const { peer, connection, handler, settle } = await open();
		connection.write(some, 0, 11);
		end(peer);
		settle();
		assert.deepEqual(handler.calls, [told]);
	}
});

test("a handler that closes in the middle hears no more", async () => {
	const { peer, connection, handler } = await open();
	handler.during = () => connection.close();
	peer.send(concat([frame(FIN | BINARY, some), frame(FIN | PING), frame(FIN | BINARY, some)]));
	peer.send(frame(FIN | BINARY, some));
	assert.deepEqual(handler.calls, ["data 22", "close null"]);
});

test("who sends pings and does not read is not answered without end", async () => {
	const { peer, connection } = await open();
	peer.hold();
	const ping = frame(FIN | PING, new Uint8Array(125));
	for (let count = 0; count < 2000; count++) peer.send(ping);
	assert.ok(connection.buffered < 66_000, `${connection.buffered}`);
});

test("a client masks what it sends, each frame with another key, and takes what is not masked", async () => {
	const { peer, connection, handler, settle } = await open(true);
	const keys = new Set<string>();
	for (let count = 0; count < 3; count++) {
		connection.write(some, 0, 11);
		settle();
		const sent = peer.take();
		assert.deepEqual([sent[0], sent[1]], [FIN | BINARY, 0x80 | 11]);
		const key = sent.subarray(2, 6);
		keys.add(key.join());
		assert.deepEqual(
			sent.subarray(6).map((octet, index) => octet ^ key[index % 4]!),
			some,
		);
	}
	assert.equal(keys.size, 3);
	peer.send(frame(FIN | BINARY, some, false));
	assert.deepEqual(Uint8Array.from(handler.received), some);
	peer.send(frame(FIN | BINARY, some));
	assert.deepEqual(handler.calls.at(-1), "close EPROTO WebSocket protocol error: a masked frame");
});
