/** Errors of the platform as the contract wants them: the POSIX name, and the C library's text for it. */

import type { HostError } from "../host/error.ts";

/** What strerror and gai_strerror say. Node has only libuv's own texts, and those from 22.12 on. */
const texts: Readonly<Record<string, string>> = {
	E2BIG: "Argument list too long",
	EACCES: "Permission denied",
	EADDRINUSE: "Address already in use",
	EADDRNOTAVAIL: "Cannot assign requested address",
	EAFNOSUPPORT: "Address family not supported by protocol",
	EAGAIN: "Resource temporarily unavailable",
	EALREADY: "Operation already in progress",
	EBADF: "Bad file descriptor",
	EBUSY: "Device or resource busy",
	ECONNABORTED: "Software caused connection abort",
	ECONNREFUSED: "Connection refused",
	ECONNRESET: "Connection reset by peer",
	EDQUOT: "Disk quota exceeded",
	EEXIST: "File exists",
	EFBIG: "File too large",
	EHOSTDOWN: "Host is down",
	EHOSTUNREACH: "No route to host",
	EINTR: "Interrupted system call",
	EINVAL: "Invalid argument",
	EIO: "Input/output error",
	EISDIR: "Is a directory",
	ELOOP: "Too many levels of symbolic links",
	EMFILE: "Too many open files",
	ENAMETOOLONG: "File name too long",
	ENETDOWN: "Network is down",
	ENETUNREACH: "Network is unreachable",
	ENFILE: "Too many open files in system",
	ENOBUFS: "No buffer space available",
	ENODEV: "No such device",
	ENOENT: "No such file or directory",
	ENOEXEC: "Exec format error",
	ENOMEM: "Cannot allocate memory",
	ENOSPC: "No space left on device",
	ENOSYS: "Function not implemented",
	ENOTCONN: "Transport endpoint is not connected",
	ENOTDIR: "Not a directory",
	ENOTEMPTY: "Directory not empty",
	ENOTSOCK: "Socket operation on non-socket",
	ENXIO: "No such device or address",
	EPERM: "Operation not permitted",
	EPIPE: "Broken pipe",
	EPROTO: "Protocol error",
	EROFS: "Read-only file system",
	ESRCH: "No such process",
	ETIMEDOUT: "Connection timed out",
	EXDEV: "Invalid cross-device link",
	DB_CORRUPT: "the database is damaged",
	DB_FOREIGN: "not a database",
	ENOTFOUND: "Name or service not known",
	EAI_AGAIN: "Try again",
};

/** A HostError for a name of an error. */
export function hostError(code: string, cause?: unknown): HostError {
	const text = texts[code] ?? `Error ${code}`;
	return Object.assign(new Error(text, cause === undefined ? undefined : { cause }), { code });
}

/** The HostError for what Node threw or reported. What is not an error of the platform is a defect: it is thrown on. */
export function toHostError(error: unknown): HostError {
	const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
	if (typeof code !== "string") {
		throw error;
	}
	return hostError(code, error);
}

/** Calls the platform; what it throws comes out as a HostError. */
export function hostCall<T>(call: () => T): T {
	try {
		return call();
	} catch (error) {
		throw toHostError(error);
	}
}
