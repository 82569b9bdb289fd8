/**
 * The captured conversations of ubus, from where they stand: beside the repository, with the description of the
 * protocol.
 */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseConversations, type UbusConversation } from "./ubus-messages.ts";

export type { UbusConversation, UbusMessage } from "./ubus-messages.ts";

export const VECTORS_PATH = fileURLToPath(new URL("../../../shared/ubus/vectors.json", import.meta.url));

/** All conversations. Throws when they are not there. */
export function readConversations(): UbusConversation[] {
	let text: string;
	try {
		text = readFileSync(VECTORS_PATH, "utf8");
	} catch (error) {
		throw new Error(`${VECTORS_PATH}: the captured conversations of ubus are not beside the repository`, {
			cause: error,
		});
	}
	return parseConversations(text);
}

/** The conversation of that name. */
export function readConversation(name: string): UbusConversation {
	const found = readConversations().find((conversation) => conversation.name === name);
	if (found === undefined) throw new Error(`${VECTORS_PATH}: no conversation ${name}`);
	return found;
}
