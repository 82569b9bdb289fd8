/*
 * How bytecode is written so that it packs by a tenth better: what is alike lies together. compile.c takes it apart, and engine.c,
 * which knows it as QuickJS writes it, joins it again. Both include quickjs.c before this.
 *
 * First come numbers of 32 bits, little-endian: the length of each part, of all code of functions, and of the rest of what QuickJS
 * wrote. Then come the parts:
 *
 *   texts       version, number of atoms, and atoms; each ends with 0, or begins with 1 and is as QuickJS wrote it
 *   rest        what describes the module, and constants
 *   opcodes …   of all functions, one after the other; operands in the byte order of the machine that it is for
 *   columns     what describes functions, each number of it in one, as QuickJS wrote it
 */

#ifndef SPLIT_H
#define SPLIT_H

enum {
	SPLIT_TEXTS,
	SPLIT_REST,
	SPLIT_OPCODES,
	SPLIT_ATOMS,
	SPLIT_LABELS,
	SPLIT_VARIABLES,
	SPLIT_CONSTANTS,
	SPLIT_NUMBERS,
	SPLIT_COLUMNS,
	/* A function has eleven, of which these are the last: how many variables it takes from around it, constants, octets of code,
	   and descriptions of variables, which are none. */
	SPLIT_CLOSURES = SPLIT_COLUMNS + 7,
	SPLIT_CONSTANTS_COUNT,
	SPLIT_CODE_OCTETS,
	SPLIT_LOCALS,
	/* A variable that it takes has three. */
	SPLIT_CLOSURE,
	SPLIT_PARTS = SPLIT_CLOSURE + 3,

	SPLIT_CODE_LENGTH = SPLIT_PARTS,
	SPLIT_WHOLE_LENGTH,
	SPLIT_HEADER,

	/* Of an atom's text. */
	SPLIT_RAW = 1,
	/* An atom is two octets, the higher one first. When that is one of these, the atom is the other octet after the highest
	   until here, or any, in four octets that follow. */
	SPLIT_NEXT_ATOM = 0xff,
	SPLIT_ANY_ATOM = 0xfe
};

/* Whether an instruction's operands begin with an atom. */
static inline bool split_has_atom(int format)
{
	return format == OP_FMT_atom || format == OP_FMT_atom_u8 || format == OP_FMT_atom_u16 ||
	       format == OP_FMT_atom_label_u8 || format == OP_FMT_atom_label_u16;
}

/* Where an instruction's operands go, but for an atom. */
static inline int split_operands(int format)
{
	switch (format) {
	case OP_FMT_label:
	case OP_FMT_label8:
	case OP_FMT_label16:
	case OP_FMT_label_u16:
	case OP_FMT_atom_label_u8:
	case OP_FMT_atom_label_u16:
		return SPLIT_LABELS;
	case OP_FMT_loc8:
	case OP_FMT_loc:
	case OP_FMT_arg:
	case OP_FMT_var_ref:
		return SPLIT_VARIABLES;
	case OP_FMT_const8:
	case OP_FMT_const:
		return SPLIT_CONSTANTS;
	default:
		return SPLIT_NUMBERS;
	}
}

#endif
