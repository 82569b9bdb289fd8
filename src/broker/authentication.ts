/** Enhanced authentication of one client (section 4.12): its method, who it is, and the exchange that is under way. */

import {
	type ConnectPacket,
	MqttError,
	PacketType,
	type Properties,
	Reason,
	type ReasonCode,
} from "../packet/packet.ts";
import type { AuthenticationExchange, AuthenticationStep, Authenticator } from "./authenticator.ts";
import type { Client } from "./client.ts";

/** Seconds within which a re-authentication has to end. */
const TIMEOUT = 30;

export class Authentication {
	readonly authenticator: Authenticator;
	/** CONNECT, which is carried out when the client has shown who it is; null afterwards. */
	connect: ConnectPacket | null;
	/** Null while nothing is under way. */
	private exchange: AuthenticationExchange | null;
	/** Second by which a re-authentication has to end; 0 when none is under way. */
	deadline = 0;
	/** Who the client is, once it is known. */
	username: string | null = null;

	constructor(authenticator: Authenticator, connect: ConnectPacket) {
		this.authenticator = authenticator;
		this.connect = connect;
		this.exchange = authenticator.begin();
	}

	get underWay(): boolean {
		return this.exchange !== null;
	}

	/** The client authenticates itself anew. */
	restart(now: number): void {
		this.exchange = this.authenticator.begin();
		this.deadline = now + TIMEOUT;
	}

	/** Takes what the client sends. Throws an MqttError when that fails, or makes the client somebody else. */
	step(data: Uint8Array | undefined): AuthenticationStep {
		if (this.exchange === null) throw new MqttError(Reason.PROTOCOL_ERROR, "no authentication is under way");
		const step = this.exchange.step(data ?? null);
		if (!step.done) return step;
		if (this.username !== null && this.username !== step.username) {
			throw new MqttError(Reason.NOT_AUTHORIZED, "re-authentication as another user");
		}
		this.username = step.username;
		this.exchange = null;
		this.deadline = 0;
		return step;
	}

	/** What AUTH and a successful CONNACK carry ([MQTT-4.12.0-5]). */
	properties(data: Uint8Array | null): Properties {
		const authenticationMethod = this.authenticator.method;
		return data === null ? { authenticationMethod } : { authenticationMethod, authenticationData: data };
	}
}

/** Begins what CONNECT asks for; null when it names no method. Throws an MqttError when there is no such method. */
export function openAuthentication(client: Client, packet: ConnectPacket): Authentication | null {
	const method = packet.properties?.authenticationMethod;
	if (method === undefined) return null; // so no AUTH is sent [MQTT-4.12.0-6]
	const authenticator = client.broker.authenticators.get(method);
	if (authenticator === undefined) {
		throw new MqttError(Reason.BAD_AUTHENTICATION_METHOD, "the authentication method is not available"); // [MQTT-4.12.0-1]
	}
	return new Authentication(authenticator, packet);
}

/** Sends AUTH: the client is to go on, or has authenticated itself anew. No reasons: [MQTT-3.15.2-2], [MQTT-3.15.2-3]. */
export function sendAuth(client: Client, reasonCode: ReasonCode, properties: Properties): void {
	client.trace("Sending AUTH to", `(rc${reasonCode})`);
	client.sendWhole({ type: PacketType.AUTH, reasonCode, properties });
}
