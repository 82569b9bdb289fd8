/** The object `mqttd`: when it is there, and what each of its methods answers. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { METHODS } from "../../../../src/bin/ubus/interface.ts";
import { VERSION } from "../../../../src/bin/version.ts";
import { Status } from "../../../../src/ubus/status.ts";
import { settle } from "../../ubus/fixture.ts";
import { Bench, SOCKET } from "./bench.ts";

const PUBLISHED = { cmd: "publish", topic: "a/b", payload: "hello", qos: 0, retain: true };

describe("the object", () => {
	test("has the methods of the table, with the types of their arguments", async () => {
		const { caller } = await Bench.start();
		const [object] = await caller.list("mqttd");
		assert.deepEqual(JSON.parse(JSON.stringify(object?.methods)), METHODS);
	});

	test("comes again when ubusd does; its absence is one line of the log", async () => {
		const bench = await Bench.start();
		bench.bus.stop();
		await settle();
		for (let second = 0; second < 30; second++) {
			bench.world.advance(1);
			await settle();
		}
		const lines = bench.log.filter((line) => line.startsWith("ubus: ") && line !== "ubus: connected.");
		assert.equal(lines.length, 3, lines.join("\n"));
		await bench.bus.listen(SOCKET);
		bench.world.advance(6);
		await settle();
		assert.equal((await bench.call("status")).state, "running");
	});

	test("is not there where ubus is off, nor where auto finds no socket; nothing is said then", async () => {
		for (const option of ["ubus false", "ubus auto", ""]) {
			const bench = await Bench.start(`${option}\nubus false\n${option}`);
			assert.equal(bench.bus.find("mqttd"), undefined, option);
			assert.deepEqual(
				bench.log.filter((line) => line.includes("ubus")),
				[],
			);
		}
	});

	test("an argument of another type, out of bounds or unknown to make sense is refused", async () => {
		const bench = await Bench.start();
		const cases: [string, Record<string, string | number | boolean>][] = [
			["status", { history: 301 }],
			["status", { history: -1 }],
			["status", { history: "1" }],
			["clients", { limit: 0 }],
			["clients", { limit: 1001 }],
			["clients", { offset: -1 }],
			["clients", { state: "gone" }],
			["clients", { search: 1 }],
			["client", {}],
			["kick", {}],
			["kick", { id: "x", session: "yes" }],
			["retained", { topic: "a", search: "b" }],
			["retained", { filter: "a/#/b" }],
			["retained", { filter: "$share/g/a" }],
			["retained", { preview: 1025 }],
			["retained", { topic: "a", preview: 262_145 }],
			["retained_delete", {}],
			["retained_delete", { topic: "a", filter: "b" }],
			["publish", {}],
			["publish", { topic: "a/+" }],
			["publish", { topic: "" }],
			["publish", { topic: "$SYS/x" }],
			["publish", { topic: "a", qos: 3 }],
			["publish", { topic: "a", payload: "x", payload_base64: "eA==" }],
			["publish", { topic: "a", payload_base64: "x" }],
			["log", { since: -1 }],
			["log", { type: "errors" }],
			["log", { limit: 0 }],
			["why", { topic: "a" }],
			["why", { access: "write", topic: "a" }],
			["why", { access: "publish" }],
			["why", { access: "read", topic: "#" }],
			["why", { access: "subscribe", topic: "a#" }],
			["passwd", {}],
			["passwd", { user: "a:b", password: "x" }],
			["passwd", { user: "#a", password: "x" }],
		];
		for (const [method, args] of cases) {
			const what = `${method} ${JSON.stringify(args)}`;
			assert.equal(await bench.status(method, args), Status.INVALID_ARGUMENT, what);
		}
		assert.equal(await bench.status("nothing"), Status.METHOD_NOT_FOUND);
	});
});

describe("status", () => {
	test("numbers of clients, messages, limits and listeners", async () => {
		const bench = await Bench.start(
			[
				"memory_limit 100000000",
				"listener 1",
				"allow_anonymous true",
				"max_connections 1",
				"mount_point m/",
				"listener 2 127.0.0.1",
				"protocol websockets",
				"listener 0 /run/s",
			].join("\n"),
		);
		const { world } = bench;
		const visitor = world.visit({ fields: { clientId: "one" } });
		visitor.subscribe("a/#");
		assert.equal(world.visit().isServed, false, "there is place for one only");
		visitor.publish("a/b", { retain: true, qos: 0, messageId: undefined });
		visitor.take();
		world.advance(2);
		const { octets, packets, memory, pid, time, ...rest } = await bench.call("status");
		assert.ok(octets.received > 20 && octets.sent > 20 && packets.received === 3 && packets.sent === 3);
		assert.deepEqual([memory.limit, memory.scarce, typeof memory.current], [100_000_000, false, "number"]);
		assert.deepEqual([pid, time], [world.host.process.pid, Math.floor(world.host.clock.now() / 1000)]);
		assert.deepEqual(rest, {
			state: "running",
			version: VERSION,
			host: world.host.name,
			uptime: 3,
			clients: { connected: 1, away: 0, total: 1, maximum: 1, expired: 0 },
			subscriptions: 1,
			shared_subscriptions: 0,
			retained: 1,
			messages: { received: 1, sent: 1, dropped: 0 },
			connections: 2,
			rates: rest.rates,
			limits: { max_connections: 1 },
			listeners: [
				{
					name: "1",
					protocol: "mqtt",
					addresses: ["0.0.0.0", "::"],
					port: 1,
					tls: false,
					maximum: 1,
					anonymous: true,
					mount_point: "m/",
					clients: 1,
				},
				{
					name: "127.0.0.1:2",
					protocol: "websockets",
					addresses: ["127.0.0.1"],
					port: 2,
					tls: false,
					anonymous: true,
					clients: 0,
				},
				{ name: "/run/s", protocol: "mqtt", path: "/run/s", tls: false, anonymous: true, clients: 0 },
			],
		});
	});

	test("what was written to flash, with persistence", async () => {
		assert.equal((await (await Bench.start()).call("status")).flash, undefined);
		const bench = await Bench.start("persistence true\npersistence_location /var/\n");
		const visitor = bench.world.visit();
		visitor.publish("a", { retain: true });
		bench.world.advance(3600);
		const { flash } = await bench.call("status");
		assert.deepEqual(Object.keys(flash), ["written", "today", "size", "commits"]);
		assert.ok(flash.commits > 0, JSON.stringify(flash));
	});

	test("rates, and the history of the last seconds", async () => {
		const bench = await Bench.start();
		const { world } = bench;
		const visitor = world.visit();
		const history = async (wanted: number) => (await bench.call("status", { history: wanted })).history;
		assert.deepEqual((await history(300)).messages_received, [0]);
		for (const count of [1, 0, 2]) {
			for (let i = 0; i < count; i++) visitor.publish("a", { qos: 0, messageId: undefined });
			world.advance(1);
		}
		const { interval, time, ...series } = await history(3);
		assert.deepEqual([interval, time], [1, Math.floor(world.host.clock.now() / 1000)]);
		assert.deepEqual(series.messages_received, [1, 0, 2]);
		assert.deepEqual(series.messages_sent, [0, 0, 0]);
		assert.deepEqual(
			series.octets_received.map((octets: number) => octets > 0),
			[true, false, true],
		);
		const { rates } = await bench.call("status");
		assert.equal(rates.messages_received, 0.75, "three in four seconds");
		for (let second = 0; second < 400; second++) world.advance(1);
		const all = await history(300);
		assert.equal(all.octets_sent.length, 300);
		assert.equal((await bench.call("status")).rates.messages_received, 0);
	});
});

describe("subscriptions", () => {
	test("of all clients, of one, those that are searched for", async () => {
		const bench = await Bench.start();
		for (const id of ["one", "two"]) {
			const visitor = bench.world.visit({ fields: { clientId: id } });
			for (const filter of ["a/#", `b/${id}`, "$share/g/c"]) visitor.subscribe(filter);
		}
		const listed = async (args: object) => {
			const { total, next, subscriptions } = await bench.call("subscriptions", { ...args });
			const names = subscriptions.map(({ client, filter }: Record<string, string>) => `${client} ${filter}`);
			return [total, next, ...names];
		};
		const all = ["one a/#", "one b/one", "one c", "two a/#", "two b/two", "two c"];
		assert.deepEqual(await listed({}), [6, undefined, ...all]);
		for (let offset = 0; offset < 7; offset++) {
			const next = offset < 4 ? offset + 2 : undefined;
			assert.deepEqual(await listed({ offset, limit: 2 }), [6, next, ...all.slice(offset, offset + 2)]);
		}
		assert.deepEqual(await listed({ client: "two", limit: 2 }), [3, 2, "two a/#", "two b/two"]);
		assert.deepEqual(await listed({ search: "B/" }), [2, undefined, "one b/one", "two b/two"]);
		assert.equal(await bench.status("subscriptions", { client: "three" }), Status.NOT_FOUND);
	});
});

describe("clients", () => {
	test("shows who is there and who is away, a page at a time", async () => {
		const bench = await Bench.start();
		const { world } = bench;
		const fields = { properties: { sessionExpiryInterval: 60 }, username: "Ann", password: "x" };
		const away = world.visit({ fields: { clientId: "away", ...fields } });
		away.subscribe("a/#");
		away.peer?.end();
		for (const id of ["one", "two", "three"]) world.visit({ fields: { clientId: id, keepalive: 5 } }).take();
		const all = await bench.call("clients");
		assert.equal(all.total, 4);
		assert.equal(all.next, undefined);
		const now = Math.floor(world.host.clock.now() / 1000);
		assert.deepEqual(all.clients[0], {
			id: "away",
			connected: false,
			user: "Ann",
			listener: "1",
			subscriptions: 1,
			queued: 0,
			inflight: 0,
			expiry: 60,
			since: now,
		});
		const { port, ...one } = all.clients[1];
		assert.equal(typeof port, "number");
		assert.deepEqual(one, {
			id: "one",
			connected: true,
			listener: "1",
			subscriptions: 0,
			queued: 0,
			inflight: 0,
			expiry: 0,
			since: now,
			address: "192.0.2.1",
			protocol: "5.0",
			clean_start: true,
			keep_alive: 5,
		});
		const ids = async (args: object) => {
			const { total, next, clients } = await bench.call("clients", { ...args });
			return [total, next, clients.map(({ id }: { id: string }) => id)];
		};
		assert.deepEqual(await ids({ limit: 2 }), [4, 2, ["away", "one"]]);
		assert.deepEqual(await ids({ limit: 2, offset: 2 }), [4, undefined, ["two", "three"]]);
		assert.deepEqual(await ids({ offset: 4 }), [4, undefined, []]);
		assert.deepEqual(await ids({ state: "away" }), [1, undefined, ["away"]]);
		assert.deepEqual(await ids({ state: "connected", search: "T" }), [2, undefined, ["two", "three"]]);
		assert.deepEqual(await ids({ search: "ann" }), [1, undefined, ["away"]]);
		assert.deepEqual(await ids({ search: "192.0" }), [3, undefined, ["one", "two", "three"]]);
	});

	test("one of them, with will and subscriptions; a kick ends its connection or also its session", async () => {
		const bench = await Bench.start();
		const { world } = bench;
		const watcher = world.visit({ fields: { clientId: "watcher" } });
		watcher.subscribe("gone");
		const will = { topic: "gone", payload: "bye", qos: 1, retain: false };
		const fields = { clientId: "it", will, properties: { sessionExpiryInterval: 60 } };
		const visitor = world.visit({ fields });
		visitor.subscribe("a/#", 1);
		visitor.subscribe("$share/g/b", 2);
		const { will: shown, ...facts } = await bench.call("client", { id: "it" });
		assert.deepEqual(shown, { topic: "gone", size: 3, qos: 1, retain: false, delay: 0 });
		assert.equal(facts.connected, true);
		const terms = { client: "it", no_local: false, retain_as_published: false };
		const list = [
			{ ...terms, filter: "a/#", qos: 1 },
			{ ...terms, filter: "b", share: "g", qos: 2 },
		];
		assert.deepEqual(facts.subscription_list, list);
		assert.equal(await bench.status("client", { id: "other" }), Status.NOT_FOUND);
		assert.equal(await bench.status("kick", { id: "other" }), Status.NOT_FOUND);

		assert.deepEqual(await bench.call("kick", { id: "it" }), { connected: true });
		visitor.take();
		assert.equal(visitor.packets.at(-1)?.reasonCode, 0x98, "administrative action");
		assert.equal(visitor.isServed, false);
		assert.ok(
			watcher.take().some(({ topic }) => topic === "gone"),
			"its will is sent",
		);
		assert.equal((await bench.call("client", { id: "it" })).connected, false, "its session stays");
		assert.equal(await bench.status("kick", { id: "it" }), Status.NOT_FOUND);
		assert.deepEqual(await bench.call("kick", { id: "it", session: true }), { connected: false });
		assert.equal(await bench.status("client", { id: "it" }), Status.NOT_FOUND);

		world.visit({ fields }).take();
		assert.deepEqual(await bench.call("kick", { id: "it", session: true }), { connected: true });
		assert.equal(await bench.status("client", { id: "it" }), Status.NOT_FOUND);
	});
});

describe("retained messages", () => {
	test("level by level, by filter, one of them; published, and deleted as a client would", async () => {
		const bench = await Bench.start();
		const visitor = bench.world.visit({ fields: { clientId: "pub", username: "ann", password: "" } });
		visitor.send(PUBLISHED, { ...PUBLISHED, topic: "a", payload: "1" }, { ...PUBLISHED, topic: "/x" });
		visitor.send({ ...PUBLISHED, topic: "$own/x" });
		visitor.subscribe("a/#");
		visitor.take();
		const names = async (args: object) =>
			(await bench.call("topics", { ...args })).topics.map(
				({ name, retained, children, below }: Record<string, unknown>) => [name, retained, children, below],
			);
		assert.deepEqual(await names({}), [
			["a", true, 1, 1],
			["", false, 1, 1],
			["$own", false, 1, 1],
		]);
		assert.deepEqual(await names({ prefix: "a" }), [["b", true, 0, 0]]);
		assert.deepEqual((await bench.call("topics", { prefix: "" })).topics[0].topic, "/x");
		assert.equal(await bench.status("topics", { prefix: "b" }), Status.NOT_FOUND);

		const listed = async (args: object) => {
			const { total, messages } = await bench.call("retained", { ...args });
			return [total, ...messages.map(({ topic }: { topic: string }) => topic)];
		};
		assert.deepEqual(await listed({}), [3, "a", "a/b", "/x"]);
		assert.deepEqual(await listed({ filter: "+/+" }), [2, "a/b", "/x"]);
		assert.deepEqual(await listed({ filter: "a/#" }), [2, "a", "a/b"]);
		assert.deepEqual(await listed({ filter: "$own/#" }), [1, "$own/x"]);
		assert.deepEqual(await listed({ search: "X" }), [1, "/x"]);
		assert.deepEqual(await listed({ limit: 1, offset: 1 }), [3, "a/b"]);
		const one = { topic: "a/b", size: 5, qos: 0, user: "ann", client: "pub" };
		assert.deepEqual(await bench.call("retained", { topic: "a/b" }), { ...one, payload: "hello" });
		assert.deepEqual(await bench.call("retained", { topic: "a/b", preview: 2 }), {
			...one,
			payload: "he",
			truncated: true,
		});
		assert.equal(await bench.status("retained", { topic: "a/c" }), Status.NOT_FOUND);

		assert.deepEqual(await bench.call("retained_delete", { topic: "a/b" }), { deleted: 1 });
		assert.deepEqual(
			visitor.take().map(({ topic, payload }) => [topic, String(payload)]),
			[["a/b", ""]],
		);
		assert.equal(await bench.status("retained_delete", { topic: "a/b" }), Status.NOT_FOUND);
		assert.deepEqual(await bench.call("retained_delete", { filter: "#" }), { deleted: 2 });
		assert.deepEqual(await listed({ filter: "#" }), [0]);

		const octets = { topic: "a/c", payload_base64: "/wA=", retain: true, qos: 1 };
		assert.deepEqual(await bench.call("publish", octets), { subscribers: 1 });
		assert.deepEqual(await bench.call("retained", { topic: "a/c" }), {
			topic: "a/c",
			size: 2,
			qos: 1,
			payload_base64: "/wA=",
		});
		await bench.call("publish", { topic: "a/d", payload: "äöü", retain: true });
		const { payload, truncated } = await bench.call("retained", { topic: "a/d", preview: 3 });
		assert.deepEqual([payload, truncated], ["ä", true], "not within a character");
	});
});
