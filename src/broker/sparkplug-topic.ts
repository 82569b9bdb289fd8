/** Topics that mean something to a Sparkplug aware server (see sparkplug.ts). */

/** What a topic is about. */
export type SparkplugRole = typeof NO_ROLE | typeof BIRTH | typeof DEATH | typeof CERTIFICATE;
export const NO_ROLE = 0;
/** `spBv1.0/GROUP/NBIRTH/NODE`, `spBv1.0/GROUP/DBIRTH/NODE/DEVICE`. */
export const BIRTH = 1;
/** `spBv1.0/GROUP/NDEATH/NODE`. */
export const DEATH = 2;
/** `$sparkplug/…`, which is the server's alone. */
export const CERTIFICATE = 3;

/** The role of a topic name as clients have it: without mount point. */
export function sparkplugRole(topic: string): SparkplugRole {
	if (topic.startsWith("spBv1.0/")) {
		if (/^[^/]*\/[^/]*\/(NBIRTH\/[^/]*|DBIRTH\/[^/]*\/[^/]*)$/.test(topic)) return BIRTH;
		return /^[^/]*\/[^/]*\/NDEATH\/[^/]*$/.test(topic) ? DEATH : NO_ROLE;
	}
	return topic.startsWith("$sparkplug/") || topic === "$sparkplug" ? CERTIFICATE : NO_ROLE;
}

/** The same of a topic name as the broker has it. */
export function mountedRole(topic: string, mountPoint: string): SparkplugRole {
	return topic.startsWith(mountPoint) ? sparkplugRole(topic.slice(mountPoint.length)) : NO_ROLE;
}
