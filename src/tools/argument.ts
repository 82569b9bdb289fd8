/** Arguments that are octets rather than text. */

import type { Utf8 } from "../host/bytes.ts";

const LONE_SURROGATE = /[\ud800-\udfff]/u;

/** Whether all of an argument was UTF-8. */
export function isText(argument: string): boolean {
	return !LONE_SURROGATE.test(argument);
}

/** The octets of an argument as they were given; what was no UTF-8 is as `Process.argv` has it. */
export function octetsOf(utf8: Utf8, argument: string): Uint8Array {
	if (isText(argument)) return utf8.encode(argument);
	const octets: number[] = [];
	for (const character of argument) {
		const point = character.codePointAt(0)!;
		if (point >= 0xdc80 && point <= 0xdcff) octets.push(point - 0xdc00);
		else octets.push(...utf8.encode(character));
	}
	return Uint8Array.from(octets);
}
