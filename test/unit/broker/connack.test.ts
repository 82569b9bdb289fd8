/** CONNACK to the octet: some clients' tests compare it so. The order is mosquitto's. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { startBroker } from "./fixture.ts";

async function answer(...connect: string[]): Promise<string> {
	const peer = (await startBroker()).dial();
	peer.send(Buffer.from(connect.join(""), "hex"));
	return Buffer.from(peer.take()).toString("hex");
}

// And no more: no authentication method [MQTT-4.12.0-6], no response information [MQTT-3.1.2-28], no reserved flag [MQTT-3.2.2-1].
test("5.0: topic alias maximum, then the rest, at last maximum packet size and receive maximum", async () => {
	const connack = await answer("1010", "00044d51545405", "02", "003c", "00", "000378797a");
	assert.equal(connack, ["200e", "00", "00", "0b", "22000a", "27001e8480", "210014"].join(""));
});

test("5.0: what is chosen for the client stands between them", async () => {
	const connack = await answer("100d", "00044d51545405", "02", "003c", "00", "0000");
	const assigned = connack.slice(16, -16);
	assert.equal(connack.slice(0, 16), ["203a", "00", "00", "37", "22000a"].join(""));
	assert.match(assigned, /^1200296175746f2d([0-9a-f]{2}){36}$/);
	assert.equal(connack.slice(-16), ["27001e8480", "210014"].join(""));
});

test("below 5.0 there is nothing but the return code", async () => {
	assert.equal(await answer("100f", "00044d51545404", "02", "003c", "000378797a"), "20020000");
});

test("a refusal is as short as can be, tells why only who asks, and is not longer than what the client takes", async () => {
	const refusal = async (...connect: string[]) => {
		const { dial, broker } = await startBroker({}, { allowAnonymous: false });
		const peer = dial();
		peer.send(Buffer.from(connect.join(""), "hex"));
		const octets = Buffer.from(peer.take());
		assert.equal(broker.statistics.bytesSent, octets.length);
		assert.equal(broker.statistics.sent[2], octets.length === 0 ? 0 : 1);
		return octets.toString("hex");
	};
	assert.equal(await refusal("100f", "00044d51545404", "02", "003c", "000378797a"), "20020005");
	assert.equal(await refusal("1010", "00044d51545405", "02", "003c", "00", "000378797a"), "2003008700");
	// Maximum packet size 5, and 4 [MQTT-3.1.2-24].
	assert.equal(
		await refusal("1015", "00044d51545405", "02", "003c", "052700000005", "000378797a"),
		"2003008700",
	);
	assert.equal(await refusal("1015", "00044d51545405", "02", "003c", "052700000004", "000378797a"), "");
	const why = Buffer.from("anonymous clients are not allowed").toString("hex");
	// Request problem information [MQTT-3.1.2-29].
	const told = await refusal("1012", "00044d51545405", "02", "003c", "021701", "000378797a");
	assert.equal(told, ["2027", "00", "87", "24", "1f0021", why].join(""));
});
