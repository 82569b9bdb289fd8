// Wire cases over real sockets against the built programs. Cases in which time has to pass run in the unit tests alone.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import type { ProtocolVersion } from "../../src/packet/packet.ts";
import {
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

const THEMES = readThemes();
const CASES = THEMES.flatMap(({ theme, cases }) => cases.map((wireCase) => ({ theme, wireCase })));

/** Names in mosquitto.conf of the settings that cases use. */
const OPTIONS: Readonly<Record<string, string>> = {
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
	mountPoint: "mount_point",
	sparkplugAware: "global_plugin",
};

function configOf({ broker, listener }: WireCase): string {
	const settings = Object.entries({ ...broker, allowAnonymous: true, ...listener });
	const lines = settings.map(([name, value]) => {
		assert.ok(name in OPTIONS, `there is no option for ${name}`);
		return `${OPTIONS[name]} ${name === "sparkplugAware" ? "mosquitto_sparkplug_aware.so" : value}`;
	});
	return ["listener auto 127.0.0.1", ...lines, ""].join("\n");
}

/** A connection over TCP. */
class SocketPeer implements WirePeer {
	private readonly socket: Socket;
	private readonly chunks: Uint8Array[] = [];
	private over = false;
	private wake = () => {};

	constructor(socket: Socket) {
		this.socket = socket;
		socket.setNoDelay(true);
		socket.on("data", (chunk) => {
			this.chunks.push(chunk);
			this.wake();
		});
		// A broken connection is a closed one; "close" follows.
		socket.on("error", () => undefined);
		socket.on("close", () => {
			this.over = true;
			this.wake();
		});
	}

	send(bytes: Uint8Array): void {
		this.socket.write(bytes);
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

/** A broker that serves cases in turn. */
class SocketBroker implements WireBroker {
	readonly immediate = false;
	readonly running: RunningBroker;
	private peers: SocketPeer[] = [];

	constructor(running: RunningBroker) {
		this.running = running;
	}

	async open(): Promise<SocketPeer> {
		const socket = connect(this.running.port, "127.0.0.1");
		await once(socket, "connect");
		const peer = new SocketPeer(socket);
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
		for (const peer of this.peers.splice(0)) {
			peer.destroy();
			await peer.receive();
		}
		const { clientIds, topics } = tracesOf(wireCase);
		const retained = topics.map((topic) => encode({ cmd: "publish", topic, retain: true }, 4));
		for (const clientId of new Set(["janitor", ...clientIds])) {
			const peer = await this.open();
			const hello = encode({ cmd: "connect", clientId, clean: true, keepalive: 0 }, 4);
			const bye = encode({ cmd: "disconnect" }, 4);
			peer.send(Buffer.concat([hello, ...(clientId === "janitor" ? retained : []), bye]));
			while ((await peer.receive()) !== null);
		}
		this.peers = [];
	}
}

for (const program of builtPrograms()) {
	test(`wire cases: ${program.name}`, async (context) => {
		const brokers = new Map<string, SocketBroker>();
		for (const { theme, wireCase } of CASES) {
			if (needsTime(wireCase)) continue;
			for (const version of wireCase.versions) {
				await context.test(`${theme}: ${wireCase.name} (level ${version})`, () =>
					runOn(context, program, brokers, wireCase, version),
				);
			}
		}
		for (const broker of brokers.values()) await broker.running.stop();
	});
}

/** Runs a case on a broker with its settings that other cases have used, or on one of its own if it ends it. */
async function runOn(
	context: TestContext,
	program: BuiltProgram,
	brokers: Map<string, SocketBroker>,
	wireCase: WireCase,
	version: ProtocolVersion,
): Promise<void> {
	const config = configOf(wireCase);
	if (wireCase.steps.some((step) => "stop" in step)) {
		const broker = new SocketBroker(await startBroker(context, program, { config }));
		await runCase(broker, wireCase, version);
		assert.equal((await broker.running.process.ended).code, 0);
		return;
	}
	const broker = brokers.get(config) ?? new SocketBroker(await startBroker(context, program, { config }));
	brokers.set(config, broker);
	await runCase(broker, wireCase, version).finally(() => broker.clean(wireCase));
}

test("cases in which time has to pass are left to the unit tests", () => {
	// No fewer than there were; more may come.
	assert.ok(CASES.filter(({ wireCase }) => needsTime(wireCase)).length >= 32);
	assert.ok(CASES.filter(({ wireCase }) => !needsTime(wireCase)).length >= 275);
});
