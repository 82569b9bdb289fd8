/** The handshake of WebSocket (RFC 6455, section 4), both ends of it, with the subprotocols of MQTT. */

import { encodeBase64 } from "../host/base64.ts";
import type { Crypto, Utf8 } from "../host/host.ts";
import { answerHead, type Headers, HttpError, listOf, type Request } from "./http.ts";

/** What handshakes need of the host. */
export interface HandshakeHost {
	readonly crypto: Pick<Crypto, "sha1">;
	readonly utf8: Pick<Utf8, "encode">;
}

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** 16 octets in base64. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

/** Subprotocols, the better first. The other one is what clients of MQTT 3.1 ask for; mosquitto has both. */
const SUBPROTOCOLS: readonly string[] = ["mqtt", "mqttv3.1"];

/** What the server answers to the client's key (section 4.2.2). */
export function acceptFor(key: string, host: HandshakeHost): string {
	return encodeBase64(host.crypto.sha1(host.utf8.encode(key + GUID)));
}

/** Whether the request asks for another protocol, so that it is no request for a file. */
export function asksForUpgrade(headers: Headers): boolean {
	return listOf(headers.get("upgrade")).some((word) => word.toLowerCase() === "websocket");
}

/**
 * The head of the answer that makes a connection of the request. `origins`: those that may connect, none for all. Throws
 * an HttpError when the request is not one for MQTT over WebSocket.
 */
export function acceptUpgrade(request: Request, origins: readonly string[], host: HandshakeHost): string {
	const { headers } = request;
	if (request.method !== "GET") throw new HttpError(405, "WebSocket begins with GET");
	if (!listOf(headers.get("connection")).some((word) => word.toLowerCase() === "upgrade")) {
		throw new HttpError(400, "Upgrade without Connection: Upgrade");
	}
	const key = headers.get("sec-websocket-key");
	if (key === undefined || !KEY.test(key)) throw new HttpError(400, "no good Sec-WebSocket-Key");
	if (headers.get("sec-websocket-version") !== "13")
		throw new HttpError(426, "only version 13 of WebSocket is served");
	checkOrigin(headers.get("origin"), origins);
	const offered = listOf(headers.get("sec-websocket-protocol"));
	const subprotocol = SUBPROTOCOLS.find((name) => offered.includes(name));
	// [MQTT-6.0.0-3], 3.1.1: [MQTT-6.0.0-3]
	if (subprotocol === undefined) throw new HttpError(400, "the subprotocol mqtt is not offered");
	// In mosquitto's order and letters.
	return answerHead(101, [
		["Upgrade", "WebSocket"],
		["Connection", "Upgrade"],
		["Sec-WebSocket-Accept", acceptFor(key, host)],
		["Sec-WebSocket-Protocol", subprotocol], // [MQTT-6.0.0-4], 3.1.1: [MQTT-6.0.0-4]
	]);
}

/** A browser always says which page's program connects. What says nothing is no browser, but may have been told to lie. */
function checkOrigin(origin: string | undefined, origins: readonly string[]): void {
	if (origins.length === 0) return;
	if (origin === undefined || !origins.includes(origin))
		throw new HttpError(403, "the origin may not connect");
}

/** The client's request. `host`: name and port as in a URL; `path` begins with a slash; `key`: 16 random octets in base64. */
export function upgradeRequest(host: string, path: string, key: string): string {
	const lines = [
		`GET ${path} HTTP/1.1`,
		`Host: ${host}`,
		"Upgrade: websocket",
		"Connection: Upgrade",
		`Sec-WebSocket-Key: ${key}`,
		"Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Protocol: mqtt", // [MQTT-6.0.0-3]
	];
	return `${lines.join("\r\n")}\r\n\r\n`;
}

/** Refuses, with an HttpError, an answer that does not make a connection of the request with that key (section 4.1). */
export function checkAnswer(status: number, headers: Headers, key: string, host: HandshakeHost): void {
	if (status !== 101) throw new HttpError(502, `the server answers ${status}`);
	if (!asksForUpgrade(headers)) throw new HttpError(502, "an answer without Upgrade: websocket");
	if (!listOf(headers.get("connection")).some((word) => word.toLowerCase() === "upgrade")) {
		throw new HttpError(502, "an answer without Connection: Upgrade");
	}
	if (headers.get("sec-websocket-accept") !== acceptFor(key, host)) {
		throw new HttpError(502, "an answer with a wrong Sec-WebSocket-Accept");
	}
	if (headers.get("sec-websocket-protocol") !== "mqtt") {
		throw new HttpError(502, "an answer without the subprotocol mqtt"); // [MQTT-6.0.0-4]
	}
	if (headers.has("sec-websocket-extensions")) throw new HttpError(502, "an answer with extensions");
}
