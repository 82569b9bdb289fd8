/** What falls due while a session has no connection: its delayed will, and its end. */

import type { Will } from "../packet/packet.ts";
import { NEVER_EXPIRES } from "../store/records.ts";
import type { Deadlines, Due } from "./deadlines.ts";
import type { Session } from "./session.ts";

/** Who is told what falls due. */
export interface AbsenceOwner {
	/** The broker's time. */
	readonly seconds: number;
	readonly deadlines: Deadlines;
	publishWill(session: Session, will: Will): void;
	expireSession(session: Session): void;
}

export class Absence implements Due {
	private readonly broker: AbsenceOwner;
	private readonly session: Session;
	private will: Will | null = null;
	private willAt = 0;
	private endsAt = 0;

	constructor(broker: AbsenceOwner, session: Session) {
		this.broker = broker;
		this.session = session;
	}

	/** The connection has ended. A will that is not null waits for its delay, at most until the session ends. */
	begin(will: Will | null): void {
		const now = this.broker.seconds;
		const { expiryInterval } = this.session;
		this.endsAt = expiryInterval === NEVER_EXPIRES ? 0 : now + expiryInterval;
		this.will = will;
		if (will !== null) this.willAt = now + (will.properties?.willDelayInterval ?? 0);
		this.schedule();
	}

	/** The connection had ended before the broker began. `endsAt`: 0 when the session does not end. */
	resume(endsAt: number, will: Will | null, willAt: number): void {
		this.endsAt = endsAt;
		this.will = will;
		this.willAt = willAt;
		this.schedule();
	}

	/** A connection resumes the session: the will is not sent ([MQTT-3.1.3-9]), and the session goes on. */
	end(): void {
		this.will = null;
		this.willAt = 0;
		this.endsAt = 0;
		this.broker.deadlines.cancel(this);
	}

	/** Sends the waiting will now: the session ends, or the broker does. */
	sendWill(): void {
		const { will } = this;
		this.will = null;
		this.willAt = 0;
		if (will !== null) this.broker.publishWill(this.session, will);
	}

	private next(): number {
		if (this.willAt === 0) return this.endsAt;
		return this.endsAt === 0 || this.willAt < this.endsAt ? this.willAt : this.endsAt;
	}

	private schedule(): void {
		const next = this.next();
		if (next !== 0) this.broker.deadlines.schedule(next, this);
	}

	due(now: number): number {
		if (this.willAt !== 0 && this.willAt <= now) this.sendWill();
		if (this.endsAt !== 0 && this.endsAt <= now) {
			this.endsAt = 0;
			this.broker.expireSession(this.session);
			return 0;
		}
		return this.next();
	}
}
