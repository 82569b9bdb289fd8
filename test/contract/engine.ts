/**
 * What the QuickJS host does beyond the contract, chosen by the first argument: engine.test.ts watches from outside.
 */

import { createQuickJsHost } from "../../src/qjs/host.ts";
import { equal } from "./harness.ts";

const host = createQuickJsHost();

/** Each opcode of a compiled regular expression, whose operands are swapped for machines of the other byte order. */
function regularExpressions(): void {
	const text = (found: RegExpExecArray | null) => (found === null ? null : [...found].map(String));
	equal(text(/^abc$/.exec("abc")), ["abc"], "characters");
	equal(text(/ä€/.exec("xä€y")), ["ä€"], "wide characters");
	equal(text(/\u{1F600}+/u.exec("😀😀")), ["😀😀"], "characters beyond 16 bits");
	equal(text(/./s.exec("\n")), ["\n"], "any");
	equal(text(/a.c/.exec("a\nc")), null, "dot");
	equal(text(/^b$/m.exec("a\nb\nc")), ["b"], "lines");
	equal(text(/(a|bc|d)+e/.exec("abcde")), ["abcde", "d"], "alternatives");
	equal(text(/<(.+?)>/.exec("<a><b>")), ["<a>", "a"], "lazy");
	equal(text(/<(.+)>/.exec("<a><b>")), ["<a><b>", "a><b"], "greedy");
	equal(text(/(?:ab){2,3}/.exec("ababababab")), ["ababab"], "counted");
	equal(text(/(?:a(b)?){3}/.exec("abaab")), ["abaab", "b"], "captures of a loop");
	equal(text(/[b-d\d_]{2,}/.exec("aB3c_z")), ["3c_"], "range");
	equal(text(/[^\u{10000}-\u{10ffff}]+/u.exec("ab😀")), ["ab"], "range beyond 16 bits");
	equal(text(/\bfoo\B./.exec("a foobar")), ["foob"], "word boundaries");
	equal(text(/(.)\1/.exec("abccd")), ["cc", "c"], "back reference");
	equal(text(/(?<=\1(.))x/.exec("aax")), ["x", "a"], "back reference backwards");
	equal(text(/foo(?=bar)/.exec("foofoobar")), ["foo"], "lookahead");
	equal(text(/foo(?!bar)./.exec("foobarfoox")), ["foox"], "negative lookahead");
	equal(text(/(?<!\$)\b\d+/.exec("$12 34")), ["34"], "negative lookbehind");
	equal(/(?<year>\d{4})-(?<month>\d\d)/.exec("on 2026-11")?.groups?.month, "11", "named groups");
	equal(
		"a1b22c".replace(/\d+/g, (digits) => `<${digits}>`),
		"a<1>b<22>c",
		"replace",
	);
	equal(text(/straße/i.exec("STRAßE")), ["STRAßE"], "case");
	equal(text(/\p{Lu}/u.exec("aÄ")), ["Ä"], "properties");
	equal(text(/(a*)*b/.exec("aaab")), ["aaab", "aaa"], "empty loops");
}

/** What absent.h leaves out is an error at once, not a wrong result. The names are not seen by the check of the bundle. */
function leftOut(): void {
	const failure = (call: () => unknown): string => {
		try {
			return `no error: ${call()}`;
		} catch (error) {
			return String(error);
		}
	};
	const comma = /,/;
	const early = "SyntaxError: regular expressions are compiled ahead of time";
	equal(
		failure(() => "a,b".split(comma)),
		early,
		"split",
	);
	const functions: Readonly<Record<string, unknown>> = Math as unknown as Record<string, unknown>;
	const names =
		"acos acosh asin asinh atan atan2 atanh cbrt cos cosh expm1 hypot log10 log1p log2 sin sinh tan tanh";
	for (const name of names.split(" ")) equal(functions[name], undefined, name);
	equal([Math.exp(0), Math.log(1), Math.sqrt(4), 2 ** 0.5], [1, 0, 2, Math.SQRT2], "what is left");
	equal(Object.getOwnPropertyNames(String.prototype).includes("normalize"), false, "normalize");
}

/** Scopes are right although bindings are not checked for being initialized. */
function bindings(): void {
	const calls: (() => number)[] = [];
	for (let i = 0; i < 3; i++) {
		const square = i * i;
		let twice: number | undefined;
		calls.push(() => square + i + (twice ?? 0));
		twice = 2 * i;
	}
	equal(
		calls.map((call) => call()),
		[0, 4, 10],
		"each round has its own",
	);
	for (let round = 0; round < 2; round++) {
		let fresh: number | undefined;
		equal(fresh, undefined, "a binding without a value");
		fresh = round;
	}
	class Base {
		readonly seen: string[] = [];
	}
	class Derived extends Base {
		#hidden = 1;
		constructor() {
			super();
			this.seen.push(`${this.#hidden}`);
		}
	}
	equal(new Derived().seen, ["1"], "a derived class");
}

async function later(): Promise<never> {
	await Promise.resolve();
	throw new RangeError("too late");
}

function inTimer(): never {
	throw new TypeError("in a timer");
}

const modes: Readonly<Record<string, () => unknown>> = {
	language() {
		regularExpressions();
		leftOut();
		bindings();
	},
	/** Fails, and a later turn never comes. */
	throw() {
		host.timers.after(0, () => host.process.exit(1));
		throw new TypeError("at the start");
	},
	"throw-value"() {
		throw "no error object";
	},
	"throw-in-timer"() {
		host.timers.after(0, inTimer);
		host.timers.after(50, () => host.process.exit(1));
	},
	reject() {
		later();
		host.timers.after(50, () => host.process.exit(1));
	},
	/** Promises that are rejected before somebody listens, but not after the turn's jobs. */
	async handled() {
		const one = later();
		const two = Promise.reject(new Error("two"));
		const three = Promise.reject(new Error("three"));
		await Promise.allSettled([one, two, three]);
	},
	/** Cycles through C objects are found: all of it is freed at the end, and a sanitizer tells when not. */
	async cycles() {
		for (let round = 0; round < 50; round++) {
			const map = host.createByteMap<unknown>();
			const key = host.utf8.encode(`key ${round}`);
			map.set(key, 0, key.length, { map, round });
			const listener = await host.network.listen({ address: "127.0.0.1", port: 0 }, (connection) => {
				const handler = { onData: () => 0, onDrain() {}, onClose: () => map, connection, listener };
				connection.start(handler);
				connection.destroy();
				listener.close();
			});
			const client = await host.network.connect({ host: "127.0.0.1", port: listener.port });
			await new Promise<void>((resolve) => {
				client.start({ onData: () => 0, onDrain() {}, onClose: () => resolve() });
			});
		}
	},
	/** Ends in the middle of everything; what is left is freed. */
	async busy() {
		const bytes = new Uint8Array(100_000);
		const listener = await host.network.listen({ address: "127.0.0.1", port: 0 }, (connection) => {
			connection.start({ onData: () => 0, onDrain() {}, onClose() {} });
			connection.write(bytes, 0, bytes.length);
		});
		const { port } = listener;
		const one = await host.network.connect({ host: "127.0.0.1", port });
		one.start({
			onData() {
				host.timers.after(1000, () => listener.close());
				host.process.onSignal("SIGHUP", () => {});
				host.network.resolve("localhost");
				host.network.connect({ host: "127.0.0.1", port });
				host.process.readStdin(
					() => {},
					() => {},
				);
				one.write(bytes, 0, bytes.length);
				return host.process.exit(3);
			},
			onDrain() {},
			onClose() {},
		});
	},
};

await modes[host.process.argv[1] ?? ""]?.();
