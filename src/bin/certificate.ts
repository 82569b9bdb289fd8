/** Names in a certificate (RFC 5280): enough of DER (X.690) to find the subject and to write it as RFC 2253 does. */

/** One element: what it is, and where its contents are. */
interface Element {
	readonly tag: number;
	readonly start: number;
	readonly end: number;
}

const SEQUENCE = 0x30;
const SET = 0x31;
const OBJECT_IDENTIFIER = 0x06;
const UTF8_STRING = 0x0c;
const BMP_STRING = 0x1e;
const VERSION = 0xa0;

/** Names of types as OpenSSL writes them, by the octets of their object identifiers. */
const TYPES: Readonly<Record<string, string>> = {
	"550403": "CN",
	"550404": "SN",
	"550405": "serialNumber",
	"550406": "C",
	"550407": "L",
	"550408": "ST",
	"550409": "street",
	"55040a": "O",
	"55040b": "OU",
	"55040c": "title",
	"55042a": "GN",
	"55042b": "initials",
	"2a864886f70d010901": "emailAddress",
	"0992268993f22c640101": "UID",
	"0992268993f22c640119": "DC",
};

/** One attribute of a name. */
interface Attribute {
	readonly type: string;
	readonly value: string;
}

/** The element at `at`. Throws when it is not whole. */
function elementAt(der: Uint8Array, at: number, limit: number): Element {
	const tag = der[at];
	let length = der[at + 1];
	let start = at + 2;
	if (tag === undefined || length === undefined) throw new RangeError("DER ends early");
	if (length > 127) {
		const octets = length & 127;
		if (octets === 0 || octets > 3) throw new RangeError("DER length");
		length = 0;
		for (let i = 0; i < octets; i++) length = length * 256 + (der[start++] ?? 0);
	}
	if (start + length > limit) throw new RangeError("DER ends early");
	return { tag, start, end: start + length };
}

/** The elements inside another one. */
function inside(der: Uint8Array, { start, end }: Element): Element[] {
	const elements: Element[] = [];
	for (let at = start; at < end; ) {
		const element = elementAt(der, at, end);
		elements.push(element);
		at = element.end;
	}
	return elements;
}

function textOf(der: Uint8Array, { tag, start, end }: Element): string {
	const octets = der.subarray(start, end);
	if (tag === BMP_STRING) {
		let text = "";
		for (let i = 0; i + 1 < octets.length; i += 2)
			text += String.fromCharCode(octets[i]! * 256 + octets[i + 1]!);
		return text;
	}
	const latin = Array.from(octets, (octet) => String.fromCharCode(octet)).join("");
	if (tag !== UTF8_STRING) return latin;
	try {
		return decodeURIComponent(
			Array.from(octets, (octet) => `%${octet.toString(16).padStart(2, "0")}`).join(""),
		);
	} catch {
		return latin;
	}
}

function typeOf(der: Uint8Array, { start, end }: Element): string {
	const key = Array.from(der.subarray(start, end), (octet) => octet.toString(16).padStart(2, "0")).join("");
	return TYPES[key] ?? `OID.${key}`;
}

/** The subject: relative names in the order of the certificate, each of one attribute or, rarely, several. */
function subjectOf(der: Uint8Array): Attribute[][] {
	const [certificate] = inside(der, { tag: 0, start: 0, end: der.length });
	const [signed] = inside(der, certificate!);
	const fields = inside(der, signed!);
	// The version may be left out; then serial number, algorithm, issuer, validity, subject.
	const subject = fields[fields[0]?.tag === VERSION ? 5 : 4];
	if (subject?.tag !== SEQUENCE) throw new RangeError("no subject");
	return inside(der, subject)
		.filter((name) => name.tag === SET)
		.map((name) =>
			inside(der, name).flatMap((pair) => {
				const [type, value] = inside(der, pair);
				if (type?.tag !== OBJECT_IDENTIFIER || value === undefined) return [];
				return [{ type: typeOf(der, type), value: textOf(der, value) }];
			}),
		);
}

/** RFC 2253, section 2.4; octets beyond ASCII are escaped, too, as OpenSSL does. */
function escaped(value: string): string {
	let out = "";
	const characters = [...value];
	for (const [at, character] of characters.entries()) {
		const code = character.codePointAt(0)!;
		const isEdge =
			(at === 0 && (character === " " || character === "#")) ||
			(at === characters.length - 1 && character === " ");
		if (isEdge || ',+"\\<>;'.includes(character)) out += `\\${character}`;
		else if (code < 0x20 || code === 0x7f) out += `\\${code.toString(16).toUpperCase().padStart(2, "0")}`;
		else if (code > 0x7e) out += encodeURIComponent(character).replaceAll("%", "\\");
		else out += character;
	}
	return out;
}

/** The common name, the first of several; null for none. */
export function commonName(der: Uint8Array): string | null {
	try {
		const found = subjectOf(der)
			.flat()
			.find(({ type }) => type === "CN");
		return found === undefined || found.value === "" || found.value.includes("\0") ? null : found.value;
	} catch {
		return null;
	}
}

/** The subject as RFC 2253 writes it, `CN=name,O=owner,C=DE`: the most specific part first; null for none. */
export function subjectName(der: Uint8Array): string | null {
	try {
		// Everything backwards, also what belongs to one relative name.
		const names = subjectOf(der)
			.map((name) => name.reverse())
			.reverse();
		const text = names
			.map((name) => name.map(({ type, value }) => `${type}=${escaped(value)}`).join("+"))
			.join(",");
		return text === "" ? null : text;
	} catch {
		return null;
	}
}
