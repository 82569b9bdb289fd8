/** Dynamic security and mosquitto_ctrl on every host: administered by ours and by Debian's, used by Debian's clients. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
	builtPrograms,
	type Ended,
	Running,
	type RunningBroker,
	run,
	startBroker,
	temporaryFolder,
} from "./harness.ts";
import { debianProgram } from "./mosquitto.ts";
import { closed, connect, messages } from "./mqtt-client.ts";

/** Debian's mosquitto_pub as that user. */
function publish(broker: RunningBroker, login: readonly string[], topic: string): Promise<Ended> {
	const where = ["-h", "127.0.0.1", "-p", String(broker.port), "-V", "5", "-q", "1"];
	return new Running(["mosquitto_pub", [...where, ...login, "-t", topic, "-m", "x"]]).ended;
}

const ANN = ["-u", "ann", "-P", "p\u00e4ss"];

for (const program of builtPrograms()) {
	describe(`dynamic security: ${program.name}`, () => {
		test("is administered while the broker runs, holds at once, and is there after a restart", async (context) => {
			const folder = temporaryFolder(context);
			const file = join(folder, "d.json");
			const init = await run(program, ["ctrl", "dynsec", "init", file, "admin", "secret"]);
			assert.deepEqual([init.code, init.stderr], [0, ""]);
			assert.match(init.stdout, /^The client 'admin' has been created in the file /);
			const config = [
				"listener auto 127.0.0.1",
				"enable_control_api true",
				"plugin /usr/lib/mosquitto_dynamic_security.so",
				`plugin_opt_config_file ${file}`,
				"",
			].join("\n");
			let broker = await startBroker(context, program, { config });
			const options = () => ["-h", "127.0.0.1", "-p", String(broker.port), "-u", "admin", "-P", "secret"];
			/** What ours prints; nothing on standard error but the warning. */
			const ctrl = async (...args: string[]): Promise<string> => {
				const ended = await run(program, ["ctrl", ...options(), "dynsec", ...args]);
				assert.deepEqual([ended.code, ended.stderr], [0, WARNING], args.join(" "));
				return ended.stdout;
			};
			const WARNING =
				"Warning: There is no encryption: all that is sent can be seen on the network, passwords too.\n\n";

			await ctrl("createRole", "writer");
			await ctrl("addRoleACL", "writer", "publishClientSend", "home/%u/#", "allow", "5");
			await ctrl("createGroup", "family");
			await ctrl("addGroupRole", "family", "writer", "3");
			await ctrl("createClient", "ann", "-p", "p\u00e4ss");
			assert.equal(
				(await publish(broker, ["-u", "ann", "-P", "pass"], "home/ann/1")).code,
				135,
				"a wrong password",
			);
			assert.match((await publish(broker, ANN, "home/ann/1")).stderr, /Not authorized/i);
			await ctrl("addGroupClient", "family", "ann", "2");
			assert.doesNotMatch((await publish(broker, ANN, "home/ann/1")).stderr, /Not authorized/i);
			assert.match((await publish(broker, ANN, "home/bob/1")).stderr, /Not authorized/i);

			// Debian's mosquitto_ctrl sees the same.
			const debian = (...args: string[]) =>
				new Running([debianProgram("bin/mosquitto_ctrl"), [...options(), "dynsec", ...args]]).ended;
			for (const args of [
				["listClients"],
				["listGroups"],
				["listRoles", "1", "1"],
				["getRole", "writer"],
				["getGroup", "family"],
				["getDefaultACLAccess"],
			]) {
				assert.equal((await debian(...args)).stdout, await ctrl(...args), args.join(" "));
			}
			assert.equal(
				await ctrl("getClient", "ann"),
				"Username:    ann\nClientid:\nGroups:      family (priority: 2)\n",
			);
			assert.equal(
				await ctrl("getRole", "writer"),
				"Rolename: writer\nACLs:     publishClientSend    : allow : home/%u/# (priority: 5)\n",
			);
			assert.match((await debian("getClient", "nobody")).stderr, /getClient: Error: Client not found/);
			const refused = await run(program, ["ctrl", ...options(), "dynsec", "getClient", "nobody"]);
			assert.equal(refused.stderr, `${WARNING}getClient: Error: Client not found.\n`);

			const listeners = await run(program, ["ctrl", ...options(), "broker", "listListeners"]);
			assert.match(
				listeners.stderr,
				/Subscribe error: Subscription refused\./,
				"for which admin has no rights",
			);
			await ctrl("addRoleACL", "admin", "subscribePattern", "$CONTROL/broker/#", "allow");
			await ctrl("addRoleACL", "admin", "publishClientReceive", "$CONTROL/broker/#", "allow");
			await ctrl("addRoleACL", "admin", "publishClientSend", "$CONTROL/broker/#", "allow");
			assert.equal(
				(await run(program, ["ctrl", ...options(), "broker", "listListeners"])).stdout,
				`Listener 1:\n  Port:              ${broker.port}\n  Protocol:          mqtt\n  Bind address:      127.0.0.1\n  TLS:               false\n\n`,
			);

			// Who is connected is sent away; the file is whole and for its owner only at any time.
			const client = await connect(broker.port, {
				username: "ann",
				password: "p\u00e4ss",
				clientId: "a",
				protocolVersion: 5,
			});
			const end = closed(client);
			const before = statSync(file).ino;
			await ctrl("disableClient", "ann");
			await end;
			await broker.line(/Client a \[[^\]]*\] disconnected: administrative action\./);
			assert.equal((await publish(broker, ANN, "home/ann/1")).code, 135);
			assert.equal(statSync(file).mode & 0o777, 0o640, "as init made it");
			assert.notEqual(statSync(file).ino, before, "another file has taken its place");
			assert.deepEqual(readdirSync(folder), ["d.json"]);
			const kept = JSON.parse(readFileSync(file, "utf8"));
			assert.equal(kept.clients.find((each: { username: string }) => each.username === "ann").disabled, true);
			await broker.stop();

			const changed = await run(program, [
				"ctrl",
				"-f",
				file,
				"dynsec",
				"setClientPassword",
				"ann",
				"new",
				"-i",
				"10",
			]);
			assert.deepEqual([changed.code, changed.stderr], [0, ""]);
			broker = await startBroker(context, program, { config });
			assert.equal(
				(await publish(broker, ["-u", "ann", "-P", "new"], "home/ann/1")).code,
				135,
				"still disabled",
			);
			await ctrl("enableClient", "ann");
			assert.equal((await publish(broker, ["-u", "ann", "-P", "new"], "home/ann/1")).code, 0);
			assert.equal((await publish(broker, ANN, "home/ann/1")).code, 135);
			await broker.stop();
		});

		test("the first start makes the file and passwords; hostile requests are answered", async (context) => {
			const file = join(temporaryFolder(context), "d.json");
			const config = [
				"listener auto 127.0.0.1",
				"allow_anonymous true",
				"plugin mosquitto_dynamic_security.so",
				`plugin_opt_config_file ${file}`,
				"",
			].join("\n");
			const broker = await startBroker(context, program, { config });
			const passwords = new Map(
				readFileSync(`${file}.pw`, "utf8")
					.trim()
					.split("\n")
					.map((line) => line.split(" ") as [string, string]),
			);
			assert.equal(statSync(`${file}.pw`).mode & 0o777, 0o600);
			const topic = "$CONTROL/dynamic-security/v1";
			const admin = await connect(broker.port, { username: "admin", password: passwords.get("admin")! });
			await admin.subscribeAsync(`${topic}/response`);
			for (const hostile of [
				"[".repeat(250_000),
				'{"commands":['.repeat(18_000),
				`{"commands":[${"{},".repeat(80_000)}{}]}`,
				"x".repeat(300_000),
			]) {
				const answer = messages(admin, 1);
				admin.publish(topic, hostile);
				assert.match(
					(await answer)[0]?.payload ?? "",
					/^\{"responses":\[\{"command":"Unknown command","error":"[^"]+"\}\]\}$/,
				);
			}
			const user = await connect(broker.port, {
				username: "democlient",
				password: passwords.get("democlient")!,
			});
			await user.subscribeAsync("#");
			const arrived = messages(user, 1);
			await user.publishAsync("a/b", "c", { qos: 1 });
			assert.equal((await arrived)[0]?.topic, "a/b");
			const denied = await publish(broker, [], "a/b");
			assert.match(denied.stderr, /Not authorized/i, "the anonymous group has no roles");
			const end = closed(user);
			writeFileSync(file, readFileSync(file, "utf8").replace('"democlient"', '"another"'));
			broker.signal("SIGHUP");
			await end;
			await broker.line(/Config reloaded\./);
			await admin.endAsync();
			await broker.stop();
		});
	});
}
