/** A mount point: what stands before every topic of a listener's clients, which never see it. */

import { parseShared } from "./shared.ts";

/** Octets of a topic name at most. */
const MAXIMUM_TOPIC = 65535;

export class Mount {
	readonly point: string;
	readonly bytes: Uint8Array;

	/** `bytes`: the same in UTF-8. */
	constructor(point: string, bytes: Uint8Array) {
		this.point = point;
		this.bytes = bytes;
	}

	/** The topic filter as the broker has it; in a shared subscription, behind the share name. */
	filter(topicFilter: string): string {
		const shared = parseShared(topicFilter);
		if (shared === null) return this.point + topicFilter;
		return `$share/${shared.name}/${this.point}${shared.topicFilter}`;
	}

	/** The topic name `bytes[start, end)` as the broker has it; null when that is too long for a topic name. */
	join(bytes: Uint8Array, start: number, end: number): Uint8Array | null {
		const length = this.bytes.length + end - start;
		if (length > MAXIMUM_TOPIC) return null;
		const joined = new Uint8Array(length);
		joined.set(this.bytes);
		joined.set(bytes.subarray(start, end), this.bytes.length);
		return joined;
	}

	/** The topic name as the client sees it; null for a topic outside, which has no name for it. */
	strip(topicBytes: Uint8Array): Uint8Array | null {
		const { bytes } = this;
		if (topicBytes.length <= bytes.length) return null;
		for (let i = 0; i < bytes.length; i++) if (topicBytes[i] !== bytes[i]) return null;
		return topicBytes.subarray(bytes.length);
	}
}
