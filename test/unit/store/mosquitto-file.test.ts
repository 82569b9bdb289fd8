/** The reader of mosquitto's database file, on files that are built here; real ones are read in test/system. */

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { ByteSource } from "../../../src/store/byte-source.ts";
import {
	isMosquittoFile,
	MOST_PLACES,
	type MosquittoSummary,
	NotMosquittoError,
	readMosquittoFile,
} from "../../../src/store/mosquitto-file.ts";
import { textCodec } from "../../fake/text.ts";
import { MosquittoFileBuilder, sampleFile, type Writer, writers } from "../../vectors/mosquitto-file.ts";
import { concat } from "../../vectors/websocket.ts";

interface Contents {
	summary: MosquittoSummary;
	messages: Record<string, unknown>[];
	clients: unknown[];
	clientMessages: unknown[];
	retained: unknown[];
	subscriptions: unknown[];
}

const decoder = new TextDecoder("latin1");

function sourceOf(bytes: Uint8Array, largest = { read: 0 }): ByteSource {
	return {
		read(position, length) {
			largest.read = Math.max(largest.read, length);
			return bytes.slice(position, position + length);
		},
	};
}

/** Everything in a file; identifiers of messages are numbers counted from 0 in the order of their first use. */
function contentsOf(bytes: Uint8Array, largest = { read: 0 }): Contents {
	const ids: string[] = [];
	const number = (id: string): number => {
		if (!ids.includes(id)) ids.push(id);
		return ids.indexOf(id);
	};
	const found: Omit<Contents, "summary"> = {
		messages: [],
		clients: [],
		clientMessages: [],
		retained: [],
		subscriptions: [],
	};
	const summary = readMosquittoFile(sourceOf(bytes, largest), textCodec, {
		message: (record) =>
			void found.messages.push({ ...record, id: number(record.id), payload: decoder.decode(record.payload) }),
		client: (record) => void found.clients.push(record),
		clientMessage: (record) =>
			void found.clientMessages.push({ ...record, messageId: number(record.messageId) }),
		retained: ({ messageId }) => void found.retained.push(number(messageId)),
		subscription: (record) => void found.subscriptions.push(record),
	});
	return { summary, ...found };
}

function nameOf({ version, littleEndian, timeWidth, alignment }: Writer): string {
	const order = littleEndian ? "little" : "big";
	return `version ${version}, ${order}-endian, ${timeWidth * 8}-bit times, aligned to ${alignment}`;
}

suite("a whole file", () => {
	for (const writer of writers) {
		test(nameOf(writer), () => {
			const is5 = writer.version >= 5;
			const is6 = writer.version === 6;
			const { summary, ...found } = contentsOf(sampleFile(writer).bytes);
			assert.deepEqual(summary, {
				version: writer.version,
				settings: { shutdown: true },
				messages: 3,
				clients: 2,
				clientMessages: 3,
				retained: 2,
				subscriptions: 2,
				damaged: 0,
				lostOctets: 0,
				places: [],
			});
			const message = {
				retain: false,
				properties: null,
				expiresAt: 0,
				publisher: "publisher",
				username: "",
				port: writer.version === 3 ? 0 : 1883,
			};
			const properties = is5 ? { contentType: "t", userProperty: [["k", "v"]] } : null;
			assert.deepEqual(found.messages, [
				{
					...message,
					id: 0,
					topic: "a/b",
					payload: "retained",
					qos: 1,
					retain: true,
					username: writer.version === 3 ? "" : "joe",
				},
				{
					...message,
					id: 1,
					topic: "c",
					payload: "queued",
					qos: 2,
					properties,
					expiresAt: is5 ? 1_900_000_000 : 0,
				},
				{ ...message, id: 2, topic: "d/ü", payload: "\0ÿ", qos: 0, publisher: "" },
			]);
			assert.deepEqual(found.clients, [
				{
					clientId: "one",
					username: is6 ? "joe" : null,
					expiryInterval: is5 ? 3600 : 0xffff_ffff,
					expiresAt: is5 ? 1_800_000_000 : 0,
					disconnectedAt: is5 ? 0 : 1_600_000_000,
					lastPacketId: 300,
					port: is6 ? 1883 : 0,
				},
				{
					clientId: "two",
					username: null,
					expiryInterval: 0xffff_ffff,
					expiresAt: 0,
					disconnectedAt: is5 ? 0 : 1_500_000_000,
					lastPacketId: 0,
					port: is6 ? 1883 : 0,
				},
			]);
			const one = { clientId: "one", dup: false, retain: false, incoming: false, subscriptionId: 0 };
			assert.deepEqual(found.clientMessages, [
				{ ...one, messageId: 1, packetId: 299, qos: 2, dup: true, state: 5 },
				{ ...one, messageId: 0, packetId: 0, qos: 1, state: 11, subscriptionId: is5 ? 200 : 0 },
				{ ...one, messageId: 1, packetId: 9, qos: 2, retain: true, incoming: true, state: 7 },
			]);
			assert.deepEqual(found.retained, [0, 2]);
			assert.deepEqual(found.subscriptions, [
				{
					clientId: "one",
					filter: "a/#",
					qos: 2,
					noLocal: is5,
					retainAsPublished: is5,
					subscriptionId: is5 ? 200 : 0,
				},
				{
					clientId: "two",
					filter: "$share/g/+",
					qos: 0,
					noLocal: false,
					retainAsPublished: false,
					subscriptionId: 0,
				},
			]);
		});
	}

	test("a payload of 3 MB, and no more memory than that", () => {
		const payload = new Uint8Array(3_000_000).fill(7);
		const file = new MosquittoFileBuilder(writers.at(-1)!).message({ id: 1, topic: "t", payload });
		const largest = { read: 0 };
		const { messages } = contentsOf(file.bytes, largest);
		assert.equal((messages[0]!.payload as string).length, payload.length);
		assert.ok(largest.read < payload.length + 100, `${largest.read} octets asked for at once`);
	});
});

const [little] = writers.slice(-4);
if (little === undefined) throw new Error("there are writers");

function totalOf({ summary }: Contents): number {
	const { messages, clients, clientMessages, retained, subscriptions } = summary;
	return messages + clients + clientMessages + retained + subscriptions;
}

suite("what is no such file", () => {
	const { bytes } = sampleFile(little);
	const cases: Record<string, [Uint8Array, RegExp]> = {
		nothing: [new Uint8Array(0), /not a database file of mosquitto/],
		"another file": [new TextEncoder().encode("SQLite format 3\0"), /not a database file of mosquitto/],
		"the magic alone": [bytes.subarray(0, 15), /ends in its header/],
		"version 2": [withVersion(bytes, 2), /of version 2; versions 3 to 6/],
		"version 7": [withVersion(bytes, 7), /of version 7; versions 3 to 6/],
	};
	for (const [name, [octets, expected]] of Object.entries(cases)) {
		test(name, () => {
			assert.throws(
				() => contentsOf(octets),
				(error: Error) => error instanceof NotMosquittoError && expected.test(error.message),
			);
		});
	}

	test("the magic tells", () => {
		assert.equal(isMosquittoFile(sourceOf(bytes)), true);
		assert.equal(isMosquittoFile(sourceOf(bytes.subarray(1))), false);
		assert.equal(isMosquittoFile(sourceOf(bytes.subarray(0, 14))), false);
	});
});

function withVersion(bytes: Uint8Array, version: number): Uint8Array {
	const changed = bytes.slice();
	changed[22] = version;
	return changed;
}

suite("a damaged file", () => {
	for (const writer of writers.filter(({ timeWidth, alignment }) => timeWidth === 8 && alignment === 8)) {
		const builder = sampleFile(writer);
		const { bytes, offsets } = builder;
		const headerLength = writer.version >= 5 ? 8 : 6;

		test(`cut off anywhere: ${nameOf(writer)}`, () => {
			for (let length = 23; length < bytes.length; length++) {
				const whole = offsets.filter((_, index) => (offsets[index + 1] ?? bytes.length) <= length).length;
				const contents = contentsOf(bytes.subarray(0, length));
				const { summary } = contents;
				// The settings are the first chunk.
				assert.equal(totalOf(contents), Math.max(whole - 1, 0), `cut to ${length}`);
				assert.equal(summary.settings !== null, whole > 0);
				const offset = offsets.find((_, index) => (offsets[index + 1] ?? bytes.length) > length)!;
				if (length <= offset) assert.equal(summary.damaged, 0, `cut to ${length}`);
				else assert.equal(summary.places[0]?.offset, offset, `cut to ${length}`);
				assert.equal(summary.lostOctets, length > offset ? length - offset : 0);
			}
		});

		test(`a header of nonsense costs its chunk only: ${nameOf(writer)}`, () => {
			for (const offset of offsets.slice(1, -1)) {
				const changed = bytes.slice();
				changed.fill(0xee, offset, offset + headerLength);
				const contents = contentsOf(changed);
				assert.equal(totalOf(contents), 11, `at ${offset}`);
				assert.equal(contents.summary.damaged, 1);
				assert.equal(contents.summary.places[0]!.offset, offset);
				assert.match(contents.summary.places[0]!.cause, /unknown kind/);
			}
		});

		test(`a length of nonsense costs its chunk only: ${nameOf(writer)}`, () => {
			for (const [index, offset] of offsets.slice(1, -1).entries()) {
				const next = offsets[index + 2]!;
				const right = new DataView(bytes.buffer).getUint32(offset + headerLength - 4);
				for (const length of [0, 5, right - 1, right + 1, 0xffff_ffff]) {
					const changed = bytes.slice();
					new DataView(changed.buffer).setUint32(offset + headerLength - 4, length);
					const contents = contentsOf(changed);
					assert.ok(totalOf(contents) >= 10, `length ${length} at ${offset}: ${totalOf(contents)}`);
					assert.ok(contents.summary.damaged >= 1, `length ${length} at ${offset}`);
					// An octet more may pass for an empty property list, and then the next chunk is damaged.
					const place = contents.summary.places[0]!.offset;
					assert.ok(place >= offset && place <= next + 1, `length ${length} at ${offset}: ${place}`);
				}
			}
		});
	}

	test("a record that makes no sense is left out and told", () => {
		const bad: Record<string, [(builder: MosquittoFileBuilder) => unknown, RegExp]> = {
			topic: [(file) => file.message({ id: 1, topic: "a/#" }), /^message has no valid topic name$/],
			"no topic": [(file) => file.message({ id: 1, topic: "" }), /^message has no valid topic name$/],
			"message's QoS": [(file) => file.message({ id: 1, topic: "t", qos: 3 }), /^message has QoS 3$/],
			properties: [
				(file) => file.message({ id: 1, topic: "t", properties: Uint8Array.of(0x7e) }),
				/^message has wrong properties \(.*126.*\)$/,
			],
			"client without name": [
				(file) => file.client({ clientId: "" }),
				/^client has no valid client identifier$/,
			],
			direction: [
				(file) => file.chunk(3, new Uint8Array(8), Uint8Array.of(0, 0, 0, 1, 1, 3, 0, 2, 0x63)),
				/^client message goes in direction 2$/,
			],
			state: [
				(file) => file.clientMessage({ clientId: "c", messageId: 1, state: 12 }),
				/^client message has state 12$/,
			],
			filter: [
				(file) => file.subscription({ clientId: "c", filter: "a#" }),
				/^subscription has no valid topic filter$/,
			],
			alias: [
				(file) => file.message({ id: 1, topic: "t", properties: Uint8Array.of(0x23, 0, 7) }),
				/^message has wrong properties \(an alias/,
			],
			"identifier of a subscription": [
				(file) => file.message({ id: 1, topic: "t", properties: Uint8Array.of(0x0b, 7) }),
				/^message has wrong properties \(an alias, or an identifier/,
			],
			"subscription's identifier": [
				(file) => file.subscription({ clientId: "c", filter: "a", subscriptionId: 268_435_456 }),
				/^subscription has identifier 268435456$/,
			],
			"subscription's QoS": [
				(file) => file.subscription({ clientId: "c", filter: "a", qos: 4 }),
				/^subscription has QoS 4$/,
			],
			"width of identifiers": [
				(file) => file.settings(true, 4),
				/^settings says that identifiers have 4 octets$/,
			],
			retained: [(file) => file.chunk(4, new Uint8Array(9)), /^retained message has 1 octets too many$/],
		};
		for (const [name, [add, expected]] of Object.entries(bad)) {
			const builder = new MosquittoFileBuilder(little).client({ clientId: "before" });
			add(builder);
			const contents = contentsOf(builder.subscription({ clientId: "after", filter: "x" }).bytes);
			assert.equal(totalOf(contents), 2, name);
			assert.equal(contents.summary.damaged, 1, name);
			assert.equal(contents.summary.places[0]!.offset, builder.offsets[1], name);
			assert.match(contents.summary.places[0]!.cause, expected, name);
		}
	});

	test("no more places are kept than a hundred, and all are counted", () => {
		const builder = new MosquittoFileBuilder(little);
		for (let count = 0; count < 250; count++) builder.message({ id: count, topic: "#" });
		const { summary } = contentsOf(builder.bytes);
		assert.equal(summary.damaged, 250);
		assert.equal(summary.places.length, MOST_PLACES);
		assert.equal(summary.lostOctets, builder.bytes.length - builder.offsets[0]!);
	});

	test("a user name that is no text is none", () => {
		// mosquitto 2.0 writes what lies in its memory behind the name of the client before.
		const { clients, summary } = contentsOf(
			new MosquittoFileBuilder(little).client({ clientId: "c", username: "joe\0rubbish" }).bytes,
		);
		assert.equal(summary.damaged, 0);
		assert.equal((clients[0] as { username: unknown }).username, null);
	});

	test("a hole of zeros in the middle", () => {
		const { bytes, offsets } = sampleFile(little);
		const cut = offsets[6]!;
		const holed = concat([bytes.subarray(0, cut), new Uint8Array(200_000), bytes.subarray(cut)]);
		const contents = contentsOf(holed);
		assert.equal(totalOf(contents), 12);
		assert.equal(contents.summary.damaged, 1);
		assert.equal(contents.summary.lostOctets, 200_000);
	});
});
