/** Files as a disk may have them after the power went: what was synced is there, of the rest any part. */

import { writeFileSync } from "node:fs";
import type { Random } from "../fuzz/mutate.ts";
import type { Event } from "./strace.ts";

/** Octets that a disk writes wholly or not at all. */
const SECTOR = 512;

type Change = Exclude<Event, { kind: "send" | "sync" }>;

/** One file: what is surely on the disk, and what may be. */
class DiskFile {
	/** Null: it is not there. */
	content: Uint8Array | null;
	readonly unsynced: Change[] = [];

	constructor(content: Uint8Array | null) {
		this.content = content;
	}

	sync(): void {
		for (const change of this.unsynced) this.content = applied(this.content, change);
		this.unsynced.length = 0;
	}
}

function applied(content: Uint8Array | null, change: Change): Uint8Array | null {
	if (change.kind === "unlink") return null;
	if (change.kind === "truncate") return resized(content ?? new Uint8Array(0), change.length);
	const end = change.at + change.bytes.length;
	const written = resized(content ?? new Uint8Array(0), Math.max(content?.length ?? 0, end));
	written.set(change.bytes, change.at);
	return written;
}

function resized(content: Uint8Array, length: number): Uint8Array {
	const copy = new Uint8Array(length);
	copy.set(content.subarray(0, length));
	return copy;
}

/** The disk, as events happen one after the other. */
export class Disk {
	private readonly files = new Map<string, DiskFile>();

	/** `initial`: what is there before the first event; null for what is not. Other files do not matter. */
	constructor(initial: ReadonlyMap<string, Uint8Array | null>) {
		for (const [path, content] of initial) this.files.set(path, new DiskFile(content));
	}

	take(event: Event): void {
		if (event.kind === "send") return;
		const file = this.files.get(event.path);
		if (file === undefined) return;
		if (event.kind === "sync") {
			file.sync();
			return;
		}
		if (event.kind === "write" && Number.isNaN(event.at))
			throw new Error(`${event.path} is written without a position`);
		file.unsynced.push(event);
	}

	/** Writes what is left when the power goes now; `name` gives each file its path. What is left is up to `random`. */
	cut(random: Random, name: (path: string) => string): void {
		for (const [path, file] of this.files) {
			const content = leftOf(file, random);
			if (content !== null) writeFileSync(name(path), content);
		}
	}
}

/** How a disk loses what was not synced: the last, any, or parts of any. */
const LOSSES = ["tail", "any", "torn"] as const;

function leftOf({ content, unsynced }: DiskFile, random: Random): Uint8Array | null {
	const loss = random.pick(LOSSES);
	const kept = random.below(unsynced.length + 1);
	let left = content;
	for (const [index, change] of unsynced.entries()) {
		if (loss === "tail") {
			if (index < kept) left = applied(left, change);
			else if (index === kept) left = applied(left, torn(change, random));
		} else if (random.below(2) === 0) {
			left = applied(left, loss === "torn" ? torn(change, random) : change);
		}
	}
	return left;
}

/** A write of which some sectors at its end were not made. */
function torn(change: Change, random: Random): Change {
	if (change.kind !== "write") return change;
	const first = SECTOR - (change.at % SECTOR);
	const sectors = random.below(Math.ceil(change.bytes.length / SECTOR) + 1);
	const length = sectors === 0 ? 0 : Math.min(change.bytes.length, first + (sectors - 1) * SECTOR);
	return { ...change, bytes: change.bytes.subarray(0, length) };
}
