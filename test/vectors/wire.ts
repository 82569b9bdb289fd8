/**
 * Runs the wire cases of `test/vectors/broker/*.json` (see its README.md) against a broker: what clients send, and what
 * must come back. Packets are encoded and decoded by mqtt-packet, so that our own codec does not judge itself.
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import mqttPacket from "mqtt-packet";
import type { BrokerSettings, ListenerSettings } from "../../src/broker/settings.ts";
import { utf8 } from "../../src/node/bytes.ts";
import { type Packet, type ProtocolVersion, Reason } from "../../src/packet/packet.ts";
import { Feed } from "./feed.ts";
import { type RefusedFrame, refusedFrames } from "./frames.ts";
import type { WireAuthentication } from "./authenticator.ts";

/** A packet as mqtt-packet has it, with texts for binary fields; some or all of its fields. */
export type Fields = { [field: string]: unknown };

export interface Step {
	readonly on?: string;
	readonly if?: readonly ProtocolVersion[];
	readonly [verb: string]: unknown;
}

export interface WireCase {
	readonly name: string;
	/** Tags of the normative statements that the case shows. */
	readonly statements: readonly string[];
	readonly versions: readonly ProtocolVersion[];
	readonly broker?: Partial<BrokerSettings>;
	readonly listener?: Partial<ListenerSettings>;
	/** A method of enhanced authentication that the broker has. */
	readonly authentication?: WireAuthentication;
	readonly steps: readonly Step[];
}

/** The cases of one file. */
export interface Theme {
	readonly theme: string;
	readonly cases: readonly WireCase[];
}

/** A connection to the broker under test. */
export interface WirePeer {
	/** Resolves when the octets are on their way. */
	send(bytes: Uint8Array): void | Promise<void>;
	/** The next octets from the broker, or null once it has closed. Rejects when nothing comes. */
	receive(): Promise<Uint8Array | null>;
	/** Ends the connection without DISCONNECT, and returns when the broker knows. */
	drop(): Promise<void>;
}

/** The broker under test. */
export interface WireBroker {
	/** Whether all that was sent has been dealt with when `send` returns: silence needs no proof by PINGREQ. */
	readonly immediate: boolean;
	open(): Promise<WirePeer>;
	/** Lets seconds pass. */
	advance(seconds: number): void | Promise<void>;
	/** Asks the broker to end; it may take until all connections are closed. */
	stop(): void | Promise<void>;
}

const VERBS: { readonly [verb: string]: readonly string[] } = {
	connect: ["connack"],
	open: [],
	send: [],
	hex: ["partial"],
	expect: [],
	subscribe: ["granted"],
	nothing: [],
	disconnect: [],
	closed: [],
	drop: [],
	advance: [],
	stop: [],
};

/** All themes: of the files, sorted by name, and each malformed packet as a client that sends it. */
export function readThemes(): Theme[] {
	const folder = new URL("broker/", import.meta.url);
	const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
	const themes = files.sort().map((name) => {
		const theme = name.replace(/\.json$/, "");
		const cases = JSON.parse(readFileSync(new URL(name, folder), "utf8")) as WireCase[];
		for (const wireCase of cases) check(theme, wireCase);
		return { theme, cases };
	});
	return [...themes, { theme: "packet from a client", cases: refusedFrames.map(caseOfFrame) }];
}

/** A client sends what no client may send. CONNECT gets an answer only where 3.1.1 has one. */
function caseOfFrame({ name, version, hex, reason }: RefusedFrame): WireCase {
	const isConnect = hex.startsWith("1");
	// Of what is too long there is the beginning: it is judged by that.
	const send = { on: "a", hex, ...(reason === "PACKET_TOO_LARGE" ? { partial: true } : {}) };
	const returnCode = reason === "UNSUPPORTED_PROTOCOL_VERSION" ? 1 : reason === "CLIENT_IDENTIFIER_NOT_VALID" ? 2 : 0;
	const refusal = { on: "a", expect: { cmd: "connack", sessionPresent: false, reasonCode: returnCode } };
	const steps: Step[] = isConnect
		? [{ on: "a", open: true }, send, ...(returnCode === 0 ? [] : [refusal])]
		: [{ on: "a", connect: {} }, send];
	if (!isConnect && version === 5) {
		steps.push({ on: "a", expect: { cmd: "disconnect", reasonCode: Reason[reason] } });
	}
	steps.push({ on: "a", closed: true });
	return { name, statements: [], versions: [version], steps };
}

function check(theme: string, { name, statements, versions, steps }: WireCase): void {
	const where = `${theme}: ${name}`;
	assert.ok(name && versions.length > 0 && steps.length > 0, `${where}: name, versions and steps`);
	for (const tag of statements) assert.match(tag, /^(3\.1\.1 )?MQTT-\d+\.\d+\.\d+-\d+$/, `${where}: statement ${tag}`);
	for (const step of steps) {
		const verb = verbOf(step);
		const known = ["on", "if", verb, ...VERBS[verb]!];
		for (const key of Object.keys(step)) assert.ok(known.includes(key), `${where}: ${key} beside ${verb}`);
		const global = verb === "advance" || verb === "stop";
		assert.equal(typeof step.on, global ? "undefined" : "string", `${where}: on, for ${verb}`);
	}
}

function verbOf(step: Step): string {
	const verbs = Object.keys(step).filter((key) => key in VERBS);
	assert.equal(verbs.length, 1, `one verb in ${JSON.stringify(step)}`);
	return verbs[0]!;
}

/** What is sent in one write goes octet by octet when it is not longer; else so many octets at either end do. */
const LONG = 1000;
const EDGE = 100;

/** The octets one by one; of what is long, the beginning and the end. */
export function byOctet(bytes: Uint8Array): Uint8Array[] {
	const single = (from: number, to: number) =>
		Array.from(bytes.subarray(from, to), (octet) => Uint8Array.of(octet));
	const { length } = bytes;
	if (length <= LONG) return single(0, length);
	return [...single(0, EDGE), bytes.subarray(EDGE, length - EDGE), ...single(length - EDGE, length)];
}

/** Whether time has to pass in the case. */
export function needsTime({ steps }: WireCase): boolean {
	return steps.some((step) => "advance" in step);
}

/** Identifiers of the clients that a case connects, and topic names that it may leave retained messages in. */
export function tracesOf({ steps }: WireCase): { clientIds: unknown[]; topics: unknown[] } {
	const clientIds: unknown[] = [];
	const topics: unknown[] = [];
	for (const step of steps) {
		const connect = step["connect"] as Fields | undefined;
		if (connect !== undefined) clientIds.push(connect["clientId"] ?? step.on);
		const will = connect?.["will"] as Fields | undefined;
		if (will !== undefined) topics.push(will["topic"]);
		for (const packet of list(step["send"] ?? [])) {
			if (packet["cmd"] === "connect") clientIds.push(packet["clientId"]);
			// An empty birth certificate of Sparkplug removes the one that was kept of it.
			const retained = packet["retain"] === true || String(packet["topic"]).startsWith("spBv1.0/");
			if (packet["cmd"] === "publish" && retained) topics.push(packet["topic"]);
		}
		// A topic alias stands for a topic that an earlier step names.
		for (const packet of list(step["send"] ?? [])) {
			if (packet["properties"] !== undefined && packet["topic"] !== undefined) topics.push(packet["topic"]);
		}
	}
	return { clientIds: clientIds.filter((id) => id !== ""), topics: topics.filter((topic) => topic !== "") };
}

/** Octets of a packet from the broker. */
const LONGEST_PACKET = 10_000_000;

/** A client of a case. */
class WireClient {
	readonly peer: WirePeer;
	readonly version: ProtocolVersion;
	/** CONNACK came: PINGREQ will be answered. */
	connected = false;
	/** Something was sent since the broker last proved to have dealt with everything. */
	unproven = false;
	/** The broker has an incomplete packet of it. */
	partial = false;
	over = false;
	lastPacketId = 1000;
	private readonly parser: ReturnType<typeof mqttPacket.parser>;
	private readonly received: Fields[] = [];
	/**
	 * Our own decoder reads it all, too: it knows which flags, reason codes and properties each packet may have.
	 * [MQTT-2.1.3-1], [MQTT-3.2.2-1], [MQTT-3.2.2-8], [MQTT-3.9.3-2], [MQTT-3.11.3-2], [MQTT-3.14.2-1], 3.1.1: [MQTT-3.9.3-2]
	 */
	private readonly feed: Feed;

	private readonly observer: WireObserver;

	constructor(peer: WirePeer, version: ProtocolVersion, observer: WireObserver) {
		this.peer = peer;
		this.observer = observer;
		this.version = version;
		this.feed = new Feed(version, utf8, LONGEST_PACKET);
		this.parser = mqttPacket.parser({ protocolVersion: version });
		this.parser.on("packet", (packet) => this.received.push(readable(packet as unknown as Fields)));
		this.parser.on("error", (error: Error) => {
			throw new Error("the broker sent what is no packet", { cause: error });
		});
	}

	async send(bytes: Uint8Array, partial = false): Promise<void> {
		this.unproven = true;
		this.partial = partial;
		this.observer.sent(this.version, bytes);
		await this.peer.send(bytes);
	}

	/** The next packet; null when the connection is over. */
	async next(): Promise<Fields | null> {
		while (this.received.length === 0) {
			if (!(await this.receive())) return null;
		}
		const packet = this.received.shift()!;
		if (packet["cmd"] === "connack" && packet["reasonCode"] === 0) this.connected = true;
		return packet;
	}

	private async receive(): Promise<boolean> {
		if (this.over) return false;
		const bytes = await this.peer.receive();
		if (bytes === null) {
			this.over = true;
			return false;
		}
		this.feed.push(bytes);
		for (const packet of this.feed.packets.splice(0)) this.observer.received(this.version, packet);
		this.parser.parse(Buffer.from(bytes));
		return true;
	}

	/** Returns when the broker has dealt with all that was sent. What comes meanwhile is kept for `next`. */
	async prove(): Promise<void> {
		if (!this.connected || this.over || this.partial || !this.unproven) return;
		const before = this.pingResponses();
		await this.peer.send(Uint8Array.of(0xc0, 0));
		this.unproven = false;
		while (this.pingResponses() === before) {
			if (!(await this.receive())) return;
		}
		this.received.splice(this.received.findLastIndex(isPingResponse), 1);
	}

	private pingResponses(): number {
		return this.received.filter(isPingResponse).length;
	}

	/** Everything that has come, without waiting. */
	async pending(immediate: boolean): Promise<Fields[]> {
		if (immediate) {
			while (await this.receive().catch(() => false));
		} else if (this.connected) {
			this.unproven = true;
			await this.prove();
		}
		return this.received;
	}
}

/** Who is shown all that goes over the wire. */
export interface WireObserver {
	/** Octets of one write. */
	sent(version: ProtocolVersion, bytes: Uint8Array): void;
	received(version: ProtocolVersion, packet: Packet): void;
}

const NOBODY: WireObserver = { sent() {}, received() {} };

/** Runs one case in one protocol version. Throws an AssertionError that names the step. */
export async function runCase(
	broker: WireBroker,
	wireCase: WireCase,
	version: ProtocolVersion,
	observer: WireObserver = NOBODY,
): Promise<void> {
	const run = new Run(broker, version, observer);
	for (const [index, step] of wireCase.steps.entries()) {
		if (step.if !== undefined && !step.if.includes(version)) continue;
		try {
			await run.step(step);
		} catch (error) {
			const text = error instanceof Error ? error.message : String(error);
			const where = `step ${index + 1} ${JSON.stringify(step)}`;
			throw new assert.AssertionError({ message: `${where}\n${text}` });
		}
	}
	await run.end();
}

class Run {
	private readonly broker: WireBroker;
	private readonly version: ProtocolVersion;
	private readonly observer: WireObserver;
	private readonly clients = new Map<string, WireClient>();

	constructor(broker: WireBroker, version: ProtocolVersion, observer: WireObserver) {
		this.broker = broker;
		this.version = version;
		this.observer = observer;
	}

	async step(step: Step): Promise<void> {
		const verb = verbOf(step);
		if (!this.broker.immediate) await this.proveOthers(step.on);
		const value = step[verb];
		switch (verb) {
			case "advance":
				await this.broker.advance(value as number);
				return;
			case "stop":
				await this.broker.stop();
				return;
			case "open":
				await this.open(step.on!, this.version);
				return;
			case "connect":
				await this.connect(step.on!, value as Fields, (step["connack"] ?? {}) as Fields);
				return;
			default:
				await this.clientStep(this.client(step.on!), verb, value, step);
		}
	}

	private async clientStep(client: WireClient, verb: string, value: unknown, step: Step): Promise<void> {
		switch (verb) {
			case "send":
				await client.send(Buffer.concat(list(value).map((fields) => encode(fields, client.version))));
				return;
			case "hex":
				await client.send(Buffer.from((value as string).replaceAll(" ", ""), "hex"), step["partial"] === true);
				return;
			case "expect":
				for (const fields of list(value)) await expectPacket(client, fields);
				return;
			case "subscribe": {
				const subscriptions = list(value);
				const messageId = ++client.lastPacketId;
				await client.send(encode({ cmd: "subscribe", messageId, subscriptions }, client.version));
				const granted = step["granted"] ?? subscriptions.map((subscription) => subscription["qos"]);
				await expectPacket(client, { cmd: "suback", messageId, granted });
				return;
			}
			case "nothing": {
				const pending = await client.pending(this.broker.immediate);
				assert.deepEqual(pending, [], "nothing is sent");
				assert.ok(!client.over, "the connection stays open");
				return;
			}
			case "disconnect":
				await client.send(encode({ cmd: "disconnect", ...(value as Fields) }, client.version));
				await expectClosed(client);
				return;
			case "closed":
				await expectClosed(client);
				return;
			case "drop":
				await client.peer.drop();
				client.over = true;
				return;
			default:
				assert.fail(`verb ${verb}`);
		}
	}

	private async open(name: string, version: ProtocolVersion): Promise<WireClient> {
		const before = this.clients.get(name);
		assert.ok(before === undefined || before.over, `${name} is still connected`);
		const client = new WireClient(await this.broker.open(), version, this.observer);
		this.clients.set(name, client);
		return client;
	}

	/** CONNECT with the client's name as its identifier, unless the case says otherwise, and its CONNACK. */
	private async connect(name: string, given: Fields, connack: Fields): Promise<void> {
		const fields = forVersion(given, this.version);
		const version = (fields["protocolVersion"] as ProtocolVersion | undefined) ?? this.version;
		const client = await this.open(name, version);
		const packet = { cmd: "connect", clientId: name, clean: true, keepalive: 0, ...fields };
		await client.send(encode(packet, version));
		const expected: Fields = { cmd: "connack", sessionPresent: false, reasonCode: 0, ...connack };
		// 3.1 has no such flag in CONNACK.
		if (version === 3) expected["sessionPresent"] = false;
		await expectPacket(client, expected);
	}

	private client(name: string): WireClient {
		const client = this.clients.get(name);
		assert.ok(client !== undefined, `there is no client ${name}`);
		return client;
	}

	/** What other clients sent before has been dealt with before this step begins. */
	private async proveOthers(name: string | undefined): Promise<void> {
		for (const [other, client] of this.clients) if (other !== name) await client.prove();
	}

	/** Nothing may be left that no step expected. */
	async end(): Promise<void> {
		for (const [name, client] of this.clients) {
			if (client.over) continue;
			if (!client.partial) assert.deepEqual(await client.pending(this.broker.immediate), [], `left at ${name}`);
			await client.peer.drop();
		}
	}
}

function isPingResponse(packet: Fields): boolean {
	return packet["cmd"] === "pingresp";
}

function list(value: unknown): Fields[] {
	return (Array.isArray(value) ? value : [value]) as Fields[];
}

async function expectClosed(client: WireClient): Promise<void> {
	const packet = await client.next();
	assert.equal(packet, null, `the connection is closed, but ${JSON.stringify(packet)} came`);
}

async function expectPacket(client: WireClient, fields: Fields): Promise<void> {
	const { cmd, ...given } = forVersion(fields, client.version);
	const packet = await client.next();
	assert.ok(packet !== null, `${cmd} is expected, but the connection is closed`);
	const text = `received ${JSON.stringify(packet)}`;
	assert.equal(packet["cmd"], cmd, text);
	// A publication is compared entirely: a flag or a property too many is a fault as well.
	const whole: Fields = { qos: 0, dup: false, retain: false, payload: "", properties: {} };
	const expected = cmd === "publish" ? { ...whole, ...given } : given;
	if (cmd === "publish") packet["properties"] ??= {};
	for (const [field, value] of Object.entries(expected)) compare(packet[field], value, field, text);
	if (cmd !== "publish") return;
	const extra = Object.keys(packet["properties"] as Fields).filter(
		(property) => !(property in (expected["properties"] as Fields)),
	);
	assert.deepEqual(extra, [], `unexpected properties: ${text}`);
}

function compare(actual: unknown, expected: unknown, field: string, text: string): void {
	if (expected === null) {
		assert.equal(actual, undefined, `${field} is absent: ${text}`);
	} else if (typeof expected === "object" && !Array.isArray(expected)) {
		const { match, fill, length } = expected as { match?: string; fill?: string; length?: number };
		if (match !== undefined) assert.match(String(actual), new RegExp(match), `${field}: ${text}`);
		else if (fill !== undefined) assert.ok(actual === fill.repeat(length!), `${field}: ${length} × ${fill}`);
		else {
			for (const [key, value] of Object.entries(expected)) {
				compare((actual as Fields | undefined)?.[key], value, `${field}.${key}`, text);
			}
		}
	} else {
		const message = `${field} is to be ${JSON.stringify(expected)}: ${text}`;
		assert.ok(isDeepStrictEqual(actual, expected), message);
	}
}

/** The fields with those of `v3`, `v4` or `v5` in place. */
function forVersion(fields: Fields, version: ProtocolVersion): Fields {
	const { v3, v4, v5, ...common } = fields;
	const special = version === 5 ? v5 : version === 4 ? v4 : v3;
	return { ...common, ...(special as Fields | undefined) };
}

const BINARY = new Set(["payload", "password", "correlationData", "authenticationData"]);

/** A received packet as cases write it: texts for octets, `reasonCode` in each version. */
function readable(packet: Fields): Fields {
	const { returnCode, length: _length, ...fields } = packet;
	const plain = plainOf(fields) as Fields;
	if (returnCode !== undefined) plain["reasonCode"] = returnCode;
	return plain;
}

function plainOf(value: unknown): unknown {
	if (Buffer.isBuffer(value)) return value.toString("utf8");
	if (value instanceof Uint8Array) return Buffer.from(value).toString("utf8");
	if (Array.isArray(value)) return value.map(plainOf);
	if (typeof value !== "object" || value === null) return value;
	const entries = Object.entries(value).filter(([, item]) => item !== undefined && item !== null);
	// A BufferList is what mqtt-packet leaves where it read no octets.
	return Object.fromEntries(entries.map(([key, item]) => [key, plainOf(item)]));
}

/** A packet's octets in a version. */
export function encode(given: Fields, version: ProtocolVersion): Uint8Array {
	const packet = octets(forVersion(given, version)) as Fields;
	if (packet["cmd"] === "connect") {
		packet["protocolVersion"] ??= version;
		packet["protocolId"] ??= version === 3 ? "MQIsdp" : "MQTT";
	}
	if (packet["cmd"] === "publish") packet["payload"] ??= Buffer.alloc(0);
	if (version < 5) delete packet["properties"];
	return mqttPacket.generate(packet as unknown as mqttPacket.Packet, { protocolVersion: version });
}

function octets(value: unknown, field = ""): unknown {
	if (Array.isArray(value)) return value.map((item) => octets(item));
	if (typeof value === "string") return BINARY.has(field) ? Buffer.from(value) : value;
	if (typeof value !== "object" || value === null) return value;
	const { fill, length } = value as { fill?: string; length?: number };
	if (fill !== undefined) return octets(fill.repeat(length!), field);
	return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, octets(item, key)]));
}
