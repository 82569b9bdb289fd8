/** The broker: sessions, subscriptions, retained messages, and the connections that use them. */

import type { Clock, Connection, HostError, Log, LogType, Timer } from "../host/host.ts";
import {
	type DisconnectPacket,
	isServerDisconnect,
	MqttError,
	PacketType,
	PublishView,
	Reason,
	reasonName,
	returnCodeFor,
	type Will,
} from "../packet/packet.ts";
import { NEVER_EXPIRES } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import { Absence } from "./absence.ts";
import { Administration } from "./administration.ts";
import type { Authenticator } from "./authenticator.ts";
import { Client, peerOf, settleTallies } from "./client.ts";
import { refuseConnect } from "./connect.ts";
import { AUTHENTICATING, CLOSED, CONNECTED } from "./constants.ts";
import type { ControlEndpoint } from "./control.ts";
import type { Copy } from "./copy.ts";
import { Deadlines, type Due } from "./deadlines.ts";
import { distribute } from "./distribute.ts";
import { faultText, lossText, UNKNOWN_CLIENT } from "./end-text.ts";
import { sendFailure } from "./explain.ts";
import { Handouts } from "./handouts.ts";
import { Keeper } from "./keeper.ts";
import { type Limit, Limits } from "./limits.ts";
import { checkReader, requireUser } from "./login.ts";
import { type LoginResult, Logins } from "./logins.ts";
import { MemoryLimit } from "./memory-limit.ts";
import { Message } from "./message.ts";
import { Publication } from "./publication.ts";
import { Restore } from "./restore.ts";
import { RetainedMessages } from "./retained.ts";
import type { Rights } from "./rights.ts";
import { type Route, Routes } from "./routes.ts";
import { Session } from "./session.ts";
import { NOTHING_QUEUED } from "./session-state.ts";
import type { BrokerControl, BrokerHost, BrokerSettings, ListenerSettings, Who } from "./settings.ts";
import { Statistics, StoreCount } from "./statistics.ts";
import { SubscriptionTree } from "./subscription-tree.ts";
import type { Census } from "./sys-topics.ts";
import { SysTree } from "./sys-tree.ts";
import type { ClientWatcher } from "./watcher.ts";
import { publishWill } from "./will.ts";

/** Milliseconds that peers have to end their sides when the broker stops: service managers do not wait long. */
const STOP_TIMEOUT = 2000;

export class Broker implements BrokerControl {
	readonly host: BrokerHost;
	readonly log: Log;
	settings: BrokerSettings;
	/** What holds for sessions: the settings, but for what scarce memory forbids. */
	sessionSettings: BrokerSettings;
	/** Whether memory_limit is reached: nothing is kept that was not before. */
	memoryScarce = false;
	/** Whether each packet is to be logged. */
	tracing = false;
	/** Whether a frame that is a plain message goes on as it is: nobody wants more of it than its topic. */
	forwardsFrames = false;
	/** Whole seconds of the monotonic clock, from 1; the broker's time. 0 stands for never elsewhere. */
	seconds: number;
	readonly deadlines: Deadlines;
	readonly tree = new SubscriptionTree();
	readonly routes: Routes;
	readonly retained: RetainedMessages;
	readonly handouts: Handouts;
	readonly sessions = new Map<string, Session>();
	/** Methods of enhanced authentication, by name. */
	readonly authenticators = new Map<string, Authenticator>();
	/** The message that is being distributed. */
	readonly publication: Publication;
	/** See `countedStatistics` for reading it. */
	readonly statistics = new Statistics();
	readonly limits: Limits;
	readonly sys: SysTree;
	readonly logins: Logins;
	readonly administration: Administration;
	/** Told of clients that come and go; null while nobody wants to know. */
	watcher: ClientWatcher | null = null;
	/** Clients that are connected. */
	connected = 0;
	/** What serves topics below `$CONTROL`, by topic. */
	control: ReadonlyMap<string, ControlEndpoint> = new Map();
	/** Null when nothing outlives the process. */
	keeper: Keeper | null = null;
	/** Not null once what was kept is being read. */
	restore: Restore | null = null;
	private readonly memoryLimit: MemoryLimit;
	readonly absences = new Map<Session, Absence>();
	private readonly clients = new Set<Client>();
	/** Connections that count, of each listener and in all: those that we have not closed. */
	private readonly perListener = new Map<ListenerSettings, number>();
	private places = 0;
	private readonly view = new PublishView();
	private readonly sweep: Due = {
		due: (now) => {
			this.retained.removeExpired(now);
			return now + 60 * this.settings.retainExpiryInterval;
		},
	};
	private scratchBytes = new Uint8Array(1024);
	private ticker: Timer;
	private stopped: (() => void) | null = null;

	constructor(host: BrokerHost, settings: BrokerSettings, log: Log) {
		this.host = host;
		this.settings = settings;
		this.sessionSettings = settings;
		this.log = log;
		this.limits = new Limits(this, log);
		this.seconds = secondsOf(host.clock);
		this.deadlines = new Deadlines(this.seconds);
		this.routes = new Routes(host, this.tree);
		this.retained = new RetainedMessages(host.utf8);
		this.handouts = new Handouts(this);
		this.publication = new Publication(host.utf8);
		this.memoryLimit = new MemoryLimit(this);
		this.takeSettings();
		this.sys = new SysTree(this);
		this.logins = new Logins(host, log);
		this.administration = new Administration(this);
		settleTallies(this);
		this.ticker = this.startTicker();
	}

	keepIn(store: Store, listeners: readonly ListenerSettings[]): void {
		this.keeper = new Keeper(this, store);
		this.restore = new Restore(this, this.keeper, listeners);
		this.restore.begin();
	}

	accept(connection: Connection, listener: ListenerSettings, identity: string | null = null): void {
		this.statistics.sockets++;
		const count = this.perListener.get(listener) ?? 0;
		const limit = this.reachedLimit(listener, count);
		if (limit !== null || this.stopped !== null) {
			if (limit !== null) this.denyConnection(connection, listener, limit);
			connection.destroy();
			return;
		}
		const client = new Client(this, connection, listener, identity);
		this.perListener.set(listener, count + 1);
		this.places++;
		this.clients.add(client);
		if (this.settings.connectionMessages) {
			this.log.write("notice", `New connection from ${client.address} on port ${listener.port}.`);
		}
		connection.start(client);
	}

	connectionsOn(listener: ListenerSettings): number {
		return this.perListener.get(listener) ?? 0;
	}

	/** Why no further connection is served on a listener that has so many; null when it is. */
	private reachedLimit({ maxConnections }: ListenerSettings, count: number): Limit | null {
		if (maxConnections !== null && count >= maxConnections) return "max_connections";
		const { globalMaxConnections } = this.settings;
		const full = globalMaxConnections !== null && this.places >= globalMaxConnections;
		return full ? "global_max_connections" : null;
	}

	private denyConnection(connection: Connection, listener: ListenerSettings, limit: Limit): void {
		const text = `Client connection from ${peerOf(connection, listener)} denied: ${limit} exceeded`;
		if (this.settings.connectionMessages) this.limits.reach(limit, listener, text);
		else this.limits.count(limit);
	}

	configure(settings: BrokerSettings): void {
		this.settings = settings;
		this.takeSettings();
		for (const session of this.sessions.values()) session.configure(this.sessionSettings);
		this.routes.forget();
		for (const client of this.clients) {
			if (client.state !== CONNECTED) continue;
			try {
				requireUser(client, client.session.clientId);
			} catch (error) {
				this.clientFailed(client, error as MqttError);
				continue;
			}
			client.takeRights();
			client.configure();
		}
	}

	serveControl(endpoints: readonly ControlEndpoint[]): void {
		this.control = new Map(endpoints.map((endpoint) => [endpoint.topic, endpoint]));
	}

	accessChanged(): void {
		this.routes.forget();
		for (const client of this.clients) if (client.state === CONNECTED) client.takeRights();
	}

	kick(username: string | null): void {
		for (const client of this.clients) {
			if (client.state !== CONNECTED || client.username !== username) continue;
			client.will = null;
			this.clientFailed(client, new MqttError(Reason.ADMINISTRATIVE_ACTION, "access rights have changed"));
		}
	}

	connectionsOf(username: string, clientId: string | null): string[] {
		const addresses: string[] = [];
		for (const client of this.clients) {
			if (client.state !== CONNECTED || client.username !== username) continue;
			if (clientId === null || clientId === client.session.clientId) {
				addresses.push(client.connection.remoteAddress);
			}
		}
		return addresses;
	}

	private takeSettings(): void {
		this.deadlines.schedule(this.sweep.due(this.seconds), this.sweep);
		this.chooseSessionSettings();
		this.memoryLimit.configure(this.settings.memoryLimit);
		this.tracing = this.log.enabled("debug");
		const { messageSizeLimit, upgradeOutgoingQos } = this.settings;
		this.forwardsFrames = !this.tracing && messageSizeLimit === 0 && !upgradeOutgoingQos;
	}

	private chooseSessionSettings(): void {
		const { settings } = this;
		this.sessionSettings = this.memoryScarce ? { ...settings, maxQueuedMessages: NOTHING_QUEUED } : settings;
	}

	heap(collect: boolean): number {
		return this.host.process.heap(collect);
	}

	memoryIsScarce(scarce: boolean, used: number): void {
		this.memoryScarce = scarce;
		this.chooseSessionSettings();
		for (const session of this.sessions.values()) session.configure(this.sessionSettings);
		const refused = "New clients, new subscriptions, and messages that would have to be kept are refused.";
		const text = `${used} octets of memory are in use, memory_limit is ${this.settings.memoryLimit}.`;
		this.log.write(scarce ? "warning" : "notice", scarce ? `Warning: ${text} ${refused}` : text);
	}

	checkReader(
		listener: ListenerSettings,
		who: Who,
		topic: string,
		done: (result: LoginResult) => void,
	): void {
		checkReader(this, listener, who, topic, done);
	}

	sysNumbers(): ReadonlyMap<string, number> {
		return this.sys.numbers();
	}

	dumpSubscriptions(): string[] {
		return this.tree.describe();
	}

	stop(done: () => void): void {
		if (this.stopped !== null) return;
		this.stopped = done;
		this.ticker.cancel();
		// A will can wait for its delay, or for a later start, only with a session that outlives the broker.
		for (const [session, absence] of this.absences) if (session.entry === null) absence.sendWill();
		for (const client of this.clients) {
			const { will, session } = client;
			if (client.state === CONNECTED && will !== null) {
				if (session.entry !== null && waitsFor(session, will)) continue;
				this.publishWill(session, will);
			}
			client.will = null;
		}
		for (const client of this.clients) {
			if (client.state === CLOSED) continue;
			if (client.state === CONNECTED) {
				this.sendDisconnect(client, Reason.SERVER_SHUTTING_DOWN, "the broker ends");
				this.leave(client);
			}
			this.close(client);
		}
		const limit = this.host.timers.after(STOP_TIMEOUT, () => this.stopped?.());
		this.stopped = () => {
			limit.cancel();
			this.stopped = () => {};
			done();
		};
		if (this.clients.size === 0) this.stopped();
	}

	private startTicker(): Timer {
		return this.host.timers.after(1000, () => {
			this.ticker = this.startTicker();
			this.seconds = secondsOf(this.host.clock);
			this.deadlines.advance(this.seconds);
			// The tallies of the hot path stay small integers, which are cheap to add to.
			settleTallies(this);
			this.sys.tick();
		});
	}

	/** A buffer of at least `length` octets for what is written at once; the same one each time. */
	scratch(length: number): Uint8Array {
		if (length > 65536) return new Uint8Array(length);
		if (length > this.scratchBytes.length) this.scratchBytes = new Uint8Array(length * 2);
		return this.scratchBytes;
	}

	// Messages.

	/** Hands the message to all who subscribed, and keeps it when it is to be retained. Returns how many copies. */
	distribute(publication: Publication, route: Route, publisher: Session | null): number {
		if (publication.retain) this.retain(publication, publisher?.rights ?? null); // [MQTT-3.3.1-8] (3.1.1: [MQTT-3.3.1-12])
		const copies = distribute(publication, route, publisher);
		publication.finish();
		return copies;
	}

	/** Hands out a message of the broker's own. */
	publishOwn(message: Message, retain: boolean): void {
		const { topicBytes, payload, expiresAt } = message;
		const route = this.routes.get(topicBytes, 0, topicBytes.length);
		const { view } = this;
		view.qos = message.qos;
		view.retain = retain;
		view.payloadStart = 0;
		view.payloadEnd = payload.length;
		this.publication.begin(route, payload, view, null, expiresAt, this.seconds);
		// Also when memory is scarce: there is a fixed number of them.
		if (retain) this.retained.set(message);
		distribute(this.publication, route, null);
		this.publication.finish();
	}

	/** Hands the payload of a request to what serves its topic, and publishes the answer. */
	requestControl(endpoint: ControlEndpoint, payload: Uint8Array, client: Client): void {
		const { utf8 } = this.host;
		const topic = `${endpoint.topic}/response`;
		const from = { clientId: client.session.clientId, username: client.username };
		endpoint.take(payload, from, (response) => {
			if (this.stopped !== null) return;
			this.publishOwn(new Message(topic, utf8.encode(topic), utf8.encode(response), 0, null, 0), false);
		});
	}

	publishLog(type: LogType, line: string): void {
		this.sys.publishLog(type, line);
	}

	/** What was counted, up to now. */
	countedStatistics(): Statistics {
		settleTallies(this);
		return this.statistics;
	}

	/** Goes through everything to count it. */
	census(): Census {
		const store = new StoreCount();
		store.addStored(this.retained.count, this.retained.octets);
		for (const session of this.sessions.values()) session.countStored(store);
		let unsentBytes = 0;
		for (const client of this.clients) if (client.state !== CLOSED) unsentBytes += client.connection.buffered;
		return {
			sessions: this.sessions.size,
			connected: this.connected,
			storedMessages: store.messages,
			storedBytes: store.bytes,
			unsentBytes,
			subscriptions: this.tree.count,
			sharedSubscriptions: this.tree.sharedCount,
			retained: this.retained.count,
			memory: this.host.process.memory(),
		};
	}

	private retain(publication: Publication, source: Rights | null): void {
		if (publication.payloadLength === 0)
			this.retained.remove(publication.topic.topic); // [MQTT-3.3.1-7] (3.1.1: [MQTT-3.3.1-10], [MQTT-3.3.1-11])
		// [MQTT-3.3.1-5] (3.1.1: [MQTT-3.3.1-5], [MQTT-3.3.1-7])
		else if (!this.memoryScarce) this.retained.set(publication.keep(), source, true);
	}

	publishWill(session: Session, will: Will): void {
		this.keeper?.willSent(session);
		publishWill(this, session, will);
	}

	// Sessions.

	/** The session of that identifier, or a new one when there is none or the client wants to start clean. */
	openSession(clientId: string, cleanStart: boolean): Session {
		const known = this.sessions.get(clientId);
		if (known !== undefined && !cleanStart) {
			this.absences.get(known)?.end();
			this.absences.delete(known);
			return known; // [MQTT-3.1.2-5] (3.1.1: [MQTT-3.1.2-4])
		}
		if (known !== undefined) this.endSession(known); // [MQTT-3.1.2-4] (3.1.1: [MQTT-3.1.2-6])
		return this.addSession(clientId); // [MQTT-3.1.2-6]
	}

	addSession(clientId: string): Session {
		const session = new Session(clientId, this.sessionSettings, this.statistics, this.limits);
		this.sessions.set(clientId, session);
		const { statistics } = this;
		if (this.sessions.size > statistics.clientsMaximum) statistics.clientsMaximum = this.sessions.size;
		return session;
	}

	/**
	 * The session and all it holds go ([MQTT-4.1.0-2]; 3.1.1: [MQTT-3.1.2-6]), but not what it had retained
	 * (3.1.1: [MQTT-3.1.2-7]); a will that waits is sent ([MQTT-3.1.2-8]).
	 */
	endSession(session: Session): void {
		if (session.subscriptions.size > 0) this.routes.invalidate();
		this.sessions.delete(session.clientId);
		for (const topicFilter of session.subscriptions) this.tree.remove(session, topicFilter);
		session.handout?.close();
		const absence = this.absences.get(session);
		this.absences.delete(session);
		for (const copy of session.takeShared()) this.handOn(copy);
		this.keeper?.sessionEnded(session);
		absence?.sendWill();
		absence?.end();
	}

	/** What another session had of a shared subscription goes to a member that is left, unless it has expired ([MQTT-3.3.2-5]). */
	handOn({ group, message }: Copy): void {
		if (group === null || message === null) return;
		if (message.expiresAt === 0 || message.expiresAt > this.seconds) group.redeliver(message);
	}

	/** Its client stayed away too long. */
	expireSession(session: Session): void {
		this.log.write("notice", `Expiring client ${session.clientId} due to timeout.`);
		this.statistics.clientsExpired++;
		this.endSession(session);
	}

	/**
	 * The connection of `client` no longer carries its session: its will is due, and the session waits or ends. Until
	 * then there is no end to the session ([MQTT-4.1.0-1]; 3.1.1: [MQTT-4.1.0-2]).
	 */
	private leave(client: Client): void {
		const { session, will } = client;
		client.state = CLOSED;
		this.connected--;
		client.will = null; // [MQTT-3.1.2-10] (3.1.1: [MQTT-3.1.2-10])
		session.detach();
		// What a 3.x client was not told, a reload may have changed since.
		if (session.expiryInterval !== 0 && client.version < 5) {
			session.expiryInterval = this.settings.persistentClientExpiration ?? NEVER_EXPIRES;
		}
		if (session.subscriptions.size > 0) this.routes.invalidate();
		const waits = will !== null && waitsFor(session, will);
		// [MQTT-3.1.2-8] (3.1.1: [MQTT-3.1.2-8], [MQTT-3.1.2-12])
		if (will !== null && !waits) this.publishWill(session, will);
		if (session.expiryInterval === 0) {
			this.endSession(session);
			return;
		}
		if (session.expiryInterval !== NEVER_EXPIRES) session.endsAt = this.seconds + session.expiryInterval;
		const delay = will?.properties?.willDelayInterval ?? 0;
		this.keeper?.sessionLeft(session, waits ? will : null, this.seconds + delay);
		// The session stays: [MQTT-3.1.2-23], 3.1.1: [MQTT-3.1.2-4], [MQTT-4.1.0-1].
		if (!waits && session.expiryInterval === NEVER_EXPIRES) return;
		const absence = new Absence(this, session);
		this.absences.set(session, absence);
		absence.begin(waits ? will : null);
	}

	// How connections end.

	/** The client said goodbye. */
	clientDisconnected(client: Client, packet: DisconnectPacket): void {
		checkDirection(packet);
		if (client.state !== CONNECTED) {
			this.logEnd(client, client.name, null);
			this.close(client);
			return;
		}
		const { session } = client;
		const expiry = packet.properties?.sessionExpiryInterval;
		if (expiry !== undefined) {
			if (session.expiryInterval === 0 && expiry !== 0) {
				throw new MqttError(
					Reason.PROTOCOL_ERROR,
					"DISCONNECT gives a session an expiry interval that had none",
				); // section 3.14.2.2.2
			}
			session.expiryInterval = Math.min(expiry, this.settings.persistentClientExpiration ?? NEVER_EXPIRES);
		}
		if (packet.reasonCode === Reason.SUCCESS) client.will = null; // [MQTT-3.14.4-3] (3.1.1: [MQTT-3.14.4-3])
		this.logEnd(client, client.name, null);
		this.leave(client);
		this.close(client);
	}

	/** The client sent what it must not: whatever is said of it, the connection is closed. */
	clientFailed(client: Client, error: MqttError): void {
		if (client.state === CLOSED) return;
		this.limits.countError(error);
		this.logFault(client, client.session?.clientId ?? "", error);
		if (client.state === CONNECTED) {
			this.sendDisconnect(client, error.code, error.message); // [MQTT-3.14.0-1] [MQTT-4.13.1-1]
			this.leave(client);
		} else if (client.state === AUTHENTICATING) {
			// [MQTT-4.12.0-4]
			this.watcher?.refused(client, client.authentication?.connect?.clientId ?? "", null, error.message);
			refuseConnect(client, "", error);
		} else if (
			error.code === Reason.UNSUPPORTED_PROTOCOL_VERSION || // [MQTT-3.1.2-2]
			error.code === Reason.CLIENT_IDENTIFIER_NOT_VALID // 3.1.1: [MQTT-3.1.3-8]
		) {
			// CONNECT could not be read to its end, but 3.1.1 has a return code for why: in CONNACK as 3.1.1 has it.
			const code = returnCodeFor(error.code);
			client.traceConnack("", false, code);
			this.statistics.countSent(PacketType.CONNACK, 4);
			client.connection.write(Uint8Array.of(0x20, 2, 0, code), 0, 4);
		}
		// [MQTT-3.1.4-1] [MQTT-4.12.1-2] [MQTT-4.13.1-1] [MQTT-4.13.2-1]
		// 3.1.1: [MQTT-3.1.4-1], [MQTT-3.2.2-6], [MQTT-4.8.0-1]
		this.close(client);
	}

	/** Nothing was heard for too long. */
	clientTimedOut(client: Client): void {
		this.logEnd(client, client.name, "exceeded timeout");
		if (client.state === CONNECTED) {
			this.sendDisconnect(client, Reason.KEEP_ALIVE_TIMEOUT, "nothing came within 1.5 times the keep alive");
			this.leave(client);
		} else {
			this.limits.count("connect_timeout");
		}
		this.close(client);
	}

	/** Another connection has come for the session; `cleanStart`: it will not go on with it. */
	takeOver(client: Client, cleanStart: boolean): void {
		this.logEnd(client, client.name, "session taken over");
		this.sendDisconnect(client, Reason.SESSION_TAKEN_OVER, "another connection has this client identifier");
		if (cleanStart) client.session.expiryInterval = 0;
		this.leave(client);
		this.close(client);
	}

	/** CONNECT was refused. */
	closeUnopened(client: Client): void {
		this.close(client);
	}

	/**
	 * Ends the connection; nothing is sent on it any more ([MQTT-3.14.4-1], [MQTT-3.14.4-2]). Who waits for its place need
	 * not wait for the peer to end it, too.
	 */
	private close(client: Client): void {
		client.state = CLOSED;
		this.freePlace(client);
		client.connection.close();
	}

	private freePlace(client: Client): void {
		if (!client.hasPlace) return;
		client.hasPlace = false;
		this.places--;
		const count = (this.perListener.get(client.listener) ?? 1) - 1;
		// A reload may have closed the listener for good.
		if (count === 0) this.perListener.delete(client.listener);
		else this.perListener.set(client.listener, count);
	}

	/** The connection is over: by the peer or the network when it was not closed before. */
	connectionClosed(client: Client, error: HostError | null): void {
		if (client.state !== CLOSED) {
			this.logEnd(client, client.name, lossText(error));
			if (client.state === CONNECTED) this.leave(client);
			client.state = CLOSED;
		}
		this.clients.delete(client);
		this.deadlines.cancel(client);
		this.freePlace(client);
		if (this.stopped !== null && this.clients.size === 0) this.stopped();
	}

	/**
	 * To be followed by `close`. With a reason of its own and no properties but its text: [MQTT-3.14.2-1],
	 * [MQTT-3.14.2-2], [MQTT-3.14.2-4].
	 */
	private sendDisconnect(client: Client, reasonCode: number, why: string): void {
		if (client.version !== 5) return;
		client.trace("Sending DISCONNECT to", `(rc${reasonCode})`);
		sendFailure(client, { type: PacketType.DISCONNECT, reasonCode, properties: null }, why);
	}

	/** Says that a connection ends for something wrong: what it was in words, then the line that scripts know. */
	logFault(client: Client, clientId: string, { code, message }: MqttError): void {
		const reason = faultText(code);
		// Why a login failed, it has said itself.
		if (reason !== null && client.refusal === null && this.settings.connectionMessages) {
			const isFault = reason === "malformed packet" || reason === "protocol error";
			// Who is kept out is told by the address too, behind all that the client chose: others are banned by it.
			const text = isFault
				? `Protocol error from ${clientId === "" ? client.address : clientId}: ${message}.`
				: `Refused ${clientId === "" ? UNKNOWN_CLIENT : clientId} [${client.address}]: ${message}.`;
			this.log.write("information", text);
		}
		this.logEnd(client, clientId === "" ? UNKNOWN_CLIENT : clientId, reason ?? message);
	}

	private logEnd(client: Client, name: string, reason: string | null): void {
		if (client.state === CONNECTED) this.watcher?.disconnected(client, reason);
		if (!this.settings.connectionMessages) return;
		const text = reason === null ? "disconnected." : `disconnected: ${reason}.`;
		this.log.write("notice", `Client ${name} [${client.address}] ${text}`);
	}
}

/** Whether a will is sent later than its connection ends: [MQTT-3.1.3-9]. */
function waitsFor({ expiryInterval }: Session, { properties }: Will): boolean {
	return (properties?.willDelayInterval ?? 0) > 0 && expiryInterval > 0;
}

/** Refuses a DISCONNECT that only a server sends. */
function checkDirection({ reasonCode, properties }: DisconnectPacket): void {
	if (isServerDisconnect(reasonCode)) {
		const name = reasonName(reasonCode);
		throw new MqttError(Reason.PROTOCOL_ERROR, `DISCONNECT: only a server says "${name}"`); // [MQTT-3.14.2-1]
	}
	if (properties?.serverReference !== undefined) {
		throw new MqttError(Reason.PROTOCOL_ERROR, "DISCONNECT from a client has a server reference");
	}
}

function secondsOf(clock: Clock): number {
	return Math.floor(clock.monotonic() / 1000) + 1;
}
