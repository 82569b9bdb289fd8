/** Export and import: what goes out comes back, and what is wrong is refused with its place, changing nothing. */

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { DeliveryState, NEVER_EXPIRES } from "../../../src/store/records.ts";
import { prepareSchema } from "../../../src/store/schema.ts";
import { Tables } from "../../../src/store/tables.ts";
import { exportDatabase, importFile, importFirst, TransferError } from "../../../src/store/transfer.ts";
import { createFakeHost } from "../../fake/host.ts";
import { MosquittoFileBuilder, sampleFile, writers } from "../../vectors/mosquitto-file.ts";

type Host = ReturnType<typeof createFakeHost>;
type Line = Record<string, unknown>;

const FIRST = { kind: "export", version: 1, at: 0 };

/** A database with something in every table, and rows that do not count. */
function fill(host: Host, path: string): void {
	const database = host.databases.open(path);
	prepareSchema(database, host.utf8);
	const tables = new Tables(database, host.utf8);
	const session = {
		username: null,
		listener: "1883",
		mountPoint: "",
		expiryInterval: NEVER_EXPIRES,
		endsAt: 0,
		isConnected: false,
	};
	tables.putSession({ ...session, id: 5, clientId: "a", username: "joe", endsAt: 99, lastPacketId: 7 });
	tables.putSession({ ...session, id: 6, clientId: "ended", lastPacketId: 0 });
	tables.putSession({ ...session, id: 9, clientId: "b", lastPacketId: 0 });
	const subscription = {
		topicFilter: "x/#",
		qos: 1,
		noLocal: true,
		retainAsPublished: false,
		identifier: 3,
	} as const;
	tables.putSubscription({ session: 5, ...subscription });
	tables.putSubscription({ session: 6, ...subscription });
	tables.putSubscription({ session: 9, ...subscription, topicFilter: "$share/g/y", retainAsPublished: true });
	const message = { topic: "x/ü", qos: 2, expiresAt: 1234, properties: null } as const;
	const text = host.utf8.encode("text \u{1f600} \ufeff\n");
	tables.putMessage({ ...message, id: 40, payload: text }, 2);
	const properties = {
		payloadFormatIndicator: 1,
		contentType: "t",
		responseTopic: "r",
		correlationData: Uint8Array.of(0, 200),
		userProperty: [
			["k", "v"],
			["k", ""],
		] as [string, string][],
	};
	tables.putMessage({ ...message, id: 41, properties, payload: Uint8Array.of(0, 255, 10) }, 1);
	tables.putMessage({ ...message, id: 42, payload: text }, 1);
	const delivery = { qos: 1, retain: true, identifier: 3, share: null, packetId: 0, octets: 3 } as const;
	tables.putDelivery({
		...delivery,
		session: 5,
		position: 3,
		message: 40,
		packetId: 8,
		state: DeliveryState.PUBACK,
	});
	tables.putDelivery({
		...delivery,
		session: 5,
		position: 4,
		message: null,
		packetId: 9,
		state: DeliveryState.PUBCOMP,
	});
	tables.putDelivery({ ...delivery, session: 5, position: 7, message: 41, state: DeliveryState.QUEUED });
	tables.putDelivery({
		...delivery,
		session: 9,
		position: 1,
		message: 40,
		share: "$share/g/y",
		state: DeliveryState.QUEUED,
	});
	tables.putDelivery({ ...delivery, session: 6, position: 1, message: 42, state: DeliveryState.QUEUED });
	tables.putIncoming(5, 300);
	tables.putIncoming(6, 300);
	const will = {
		topic: "w",
		qos: 1,
		retain: true,
		dueAt: 77,
		properties: { willDelayInterval: 5 },
		payload: text,
	} as const;
	tables.putWill({ session: 5, ...will });
	const source = { clientId: "p", username: "u", listener: "1883" };
	const retained = { qos: 1, expiresAt: 0, properties: null, ...source } as const;
	tables.putRetained({ id: 1, topic: "old", ...retained, payload: text });
	tables.putRetained({ id: 2, topic: "gone", ...retained, payload: text });
	tables.putRetained({
		id: 3,
		topic: "old",
		...retained,
		clientId: null,
		username: null,
		payload: Uint8Array.of(128),
	});
	tables.putRetained({ id: 4, topic: "gone", ...retained, payload: null });
	tables.endSession(6);
	database.close();
}

function exported(host: Host, path: string): Line[] {
	const lines: Line[] = [];
	exportDatabase(host, path, (line) => void lines.push(JSON.parse(line) as Line));
	return lines;
}

function put(host: Host, path: string, lines: readonly object[]): void {
	host.files.put(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}

/** What an import of these lines, with the first and the last put around them, says. */
function refusal(lines: readonly object[]): string {
	const host = createFakeHost();
	put(host, "/file", [FIRST, ...lines, { kind: "end", lines: lines.length + 2 }]);
	return refusalOf(host, "/file");
}

function refusalOf(host: Host, file: string): string {
	try {
		importFile(host, "/database", file);
	} catch (error) {
		assert.ok(error instanceof TransferError, String(error));
		assert.deepEqual(exported(host, "/database").length, 2, "nothing has changed");
		return error.message;
	}
	return "";
}

/** Messages are numbered from 1 in an import. */
function renumbered(lines: readonly Line[]): Line[] {
	const ids = lines.filter(({ kind }) => kind === "message").map(({ id }) => id);
	return lines.map((line) => ({
		...line,
		...(line.kind === "message" ? { id: ids.indexOf(line.id) + 1 } : {}),
		...(typeof line.message === "number" ? { message: ids.indexOf(line.message) + 1 } : {}),
	}));
}

suite("export", () => {
	test("every kind of line", () => {
		const host = createFakeHost();
		fill(host, "/database");
		const properties = {
			payloadFormatIndicator: 1,
			contentType: "t",
			responseTopic: "r",
			correlationData: { base64: "AMg=" },
			userProperty: [
				["k", "v"],
				["k", ""],
			],
		};
		const text = "text \u{1f600} \ufeff\n";
		const a = { clientId: "a" };
		const b = { clientId: "b" };
		const session = { kind: "session", username: null, listener: "1883", mountPoint: "" };
		const subscription = { kind: "subscription", filter: "x/#", qos: 1, noLocal: true, identifier: 3 };
		const message = { kind: "message", topic: "x/ü", qos: 2, expiresAt: 1234, properties: null };
		const delivery = { kind: "delivery", qos: 1, retain: true, identifier: 3, share: null, packetId: 0 };
		const rest = { expiryInterval: NEVER_EXPIRES, endsAt: 0, lastPacketId: 0 };
		assert.deepEqual(exported(host, "/database"), [
			{ ...FIRST, at: Math.floor(host.clock.now() / 1000) },
			{ ...session, ...a, ...rest, username: "joe", endsAt: 99, lastPacketId: 7 },
			{ ...session, ...b, ...rest },
			{ ...subscription, ...a, retainAsPublished: false },
			{ ...subscription, ...b, filter: "$share/g/y", retainAsPublished: true },
			{ kind: "incoming", ...a, packetId: 300 },
			{
				kind: "will",
				...a,
				topic: "w",
				qos: 1,
				retain: true,
				dueAt: 77,
				properties: { willDelayInterval: 5 },
				payload: text,
			},
			{ ...message, id: 40, payload: text },
			{ ...message, id: 41, properties, payload: { base64: "AP8K" } },
			{ ...message, id: 42, payload: text },
			{ ...delivery, ...a, message: 40, packetId: 8, state: "puback" },
			{ ...delivery, ...a, message: null, packetId: 9, state: "pubcomp" },
			{ ...delivery, ...a, message: 41, state: "queued" },
			{ ...delivery, ...b, message: 40, share: "$share/g/y", state: "queued" },
			{
				kind: "retained",
				topic: "old",
				qos: 1,
				expiresAt: 0,
				clientId: null,
				username: null,
				listener: "",
				properties: null,
				payload: { base64: "gA==" },
			},
			{ kind: "end", lines: 16 },
		]);
	});

	test("goes in again, and out the same", () => {
		const host = createFakeHost();
		fill(host, "/database");
		const lines = exported(host, "/database");
		put(host, "/file", lines);
		const { counts, warnings } = importFile(host, "/other", "/file");
		assert.deepEqual(counts, {
			sessions: 2,
			subscriptions: 2,
			deliveries: 4,
			incoming: 1,
			wills: 1,
			retained: 1,
		});
		assert.deepEqual(warnings, []);
		// The message of the session that has ended is nobody's any more.
		const expected = renumbered(lines.filter(({ id }) => id !== 42));
		expected[expected.length - 1] = { kind: "end", lines: expected.length };
		assert.deepEqual(renumbered(exported(host, "/other")), expected);
	});

	test("of large messages, with little memory", () => {
		const host = createFakeHost();
		const payload = "x".repeat(100_000);
		const lines: object[] = [FIRST];
		for (let id = 1; id <= 20; id++) {
			const retained = {
				clientId: null,
				username: null,
				listener: "",
				topic: `t/${id}`,
				qos: 0,
				expiresAt: 0,
			};
			lines.push({ kind: "retained", ...retained, properties: null, payload });
		}
		put(host, "/file", [...lines, { kind: "end", lines: 22 }]);
		assert.equal(importFile(host, "/database", "/file").counts.retained, 20);
		const out = exported(host, "/database");
		assert.deepEqual(
			out.filter(({ kind }) => kind === "retained").map(({ topic }) => topic),
			lines.slice(1).map((line) => (line as Line).topic),
		);
	});

	test("where there is no database, none is made", () => {
		const host = createFakeHost();
		assert.throws(
			() => exported(host, "/database"),
			/^TransferError: There is no database '\/database'$|There is no database/,
		);
		assert.equal(host.files.info("/database"), null);
	});

	test("not while a broker has it", () => {
		const host = createFakeHost();
		fill(host, "/database");
		const used = host.databases.open("/database");
		assert.throws(() => exported(host, "/database"), /is in use; end the broker first/);
		put(host, "/file", [FIRST, { kind: "end", lines: 2 }]);
		assert.throws(() => importFile(host, "/database", "/file"), /is in use; end the broker first/);
		used.close();
	});
});

suite("import into a database that has something", () => {
	test("sessions and retained messages replace theirs, the others stay", () => {
		const host = createFakeHost();
		fill(host, "/database");
		const before = exported(host, "/database");
		const session = before.find(({ kind, clientId }) => kind === "session" && clientId === "a")!;
		const retained = before.find(({ kind }) => kind === "retained")!;
		const changed = { ...retained, payload: "new" };
		put(host, "/file", [FIRST, { ...session, endsAt: 0 }, changed, { kind: "end", lines: 4 }]);
		importFile(host, "/database", "/file");
		const after = exported(host, "/database").filter(({ kind }) => kind !== "export" && kind !== "end");
		const isOthers = ({ kind, clientId }: Line) => kind !== "message" && clientId === "b";
		assert.deepEqual(after.filter(isOthers), before.filter(isOthers));
		assert.deepEqual(
			after.filter(({ kind, clientId }) => kind !== "retained" && clientId === "a"),
			[{ ...session, endsAt: 0 }],
		);
		assert.deepEqual(
			after.filter(({ kind }) => kind === "retained"),
			[changed],
		);
	});

	test("what fails changes nothing", () => {
		const host = createFakeHost();
		fill(host, "/database");
		const before = exported(host, "/database");
		put(host, "/file", [...before.slice(0, -1), { kind: "nonsense" }]);
		assert.throws(() => importFile(host, "/database", "/file"), /^.*\/file:16: unknown kind "nonsense"$/);
		host.databases.failWith = "ENOSPC";
		put(host, "/file", before);
		assert.throws(
			() => importFile(host, "/database", "/file"),
			/Unable to use the database '\/database' \(No space/,
		);
		host.databases.failWith = null;
		assert.deepEqual(exported(host, "/database"), before);
	});
});

suite("lines that are refused", () => {
	const session: Line = {
		kind: "session",
		clientId: "a",
		username: null,
		listener: "",
		mountPoint: "",
		expiryInterval: 1,
		endsAt: 0,
		lastPacketId: 0,
	};
	const message: Line = {
		kind: "message",
		id: 1,
		topic: "t",
		qos: 1,
		expiresAt: 0,
		properties: null,
		payload: "p",
	};
	const delivery: Line = {
		kind: "delivery",
		clientId: "a",
		message: 1,
		qos: 1,
		retain: false,
		identifier: 0,
		share: null,
		packetId: 0,
		state: "queued",
	};
	const subscription: Line = {
		kind: "subscription",
		clientId: "a",
		filter: "f",
		qos: 0,
		noLocal: false,
		retainAsPublished: false,
		identifier: 0,
	};
	const underWay: Line = { ...delivery, packetId: 5, state: "puback" };
	const property = (name: string, value: unknown): Line => ({ ...message, properties: { [name]: value } });
	const cases: Record<string, [readonly Line[], string]> = {
		"no client identifier": [[{ ...session, clientId: "" }], '2: "clientId" is to be not empty'],
		"a field of another kind": [[{ ...session, listener: 1 }], '2: "listener" is to be text'],
		"a missing field": [[{ ...session, endsAt: undefined }], '2: "endsAt" is to be a whole number from 0 to'],
		"a fraction": [[{ ...session, endsAt: 1.5 }], '2: "endsAt" is to be a whole number'],
		"a lone surrogate": [[{ ...session, clientId: "\ud800" }], '2: "clientId" is to be text'],
		"U+0000": [[{ ...session, clientId: "a\0" }], '2: "clientId" is to be text'],
		"a long text": [
			[{ ...session, clientId: "ü".repeat(32_768) }],
			'2: "clientId" is to be text of at most 65,535',
		],
		"a second session": [[session, session], '3: a second session of "a"'],
		"a subscription of nobody": [
			[subscription],
			'2: no line of the kind "session" before has this "clientId"',
		],
		"a filter": [[session, { ...subscription, filter: "a#" }], '3: "filter" is no valid topic filter'],
		"a flag": [[session, { ...subscription, noLocal: 1 }], '3: "noLocal" is to be true or false'],
		"a topic": [[{ ...message, topic: "a/+" }], '2: "topic" is no valid topic name'],
		"a QoS": [[{ ...message, qos: 3 }], '2: "qos" is to be a whole number from 0 to 2'],
		base64: [
			[{ ...message, payload: { base64: "A" } }],
			'2: "payload" is to be text, or an object with base64',
		],
		"a message twice": [[message, message], '3: "id" is to be a whole number from 2'],
		properties: [[{ ...message, properties: 1 }], '2: "properties" is to be an object, or null'],
		"an unknown property": [[property("toString", 1)], '2: "properties" is to be without "toString"'],
		"a subscription identifier": [
			[property("subscriptionIdentifier", [1])],
			'2: "subscriptionIdentifier" is to be left out',
		],
		"a property's text": [[property("contentType", 1)], '2: "contentType" is to be text'],
		"a property's octets": [
			[property("correlationData", 1)],
			'2: "correlationData" is to be text, or an object',
		],
		"a property's flag": [
			[property("payloadFormatIndicator", 2)],
			'2: "payloadFormatIndicator" is to be a whole number from 0 to 1',
		],
		"user properties": [[property("userProperty", [["a"]])], '2: "userProperty" is to be an array of pairs'],
		"user properties that are none": [[property("userProperty", "a")], '2: "userProperty" is to be an array'],
		"a delivery of nothing": [[session, delivery], '3: no line of the kind "message" before has the "id" 1'],
		"a delivery to nobody": [[message, delivery], '3: no line of the kind "session" before'],
		"a state": [
			[session, message, { ...delivery, state: "x" }],
			'4: "state" is to be one of queued, puback, pubrec, pubcomp',
		],
		"a waiting delivery with a packet identifier": [
			[session, message, { ...delivery, packetId: 1 }],
			'4: "packetId" is to be',
		],
		"one under way without": [[session, message, { ...underWay, packetId: 0 }], '4: "packetId" is to be'],
		"a packet identifier twice": [
			[session, message, underWay, underWay],
			'5: a second delivery to "a" with the packet identifier 5',
		],
		"a share": [
			[session, message, { ...delivery, share: "$share/+/a" }],
			'4: "share" is no valid topic filter',
		],
		"an end in the middle": [[{ kind: "end", lines: 2 }], '3: a line after that of the kind "end"'],
		"a second beginning": [[FIRST], '2: the first line has the kind "export"'],
		"a kind that is no text": [[{ kind: 7 }], "2: unknown kind 7"],
	};
	for (const [name, [lines, expected]] of Object.entries(cases)) {
		test(name, () => {
			const message = refusal(lines);
			assert.ok(message.startsWith(`/file:${expected}`), message);
		});
	}

	test("a file that is cut off, or none at all", () => {
		const host = createFakeHost();
		put(host, "/file", [FIRST, session]);
		assert.match(
			refusalOf(host, "/file"),
			/^\/file:3: the last line, of the kind "end", is missing: the file is cut off$/,
		);
		host.files.put("/file", `${JSON.stringify(FIRST)}\n{"kind":"session","clie`);
		assert.match(refusalOf(host, "/file"), /^\/file:2: not JSON/);
		put(host, "/file", [FIRST, session, { kind: "end", lines: 4 }]);
		assert.equal(refusalOf(host, "/file"), '/file:3: "lines" is not 3');
		host.files.put("/file", "");
		assert.match(refusalOf(host, "/file"), /"end", is missing/);
		host.files.put("/file", "[1]\n");
		assert.equal(refusalOf(host, "/file"), "/file:1: not a JSON object");
		host.files.put("/file", Uint8Array.of(0x7b, 0xff));
		assert.equal(refusalOf(host, "/file"), "/file:1: not UTF-8");
		put(host, "/file", [{ ...FIRST, version: 2 }]);
		assert.match(refusalOf(host, "/file"), /version 2 of the format; this program knows up to 1/);
		assert.match(refusalOf(host, "/nowhere"), /^Unable to read '\/nowhere' \(No such file or directory\)$/);
	});

	test("empty lines, and ends of lines of other systems", () => {
		const host = createFakeHost();
		host.files.put(
			"/file",
			`${JSON.stringify(FIRST)}\r\n\r\n${JSON.stringify(session)}\r\n\n{"kind":"end","lines":3}`,
		);
		assert.equal(importFile(host, "/database", "/file").counts.sessions, 1);
	});
});

suite("import of mosquitto's file", () => {
	test("every version", () => {
		for (const writer of writers) {
			const host = createFakeHost();
			host.clock.advance(1_700_000_000_000 - host.clock.now());
			host.files.put("/mosquitto.db", sampleFile(writer).bytes);
			const { counts, warnings } = importFile(host, "/database", "/mosquitto.db");
			const is5 = writer.version >= 5;
			assert.deepEqual(counts, {
				sessions: 2,
				subscriptions: 2,
				deliveries: 2,
				incoming: 1,
				wills: 0,
				retained: 3,
			});
			assert.deepEqual(warnings, []);
			const lines = exported(host, "/database");
			const of = (kind: string) => lines.filter((line) => line.kind === kind);
			const port = writer.version === 6 ? "1883" : "";
			const one = {
				kind: "session",
				clientId: "one",
				username: writer.version === 6 ? "joe" : null,
				listener: port,
				mountPoint: "",
				expiryInterval: is5 ? 3600 : NEVER_EXPIRES,
				endsAt: is5 ? 1_800_000_000 : 0,
				lastPacketId: 300,
			};
			assert.deepEqual(of("session")[0], one);
			const delivery = { kind: "delivery", clientId: "one", retain: false, share: null };
			assert.deepEqual(of("delivery"), [
				{ ...delivery, message: 2, qos: 2, identifier: 0, packetId: 299, state: "pubrec" },
				{ ...delivery, message: 1, qos: 1, identifier: is5 ? 200 : 0, packetId: 0, state: "queued" },
			]);
			assert.deepEqual(of("incoming"), [{ kind: "incoming", clientId: "one", packetId: 9 }]);
			const [first, second] = of("retained");
			const publisher = writer.version === 3 ? [null, null, ""] : ["publisher", "joe", "1883"];
			assert.deepEqual([first!.clientId, first!.username, first!.listener], publisher);
			assert.deepEqual([first!.topic, first!.payload], ["a/b", "retained"]);
			assert.deepEqual([second!.topic, second!.payload, second!.clientId], ["d/ü", { base64: "AP8=" }, null]);
		}
	});

	const now = 1_700_000_000;
	const [writer] = writers.slice(-4);

	function imported(build: (file: MosquittoFileBuilder) => MosquittoFileBuilder): {
		lines: Line[];
		warnings: readonly string[];
	} {
		const host = createFakeHost();
		host.clock.advance(now * 1000 - host.clock.now());
		host.files.put("/mosquitto.db", build(new MosquittoFileBuilder(writer!)).bytes);
		const { warnings } = importFile(host, "/database", "/mosquitto.db");
		return { lines: exported(host, "/database").slice(1, -1), warnings };
	}

	test("what is over is left out with all that it had, and counted", () => {
		const { lines, warnings } = imported((file) =>
			file
				.message({ id: 1, topic: "t", expiresAt: now })
				.message({ id: 2, topic: "t" })
				.client({ clientId: "over", expiryInterval: 10, expiresAt: now - 1 })
				.clientMessage({ clientId: "over", messageId: 2 })
				.client({ clientId: "brief", expiryInterval: 0 })
				.client({ clientId: "stays", expiryInterval: 10, expiresAt: now + 1 })
				.clientMessage({ clientId: "stays", messageId: 1 })
				.subscription({ clientId: "over", filter: "a" })
				.subscription({ clientId: "stays", filter: "a" })
				.retained(1),
		);
		assert.deepEqual(
			lines.map(({ kind, clientId }) => [kind, clientId]),
			[
				["session", "stays"],
				["subscription", "stays"],
			],
		);
		assert.deepEqual(warnings, [
			"'/mosquitto.db': 3 sessions and messages were left out, as their time is over",
		]);
	});

	test("what refers to nothing is left out, and counted", () => {
		const { lines, warnings } = imported((file) =>
			file
				.client({ clientId: "c" })
				.clientMessage({ clientId: "c", messageId: 7 })
				.message({ id: 1, topic: "t" })
				.clientMessage({ clientId: "d", messageId: 1 })
				.subscription({ clientId: "d", filter: "a" })
				.retained(7),
		);
		assert.deepEqual(
			lines.map(({ kind }) => kind),
			["session"],
		);
		assert.deepEqual(warnings, ["'/mosquitto.db': 4 records refer to others that are not there"]);
	});

	test("a damaged file: what can be read, and where it cannot", () => {
		const { lines, warnings } = imported((file) =>
			file
				.client({ clientId: "c" })
				.message({ id: 1, topic: "#" })
				.subscription({ clientId: "c", filter: "a" }),
		);
		assert.equal(lines.length, 2);
		assert.match(warnings[0]!, /^'\/mosquitto.db', octet [0-9]+: message has no valid topic name$/);
		assert.match(warnings[1]!, /^'\/mosquitto.db' is damaged in 1 places; [0-9]+ octets could not be read$/);
	});

	test("states of deliveries", () => {
		const state = (value: number, packetId: number) => ({
			clientId: "c",
			messageId: 1,
			qos: 2,
			state: value,
			packetId,
		});
		const { lines } = imported(
			(file) =>
				file
					.message({ id: 1, topic: "t", qos: 2 })
					.client({ clientId: "c" })
					.clientMessage(state(5, 1)) // PUBREC is awaited
					.clientMessage(state(9, 2)) // PUBCOMP is awaited
					.clientMessage(state(6, 3)) // PUBREL is to be sent again
					.clientMessage(state(4, 4)) // PUBLISH was not sent
					.clientMessage(state(5, 1)) // a packet identifier twice
					.clientMessage(state(11, 6)) // queued
					.clientMessage(state(5, 0)) // without packet identifier
					.clientMessage({ ...state(3, 7), qos: 1 }), // PUBACK is awaited
		);
		assert.deepEqual(
			lines
				.filter(({ kind }) => kind === "delivery")
				.map((each) => [each.state, each.packetId, each.message]),
			[
				["pubrec", 1, 1],
				["pubcomp", 2, null],
				["pubcomp", 3, null],
				["puback", 7, 1],
				["queued", 0, 1],
				["queued", 0, 1],
				["queued", 0, 1],
				["queued", 0, 1],
			],
		);
	});

	test("QoS 2 messages that mosquitto held until their release are handed on", () => {
		const incoming = (messageId: number, more: object) => ({
			clientId: "p",
			messageId,
			qos: 2,
			incoming: true,
			...more,
		});
		const { lines } = imported((file) =>
			file
				.message({ id: 1, topic: "a/b", qos: 2, retain: true })
				.message({ id: 2, topic: "c", qos: 2 })
				.client({ clientId: "p" })
				.clientMessage(incoming(1, { packetId: 5, state: 7, retain: true }))
				.clientMessage(incoming(2, { packetId: 6, state: 10 })) // was not acknowledged
				.client({ clientId: "s" })
				.client({ clientId: "g" })
				.subscription({ clientId: "s", filter: "a/#", qos: 1, subscriptionId: 4, options: 8 })
				.subscription({ clientId: "s", filter: "a/+", qos: 2, subscriptionId: 5 })
				.subscription({ clientId: "s", filter: "$share/x/#", qos: 1 })
				.subscription({ clientId: "g", filter: "a/b", qos: 0 })
				.subscription({ clientId: "p", filter: "#", qos: 2, options: 4 }),
		);
		assert.deepEqual(
			lines.filter(({ kind }) => kind === "incoming"),
			[{ kind: "incoming", clientId: "p", packetId: 5 }],
		);
		const delivery = { kind: "delivery", clientId: "s", message: 1, packetId: 0, state: "queued" };
		assert.deepEqual(
			lines.filter(({ kind }) => kind === "delivery"),
			[{ ...delivery, qos: 2, retain: false, identifier: 5, share: null }],
		);
		assert.deepEqual(
			lines.filter(({ kind }) => kind === "retained").map(({ topic }) => topic),
			["a/b"],
		);
	});
});

suite("first start with mosquitto's file", () => {
	const file = sampleFile(writers.at(-4)!).bytes;

	test("takes it once", () => {
		const host = createFakeHost();
		assert.equal(importFirst(host, "/database", "/mosquitto.db"), null);
		assert.equal(host.files.info("/database"), null);
		host.files.put("/mosquitto.db", file);
		assert.equal(importFirst(host, "/database", "/mosquitto.db")?.counts.retained, 3);
		assert.equal(exported(host, "/database").filter(({ kind }) => kind === "retained").length, 3);
		assert.equal(importFirst(host, "/database", "/mosquitto.db"), null);
		assert.equal(host.files.info("/database.import"), null);
	});

	test("leaves a file that is not mosquitto's", () => {
		const host = createFakeHost();
		host.files.put("/mosquitto.db", "SQLite format 3\0");
		assert.equal(importFirst(host, "/database", "/mosquitto.db"), null);
		assert.equal(host.files.info("/database"), null);
	});

	test("leaves nothing behind when it fails, and what a former attempt left is taken away", () => {
		const host = createFakeHost();
		host.files.put("/mosquitto.db", file);
		host.databases.failWith = "ENOSPC";
		assert.throws(() => importFirst(host, "/database", "/mosquitto.db"), TransferError);
		assert.equal(host.files.info("/database"), null);
		host.databases.failWith = null;
		fill(host, "/database.import");
		assert.equal(importFirst(host, "/database", "/mosquitto.db")?.counts.sessions, 2);
		assert.equal(exported(host, "/database").filter(({ kind }) => kind === "session").length, 2);
	});
});
