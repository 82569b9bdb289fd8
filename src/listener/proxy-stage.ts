/** The stage of a connection that begins with a header of the PROXY protocol. */

import type { ConnectionHandler, Utf8 } from "../host/host.ts";
import type { Entry } from "../websocket/entry.ts";
import { ProxyError, type ProxyHeader, readProxyHeader } from "./proxy-header.ts";

/** Who is told. */
export interface ProxyEvents {
	/** The header has been read and `entry` has the client's address: what comes next takes its place as a stage. */
	passed(): void;
	/** A line for the owner. */
	log(text: string): void;
	/** The connection ended, or was ended, before that. */
	ended(): void;
}

/** What clients must have done at the proxy. */
export interface ProxyDemands {
	readonly proxyRequiresTls: boolean;
	readonly proxyRequiresCertificate: boolean;
}

export class ProxyStage implements ConnectionHandler {
	private readonly entry: Entry;
	private readonly version: 1 | 2;
	private readonly demands: ProxyDemands;
	private readonly utf8: Utf8;
	private readonly events: ProxyEvents;

	constructor(entry: Entry, version: 1 | 2, demands: ProxyDemands, utf8: Utf8, events: ProxyEvents) {
		this.entry = entry;
		this.version = version;
		this.demands = demands;
		this.utf8 = utf8;
		this.events = events;
	}

	onData(bytes: Uint8Array, start: number, end: number): number {
		const { entry, events } = this;
		let header: ProxyHeader | null;
		try {
			header = readProxyHeader(this.utf8, bytes, start, end, this.version);
		} catch (error) {
			if (!(error instanceof ProxyError)) throw error;
			return this.reject(`corrupt PROXY header: ${error.message}`, end - start);
		}
		if (header === null) return 0;
		if (header.source !== null) {
			entry.remoteAddress = header.source.address;
			entry.remotePort = header.source.port;
		}
		const { proxyRequiresTls, proxyRequiresCertificate } = this.demands;
		if (proxyRequiresTls && !header.tls) return this.reject("client did not connect using TLS", end - start);
		if (proxyRequiresCertificate && !header.hasCertificate)
			return this.reject("client did not provide a certificate", end - start);
		entry.identity = header.commonName;
		if (header.tlsVersion !== null && header.cipher !== null) {
			const { tlsVersion, cipher } = header;
			events.log(`Connection from ${this.name} negotiated ${tlsVersion} cipher ${cipher}`);
		}
		events.passed();
		return header.length;
	}

	onDrain(): void {}

	onClose(): void {
		this.events.ended();
	}

	private get name(): string {
		const { remoteAddress, remotePort } = this.entry;
		return remoteAddress === "" ? "a unix socket" : `${remoteAddress}:${remotePort}`;
	}

	private reject(why: string, length: number): number {
		this.events.log(`Connection from ${this.name} rejected, ${why}.`);
		this.entry.destroy();
		return length;
	}
}
