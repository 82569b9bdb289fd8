// Limits beyond what wire cases show: what is logged, and what listeners of one broker have in common.

import assert from "node:assert/strict";
import { test } from "node:test";
import mqttPacket, { type Packet } from "mqtt-packet";
import { defaultListenerSettings, type ListenerSettings } from "../../../src/broker/settings.ts";
import type { FakePeer } from "../../fake/host.ts";
import { encode, type Fields } from "../../vectors/wire.ts";
import { type Fixture, startBroker } from "./fixture.ts";
import { retainedMatching } from "./retained-matching.ts";

/** Another listener of the same broker. */
async function listen(fixture: Fixture, port: number, settings: Partial<ListenerSettings>): Promise<void> {
	const listener = { ...defaultListenerSettings, port, allowAnonymous: true, ...settings };
	await fixture.host.network.listen({ address: "127.0.0.1", port }, (connection) =>
		fixture.broker.accept(connection, listener),
	);
}

/** Connects through that port; returns the other end. */
function connect(fixture: Fixture, clientId: string, port = 1883, fields: Fields = {}): FakePeer {
	const peer = fixture.host.network.dial(port);
	peer.send(encode({ cmd: "connect", clientId, clean: true, keepalive: 0, ...fields }, 5));
	assert.equal(packets(peer)[0]?.cmd, "connack");
	return peer;
}

function packets(peer: FakePeer): Packet[] {
	const found: Packet[] = [];
	const parser = mqttPacket.parser({ protocolVersion: 5 });
	parser.on("packet", (packet) => void found.push(packet));
	parser.parse(Buffer.from(peer.take()));
	return found;
}

/** Topics of the messages that have come. */
function topics(peer: FakePeer): string[] {
	return packets(peer).flatMap((packet) => (packet.cmd === "publish" ? [packet.topic] : []));
}

function subscribe(peer: FakePeer, ...filters: string[]): unknown {
	const subscriptions = filters.map((topic) => ({ topic, qos: 1 }));
	peer.send(encode({ cmd: "subscribe", messageId: 1, subscriptions }, 5));
	const [suback] = packets(peer);
	return suback?.cmd === "suback" ? suback.granted : undefined;
}

function publish(peer: FakePeer, topic: string, fields: Fields = {}): void {
	peer.send(encode({ cmd: "publish", topic, payload: "x", ...fields }, 5));
}

test("subscriptions of one client: those beyond the limit are refused, those it has can change", async () => {
	const fixture = await startBroker({ maxSubscriptions: 2 });
	const peer = connect(fixture, "a");
	assert.deepEqual(subscribe(peer, "1", "2", "3"), [1, 1, 0x97]);
	assert.deepEqual(subscribe(peer, "2"), [1]);
	assert.ok(
		fixture.lines.includes("notice: Subscription of client a to 3 denied: more than 2 subscriptions."),
	);
	peer.send(encode({ cmd: "unsubscribe", messageId: 2, unsubscriptions: ["1"] }, 5));
	peer.take();
	assert.deepEqual(subscribe(peer, "3"), [1]);
	assert.deepEqual(subscribe(connect(fixture, "b"), "1"), [1], "another client has a limit of its own");
	assert.equal(fixture.broker.tree.count, 3);
});

test("connections and clients beyond the limits are logged", async () => {
	const fixture = await startBroker({ globalMaxConnections: 2, globalMaxClients: 1 });
	await listen(fixture, 2, {});
	connect(fixture, "a");
	connect(fixture, "b", 2);
	assert.equal(
		fixture.lines.at(-1)?.replace(/:[0-9]+\]/, "]"),
		"notice: Client b [192.0.2.1] disconnected: global_max_clients exceeded.",
	);
	connect(fixture, "a", 2);
	const third = fixture.host.network.dial(1883);
	const fourth = fixture.host.network.dial(2);
	assert.deepEqual([third.closed, fourth.closed], [false, true]);
	assert.ok(
		fixture.lines.includes(
			"notice: Client connection from 192.0.2.1 denied: global_max_connections exceeded.",
		),
	);
});

test("listeners have identifiers, versions and mount points of their own", async () => {
	const fixture = await startBroker();
	await listen(fixture, 2, { allowZeroLengthClientId: false, autoIdPrefix: "two-" });
	await listen(fixture, 3, { autoIdPrefix: "three-" });
	const answer = (port: number) => {
		const peer = fixture.host.network.dial(port);
		peer.send(encode({ cmd: "connect", clientId: "", clean: true, keepalive: 0 }, 5));
		const [connack] = packets(peer);
		assert.ok(connack?.cmd === "connack");
		return connack.properties?.assignedClientIdentifier?.replace(/-.*/, "") ?? connack.reasonCode;
	};
	assert.deepEqual([answer(1883), answer(2), answer(3)], ["auto", 0x85, "three"]);
});

test("a mount point parts its clients from others; those without one see all by its full name", async () => {
	const fixture = await startBroker();
	await listen(fixture, 2, { mountPoint: "m/" });
	const outside = connect(fixture, "outside");
	const inside = connect(fixture, "inside", 2);
	subscribe(outside, "#");
	subscribe(inside, "#");
	publish(inside, "a");
	publish(outside, "a");
	publish(outside, "m/b");
	publish(outside, "m/");
	publish(inside, "$SYS/c", { qos: 1, messageId: 1 });
	assert.deepEqual(topics(outside), ["m/a", "a", "m/b", "m/", "m/$SYS/c"]);
	assert.deepEqual(topics(inside), ["a", "b", "$SYS/c"]);
	const dump = fixture.broker.dumpSubscriptions().filter((line) => line.includes("("));
	assert.deepEqual(dump, ["        # (outside, 1)", "          # (inside, 1)"]);
	publish(outside, "a", { retain: true });
	publish(inside, "r", { retain: true });
	topics(inside);
	topics(outside);
	assert.equal(retainedMatching(fixture.broker.retained, "m/r").length, 1);
});

test("a session that comes back through a mount point gets nothing from outside of it", async () => {
	const fixture = await startBroker();
	await listen(fixture, 2, { mountPoint: "m/" });
	const stays = { clean: false, properties: { sessionExpiryInterval: 1000 } };
	const before = connect(fixture, "s", 1883, stays);
	subscribe(before, "#");
	before.end();
	const publisher = connect(fixture, "p");
	publish(publisher, "a", { qos: 1, messageId: 1 });
	publish(publisher, "m/b", { qos: 1, messageId: 2 });
	const after = fixture.host.network.dial(2);
	after.send(encode({ cmd: "connect", clientId: "s", keepalive: 0, ...stays }, 5));
	assert.deepEqual(topics(after), ["b"]);
	publish(publisher, "c", { qos: 1, messageId: 3 });
	publish(publisher, "c");
	publish(publisher, "m/d", { qos: 1, messageId: 4 });
	publish(publisher, "m/e");
	assert.deepEqual(topics(after), ["d", "e"]);
});

test("retained messages that expired go also when nobody asks for them", async () => {
	const fixture = await startBroker({ retainExpiryInterval: 2 });
	const { retained } = fixture.broker;
	const peer = connect(fixture, "a");
	const brief = { retain: true, properties: { messageExpiryInterval: 5 } };
	for (const topic of ["a", "b/c", "$x/y"]) publish(peer, topic, brief);
	publish(peer, "stays", { retain: true });
	fixture.advance(119);
	assert.equal(retained.count, 4);
	fixture.advance(1);
	assert.equal(retained.count, 1, "what does not expire stays");
	publish(peer, "stays", brief);
	publish(peer, "stays", { retain: true });
	publish(peer, "goes", brief);
	publish(peer, "goes", { retain: true, payload: "" });
	publish(peer, "a", brief);
	fixture.advance(119);
	assert.equal(retained.count, 2);
	fixture.advance(1);
	assert.equal(retained.count, 1);
	publish(peer, "a", brief);
	fixture.broker.configure({ ...fixture.broker.settings, retainExpiryInterval: 10 });
	fixture.advance(599);
	assert.equal(retained.count, 2);
	fixture.advance(1);
	assert.equal(retained.count, 1);
});

test("memory_limit: while it is exceeded nothing more is kept; what needs no memory goes on", async () => {
	const fixture = await startBroker({ memoryLimit: 1_000_000 });
	const { process } = fixture.host;
	const stays = { clean: false, properties: { sessionExpiryInterval: 1000 } };
	const away = connect(fixture, "away", 1883, stays);
	subscribe(away, "t");
	away.end();
	const peer = connect(fixture, "a");
	const waiting = fixture.dial();
	subscribe(peer, "t");
	const send = (fields: Fields): number | undefined => {
		publish(peer, "t", { qos: 1, messageId: 9, ...fields });
		const puback = packets(peer).find((packet) => packet.cmd === "puback");
		assert.ok(puback?.cmd === "puback");
		return puback.reasonCode ?? 0;
	};
	const queued = () => fixture.broker.sessions.get("away")?.queued;
	fixture.advance(1);
	assert.equal(send({}), 0);
	assert.equal(queued(), 1);

	process.heapSize = 2_500_000;
	process.garbage = 600_000;
	fixture.advance(1);
	assert.deepEqual(subscribe(peer, "other"), [1], "without what is of no use it is less");
	process.garbage = 500_000;
	fixture.advance(1);
	const [warning] = fixture.lines.filter((line) => line.startsWith("warning"));
	assert.match(
		warning ?? "",
		/^warning: Warning: 1000000 octets of memory are in use, memory_limit is 1000000\./,
	);
	waiting.send(encode({ cmd: "connect", clientId: "b", clean: true, keepalive: 0 }, 5));
	const [connack] = packets(waiting);
	assert.ok(connack?.cmd === "connack" && connack.reasonCode === 0x97);
	assert.deepEqual(subscribe(peer, "new", "t"), [0x97, 1]);
	assert.equal(send({ retain: true }), 0x97);
	assert.equal(fixture.broker.retained.count, 0);
	assert.equal(send({}), 0, "a message that goes on at once");
	assert.equal(queued(), 1);

	const back = connect(fixture, "away", 1883, { clean: false, properties: { sessionExpiryInterval: 1000 } });
	assert.equal(queued(), 0, "who has a session can come back and take what waits");
	back.send(encode({ cmd: "disconnect" }, 5));
	peer.send(Uint8Array.of(0x30, 0xfc, 0xff, 0x03, 0, 1, 0x74));
	assert.equal(peer.closed, false, "a packet of up to 64 KiB is waited for");
	waiting.end();
	const large = connect(fixture, "a");
	assert.ok(peer.closed);
	subscribe(large, "t");
	large.send(Uint8Array.of(0x30, 0xfd, 0xff, 0x03, 0, 1, 0x74));
	assert.ok(large.closed, "a longer one is not");
	const after = connect(fixture, "away", 1883, stays);

	process.heapSize = 2_437_501;
	fixture.advance(1);
	assert.deepEqual(subscribe(after, "more"), [0x97], "memory is scarce until it is well below the limit");
	process.heapSize = 2_437_499;
	fixture.advance(1);
	assert.match(fixture.lines.at(-1) ?? "", /^notice: 937499 octets of memory are in use/);
	assert.deepEqual(subscribe(after, "more"), [1]);
	process.heapSize = 9_000_000;
	fixture.broker.configure({ ...fixture.broker.settings, memoryLimit: 0 });
	fixture.advance(2);
	connect(fixture, "new");
	assert.deepEqual(subscribe(after, "and more"), [1], "no limit any more");
});

test("memory_limit: a will that is to be retained is sent, but not kept", async () => {
	const fixture = await startBroker({ memoryLimit: 1_000_000 });
	const will = { topic: "gone", payload: "x", qos: 0, retain: true };
	const peer = connect(fixture, "a", 1883, { will });
	const other = connect(fixture, "b");
	subscribe(other, "gone");
	fixture.host.process.heapSize = 9_000_000;
	fixture.advance(1);
	peer.end();
	assert.deepEqual(topics(other), ["gone"]);
	assert.equal(fixture.broker.retained.count, 0);
});
