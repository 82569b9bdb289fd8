/** From configuration to what broker, log and listeners take. */

import { type BrokerSettings, defaultBrokerSettings, type ListenerSettings } from "../broker/settings.ts";
import type { BrokerConfig, GlobalConfig, ListenerConfig } from "../config/config.ts";
import type { Place, Port } from "../config/value.ts";
import { LOG_TYPES } from "../config/value.ts";
import type { AccessFiles } from "./access.ts";
import type { BrokerArguments } from "./args.ts";
import { wantsTls } from "./identity.ts";
import type { LogSettings } from "./log.ts";
import type { PassPhrases } from "./pass-phrase.ts";
import { type TlsHost, TlsSettings } from "./tls.ts";
import { VERSION } from "./version.ts";

/** A listener as it will be opened: where, and what the broker is told of it. */
export interface ListenerPlan {
	/** The host name or numeric address as configured; null for all addresses; the path of a unix socket. */
	readonly host: string | null;
	readonly port: Port;
	readonly kind: "tcp" | "unix" | "loopback";
	readonly domain: "ipv4" | "ipv6" | null;
	/** Network interface whose addresses are listened on: of those of `host`, or all of its own; null for any. */
	readonly device: string | null;
	/** Network of OpenWrt whose addresses are listened on; null for what the above says. */
	readonly network: string | null;
	/** As configured, for what stands before the broker; replaced at a reload. */
	listener: ListenerConfig;
	/** Null without TLS; replaced at a reload. */
	tls: TlsSettings | null;
	/** Handed to the broker with each client; changed in place at a reload. */
	readonly settings: ListenerSettings;
}

const DEFAULT_PORT = 1883;
const DEFAULT_PREFIX = "auto-";
const SPARKPLUG = "mosquitto_sparkplug_aware";

/** Whether the plugin is in use for a listener; with null, for all. */
function hasPlugin(config: BrokerConfig, name: string, listener: ListenerConfig | null): boolean {
	return config.plugins.some(({ builtIn, listeners }) => {
		if (builtIn.name !== name) return false;
		return listener === null ? listeners === null : listeners?.includes(listener);
	});
}

/**
 * What the file says of the broker; what no option is about is as the broker has it. `program` is the name it was called
 * by.
 */
export function brokerSettings(config: BrokerConfig, program: string): BrokerSettings {
	const { global } = config;
	return {
		...defaultBrokerSettings,
		maxInflightMessages: global.maxInflightMessages,
		maxInflightBytes: global.maxInflightBytes,
		maxQueuedMessages: global.maxQueuedMessages,
		maxQueuedBytes: global.maxQueuedBytes,
		maxPacketSize: global.maxPacketSize,
		messageSizeLimit: global.messageSizeLimit,
		maxKeepalive: global.maxKeepalive,
		queueQos0Messages: global.queueQos0Messages,
		upgradeOutgoingQos: global.upgradeOutgoingQos,
		retainAvailable: global.retainAvailable,
		checkRetainSource: global.checkRetainSource,
		retainExpiryInterval: global.retainExpiryInterval,
		globalMaxClients: global.globalMaxClients,
		clientIdPrefixes: global.clientIdPrefixes,
		globalMaxConnections: global.globalMaxConnections,
		memoryLimit: global.memoryLimit,
		persistentClientExpiration: global.persistentClientExpiration,
		connectionMessages: global.connectionMessages,
		sysInterval: global.sysInterval,
		sparkplugAware: hasPlugin(config, SPARKPLUG, null),
		version: `${program} version ${VERSION}`,
	};
}

/** `-q` beats `-v`, which beats the file. */
export function logSettings(
	global: GlobalConfig,
	given: Pick<BrokerArguments, "quiet" | "verbose">,
): LogSettings {
	return {
		destinations: global.logDestinations,
		types: given.quiet ? [] : given.verbose ? LOG_TYPES : global.logTypes,
		timestamp: global.logTimestamp,
		timestampFormat: global.logTimestampFormat,
		facility: global.logFacility,
	};
}

function nameOf(place: Place): string {
	return place.kind === "unix" ? place.path : String(place.port);
}

/** Whether clients are known by TLS: here, or at a proxy that tells of it. */
function tellsIdentity(listener: ListenerConfig): boolean {
	return wantsTls(listener) || listener.proxyProtocol === 2;
}

function listenerSettings(
	listener: ListenerConfig,
	config: BrokerConfig,
	access: AccessFiles,
	allowAnonymous: boolean,
): ListenerSettings {
	const { global } = config;
	return {
		name: nameOf(listener.place),
		port: 0,
		path: listener.place.kind === "unix" ? listener.place.path : "",
		usesIdentity:
			tellsIdentity(listener) && (listener.useIdentityAsUsername || listener.useSubjectAsUsername),
		...access.of(listener),
		allowAnonymous: listener.allowAnonymous ?? global.allowAnonymous ?? allowAnonymous,
		allowZeroLengthClientId: listener.allowZeroLengthClientId ?? global.allowZeroLengthClientId,
		autoIdPrefix: listener.autoIdPrefix ?? global.autoIdPrefix ?? DEFAULT_PREFIX,
		acceptProtocolVersions: listener.acceptProtocolVersions.split(",").map(Number),
		mountPoint: listener.mountPoint ?? "",
		maxConnections: listener.maxConnections,
		maxQos: listener.maxQos,
		maxTopicAlias: listener.maxTopicAlias,
		maxTopicAliasBroker: listener.maxTopicAliasBroker,
		sparkplugAware: hasPlugin(config, SPARKPLUG, listener),
	};
}

/**
 * The listeners to open. A file that defines none leaves the ports of the command line, or 1883, on loopback only,
 * where anonymous clients are allowed unless the file says otherwise; elsewhere they are not unless it says so. Throws
 * StartError for files of TLS.
 */
export function listenerPlans(
	host: TlsHost,
	config: BrokerConfig,
	access: AccessFiles,
	ports: readonly Port[],
	passPhrases: PassPhrases,
): ListenerPlan[] {
	const tls = (listener: ListenerConfig) =>
		wantsTls(listener) ? new TlsSettings(host, listener, config.global, passPhrases) : null;
	if (config.localOnly) {
		return (ports.length === 0 ? [DEFAULT_PORT] : ports).map((port) => ({
			host: null,
			port,
			kind: "loopback",
			domain: config.localListener.socketDomain,
			device: null,
			network: null,
			settings: listenerSettings(config.localListener, config, access, true),
			listener: config.localListener,
			tls: tls(config.localListener),
		}));
	}
	return config.listeners.map((listener) => {
		const { place, network } = listener;
		return {
			host: place.kind === "tcp" ? place.host : place.path,
			port: place.kind === "tcp" ? place.port : 0,
			kind: listener.localOnly ? "loopback" : place.kind,
			domain: listener.socketDomain,
			device: place.kind === "tcp" ? listener.bindInterface : null,
			network,
			settings: listenerSettings(listener, config, access, false),
			listener,
			tls: tls(listener),
		};
	});
}
