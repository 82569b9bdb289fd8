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

/** What fields an object gets, and in which order, is right however often it was made before in another way. */
function fields(): void {
	class Point {
		x: number;
		y = 2;
		z?: number;
		constructor(x: number, withZ: boolean) {
			this.x = x;
			if (withZ) this.z = 3;
		}
	}
	class Named extends Point {
		name = "n";
		get sum(): number {
			return this.x + this.y;
		}
	}
	/** So many shapes that those which are kept have to make room for each other. */
	const make = (names: readonly string[], from: number): Record<string, number> => {
		const made: Record<string, number> = {};
		for (const [at, name] of names.entries()) made[name] = from + at;
		return made;
	};
	const keys = (value: object) => Object.keys(value).join();
	for (let round = 0; round < 300; round++) {
		const literal = { a: round, b: 2, a2: 3 };
		const twice = { ...{ a: 1, b: 2 }, a: round };
		const withProto = { __proto__: literal, own: round } as unknown as { own: number; a: number };
		const computed = { [`k${round % 7}`]: round, 5: "five", a: 1 };
		equal([keys(literal), literal.a, literal.b, literal.a2], ["a,b,a2", round, 2, 3], "a literal");
		equal([keys(twice), twice.a, twice.b], ["a,b", round, 2], "a field that is there");
		equal([keys(withProto), withProto.own, withProto.a], ["own", round, round], "an object with a prototype");
		equal([keys(computed), computed[5]], [`5,k${round % 7},a`, "five"], "computed names and numbers");
		const point = new Point(round, round % 3 === 0);
		const named = new Named(round, true);
		equal([keys(point), point.x, point.y], ["x,y,z", round, 2], "fields of a class");
		equal([keys(named), named.sum, named.z], ["x,y,z,name", round + 2, 3], "of a class that extends it");
		delete (point as { y?: number }).y;
		equal([keys(point), new Point(1, false).y], ["x,z", 2], "one that is deleted of one object");
		const names = [0, 1, 2, 3].map((at) => `n${(round * (at + 3)) % 211}`);
		equal(keys(make(names, round)), [...new Set(names)].join(), "names that change");
	}
	const literals = Array.from({ length: 40 }, (_, at) => ({
		p: at,
		q: `${at}`,
		r: [at],
		s: null,
		t: at / 2,
	}));
	equal(
		literals.every(({ p, q, r, s, t }) => q === `${p}` && r[0] === p && s === null && t === p / 2),
		true,
		"objects of one place keep what is in them",
	);
}

/** Blocks of all sizes, which grow, shrink and are given back in any order, keep what is in them. */
function memory(): void {
	let random = 1;
	const next = (limit: number) => {
		random = (Math.imul(random, 1_103_515_245) + 12_345) & 0x7fff_ffff;
		return (random >> 8) % limit;
	};
	const held: { octets: Uint8Array; list: number[]; text: string; from: number }[] = [];
	const check = ({ octets, list, text, from }: (typeof held)[number]) => {
		for (const [at, octet] of octets.entries()) if (octet !== ((from + at) & 0xff)) return false;
		for (const [at, number] of list.entries()) if (number !== from + at) return false;
		return text === `${from}`.padStart(text.length, "x");
	};
	for (let round = 0; round < 3000; round++) {
		const from = next(1000);
		// Most are small; some are beyond what comes in blocks.
		const size = next(next(10) === 0 ? 4000 : 300);
		const octets = Uint8Array.from({ length: size }, (_, at) => from + at);
		held.push({ octets, list: [], text: `${from}`.padStart(3 + size, "x"), from });
		for (let grown = 0; grown < 4; grown++) {
			const one = held[next(held.length)]!;
			if (one.list.length < 200)
				for (let count = next(8); count > 0; count--) one.list.push(one.from + one.list.length);
			else one.list.length = next(10);
		}
		if (held.length > 150) equal(check(held.splice(next(held.length), 1)[0]!), true, `round ${round}`);
	}
	equal(held.every(check), true, "what is left");
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
		fields();
	},
	memory,
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
