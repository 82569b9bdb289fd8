/** One network connection of an MQTT client: takes packets in and apart, sends packets out. */

import type { PasswordHash } from "../config/password.ts";
import type { Connection, ConnectionHandler, HostError } from "../host/host.ts";
import {
	encodedLength,
	encodePacket,
	frameLength,
	MAXIMUM_PACKET_SIZE,
	MqttError,
	type Packet,
	PacketType,
	type ProtocolVersion,
	publishLength,
	type Qos,
	Reason,
	type Will,
	writeAck,
	writePublish,
} from "../packet/packet.ts";
import { handleAck, takeAck } from "./acknowledge.ts";
import type { Authentication } from "./authentication.ts";
import type { Broker } from "./broker.ts";
import {
	ACK_NAMES,
	ANSWER_LIMIT,
	AWAITING_CONNECT,
	CLOSED,
	type ClientState,
	CONNECTED,
	type FrameLevel,
	LOGGING_IN,
	OUTPUT_LIMIT,
	PLAIN_QOS_0,
	PLAIN_QOS_1,
	PLAIN_QOS_2,
	PUBACK,
	PUBACK_HEADER,
	PUBCOMP,
	PUBCOMP_HEADER,
	PUBLISH,
	PUBREC,
	PUBREC_HEADER,
	PUBREL_HEADER,
	SHORT_FRAME,
} from "./constants.ts";
import type { Due } from "./deadlines.ts";
import { UNKNOWN_CLIENT } from "./end-text.ts";
import { forward, forwardTracked, takeForwarded, takeTracked } from "./forward.ts";
import { checkFirst, handleFirst, handlePacket } from "./handle.ts";
import { LimitError } from "./limits.ts";
import type { Link } from "./link.ts";
import type { LoginResult } from "./logins.ts";
import { type Message, outgoingProperties } from "./message.ts";
import { Mount } from "./mount.ts";
import type { OutgoingAliases } from "./outgoing-aliases.ts";
import type { Publication } from "./publication.ts";
import { handlePublish } from "./publish.ts";
import { Rights } from "./rights.ts";
import type { Route, Routes } from "./routes.ts";
import type { Session } from "./session.ts";
import type { ListenerSettings } from "./settings.ts";

/** Seconds within which a new connection has to send CONNECT. */
const CONNECT_TIMEOUT = 30;
/** Octets of a CONNECT packet at most: identifier, will, user name and password at their longest, and properties. */
const MAXIMUM_CONNECT_SIZE = 400_000;
/** Octets of a started packet that may be missing before its pieces count as activity of the client. */
const LARGE_REMAINDER = 1000;
/** Octets of a packet that is not held for its remainder while memory is scarce. */
const LARGE_INPUT = 65_536;

/** Octets that a client may send behind CONNECT while its password is checked. */
const HELD_LIMIT = 16_384;

const NO_OCTETS = new Uint8Array(0);
const ackBytes = new Uint8Array(8);

/**
 * Tallies since `settleTallies`. They and those of forward.ts are variables of the module, as the
 * interpreter reaches them at a fraction of a field's cost; and of the frequent case, a frame that goes to one
 * subscriber, little is counted but what its receipt tells. They are those of one broker: a process has one.
 */
let tallied: Broker | null = null;
let packets = 0;
let octets = 0;
/** PUBACKs among them that ended a flow. */
let pubacks = 0;
/** Those that went neither this way nor through forward.ts, and octets that were no packet. */
let otherPackets = 0;
let otherOctets = 0;
/** All but PUBLISH and those PUBACKs, by packet type. */
const types = new Int32Array(16);
/** Acknowledgements without a reason code that were sent: PUBACK, and the others by packet type. */
let answeredPubacks = 0;
const answers = new Int32Array(16);

/** Adds all tallies to the statistics of the broker that they belong to, and starts over, for `next`. */
export function settleTallies(next: Broker): void {
	const statistics = tallied?.statistics;
	tallied = next;
	if (statistics === undefined) return;
	const { received, sent } = statistics;
	packets += takeTracked();
	answers[PUBACK] = answeredPubacks;
	let publishes = packets - pubacks;
	for (let type = 0; type < 16; type++) {
		publishes -= types[type]!;
		received[type]! += types[type]!;
		sent[type]! += answers[type]!;
		statistics.bytesSent += 4 * answers[type]!;
	}
	received[PUBACK]! += pubacks;
	received[PUBLISH]! += publishes;
	statistics.bytesReceived += octets;
	takeForwarded(statistics, packets - pubacks - otherPackets, octets - 4 * pubacks - otherOctets);
	packets = 0;
	octets = 0;
	pubacks = 0;
	otherPackets = 0;
	otherOctets = 0;
	answeredPubacks = 0;
	types.fill(0);
	answers.fill(0);
}

export class Client implements ConnectionHandler, Due, Link {
	readonly broker: Broker;
	readonly connection: Connection;
	/** Who it is by TLS; null when it is asked otherwise, or unknown. */
	readonly identity: string | null;
	readonly listener: ListenerSettings;
	/** Null when its topics are the broker's. */
	readonly mount: Mount | null;
	/** `A:P`, for the log. */
	readonly address: string;
	state: ClientState = AWAITING_CONNECT;
	/** Whether it counts as a connection of its listener. */
	hasPlace = true;
	version: ProtocolVersion = 4;
	session!: Session;
	/** Seconds; 0 is none. */
	keepAlive = 0;
	cleanStart = false;
	will: Will | null = null;
	/** What the client takes. */
	maximumPacketSize = MAXIMUM_PACKET_SIZE;
	receiveMaximum = 65535;
	/** Whether it asked to be told why something fails. */
	wantsReasons = false;
	/** What it was told that it may send: a reload changes that for later connections only. */
	maxQos: Qos = 2;
	maxTopicAlias = 0;
	/** Incoming QoS 2 messages that it may have under way. */
	incomingMaximum = 65535;
	/** Routes of the topic aliases that the client set up on this connection, by alias ([MQTT-3.3.2-7]). */
	readonly aliases: (Route | undefined)[] = [];
	/** Who the client is; null when it did not say. */
	username: string | null = null;
	/** The password that it came in with, as the broker knows it; null when it needed none. */
	login: PasswordHash | null = null;
	/** Why its login was refused, as the log has it: no peer is told so much. Null when it was not, or that says it all. */
	refusal: string | null = null;
	/** What it may do; null when it may do everything. */
	rights: Rights | null = null;
	/** Input that came while it was not to be looked at, or that is not complete yet since; null when there is none. */
	private held: Uint8Array | null = null;
	/** Enhanced authentication; null when CONNECT did not ask for it. */
	authentication: Authentication | null = null;
	/** Topic aliases that the broker set up; null when the client takes none. */
	outgoingAliases: OutgoingAliases | null = null;
	/** More output waits than the broker lets pile up; until the connection has drained. */
	congested = false;
	/** For the short way of messages that it publishes: where they go, and whether there is such a way. */
	readonly routes: Routes;
	isVersion5 = false;
	/** Whether a QoS 0 frame needs a look at its properties, or at what the client may do. */
	needsLook = false;
	/** Whether its messages may be of Sparkplug. */
	sparkplugAware = false;
	private forwards = false;
	/** Acknowledgements that wait for the disk, and those behind them. */
	private heldAcks = 0;
	/** It is not read until its answers have been taken. */
	private paused = false;
	/** Whether frames of its version can be written to its connection as they come: no limit of it, no log, no aliases. */
	takesFrames = false;
	private lastActivity: number;
	/** Octets of the longest packet it may send now. */
	private frameLimit: number;
	/** A frame whose second octet says more than this is looked at more closely. */
	shortFrame: number;

	constructor(broker: Broker, connection: Connection, listener: ListenerSettings, identity: string | null) {
		this.broker = broker;
		this.connection = connection;
		this.listener = listener;
		this.identity = identity;
		const { mountPoint } = listener;
		this.mount = mountPoint === "" ? null : new Mount(mountPoint, broker.host.utf8.encode(mountPoint));
		this.routes = broker.routes;
		this.address = `${peerOf(connection, listener)}:${connection.remotePort}`;
		this.lastActivity = broker.seconds;
		this.frameLimit = Math.min(broker.settings.maxPacketSize, MAXIMUM_CONNECT_SIZE);
		this.shortFrame = Math.min(this.frameLimit, SHORT_FRAME);
		broker.deadlines.schedule(broker.seconds + CONNECT_TIMEOUT, this);
	}

	get level(): FrameLevel {
		return this.version === 5 ? 5 : 3;
	}

	/** The client identifier, once it is known. */
	get name(): string {
		return this.session === undefined ? UNKNOWN_CLIENT : this.session.clientId;
	}

	now(): number {
		return this.broker.seconds;
	}

	// Input.

	onData(bytes: Uint8Array, start: number, end: number): number {
		if (this.held !== null) return this.joinHeld(bytes, start, end);
		let at = start;
		// Octets up to here are in the tallies: what is handled may look at them.
		let from = start;
		const { shortFrame, broker } = this;
		let { forwards } = this;
		try {
			while (end - at >= 2) {
				let length = bytes[at + 1]! + 2;
				if (length > shortFrame) {
					length = frameLength(bytes, at, end, this.frameLimit);
					if (length === 0) break;
				}
				const next = at + length;
				if (next > end) {
					if (this.state !== CONNECTED) checkFirst(this, bytes[at]! >> 4);
					if (length > LARGE_INPUT && broker.memoryScarce) this.refuseInput();
					if (next - end > LARGE_REMAINDER) this.lastActivity = broker.seconds;
					break;
				}
				const header = bytes[at]!;
				if (forwards) {
					// The packets that most of the work is about, here in line: a call costs more than all of this.
					if (header === PLAIN_QOS_0) {
						if (forward(this, bytes, at, next)) {
							packets++;
							at = next;
							continue;
						}
					} else if (header === PUBACK_HEADER && length === 4) {
						const after = this.session.completeRun(bytes, at, end);
						if (after > at) {
							packets += (after - at) >> 2;
							pubacks += (after - at) >> 2;
							at = after;
							continue;
						}
					} else if (header === PLAIN_QOS_1 || header === PLAIN_QOS_2) {
						const after = forwardTracked(this, bytes, at, next, end, (header >> 1) & 3);
						if (after > at) {
							at = after;
							continue;
						}
					} else if (header >= PUBREC_HEADER && header <= PUBCOMP_HEADER && length === 4) {
						// With other flags it is malformed, which is for the long way to say.
						if (header === PUBREC_HEADER || header === PUBREL_HEADER || header === PUBCOMP_HEADER) {
							if (takeAck(this, header >> 4, (bytes[at + 2]! << 8) | bytes[at + 3]!)) {
								types[header >> 4]!++;
								packets++;
								otherPackets++;
								otherOctets += 4;
								at = next;
								continue;
							}
						}
					}
				}
				const type = header >> 4;
				const frame = at;
				at = next;
				octets += next - from;
				from = next;
				packets++;
				otherPackets++;
				otherOctets += length;
				if (type !== PUBLISH) types[type]!++;
				if (this.state !== CONNECTED) handleFirst(this, type, bytes, frame, next);
				else if (type === PUBLISH) {
					handlePublish(this, bytes, frame, next);
					forwards = this.forwards;
				} else if (type >= PUBACK && type <= PUBCOMP) handleAck(this, bytes, frame, next);
				else handlePacket(this, bytes, frame, next);
				if (this.state === LOGGING_IN) {
					if (end - at > HELD_LIMIT) {
						throw new MqttError(Reason.QUOTA_EXCEEDED, "too much was sent before CONNACK");
					}
					this.held = at === end ? NO_OCTETS : bytes.slice(at, end);
					break;
				}
				if (this.state === CLOSED) {
					// What follows is not looked at: [MQTT-3.1.4-6], 3.1.1: [MQTT-3.1.4-5].
					otherOctets += end - at;
					at = end;
					break;
				}
			}
		} catch (error) {
			otherOctets += end - at;
			at = end;
			this.failed(error);
		}
		if (at > start) {
			octets += at - from;
			this.lastActivity = broker.seconds;
		}
		return this.held === null ? at - start : end - start;
	}

	/** Goes on later: CONNECT is waiting for something. Nothing is read until then, and what came already is held. */
	waitFor(state: ClientState): void {
		this.state = state;
		this.connection.pause(true);
	}

	/** What was waited for has come: `action` decides what becomes of the client. */
	goOn(action: (result: LoginResult) => void, result: LoginResult): void {
		this.state = AWAITING_CONNECT;
		this.connection.pause(false);
		try {
			action(result);
		} catch (error) {
			this.failed(error);
		}
		// Who is not let in has nothing more to say.
		const { held } = this;
		if (held === NO_OCTETS) this.held = null;
		else if (held !== null) this.joinHeld(held, 0, 0);
	}

	/** Takes what was held with what has come, `bytes[start, end)`; the rest, an incomplete packet, is held again. */
	private joinHeld(bytes: Uint8Array, start: number, end: number): number {
		const held = this.held!;
		const joined = new Uint8Array(held.length + end - start);
		joined.set(held);
		joined.set(bytes.subarray(start, end), held.length);
		if (this.state === LOGGING_IN) {
			this.held = joined;
			return end - start;
		}
		this.held = null;
		const used = this.onData(joined, 0, joined.length);
		if (used < joined.length && this.state !== CLOSED) this.held = joined.slice(used);
		return end - start;
	}

	/** As mosquitto's manual has it: the message is dropped, and who sends it disconnected. */
	private refuseInput(): never {
		throw new LimitError("memory_limit", Reason.QUOTA_EXCEEDED, "memory_limit exceeded");
	}

	private failed(error: unknown): void {
		if (error instanceof MqttError) {
			this.broker.clientFailed(this, error);
			return;
		}
		const text = error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
		this.broker.log.write("error", `Internal error while serving ${this.name} [${this.address}]: ${text}`);
		// 3.1.1: [MQTT-4.8.0-2]
		this.broker.clientFailed(this, new MqttError(Reason.UNSPECIFIED_ERROR, "internal error"));
	}

	onDrain(): void {
		if (this.paused) {
			this.paused = false;
			this.connection.pause(false);
		}
		if (!this.congested) {
			if (this.state === CONNECTED) this.session.handout?.wake();
			return;
		}
		this.congested = false;
		this.configure();
		if (this.state === CONNECTED) this.session.drain();
	}

	onClose(error: HostError | null): void {
		this.broker.connectionClosed(this, error);
	}

	/** Ends a connection that said nothing in time; else says when to look again. */
	due(now: number): number {
		if (this.state === CLOSED) return 0;
		if (this.state !== CONNECTED) {
			this.broker.clientTimedOut(this);
			return 0;
		}
		const authenticated = this.authentication === null ? 0 : this.authentication.deadline;
		if (authenticated !== 0 && now >= authenticated) {
			this.broker.clientFailed(this, new MqttError(Reason.NOT_AUTHORIZED, "re-authentication took too long"));
			return 0;
		}
		if (this.keepAlive === 0) return authenticated;
		const deadline = this.lastActivity + keepAliveLimit(this.keepAlive);
		if (now < deadline) return authenticated !== 0 && authenticated < deadline ? authenticated : deadline;
		this.broker.clientTimedOut(this); // [MQTT-3.1.2-22] (3.1.1: [MQTT-3.1.2-24])
		return 0;
	}

	/** Takes up its rights; anew, when the rules have changed. */
	takeRights(): void {
		const { session, listener, username } = this;
		session.rights = new Rights(listener, session.clientId, username);
		this.rights = session.rights.restricted ? session.rights : null;
		this.needsLook = this.isVersion5 || this.rights !== null;
	}

	/** Settings, the log's wishes or the state of the connection have changed. */
	configure(): void {
		const { settings, tracing } = this.broker;
		this.frameLimit = settings.maxPacketSize;
		this.shortFrame = Math.min(this.frameLimit, SHORT_FRAME);
		this.isVersion5 = this.version === 5;
		this.needsLook = this.isVersion5 || this.rights !== null;
		this.sparkplugAware = settings.sparkplugAware || this.listener.sparkplugAware;
		const own = this.mount === null;
		this.forwards = own && this.broker.forwardsFrames && this.maxQos === 2 && this.heldAcks === 0;
		this.takesFrames =
			own &&
			!this.congested &&
			!tracing &&
			this.maximumPacketSize === MAXIMUM_PACKET_SIZE &&
			this.outgoingAliases === null;
		this.session.configure(this.broker.sessionSettings);
		if (this.session.subscriptions.size > 0) this.broker.routes.invalidate();
	}

	/** Whether an acknowledgement has to wait, so as not to overtake one that does. */
	get holdsAcks(): boolean {
		return this.heldAcks > 0;
	}

	/** An acknowledgement waits for the disk: those of later messages come after it ([MQTT-4.6.0-2]). */
	holdAck(): void {
		this.heldAcks++;
		this.forwards = false;
	}

	ackSettled(): void {
		if (--this.heldAcks === 0 && this.state === CONNECTED) this.configure();
	}

	/** More waits to be sent than is good: until the connection has drained, only what must be kept is kept. */
	becomeCongested(): void {
		// One that is not let in yet has no session to hold back.
		if (this.congested || this.state !== CONNECTED) return;
		this.congested = true;
		this.configure();
	}

	takeOver(cleanStart: boolean): void {
		this.broker.takeOver(this, cleanStart);
	}

	/** More than OUTPUT_LIMIT octets wait. A client that takes no answers is not asked for more to be answered. */
	outputGrew(buffered: number): void {
		this.becomeCongested();
		if (buffered <= ANSWER_LIMIT || this.paused) return;
		this.paused = true;
		this.connection.pause(true);
	}

	/** Begins to judge the keep alive. */
	watchKeepAlive(): void {
		this.lastActivity = this.broker.seconds;
		if (this.keepAlive > 0) {
			this.broker.deadlines.schedule(this.lastActivity + keepAliveLimit(this.keepAlive), this);
		}
	}

	// Output.

	/**
	 * Sends a packet other than PUBLISH and acknowledgements: at once, whatever is under way ([MQTT-3.3.4-10],
	 * [MQTT-4.9.0-3]). False when it is longer than what the client takes.
	 */
	send(packet: Packet): boolean {
		const { utf8 } = this.broker.host;
		const length = encodedLength(packet, this.version, utf8);
		if (length > this.maximumPacketSize) return false; // [MQTT-3.1.2-24]
		const scratch = this.broker.scratch(length);
		this.broker.statistics.countSent(packet.type, length);
		this.write(scratch, 0, encodePacket(packet, this.version, scratch, 0, utf8));
		return true;
	}

	/** The same for what the client waits for: without it there is no going on. */
	sendWhole(packet: Packet): void {
		if (this.send(packet)) return;
		throw new LimitError(null, Reason.PACKET_TOO_LARGE, "the answer is longer than the client takes");
	}

	/** Sends a CONNACK that refuses and says nothing else: in few steps, as who guesses passwords gets many. */
	sendRefusal(reasonCode: number): void {
		const end = this.version === 5 ? 5 : 4;
		if (end > this.maximumPacketSize) return; // [MQTT-3.1.2-24]
		ackBytes[0] = PacketType.CONNACK << 4;
		ackBytes[1] = end - 2;
		ackBytes[2] = 0; // [MQTT-3.2.2-6] (3.1.1: [MQTT-3.2.2-4])
		ackBytes[3] = reasonCode;
		ackBytes[4] = 0;
		this.broker.statistics.countSent(PacketType.CONNACK, end);
		this.connection.write(ackBytes, 0, end);
	}

	sendAck(type: 4 | 5 | 6 | 7, packetId: number, reasonCode: number): void {
		const end = writeAck(ackBytes, 0, type, packetId, reasonCode, this.version);
		this.broker.statistics.countSent(type, end);
		const buffered = this.connection.write(ackBytes, 0, end);
		if (buffered > OUTPUT_LIMIT) this.outputGrew(buffered);
	}

	/** Sends an acknowledgement without a reason code, given by its first octet. */
	answer(header: number, packetId: number): void {
		if (this.broker.tracing) this.traceAck(header >> 4, packetId, 0);
		if (header === PUBACK_HEADER) answeredPubacks++;
		else answers[header >> 4]!++;
		ackBytes[0] = header;
		ackBytes[1] = 2;
		ackBytes[2] = packetId >> 8;
		ackBytes[3] = packetId;
		const buffered = this.connection.write(ackBytes, 0, 4);
		if (buffered > OUTPUT_LIMIT) this.outputGrew(buffered);
	}

	/** The same for the `count` acknowledgements in `run`, all of one type. */
	answerRun(run: Uint8Array, count: number): void {
		if (run[0] === PUBACK_HEADER) answeredPubacks += count;
		else answers[run[0]! >> 4]! += count;
		const buffered = this.connection.write(run, 0, 4 * count);
		if (buffered > OUTPUT_LIMIT) this.outputGrew(buffered);
	}

	sendRelease(packetId: number): void {
		this.answer(PUBREL_HEADER, packetId);
	}

	/** Whether the encoding for this client is within what it takes; what is not, is not sent ([MQTT-3.1.2-24]). */
	fits(publication: Publication, qos: number, identifier: number): boolean {
		if (this.mount !== null && this.mount.strip(publication.topic.topicBytes) === null) return false;
		if (this.maximumPacketSize === MAXIMUM_PACKET_SIZE) return true;
		publication.select(this.version, qos, false);
		const identifierLength = identifier === 0 ? 0 : 8;
		const hidden = this.mount === null ? 0 : this.mount.bytes.length;
		return publication.end - publication.start - hidden + identifierLength <= this.maximumPacketSize;
	}

	/** Sends the message that is being distributed. */
	sendPublication(
		publication: Publication,
		qos: number,
		retain: boolean,
		packetId: number,
		identifier: number,
	): void {
		if (identifier !== 0 || this.outgoingAliases !== null || this.mount !== null) {
			this.sendMessage(publication.keep(), qos as Qos, retain, false, packetId, identifier);
			return;
		}
		publication.select(this.version, qos, retain);
		const { bytes, start, end } = publication;
		if (end - start > this.maximumPacketSize) return; // [MQTT-3.1.2-24] [MQTT-3.1.2-25]
		if (qos > 0) {
			const at = publication.packetIdAt;
			bytes[at] = packetId >> 8;
			bytes[at + 1] = packetId;
		}
		if (this.broker.tracing) {
			this.tracePublish(qos, retain, false, packetId, publication.topic.topic, publication.payloadLength);
		}
		this.broker.statistics.countPublishSent(1, end - start, publication.payloadLength);
		this.write(bytes, start, end);
	}

	/** Sends a message that the broker has kept; false when it is longer than what the client takes. */
	sendMessage(
		message: Message,
		qos: Qos,
		retain: boolean,
		dup: boolean,
		packetId: number,
		identifier: number,
	): boolean {
		const topic = this.mount === null ? message.topicBytes : this.mount.strip(message.topicBytes);
		if (topic === null) return false;
		let properties =
			this.version === 5
				? outgoingProperties(message.properties, message.expiresAt, this.broker.seconds, identifier)
				: null;
		const source = {
			topic,
			payload: message.payload,
			payloadStart: 0,
			payloadEnd: message.payload.length,
		};
		const { utf8 } = this.broker.host;
		let length = publishLength(source, this.version, qos, properties, utf8);
		if (length > this.maximumPacketSize) return false; // [MQTT-3.1.2-24]
		const limit = this.maximumPacketSize;
		const aliased = this.outgoingAliases?.apply(source, message.topic, properties, qos, limit, utf8) ?? null;
		if (aliased !== null) {
			properties = aliased;
			length = publishLength(source, this.version, qos, properties, utf8);
		}
		const scratch = this.broker.scratch(length);
		writePublish(scratch, 0, source, this.version, dup, qos, retain, packetId, properties, utf8);
		if (this.broker.tracing) {
			this.tracePublish(qos, retain, dup, packetId, message.topic, message.payload.length);
		}
		this.broker.statistics.countPublishSent(1, length, message.payload.length);
		this.write(scratch, 0, length);
		return true;
	}

	private write(bytes: Uint8Array, start: number, end: number): void {
		const buffered = this.connection.write(bytes, start, end);
		if (buffered > OUTPUT_LIMIT) this.outputGrew(buffered);
	}

	// Log.

	trace(what: string, details = ""): void {
		if (!this.broker.tracing) return;
		this.broker.log.write(
			"debug",
			details === "" ? `${what} ${this.name}` : `${what} ${this.name} ${details}`,
		);
	}

	/** An acknowledgement that is about to be sent. */
	traceAck(type: number, packetId: number, reasonCode: number): void {
		const code = type === PUBACK || type === PUBREC ? `, rc${reasonCode}` : "";
		this.trace(`Sending ${ACK_NAMES[type - PUBACK]} to`, `(m${packetId}${code})`);
	}

	/** CONNACK that is about to be sent; `clientId` is empty while it is not known. */
	traceConnack(clientId: string, sessionPresent: boolean, code: number): void {
		if (!this.broker.tracing) return;
		const who = clientId === "" ? peerOf(this.connection, this.listener) : clientId;
		this.broker.log.write("debug", `Sending CONNACK to ${who} (${sessionPresent ? 1 : 0}, ${code})`);
	}

	private tracePublish(
		qos: number,
		retain: boolean,
		dup: boolean,
		packetId: number,
		topic: string,
		size: number,
	): void {
		this.trace(
			"Sending PUBLISH to",
			`(d${dup ? 1 : 0}, q${qos}, r${retain ? 1 : 0}, m${packetId}, '${topic}', ... (${size} bytes))`,
		);
	}
}

/** Where a connection comes from, for the log: a numeric address, or the path of a unix socket, as mosquitto has it. */
export function peerOf({ remoteAddress }: Connection, { path }: ListenerSettings): string {
	return remoteAddress === "" ? path : remoteAddress;
}

/** One and a half times the keep alive, in whole seconds. */
function keepAliveLimit(keepAlive: number): number {
	return keepAlive + ((keepAlive + 1) >> 1);
}
