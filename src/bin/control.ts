/** `$CONTROL/broker/v1`: what the broker tells of its plugins and listeners. */

import {
	type ControlEndpoint,
	MAXIMUM_REQUEST,
	type Requester,
	type Response,
	readRequest,
	reply,
	responseText,
	tell,
} from "../broker/control.ts";
import type { PluginConfig } from "../config/plugins.ts";
import type { Host, Log } from "../host/host.ts";
import type { ListenerPlan } from "./settings.ts";
import { VERSION } from "./version.ts";

/** What it tells about; asked for at each request. */
export interface BrokerFacts {
	plugins(): readonly PluginConfig[];
	plans(): readonly ListenerPlan[];
}

/** As mosquitto calls them. */
const PROTOCOLS: Readonly<Record<ListenerPlan["listener"]["protocol"], string | null>> = {
	mqtt: "mqtt",
	auto: "mqtt",
	websockets: "mqtt+websockets",
	http_api: null,
};

export class BrokerEndpoint implements ControlEndpoint {
	readonly topic = "$CONTROL/broker/v1";
	private readonly host: Pick<Host, "utf8">;
	private readonly log: Log;
	private readonly commands: ReadonlyMap<string, readonly [name: string, run: () => object]>;

	constructor(host: Pick<Host, "utf8">, log: Log, facts: BrokerFacts) {
		this.host = host;
		this.log = log;
		this.commands = new Map([
			["listplugins", ["listPlugins", () => ({ plugins: facts.plugins().map(plugin) })]],
			["listlisteners", ["listListeners", () => ({ listeners: facts.plans().map(listener) })]],
		]);
	}

	take(payload: Uint8Array, from: Requester, answer: (response: string) => void): void {
		const text = payload.length > MAXIMUM_REQUEST ? null : this.host.utf8.decode(payload, 0, payload.length);
		const { commands, error } = readRequest(text);
		const responses: Response[] = commands.map((request) => {
			const found = this.commands.get(request.name.toLowerCase());
			if (found === undefined) return reply(request, "Unknown command");
			const [name, run] = found;
			this.log.write("information", `Broker: ${from.clientId}/${from.username ?? "(null)"} | ${name}`);
			return tell(name, run(), request);
		});
		if (error !== null) responses.push(error);
		answer(responseText(responses));
	}
}

function plugin({ builtIn: { name }, listeners }: PluginConfig): object {
	const isDynsec = name === "mosquitto_dynamic_security";
	const place = listeners?.length === 1 ? listeners[0]!.place : null;
	return {
		name: name.replace("mosquitto_", "").replaceAll("_", "-"),
		version: VERSION,
		...(place?.kind === "tcp" ? { port: place.port } : {}),
		"control-endpoints": isDynsec ? ["$CONTROL/dynamic-security/v1"] : [],
	};
}

function listener({ kind, host, settings, tls, listener: { protocol } }: ListenerPlan): object {
	const name = PROTOCOLS[protocol];
	return {
		port: settings.port,
		...(name === null ? {} : { protocol: name }),
		...(host === null || kind === "unix" ? {} : { "bind-address": host }),
		...(kind === "unix" ? { "socket-path": host } : {}),
		tls: tls !== null,
	};
}
