/** Lists of revoked certificates (RFC 5280, section 5), as far as OpenSSL's answer is not told by Node: when dates do not count. */

import { type KeyObject, verify, type X509Certificate } from "node:crypto";

/** One list, whose signature is not yet known to be good. */
interface RevocationList {
	/** What is signed, by which hash and with what result. */
	readonly signed: Uint8Array;
	readonly hash: string;
	readonly signature: Uint8Array;
	/** Serial numbers, as X509Certificate writes them. */
	readonly serials: ReadonlySet<string>;
}

/** An element of DER: its tag, where it begins, where its contents do, and where it ends. */
interface Element {
	readonly tag: number;
	readonly at: number;
	readonly start: number;
	readonly end: number;
}

const INTEGER = 0x02;
const OBJECT_IDENTIFIER = 0x06;
const SEQUENCE = 0x30;
const TIMES: readonly (number | undefined)[] = [0x17, 0x18];

/** Hashes by the algorithm of the signature: RSA (PKCS #1) and ECDSA. */
const HASHES: Readonly<Record<string, string>> = {
	"2a864886f70d01010b": "sha256",
	"2a864886f70d01010c": "sha384",
	"2a864886f70d01010d": "sha512",
	"2a8648ce3d040302": "sha256",
	"2a8648ce3d040303": "sha384",
	"2a8648ce3d040304": "sha512",
};

function elementAt(der: Buffer, at: number): Element {
	const size = der.readUInt8(at + 1);
	const octets = size > 127 ? size - 128 : 0;
	const length = octets === 0 ? size : der.readUIntBE(at + 2, octets);
	const start = at + 2 + octets;
	if (start + length > der.length) throw new RangeError("DER ends early");
	return { tag: der.readUInt8(at), at, start, end: start + length };
}

function inside(der: Buffer, { start, end }: Pick<Element, "start" | "end">): Element[] {
	const elements: Element[] = [];
	for (let at = start; at < end; at = elements.at(-1)!.end) elements.push(elementAt(der, at));
	return elements;
}

/** Reads a list. Throws when it is none. */
function readList(der: Buffer): RevocationList {
	const [signed, algorithm, signature] = inside(der, elementAt(der, 0));
	const [identifier] = inside(der, algorithm!);
	if (identifier?.tag !== OBJECT_IDENTIFIER) throw new RangeError("no algorithm");
	const fields = inside(der, signed!);
	const last = fields.findLastIndex(({ tag }) => TIMES.includes(tag));
	const revoked = fields[last + 1];
	const serials = new Set<string>();
	for (const entry of revoked?.tag === SEQUENCE ? inside(der, revoked) : []) {
		const { tag, start, end } = elementAt(der, entry.start);
		if (tag === INTEGER) serials.add(serialOf(der.toString("hex", start, end)));
	}
	return {
		signed: der.subarray(signed!.at, signed!.end),
		hash: HASHES[der.toString("hex", identifier.start, identifier.end)] ?? "",
		// The first octet of a bit string says how many bits of the last do not count.
		signature: der.subarray(signature!.start + 1, signature!.end),
		serials,
	};
}

function serialOf(hex: string): string {
	return hex.toUpperCase().replace(/^0+(?=.)/, "");
}

function isBy({ signed, hash, signature }: RevocationList, key: KeyObject): boolean {
	try {
		return hash !== "" && verify(hash, signed, key, signature);
	} catch {
		return false;
	}
}

/** What lists of revoked certificates say, whenever they were made. */
export class Revocations {
	private readonly lists: readonly RevocationList[];

	/** From PEM texts, one list each. Throws when one is none. */
	constructor(texts: readonly string[]) {
		this.lists = texts.map((text) => readList(Buffer.from(text.replace(/-----[^-]+-----/g, ""), "base64")));
	}

	/** Why a certificate by this authority is not good: revoked, or the authority has no list; null when it is good. */
	faultOf(
		{ serialNumber }: X509Certificate,
		{ publicKey }: X509Certificate,
	): "CERT_REVOKED" | "CERT_NO_CRL" | null {
		const lists = this.lists.filter((list) => isBy(list, publicKey));
		if (lists.length === 0) return "CERT_NO_CRL";
		return lists.some(({ serials }) => serials.has(serialOf(serialNumber))) ? "CERT_REVOKED" : null;
	}
}
