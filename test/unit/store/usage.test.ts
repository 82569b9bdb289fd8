// What the store says of the disk: octets written of a day, over restarts; the warning; the sizes.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Durability } from "../../../src/store/durability.ts";
import { crash, createBroker, type Fixture } from "../broker/fixture.ts";
import { connect, publish, TestClient } from "./client.ts";

const PATH = "/mqttd.db";
const DAY = 86_400_000;

function start(dailyBudget = 0, host?: Fixture["host"]): Fixture {
	const store = { durability: Durability.SYNC, dailyBudget };
	return createBroker({ sysInterval: 0 }, {}, false, store, host);
}

/** A transaction, after which the log is that long. */
function write(fixture: Fixture, logSize: number): void {
	fixture.host.files.put(`${PATH}-wal`, "x".repeat(logSize), 0o600);
	const client = new TestClient(fixture, 5);
	client.send(connect("client", 0), publish("a", "x", 1, { retain: true }));
}

const today = ({ store }: Fixture) => store?.usage.writtenToday ?? -1;
const warnings = ({ lines }: Fixture) => lines.filter((line) => line.includes("persist_daily_budget"));

describe("octets written today", () => {
	test("go on after a crash, with what the log has got since they were noted", () => {
		const fixture = start();
		write(fixture, 1000);
		write(fixture, 5000);
		assert.equal(today(fixture), 5000);
		const next = start(0, crash(fixture));
		assert.equal(today(next), 5000);
		write(next, 7000);
		assert.equal(today(next), 7000);
	});

	test("go on after a stop; closing writes the log into the file", () => {
		const fixture = start();
		write(fixture, 5000);
		const { store, host } = fixture;
		const fileSize = store!.usage.fileSize;
		assert.ok(fileSize > 5000);
		store?.close();
		host.files.put(`${PATH}-wal`, "", 0o600);
		assert.equal(today(start(0, crash(fixture))), 10_000);
		// One that writes nothing notes nothing.
		const idle = start(0, crash(fixture));
		const { writes } = idle.host.databases;
		idle.store?.close();
		assert.equal(idle.host.databases.writes, writes);
	});

	test("begin anew with the day (UTC)", () => {
		const fixture = start();
		write(fixture, 5000);
		const host = crash(fixture);
		host.clock.epoch += DAY;
		const next = start(0, host);
		assert.equal(today(next), 0);
		write(next, 6000);
		assert.equal(today(next), 1000);
		assert.equal(today(start(0, crash(next))), 1000);
		next.host.clock.epoch += DAY;
		assert.equal(today(next), 0);
	});

	test("beyond persist_daily_budget there is a warning, once a day and process", () => {
		const fixture = start(6000);
		write(fixture, 5000);
		assert.deepEqual(warnings(fixture), []);
		write(fixture, 7000);
		write(fixture, 8000);
		const text = `7000 octets were written to the database '${PATH}' today, persist_daily_budget is 6000`;
		assert.deepEqual(warnings(fixture), [`warning: Warning: ${text}.`]);
		// What was written before the restart counts.
		const next = start(8500, crash(fixture));
		write(next, 9000);
		assert.equal(warnings(next).length, 1);
		next.host.clock.epoch += DAY;
		write(next, 18_000);
		assert.equal(warnings(next).length, 2);
	});

	test("commits and sizes", () => {
		const fixture = start();
		const { usage } = fixture.store!;
		const before = usage.commits;
		write(fixture, 3000);
		assert.equal(usage.commits, before + 1);
		assert.equal(usage.logSize, 3000);
		assert.equal(usage.fileSize % 1024, 0);
	});
});
