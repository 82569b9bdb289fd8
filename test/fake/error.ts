/** Errors as a host reports them. */

import type { HostError } from "../../src/host/error.ts";

const texts: Readonly<Record<string, string>> = {
	EADDRINUSE: "Address already in use",
	ECONNREFUSED: "Connection refused",
	ECONNRESET: "Connection reset by peer",
	EFBIG: "File too large",
	EISDIR: "Is a directory",
	ENODEV: "No such device",
	ENOENT: "No such file or directory",
	ENOTFOUND: "Name or service not known",
	EPERM: "Operation not permitted",
	EPIPE: "Broken pipe",
	ETIMEDOUT: "Connection timed out",
};

export function fakeError(code: string): HostError {
	return Object.assign(new Error(texts[code] ?? `Error ${code}`), { code });
}
