// Packs a static program for MIPS (32 bits, big-endian), so that it takes less flash, and a package of it less still:
//
//   node scripts/pack-elf.ts PROGRAM UNPACK OUT
//
// Packages come by gzip only, which LZMA surpasses by a quarter. PROGRAM is linked as scripts/native.sh does, with its
// symbols; UNPACK is src/qjs/c/unpack.c, linked by unpack.ld. OUT begins with that, which unpacks the rest to where it was linked:
//
//   0x400000  file header, unpack.c, table of parts, the data, packed parts     read and run
//   linked    code and constants                                                 not in the file; unpack.c makes it
//   linked    .storage                                                           not in the file; overlay.c makes it when needed
//   linked    data                                                               as in PROGRAM
//
// Bytecode is packed in PROGRAM already. The program is told where that and the packed storage are.

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

/** Where the file is in memory, where unpack.ld puts its code, and what addresses of segments are multiples of. */
const BASE = 0x400000;
const UNPACK = BASE + 0x100;
const ALIGNMENT = 0x10000;

const LOAD = 1;
const ABI_FLAGS = 0x70000003;
const WRITABLE = 2;
const SECTION_WRITE = 1;
const SECTION_ALLOC = 2;
const PROGBITS_LIKE_NOTHING = 8;
const HEADER = 52;
const PROGRAM_HEADER = 32;

interface Section {
	readonly name: string;
	readonly type: number;
	readonly flags: number;
	readonly address: number;
	readonly content: Buffer;
}

interface Segment {
	readonly type: number;
	readonly offset: number;
	readonly address: number;
	readonly fileSize: number;
	readonly flags: number;
	readonly header: Buffer;
}

interface Program {
	readonly file: Buffer;
	readonly entry: number;
	readonly segments: readonly Segment[];
	readonly sections: readonly Section[];
	/** Addresses of symbols. */
	readonly symbols: ReadonlyMap<string, number>;
}

function readProgram(path: string): Program {
	const file = readFileSync(path);
	if (file.readUInt32BE(0) !== 0x7f454c46 || file.readUInt16BE(4) !== 0x0102 || file.readUInt16BE(18) !== 8) {
		throw new Error(`${path} is no program for MIPS of 32 bits, big-endian`);
	}
	const table = (offset: number, size: number, count: number): Buffer[] =>
		Array.from({ length: count }, (_, at) => file.subarray(offset + at * size, offset + (at + 1) * size));
	const text = (from: Buffer, at: number): string => from.toString("latin1", at, from.indexOf(0, at));
	const headers = table(file.readUInt32BE(32), file.readUInt16BE(46), file.readUInt16BE(48));
	const contents = headers.map((header) => {
		const start = header.readUInt32BE(16);
		const size = header.readUInt32BE(4) === PROGBITS_LIKE_NOTHING ? 0 : header.readUInt32BE(20);
		return file.subarray(start, start + size);
	});
	const names = contents[file.readUInt16BE(50)]!;
	const sections = headers.map((header, at) => ({
		name: text(names, header.readUInt32BE(0)),
		type: header.readUInt32BE(4),
		flags: header.readUInt32BE(8),
		address: header.readUInt32BE(12),
		content: contents[at]!,
	}));
	const symbols = new Map<string, number>();
	const symtab = sections.find((section) => section.name === ".symtab")?.content ?? Buffer.alloc(0);
	const strtab = sections.find((section) => section.name === ".strtab")?.content ?? Buffer.alloc(0);
	for (let at = 0; at < symtab.length; at += 16) {
		symbols.set(text(strtab, symtab.readUInt32BE(at)), symtab.readUInt32BE(at + 4));
	}
	const segments = table(file.readUInt32BE(28), PROGRAM_HEADER, file.readUInt16BE(44)).map((header) => ({
		type: header.readUInt32BE(0),
		offset: header.readUInt32BE(4),
		address: header.readUInt32BE(8),
		fileSize: header.readUInt32BE(16),
		flags: header.readUInt32BE(24),
		header: Buffer.from(header),
	}));
	return { file, entry: file.readUInt32BE(24), segments, sections, symbols };
}

/**
 * What suits code of MIPS, of MIPS16, and tables: octets before, position of octets, position, in bits. Either way of looking for
 * repetitions may find the better ones.
 */
const PARAMETERS = ["lc=1,lp=2,pb=2", "lc=3,lp=1,pb=1", "lc=3,lp=0,pb=2"].flatMap((bits) =>
	["mf=bt4", "mf=bt2,depth=1000"].map((finder) => `${bits},${finder}`),
);

/** As lzma.c wants it: the first octet of the header, and the stream. */
function pack(bytes: Buffer): Buffer {
	const results = PARAMETERS.map((parameters) => {
		const packed = execFileSync(
			"xz",
			["--format=lzma", `--lzma1=preset=9e,nice=273,${parameters}`, "--stdout"],
			{ input: bytes, maxBuffer: 2 * bytes.length + 1000 },
		);
		return Buffer.concat([packed.subarray(0, 1), packed.subarray(13)]);
	});
	return results.reduce((best, next) => (next.length < best.length ? next : best));
}

function words(...numbers: number[]): Buffer {
	const buffer = Buffer.alloc(4 * numbers.length);
	for (const [at, number] of numbers.entries()) buffer.writeUInt32BE(number, 4 * at);
	return buffer;
}

/** The packed program. */
function packProgram(program: Program, unpack: Program): Buffer {
	const section = (name: string): Section => {
		const found = program.sections.find((each) => each.name === name);
		if (found === undefined) throw new Error(`no section ${name}`);
		return found;
	};
	const symbol = (name: string): number => {
		const found = program.symbols.get(name);
		if (found === undefined) throw new Error(`no symbol ${name}`);
		return found;
	};
	const dataSegment = program.segments.find((each) => each.type === LOAD && (each.flags & WRITABLE) !== 0);
	if (dataSegment === undefined) throw new Error("no segment of data");
	const data = Buffer.from(
		program.file.subarray(dataSegment.offset, dataSegment.offset + dataSegment.fileSize),
	);

	const storage = section(".storage");
	const bytecode = section(".program");
	const parts = program.sections
		.filter((each) => (each.flags & SECTION_ALLOC) !== 0 && (each.flags & SECTION_WRITE) === 0)
		.filter((each) => each.content.length > 0 && each !== storage && each !== bytecode)
		.map((each) => ({ address: each.address, length: each.content.length, packed: pack(each.content) }));
	const start = Math.min(...parts.map((part) => part.address)) & -ALIGNMENT;
	const end = Math.max(...parts.map((part) => part.address + part.length));
	const packedStorage = pack(storage.content);

	const code = unpack.sections.find((each) => each.name === ".text")!.content;
	const kept = program.segments.filter((each) => each.type !== LOAD && each.type !== ABI_FLAGS);
	const abiFlags = program.segments.find((each) => each.type === ABI_FLAGS)!;
	const flags = program.file.subarray(abiFlags.offset, abiFlags.offset + abiFlags.fileSize);
	const flagsAt = HEADER + PROGRAM_HEADER * (kept.length + 3);
	const codeAt = UNPACK - BASE;
	const tableAt = codeAt + code.length;
	const tableSize = 4 * (6 + 4 * parts.length);
	// A page of the file is mapped twice, so that the data need no room of their own.
	const dataAt = dataSegment.address % ALIGNMENT;
	if (flagsAt + flags.length > codeAt || tableAt + tableSize > dataAt) {
		throw new Error("no room in front of the data");
	}

	let at = dataAt + data.length;
	const place = (bytes: Buffer): number => {
		const address = BASE + at;
		at += bytes.length;
		return address;
	};
	const rows = parts.map((part) => [part.address, part.length, place(part.packed), part.packed.length]);
	const unpackedAtStart = at;
	const put = (name: string, content: Buffer): void => {
		const offset = symbol(name) - dataSegment.address;
		if (offset < 0 || offset + content.length > data.length) throw new Error(`${name} is not in the data`);
		content.copy(data, offset);
	};
	put("program", words(place(bytecode.content)));
	put(
		"packed_storage",
		words(place(packedStorage), packedStorage.length, storage.address, storage.content.length),
	);
	if (BASE + at > start) throw new Error("what is packed reaches to where it is unpacked");

	const out = Buffer.alloc(at);
	program.file.copy(out, 0, 0, HEADER);
	out.writeUInt32BE(unpack.entry, 24);
	// No sections.
	out.writeUInt32BE(0, 32);
	out.writeUInt16BE(kept.length + 3, 44);
	out.writeUInt32BE(0, 48);
	const flagsHeader = Buffer.from(abiFlags.header);
	words(flagsAt, BASE + flagsAt, BASE + flagsAt).copy(flagsHeader, 4);
	const dataHeader = Buffer.from(dataSegment.header);
	dataHeader.writeUInt32BE(dataAt, 4);
	const segments = [
		flagsHeader,
		words(LOAD, 0, BASE, BASE, out.length, out.length, 5, ALIGNMENT),
		dataHeader,
		...kept.map((each) => {
			const header = Buffer.from(each.header);
			// Within the data, or empty.
			if (each.fileSize > 0) header.writeUInt32BE(dataAt + each.offset - dataSegment.offset, 4);
			return header;
		}),
	];
	out.writeUInt32BE(HEADER, 28);
	Buffer.concat(segments).copy(out, HEADER);
	flags.copy(out, flagsAt);
	code.copy(out, codeAt);
	words(program.entry, start, end - start, BASE, unpackedAtStart, parts.length, ...rows.flat()).copy(
		out,
		tableAt,
	);
	data.copy(out, dataAt);
	let written = dataAt + data.length;
	for (const bytes of [...parts.map((part) => part.packed), bytecode.content, packedStorage]) {
		bytes.copy(out, written);
		written += bytes.length;
	}
	return out;
}

function main(): void {
	const [path, unpack, out] = process.argv.slice(2);
	if (path === undefined || unpack === undefined || out === undefined) {
		throw new Error("usage: pack-elf.ts PROGRAM UNPACK OUT");
	}
	writeFileSync(out, packProgram(readProgram(path), readProgram(unpack)), { mode: 0o755 });
}

main();
