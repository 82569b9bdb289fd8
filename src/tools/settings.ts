/** What the command line of a client program says, with defaults. */

import type { Properties, ProtocolVersion, Qos } from "../client/client.ts";
import type { ConnectTls } from "../host/host.ts";
import { noTlsArguments, type TlsArguments } from "./tls.ts";

export type Program = "mosquitto_ctrl" | "mosquitto_pub" | "mosquitto_sub";

/** Where the message to publish comes from. */
export type MessageSource =
	| { readonly kind: "argument"; readonly text: string }
	| { readonly kind: "file"; readonly path: string }
	| { readonly kind: "stdin" }
	| { readonly kind: "lines" }
	| { readonly kind: "empty" };

/** Properties given with `-D`, by the packet they are for. */
export interface PacketProperties {
	connect: Properties;
	publish: Properties;
	subscribe: Properties;
	unsubscribe: Properties;
	disconnect: Properties;
	will: Properties;
}

export interface Settings {
	readonly program: Program;
	// Connection
	host: string | null;
	/** Null is the default port; 0 says that `host` is the path of a unix socket. */
	port: number | null;
	bindAddress: string | null;
	noDelay: boolean;
	noTls: boolean;
	/** MQTT over WebSocket. */
	webSocket: boolean;
	readonly tls: TlsArguments;
	/** What the program makes of them; null without TLS. */
	connectTls: ConnectTls | null;
	version: ProtocolVersion;
	clientId: string | null;
	clientIdPrefix: string | null;
	cleanStart: boolean;
	/** Seconds; null is not given. */
	sessionExpiryInterval: number | null;
	keepAlive: number;
	username: string | null;
	password: string | null;
	maximumInflight: number;
	willTopic: string | null;
	willPayload: string | null;
	willQos: Qos;
	willRetain: boolean;
	properties: PacketProperties;
	// Both directions
	qos: Qos;
	debug: boolean;
	quiet: boolean;
	// mosquitto_pub
	topic: string | null;
	message: MessageSource | null;
	retain: boolean;
	repeatCount: number;
	/** Milliseconds. */
	repeatDelay: number;
	// mosquitto_sub
	topics: string[];
	unsubscribeTopics: string[];
	filterOut: string[];
	format: string | null;
	pretty: boolean;
	verbose: boolean;
	endOfLine: boolean;
	watch: boolean;
	messageRate: boolean;
	/** Null is no limit. */
	messageCount: number | null;
	/** Seconds; null is no limit. */
	timeout: number | null;
	exitAfterSubscribe: boolean;
	hideRetained: boolean;
	retainedOnly: boolean;
	removeRetained: boolean;
	retainAsPublished: boolean;
	retainHandling: 0 | 1 | 2;
	/** How many of 10,000 messages are printed. */
	randomFilter: number;
}

export function defaultSettings(program: Program): Settings {
	return {
		program,
		host: null,
		port: null,
		bindAddress: null,
		noDelay: false,
		noTls: false,
		webSocket: false,
		tls: noTlsArguments(),
		connectTls: null,
		version: 4,
		clientId: null,
		clientIdPrefix: null,
		cleanStart: true,
		sessionExpiryInterval: null,
		keepAlive: 60,
		username: null,
		password: null,
		maximumInflight: 20,
		willTopic: null,
		willPayload: null,
		willQos: 0,
		willRetain: false,
		properties: { connect: {}, publish: {}, subscribe: {}, unsubscribe: {}, disconnect: {}, will: {} },
		qos: 0,
		debug: false,
		quiet: false,
		topic: null,
		message: null,
		retain: false,
		repeatCount: 1,
		repeatDelay: 0,
		topics: [],
		unsubscribeTopics: [],
		filterOut: [],
		format: null,
		pretty: false,
		verbose: false,
		endOfLine: true,
		watch: false,
		messageRate: false,
		messageCount: null,
		timeout: null,
		exitAfterSubscribe: false,
		hideRetained: false,
		retainedOnly: false,
		removeRetained: false,
		retainAsPublished: false,
		retainHandling: 0,
		randomFilter: 10_000,
	};
}
