/** Numbers in arguments, read as C programs do: what follows the digits is ignored, and no digits are 0. */

const INTEGER = /^[ \t\n\v\f\r]*([+-]?\d+)/;
const DECIMAL = /^[ \t\n\v\f\r]*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)/;
const WHOLE = /^[ \t\n\v\f\r]*([+-]?)(0[xX][0-9a-fA-F]+|\d+)$/;

export function leadingInteger(text: string): number {
	const match = INTEGER.exec(text);
	return match === null ? 0 : Number(match[1]) + 0;
}

export function leadingDecimal(text: string): number {
	const match = DECIMAL.exec(text);
	return match === null ? 0 : Number(match[1]);
}

/** A number that is all of the text: decimal, hexadecimal with `0x`, octal with a leading 0. Null for any other text. */
export function wholeInteger(text: string): number | null {
	const match = WHOLE.exec(text);
	if (match === null) return null;
	const digits = match[2]!;
	if (/^0\d/.test(digits) && /[89]/.test(digits)) return null;
	const value = /^0\d/.test(digits) ? Number.parseInt(digits, 8) : Number(digits);
	return match[1] === "-" ? -value : value;
}
