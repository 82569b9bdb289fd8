/** The wire cases of test/vectors/packet, on the platform's own text codec. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { textCodec } from "../../fake/text.ts";
import { packetChecks, validCases } from "../../vectors/packet.ts";

for (const { title, run } of packetChecks) test(title, () => run(textCodec));

test("the cases reach the hot readers", () => {
	const of = (from: number, to: number): number =>
		validCases.filter(({ packet }) => packet.type >= from && packet.type <= to).length;
	assert.ok(of(3, 3) > 10 && of(4, 7) > 20, `${of(3, 3)} publishes, ${of(4, 7)} acknowledgements`);
});
