/** The file system. */

import { randomBytes } from "node:crypto";
import {
	closeSync,
	fchmodSync,
	fchownSync,
	fstatSync,
	fsyncSync,
	lchownSync,
	lstatSync,
	openSync,
	readdirSync,
	readFileSync,
	readSync,
	realpathSync,
	renameSync,
	type Stats,
	statSync,
	unlinkSync,
	writeSync,
} from "node:fs";
import { dirname } from "node:path";
import type { FileInfo, Files } from "../host/files.ts";
import { hostCall, hostError } from "./errno.ts";

/** Octets asked for at once of a file whose size is not known beforehand (`/proc`, a pipe). */
const PIECE = 65_536;

export const files: Files = {
	read(path, limit) {
		return hostCall(() => {
			const fd = openSync(path, "r");
			try {
				const { size } = fstatSync(fd);
				if (size > limit) {
					throw hostError("EFBIG");
				}
				return readAll(fd, size, limit);
			} finally {
				closeSync(fd);
			}
		});
	},

	readPart(path, position, length) {
		return hostCall(() => {
			const fd = openSync(path, "r");
			try {
				const stats = fstatSync(fd);
				if (stats.isDirectory()) throw hostError("EISDIR");
				const rest = Math.max(0, stats.size - position);
				const bytes = new Uint8Array(Math.min(length, rest));
				let end = 0;
				while (end < bytes.length) {
					const count = readSync(fd, bytes, end, bytes.length - end, position + end);
					if (count === 0) break;
					end += count;
				}
				return end === bytes.length ? bytes : bytes.slice(0, end);
			} finally {
				closeSync(fd);
			}
		});
	},

	write(path, bytes, mode = 0o644) {
		hostCall(() => {
			const fd = openSync(path, "w", mode);
			try {
				writeAll(fd, bytes);
			} finally {
				closeSync(fd);
			}
		});
	},

	replace(path, bytes, mode = 0o600) {
		hostCall(() => replace(path, bytes, mode));
	},

	append(path, mode = 0o644) {
		let fd = hostCall(() => openSync(path, "a", mode));
		return {
			write(bytes) {
				if (fd < 0) {
					throw hostError("EBADF");
				}
				hostCall(() => writeAll(fd, bytes));
			},
			close() {
				if (fd >= 0) {
					closeSync(fd);
					fd = -1;
				}
			},
		};
	},

	info(path, follow = false) {
		return hostCall(() => {
			const stats = (follow ? statSync : lstatSync)(path, { throwIfNoEntry: false });
			return stats === undefined ? null : toInfo(stats);
		});
	},

	list(path) {
		return hostCall(() => readdirSync(path).sort());
	},

	rename(from, to) {
		hostCall(() => renameSync(from, to));
	},

	remove(path) {
		hostCall(() => unlinkSync(path));
	},

	setOwner(path, user, group) {
		hostCall(() => {
			const uid = idOf("/etc/passwd", user);
			const gid = group === null ? lstatSync(path).gid : idOf("/etc/group", group);
			lchownSync(path, uid, gid);
		});
	},
};

function replace(path: string, bytes: Uint8Array, mode: number): void {
	const old = statSync(path, { throwIfNoEntry: false });
	// What a symbolic link leads to is replaced, not the link.
	const target = old === undefined ? path : realpathSync(path);
	const beside = `${target}.${randomBytes(6).toString("hex")}`;
	const fd = openSync(beside, "wx", 0o600);
	try {
		try {
			writeAll(fd, bytes);
			if (old !== undefined) giveAway(fd, old);
			// Nobody else gets more rights than `mode` gives by what was there.
			const stays = old !== undefined && (old.mode & ~mode & 0o7) === 0;
			fchmodSync(fd, stays ? old.mode & 0o7777 : mode);
			fsyncSync(fd);
		} finally {
			closeSync(fd);
		}
		renameSync(beside, target);
	} catch (error) {
		unlinkSync(beside);
		throw error;
	}
	syncFolder(dirname(target));
}

/** Only root can give a file away; who may write to the folder may replace it all the same. */
function giveAway(fd: number, { uid, gid }: Stats): void {
	try {
		fchownSync(fd, uid, gid);
	} catch (error) {
		if ((error as { code?: unknown }).code !== "EPERM") throw error;
	}
}

/** So that what was renamed in it is on the disk; that it cannot be is no failure. */
function syncFolder(path: string): void {
	try {
		const fd = openSync(path, "r");
		try {
			fsyncSync(fd);
		} finally {
			closeSync(fd);
		}
	} catch {
		// Some file systems know no such thing.
	}
}

/** Reads to the end. `size` is a first guess; what grows past `limit` meanwhile is refused. */
function readAll(fd: number, size: number, limit: number): Uint8Array {
	let bytes = new Uint8Array(size);
	let end = 0;
	for (;;) {
		if (end === bytes.length) {
			// One octet more than allowed is enough to know.
			const larger = new Uint8Array(Math.min(end + PIECE, limit + 1));
			larger.set(bytes);
			bytes = larger;
		}
		const count = readSync(fd, bytes, end, bytes.length - end, null);
		if (count === 0) {
			return bytes.slice(0, end);
		}
		end += count;
		if (end > limit) {
			throw hostError("EFBIG");
		}
	}
}

/** The number of a user or group, third in its line. */
function idOf(file: string, name: string): number {
	const line = readFileSync(file, "utf8")
		.split("\n")
		.find((each) => each.startsWith(`${name}:`));
	if (line === undefined) {
		throw hostError("ENOENT");
	}
	return Number(line.split(":")[2]);
}

function writeAll(fd: number, bytes: Uint8Array): void {
	let start = 0;
	while (start < bytes.length) {
		start += writeSync(fd, bytes, start, bytes.length - start);
	}
}

function toInfo(stats: Stats): FileInfo {
	return {
		kind: kindOf(stats),
		size: stats.size,
		mode: stats.mode & 0o7777,
		owner: stats.uid,
		changed: stats.ctimeMs,
	};
}

function kindOf(stats: Stats): FileInfo["kind"] {
	if (stats.isFile()) {
		return "file";
	}
	if (stats.isDirectory()) {
		return "directory";
	}
	if (stats.isSocket()) {
		return "socket";
	}
	return stats.isSymbolicLink() ? "link" : "other";
}
