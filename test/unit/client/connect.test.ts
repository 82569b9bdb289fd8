import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClientError, MqttClient } from "../../../src/client/client.ts";
import { PacketType, Reason } from "../../../src/packet/packet.ts";
import { createFakeHost } from "../../fake/host.ts";
import { createClient, createConnected, octets } from "./fixture.ts";
import { connack, publish } from "./packets.ts";
import { settle } from "./server.ts";

describe("connecting", () => {
	it("sends CONNECT with all that the options say", async () => {
		const will = { topic: "w", payload: octets("gone"), qos: 1, retain: true, properties: null } as const;
		const { client, server, told } = createClient({
			cleanStart: false,
			keepAlive: 7,
			username: "u",
			password: octets("p"),
			will,
		});
		client.connect();
		assert.equal(client.state, "connecting");
		await settle();
		assert.equal(client.state, "handshake");
		assert.deepEqual(server.take(), [
			{
				type: PacketType.CONNECT,
				version: 4,
				bridge: false,
				cleanStart: false,
				keepAlive: 7,
				clientId: "c",
				will,
				username: "u",
				password: octets("p"),
				properties: null,
			},
		]);
		server.send(connack(0, true));
		assert.equal(client.state, "connected");
		assert.equal(told.connected[0]?.sessionPresent, true);
	});

	it("makes up a client identifier in 3.1, where there must be one", async () => {
		const { client, server } = createClient({ version: 3, clientId: "" });
		client.connect();
		await settle();
		const [packet] = server.take();
		assert.equal(packet?.type, PacketType.CONNECT);
		assert.match(packet.clientId, /^mosq-[0-9A-Za-z]{18}$/);
		assert.equal(packet.version, 3);
	});

	it("takes the client identifier that the server assigns [MQTT-3.2.2-16]", async () => {
		const { client, trace } = await createConnected(
			{ version: 5, clientId: "" },
			connack(0, false, { assignedClientIdentifier: "auto-1" }),
		);
		assert.equal(client.clientId, "auto-1");
		assert.deepEqual(trace, ["Client (null) sending CONNECT", "Client auto-1 received CONNACK (0)"]);
	});

	it("sends its properties in 5.0", async () => {
		const { client, server } = createClient({
			version: 5,
			properties: { sessionExpiryInterval: 60, userProperty: [["a", "b"]] },
		});
		client.connect();
		await settle();
		const [packet] = server.take();
		assert.equal(packet?.type, PacketType.CONNECT);
		assert.deepEqual(packet.properties, { sessionExpiryInterval: 60, userProperty: [["a", "b"]] });
	});

	it("works from input of one octet at a time", async () => {
		const { server, told } = createClientConnecting();
		await settle();
		server.peer.sendSplit(server.encode(connack(), publish("t", "hello")), 1);
		assert.equal(told.connected.length, 1);
		assert.deepEqual(told.messages, ["t hello q0"]);
	});

	it("reports a server that cannot be reached", async () => {
		const host = createFakeHost();
		const reasons: unknown[] = [];
		for (const name of ["127.0.0.1", "no.such.host"]) {
			const client = new MqttClient(
				host,
				{ host: name, port: 1 },
				{
					onClose: (reason) => reasons.push(reason.kind === "unreachable" ? reason.error.code : reason.kind),
				},
			);
			client.connect();
			await settle();
			assert.equal(client.state, "idle");
		}
		assert.deepEqual(reasons, ["ECONNREFUSED", "ENOTFOUND"]);
	});

	it("reports a refusal, then the end", async () => {
		const { client, told, trace } = await createConnected({}, connack(5));
		await settle();
		assert.equal(told.refused[0]?.reasonCode, 5);
		assert.deepEqual(told.closed, [{ kind: "refused", code: 5 }]);
		assert.equal(client.state, "idle");
		assert.equal(trace.at(-1), "Client c received CONNACK (5)");
	});

	it("understands the refusal of a server that knows no 5.0", async () => {
		const { client, server, told } = createClient({ version: 5 });
		client.connect();
		await settle();
		server.take();
		server.peer.send([0x20, 0x02, 0x00, 0x01]);
		await settle();
		assert.deepEqual(told.closed, [{ kind: "refused", code: Reason.UNSUPPORTED_PROTOCOL_VERSION }]);
	});

	it("refuses options that contradict one another", () => {
		for (const options of [
			{ password: octets("p") },
			{ properties: {} },
			{ keepAlive: 65_536 },
			{ keepAlive: 1.5 },
			{ maximumInflight: 0 },
		]) {
			assert.throws(() => createClient(options), RangeError, JSON.stringify(options));
		}
		assert.doesNotThrow(() => createClient({ version: 5, password: octets("p") }));
	});
});

describe("what a server must not do", () => {
	const cases: [string, 4 | 5, (fixture: Awaited<ReturnType<typeof createConnected>>) => void, number][] = [
		["a second CONNACK [MQTT-3.2.0-2]", 4, ({ server }) => server.send(connack()), 0x82],
		["DISCONNECT below 5.0", 4, ({ server }) => server.peer.send([0xe0, 0x00]), 0x82],
		["a packet for servers", 4, ({ server }) => server.peer.send([0xc0, 0x00]), 0x82],
		["AUTH that was not asked for", 5, ({ server }) => server.peer.send([0xf0, 0x00]), 0x82],
		["a length of five octets", 5, ({ server }) => server.peer.send([0x30, 255, 255, 255, 255, 1]), 0x81],
		["a topic with a wildcard [MQTT-3.3.2-2]", 5, ({ server }) => server.send(publish("a/+", "")), 0x90],
		[
			"a topic that is not UTF-8 [MQTT-3.3.2-1]",
			5,
			({ server }) => server.peer.send([0x30, 4, 0, 1, 0xff, 0]),
			0x81,
		],
	];
	for (const [name, version, act, code] of cases) {
		it(name, async () => {
			const fixture = await createConnected({ version });
			act(fixture);
			await settle();
			const [reason] = fixture.told.closed;
			assert.equal(reason?.kind, "protocol");
			assert.equal(reason.code, code);
			const answers = fixture.server.take();
			if (version === 5) {
				assert.deepEqual(answers, [{ type: PacketType.DISCONNECT, reasonCode: code, properties: null }]);
			} else {
				assert.deepEqual(answers, []);
			}
		});
	}

	it("sends anything before CONNACK [MQTT-3.2.0-1]", async () => {
		const { server, told } = createClientConnecting();
		await settle();
		server.send(publish("t", "x"));
		await settle();
		assert.deepEqual(told.messages, []);
		assert.equal(told.closed[0]?.kind, "protocol");
	});

	it("has a session after a clean start [MQTT-3.2.2-4]", async () => {
		const { told } = await createConnected({}, connack(0, true));
		await settle();
		assert.equal(told.connected.length, 0);
		assert.equal(told.closed[0]?.kind, "protocol");
	});

	it("sends packets beyond our limit", async () => {
		const { server, told } = await createConnected({ maximumPacketSize: 100 });
		server.peer.send([0x30, 99]);
		await settle();
		assert.equal(told.closed[0]?.kind === "protocol" && told.closed[0].code, Reason.PACKET_TOO_LARGE);
	});
});

describe("disconnecting", () => {
	// [MQTT-3.14.4-1], [MQTT-3.14.4-2], 3.1.1: [MQTT-3.14.4-1], [MQTT-3.14.4-2]
	it("sends DISCONNECT and ends the connection", async () => {
		const { client, server, told, trace } = await createConnected({ version: 5 });
		assert.equal(client.disconnect(4, { reasonString: "bye" }), true);
		assert.equal(client.state, "ending");
		assert.deepEqual(server.take(), [
			{ type: PacketType.DISCONNECT, reasonCode: 4, properties: { reasonString: "bye" } },
		]);
		assert.equal(client.publish("t", octets("x")), ClientError.NOT_CONNECTED);
		server.send(publish("t", "x", { qos: 1, packetId: 1 }));
		assert.deepEqual(server.take(), []);
		await settle();
		assert.equal(server.peer.closed, true);
		assert.deepEqual(told.closed, [{ kind: "requested" }]);
		assert.equal(client.state, "idle");
		assert.equal(trace.at(-1), "Client c sending DISCONNECT");
		assert.equal(client.disconnect(), false);
	});

	it("gives up an attempt to connect", async () => {
		const { client, server, host, told } = createClient();
		client.connect();
		assert.equal(client.disconnect(), true);
		await settle();
		host.clock.advance(0);
		assert.deepEqual(told.closed, [{ kind: "requested" }]);
		assert.equal(server.peer.closed, true);
		assert.deepEqual(server.take(), []);
	});

	it("waits for output that the server is slow to take", async () => {
		const { client, server, host, told } = await createConnected();
		server.peer.hold();
		const payload = new Uint8Array(100_000).fill(7);
		assert.equal(client.publish("t", payload), 1);
		client.disconnect();
		host.network.turn();
		host.clock.advance(30_000);
		assert.equal(server.peer.closed, false);
		server.peer.release();
		await settle();
		const [message, last] = server.take();
		assert.deepEqual(message?.type === PacketType.PUBLISH && message.payload, payload);
		assert.equal(last?.type, PacketType.DISCONNECT);
		assert.deepEqual(told.closed, [{ kind: "requested" }]);
		assert.equal(host.clock.timers, 0);
	});

	it("gives up on a server that takes nothing for a minute", async () => {
		const { client, server, host, told } = await createConnected();
		server.peer.hold();
		client.publish("t", new Uint8Array(100_000));
		client.disconnect();
		host.network.turn();
		host.clock.advance(59_000);
		assert.equal(server.peer.closed, false);
		host.clock.advance(2000);
		assert.equal(server.peer.closed, true);
		await settle();
		assert.deepEqual(told.closed, [{ kind: "requested" }]);
	});

	it("tells of the server's DISCONNECT", async () => {
		const { server, told, trace } = await createConnected({ version: 5 });
		server.send({
			type: PacketType.DISCONNECT,
			reasonCode: Reason.SESSION_TAKEN_OVER,
			properties: { reasonString: "elsewhere" },
		});
		await settle();
		assert.deepEqual(told.closed, [
			{ kind: "server", code: Reason.SESSION_TAKEN_OVER, properties: { reasonString: "elsewhere" } },
		]);
		assert.equal(trace.at(-1), "Received DISCONNECT (142)");
	});

	it("tells of a connection that broke, and of one that ended without a word", async () => {
		const broken = await createConnected();
		broken.server.peer.reset();
		await settle();
		const [first] = broken.told.closed;
		assert.equal(first?.kind === "lost" && first.error?.code, "ECONNRESET");
		const ended = await createConnected();
		ended.server.peer.end();
		await settle();
		assert.deepEqual(ended.told.closed, [{ kind: "lost", error: null }]);
	});
});

function createClientConnecting() {
	const fixture = createClient();
	fixture.client.connect();
	return fixture;
}
