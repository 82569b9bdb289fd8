// Writes and reads tar archives (POSIX ustar) in memory. What is written depends on nothing but the entries: same
// entries, same octets. Owner and group are root.

/** One entry. Paths are as they shall stand in the archive (`./usr/sbin/mqttd`); folders end in `/`. */
export interface Entry {
	readonly path: string;
	/** Permission bits. */
	readonly mode: number;
	/** What a symbolic link points to; then there is no content. */
	readonly link?: string;
	/** Content of a file. */
	readonly content?: Uint8Array;
}

/** An entry as read, with what a writer of ours never varies. */
export interface ReadEntry extends Entry {
	readonly uid: number;
	readonly gid: number;
	/** Seconds since 1970. */
	readonly mtime: number;
}

const BLOCK = 512;

/** Writes an archive. `mtime` is in seconds since 1970. Throws when a path is too long for the format. */
export function writeTar(entries: readonly Entry[], mtime: number): Uint8Array {
	const parts: Uint8Array[] = [];
	for (const entry of entries) {
		const content = entry.content ?? new Uint8Array(0);
		parts.push(header(entry, content.length, mtime), content);
		parts.push(new Uint8Array((BLOCK - (content.length % BLOCK)) % BLOCK));
	}
	parts.push(new Uint8Array(2 * BLOCK));
	return Buffer.concat(parts);
}

function header(entry: Entry, size: number, mtime: number): Uint8Array {
	const block = Buffer.alloc(BLOCK);
	const put = (text: string, offset: number, length: number): void => {
		if (Buffer.byteLength(text) > length) throw new Error(`tar: too long: ${text}`);
		block.write(text, offset, length);
	};
	const octal = (value: number, offset: number, length: number): void =>
		put(value.toString(8).padStart(length - 1, "0"), offset, length - 1);
	put(entry.path, 0, 100);
	octal(entry.mode, 100, 8);
	octal(0, 108, 8);
	octal(0, 116, 8);
	octal(size, 124, 12);
	octal(mtime, 136, 12);
	put(entry.link !== undefined ? "2" : entry.path.endsWith("/") ? "5" : "0", 156, 1);
	put(entry.link ?? "", 157, 100);
	put("ustar\0", 257, 6);
	put("00", 263, 2);
	put("root", 265, 32);
	put("root", 297, 32);
	octal(0, 329, 8);
	octal(0, 337, 8);
	block.fill(" ", 148, 156);
	const sum = block.reduce((total, octet) => total + octet, 0);
	put(`${sum.toString(8).padStart(6, "0")}\0`, 148, 8);
	return block;
}

/** Reads an archive of files, folders and symbolic links. Throws when it is damaged or has anything else. */
export function readTar(archive: Uint8Array): ReadEntry[] {
	const bytes = Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength);
	const entries: ReadEntry[] = [];
	let at = 0;
	while (at + BLOCK <= bytes.length && bytes[at] !== 0) {
		const block = bytes.subarray(at, at + BLOCK);
		const text = (start: number, end: number): string =>
			block.toString("utf8", start, end).replace(/\0.*$/s, "");
		const number = (start: number, end: number): number => Number.parseInt(text(start, end).trim() || "0", 8);
		const sum = block.reduce((total, octet, index) => total + (index >= 148 && index < 156 ? 32 : octet), 0);
		if (sum !== number(148, 156)) throw new Error(`tar: wrong checksum at ${at}`);
		const size = number(124, 136);
		const type = text(156, 157);
		if (!["0", "2", "5"].includes(type)) throw new Error(`tar: unknown type ${type} at ${at}`);
		at += BLOCK;
		if (at + size > bytes.length) throw new Error("tar: cut short");
		entries.push({
			path: text(0, 100),
			mode: number(100, 108),
			uid: number(108, 116),
			gid: number(116, 124),
			mtime: number(136, 148),
			...(type === "2" ? { link: text(157, 257) } : {}),
			...(type === "0" ? { content: bytes.subarray(at, at + size) } : {}),
		});
		at += Math.ceil(size / BLOCK) * BLOCK;
	}
	if (at + BLOCK > bytes.length) throw new Error("tar: cut short");
	return entries;
}
