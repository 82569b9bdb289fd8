/** The client when ubusd is not there, goes, and comes back. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Status, type UbusClient, type UbusMethods } from "../../../src/ubus/client.ts";
import { encodeMessage, MessageType } from "../../../src/ubus/message.ts";
import { type FakePeer, fakeError } from "../../fake/host.ts";
import { FakeUbusd } from "../../fake/ubusd.ts";
import { readConversation } from "../../vectors/ubus.ts";
import { fails, plain, SOCKET, settle, startBus } from "./fixture.ts";

const methods: UbusMethods = { ping: { call: () => ({ pong: true }) } };

test("without an ubusd it tries again, ever less often, and says so once", async () => {
	const { host, connect, pass, lines, bus } = await startBus(null);
	const states: boolean[] = [];
	const client = await connect({ onState: (isConnected) => void states.push(isConnected) });
	const times = () => host.network.connects.splice(0).map(({ host: path }) => path);
	const both = [SOCKET, "/var/run/ubus.sock"];
	assert.deepEqual(times(), both);
	await fails(client.call("lab", "x"), Status.CONNECTION_FAILED, "lab: connection failed");
	await fails(client.list(), Status.CONNECTION_FAILED, "all objects: connection failed");
	await fails(client.send("lab"), Status.CONNECTION_FAILED, "event lab: connection failed");
	for (const pause of [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]) {
		await pass(pause - 1);
		assert.deepEqual(times(), [], `before ${pause} ms`);
		await pass(1);
		assert.deepEqual(times(), both, `after ${pause} ms`);
	}
	assert.deepEqual(lines, [`warning: ubus: ${both.join(", ")}: Connection refused`]);
	assert.deepEqual([client.isConnected, client.clientId, states], [false, null, []]);
	await bus.listen(SOCKET);
	await pass(5_000);
	assert.deepEqual([client.isConnected, states], [true, [true]]);
});

test("the socket of an older OpenWrt is found, and so is one that was named", async () => {
	for (const [path, options] of [
		["/var/run/ubus.sock", {}],
		["/tmp/other", { sockets: ["/tmp/other"] }],
	] as const) {
		const { connect } = await startBus(path);
		assert.equal((await connect(options)).isConnected, true);
	}
});

test("an ubusd that restarts finds everything again", async () => {
	const { host, bus, connect, pass, lines } = await startBus();
	const [owner, user] = [await connect(), await connect()];
	const object = owner.register("lab", methods);
	await settle();
	const heard: string[] = [];
	const notes: string[] = [];
	const states: boolean[] = [];
	user.listen("lab.*", (event) => void heard.push(event));
	user.subscribe("lab", {
		onNotification: ({ type }) => {
			notes.push(type);
			return undefined;
		},
		onState: (isSubscribed) => void states.push(isSubscribed),
	});
	await settle();
	const check = async (name: string) => {
		assert.deepEqual(plain(await user.call("lab", "ping")), [{ pong: true }]);
		await owner.send(`lab.${name}`);
		assert.equal(object.notify(name), true);
		await settle();
		assert.deepEqual([heard.splice(0), notes.splice(0)], [[`lab.${name}`], [name]]);
	};
	await check("before");

	await pass(10_000);
	bus.stop();
	await settle();
	assert.deepEqual([object.id, object.hasSubscribers, states], [null, false, [true, false]]);
	assert.equal(object.notify("nobody"), false);
	await pass(3_000);

	const next = new FakeUbusd(host);
	await next.listen(SOCKET);
	await pass(5_000);
	assert.equal(object.id, next.find("lab")?.id);
	assert.notEqual(object.id, null);
	assert.deepEqual(states, [true, false, true]);
	await check("after");
	const both = `${SOCKET}, /var/run/ubus.sock`;
	const said = ["ubusd has closed the connection", `${both}: Connection refused`];
	assert.deepEqual(
		lines,
		said.flatMap((text) => [`warning: ubus: ${text}`, `warning: ubus: ${text}`]),
		"each client says each thing once",
	);
	// Nothing is done twice.
	assert.deepEqual(
		next.seen.filter((line) => line === "ADD_OBJECT lab"),
		["ADD_OBJECT lab"],
	);
});

test("word of objects is asked for before anything is looked up", async () => {
	const { connect, bus } = await startBus(null);
	const client = await connect();
	client.subscribe("other", { onNotification: () => undefined });
	client.register("lab", methods);
	await bus.listen(SOCKET);
	client.close();
	client.open();
	await settle();
	assert.deepEqual(bus.seen, [
		"ADD_OBJECT",
		"ADD_OBJECT lab",
		"ADD_OBJECT",
		"INVOKE register",
		"LOOKUP other",
	]);
});

test("what is under way when the connection goes has failed", async () => {
	const { bus, connect, pass } = await startBus();
	const [owner, user] = [await connect(), await connect()];
	let answer: () => void = () => {};
	owner.register("lab", {
		slow: {
			call: () =>
				new Promise((resolve) => {
					answer = () => resolve({ late: true });
				}),
		},
	});
	await settle();
	const called = fails(
		user.call("lab", "slow"),
		Status.CONNECTION_FAILED,
		"lab slow: ubusd has closed the connection: connection failed",
	);
	await settle();
	bus.stop();
	await called;
	await bus.listen(SOCKET);
	await pass(5_000);
	const seen = bus.seen.length;
	answer();
	await settle();
	assert.equal(bus.seen.length, seen, "the late answer goes to nobody");
});

test("a good connection makes the next pause short; one that is dropped again and again does not", async () => {
	const { host, connect, pass, lines } = await startBus(null);
	let peer: FakePeer | null = null;
	host.network.serve(SOCKET, 0, (next) => {
		peer = next;
	});
	const hello = () => peer?.send(encodeMessage(host.utf8, MessageType.HELLO, 0, 5, {}));
	const client = await connect();
	for (const pause of [100, 200, 400, 800]) {
		hello();
		assert.equal(client.isConnected, true);
		(peer as FakePeer | null)?.reset();
		assert.equal(client.isConnected, false);
		await pass(pause - 1);
		hello();
		assert.equal(client.isConnected, false, `before ${pause} ms`);
		await pass(1);
	}
	hello();
	await pass(10_000);
	(peer as FakePeer | null)?.reset();
	await pass(100);
	hello();
	assert.equal(client.isConnected, true);
	assert.deepEqual(lines, [
		"warning: ubus: Connection reset by peer",
		"warning: ubus: Connection reset by peer",
	]);
});

test("an ubusd that accepts and says nothing is given up", async () => {
	const { bus, connect, pass, lines } = await startBus();
	bus.greets = false;
	const client = await connect();
	await fails(client.list(), Status.CONNECTION_FAILED, "all objects: connection failed");
	await pass(5_000);
	assert.deepEqual(lines, ["warning: ubus: no greeting from ubusd"]);
	bus.greets = true;
	await pass(100);
	assert.equal(client.isConnected, true);
});

test("an answer of ubusd that was lost costs the connection, which puts things right", async () => {
	const { bus, connect, pass, lines } = await startBus();
	const client = await connect();
	bus.ignored.add("ADD_OBJECT lab");
	const object = client.register("lab", methods);
	await settle();
	await pass(10_000);
	assert.equal(client.isConnected, false);
	bus.ignored.clear();
	await pass(100);
	assert.equal(object.id, bus.find("lab")?.id);
	assert.notEqual(object.id, null);
	assert.deepEqual(lines, ["warning: ubus: adding lab: timeout"]);
});

test("closed, it rests; opened again, everything is back", async () => {
	const { bus, host, connect, pass } = await startBus();
	const states: boolean[] = [];
	const client = await connect({ onState: (isConnected) => void states.push(isConnected) });
	client.open();
	const object = client.register("lab", methods);
	await settle();
	const called = fails(client.list(), Status.CONNECTION_FAILED, "all objects: closed: connection failed");
	client.close();
	client.close();
	await called;
	await settle();
	await pass(60_000);
	assert.deepEqual([client.isConnected, object.id, bus.clients.size], [false, null, 0]);
	assert.equal(host.clock.timers, 0, "nothing keeps the program");
	assert.equal(host.network.connects.length, 1);
	client.open();
	await settle();
	assert.deepEqual([client.isConnected, object.id], [true, bus.find("lab")?.id]);
	assert.deepEqual(states, [true, false, true]);
});

test("closed while connecting, or while waiting, it comes to nothing", async () => {
	const { bus, host, connect, pass } = await startBus(null);
	const client = await connect();
	client.close();
	await pass(60_000);
	assert.deepEqual([host.network.connects.length, host.clock.timers], [2, 0]);
	await bus.listen(SOCKET);
	client.open();
	client.close();
	await settle();
	assert.deepEqual([client.isConnected, bus.clients.size, host.clock.timers], [false, 0, 0]);
	client.open();
	client.close();
	client.open();
	await settle();
	assert.deepEqual([client.isConnected, bus.clients.size], [true, 1]);
});

test("as captured: the same client at an ubusd that was restarted", async () => {
	const { host, connect, pass } = await startBus(null);
	const peers: FakePeer[] = [];
	host.network.serve(SOCKET, 0, (peer) => void peers.push(peer));
	const client: UbusClient = await connect();
	const object = client.register("lab", { nodata: { call: () => null } });
	for (const name of ["restart", "restart-after"]) {
		const peer = peers.at(-1)!;
		const messages = readConversation(name).messages.filter((message) => message.client === "owner");
		for (const message of messages) {
			if (message.isFromClient) assert.deepEqual(peer.take(), message.bytes, message.name);
			else peer.send(message.bytes);
		}
		assert.equal(peer.take().length, 0);
		assert.equal(object.id, messages.find(({ type }) => type === MessageType.DATA)?.received.objectId);
		peer.reset(fakeError("ECONNRESET").code);
		assert.equal(object.id, null);
		await pass(100);
	}
});
