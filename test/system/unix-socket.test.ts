/** A broker that takes over another's unix socket, on every host: the end of the first does not take it away. */

import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { connect as dial } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { builtPrograms, next, startBroker, temporaryFolder } from "./harness.ts";

for (const program of builtPrograms()) {
	describe(`unix socket on ${program.name}`, () => {
		test("stays with who came last, and goes with it", async (context) => {
			const path = join(temporaryFolder(context), "mqtt.sock");
			const config = `listener auto 127.0.0.1\nlistener 0 ${path}\n`;
			const first = await startBroker(context, program, { config });
			const second = await startBroker(context, program, { config });
			await first.stop();
			assert.equal(statSync(path).mode & 0o777, 0o770);
			const socket = dial(path);
			await next(socket, "connect");
			socket.destroy();
			// Its path stands for the address of its clients, as in mosquitto 2.1.
			await second.line(new RegExp(`: New connection from ${path}:0 on port 0\\.\\n`));
			await second.line(new RegExp(`: Client <unknown> \\[${path}:0\\] disconnected: `));
			await second.stop();
			assert.ok(!existsSync(path));
		});
	});
}
