/** The database file of a real mosquitto, as our reader sees it. */

import assert from "node:assert/strict";
import { closeSync, openSync, readSync } from "node:fs";
import { test } from "node:test";
import { readMosquittoFile } from "../../src/store/mosquitto-file.ts";
import { MessageState, type MosquittoClientMessage } from "../../src/store/mosquitto-records.ts";
import { textCodec } from "../fake/text.ts";
import { fillMosquitto, LIFETIME, mosquittoFile } from "./mosquitto.ts";

test("a file of mosquitto's own", async (context) => {
	const before = Math.floor(Date.now() / 1000);
	const path = await mosquittoFile(context, fillMosquitto);
	const after = Math.ceil(Date.now() / 1000);
	const fd = openSync(path, "r");
	context.after(() => closeSync(fd));
	const topics = new Map<string, string>();
	const expiring = new Map<string, number>();
	const clients: unknown[] = [];
	const deliveries: Record<string, Partial<MosquittoClientMessage> & { topic: string | undefined }> = {};
	const retained: unknown[] = [];
	const subscriptions: unknown[] = [];
	const summary = readMosquittoFile(
		{
			read(position, length) {
				const bytes = new Uint8Array(length);
				return bytes.subarray(0, readSync(fd, bytes, 0, length, position));
			},
		},
		textCodec,
		{
			message({ id, topic, payload, properties, expiresAt }) {
				topics.set(id, topic);
				if (expiresAt !== 0) expiring.set(topic, expiresAt);
				const text = String.fromCharCode(...payload);
				if (/^a\/[1-5]$/.test(topic)) {
					assert.equal(text, `message ${topic.slice(2)}`);
					const correlationData = Uint8Array.of(0, 255);
					assert.deepEqual(properties, {
						contentType: "text",
						userProperty: [["key", "value"]],
						correlationData,
					});
				} else assert.equal(properties, null, topic);
			},
			client: ({ clientId, username, expiryInterval, expiresAt }) =>
				void clients.push([clientId, clientId === "five" ? username : null, expiryInterval, expiresAt !== 0]),
			clientMessage({ clientId, messageId, ...rest }) {
				const topic = topics.get(messageId);
				deliveries[`${clientId} ${topic}`] = { topic, ...rest };
			},
			retained: ({ messageId }) => void retained.push(topics.get(messageId)),
			subscription: ({ clientId, filter, qos, subscriptionId }) =>
				void subscriptions.push([clientId, filter, qos, subscriptionId]),
		},
	);
	assert.deepEqual(summary, {
		version: 6,
		settings: { shutdown: true },
		messages: 8,
		clients: 3,
		clientMessages: 7,
		retained: 2,
		subscriptions: 2,
		damaged: 0,
		lostOctets: 0,
		places: [],
	});
	assert.deepEqual(clients.sort(), [
		["five", "joe", 3600, true],
		["sender", null, 0xffff_ffff, false],
		["three", null, 0xffff_ffff, false],
	]);
	assert.deepEqual(subscriptions.sort(), [
		["five", "a/+/#", 2, 200],
		["three", "b/#", 1, 0],
	]);
	assert.deepEqual(retained.sort(), ["b/1", "c/1"]);
	assert.deepEqual([...expiring.keys()].sort(), ["a/1", "a/2", "a/3", "a/4", "a/5"]);
	for (const at of expiring.values()) assert.ok(at >= before + LIFETIME && at <= after + LIFETIME, `${at}`);
	const states = Object.entries(deliveries).map(([name, { state, incoming, qos, subscriptionId }]) => [
		name,
		state,
		incoming,
		qos,
		subscriptionId,
	]);
	const { WAIT_FOR_PUBCOMP, WAIT_FOR_PUBREC, WAIT_FOR_PUBREL, QUEUED } = MessageState;
	assert.deepEqual(states.sort(), [
		["five a/1", WAIT_FOR_PUBCOMP, false, 2, 200],
		["five a/2", WAIT_FOR_PUBREC, false, 2, 200],
		["five a/3", WAIT_FOR_PUBREC, false, 2, 200],
		["five a/4", QUEUED, false, 2, 200],
		["five a/5", QUEUED, false, 2, 200],
		["sender a/last", WAIT_FOR_PUBREL, true, 2, 0],
		["three b/1", QUEUED, false, 1, 0],
	]);
});
