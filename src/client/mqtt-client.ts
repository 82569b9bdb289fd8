/** The client's state machine: connecting, requests to the server, the end of a connection and the next attempt. */

import type { Connection, HostError, Timer } from "../host/host.ts";
import {
	type ConnackPacket,
	type ConnectPacket,
	decodePacket,
	isValidTopicFilter,
	MAXIMUM_PACKET_SIZE,
	type MqttError,
	type Packet,
	PacketType,
	type Properties,
	Reason,
	type SubscriptionRequest,
} from "../packet/packet.ts";
import { ClientError, type ClientHandler, type CloseReason } from "./handler.ts";
import { type ClientHost, type ClientOptions, type ResolvedOptions, resolveOptions } from "./options.ts";
import { NO_LIMITS, Publisher, type PublishOptions } from "./publisher.ts";
import { Receiver } from "./receiver.ts";
import { subscribeText, Trace } from "./trace.ts";
import { violation, Wire } from "./wire.ts";

/**
 * - `idle`: not started, or over.
 * - `connecting`: the server is being looked up and reached.
 * - `handshake`: CONNECT is on its way, CONNACK has not come.
 * - `connected`: CONNACK has accepted.
 * - `ending`: the connection is being closed, by our choice or after an error.
 * - `waiting`: a pause before the next attempt.
 */
export type ClientState = "idle" | "connecting" | "handshake" | "connected" | "ending" | "waiting";

const REQUESTED: CloseReason = { kind: "requested" };
/** Octets of a topic filter. */
const LONGEST_TEXT = 65_535;

/** An MQTT client of one server. */
export class MqttClient {
	private readonly host: ClientHost;
	private readonly options: ResolvedOptions;
	private readonly handler: ClientHandler;
	private readonly trace: Trace;
	private readonly wire: Wire;
	private readonly publisher: Publisher;
	private readonly receiver: Receiver;
	private currentState: ClientState = "idle";
	private id: string;
	/** Why the connection is being ended; null while nobody has decided to. */
	private reason: CloseReason | null = null;
	private timer: Timer | null = null;
	/** Attempts in a row that did not lead to an accepted connection. */
	private failures = 0;
	private everReached = false;
	/** Counts attempts to connect, so that the outcome of one given up can be told. */
	private attempt = 0;

	/** Does nothing before `connect`. Throws a RangeError for options that no CONNECT can carry. */
	constructor(host: ClientHost, options: ClientOptions, handler: ClientHandler) {
		this.host = host;
		this.options = resolveOptions(options);
		this.handler = handler;
		this.id = this.options.clientId;
		if (this.id === "" && this.options.version === 3) this.id = randomClientId(host);
		this.trace = new Trace(handler.onTrace === undefined ? undefined : (line) => handler.onTrace?.(line));
		this.trace.clientId = this.id;
		this.wire = new Wire(host, this.options, this.trace, {
			onFrame: (bytes, start, end) => this.onFrame(bytes, start, end),
			onProtocolError: (error) => this.onProtocolError(error),
			onSilence: () => this.end({ kind: "keep-alive" }, true),
			onDrain: () => handler.onDrain?.(),
			onClose: (error) => this.ended(this.reason ?? { kind: "lost", error }),
		});
		this.publisher = new Publisher(host, this.options, handler, this.trace, this.wire);
		this.receiver = new Receiver(host, this.options, handler, this.trace, this.wire);
		// Tells of fields that are too long while the caller can still be told.
		this.wire.length(this.connectPacket());
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
		return this.wire.buffered;
	}

	/** QoS 1 and 2 publications not yet answered for good. */
	get unanswered(): number {
		return this.publisher.messages.size;
	}

	/** Octets of their payloads. */
	get unansweredOctets(): number {
		return this.publisher.messages.octets;
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
				this.timer = null;
				this.currentState = "idle";
				return false;
			case "connecting":
				this.attempt++;
				this.currentState = "ending";
				this.timer = this.host.timers.after(0, () => this.ended(REQUESTED));
				return true;
			case "handshake":
			case "connected":
				this.trace.sending("DISCONNECT");
				this.wire.send({ type: PacketType.DISCONNECT, reasonCode, properties });
				// [MQTT-3.14.4-1] [MQTT-3.14.4-2] (3.1.1: [MQTT-3.14.4-1], [MQTT-3.14.4-2])
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
		return this.publisher.publish(topic, payload, options);
	}

	/** Asks for subscriptions, all in one packet. Returns its packet identifier or a `ClientError`. */
	subscribe(requests: readonly SubscriptionRequest[], properties: Properties | null = null): number {
		if (requests.length === 0) return ClientError.INVALID_TOPIC; // [MQTT-3.8.3-2]
		for (const request of requests) {
			if (!this.isFilter(request.topicFilter)) return ClientError.INVALID_TOPIC;
		}
		const subscriptions = requests as SubscriptionRequest[];
		const packetId = this.request((id) => ({
			type: PacketType.SUBSCRIBE,
			packetId: id,
			properties,
			subscriptions,
		}));
		if (packetId > 0) for (const request of requests) this.trace.sending(subscribeText(packetId, request));
		return packetId;
	}

	/** Ends subscriptions, all in one packet. Returns its packet identifier or a `ClientError`. */
	unsubscribe(topicFilters: readonly string[], properties: Properties | null = null): number {
		if (topicFilters.length === 0) return ClientError.INVALID_TOPIC; // [MQTT-3.10.3-2]
		for (const filter of topicFilters) if (!this.isFilter(filter)) return ClientError.INVALID_TOPIC;
		const packetId = this.request((id) => ({
			type: PacketType.UNSUBSCRIBE,
			packetId: id,
			properties,
			topicFilters: topicFilters as string[],
		}));
		if (packetId > 0) {
			for (const filter of topicFilters) {
				this.trace.sending(`UNSUBSCRIBE (Mid: ${packetId}, Topic: ${filter})`);
			}
		}
		return packetId;
	}

	/** Goes on with enhanced authentication (5.0). Returns 0 or a `ClientError`. */
	authenticate(reasonCode: number, properties: Properties | null): number {
		if (this.currentState !== "handshake" && this.currentState !== "connected") {
			return ClientError.NOT_CONNECTED;
		}
		this.wire.send({ type: PacketType.AUTH, reasonCode, properties });
		return 0;
	}

	// --- The connection's life ---

	private open(): void {
		const attempt = ++this.attempt;
		const { host, port, bindAddress, noDelay, connectTimeout, tls } = this.options;
		this.timer = null;
		this.currentState = "connecting";
		this.host.network
			.connect({
				host,
				port,
				noDelay,
				...(bindAddress === undefined ? {} : { bindAddress }),
				...(connectTimeout === undefined ? {} : { timeout: connectTimeout }),
				...(tls === null ? {} : { tls }),
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
		this.everReached = true;
		this.currentState = "handshake";
		this.wire.attach(connection);
		this.trace.sending("CONNECT");
		this.wire.send(this.connectPacket());
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
		if (this.currentState === "ending") return;
		this.currentState = "ending";
		this.reason = reason;
		this.publisher.stop();
		this.wire.end(atOnce);
	}

	private ended(reason: CloseReason): void {
		this.timer = null;
		this.reason = null;
		this.publisher.stop();
		const { reconnect } = this.options;
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

	// --- Requests ---

	/** Sends what `make` returns for a new packet identifier, if the server takes packets of its length. */
	private request(make: (packetId: number) => Packet): number {
		if (this.currentState !== "connected") return ClientError.NOT_CONNECTED;
		const { messages, limits } = this.publisher;
		const packetId = messages.nextPacketId();
		if (packetId === 0) return ClientError.NO_PACKET_IDENTIFIER;
		const packet = make(packetId);
		if (this.wire.length(packet) > limits.maximumPacketSize) return ClientError.PACKET_TOO_LARGE;
		messages.beginRequest(packetId);
		this.wire.send(packet); // however many publications are under way [MQTT-3.3.4-8]
		return packetId;
	}

	private isFilter(filter: string): boolean {
		return isValidTopicFilter(filter) && this.host.utf8.byteLength(filter) <= LONGEST_TEXT;
	}

	// --- Input ---

	private onProtocolError(error: MqttError): void {
		if (this.options.version === 5 && this.currentState === "connected") {
			this.wire.send({ type: PacketType.DISCONNECT, reasonCode: error.code, properties: null });
		}
		this.end({ kind: "protocol", code: error.code, text: error.message }, false);
	}

	private onFrame(bytes: Uint8Array, start: number, end: number): void {
		const type = bytes[start]! >> 4;
		if (this.currentState === "handshake" && type !== PacketType.CONNACK && type !== PacketType.AUTH) {
			throw violation(`packet type ${type} before CONNACK`); // [MQTT-3.2.0-1]
		}
		switch (type) {
			case PacketType.PUBLISH:
				this.receiver.onPublish(bytes, start, end);
				break;
			case PacketType.PUBREL:
				this.receiver.onPubrel(bytes, start, end);
				break;
			case PacketType.PUBACK:
			case PacketType.PUBREC:
			case PacketType.PUBCOMP:
				this.publisher.onAck(type, bytes, start, end);
				break;
			default:
				this.onPacket(type, bytes, start, end);
		}
	}

	private onPacket(type: number, bytes: Uint8Array, start: number, end: number): void {
		const { version } = this.options;
		if (version === 5 && type === PacketType.CONNACK && end - start === 4 && bytes[start + 3] === 1) {
			// A server that knows no 5.0 refuses in the form of 3.1.1, which is malformed in 5.0.
			const reasonCode = Reason.UNSUPPORTED_PROTOCOL_VERSION;
			this.onConnack({ type, sessionPresent: false, reasonCode, properties: null });
			return;
		}
		const packet = decodePacket(bytes, start, end, version, this.host.utf8);
		const { messages } = this.publisher;
		switch (packet.type) {
			case PacketType.CONNACK:
				this.onConnack(packet);
				break;
			case PacketType.SUBACK:
				this.trace.received("SUBACK");
				if (!messages.endRequest(packet.packetId)) break;
				this.handler.onSubscribed?.(packet.packetId, packet.reasonCodes, packet.properties);
				break;
			case PacketType.UNSUBACK:
				this.trace.received("UNSUBACK");
				if (!messages.endRequest(packet.packetId)) break;
				this.handler.onUnsubscribed?.(packet.packetId, packet.reasonCodes, packet.properties);
				break;
			case PacketType.PINGRESP:
				this.trace.received("PINGRESP");
				this.wire.keepAlive.answered();
				break;
			case PacketType.DISCONNECT:
				if (version !== 5) throw violation("DISCONNECT from a server");
				this.trace.line(`Received DISCONNECT (${packet.reasonCode})`);
				this.end({ kind: "server", code: packet.reasonCode, properties: packet.properties }, false);
				break;
			case PacketType.AUTH:
				this.trace.received("AUTH");
				if (this.handler.onAuth === undefined) throw violation("AUTH was not asked for"); // [MQTT-4.12.0-6]
				this.handler.onAuth(packet);
				break;
			default:
				throw violation(`packet type ${type} from a server`);
		}
	}

	private onConnack(connack: ConnackPacket): void {
		if (this.currentState !== "handshake") throw violation("a second CONNACK"); // [MQTT-3.2.0-2]
		if (connack.reasonCode !== 0) {
			this.trace.received(`CONNACK (${connack.reasonCode})`);
			this.handler.onRefused?.(connack);
			this.end({ kind: "refused", code: connack.reasonCode }, false);
			return;
		}
		const { cleanStart, keepAlive } = this.options;
		if (cleanStart && connack.sessionPresent) {
			throw violation("CONNACK: session present after a clean start"); // [MQTT-3.2.2-4]
		}
		const properties = connack.properties ?? {};
		this.id = properties.assignedClientIdentifier ?? this.id; // [MQTT-3.2.2-16]
		this.trace.clientId = this.id;
		this.trace.received("CONNACK (0)");
		this.currentState = "connected";
		this.failures = 0;
		this.wire.keepAlive.connected(properties.serverKeepAlive ?? keepAlive);
		this.receiver.messages.restart(connack.sessionPresent);
		const limits = {
			maximumQos: properties.maximumQos ?? NO_LIMITS.maximumQos,
			retainAvailable: properties.retainAvailable !== 0,
			maximumPacketSize: Math.min(properties.maximumPacketSize ?? MAXIMUM_PACKET_SIZE, MAXIMUM_PACKET_SIZE),
			topicAliasMaximum: properties.topicAliasMaximum ?? 0,
			receiveMaximum: properties.receiveMaximum ?? NO_LIMITS.receiveMaximum,
		};
		const released = this.publisher.restart(limits, connack.sessionPresent);
		this.handler.onConnect?.(connack);
		this.publisher.resume(released, connack.sessionPresent);
	}
}

const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** 3.1 wants an identifier of 1 to 23 characters. */
function randomClientId(host: ClientHost): string {
	let text = "mosq-";
	for (const octet of host.random.bytes(18)) text += LETTERS[octet % LETTERS.length]!;
	return text;
}
