/** What an owner decides about the broker. Names and meanings are those of mosquitto.conf; units in the comments. */

import type { PasswordHash } from "../config/password.ts";
import type { Clock, Connection, Host, Log, LogType, Process, Timers } from "../host/host.ts";
import type { Store } from "../store/store.ts";
import type { Administration } from "./administration.ts";
import type { ControlEndpoint } from "./control.ts";
import type { Limits } from "./limits.ts";
import type { LoginResult } from "./logins.ts";
import type { AccessRules } from "./rights.ts";
import type { Statistics } from "./statistics.ts";

/** Settings that hold for the whole broker. They can be replaced while it runs (`Broker.configure`). */
export interface BrokerSettings {
	/** Outgoing QoS 1 and 2 messages in flight for each client; 0 is no limit but the protocol's. */
	maxInflightMessages: number;
	/** Octets of payload in flight for each client; 0 is no limit. */
	maxInflightBytes: number;
	/** Messages queued for each client beyond those in flight; 0 is no limit. */
	maxQueuedMessages: number;
	/** Octets of payload queued for each client; 0 is no limit. */
	maxQueuedBytes: number;
	/** Octets of the longest packet accepted. */
	maxPacketSize: number;
	/** Octets of the longest payload accepted, also of a will; 0 is no limit. */
	messageSizeLimit: number;
	/** Seconds; what clients may ask for at most. 0 is no limit. */
	maxKeepalive: number;
	/** Whether QoS 0 messages are queued for clients that are away. */
	queueQos0Messages: boolean;
	/** Whether a subscription's QoS is used even when the message's is lower. */
	upgradeOutgoingQos: boolean;
	retainAvailable: boolean;
	/** Whether a retained message is delivered only while its publisher may still publish to its topic. */
	checkRetainSource: boolean;
	/** Minutes between looks for retained messages that have expired and that nobody asked for. */
	retainExpiryInterval: number;
	/** Clients, connected or with a session that waits for them; null is no limit. */
	globalMaxClients: number | null;
	/** What client identifiers must begin with; null when they need not. */
	clientIdPrefixes: string | null;
	/** Connections at once, of all listeners; null is no limit. */
	globalMaxConnections: number | null;
	/** Octets that the broker may take for clients and messages; 0 is no limit. */
	memoryLimit: number;
	/** Subscriptions of one client. mosquitto has no such option; a client must not make the broker grow without end. */
	maxSubscriptions: number;
	/** Seconds after which a persistent session of a client that is away ends; null is never. */
	persistentClientExpiration: number | null;
	/** Whether connecting and disconnecting clients are logged. */
	connectionMessages: boolean;
	/** Seconds between updates of `$SYS`; 0 is no `$SYS`. */
	sysInterval: number;
	/** Whether messages of Sparkplug get what a Sparkplug aware server does for them; see sparkplug.ts. */
	sparkplugAware: boolean;
	/** Name and version of the program, for `$SYS`. */
	version: string;
}

/** Who may log in, and with which password. A map of a password file is one. */
export interface Users {
	get(username: string): PasswordHash | undefined;
	/** All hashes, of which the first tells what a login costs. */
	values(): IterableIterator<PasswordHash, undefined>;
	/** Why a user cannot log in, or stay, whatever the password; null when nothing is in the way. */
	refuses?(username: string, clientId: string): string | null;
}

/** Settings of the listener that a client came through. */
export interface ListenerSettings {
	/** Tells it from others, also in a later run: port as configured, or path of a unix socket. */
	name: string;
	/** Port, for log lines; 0 for a unix socket. */
	port: number;
	/** Path of a unix socket, which stands for its clients' addresses in the log; empty for others. */
	path: string;
	/** Whether clients are who TLS says that they are: nothing else is asked. */
	usesIdentity: boolean;
	allowAnonymous: boolean;
	/** Who may log in, with which password; null for everybody who `allowAnonymous` lets in. */
	users: Users | null;
	/** Who may read and write what; null when everybody may everything. */
	access: AccessRules | null;
	allowZeroLengthClientId: boolean;
	/** Begins client identifiers that the broker makes. */
	autoIdPrefix: string;
	/** Levels of MQTT that are served: 3 for 3.1, 4 for 3.1.1, 5 for 5.0. */
	acceptProtocolVersions: readonly number[];
	/** Stands before every topic of its clients, without their seeing it; empty for none. */
	mountPoint: string;
	/** Clients at once; null is no limit. */
	maxConnections: number | null;
	maxQos: 0 | 1 | 2;
	/** Topic aliases that a client may set up. */
	maxTopicAlias: number;
	/** Topic aliases that the broker may set up for a client. */
	maxTopicAliasBroker: number;
	/** As that of the broker, for messages that come in here. */
	sparkplugAware: boolean;
}

export const defaultBrokerSettings: Readonly<BrokerSettings> = {
	maxInflightMessages: 20,
	maxInflightBytes: 0,
	maxQueuedMessages: 1000,
	maxQueuedBytes: 0,
	maxPacketSize: 2_000_000,
	messageSizeLimit: 0,
	maxKeepalive: 0,
	queueQos0Messages: false,
	upgradeOutgoingQos: false,
	retainAvailable: true,
	checkRetainSource: true,
	retainExpiryInterval: 1,
	globalMaxClients: null,
	clientIdPrefixes: null,
	globalMaxConnections: null,
	memoryLimit: 0,
	maxSubscriptions: 10_000,
	persistentClientExpiration: null,
	connectionMessages: true,
	sysInterval: 10,
	sparkplugAware: false,
	version: "mqttd",
};

export const defaultListenerSettings: Readonly<ListenerSettings> = {
	name: "",
	port: 0,
	path: "",
	usesIdentity: false,
	allowAnonymous: false,
	users: null,
	access: null,
	allowZeroLengthClientId: true,
	autoIdPrefix: "auto-",
	acceptProtocolVersions: [3, 4, 5],
	mountPoint: "",
	maxConnections: null,
	maxQos: 2,
	maxTopicAlias: 10,
	maxTopicAliasBroker: 10,
	sparkplugAware: false,
};

/** What the broker needs of its host. */
export type BrokerHost = Pick<Host, "random" | "utf8" | "crypto" | "createByteMap"> & {
	readonly clock: Clock;
	readonly timers: Timers;
	readonly process: Pick<Process, "memory" | "heap">;
};

/** Who somebody says to be. */
export interface Who {
	readonly username: string | null;
	readonly password: Uint8Array | null;
	/** Numeric address, empty for a unix socket. */
	readonly address: string;
}

/** The broker as the program that runs it sees it. */
export interface BrokerControl {
	/**
	 * Takes up what a store has, and keeps there what is to outlive the process. `listeners`: those that there are, for the
	 * rights of who was there before. To be called once, before `accept`.
	 */
	keepIn(store: Store, listeners: readonly ListenerSettings[]): void;
	/**
	 * Serves a client that came through a listener; the connection is not started yet. `identity`: who it is by TLS, if the
	 * listener asks for that and TLS tells.
	 */
	accept(connection: Connection, listener: ListenerSettings, identity?: string | null): void;
	/** Replaces the settings and asks the log anew what it wants; clients that are connected stay. */
	configure(settings: BrokerSettings): void;
	/** Counts, and tells of, limits that are reached before a client is accepted. */
	readonly limits: Pick<Limits, "count" | "reach" | "reached">;
	/** Replaces what serves topics below `$CONTROL`. */
	serveControl(endpoints: readonly ControlEndpoint[]): void;
	/** Says that access rights have changed. */
	accessChanged(): void;
	/** Ends the connections of a user, or with null of all without user name; their wills are not sent. */
	kick(username: string | null): void;
	/** Addresses of the connections of a user, of that client identifier or with null of any. */
	connectionsOf(username: string, clientId: string | null): string[];
	/** Publishes a log line to those who subscribed to it, in the next turn of the loop. */
	publishLog(type: LogType, line: string): void;
	/**
	 * Finds out whether somebody who speaks another protocol than MQTT may come in by way of a listener, and read `topic`.
	 * Calls `done` at once or later.
	 */
	checkReader(listener: ListenerSettings, who: Who, topic: string, done: (result: LoginResult) => void): void;
	/** The values of `$SYS` that are numbers, by topic. */
	sysNumbers(): ReadonlyMap<string, number>;
	/** For the owner, who looks into it while it runs. */
	readonly administration: Administration;
	/** What was counted, up to now. */
	countedStatistics(): Statistics;
	/** The subscription tree, a line each, for the owner. */
	dumpSubscriptions(): string[];
	/**
	 * Ends: 5.0 clients get DISCONNECT (server shutting down), wills are published as the specification says, all connections
	 * are closed. Calls `done` when the last one is, or after 2 s.
	 */
	stop(done: () => void): void;
}

/** Makes a broker; see broker.ts. */
export type CreateBroker = (host: BrokerHost, settings: BrokerSettings, log: Log) => BrokerControl;
