/** Frames of RFC 6455, section 5.2: their headers, and the codes that connections are closed with. */

export const CONTINUATION = 0;
export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

/** Set in the first octet of a message's last frame. */
export const FIN = 0x80;
const RESERVED = 0x70;
const OPCODE = 0x0f;
/** Set in the opcode of control frames. */
export const CONTROL = 0x08;
const MASKED = 0x80;
/** Octets of a control frame's payload at most. */
export const CONTROL_LIMIT = 125;
/** Octets of a frame at most. Payload is handed on as it comes, so that this bounds no memory, only what makes sense. */
const FRAME_LIMIT = 0x7fffffff;
/** Octets of a header at most. */
export const HEADER_LIMIT = 14;

/** Codes of section 7.4.1. */
export const CloseCode = {
	NORMAL: 1000,
	GOING_AWAY: 1001,
	PROTOCOL_ERROR: 1002,
	UNSUPPORTED_DATA: 1003,
	INVALID_DATA: 1007,
	TOO_BIG: 1009,
} as const;

/** What a peer did wrong, and the code that it is told. */
export class WebSocketError extends Error {
	readonly closeCode: number;

	constructor(closeCode: number, message: string) {
		super(message);
		this.name = "WebSocketError";
		this.closeCode = closeCode;
	}
}

/** Whether a peer may send that code in a close frame: 1005, 1006 and 1015 are for reports only (section 7.4). */
export function mayBeSent(code: number): boolean {
	if (code >= 3000) return code <= 4999;
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

/** The header of the frame that is being read. One is used for all frames of a connection. */
export class FrameHeader {
	isLast = false;
	opcode = 0;
	/** The mask as `copyMasked` has it; 0 when there is none. */
	key = 0;
	/** Octets of payload. */
	length = 0;

	/**
	 * Reads the header at `bytes[at, end)`; returns its length, or 0 when it is not complete. Throws a WebSocketError as soon
	 * as what is there is wrong. `masked`: whether the peer has to mask (a client) or must not (a server), section 5.1.
	 */
	read(bytes: Uint8Array, at: number, end: number, masked: boolean): number {
		if (end - at < 1) return 0;
		const first = bytes[at]!;
		this.isLast = (first & FIN) !== 0;
		this.opcode = first & OPCODE;
		checkFirst(first, this.opcode);
		if (end - at < 2) return 0;
		const second = bytes[at + 1]!;
		if (((second & MASKED) !== 0) !== masked) {
			throw new WebSocketError(CloseCode.PROTOCOL_ERROR, masked ? "a frame without mask" : "a masked frame");
		}
		const short = second & 0x7f;
		if ((this.opcode & CONTROL) !== 0 && short > CONTROL_LIMIT) {
			throw new WebSocketError(CloseCode.PROTOCOL_ERROR, "a control frame of more than 125 octets");
		}
		const lengthOctets = short === 126 ? 2 : short === 127 ? 8 : 0;
		const size = 2 + lengthOctets + (masked ? 4 : 0);
		if (end - at < 2 + lengthOctets) return 0;
		this.length = short;
		if (lengthOctets > 0) this.readLength(bytes, at + 2, lengthOctets);
		if (end - at < size) return 0;
		const mask = at + size - 4;
		this.key = masked
			? (bytes[mask]! << 24) | (bytes[mask + 1]! << 16) | (bytes[mask + 2]! << 8) | bytes[mask + 3]!
			: 0;
		return size;
	}

	private readLength(bytes: Uint8Array, at: number, octets: number): void {
		let length = 0;
		for (let index = 0; index < octets; index++) length = length * 256 + bytes[at + index]!;
		if (length < (octets === 2 ? 126 : 0x10000)) {
			throw new WebSocketError(CloseCode.PROTOCOL_ERROR, "a length in more octets than it takes");
		}
		if (octets === 8 && bytes[at]! > 0x7f) {
			throw new WebSocketError(CloseCode.PROTOCOL_ERROR, "a length with its highest bit set");
		}
		if (length > FRAME_LIMIT) throw new WebSocketError(CloseCode.TOO_BIG, "a frame of more than 2 GiB");
		this.length = length;
	}
}

function checkFirst(first: number, opcode: number): void {
	if ((first & RESERVED) !== 0) {
		throw new WebSocketError(CloseCode.PROTOCOL_ERROR, "a frame with reserved bits set");
	}
	if ((opcode & 0x07) > 2) throw new WebSocketError(CloseCode.PROTOCOL_ERROR, `a frame of opcode ${opcode}`);
	if ((opcode & CONTROL) !== 0 && (first & FIN) === 0) {
		throw new WebSocketError(CloseCode.PROTOCOL_ERROR, "a control frame in fragments");
	}
}

/** Writes the header of a whole message of `length` octets to `bytes` from 0; returns the position after it. */
export function writeHeader(bytes: Uint8Array, opcode: number, length: number, key: number | null): number {
	const masked = key === null ? 0 : MASKED;
	let at = 2;
	bytes[0] = FIN | opcode;
	if (length < 126) {
		bytes[1] = masked | length;
	} else {
		const octets = length < 0x10000 ? 2 : 8;
		bytes[1] = masked | (octets === 2 ? 126 : 127);
		bytes.fill(0, 2, 2 + octets);
		at += octets;
		for (let place = at - 1, rest = length; rest > 0; place--, rest = Math.floor(rest / 256))
			bytes[place] = rest;
	}
	if (key === null) return at;
	for (let shift = 24; shift >= 0; shift -= 8) bytes[at++] = key >>> shift;
	return at;
}
