/**
 * Who is refused is told with address and reason, so that fail2ban and nftables can ban it: on every host, with the filter and
 * the sets that come with mqttd, and by clients that try to have others banned.
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { pbkdf2Sync, randomBytes } from "node:crypto";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import mqttPacket, { type IConnectPacket } from "mqtt-packet";
import { formatPasswordHash } from "../../src/config/password.ts";
import {
	builtPrograms,
	configFile,
	next,
	type RunningBroker,
	startBroker,
	temporaryFolder,
} from "./harness.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FAIL2BAN = join(ROOT, ".cache/fail2ban");
const FILTER = join(ROOT, "files/etc/fail2ban/filter.d/mqttd.conf");
const SETS = join(ROOT, "files/usr/share/doc/mqttd/bans.nft");

/** The addresses that fail2ban finds in a log, each as often as a line has it. */
function found(log: string): string[] {
	const env = { ...process.env, PYTHONPATH: join(FAIL2BAN, "usr/lib/python3/dist-packages") };
	const program = join(FAIL2BAN, "usr/bin/fail2ban-regex");
	const args = [program, "-c", join(FAIL2BAN, "etc/fail2ban"), "-o", "ip", log, FILTER];
	return execFileSync("python3", args, { env, encoding: "utf8" }).trim().split("\n");
}

/** Connects through the listener as a proxy that says so of the client; resolves when the broker has ended it. */
async function attempt(
	broker: RunningBroker,
	address: string,
	fields: Partial<IConnectPacket>,
): Promise<void> {
	const socket = connect(broker.port, "127.0.0.1");
	socket.on("error", () => undefined);
	const [family, to] = address.includes(":") ? ["TCP6", "::1"] : ["TCP4", "127.0.0.1"];
	socket.write(`PROXY ${family} ${address} ${to} 40000 1883\r\n`);
	socket.write(mqttPacket.generate({ cmd: "connect", clientId: "c", protocolVersion: 4, ...fields }));
	// Who is let in says goodbye.
	socket.write(mqttPacket.generate({ cmd: "disconnect" }));
	socket.resume();
	await next(socket, "close");
}

for (const program of builtPrograms()) {
	describe(`bans: ${program.name}`, () => {
		test("every refused login has one line with its address, in each form of the log, and nobody can have another banned", async (context) => {
			const folder = temporaryFolder(context);
			const salt = randomBytes(12);
			const hash = pbkdf2Sync("right", salt, 10, 64, "sha512");
			const line = `ann:${formatPasswordHash({ kind: "pbkdf2", iterations: 10, salt, hash })}\n`;
			const passwords = configFile(folder, line, "passwords");
			chmodSync(passwords, 0o600);
			const config = `listener auto 127.0.0.1\nenable_proxy_protocol 1\npassword_file ${passwords}\nallow_anonymous false\n`;
			const broker = await startBroker(context, program, { config });
			const ann = { username: "ann", password: Buffer.from("wrong") };
			await attempt(broker, "198.51.100.1", { username: "ann", password: Buffer.from("right") });
			await attempt(broker, "203.0.113.1", ann);
			await attempt(broker, "203.0.113.2", { ...ann, username: "nobody" });
			await attempt(broker, "203.0.113.3", { username: "ann" });
			await attempt(broker, "203.0.113.4", {});
			await attempt(broker, "2001:db8::5", ann);
			await attempt(broker, "2001:db8::6", {});
			// Of others: 192.0.2.x.
			const lie = "' from 192.0.2.1 failed: wrong password.";
			await attempt(broker, "203.0.113.7", { ...ann, username: `x${lie}` });
			const name = "x [192.0.2.2:1]: anonymous clients are not allowed.";
			await attempt(broker, "203.0.113.8", { clientId: name });
			const right = { username: "ann", password: Buffer.from("right") };
			await attempt(broker, "198.51.100.2", { ...right, clientId: `Login of 'x${lie}` });
			await attempt(broker, "198.51.100.2", { ...right, clientId: name });
			await attempt(broker, "198.51.100.2", { ...right, clientId: `mqttd[1]: Login of 'x${lie}` });
			// From the fifth failure on the block is ever longer, until it holds for the next attempt.
			const blocked = "Login of 'ann' from 203.0.113.9 failed: too many failed logins from its address.";
			for (let count = 0; count < 40 && !broker.log.includes(blocked); count++) {
				await attempt(broker, "203.0.113.9", ann);
			}
			const { stderr } = await broker.stop();
			assert.match(stderr, /Login of 'ann' from 203\.0\.113\.1 failed: wrong password\.\n/);
			assert.match(stderr, /Login of 'nobody' from 203\.0\.113\.2 failed: unknown user\.\n/);
			assert.match(stderr, /Login of 'ann' from 203\.0\.113\.3 failed: no password\.\n/);
			assert.match(stderr, /Refused c \[203\.0\.113\.4:40000\]: anonymous clients are not allowed\.\n/);
			// Said once, and by one line as mosquitto has it.
			assert.match(stderr, /Client c \[203\.0\.113\.1:40000\] disconnected: not authorised\.\n/);
			assert.doesNotMatch(stderr, /Refused .*203\.0\.113\.1:/);
			assert.ok(stderr.includes(blocked), stderr);
			assert.match(
				stderr,
				/Warning: 5 failed logins from 203\.0\.113\.9: further ones are refused for 1 s\.\n/,
			);

			const lines = stderr.trimEnd().split("\n");
			const forms = {
				file: lines,
				// As syslogd writes it, and with a time that people read.
				syslog: lines.map((line) => `Nov 22 20:26:47 router mqttd[12]: ${line}`),
				log_timestamp_format: lines.map((line) => line.replace(/^[0-9]+/, "2026-11-22T20:26:47")),
			};
			const expected = ["203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4"];
			expected.push("2001:db8::5", "2001:db8::6", "203.0.113.7", "203.0.113.8");
			for (const [form, text] of Object.entries(forms)) {
				const log = join(folder, form);
				writeFileSync(log, `${text.join("\n")}\n`);
				const all = found(log);
				assert.deepEqual(
					all.filter((address) => address !== "203.0.113.9"),
					expected,
					form,
				);
				assert.ok(all.length >= expected.length + 6, `${form}: ${all}`);
			}
		});
	});
}

test("the sets for nftables are taken, and an address can be banned as they say", () => {
	const command = /nft add element inet mqttd banned4 '[^']+'/.exec(readFileSync(SETS, "utf8"))?.[0];
	assert.ok(command !== undefined);
	const list = "nft list set inet mqttd banned4";
	// In a network of its own.
	const script = `PATH=$PATH:/usr/sbin; nft -f '${SETS}' && ${command} && ${list}`;
	const said = execFileSync("unshare", ["-rn", "sh", "-c", script], { encoding: "utf8" });
	assert.match(said, /203\.0\.113\.5 timeout 1h/);
});
