/** MQTT.js as tests use it: promises for what arrives. */

import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from "mqtt";

/** A message as it arrived. */
export interface Arrived {
	readonly topic: string;
	readonly payload: string;
	readonly qos: number;
	readonly retain: boolean;
}

/** Connects, never anew; rejects when refused. */
export async function connect(port: number, options: IClientOptions = {}): Promise<MqttClient> {
	return await mqtt.connectAsync(
		`mqtt://127.0.0.1:${port}`,
		{ reconnectPeriod: 0, connectTimeout: 120_000, ...options },
		false,
	);
}

/** The next messages, from now on. */
export function messages(client: MqttClient, count: number): Promise<Arrived[]> {
	return new Promise((resolve) => {
		const all: Arrived[] = [];
		const take = (topic: string, payload: Buffer, packet: IPublishPacket) => {
			all.push({ topic, payload: payload.toString(), qos: packet.qos, retain: packet.retain });
			if (all.length < count) return;
			client.off("message", take);
			resolve(all);
		};
		client.on("message", take);
	});
}

/** One message through the broker and back, at QoS 1: it serves. */
export async function exchange(port: number, text = "hello"): Promise<string> {
	const client = await connect(port);
	const arrived = messages(client, 1);
	await client.subscribeAsync("harness/exchange", { qos: 1 });
	await client.publishAsync("harness/exchange", text, { qos: 1 });
	const [message] = await arrived;
	await client.endAsync();
	return message?.payload ?? "";
}

/** Resolves when the client's connection has ended. */
export function closed(client: MqttClient): Promise<void> {
	return new Promise((resolve) => client.once("close", () => resolve()));
}
