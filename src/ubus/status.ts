/** Status codes of ubus, and the error that carries one. */

import type { UbusTable } from "./value.ts";

/** What ends a request. Owners of objects may also use numbers that are not here, up to 0xffffffff. */
export const Status = {
	OK: 0,
	INVALID_COMMAND: 1,
	INVALID_ARGUMENT: 2,
	METHOD_NOT_FOUND: 3,
	NOT_FOUND: 4,
	NO_DATA: 5,
	PERMISSION_DENIED: 6,
	TIMEOUT: 7,
	NOT_SUPPORTED: 8,
	UNKNOWN_ERROR: 9,
	CONNECTION_FAILED: 10,
	NO_MEMORY: 11,
	PARSE_ERROR: 12,
	SYSTEM_ERROR: 13,
} as const;

const TEXTS = new Map<number, string>(
	Object.entries(Status).map(([name, code]) => [code, name.toLowerCase().replaceAll("_", " ")]),
);

/** A status code in words (`not found`), or `status 99` for one without a name. */
export function statusText(code: number): string {
	return TEXTS.get(code) ?? `status ${code}`;
}

/** What a request came to when not to `Status.OK`, and how a method that we serve ends a call so. */
export class UbusError extends Error {
	/** One of `Status`, or what the owner of the object chose. */
	readonly code: number;
	/** Data that came before the status: an owner may send both. */
	readonly replies: readonly UbusTable[];

	/** `what`: what was asked for, or what is wrong; the code in words follows it. */
	constructor(code: number, what: string, replies: readonly UbusTable[] = []) {
		super(`${what}: ${statusText(code)}`);
		this.name = "UbusError";
		this.code = code;
		this.replies = replies;
	}
}
