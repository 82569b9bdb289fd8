/** Byte-level work that an interpreter is slow at. */

/**
 * UTF-8 as MQTT wants it: U+0000, surrogates (U+D800 to U+DFFF), overlong forms and values above U+10FFFF are
 * ill-formed ([MQTT-1.5.4-1], [MQTT-1.5.4-2]).
 */
export interface Utf8 {
	/** The text of `bytes[start, end)`, or `null` when it is ill-formed. */
	decode(bytes: Uint8Array, start: number, end: number): string | null;
	/** As `decode`, but U+0000 passes and each ill-formed byte becomes U+FFFD: for files and terminals. */
	decodeLossy(bytes: Uint8Array, start: number, end: number): string;
	/** Whether `bytes[start, end)` is well-formed. */
	isValid(bytes: Uint8Array, start: number, end: number): boolean;
	/** Whether all of `text` is printable ASCII, U+0020 to U+007E: nothing that a terminal takes for more than a character. */
	isPlain(text: string): boolean;
	/** The number of octets that `text` takes. A lone surrogate counts, and is encoded, as U+FFFD. */
	byteLength(text: string): number;
	/**
	 * Writes `text` to `bytes` from `start` and returns the position after its last octet.
	 * Throws a RangeError, having written nothing past the end, when it does not fit.
	 */
	encodeInto(text: string, bytes: Uint8Array, start: number): number;
	/** A new array that holds `text`. */
	encode(text: string): Uint8Array;
}

/** Random octets from the operating system, fit for identifiers and salts. */
export interface Random {
	bytes(length: number): Uint8Array;
}

/**
 * Copies `from[start, end)` to `to` from `at`, each octet combined by exclusive or with an octet of `key`, a number of
 * 32 bits: its most significant octet with the first, and so on, over and over (RFC 6455, section 5.3). A key of 0 copies.
 * Within one array only `at <= start` is allowed. Throws a RangeError, having written nothing, when it does not fit.
 */
export type CopyMasked = (
	from: Uint8Array,
	start: number,
	end: number,
	key: number,
	to: Uint8Array,
	at: number,
) => void;

/** A map whose keys are byte sequences, compared by content. Keys are copied; look-up allocates nothing. */
export interface ByteMap<T> {
	readonly size: number;
	get(bytes: Uint8Array, start: number, end: number): T | undefined;
	set(bytes: Uint8Array, start: number, end: number, value: T): void;
	/** Whether there was such a key. */
	delete(bytes: Uint8Array, start: number, end: number): boolean;
	clear(): void;
}
