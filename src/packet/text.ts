/** Texts on the wire: what the codec needs from the host, and a check that needs no host. */

/**
 * UTF-8 as MQTT wants it; the host's `Utf8` has this shape. U+0000, surrogates, overlong forms and values above
 * U+10FFFF are ill-formed ([MQTT-1.5.4-1], [MQTT-1.5.4-2]).
 */
export interface TextCodec {
	/**
	 * The text of `bytes[start, end)`, U+FEFF included ([MQTT-1.5.4-3]; 3.1.1: [MQTT-1.5.3-3]); `null` when it is
	 * ill-formed.
	 */
	decode(bytes: Uint8Array, start: number, end: number): string | null;
	/** Whether `bytes[start, end)` is well-formed. */
	isValid(bytes: Uint8Array, start: number, end: number): boolean;
	/** The number of octets that `text` takes. */
	byteLength(text: string): number;
	/** Writes `text` to `bytes` from `start` and returns the position after its last octet. */
	encodeInto(text: string, bytes: Uint8Array, start: number): number;
}

const UNWANTED = /[\p{Cc}\p{Noncharacter_Code_Point}]/u;

/**
 * Whether a text has a control character or a Unicode non-character. They should not be on the wire, and a receiver may
 * refuse them (section 1.5.4), as mosquitto does.
 */
export function hasUnwanted(text: string): boolean {
	return text !== "" && UNWANTED.test(text);
}

/**
 * Whether `bytes[start, end)` is text as MQTT wants it. For the few texts that are skipped rather than decoded
 * (a reason string in an acknowledgement); elsewhere the host's native check is faster.
 */
export function isWellFormed(bytes: Uint8Array, start: number, end: number): boolean {
	let position = start;
	while (position < end) {
		const first = bytes[position++]!;
		if (first === 0) return false; // [MQTT-1.5.4-2]
		if (first < 0x80) continue;
		// The range of the second octet excludes overlong forms, surrogates and what is above U+10FFFF.
		let low = 0x80;
		let high = 0xbf;
		let more: number;
		if (first < 0xc2) return false;
		if (first < 0xe0) more = 1;
		else if (first < 0xf0) {
			more = 2;
			if (first === 0xe0) low = 0xa0;
			else if (first === 0xed) high = 0x9f; // [MQTT-1.5.4-1]
		} else if (first < 0xf5) {
			more = 3;
			if (first === 0xf0) low = 0x90;
			else if (first === 0xf4) high = 0x8f;
		} else return false;
		if (position + more > end) return false;
		const second = bytes[position++]!;
		if (second < low || second > high) return false;
		for (; more > 1; more--) {
			if ((bytes[position++]! & 0xc0) !== 0x80) return false;
		}
	}
	return true;
}
