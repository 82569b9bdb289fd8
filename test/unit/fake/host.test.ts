/** What unit tests rely on of the fake host. */

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Connection, HostError } from "../../../src/host/host.ts";
import { createFakeHost, type FakeHost, type FakePeer } from "../../fake/host.ts";

/** An echo of every three octets, which writes down what it is told. */
class Echo {
	readonly events: string[] = [];
	readonly connection: Connection;

	constructor(connection: Connection) {
		this.connection = connection;
		connection.start(this);
	}

	onData(bytes: Uint8Array, start: number, end: number): number {
		this.events.push(`data ${bytes.slice(start, end).join(" ")}`);
		if (end - start < 3) {
			return 0;
		}
		this.connection.write(bytes, start, start + 1);
		this.connection.write(bytes, start + 1, start + 3);
		return 3;
	}

	onDrain(): void {
		this.events.push(`drain ${this.connection.buffered}`);
	}

	onClose(error: HostError | null): void {
		this.events.push(`close ${error?.code}`);
	}
}

async function dial(host: FakeHost): Promise<{ echo: Echo; peer: FakePeer }> {
	let echo: Echo | null = null;
	const { port } = await host.network.listen({ address: "0.0.0.0", port: 0 }, (connection) => {
		echo = new Echo(connection);
	});
	const peer = host.network.dial(port);
	assert.ok(echo !== null);
	return { echo, peer };
}

suite("fake host", () => {
	test("input in pieces, tails, and one flush for each turn", async () => {
		const { echo, peer } = await dial(createFakeHost());
		peer.send([1], [2], [3, 4]);
		assert.deepEqual(echo.events, ["data 1", "data 1 2", "data 1 2 3 4"]);
		assert.deepEqual(peer.chunks, [Uint8Array.of(1, 2, 3)]);
		peer.sendSplit(Uint8Array.of(5, 6), 1);
		assert.deepEqual(peer.take(), Uint8Array.of(1, 2, 3, 4, 5, 6));
		assert.equal(peer.take().length, 0);
	});

	test("a slow consumer", async () => {
		const { echo, peer } = await dial(createFakeHost());
		peer.hold(1);
		peer.send([1, 2, 3]);
		assert.equal(echo.connection.buffered, 2);
		assert.deepEqual(peer.take(), Uint8Array.of(1));
		peer.release();
		assert.deepEqual(peer.take(), Uint8Array.of(2, 3));
		assert.deepEqual(echo.events, ["data 1 2 3", "drain 0"]);
	});

	test("pause, end, reset, close, destroy", async () => {
		const host = createFakeHost();
		const one = await dial(host);
		one.echo.connection.pause(true);
		one.peer.send([1]);
		assert.deepEqual(one.echo.events, []);
		one.echo.connection.pause(false);
		host.network.turn();
		one.peer.end();
		one.peer.end();
		assert.deepEqual(one.echo.events, ["data 1", "close undefined"]);
		assert.ok(one.peer.closed);

		const two = await dial(host);
		two.peer.reset();
		assert.deepEqual(two.echo.events, ["close ECONNRESET"]);

		const three = await dial(host);
		three.echo.connection.write(Uint8Array.of(7), 0, 1);
		three.echo.connection.close();
		assert.equal(three.echo.connection.write(Uint8Array.of(8), 0, 1), 0);
		assert.deepEqual(three.echo.events, []);
		host.network.turn();
		assert.deepEqual(three.peer.take(), Uint8Array.of(7));
		assert.deepEqual(three.echo.events, ["close undefined"]);

		const four = await dial(host);
		four.echo.connection.write(Uint8Array.of(7), 0, 1);
		four.echo.connection.destroy();
		host.network.turn();
		assert.equal(four.peer.take().length, 0);
		assert.deepEqual(four.echo.events, ["close undefined"]);
	});

	test("connections to a listener of the code under test, and to a server of the test", async () => {
		const host = createFakeHost();
		const { port } = await host.network.listen(
			{ address: "::1", port: 0 },
			(connection) => new Echo(connection),
		);
		const client = await host.network.connect({ host: "::1", port });
		const events: string[] = [];
		client.start({
			onData(bytes, start, end) {
				events.push(bytes.slice(start, end).join(" "));
				return end - start;
			},
			onDrain() {},
			onClose: () => events.push("closed"),
		});
		client.write(Uint8Array.of(1, 2, 3), 0, 3);
		host.network.turn();
		client.close();
		host.network.turn();
		assert.deepEqual(events, ["1 2 3", "closed"]);

		const peers: FakePeer[] = [];
		host.network.names.set("broker.example", ["192.0.2.9"]);
		host.network.serve("192.0.2.9", 1883, (peer) => peers.push(peer));
		const echo = new Echo(await host.network.connect({ host: "broker.example", port: 1883 }));
		peers[0]!.send([4, 5, 6]);
		assert.deepEqual(peers[0]!.take(), Uint8Array.of(4, 5, 6));
		assert.deepEqual(echo.events, ["data 4 5 6"]);
		await assert.rejects(host.network.connect({ host: "127.0.0.1", port: 1 }), { code: "ECONNREFUSED" });
		await assert.rejects(host.network.connect({ host: "nowhere", port: 1 }), { code: "ENOTFOUND" });
	});

	test("time moves when told, timers in order", async () => {
		const { clock, timers } = createFakeHost();
		const order: string[] = [];
		timers.after(20, () => order.push(`b ${clock.monotonic()}`));
		const cancelled = timers.after(15, () => order.push("never"));
		timers.after(10, () => {
			order.push(`a ${clock.monotonic()}`);
			timers.after(10, () => order.push(`c ${clock.monotonic()}`));
		});
		cancelled.cancel();
		assert.equal(clock.untilNext, 10);
		clock.advance(9);
		assert.deepEqual(order, []);
		clock.advance(91);
		assert.deepEqual(order, ["a 10", "b 20", "c 20"]);
		assert.equal(clock.monotonic(), 100);
		assert.equal(clock.timers, 0);
	});

	test("before the flush of a turn, within it", async () => {
		const host = createFakeHost();
		const { echo, peer } = await dial(host);
		host.network.beforeFlush(() => {
			echo.events.push("one");
			host.network.beforeFlush(() => echo.connection.write(Uint8Array.of(9), 0, 1));
		});
		assert.deepEqual(echo.events, []);
		peer.send([1, 2, 3]);
		assert.deepEqual(echo.events, ["data 1 2 3", "one"]);
		assert.deepEqual(peer.take(), Uint8Array.of(1, 2, 3, 9));
		host.network.beforeFlush(() => echo.events.push("two"));
		await Promise.resolve();
		assert.deepEqual(echo.events.slice(2), ["two"]);
	});

	test("databases outlive their connections, move with their files, and fail when told", () => {
		const { databases, files } = createFakeHost();
		const first = databases.open("/d/a.db");
		first.exec("CREATE TABLE t (v); BEGIN; INSERT INTO t VALUES ('kept'); COMMIT; BEGIN; DELETE FROM t");
		assert.throws(() => databases.open("/d/a.db"), { code: "EBUSY" });
		first.close();
		assert.throws(() => first.exec("SELECT 1"));
		files.rename("/d/a.db", "/d/b.db");
		databases.open("/d/a.db").close();
		const second = databases.open("/d/b.db");
		const select = second.prepare("SELECT v FROM t");
		assert.deepEqual(select.all(), ["kept"]);
		databases.failWith = "ENOSPC";
		assert.throws(() => second.prepare("DELETE FROM t").run(), { code: "ENOSPC" });
		assert.throws(() => databases.open("/d/c.db"), { code: "ENOSPC" });
		assert.deepEqual(select.get(), ["kept"]);
		databases.failWith = null;
		assert.equal(second.prepare("DELETE FROM t").run(), 1);
		second.close();
		assert.throws(() => select.all());
		files.put("/d/a.db", "something else");
		assert.throws(() => databases.open("/d/a.db"), { code: "DB_FOREIGN" });
		files.put("/d/a.db", "damaged");
		assert.throws(() => databases.open("/d/a.db"), { code: "DB_CORRUPT" });
	});
});
