// Wire cases over real sockets against the built programs: each whole, and octet by octet. Those in which time has to pass
// run over fakes, on every host (test/contract/wire-cases.ts).

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import type { ProtocolVersion } from "../../src/packet/packet.ts";
import {
	byOctet,
	encode,
	needsTime,
	readThemes,
	runCase,
	tracesOf,
	type WireBroker,
	type WireCase,
	type WirePeer,
} from "../vectors/wire.ts";
import { type BuiltProgram, builtPrograms, type RunningBroker, startBroker } from "./harness.ts";

/** Milliseconds that an answer may take; reached only when none comes. */
const PATIENCE = 30_000;

const CASES = readThemes().flatMap(({ theme, cases }) => cases.map((wireCase) => ({ theme, wireCase })));

/** Names in mosquitto.conf of the settings that cases use; null for what it has no option for. */
const OPTIONS: Readonly<Record<string, string | null>> = {
	maxInflightMessages: "max_inflight_messages",
	maxInflightBytes: "max_inflight_bytes",
	maxQueuedMessages: "max_queued_messages",
	maxQueuedBytes: "max_queued_bytes",
	maxPacketSize: "max_packet_size",
	messageSizeLimit: "message_size_limit",
	maxKeepalive: "max_keepalive",
	queueQos0Messages: "queue_qos0_messages",
	upgradeOutgoingQos: "upgrade_outgoing_qos",
	retainAvailable: "retain_available",
	allowZeroLengthClientId: "allow_zero_length_clientid",
	autoIdPrefix: "auto_id_prefix",
	clientIdPrefixes: "clientid_prefixes",
	allowAnonymous: "allow_anonymous",
	maxConnections: "max_connections",
	maxQos: "max_qos",
	maxTopicAlias: "max_topic_alias",
	maxTopicAliasBroker: "max_topic_alias_broker",
	acceptProtocolVersions: "accept_protocol_versions",
	globalMaxClients: "global_max_clients",
	globalMaxConnections: "global_max_connections",
	persistentClientExpiration: "persistent_client_expiration",
	mountPoint: "mount_point",
	sparkplugAware: "global_plugin",
	maxSubscriptions: null,
};

/** Limits that the witness counts against, too. */
const COUNTED: readonly string[] = ["globalMaxClients", "globalMaxConnections"];

function settingsOf({ broker, listener }: WireCase): [string, unknown][] {
	return Object.entries({ ...broker, allowAnonymous: true, ...listener });
}

function optionOf(name: string): string | null {
	const option = OPTIONS[name];
	assert.ok(option !== undefined, `whether there is an option for ${name}`);
	return option;
}

/** Whether a program can be brought to do what the case wants. */
function runsOverSockets(wireCase: WireCase): boolean {
	return (
		!needsTime(wireCase) &&
		wireCase.authentication === undefined &&
		settingsOf(wireCase).every(([name]) => optionOf(name) !== null)
	);
}

/** A listener for the case, and one for the witness, which no setting of the case keeps out. */
function configOf(wireCase: WireCase): string {
	const lines = settingsOf(wireCase).map(([name, value]) => {
		if (name === "sparkplugAware") return "global_plugin mosquitto_sparkplug_aware.so";
		const given = COUNTED.includes(name) ? Number(value) + 1 : value;
		return `${optionOf(name)} ${given}`;
	});
	return [
		"listener auto 127.0.0.1",
		...lines,
		"listener auto 127.0.0.1",
		"listener_allow_anonymous true",
		"",
	].join("\n");
}

/** A connection over TCP. */
class SocketPeer implements WirePeer {
	private readonly socket: Socket;
	/** With one, octets are sent one by one, each when the broker has read the one before. */
	private readonly witness: Witness | null;
	private readonly chunks: Uint8Array[] = [];
	private ended = false;
	private over = false;
	private wake = () => {};

	constructor(socket: Socket, witness: Witness | null) {
		this.socket = socket;
		this.witness = witness;
		socket.setNoDelay(true);
		socket.on("data", (chunk) => {
			this.chunks.push(chunk);
			this.wake();
		});
		socket.on("end", () => {
			this.ended = true;
		});
		// A broken connection is a closed one; "close" follows.
		socket.on("error", () => undefined);
		socket.on("close", () => {
			this.ended = true;
			this.over = true;
			this.wake();
		});
	}

	async send(bytes: Uint8Array): Promise<void> {
		if (this.witness === null) {
			this.socket.write(bytes);
			return;
		}
		for (const piece of byOctet(bytes)) {
			// The broker has closed: it would take no more.
			if (this.ended) return;
			this.socket.write(piece);
			await this.witness.proof();
		}
	}

	async receive(): Promise<Uint8Array | null> {
		if (this.chunks.length === 0 && !this.over) {
			await new Promise<void>((resolve, reject) => {
				const timer = setTimeout(() => reject(new Error("nothing came")), PATIENCE);
				this.wake = () => {
					clearTimeout(timer);
					resolve();
				};
			});
		}
		return this.chunks.shift() ?? null;
	}

	async drop(): Promise<void> {
		if (this.over) return;
		const closed = once(this.socket, "close");
		this.socket.resume().end();
		await closed;
	}

	destroy(): void {
		this.socket.destroy();
	}
}

/**
 * A client that tells what the broker has read: octets that were there before its PINGREQ. A broker has one loop, and
 * asks of all its sockets at once which of them have input.
 */
class Witness {
	private readonly peer: SocketPeer;

	constructor(peer: SocketPeer) {
		this.peer = peer;
	}

	static async connect(port: number, { broker }: WireCase): Promise<Witness> {
		const peer = await dial(port, null);
		const prefix = broker?.clientIdPrefixes ?? "";
		await peer.send(encode({ cmd: "connect", clientId: `${prefix}witness`, clean: true, keepalive: 10 }, 4));
		const connack = await peer.receive();
		assert.deepEqual([...(connack ?? [])], [0x20, 2, 0, 0], "the witness is let in");
		return new Witness(peer);
	}

	/** It ends with its case: a limit of the keep alive holds for it, too. */
	async leave(): Promise<void> {
		this.peer.destroy();
		while ((await this.peer.receive()) !== null);
	}

	async proof(): Promise<void> {
		await this.peer.send(Uint8Array.of(0xc0, 0));
		assert.deepEqual([...((await this.peer.receive()) ?? [])], [0xd0, 0], "PINGRESP for the witness");
	}
}

async function dial(port: number, witness: Witness | null): Promise<SocketPeer> {
	const socket = connect(port, "127.0.0.1");
	await once(socket, "connect");
	return new SocketPeer(socket, witness);
}

/** A broker that serves cases in turn. */
class SocketBroker implements WireBroker {
	readonly immediate = false;
	readonly running: RunningBroker;
	private readonly witnessPort: number;
	private witness: Witness | null = null;
	private octetByOctet = false;
	private peers: SocketPeer[] = [];

	constructor(running: RunningBroker) {
		this.running = running;
		const [, second] = [...running.log.matchAll(/Opening ipv4 listen socket on port ([0-9]+)\./g)];
		this.witnessPort = Number(second?.[1]);
	}

	async run(wireCase: WireCase, version: ProtocolVersion, octetByOctet: boolean): Promise<void> {
		this.witness = await Witness.connect(this.witnessPort, wireCase);
		this.octetByOctet = octetByOctet;
		await runCase(this, wireCase, version);
	}

	async open(): Promise<SocketPeer> {
		const peer = await dial(this.running.port, this.octetByOctet ? this.witness : null);
		this.peers.push(peer);
		return peer;
	}

	advance(): never {
		throw new Error("real time does not pass on demand");
	}

	stop(): void {
		this.running.signal("SIGTERM");
	}

	/** Leaves nothing of a case: no connection, session or retained message. */
	async clean(wireCase: WireCase): Promise<void> {
		this.octetByOctet = false;
		for (const peer of this.peers.splice(0)) {
			peer.destroy();
			await peer.receive();
		}
		await this.witness?.leave();
		const { clientIds, topics } = tracesOf(wireCase);
		const retained = topics.map((topic) => encode({ cmd: "publish", topic, retain: true }, 4));
		for (const clientId of new Set(["janitor", ...clientIds])) {
			const peer = await this.open();
			const hello = encode({ cmd: "connect", clientId, clean: true, keepalive: 0 }, 4);
			const bye = encode({ cmd: "disconnect" }, 4);
			await peer.send(Buffer.concat([hello, ...(clientId === "janitor" ? retained : []), bye]));
			while ((await peer.receive()) !== null);
		}
		this.peers = [];
	}
}

for (const program of builtPrograms()) {
	test(`wire cases: ${program.name}`, async (context) => {
		const brokers = new Map<string, SocketBroker>();
		let passed = 0;
		for (const { theme, wireCase } of CASES) {
			if (!runsOverSockets(wireCase)) continue;
			await context.test(`${theme}: ${wireCase.name}`, async () => {
				for (const version of wireCase.versions) {
					await runOn(context, program, brokers, wireCase, version, false);
					await runOn(context, program, brokers, wireCase, version, true);
				}
				passed++;
			});
		}
		for (const broker of brokers.values()) await broker.running.stop();
		assert.equal(
			passed,
			CASES.filter(({ wireCase }) => runsOverSockets(wireCase)).length,
			"cases that passed",
		);
	});
}

/** Runs a case on a broker with its settings that other cases have used, or on one of its own if it ends it. */
async function runOn(
	context: TestContext,
	program: BuiltProgram,
	brokers: Map<string, SocketBroker>,
	wireCase: WireCase,
	version: ProtocolVersion,
	octetByOctet: boolean,
): Promise<void> {
	const config = configOf(wireCase);
	const way = `level ${version}${octetByOctet ? ", octet by octet" : ""}`;
	try {
		if (wireCase.steps.some((step) => "stop" in step)) {
			const broker = new SocketBroker(await startBroker(context, program, { config }));
			await broker.run(wireCase, version, octetByOctet);
			assert.equal((await broker.running.process.ended).code, 0);
			return;
		}
		const broker = brokers.get(config) ?? new SocketBroker(await startBroker(context, program, { config }));
		brokers.set(config, broker);
		await broker.run(wireCase, version, octetByOctet).finally(() => broker.clean(wireCase));
	} catch (error) {
		throw new Error(`${way}: ${(error as Error).message}`, { cause: error });
	}
}

test("only what a program cannot be brought to do is left to the fakes", () => {
	const left = CASES.filter(({ wireCase }) => !runsOverSockets(wireCase));
	assert.ok(
		CASES.length > 5 * left.length,
		`${left.length} of ${CASES.length} cases do not run over sockets`,
	);
});
