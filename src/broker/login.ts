/** Who a client is by its CONNECT packet, and whether it may come in, or stay when the owner changes who may. */

import type { PasswordHash } from "../config/password.ts";
import { type ConnectPacket, MqttError, Reason } from "../packet/packet.ts";
import type { Broker } from "./broker.ts";
import type { Client } from "./client.ts";
import { CLOSED, LOGGING_IN } from "./constants.ts";
import type { Login, LoginResult } from "./logins.ts";
import { Rights } from "./rights.ts";
import type { ListenerSettings, Users, Who } from "./settings.ts";

/** The login of a client whose CONNECT waits for it. */
class ClientLogin implements Login {
	readonly users: Users;
	readonly username: string;
	readonly password: Uint8Array | null;
	readonly address: string;
	private readonly client: Client;
	private readonly resume: (result: LoginResult) => void;

	constructor(
		client: Client,
		users: Users,
		username: string,
		password: Uint8Array | null,
		resume: (result: LoginResult) => void,
	) {
		this.client = client;
		this.users = users;
		this.username = username;
		this.password = password;
		this.address = client.connection.remoteAddress;
		this.resume = resume;
	}

	isWanted(): boolean {
		return this.client.state !== CLOSED;
	}

	refused(why: string): void {
		this.client.refusal = why;
	}

	done(result: LoginResult): void {
		if (this.client.state !== CLOSED) this.client.goOn(this.resume, result);
	}
}

/**
 * Checks user name and password where the listener asks for them. Returns whether that goes on: CONNECT has to wait until
 * `resume` is called, in which `requireLogin` tells how it ended. Throws an MqttError when the client is not let in.
 */
export function beginLogin(
	client: Client,
	packet: ConnectPacket,
	resume: (result: LoginResult) => void,
): boolean {
	const { users, allowAnonymous } = client.listener;
	// Enhanced authentication has told who the client is.
	if (client.authentication !== null) return false;
	if (client.listener.usesIdentity) {
		client.username = client.identity;
		if (client.identity === null) {
			throw new MqttError(Reason.BAD_USER_NAME_OR_PASSWORD, "there is no name in the client's certificate");
		}
		return false;
	}
	client.username = packet.username;
	if (packet.username === null || users === null) {
		if (!allowAnonymous) throw new MqttError(Reason.NOT_AUTHORIZED, "anonymous clients are not allowed"); // [MQTT-3.1.4-2]
		return false;
	}
	client.login = users.get(packet.username) ?? null;
	const { broker } = client;
	const login = new ClientLogin(client, users, packet.username, packet.password, resume);
	const result = broker.logins.check(login, broker.seconds);
	if (result === null) client.waitFor(LOGGING_IN);
	else requireLogin(result);
	return result === null;
}

/** Made once: an error costs more than all else of a refusal, as it takes down where it was made. */
const TOO_MANY = new MqttError(Reason.SERVER_BUSY, "too many logins wait");
const REFUSED = new MqttError(Reason.NOT_AUTHORIZED, "not authorised");

/** Throws unless the login was accepted. */
export function requireLogin(result: LoginResult): void {
	if (result === "busy") throw TOO_MANY;
	if (result === "refused") throw REFUSED;
}

/** Throws unless a client that has shown who it is may come in with that client identifier, or may stay. */
export function requireUser(client: Client, clientId: string): void {
	const { listener, username } = client;
	const why = username === null ? null : (listener.users?.refuses?.(username, clientId) ?? null);
	if (why !== null) throw new MqttError(Reason.NOT_AUTHORIZED, why);
	if (!isKnown(client)) throw new MqttError(Reason.NOT_AUTHORIZED, "it may not log in any more");
}

function isKnown({ authentication, listener, username, login, identity }: Client): boolean {
	if (authentication !== null) return true;
	if (listener.usesIdentity) return identity !== null && username === identity;
	const { users, allowAnonymous } = listener;
	if (username === null || users === null) return allowAnonymous;
	const now = users.get(username);
	return now !== undefined && login !== null && isSame(now, login);
}

function isSame(a: PasswordHash, b: PasswordHash): boolean {
	if (a.kind !== b.kind || a.iterations !== b.iterations) return false;
	return a.salt.join() === b.salt.join() && a.hash.join() === b.hash.join();
}

/** The client identifier that rules see of who speaks HTTP; as in mosquitto. */
const HTTP_CLIENT_ID = "http-api";

/** As `BrokerControl.checkReader`. */
export function checkReader(
	broker: Broker,
	listener: ListenerSettings,
	who: Who,
	topic: string,
	done: (result: LoginResult) => void,
): void {
	const { users, allowAnonymous } = listener;
	const { username, password, address } = who;
	const refuse = (why: string) => {
		broker.log.write("notice", `HTTP request from ${address} refused: ${why}.`);
		done("refused");
	};
	if (username === null || users === null) {
		if (!allowAnonymous) refuse("anonymous clients are not allowed");
		else judge();
		return;
	}
	let refusal = "not authorised";
	const finish = (result: LoginResult) => {
		const why = users.refuses?.(username, HTTP_CLIENT_ID) ?? null;
		if (result === "busy") done(result);
		else if (result === "refused") refuse(refusal);
		else if (why !== null) refuse(why);
		else judge();
	};
	const refused = (why: string) => {
		refusal = why;
	};
	const login = { users, username, password, address, isWanted: () => true, refused, done: finish };
	const result = broker.logins.check(login, broker.seconds);
	if (result !== null) finish(result);

	function judge(): void {
		if (new Rights(listener, HTTP_CLIENT_ID, username).mayRead(topic)) done("accepted");
		else
			refuse(
				`${username === null ? "anonymous clients" : `'${username}'`} may not read ${topic.slice(0, 100)}`,
			);
	}
}
