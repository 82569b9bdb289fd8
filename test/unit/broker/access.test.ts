/** Logins and access rights over packets: who gets in, what is refused where, and what a change of the rules does. */

import assert from "node:assert/strict";
import { createHash, pbkdf2Sync } from "node:crypto";
import { describe, test } from "node:test";
import mqttPacket from "mqtt-packet";
import { Acl } from "../../../src/broker/acl.ts";
import { readAclFile } from "../../../src/config/acl-file.ts";
import type { PasswordHash } from "../../../src/config/password.ts";
import { createFakeHost, type FakePeer } from "../../fake/host.ts";
import { encode, type Fields } from "../../vectors/wire.ts";
import { type Fixture, finished, startBroker } from "./fixture.ts";

const NOT_AUTHORIZED = 0x87;
const BAD_USER_NAME_OR_PASSWORD = 0x86;
const BUSY = 0x89;

function slowHash(password: string, iterations = 10): PasswordHash {
	const salt = Buffer.from(`salt of ${password}`);
	const hash = pbkdf2Sync(password, salt, iterations, 64, "sha512");
	return { kind: "pbkdf2", iterations, salt: new Uint8Array(salt), hash: new Uint8Array(hash) };
}

function quickHash(password: string): PasswordHash {
	const salt = Buffer.from("pepper");
	const hash = createHash("sha512").update(password).update(salt).digest();
	return { kind: "sha512", iterations: 1, salt: new Uint8Array(salt), hash: new Uint8Array(hash) };
}

function users(): Map<string, PasswordHash> {
	return new Map([
		["ann", slowHash("secret of ann")],
		["bob", quickHash("secret of bob")],
	]);
}

function acl(...lines: string[]): Acl {
	const host = createFakeHost();
	host.files.put("/acl", lines.join("\n"), 0o600);
	return new Acl(readAclFile(host, "/acl").rules);
}

/** What has come, as text: `connack 0`, `publish TOPIC PAYLOAD`. */
function received(peer: FakePeer, version: 4 | 5 = 5): string[] {
	const found: string[] = [];
	const parser = mqttPacket.parser({ protocolVersion: version });
	parser.on("packet", (packet) => {
		if (packet.cmd === "publish") found.push(`publish ${packet.topic} ${packet.payload}`);
		else if (packet.cmd === "suback") found.push(`suback ${packet.granted}`);
		else if (packet.cmd === "connack") found.push(`connack ${packet.reasonCode ?? packet.returnCode}`);
		else if ("reasonCode" in packet) found.push(`${packet.cmd} ${packet.reasonCode ?? 0}`);
		else found.push(packet.cmd);
	});
	parser.parse(Buffer.from(peer.take()));
	return found;
}

function connectPacket(
	username: string | null,
	password: string | null,
	fields: Fields = {},
	version: 4 | 5 = 5,
) {
	const login: Fields = username === null ? {} : { username, ...(password === null ? {} : { password }) };
	return encode(
		{ cmd: "connect", clientId: username ?? "anonymous", clean: true, keepalive: 0, ...login, ...fields },
		version,
	);
}

function logIn(
	fixture: Fixture,
	username: string | null,
	password: string | null,
	fields: Fields = {},
	version: 4 | 5 = 5,
): FakePeer {
	const peer = fixture.dial();
	peer.send(connectPacket(username, password, fields, version));
	return peer;
}

function accepted(fixture: Fixture, username: string | null, fields: Fields = {}): FakePeer {
	const peer = logIn(fixture, username, `secret of ${username}`, fields);
	assert.deepEqual(received(peer), ["connack 0"]);
	return peer;
}

/** The listener has other users or rules. */
function reload({ broker, host }: Fixture): void {
	broker.configure(broker.settings);
	host.network.turn();
}

function subscribe(peer: FakePeer, topic: string, properties: Fields = {}): string[] {
	peer.send(encode({ cmd: "subscribe", messageId: 9, subscriptions: [{ topic, qos: 1 }], ...properties }, 5));
	return received(peer);
}

function publish(peer: FakePeer, topic: string, payload = "x", fields: Fields = {}): string[] {
	peer.send(encode({ cmd: "publish", topic, payload, qos: 1, messageId: 7, ...fields }, 5));
	return received(peer);
}

describe("logins", () => {
	test("both kinds of hash let in who knows the password, and nobody else", async () => {
		const fixture = await startBroker({}, { users: users(), allowAnonymous: false });
		for (const name of ["ann", "bob"]) {
			accepted(fixture, name);
			for (const wrong of ["", "secret of", `secret of ${name} `, null]) {
				const peer = logIn(fixture, name, wrong);
				assert.deepEqual(received(peer), [`connack ${NOT_AUTHORIZED}`], `${name} with ${wrong}`);
				assert.ok(peer.closed);
			}
		}
		assert.deepEqual(received(logIn(fixture, "nobody", "secret of ann")), [`connack ${NOT_AUTHORIZED}`]);
		assert.deepEqual(received(logIn(fixture, null, null)), [`connack ${NOT_AUTHORIZED}`]);
		assert.deepEqual(received(logIn(fixture, "ann", "wrong", {}, 4), 4), ["connack 5"], "3.1.1");
		assert.ok(fixture.lines.includes("notice: Login of 'nobody' from 192.0.2.1 failed: unknown user."));
		assert.ok(fixture.lines.includes("notice: Login of 'ann' from 192.0.2.1 failed: wrong password."));
	});

	test("who gives no name comes in where anonymous clients are allowed; a wrong password does not", async () => {
		const fixture = await startBroker({}, { users: users(), allowAnonymous: true });
		accepted(fixture, null);
		assert.deepEqual(received(logIn(fixture, "ann", "wrong")), [`connack ${NOT_AUTHORIZED}`]);
	});

	test("who has to have a name in its certificate, and has none, is refused with a code of its own", async () => {
		const fixture = await startBroker({}, { usesIdentity: true, allowAnonymous: false });
		assert.deepEqual(received(logIn(fixture, "ann", "secret of ann")), [
			`connack ${BAD_USER_NAME_OR_PASSWORD}`,
		]);
		assert.deepEqual(received(logIn(fixture, null, null, {}, 4), 4), ["connack 4"], "3.1.1");
	});

	test("without a password file a name opens no door, and closes none", async () => {
		const open = await startBroker({}, { allowAnonymous: true });
		assert.deepEqual(received(logIn(open, "anybody", "anything")), ["connack 0"]);
		const shut = await startBroker({}, { allowAnonymous: false });
		assert.deepEqual(received(logIn(shut, "anybody", "anything")), [`connack ${NOT_AUTHORIZED}`]);
	});

	test("what follows CONNECT waits for the login, however it is cut", async () => {
		const all = [
			connectPacket("ann", "secret of ann"),
			encode({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a", qos: 0 }] }, 5),
			encode({ cmd: "publish", topic: "a", payload: "after", qos: 0 }, 5),
		];
		const bytes = Buffer.concat(all);
		for (let cut = 1; cut <= bytes.length; cut++) {
			const fixture = await startBroker({}, { users: users(), allowAnonymous: false });
			const peer = fixture.dial();
			peer.send(bytes.subarray(0, cut));
			if (cut < bytes.length) peer.send(bytes.subarray(cut));
			assert.deepEqual(received(peer), ["connack 0", "suback 0", "publish a after"], `cut at ${cut}`);
		}
		const refused = await startBroker({}, { users: users(), allowAnonymous: false });
		const peer = refused.dial();
		peer.send(Buffer.concat([connectPacket("ann", "wrong"), ...all.slice(1)]));
		assert.deepEqual(received(peer), [`connack ${NOT_AUTHORIZED}`]);
	});

	test("who sends much before the login is over is cut off", async () => {
		const fixture = await startBroker({}, { users: users(), allowAnonymous: false });
		const peer = fixture.dial();
		peer.send(Buffer.concat([connectPacket("ann", "secret of ann"), Buffer.alloc(16_385, 0xc0)]));
		assert.ok(peer.closed);
		assert.deepEqual(received(peer), []);
	});

	test("a password that was right is not hashed again, not even while its address is held off", async () => {
		const fixture = await startBroker({}, { users: users(), allowAnonymous: false });
		const { crypto } = fixture.host;
		let hashes = 0;
		const pbkdf2Sha512 = crypto.pbkdf2Sha512;
		crypto.pbkdf2Sha512 = (...args) => {
			hashes++;
			pbkdf2Sha512.apply(crypto, args);
		};
		accepted(fixture, "ann");
		assert.equal(hashes, 1);
		for (let i = 0; i < 6; i++) logIn(fixture, "ann", `guess ${i}`);
		const before = hashes;
		accepted(fixture, "ann");
		assert.equal(hashes, before);
	});

	test("who guesses has to wait, ever longer; then a right password lets in", async () => {
		const fixture = await startBroker({}, { users: users(), allowAnonymous: false });
		for (let i = 0; i < 5; i++) received(logIn(fixture, "ann", "guess"));
		const warning = (count: number, seconds: number) =>
			`warning: Warning: ${count} failed logins from 192.0.2.1: further ones are refused for ${seconds} s.`;
		assert.ok(fixture.lines.includes(warning(5, 1)));
		assert.deepEqual(received(logIn(fixture, "ann", "secret of ann")), [`connack ${NOT_AUTHORIZED}`]);
		fixture.advance(1);
		received(logIn(fixture, "ann", "guess"));
		assert.ok(fixture.lines.includes(warning(6, 2)));
		fixture.advance(1);
		assert.deepEqual(received(logIn(fixture, "ann", "secret of ann")), [`connack ${NOT_AUTHORIZED}`]);
		fixture.advance(1);
		accepted(fixture, "ann");
		received(logIn(fixture, "ann", "guess"));
		assert.ok(!fixture.lines.includes(warning(7, 4)), "a right one starts the count anew");
	});

	test("so many wait and no more; who went away is not waited for", async () => {
		const fixture = await startBroker({}, { users: users(), allowAnonymous: false });
		const { crypto } = fixture.host;
		const pending: (() => void)[] = [];
		const pbkdf2Sha512 = crypto.pbkdf2Sha512;
		crypto.pbkdf2Sha512 = (...args) => void pending.push(() => pbkdf2Sha512.apply(crypto, args));
		const peers = Array.from({ length: 35 }, () => logIn(fixture, "ann", "secret of ann"));
		assert.equal(pending.length, 2, "hashed at once");
		assert.deepEqual(received(peers[34]!), [`connack ${BUSY}`]);
		for (const peer of peers.slice(2, 34)) peer.reset();
		for (const next of pending.splice(0)) next();
		fixture.host.network.turn();
		assert.equal(pending.length, 0);
		assert.deepEqual(received(peers[1]!), ["connack 0"]);
	});

	test("a reload ends the connections of those who would not be let in any more", async () => {
		const fixture = await startBroker({}, { users: users(), allowAnonymous: true });
		const [ann, bob, anonymous] = [
			accepted(fixture, "ann"),
			accepted(fixture, "bob"),
			accepted(fixture, null),
		];
		fixture.listener.users = new Map([...users(), ["bob", quickHash("another")]]);
		reload(fixture);
		assert.deepEqual(received(bob), [`disconnect ${NOT_AUTHORIZED}`]);
		assert.deepEqual([ann.closed, bob.closed, anonymous.closed], [false, true, false]);
		fixture.listener.allowAnonymous = false;
		reload(fixture);
		assert.deepEqual([ann.closed, anonymous.closed], [false, true]);
	});
});

describe("logins over HTTP", () => {
	/** Asks for a page; what is decided, once all hashes are there. */
	function ask(
		{ broker, listener, host }: Fixture,
		username: string | null,
		password: string | null,
		address = "192.0.2.9",
	): () => string {
		let result = "waits";
		const octets = password === null ? null : new TextEncoder().encode(password);
		broker.checkReader(listener, { username, password: octets, address }, "/api/v1/version", (decided) => {
			result = decided;
		});
		return () => {
			host.network.turn();
			return result;
		};
	}

	test("who is refused is told to the owner, with address and reason", async () => {
		const access = acl("user ann", "topic read /api/v1/version");
		const fixture = await startBroker({}, { users: users(), allowAnonymous: false, access });
		const cases: readonly (readonly [string | null, string | null, string, string | null])[] = [
			["ann", "secret of ann", "accepted", null],
			[null, null, "refused", "anonymous clients are not allowed"],
			["ann", "wrong", "refused", "wrong password"],
			["nobody", "x", "refused", "unknown user"],
			["bob", "secret of bob", "refused", "'bob' may not read /api/v1/version"],
		];
		for (const [username, password, result, why] of cases) {
			const before = fixture.lines.length;
			assert.equal(ask(fixture, username, password)(), result, `${username}`);
			const said = fixture.lines.slice(before).filter((line) => line.includes("HTTP"));
			const expected = why === null ? [] : [`notice: HTTP request from 192.0.2.9 refused: ${why}.`];
			assert.deepEqual(said, expected);
		}
		const open = await startBroker({}, { users: users(), allowAnonymous: true, access });
		assert.equal(ask(open, null, null)(), "refused");
		assert.ok(
			open.lines.includes(
				"notice: HTTP request from 192.0.2.9 refused: anonymous clients may not read /api/v1/version.",
			),
		);
		assert.equal(ask(await startBroker({}, { allowAnonymous: true }), "anybody", "x")(), "accepted");
	});

	test("who is barred, by the rules of users, is refused with its reason", async () => {
		const barred = Object.assign(users(), { refuses: () => "it is disabled" });
		const fixture = await startBroker({}, { users: barred, allowAnonymous: false });
		assert.equal(ask(fixture, "ann", "secret of ann")(), "refused");
		assert.ok(fixture.lines.includes("notice: HTTP request from 192.0.2.9 refused: it is disabled."));
	});

	test("guesses hold the address off, and no more wait than may", async () => {
		const fixture = await startBroker({}, { users: users(), allowAnonymous: false });
		for (let i = 0; i < 5; i++) assert.equal(ask(fixture, "ann", "guess")(), "refused");
		assert.equal(ask(fixture, "ann", "secret of ann")(), "refused");
		const why = "too many failed logins from its address";
		assert.ok(fixture.lines.includes(`notice: HTTP request from 192.0.2.9 refused: ${why}.`));

		const { crypto } = fixture.host;
		const pending: (() => void)[] = [];
		const pbkdf2Sha512 = crypto.pbkdf2Sha512;
		crypto.pbkdf2Sha512 = (...args) => void pending.push(() => pbkdf2Sha512.apply(crypto, args));
		const own = Array.from({ length: 35 }, () => ask(fixture, "ann", "secret of ann", "192.0.2.10"));
		const others = Array.from({ length: 8 }, (_, net) =>
			Array.from({ length: 32 }, () => ask(fixture, "ann", "secret of ann", `198.51.100.${net}`)),
		).flat();
		const count = (asked: (() => string)[], result: string) =>
			asked.filter((each) => each() === result).length;
		// Two are hashed; of one address 32 wait, of all together 256.
		assert.deepEqual([pending.length, count(own, "waits"), count(own, "busy")], [2, 34, 1]);
		assert.deepEqual([count(others, "waits"), count(others, "busy")], [224, 32]);
		assert.ok(
			fixture.lines.includes("warning: Warning: login of 'ann' from 192.0.2.10 denied: too many wait."),
		);
		while (pending.length > 0) {
			for (const next of pending.splice(0)) next();
			fixture.host.network.turn();
		}
		assert.deepEqual([count(own, "accepted"), count(others, "accepted")], [34, 224]);
	});
});

describe("access rights", () => {
	const open = { allowAnonymous: true };

	test("lines of the user, of anonymous clients, and patterns; deny goes before all", async () => {
		const rules = acl(
			"topic read news/#",
			"user ann",
			"topic home/#",
			"topic deny home/safe",
			"topic write log",
			"pattern readwrite dev/%c/%u/#",
			"pattern read dev-%u",
			"pattern deny dev/+/+/no",
			"pattern write %c/own",
			"pattern write $x-%c",
		);
		const cases: readonly [
			access: "read" | "write",
			topic: string,
			id: string,
			user: string | null,
			is: boolean,
		][] = [
			["read", "news/1", "x", null, true],
			["read", "news", "x", null, true],
			["write", "news/1", "x", null, false],
			["read", "news/1", "x", "ann", false],
			["write", "home/a/b", "x", "ann", true],
			["read", "home/safe", "x", "ann", false],
			["read", "home/safer", "x", "ann", true],
			["write", "log", "x", "ann", true],
			["read", "log", "x", "ann", false],
			["read", "home/a", "x", "carl", false],
			["write", "dev/x/ann/1", "x", "ann", true],
			["write", "dev/y/ann/1", "x", "ann", false],
			["write", "dev/x/carl/1", "x", "carl", true],
			["write", "dev/x/carl/no", "x", "carl", false],
			["read", "dev-carl", "x", "carl", true],
			["read", "dev-carl", "x", null, false],
			["write", "dev/+/ann/1", "+", "ann", false],
			["write", "dev/a/b/ann/1", "a/b", "ann", false],
			["read", "dev-ann", "a/b", "ann", true],
			["read", "dev-a/b", "x", "a/b", false],
			["write", "$CONTROL/own", "$CONTROL", null, false],
			["write", "mine/own", "mine", null, true],
			["write", "$x-mine", "mine", null, true],
			["write", "dev/ann/ann/1", "%u", "ann", false],
			["read", "$SYS/x", "x", "ann", false],
		];
		for (const [access, topic, clientId, username, is] of cases) {
			assert.equal(rules.allows(access, topic, clientId, username), is, `${username}: ${access} ${topic}`);
			assert.ok(rules.allows("subscribe", topic, clientId, username));
			const { allowed, reason, rule } = finished(rules.explain(access, topic, clientId, username));
			assert.equal(allowed, is, `why ${username}: ${access} ${topic}`);
			assert.equal(reason === "rule", rule !== null);
		}
		const all = acl("topic #", "topic read +/x");
		assert.ok(all.allows("read", "a/b", "x", null));
		assert.ok(!all.allows("read", "$SYS/x", "x", null), "wildcards stop at $");
	});

	test("a message that may not be published is acknowledged as the version has it, and goes nowhere", async () => {
		const fixture = await startBroker({}, { ...open, access: acl("topic read #", "user ann", "topic a/#") });
		const reader = accepted(fixture, null);
		assert.deepEqual(subscribe(reader, "#"), ["suback 1"]);
		const ann = logIn(fixture, "ann", null);
		received(ann);
		assert.deepEqual(publish(ann, "b"), [`puback ${NOT_AUTHORIZED}`]);
		assert.deepEqual(publish(ann, "b", "x", { qos: 2 }), [`pubrec ${NOT_AUTHORIZED}`]);
		assert.deepEqual(publish(ann, "b", "x", { qos: 0, messageId: undefined }), []);
		const old = logIn(fixture, "ann", null, { clientId: "old" }, 4);
		received(old, 4);
		old.send(encode({ cmd: "publish", topic: "b", payload: "x", qos: 1, messageId: 3 }, 4));
		assert.deepEqual(received(old, 4), ["puback"]);
		assert.deepEqual(received(reader), []);
		for (const qos of [0, 1]) {
			publish(ann, "a/1", `q${qos}`, { qos, ...(qos === 0 ? { messageId: undefined } : {}) });
			publish(ann, "a/1", `again q${qos}`, { qos, ...(qos === 0 ? { messageId: undefined } : {}) });
			assert.deepEqual(received(reader), [`publish a/1 q${qos}`, `publish a/1 again q${qos}`]);
		}
		assert.deepEqual(
			publish(reader, "a/1"),
			[`puback ${NOT_AUTHORIZED}`],
			"another client of the same topic",
		);
	});

	test("what may not be read is not delivered: live, retained, shared, queued", async () => {
		const fixture = await startBroker(
			{},
			{ ...open, access: acl("topic write #", "user ann", "topic read a/#", "user all", "topic #") },
		);
		const publisher = accepted(fixture, null);
		publish(publisher, "a/r", "kept", { retain: true });
		publish(publisher, "b/r", "hidden", { retain: true });
		const ann = logIn(fixture, "ann", null);
		received(ann);
		assert.deepEqual(subscribe(ann, "#"), ["suback 1", "publish a/r kept"]);
		publish(publisher, "b/1");
		publish(publisher, "a/1");
		assert.deepEqual(received(ann), ["publish a/1 x"]);

		const all = logIn(fixture, "all", null);
		received(all);
		for (const peer of [ann, all]) subscribe(peer, "$share/g/b/#");
		received(all);
		for (let i = 0; i < 4; i++) publish(publisher, "b/2", `${i}`);
		assert.deepEqual(received(all).length, 4);
		assert.deepEqual(received(ann), []);
	});

	test("a session that waits gets what its client may still read", async () => {
		const fixture = await startBroker({}, { ...open, access: acl("topic #", "user ann", "topic read #") });
		const lasting = { clean: false, properties: { sessionExpiryInterval: 100 } };
		const ann = logIn(fixture, "ann", null, lasting);
		received(ann);
		subscribe(ann, "#");
		ann.reset();
		const publisher = accepted(fixture, null);
		publish(publisher, "a", "1");
		publish(publisher, "b", "2");
		fixture.listener.access = acl("topic #", "user ann", "topic read b");
		reload(fixture);
		assert.deepEqual(received(logIn(fixture, "ann", null, lasting)), ["connack 0", "publish b 2"]);
	});

	test("a reload takes rights away and gives them, of topics in use and of aliases", async () => {
		const fixture = await startBroker({}, { ...open, access: null });
		const reader = accepted(fixture, null);
		subscribe(reader, "#");
		const ann = logIn(fixture, "ann", null);
		received(ann);
		const alias = { properties: { topicAlias: 1 } };
		publish(ann, "a", "1", alias);
		fixture.listener.access = acl("topic read #", "user ann", "topic b");
		reload(fixture);
		assert.deepEqual(publish(ann, "", "2", alias), [`puback ${NOT_AUTHORIZED}`]);
		assert.deepEqual(publish(ann, "a", "3"), [`puback ${NOT_AUTHORIZED}`]);
		assert.deepEqual(publish(ann, "b", "4"), ["puback 0"]);
		fixture.listener.access = acl("topic read +", "user ann", "topic a");
		reload(fixture);
		assert.deepEqual(publish(ann, "", "5", alias), ["puback 0"]);
		assert.deepEqual(publish(ann, "b", "6"), [`puback ${NOT_AUTHORIZED}`]);
		assert.deepEqual(received(reader), ["publish a 1", "publish b 4", "publish a 5"]);
	});

	test("a will needs the right to its topic", async () => {
		const fixture = await startBroker({}, { ...open, access: acl("topic read #", "user ann", "topic ok") });
		const reader = accepted(fixture, null);
		subscribe(reader, "#");
		for (const topic of ["ok", "not/ok"]) {
			const ann = logIn(fixture, "ann", null, { will: { topic, payload: "gone", qos: 0, retain: false } });
			received(ann);
			ann.reset();
		}
		assert.deepEqual(received(reader), ["publish ok gone"]);
	});

	test("check_retain_source: a retained message goes while its publisher may not write its topic", async () => {
		for (const checkRetainSource of [true, false]) {
			const fixture = await startBroker(
				{ checkRetainSource },
				{ ...open, access: acl("topic #", "user ann", "topic a") },
			);
			const ann = logIn(fixture, "ann", null);
			received(ann);
			publish(ann, "a", "kept", { retain: true });
			fixture.listener.access = acl("topic #", "user ann", "topic read a");
			reload(fixture);
			const expected = checkRetainSource ? ["suback 1"] : ["suback 1", "publish a kept"];
			assert.deepEqual(subscribe(accepted(fixture, null), "a"), expected);
		}
	});

	test("rules see topics with the mount point", async () => {
		const fixture = await startBroker({}, { ...open, mountPoint: "m/", access: acl("topic m/a") });
		const peer = accepted(fixture, null);
		assert.deepEqual(subscribe(peer, "#"), ["suback 1"]);
		assert.deepEqual(publish(peer, "a"), ["publish a x", "puback 0"]);
		assert.deepEqual(publish(peer, "m/a"), [`puback ${NOT_AUTHORIZED}`]);
	});
});
