/** A running checksum of results, by which runs on different hosts are compared. */

export class Digest {
	/** 32 bits (FNV-1a). */
	private state = 0x811c9dc5;

	/** Takes in data: its kinds, its values, and the order of its fields. */
	add(value: unknown): void {
		if (value instanceof Uint8Array) {
			this.text(`${value.length} octets`);
			for (const octet of value) this.unit(octet);
		} else if (Array.isArray(value)) {
			this.text(`${value.length} items`);
			for (const item of value) this.add(item);
		} else if (typeof value === "object" && value !== null) {
			for (const [name, field] of Object.entries(value)) {
				this.text(name);
				this.add(field);
			}
			this.text("end");
		} else {
			this.text(`${typeof value} ${String(value)}`);
		}
	}

	/** Eight hexadecimal digits. */
	toString(): string {
		return this.state.toString(16).padStart(8, "0");
	}

	private text(text: string): void {
		for (let at = 0; at < text.length; at++) this.unit(text.charCodeAt(at));
		this.unit(0x10000);
	}

	private unit(unit: number): void {
		this.state = Math.imul(this.state ^ unit, 0x01000193) >>> 0;
	}
}
