/**
 * MQTT.js with protocol versions 3.1, 3.1.1 and 5.0: retained messages, wills, QoS 2, on every host. It knows nothing of
 * us (3.1.1: [MQTT-7.0.0-2]).
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import mqtt from "mqtt";
import { builtPrograms, startBroker } from "./harness.ts";
import { type Arrived, closed, connect, messages } from "./mqtt-client.ts";

const VERSIONS = [
	{ name: "3.1", protocolVersion: 3, protocolId: "MQIsdp" },
	{ name: "3.1.1", protocolVersion: 4, protocolId: "MQTT" },
	{ name: "5.0", protocolVersion: 5, protocolId: "MQTT" },
] as const;

for (const program of builtPrograms()) {
	for (const { name, ...version } of VERSIONS) {
		describe(`MQTT.js with MQTT ${name} on ${program.name}`, () => {
			test("a retained message reaches who subscribes later, and an empty one removes it", async (context) => {
				const broker = await startBroker(context, program);
				const client = await connect(broker.port, version);
				await client.publishAsync("room/1/temperature", "21.5", { qos: 1, retain: true });
				let arrived = messages(client, 1);
				await client.subscribeAsync("room/+/temperature", { qos: 1 });
				const expected: Arrived[] = [{ topic: "room/1/temperature", payload: "21.5", qos: 1, retain: true }];
				assert.deepEqual(await arrived, expected);

				arrived = messages(client, 2);
				await client.publishAsync("room/1/temperature", "", { qos: 1, retain: true });
				await client.unsubscribeAsync("room/+/temperature");
				await client.subscribeAsync(["room/+/temperature", "end"], { qos: 1 });
				await client.publishAsync("end", "end", { qos: 1 });
				assert.deepEqual(
					(await arrived).map((message) => [message.topic, message.payload, message.retain]),
					[
						["room/1/temperature", "", false],
						["end", "end", false],
					],
				);
				await client.endAsync();
				await broker.stop();
			});

			test("a will is published when its client goes without a word, and not when it says goodbye", async (context) => {
				const broker = await startBroker(context, program);
				const watcher = await connect(broker.port, version);
				await watcher.subscribeAsync("gone/#", { qos: 2 });
				const arrived = messages(watcher, 2);
				const will = (topic: string) => ({
					topic,
					payload: Buffer.from("lost"),
					qos: 2 as const,
					retain: false,
				});
				const polite = await connect(broker.port, {
					...version,
					clientId: "polite",
					will: will("gone/polite"),
				});
				await polite.endAsync();
				const lost = await connect(broker.port, { ...version, clientId: "lost", will: will("gone/lost") });
				const end = closed(lost);
				lost.stream.destroy();
				await end;
				await watcher.publishAsync("gone/end", "end", { qos: 2 });
				const [first, second] = await arrived;
				const both = [first, second].sort((a, b) => ((a?.topic ?? "") < (b?.topic ?? "") ? 1 : -1));
				assert.deepEqual(both, [
					{ topic: "gone/lost", payload: "lost", qos: 2, retain: false },
					{ topic: "gone/end", payload: "end", qos: 2, retain: false },
				]);
				await watcher.endAsync();
				await broker.stop();
			});

			test("200 QoS 2 messages arrive once each and in order, also in a session that was away", async (context) => {
				const broker = await startBroker(context, program);
				const session = { ...version, clientId: "subscriber", clean: false };
				const properties = { sessionExpiryInterval: 600 };
				const options = name === "5.0" ? { ...session, properties } : session;
				const first = await connect(broker.port, options);
				await first.subscribeAsync("count", { qos: 2 });
				await first.endAsync();

				const publisher = await connect(broker.port, version);
				// MQTT.js knows no receive maximum: 20 at once is what the broker announces.
				for (let i = 0; i < 100; i += 20) {
					const batch = Array.from({ length: 20 }, (_, j) => String(i + j));
					await Promise.all(batch.map((text) => publisher.publishAsync("count", text, { qos: 2 })));
				}
				const second = mqtt.connect(`mqtt://127.0.0.1:${broker.port}`, { ...options, reconnectPeriod: 0 });
				const arrived = messages(second, 200);
				for (let i = 100; i < 200; i++) await publisher.publishAsync("count", String(i), { qos: 2 });
				const expected = Array.from({ length: 200 }, (_, i) => `${i} at QoS 2`);
				assert.deepEqual(
					(await arrived).map(({ payload, qos }) => `${payload} at QoS ${qos}`),
					expected,
				);
				await second.endAsync();
				await publisher.endAsync();
				await broker.stop();
			});
		});
	}
}
