/** Damage to JSON that leaves it JSON, so that a reader comes as far as what stands in it: other values, names, and members. */

import type { Random } from "./mutate.ts";

/** Every so manieth value, and member, is damaged. */
const RATE = 25;

/** What a value becomes, as it is written: at the edges of its kind, or of another kind. */
const VALUES: readonly string[] = [
	...["null", "true", "false", "0", "-1", "0.5", "1e999", "-1e999", "1e15", "9".repeat(30)],
	...[
		'""',
		'"x"',
		'"\\ud800"',
		'"\\u0000"',
		'"__proto__"',
		'"#"',
		'"+/a"',
		'"a/#/b"',
		'"$share/g/a"',
		'"%u/%c"',
	],
	...["[]", "[null]", "[[]]", "[{}]", "[1,2]", "{}", '{"length":5}', '{"__proto__":null}'],
];

/** The text of `tree`, damaged here and there; at times not at all. `values`: what its values may become besides. */
export function damageJson(tree: unknown, values: readonly string[], random: Random): string {
	const all = [...VALUES, ...values];
	const write = (value: unknown): string => {
		if (random.below(RATE) === 0) return random.pick(all);
		if (Array.isArray(value)) return `[${value.map(write).join(",")}]`;
		if (typeof value !== "object" || value === null) return JSON.stringify(value);
		return `{${Object.entries(value).flatMap(member).join(",")}}`;
	};
	const member = ([name, value]: [string, unknown]): string[] => {
		const once = `${JSON.stringify(name)}:${write(value)}`;
		switch (random.below(4 * RATE)) {
			case 0: // left out
				return [];
			case 1: // twice
				return [once, `${JSON.stringify(name)}:${write(value)}`];
			case 2: // its name in other letters
				return [`${JSON.stringify(name.toUpperCase())}:${write(value)}`];
			case 3: // with another name
				return [`"x":${write(value)}`];
			default:
				return [once];
		}
	};
	return write(tree);
}
