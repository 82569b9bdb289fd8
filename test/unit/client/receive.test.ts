import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PacketType, Reason } from "../../../src/packet/packet.ts";
import { createConnected } from "./fixture.ts";
import { ack, publish, suback } from "./packets.ts";
import { settle } from "./server.ts";

const { PUBACK, PUBREC, PUBREL, PUBCOMP } = PacketType;

describe("receiving", () => {
	it("hands over QoS 0 without an answer", async () => {
		const { server, told, trace } = await createConnected();
		server.send(publish("a", "1"), publish("a", "", { retain: true }));
		assert.deepEqual(told.messages, ["a 1 q0", "a  q0 retain"]);
		assert.deepEqual(server.take(), []);
		assert.equal(trace.at(-1), "Client c received PUBLISH (d0, q0, r1, m0, 'a', ... (0 bytes))");
	});

	it("acknowledges QoS 1 [MQTT-4.3.2-4]", async () => {
		const { server, told } = await createConnected();
		server.send(
			publish("a", "1", { qos: 1, packetId: 7 }),
			publish("a", "1", { qos: 1, packetId: 7, dup: true }),
		);
		assert.deepEqual(told.messages, ["a 1 q1", "a 1 q1 dup"]);
		assert.deepEqual(server.take(), [ack(PUBACK, 7), ack(PUBACK, 7)]);
	});

	// 3.1.1: [MQTT-4.5.0-2]
	it("acknowledges in the order of arrival [MQTT-4.5.0-2] [MQTT-4.6.0-2] [MQTT-4.6.0-3]", async () => {
		const { server } = await createConnected();
		server.send(
			publish("a", "1", { qos: 2, packetId: 9 }),
			publish("a", "2", { qos: 1, packetId: 5 }),
			publish("b", "3", { qos: 2, packetId: 2 }),
			publish("b", "4", { qos: 1, packetId: 3 }),
		);
		assert.deepEqual(server.take(), [ack(PUBREC, 9), ack(PUBACK, 5), ack(PUBREC, 2), ack(PUBACK, 3)]);
	});

	it("hands over QoS 2 once, when it is released [MQTT-4.3.3-10]", async () => {
		const { server, told, trace } = await createConnected();
		server.send(publish("a", "1", { qos: 2, packetId: 7 }));
		server.send(publish("a", "1", { qos: 2, packetId: 7, dup: true }));
		assert.deepEqual(told.messages, []);
		assert.deepEqual(server.take(), [ack(PUBREC, 7), ack(PUBREC, 7)]);
		server.send(ack(PUBREL, 7));
		server.send(ack(PUBREL, 7));
		assert.deepEqual(told.messages, ["a 1 q2"]);
		assert.deepEqual(server.take(), [ack(PUBCOMP, 7), ack(PUBCOMP, 7)]);
		assert.deepEqual(trace.slice(-6), [
			"Client c received PUBLISH (d1, q2, r0, m7, 'a', ... (1 bytes))",
			"Client c sending PUBREC (m7, rc0)",
			"Client c received PUBREL (Mid: 7)",
			"Client c sending PUBCOMP (m7)",
			"Client c received PUBREL (Mid: 7)",
			"Client c sending PUBCOMP (m7)",
		]);
	});

	it("ends a connection that goes beyond our receive maximum [MQTT-3.3.4-9]", async () => {
		const { server, told } = await createConnected({ version: 5, properties: { receiveMaximum: 2 } });
		for (const packetId of [1, 2]) server.send(publish("a", "x", { qos: 2, packetId }));
		assert.equal(told.closed.length, 0);
		server.send(publish("a", "x", { qos: 2, packetId: 3 }));
		await settle();
		assert.equal(told.closed[0]?.kind === "protocol" && told.closed[0].code, Reason.RECEIVE_MAXIMUM_EXCEEDED);
	});

	it("resolves the server's topic aliases [MQTT-3.3.2-10]", async () => {
		const { server, told } = await createConnected({ version: 5, properties: { topicAliasMaximum: 2 } });
		const first = { topicAlias: 1 };
		server.send(publish("a", "1", { properties: first }), publish("", "2", { properties: first }));
		server.send(publish("b", "3", { properties: first }), publish("", "4", { properties: first }));
		assert.deepEqual(told.messages, ["a 1 q0", "a 2 q0", "b 3 q0", "b 4 q0"]);
		server.send(publish("", "5", { properties: { topicAlias: 2 } }));
		await settle();
		assert.equal(told.closed[0]?.kind === "protocol" && told.closed[0].code, Reason.PROTOCOL_ERROR);
	});

	it("accepts no topic alias that it did not offer [MQTT-3.1.2-26]", async () => {
		const { server, told } = await createConnected({ version: 5 });
		server.send(publish("a", "1", { properties: { topicAlias: 1 } }));
		await settle();
		assert.equal(told.closed[0]?.kind === "protocol" && told.closed[0].code, Reason.TOPIC_ALIAS_INVALID);
	});

	it("hands over properties", async () => {
		const { server, told } = await createConnected({ version: 5 });
		const properties = { contentType: "text/plain", userProperty: [["k", "v"]] as [string, string][] };
		server.send(publish("a", "1", { properties }), publish("a", "2"));
		assert.deepEqual(told.properties, [properties, null]);
	});
});

describe("subscribing", () => {
	it("sends all filters in one packet and reports the answer", async () => {
		const { client, server, told, trace } = await createConnected({ version: 5 });
		const subscriptions = [
			{ topicFilter: "a/+", qos: 1, noLocal: true, retainAsPublished: true, retainHandling: 2 },
			{ topicFilter: "b", qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 },
		] as const;
		assert.equal(client.subscribe(subscriptions, { subscriptionIdentifier: [5] }), 1);
		assert.deepEqual(server.take(), [
			{
				type: PacketType.SUBSCRIBE,
				packetId: 1,
				properties: { subscriptionIdentifier: [5] },
				subscriptions,
			},
		]);
		assert.deepEqual(trace.slice(-2), [
			"Client c sending SUBSCRIBE (Mid: 1, Topic: a/+, QoS: 1, Options: 0x2c)",
			"Client c sending SUBSCRIBE (Mid: 1, Topic: b, QoS: 0, Options: 0x00)",
		]);
		server.send(suback(9, 0), suback(1, 1, 0x87));
		assert.deepEqual(told.subscribed, [[1, [1, 0x87]]]);
	});

	it("unsubscribes", async () => {
		const { client, server, told, trace } = await createConnected();
		assert.equal(client.unsubscribe(["a", "b"]), 1);
		assert.deepEqual(server.take(), [
			{ type: PacketType.UNSUBSCRIBE, packetId: 1, properties: null, topicFilters: ["a", "b"] },
		]);
		server.send({ type: PacketType.UNSUBACK, packetId: 1, properties: null, reasonCodes: [] });
		assert.deepEqual(told.unsubscribed, [[1, []]]);
		assert.deepEqual(trace.slice(-3), [
			"Client c sending UNSUBSCRIBE (Mid: 1, Topic: a)",
			"Client c sending UNSUBSCRIBE (Mid: 1, Topic: b)",
			"Client c received UNSUBACK",
		]);
	});
});
