// Enhanced authentication over packets: before CONNACK, anew while connected, and every step out of place.

import assert from "node:assert/strict";
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { test } from "node:test";
import mqttPacket from "mqtt-packet";
import type { Authenticator } from "../../../src/broker/authenticator.ts";
import { createScramCredentials, ScramSha256 } from "../../../src/broker/scram.ts";
import type { ListenerSettings } from "../../../src/broker/settings.ts";
import type { FakePeer } from "../../fake/host.ts";
import { encode, type Fields } from "../../vectors/wire.ts";
import { type Fixture, startBroker } from "./fixture.ts";

const METHOD = "SCRAM-SHA-256";
const CONTINUE = 0x18;
const AGAIN = 0x19;
const PROTOCOL_ERROR = 0x82;
const NOT_AUTHORIZED = 0x87;

async function start(listener: Partial<ListenerSettings> = { allowAnonymous: false }): Promise<Fixture> {
	const fixture = await startBroker({}, listener);
	const { host, broker } = fixture;
	const users = new Map(
		["ann", "bob"].map((name) => [
			name,
			createScramCredentials(host, `secret of ${name}`, host.random.bytes(16)),
		]),
	);
	broker.authenticators.set(METHOD, new ScramSha256(host, (name) => users.get(name) ?? null));
	return fixture;
}

/** A client of SCRAM by Node's own means. */
class ScramClient {
	readonly first: string;
	private readonly bare: string;
	private readonly password: string;
	private expected = "";

	constructor(name: string, password = `secret of ${name}`) {
		this.bare = `n=${name},r=clientnonce`;
		this.first = `n,,${this.bare}`;
		this.password = password;
	}

	/** The final message for a challenge. */
	final(challenge: string): string {
		const [, nonce, salt, iterations] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(challenge)!;
		const salted = pbkdf2Sync(this.password, Buffer.from(salt!, "base64"), Number(iterations), 32, "sha256");
		const clientKey = createHmac("sha256", salted).update("Client Key").digest();
		const serverKey = createHmac("sha256", salted).update("Server Key").digest();
		const unproven = `c=biws,r=${nonce}`;
		const signed = `${this.bare},${challenge},${unproven}`;
		const storedKey = createHash("sha256").update(clientKey).digest();
		const proof = createHmac("sha256", storedKey).update(signed).digest();
		for (let at = 0; at < 32; at++) proof[at]! ^= clientKey[at]!;
		this.expected = `v=${createHmac("sha256", serverKey).update(signed).digest("base64")}`;
		return `${unproven},p=${proof.toString("base64")}`;
	}

	/** Whether the server knew the password, too. */
	checks(message: unknown): void {
		assert.equal(message, this.expected);
	}
}

/** What matters of a packet from the broker. */
interface Answer {
	readonly cmd: unknown;
	readonly reasonCode: unknown;
	readonly method: unknown;
	readonly data: string | undefined;
	/** Names of the properties. */
	readonly names: readonly string[];
}

function take(peer: FakePeer): Answer[] {
	const packets: Answer[] = [];
	const parser = mqttPacket.parser({ protocolVersion: 5 });
	parser.on("packet", (packet) => {
		const { cmd, reasonCode, properties } = packet as unknown as Fields & { properties?: Fields };
		const { authenticationMethod: method, authenticationData: data } = (properties ?? {}) as Fields;
		packets.push({
			cmd,
			reasonCode,
			method,
			data: data === undefined ? undefined : String(data),
			names: Object.keys(properties ?? {}),
		});
	});
	parser.parse(Buffer.from(peer.take()));
	return packets;
}

/** The one packet that came. */
function only(peer: FakePeer): Answer {
	const packets = take(peer);
	assert.equal(packets.length, 1, JSON.stringify(packets));
	return packets[0]!;
}

function connect(fixture: Fixture, data: string | null, fields: Fields = {}, method = METHOD): FakePeer {
	const peer = fixture.dial();
	const { properties, ...others } = fields;
	const authentication =
		data === null
			? { authenticationMethod: method }
			: { authenticationMethod: method, authenticationData: data };
	peer.send(
		encode(
			{
				cmd: "connect",
				clientId: "c",
				clean: true,
				keepalive: 0,
				...others,
				properties: { ...authentication, ...(properties as Fields | undefined) },
			},
			5,
		),
	);
	return peer;
}

function auth(peer: FakePeer, reasonCode: number, data: string, method = METHOD): void {
	const properties = { authenticationMethod: method, authenticationData: data };
	peer.send(encode({ cmd: "auth", reasonCode, properties }, 5));
}

/** A client that is in. */
function connected(fixture: Fixture, name = "ann", fields: Fields = {}): FakePeer {
	const client = new ScramClient(name);
	const peer = connect(fixture, client.first, fields);
	const challenge = only(peer);
	auth(peer, CONTINUE, client.final(String(challenge.data)));
	const connack = only(peer);
	assert.equal(connack.reasonCode, 0);
	client.checks(connack.data);
	return peer;
}

function fails(peer: FakePeer, cmd: "connack" | "disconnect", reasonCode: number): void {
	const packet = only(peer);
	assert.deepEqual([packet.cmd, packet.reasonCode], [cmd, reasonCode]);
	assert.ok(peer.closed);
}

test("AUTH, then CONNACK with the method and the server's signature: [MQTT-4.12.0-2], [MQTT-4.12.0-5]", async () => {
	const fixture = await start();
	const client = new ScramClient("ann");
	const peer = connect(fixture, client.first);
	const challenge = only(peer);
	assert.deepEqual([challenge.cmd, challenge.reasonCode, challenge.method], ["auth", CONTINUE, METHOD]);
	// [MQTT-3.15.2-2], [MQTT-3.15.2-3]: no reason string and no user property that could be too long.
	assert.deepEqual(challenge.names, ["authenticationMethod", "authenticationData"]);
	assert.equal(fixture.broker.sessions.size, 0, "no session before the client is known");
	auth(peer, CONTINUE, client.final(String(challenge.data)));
	const connack = only(peer);
	assert.deepEqual([connack.cmd, connack.reasonCode, connack.method], ["connack", 0, METHOD]);
	client.checks(connack.data);
	peer.send(encode({ cmd: "pingreq" }, 5));
	assert.equal(only(peer).cmd, "pingresp");
});

test("octet by octet it is the same", async () => {
	const fixture = await start();
	const client = new ScramClient("ann");
	const peer = connect(fixture, client.first);
	const final = client.final(String(only(peer).data));
	const properties = { authenticationMethod: METHOD, authenticationData: final };
	peer.sendSplit(encode({ cmd: "auth", reasonCode: CONTINUE, properties }, 5), 1);
	client.checks(only(peer).data);
});

test("a wrong password, or nobody's, is refused in CONNACK: [MQTT-4.12.0-4]", async () => {
	const fixture = await start();
	for (const client of [new ScramClient("ann", "wrong"), new ScramClient("nobody")]) {
		const peer = connect(fixture, client.first);
		auth(peer, CONTINUE, client.final(String(only(peer).data)));
		fails(peer, "connack", NOT_AUTHORIZED);
	}
	assert.equal(fixture.broker.sessions.size, 0);
});

test("a first message that cannot be read is refused at once", async () => {
	const fixture = await start();
	fails(connect(fixture, "?"), "connack", NOT_AUTHORIZED);
	fails(connect(fixture, null), "connack", NOT_AUTHORIZED);
});

test("a method that there is not: [MQTT-4.12.0-1]", async () => {
	const fixture = await start();
	fails(connect(fixture, "x", {}, "SCRAM-SHA-1"), "connack", 0x8c);
});

test("who does not authenticate is not let in where anonymous clients are not", async () => {
	const fixture = await start();
	const peer = fixture.dial();
	peer.send(encode({ cmd: "connect", clientId: "c", clean: true, keepalive: 0 }, 5));
	fails(peer, "connack", NOT_AUTHORIZED);
});

test("CONNECT is judged after authentication: a will that is not allowed is refused then", async () => {
	const fixture = await start({ allowAnonymous: false, maxQos: 0 });
	const client = new ScramClient("ann");
	const peer = connect(fixture, client.first, { will: { topic: "w", payload: "x", qos: 1 } });
	auth(peer, CONTINUE, client.final(String(only(peer).data)));
	fails(peer, "connack", 0x9b);
});

test("before CONNACK only AUTH and DISCONNECT may come: [MQTT-3.1.2-30]", async () => {
	const fixture = await start();
	const { first } = new ScramClient("ann");
	for (const packet of [
		{ cmd: "pingreq" },
		{ cmd: "publish", topic: "t", payload: "x" },
		{ cmd: "connect", clientId: "c", clean: true, keepalive: 0 },
		{ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "t", qos: 0 }] },
	]) {
		const peer = connect(fixture, first);
		only(peer);
		peer.send(encode(packet, 5));
		fails(peer, "connack", PROTOCOL_ERROR);
	}
	const peer = connect(fixture, first, { will: { topic: "w", payload: "x" } });
	only(peer);
	peer.send(encode({ cmd: "disconnect", reasonCode: 4 }, 5));
	assert.equal(peer.take().length, 0);
	assert.ok(peer.closed);
	assert.equal(fixture.broker.sessions.size, 0);
});

test("AUTH with another method, or out of place, before CONNACK: [MQTT-4.12.0-3], [MQTT-4.12.0-5]", async () => {
	const fixture = await start();
	for (const [reasonCode, method] of [
		[CONTINUE, "other"],
		[AGAIN, METHOD],
		[0, METHOD],
	] as const) {
		const client = new ScramClient("ann");
		const peer = connect(fixture, client.first);
		auth(peer, reasonCode, client.final(String(only(peer).data)), method);
		fails(peer, "connack", PROTOCOL_ERROR);
	}
});

test("who does not go on is not waited for", async () => {
	const fixture = await start();
	const peer = connect(fixture, new ScramClient("ann").first);
	only(peer);
	fixture.advance(29);
	assert.ok(!peer.closed);
	fixture.advance(2);
	assert.ok(peer.closed);
	assert.equal(peer.take().length, 0);
});

test("an AUTH that is longer than the client takes is not sent: [MQTT-3.1.2-24]", async () => {
	const fixture = await start();
	fails(
		connect(fixture, new ScramClient("ann").first, { properties: { maximumPacketSize: 60 } }),
		"connack",
		0x95,
	);
});

test("anew while connected, between other packets: [MQTT-4.12.1-1]", async () => {
	const fixture = await start();
	const peer = connected(fixture);
	for (let round = 0; round < 2; round++) {
		const client = new ScramClient("ann");
		auth(peer, AGAIN, client.first);
		const challenge = only(peer);
		assert.deepEqual([challenge.cmd, challenge.reasonCode, challenge.method], ["auth", CONTINUE, METHOD]);
		peer.send(encode({ cmd: "pingreq" }, 5));
		assert.equal(only(peer).cmd, "pingresp");
		auth(peer, CONTINUE, client.final(String(challenge.data)));
		const end = only(peer);
		assert.deepEqual([end.cmd, end.reasonCode, end.method], ["auth", 0, METHOD]);
		client.checks(end.data);
	}
	fixture.advance(100);
	assert.ok(!peer.closed, "nothing is left to wait for");
});

test("anew with a wrong password: DISCONNECT, and the will is sent: [MQTT-4.12.1-2]", async () => {
	const fixture = await start();
	const watcher = connected(fixture, "bob", { clientId: "w" });
	watcher.send(encode({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "w", qos: 0 }] }, 5));
	watcher.take();
	const peer = connected(fixture, "ann", { will: { topic: "w", payload: "gone" } });
	const client = new ScramClient("ann", "wrong");
	auth(peer, AGAIN, client.first);
	auth(peer, CONTINUE, client.final(String(only(peer).data)));
	fails(peer, "disconnect", NOT_AUTHORIZED);
	assert.equal(only(watcher).cmd, "publish");
});

test("anew as somebody else", async () => {
	const fixture = await start();
	const peer = connected(fixture, "ann");
	const client = new ScramClient("bob");
	auth(peer, AGAIN, client.first);
	auth(peer, CONTINUE, client.final(String(only(peer).data)));
	fails(peer, "disconnect", NOT_AUTHORIZED);
});

test("AUTH out of place while connected", async () => {
	const fixture = await start();
	const { first } = new ScramClient("ann");
	for (const [reasonCode, method] of [
		[CONTINUE, METHOD],
		[0, METHOD],
		[AGAIN, "other"],
	] as const) {
		const peer = connected(fixture);
		auth(peer, reasonCode, first, method);
		fails(peer, "disconnect", PROTOCOL_ERROR);
	}
	const peer = connected(fixture);
	auth(peer, AGAIN, first);
	only(peer);
	auth(peer, AGAIN, first);
	fails(peer, "disconnect", PROTOCOL_ERROR);
});

test("an authentication anew that does not end in time ends the connection", async () => {
	for (const keepalive of [0, 10, 60]) {
		const fixture = await start();
		const peer = connected(fixture, "ann", { keepalive });
		auth(peer, AGAIN, new ScramClient("ann").first);
		only(peer);
		for (let second = 0; second < 29; second += 7) {
			fixture.advance(7);
			peer.send(encode({ cmd: "pingreq" }, 5));
			if (second < 21) assert.equal(only(peer).cmd, "pingresp");
		}
		fixture.advance(3);
		const packets = take(peer).filter((packet) => packet.cmd !== "pingresp");
		assert.deepEqual(
			packets.map((packet) => [packet.cmd, packet.reasonCode]),
			[["disconnect", NOT_AUTHORIZED]],
			`keep alive ${keepalive}`,
		);
		assert.ok(peer.closed);
	}
});

test("keep alive goes on while a client authenticates itself anew", async () => {
	const fixture = await start();
	const peer = connected(fixture, "ann", { keepalive: 10 });
	auth(peer, AGAIN, new ScramClient("ann").first);
	only(peer);
	fixture.advance(16);
	fails(peer, "disconnect", 0x8d);
});

test("a method that needs no second step is done with CONNECT, and data may be absent", async () => {
	const fixture = await start();
	const token: Authenticator = {
		method: "token",
		begin: () => ({ step: () => ({ done: true, data: null, username: "ann" }) }),
	};
	fixture.broker.authenticators.set(token.method, token);
	const peer = connect(fixture, null, {}, "token");
	const connack = only(peer);
	assert.deepEqual([connack.reasonCode, connack.method, connack.data], [0, "token", undefined]);
	auth(peer, AGAIN, "x", "token");
	assert.deepEqual([only(peer).reasonCode], [0]);
});
