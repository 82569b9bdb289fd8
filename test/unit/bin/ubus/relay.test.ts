/** `ubus_event`: events that are published, and messages that are sent as events. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Status } from "../../../../src/ubus/status.ts";
import { settle } from "../../ubus/fixture.ts";
import type { Visitor } from "../world.ts";
import { Bench, SOCKET } from "./bench.ts";

/** Messages that came, as topic, payload, QoS and RETAIN. */
function messages(visitor: Visitor): unknown[] {
	return visitor
		.take()
		.filter(({ cmd }) => cmd === "publish")
		.map(({ topic, payload, qos, retain }) => [topic, String(payload), qos, retain]);
}

/** Events that somebody on the bus hears. */
async function heard(bench: Bench, pattern: string): Promise<unknown[]> {
	const events: unknown[] = [];
	bench.caller.listen(pattern, (name, data) => events.push([name, JSON.parse(JSON.stringify(data))]));
	await settle();
	return events;
}

describe("ubus_event", () => {
	test("events are published as JSON, to a topic that may have their name; others are not", async () => {
		const bench = await Bench.start(
			"ubus_event network.interface -> openwrt/network retain\nubus_event dhcp.* -> dhcp/%e qos 1\n",
		);
		const visitor = bench.world.visit();
		visitor.subscribe("#", 2);
		await bench.caller.send("network.interface", { action: "ifup", list: [1, 2 ** 40, true, null] });
		await bench.caller.send("dhcp.ack+#", { big: 2n ** 60n, text: "ä\n" });
		await bench.caller.send("other", {});
		await bench.caller.send("network.interface.more", {});
		await settle();
		assert.deepEqual(messages(visitor), [
			["openwrt/network", '{"action":"ifup","list":[1,1099511627776,true,null]}', 0, false],
			["dhcp/dhcp.ack__", '{"big":"1152921504606846976","text":"ä\\n"}', 1, false],
		]);
		assert.equal((await bench.call("retained", {})).total, 1);
	});

	test("a message of a listed topic is sent as the event; what is no JSON object is not, which is said now and then", async () => {
		const bench = await Bench.start("ubus_event light <- home/light\nubus_event lamp <- home/light\n");
		const events = await heard(bench, "*");
		const visitor = bench.world.visit();
		const send = async (topic: string, payload: string) => {
			visitor.publish(topic, { payload });
			await settle();
		};
		await send("home/light", '{"on":true,"level":0.5,"a":{"b":[1]}}');
		await send("home/other", '{"on":true}');
		const wrong = ["on", "[1]", "1", "null", `{"x":"${"x".repeat(17_000)}"}`, '{"a":"\\u0000"}'];
		for (const payload of wrong) await send("home/light", payload);
		const data = { on: true, level: 0.5, a: { b: [1] } };
		const mine = events.filter((event) => ["light", "lamp"].includes((event as [string])[0]));
		assert.deepEqual(mine, [
			["light", data],
			["lamp", data],
		]);
		const said = () => bench.log.filter((line) => line.includes("was not sent as event"));
		assert.deepEqual(said(), ["ubus: a message of home/light was not sent as event light: it is not JSON."]);
		bench.world.advance(10);
		await send("home/light", "[]");
		assert.deepEqual(said().slice(1), [
			`ubus: a message of home/light was not sent as event light: it is no JSON object (${2 * wrong.length - 1} more since the last such line).`,
		]);
	});

	test("a message that came from an event does not go back, whoever else gets it", async () => {
		const bench = await Bench.start("ubus_event ping -> ping\nubus_event ping <- ping\n");
		const events = await heard(bench, "ping");
		const visitor = bench.world.visit();
		visitor.subscribe("ping");
		await bench.caller.send("ping", { n: 1 });
		await settle();
		assert.deepEqual(messages(visitor), [["ping", '{"n":1}', 0, false]]);
		assert.deepEqual(events, []);
		visitor.publish("ping", { payload: '{"n":2}' });
		await settle();
		assert.deepEqual(events, [["ping", { n: 2 }]]);
	});

	test("retained messages are sent when ubusd comes, if that is wanted", async () => {
		const bench = await Bench.start("ubus_event now <- now retain\nubus_event later <- later\n");
		const visitor = bench.world.visit();
		for (const topic of ["now", "later"]) visitor.publish(topic, { payload: "{}", retain: true });
		await settle();
		bench.bus.stop();
		await settle();
		await bench.bus.listen(SOCKET);
		const before = bench.bus.seen.length;
		bench.world.advance(1);
		await settle();
		const seen = bench.bus.seen.slice(before);
		assert.ok(seen.includes("ADD_OBJECT mqttd"), "it is there again");
		assert.equal(seen.filter((line) => line === "INVOKE send").length, 1);
	});

	test("ubusd may forbid to listen and to send: the log says so, and the broker goes on", async () => {
		const bench = await Bench.start("ubus_event a -> a\nubus_event b <- b\n");
		bench.bus.refused.set("INVOKE send", Status.PERMISSION_DENIED);
		const visitor = bench.world.visit();
		visitor.publish("b", { payload: "{}" });
		await settle();
		assert.ok(
			bench.log.includes("ubus: a message of b was not sent as event b: event b: permission denied."),
			bench.log.join("\n"),
		);
		assert.ok(visitor.isServed);
	});
});
