/** The log of conversations with a client, line by line, on every host; and the subscription tree. */

import assert from "node:assert/strict";
import { connect as dial } from "node:net";
import { describe, test } from "node:test";
import { CONVERSATIONS } from "../vectors/log-lines.ts";
import { builtPrograms, next, type RunningBroker, startBroker } from "./harness.ts";
import { connect } from "./mqtt-client.ts";

const CONFIG = "listener auto 127.0.0.1\nallow_anonymous true\nlog_timestamp false\nlog_type all\n";

/** Sends all, ends its side, and waits for the broker's. Returns the address that it came from. */
async function converse(broker: RunningBroker, packets: readonly string[]): Promise<string> {
	const socket = dial(broker.port, "127.0.0.1");
	await next(socket, "connect");
	const address = `127.0.0.1:${socket.localPort}`;
	socket.resume();
	socket.end(Buffer.from(packets.join(""), "hex"));
	await next(socket, "close");
	return address;
}

for (const program of builtPrograms()) {
	describe(`log on ${program.name}`, () => {
		test("each conversation has mosquitto's lines", async (context) => {
			const broker = await startBroker(context, program, { config: CONFIG });
			for (const { name, packets, lines } of CONVERSATIONS) {
				const address = await converse(broker, packets);
				// The next connection's line comes after all of this one's.
				const after = await converse(broker, []);
				await broker.line(new RegExp(`\\[${after}\\] disconnected`));
				const [, rest = ""] = broker.log.split(`New connection from ${address} on port ${broker.port}.\n`);
				const [own = ""] = rest.split("New connection from ");
				assert.deepEqual(own.trimEnd().replaceAll(address, "A").split("\n"), lines, name);
			}
			await broker.stop();
		});

		test("SIGUSR2 prints the subscription tree to standard output, as mosquitto does", async (context) => {
			const broker = await startBroker(context, program, { config: CONFIG });
			const first = await connect(broker.port, { clientId: "first" });
			for (const [filter, qos] of [
				["x/+/a", 1],
				["x/y", 2],
				["#", 0],
				["$SYS/broker/uptime", 0],
			] as const) {
				await first.subscribeAsync(filter, { qos });
			}
			const second = await connect(broker.port, { clientId: "second\u2028", protocolVersion: 5 });
			await second.subscribeAsync(["x/y", "$share/g/x/y"], { qos: 1 });
			broker.signal("SIGUSR2");
			await broker.process.line(/share/, "stdout");
			const expected = [
				"    ",
				"      ",
				"        x",
				"          +",
				"            a (first, 1)",
				"          y (first, 2) (second\\u2028, 1)",
				"        # (first, 0)",
				"    $SYS",
				"      $SYS",
				"        broker",
				"          uptime (first, 0)",
				"    ",
				"      ",
				"        x",
				"          y $share/g (second\\u2028, 1)",
				"",
			];
			assert.deepEqual(broker.process.stdout.split("\n"), expected);
			await first.endAsync();
			await second.endAsync();
			await broker.stop();
		});
	});
}
