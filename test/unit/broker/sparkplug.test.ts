// The parts of a Sparkplug aware server that wire cases do not reach: which topics, which payloads, which time.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import mqttPacket from "mqtt-packet";
import { stampPayload } from "../../../src/broker/sparkplug-payload.ts";
import {
	BIRTH,
	CERTIFICATE,
	DEATH,
	mountedRole,
	NO_ROLE,
	sparkplugRole,
} from "../../../src/broker/sparkplug-topic.ts";
import type { FakePeer } from "../../fake/host.ts";
import { encode, type Fields } from "../../vectors/wire.ts";
import { type Fixture, startBroker } from "./fixture.ts";

/** A `bdSeq` metric as field 2. */
const METRIC = [0x12, 7, 0x0a, 5, ...Buffer.from("bdSeq")];
/** 2026-01-01T00:00:00Z, where the fake clock begins, as field 1. */
const BEGINNING = [0x08, ...varint(Date.UTC(2026, 0, 1))];

function varint(value: number): number[] {
	const octets = [];
	for (let rest = BigInt(value); ; rest >>= 7n) {
		if (rest < 128n) return [...octets, Number(rest)];
		octets.push(Number(rest & 127n) | 128);
	}
}

function stamp(octets: readonly number[], now: number): number[] | null {
	// Something is around it, as in the buffer of a connection.
	const bytes = Uint8Array.from([0xff, 0x08, ...octets, 0x08, 0x01]);
	const stamped = stampPayload(bytes, 2, 2 + octets.length, now);
	return stamped === null ? null : [...stamped];
}

test("topics of Sparkplug", () => {
	const roles: [string, number][] = [
		["spBv1.0/g/NBIRTH/n", BIRTH],
		["spBv1.0/g/DBIRTH/n/d", BIRTH],
		["spBv1.0/a group/NBIRTH/é", BIRTH],
		["spBv1.0/NBIRTH/NBIRTH/NBIRTH", BIRTH],
		["spBv1.0/g/NDEATH/n", DEATH],
		["$sparkplug", CERTIFICATE],
		["$sparkplug/", CERTIFICATE],
		["$sparkplug/certificates/spBv1.0/g/NBIRTH/n", CERTIFICATE],
		["$sparkplugs/x", NO_ROLE],
		["sparkplug/x", NO_ROLE],
		["spBv1.0", NO_ROLE],
		["spBv1.0/g/NBIRTH", NO_ROLE],
		["spBv1.0/g/NBIRTH/n/d", NO_ROLE],
		["spBv1.0/g/DBIRTH/n", NO_ROLE],
		["spBv1.0/g/DBIRTH/n/d/e", NO_ROLE],
		["spBv1.0/g/NDEATH/n/d", NO_ROLE],
		["spBv1.0/g/DDEATH/n/d", NO_ROLE],
		["spBv1.0/g/NDATA/n", NO_ROLE],
		["spBv1.0/STATE/h", NO_ROLE],
		["spBv1x0/g/NBIRTH/n", NO_ROLE],
		["spBv1.0/g/XNBIRTH/n", NO_ROLE],
		["x/spBv1.0/g/NBIRTH/n", NO_ROLE],
		["", NO_ROLE],
	];
	for (const [topic, role] of roles) {
		assert.equal(sparkplugRole(topic), role, topic);
		assert.equal(mountedRole(`m/${topic}`, "m/"), role, topic);
		assert.equal(mountedRole(topic, "m/"), NO_ROLE, topic);
	}
});

test("the timestamp is replaced, wherever and however often it stands; the rest stays in order", () => {
	const other = [0x18, 0x80, 0x01, 0x21, 1, 2, 3, 4, 5, 6, 7, 8, 0x2d, 1, 2, 3, 4];
	const now = 1_795_363_200_123;
	const expected = [0x08, ...varint(now)];
	const old = [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
	const payloads: [number[], number[]][] = [
		[METRIC, METRIC],
		[[0x08, 0], []],
		[[...old, ...METRIC], METRIC],
		[[...METRIC, ...old], METRIC],
		[
			[...old, ...METRIC, ...old, ...other, 0x08, 0x05],
			[...METRIC, ...other],
		],
		// Field numbers may be longer than they need to be; extensions have long ones.
		[
			[0x88, 0x00, 0x05, 0xf8, 0xff, 0xff, 0xff, 0x0f, 0x01],
			[0xf8, 0xff, 0xff, 0xff, 0x0f, 0x01],
		],
	];
	for (const [payload, rest] of payloads) assert.deepEqual(stamp(payload, now), [...expected, ...rest]);
	assert.deepEqual(stamp(METRIC, 0), [0x08, 0, ...METRIC]);
	assert.deepEqual(stamp(METRIC, 127.9), [0x08, 127, ...METRIC]);
	assert.deepEqual(stamp(METRIC, 128), [0x08, 128, 1, ...METRIC]);
});

test("what is no message, or has a timestamp that is none, is left alone", () => {
	const payloads = {
		nothing: [],
		"field number 0": [0x00, 1],
		"no value": [0x08],
		"a value that does not end": [0x08, 0x80],
		"a value of 11 octets": [0x08, ...Array(10).fill(0x80), 0x01],
		"a tag of 6 octets": [0x88, 0x80, 0x80, 0x80, 0x80, 0x00, 0x01],
		"a length past the end": [0x12, 3, 1, 2],
		"a length beyond all measure": [0x12, 0xff, 0xff, 0xff, 0xff, 0x7f],
		"a length that does not end": [0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
		"half of 64 bits": [0x19, 1, 2, 3, 4],
		"half of 32 bits": [0x1d, 1, 2],
		"a group": [0x1b, 0x1c],
		"wire type 6": [0x46, 0x49],
		"a timestamp of 64 bits": [0x09, 1, 2, 3, 4, 5, 6, 7, 8],
		"a timestamp of octets": [0x0a, 1, 0],
		"a good beginning": [...METRIC, 0x08],
	};
	for (const [name, payload] of Object.entries(payloads)) assert.equal(stamp(payload, 1), null, name);
});

test("a payload that is longer than any death certificate is not looked at", () => {
	const fields = (octets: number) => [0x12, ...varint(octets), ...Array(octets).fill(0)];
	assert.equal(stamp(fields(4093), 1)?.length, 4096 + 2);
	assert.equal(stamp(fields(4094), 1), null);
});

/** Fields of a message, as number, wire type and octets. */
const field = fc.oneof(
	fc
		.tuple(fc.constantFrom(1, 2, 3, 15, 16, 2047), fc.nat())
		.map(([n, v]) => [...varint(n * 8), ...varint(v)]),
	fc
		.tuple(fc.integer({ min: 2, max: 300 }), fc.uint8Array({ maxLength: 200 }))
		.map(([n, octets]) => [...varint(n * 8 + 2), ...varint(octets.length), ...octets]),
);

test("any message: all fields but the timestamp stay, in order", () => {
	fc.assert(
		fc.property(fc.array(field, { minLength: 1, maxLength: 12 }), fc.nat(), (fields, now) => {
			const rest = fields.filter(([tag]) => tag !== 0x08).flat();
			assert.deepEqual(stamp(fields.flat(), now), [0x08, ...varint(now), ...rest]);
		}),
	);
});

test("any octets: an answer, and one that can be stamped again", () => {
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(), (octets, now) => {
			const stamped = stamp([...octets], now);
			if (stamped !== null) assert.deepEqual(stamp(stamped, now), stamped);
		}),
		{ numRuns: 2000 },
	);
});

// At the broker.

const NDEATH = "spBv1.0/g/NDEATH/n";
const NBIRTH = "spBv1.0/g/NBIRTH/n";

function dial(fixture: Fixture, connect: Fields, version: 4 | 5 = 5): FakePeer {
	const peer = fixture.dial();
	peer.send(encode({ cmd: "connect", clean: true, keepalive: 0, ...connect }, version));
	return peer;
}

function subscribe(peer: FakePeer, topic: string): void {
	peer.send(encode({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic, qos: 1 }] }, 5));
}

function publish(peer: FakePeer, topic: string, payload: readonly number[]): void {
	peer.send(
		encode({ cmd: "publish", topic, payload: String.fromCharCode(...payload), qos: 1, messageId: 1 }, 5),
	);
}

/** Topics and payloads of what has come. */
function received(peer: FakePeer): [string, number[]][] {
	const parser = mqttPacket.parser({ protocolVersion: 5 });
	const messages: [string, number[]][] = [];
	parser.on("packet", (packet) => {
		if (packet.cmd === "publish") messages.push([packet.topic, [...(packet.payload as Buffer)]]);
	});
	parser.parse(Buffer.from(peer.take()));
	return messages;
}

test("a will that is delayed has the time at which it goes out; one that waits for its receiver, too", async () => {
	const fixture = await startBroker({ sparkplugAware: true });
	const host = dial(fixture, { clientId: "host", properties: { sessionExpiryInterval: 1000 } });
	subscribe(host, NDEATH);
	host.end();
	const node = dial(fixture, {
		clientId: "node",
		will: {
			topic: NDEATH,
			payload: String.fromCharCode(...METRIC),
			qos: 1,
			properties: { willDelayInterval: 5 },
		},
		properties: { sessionExpiryInterval: 100 },
	});
	node.end();
	fixture.advance(50);
	const back = dial(fixture, {
		clientId: "host",
		clean: false,
		properties: { sessionExpiryInterval: 1000 },
	});
	const [[topic, payload]] = received(back) as [[string, number[]]];
	assert.equal(topic, NDEATH);
	const sent = fixture.host.clock.epoch + 5000;
	assert.deepEqual(payload, [0x08, ...varint(sent), ...METRIC]);
});

test("the listener decides, and a reload changes its mind", async () => {
	const fixture = await startBroker({}, { sparkplugAware: true });
	const plain = await startBroker();
	for (const { dialled, aware } of [
		{ dialled: fixture, aware: true },
		{ dialled: plain, aware: false },
	]) {
		const host = dial(dialled, { clientId: "host" });
		subscribe(host, "$sparkplug/#");
		subscribe(host, "spBv1.0/#");
		const node = dial(dialled, { clientId: "node" });
		const exchange = () => {
			publish(node, NBIRTH, METRIC);
			publish(node, NDEATH, METRIC);
			publish(node, "$sparkplug/x", METRIC);
			return received(host);
		};
		const when = (isAware: boolean): [string, number[]][] =>
			isAware
				? [
						[NBIRTH, METRIC],
						[`$sparkplug/certificates/${NBIRTH}`, METRIC],
						[NDEATH, [...BEGINNING, ...METRIC]],
					]
				: [
						[NBIRTH, METRIC],
						[NDEATH, METRIC],
						["$sparkplug/x", METRIC],
					];
		assert.deepEqual(exchange(), when(aware));
		dialled.listener.sparkplugAware = !aware;
		dialled.broker.configure(dialled.broker.settings);
		assert.deepEqual(exchange(), when(!aware));
		dialled.broker.configure({ ...dialled.broker.settings, sparkplugAware: true });
		assert.deepEqual(exchange(), when(true));
	}
});

test("a certificate whose topic would be too long, or have too many levels, is not kept", async () => {
	const fixture = await startBroker({ sparkplugAware: true }, { maxTopicAlias: 0 });
	const node = dial(fixture, { clientId: "node" });
	const long = `spBv1.0/${"g".repeat(65535 - NBIRTH.length + 1)}/NBIRTH/n`;
	publish(node, long, METRIC);
	const mounted = await startBroker({ sparkplugAware: true }, { mountPoint: "m/".repeat(196) });
	const other = dial(mounted, { clientId: "node" });
	publish(other, NBIRTH, METRIC);
	for (const { broker, lines } of [fixture, mounted]) {
		assert.equal(broker.retained.count, 0);
		assert.equal(broker.sessions.get("node")?.link !== null, true, lines.join("\n"));
	}
	publish(node, NBIRTH, METRIC);
	assert.equal(fixture.broker.retained.count, 1);
});
