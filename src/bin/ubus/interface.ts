/**
 * What the broker shows on ubus: its object's methods with their arguments, bounds, and its events. What they mean and
 * answer is described in files/usr/share/doc/mqttd/ubus.md, which a test holds against this table.
 */

import type { UbusArguments } from "../../ubus/value.ts";

/** Path of the object. */
export const OBJECT = "mqttd";

/** A client has come, has gone, or was not let in. */
export const CLIENT_EVENT = "mqttd.client";
/** A listener was opened or closed. */
export const LISTENER_EVENT = "mqttd.listener";

/** Where a page begins, counted from 0, and how many entries it has at most. */
const PAGE = { offset: "int32", limit: "int32" } as const;

/** Entries of a page, when the caller does not say and at most. */
export const DEFAULT_LIMIT = 100;
export const MAXIMUM_LIMIT = 1000;

/** Arguments of each method; all of them may be missing as far as ubus is concerned. */
export const METHODS = {
	status: { history: "int32" },
	clients: { search: "string", state: "string", ...PAGE },
	client: { id: "string" },
	kick: { id: "string", session: "bool" },
	subscriptions: { client: "string", search: "string", ...PAGE },
	topics: { prefix: "string", ...PAGE },
	retained: { topic: "string", filter: "string", search: "string", preview: "int32", ...PAGE },
	retained_delete: { topic: "string", filter: "string" },
	publish: { topic: "string", payload: "string", payload_base64: "string", qos: "int32", retain: "bool" },
	log: { since: "int64", type: "string", limit: "int32" },
	why: { access: "string", topic: "string", client: "string", user: "string", listener: "string" },
	users: { search: "string", ...PAGE },
	passwd: { user: "string", password: "string", delete: "bool", file: "string" },
	reload: {},
} as const satisfies Readonly<Record<string, UbusArguments>>;

export type MethodName = keyof typeof METHODS;
