/** LuCI's rpc: functions that call ubus through JSON-RPC on /ubus, as rpcd and uhttpd speak it. */

import { check, isPlain, type Members, onlyKeys } from "./class.ts";

/** What a declared function gives. */
export type Call = (...args: unknown[]) => Promise<unknown>;

interface Reply {
	readonly result?: unknown;
	readonly error?: { readonly code: number; readonly message: string };
}

let lastId = 0;

function typeOf(value: unknown): string {
	return Object.prototype.toString.call(value);
}

/** What `expect: { key: example }` makes of a reply. */
function expected(reply: unknown, expect: Members): unknown {
	const [key, example] = Object.entries(expect)[0] ?? ["", null];
	const value = key !== "" && isPlain(reply) ? reply[key] : key === "" ? reply : null;
	return value === null || value === undefined || typeOf(value) !== typeOf(example) ? example : value;
}

async function post(object: string, method: string, params: Members): Promise<Reply> {
	const session = document.documentElement.dataset.session ?? "";
	const response = await fetch("/ubus", {
		method: "POST",
		headers: { "Content-Type": "application/json" },
		body: JSON.stringify({
			jsonrpc: "2.0",
			id: ++lastId,
			method: "call",
			params: [session, object, method, params],
		}),
	});
	if (!response.ok)
		throw new Error(`RPC call to ${object}/${method} failed with HTTP error ${response.status}`);
	return (await response.json()) as Reply;
}

export const rpc = {
	declare(options: unknown): Call {
		check(isPlain(options), "rpc.declare() takes an object");
		onlyKeys("rpc.declare()", options, [
			"object",
			"method",
			"params",
			"expect",
			"filter",
			"reject",
			"nobatch",
		]);
		const { object, method, params = [], expect, filter, reject = false } = options;
		check(typeof object === "string" && typeof method === "string", "rpc.declare(): object and method");
		check(Array.isArray(params) && params.every((name) => typeof name === "string"), "params are names");
		check(
			expect === undefined || (isPlain(expect) && Object.keys(expect).length === 1),
			"expect has one key",
		);
		return async (...args) => {
			check(args.length <= params.length || filter !== undefined, `${object}.${method}: too many arguments`);
			const named: Members = {};
			for (const [index, name] of params.entries()) named[name] = args[index];
			const reply = await post(object, method, named);
			if (reply.error) {
				const { code, message } = reply.error;
				throw new Error(`RPC call to ${object}/${method} failed with error ${code}: ${message}`);
			}
			check(Array.isArray(reply.result), "a reply of ubus is an array");
			const [status, data] = reply.result;
			if (reject && status !== 0) {
				throw new Error(
					`RPC call to ${object}/${method} failed with ubus code ${status}: ${rpc.getStatusText(status)}`,
				);
			}
			let value: unknown = reply.result.length > 1 ? data : status;
			if (isPlain(expect)) value = expected(value, expect);
			return typeof filter === "function" ? filter(value, args, ...args.slice(params.length)) : value;
		};
	},
	getStatusText(status: unknown): string {
		const texts = [
			"Command OK",
			"Invalid command",
			"Invalid argument",
			"Method not found",
			"Resource not found",
			"No data received",
			"Permission denied",
			"Request timeout",
			"Not supported",
			"Unspecified error",
			"Connection lost",
		];
		return texts[Number(status)] ?? "Unknown error code";
	},
};
