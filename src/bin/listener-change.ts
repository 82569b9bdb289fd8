/** Listeners of a running broker, from those that are open to those that a new configuration asks for; or back. */

import type { ListenerConfig } from "../config/config.ts";
import type { Connection, HostError } from "../host/host.ts";
import type { Log } from "../host/log.ts";
import {
	closeListeners,
	type ListenEvents,
	type ListenHost,
	type OpenListener,
	openListeners,
	setTls,
} from "./listen.ts";
import type { ListenerPlan } from "./settings.ts";
import { StartError } from "./start-error.ts";

/**
 * One change, in two steps: `open` opens what is new, or throws having changed nothing; then either `finish` closes
 * what is no longer wanted and takes over the settings of what stays, or `undo` goes back.
 */
export class ListenerChange {
	readonly #host: ListenHost;
	readonly #log: Log;
	readonly #events: ListenEvents;
	/** What stays, and the plan that it stays for. */
	readonly #kept = new Map<ListenerPlan, OpenListener>();
	/** Listening until `finish`, unless in the way of a new one. */
	readonly #leaving: OpenListener[] = [];
	/** Closed already, as it was in the way. */
	readonly #closed: OpenListener[] = [];
	readonly #opened = new Map<ListenerPlan, OpenListener>();
	readonly #plans: readonly ListenerPlan[];
	#noDelay = true;

	constructor(
		host: ListenHost,
		log: Log,
		events: ListenEvents,
		current: readonly OpenListener[],
		plans: readonly ListenerPlan[],
	) {
		this.#host = host;
		this.#log = log;
		this.#events = events;
		this.#plans = plans;
		for (const open of current) {
			const plan = plans.find((each) => !this.#kept.has(each) && samePlace(each, open.plan));
			if (plan === undefined) this.#leaving.push(open);
			else this.#kept.set(plan, open);
		}
	}

	/** Opens what is new. Throws StartError, with listeners as they were before. */
	async open(noDelay: boolean): Promise<void> {
		this.#noDelay = noDelay;
		try {
			for (const plan of this.#plans) {
				if (!this.#kept.has(plan)) this.#opened.set(plan, await this.#openOne(plan));
			}
		} catch (error) {
			await this.undo();
			throw error;
		}
	}

	/** The addresses of a port can be taken by a listener that is about to leave: that one goes first then. */
	async #openOne(plan: ListenerPlan): Promise<OpenListener> {
		// Of a unix socket with other permissions than before: a path is taken over without an error, and would be lost.
		if (plan.kind === "unix") this.#makeWay(({ kind, host }) => kind === "unix" && host === plan.host);
		try {
			return await this.#listen(plan);
		} catch (error) {
			const taken = ((error as StartError).cause as HostError | undefined)?.code === "EADDRINUSE";
			const isInTheWay = ({ kind, settings }: ListenerPlan) => kind !== "unix" && settings.port === plan.port;
			if (!taken || !this.#makeWay(isInTheWay)) throw error;
			return await this.#listen(plan);
		}
	}

	/** Closes those of what leaves; returns whether there are any. */
	#makeWay(isInTheWay: (plan: ListenerPlan) => boolean): boolean {
		const inTheWay = this.#leaving.filter(({ plan }) => isInTheWay(plan));
		for (const open of inTheWay) {
			this.#leaving.splice(this.#leaving.indexOf(open), 1);
			this.#closed.push(open);
		}
		closeListeners(inTheWay);
		return inTheWay.length > 0;
	}

	async #listen(plan: ListenerPlan, noDelay = this.#noDelay, events = this.#events): Promise<OpenListener> {
		const [open] = await openListeners(this.#host, this.#log, [plan], noDelay, events);
		return open!;
	}

	/** Closes what was opened, and opens again what had to make way. */
	async undo(): Promise<void> {
		closeListeners([...this.#opened.values()]);
		this.#opened.clear();
		for (const open of this.#closed.splice(0)) {
			try {
				// With the port that it had, also where the system chose it; clients are counted by its settings.
				const again = { ...open.plan, port: open.plan.settings.port };
				const { limits } = this.#events;
				const accept = (connection: Connection) => this.#events.accept(connection, open.plan);
				const { handles } = await this.#listen(again, open.noDelay, { limits, accept });
				open.handles = handles;
				open.followed = null;
			} catch (error) {
				if (!(error instanceof StartError)) throw error;
				for (const line of error.lines) this.#log.write("error", line);
			}
		}
	}

	/** Closes what leaves. Returns what is open now, in the order of the plans. */
	finish(): OpenListener[] {
		for (const { plan } of this.#leaving)
			this.#log.write("information", `Closing listener on ${where(plan)}.`);
		for (const { plan } of this.#closed) this.#log.write("information", `Closed listener on ${where(plan)}.`);
		closeListeners(this.#leaving);
		return this.#plans.map((plan) => {
			const kept = this.#kept.get(plan);
			if (kept === undefined) return this.#opened.get(plan)!;
			// In place: it is what the broker counts clients by, and what connected clients hold.
			kept.plan.listener = plan.listener;
			if (plan.tls !== null) setTls(kept, plan.tls);
			Object.assign(kept.plan.settings, plan.settings, { port: kept.plan.settings.port });
			kept.noDelay = this.#noDelay;
			for (const handle of kept.handles) handle.setNoDelay(this.#noDelay);
			return kept;
		});
	}
}

function where(plan: ListenerPlan): string {
	return plan.kind === "unix" ? `path ${plan.host}` : `port ${plan.settings.port}`;
}

/** Whether both are the same listener, which then stays open. */
function samePlace(a: ListenerPlan, b: ListenerPlan): boolean {
	if (a.kind !== b.kind || a.host !== b.host || (a.tls === null) !== (b.tls === null)) return false;
	if (a.kind === "unix") return samePermissions(a.listener, b.listener);
	return a.port === b.port && a.domain === b.domain && a.device === b.device && a.network === b.network;
}

function samePermissions(a: ListenerConfig, b: ListenerConfig): boolean {
	const [one, other] = [a.unixSocketOwner, b.unixSocketOwner];
	return a.unixSocketMode === b.unixSocketMode && one?.user === other?.user && one?.group === other?.group;
}
