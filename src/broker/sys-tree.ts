/**
 * `$SYS`: what the broker tells about itself. Values are worked out while there are subscriptions within `$SYS`, at
 * multiples of `sys_interval`, and those that changed are published; the first such subscription has them worked out
 * at once, so that it finds all of them retained. Only the averages are kept up when nobody listens.
 */

import type { LogType } from "../host/host.ts";
import type { Broker } from "./broker.ts";
import { Message } from "./message.ts";
import { Load } from "./statistics.ts";
import { LOAD_TOTALS, type Source, SYS_TOPICS } from "./sys-topics.ts";

/** First level of the topics. */
const ROOT = "$SYS";
const PREFIX = "$SYS/broker/";
const QOS = 2;

/** Topics of log lines, below `$SYS/broker/log/`. Lines about packets are not among them: each would cause more. */
const LOG_TOPICS: Readonly<Record<LogType, string | null>> = {
	error: "E",
	warning: "W",
	notice: "N",
	information: "I",
	subscribe: "M/subscribe",
	unsubscribe: "M/unsubscribe",
	websockets: "WS",
	debug: null,
};
/** Seconds after which a log line that has not reached a subscriber is of no use. */
const LOG_EXPIRY = 20;
/** Lines that may wait for the next turn of the loop. */
const LOG_LIMIT = 1000;

interface LogLine {
	readonly topic: string;
	readonly text: string;
}

export class SysTree {
	private readonly broker: Broker;
	private readonly loads = LOAD_TOTALS.map(() => new Load());
	private readonly began: number;
	private sampled: number;
	/** Number of the interval in which values were last worked out. */
	private interval: number;
	/** What was said last, by topic. */
	private readonly said = new Map<string, string>();
	private lines: LogLine[] = [];

	constructor(broker: Broker) {
		this.broker = broker;
		this.began = broker.seconds;
		this.sampled = broker.seconds;
		this.interval = this.currentInterval();
	}

	private currentInterval(): number {
		const { settings, host } = this.broker;
		return settings.sysInterval === 0 ? 0 : Math.floor(host.clock.now() / (1000 * settings.sysInterval));
	}

	/** Whether there is a subscription that may match. */
	get heard(): boolean {
		return this.broker.tree.hasBelow(ROOT);
	}

	/** To be called each second. */
	tick(): void {
		const interval = this.currentInterval();
		if (interval === this.interval) return;
		this.interval = interval;
		this.sample();
		const { retainAvailable, sysInterval } = this.broker.settings;
		if (!this.heard || sysInterval === 0) return;
		for (const message of this.changes()) this.broker.publishOwn(message, retainAvailable);
	}

	/** Somebody listens from now on: what is retained is brought up to date. */
	refresh(): void {
		const { settings, retained } = this.broker;
		if (settings.sysInterval === 0 || !settings.retainAvailable) return;
		for (const message of this.changes()) retained.set(message);
		// What is kept now includes what was just put there.
		for (const message of this.changes()) retained.set(message);
	}

	private sample(): void {
		const { seconds, statistics } = this.broker;
		if (seconds <= this.sampled) return;
		for (const [i, load] of this.loads.entries()) {
			load.sample(LOAD_TOTALS[i]!(statistics), seconds - this.sampled);
		}
		this.sampled = seconds;
	}

	private source(): Source {
		const { broker, loads } = this;
		return {
			version: broker.settings.version,
			uptime: broker.seconds - this.began,
			statistics: broker.countedStatistics(),
			limits: broker.limits,
			loads,
			census: broker.census(),
			usage: broker.keeper?.store.usage ?? null,
		};
	}

	/** All values that are numbers, as they are now, by topic. */
	numbers(): Map<string, number> {
		const source = this.source();
		const numbers = new Map<string, number>();
		for (const [name, value] of SYS_TOPICS) {
			const text = String(value(source));
			const number = name === "uptime" ? source.uptime : Number(text);
			if (Number.isFinite(number)) numbers.set(PREFIX + name, number);
		}
		return numbers;
	}

	/** Messages for all values that are not what was said last. */
	private changes(): Message[] {
		const { utf8 } = this.broker.host;
		const source = this.source();
		const changed: Message[] = [];
		for (const [name, value] of SYS_TOPICS) {
			const text = String(value(source));
			if (this.said.get(name) === text) continue;
			this.said.set(name, text);
			const topic = PREFIX + name;
			changed.push(new Message(topic, utf8.encode(topic), utf8.encode(text), QOS, null, 0));
		}
		return changed;
	}

	/** Publishes a log line in the next turn of the loop: what is logged may be in the middle of something. */
	publishLog(type: LogType, text: string): void {
		const name = LOG_TOPICS[type];
		if (name === null || !this.heard || this.lines.length >= LOG_LIMIT) return;
		this.lines.push({ topic: `${PREFIX}log/${name}`, text });
		if (this.lines.length === 1) this.broker.host.timers.after(0, () => this.publishLines());
	}

	private publishLines(): void {
		const { lines, broker } = this;
		const { utf8 } = broker.host;
		this.lines = [];
		const expiresAt = broker.seconds + LOG_EXPIRY;
		for (const { topic, text } of lines) {
			broker.publishOwn(
				new Message(topic, utf8.encode(topic), utf8.encode(text), QOS, null, expiresAt),
				false,
			);
		}
	}
}
