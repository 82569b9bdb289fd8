/** The whole broker program on a fake host, and clients that visit it: for tests of what its configuration does to both. */

import { setImmediate } from "node:timers/promises";
import mqttPacket from "mqtt-packet";
import { ProgramLog } from "../../../src/bin/log.ts";
import { runBroker } from "../../../src/bin/mqttd.ts";
import { Broker } from "../../../src/broker/broker.ts";
import type { TlsFacts } from "../../../src/host/tls.ts";
import { createFakeHost, FakeExit, type FakeHost, type FakePeer, fakeError } from "../../fake/host.ts";
import { FakeNetifd } from "../../fake/netifd.ts";
import { FakeUbusd } from "../../fake/ubusd.ts";
import { encode, type Fields } from "../../vectors/wire.ts";

export const CONFIG = "/mosquitto.conf";
export const UBUS_SOCKET = "/var/run/ubus/ubus.sock";

/** Who visits, and how. */
export interface Guest {
	readonly fields?: Fields;
	readonly version?: 4 | 5;
	/** Port 1 and loopback unless said otherwise. */
	readonly port?: number;
	readonly address?: string;
	/** Octets before CONNECT. */
	readonly before?: Uint8Array | string;
	/** Sends no CONNECT. */
	readonly silent?: boolean;
	readonly tls?: TlsFacts;
}

export class World {
	readonly host: FakeHost;
	broker!: Broker;
	/** Permissions that unix sockets were opened with, by path. */
	readonly modes = new Map<string, number | undefined>();
	#visits = 0;

	private constructor(files: Readonly<Record<string, string>>) {
		this.host = createFakeHost(["mqttd"]);
		const { network } = this.host;
		const listen = network.listen.bind(network);
		network.listen = async (options, onConnection) => {
			const { address, port } = options;
			this.modes.set(address, options.mode);
			// As a real system has it: all addresses and one of them exclude each other.
			const others = [...network.noDelay.keys()].filter(
				(key) => key.endsWith(` ${port}`) && !key.includes("::"),
			);
			const isAny = address === "0.0.0.0";
			if (address.includes(".") && others.some((key) => isAny !== key.startsWith("0.0.0.0 "))) {
				throw fakeError("EADDRINUSE");
			}
			return listen(options, onConnection);
		};
		network.interfaces.set("wan", ["10.0.0.1"]);
		this.host.process.users.set("other", 1);
		for (const [path, text] of Object.entries(files)) this.host.files.put(path, text, 0o600);
	}

	/** Runs until the broker serves. */
	static async start(config: string, files: Readonly<Record<string, string>> = {}): Promise<World> {
		const world = new World(files);
		const { host } = world;
		host.files.put(CONFIG, config);
		if (/^interface /m.test(config)) {
			await new FakeUbusd(host).listen(UBUS_SOCKET);
			new FakeNetifd(host, UBUS_SOCKET, { lan: ["127.0.0.1"], guest: ["10.0.0.1"] });
		}
		const log = new ProgramLog(host, "mqttd");
		try {
			await runBroker({ host, log, name: "mqttd", args: ["-c", CONFIG] }, (...given) => {
				world.broker = new Broker(...given);
				return world.broker;
			});
		} catch (error) {
			if (error instanceof FakeExit)
				throw new Error(`the broker does not start:\n${host.process.stderr.text}`);
			throw error;
		}
		return world;
	}

	/** SIGHUP, with another configuration or the file as it is, to its end. Returns what stderr got meanwhile, without times. */
	async reload(config?: string): Promise<string[]> {
		const { files, process } = this.host;
		const before = process.stderr.text.length;
		if (config !== undefined) files.put(CONFIG, config);
		process.signal("SIGHUP");
		await setImmediate();
		const lines = process.stderr.text.slice(before).split("\n").slice(0, -1);
		return lines.map((line) => line.replace(/^[0-9]+: /, ""));
	}

	visit(guest: Guest = {}): Visitor {
		return new Visitor(this, guest, `v${++this.#visits}`);
	}

	advance(seconds: number): void {
		this.host.clock.advance(1000 * seconds);
	}

	/** What an action writes to a stream. */
	written(stream: "stdout" | "stderr", action: () => void): string {
		const output = this.host.process[stream];
		const before = output.text.length;
		action();
		return output.text.slice(before);
	}
}

/** A client. */
export class Visitor {
	readonly id: string;
	readonly peer: FakePeer | null;
	readonly packets: Fields[] = [];
	/** Of the listener when it came: TCP_NODELAY, permissions and owner of a unix socket. */
	readonly noDelay: boolean | undefined;
	readonly mode: number | undefined;
	readonly owner: string | undefined;
	/** What TLS was made of when it came. */
	readonly tls: Fields;
	readonly #version: 4 | 5;
	readonly #parser: ReturnType<typeof mqttPacket.parser>;

	constructor({ host, modes }: World, guest: Guest, id: string) {
		const { version = 5, port = 1, address = "127.0.0.1", before = "" } = guest;
		this.id = id;
		this.#version = version;
		this.#parser = mqttPacket.parser({ protocolVersion: version });
		this.#parser.on("packet", (packet) => this.packets.push(packet as unknown as Fields));
		const any = address.startsWith("/") ? `${address} 0` : `0.0.0.0 ${port}`;
		this.noDelay = host.network.noDelay.get(any);
		this.mode = modes.get(address);
		this.owner = host.files.owners.get(address);
		const context = host.network.tlsOf(address, port)?.context as { options?: Fields } | undefined;
		this.tls = context?.options ?? {};
		this.peer = host.network.listens(address, port)
			? host.network.dial(port, address, undefined, guest.tls)
			: null;
		if (before.length > 0) this.peer?.send(Buffer.from(before));
		if (guest.silent) return;
		this.send({ cmd: "connect", clientId: id, clean: true, keepalive: 0, ...guest.fields });
	}

	send(...packets: Fields[]): void {
		if (this.peer === null || this.peer.closed) return;
		for (const packet of packets) this.peer.send(encode(packet, this.#version));
	}

	/** Packets that have come since, as mqtt-packet has them. */
	take(): Fields[] {
		if (this.peer === null) return [];
		const from = this.packets.length;
		for (let bytes = this.peer.take(); bytes.length > 0; bytes = this.peer.take()) {
			try {
				this.#parser.parse(Buffer.from(bytes));
			} catch {
				// The answer of something that speaks no MQTT.
				return [];
			}
		}
		return this.packets.slice(from);
	}

	/** What CONNACK said; null without one. */
	get connack(): Fields | null {
		this.take();
		return this.packets.find(({ cmd }) => cmd === "connack") ?? null;
	}

	/** Whether it was let in, and is connected still. */
	get isServed(): boolean {
		const { connack } = this;
		return (connack?.reasonCode ?? connack?.returnCode) === 0 && this.peer?.closed === false;
	}

	/** Sends a request of HTTP and returns the first line of the answer, and its body. */
	ask(...lines: string[]): string {
		if (this.peer === null || this.peer.closed) return "closed";
		this.peer.send(Buffer.from([...lines, "Host: a", "", ""].join("\r\n")));
		const answer = Buffer.from(this.peer.take()).toString();
		return `${answer.split("\r\n")[0]} ${answer.split("\r\n\r\n")[1] ?? ""}`;
	}

	subscribe(topic: string, qos = 1): Fields[] {
		this.send({ cmd: "subscribe", messageId: 9, subscriptions: [{ topic, qos }] });
		return this.take();
	}

	/** Publishes with QoS 1, or as the fields say; returns what comes back. */
	publish(topic: string, fields: Fields = {}): Fields[] {
		this.take();
		this.send({ cmd: "publish", topic, payload: "0123456789", qos: 1, messageId: 7, ...fields });
		return this.take();
	}

	/** Publishes `count` messages to itself and returns how many come, in all, with all acknowledged `each` time or at the end. */
	echo(topic: string, count: number, acknowledges: boolean): number {
		this.subscribe(topic);
		for (let i = 1; i <= count; i++) this.publish(topic, { messageId: i });
		const isCopy = ({ cmd, topic: of }: Fields) => cmd === "publish" && of === topic;
		const first = this.packets.filter(isCopy).length;
		let done = 0;
		for (
			let copies = this.packets.filter(isCopy);
			done < copies.length;
			copies = this.packets.filter(isCopy)
		) {
			for (const { messageId } of copies.slice(done)) this.send({ cmd: "puback", messageId });
			done = copies.length;
			this.take();
		}
		this.send({ cmd: "unsubscribe", messageId: 8, unsubscriptions: [topic] });
		return acknowledges ? done : first;
	}
}
