/** A broker behind a door, on a fake host. */

import { AddressList } from "../../../src/host/address.ts";
import { Door, type DoorSettings } from "../../../src/listener/door.ts";
import { HttpError } from "../../../src/websocket/http.ts";
import type { FakePeer } from "../../fake/host.ts";
import { type Fixture, startBroker } from "../broker/fixture.ts";

export interface DoorFixture extends Omit<Fixture, "dial"> {
	readonly door: Door;
	/** A new connection through the door. */
	dial(from?: string): FakePeer;
	/** Lets the turn end in which output is gathered. */
	settle(): void;
}

const PORT = 8080;

export async function startDoor(
	settings: Partial<DoorSettings> = {},
	broker: Parameters<typeof startBroker>[0] = {},
): Promise<DoorFixture> {
	const fixture = await startBroker(broker);
	const { host, lines } = fixture;
	const log = {
		enabled: () => true,
		write: (type: string, text: string) => void lines.push(`${type}: ${text}`),
	};
	const door = new Door(host, log, fixture.broker.limits);
	const all: DoorSettings = {
		protocol: "websockets",
		proxyProtocol: 0,
		proxyRequiresTls: false,
		proxyRequiresCertificate: false,
		trustedProxies: AddressList.of([]),
		allow: AddressList.of([]),
		deny: AddressList.of([]),
		origins: [],
		answer: (_request, _address, reply) => reply(new HttpError(404, "Not found.")),
		where: () => `port ${PORT}`,
		...settings,
	};
	await host.network.listen({ address: "127.0.0.1", port: PORT }, (connection) =>
		door.accept(connection, all, (served) => fixture.broker.accept(served, fixture.listener)),
	);
	return {
		...fixture,
		door,
		dial: (from) => host.network.dial(PORT, "127.0.0.1", from),
		settle: () => {
			host.clock.advance(0);
			host.network.turn();
		},
	};
}

export function ascii(text: string): Uint8Array {
	return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

export function text(bytes: Uint8Array): string {
	return String.fromCharCode(...bytes);
}

/** A request for a WebSocket connection; `change` replaces, adds or (with null) leaves out lines by header. */
export function upgrade(change: Readonly<Record<string, string | null>> = {}): Uint8Array {
	const headers: Record<string, string | null> = {
		Host: "broker",
		Upgrade: "websocket",
		Connection: "Upgrade",
		"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
		"Sec-WebSocket-Version": "13",
		"Sec-WebSocket-Protocol": "mqtt",
		...change,
	};
	const lines = Object.entries(headers).filter(([, value]) => value !== null);
	return ascii(`GET /mqtt HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`);
}

/** What RFC 6455 has as the answer to that key, in the form of mosquitto's. */
export const UPGRADED =
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";
