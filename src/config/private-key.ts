/** Private keys in PEM form, as far as can be seen without their pass phrase. */

/** How a key begins that needs one: of PKCS #8 (RFC 7468, section 11), and of the older format (RFC 1421, section 4.6.1.1). */
const ENCRYPTED = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: *4, *ENCRYPTED/m;

/** Octets of a file that are looked at. */
const LIMIT = 65536;

/** Whether the key in a file needs a pass phrase. */
export function isEncrypted(file: Uint8Array): boolean {
	let text = "";
	for (const octet of file.subarray(0, LIMIT)) text += String.fromCharCode(octet);
	return ENCRYPTED.test(text);
}
