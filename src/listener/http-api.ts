/** The read-only HTTP interface of mosquitto (`protocol http_api`): version, listeners and `$SYS` as JSON. */

import { decodeBase64 } from "../host/base64.ts";
import type { Utf8 } from "../host/host.ts";
import { HttpError, type Request } from "../websocket/http.ts";
import type { Answer, Reply } from "../websocket/http-stage.ts";

/** A listener as it is told of. */
export interface ApiListener {
	/** Null for a unix socket. */
	readonly port: number | null;
	readonly path: string | null;
	readonly protocol: "mqtt" | "websockets" | "http_api" | "auto";
	readonly tls: boolean;
	readonly mtls: boolean;
	readonly allowAnonymous: boolean;
}

/** What is asked of the program. */
export interface ApiSource {
	readonly version: string;
	listeners(): readonly ApiListener[];
	/** Numbers by topic. */
	systree(): ReadonlyMap<string, number>;
	/**
	 * Finds out whether who says so may read what is at `path`; null is no login. Calls `done` with an answer of that, at once
	 * or later; `busy`: it cannot be found out now.
	 */
	admits(login: Login | null, path: string, done: (result: "accepted" | "refused" | "busy") => void): void;
}

/** Basic authentication (RFC 7617). */
export interface Login {
	readonly username: string;
	readonly password: Uint8Array;
}

const PREFIX = "/api/";

/**
 * Answers a request below `/api/`; calls `other` for one that is for something else, to be served otherwise. Throws an
 * HttpError when it is refused, or replies.
 */
export function answerApi(
	source: ApiSource,
	utf8: Utf8,
	request: Request,
	reply: Reply,
	other: () => void,
): void {
	if (request.method !== "GET" && request.method !== "HEAD") throw new HttpError(405, "Invalid HTTP Method");
	const [path = ""] = request.target.split("?", 1);
	source.admits(loginOf(request, utf8), path, (result) => {
		if (result === "busy") reply(new HttpError(503, "Too many logins wait."));
		else if (result === "refused") reply(unauthorized(utf8));
		else if (path.slice(0, PREFIX.length).toLowerCase() === PREFIX) reply(answerFor(source, utf8, path));
		else other();
	});
}

function unauthorized(utf8: Utf8): Answer {
	return {
		status: 401,
		headers: [
			["WWW-Authenticate", 'Basic realm="Mosquitto API"'],
			["Content-Type", "text/plain"],
		],
		body: utf8.encode("Not authorised\n"),
	};
}

function answerFor(source: ApiSource, utf8: Utf8, path: string): Answer | HttpError {
	switch (path) {
		case "/api/v1/version":
			return plain(utf8, "text/plain", source.version);
		case "/api/v1/listeners":
			return plain(utf8, "application/json", print({ listeners: source.listeners().map(describe) }));
		case "/api/v1/systree":
			return plain(utf8, "application/json", print(Object.fromEntries(source.systree())));
		default:
			return new HttpError(404, "Not found.");
	}
}

/** As mosquitto, any page may read what everybody can read. */
function plain(utf8: Utf8, type: string, text: string): Answer {
	return {
		status: 200,
		headers: [
			["Access-Control-Allow-Origin", "*"],
			["Content-Type", type],
		],
		body: utf8.encode(text),
	};
}

function print(value: unknown): string {
	return JSON.stringify(value, null, "\t");
}

function describe({ port, path, protocol, tls, mtls, allowAnonymous }: ApiListener): unknown {
	return {
		...(path === null ? { port } : { path }),
		protocol: protocol === "http_api" ? "httpapi" : protocol,
		tls,
		mtls,
		allow_anonymous: allowAnonymous,
	};
}

/** What Authorization says; null when there is nothing, or nothing that can be read. */
function loginOf({ headers }: Request, utf8: Utf8): Login | null {
	const match = /^Basic +([A-Za-z0-9+/]+=*)$/i.exec(headers.get("authorization") ?? "");
	const octets = match === null ? null : decodeBase64(match[1]!);
	const colon = octets?.indexOf(0x3a) ?? -1;
	if (!octets || colon < 0) return null;
	const username = utf8.decode(octets, 0, colon);
	return username === null ? null : { username, password: octets.slice(colon + 1) };
}
