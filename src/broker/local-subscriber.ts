/** A subscriber inside of the program: what comes for it is handed over at once, and nothing waits. */

import type { Connection } from "../host/host.ts";
import type { Broker } from "./broker.ts";
import type { FrameLevel } from "./constants.ts";
import type { Link } from "./link.ts";
import type { Message } from "./message.ts";
import type { Publication } from "./publication.ts";
import { Session } from "./session.ts";
import { Subscription } from "./subscription-tree.ts";

/** In the place of the connection that a link of the network has. Nothing is written to it. */
const NO_CONNECTION: Connection = {
	remoteAddress: "",
	remotePort: 0,
	tls: null,
	buffered: 0,
	start() {},
	write: () => 0,
	pause() {},
	close() {},
	destroy() {},
};

export class LocalSubscriber implements Link {
	readonly connection = NO_CONNECTION;
	readonly level: FrameLevel = 3;
	readonly receiveMaximum = 65535;
	readonly congested = false;
	readonly takesFrames = false;
	/** Its messages are not for itself. */
	readonly session: Session;
	private readonly broker: Broker;
	private readonly take: (message: Message) => void;

	/** `name`: for the list of subscriptions. `take` is told of each message, in the middle of its distribution. */
	constructor(broker: Broker, name: string, take: (message: Message) => void) {
		this.broker = broker;
		this.take = take;
		this.session = new Session(name, broker.sessionSettings, broker.statistics, broker.limits);
		this.session.attach(this);
	}

	subscribe(topicFilter: string): void {
		const { broker, session } = this;
		session.subscriptions.add(topicFilter);
		broker.tree.add(new Subscription(session, topicFilter, 0, true, false, 0));
		broker.routes.invalidate();
	}

	/** Ends all its subscriptions. */
	close(): void {
		const { broker, session } = this;
		for (const topicFilter of session.subscriptions) broker.tree.remove(session, topicFilter);
		session.subscriptions.clear();
		broker.routes.invalidate();
	}

	now(): number {
		return this.broker.seconds;
	}

	fits(): boolean {
		return true;
	}

	sendPublication(publication: Publication): void {
		this.take(publication.keep());
	}

	sendMessage(message: Message): boolean {
		this.take(message);
		return true;
	}

	takeOver(): void {}
	becomeCongested(): void {}
	sendRelease(): void {}
}
