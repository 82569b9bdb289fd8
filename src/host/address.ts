/** Numeric addresses as octets, and sets of them. Code, not contract: every folder may use it. */

/** The octets of an IPv4 (4) or IPv6 (16) address; null when it is none. An IPv4 address mapped to IPv6 gives 4. */
export function parseAddress(text: string): Uint8Array | null {
	const octets = text.includes(":") ? parseIpv6(text) : parseIpv4(text);
	return octets === null ? null : unmapped(octets);
}

function parseIpv4(text: string): Uint8Array | null {
	const parts = text.split(".");
	if (
		parts.length !== 4 ||
		parts.some((part) => !/^(?:0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255)
	) {
		return null;
	}
	return Uint8Array.from(parts, Number);
}

function parseIpv6(text: string): Uint8Array | null {
	const halves = text.split("::");
	if (halves.length > 2) return null;
	const groups = halves.map((half, index) =>
		half === "" ? [] : groupsOf(half, index === halves.length - 1),
	);
	const [head, rest] = groups;
	if (head === undefined || head === null || rest === null) return null;
	const tail = rest ?? [];
	const missing = 8 - head.length - tail.length;
	if (rest === undefined ? missing !== 0 : missing < 1) return null;
	const octets = new Uint8Array(16);
	for (const [index, group] of [...head, ...new Array<number>(missing).fill(0), ...tail].entries()) {
		octets[2 * index] = group >> 8;
		octets[2 * index + 1] = group & 255;
	}
	return octets;
}

/** Groups of 16 bits; the last two of an address may be written as an IPv4 address. */
function groupsOf(text: string, isEnd: boolean): number[] | null {
	const groups: number[] = [];
	const parts = text.split(":");
	for (const [index, part] of parts.entries()) {
		if (/^[0-9a-f]{1,4}$/i.test(part)) {
			groups.push(Number.parseInt(part, 16));
			continue;
		}
		const last = isEnd && index === parts.length - 1 ? parseIpv4(part) : null;
		if (last === null) return null;
		groups.push((last[0]! << 8) | last[1]!, (last[2]! << 8) | last[3]!);
	}
	return groups;
}

function unmapped(octets: Uint8Array): Uint8Array {
	if (octets.length !== 16) return octets;
	for (let at = 0; at < 12; at++) if (octets[at] !== (at < 10 ? 0 : 0xff)) return octets;
	return octets.slice(12);
}

/** The usual text of an address of 4 or 16 octets (RFC 5952): groups without leading zeros, the longest run of zeros left out. */
export function formatAddress(octets: Uint8Array): string {
	const plain = unmapped(octets);
	if (plain.length === 4) return plain.join(".");
	const groups = Array.from({ length: 8 }, (_, index) => (plain[2 * index]! << 8) | plain[2 * index + 1]!);
	let start = 0;
	let length = 0;
	for (let at = 0; at < 8; at++) {
		let zeros = 0;
		while (at + zeros < 8 && groups[at + zeros] === 0) zeros++;
		if (zeros > length) [start, length] = [at, zeros];
	}
	const hex = (part: number[]) => part.map((group) => group.toString(16)).join(":");
	if (length < 2) return hex(groups);
	return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

interface Net {
	readonly octets: Uint8Array;
	readonly bits: number;
}

/** Networks, each an address with the number of bits that count: `192.168.1.0/24`, `::1`. */
export class AddressList {
	private readonly nets: readonly Net[];

	private constructor(nets: readonly Net[]) {
		this.nets = nets;
	}

	/** Throws a RangeError that names what is no network. */
	static of(texts: readonly string[]): AddressList {
		return new AddressList(texts.map(parseNet));
	}

	get isEmpty(): boolean {
		return this.nets.length === 0;
	}

	/** Whether one of them has the address. What is no numeric address (a unix socket's) is in none. */
	has(address: string): boolean {
		if (this.nets.length === 0) return false;
		// A link-local address comes with its interface (`fe80::1%eth0`).
		const octets = parseAddress(address.split("%", 1)[0]!);
		return octets !== null && this.nets.some((net) => matches(net, octets));
	}
}

function parseNet(text: string): Net {
	const [address = "", bits, more] = text.split("/");
	const octets = parseAddress(address);
	const all = octets === null ? 0 : octets.length * 8;
	const count = bits === undefined ? all : /^[0-9]{1,3}$/.test(bits) ? Number(bits) : -1;
	if (octets === null || more !== undefined || count < 0 || count > all) throw new RangeError(text);
	return { octets, bits: count };
}

function matches({ octets, bits }: Net, address: Uint8Array): boolean {
	if (octets.length !== address.length) return false;
	for (let at = 0; at * 8 < bits; at++) {
		const count = Math.min(8, bits - at * 8);
		if (((octets[at]! ^ address[at]!) & (0xff << (8 - count)) & 0xff) !== 0) return false;
	}
	return true;
}
