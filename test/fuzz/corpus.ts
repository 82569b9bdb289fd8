/** Packets for mutations to begin with. */

import fc from "fast-check";
import { encodedLength, encodePacket } from "../../src/packet/packet.ts";
import { textCodec } from "../fake/text.ts";
import { KINDS, packet as packets } from "../unit/packet/arbitrary.ts";
import type { Specimen } from "./mutate.ts";

/** Valid packets of every type and version: `each` of them for each of the 43 kinds. */
export function corpus(seed: number, each: number): Specimen[] {
	return KINDS.flatMap(([, type, version]) =>
		fc.sample(packets(type, version), { seed, numRuns: each }).map((packet) => {
			const bytes = new Uint8Array(encodedLength(packet, version, textCodec));
			encodePacket(packet, version, bytes, 0, textCodec);
			return { bytes, version, type };
		}),
	);
}
