/** The client on a bus: requests, objects that it serves, events and subscriptions. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Status, typed, type UbusClient, UbusError, type UbusMethods } from "../../../src/ubus/client.ts";
import { encodeMessage, MessageType, type OutgoingAttributes } from "../../../src/ubus/message.ts";
import { encodeSignature, type UbusTable } from "../../../src/ubus/value.ts";
import type { FakePeer } from "../../fake/host.ts";
import { readConversation, type UbusMessage } from "../../vectors/ubus.ts";
import { fails, plain, SOCKET, settle, startBus } from "./fixture.ts";

const echo: UbusMethods = {
	echo: { arguments: { text: "string", count: "int32", on: "bool" }, call: (args) => args as UbusTable },
	nothing: { call: () => null },
};

test("list: all objects, those of a prefix, one, or none", async () => {
	const { connect } = await startBus();
	const owner = await connect();
	owner.register("lab", echo);
	owner.register("lab.two", {});
	owner.register("other", {});
	await settle();
	const client = await connect();
	const paths = async (pattern?: string) => (await client.list(pattern)).map(({ path }) => path);
	assert.deepEqual(await paths(), ["lab", "lab.two", "other"]);
	assert.deepEqual(await paths("lab*"), ["lab", "lab.two"]);
	assert.deepEqual(await paths("lab.two"), ["lab.two"]);
	assert.deepEqual(await paths("none"), []);
	const [lab] = await client.list("lab");
	assert.deepEqual(plain(lab), {
		path: "lab",
		id: owner.clientId! + 1,
		typeId: 5_000,
		methods: { echo: { text: "string", count: "int32", on: "bool" }, nothing: {} },
	});
});

test("call: the data that came, or an error with what was asked", async () => {
	const { connect, bus } = await startBus();
	const owner = await connect();
	owner.register("lab", {
		...echo,
		fail: { call: () => Promise.reject(new UbusError(Status.PERMISSION_DENIED, "no")) },
		strange: {
			call: (_args, invocation) => {
				invocation.reply({ part: 1 });
				throw new UbusError(0xffff_ffff, "strange");
			},
		},
		many: {
			async call(_args, invocation) {
				invocation.reply({ part: 1 });
				await settle();
				return { part: 2 };
			},
		},
	});
	const client = await connect();
	assert.deepEqual(plain(await client.call("lab", "echo", { text: "é", on: true })), [
		{ text: "é", on: true },
	]);
	assert.deepEqual(plain(await client.call("lab", "nothing")), []);
	assert.deepEqual(plain(await client.call("lab", "many")), [{ part: 1 }, { part: 2 }]);
	await fails(client.call("lab", "none"), Status.METHOD_NOT_FOUND, "lab none: method not found");
	await fails(client.call("lab", "toString"), Status.METHOD_NOT_FOUND, "lab toString: method not found");
	await fails(client.call("lab", "fail"), Status.PERMISSION_DENIED, "lab fail: permission denied");
	await fails(client.call("lab", "echo", { text: 1 }), Status.INVALID_ARGUMENT, "lab echo: invalid argument");
	await fails(client.call("none", "x"), Status.NOT_FOUND, "none: not found");
	await fails(client.call("lab*", "x"), Status.NOT_FOUND, "lab*: not found");
	const error = await fails(client.call("lab", "strange"), 0xffff_ffff, "lab strange: status 4294967295");
	assert.deepEqual(plain(error.replies), [{ part: 1 }]);
	bus.refused.set("INVOKE echo", Status.PERMISSION_DENIED);
	await fails(client.call("lab", "echo"), Status.PERMISSION_DENIED, "lab echo: permission denied");
	await fails(
		client.call("lab", "x", { a: "\0" }),
		Status.INVALID_ARGUMENT,
		"a: a text with U+0000: invalid argument",
	);
	bus.refused.set("LOOKUP hidden", Status.OK);
	await fails(client.call("hidden", "x"), Status.NOT_FOUND, "hidden: not found");
});

test("call: arguments take the types of the signature", async () => {
	const { host, connect } = await startBus(null);
	const peers: FakePeer[] = [];
	host.network.serve(SOCKET, 0, (peer) => void peers.push(peer));
	const client = await connect();
	const peer = peers[0]!;
	const say = (type: number, seq: number, attributes: OutgoingAttributes) =>
		peer.send(encodeMessage(host.utf8, type, seq, 0, attributes));
	say(MessageType.HELLO, 0, {});
	const called = client.call("lab", "set", { level: 1, total: 2, count: 3, other: 4 });
	await settle();
	peer.take();
	const signature = encodeSignature({ set: { level: "double", total: "int64", count: "int32" } });
	say(MessageType.DATA, 1, { path: "lab", objectId: 5_000, signature });
	say(MessageType.STATUS, 1, { status: Status.OK });
	await settle();
	const data = { level: typed("double", 1), total: typed("int64", 2), count: 3, other: 4 };
	const attributes = { objectId: 5_000, method: "set", data };
	assert.deepEqual(peer.take(), encodeMessage(host.utf8, MessageType.INVOKE, 2, 5_000, attributes));
	// Data that is none.
	const reply = encodeMessage(host.utf8, MessageType.DATA, 2, 5_000, { objectId: 5_000, data: { a: 1 } });
	reply[reply.length - 12] = 0;
	peer.send(reply, encodeMessage(host.utf8, MessageType.STATUS, 2, 5_000, { status: Status.OK }));
	await fails(called, Status.PARSE_ERROR, "lab set: parse error");
});

test("call: an owner that does not answer, and one that goes", async () => {
	const { connect, pass, bus } = await startBus();
	const owner = await connect();
	let answer: (table: UbusTable) => void = () => {};
	const silent = owner.register("lab", {
		silent: {
			call: () =>
				new Promise<UbusTable>((resolve) => {
					answer = resolve;
				}),
		},
	});
	const client = await connect();
	const called = fails(client.call("lab", "silent", {}, 2_000), Status.TIMEOUT, "lab silent: timeout");
	await settle();
	await pass(1_999);
	await pass(1);
	await called;
	// The answer comes too late, and harms nobody.
	answer({});
	await settle();

	// The time for looking up counts, too.
	bus.ignored.add("LOOKUP lab");
	const lookedUp = fails(client.call("lab", "silent", {}, 2_000), Status.TIMEOUT, "lab: timeout");
	await pass(2_000);
	await lookedUp;
	bus.ignored.clear();

	const end = client.listen("ubus.object.*", () => {});
	const gone = fails(
		client.call("lab", "silent"),
		Status.NOT_FOUND,
		"lab silent: the object was removed: not found",
	);
	await settle();
	silent.remove();
	await gone;
	end();
});

test("calls are answered in any order, each to its caller", async () => {
	const { connect } = await startBus();
	const owner = await connect();
	const answers = new Map<unknown, (table: UbusTable) => void>();
	owner.register("lab", {
		later: {
			call: ({ key }) => new Promise<UbusTable>((resolve) => void answers.set(key, resolve)),
		},
	});
	const [one, two] = [await connect(), await connect()];
	const calls = [one.call("lab", "later", { key: 1 }), two.call("lab", "later", { key: 2 })];
	await settle();
	for (const key of [2, 1]) answers.get(key)?.({ answered: key });
	assert.deepEqual(plain(await Promise.all(calls)), [[{ answered: 1 }], [{ answered: 2 }]]);
});

test("a method that fails is our fault, and is logged", async () => {
	const { connect, lines } = await startBus();
	const owner = await connect();
	owner.register("lab", {
		breaks: {
			call: () => {
				throw new TypeError("oops");
			},
		},
		rejects: { call: () => Promise.reject(new TypeError("later")) },
		unsendable: { call: () => ({ a: "\0" }) },
		huge: { call: () => ({ a: "x".repeat(1_048_576) }) },
	});
	const client = await connect();
	for (const method of ["breaks", "rejects", "unsendable", "huge"]) {
		await fails(client.call("lab", method), Status.UNKNOWN_ERROR, `lab ${method}: unknown error`);
	}
	assert.deepEqual(lines, [
		"error: ubus: lab breaks: oops",
		"error: ubus: lab rejects: later",
		"error: ubus: lab unsendable: a: a text with U+0000: invalid argument",
		"error: ubus: lab huge: a message of more than 1048576 octets: invalid argument",
	]);
});

test("an invocation tells who calls, and is answered once", async () => {
	const { connect } = await startBus();
	const owner = await connect();
	const callers: unknown[] = [];
	owner.register("lab", {
		who: {
			call: (_args, invocation) => {
				callers.push([invocation.caller, invocation.user, invocation.group, invocation.method]);
				invocation.end(Status.NO_DATA);
				invocation.end(Status.OK);
				return { tooLate: true };
			},
		},
	});
	const client = await connect();
	const error = await fails(client.call("lab", "who"), Status.NO_DATA, "lab who: no data");
	assert.deepEqual(error.replies, []);
	assert.deepEqual(callers, [[client.clientId, "root", "root", "who"]]);
});

test("a client can call what it serves, until it is removed", async () => {
	const { connect, bus } = await startBus();
	const client = await connect();
	const object = client.register("lab", echo);
	await settle();
	assert.equal(object.id, bus.find("lab")?.id);
	assert.deepEqual(plain(await client.call("lab", "echo", { count: 1 })), [{ count: 1 }]);
	object.remove();
	object.remove();
	await settle();
	assert.equal(object.id, null);
	assert.equal(bus.objects.size, 0);
	const hasty = client.register("lab", echo);
	hasty.remove();
	await settle();
	assert.equal(bus.objects.size, 0);
});

test("what cannot be sent is refused where it is given", async () => {
	const { connect } = await startBus();
	const client = await connect();
	for (const call of [
		() => client.register("\0", {}),
		() => client.register("lab", { "\0": { call: () => null } }),
		() => client.subscribe("\0", { onNotification: () => undefined }),
		() => client.listen("\0", () => {}),
	]) {
		assert.throws(call, { name: "UbusError", code: Status.INVALID_ARGUMENT });
	}
	await fails(
		client.send("a", { b: "\0" }),
		Status.INVALID_ARGUMENT,
		"data.b: a text with U+0000: invalid argument",
	);
});

test("events: sent to all who listen, once for each handler, not to the sender", async () => {
	const { connect, bus } = await startBus();
	const [client, sender] = [await connect(), await connect()];
	const heard: unknown[] = [];
	const ends = ["lab.*", "lab.door", "lab.*", "other"].map((pattern, index) =>
		client.listen(pattern, (event, data) => void heard.push([index, event, plain(data)])),
	);
	sender.listen("lab.*", () => assert.fail("the sender hears"));
	await settle();
	assert.equal(
		bus.seen.filter((line) => line === "INVOKE register").length,
		4,
		"each pattern once, and the sender's",
	);
	await sender.send("lab.door", { open: true });
	await settle();
	await sender.send("lab");
	await settle();
	assert.deepEqual(
		heard.splice(0),
		[0, 1, 2].map((index) => [index, "lab.door", { open: true }]),
	);
	ends[0]?.();
	ends[1]?.();
	await sender.send("lab.window");
	await settle();
	assert.deepEqual(heard.splice(0), [[2, "lab.window", {}]]);
	for (const end of ends) end();
	await settle();
	assert.equal(bus.objects.size, 1, "only the sender's");
	client.listen("lab.*", (event) => void heard.push(event));
	await settle();
	await sender.send("lab.again");
	await settle();
	assert.deepEqual(heard, ["lab.again"]);
});

test("events: nobody but ubusd delivers them, and a handler that throws harms nobody", async () => {
	const { connect, bus, lines } = await startBus();
	const [client, other] = [await connect(), await connect()];
	const heard: string[] = [];
	client.listen("*", () => {
		throw new Error("oops");
	});
	client.listen("*", (event) => void heard.push(event));
	await settle();
	const [receiver] = bus.objects.keys();
	await fails(
		other.invoke(receiver!, "ubus.object.remove", { id: 1 }),
		Status.METHOD_NOT_FOUND,
		`object ${receiver} ubus.object.remove: method not found`,
	);
	assert.deepEqual(heard, []);
	await other.send("real");
	await settle();
	assert.deepEqual(heard, ["real"]);
	assert.deepEqual(lines, ["error: ubus: event real: oops"]);
});

test("notifications reach the subscribers, who may answer", async () => {
	const { connect, pass } = await startBus();
	const owner = await connect();
	const object = owner.register("lab", {});
	const [one, two] = [await connect(), await connect()];
	const notes: unknown[] = [];
	assert.equal(object.notify("early"), false);
	assert.deepEqual(await object.ask("early"), []);
	const first = one.subscribe("lab", {
		onNotification: ({ type, data, sender, user, group }) => {
			notes.push(["one", type, plain(data), sender, user, group]);
			return type === "refuse" ? Status.PERMISSION_DENIED : undefined;
		},
	});
	const second = two.subscribe("lab", {
		onNotification: ({ type }) => {
			notes.push(["two", type]);
			if (type === "refuse") throw new Error("oops");
			return undefined;
		},
	});
	await settle();
	assert.equal(object.hasSubscribers, true);
	assert.equal(object.notify("temperature", { value: 21 }), true);
	await settle();
	assert.deepEqual(notes.splice(0), [
		["one", "temperature", { value: 21 }, owner.clientId, "root", "root"],
		["two", "temperature"],
	]);
	const statuses = async (type: string) => (await object.ask(type)).map(({ status }) => status);
	assert.deepEqual(await statuses("change"), [Status.OK, Status.OK]);
	assert.deepEqual(await statuses("refuse"), [Status.PERMISSION_DENIED, Status.UNKNOWN_ERROR]);
	assert.equal(notes.length, 4);
	assert.throws(() => object.notify("x", { a: "\0" }), { code: Status.INVALID_ARGUMENT });
	await fails(
		object.ask("x", { a: "\0" }),
		Status.INVALID_ARGUMENT,
		"a: a text with U+0000: invalid argument",
	);

	first.close();
	first.close();
	await settle();
	assert.deepEqual([first.isSubscribed, second.isSubscribed, object.hasSubscribers], [false, true, true]);
	second.close();
	await settle();
	assert.equal(object.hasSubscribers, false);
	assert.equal(object.notify("late"), false);
	object.remove();
	await fails(object.ask("late"), Status.CONNECTION_FAILED, "lab: notification late: connection failed");
	await pass(60_000);
	assert.equal(notes.length, 4);
});

test("a subscriber that does not answer is told of as timed out", async () => {
	const { connect, pass, host, bus } = await startBus();
	const owner = await connect();
	const object = owner.register("lab", {});
	const quick = await connect();
	quick.subscribe("lab", { onNotification: () => 5 });
	await settle();
	// One that never answers: by hand, as no client of ours is so.
	const link = await host.network.connect({ host: SOCKET, port: 0 });
	const sent: number[] = [];
	link.start({
		onData: (_bytes, start, end) => end - start,
		onDrain: () => {},
		onClose: () => {},
	});
	const send = (type: number, attributes: OutgoingAttributes) => {
		const bytes = encodeMessage(host.utf8, type, sent.push(type), 0, attributes);
		link.write(bytes, 0, bytes.length);
	};
	send(MessageType.ADD_OBJECT, {});
	await settle();
	const mute = Math.max(...bus.objects.keys());
	send(MessageType.SUBSCRIBE, { objectId: mute, target: object.id! });
	await settle();
	const asked = object.ask("change", {}, 1_000);
	await settle();
	await pass(1_000);
	assert.deepEqual(
		(await asked).map(({ subscriber, status }) => [subscriber === mute, status]),
		[
			[false, 5],
			[true, Status.TIMEOUT],
		],
	);
});

test("a subscription waits for its object, and follows it", async () => {
	const { connect, pass, lines } = await startBus();
	const client = await connect();
	const states: boolean[] = [];
	const notes: string[] = [];
	client.subscribe("lab", {
		onNotification: ({ type }) => {
			notes.push(type);
			return undefined;
		},
		onState: (isSubscribed) => void states.push(isSubscribed),
	});
	await settle();
	assert.deepEqual(states, []);
	const owner = await connect();
	for (const name of ["one", "two"]) {
		const object = owner.register("lab", {});
		await settle();
		assert.equal(object.notify(name), true);
		await settle();
		object.remove();
		await settle();
	}
	assert.deepEqual(
		[states, notes],
		[
			[true, false, true, false],
			["one", "two"],
		],
	);
	await pass(600_000);
	assert.deepEqual(lines, []);
});

test("a subscription without word of objects looks for its own from time to time", async () => {
	const { connect, pass, bus, lines } = await startBus();
	bus.refused.set("INVOKE register", Status.PERMISSION_DENIED);
	const client = await connect();
	const subscription = client.subscribe("lab", { onNotification: () => undefined });
	await settle();
	const owner = await connect();
	owner.register("lab", {});
	await settle();
	assert.equal(subscription.isSubscribed, false);
	await pass(10_000);
	assert.equal(subscription.isSubscribed, true);
	assert.deepEqual(lines, [
		"warning: ubus: listening to ubus.object.*: permission denied",
		"warning: ubus: looking up lab: not found",
	]);
});

test("a subscription that is refused is tried again", async () => {
	const { connect, pass, bus, lines } = await startBus();
	bus.refused.set("SUBSCRIBE", Status.NOT_FOUND);
	const owner = await connect();
	owner.register("lab", {});
	const client = await connect();
	const subscription = client.subscribe("lab", { onNotification: () => undefined });
	await settle();
	await pass(10_000);
	await pass(10_000);
	assert.equal(subscription.isSubscribed, false);
	bus.refused.clear();
	await pass(10_000);
	assert.equal(subscription.isSubscribed, true);
	assert.deepEqual(lines, ["warning: ubus: subscribing to lab: not found (gone, or not permitted)"]);
});

test("an object that is replaced while it is being subscribed to is looked up again", async () => {
	const { host, connect } = await startBus(null);
	const peers: FakePeer[] = [];
	host.network.serve(SOCKET, 0, (one) => void peers.push(one));
	const client = await connect();
	const subscription = client.subscribe("lab", { onNotification: () => undefined });
	const peer = peers[0]!;
	const say = (type: number, seq: number, from: number, attributes: OutgoingAttributes = {}) =>
		peer.send(encodeMessage(host.utf8, type, seq, from, attributes));
	const done = { status: Status.OK };
	say(MessageType.HELLO, 0, 77);
	for (const seq of [1, 2]) {
		say(MessageType.DATA, seq, 0, { objectId: 5_000 + seq });
		say(MessageType.STATUS, seq, 0, done);
	}
	say(MessageType.STATUS, 3, 1, done);
	const found = (seq: number, objectId: number) => {
		say(MessageType.DATA, seq, 0, { path: "lab", objectId });
		say(MessageType.STATUS, seq, 0, done);
	};
	found(4, 6_000);
	const data = { id: 6_001, path: "lab" };
	say(MessageType.INVOKE, 0, 0, { objectId: 5_001, method: "ubus.object.add", data });
	say(MessageType.STATUS, 5, 0, { status: Status.NOT_FOUND });
	found(6, 6_001);
	peer.take();
	say(MessageType.STATUS, 7, 0, done);
	assert.equal(subscription.isSubscribed, true);
	say(MessageType.UNSUBSCRIBE, 0, 0, { objectId: 5_002, target: 6_000 });
	assert.equal(subscription.isSubscribed, true, "of another object");
	say(MessageType.UNSUBSCRIBE, 0, 0, { objectId: 5_002, target: 6_001 });
	assert.equal(subscription.isSubscribed, false);
	const path = "lab";
	assert.deepEqual(peer.take(), encodeMessage(host.utf8, MessageType.LOOKUP, 8, 0, { path }));
});

test("an object whose path is taken comes when the path is free", async () => {
	const { connect, pass, bus, lines } = await startBus();
	const [one, two] = [await connect(), await connect()];
	const first = one.register("lab", {});
	await settle();
	const second = two.register("lab", echo);
	await settle();
	assert.equal(second.id, null);
	await pass(10_000);
	first.remove();
	await settle();
	await pass(10_000);
	assert.equal(second.id, bus.find("lab")?.id);
	assert.deepEqual(lines, ["warning: ubus: adding lab: invalid argument (taken, or not permitted)"]);
});

/** Feeds a client what one of a conversation received, and checks that it says what that one said. */
async function play(
	conversation: string,
	name: string,
	octetByOctet: boolean,
	steps: Readonly<Record<number, (client: UbusClient) => void>>,
	isLeftOut: (message: UbusMessage) => boolean = () => false,
): Promise<void> {
	const { host, connect } = await startBus(null);
	const peers: FakePeer[] = [];
	host.network.serve(SOCKET, 0, (peer) => void peers.push(peer));
	const client = await connect();
	const peer = peers[0]!;
	const messages = readConversation(conversation).messages.filter((message) => message.client === name);
	assert.ok(messages.length > 2, `messages: ${messages.length}`);
	for (const [index, message] of messages.entries()) {
		steps[index]?.(client);
		await settle();
		if (isLeftOut(message)) continue;
		if (message.isFromClient) {
			const said = peer.chunks.shift() ?? new Uint8Array(0);
			const { length } = message.bytes;
			// Several messages of one turn arrive together.
			if (said.length > length) peer.chunks.unshift(said.slice(length));
			assert.equal(
				Buffer.from(said.subarray(0, length)).toString("hex"),
				Buffer.from(message.bytes).toString("hex"),
				message.name,
			);
		} else {
			peer.sendSplit(message.bytes, octetByOctet ? 1 : message.bytes.length);
			await settle();
		}
	}
	assert.equal(peer.take().length, 0, "nothing else was said");
}

for (const octetByOctet of [false, true]) {
	const how = octetByOctet ? ", octet by octet" : "";

	test(`as captured${how}: listing and calling`, async () => {
		const results: unknown[] = [];
		const keep = (promise: Promise<unknown>) =>
			void promise.then(
				(value) => results.push(plain(value)),
				(error: UbusError) => results.push(error.code),
			);
		await play("lookup", "all", octetByOctet, { 1: (client) => keep(client.list()) });
		await play("lookup", "prefix", octetByOctet, { 1: (client) => keep(client.list("lab*")) });
		await play("lookup", "missing", octetByOctet, { 1: (client) => keep(client.list("nosuch")) });
		await play("acl", "denied", octetByOctet, { 1: (client) => keep(client.call("lab", "whoami")) });
		await play("acl", "invisible", octetByOctet, { 1: (client) => keep(client.call("lab.two", "x")) });
		await play("acl", "via-group", octetByOctet, { 1: (client) => keep(client.call("lab.two", "whoami")) });
		const args = {
			s: "héllo",
			i: -7,
			max: 2_147_483_647,
			l: 5_000_000_000,
			neg: -5_000_000_000,
			b: true,
			f: false,
			d: 1.5,
			empty: "",
			a: [1, "two", [], {}],
			t: { k: { n: null } },
			nil: null,
		};
		await play("call-echo", "caller", octetByOctet, {
			1: (client) => keep(client.call("lab", "echo", args)),
		});
		const methods = { later: { ms: "int32" }, status: { code: "int32" } };
		const lab = { path: "lab", id: 292_359_505, typeId: 2_523_596_799, methods };
		const both = [lab, { ...lab, path: "lab.two", id: 2_339_513_800 }];
		const who = [{ user: "homed", group: "homed", object: "lab.two" }];
		assert.deepEqual(results, [both, both, [], Status.PERMISSION_DENIED, Status.NOT_FOUND, who, [args]]);
	});

	test(`as captured${how}: serving`, async () => {
		const names = ["s", "i", "l", "h", "b", "d", "a", "t", "any"] as const;
		const types = ["string", "int32", "int64", "int16", "bool", "double", "array", "table", "any"] as const;
		const args = Object.fromEntries(names.map((name, index) => [name, types[index]!]));
		await play("call-echo", "owner", octetByOctet, {
			1: (client) => void client.register("lab", { echo: { arguments: args, call: (given) => given } }),
		});
		await play("restart", "owner", octetByOctet, {
			1: (client) => void client.register("lab", { nodata: { call: () => null } }),
		});
	});

	test(`as captured${how}: events`, async () => {
		const heard: unknown[] = [];
		await play(
			"events",
			"listener",
			octetByOctet,
			{
				1: (client) => {
					for (const pattern of ["lab.*", "ubus.object.*"]) {
						client.listen(pattern, (event, data) => void heard.push([event, plain(data)]));
					}
				},
			},
			// libubus answers events, and ubusd drops the answers: we send none.
			({ isFromClient, type }) => isFromClient && type === MessageType.STATUS,
		);
		assert.deepEqual(heard, [
			["lab.door", { open: true, n: 3 }],
			["lab.bare", {}],
			["ubus.object.add", { id: 1_102_270_063, path: "lab" }],
			["ubus.object.remove", { id: 1_102_270_063, path: "lab" }],
		]);
		const results: unknown[] = [];
		const send = (event: string, data: UbusTable) => ({
			1: (client: UbusClient) =>
				void client.send(event, data).then(
					() => results.push("sent"),
					(error: UbusError) => results.push(error.code),
				),
		});
		await play("events", "sender", octetByOctet, send("lab.door", { open: true, n: 3 }));
		await play("events", "sender2", octetByOctet, send("lab.bare", {}));
		await play("events", "sender4", octetByOctet, send("ubus.fake", {}));
		await settle();
		assert.deepEqual(results, ["sent", "sent", Status.PERMISSION_DENIED]);
	});

	test(`as captured${how}: notifying`, async () => {
		await play("notify", "owner", octetByOctet, {
			1: (client) => {
				const object = client.register("lab", {
					notify: {
						arguments: { type: "string", wait: "bool" },
						async call({ type, wait }) {
							const data = { value: 21 };
							if (wait !== true) {
								object.notify(String(type), data);
								return null;
							}
							return { rets: (await object.ask(String(type), data)).map(({ status }) => status) };
						},
					},
					remove: {
						call(_args, invocation) {
							invocation.end(Status.OK);
							object.remove();
							return null;
						},
					},
				});
			},
		});
	});
}
