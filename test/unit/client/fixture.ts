/** A client over the fake host, with all that its handler was told. */

import { type ClientOptions, type CloseReason, MqttClient } from "../../../src/client/client.ts";
import type { ConnackPacket, Properties } from "../../../src/packet/packet.ts";
import { createFakeHost, type FakeHost } from "../../fake/host.ts";
import { connack } from "./packets.ts";
import { settle, TestServer } from "./server.ts";

export interface Told {
	readonly connected: ConnackPacket[];
	readonly refused: ConnackPacket[];
	/** `topic payload qQOS` and flags. */
	readonly messages: string[];
	readonly properties: (Properties | null)[];
	/** Packet identifier and reason code. */
	readonly published: [number, number][];
	readonly subscribed: [number, readonly number[]][];
	readonly unsubscribed: [number, readonly number[]][];
	readonly closed: CloseReason[];
	drains: number;
}

export interface Fixture {
	readonly host: FakeHost;
	readonly server: TestServer;
	readonly client: MqttClient;
	readonly told: Told;
	readonly trace: string[];
}

/** A client that has not been started. */
export function createClient(options: Partial<ClientOptions> = {}): Fixture {
	const host = createFakeHost();
	const server = new TestServer(host, options.version ?? 4);
	const told: Told = {
		connected: [],
		refused: [],
		messages: [],
		properties: [],
		published: [],
		subscribed: [],
		unsubscribed: [],
		closed: [],
		drains: 0,
	};
	const trace: string[] = [];
	const client = new MqttClient(
		host,
		{ host: "127.0.0.1", port: 1883, clientId: "c", ...options },
		{
			onConnect: (packet) => void told.connected.push(packet),
			onRefused: (packet) => void told.refused.push(packet),
			onMessage(message) {
				const { topic, payload, payloadStart, payloadEnd, qos, retain, dup } = message;
				const text = new TextDecoder().decode(payload.subarray(payloadStart, payloadEnd));
				told.messages.push(`${topic} ${text} q${qos}${retain ? " retain" : ""}${dup ? " dup" : ""}`);
				told.properties.push(message.properties);
			},
			onPublished: (id, code) => void told.published.push([id, code]),
			onSubscribed: (id, codes) => void told.subscribed.push([id, codes]),
			onUnsubscribed: (id, codes) => void told.unsubscribed.push([id, codes]),
			onDrain: () => void told.drains++,
			onClose: (reason) => void told.closed.push(reason),
			onTrace: (line) => void trace.push(line),
		},
	);
	return { host, server, client, told, trace };
}

/** A client whose connection the server has accepted; its CONNECT has been taken. */
export async function createConnected(
	options: Partial<ClientOptions> = {},
	accept: ConnackPacket = connack(),
): Promise<Fixture> {
	const fixture = createClient(options);
	fixture.client.connect();
	await settle();
	fixture.server.take();
	fixture.server.send(accept);
	return fixture;
}

/** The octets of a text. */
export function octets(text: string): Uint8Array {
	return new TextEncoder().encode(text);
}
