/** Octets gathered for one write to standard output. */

import type { Utf8 } from "../host/host.ts";

const KEPT = 65_536;

export class OutputBuffer {
	private readonly utf8: Utf8;
	private bytes = new Uint8Array(1024);
	private length = 0;

	constructor(utf8: Utf8) {
		this.utf8 = utf8;
	}

	byte(value: number): void {
		this.reserve(1);
		this.bytes[this.length++] = value;
	}

	text(text: string): void {
		this.reserve(this.utf8.byteLength(text));
		this.length = this.utf8.encodeInto(text, this.bytes, this.length);
	}

	octets(bytes: Uint8Array, start: number, end: number): void {
		this.reserve(end - start);
		this.bytes.set(bytes.subarray(start, end), this.length);
		this.length += end - start;
	}

	/** `count` times the same octet. */
	fill(value: number, count: number): void {
		if (count <= 0) return;
		this.reserve(count);
		this.bytes.fill(value, this.length, this.length + count);
		this.length += count;
	}

	/** What was gathered since the last call, for use before the next one. Empty when there is nothing. */
	take(): Uint8Array {
		const all = this.bytes.subarray(0, this.length);
		if (this.bytes.length > KEPT) this.bytes = new Uint8Array(1024);
		this.length = 0;
		return all;
	}

	private reserve(count: number): void {
		const needed = this.length + count;
		if (needed <= this.bytes.length) return;
		const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2));
		larger.set(this.bytes.subarray(0, this.length));
		this.bytes = larger;
	}
}
