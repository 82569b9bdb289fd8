/** mosquitto's error numbers and texts, which scripts know as exit codes and messages. */

import { ClientError, type CloseReason, Reason, reasonName } from "../client/client.ts";
import type { HostError } from "../host/host.ts";

export const ExitCode = {
	SUCCESS: 0,
	/** Wrong arguments, and whatever prevented the first connection. */
	FAILURE: 1,
	PROTOCOL: 2,
	INVALID: 3,
	NO_CONNECTION: 4,
	REFUSED: 5,
	LOST: 7,
	TLS: 8,
	ERRNO: 14,
	KEEP_ALIVE: 19,
	QOS_NOT_SUPPORTED: 24,
	OVERSIZE_PACKET: 25,
	/** `-W` ended the wait. */
	TIMEOUT: 27,
	/** Interrupted before the broker had answered. */
	INTERRUPTED: 255,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** Why a program ends: its exit code, and what it says on standard error (null: nothing). */
export interface Failure {
	readonly code: number;
	readonly text: string | null;
}

const RETURN_CODES: readonly string[] = [
	"Connection Accepted.",
	"Connection Refused: unacceptable protocol version.",
	"Connection Refused: identifier rejected.",
	"Connection Refused: broker unavailable.",
	"Connection Refused: bad user name or password.",
	"Connection Refused: not authorised.",
];

/** What a refused connection prints. `code`: that of CONNACK in the given protocol version. */
export function refusalText(code: number, version: number): string {
	if (version < 5)
		return `Connection error: ${RETURN_CODES[code] ?? "Connection Refused: unknown reason."}\n`;
	if (code === Reason.UNSUPPORTED_PROTOCOL_VERSION) {
		return `Connection error: ${reasonName(code)}. Try connecting to an MQTT v5 broker, or use MQTT v3.x mode.\n`;
	}
	return `Connection error: ${reasonName(code)}\n`;
}

function isTls({ code }: HostError): boolean {
	return code.startsWith("TLS_") || code.startsWith("CERT_");
}

/** Why the broker could not be reached. */
export function unreachable(error: HostError): Failure {
	if (isTls(error)) return { code: ExitCode.TLS, text: `Error: A TLS error occurred: ${error.message}.\n` };
	const lookup = error.code === "ENOTFOUND" || error.code === "EAI_AGAIN";
	const text = lookup ? "Unable to connect (Lookup error.).\n" : `Error: ${error.message}\n`;
	return { code: ExitCode.FAILURE, text };
}

const PROTOCOL_TEXT = "Error: A network protocol error occurred when communicating with the broker.\n";

/** What the end of a connection means to a program that does not connect again. */
export function failureOf(reason: CloseReason, version: number): Failure {
	switch (reason.kind) {
		case "requested":
			return { code: ExitCode.SUCCESS, text: null };
		case "unreachable":
			return unreachable(reason.error);
		case "refused":
			if (version === 5) return { code: reason.code, text: PROTOCOL_TEXT };
			return { code: reason.code, text: "Error: The connection was refused.\n" };
		case "lost":
			if (reason.error === null || reason.error.code === "ECONNRESET" || reason.error.code === "EPIPE") {
				return { code: ExitCode.LOST, text: "Error: The connection was lost.\n" };
			}
			if (isTls(reason.error)) return unreachable(reason.error);
			return { code: ExitCode.ERRNO, text: `Error: ${reason.error.message}\n` };
		case "keep-alive":
			return { code: ExitCode.KEEP_ALIVE, text: "Error: Keepalive exceeded.\n" };
		case "server":
			return { code: ExitCode.NO_CONNECTION, text: "Error: The client is not currently connected.\n" };
		case "protocol":
			return { code: ExitCode.PROTOCOL, text: PROTOCOL_TEXT };
	}
}

/** What a publication that the client did not take means. `code` is a ClientError. */
export function publishFailure(code: number): Failure {
	switch (code) {
		case ClientError.QOS_NOT_SUPPORTED:
			return {
				code: ExitCode.QOS_NOT_SUPPORTED,
				text: "Error: Message QoS not supported on broker, try a lower QoS.\n",
			};
		case ClientError.PACKET_TOO_LARGE:
			return {
				code: ExitCode.OVERSIZE_PACKET,
				text: "Error: Packet larger than supported by the server.\n",
			};
		case ClientError.NOT_CONNECTED:
			return {
				code: ExitCode.NO_CONNECTION,
				text: "Error: Client not connected when trying to publish.\n",
			};
		case ClientError.INVALID_TOPIC_ALIAS:
			return { code: ExitCode.INVALID, text: "Error: Topic alias larger than supported by the server.\n" };
		default:
			return {
				code: ExitCode.INVALID,
				text: "Error: Invalid input. Does your topic contain '+' or '#'?\n",
			};
	}
}
