/** What a session, and a topic's route, ask of the connection that carries a session. */

import type { Connection } from "../host/host.ts";
import type { Qos } from "../packet/packet.ts";
import type { FrameLevel } from "./constants.ts";
import type { Message } from "./message.ts";
import type { Publication } from "./publication.ts";

export interface Link {
	readonly connection: Connection;
	readonly level: FrameLevel;
	/** QoS 1 and 2 messages that the client takes at once. */
	readonly receiveMaximum: number;
	/** More output waits than the broker lets pile up; until the connection has drained. */
	readonly congested: boolean;
	/** Whether frames of its level can be written to its connection as they come: no limit of it, no log, no aliases. */
	readonly takesFrames: boolean;
	/** The broker's time in seconds. */
	now(): number;
	/** Another connection has come for the session: this one ends. `cleanStart`: the session ends with it. */
	takeOver(cleanStart: boolean): void;
	/** To be called when a write has left too much waiting. */
	becomeCongested(): void;
	/** Whether the encoding for this client is within what it takes; what is not, is not sent ([MQTT-3.1.2-24]). */
	fits(publication: Publication, qos: number, identifier: number): boolean;
	/** Sends the message that is being distributed. */
	sendPublication(
		publication: Publication,
		qos: number,
		retain: boolean,
		packetId: number,
		identifier: number,
	): void;
	/** Sends a message that the broker has kept; false when it is longer than what the client takes. */
	sendMessage(
		message: Message,
		qos: Qos,
		retain: boolean,
		dup: boolean,
		packetId: number,
		identifier: number,
	): boolean;
	/** Sends PUBREL. */
	sendRelease(packetId: number): void;
}
