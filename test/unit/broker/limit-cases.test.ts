// Each limit is reached: what a client sees of it, its count in $SYS, its line in the log. And each option of a limit has a case.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import mqttPacket, { type Packet } from "mqtt-packet";
import { LIMITS, type Limit } from "../../../src/broker/limits.ts";
import type { BrokerSettings, ListenerSettings } from "../../../src/broker/settings.ts";
import { Durability } from "../../../src/store/durability.ts";
import type { StoreSettings } from "../../../src/store/store-host.ts";
import type { FakePeer } from "../../fake/host.ts";
import { encode, type Fields, readThemes } from "../../vectors/wire.ts";
import { type Fixture, startBroker } from "./fixture.ts";
import { retainedMatching } from "./retained-matching.ts";

type Version = 3 | 4 | 5;

/** A limit, and how a client reaches it once. */
interface LimitCase {
	/** With a store of these settings. */
	readonly store?: Partial<StoreSettings>;
	readonly broker?: Partial<BrokerSettings>;
	readonly listener?: Partial<ListenerSettings>;
	/** Levels at which it can be reached; all three unless it is said. */
	readonly versions?: readonly Version[];
	/** Reaches it, and checks what the client is told. */
	reach(run: Run): void;
	/** The line in the log. */
	readonly line: RegExp;
	/** Messages that count as dropped. */
	readonly dropped?: number;
}

class Run {
	readonly fixture: Fixture;
	readonly version: Version;

	constructor(fixture: Fixture, version: Version) {
		this.fixture = fixture;
		this.version = version;
	}

	packets(peer: FakePeer): Packet[] {
		const found: Packet[] = [];
		const parser = mqttPacket.parser({ protocolVersion: this.version });
		parser.on("packet", (packet) => void found.push(packet));
		parser.parse(Buffer.from(peer.take()));
		return found;
	}

	send(peer: FakePeer, fields: Fields): Packet[] {
		peer.send(encode(fields, this.version));
		return this.packets(peer);
	}

	/** Connects; the code of CONNACK. */
	connect(clientId: string, fields: Fields = {}): { peer: FakePeer; code: number } {
		const peer = this.fixture.dial();
		const [connack] = this.send(peer, { cmd: "connect", clientId, clean: true, keepalive: 0, ...fields });
		assert.ok(connack?.cmd === "connack");
		const code = (this.version === 5 ? connack.reasonCode : connack.returnCode) ?? -1;
		assert.equal(peer.closed, code !== 0);
		return { peer, code };
	}

	/** A client that is let in. */
	client(clientId: string, fields: Fields = {}): FakePeer {
		const { peer, code } = this.connect(clientId, fields);
		assert.equal(code, 0);
		return peer;
	}

	/** CONNECT is refused with that reason; below 5.0 with that return code. */
	refused(reason: number, returnCode: number, clientId: string, fields: Fields = {}): void {
		assert.equal(this.connect(clientId, fields).code, this.version === 5 ? reason : returnCode);
	}

	/** What a client sends ends its connection; 5.0 is told why. */
	ends(peer: FakePeer, reason: number, fields: Fields | Uint8Array): void {
		if (fields instanceof Uint8Array) peer.send(fields);
		else peer.send(encode(fields, this.version));
		const [disconnect] = this.packets(peer);
		assert.ok(peer.closed);
		if (this.version === 5) assert.ok(disconnect?.cmd === "disconnect" && disconnect.reasonCode === reason);
		else assert.equal(disconnect, undefined);
	}

	/** QoS 1 or 2: the answer comes with that reason. */
	answered(peer: FakePeer, reason: number, fields: Fields): void {
		const answer = this.send(peer, {
			cmd: "publish",
			topic: "t",
			payload: "x",
			qos: 1,
			messageId: 1,
			...fields,
		})[0];
		assert.ok(answer?.cmd === "puback" || answer?.cmd === "pubrec");
		assert.equal(answer.reasonCode ?? 0, this.version === 5 ? reason : 0);
	}

	/** A session that outlives its connection, subscribed to `t`, and away. */
	away(clientId: string): void {
		const peer = this.client(clientId, { clean: false, properties: { sessionExpiryInterval: 1000 } });
		this.send(peer, { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "t", qos: 1 }] });
		this.send(peer, { cmd: "disconnect" });
	}

	/** Lets `$SYS` be told anew, and reads a value of it. */
	sys(name: string): string | undefined {
		this.fixture.advance(this.fixture.broker.settings.sysInterval);
		const topic = `$SYS/broker/${name}`;
		const [found] = retainedMatching(this.fixture.broker.retained, topic);
		return found === undefined ? undefined : Buffer.from(found.payload).toString();
	}
}

const SYS_READER = { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "$SYS/#", qos: 0 }] } as const;

/** Those that are reached before MQTT begins, and the file that shows it; on real hosts test/system/limits.test.ts does. */
const BEFORE_MQTT = {
	tls_handshakes: "test/unit/bin/tls.test.ts",
	waiting_connections: "test/unit/listener/door.test.ts",
} as const;

const CASES: Readonly<Record<Exclude<Limit, keyof typeof BEFORE_MQTT>, LimitCase>> = {
	allow_zero_length_clientid: {
		listener: { allowZeroLengthClientId: false },
		versions: [4, 5],
		reach: (run) => run.refused(0x85, 2, ""),
		line: /^information: Refused .*: zero-length client identifiers are not allowed\.$/,
	},
	connect_timeout: {
		reach(run) {
			const peer = run.fixture.dial();
			run.fixture.advance(29);
			assert.ok(!peer.closed);
			run.fixture.advance(2);
			assert.ok(peer.closed && peer.take().length === 0);
		},
		line: /^notice: Client <unknown> \[.*\] disconnected: exceeded timeout\.$/,
	},
	global_max_clients: {
		broker: { globalMaxClients: 2 },
		reach(run) {
			run.away("s");
			run.refused(0x89, 3, "a");
			run.client("s");
		},
		line: /^notice: Client a \[.*\] disconnected: global_max_clients exceeded\.$/,
	},
	global_max_connections: {
		broker: { globalMaxConnections: 2 },
		reach(run) {
			run.client("a");
			const peer = run.fixture.dial();
			assert.ok(peer.closed && peer.take().length === 0);
		},
		line: /^notice: Client connection from 192\.0\.2\.1 denied: global_max_connections exceeded\.$/,
	},
	max_connections: {
		listener: { maxConnections: 2 },
		reach(run) {
			run.client("a");
			const peer = run.fixture.dial();
			assert.ok(peer.closed && peer.take().length === 0);
		},
		line: /^notice: Client connection from 192\.0\.2\.1 denied: max_connections exceeded\.$/,
	},
	max_inflight_messages: {
		broker: { maxInflightMessages: 2 },
		versions: [5],
		reach(run) {
			const peer = run.client("a");
			for (const messageId of [1, 2]) run.answered(peer, 0x10, { qos: 2, messageId });
			run.answered(peer, 0x97, { qos: 2, messageId: 3 });
		},
		line: /^notice: Client a has more than 2 QoS 2 messages under way\.$/,
	},
	max_keepalive: {
		broker: { maxKeepalive: 100 },
		versions: [3, 4],
		reach(run) {
			run.client("a", { keepalive: 100 });
			run.refused(0, 2, "b", { keepalive: 101 });
		},
		line: /^information: Refused b \[.*\]: keep alive is above max_keepalive\.$/,
	},
	max_packet_size: {
		broker: { maxPacketSize: 100 },
		reach: (run) => run.ends(run.client("a"), 0x95, Uint8Array.of(0x30, 99)),
		line: /^notice: Client a \[.*\] disconnected: oversize packet\.$/,
	},
	max_qos: {
		listener: { maxQos: 1 },
		reach: (run) => run.ends(run.client("a"), 0x9b, { cmd: "publish", topic: "t", qos: 2, messageId: 1 }),
		line: /^information: Refused a \[.*\]: PUBLISH: QoS 2 is above the maximum\.$/,
	},
	max_queued_bytes: {
		broker: { maxQueuedBytes: 1 },
		reach(run) {
			run.away("s");
			const peer = run.client("a");
			for (const messageId of [1, 2]) run.answered(peer, 0, { messageId });
		},
		line: /^notice: Outgoing messages are being dropped for client s\.$/,
		dropped: 1,
	},
	max_queued_messages: {
		broker: { maxQueuedMessages: 1 },
		reach(run) {
			run.away("s");
			const peer = run.client("a");
			for (const messageId of [1, 2]) run.answered(peer, 0, { messageId });
		},
		line: /^notice: Outgoing messages are being dropped for client s\.$/,
		dropped: 1,
	},
	max_store_size: {
		store: { durability: Durability.SYNC, maximumSize: 60_000 },
		versions: [5],
		reach(run) {
			run.away("s");
			const peer = run.client("a");
			run.answered(peer, 0, { payload: "x".repeat(60_000) });
			run.answered(peer, 0x97, { messageId: 2 });
		},
		line: /^notice: Message of client a refused: what has to be kept cannot be written now\.$/,
	},
	max_topic_alias: {
		listener: { maxTopicAlias: 1 },
		versions: [5],
		reach(run) {
			const peer = run.client("a");
			run.send(peer, { cmd: "publish", topic: "t", properties: { topicAlias: 1 } });
			run.ends(peer, 0x94, { cmd: "publish", topic: "t", properties: { topicAlias: 2 } });
		},
		line: /^information: Refused a \[.*\]: PUBLISH: topic alias 2 is above the maximum\.$/,
	},
	memory_limit: {
		broker: { memoryLimit: 1_000_000 },
		reach(run) {
			run.away("s");
			run.fixture.host.process.heapSize += 1_000_000;
			run.fixture.advance(1);
			run.refused(0x97, 3, "a");
			run.client("s", { clean: false });
		},
		line: /^notice: Client a \[.*\] disconnected: memory_limit exceeded\.$/,
	},
	message_size_limit: {
		broker: { messageSizeLimit: 1 },
		reach: (run) => run.answered(run.client("a"), 0x83, { payload: "xx" }),
		line: /^notice: Message of client a dropped: 2 bytes, message_size_limit is 1\.$/,
	},
	persistence: {
		store: { durability: Durability.SYNC },
		versions: [5],
		reach(run) {
			run.away("s");
			const peer = run.client("a");
			run.fixture.host.databases.failWith = "EIO";
			run.answered(peer, 0x97, {});
			run.answered(peer, 0x97, { messageId: 2 });
		},
		line: /^notice: Message of client a refused: what has to be kept cannot be written now\.$/,
	},
	retain_available: {
		broker: { retainAvailable: false },
		reach: (run) => run.ends(run.client("a"), 0x9a, { cmd: "publish", topic: "t", retain: true }),
		line: /^information: Refused a \[.*\]: PUBLISH: retained messages are not available\.$/,
	},
	subscriptions: {
		broker: { maxSubscriptions: 2 },
		reach(run) {
			const peer = run.client("a");
			const subscriptions = ["1", "2", "3"].map((topic) => ({ topic, qos: 0 }));
			const [suback] = run.send(peer, { cmd: "subscribe", messageId: 1, subscriptions });
			assert.ok(suback?.cmd === "suback");
			assert.deepEqual(suback.granted, [0, 0, run.version === 5 ? 0x97 : 0x80]);
		},
		line: /^notice: Subscription of client a to 3 denied: more than 2 subscriptions\.$/,
	},
	topic_levels: {
		reach(run) {
			const peer = run.client("a");
			run.send(peer, { cmd: "publish", topic: "/".repeat(199) });
			run.ends(peer, 0x81, { cmd: "publish", topic: "/".repeat(200) });
		},
		line: /^information: Protocol error from a: PUBLISH: more than 200 topic levels\.$/,
	},
};

describe("limits", () => {
	for (const [limit, limitCase] of Object.entries(CASES) as [Limit, LimitCase][]) {
		for (const version of limitCase.versions ?? ([3, 4, 5] as const)) {
			test(`${limit} is reached at level ${version}, counted and logged`, async () => {
				const fixture = await startBroker(limitCase.broker, limitCase.listener, false, limitCase.store);
				const run = new Run(fixture, version);
				run.send(run.client("sys", { keepalive: 100 }), SYS_READER);
				const withoutRetained = limit === "retain_available";
				if (!withoutRetained) assert.equal(run.sys(`limits/${limit}`), "0");
				limitCase.reach(run);
				const lines = fixture.lines.filter((line) => limitCase.line.test(line));
				assert.equal(lines.length, 1, fixture.lines.join("\n"));
				assert.equal(fixture.broker.limits.reached(limit), 1);
				if (!withoutRetained) {
					assert.equal(run.sys(`limits/${limit}`), "1");
					assert.equal(run.sys("publish/messages/dropped"), String(limitCase.dropped ?? 0));
				}
				const others = LIMITS.filter((other) => other !== limit && fixture.broker.limits.reached(other) > 0);
				assert.deepEqual(others, [], "no other limit was reached");
			});
		}
	}

	test("what $SYS tells of limits holds without retained messages, too", async () => {
		const run = new Run(await startBroker({ retainAvailable: false }), 4);
		const reader = run.client("sys");
		run.send(reader, SYS_READER);
		run.ends(run.client("a"), 0, { cmd: "publish", topic: "t", retain: true });
		run.fixture.advance(10);
		const found = run
			.packets(reader)
			.find((packet) => packet.cmd === "publish" && packet.topic === "$SYS/broker/limits/retain_available");
		assert.ok(found?.cmd === "publish" && String(found.payload) === "1");
	});

	test("a peer does not fill the log: a line now and then, which says how many there would have been", async () => {
		const fixture = await startBroker(
			{ messageSizeLimit: 1, connectionMessages: true },
			{ maxConnections: 2 },
		);
		const run = new Run(fixture, 4);
		const [a] = ["a", "b"].map((id) => run.client(id));
		for (let i = 0; i < 50; i++) {
			assert.ok(fixture.dial().closed);
			run.answered(a!, 0, { payload: "xx" });
		}
		const denied = () => fixture.lines.filter((line) => / denied: max_connections/.test(line));
		const dropped = () => fixture.lines.filter((line) => / dropped: 2 bytes/.test(line));
		assert.deepEqual([denied().length, dropped().length], [1, 1]);
		fixture.advance(10);
		fixture.dial();
		assert.match(denied()[1]!, /denied: max_connections exceeded \(49 more since the last such line\)\.$/);
		fixture.dial();
		fixture.advance(10);
		fixture.dial();
		assert.match(denied()[2]!, /\(1 more since the last such line\)\.$/);
		assert.equal(fixture.broker.limits.reached("max_connections"), 53);
	});

	test("connection_messages false: who is turned away is counted, not logged", async () => {
		const fixture = await startBroker({ connectionMessages: false }, { maxConnections: 1 });
		fixture.dial();
		fixture.dial();
		assert.deepEqual([fixture.broker.limits.reached("max_connections"), fixture.lines], [1, []]);
	});

	test("that messages are dropped is said once for each connection", async () => {
		const fixture = await startBroker({ maxQueuedMessages: 1, maxInflightMessages: 1 });
		const run = new Run(fixture, 4);
		run.away("s");
		const peer = run.client("a");
		const publish = (count: number) => {
			for (let i = 1; i <= count; i++) run.answered(peer, 0, { messageId: i });
		};
		const said = () => fixture.lines.filter((line) => /are being dropped for client s/.test(line)).length;
		publish(10);
		assert.equal(said(), 1);
		const back = run.client("s", { clean: false });
		assert.equal(said(), 1);
		publish(10);
		assert.equal(said(), 2);
		back.end();
		publish(10);
		assert.equal(said(), 2);
		assert.equal(fixture.broker.statistics.dropped, 9 + 9 + 10);
	});

	test("a QoS 0 message for a client that is away is none that was dropped", async () => {
		const fixture = await startBroker();
		const run = new Run(fixture, 4);
		run.away("s");
		run.send(run.client("a"), { cmd: "publish", topic: "t", payload: "x" });
		assert.equal(fixture.broker.statistics.dropped, 0);
	});
});

describe("reload", () => {
	test("what a client was told at CONNECT holds for it; later ones are told anew", async () => {
		const fixture = await startBroker({ maxInflightMessages: 3 }, { maxQos: 2, maxTopicAlias: 5 });
		const run = new Run(fixture, 5);
		const before = run.client("before");
		fixture.listener.maxQos = 0;
		fixture.listener.maxTopicAlias = 0;
		fixture.broker.configure({ ...fixture.broker.settings, maxInflightMessages: 1 });
		for (const messageId of [1, 2, 3]) run.answered(before, 0x10, { qos: 2, messageId });
		run.send(before, { cmd: "publish", topic: "t", payload: "x", properties: { topicAlias: 5 } });
		assert.ok(!before.closed);
		const after = fixture.dial();
		const [connack] = run.send(after, { cmd: "connect", clientId: "after", clean: true, keepalive: 0 });
		assert.ok(connack?.cmd === "connack");
		const { maximumQoS, topicAliasMaximum, receiveMaximum } = connack.properties ?? {};
		assert.deepEqual([maximumQoS, topicAliasMaximum ?? 0, receiveMaximum], [0, 0, 1]);
		run.ends(after, 0x9b, { cmd: "publish", topic: "t", qos: 1, messageId: 1 });
	});

	test("limits of the whole broker hold at once", async () => {
		const fixture = await startBroker();
		const run = new Run(fixture, 4);
		run.away("s");
		const peer = run.client("a");
		const change = (settings: Partial<BrokerSettings>) =>
			fixture.broker.configure({ ...fixture.broker.settings, ...settings });
		const reached = (limit: Limit) => fixture.broker.limits.reached(limit);
		run.answered(peer, 0, {});
		change({ maxQueuedMessages: 1, messageSizeLimit: 1 });
		run.answered(peer, 0, {});
		run.answered(peer, 0, { payload: "xx" });
		assert.deepEqual([reached("max_queued_messages"), reached("message_size_limit")], [1, 1]);
		change({ maxQueuedMessages: 0, maxQueuedBytes: 1 });
		run.answered(peer, 0, {});
		assert.equal(reached("max_queued_bytes"), 1);
		change({ globalMaxClients: 2, globalMaxConnections: 2, maxKeepalive: 10 });
		run.refused(0, 3, "b");
		run.refused(0, 2, "s", { clean: false, keepalive: 11 });
		assert.deepEqual([reached("global_max_clients"), reached("max_keepalive")], [1, 1]);
		change({ globalMaxConnections: 1, maxKeepalive: 0 });
		assert.ok(fixture.dial().closed);
		change({ retainAvailable: false });
		run.ends(peer, 0, { cmd: "publish", topic: "t", payload: "x", retain: true });
		const again = run.client("a");
		change({ maxPacketSize: 20 });
		run.ends(again, 0, Uint8Array.of(0x30, 19));
	});
});

/**
 * Where each option of a limit is reached: among the cases above, in a wire case, or in a test by its name (the first
 * words of it) of that file.
 */
const OPTIONS: Readonly<Record<string, string | readonly [string, string]>> = {
	max_connections: "max_connections",
	global_max_clients: "global_max_clients",
	global_max_connections: "global_max_connections",
	max_keepalive: "max_keepalive",
	max_packet_size: "max_packet_size",
	message_size_limit: "message_size_limit",
	max_inflight_messages: "max_inflight_messages",
	max_inflight_bytes: ["wire", "max_inflight_bytes: messages go out until the limit is reached"],
	max_queued_messages: "max_queued_messages",
	max_queued_bytes: "max_queued_bytes",
	max_topic_alias: "max_topic_alias",
	max_topic_alias_broker: ["wire", "max_topic_alias_broker is the broker's own limit"],
	max_qos: "max_qos",
	memory_limit: "memory_limit",
	queue_qos0_messages: ["wire", "queue_qos0_messages keeps QoS 0 messages too, in order"],
	upgrade_outgoing_qos: ["wire", "upgrade_outgoing_qos takes the subscription's QoS"],
	retain_available: "retain_available",
	retain_expiry_interval: ["test/unit/broker/limits.test.ts", "retained messages that expired go"],
	allow_zero_length_clientid: "allow_zero_length_clientid",
	auto_id_prefix: ["wire", "auto_id_prefix begins identifiers that the broker makes"],
	persistent_client_expiration: ["wire", "persistent_client_expiration bounds every session"],
	set_tcp_nodelay: ["test/system/limits.test.ts", "set_tcp_nodelay"],
	mount_point: ["wire", "mount_point: clients of the listener see topics without it"],
	bind_interface: ["test/system/limits.test.ts", "bind_interface"],
	socket_domain: ["test/system/limits.test.ts", "socket_domain"],
	check_retain_source: ["test/unit/broker/access.test.ts", "check_retain_source: a retained message goes"],
	"topic depth": "topic_levels",
	"subscriptions of one client": "subscriptions",
};

test("every limit is reached somewhere", () => {
	assert.deepEqual(Object.keys({ ...CASES, ...BEFORE_MQTT }).sort(), [...LIMITS].sort());
	for (const [limit, place] of Object.entries(BEFORE_MQTT)) {
		const text = readFileSync(new URL(`../../../${place}`, import.meta.url), "utf8");
		assert.ok(text.includes(`limits.reached("${limit}")`), `${limit} in ${place}`);
	}
});

test("every option of a limit is reached somewhere", () => {
	const wire = readThemes().flatMap(({ cases }) => cases.map(({ name }) => name));
	assert.ok(readdirSync(new URL("../../system/", import.meta.url)).length > 0);
	for (const [option, where] of Object.entries(OPTIONS)) {
		if (typeof where === "string") {
			assert.ok((LIMITS as readonly string[]).includes(where), `${option}: ${where}`);
			continue;
		}
		const [place, name] = where;
		if (place === "wire") assert.ok(wire.includes(name), `${option}: there is no wire case "${name}"`);
		else {
			const text = readFileSync(new URL(`../../../${place}`, import.meta.url), "utf8");
			assert.ok(text.includes(`test("${name}`), `${option}: there is no test "${name}" in ${place}`);
		}
	}
});
