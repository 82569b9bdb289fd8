/** Base64 (RFC 4648, section 4), with padding and nothing else around it. Code, not contract: every folder may use it. */

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

export function encodeBase64(bytes: Uint8Array): string {
	let text = "";
	for (let at = 0; at < bytes.length; at += 3) {
		const left = bytes.length - at;
		const bits = (bytes[at]! << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
		text += ALPHABET[bits >> 18]! + ALPHABET[(bits >> 12) & 63]!;
		text += left > 1 ? ALPHABET[(bits >> 6) & 63]! : "=";
		text += left > 2 ? ALPHABET[bits & 63]! : "=";
	}
	return text;
}

/** The octets, or null when the text is not what `encodeBase64` makes of any. */
export function decodeBase64(text: string): Uint8Array | null {
	if (text.length % 4 !== 0) return null;
	const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
	const bytes = new Uint8Array((text.length / 4) * 3 - padding);
	let bits = 0;
	let at = 0;
	for (let i = 0; i < text.length; i++) {
		const value = i < text.length - padding ? ALPHABET.indexOf(text[i]!) : 0;
		if (value < 0) return null;
		bits = (bits << 6) | value;
		if (i % 4 !== 3) continue;
		for (let shift = 16; shift >= 0; shift -= 8) {
			const octet = (bits >> shift) & 255;
			if (at < bytes.length) bytes[at++] = octet;
			else if (octet !== 0) return null;
		}
		bits = 0;
	}
	return bytes;
}
