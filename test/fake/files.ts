/** Files in memory. */

import type { AppendFile, FileInfo, Files } from "../../src/host/files.ts";
import { fakeError } from "./error.ts";

export interface FakeFile {
	bytes: Uint8Array;
	kind: FileInfo["kind"];
	mode: number;
	owner: number;
	changed: number;
}

export class FakeFiles implements Files {
	/** By path; directories need no entry of their own. */
	readonly entries = new Map<string, FakeFile>();
	/** What was given away, and to whom. */
	readonly owners = new Map<string, string>();
	/** When set, every change fails with this code ("ENOSPC"). */
	failWith: string | null = null;
	/** Changes so far, each at a time of its own. */
	#changes = 0;

	/** Puts a file there, from text or octets, that only its owner may read. */
	put(path: string, content: string | Uint8Array, mode = 0o600, owner = 0): void {
		const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content.slice();
		this.entries.set(path, { bytes, kind: "file", mode, owner, changed: ++this.#changes });
	}

	/** A file as text. */
	text(path: string): string {
		return new TextDecoder().decode(this.get(path).bytes);
	}

	read(path: string, limit: number): Uint8Array {
		const { bytes } = this.get(path);
		if (bytes.length > limit) {
			throw fakeError("EFBIG");
		}
		return bytes.slice();
	}

	readPart(path: string, position: number, length: number): Uint8Array {
		return this.get(path).bytes.slice(position, position + length);
	}

	write(path: string, bytes: Uint8Array, mode = 0o644): void {
		this.mayChange();
		const old = this.entries.get(path);
		this.put(path, bytes, old?.mode ?? mode, old?.owner);
	}

	replace(path: string, bytes: Uint8Array, mode = 0o600): void {
		const old = this.entries.get(path);
		if (old !== undefined && (old.mode & ~mode & 0o7) !== 0) old.mode = mode;
		this.write(path, bytes, mode);
	}

	append(path: string, mode = 0o644): AppendFile {
		this.mayChange();
		if (!this.entries.has(path)) {
			this.put(path, "", mode);
		}
		const file = this.get(path);
		return {
			write: (bytes) => {
				this.mayChange();
				file.bytes = Uint8Array.from([...file.bytes, ...bytes]);
			},
			close() {},
		};
	}

	info(path: string): FileInfo | null {
		const file = this.entries.get(path);
		if (file !== undefined) {
			const { kind, mode, owner, changed } = file;
			return { kind, size: file.bytes.length, mode, owner, changed };
		}
		const isFolder = [...this.entries.keys()].some((name) => name.startsWith(`${path}/`));
		return isFolder ? { kind: "directory", size: 0, mode: 0o755, owner: 0, changed: 0 } : null;
	}

	list(path: string): string[] {
		const names = new Set<string>();
		for (const name of this.entries.keys()) {
			if (name.startsWith(`${path}/`)) {
				names.add(name.slice(path.length + 1).split("/")[0]!);
			}
		}
		if (names.size === 0) {
			throw fakeError("ENOENT");
		}
		return [...names].sort();
	}

	rename(from: string, to: string): void {
		this.mayChange();
		this.entries.set(to, this.get(from));
		this.entries.delete(from);
	}

	remove(path: string): void {
		this.mayChange();
		this.get(path);
		this.entries.delete(path);
	}

	setOwner(path: string, user: string, group: string | null): void {
		this.mayChange();
		if (user === "no-such-user") throw fakeError("ENOENT");
		this.get(path);
		this.owners.set(path, group === null ? user : `${user}:${group}`);
	}

	private get(path: string): FakeFile {
		const file = this.entries.get(path);
		if (file === undefined) {
			throw fakeError(this.info(path) === null ? "ENOENT" : "EISDIR");
		}
		return file;
	}

	private mayChange(): void {
		if (this.failWith !== null) {
			throw fakeError(this.failWith);
		}
	}
}
