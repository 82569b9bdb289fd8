/** What stands before the broker on a listener, from its configuration. */

import type { ListenerConfig } from "../config/config.ts";
import { AddressList } from "../host/address.ts";
import type { Host } from "../host/host.ts";
import { type DoorSettings, needsDoor } from "../listener/door.ts";
import { type ApiListener, type ApiSource, answerApi, type Login } from "../listener/http-api.ts";
import { answerWithFile } from "../listener/static-files.ts";
import { HttpError, type Request } from "../websocket/http.ts";
import type { Answer, Reply } from "../websocket/http-stage.ts";
import type { ListenerPlan } from "./settings.ts";

/** What is asked of the program that runs the listeners. */
export interface WebSource extends Omit<ApiSource, "listeners" | "admits"> {
	/** Those that are open now. */
	plans(): readonly ListenerPlan[];
	/** As `ApiSource.admits`, for who is at `address` and came through that listener. */
	admits(
		plan: ListenerPlan,
		address: string,
		login: Login | null,
		path: string,
		done: (result: "accepted" | "refused" | "busy") => void,
	): void;
}

type WebHost = Pick<Host, "files" | "utf8">;

/** The doors of listeners, each made once. */
export class Doors {
	readonly #host: WebHost;
	readonly #source: WebSource;
	readonly #made = new WeakMap<ListenerConfig, { readonly door: DoorSettings | null }>();

	constructor(host: WebHost, source: WebSource) {
		this.#host = host;
		this.#source = source;
	}

	/** The door of a plan, as it is configured now; null where a connection goes straight to the broker. */
	of(plan: ListenerPlan): DoorSettings | null {
		const known = this.#made.get(plan.listener);
		if (known !== undefined) return known.door;
		const settings = this.#settings(plan);
		const door = needsDoor(settings) ? settings : null;
		this.#made.set(plan.listener, { door });
		return door;
	}

	#settings(plan: ListenerPlan): DoorSettings {
		const { listener } = plan;
		const isApi = listener.protocol === "http_api";
		return {
			protocol: listener.protocol,
			proxyProtocol: listener.proxyProtocol === 1 ? 1 : listener.proxyProtocol === 2 ? 2 : 0,
			proxyRequiresTls: listener.proxyProtocolRequireTls,
			proxyRequiresCertificate: listener.proxyProtocol === 2 && listener.requireCertificate,
			trustedProxies: AddressList.of(listener.trustedProxies),
			allow: AddressList.of(listener.allowedSources),
			deny: AddressList.of(listener.deniedSources),
			origins: listener.websocketsOrigins,
			answer: (request, address, reply) => {
				if (isApi) this.#answerApi(plan, address, request, reply);
				else reply(this.#file(plan.listener, request));
			},
			where: () => (plan.kind === "unix" ? `path ${plan.host}` : `port ${plan.settings.port}`),
		};
	}

	#answerApi(plan: ListenerPlan, address: string, request: Request, reply: Reply): void {
		const source: ApiSource = {
			version: this.#source.version,
			listeners: () => this.#source.plans().map(describe),
			systree: () => this.#source.systree(),
			admits: (login, path, done) => this.#source.admits(plan, address, login, path, done),
		};
		answerApi(source, this.#host.utf8, request, reply, () => reply(this.#file(plan.listener, request)));
	}

	#file({ httpDir }: ListenerConfig, request: Request): Answer | HttpError {
		if (httpDir === null) return new HttpError(404, "Not found.");
		try {
			return answerWithFile(this.#host, httpDir, request);
		} catch (error) {
			if (error instanceof HttpError) return error;
			throw error;
		}
	}
}

function describe({ kind, host, listener, settings, tls }: ListenerPlan): ApiListener {
	return {
		port: kind === "unix" ? null : settings.port,
		path: kind === "unix" ? host : null,
		protocol: listener.protocol,
		tls: tls !== null,
		mtls: listener.requireCertificate,
		allowAnonymous: settings.allowAnonymous,
	};
}
