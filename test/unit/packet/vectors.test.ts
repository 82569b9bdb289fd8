/** The wire cases of test/vectors/packet, on the platform's own text codec. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { PacketType, PROPERTIES } from "../../../src/packet/packet.ts";
import { textCodec } from "../../fake/text.ts";
import { everything, gaps, itemsOf } from "../../vectors/coverage.ts";
import { malformedCases, packetChecks, validCases } from "../../vectors/packet.ts";

for (const { title, run } of packetChecks) test(title, () => run(textCodec));

test("the cases reach the hot readers", () => {
	const of = (from: number, to: number): number =>
		validCases.filter(({ packet }) => packet.type >= from && packet.type <= to).length;
	assert.ok(of(3, 3) > 10 && of(4, 7) > 20, `${of(3, 3)} publishes, ${of(4, 7)} acknowledgements`);
});

test("there is a valid case of every packet type in each version, every reason code and every property", () => {
	const seen = new Set(validCases.flatMap(({ packet, version }) => itemsOf(packet, version)));
	assert.deepEqual(gaps(everything(null), seen, {}), []);
});

test("there is a malformed case of every packet type in each version, and of every property that comes twice", () => {
	const types = new Set(malformedCases.map(({ frame, version }) => `${version} ${frame[0]! >> 4}`));
	const names = new Set(malformedCases.map(({ name }) => name));
	const missing: string[] = [];
	for (const [name, type] of Object.entries(PacketType)) {
		for (const version of [3, 4, 5]) if (!types.has(`${version} ${type}`)) missing.push(`${version} ${name}`);
	}
	for (const { name, owners } of PROPERTIES) {
		for (const owner of owners) {
			const repeatable =
				name === "userProperty" || (name === "subscriptionIdentifier" && owner === PacketType.PUBLISH);
			const title = `${owner === 0 ? "CONNECT 5.0, will" : `${typeName(owner)} 5.0`}, ${spaced(name)} twice`;
			if (!repeatable && !names.has(title)) missing.push(title);
		}
	}
	assert.deepEqual(missing, []);
});

function typeName(type: number): string {
	return Object.entries(PacketType).find(([, each]) => each === type)?.[0] ?? "";
}

/** `topicAlias` is "topic alias" in names of cases. */
function spaced(name: string): string {
	return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
