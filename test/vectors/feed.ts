/** A small incremental reader, as a connection has one: pieces of any size in, packets out. */

import {
	decodePacket,
	frameLength,
	type Packet,
	type ProtocolVersion,
	type TextCodec,
} from "../../src/packet/packet.ts";

export class Feed {
	readonly packets: Packet[] = [];
	private held = new Uint8Array(0);
	private readonly version: ProtocolVersion;
	private readonly codec: TextCodec;
	private readonly maximum: number;

	constructor(version: ProtocolVersion, codec: TextCodec, maximum: number) {
		this.version = version;
		this.codec = codec;
		this.maximum = maximum;
	}

	/** Octets that wait for the rest of their packet. */
	get waiting(): number {
		return this.held.length;
	}

	push(piece: Uint8Array): void {
		const bytes = new Uint8Array(this.held.length + piece.length);
		bytes.set(this.held);
		bytes.set(piece, this.held.length);
		let start = 0;
		for (;;) {
			const length = frameLength(bytes, start, bytes.length, this.maximum);
			if (length === 0 || start + length > bytes.length) break;
			this.packets.push(decodePacket(bytes, start, start + length, this.version, this.codec));
			start += length;
		}
		this.held = bytes.slice(start);
	}
}
