/** The file system. All calls block, as they are for start, reload and logging only, and throw a HostError. */

export interface FileInfo {
	readonly kind: "file" | "directory" | "socket" | "link" | "other";
	/** Octets. */
	readonly size: number;
	/** Permission bits (`0o600`). */
	readonly mode: number;
	/** User id of the owner. */
	readonly owner: number;
	/** When it, or what is known of it, changed last: milliseconds since 1970, with a fraction. */
	readonly changed: number;
}

/** A file open for appending. */
export interface AppendFile {
	/** Appends all of `bytes` or throws. */
	write(bytes: Uint8Array): void;
	close(): void;
}

export interface Files {
	/** The whole file; EFBIG when it is longer than `limit` octets. */
	read(path: string, limit: number): Uint8Array;
	/**
	 * Up to `length` octets of a regular file from `position` on; fewer only where the file ends. Memory is taken for those
	 * that there are.
	 */
	readPart(path: string, position: number, length: number): Uint8Array;
	/** Creates or replaces the file, with permission bits `mode` (default 0o644, less the umask) when new. */
	write(path: string, bytes: Uint8Array, mode?: number): void;
	/**
	 * Puts a file in the place of `path`, wholly or not at all, also when the power goes: it is written beside it, brought
	 * to the disk and renamed. It takes over permission bits, owner and group of what was there; a symbolic link is
	 * followed. It has the permission bits `mode` (default 0o600) when it is new, or when what was there gave others, who are
	 * neither owner nor group, a right that `mode` does not give.
	 */
	replace(path: string, bytes: Uint8Array, mode?: number): void;
	/** Opens for appending, creating it with `mode` (default 0o644, less the umask). */
	append(path: string, mode?: number): AppendFile;
	/** Facts about a path itself, or, with `follow`, about what a symbolic link leads to; null when there is none. */
	info(path: string, follow?: boolean): FileInfo | null;
	/** Names in a directory, sorted by code unit, without `.` and `..`. */
	list(path: string): string[];
	/** Moves, replacing what is at `to`. */
	rename(from: string, to: string): void;
	remove(path: string): void;
	/**
	 * Gives a path itself (a symbolic link is not followed) to a user and, unless it is null, a group, by name. ENOENT when
	 * there is no such user or group, EPERM when not allowed.
	 */
	setOwner(path: string, user: string, group: string | null): void;
}
