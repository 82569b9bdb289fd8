/** Assertions that need nothing of a platform, for tests that run on every host. */

/** What an assertion throws. */
export class Failure extends Error {}

/** Fails the test unless `condition` holds. */
export function ok(condition: boolean, what: string): asserts condition {
	if (!condition) {
		throw new Failure(what);
	}
}

/** Fails the test unless both are the same, or lists or records of the same. */
export function equal<T>(actual: T, expected: T, what: string): void {
	if (!same(actual, expected)) {
		throw new Failure(`${what}: got ${show(actual)}, want ${show(expected)}`);
	}
}

/** What `action` throws; fails the test when it throws nothing. */
export function caught(action: () => unknown, what: string): unknown {
	try {
		action();
	} catch (error) {
		return error;
	}
	throw new Failure(`${what}: did not throw`);
}

function same(one: unknown, other: unknown): boolean {
	if (isList(one) && isList(other)) {
		if (Array.isArray(one) !== Array.isArray(other) || one.length !== other.length) {
			return false;
		}
		return one.every((item, at) => same(item, other[at]));
	}
	if (isRecord(one) && isRecord(other)) {
		const names = Object.keys(one);
		return (
			Object.getPrototypeOf(one) === Object.getPrototypeOf(other) &&
			names.length === Object.keys(other).length &&
			names.every((name) => Object.hasOwn(other, name) && same(one[name], other[name]))
		);
	}
	return Object.is(one, other);
}

function isList(value: unknown): value is ArrayLike<unknown> & { every: unknown[]["every"] } {
	return Array.isArray(value) || value instanceof Uint8Array;
}

/** Whether `value` is an object literal, or one of a class. */
function isRecord(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !isList(value);
}

function show(value: unknown): string {
	if (isList(value)) {
		const items = Array.from(value).slice(0, 32).map(show).join(", ");
		return `[${items}${value.length > 32 ? `, … ${value.length} in all` : ""}]`;
	}
	if (isRecord(value)) {
		const fields = Object.entries(value).map(([name, field]) => `${name}: ${show(field)}`);
		return `{ ${fields.join(", ")} }`;
	}
	return typeof value === "string" ? JSON.stringify(value) : String(value);
}
