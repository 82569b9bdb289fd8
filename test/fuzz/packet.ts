/** The packet fuzzer: mutated packets against the codec. Options: run.ts. */

import { textCodec } from "../fake/text.ts";
import { check, type Run } from "./check.ts";
import { corpus } from "./corpus.ts";
import { mutate } from "./mutate.ts";
import { runFuzzer } from "./run.ts";

runFuzzer(import.meta.url, "packet", (seed) => {
	const run: Run = { codec: textCodec, decoded: 0, refused: 0, digest: null };
	const specimens = corpus(seed, 20);
	return {
		make: (random) => mutate(specimens, random),
		check: ({ bytes, from }, name) =>
			check(bytes, `${name} (from type ${from.type}, version ${from.version})`, run),
		counts: () => ({ "frames decoded": run.decoded, "frames refused": run.refused }),
	};
});
