/** The client's state machine: one connection at a time, its packets in and out, and what happens when it ends. */

import type { Connection, HostError, Timer } from "../host/host.ts";
import {
	type AckView,
	type ConnackPacket,
	type ConnectPacket,
	decodePacket,
	encodedLength,
	encodePacket,
	frameLength,
	isValidTopicFilter,
	isValidTopicName,
	MAXIMUM_PACKET_SIZE,
	MqttError,
	type Packet,
	PacketType,
	type Properties,
	type PublishSource,
	PublishView,
	publishLength,
	type Qos,
	Reason,
	readAck,
	readProperties,
	readPublish,
	type SubscriptionRequest,
	writeAck,
	writePublish,
} from "../packet/packet.ts";
import { ClientError, type ClientHandler, type CloseReason, Message } from "./handler.ts";
import { IncomingMessages } from "./incoming.ts";
import { KeepAlive } from "./keep-alive.ts";
import { type ClientHost, type ClientOptions, type ResolvedOptions, resolveOptions } from "./options.ts";
import { type Outgoing, OutgoingMessages, OutgoingState } from "./outgoing.ts";
import { publishText, received, sending, subscribeText } from "./trace.ts";

/**
 * - `idle`: not started, or over.
 * - `connecting`: the server is being looked up and reached.
 * - `handshake`: CONNECT is on its way, CONNACK has not come.
 * - `connected`: CONNACK has accepted.
 * - `ending`: the connection is being closed, by our choice or after an error.
 * - `waiting`: a pause before the next attempt.
 */
export type ClientState = "idle" | "connecting" | "handshake" | "connected" | "ending" | "waiting";

export interface PublishOptions {
	/** Default 0. */
	readonly qos?: Qos;
	readonly retain?: boolean;
	/** Properties of the PUBLISH; 5.0 only. */
	readonly properties?: Properties | null;
}

/** What one server allows; the values are those of a server that says nothing. */
interface ServerLimits {
	maximumQos: number;
	retainAvailable: boolean;
	maximumPacketSize: number;
	topicAliasMaximum: number;
}

const UNLIMITED: Readonly<ServerLimits> = {
	maximumQos: 2,
	retainAvailable: true,
	maximumPacketSize: MAXIMUM_PACKET_SIZE,
	topicAliasMaximum: 0,
};
const REQUESTED: CloseReason = { kind: "requested" };
const LONGEST_TEXT = 65_535;
/** Output up to this size is sure to be handed over by `close` in its time; with more, closing waits. */
const QUICKLY_SENT = 65_536;
/** Packets up to this size are made in a buffer that is kept. */
const LARGEST_KEPT_BUFFER = 65_536;
/** How often a connection that ends is looked at while its output goes out, and how long that may stand still. */
const ENDING_CHECK = 1000;
const ENDING_STALL = 60_000;

/** An MQTT client of one server. */
export class MqttClient {
	private readonly host: ClientHost;
	private readonly options: ResolvedOptions;
	private readonly handler: ClientHandler;
	private readonly keepAlive: KeepAlive;
	private readonly outgoing: OutgoingMessages;
	private readonly incoming: IncomingMessages;
	private readonly view = new PublishView();
	private readonly message = new Message();
	private readonly ack: AckView = { packetId: 0, reasonCode: 0 };
	private readonly source: PublishSource = {
		topic: new Uint8Array(0),
		payload: new Uint8Array(0),
		payloadStart: 0,
		payloadEnd: 0,
	};
	private currentState: ClientState = "idle";
	private id: string;
	private limits: ServerLimits = { ...UNLIMITED };
	private connection: Connection | null = null;
	/** Why the connection is being ended; null while nobody has decided to. */
	private reason: CloseReason | null = null;
	private timer: Timer | null = null;
	private failures = 0;
	private everReached = false;
	/** Counts attempts to connect, so that the outcome of one given up can be told. */
	private attempt = 0;
	private buffer = new Uint8Array(4096);
	private lastTopic = "";
	private lastTopicBytes: Uint8Array = new Uint8Array(0);
	private readonly aliasTopics = new Map<number, string>();

	/** Does nothing before `connect`. Throws a RangeError for options that contradict one another. */
	constructor(host: ClientHost, options: ClientOptions, handler: ClientHandler) {
		this.host = host;
		this.options = resolveOptions(options);
		this.handler = handler;
		this.id = this.options.clientId;
		if (this.id === "" && this.options.version === 3) this.id = randomClientId(host);
		this.keepAlive = new KeepAlive(
			host.clock,
			host.timers,
			() => this.ping(),
			() => this.end({ kind: "keep-alive" }, true),
		);
		this.outgoing = new OutgoingMessages(this.options.maximumInflight);
		this.incoming = new IncomingMessages(
			this.options.properties?.receiveMaximum ?? 65_535,
			this.options.properties?.topicAliasMaximum ?? 0,
		);
	}

	get state(): ClientState {
		return this.currentState;
	}

	/** The client identifier, once known: ours, or the one that the server assigned. */
	get clientId(): string {
		return this.id;
	}

	/** Octets written and not yet taken by the system. */
	get buffered(): number {
		return this.connection?.buffered ?? 0;
	}

	/** QoS 1 and 2 publications not yet answered for good. */
	get unanswered(): number {
		return this.outgoing.size;
	}

	/** Starts; what comes of it is told to the handler. Ignored unless the client is idle. */
	connect(): void {
		if (this.currentState !== "idle") return;
		this.failures = 0;
		this.everReached = false;
		this.open();
	}

	/**
	 * Ends the connection with DISCONNECT, once all that was written has gone out, and makes no other one.
	 * `reasonCode` and `properties` count in 5.0. Returns whether `onClose` follows, which it does unless there was
	 * neither a connection nor an attempt at one.
	 */
	disconnect(reasonCode = 0, properties: Properties | null = null): boolean {
		switch (this.currentState) {
			case "idle":
				return false;
			case "waiting":
				this.timer?.cancel();
				this.currentState = "idle";
				return false;
			case "connecting":
				this.attempt++;
				this.currentState = "ending";
				this.timer = this.host.timers.after(0, () => this.ended(REQUESTED));
				return true;
			case "handshake":
			case "connected":
				this.trace("sending", "DISCONNECT");
				this.send({ type: PacketType.DISCONNECT, reasonCode, properties });
				this.end(REQUESTED, false);
				return true;
			case "ending":
				this.reason = REQUESTED;
				return true;
		}
	}

	/**
	 * Sends a message, or queues it (QoS 1 and 2). Returns its packet identifier (counted at QoS 0 too), or a
	 * `ClientError`. At QoS 0 it is done when written; `payload` is copied. In 5.0 an empty `topic` stands for the one
	 * that the topic alias in `properties` was last used with.
	 */
	publish(topic: string, payload: Uint8Array, options?: PublishOptions): number {
		const qos = options?.qos ?? 0;
		const properties = options?.properties ?? null;
		const retain = (options?.retain ?? false) && this.limits.retainAvailable; // [MQTT-3.2.2-14]
		const aliased = topic === "";
		if (properties?.topicAlias !== undefined) {
			const refusal = this.checkAlias(properties.topicAlias);
			if (refusal !== 0) return refusal;
			if (!aliased) this.aliasTopics.set(properties.topicAlias, topic);
			else topic = this.aliasTopics.get(properties.topicAlias) ?? "";
		}
		if (!isValidTopicName(topic)) return ClientError.INVALID_TOPIC;
		const topicBytes = this.encodeTopic(topic);
		if (topicBytes.length > LONGEST_TEXT) return ClientError.INVALID_TOPIC; // [MQTT-4.7.3-3]
		if (qos > this.limits.maximumQos) return ClientError.QOS_NOT_SUPPORTED; // [MQTT-3.2.2-11]
		const length = this.prepare(topicBytes, payload, qos, properties);
		if (length > this.limits.maximumPacketSize) return ClientError.PACKET_TOO_LARGE; // [MQTT-3.2.2-15]
		if (qos === 0 && this.currentState !== "connected") return ClientError.NOT_CONNECTED;
		const packetId = this.outgoing.nextPacketId();
		if (packetId === 0) return ClientError.NO_PACKET_IDENTIFIER;
		if (qos === 0) {
			if (this.handler.onTrace !== undefined) {
				this.trace("sending", publishText(false, 0, retain, packetId, aliased ? "" : topic, payload.length));
			}
			if (aliased) this.source.topic = EMPTY;
			this.writePublish(length, false, 0, retain, 0, properties);
			return packetId;
		}
		this.outgoing.add({
			packetId,
			topic,
			topicBytes,
			payload: payload.slice(),
			qos,
			retain,
			properties,
			aliased,
			dup: false,
			state: OutgoingState.QUEUED,
		});
		if (this.currentState === "connected") this.pump();
		return packetId;
	}

	/** Asks for subscriptions, all in one packet. Returns its packet identifier or a `ClientError`. */
	subscribe(requests: readonly SubscriptionRequest[], properties: Properties | null = null): number {
		for (const request of requests) {
			if (!this.isFilter(request.topicFilter)) return ClientError.INVALID_TOPIC;
		}
		if (requests.length === 0) return ClientError.INVALID_TOPIC; // [MQTT-3.8.3-2]
		return this.request((packetId) => {
			const subscriptions = requests as SubscriptionRequest[];
			if (this.handler.onTrace !== undefined) {
				for (const request of requests) this.trace("sending", subscribeText(packetId, request));
			}
			return { type: PacketType.SUBSCRIBE, packetId, properties, subscriptions };
		});
	}

	/** Ends subscriptions, all in one packet. Returns its packet identifier or a `ClientError`. */
	unsubscribe(topicFilters: readonly string[], properties: Properties | null = null): number {
		for (const filter of topicFilters) {
			if (!this.isFilter(filter)) return ClientError.INVALID_TOPIC;
		}
		if (topicFilters.length === 0) return ClientError.INVALID_TOPIC; // [MQTT-3.10.3-2]
		return this.request((packetId) => {
			for (const filter of topicFilters) {
				this.trace("sending", `UNSUBSCRIBE (Mid: ${packetId}, Topic: ${filter})`);
			}
			return { type: PacketType.UNSUBSCRIBE, packetId, properties, topicFilters: topicFilters as string[] };
		});
	}

	/** Goes on with enhanced authentication (5.0). Returns 0 or a `ClientError`. */
	authenticate(reasonCode: number, properties: Properties | null): number {
		if (this.currentState !== "handshake" && this.currentState !== "connected") {
			return ClientError.NOT_CONNECTED;
		}
		this.send({ type: PacketType.AUTH, reasonCode, properties });
		return 0;
	}

	// --- The connection's life ---

	private open(): void {
		const attempt = ++this.attempt;
		const { host, port, bindAddress, noDelay, connectTimeout } = this.options;
		this.currentState = "connecting";
		this.host.network
			.connect({
				host,
				port,
				noDelay,
				...(bindAddress === undefined ? {} : { bindAddress }),
				...(connectTimeout === undefined ? {} : { timeout: connectTimeout }),
			})
			.then(
				(connection) => {
					if (attempt === this.attempt) this.opened(connection);
					else connection.destroy();
				},
				(error: HostError) => {
					if (attempt === this.attempt) this.ended({ kind: "unreachable", error });
				},
			);
	}

	private opened(connection: Connection): void {
		this.connection = connection;
		this.reason = null;
		this.limits = { ...UNLIMITED };
		this.everReached = true;
		this.currentState = "handshake";
		connection.start({
			onData: (bytes, start, end) => this.onData(bytes, start, end),
			onDrain: () => this.onDrain(),
			onClose: (error) => this.ended(this.reason ?? { kind: "lost", error }),
		});
		this.keepAlive.start(this.options.keepAlive);
		this.trace("sending", "CONNECT");
		this.send(this.connectPacket());
		this.handler.onReached?.();
	}

	private connectPacket(): ConnectPacket {
		const { version, cleanStart, keepAlive, will, username, password, properties } = this.options;
		return {
			type: PacketType.CONNECT,
			version,
			bridge: false,
			cleanStart,
			keepAlive,
			clientId: this.id,
			will,
			username,
			password,
			properties,
		};
	}

	/** Decides that the connection ends. What was written still goes out, unless `atOnce`. */
	private end(reason: CloseReason, atOnce: boolean): void {
		const connection = this.connection;
		if (connection === null || this.currentState === "ending") return;
		this.currentState = "ending";
		this.reason = reason;
		this.keepAlive.stop();
		if (atOnce) connection.destroy();
		else if (connection.buffered <= QUICKLY_SENT) connection.close();
		else this.awaitOutput(connection, connection.buffered, 0);
	}

	/** Closes once all output is gone, or when the peer has taken nothing for long. */
	private awaitOutput(connection: Connection, before: number, stalled: number): void {
		this.timer = this.host.timers.after(ENDING_CHECK, () => {
			const now = connection.buffered;
			const stall = now < before ? 0 : stalled + ENDING_CHECK;
			if (now === 0) connection.close();
			else if (stall >= ENDING_STALL) connection.destroy();
			else this.awaitOutput(connection, now, stall);
		});
	}

	private onDrain(): void {
		if (this.currentState === "ending") this.connection?.close();
		else this.handler.onDrain?.();
	}

	private ended(reason: CloseReason): void {
		this.keepAlive.stop();
		this.timer?.cancel();
		this.timer = null;
		this.connection = null;
		this.reason = null;
		const reconnect = this.options.reconnect;
		if (reason.kind === "requested" || reconnect === null || !(this.everReached || reconnect.first)) {
			this.currentState = "idle";
		} else {
			this.currentState = "waiting";
			const delay = Math.min(reconnect.delay * 2 ** Math.min(this.failures, 30), reconnect.maximum);
			this.failures++;
			this.timer = this.host.timers.after(delay, () => this.open());
		}
		this.handler.onClose(reason);
	}

	// --- Output ---

	private trace(direction: "sending" | "received", what: string): void {
		if (this.handler.onTrace === undefined) return;
		this.handler.onTrace(direction === "sending" ? sending(this.id, what) : received(this.id, what));
	}

	private room(length: number): Uint8Array {
		if (length <= this.buffer.length) return this.buffer;
		const bytes = new Uint8Array(length <= LARGEST_KEPT_BUFFER ? LARGEST_KEPT_BUFFER : length);
		if (length <= LARGEST_KEPT_BUFFER) this.buffer = bytes;
		return bytes;
	}

	private write(bytes: Uint8Array, end: number): void {
		this.connection?.write(bytes, 0, end);
		this.keepAlive.sent();
	}

	private send(packet: Packet): void {
		const { version } = this.options;
		const bytes = this.room(encodedLength(packet, version, this.host.utf8));
		this.write(bytes, encodePacket(packet, version, bytes, 0, this.host.utf8));
	}

	private sendAck(type: 4 | 5 | 6 | 7, packetId: number, reasonCode: number): void {
		this.write(this.buffer, writeAck(this.buffer, 0, type, packetId, reasonCode, this.options.version));
	}

	/** Sends what `make` returns for a new packet identifier, if the server takes packets of its length. */
	private request(make: (packetId: number) => Packet): number {
		if (this.currentState !== "connected") return ClientError.NOT_CONNECTED;
		const packetId = this.outgoing.nextPacketId();
		if (packetId === 0) return ClientError.NO_PACKET_IDENTIFIER;
		const packet = make(packetId);
		if (encodedLength(packet, this.options.version, this.host.utf8) > this.limits.maximumPacketSize) {
			return ClientError.PACKET_TOO_LARGE;
		}
		this.outgoing.beginRequest(packetId);
		this.send(packet);
		return packetId;
	}

	private isFilter(filter: string): boolean {
		return isValidTopicFilter(filter) && this.host.utf8.byteLength(filter) <= LONGEST_TEXT;
	}

	private encodeTopic(topic: string): Uint8Array {
		if (topic !== this.lastTopic) {
			this.lastTopic = topic;
			this.lastTopicBytes = this.host.utf8.encode(topic);
		}
		return this.lastTopicBytes;
	}

	private checkAlias(alias: number): number {
		const allowed = this.currentState === "connected" ? this.limits.topicAliasMaximum : LONGEST_TEXT;
		return alias >= 1 && alias <= allowed ? 0 : ClientError.INVALID_TOPIC_ALIAS; // [MQTT-3.3.2-9]
	}

	/** Sets `source` and returns the length of its PUBLISH. */
	private prepare(
		topic: Uint8Array,
		payload: Uint8Array,
		qos: number,
		properties: Properties | null,
	): number {
		this.source.topic = topic;
		this.source.payload = payload;
		this.source.payloadEnd = payload.length;
		return publishLength(this.source, this.options.version, qos, properties, this.host.utf8);
	}

	/** Writes the PUBLISH of `source`, which takes at most `length` octets. */
	private writePublish(
		length: number,
		dup: boolean,
		qos: number,
		retain: boolean,
		packetId: number,
		properties: Properties | null,
	): void {
		const { version } = this.options;
		const bytes = this.room(length);
		const { source } = this;
		this.write(
			bytes,
			writePublish(bytes, 0, source, version, dup, qos, retain, packetId, properties, this.host.utf8),
		);
		source.payload = EMPTY;
	}

	/** Sends queued publications as far as the inflight window allows [MQTT-4.9.0-2]. */
	private pump(): void {
		for (let next = this.outgoing.release(); next !== null; next = this.outgoing.release()) {
			this.sendOutgoing(next);
		}
	}

	private sendOutgoing(outgoing: Outgoing): void {
		const { topicBytes, payload, qos, properties, packetId, dup } = outgoing;
		const length = this.prepare(topicBytes, payload, qos, properties);
		const tooLong = length > this.limits.maximumPacketSize;
		if (tooLong || qos > this.limits.maximumQos) {
			// Queued before this server told its limits.
			this.outgoing.remove(outgoing);
			const code = tooLong ? Reason.PACKET_TOO_LARGE : Reason.QOS_NOT_SUPPORTED;
			this.handler.onPublished?.(packetId, code, null);
			return;
		}
		const retain = outgoing.retain && this.limits.retainAvailable;
		if (this.handler.onTrace !== undefined) {
			const topic = outgoing.aliased ? "" : outgoing.topic;
			this.trace("sending", publishText(dup, qos, retain, packetId, topic, payload.length));
		}
		if (outgoing.aliased) this.source.topic = EMPTY;
		this.writePublish(length, dup, qos, retain, packetId, properties);
	}

	private ping(): void {
		this.trace("sending", "PINGREQ");
		this.send({ type: PacketType.PINGREQ });
		this.keepAlive.pinged();
	}

	// --- Input ---

	private onData(bytes: Uint8Array, start: number, end: number): number {
		let position = start;
		try {
			this.keepAlive.received();
			while (position < end && this.currentState !== "ending") {
				const length = frameLength(bytes, position, end, this.options.maximumPacketSize);
				if (length === 0 || position + length > end) return position - start;
				this.onFrame(bytes, position, position + length);
				position += length;
			}
		} catch (error) {
			if (!(error instanceof MqttError)) throw error;
			this.onProtocolError(error.code, error.message);
		}
		// What an ending connection still receives is of no use.
		return this.currentState === "ending" ? end - start : position - start;
	}

	private onProtocolError(code: number, text: string): void {
		if (this.options.version === 5 && this.currentState === "connected") {
			this.send({ type: PacketType.DISCONNECT, reasonCode: code, properties: null });
		}
		this.end({ kind: "protocol", code, text }, false);
	}

	private onFrame(bytes: Uint8Array, start: number, end: number): void {
		const type = bytes[start]! >> 4;
		if (this.currentState === "handshake" && type !== PacketType.CONNACK && type !== PacketType.AUTH) {
			throw new MqttError(Reason.PROTOCOL_ERROR, `packet type ${type} before CONNACK`); // [MQTT-3.2.0-1]
		}
		switch (type) {
			case PacketType.PUBLISH:
				this.onPublish(bytes, start, end);
				break;
			case PacketType.PUBACK:
			case PacketType.PUBREC:
			case PacketType.PUBREL:
			case PacketType.PUBCOMP:
				this.onAck(type, bytes, start, end);
				break;
			default:
				this.onPacket(type, bytes, start, end);
		}
	}

	private onPublish(bytes: Uint8Array, start: number, end: number): void {
		const { view, message } = this;
		const { utf8 } = this.host;
		readPublish(bytes, start, end, this.options.version, view);
		let topic = utf8.decode(bytes, view.topicStart, view.topicEnd);
		if (topic === null) {
			throw new MqttError(Reason.MALFORMED_PACKET, "PUBLISH: topic is not well-formed UTF-8"); // [MQTT-3.3.2-1]
		}
		message.properties = null;
		if (view.propertiesEnd > view.propertiesStart) {
			const { propertiesStart, propertiesEnd } = view;
			const properties = readProperties(bytes, propertiesStart, propertiesEnd, PacketType.PUBLISH, utf8);
			if (properties.topicAlias !== undefined) {
				topic = this.incoming.resolveAlias(properties.topicAlias, topic);
			}
			message.properties = properties;
		}
		if (!isValidTopicName(topic)) {
			throw new MqttError(Reason.TOPIC_NAME_INVALID, "PUBLISH: not a topic name"); // [MQTT-3.3.2-2]
		}
		message.topic = topic;
		message.payload = bytes;
		message.payloadStart = view.payloadStart;
		message.payloadEnd = view.payloadEnd;
		message.qos = view.qos as Qos;
		message.retain = view.retain;
		message.dup = view.dup;
		message.packetId = view.packetId;
		if (this.handler.onTrace !== undefined) {
			const { dup, qos, retain, packetId } = message;
			const length = message.payloadEnd - message.payloadStart;
			this.trace("received", publishText(dup, qos, retain, packetId, topic, length));
		}
		if (message.qos === 0) {
			this.handler.onMessage?.(message);
		} else if (message.qos === 1) {
			this.traceAck("PUBACK", message.packetId, true);
			this.sendAck(PacketType.PUBACK, message.packetId, Reason.SUCCESS); // [MQTT-4.3.2-4]
			this.handler.onMessage?.(message);
		} else {
			this.incoming.keep(message);
			this.traceAck("PUBREC", message.packetId, true);
			this.sendAck(PacketType.PUBREC, message.packetId, Reason.SUCCESS); // [MQTT-4.3.3-8]
		}
	}

	private traceAck(name: string, packetId: number, withCode: boolean): void {
		if (this.handler.onTrace !== undefined) {
			this.trace("sending", `${name} (m${packetId}${withCode ? ", rc0" : ""})`);
		}
	}

	private onAck(type: 4 | 5 | 6 | 7, bytes: Uint8Array, start: number, end: number): void {
		const { ack } = this;
		readAck(bytes, start, end, this.options.version, ack);
		const { packetId, reasonCode } = ack;
		if (type === PacketType.PUBREL) {
			this.onPubrel(packetId);
			return;
		}
		if (this.handler.onTrace !== undefined) {
			const name = type === PacketType.PUBACK ? "PUBACK" : "PUBCOMP";
			if (type === PacketType.PUBREC) this.trace("received", `PUBREC (Mid: ${packetId})`);
			else this.trace("received", `${name} (Mid: ${packetId}, RC:${reasonCode})`);
		}
		const outgoing = this.outgoing.get(packetId);
		if (outgoing === undefined || outgoing.state === OutgoingState.QUEUED) {
			// Its answer came on an earlier connection, or the server confuses identifiers.
			if (type === PacketType.PUBREC) this.sendPubrel(packetId, Reason.PACKET_IDENTIFIER_NOT_FOUND);
			return;
		}
		if ((outgoing.qos === 1) !== (type === PacketType.PUBACK)) {
			throw new MqttError(Reason.PROTOCOL_ERROR, `packet type ${type} answers QoS ${outgoing.qos}`);
		}
		if (type === PacketType.PUBREC && reasonCode < 0x80) {
			outgoing.state = OutgoingState.WAIT_PUBCOMP;
			this.sendPubrel(packetId, Reason.SUCCESS); // [MQTT-4.3.3-4]
			return;
		}
		let properties: Properties | null = null;
		if (end - start > 5) {
			const packet = decodePacket(bytes, start, end, this.options.version, this.host.utf8);
			properties = "properties" in packet ? packet.properties : null;
		}
		this.outgoing.remove(outgoing);
		this.handler.onPublished?.(packetId, reasonCode, properties);
		if (this.currentState === "connected") this.pump();
	}

	private sendPubrel(packetId: number, reasonCode: number): void {
		this.traceAck("PUBREL", packetId, false);
		this.sendAck(PacketType.PUBREL, packetId, reasonCode);
	}

	private onPubrel(packetId: number): void {
		if (this.handler.onTrace !== undefined) this.trace("received", `PUBREL (Mid: ${packetId})`);
		const message = this.incoming.release(packetId);
		this.traceAck("PUBCOMP", packetId, false);
		this.sendAck(PacketType.PUBCOMP, packetId, Reason.SUCCESS); // [MQTT-4.3.3-11]
		if (message !== undefined) this.handler.onMessage?.(message);
	}

	private onPacket(type: number, bytes: Uint8Array, start: number, end: number): void {
		const { version } = this.options;
		if (version === 5 && type === PacketType.CONNACK && end - start === 4 && bytes[start + 3] === 1) {
			// A server that knows no 5.0 refuses in the form of 3.1.1, which is malformed in 5.0.
			this.onConnack({
				type,
				sessionPresent: false,
				reasonCode: Reason.UNSUPPORTED_PROTOCOL_VERSION,
				properties: null,
			});
			return;
		}
		const packet = decodePacket(bytes, start, end, version, this.host.utf8);
		switch (packet.type) {
			case PacketType.CONNACK:
				this.onConnack(packet);
				break;
			case PacketType.SUBACK:
				this.trace("received", "SUBACK");
				if (!this.outgoing.endRequest(packet.packetId)) break;
				this.handler.onSubscribed?.(packet.packetId, packet.reasonCodes, packet.properties);
				break;
			case PacketType.UNSUBACK:
				this.trace("received", "UNSUBACK");
				if (!this.outgoing.endRequest(packet.packetId)) break;
				this.handler.onUnsubscribed?.(packet.packetId, packet.reasonCodes, packet.properties);
				break;
			case PacketType.PINGRESP:
				this.trace("received", "PINGRESP");
				this.keepAlive.answered();
				break;
			case PacketType.DISCONNECT:
				if (version !== 5) throw new MqttError(Reason.PROTOCOL_ERROR, "DISCONNECT from a server");
				this.handler.onTrace?.(`Received DISCONNECT (${packet.reasonCode})`);
				this.end({ kind: "server", code: packet.reasonCode, properties: packet.properties }, false);
				break;
			case PacketType.AUTH:
				this.trace("received", "AUTH");
				if (this.handler.onAuth === undefined) {
					throw new MqttError(Reason.PROTOCOL_ERROR, "AUTH without an authentication method"); // [MQTT-4.12.0-6]
				}
				this.handler.onAuth(packet);
				break;
			default:
				throw new MqttError(Reason.PROTOCOL_ERROR, `packet type ${type} from a server`);
		}
	}

	private onConnack(connack: ConnackPacket): void {
		if (this.currentState !== "handshake") {
			throw new MqttError(Reason.PROTOCOL_ERROR, "a second CONNACK"); // [MQTT-3.2.0-2]
		}
		const { options } = this;
		if (connack.reasonCode !== 0) {
			this.trace("received", `CONNACK (${connack.reasonCode})`);
			this.handler.onRefused?.(connack);
			this.end({ kind: "refused", code: connack.reasonCode }, false);
			return;
		}
		if (options.cleanStart && connack.sessionPresent) {
			throw new MqttError(Reason.PROTOCOL_ERROR, "CONNACK: session present after a clean start"); // [MQTT-3.2.2-4]
		}
		const properties = connack.properties ?? {};
		this.id = properties.assignedClientIdentifier ?? this.id; // [MQTT-3.2.2-16]
		this.limits = {
			maximumQos: properties.maximumQos ?? UNLIMITED.maximumQos,
			retainAvailable: properties.retainAvailable !== 0,
			maximumPacketSize: Math.min(properties.maximumPacketSize ?? MAXIMUM_PACKET_SIZE, MAXIMUM_PACKET_SIZE),
			topicAliasMaximum: properties.topicAliasMaximum ?? 0,
		};
		this.trace("received", "CONNACK (0)");
		this.currentState = "connected";
		this.failures = 0;
		this.keepAlive.connected(properties.serverKeepAlive ?? options.keepAlive);
		this.incoming.restart(connack.sessionPresent);
		const window = Math.min(options.maximumInflight, properties.receiveMaximum ?? 65_535); // [MQTT-3.3.4-9]
		const released = this.outgoing.restart(window, connack.sessionPresent);
		this.handler.onConnect?.(connack);
		for (const message of released) this.sendPubrel(message.packetId, Reason.SUCCESS);
		if (this.state === "connected") this.pump();
	}
}

const EMPTY = new Uint8Array(0);
const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** 3.1 wants an identifier of 1 to 23 characters. */
function randomClientId(host: ClientHost): string {
	let text = "mosq-";
	for (const octet of host.random.bytes(18)) text += LETTERS[octet % LETTERS.length]!;
	return text;
}
