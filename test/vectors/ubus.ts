/** The conversations of ubus's own programs with ubusd that were captured, in ubus.json. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseConversations, type UbusConversation } from "./ubus-messages.ts";

export type { UbusConversation, UbusMessage } from "./ubus-messages.ts";

export const VECTORS_PATH = fileURLToPath(new URL("ubus.json", import.meta.url));

/** All conversations. */
export function readConversations(): UbusConversation[] {
	return parseConversations(readFileSync(VECTORS_PATH, "utf8"));
}

/** The conversation of that name. */
export function readConversation(name: string): UbusConversation {
	const found = readConversations().find((conversation) => conversation.name === name);
	if (found === undefined) throw new Error(`${VECTORS_PATH}: no conversation ${name}`);
	return found;
}
