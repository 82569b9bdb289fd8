/** What a configuration says, typed: the result of reading mosquitto.conf, or UCI. Defaults come from the option table. */

import type { LogType } from "../host/log.ts";
import type { AclRules } from "./acl-file.ts";
import type { DurabilityClass, PersistTopic } from "./options-persistence.ts";
import type { Users } from "./password-file.ts";
import type { PluginConfig } from "./plugins.ts";
import type { UbusEvent } from "./ubus-event.ts";
import type { LogDestination, LogFacility, Owner, Place } from "./value.ts";

/** Options for the whole broker. Names follow those of mosquitto.conf; null where nothing was said. */
export interface GlobalConfig {
	/** Path. */
	aclFile: string | null;
	allowAnonymous: boolean | null;
	allowZeroLengthClientId: boolean;
	autoIdPrefix: string | null;
	checkRetainSource: boolean;
	clientIdPrefixes: string | null;
	connectionMessages: boolean;
	enableControlApi: boolean;
	/** Null is no limit. */
	globalMaxClients: number | null;
	/** Null is no limit. */
	globalMaxConnections: number | null;
	logDestinations: readonly LogDestination[];
	logFacility: LogFacility;
	logTimestamp: boolean;
	/** For strftime; null is seconds since 1970. */
	logTimestampFormat: string | null;
	logTypes: readonly LogType[];
	maxInflightBytes: number;
	maxInflightMessages: number;
	/** Seconds; 0 is no limit. */
	maxKeepalive: number;
	maxPacketSize: number;
	maxQueuedBytes: number;
	maxQueuedMessages: number;
	/** Octets; 0 is no limit. */
	memoryLimit: number;
	messageSizeLimit: number;
	/** Path. */
	passwordFile: string | null;
	perListenerSettings: boolean;
	/** Seconds; null is for ever. */
	persistentClientExpiration: number | null;
	/** Whether what sessions have, and retained messages, outlive the process. */
	persistence: boolean;
	/** File name, as mosquitto has it. */
	persistenceFile: string | null;
	/** Directory. */
	persistenceLocation: string | null;
	durability: DurabilityClass;
	persistTopics: readonly PersistTopic[];
	/** Seconds. */
	persistInterval: number;
	/** Octets; 0 is no limit. */
	persistOctets: number;
	/** Seconds, or changes; 0 is never. */
	autosaveInterval: number;
	autosaveOnChanges: boolean;
	/** Octets; 0 is no limit. */
	maxStoreSize: number;
	/** Octets; 0 is none. */
	persistDailyBudget: number;
	pidFile: string | null;
	/** Path. */
	pskFile: string | null;
	queueQos0Messages: boolean;
	retainAvailable: boolean;
	/** Minutes. */
	retainExpiryInterval: number;
	setTcpNodelay: boolean;
	/** Seconds; 0 is no $SYS. */
	sysInterval: number;
	/** Whether to serve ubus: a path is its socket; `auto` is where there is such a socket. */
	ubus: boolean | "auto" | string;
	ubusEvents: readonly UbusEvent[];
	upgradeOutgoingQos: boolean;
	user: string | null;
}

/** Options of one listener. Null where nothing was said and the global option counts. */
export interface ListenerConfig {
	place: Place;
	/** Levels, separated by commas: `3,4,5`. */
	acceptProtocolVersions: string;
	/** Path. */
	aclFile: string | null;
	allowAnonymous: boolean | null;
	allowZeroLengthClientId: boolean | null;
	autoIdPrefix: string | null;
	/** Name of a network interface; null is any. */
	bindInterface: string | null;
	/** Whether it listens on this machine's loopback only. */
	localOnly: boolean;
	/** Network of OpenWrt (`lan`) whose addresses are listened on; null for what `place` says. */
	network: string | null;
	/** Null is no limit. */
	maxConnections: number | null;
	maxQos: 0 | 1 | 2;
	maxTopicAlias: number;
	maxTopicAliasBroker: number;
	mountPoint: string | null;
	/** Path. */
	passwordFile: string | null;
	socketDomain: "ipv4" | "ipv6" | null;
	protocol: "mqtt" | "websockets" | "http_api" | "auto";
	/** Version of the PROXY protocol; null is none. */
	proxyProtocol: number | null;
	proxyProtocolRequireTls: boolean;
	/** Networks (`192.168.1.0/24`), as are the next two. */
	trustedProxies: readonly string[];
	allowedSources: readonly string[];
	deniedSources: readonly string[];
	/** Directory whose files are served over HTTP. */
	httpDir: string | null;
	/** Origins of web pages that may connect; none is all. */
	websocketsOrigins: readonly string[];
	/** Permission bits of a unix socket. */
	unixSocketMode: number | null;
	unixSocketOwner: Owner | null;
	/** Paths; TLS is on when there is a certificate, or a hint for pre-shared keys. */
	cafile: string | null;
	capath: string | null;
	certfile: string | null;
	crlfile: string | null;
	keyfile: string | null;
	pskFile: string | null;
	pskHint: string | null;
	ciphers: string | null;
	ciphersTls13: string | null;
	/** The lowest. */
	tlsVersion: "tlsv1.2" | "tlsv1.3";
	requireCertificate: boolean;
	disableClientCertDateChecks: boolean;
	useIdentityAsUsername: boolean;
	useSubjectAsUsername: boolean;
}

/** Something to tell the owner that is not an error. */
export interface Remark {
	readonly type: LogType;
	readonly text: string;
}

export interface BrokerConfig {
	readonly global: GlobalConfig;
	/** As defined, the default listener of `port` and `bind_address` among them. */
	readonly listeners: readonly ListenerConfig[];
	/**
	 * Whether the file says nothing about where to listen (neither `listener` nor `port` nor `bind_address`): then the broker
	 * listens on loopback only, with the options of `localListener`.
	 */
	readonly localOnly: boolean;
	readonly localListener: ListenerConfig;
	/** In the order of the file. Options of mosquitto.conf that they stand for are set already. */
	readonly plugins: readonly PluginConfig[];
	/** Users and rules of the configuration itself, besides those of files; null when there are none. */
	readonly users: Users | null;
	readonly acl: AclRules | null;
	readonly remarks: readonly Remark[];
}
