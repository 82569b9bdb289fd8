/**
 * The built broker on a bus: a ubusd of ours on a real socket, real clients, and somebody who calls the object `mqttd`. What each
 * method answers in detail is for unit tests; here it is every method on every host, pages of long lists, events, and restarts.
 */

import assert from "node:assert/strict";
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { METHODS } from "../../src/bin/ubus/interface.ts";
import type { Log } from "../../src/host/host.ts";
import { createNodeHost } from "../../src/node/host.ts";
import { PacketType } from "../../src/packet/packet.ts";
import { Status, UbusClient, UbusError } from "../../src/ubus/client.ts";
import type { UbusInputTable } from "../../src/ubus/value.ts";
import { FakeUbusd } from "../fake/ubusd.ts";
import {
	type BuiltProgram,
	builtPrograms,
	type RunningBroker,
	startBroker,
	temporaryFolder,
} from "./harness.ts";
import { RawClient } from "./raw-client.ts";

/** User and group id of nobody. */
const NOBODY = 65534;
const SESSIONS = 130;
const RETAINED = 1200;
const PAYLOAD = "x".repeat(1500);

const quiet: Log = { enabled: () => false, write: () => {} };

// biome-ignore lint/suspicious/noExplicitAny: tests look into it wherever they want
type Answer = any;

/** A bus with somebody on it. */
class Bus {
	readonly ubusd: FakeUbusd;
	readonly caller: UbusClient;
	readonly socket: string;
	private readonly heard: [name: string, data: Answer][] = [];
	private waiting: (() => void)[] = [];
	private connected: () => void = () => {};
	/** Whether the broker's object is there. */
	private isServed = false;

	private constructor(socket: string) {
		const host = createNodeHost();
		this.socket = socket;
		this.ubusd = new FakeUbusd(host);
		const onState = (isConnected: boolean) => {
			if (isConnected) this.connected();
		};
		this.caller = new UbusClient(host, quiet, { sockets: [socket], onState });
		this.caller.listen("*", (name, data) => {
			this.heard.push([name, data]);
			this.changed();
		});
		this.caller.subscribe("mqttd", {
			onNotification: () => undefined,
			onState: (isSubscribed) => {
				this.isServed = isSubscribed;
				this.changed();
			},
		});
	}

	static async start(context: TestContext, socket: string): Promise<Bus> {
		const bus = new Bus(socket);
		await bus.listen();
		await new Promise<void>((resolve) => {
			bus.connected = resolve;
			bus.caller.open();
		});
		// Not before it hears events may there be any.
		while (!bus.ubusd.seen.includes("INVOKE register")) await bus.caller.list("none");
		context.after(() => {
			bus.caller.close();
			bus.ubusd.stop();
		});
		return bus;
	}

	async listen(): Promise<void> {
		await this.ubusd.listen(this.socket);
		chmodSync(this.socket, 0o666);
	}

	async call(method: string, args: UbusInputTable = {}): Promise<Answer> {
		return (await this.caller.call("mqttd", method, args, 300_000))[0];
	}

	async status(method: string, args: UbusInputTable = {}): Promise<number> {
		try {
			await this.call(method, args);
			return Status.OK;
		} catch (error) {
			assert.ok(error instanceof UbusError, String(error));
			return error.code;
		}
	}

	/** Resolves when the broker's object is there. */
	served(): Promise<void> {
		return this.until(() => (this.isServed ? true : undefined)).then(() => {});
	}

	/** Resolves when it is not. */
	gone(): Promise<void> {
		return this.until(() => (this.isServed ? undefined : true)).then(() => {});
	}

	/** Resolves with the data of an event that fits, of those that came already too; it is not found again. */
	event(name: string, fits: (data: Answer) => boolean = () => true): Promise<Answer> {
		return this.until(() => {
			const at = this.heard.findIndex(([each, data]) => each === name && fits(data));
			return at < 0 ? undefined : this.heard.splice(at, 1)[0]![1];
		});
	}

	private async until<T>(find: () => T | undefined): Promise<T> {
		for (;;) {
			const found = find();
			if (found !== undefined) return found;
			await new Promise<void>((resolve) => this.waiting.push(resolve));
		}
	}

	private changed(): void {
		const { waiting } = this;
		this.waiting = [];
		for (const resolve of waiting) resolve();
	}
}

/** All entries of a list, page after page. */
async function everything(bus: Bus, method: string, list: string, args: UbusInputTable): Promise<Answer[]> {
	const all: Answer[] = [];
	for (let offset = 0; ; ) {
		const page = await bus.call(method, { ...args, offset });
		assert.equal(page.offset, offset);
		all.push(...page[list]);
		if (page.next === undefined) {
			assert.equal(all.length, page.total, method);
			return all;
		}
		assert.equal(page.next, all.length, "nothing is left out");
		offset = page.next;
	}
}

function openClient(broker: RunningBroker, clientId: string, username?: string): Promise<RawClient> {
	const place = { port: broker.port, host: "127.0.0.1" };
	const options = { clientId, cleanStart: true, sessionExpiry: 3600 };
	return RawClient.open(place, username === undefined ? options : { ...options, username }).then(
		({ client }) => client,
	);
}

async function startOnBus(context: TestContext, program: BuiltProgram, lines: readonly string[]) {
	const folder = temporaryFolder(context);
	const bus = await Bus.start(context, join(folder, "ubus.sock"));
	const config = [`ubus ${bus.socket}`, ...lines, "listener auto 127.0.0.1", "allow_anonymous true", ""];
	const broker = await startBroker(context, program, { config: config.join("\n") });
	await bus.served();
	return { bus, broker, folder };
}

for (const program of builtPrograms()) {
	describe(`ubus: ${program.name}`, () => {
		test("every method; long lists in pages; events; ubusd comes back", async (context) => {
			const files = temporaryFolder(context);
			const [acl, passwords] = [join(files, "acl"), join(files, "passwd")];
			writeFileSync(acl, "topic readwrite #\nuser ann\ntopic deny secret\ntopic readwrite #\n", {
				mode: 0o600,
			});
			writeFileSync(passwords, "", { mode: 0o600 });
			const { bus, broker } = await startOnBus(context, program, [
				"user root",
				`acl_file ${acl}`,
				`password_file ${passwords}`,
				"ubus_event test.event -> from/%e qos 1",
				"ubus_event light <- light/set",
			]);
			const [object] = await bus.caller.list("mqttd");
			assert.deepEqual(JSON.parse(JSON.stringify(object?.methods)), METHODS);
			await bus.event("mqttd.listener", ({ event, port }) => event === "opened" && port === broker.port);

			// Clients.
			const first = await openClient(broker, "first");
			const came = await bus.event("mqttd.client", ({ event }) => event === "connected");
			assert.deepEqual([came.id, came.address, came.protocol], ["first", "127.0.0.1", "5.0"]);
			await openClient(broker, "kicked");
			assert.equal((await bus.call("kick", { id: "kicked", session: true })).connected, true);
			const end = await bus.event(
				"mqttd.client",
				({ event, id }) => event === "disconnected" && id === "kicked",
			);
			assert.equal(end.reason, "administrative action");
			await assert.rejects(openClient(broker, "stranger", "eve"));
			const refused = await bus.event("mqttd.client", ({ event }) => event === "refused");
			assert.deepEqual([refused.id, refused.user, refused.reason], ["stranger", "eve", "no password"]);
			// More than there are events for in a second.
			for (let n = 0; n < SESSIONS; n++) {
				const client = await openClient(broker, `c${n}`);
				if (n === 0) await client.subscribe("a/#", 1);
				if (n > 4) await client.drop();
			}
			const clients = await everything(bus, "clients", "clients", { limit: 50 });
			assert.deepEqual(
				clients.map(({ id }: { id: string }) => id),
				["first", ...Array.from({ length: SESSIONS }, (_, n) => `c${n}`)],
			);
			assert.equal((await bus.call("clients", { search: "C12" })).total, 11);
			const shown = await bus.call("client", { id: "c0" });
			assert.equal(shown.subscription_list[0].filter, "a/#");
			assert.equal((await bus.call("subscriptions", { client: "c0" })).total, 1);
			assert.equal(await bus.status("client", { id: "nobody" }), Status.NOT_FOUND);
			const status = await bus.call("status", { history: 10 });
			assert.deepEqual([status.clients.total, status.state], [SESSIONS + 1, "running"]);
			assert.ok(status.history.octets_received.length <= 10);
			assert.equal(status.pid, broker.pid);

			// Retained messages.
			for (let n = 0; n < RETAINED; n++) {
				first.publish(`t/${n % 3}/${n}`, PAYLOAD, n === RETAINED - 1 ? 1 : 0, 1, { retain: true });
			}
			await first.next(PacketType.PUBACK);
			const found = await everything(bus, "retained", "messages", {
				filter: "t/#",
				limit: 1000,
				preview: 1024,
			});
			assert.equal(new Set(found.map(({ topic }: { topic: string }) => topic)).size, RETAINED);
			assert.ok(found.every(({ size }: { size: number }) => size === PAYLOAD.length));
			const [page] = (await bus.call("topics", { prefix: "t" })).topics;
			assert.deepEqual([page.name, page.children, page.below], ["0", RETAINED / 3, RETAINED / 3]);
			assert.equal((await bus.call("retained", { search: "/1199" })).total, 1);
			assert.equal((await bus.call("retained", { topic: "t/0/0" })).payload, PAYLOAD);
			assert.deepEqual({ ...(await bus.call("retained_delete", { filter: "t/1/#" })) }, { deleted: 400 });
			assert.equal((await bus.call("status")).retained, RETAINED - 400);
			const watcher = await openClient(broker, "watcher");
			await watcher.subscribe("from/#", 1);
			await watcher.subscribe("p", 0);
			assert.equal((await bus.call("publish", { topic: "p", payload: "ö" })).subscribers, 1);
			const told = await watcher.next(PacketType.PUBLISH);
			assert.ok(told.type === PacketType.PUBLISH);
			assert.deepEqual([told.topic, new TextDecoder().decode(told.payload)], ["p", "ö"]);
			assert.equal(await bus.status("publish", { topic: "p/#" }), Status.INVALID_ARGUMENT);

			// Events both ways.
			const published = watcher.next(PacketType.PUBLISH);
			await bus.caller.send("test.event", { on: true, n: 2 ** 40 });
			const message = await published;
			assert.ok(message.type === PacketType.PUBLISH);
			assert.equal(message.topic, "from/test.event");
			assert.equal(new TextDecoder().decode(message.payload), '{"on":true,"n":1099511627776}');
			first.publish("light/set", '{"level":7}', 0, 0);
			assert.equal((await bus.event("light")).level, 7);

			// What an owner asks and does.
			const denied = await bus.call("why", { access: "publish", topic: "secret", user: "ann" });
			assert.deepEqual([denied.allowed, denied.rule.line], [false, 3]);
			assert.deepEqual(
				{ ...(await bus.call("passwd", { user: "bob", password: "p" })) },
				{ file: passwords, added: true, ok: true, errors: [] },
			);
			assert.match(readFileSync(passwords, "utf8"), /^bob:\$7\$/);
			assert.equal((await bus.call("users")).users[0].name, "bob");
			assert.equal((await bus.call("reload")).ok, true);
			const { lines, last } = await bus.call("log", { limit: 5 });
			assert.equal(lines.at(-1).number, last);

			// ubusd is gone, and comes again.
			bus.ubusd.stop();
			await bus.gone();
			await first.subscribe("still/served", 0);
			await bus.listen();
			await bus.served();
			assert.equal((await bus.call("status")).state, "running");
			assert.equal(bus.ubusd.cast, 0, "no message was too long");
			const ended = broker.stop();
			await bus.event("mqttd.listener", ({ event }) => event === "closed");
			await ended;
		});

		test("another user than root: what the system forbids is told so, and nothing is lost", async (context) => {
			const files = temporaryFolder(context);
			const folder = join(files, "closed");
			mkdirSync(folder, { mode: 0o755 });
			const passwords = join(folder, "passwd");
			writeFileSync(passwords, "# none yet\n", { mode: 0o600 });
			chownSync(passwords, NOBODY, NOBODY);
			const { bus, broker } = await startOnBus(context, program, [
				"user nobody",
				`password_file ${passwords}`,
			]);
			const request = { user: "bob", password: "p" };
			assert.equal(await bus.status("passwd", request), Status.PERMISSION_DENIED);
			assert.equal(readFileSync(passwords, "utf8"), "# none yet\n");
			assert.match(broker.process.stderr, /Error: Unable to write password file/);
			await broker.stop();
		});
	});
}
