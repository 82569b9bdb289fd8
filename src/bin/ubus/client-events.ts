/** Events `mqttd.client`: who came, went or was not let in; not more of them than the bus is good for. */

import type { Client } from "../../broker/client.ts";
import type { ClientWatcher } from "../../broker/watcher.ts";
import type { UbusInputTable } from "../../ubus/value.ts";
import { PROTOCOLS, placeTable } from "./clients.ts";
import { listenerOf, type Program } from "./program.ts";

/** Events a second, and how many may come at once. */
const EVENTS_A_SECOND = 20;

export class ClientEvents implements ClientWatcher {
	private readonly program: Program;
	private readonly send: (data: UbusInputTable) => void;
	/** Events that may be sent now, as of `since` (milliseconds of the monotonic clock). */
	private allowance = EVENTS_A_SECOND;
	private since: number;
	private missed = 0;

	constructor(program: Program, send: (data: UbusInputTable) => void) {
		this.program = program;
		this.send = send;
		this.since = program.host.clock.monotonic();
	}

	connected(client: Client): void {
		const protocol = PROTOCOLS[client.version] ?? String(client.version);
		this.tell("connected", client, client.session.clientId, client.username, { protocol });
	}

	disconnected(client: Client, reason: string | null): void {
		const why = reason === null ? {} : { reason };
		this.tell("disconnected", client, client.session.clientId, client.username, why);
	}

	refused(client: Client, clientId: string, username: string | null, reason: string): void {
		this.tell("refused", client, clientId, username, { reason });
	}

	private tell(event: string, client: Client, id: string, user: string | null, more: UbusInputTable): void {
		if (!this.isAllowed()) {
			this.missed++;
			return;
		}
		const { remoteAddress, remotePort } = client.connection;
		const listener = listenerOf(this.program, client.listener);
		this.send({
			event,
			...(id === "" ? {} : { id }),
			...(user === null ? {} : { user }),
			...placeTable(remoteAddress, remotePort),
			...(listener === null ? {} : { listener }),
			time: Math.floor(this.program.host.clock.now() / 1000),
			...more,
			...(this.missed === 0 ? {} : { missed: this.missed }),
		});
		this.missed = 0;
	}

	private isAllowed(): boolean {
		const now = this.program.host.clock.monotonic();
		const earned = ((now - this.since) * EVENTS_A_SECOND) / 1000;
		this.since = now;
		this.allowance = Math.min(EVENTS_A_SECOND, this.allowance + earned);
		if (this.allowance < 1) return false;
		this.allowance--;
		return true;
	}
}
