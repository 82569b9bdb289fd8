/** `$SYS` of the built programs: the same topics on every host, their updates, and log lines among them. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SYS_QOS, SYS_TABLE } from "../vectors/sys-topics.ts";
import { builtPrograms, startBroker } from "./harness.ts";
import { type Arrived, connect, messages } from "./mqtt-client.ts";

const LISTENER = "listener auto 127.0.0.1\nallow_anonymous true\n";

for (const program of builtPrograms()) {
	describe(`$SYS on ${program.name}`, () => {
		test("who subscribes finds the topics of the table and no others, retained, with their QoS, each in its form", async (context) => {
			// Long enough that no update comes between.
			const broker = await startBroker(context, program, { config: `${LISTENER}sys_interval 65535\n` });
			const client = await connect(broker.port);
			const found: Arrived[] = [];
			client.on("message", (topic, payload, { qos, retain }) => {
				found.push({ topic, payload: payload.toString(), qos, retain });
			});
			await client.subscribeAsync("$SYS/#", { qos: 2 });
			// Comes after all that is retained, in the same order.
			await client.subscribeAsync("end", { qos: 2 });
			const arrived = new Promise<void>((resolve) => {
				client.on("message", (topic) => {
					if (topic === "end") resolve();
				});
			});
			await client.publishAsync("end", "x", { qos: 2 });
			await arrived;
			const ofSys = found.filter(({ topic }) => topic !== "end");
			assert.deepEqual(
				ofSys.map(({ topic }) => topic).sort(),
				SYS_TABLE.map(({ topic }) => topic),
			);
			for (const { topic, form } of SYS_TABLE) {
				const message = ofSys.find((each) => each.topic === topic)!;
				assert.match(message.payload, form, topic);
				assert.deepEqual([message.qos, message.retain], [SYS_QOS, true], topic);
			}
			const value = (name: string) =>
				Number(ofSys.find(({ topic }) => topic === `$SYS/broker/${name}`)!.payload);
			for (const name of ["current", "maximum"])
				assert.ok(value(`heap/${name}`) > 100_000, "octets, not pages");
			assert.deepEqual([value("clients/connected"), value("clients/total")], [1, 1]);
			assert.equal(value("retained messages/count"), SYS_TABLE.length);
			await client.endAsync();
			await broker.stop();
		});

		test("values come anew after sys_interval, not retained, and only those that changed", async (context) => {
			const broker = await startBroker(context, program, { config: `${LISTENER}sys_interval 1\n` });
			const client = await connect(broker.port);
			const all: string[] = [];
			client.on("message", (topic) => all.push(topic));
			const arrived = new Promise<void>((resolve) => {
				let count = 0;
				client.on("message", (topic) => {
					if (topic === "$SYS/broker/uptime" && ++count === 4) resolve();
				});
			});
			const uptimes = messages(client, 1);
			await client.subscribeAsync("$SYS/broker/uptime");
			assert.ok((await uptimes)[0]!.retain);
			await client.subscribeAsync(["$SYS/broker/version", "$SYS/broker/clients/#"]);
			await arrived;
			const times = (topic: string) => all.filter((each) => each === `$SYS/broker/${topic}`).length;
			assert.equal(times("uptime"), 4);
			assert.deepEqual([times("version"), times("clients/total"), times("clients/expired")], [1, 1, 1]);
			await client.endAsync();
			await broker.stop();
		});

		test("log_dest topic: who subscribes gets log lines", async (context) => {
			const config = `${LISTENER}log_dest stderr\nlog_dest topic\n`;
			const broker = await startBroker(context, program, { config });
			const client = await connect(broker.port, { clientId: "listener" });
			await client.subscribeAsync("$SYS/broker/log/N");
			const arrived = messages(client, 2);
			const other = await connect(broker.port, { clientId: "other" });
			const texts = (await arrived).map(({ topic, payload, retain }) => [topic, payload, retain] as const);
			assert.ok(texts.every(([topic, , retain]) => topic === "$SYS/broker/log/N" && !retain));
			assert.match(texts[0]![1], /^\d+: New connection from 127\.0\.0\.1:\d+ on port \d+\.$/);
			assert.match(texts[1]![1], /^\d+: New client connected from .* as other /);
			await other.endAsync();
			await client.endAsync();
			await broker.stop();
		});
	});
}
