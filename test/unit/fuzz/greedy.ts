/** A fuzzer whose tenth input takes memory without bound, in the way that the environment variable GREED names. */

import { hex, runFuzzer } from "../../fuzz/run.ts";

const WAYS: Readonly<Record<string, () => void>> = {
	/** A length is believed; nothing is ever written there. */
	array: () => void new Uint8Array(1_000_000_000),
	/** What the engine keeps grows. */
	heap: () => {
		const kept: number[][] = [];
		for (;;) kept.push(new Array<number>(1_000_000).fill(0.5));
	},
	/** Arrays of a good size, and more and more of them. */
	process: () => {
		const kept: Uint8Array[] = [];
		for (;;) kept.push(new Uint8Array(16 * 1024 * 1024).fill(1));
	},
	nothing: () => undefined,
};

runFuzzer(import.meta.url, "greedy", () => {
	let count = 0;
	return {
		make: (random) => Uint8Array.of(random.below(256)),
		check(input: Uint8Array, name: string): void {
			if (++count < 10) return;
			try {
				WAYS[process.env.GREED ?? "nothing"]!();
			} catch (error) {
				throw new Error(`${name}: ${hex(input)}`, { cause: error });
			}
		},
		counts: () => ({ seen: count }),
	};
});
