// $SYS: that it is complete, that its counters agree with what clients see, and that it costs nothing unheard.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import mqttPacket from "mqtt-packet";
import { Load } from "../../../src/broker/statistics.ts";
import type { FakePeer } from "../../fake/host.ts";
import { SYS_QOS, SYS_TABLE, SYS_TOPIC_NAMES } from "../../vectors/sys-topics.ts";
import { encode, type Fields } from "../../vectors/wire.ts";
import { type Fixture, startBroker } from "./fixture.ts";
import { retainedMatching } from "./retained-matching.ts";

type Version = 3 | 4 | 5;

/** A client that counts what it sends and gets. */
class CountingClient {
	readonly version: Version;
	readonly sent = new Map<string, number>();
	readonly received = new Map<string, number>();
	sentOctets = 0;
	receivedOctets = 0;
	sentPayload = 0;
	receivedPayload = 0;
	/** Topic, payload and RETAIN of publications that came. */
	readonly messages: [string, string, boolean][] = [];
	readonly peer: FakePeer;
	private readonly parser: ReturnType<typeof mqttPacket.parser>;
	private readonly unanswered: Fields[] = [];

	constructor(fixture: Fixture, clientId: string, version: Version = 4, fields: Fields = {}) {
		this.version = version;
		this.peer = fixture.dial();
		this.parser = mqttPacket.parser({ protocolVersion: version });
		this.parser.on("packet", (packet) => this.take(packet));
		this.send({ cmd: "connect", clientId, clean: true, keepalive: 0, ...fields });
	}

	send(...packets: Fields[]): void {
		const all = packets.map((packet) => encode(packet, this.version));
		for (const packet of packets) {
			add(this.sent, packet.cmd as string);
			if (packet.cmd === "publish") this.sentPayload += ((packet.payload as string) ?? "").length;
		}
		const bytes = Buffer.concat(all);
		this.sentOctets += bytes.length;
		this.peer.send(bytes);
	}

	private take(packet: mqttPacket.Packet): void {
		add(this.received, packet.cmd);
		if (packet.cmd === "pubrel") this.unanswered.push({ cmd: "pubcomp", messageId: packet.messageId });
		if (packet.cmd !== "publish") return;
		this.receivedPayload += packet.payload.length;
		this.messages.push([packet.topic, String(packet.payload), packet.retain]);
		const { messageId } = packet;
		if (packet.qos === 1) this.unanswered.push({ cmd: "puback", messageId });
		if (packet.qos === 2) this.unanswered.push({ cmd: "pubrec", messageId });
	}

	/** Reads all that has come, and answers it. */
	read(): void {
		for (let bytes = this.peer.take(); bytes.length > 0; bytes = this.peer.take()) {
			this.receivedOctets += bytes.length;
			this.parser.parse(Buffer.from(bytes));
			this.send(...this.unanswered.splice(0));
		}
	}

	subscribe(topic: string, qos: number): void {
		this.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic, qos }] });
	}
}

function add(counts: Map<string, number>, name: string): void {
	counts.set(name, (counts.get(name) ?? 0) + 1);
}

function total(clients: readonly CountingClient[], pick: (client: CountingClient) => number): number {
	return clients.reduce((sum, client) => sum + pick(client), 0);
}

/** Values of `$SYS/broker/…` as a new client finds them. */
function values(fixture: Fixture): Map<string, string> {
	const client = new CountingClient(fixture, "reader");
	client.subscribe("$SYS/#", 0);
	client.read();
	assert.ok(
		client.messages.every(([, , retain]) => retain),
		"all come as retained messages",
	);
	client.send({ cmd: "disconnect" });
	return new Map(client.messages.map(([topic, payload]) => [topic.replace("$SYS/broker/", ""), payload]));
}

const NAMES =
	"connect connack publish puback pubrec pubrel pubcomp subscribe suback unsubscribe unsuback pingreq pingresp disconnect";

/** Compares the broker's totals with those of all its clients. */
function compareTotals(fixture: Fixture, clients: readonly CountingClient[]): void {
	for (const client of clients) client.read();
	const statistics = fixture.broker.countedStatistics();
	const counted = (counts: Float64Array) =>
		Object.fromEntries(NAMES.split(" ").map((name, i) => [name, counts[i + 1]]));
	const seen = (pick: (client: CountingClient) => Map<string, number>) =>
		Object.fromEntries(NAMES.split(" ").map((name) => [name, total(clients, (c) => pick(c).get(name) ?? 0)]));
	assert.deepEqual(
		counted(statistics.received),
		seen((client) => client.sent),
		"received",
	);
	assert.deepEqual(
		counted(statistics.sent),
		seen((client) => client.received),
		"sent",
	);
	assert.deepEqual(
		{
			bytesReceived: statistics.bytesReceived,
			bytesSent: statistics.bytesSent,
			payloadReceived: statistics.payloadReceived,
			payloadSent: statistics.payloadSent,
		},
		{
			bytesReceived: total(clients, (client) => client.sentOctets),
			bytesSent: total(clients, (client) => client.receivedOctets),
			payloadReceived: total(clients, (client) => client.sentPayload),
			payloadSent: total(clients, (client) => client.receivedPayload),
		},
	);
}

describe("counters", () => {
	/** Sends PUBLISH of each kind, and completes what it began. */
	function traffic(clients: readonly CountingClient[]): void {
		for (const [i, client] of clients.entries()) {
			for (const topic of ["none", "one", "all", "all/high"]) {
				for (const qos of [0, 1, 2]) {
					for (const [j, length] of [0, 5, 200, 20_000].entries()) {
						const messageId = qos === 0 ? undefined : 1 + 10 * i + j;
						const payload = "x".repeat(length);
						client.send({ cmd: "publish", topic, payload, qos, messageId });
						client.read();
						if (qos === 2) client.send({ cmd: "pubrel", messageId });
						for (const each of clients) each.read();
					}
				}
			}
			client.send({ cmd: "pingreq" }, { cmd: "publish", topic: "all", payload: "r", retain: true });
			client.send(
				{ cmd: "publish", topic: "one", payload: "a" },
				{ cmd: "publish", topic: "all", payload: "b" },
			);
			client.send({ cmd: "unsubscribe", messageId: 9, unsubscriptions: ["nothing/of/it"] });
		}
	}

	for (const debug of [false, true]) {
		test(`agree with what clients send and get${debug ? ", logged" : ""}`, async () => {
			const fixture = await startBroker({}, {}, debug);
			const clients = [4, 5, 3, 5, 4].map((version, i) => {
				const properties = i === 3 ? { topicAliasMaximum: 2 } : {};
				return new CountingClient(fixture, `c${i}`, version as Version, { properties });
			});
			for (const [i, client] of clients.entries()) client.subscribe("all/#", i % 3);
			clients[0]!.subscribe("one", 2);
			traffic(clients);
			compareTotals(fixture, clients);
		});
	}

	test("agree when messages wait, and when some are dropped", async () => {
		const fixture = await startBroker({ maxInflightMessages: 2, maxQueuedMessages: 5 });
		const publisher = new CountingClient(fixture, "p", 5, { properties: { receiveMaximum: 100 } });
		const waiting = [4, 5].map((version) => new CountingClient(fixture, `s${version}`, version as Version));
		for (const client of waiting) client.subscribe("t", 1);
		for (let i = 1; i <= 10; i++) {
			publisher.send({ cmd: "publish", topic: "t", payload: "x".repeat(i), qos: 1, messageId: i });
		}
		assert.equal(fixture.broker.census().storedMessages, 10);
		// What came of 10, less 2 under way and 5 waiting, for each of two.
		assert.equal(fixture.broker.countedStatistics().dropped, 6);
		compareTotals(fixture, [publisher, ...waiting]);
		assert.deepEqual(
			waiting.map(({ messages }) => messages.length),
			[7, 7],
		);
		assert.equal(fixture.broker.census().storedMessages, 0);
	});

	test("agree when a client breaks the protocol in the middle of what it sends", async () => {
		const fixture = await startBroker();
		const client = new CountingClient(fixture, "c", 5);
		client.subscribe("t", 0);
		const valid = encode({ cmd: "publish", topic: "t", payload: "x" }, 5);
		const octets = Buffer.concat([valid, Uint8Array.of(0xf3, 0, 1, 2, 3), valid]);
		client.peer.send(octets);
		client.sentOctets += octets.length;
		client.sentPayload += 1;
		add(client.sent, "publish");
		compareTotals(fixture, [client]);
		assert.equal(client.received.get("disconnect"), 1);
	});

	test("hold in the middle of what one arrival brings", async () => {
		const fixture = await startBroker();
		const subscriber = new CountingClient(fixture, "s");
		subscriber.subscribe("t", 0);
		subscriber.read();
		const before = fixture.broker.countedStatistics().bytesReceived;
		const client = new CountingClient(fixture, "c");
		const publish = { cmd: "publish", topic: "t", payload: "12345" };
		const subscribe = { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "$SYS/#", qos: 0 }] };
		client.send(publish, publish, subscribe, publish);
		client.read();
		const value = (name: string) =>
			Number(client.messages.find(([topic]) => topic === `$SYS/broker/${name}`)?.[1]);
		const { length } = encode(publish, 4);
		assert.equal(value("bytes/received"), before + client.sentOctets - length);
		assert.equal(value("publish/messages/received"), 2);
		assert.equal(value("publish/bytes/sent"), 10);
		compareTotals(fixture, [client, subscriber]);
	});

	test("of the broker's state are those of its sessions, subscriptions and messages", async () => {
		const fixture = await startBroker({ persistentClientExpiration: 60 });
		const [a, b] = ["a", "b"].map((id) => new CountingClient(fixture, id, 4, { clean: false }));
		const c = new CountingClient(fixture, "c");
		a!.subscribe("q", 1);
		b!.subscribe("$share/g/q", 1);
		b!.subscribe("x", 1);
		a!.peer.end();
		c.send({ cmd: "publish", topic: "r", payload: "1".repeat(400), retain: true });
		c.send({ cmd: "publish", topic: "q", payload: "2".repeat(300), qos: 1, messageId: 1 });
		fixture.advance(10);
		const found = values(fixture);
		const pick = (...names: string[]) => names.map((name) => found.get(name));
		assert.deepEqual(pick("clients/total", "clients/connected", "clients/active"), ["4", "3", "3"]);
		assert.deepEqual(pick("clients/disconnected", "clients/inactive", "clients/maximum"), ["1", "1", "4"]);
		assert.deepEqual(pick("subscriptions/count", "shared_subscriptions/count"), ["4", "1"]);
		const own = SYS_TOPIC_NAMES.length;
		assert.equal(found.get("retained messages/count"), String(own + 1));
		// One retained, one that both a and b (which has not acknowledged it) are to get.
		assert.deepEqual(pick("store/messages/count", "messages/stored"), [String(own + 2), String(own + 2)]);
		const ofTree = [...found.values()].reduce((sum, value) => sum + value.length, 0);
		// 400 and 300 octets more than the tree's, some of whose own last values (longer by a digit) were not yet counted.
		const more = Number(found.get("store/messages/bytes")) - ofTree;
		assert.ok(more >= 700 - 20 && more <= 700 + 20, `${more} octets`);
		assert.deepEqual(pick("heap/current", "heap/maximum"), ["4000000", "5000000"]);
		assert.deepEqual(pick("uptime", "version", "connections/socket/count"), ["10 seconds", "mqttd", "4"]);
		fixture.advance(60);
		const later = values(fixture);
		assert.deepEqual([later.get("clients/expired"), later.get("clients/total")], ["1", "3"]);
	});

	test("of output that waits are octets, and packets reckoned from them", async () => {
		const fixture = await startBroker();
		const slow = new CountingClient(fixture, "slow");
		slow.subscribe("t", 0);
		slow.read();
		slow.peer.hold();
		const publisher = new CountingClient(fixture, "p");
		for (let i = 0; i < 10; i++) publisher.send({ cmd: "publish", topic: "t", payload: "x".repeat(50_000) });
		const found = values(fixture);
		const octets = Number(found.get("packet/out/bytes"));
		assert.ok(octets > 100_000 && octets <= 500_100, `${octets} octets wait`);
		assert.ok(Number(found.get("packet/out/count")) >= 2);
	});
});

describe("load", () => {
	test("is the growth in a minute, averaged over 1, 5 and 15 minutes", () => {
		const load = new Load();
		load.sample(100, 10);
		const expected = [60, 300, 900].map((seconds) => 600 * (1 - Math.exp(-10 / seconds)));
		for (const [i, average] of load.averages.entries()) {
			assert.ok(Math.abs(average - expected[i]!) < 1e-9, `${average} is not ${expected[i]}`);
		}
		for (let i = 2; i <= 1000; i++) load.sample(100 * i, 10);
		assert.deepEqual(
			load.averages.map((average) => average.toFixed(2)),
			["600.00", "600.00", "599.99"],
		);
		for (let i = 0; i < 6; i++) load.sample(100_000, 10);
		assert.equal(load.averages[0]!.toFixed(2), (600 * Math.exp(-1)).toFixed(2));
	});

	test("is kept up while nobody listens, and counts from the last interval", async () => {
		const fixture = await startBroker();
		const client = new CountingClient(fixture, "c");
		for (let i = 0; i < 60; i++) {
			client.send({ cmd: "publish", topic: "t", payload: "x" });
			fixture.advance(1);
		}
		const found = values(fixture);
		const average = Number(found.get("load/publish/received/1min"));
		assert.ok(average > 35 && average < 45, `60 a minute for a minute: ${average}`);
		assert.match(found.get("load/bytes/sent/15min")!, /^\d+\.\d\d$/);
	});
});

describe("the tree", () => {
	test("has mosquitto's topics, all retained", async () => {
		const fixture = await startBroker();
		const names = [...values(fixture).keys()].map((name) => `$SYS/broker/${name}`).sort();
		assert.deepEqual(names, SYS_TOPIC_NAMES);
	});

	test("has each value in its form, with mosquitto's QoS, and again only when it has changed", async () => {
		const fixture = await startBroker({ version: "mqttd version 1", sysInterval: 10 });
		const found = values(fixture);
		for (const { topic, form } of SYS_TABLE)
			assert.match(found.get(topic.replace("$SYS/broker/", ""))!, form, topic);
		assert.ok(retainedMatching(fixture.broker.retained, "$SYS/#").every(({ qos }) => qos === SYS_QOS));
		const client = new CountingClient(fixture, "c");
		client.subscribe("$SYS/#", 0);
		client.read();
		// What the reading itself changes has come by then.
		fixture.advance(20);
		client.read();
		client.messages.length = 0;
		fixture.advance(10);
		client.read();
		const names = client.messages.map(([topic]) => topic.replace("$SYS/broker/", ""));
		assert.ok(names.includes("uptime"));
		for (const name of [
			"version",
			"clients/total",
			"clients/maximum",
			"subscriptions/count",
			"heap/current",
		]) {
			assert.ok(!names.includes(name), name);
		}
		assert.ok(client.messages.every(([, , retain]) => !retain));
		for (let second = 1; second < 10; second++) {
			client.messages.length = 0;
			fixture.advance(1);
			client.read();
			assert.deepEqual(client.messages, [], `second ${second} of the interval`);
		}
	});

	test("is worked out only while somebody listens", async () => {
		const fixture = await startBroker();
		let count = 0;
		const census = fixture.broker.census.bind(fixture.broker);
		fixture.broker.census = () => {
			count++;
			return census();
		};
		const client = new CountingClient(fixture, "c");
		client.subscribe("#", 0);
		client.subscribe("$SYSTEM/#", 0);
		fixture.advance(100);
		assert.equal(count, 0);
		client.subscribe("$share/g/$SYS/broker/uptime", 0);
		const first = count;
		assert.ok(first > 0);
		client.subscribe("$SYS/broker/uptime", 0);
		assert.equal(count, first, "nothing new is worked out for a second subscription");
		fixture.advance(20);
		assert.equal(count, first + 2);
		client.send({ cmd: "disconnect" });
		fixture.advance(100);
		assert.equal(count, first + 2);
	});

	test("keeps to the wall clock, and follows a new interval", async () => {
		const fixture = await startBroker();
		fixture.host.clock.epoch += 4000;
		const client = new CountingClient(fixture, "c");
		client.subscribe("$SYS/broker/uptime", 0);
		fixture.advance(30);
		client.read();
		const said = () => client.messages.splice(0).map(([, payload]) => Number.parseInt(payload, 10));
		assert.deepEqual(said(), [0, 6, 16, 26]);
		fixture.broker.configure({ ...fixture.broker.settings, sysInterval: 5 });
		// At once, as the interval's number is another, then at multiples of 5 seconds, 4 of which were over at the start.
		fixture.advance(12);
		client.read();
		assert.deepEqual(said(), [31, 36, 41]);
	});
});

describe("log lines", () => {
	test("go to topics by type, not retained, to who listens now", async () => {
		const fixture = await startBroker();
		fixture.broker.publishLog("notice", "unheard");
		const client = new CountingClient(fixture, "c", 5);
		client.subscribe("$SYS/broker/log/#", 2);
		for (const type of ["error", "warning", "notice", "information", "subscribe", "unsubscribe"] as const) {
			fixture.broker.publishLog(type, `1: ${type}`);
		}
		fixture.broker.publishLog("websockets", "w");
		fixture.broker.publishLog("debug", "each would cause more");
		client.read();
		assert.equal(client.messages.length, 0, "not in the middle of what is going on");
		fixture.advance(0);
		client.read();
		assert.deepEqual(
			client.messages.map(([topic, text]) => `${topic.replace("$SYS/broker/log/", "")} ${text}`),
			[
				"E 1: error",
				"W 1: warning",
				"N 1: notice",
				"I 1: information",
				"M/subscribe 1: subscribe",
				"M/unsubscribe 1: unsubscribe",
				"WS w",
			],
		);
		assert.ok(client.messages.every(([, , retain]) => !retain));
		assert.equal(retainedMatching(fixture.broker.retained, "$SYS/broker/log/#").length, 0);
	});

	test("that come in a flood are bounded", async () => {
		const fixture = await startBroker({ maxQueuedMessages: 0, maxInflightMessages: 0 });
		const client = new CountingClient(fixture, "c");
		client.subscribe("$SYS/broker/log/N", 0);
		for (let i = 0; i < 5000; i++) fixture.broker.publishLog("notice", `${i}`);
		fixture.advance(0);
		client.read();
		assert.equal(client.messages.length, 1000);
	});
});
