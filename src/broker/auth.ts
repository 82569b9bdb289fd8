/** AUTH from a client: a step of the authentication that CONNECT began, or of a later one (section 3.15). */

import { type AuthPacket, MqttError, Reason } from "../packet/packet.ts";
import { type Authentication, sendAuth } from "./authentication.ts";
import type { Client } from "./client.ts";
import { finishConnect } from "./connect.ts";
import { CONNECTED } from "./constants.ts";

export function handleAuth(client: Client, packet: AuthPacket): void {
	client.trace("Received AUTH from", `(rc${packet.reasonCode})`);
	const { authentication } = client;
	if (authentication === null) {
		throw new MqttError(Reason.PROTOCOL_ERROR, "AUTH without an authentication method in CONNECT"); // [MQTT-4.12.0-7]
	}
	if (packet.properties?.authenticationMethod !== authentication.authenticator.method) {
		// [MQTT-4.12.0-5], [MQTT-4.12.1-1]
		throw new MqttError(Reason.PROTOCOL_ERROR, "AUTH has another authentication method than CONNECT");
	}
	begin(client, authentication, packet.reasonCode);
	const { done, data } = authentication.step(packet.properties.authenticationData);
	const properties = authentication.properties(data);
	if (!done)
		sendAuth(client, Reason.CONTINUE_AUTHENTICATION, properties); // [MQTT-4.12.0-2], [MQTT-4.12.0-3]
	else if (authentication.connect !== null) finishConnect(client, authentication.connect, properties);
	else sendAuth(client, Reason.SUCCESS, properties);
}

/** Sees to it that the packet is a step of something: of what is under way, or of what it begins. */
function begin(client: Client, authentication: Authentication, reasonCode: number): void {
	const { underWay } = authentication;
	if (reasonCode === Reason.CONTINUE_AUTHENTICATION && underWay) return; // [MQTT-4.12.0-3]
	if (reasonCode !== Reason.RE_AUTHENTICATE || underWay || client.state !== CONNECTED) {
		throw new MqttError(Reason.PROTOCOL_ERROR, `AUTH with reason code ${reasonCode} out of place`);
	}
	const { broker } = client;
	authentication.restart(broker.seconds);
	// To look at its deadline, at the next second.
	broker.deadlines.schedule(broker.seconds + 1, client);
}
