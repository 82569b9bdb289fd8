/** Limits that clients run into: how often each was reached, for `$SYS/broker/limits/NAME`, and what the log says of it. */

import type { Log } from "../host/host.ts";
import { MqttError, Reason, type ReasonCode } from "../packet/packet.ts";

/**
 * Limits at which something is refused, dropped or ended: by the names of their options, where there is one. Those that only
 * hold things up (max_inflight_bytes) are not reached but used.
 */
export const LIMITS = [
	"allow_zero_length_clientid",
	"connect_timeout",
	"global_max_clients",
	"global_max_connections",
	"max_connections",
	"max_inflight_messages",
	"max_keepalive",
	"max_packet_size",
	"max_qos",
	"max_queued_bytes",
	"max_queued_messages",
	"max_store_size",
	"max_topic_alias",
	"memory_limit",
	"message_size_limit",
	"persistence",
	"retain_available",
	"subscriptions",
	"tls_handshakes",
	"topic_levels",
	"waiting_connections",
] as const;

export type Limit = (typeof LIMITS)[number];

/** A client has gone beyond a limit and is refused or disconnected; `limit` null: one of its own, as the packets it takes. */
export class LimitError extends MqttError {
	readonly limit: Limit | null;

	constructor(limit: Limit | null, code: ReasonCode, text: string) {
		super(code, text);
		this.limit = limit;
	}
}

/** Seconds between log lines about one limit and one client or listener: a peer must not fill the log. */
const LINE_INTERVAL = 10;

/** A line that was written. */
interface Said {
	/** Second until which there is none like it. */
	readonly until: number;
	/** How many there would have been since. */
	more: number;
}

export class Limits {
	private readonly owner: { readonly seconds: number };
	private readonly log: Log;
	private readonly counts = new Map<Limit, number>();
	/** By whom it is about, for as long as there is such a client or listener. */
	private readonly said = new WeakMap<object, Map<Limit, Said>>();

	constructor(owner: { readonly seconds: number }, log: Log) {
		this.owner = owner;
		this.log = log;
	}

	/** How often it was reached since the broker began. */
	reached(limit: Limit): number {
		return this.counts.get(limit) ?? 0;
	}

	count(limit: Limit): void {
		this.counts.set(limit, this.reached(limit) + 1);
	}

	/** Counts what made a client be refused or disconnected, where that is a limit; the log tells of each connection's end. */
	countError(error: MqttError): void {
		const limit = limitOf(error);
		if (limit !== null) this.count(limit);
	}

	/** Counts, and logs `text` (without full stop) unless there was such a line about that client or listener lately. */
	reach(limit: Limit, about: object, text: string): void {
		this.count(limit);
		let lines = this.said.get(about);
		if (lines === undefined) {
			lines = new Map();
			this.said.set(about, lines);
		}
		const { seconds } = this.owner;
		const before = lines.get(limit);
		if (before !== undefined && seconds < before.until) {
			before.more++;
			return;
		}
		lines.set(limit, { until: seconds + LINE_INTERVAL, more: 0 });
		const more =
			before === undefined || before.more === 0 ? "" : ` (${before.more} more since the last such line)`;
		this.log.write("notice", `${text}${more}.`);
	}

	/** Says that a client does not get all; the session asks for it once for each connection, as mosquitto does. */
	sayDropping(clientId: string): void {
		this.log.write("notice", `Outgoing messages are being dropped for client ${clientId}.`);
	}
}

function limitOf(error: MqttError): Limit | null {
	if (error instanceof LimitError) return error.limit;
	// Of a packet's header.
	return error.code === Reason.PACKET_TOO_LARGE ? "max_packet_size" : null;
}
