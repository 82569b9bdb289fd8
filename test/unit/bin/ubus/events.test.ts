/** Events of clients and listeners. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Status } from "../../../../src/ubus/status.ts";
import { settle } from "../../ubus/fixture.ts";
import { CONFIG } from "../world.ts";
import { type Answer, Bench } from "./bench.ts";

/** Events of clients, without when and where from. */
function clientEvents({ events }: Bench): Answer[] {
	return events
		.filter(([name]) => name === "mqttd.client")
		.map(([, data]) => {
			const { time, address, port, ...rest } = data as Answer;
			assert.equal(typeof time, "number");
			assert.equal(address, "192.0.2.1");
			assert.equal(typeof port, "number");
			return rest;
		});
}

describe("clients", () => {
	test("come, go in every way, and are refused, with the reason for the owner", async () => {
		const files = { "/passwd": "ann:$6$AAAA$AAAA\n" };
		const bench = await Bench.start("listener 1\nallow_anonymous true\npassword_file /passwd\n", files);
		const { world } = bench;
		const one = world.visit({ fields: { clientId: "one" } });
		one.send({ cmd: "disconnect" });
		const two = world.visit({ fields: { clientId: "two" }, version: 4 });
		two.peer?.end();
		world.visit({ fields: { clientId: "three" } });
		world.visit({ fields: { clientId: "three" } });
		world.visit({ fields: { clientId: "four", username: "ann", password: "wrong" } });
		await settle();
		world.visit({ fields: { clientId: "five", username: "bob" } });
		await settle();
		const came = (id: string, protocol = "5.0") => ({ event: "connected", id, listener: "1", protocol });
		assert.deepEqual(clientEvents(bench), [
			came("one"),
			{ event: "disconnected", id: "one", listener: "1" },
			came("two", "3.1.1"),
			{ event: "disconnected", id: "two", listener: "1", reason: "connection closed by client" },
			came("three"),
			{ event: "disconnected", id: "three", listener: "1", reason: "session taken over" },
			came("three"),
			{ event: "refused", id: "four", user: "ann", listener: "1", reason: "unknown user" },
			{ event: "refused", id: "five", user: "bob", listener: "1", reason: "no password" },
		]);
	});

	test("not more than twenty a second, and those left out are counted", async () => {
		const bench = await Bench.start("connection_messages false\n");
		const { world } = bench;
		for (let i = 0; i < 30; i++) world.visit({ fields: { clientId: `c${i}` } });
		await settle();
		assert.equal(clientEvents(bench).length, 20);
		world.advance(1);
		world.visit({ fields: { clientId: "last" } });
		await settle();
		const last = clientEvents(bench).at(-1);
		assert.deepEqual([last.id, last.missed], ["last", 10]);
	});
});

describe("listeners", () => {
	test("are told of when ubus comes, at a reload, and at the end", async () => {
		const bench = await Bench.start();
		const { world } = bench;
		const said = () => bench.events.filter(([name]) => name === "mqttd.listener").map(([, data]) => data);
		const facts = (port: number) => ({
			name: String(port),
			protocol: "mqtt",
			addresses: ["0.0.0.0", "::"],
			port,
			tls: false,
			anonymous: true,
		});
		assert.deepEqual(said(), [{ event: "opened", ...facts(1) }]);
		const text = Buffer.from(world.host.files.read(CONFIG, 10_000)).toString();
		await world.reload(text.replace("listener 1", "listener 2"));
		await settle();
		assert.deepEqual(said().slice(1), [
			{ event: "closed", ...facts(1) },
			{ event: "opened", ...facts(2) },
		]);
		try {
			world.host.process.signal("SIGTERM");
		} catch {
			// The fake host ends so.
		}
		await settle();
		assert.deepEqual(said().slice(3), [{ event: "closed", ...facts(2) }]);
	});

	test("ubusd may forbid events, which is said once", async () => {
		const bench = await Bench.start();
		bench.bus.refused.set("INVOKE send", Status.PERMISSION_DENIED);
		for (const clientId of ["a", "b"]) {
			bench.world.visit({ fields: { clientId } });
			await settle();
		}
		const lines = bench.log.filter((line) => line.includes("permission denied"));
		assert.deepEqual(lines, ["ubus: event mqttd.client: permission denied"]);
	});
});
