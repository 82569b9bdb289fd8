/**
 * What all fuzzers share: options, repeatable inputs, and a watch over the one that is under way.
 *
 *     node test/fuzz/NAME.ts [--seed N] [--count N] [--seconds N] [--at N]
 *
 * Ends after `count` inputs (default 1,000,000) or `seconds` (default 60), whichever is first. Prints its seed; with
 * the same seed it makes the same inputs, and `--at` runs the one input of that number. Exit status 1 when an input
 * broke something: the message has the input in hexadecimal, and what it broke. An input that takes ten seconds
 * counts as a hang; one that asks for an array of more than 64 MB, or has the engine's memory or the process grow beyond its
 * limit, as one that takes memory without bound.
 */

import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { Random } from "./mutate.ts";

/** What is fuzzed. */
export interface Target<Input> {
	/** Makes one input; the same for the same state of `random`. */
	make(random: Random): Input;
	/** Throws an Error that has `name` and the input in its message, and the reason as its cause, when something is wrong. */
	check(input: Input, name: string): void;
	/** How often each thing was seen that the inputs are to come to; none of them may be 0 at the end of a whole run. */
	counts(): Readonly<Record<string, number>>;
}

interface Settings {
	seed: number;
	count: number;
	seconds: number;
	at: number | null;
	/** The number of the input under way, shared with the watching thread. */
	progress: Int32Array;
}

const HANG_SECONDS = 10;
/** Octets of one array at most: a reader that believes a length asks for more. */
const ARRAY_LIMIT = 64 * 1024 * 1024;
/** Megabytes of the engine's memory, in which the inputs run; and octets of the whole process. */
const HEAP_LIMIT = 128;
const PROCESS_LIMIT = 512 * 1024 * 1024;
/** Inputs of which some must come to everything that there is to come to. */
const ENOUGH = 2000;
/** Inputs of one block share a generator, so that `--at` needs no more than its block. */
const BLOCK = 10_000;

function settings(): Settings {
	const number = { type: "string" } as const;
	const { values } = parseArgs({ options: { seed: number, count: number, seconds: number, at: number } });
	const integer = (name: keyof typeof values, otherwise: number): number => {
		const value = values[name] === undefined ? otherwise : Number(values[name]);
		if (!Number.isSafeInteger(value) || value < 0)
			throw new Error(`--${name} takes a number, not ${values[name]}`);
		return value;
	};
	return {
		seed: integer("seed", randomInt(2 ** 31)),
		count: integer("count", 1_000_000),
		seconds: integer("seconds", 60),
		at: values.at === undefined ? null : integer("at", 0),
		progress: new Int32Array(new SharedArrayBuffer(4)),
	};
}

/** Has arrays that are longer than any needs to be refused: what is not touched would be seen nowhere else. */
function limitArrays(): void {
	for (const name of ["ArrayBuffer", "Uint8Array", "Array"] as const) {
		const original = globalThis[name] as new (...args: unknown[]) => object;
		const limited = new Proxy(original, {
			construct(target, args: unknown[], newTarget) {
				if (typeof args[0] === "number" && args[0] > ARRAY_LIMIT)
					throw new Error(`memory without bound: ${name} of ${args[0]}`);
				return Reflect.construct(target, args, newTarget) as object;
			},
		});
		Object.defineProperty(globalThis, name, { value: limited });
	}
}

/** Makes and checks the inputs; in the worker. */
function makeInputs<Input>({ seed, count, seconds, at, progress }: Settings, target: Target<Input>): string {
	const started = performance.now();
	let index = at === null ? 0 : at - (at % BLOCK);
	let random = new Random(seed);
	const end = at === null ? count : at + 1;
	for (; index < end; index++) {
		if (at === null && performance.now() - started > seconds * 1000) break;
		if (index % BLOCK === 0) random = new Random(seed + index);
		const input = target.make(random);
		if (at !== null && index !== at) continue;
		Atomics.store(progress, 0, index + 1);
		target.check(input, `seed ${seed}, input ${index}`);
	}
	const took = ((performance.now() - started) / 1000).toFixed(1);
	if (at === null && index === 0) throw new Error("no input was made");
	const counts = Object.entries(target.counts());
	const unseen = counts.filter(([, times]) => times === 0).map(([what]) => what);
	if (at === null && index >= ENOUGH && unseen.length > 0)
		throw new Error(`seed ${seed}: ${index} inputs, none of them: ${unseen.join(", ")}`);
	return `${index} inputs in ${took} s: ${counts.map(([what, times]) => `${times} ${what}`).join(", ")}\n`;
}

/** Starts the worker and watches that it goes on. */
function watch(given: Settings, program: string, name: string): void {
	process.stdout.write(`${name} fuzzer: --seed ${given.seed} --count ${given.count}\n`);
	const worker = new Worker(new URL(program), {
		workerData: given,
		resourceLimits: { maxOldGenerationSizeMb: HEAP_LIMIT },
	});
	let last = -1;
	const fail = (what: string) => {
		const at = Math.max(0, Atomics.load(given.progress, 0) - 1);
		process.stderr.write(`seed ${given.seed}, input ${at}: ${what} (see it with --at ${at})\n`);
		process.exit(1);
	};
	const timer = setInterval(() => {
		const now = Atomics.load(given.progress, 0);
		if (now === last && now > 0) fail("hangs");
		last = now;
	}, HANG_SECONDS * 1000);
	const size = setInterval(() => {
		const octets = process.memoryUsage.rss();
		if (octets > PROCESS_LIMIT) fail(`memory without bound: the process has ${octets} octets`);
	}, 100);
	const end = () => {
		clearInterval(timer);
		clearInterval(size);
	};
	worker.on("message", (line: string) => {
		end();
		process.stdout.write(line);
	});
	worker.on("error", (error: Error & { code?: string }) => {
		end();
		if (error.code === "ERR_WORKER_OUT_OF_MEMORY") fail(`memory without bound: ${error.message}`);
		const cause = error.cause instanceof Error ? (error.cause.stack ?? error.cause.message) : "";
		process.stderr.write(`${error.message}\n${cause}\n`);
		process.exitCode = 1;
	});
}

/** Runs a fuzzer. `program`: the `import.meta.url` of the file that calls; `create`: makes the target, in the worker. */
export function runFuzzer<Input>(
	program: string,
	name: string,
	create: (seed: number) => Target<Input>,
): void {
	if (isMainThread) {
		watch(settings(), program, name);
		return;
	}
	const given = workerData as Settings;
	limitArrays();
	parentPort!.postMessage(makeInputs(given, create(given.seed)));
}

/** Octets for a message. */
export function hex(bytes: Uint8Array): string {
	return Array.from(bytes, (octet) => octet.toString(16).padStart(2, "0")).join("");
}
