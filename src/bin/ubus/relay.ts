/** Events of ubus as messages, and messages as events: those that the configuration lists, and no others. */

import type { LocalSubscriber } from "../../broker/local-subscriber.ts";
import type { Message } from "../../broker/message.ts";
import { EVENT_NAME, type UbusEvent } from "../../config/ubus-event.ts";
import { MqttError } from "../../packet/packet.ts";
import { type UbusClient, UbusError } from "../../ubus/client.ts";
import type { UbusInputTable, UbusTable } from "../../ubus/value.ts";
import type { Program } from "./program.ts";

/** Octets of a message that is sent as an event, at most: it is taken apart while everybody waits. */
const MAXIMUM_PAYLOAD = 16_384;
/** Events that ubusd has not answered; further ones are dropped. */
const MAXIMUM_WAITING = 64;

/** Milliseconds between complaints. */
const COMPLAINT_INTERVAL = 10_000;

/** Who subscribes, where a list of subscribers is shown. */
const NAME = "ubus";

export class Relay {
	private readonly program: Program;
	private readonly client: UbusClient;
	private readonly ends: (() => void)[] = [];
	private readonly subscriber: LocalSubscriber;
	/** What is sent, by topic. */
	private readonly sent = new Map<string, UbusEvent[]>();
	private waiting = 0;
	/** Millisecond (monotonic clock) until which nothing is complained about, and how often that was so. */
	private silentUntil = 0;
	private unsaid = 0;

	constructor(program: Program, client: UbusClient, events: readonly UbusEvent[]) {
		this.program = program;
		this.client = client;
		this.subscriber = program.broker.administration.subscriber(NAME, (message) => this.received(message));
		for (const event of events) {
			if (event.direction === "publish") {
				this.ends.push(client.listen(event.event, (name, data) => this.publish(event, name, data)));
				continue;
			}
			const same = this.sent.get(event.topic);
			if (same === undefined) this.sent.set(event.topic, [event]);
			else same.push(event);
		}
		for (const topic of this.sent.keys()) this.subscriber.subscribe(topic);
	}

	/** ubusd is there: what is retained is sent where that is wanted. */
	connected(): void {
		const { administration } = this.program.broker;
		for (const [topic, events] of this.sent) {
			const message = administration.retained(topic.split("/"))?.message ?? null;
			if (message === null || administration.hasExpired(message)) continue;
			for (const event of events) if (event.retain) this.send(event, message);
		}
	}

	close(): void {
		for (const end of this.ends.splice(0)) end();
		this.subscriber.close();
	}

	private publish({ topic, qos, retain }: UbusEvent, name: string, data: UbusTable): void {
		const { broker, host } = this.program;
		const payload = host.utf8.encode(jsonOf(data));
		// Wildcards cannot be in a topic name.
		const full = topic.replaceAll(EVENT_NAME, () => name.replace(/[+#]/g, "_"));
		try {
			broker.administration.publish(full, payload, qos, retain, this.subscriber.session);
		} catch (error) {
			if (!(error instanceof MqttError)) throw error;
			this.complain(`event ${name} was not published to ${full}: ${error.message}`);
		}
	}

	private received(message: Message): void {
		for (const event of this.sent.get(message.topic) ?? []) this.send(event, message);
	}

	private send({ event }: UbusEvent, message: Message): void {
		if (!this.client.isConnected) return;
		const complain = (why: string) =>
			this.complain(`a message of ${message.topic} was not sent as event ${event}: ${why}`);
		const data = this.dataOf(message);
		if (typeof data === "string") {
			complain(data);
			return;
		}
		if (this.waiting >= MAXIMUM_WAITING) {
			complain("too many wait for ubusd");
			return;
		}
		this.waiting++;
		this.client
			.send(event, data)
			.catch((error: unknown) => complain(error instanceof UbusError ? error.message : String(error)))
			.finally(() => {
				this.waiting--;
			});
	}

	/** A line now and then: who publishes must not fill the log. */
	private complain(text: string): void {
		const { host, log } = this.program;
		const now = host.clock.monotonic();
		if (now < this.silentUntil) {
			this.unsaid++;
			return;
		}
		const more = this.unsaid === 0 ? "" : ` (${this.unsaid} more since the last such line)`;
		log.write("warning", `ubus: ${text}${more}.`);
		this.silentUntil = now + COMPLAINT_INTERVAL;
		this.unsaid = 0;
	}

	/** The event's data, or why there is none. */
	private dataOf({ payload }: Message): UbusInputTable | string {
		if (payload.length > MAXIMUM_PAYLOAD) return `it has more than ${MAXIMUM_PAYLOAD} octets`;
		const text = this.program.host.utf8.decode(payload, 0, payload.length);
		let value: unknown = null;
		try {
			value = JSON.parse(text ?? "");
		} catch {
			return "it is not JSON";
		}
		if (typeof value !== "object" || value === null || Array.isArray(value)) return "it is no JSON object";
		return value as UbusInputTable;
	}
}

/** As JSON; what no number of JavaScript holds exactly is a text. */
function jsonOf(data: UbusTable): string {
	return JSON.stringify(data, (_name, value: unknown) =>
		typeof value === "bigint" ? value.toString() : value,
	);
}
