/** An MQTT client for tests of the store: does nothing by itself, and tells what came as short texts. */

import mqttPacket from "mqtt-packet";
import type { FakePeer } from "../../fake/host.ts";
import { encode, type Fields } from "../../vectors/wire.ts";
import type { Fixture } from "../broker/fixture.ts";

export class TestClient {
	readonly peer: FakePeer;
	private readonly version: 4 | 5;
	private readonly parser: ReturnType<typeof mqttPacket.parser>;
	private fresh: Fields[] = [];

	constructor(fixture: Fixture, version: 4 | 5) {
		this.version = version;
		this.peer = fixture.dial();
		this.parser = mqttPacket.parser({ protocolVersion: version });
		this.parser.on("packet", (packet) => this.fresh.push(packet as unknown as Fields));
	}

	/** Sends all in one turn; what has come since. */
	send(...packets: Fields[]): string[] {
		const bytes = packets.map((packet) => encode(packet, this.version));
		if (bytes.length > 0) this.peer.send(Buffer.concat(bytes));
		return this.take();
	}

	take(): string[] {
		const bytes = this.peer.take();
		if (bytes.length > 0) this.parser.parse(Buffer.from(bytes));
		return this.fresh.splice(0).map(describe);
	}
}

function describe({
	cmd,
	messageId,
	sessionPresent,
	topic,
	payload,
	qos,
	dup,
	retain,
	properties,
	...rest
}: Fields): string {
	const { reasonCode, granted } = rest;
	if (cmd === "connack") return `connack ${sessionPresent ? 1 : 0}`;
	if (cmd === "suback") return `suback ${[granted].flat().join()}`;
	if (cmd !== "publish")
		return reasonCode ? `${cmd} ${messageId} ${reasonCode}` : `${cmd} ${messageId ?? ""}`.trim();
	const { subscriptionIdentifier, messageExpiryInterval } = (properties ?? {}) as Fields;
	const parts = [`publish ${topic}=${payload} q${qos}`];
	if (dup) parts.push("again");
	if (retain) parts.push("retained");
	if (subscriptionIdentifier !== undefined) parts.push(`#${subscriptionIdentifier}`);
	if (messageExpiryInterval !== undefined) parts.push(`${messageExpiryInterval}s`);
	return parts.join(" ");
}

/** CONNECT of a session that lasts for so many seconds; below 5.0 it lasts for ever, or not at all. */
export function connect(clientId: string, seconds: number, more: Fields = {}): Fields {
	const { properties, ...rest } = more;
	return {
		cmd: "connect",
		clientId,
		clean: seconds === 0,
		keepalive: 0,
		properties: { sessionExpiryInterval: seconds, ...(properties as Fields) },
		...rest,
	};
}

export function subscribe(topic: string, qos: number, more: Fields = {}): Fields {
	return { cmd: "subscribe", messageId: 1000, subscriptions: [{ topic, qos }], ...more };
}

export function publish(topic: string, payload: string | number, qos = 1, more: Fields = {}): Fields {
	return {
		cmd: "publish",
		topic,
		payload: String(payload),
		qos,
		messageId: qos === 0 ? undefined : 1,
		...more,
	};
}
