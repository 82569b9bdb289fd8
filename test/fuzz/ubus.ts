/**
 * The fuzzer of what ubusd sends, and others through it: messages that fit what the client waits for, many of them
 * damaged, against a client that serves, listens and subscribes, and against a connection with requests under way.
 * Options: run.ts.
 */

import type { Connection, ConnectionHandler, Log, Network } from "../../src/host/host.ts";
import { utf8 } from "../../src/node/bytes.ts";
import { UbusClient } from "../../src/ubus/client.ts";
import { Link, Sequence } from "../../src/ubus/link.ts";
import {
	type Attributes,
	decodeMessage,
	encodeMessage,
	MessageType,
	messageLength,
	type OutgoingAttributes,
} from "../../src/ubus/message.ts";
import { Status } from "../../src/ubus/status.ts";
import { typed, type UbusInputTable } from "../../src/ubus/value.ts";
import { equal, ok } from "../contract/assert.ts";
import { FakeClock } from "../fake/clock.ts";
import { readConversations } from "../vectors/ubus.ts";
import { concat } from "../vectors/websocket.ts";
import { damage, type Random } from "./mutate.ts";
import { hex, runFuzzer } from "./run.ts";

interface Input {
	octets: Uint8Array;
	/** The last message of it. */
	last: Uint8Array;
	/** Lengths of the pieces that it comes in; the rest comes at once. */
	pieces: readonly number[];
}

/** A connection whose other end is the fuzzer. */
class Wire implements Connection {
	readonly remoteAddress = "";
	readonly remotePort = 0;
	readonly tls = null;
	readonly buffered = 0;
	readonly sent: Uint8Array[] = [];
	isClosed = false;
	private handler: ConnectionHandler | null = null;
	private rest: Uint8Array = new Uint8Array(0);

	start(handler: ConnectionHandler): void {
		this.handler = handler;
	}

	write(octets: Uint8Array, start: number, end: number): number {
		ok(start >= 0 && start <= end && end <= octets.length, "what is written is there");
		if (!this.isClosed) this.sent.push(octets.slice(start, end));
		return 0;
	}

	pause(): void {}

	close(): void {
		this.isClosed = true;
	}

	destroy(): void {
		this.isClosed = true;
	}

	give(octets: Uint8Array): void {
		if (this.isClosed || octets.length === 0) return;
		const all = concat([this.rest, octets]);
		const lent = concat([Uint8Array.of(1, 2, 3), all, Uint8Array.of(4)]);
		const used = this.handler!.onData(lent, 3, 3 + all.length);
		ok(used >= 0 && used <= all.length, `consumed ${used} of ${all.length}`);
		this.rest = lent.slice(3 + used, 3 + all.length);
		lent.fill(0xa5);
	}

	end(): void {
		if (this.isClosed) return;
		this.isClosed = true;
		this.handler!.onClose(null);
	}
}

const IDS = [0, 1, 77, 5_000, 5_001, 5_002, 5_003, 0xffff_ffff];
const TEXTS = [
	"",
	"lab",
	"lab.two",
	"echo",
	"notify",
	"ubus.object.add",
	"ubus.object.remove",
	"é",
	"__proto__",
];
const DATA: readonly UbusInputTable[] = [
	{},
	{ id: 5_001, path: "lab.two" },
	{ id: -1, path: "lab" },
	{ echo: { text: 3, count: 5 }, list: {} },
	{ text: "x", count: 1, on: true, list: [1, "two", null, [], {}], table: { deep: { deeper: {} } } },
	{ a: typed("int64", -(1n << 62n)), b: typed("int16", -1), c: 0.5, d: typed("bool", 200), e: null },
];

/** Messages of ubusd, captured and made up. */
const captured = readConversations()
	.flatMap(({ messages }) => messages)
	.filter(({ isFromClient, bytes }) => !isFromClient && bytes.length < 600)
	.map(({ bytes }) => bytes);

function anyMessage(random: Random): Uint8Array {
	if (random.below(5) === 0) return random.pick(captured);
	const { DATA: data, STATUS, INVOKE, NOTIFY, UNSUBSCRIBE, MONITOR } = MessageType;
	const type = random.pick([
		data,
		data,
		STATUS,
		STATUS,
		STATUS,
		INVOKE,
		INVOKE,
		NOTIFY,
		UNSUBSCRIBE,
		MONITOR,
	]);
	const attributes: { -readonly [Name in keyof OutgoingAttributes]: OutgoingAttributes[Name] } = {};
	const isHere = () => random.below(8) !== 0;
	if (isHere()) attributes.objectId = random.pick(IDS);
	if (type === STATUS) {
		attributes.status = random.below(3) === 0 ? random.pick([2, 4, 7, 99]) : Status.OK;
		if (random.below(4) === 0) attributes.subscribers = [random.pick(IDS), random.pick(IDS)];
	} else if (type === NOTIFY) {
		attributes.isActive = random.below(2) === 0;
	} else if (type === UNSUBSCRIBE) {
		attributes.target = random.pick(IDS);
	} else {
		if (type === INVOKE) attributes.method = random.pick(TEXTS);
		else if (isHere()) attributes.path = random.pick(TEXTS);
		if (isHere()) attributes.data = random.pick(DATA);
		if (random.below(4) === 0) attributes.signature = random.pick(DATA);
		if (random.below(4) === 0) attributes.user = random.pick(TEXTS);
		if (random.below(6) === 0) attributes.noReply = true;
	}
	return encodeMessage(utf8, type, random.below(10), random.pick(IDS), attributes);
}

/** The same octets with a length that fits, in the header. */
function mend(bytes: Uint8Array): Uint8Array {
	const mended = bytes.slice(0, bytes.length & ~3);
	if (mended.length >= 12)
		mended.set([0, (mended.length - 8) >> 16, (mended.length - 8) >> 8, mended.length - 8], 8);
	if (mended.length > 0) mended[0] = 0;
	return mended;
}

/** What became of an input. */
interface Outcome {
	readonly events: string[];
	sent: string;
}

function feed(wire: Wire, { octets }: Input, pieces: readonly number[]): void {
	let at = 0;
	for (const length of pieces) {
		wire.give(octets.subarray(at, at + length));
		at += length;
	}
	wire.give(octets.subarray(at));
}

/** A client in all its roles. */
function runClient(input: Input, pieces: readonly number[]): Outcome {
	const events: string[] = [];
	const clock = new FakeClock();
	const wire = new Wire();
	const log: Log = { enabled: () => true, write: (type, text) => void events.push(`${type}: ${text}`) };
	// Connected at once, so that nothing waits for a promise.
	// biome-ignore lint/suspicious/noThenProperty: it stands for a promise.
	const connected = { then: (done: (connection: Connection) => void) => done(wire) };
	const network = { connect: () => connected } as unknown as Network;
	const client = new UbusClient({ network, clock, timers: clock, utf8 }, log);
	const object = client.register("lab", {
		echo: { arguments: { text: "string", count: "int32" }, call: (args) => args },
		notify: {
			call: () => {
				object.notify("change", { a: 1 });
				return null;
			},
		},
		remove: {
			call: () => {
				object.remove();
				return {};
			},
		},
	});
	client.listen("*", (event, data) => void events.push(`event ${event} ${Object.keys(data)}`));
	client.subscribe("lab.two", {
		onNotification: ({ type, user }) => {
			events.push(`notification ${type} ${user}`);
			return undefined;
		},
		onState: (isSubscribed) => void events.push(`subscribed ${isSubscribed}`),
	});
	client.open();
	feed(wire, input, pieces);
	events.push(`${client.isConnected} ${object.id} ${object.hasSubscribers}`);
	clock.advance(1);
	client.close();
	equal(clock.timers, 0, "timers after the end");
	return { events, sent: hex(concat(wire.sent)) };
}

/** A connection with requests under way, and calls that stay. */
function runLink(input: Input, pieces: readonly number[]): Outcome {
	const events: string[] = [];
	const clock = new FakeClock();
	const wire = new Wire();
	const link = new Link({ utf8, timers: clock }, wire, new Sequence(), {
		onHello: () => void events.push("hello"),
		onInvocation: (invocation) => {
			events.push(`call ${invocation.objectId} ${invocation.method}`);
			if (invocation.data !== null) invocation.reply(invocation.data);
			if (invocation.method !== "echo") invocation.end(Status.OK);
		},
		onActive: (objectId, isActive) => void events.push(`active ${objectId} ${isActive}`),
		onTargetGone: (objectId, target) => void events.push(`gone ${objectId} ${target}`),
		onLost: (reason) => void events.push(`lost: ${reason}`),
	});
	let outcomes = 0;
	for (const peer of IDS) {
		link.request(
			"call",
			1_000,
			MessageType.INVOKE,
			peer,
			{ objectId: peer, method: "m", data: {} },
			(error, replies) => {
				outcomes++;
				events.push(`${peer}: ${error?.message ?? replies.length}`);
			},
		);
	}
	link.notify("notification", 1_000, 5_000, { objectId: 5_000, method: "m" }, (error, answers) => {
		outcomes++;
		events.push(error?.message ?? answers.map(({ subscriber, status }) => `${subscriber} ${status}`).join());
	});
	feed(wire, input, pieces);
	wire.end();
	equal(outcomes, IDS.length + 1, "each request is told once of its end");
	equal(clock.timers, 0, "timers after the end");
	return { events, sent: hex(concat(wire.sent)) };
}

/** Everything that was sent is messages, with data that can be read. */
function checkSent(outcome: Outcome): void {
	const bytes = Uint8Array.from(outcome.sent.match(/../g) ?? [], (octet) => Number.parseInt(octet, 16));
	for (let at = 0; at < bytes.length; ) {
		const length = messageLength(bytes, at, bytes.length);
		ok(length > 0 && length <= bytes.length - at, "a whole message");
		ok(isReadable(decodeMessage(utf8, bytes, at, at + length).attributes), "data that can be read");
		at += length;
	}
}

function isReadable({ data, signature }: Attributes): boolean {
	return data !== null && signature !== null;
}

/** What was read can be written, and is then read as the same. */
function checkCodec(bytes: Uint8Array): boolean {
	let length = 0;
	try {
		length = messageLength(bytes, 0, bytes.length);
	} catch {
		return false;
	}
	if (length === 0 || length > bytes.length) return false;
	const { type, seq, peer, attributes } = decodeMessage(utf8, bytes, 0, length);
	if (!isReadable(attributes)) return false;
	const again = encodeMessage(utf8, type, seq, peer, attributes as OutgoingAttributes);
	const decoded = decodeMessage(utf8, again, 0, again.length);
	equal(
		encodeMessage(utf8, type, seq, peer, decoded.attributes as OutgoingAttributes),
		again,
		"written again",
	);
	return true;
}

const HELLO = encodeMessage(utf8, MessageType.HELLO, 0, 77, {});

/** An ubusd that gives the client all it asks for: objects 5000 (events), 5001 (served), 5002 (subscribed to 5003). */
const WILLING = [
	...[1, 2, 3].flatMap((seq) => [
		encodeMessage(utf8, MessageType.DATA, seq, 0, { objectId: 4_999 + seq }),
		encodeMessage(utf8, MessageType.STATUS, seq, 0, { status: Status.OK }),
	]),
	...[4, 5].map((seq) => encodeMessage(utf8, MessageType.STATUS, seq, 1, { status: Status.OK })),
	encodeMessage(utf8, MessageType.DATA, 6, 0, { path: "lab.two", objectId: 5_003 }),
	...[6, 7].map((seq) => encodeMessage(utf8, MessageType.STATUS, seq, 0, { status: Status.OK })),
];

runFuzzer(import.meta.url, "ubus", () => {
	let readable = 0;
	let unreadable = 0;
	let lost = 0;
	let served = 0;
	let subscribed = 0;
	return {
		make(random: Random): Input {
			const messages = random.below(10) === 0 ? [] : [HELLO];
			if (random.below(4) !== 0) {
				messages.push(...WILLING.slice(0, random.pick([WILLING.length, random.below(WILLING.length)])));
			}
			for (let left = random.below(12) + 1; left > 0; left--) {
				let message = anyMessage(random);
				if (random.below(3) === 0) {
					for (let more = random.below(3) + 1; more > 0; more--)
						message = damage(message, anyMessage(random), random);
					if (random.below(8) !== 0) message = mend(message);
				}
				messages.push(message);
			}
			const pieces = Array.from({ length: random.below(20) }, () => random.below(random.pick([2, 8, 300])));
			return { octets: concat(messages), last: messages.at(-1) ?? HELLO, pieces };
		},
		check(input: Input, name: string): void {
			try {
				for (const run of [runClient, runLink]) {
					const whole = run(input, []);
					equal(run(input, input.pieces), whole, "in pieces");
					checkSent(whole);
					if (whole.events.some((event) => event.startsWith("lost: ubusd sent"))) lost++;
					if (whole.events.some((event) => /^true [0-9]/.test(event))) served++;
					if (whole.events.includes("subscribed true")) subscribed++;
				}
				if (checkCodec(input.last)) readable++;
				else unreadable++;
			} catch (error) {
				throw new Error(`${name}: ${hex(input.octets)} (in pieces of ${input.pieces})`, { cause: error });
			}
		},
		counts: () => ({
			"last messages written again": readable,
			"last messages refused": unreadable,
			"connections given up": lost,
			"times served": served,
			subscribed,
		}),
	};
});
