/** How a host reports that the platform refused something. */

/**
 * An Error whose `code` is the POSIX name ("EADDRINUSE", "ENOENT", "ECONNREFUSED") or, for names that do not resolve,
 * "ENOTFOUND" (no such host) or "EAI_AGAIN" (no answer now), and whose `message` is the C library's text for it alone
 * ("Address already in use", "Connection refused"; for names "Name or service not known", "Try again"). TLS and databases have codes of their own besides. What was asked
 * for (path, address) is known to the caller, which puts it into the message for the user.
 */
export interface HostError extends Error {
	readonly code: string;
}
