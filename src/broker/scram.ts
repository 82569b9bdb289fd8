/** SCRAM-SHA-256 (RFC 5802, RFC 7677) without channel binding, as an Authenticator. */

import { decodeBase64, encodeBase64 } from "../host/base64.ts";
import type { Host } from "../host/host.ts";
import { MqttError, Reason } from "../packet/packet.ts";
import type { AuthenticationExchange, AuthenticationStep, Authenticator } from "./authenticator.ts";

/** What is kept of a password: it does not let anybody in. */
export interface ScramCredentials {
	readonly salt: Uint8Array;
	readonly iterations: number;
	readonly storedKey: Uint8Array;
	readonly serverKey: Uint8Array;
}

/** Finds a user's credentials; null when there is no such user. Names are compared as they are, without SASLprep. */
export type FindCredentials = (username: string) => ScramCredentials | null;

type ScramHost = Pick<Host, "crypto" | "utf8" | "random">;

/** Iterations that RFC 7677 demands at least. */
const MINIMUM_ITERATIONS = 4096;
/** More would stop a router's other clients for too long. */
const MAXIMUM_ITERATIONS = 100_000;
/** Octets of a client's messages at most: names and nonces are far shorter. */
const MAXIMUM_MESSAGE = 4096;
const SALT_LENGTH = 16;
const NONCE_LENGTH = 18;

/**
 * Makes credentials of a password, which takes `iterations` (4096 to 100,000) of PBKDF2: on a router, 10 ms or more.
 * Throws a RangeError for other numbers of iterations.
 */
export function createScramCredentials(
	{ crypto, utf8 }: Pick<Host, "crypto" | "utf8">,
	password: string,
	salt: Uint8Array,
	iterations = MINIMUM_ITERATIONS,
): ScramCredentials {
	if (iterations < MINIMUM_ITERATIONS || iterations > MAXIMUM_ITERATIONS) {
		throw new RangeError(`SCRAM iterations: ${MINIMUM_ITERATIONS} to ${MAXIMUM_ITERATIONS}`);
	}
	const salted = crypto.pbkdf2Sha256(utf8.encode(password), salt, iterations, 32);
	const clientKey = crypto.hmacSha256(salted, utf8.encode("Client Key"));
	return {
		salt,
		iterations,
		storedKey: crypto.sha256(clientKey),
		serverKey: crypto.hmacSha256(salted, utf8.encode("Server Key")),
	};
}

export class ScramSha256 implements Authenticator {
	readonly method = "SCRAM-SHA-256";
	private readonly host: ScramHost;
	private readonly find: FindCredentials;
	private readonly makeNonce: () => string;
	/** Salts of users that do not exist come of it, always the same for a name: nobody learns which names exist. */
	private readonly secret: Uint8Array;

	/** `makeNonce` gives the server's part of the nonce: printable ASCII without commas. */
	constructor(
		host: ScramHost,
		find: FindCredentials,
		makeNonce = () => encodeBase64(host.random.bytes(NONCE_LENGTH)),
	) {
		this.host = host;
		this.find = find;
		this.makeNonce = makeNonce;
		this.secret = host.random.bytes(32);
	}

	begin(): AuthenticationExchange {
		return new Exchange(this.host, (username) => this.credentialsOf(username), this.makeNonce());
	}

	private credentialsOf(username: string): Known {
		const credentials = this.find(username);
		if (credentials !== null) return { credentials, exists: true };
		const { crypto, utf8 } = this.host;
		const made = crypto.hmacSha256(this.secret, utf8.encode(username));
		const salt = made.slice(0, SALT_LENGTH);
		return {
			credentials: { salt, iterations: MINIMUM_ITERATIONS, storedKey: made, serverKey: made },
			exists: false,
		};
	}
}

interface Known {
	readonly credentials: ScramCredentials;
	readonly exists: boolean;
}

/** Between the client's first and its final message. */
interface Challenge extends Known {
	readonly username: string;
	/** The client's header for channel binding, which its final message repeats. */
	readonly header: string;
	/** Both parts. */
	readonly nonce: string;
	/** Both first messages, as they are signed. */
	readonly signed: string;
}

class Exchange implements AuthenticationExchange {
	private readonly host: ScramHost;
	private readonly credentialsOf: (username: string) => Known;
	private readonly serverNonce: string;
	private challenge: Challenge | null = null;

	constructor(host: ScramHost, credentialsOf: (username: string) => Known, serverNonce: string) {
		this.host = host;
		this.credentialsOf = credentialsOf;
		this.serverNonce = serverNonce;
	}

	step(data: Uint8Array | null): AuthenticationStep {
		const message = this.textOf(data);
		return this.challenge === null ? this.first(message) : this.final(message, this.challenge);
	}

	private textOf(data: Uint8Array | null): string {
		if (data === null || data.length > MAXIMUM_MESSAGE) throw refused("no message, or one that is too long");
		const text = this.host.utf8.decode(data, 0, data.length);
		if (text === null) throw refused("a message is ill-formed UTF-8");
		return text;
	}

	/** `n,,n=USER,r=NONCE`: answered with the whole nonce, the salt and the iterations. */
	private first(message: string): AuthenticationStep {
		const headerEnd = message.indexOf(",", message.indexOf(",") + 1) + 1;
		const header = message.slice(0, headerEnd);
		const bare = message.slice(headerEnd);
		const [flag = "", authorization = ""] = header.split(",");
		if (headerEnd < 3 || (flag !== "n" && flag !== "y")) throw refused("channel binding is not available");
		const [name = "", nonce = ""] = bare.split(",");
		const username = name.startsWith("n=") ? nameOf(name.slice(2)) : null;
		if (username === null || !nonce.startsWith("r=") || !isNonce(nonce.slice(2))) {
			throw refused("the first message cannot be read");
		}
		if (
			authorization !== "" &&
			(!authorization.startsWith("a=") || nameOf(authorization.slice(2)) !== username)
		) {
			throw refused("nobody may act for another user");
		}
		const known = this.credentialsOf(username);
		const { salt, iterations } = known.credentials;
		const whole = nonce.slice(2) + this.serverNonce;
		const answer = `r=${whole},s=${encodeBase64(salt)},i=${iterations}`;
		this.challenge = { ...known, username, header, nonce: whole, signed: `${bare},${answer}` };
		return { done: false, data: this.host.utf8.encode(answer) };
	}

	/** `c=HEADER,r=NONCE,p=PROOF`: answered with the server's signature. */
	private final(message: string, challenge: Challenge): AuthenticationStep {
		const { crypto, utf8 } = this.host;
		const { credentials, username } = challenge;
		const proofStart = message.lastIndexOf(",p=");
		const unproven = message.slice(0, Math.max(proofStart, 0));
		const [header = "", nonce = ""] = unproven.split(",");
		const proof = decodeBase64(message.slice(proofStart + 3));
		const expected = `c=${encodeBase64(utf8.encode(challenge.header))}`;
		if (header !== expected || nonce !== `r=${challenge.nonce}` || proof === null || proof.length !== 32) {
			throw refused("the final message cannot be read, or belongs to another exchange");
		}
		const signed = utf8.encode(`${challenge.signed},${unproven}`);
		const signature = crypto.hmacSha256(credentials.storedKey, signed);
		const clientKey = proof.map((octet, at) => octet ^ signature[at]!);
		const matches = crypto.equal(crypto.sha256(clientKey), credentials.storedKey);
		if (!matches || !challenge.exists) throw refused("wrong proof, or no such user");
		const answer = `v=${encodeBase64(crypto.hmacSha256(credentials.serverKey, signed))}`;
		return { done: true, data: utf8.encode(answer), username };
	}
}

function refused(text: string): MqttError {
	return new MqttError(Reason.NOT_AUTHORIZED, `SCRAM: ${text}`);
}

/** A user name with `=2C` and `=3D` for comma and equals sign; null when it is empty or has other equals signs. */
function nameOf(text: string): string | null {
	const name = text.replaceAll("=2C", ",").replaceAll("=3D", "\u0000");
	return name === "" || name.includes("=") ? null : name.replaceAll("\u0000", "=");
}

/** Printable ASCII without commas. */
function isNonce(text: string): boolean {
	for (let at = 0; at < text.length; at++) {
		const code = text.charCodeAt(at);
		if (code < 0x21 || code > 0x7e || code === 0x2c) return false;
	}
	return text !== "";
}
