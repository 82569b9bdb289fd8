/**
 * What a connection goes through before the broker serves it, where a listener asks for more than MQTT over TCP: address
 * lists, the PROXY protocol, finding out which protocol is spoken, HTTP and WebSocket.
 */

import type { AddressList } from "../host/address.ts";
import type { Connection, ConnectionHandler, Host, Log } from "../host/host.ts";
import { Entry } from "../websocket/entry.ts";
import { HttpError, type Request } from "../websocket/http.ts";
import { type HttpHost, type HttpService, HttpStage, type Reply } from "../websocket/http-stage.ts";
import { Outbox } from "../websocket/outbox.ts";
import { forwardedFor } from "./forwarded.ts";
import { ProxyStage } from "./proxy-stage.ts";
import { Waiting } from "./waiting.ts";

/** What a listener asks for. */
export interface DoorSettings {
	readonly protocol: "mqtt" | "websockets" | "http_api" | "auto";
	/** Version of the PROXY protocol that comes first; 0 is none. */
	readonly proxyProtocol: 0 | 1 | 2;
	/** Whether the proxy must have its client over TLS. */
	readonly proxyRequiresTls: boolean;
	/** Whether the client must have shown the proxy a good certificate; only version 2 tells. */
	readonly proxyRequiresCertificate: boolean;
	/** Whose PROXY headers (when not empty) and X-Forwarded-For are believed. */
	readonly trustedProxies: AddressList;
	/** Clients' addresses: when not empty, only these may connect; and these may not. */
	readonly allow: AddressList;
	readonly deny: AddressList;
	/** Origins whose pages may connect; none for all. */
	readonly origins: readonly string[];
	/** Answers requests of who is at `address` that are none for WebSocket. Throws an HttpError, or replies. */
	readonly answer: (request: Request, address: string, reply: Reply) => void;
	/** Where the listener is, for the log: `port 8080`. */
	readonly where: () => string;
}

/** Whether a listener with these settings needs a door at all: plain MQTT goes straight to the broker. */
export function needsDoor(settings: DoorSettings): boolean {
	const { protocol, proxyProtocol, allow, deny } = settings;
	return protocol !== "mqtt" || proxyProtocol !== 0 || !allow.isEmpty || !deny.isEmpty;
}

export type DoorHost = Pick<Host, "clock" | "timers" | "utf8" | "crypto" | "random" | "copyMasked">;

/** What TLS begins with: a record of type handshake. No request of HTTP does. */
const TLS_HANDSHAKE = 22;

/** Who counts how often limits are reached, and logs `text` (without full stop) unless it said so lately. */
export interface DoorLimits {
	count(limit: "connect_timeout"): void;
	reach(limit: "waiting_connections", about: object, text: string): void;
}

/** Hands a connection to the broker, which starts or ends it at once; `identity` is who the client is by what a proxy says. */
export type Serve = (connection: Connection, identity: string | null) => void;

export class Door {
	private readonly host: HttpHost;
	private readonly log: Log;
	private readonly waiting: Waiting;

	constructor(host: DoorHost, log: Log, limits: DoorLimits) {
		const { utf8, crypto, random, copyMasked, timers, clock } = host;
		this.host = { utf8, crypto, random, copyMasked, outbox: new Outbox(timers) };
		this.log = log;
		this.waiting = new Waiting(clock, timers, (connection, why) => {
			const text = `Connection from ${nameOf(connection)} dropped`;
			if (why === "number") {
				limits.reach("waiting_connections", this, `${text}: too many connections wait`);
				return;
			}
			limits.count("connect_timeout");
			log.write("notice", `${text}: it took too long to say what it wants.`);
		});
	}

	/** Takes what a listener accepted, and not started. */
	accept(connection: Connection, settings: DoorSettings, serve: Serve): void {
		const isBehindProxy = settings.proxyProtocol !== 0;
		if (isBehindProxy && !trusts(settings, connection.remoteAddress)) {
			this.deny(connection, "it is not in trusted_proxy");
			return;
		}
		if (!isBehindProxy && !this.allows(connection, settings)) return;
		if (!isBehindProxy && settings.protocol === "mqtt") {
			serve(connection, null);
			return;
		}
		const entry = new Entry(connection);
		this.waiting.add(entry);
		entry.begin(this.firstStage(entry, settings, serve));
	}

	/** Ends the connections that the broker knows nothing of. */
	close(): void {
		this.waiting.dropAll();
	}

	private firstStage(entry: Entry, settings: DoorSettings, serve: Serve): ConnectionHandler {
		const { proxyProtocol } = settings;
		if (proxyProtocol === 0) return this.protocolStage(entry, settings, serve);
		return new ProxyStage(entry, proxyProtocol, settings, this.host.utf8, {
			passed: () => {
				if (this.allows(entry, settings)) this.afterProxy(entry, settings, serve);
				else this.waiting.remove(entry);
			},
			log: (text) => this.log.write("notice", text),
			ended: () => this.waiting.remove(entry),
		});
	}

	private afterProxy(entry: Entry, settings: DoorSettings, serve: Serve): void {
		if (settings.protocol === "mqtt") this.serve(entry, serve);
		else entry.proceed(this.protocolStage(entry, settings, serve));
	}

	private protocolStage(entry: Entry, settings: DoorSettings, serve: Serve): ConnectionHandler {
		const http = new HttpStage(this.host, entry, this.service(entry, settings, serve));
		const isHttp = settings.protocol !== "auto";
		return {
			onData: (bytes, start, end) => {
				const first = bytes[start]!;
				// A request of HTTP begins with a method in capital letters; no packet of MQTT that may come first does.
				if (isHttp ? first !== TLS_HANDSHAKE : first >= 0x41 && first <= 0x5a) entry.proceed(http);
				else if (!isHttp) this.serve(entry, serve);
				else return this.refuseTls(entry, end - start);
				return 0;
			},
			onDrain: () => {},
			onClose: () => this.waiting.remove(entry),
		};
	}

	/** Clients of MQTT over TCP who do the same hear of it from the broker, in the same words. */
	private refuseTls(entry: Entry, length: number): number {
		const text = `Client from ${nameOf(entry)} appears to be using TLS to connect to a non-TLS listener.`;
		this.log.write("notice", text);
		entry.destroy();
		return length;
	}

	private service(entry: Entry, settings: DoorSettings, serve: Serve): HttpService {
		return {
			upgrades: settings.protocol !== "http_api",
			origins: settings.origins,
			answer: (request, reply) => settings.answer(request, entry.remoteAddress, reply),
			arrived: (request) => {
				const address = forwardedFor(request, entry.remoteAddress, settings.trustedProxies);
				if (address === null) return;
				entry.remoteAddress = address;
				entry.remotePort = 0;
				if (!isAllowed(address, settings)) throw new HttpError(403, "the address is not allowed");
			},
			opened: (connection) => {
				this.log.write("websockets", `WebSocket connection from ${nameOf(entry)} on ${settings.where()}.`);
				this.waiting.remove(entry);
				serve(connection, entry.identity);
			},
			refused: (error) => {
				const text = `HTTP request from ${nameOf(entry)} on ${settings.where()} refused: ${error.message}.`;
				// Who may not come in is told to the owner; what is not there, or makes no sense, to who looks for it.
				this.log.write(error.status === 403 ? "notice" : "websockets", text);
			},
			answering: () => this.waiting.answering(entry),
			ended: () => this.waiting.remove(entry),
		};
	}

	private serve(entry: Entry, serve: Serve): void {
		this.waiting.remove(entry);
		serve(entry, entry.identity);
	}

	/** Whether the client's address may connect; ends the connection when not. */
	private allows(connection: Connection, settings: DoorSettings): boolean {
		if (isAllowed(connection.remoteAddress, settings)) return true;
		this.deny(connection, "its address is not allowed");
		return false;
	}

	private deny(connection: Connection, why: string): void {
		this.log.write("notice", `Client connection from ${connection.remoteAddress} denied: ${why}.`);
		connection.destroy();
	}
}

function nameOf(connection: Connection): string {
	const { remoteAddress, remotePort } = connection;
	return remoteAddress === "" ? "a unix socket" : `${remoteAddress}:${remotePort}`;
}

function isAllowed(address: string, { allow, deny }: DoorSettings): boolean {
	// A unix socket has no addresses, but a mode and an owner.
	if (address === "") return true;
	return !deny.has(address) && (allow.isEmpty || allow.has(address));
}

/** Without a list everybody who can connect is believed to be the proxy, as with mosquitto. */
function trusts({ trustedProxies }: DoorSettings, address: string): boolean {
	return address === "" || trustedProxies.isEmpty || trustedProxies.has(address);
}
