/** LuCI's class helper, as far as views use it, and what makes the stand-in strict. */

/** Members of a class, or named arguments. */
export type Members = Record<string, unknown>;

/** What views extend: `return view.extend({ … })`. */
// biome-ignore lint/complexity/noStaticOnlyClass: what extends it has more
export class BaseClass {
	/** A class with these members over this one's. */
	static extend(members: Members): typeof BaseClass {
		check(isPlain(members), "extend() takes an object of members");
		check(!("__init__" in members), "the stand-in has no __init__: add it when a view needs one");
		// biome-ignore lint/complexity/noThisInStatic: the class that extend() is called on is the base
		const Extended = class extends this {};
		for (const [name, value] of Object.entries(members)) {
			Object.defineProperty(Extended.prototype, name, { value, writable: true, configurable: true });
		}
		return Extended;
	}
}

/** A misuse of LuCI's interface: it fails the test, also where the real LuCI would let it pass without a word. */
export class MisuseError extends Error {
	override readonly name = "MisuseError";
}

export function misuse(text: string): never {
	const error = new MisuseError(text);
	// The test must see it also where the caller swallows it.
	reportError(error);
	throw error;
}

export function check(condition: boolean, text: string): asserts condition {
	if (!condition) misuse(text);
}

export function isPlain(value: unknown): value is Members {
	return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Node);
}

/** Asks only for these names. */
export function onlyKeys(what: string, object: Members, names: readonly string[]): void {
	for (const name of Object.keys(object)) check(names.includes(name), `${what} knows no ${name}`);
}

/** What nobody defined is an error to read, rather than undefined. */
export function strict<T extends object>(name: string, target: T): T {
	return new Proxy(target, {
		get(object, key, receiver) {
			// A Promise asks whether what it resolves with is one.
			if (typeof key === "string" && key !== "then" && !(key in object)) misuse(`${name} has no ${key}`);
			return Reflect.get(object, key, receiver);
		},
	});
}

/** An object of which only properties that LuCI knows, or that it has, may be set. */
export function settable<T extends object>(name: string, target: T, names: readonly string[]): T {
	return new Proxy(target, {
		set(object, key, value, receiver) {
			const known = key in object || (typeof key === "string" && names.includes(key));
			check(known, `${name} has no ${String(key)} to set`);
			return Reflect.set(object, key, value, receiver);
		},
	});
}
