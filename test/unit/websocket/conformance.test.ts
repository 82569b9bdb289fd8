/** Every conformance case, against the broker on a fake host: in one piece, octet by octet where it is short, and in chops. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
	BINARY,
	checkCase,
	concat,
	FIN,
	frame,
	GOODBYE,
	OPENING,
	type WebSocketCase,
	webSocketCases,
} from "../../vectors/websocket.ts";
import { startDoor, text, UPGRADED, upgrade } from "../listener/fixture.ts";

const SHORT = 3000;

async function run(each: WebSocketCase, pieces: number): Promise<void> {
	const { dial, settle } = await startDoor();
	const peer = dial();
	const sent = concat([frame(FIN | BINARY, OPENING), ...each.send, ...(each.goesOn ? [GOODBYE] : [])]);
	peer.sendSplit(upgrade(), pieces);
	assert.equal(text(peer.take()), UPGRADED);
	for (let at = 0; at < sent.length; at += pieces) {
		peer.send(sent.subarray(at, at + pieces));
		settle();
	}
	assert.ok(peer.closed, `${each.name}: the connection has ended`);
	checkCase(each, peer.take());
}

// [MQTT-6.0.0-1] [MQTT-6.0.0-2]
test("conformance: whole", async () => {
	assert.ok(webSocketCases.length >= 280, `cases: ${webSocketCases.length}`);
	for (const each of webSocketCases) await run(each, Number.MAX_SAFE_INTEGER);
});

test("conformance: octet by octet", async () => {
	const short = webSocketCases.filter((each) => concat(each.send).length <= SHORT);
	assert.ok(short.length > 250, `cases: ${short.length}`);
	for (const each of short) await run(each, 1);
});

test("conformance: in chops of 997 octets", async () => {
	for (const each of webSocketCases) {
		const { length } = concat(each.send);
		if (length > SHORT && length < 300_000) await run(each, 997);
	}
});
