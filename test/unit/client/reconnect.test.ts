import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ClientOptions } from "../../../src/client/client.ts";
import { PacketType } from "../../../src/packet/packet.ts";
import { createClient, createConnected, type Fixture, octets } from "./fixture.ts";
import { ack, connack, publish } from "./packets.ts";
import { settle } from "./server.ts";

const { PUBACK, PUBREC, PUBREL, PUBCOMP } = PacketType;
const PATIENT: Partial<ClientOptions> = {
	cleanStart: false,
	reconnect: { delay: 1000, maximum: 4000, first: true },
};

async function again(fixture: Fixture, sessionPresent: boolean, delay = 1000): Promise<void> {
	const { server, host } = fixture;
	server.peer.reset();
	await settle();
	host.clock.advance(delay);
	await settle();
	server.take();
	server.send(connack(0, sessionPresent));
}

describe("connecting again", () => {
	it("waits twice as long each time, up to the maximum", async () => {
		const { client, host, told } = createClient({ ...PATIENT, host: "no.such.host" });
		client.connect();
		await settle();
		const delays: (number | null)[] = [];
		for (let attempt = 0; attempt < 5; attempt++) {
			assert.equal(client.state, "waiting");
			delays.push(host.clock.untilNext);
			host.clock.advance(host.clock.untilNext ?? 0);
			await settle();
		}
		assert.deepEqual(delays, [1000, 2000, 4000, 4000, 4000]);
		assert.equal(told.closed.length, 6);
		assert.equal(client.disconnect(), false, "nothing to end but the waiting");
		assert.equal(host.clock.timers, 0);
	});

	it("begins with the shortest delay after a connection that was accepted", async () => {
		const fixture = await createConnected(PATIENT);
		await again(fixture, true);
		fixture.server.peer.reset();
		await settle();
		assert.equal(fixture.host.clock.untilNext, 1000);
	});

	it("does not when the first attempt fails, unless told to", async () => {
		const { client, told } = createClient({
			host: "no.such.host",
			reconnect: { delay: 1000, maximum: 1000, first: false },
		});
		client.connect();
		await settle();
		assert.equal(client.state, "idle");
		assert.equal(told.closed.length, 1);
	});

	it("does not after disconnect, nor when disconnect is called in onClose", async () => {
		const fixture = await createConnected(PATIENT);
		fixture.client.disconnect();
		await settle();
		assert.equal(fixture.client.state, "idle");
		const other = await createConnected(PATIENT);
		other.server.peer.reset();
		await settle();
		assert.equal(other.client.state, "waiting");
		assert.equal(other.client.disconnect(), false);
		other.host.clock.advance(10_000);
		await settle();
		assert.equal(other.server.peers.length, 1);
	});

	it("sends unanswered publications again, with DUP, in their order [MQTT-4.4.0-1] (3.1.1: [MQTT-2.3.1-3])", async () => {
		const fixture = await createConnected({ ...PATIENT, maximumInflight: 3 });
		const { client, server, told } = fixture;
		client.publish("t", octets("1"), { qos: 1 });
		client.publish("t", octets("2"), { qos: 2 });
		client.publish("t", octets("3"), { qos: 2 });
		client.publish("t", octets("4"), { qos: 1 });
		server.take();
		server.send(ack(PUBREC, 2));
		server.take();
		await again(fixture, true);
		assert.deepEqual(server.take(), [
			ack(PUBREL, 2),
			publish("t", "1", { qos: 1, packetId: 1, dup: true }),
			publish("t", "3", { qos: 2, packetId: 3, dup: true }),
		]);
		server.send(ack(PUBCOMP, 2));
		assert.deepEqual(server.take(), [publish("t", "4", { qos: 1, packetId: 4 })]);
		server.send(ack(PUBACK, 1), ack(PUBACK, 4), ack(PUBREC, 3), ack(PUBCOMP, 3));
		assert.deepEqual(told.published.map(([id]) => id).sort(), [1, 2, 3, 4]);
		assert.equal(client.unanswered, 0);
	});

	it("sends them as new ones when the server has forgotten the session [MQTT-3.3.1-1]", async () => {
		const fixture = await createConnected(PATIENT);
		fixture.client.publish("t", octets("1"), { qos: 1 });
		fixture.server.take();
		await again(fixture, false);
		assert.deepEqual(fixture.server.take(), [publish("t", "1", { qos: 1, packetId: 1 })]);
	});

	it("has nothing to release when the server has forgotten the session [MQTT-3.2.2-5]", async () => {
		const fixture = await createConnected(PATIENT);
		const { client, server, told } = fixture;
		client.publish("t", octets("1"), { qos: 2 });
		client.publish("t", octets("2"), { qos: 1 });
		server.take();
		server.send(ack(PUBREC, 1));
		server.take();
		await again(fixture, false);
		assert.deepEqual(server.take(), [publish("t", "2", { qos: 1, packetId: 2 })]);
		assert.deepEqual(told.published, [[1, 0]]);
		assert.equal(client.unanswered, 1);
	});

	it("knows a QoS 2 message of the session again, and none of one that is gone [MQTT-3.2.2-5]", async () => {
		const fixture = await createConnected(PATIENT);
		const { server, told } = fixture;
		server.send(publish("t", "1", { qos: 2, packetId: 5 }));
		await again(fixture, true);
		server.send(publish("t", "1", { qos: 2, packetId: 5, dup: true }));
		server.send(ack(PUBREL, 5));
		assert.deepEqual(told.messages, ["t 1 q2"]);
		server.send(publish("t", "old", { qos: 2, packetId: 6 }));
		await again(fixture, false);
		server.send(publish("t", "new", { qos: 2, packetId: 6 }));
		server.send(ack(PUBREL, 6));
		assert.deepEqual(told.messages, ["t 1 q2", "t new q2"]);
	});
});
