/** Options that the wire cases do not reach: what the running broker makes of them, on every host. */

import assert from "node:assert/strict";
import { connect as dial } from "node:net";
import { describe, type TestContext, test } from "node:test";
import mqtt, { type IConnackPacket } from "mqtt";
import {
	type BuiltProgram,
	builtPrograms,
	commandOf,
	configFile,
	Running,
	startBroker,
	temporaryFolder,
} from "./harness.ts";

/** Whether something listens there. */
function listens(port: number, host: string): Promise<boolean> {
	return new Promise((resolve) => {
		const socket = dial(port, host, () => {
			socket.destroy();
			resolve(true);
		});
		socket.once("error", () => resolve(false));
	});
}

/** The answer of MQTT 5 to a client without user name, which then leaves. */
function greeted(port: number, host: string, clientId = ""): Promise<IConnackPacket> {
	return new Promise((resolve, reject) => {
		const options = { port, host, clientId, protocolVersion: 5, reconnectPeriod: 0 } as const;
		const client = mqtt.connect(options);
		client.once("packetreceive", (packet) => {
			client.end(true);
			if (packet.cmd === "connack") resolve(packet);
			else reject(new Error(`${packet.cmd} in place of CONNACK`));
		});
		client.on("error", () => undefined);
	});
}

const REFUSED = 0x87;

/** Two listeners, on two addresses; a configuration that can be changed. */
class TwoListeners {
	readonly broker: Running;
	readonly #folder: string;
	#ports: readonly number[] = [];

	private constructor(context: TestContext, program: BuiltProgram, lines: readonly string[]) {
		this.#folder = temporaryFolder(context);
		this.broker = new Running(commandOf(program, ["-c", this.write(lines)]));
		context.after(() => this.broker.child.kill("SIGKILL"));
	}

	static async start(
		context: TestContext,
		program: BuiltProgram,
		lines: readonly string[],
	): Promise<TwoListeners> {
		const started = new TwoListeners(context, program, lines);
		await started.broker.line(/ running$/m);
		const openings = started.broker.stderr.matchAll(/ipv4 listen socket on port ([0-9]+)\./g);
		started.#ports = [...openings].map(([, port]) => Number(port));
		assert.equal(started.#ports.length, 2);
		return started;
	}

	/** `ONE` and `TWO` are the lines of the listeners. */
	write(lines: readonly string[]): string {
		const text = lines
			.join("\n")
			.replace("ONE", "listener auto 127.0.0.1")
			.replace("TWO", "listener auto 127.0.0.2");
		return configFile(this.#folder, `${text}\n`);
	}

	/** Reloads with these lines; resolves with what was logged meanwhile, once `pattern` was. */
	async reload(lines: readonly string[], pattern: RegExp): Promise<string> {
		this.write(lines);
		const start = this.broker.stderr.length;
		process.kill(this.broker.pid, "SIGHUP");
		await this.broker.line(new RegExp(`^[^]{${start}}[^]*${pattern.source}`));
		return this.broker.stderr.slice(start);
	}

	/** Whether each lets anonymous clients in. */
	async anonymous(): Promise<boolean[]> {
		const answers = this.#ports.map((port, i) => greeted(port, `127.0.0.${i + 1}`));
		return (await Promise.all(answers)).map(({ reasonCode }) => {
			assert.ok(reasonCode === 0 || reasonCode === REFUSED, `reason ${reasonCode}`);
			return reasonCode === 0;
		});
	}

	async identifiers(): Promise<unknown[]> {
		const answers = await Promise.all(this.#ports.map((port, i) => greeted(port, `127.0.0.${i + 1}`)));
		return answers.map(({ properties }) => properties?.assignedClientIdentifier);
	}
}

for (const program of builtPrograms()) {
	describe(`options: ${program.name}`, () => {
		test("port, bind_address, clientid_prefixes: the default listener, there only, closed to anonymous clients", async (context) => {
			const config = "port auto\nbind_address 127.0.0.1\n";
			const closed = await startBroker(context, program, { config });
			assert.deepEqual(
				[await listens(closed.port, "127.0.0.1"), await listens(closed.port, "127.0.0.2")],
				[true, false],
			);
			assert.equal((await greeted(closed.port, "127.0.0.1")).reasonCode, REFUSED);
			assert.match(closed.log, /The 'port' option is now deprecated/);
			await closed.stop();
			const open = await startBroker(context, program, { config: `${config}allow_anonymous true\n` });
			assert.equal((await greeted(open.port, "127.0.0.1")).reasonCode, 0);
			await open.stop();
			const named = await startBroker(context, program, {
				config: `${config}allow_anonymous true\nclientid_prefixes dev-\n`,
			});
			assert.equal((await greeted(named.port, "127.0.0.1", "dev-1")).reasonCode, 0);
			assert.equal((await greeted(named.port, "127.0.0.1", "Dev-1")).reasonCode, REFUSED);
			await named.line(/Refused Dev-1 \[[^\]]*\]: the client identifier has none of clientid_prefixes\./);
			await named.stop();
		});

		test("listener_allow_anonymous and listener_auto_id_prefix beat the broker's", async (context) => {
			const lines = ["allow_anonymous false", "ONE", "listener_allow_anonymous true", "TWO"];
			const two = await TwoListeners.start(context, program, lines);
			assert.deepEqual(await two.anonymous(), [true, false]);
			const prefixes = ["allow_anonymous true", "ONE", "TWO", "listener_auto_id_prefix two-"];
			await two.reload(prefixes, /Config reloaded\./);
			const [one, other] = await two.identifiers();
			assert.match(String(one), /^auto-.{8,}$/);
			assert.match(String(other), /^two-.{8,}$/);
			await two.reload(
				["allow_anonymous true", "auto_id_prefix all-", ...prefixes.slice(1)],
				/Config reloaded\./,
			);
			const after = await two.identifiers();
			assert.deepEqual(
				after.map((id) => String(id).slice(0, 4)),
				["all-", "two-"],
			);
		});

		test("per_listener_settings: of each listener, also after reloads, and of all without it", async (context) => {
			const start = "per_listener_settings true";
			const two = await TwoListeners.start(context, program, [start, "ONE", "allow_anonymous true", "TWO"]);
			assert.deepEqual(await two.anonymous(), [true, false]);
			await two.reload([start, "ONE", "TWO", "allow_anonymous true"], /Config reloaded\./);
			assert.deepEqual(await two.anonymous(), [false, true]);
			await two.reload(["ONE", "TWO", "allow_anonymous true"], /Config reloaded\./);
			assert.deepEqual(await two.anonymous(), [true, true]);
			const log = await two.reload(["allow_anonymous false", start, "ONE", "TWO"], /was not reloaded/);
			assert.match(log, /Error: per_listener_settings must be set before any other security settings\./);
			assert.deepEqual(await two.anonymous(), [true, true]);
			await two.reload([start, "ONE", "TWO"], /Config reloaded\./);
			assert.deepEqual(await two.anonymous(), [false, false]);
		});

		test("connection_messages: who comes and goes is logged, or not", async (context) => {
			for (const wanted of [true, false]) {
				const config = `listener auto 127.0.0.1\nallow_anonymous true\nconnection_messages ${wanted}\n`;
				const broker = await startBroker(context, program, { config });
				await greeted(broker.port, "127.0.0.1");
				const { stderr } = await broker.stop();
				assert.equal(/New client connected from 127\.0\.0\.1/.test(stderr), wanted, stderr);
			}
		});
	});
}
