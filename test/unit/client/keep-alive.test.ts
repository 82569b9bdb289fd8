import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PacketType } from "../../../src/packet/packet.ts";
import { createClient, createConnected, octets } from "./fixture.ts";
import { connack, publish } from "./packets.ts";
import { settle } from "./server.ts";

const { PINGREQ, PINGRESP } = PacketType;

describe("keep alive", () => {
	it("sends PINGREQ when nothing was sent for its time [MQTT-3.1.2-20] (3.1.1: [MQTT-3.1.2-23])", async () => {
		const { client, server, host, trace } = await createConnected({ keepAlive: 10 });
		host.clock.advance(9000);
		client.publish("t", octets("x"));
		server.peer.send(server.encode(publish("t", "y")));
		server.take();
		host.clock.advance(9999);
		assert.deepEqual(server.takeTypes(), []);
		host.clock.advance(1);
		assert.deepEqual(server.takeTypes(), [PINGREQ]);
		server.send({ type: PINGRESP });
		assert.deepEqual(trace.slice(-2), ["Client c sending PINGREQ", "Client c received PINGRESP"]);
		host.clock.advance(10_000);
		assert.deepEqual(server.takeTypes(), [PINGREQ]);
	});

	it("sends PINGREQ when nothing was received, though we send", async () => {
		const { client, server, host } = await createConnected({ keepAlive: 10 });
		for (let second = 0; second < 10; second++) {
			host.clock.advance(1000);
			client.publish("t", octets("x"));
		}
		host.clock.advance(1);
		assert.equal(server.takeTypes().includes(PINGREQ), true);
	});

	it("ends the connection when PINGRESP does not come", async () => {
		const { client, server, host, told } = await createConnected({ keepAlive: 10 });
		host.clock.advance(10_000);
		host.clock.advance(9999);
		assert.equal(client.state, "connected");
		host.clock.advance(1);
		await settle();
		assert.deepEqual(told.closed, [{ kind: "keep-alive" }]);
		assert.equal(server.peer.closed, true);
		assert.equal(host.clock.timers, 0);
	});

	it("ends the connection when CONNACK does not come", async () => {
		const { client, host, told } = createClient({ keepAlive: 10 });
		client.connect();
		await settle();
		host.clock.advance(10_000);
		await settle();
		assert.deepEqual(told.closed, [{ kind: "keep-alive" }]);
	});

	it("takes over the server's time [MQTT-3.1.2-21]", async () => {
		const { server, host } = await createConnected(
			{ version: 5, keepAlive: 60 },
			connack(0, false, { serverKeepAlive: 5 }),
		);
		host.clock.advance(5000);
		assert.deepEqual(server.takeTypes(), [PINGREQ]);
	});

	it("is off with 0", async () => {
		const { host } = await createConnected({ keepAlive: 0 });
		assert.equal(host.clock.timers, 0);
	});
});
