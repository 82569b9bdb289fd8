/** password_file and acl_file on every host: who gets in, who gets what, and what a reload of the files changes. */

import assert from "node:assert/strict";
import { createHash, pbkdf2Sync, randomBytes } from "node:crypto";
import { appendFileSync, chmodSync, writeFileSync } from "node:fs";
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
import { closed, connect, messages } from "./mqtt-client.ts";

/** A line of a password file, as mosquitto_passwd writes it. */
function passwordLine(name: string, password: string, kind: 6 | 7): string {
	const salt = randomBytes(12);
	const beginning = `${name}:$${kind}$${kind === 7 ? "101$" : ""}${salt.toString("base64")}$`;
	const hash =
		kind === 7
			? pbkdf2Sync(password, salt, 101, 64, "sha512")
			: createHash("sha512").update(password).update(salt).digest();
	return `${beginning}${hash.toString("base64")}\n`;
}

/** Debian's mosquitto_pub as that user. */
function publish(broker: RunningBroker, login: readonly string[], topic: string): Promise<Ended> {
	const where = ["-h", "127.0.0.1", "-p", String(broker.port), "-V", "5", "-q", "1"];
	return new Running(["mosquitto_pub", [...where, ...login, "-t", topic, "-m", "x"]]).ended;
}

for (const program of builtPrograms()) {
	describe(`access: ${program.name}`, () => {
		test("password_file lets in who is in it, acl_file says what they may do, and a reload reads both", async (context) => {
			const folder = temporaryFolder(context);
			const [passwords, rights] = [join(folder, "passwd"), join(folder, "acl")];
			const passwd = async (...args: string[]) => {
				const ended = await run(program, ["passwd", ...args]);
				assert.deepEqual([ended.code, ended.stderr], [0, ""]);
			};
			await passwd("-c", "-b", passwords, "ann", "p\u00e4ss");
			// As mosquitto before 2.1 wrote it.
			appendFileSync(passwords, passwordLine("bob", "word", 6) + passwordLine("carl", "word", 7));
			await passwd("-b", "-H", "sha512", "-I", "3", passwords, "dora", "four");
			await passwd("-D", passwords, "carl");
			// mosquitto 2.1 makes these by default.
			appendFileSync(passwords, "eve:$argon2id$v=19$m=47104,t=1,p=1$c2FsdHNhbHQ$aGFzaA\n");
			// Read again at a reload, by the user that the broker has become.
			chmodSync(passwords, 0o640);
			writeFileSync(
				rights,
				"user ann\ntopic home/#\ntopic deny home/safe\nuser bob\ntopic read home/#\npattern write log/%u\n",
			);
			const broker = await startBroker(context, program, {
				config: [
					"user root",
					"listener auto 127.0.0.1",
					"allow_anonymous false",
					`password_file ${passwords}`,
					`acl_file ${rights}`,
					"",
				].join("\n"),
			});
			assert.match(broker.log, new RegExp(`Warning: File ${rights} has world readable permissions`));
			assert.doesNotMatch(broker.log, new RegExp(`File ${passwords} `));
			assert.match(
				broker.log,
				/passwd:4: user 'eve' is left out: argon2id .* is not supported: set the password anew with mosquitto_passwd\./,
			);
			const ann = ["-u", "ann", "-P", "p\u00e4ss"];
			const bob = ["-u", "bob", "-P", "word"];

			for (const wrong of [
				[],
				["-u", "ann", "-P", "pass"],
				["-u", "carl", "-P", "word"],
				["-u", "bob"],
				["-u", "eve", "-P", "x"],
			]) {
				const refused = await publish(broker, wrong, "home/1");
				assert.equal(refused.code, 135, `${wrong.join(" ")}: ${refused.stderr}`);
			}
			await broker.line(/Login of 'ann' from 127\.0\.0\.1 failed: wrong password\./);
			await broker.line(/Login of 'carl' from 127\.0\.0\.1 failed: unknown user\./);

			const reader = await connect(broker.port, { username: "bob", password: "word", clientId: "reader" });
			await reader.subscribeAsync("#", { qos: 1 });
			const arrived = messages(reader, 2);
			const denied = await publish(broker, ann, "home/safe");
			assert.match(denied.stderr, /Not authorized/i);
			assert.match((await publish(broker, bob, "home/1")).stderr, /Not authorized/i);
			assert.equal((await publish(broker, ann, "home/1")).stderr, "");
			assert.doesNotMatch((await publish(broker, bob, "log/bob")).stderr, /Not authorized/i);
			assert.equal((await publish(broker, ann, "home/2")).stderr, "");
			assert.deepEqual(
				(await arrived).map(({ topic }) => topic),
				["home/1", "home/2"],
			);

			const rest = messages(reader, 1);
			writeFileSync(rights, "user ann\ntopic home/#\ntopic write log/#\nuser bob\ntopic read log/#\n");
			broker.signal("SIGHUP");
			await broker.line(/Config reloaded\./);
			// The subscription that there is: what it got before is kept from it, and the other way round.
			for (const topic of ["home/1", "log/1"])
				assert.doesNotMatch((await publish(broker, ann, topic)).stderr, /Not authorized/i);
			assert.deepEqual(
				(await rest).map(({ topic }) => topic),
				["log/1"],
			);
			assert.doesNotMatch((await publish(broker, ann, "home/safe")).stderr, /Not authorized/i);
			assert.match((await publish(broker, bob, "log/bob")).stderr, /Not authorized/i);

			writeFileSync(rights, "user ann\ntopic raed home/#\n");
			broker.signal("SIGHUP");
			await broker.line(/Error: .*acl:2: invalid access 'raed'/);
			await broker.line(/The configuration was not reloaded/);
			assert.ok(reader.connected, "the rules before stay in force");

			const end = closed(reader);
			writeFileSync(rights, "user ann\ntopic home/#\n");
			await passwd("-b", passwords, "ann", "another");
			await passwd("-D", passwords, "bob");
			broker.signal("SIGHUP");
			await end;
			await broker.line(/Client reader \[[^\]]*\] disconnected: not authori[sz]ed/);
			assert.equal((await publish(broker, ann, "home/1")).code, 135);
			assert.equal((await publish(broker, ["-u", "ann", "-P", "another"], "home/1")).code, 0);
			await broker.stop();
		});
	});
}
