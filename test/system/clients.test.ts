/**
 * mosquitto_pub and mosquitto_sub, Debian's and ours, crosswise through the broker on every host: all versions of the protocol,
 * all levels of QoS, and what scripts read of them.
 */

import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { builtPrograms, commandOf, type Ended, Running, type RunningBroker, startBroker } from "./harness.ts";

/** A pair of clients: how each is called. */
interface Clients {
	readonly name: string;
	readonly pub: (args: readonly string[]) => readonly [string, readonly string[]];
	readonly sub: (args: readonly string[]) => readonly [string, readonly string[]];
}

const DEBIAN: Clients = {
	name: "Debian's",
	pub: (args) => ["mosquitto_pub", args],
	sub: (args) => ["mosquitto_sub", args],
};

const VERSIONS = ["mqttv31", "mqttv311", "mqttv5"];
const QOS = [0, 1, 2];

/** A subscriber that the broker has answered. */
async function subscribed(
	context: TestContext,
	broker: RunningBroker,
	sub: Clients["sub"],
	clientId: string,
	args: readonly string[],
): Promise<Running> {
	const all = ["-h", "127.0.0.1", "-p", String(broker.port), "-i", clientId, ...args];
	const running = new Running(sub(all));
	context.after(() => running.child.kill("SIGKILL"));
	await broker.line(new RegExp(`Sending SUBACK to ${clientId}\\b`));
	return running;
}

function publish(broker: RunningBroker, pub: Clients["pub"], args: readonly string[]): Promise<Ended> {
	return new Running(pub(["-h", "127.0.0.1", "-p", String(broker.port), ...args])).ended;
}

for (const program of builtPrograms()) {
	const ours: Clients = {
		name: "ours",
		pub: (args) => commandOf(program, ["pub", ...args]),
		sub: (args) => commandOf(program, ["sub", ...args]),
	};
	describe(`mosquitto_pub and mosquitto_sub with the broker on ${program.name}`, () => {
		for (const from of [DEBIAN, ours]) {
			for (const to of [DEBIAN, ours]) {
				test(`${from.name} mosquitto_pub, ${to.name} mosquitto_sub: every version and QoS`, async (context) => {
					const broker = await startBroker(context, program, { args: ["-v"] });
					for (const version of VERSIONS) {
						for (const qos of QOS) {
							const topic = `${version}/${qos}/t\u00f6pic`;
							const options = ["-V", version, "-q", String(qos), "-t", topic];
							const format = ["-F", "%t|%q|%r|%p", "-C", "1"];
							const id = `sub-${version}-${qos}`;
							const subscriber = await subscribed(context, broker, to.sub, id, [...options, ...format]);
							const text = `hello ${version} at ${qos}`;
							const published = await publish(broker, from.pub, [...options, "-m", text]);
							assert.deepEqual([published.code, published.stdout, published.stderr], [0, "", ""]);
							const ended = await subscriber.ended;
							assert.deepEqual(
								[ended.code, ended.stdout, ended.stderr],
								[0, `${topic}|${qos}|0|${text}\n`, ""],
							);
						}
					}
					await broker.stop();
				});
			}
		}

		test("the seed's own commands print hello", async (context) => {
			const broker = await startBroker(context, program, { args: ["-v"] });
			for (const { pub, sub } of [DEBIAN, ours]) {
				const port = ["-h", "localhost", "-p", String(broker.port), "-t", "mqtt"];
				const before = broker.log.length;
				const subscriber = new Running(sub(port));
				context.after(() => subscriber.child.kill("SIGKILL"));
				await broker.line(new RegExp(`^[^]{${before}}[^]*Sending SUBACK to`));
				const published = await new Running(pub([...port, "-m", "hello"])).ended;
				assert.deepEqual([published.code, published.stderr], [0, ""]);
				await subscriber.line(/^hello\n$/, "stdout");
				subscriber.child.kill("SIGINT");
				await subscriber.ended;
			}
			await broker.stop();
		});

		test("retained messages, -v, an empty payload, lines of standard input", async (context) => {
			const broker = await startBroker(context, program, { args: ["-v"] });
			for (const [i, { pub, sub }] of [DEBIAN, ours].entries()) {
				const topic = `retained/${i}`;
				assert.equal((await publish(broker, pub, ["-t", topic, "-r", "-q", "1", "-m", "kept"])).code, 0);
				const subscriber = await subscribed(context, broker, sub, `retained-${i}`, [
					"-t",
					topic,
					"-v",
					"-C",
					"4",
				]);
				assert.equal((await publish(broker, pub, ["-t", topic, "-r", "-q", "1", "-n"])).code, 0);
				const args = ["-h", "127.0.0.1", "-p", String(broker.port), "-t", topic, "-q", "1", "-l"];
				const lines = new Running(pub(args), "one\ntwo\n");
				assert.equal((await lines.ended).code, 0);
				const expected = ["kept", "(null)", "one", "two"].map((text) => `${topic} ${text}\n`).join("");
				assert.equal((await subscriber.ended).stdout, expected);
			}
			await broker.stop();
		});

		test("a will of a client that is killed; a refusal; a broker that is not there", async (context) => {
			const broker = await startBroker(context, program, { args: ["-v"] });
			for (const [i, { pub, sub }] of [DEBIAN, ours].entries()) {
				const watcher = await subscribed(context, broker, sub, `watcher-${i}`, [
					"-t",
					`will/${i}`,
					"-C",
					"1",
				]);
				const will = ["-t", "x", "--will-topic", `will/${i}`, "--will-payload", "gone", "--will-qos", "1"];
				const victim = await subscribed(context, broker, sub, `victim-${i}`, will);
				victim.child.kill("SIGKILL");
				assert.equal((await watcher.ended).stdout, "gone\n");

				const closed = await startBroker(context, program, { config: "listener auto 127.0.0.1\n" });
				const refused = await publish(closed, pub, ["-t", "a", "-m", "b"]);
				assert.equal(refused.code, 5);
				assert.match(refused.stderr, /^Connection error: Connection Refused: not authorised\.\n/);
				await closed.stop();
				const missing = await publish(closed, pub, ["-t", "a", "-m", "b"]);
				assert.deepEqual([missing.code, missing.stderr], [1, "Error: Connection refused\n"]);
			}
			await broker.stop();
		});
	});
}
