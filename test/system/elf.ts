/** Reads what tests ask about an ELF file of 32 bits, big-endian: header, sections, segments. */

/** One section. */
export interface Section {
	readonly name: string;
	readonly content: Buffer;
}

/** What there is to know. Numbers as in the ELF specification. */
export interface Elf {
	/** 1 is 32 bits. */
	readonly bits: number;
	/** 2 is big-endian. */
	readonly order: number;
	/** 8 is MIPS. */
	readonly machine: number;
	readonly flags: number;
	/** Types of segments; 3 is the dynamic loader's name, 2 dynamic linking. */
	readonly segments: readonly number[];
	readonly sections: readonly Section[];
}

/** Parses a 32-bit big-endian file; throws for anything else. */
export function readElf(file: Buffer): Elf {
	if (file.toString("latin1", 0, 4) !== "\x7fELF") throw new Error("not an ELF file");
	const [bits, order] = [file.readUInt8(4), file.readUInt8(5)];
	if (bits !== 1 || order !== 2) throw new Error(`class ${bits}, order ${order}: not 32 bits big-endian`);
	const table = (offset: number, size: number, count: number): Buffer[] =>
		Array.from({ length: count }, (_, index) =>
			file.subarray(offset + index * size, offset + (index + 1) * size),
		);
	const segments = table(file.readUInt32BE(28), file.readUInt16BE(42), file.readUInt16BE(44));
	const headers = table(file.readUInt32BE(32), file.readUInt16BE(46), file.readUInt16BE(48));
	const contentOf = (header: Buffer): Buffer => {
		const start = header.readUInt32BE(16);
		// SHT_NOBITS takes no room in the file.
		return file.subarray(start, header.readUInt32BE(4) === 8 ? start : start + header.readUInt32BE(20));
	};
	const names = headers[file.readUInt16BE(50)];
	const nameOf = (header: Buffer): string => {
		const text = names === undefined ? Buffer.alloc(1) : contentOf(names);
		const start = header.readUInt32BE(0);
		return text.toString("latin1", start, text.indexOf(0, start));
	};
	return {
		bits,
		order,
		machine: file.readUInt16BE(18),
		flags: file.readUInt32BE(36),
		segments: segments.map((segment) => segment.readUInt32BE(0)),
		sections: headers.map((header) => ({ name: nameOf(header), content: contentOf(header) })),
	};
}

/** Octets of a section that must be there. */
export function sectionOf(elf: Elf, name: string): Buffer {
	const found = elf.sections.find((section) => section.name === name);
	if (found === undefined) throw new Error(`no section ${name}`);
	return found.content;
}

/** Major opcodes of MIPS that need a floating-point unit: COP1, COP1X, LWC1, LDC1, SWC1, SDC1. */
const FPU_OPCODES = new Set([0x11, 0x13, 0x31, 0x35, 0x39, 0x3d]);

/** Offsets in big-endian MIPS code at which an instruction needs a floating-point unit. */
export function fpuInstructions(code: Buffer): number[] {
	const found: number[] = [];
	for (let at = 0; at + 4 <= code.length; at += 4) {
		if (FPU_OPCODES.has(code.readUInt32BE(at) >>> 26)) found.push(at);
	}
	return found;
}
