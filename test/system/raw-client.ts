/** A client that sends and takes packets one by one, so that a test decides what is acknowledged, and when. */

import { connect as connectSocket, type Socket } from "node:net";
import {
	type ConnectPacket,
	decodePacket,
	encodedLength,
	encodePacket,
	frameLength,
	type Packet,
	PacketType,
	type ProtocolVersion,
	type PublishPacket,
	type Qos,
} from "../../src/packet/packet.ts";
import { textCodec } from "../fake/text.ts";

const LIMIT = 10_000_000;

/** Where a broker listens. */
export type Place = { readonly port: number; readonly host: string } | { readonly path: string };

export interface RawOptions {
	readonly clientId: string;
	readonly version?: ProtocolVersion;
	readonly cleanStart?: boolean;
	/** Seconds; of 5.0. */
	readonly sessionExpiry?: number;
	readonly receiveMaximum?: number;
	readonly username?: string;
	readonly password?: string;
	/** Its payload is the topic; QoS 0, not retained. */
	readonly willTopic?: string;
}

export class RawClient {
	readonly version: ProtocolVersion;
	/** Resolves when the connection is over, however it ended. */
	readonly closed: Promise<void>;
	isClosed = false;
	readonly #socket: Socket;
	#listener: ((packet: Packet) => void) | null = null;
	/** What came before somebody listened or waited for it. */
	#early: Packet[] = [];
	#rest: Buffer = Buffer.alloc(0);
	#waiting: { type: PacketType; resolve: (packet: Packet) => void; reject: (error: Error) => void }[] = [];

	private constructor(socket: Socket, version: ProtocolVersion) {
		this.#socket = socket;
		this.version = version;
		socket.setNoDelay(true);
		socket.on("data", (data: Buffer) => this.#take(data));
		// That the broker is killed is what some tests are about.
		socket.on("error", () => undefined);
		this.closed = new Promise((resolve) => {
			socket.once("close", () => {
				this.isClosed = true;
				for (const { reject } of this.#waiting) reject(new Error("the connection has ended"));
				this.#waiting = [];
				resolve();
			});
		});
	}

	/** Connects; resolves with the client once CONNACK has come, which tells whether there was a session. */
	static async open(
		place: Place,
		options: RawOptions,
	): Promise<{ client: RawClient; sessionPresent: boolean }> {
		const client = RawClient.begin(place, options);
		return { client, sessionPresent: await client.connected() };
	}

	/** Sends CONNECT, whether or not anybody accepts the connection now. */
	static begin(place: Place, options: RawOptions): RawClient {
		const { clientId, version = 5, cleanStart = false, sessionExpiry, receiveMaximum } = options;
		const { username, password, willTopic } = options;
		const octets = (text: string) => new TextEncoder().encode(text);
		const client = new RawClient(connectSocket(place), version);
		const properties: ConnectPacket["properties"] = {};
		if (sessionExpiry !== undefined) properties.sessionExpiryInterval = sessionExpiry;
		if (receiveMaximum !== undefined) properties.receiveMaximum = receiveMaximum;
		client.send({
			type: PacketType.CONNECT,
			version,
			bridge: false,
			cleanStart,
			keepAlive: 0,
			clientId,
			will:
				willTopic === undefined
					? null
					: { topic: willTopic, payload: octets(willTopic), qos: 0, retain: false, properties: null },
			username: username ?? null,
			password: password === undefined ? null : octets(password),
			properties: version === 5 ? properties : null,
		});
		return client;
	}

	/** Resolves once CONNACK has come: whether there was a session. */
	async connected(): Promise<boolean> {
		const connack = await this.next(PacketType.CONNACK);
		if (connack.type !== PacketType.CONNACK || connack.reasonCode !== 0) throw new Error("refused");
		return connack.sessionPresent;
	}

	/** Resolves when all that was sent is with the kernel. */
	sent(): Promise<void> {
		return new Promise((resolve, reject) => {
			this.#socket.write("", (error) => (error ? reject(error) : resolve()));
		});
	}

	/** Its port. */
	get localPort(): number {
		return this.#socket.localPort ?? 0;
	}

	send(packet: Packet): void {
		const bytes = new Uint8Array(encodedLength(packet, this.version, textCodec));
		encodePacket(packet, this.version, bytes, 0, textCodec);
		this.#socket.write(bytes);
	}

	publish(
		topic: string,
		payload: string | Uint8Array,
		qos: Qos,
		packetId: number,
		more: Partial<PublishPacket> = {},
	): void {
		const octets = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
		const fixed = { type: PacketType.PUBLISH, dup: false, retain: false, properties: null } as const;
		this.send({ ...fixed, topic, payload: octets, qos, packetId, ...more });
	}

	/** Sends a PUBACK, PUBREC, PUBREL or PUBCOMP. */
	acknowledge(type: 4 | 5 | 6 | 7, packetId: number): void {
		this.send({ type, packetId, reasonCode: 0, properties: null });
	}

	/** Subscribes, and resolves once that is acknowledged. */
	async subscribe(topicFilter: string, qos: Qos, identifier = 0): Promise<void> {
		const options = { noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
		const properties = identifier === 0 ? null : { subscriptionIdentifier: [identifier] };
		const subscriptions = [{ topicFilter, qos, ...options }];
		this.send({ type: PacketType.SUBSCRIBE, packetId: 65_535, properties, subscriptions });
		await this.next(PacketType.SUBACK);
	}

	/** Says who is told of every packet that `next` does not wait for, from the first on. */
	listen(listener: (packet: Packet) => void): void {
		this.#listener = listener;
		for (const packet of this.#early.splice(0)) listener(packet);
	}

	/** The next packet of a type; rejects when the connection ends before. */
	next(type: PacketType): Promise<Packet> {
		return new Promise((resolve, reject) => {
			const index = this.#early.findIndex((packet) => packet.type === type);
			if (index >= 0) resolve(this.#early.splice(index, 1)[0]!);
			else if (this.isClosed) reject(new Error("the connection has ended"));
			else this.#waiting.push({ type, resolve, reject });
		});
	}

	/** The first packet of a type that has come and that nobody has waited for; null when there is none. */
	take(type: PacketType): Packet | null {
		const index = this.#early.findIndex((packet) => packet.type === type);
		return index < 0 ? null : this.#early.splice(index, 1)[0]!;
	}

	/** Reads no more for the time being, so that the broker finds no room. */
	pause(isPaused: boolean): void {
		if (isPaused) this.#socket.pause();
		else this.#socket.resume();
	}

	/** Ends with DISCONNECT. */
	async end(): Promise<void> {
		this.send({ type: PacketType.DISCONNECT, reasonCode: 0, properties: null });
		this.#socket.end();
		await this.closed;
	}

	/** Ends without a word. */
	async drop(): Promise<void> {
		this.#socket.destroy();
		await this.closed;
	}

	#take(data: Buffer): void {
		const bytes = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
		let start = 0;
		for (;;) {
			const length = frameLength(bytes, start, bytes.length, LIMIT);
			if (length === 0 || start + length > bytes.length) break;
			this.#dispatch(decodePacket(bytes, start, start + length, this.version, textCodec));
			start += length;
		}
		this.#rest = bytes.subarray(start);
	}

	#dispatch(packet: Packet): void {
		const index = this.#waiting.findIndex(({ type }) => type === packet.type);
		if (index < 0) {
			if (this.#listener !== null) this.#listener(packet);
			else this.#early.push(packet);
			return;
		}
		const [waiting] = this.#waiting.splice(index, 1);
		waiting?.resolve(packet);
	}
}
