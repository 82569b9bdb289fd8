import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Outgoing, OutgoingMessages, OutgoingState } from "../../../src/client/outgoing-messages.ts";

function add(messages: OutgoingMessages): Outgoing {
	const message: Outgoing = {
		packetId: messages.nextPacketId(),
		topic: "t",
		topicBytes: Uint8Array.of(0x74),
		payload: new Uint8Array(0),
		qos: 1,
		retain: false,
		properties: null,
		aliased: false,
		dup: false,
		state: OutgoingState.QUEUED,
	};
	messages.add(message);
	return message;
}

describe("packet identifiers", () => {
	it("count up from 1, begin again after 65535, and leave out those in use [MQTT-2.2.1-3] (3.1.1: [MQTT-2.3.1-2])", () => {
		const messages = new OutgoingMessages(20);
		const first = add(messages);
		assert.equal(first.packetId, 1);
		messages.beginRequest(messages.nextPacketId());
		for (let id = 3; id <= 65_535; id++) assert.equal(messages.nextPacketId(), id);
		assert.equal(messages.nextPacketId(), 3);
		assert.equal(messages.endRequest(2), true);
		assert.equal(messages.endRequest(2), false);
		for (let id = 4; id <= 65_535; id++) messages.nextPacketId();
		assert.equal(messages.nextPacketId(), 2);
	});

	it("are used up when all are in use", () => {
		const messages = new OutgoingMessages(20);
		for (let id = 1; id <= 65_535; id++) messages.beginRequest(id);
		assert.equal(messages.nextPacketId(), 0);
	});
});

describe("the queue", () => {
	it("stays in order over many messages", () => {
		const messages = new OutgoingMessages(1);
		for (let count = 0; count < 5000; count++) add(messages);
		for (let id = 1; id <= 5000; id++) {
			const message = messages.release();
			assert.equal(message?.packetId, id);
			assert.equal(messages.release(), null);
			messages.remove(message);
		}
		assert.equal(messages.size, 0);
		assert.equal(messages.release(), null);
	});
});
