/** Dynamic security in the broker, over packets: who reaches the control topic, and what a change does to who is there. */

import assert from "node:assert/strict";
import { pbkdf2Sync } from "node:crypto";
import { describe, test } from "node:test";
import mqttPacket from "mqtt-packet";
import type { ListenerSettings } from "../../../src/broker/settings.ts";
import type { FakeHost, FakePeer } from "../../fake/host.ts";
import { encode, type Fields } from "../../vectors/wire.ts";
import { createDynsec } from "./dynsec-fixture.ts";
import { type Fixture, startBroker } from "./fixture.ts";

const TOPIC = "$CONTROL/dynamic-security/v1";
const NOT_AUTHORIZED = 0x87;
const ADMINISTRATIVE_ACTION = 0x98;

function client(username: string, ...roles: string[]): object {
	const salt = Buffer.from("twelve bytes");
	const hash = pbkdf2Sync(`secret of ${username}`, salt, 5, 64, "sha512");
	return {
		username,
		password: hash.toString("base64"),
		salt: salt.toString("base64"),
		iterations: 5,
		roles: roles.map((rolename) => ({ rolename })),
	};
}

const ALL = ["publishClientSend", "publishClientReceive", "subscribePattern"];
const acls = (topic: string) => ALL.map((acltype) => ({ acltype, topic, allow: true }));

const FILE = {
	roles: [
		{ rolename: "admin", acls: acls("$CONTROL/#") },
		{
			rolename: "user",
			acls: [...acls("open/#"), { acltype: "unsubscribeLiteral", topic: "open/stay", allow: false }],
		},
	],
	clients: [client("admin", "admin"), client("ann", "user"), client("bob", "user")],
};

/** A broker with that file, on one listener. `dynsec`: the host of dynamic security, which has a time of its own. */
async function startDynsec(
	listener: Partial<ListenerSettings> = {},
): Promise<Fixture & { readonly dynsec: FakeHost }> {
	const { security, host: dynsec } = createDynsec(FILE);
	const fixture = await startBroker(
		{},
		{ users: security.users(null), access: security.access(null), ...listener },
	);
	security.attach({
		accessChanged: () => fixture.broker.accessChanged(),
		kick: (username) => fixture.broker.kick(username),
		connectionsOf: (...of) => fixture.broker.connectionsOf(...of),
	});
	fixture.broker.serveControl([security]);
	return { ...fixture, dynsec };
}

function received(peer: FakePeer): string[] {
	const found: string[] = [];
	const parser = mqttPacket.parser({ protocolVersion: 5 });
	parser.on("packet", (packet) => {
		if (packet.cmd === "publish") found.push(`${packet.topic} ${packet.payload}`);
		else if (packet.cmd === "suback" || packet.cmd === "unsuback")
			found.push(`${packet.cmd} ${packet.granted}`);
		else if ("reasonCode" in packet) found.push(`${packet.cmd} ${packet.reasonCode ?? 0}`);
		else found.push(packet.cmd);
	});
	parser.parse(Buffer.from(peer.take()));
	return found;
}

function logIn(fixture: Fixture, username: string, fields: Fields = {}): FakePeer {
	const peer = fixture.dial();
	const password = `secret of ${username}`;
	peer.send(
		encode(
			{ cmd: "connect", clientId: username, clean: true, keepalive: 0, username, password, ...fields },
			5,
		),
	);
	return peer;
}

function accepted(fixture: Fixture, username: string, fields: Fields = {}): FakePeer {
	const peer = logIn(fixture, username, fields);
	assert.deepEqual(received(peer), ["connack 0"]);
	return peer;
}

function publish(peer: FakePeer, topic: string, payload = "x", qos = 1): string[] {
	peer.send(encode({ cmd: "publish", topic, payload, qos, ...(qos === 0 ? {} : { messageId: 7 }) }, 5));
	return received(peer);
}

function subscribe(peer: FakePeer, topic: string): string[] {
	peer.send(encode({ cmd: "subscribe", messageId: 9, subscriptions: [{ topic, qos: 0 }] }, 5));
	return received(peer);
}

function command(name: string, members: object = {}): string {
	return JSON.stringify({ commands: [{ command: name, ...members }] });
}

describe("the control topic", () => {
	test("answers who may publish to it, at each QoS, and nobody else sees or changes anything", async () => {
		const fixture = await startDynsec();
		const admin = accepted(fixture, "admin");
		const ann = accepted(fixture, "ann");
		assert.deepEqual(subscribe(ann, `${TOPIC}/response`), [`suback ${NOT_AUTHORIZED}`]);
		assert.deepEqual(publish(ann, TOPIC, command("deleteClient", { username: "bob" })), [
			`puback ${NOT_AUTHORIZED}`,
		]);
		assert.deepEqual(subscribe(admin, `${TOPIC}/response`), ["suback 0"]);
		const answer = `${TOPIC}/response {"responses":[{"command":"listClients","data":{"totalCount":3,"clients":["admin","ann","bob"]}}]}`;
		assert.deepEqual(publish(admin, TOPIC, command("listClients"), 0), [answer]);
		assert.deepEqual(publish(admin, TOPIC, command("listClients")), [answer, "puback 0"]);
		assert.deepEqual(publish(admin, TOPIC, command("listClients"), 2), [answer, "pubrec 0"]);
		assert.deepEqual(publish(admin, `${TOPIC}/response`, "{}"), [`puback ${NOT_AUTHORIZED}`]);
		assert.deepEqual(publish(admin, "$CONTROL/other", "{}"), [`puback ${NOT_AUTHORIZED}`]);
		assert.deepEqual(received(ann), []);
	});

	test("tells where clients are connected", async () => {
		const fixture = await startDynsec();
		const admin = accepted(fixture, "admin");
		subscribe(admin, `${TOPIC}/response`);
		const connections = () => {
			const [answer = ""] = publish(admin, TOPIC, command("getClient", { username: "ann" }), 0);
			return JSON.parse(answer.slice(answer.indexOf("{"))).responses[0].data.client.connections;
		};
		assert.deepEqual(connections(), []);
		accepted(fixture, "ann");
		accepted(fixture, "ann", { clientId: "another" });
		assert.deepEqual(connections(), [{ address: "192.0.2.1" }, { address: "192.0.2.1" }]);
	});
});

describe("who is connected", () => {
	test("is sent away by a change of what it may do, without its will, and comes again under the new rules", async () => {
		const fixture = await startDynsec();
		const bob = accepted(fixture, "bob");
		subscribe(bob, "open/#");
		const ann = accepted(fixture, "ann", {
			will: { topic: "open/will", payload: "w", qos: 0, retain: false },
		});
		fixture.broker.kick("ann");
		fixture.host.network.turn();
		assert.deepEqual(received(ann), [`disconnect ${ADMINISTRATIVE_ACTION}`]);
		assert.ok(ann.closed);
		assert.deepEqual(received(bob), []);
		assert.ok(
			fixture.lines.some((line) => /Client ann .* disconnected: administrative action\.$/.test(line)),
			fixture.lines.join("\n"),
		);
	});

	test("gets and publishes at once what the roles now allow", async () => {
		const fixture = await startDynsec();
		const admin = accepted(fixture, "admin");
		const [ann, bob] = [accepted(fixture, "ann"), accepted(fixture, "bob")];
		subscribe(bob, "open/#");
		assert.deepEqual(publish(ann, "open/1"), ["puback 0"]);
		assert.deepEqual(received(bob), ["open/1 x"]);
		publish(admin, TOPIC, command("modifyRole", { rolename: "user", acls: [] }));
		assert.deepEqual(publish(ann, "open/1"), [`puback ${NOT_AUTHORIZED}`]);
		publish(
			admin,
			TOPIC,
			command("setDefaultACLAccess", {
				acls: [
					{ acltype: "publishClientSend", allow: true },
					{ acltype: "publishClientReceive", allow: false },
				],
			}),
		);
		assert.deepEqual(publish(ann, "open/1"), ["puback 16"], "taken, but for nobody");
		assert.deepEqual(received(bob), []);
	});

	test("keeps a subscription that it may not give up", async () => {
		const fixture = await startDynsec();
		const [ann, bob] = [accepted(fixture, "ann"), accepted(fixture, "bob")];
		subscribe(bob, "open/stay");
		subscribe(bob, "open/go");
		bob.send(encode({ cmd: "unsubscribe", messageId: 3, unsubscriptions: ["open/stay", "open/go"] }, 5));
		assert.deepEqual(received(bob), [`unsuback ${NOT_AUTHORIZED},0`]);
		publish(ann, "open/stay");
		publish(ann, "open/go");
		assert.deepEqual(received(bob), ["open/stay x"]);
	});
});

describe("logins", () => {
	test("need an enabled client, its password, and its client identifier", async () => {
		const fixture = await startDynsec({ allowAnonymous: false });
		const admin = accepted(fixture, "admin");
		const refused = (username: string, fields: Fields = {}) => {
			assert.deepEqual(received(logIn(fixture, username, fields)), [`connack ${NOT_AUTHORIZED}`]);
		};
		refused("ann", { password: "wrong" });
		refused("nobody");
		publish(admin, TOPIC, command("setClientId", { username: "ann", clientid: "ann-1" }));
		refused("ann");
		refused("ann", { clientId: "" });
		accepted(fixture, "ann", { clientId: "ann-1" });
		publish(admin, TOPIC, command("disableClient", { username: "bob" }));
		refused("bob");
		publish(admin, TOPIC, command("enableClient", { username: "bob" }));
		accepted(fixture, "bob");
	});

	test("of who is deleted or disabled while the password is hashed are refused", async () => {
		for (const name of ["deleteClient", "disableClient", "setClientPassword"]) {
			const fixture = await startDynsec();
			const admin = accepted(fixture, "admin");
			const { crypto } = fixture.host;
			const { pbkdf2Sha512 } = crypto;
			const held: (() => void)[] = [];
			crypto.pbkdf2Sha512 = (...args) => void held.push(() => pbkdf2Sha512(...args));
			const peer = logIn(fixture, "ann");
			publish(admin, TOPIC, command(name, { username: "ann", password: "p" }));
			fixture.dynsec.network.turn();
			assert.deepEqual(received(peer), []);
			for (const hash of held) hash();
			fixture.host.network.turn();
			assert.deepEqual(received(peer), [`connack ${NOT_AUTHORIZED}`], name);
		}
	});
});
