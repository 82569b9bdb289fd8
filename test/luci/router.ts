/**
 * A router's web server for tests: pages of LuCI's views, and `/ubus`, JSON-RPC as uhttpd and rpcd serve it. A session may call
 * what the package's own ACL says, and what LuCI's base gives to everybody.
 */

import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { LUCI_APP } from "../../scripts/luci-texts.ts";
import { fileOf, pageOf } from "./page.ts";
import type { Answer, Params, Uci } from "./uci.ts";

/** An object on the router's ubus. */
export type UbusObject = (method: string, params: Params) => Promise<Answer>;

interface Access {
	readonly ubus?: Readonly<Record<string, readonly string[]>>;
	readonly uci?: readonly string[];
}

interface Group {
	readonly read: Access;
	readonly write: Access;
}

/** What LuCI's own ACL gives to every session; which configurations is up to the packages' ACLs. */
const BASE: Group = {
	read: { ubus: { uci: ["get", "changes"] } },
	write: { ubus: { uci: ["add", "apply", "confirm", "delete", "order", "set"] } },
};

const ACCESS_DENIED = -32002;
const OBJECT_NOT_FOUND = -32000;

export interface RouterOptions {
	readonly uci: Uci;
	/** Objects by name, besides `uci`. One that is null is not on the bus. */
	readonly objects: Record<string, UbusObject | null>;
}

/** A session by its name. */
const PERMISSIONS: Readonly<Record<string, "read" | "write">> = { reader: "read", owner: "write" };

export class Router {
	/** What was called, as `object.method`; and calls that nobody may make. */
	readonly called: string[] = [];
	readonly denied: string[] = [];
	readonly objects: Record<string, UbusObject | null>;
	readonly uci: Uci;
	url = "";
	private readonly group: Group;

	private constructor({ uci, objects }: RouterOptions) {
		this.uci = uci;
		this.objects = objects;
		const path = join(LUCI_APP, "root/usr/share/rpcd/acl.d/luci-app-mqttd.json");
		this.group = (JSON.parse(readFileSync(path, "utf8")) as Record<string, Group>)["luci-app-mqttd"]!;
	}

	/** Starts one; it ends with the test. */
	static async start(context: Pick<TestContext, "after">, options: RouterOptions): Promise<Router> {
		const router = new Router(options);
		const server = createServer((request, response) => {
			router.serve(request, response).catch((error: unknown) => {
				response.writeHead(500).end(String(error));
			});
		});
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		router.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
		context.after(() => {
			server.closeAllConnections();
			server.close();
		});
		return router;
	}

	/** The address of a page. */
	address(view: string, session: "owner" | "reader" = "owner", language = ""): string {
		return `${this.url}/cgi-bin/luci/admin/services/mqttd/${view}?session=${session}&language=${language}`;
	}

	private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const url = new URL(request.url ?? "/", "http://router");
		if (request.method === "POST" && url.pathname === "/ubus") {
			const chunks: Buffer[] = [];
			for await (const chunk of request) chunks.push(chunk as Buffer);
			const reply = await this.answer(JSON.parse(Buffer.concat(chunks).toString("utf8")));
			response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(reply));
			return;
		}
		const view = /^\/cgi-bin\/luci\/admin\/services\/mqttd\/([a-z]+)$/.exec(url.pathname)?.[1];
		if (view !== undefined) {
			const session = url.searchParams.get("session") ?? "";
			const permission = PERMISSIONS[session] ?? "read";
			const language = url.searchParams.get("language") ?? "";
			const page = pageOf({ view, session, permission, ...(language !== "" && { language }) });
			response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" }).end(page);
			return;
		}
		const file = fileOf(url.pathname);
		if (file === null) response.writeHead(404).end();
		else response.writeHead(200, { "Content-Type": file.type }).end(file.content);
	}

	private async answer({
		id,
		params,
	}: {
		id: unknown;
		params: [string, string, string, Params];
	}): Promise<object> {
		const [session, object, method, named] = params;
		const fault = (code: number, message: string) => ({ jsonrpc: "2.0", id, error: { code, message } });
		this.called.push(`${object}.${method}`);
		if (!this.allows(session, object, method, named)) {
			this.denied.push(`${object}.${method}`);
			return fault(ACCESS_DENIED, "Access denied");
		}
		const target = object === "uci" ? this.uci.call.bind(this.uci) : this.objects[object];
		if (!target) return fault(OBJECT_NOT_FOUND, "Object not found");
		return { jsonrpc: "2.0", id, result: await target(method, named) };
	}

	private allows(session: string, object: string, method: string, { config }: Params): boolean {
		const permission = PERMISSIONS[session];
		if (permission === undefined) return false;
		const kinds = permission === "write" ? (["read", "write"] as const) : (["read"] as const);
		const isListed = kinds.some((kind) =>
			[this.group[kind], BASE[kind]].some((access) => access.ubus?.[object]?.includes(method)),
		);
		if (object !== "uci" || config === undefined) return isListed;
		const needed = BASE.write.ubus?.uci?.includes(method) ? (["write"] as const) : kinds;
		return isListed && needed.some((kind) => this.group[kind].uci?.includes(String(config)));
	}
}
