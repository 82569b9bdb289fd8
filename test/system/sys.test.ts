/** `$SYS` of the built programs: the same topics on every host, their updates, and log lines among them. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SYS_TOPIC_NAMES } from "../vectors/sys-topics.ts";
import { builtPrograms, startBroker } from "./harness.ts";
import { connect, messages } from "./mqtt-client.ts";

const LISTENER = "listener auto 127.0.0.1\nallow_anonymous true\n";

/** What values look like, by the topic's end; all others are whole numbers. */
const FORMS: readonly (readonly [RegExp, RegExp])[] = [
	[/\/version$/, /^mqttd version \d/],
	[/\/uptime$/, /^\d+ seconds$/],
	[/\/load\//, /^\d+\.\d\d$/],
	[/\/heap\//, /^[1-9]\d{5,}$/],
	[/./, /^\d+$/],
];

for (const program of builtPrograms()) {
	describe(`$SYS on ${program.name}`, () => {
		test("who subscribes finds mosquitto's topics, retained, each in its form", async (context) => {
			// Long enough that no update comes between.
			const broker = await startBroker(context, program, { config: `${LISTENER}sys_interval 65535\n` });
			const client = await connect(broker.port);
			const arrived = messages(client, SYS_TOPIC_NAMES.length);
			await client.subscribeAsync("$SYS/#");
			const found = await arrived;
			assert.deepEqual(found.map(({ topic }) => topic).sort(), SYS_TOPIC_NAMES);
			for (const { topic, payload, retain } of found) {
				const form = FORMS.find(([name]) => name.test(topic))![1];
				assert.match(payload, form, topic);
				assert.ok(retain, topic);
			}
			await client.endAsync();
			await broker.stop();
		});

		test("values come anew after sys_interval", async (context) => {
			const broker = await startBroker(context, program, { config: `${LISTENER}sys_interval 1\n` });
			const client = await connect(broker.port);
			const arrived = messages(client, 3);
			await client.subscribeAsync("$SYS/broker/uptime");
			const found = await arrived;
			assert.deepEqual(
				found.map(({ retain }) => retain),
				[true, false, false],
			);
			const [, second, third] = found.map(({ payload }) => Number.parseInt(payload, 10));
			assert.ok(third! > second!, `${third} after ${second}`);
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
