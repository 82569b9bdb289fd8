/** The client's end: a network whose connections begin with the handshake, and what it makes of servers that are none. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConnectionHandler, HostError } from "../../../src/host/host.ts";
import { webSocketNetwork } from "../../../src/websocket/client.ts";
import { Outbox } from "../../../src/websocket/outbox.ts";
import { createFakeHost, type FakePeer } from "../../fake/host.ts";
import { bytes, OPENED, OPENING } from "../../vectors/websocket.ts";
import { ascii, startDoor, text } from "../listener/fixture.ts";

class Recorder implements ConnectionHandler {
	received: number[] = [];
	readonly ends: (HostError | null)[] = [];

	onData(octets: Uint8Array, start: number, end: number): number {
		this.received.push(...octets.subarray(start, end));
		return end - start;
	}

	onDrain(): void {}

	onClose(error: HostError | null): void {
		this.ends.push(error);
	}
}

// [MQTT-6.0.0-3] [MQTT-6.0.0-4]
test("our client with our server", async () => {
	const { host, settle } = await startDoor();
	const network = webSocketNetwork({ ...host, outbox: new Outbox(host.timers) }, host.network, "/mqtt");
	const connection = await network.connect({ host: "127.0.0.1", port: 8080 });
	const handler = new Recorder();
	connection.start(handler);
	connection.write(OPENING, 0, OPENING.length);
	settle();
	settle();
	assert.deepEqual(Uint8Array.from(handler.received), OPENED);
	connection.close();
	settle();
	assert.deepEqual(handler.ends, [null]);
	assert.equal(host.clock.timers, 1, "the broker's only");
});

/** Connects to a server that does what `serve` does with the request. */
async function against(serve: (peer: FakePeer, request: string) => void): Promise<string> {
	const host = createFakeHost();
	const network = webSocketNetwork({ ...host, outbox: new Outbox(host.timers) }, host.network, "/path");
	let peer!: FakePeer;
	host.network.serve("::1", 80, (accepted) => {
		peer = accepted;
	});
	const result = network.connect({ host: "::1", port: 80, timeout: 5000 }).then(
		() => "connected",
		(error: HostError) => `${error.code}: ${error.message}`,
	);
	// Until the request has been written, and has come.
	while (peer === undefined || peer.chunks.length === 0) await Promise.resolve();
	serve(peer, text(peer.take()));
	host.clock.advance(5000);
	const outcome = await result;
	assert.equal(peer.closed, outcome !== "connected", outcome);
	return outcome;
}

test("servers that do not take the handshake", async () => {
	const answer = (octets: string) => (peer: FakePeer) => peer.send(ascii(octets));
	const failed = "EPROTO: WebSocket handshake failed:";
	assert.equal(await against(answer("HTTP/1.1 404 Not Found\r\n\r\n")), `${failed} the server answers 404`);
	assert.equal(await against(answer("SSH-2.0\r\n\r\n")), `${failed} no HTTP/1.1 answer`);
	assert.equal(await against(answer("x".repeat(8192))), `${failed} a head of more than 8192 octets`);
	assert.equal(
		await against(
			answer(
				"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
			),
		),
		`${failed} an answer with a wrong Sec-WebSocket-Accept`,
	);
	assert.equal(await against((peer) => peer.end()), "ECONNRESET: Connection reset by peer");
	assert.equal(await against((peer) => peer.reset("EPIPE")), "EPIPE: Broken pipe");
	assert.equal(await against(() => {}), "ETIMEDOUT: Connection timed out");
});

test("the request, and a server that ends before anybody listens", async () => {
	let seen = "";
	await against((peer, request) => {
		seen = request;
		peer.end();
	});
	assert.match(
		seen,
		/^GET \/path HTTP\/1\.1\r\nHost: \[::1\]:80\r\n[\s\S]*Sec-WebSocket-Key: [A-Za-z0-9+/]{22}==\r\n/u,
	);

	const { host } = await startDoor();
	const network = webSocketNetwork({ ...host, outbox: new Outbox(host.timers) }, host.network, "/mqtt");
	const connection = await network.connect({ host: "127.0.0.1", port: 8080 });
	host.clock.advance(60_000);
	const handler = new Recorder();
	connection.start(handler);
	connection.write(bytes(1), 0, 1);
	await Promise.resolve();
	host.network.turn();
	assert.equal(handler.ends.length, 1);
});
