import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClientError, clientErrorText } from "../../../src/client/client.ts";
import { PacketType, type PublishPacket, Reason } from "../../../src/packet/packet.ts";
import { createClient, createConnected, octets } from "./fixture.ts";
import { ack, connack, publish } from "./packets.ts";
import { settle } from "./server.ts";

const { PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, UNSUBSCRIBE, DISCONNECT } = PacketType;

/** Packet identifiers of PUBLISH packets, with `dup` where it is set. */
function identifiers(packets: readonly { type: number }[]): string[] {
	return packets.map((packet) => {
		assert.equal(packet.type, PUBLISH);
		const { packetId, dup } = packet as PublishPacket;
		return `${packetId}${dup ? " dup" : ""}`;
	});
}

describe("publishing", () => {
	it("sends QoS 0 at once, and counts packet identifiers as mosquitto does", async () => {
		const { client, server, trace } = await createConnected();
		assert.equal(client.publish("a/b", octets("x"), { retain: true }), 1);
		assert.equal(client.publish("a/b", octets("")), 2);
		assert.deepEqual(server.take(), [publish("a/b", "x", { retain: true }), publish("a/b", "")]);
		assert.equal(client.unanswered, 0);
		assert.deepEqual(trace.slice(-2), [
			"Client c sending PUBLISH (d0, q0, r1, m1, 'a/b', ... (1 bytes))",
			"Client c sending PUBLISH (d0, q0, r0, m2, 'a/b', ... (0 bytes))",
		]);
	});

	it("finishes QoS 1 with PUBACK", async () => {
		const { client, server, told, trace } = await createConnected();
		assert.equal(client.publish("t", octets("x"), { qos: 1 }), 1);
		assert.deepEqual(server.take(), [publish("t", "x", { qos: 1, packetId: 1 })]);
		assert.equal(client.unanswered, 1);
		server.send(ack(PUBACK, 1));
		assert.deepEqual(told.published, [[1, 0]]);
		assert.equal(client.unanswered, 0);
		assert.equal(trace.at(-1), "Client c received PUBACK (Mid: 1, RC:0)");
		server.send(ack(PUBACK, 1));
		assert.deepEqual(told.published, [[1, 0]], "a second PUBACK says nothing new");
	});

	it("finishes QoS 2 with PUBREC, PUBREL, PUBCOMP [MQTT-4.3.3-4]", async () => {
		const { client, server, told, trace } = await createConnected();
		client.publish("t", octets("x"), { qos: 2 });
		server.take();
		server.send(ack(PUBREC, 1));
		assert.deepEqual(server.take(), [ack(PUBREL, 1)]);
		server.send(ack(PUBREC, 1));
		assert.deepEqual(server.take(), [ack(PUBREL, 1)], "PUBREC repeated");
		assert.deepEqual(told.published, []);
		server.send(ack(PUBCOMP, 1));
		assert.deepEqual(told.published, [[1, 0]]);
		assert.deepEqual(trace.slice(-4), [
			"Client c sending PUBREL (m1)",
			"Client c received PUBREC (Mid: 1)",
			"Client c sending PUBREL (m1)",
			"Client c received PUBCOMP (Mid: 1, RC:0)",
		]);
	});

	it("releases QoS 2 in the order of PUBREC [MQTT-4.6.0-4]", async () => {
		const { client, server } = await createConnected();
		for (const payload of ["1", "2", "3"]) client.publish("t", octets(payload), { qos: 2 });
		server.take();
		server.send(ack(PUBREC, 3), ack(PUBREC, 1), ack(PUBREC, 2));
		assert.deepEqual(server.take(), [ack(PUBREL, 3), ack(PUBREL, 1), ack(PUBREL, 2)]);
	});

	it("ends QoS 2 when PUBREC refuses", async () => {
		const { client, server, told } = await createConnected({ version: 5 });
		client.publish("t", octets("x"), { qos: 2 });
		server.take();
		server.send(ack(PUBREC, 1, Reason.NOT_AUTHORIZED, { reasonString: "no" }));
		assert.deepEqual(told.published, [[1, Reason.NOT_AUTHORIZED]]);
		assert.deepEqual(server.take(), []);
		assert.equal(client.unanswered, 0);
	});

	it("answers a PUBREC for an unknown packet identifier", async () => {
		const { server } = await createConnected({ version: 5 });
		server.send(ack(PUBREC, 9));
		assert.deepEqual(server.take(), [ack(PUBREL, 9, Reason.PACKET_IDENTIFIER_NOT_FOUND)]);
	});

	it("treats an answer of the wrong kind as a protocol error", async () => {
		for (const [qos, type] of [
			[1, PUBREC],
			[1, PUBCOMP],
			[2, PUBACK],
		] as const) {
			const { client, server, told } = await createConnected();
			client.publish("t", octets("x"), { qos });
			server.send(ack(type, 1));
			await settle();
			assert.equal(told.closed[0]?.kind, "protocol", `QoS ${qos}, packet type ${type}`);
		}
	});

	it("keeps the payload of QoS 1 against changes by the caller", async () => {
		const { client, server } = await createConnected({ maximumInflight: 1 });
		const payload = octets("1");
		client.publish("t", payload, { qos: 1 });
		payload[0] = 0x32;
		client.publish("t", payload, { qos: 1 });
		payload[0] = 0x33;
		server.take();
		server.send(ack(PUBACK, 1));
		assert.deepEqual(server.take(), [publish("t", "2", { qos: 1, packetId: 2 })]);
	});
});

describe("the inflight window", () => {
	it("lets out as many as allowed, in order [MQTT-4.9.0-2]", async () => {
		const { client, server } = await createConnected({ maximumInflight: 2 });
		for (const text of ["1", "2", "3", "4"]) client.publish("t", octets(text), { qos: 1 });
		assert.deepEqual(identifiers(server.take()), ["1", "2"]);
		server.send(ack(PUBACK, 2));
		assert.deepEqual(identifiers(server.take()), ["3"]);
		server.send(ack(PUBACK, 1), ack(PUBACK, 3));
		assert.deepEqual(identifiers(server.take()), ["4"]);
	});

	it("obeys the server's receive maximum [MQTT-3.3.4-7]", async () => {
		const { client, server } = await createConnected(
			{ version: 5 },
			connack(0, false, { receiveMaximum: 1 }),
		);
		client.publish("t", octets("1"), { qos: 2 });
		client.publish("t", octets("2"), { qos: 1 });
		assert.deepEqual(identifiers(server.take()), ["1"]);
		server.send(ack(PUBREC, 1));
		assert.deepEqual(server.takeTypes(), [PUBREL], "PUBREC does not end it");
		server.send(ack(PUBCOMP, 1));
		assert.deepEqual(identifiers(server.take()), ["2"]);
	});

	it("holds back publications only [MQTT-3.3.4-8]", async () => {
		const { client, server } = await createConnected({ maximumInflight: 1 });
		client.publish("t", octets("1"), { qos: 1 });
		client.publish("t", octets("2"), { qos: 1 });
		server.send(publish("t", "x", { qos: 2, packetId: 5 }), ack(PUBREL, 5));
		client.subscribe([
			{ topicFilter: "t", qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 },
		]);
		client.unsubscribe(["t"]);
		client.disconnect();
		assert.deepEqual(server.takeTypes(), [PUBLISH, PUBREC, PUBCOMP, SUBSCRIBE, UNSUBSCRIBE, DISCONNECT]);
	});

	it("is 20 by default, and QoS 0 passes it", async () => {
		const { client, server } = await createConnected();
		for (let count = 0; count < 30; count++) client.publish("t", octets("x"), { qos: 1 });
		assert.equal(server.take().length, 20);
		client.publish("t", octets("now"));
		assert.deepEqual(server.take(), [publish("t", "now")]);
	});
});

describe("what cannot be published", () => {
	it("is returned as a number below 0 with a text", async () => {
		const { client, server } = await createConnected(
			{ version: 5 },
			connack(0, false, { maximumQos: 1, maximumPacketSize: 50, topicAliasMaximum: 2 }),
		);
		assert.equal(client.publish("", octets("")), ClientError.INVALID_TOPIC);
		assert.equal(client.publish("a/#", octets("")), ClientError.INVALID_TOPIC);
		assert.equal(client.publish("é".repeat(32_768), octets("")), ClientError.INVALID_TOPIC);
		assert.equal(client.publish("t", octets(""), { qos: 2 }), ClientError.QOS_NOT_SUPPORTED);
		assert.equal(client.publish("t", new Uint8Array(46)), ClientError.PACKET_TOO_LARGE);
		assert.equal(
			client.publish("t", octets(""), { properties: { topicAlias: 3 } }), // [MQTT-3.2.2-17]
			ClientError.INVALID_TOPIC_ALIAS,
		);
		assert.equal(client.subscribe([]), ClientError.INVALID_TOPIC);
		assert.equal(client.unsubscribe(["a#"]), ClientError.INVALID_TOPIC);
		assert.equal(client.unsubscribe(["a".repeat(60)]), ClientError.PACKET_TOO_LARGE);
		assert.deepEqual(server.take(), []);
		assert.equal(client.publish("t", new Uint8Array(44)) > 0, true, "fills the largest packet");
		assert.equal(clientErrorText(ClientError.PACKET_TOO_LARGE), "packet too large");
	});

	it("is QoS 0 and subscriptions without a connection; QoS 1 waits", async () => {
		const { client, server } = createClient();
		assert.equal(client.publish("t", octets("0")), ClientError.NOT_CONNECTED);
		assert.equal(client.unsubscribe(["t"]), ClientError.NOT_CONNECTED);
		assert.equal(client.publish("t", octets("1"), { qos: 1 }), 1);
		client.connect();
		await settle();
		server.take();
		server.send(connack());
		assert.deepEqual(server.take(), [publish("t", "1", { qos: 1, packetId: 1 })]);
	});

	it("is reported later when the server's limits come later", async () => {
		const { client, server, told } = createClient({ version: 5 });
		client.publish("t", octets("x"), { qos: 2 });
		client.publish("t", new Uint8Array(100), { qos: 1 });
		client.publish("t", octets("y"), { qos: 1 });
		client.connect();
		await settle();
		server.take();
		server.send(connack(0, false, { maximumQos: 1, maximumPacketSize: 50 }));
		assert.deepEqual(told.published, [
			[1, Reason.QOS_NOT_SUPPORTED],
			[2, Reason.PACKET_TOO_LARGE],
		]);
		assert.deepEqual(server.take(), [publish("t", "y", { qos: 1, packetId: 3 })]);
	});

	it("is the retain flag where the server has no retained messages [MQTT-3.2.2-14]", async () => {
		const { client, server } = await createConnected(
			{ version: 5 },
			connack(0, false, { retainAvailable: 0 }),
		);
		client.publish("t", octets("x"), { retain: true });
		assert.deepEqual(server.take(), [publish("t", "x")]);
	});
});

describe("topic aliases of ours", () => {
	it("stand for the topic on one connection only", async () => {
		const properties = { topicAlias: 1 };
		const { client, server, host } = await createConnected(
			{ version: 5, reconnect: { delay: 1000, maximum: 1000, first: false } },
			connack(0, false, { topicAliasMaximum: 1 }),
		);
		client.publish("long/topic", octets("1"), { properties });
		client.publish("", octets("2"), { qos: 1, properties });
		assert.deepEqual(server.take(), [
			publish("long/topic", "1", { properties }),
			publish("", "2", { qos: 1, packetId: 2, properties }),
		]);
		server.peer.reset();
		await settle();
		host.clock.advance(1000);
		await settle();
		server.take();
		server.send(connack(0, false, { topicAliasMaximum: 1 }));
		assert.deepEqual(server.take(), [publish("long/topic", "2", { qos: 1, packetId: 2, properties })]);
	});
});
