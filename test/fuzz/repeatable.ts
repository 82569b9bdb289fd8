/** A short run of the packet fuzzer that is the same on every host: the same inputs, and so the same results. */

import type { TextCodec } from "../../src/packet/packet.ts";
import { validCases } from "../vectors/packet.ts";
import { check, type Run } from "./check.ts";
import { Digest } from "./digest.ts";
import { mutate, Random, type Specimen } from "./mutate.ts";

const SEED = 20_260_401;
const COUNT = 10_000;

/**
 * Checks mutations of the valid wire cases. Throws when something is wrong; otherwise a line with how many frames
 * decoded, and a checksum of all inputs, all that they decoded to, and every error.
 */
export function checkMutations(codec: TextCodec): string {
	const digest = new Digest();
	const run: Run = { codec, decoded: 0, refused: 0, digest };
	const specimens = validCases.map(
		({ frame, version, packet }): Specimen => ({ bytes: frame, version, type: packet.type }),
	);
	const random = new Random(SEED);
	for (let index = 0; index < COUNT; index++) {
		const { bytes } = mutate(specimens, random);
		digest.add(bytes);
		check(bytes, `input ${index}`, run);
	}
	return `${COUNT} mutations: ${run.decoded} frames decoded, ${run.refused} refused, checksum ${digest}`;
}
