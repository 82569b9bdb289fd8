/** Errors as a host reports them. */

import type { HostError } from "../../src/host/error.ts";

const texts: Readonly<Record<string, string>> = {
	DB_CORRUPT: "the database is damaged",
	DB_FOREIGN: "not a database",
	EADDRINUSE: "Address already in use",
	EBUSY: "Device or resource busy",
	ECONNREFUSED: "Connection refused",
	ECONNRESET: "Connection reset by peer",
	EFBIG: "File too large",
	EIO: "Input/output error",
	EISDIR: "Is a directory",
	ENODEV: "No such device",
	ENOENT: "No such file or directory",
	ENOSPC: "No space left on device",
	ENOTFOUND: "Name or service not known",
	EPERM: "Operation not permitted",
	EPIPE: "Broken pipe",
	EROFS: "Read-only file system",
	ETIMEDOUT: "Connection timed out",
};

export function fakeError(code: string): HostError {
	return Object.assign(new Error(texts[code] ?? `Error ${code}`), { code });
}
