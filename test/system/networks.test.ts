/**
 * `option interface lan` of the built broker: a netifd and a ubusd of ours, and addresses of this machine's loopback that come, go
 * and change. The network comes up after the start. What is an error of UCI is told of with its section and option.
 */

import assert from "node:assert/strict";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createNodeHost } from "../../src/node/host.ts";
import { PacketType } from "../../src/packet/packet.ts";
import { FakeNetifd } from "../fake/netifd.ts";
import { FakeUbusd } from "../fake/ubusd.ts";
import {
	builtPrograms,
	commandOf,
	configFile,
	Running,
	RunningBroker,
	run,
	temporaryFolder,
} from "./harness.ts";
import { RawClient } from "./raw-client.ts";

const UCI = `config mqttd
	option user root
	option ubus 0

config listener 'home'
	option port auto
	option interface lan
	option allow_anonymous 1
`;

for (const program of builtPrograms()) {
	describe(program.name, () => {
		test("a listener waits for its network, follows its addresses, and keeps who is connected", async (context) => {
			const folder = temporaryFolder(context);
			const socket = join(folder, "ubus.sock");
			const host = createNodeHost();
			const ubusd = new FakeUbusd(host);
			await ubusd.listen(socket);
			chmodSync(socket, 0o666);
			const netifd = new FakeNetifd(host, socket, { lan: null, wan: ["127.0.0.9"] });
			context.after(() => {
				netifd.close();
				ubusd.stop();
			});

			const [command, args] = commandOf(program, ["--uci", configFile(folder, UCI, "mqttd")]);
			const started = new Running(["env", [`MQTTD_UBUS_SOCKET=${socket}`, command, ...args]]);
			context.after(() => started.child.kill("SIGKILL"));
			await started.line(/The network lan has no address yet: its listener waits for one\./);
			await started.line(/ running$/m);

			netifd.set({ lan: ["127.0.0.2"], wan: ["127.0.0.9"] });
			const [, opened] = await started.line(/Opening ipv4 listen socket on port ([0-9]+)\./);
			const port = Number(opened);
			const broker = new RunningBroker(started, port);
			const { client: early } = await RawClient.open({ port, host: "127.0.0.2" }, { clientId: "early" });
			await assert.rejects(RawClient.open({ port, host: "127.0.0.9" }, { clientId: "stranger" }));
			await early.subscribe("a", 0);

			netifd.set({ lan: ["127.0.0.3"] });
			await started.line(/Closing listener on 127\.0\.0\.2 port [0-9]+: lan has left it\./);
			await started.line(/(?:Opening ipv4 listen socket [\s\S]*){2}\./);
			const { client: late } = await RawClient.open({ port, host: "127.0.0.3" }, { clientId: "late" });
			await assert.rejects(RawClient.open({ port, host: "127.0.0.2" }, { clientId: "stranger" }));
			late.publish("a", "still here", 0, 0);
			const heard = await early.next(PacketType.PUBLISH);
			assert.ok(heard.type === PacketType.PUBLISH);
			assert.equal(new TextDecoder().decode(heard.payload), "still here");
			await broker.stop();
		});

		test("an error names section and option, of a list the value's line, and each kind of section has some", async (context) => {
			const folder = temporaryFolder(context);
			for (const [text, error, place] of [
				[
					"config mqttd m\n\toption sys_interval x\n",
					/'sys_interval' value not a number/,
					"2 (mqttd 'm', option 'sys_interval')",
				],
				[
					"config listener\n\toption port 1\n\tlist allow_source ::1\n\tlist allow_source x\n",
					/'allow_source'/,
					"4 (listener, option 'allow_source')",
				],
				[
					"config persistence\n\toption location\n\toption where x\n",
					/Unknown option 'where'/,
					"3 (persistence, option 'where')",
				],
				[
					"config bridge b\n\toption start_type never\n",
					/'start_type' value in configuration \(never\)/,
					"2 (bridge 'b', option 'start_type')",
				],
				["config user\n\toption name x\n", /Unknown option 'name'/, "2 (user, option 'name')"],
				[
					"config acl a\n\tlist topic a\n\tlist topic 'a/#/b'\n",
					/invalid topic filter 'a\/#\/b'/,
					"3 (acl 'a', option 'topic')",
				],
				[
					"config topic\n\tlist topic a\n\toption durability so\n",
					/'durability' value \(so\)/,
					"3 (topic, option 'durability')",
				],
				["config lamp\n", /There is no section 'lamp'/, "1 (lamp)"],
			] as const) {
				const path = configFile(folder, text, "mqttd");
				const { code, stderr } = await run(program, ["--uci", path, "--test-config"]);
				assert.equal(code, 3, stderr);
				assert.match(stderr, error);
				assert.ok(stderr.includes(`Error found at ${path}:${place}.`), stderr);
			}
		});
	});
}
