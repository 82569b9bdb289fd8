/** SIGHUP opens and closes listeners of the running broker, on every host; who is connected stays. */

import assert from "node:assert/strict";
import { connect as dial } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { builtPrograms, commandOf, configFile, Running, temporaryFolder } from "./harness.ts";
import { connect, messages } from "./mqtt-client.ts";

/** Whether something listens there. */
function listens(where: number | string): Promise<boolean> {
	return new Promise((resolve) => {
		const socket = typeof where === "string" ? dial(where) : dial(where, "127.0.0.1");
		socket.once("connect", () => {
			socket.destroy();
			resolve(true);
		});
		socket.once("error", () => resolve(false));
	});
}

for (const program of builtPrograms()) {
	describe(`reload: ${program.name}`, () => {
		test("listeners come and go, a listener is widened, and a failure changes nothing", async (context) => {
			const folder = temporaryFolder(context);
			const [first, second] = [join(folder, "first.sock"), join(folder, "second.sock")];
			const write = (...lines: string[]) =>
				configFile(folder, ["allow_anonymous true", ...lines, ""].join("\n"));
			const path = write("listener auto 127.0.0.1", `listener 0 ${first}`);
			const broker = new Running(commandOf(program, ["-c", path]));
			context.after(() => broker.child.kill("SIGKILL"));
			await broker.line(/ running$/m);
			const port = Number((await broker.line(/ipv4 listen socket on port ([0-9]+)\./))[1]);
			const client = await connect(port);
			await client.subscribeAsync("reload/#", { qos: 1 });
			const echo = async (topic: string) => {
				const arrived = messages(client, 1);
				await client.publishAsync(topic, "x", { qos: 1 });
				assert.equal((await arrived)[0]?.topic, topic);
			};
			let closed = false;
			client.once("close", () => {
				closed = true;
			});
			assert.ok(await listens(first));

			write("listener auto 127.0.0.1", `listener 0 ${second}`);
			process.kill(broker.pid, "SIGHUP");
			await broker.line(/Config reloaded\./);
			assert.deepEqual([await listens(first), await listens(second)], [false, true]);
			await echo("reload/1");

			// The port is taken by the broker itself, which has to make way for itself, and in vain.
			write(`listener ${port}`, "socket_domain ipv4", "listener 0 /nowhere/at/all.sock");
			process.kill(broker.pid, "SIGHUP");
			await broker.line(/The configuration was not reloaded/);
			assert.deepEqual([await listens(port), await listens(second)], [true, true]);
			await echo("reload/2");

			write(`listener ${port}`, "socket_domain ipv4");
			process.kill(broker.pid, "SIGHUP");
			await broker.line(/Closed listener on port [0-9]+\.\n(.*\n)*.*Config reloaded\./);
			assert.deepEqual([await listens(port), await listens(second)], [true, false]);
			await echo("reload/3");
			assert.ok(!closed, "the client stayed");
			await client.endAsync();
			process.kill(broker.pid, "SIGTERM");
			assert.equal((await broker.ended).code, 0);
		});
	});
}
