/*
 * Build tool: compiles one ES module to QuickJS bytecode.
 *
 *   compile [-x] MODULE.js OUT
 *
 * -x writes for a machine that is big-endian. Code is swapped here, and with it that of regular expression literals, which QuickJS
 * takes for text. The result is written as split.h has it.
 */

#include <stdbool.h>

#include "cutils.h"

/* The code of a function goes elsewhere. */
static int take_apart(const uint8_t *code, size_t length);
#define dbuf_put(buffer, data, length)                                     \
	(__builtin_strcmp(__func__, "JS_WriteFunctionBytecode") == 0 ?     \
		 take_apart(data, length) :                                \
		 (dbuf_put)(buffer, data, length))

#include "quickjs.c"

#include "split.h"

/* Opcodes of regular expressions and their lengths; libregexp.c keeps its own of these to itself. */
enum {
#define DEF(name, size) REOP_##name,
#include "libregexp-opcode.h"
#undef DEF
};
static const uint8_t reop_sizes[] = {
#define DEF(name, size) size,
#include "libregexp-opcode.h"
#undef DEF
};

/* The code begins with flags, number of captures, stack size, and in 32 bits the length of what follows. */
enum { RE_LENGTH = 3, RE_HEADER = 7 };

static bool swap;

static void swap16(uint8_t *at)
{
	uint8_t octet = at[0];
	at[0] = at[1];
	at[1] = octet;
}

static void swap32(uint8_t *at)
{
	uint8_t octet = at[0];
	at[0] = at[3];
	at[3] = octet;
	octet = at[1];
	at[1] = at[2];
	at[2] = octet;
}

/* Swaps the operands of one regular expression's bytecode in place. */
static void swap_regexp(uint8_t *code)
{
	uint32_t end = RE_HEADER + get_u32(code + RE_LENGTH);
	for (uint32_t at = RE_HEADER; at < end;) {
		uint8_t *operand = code + at + 1;
		uint32_t count;
		uint32_t size = reop_sizes[code[at]];
		switch (code[at]) {
		case REOP_char:
			swap16(operand);
			break;
		case REOP_range:
			count = get_u16(operand) * 2;
			for (uint32_t i = 0; i <= count; i++)
				swap16(operand + 2 * i);
			size += 2 * count;
			break;
		case REOP_range32:
			count = get_u16(operand) * 2;
			swap16(operand);
			for (uint32_t i = 0; i < count; i++)
				swap32(operand + 2 + 4 * i);
			size += 4 * count;
			break;
		case REOP_save_reset: /* two octets */
			break;
		default:
			/* No operand, one octet, or some of 32 bits. */
			if (size > 2 && size % 4 != 1) {
				fprintf(stderr, "compile: regular expression opcode %d has unknown operands\n", code[at]);
				exit(1);
			}
			for (uint32_t i = 0; i + 4 < size; i += 4)
				swap32(operand + i);
		}
		at += size;
	}
	swap32(code + RE_LENGTH);
}

static JSValue compile_regexp(JSContext *ctx, JSValueConst pattern, JSValueConst flags)
{
	JSValue code = js_compile_regexp(ctx, pattern, flags);
	if (swap && !JS_IsException(code))
		swap_regexp(JS_VALUE_GET_STRING(code)->u.str8);
	return code;
}

/* Whether entering a scope does no more than to mark variables as not initialized. */
static bool only_marks(const JSFunctionDef *function, int scope)
{
	if (scope == function->body_scope) {
		/* Functions that are declared are made there. */
		if (function->module)
			return false;
		for (int i = 0; i < function->arg_count; i++) {
			if (function->args[i].func_pool_idx >= 0)
				return false;
		}
		for (int i = 0; i < function->var_count; i++) {
			if (function->vars[i].func_pool_idx >= 0)
				return false;
		}
	}
	int at = function->scopes[scope].first;
	for (; at >= 0 && function->vars[at].scope_level == scope; at = function->vars[at].scope_next) {
		if (function->vars[at].var_kind != JS_VAR_NORMAL)
			return false;
	}
	return true;
}

/*
 * Does away with the checks that let and const are not used before they are initialized: QuickJS does them at run
 * time and at each use, which doubles the work of a loop. TypeScript has checked most of it. Nor does it mark them as
 * not initialized whenever their scope is entered, which is a step for each of them.
 */
static void trust_bindings(JSFunctionDef *function)
{
	struct list_head *at;
	for (int i = 0; i < function->var_count; i++) {
		if (function->vars[i].var_kind == JS_VAR_NORMAL)
			function->vars[i].is_lexical = false;
	}
	uint8_t *code = function->byte_code.buf;
	for (size_t i = 0; i < function->byte_code.size; i += opcode_info[code[i]].size) {
		if (code[i] == OP_enter_scope && only_marks(function, get_u16(code + i + 1)))
			memset(code + i, OP_nop, 3);
	}
	list_for_each(at, &function->child_list)
		trust_bindings(list_entry(at, JSFunctionDef, link));
}

/*
 * Forgets the names of variables that functions have of those around them: only the message for a use before they are
 * initialized would show them.
 */
static void forget_names(JSContext *ctx, JSValueConst value)
{
	JSFunctionBytecode *function = JS_VALUE_GET_PTR(value);
	for (int i = 0; i < function->closure_var_count; i++) {
		JS_FreeAtom(ctx, function->closure_var[i].var_name);
		function->closure_var[i].var_name = JS_ATOM_NULL;
	}
	for (int i = 0; i < function->cpool_count; i++) {
		if (JS_VALUE_GET_TAG(function->cpool[i]) == JS_TAG_FUNCTION_BYTECODE)
			forget_names(ctx, function->cpool[i]);
	}
}

/* What JS_Eval does for a module, with a step of ours between parsing and generating code. */
static JSValue compile_module(JSContext *ctx, const char *text, size_t length, const char *name)
{
	JSParseState state;
	js_parse_init(ctx, &state, text, length, name);
	JSModuleDef *module = js_new_module_def(ctx, JS_NewAtom(ctx, name));
	JSFunctionDef *function =
		js_new_function_def(ctx, NULL, true, false, name, state.buf_start, &state.get_line_col_cache);
	state.cur_func = function;
	state.is_module = true;
	function->eval_type = JS_EVAL_TYPE_MODULE;
	function->has_this_binding = true;
	function->arguments_allowed = true;
	function->js_mode = JS_MODE_STRICT;
	function->func_name = JS_DupAtom(ctx, JS_ATOM__eval_);
	function->module = module;
	function->in_function_body = true;
	function->func_kind = JS_FUNC_ASYNC;
	push_scope(&state);
	function->body_scope = function->scope_level;
	if (js_parse_program(&state) != 0)
		return JS_EXCEPTION;
	module->has_tla = function->has_await;
	trust_bindings(function);
	module->func_obj = js_create_function(ctx, function);
	if (JS_IsException(module->func_obj) || js_resolve_module(ctx, module) < 0)
		return JS_EXCEPTION;
	forget_names(ctx, module->func_obj);
	return JS_NewModuleValue(ctx, module);
}

static int init_nothing(JSContext *ctx, JSModuleDef *module)
{
	return 0;
}

/* Every import names a module of the C host, which will be there at run time. */
static JSModuleDef *load_c_module(JSContext *ctx, const char *name, void *opaque)
{
	return JS_NewCModule(ctx, name, init_nothing);
}

static char *read_file(const char *path, size_t *length)
{
	FILE *file = fopen(path, "rb");
	if (!file || fseek(file, 0, SEEK_END) != 0) {
		perror(path);
		exit(1);
	}
	*length = ftell(file);
	rewind(file);
	char *text = (malloc)(*length + 1);
	if (!text || fread(text, 1, *length, file) != *length) {
		perror(path);
		exit(1);
	}
	text[*length] = '\0';
	fclose(file);
	return text;
}

static DynBuf parts[SPLIT_PARTS];
static uint32_t code_length;
static uint32_t next_atom = JS_ATOM_END;

static void put(int part, const uint8_t *octets, size_t length)
{
	if ((dbuf_put)(&parts[part], octets, length) != 0) {
		fprintf(stderr, "compile: no memory\n");
		exit(1);
	}
}

static int take_apart(const uint8_t *code, size_t length)
{
	/* QuickJS writes little-endian, whatever the machine. */
	uint8_t *swapped = (malloc)(length);
	memcpy(swapped, code, length);
	if (swap)
		bc_byte_swap(swapped, length);
	for (size_t at = 0; at < length;) {
		int format = short_opcode_info(code[at]).fmt;
		const uint8_t *operands = swapped + at + 1;
		put(SPLIT_OPCODES, code + at, 1);
		if (split_has_atom(format)) {
			uint32_t atom = code[at + 1] | code[at + 2] << 8 | code[at + 3] << 16 | (uint32_t)code[at + 4] << 24;
			uint8_t octets[2] = { atom >> 8, atom };
			bool is_any = false;
			if (atom >= next_atom && atom - next_atom < 0x100) {
				octets[0] = SPLIT_NEXT_ATOM;
				octets[1] = atom - next_atom;
				next_atom = atom + 1;
			} else if (atom >= SPLIT_ANY_ATOM << 8) {
				octets[0] = SPLIT_ANY_ATOM;
				is_any = true;
			}
			put(SPLIT_ATOMS, octets, sizeof octets);
			if (is_any)
				put(SPLIT_ATOMS, operands, 4);
			operands += 4;
		}
		at += short_opcode_info(code[at]).size;
		put(split_operands(format), operands, swapped + at - operands);
	}
	(free)(swapped);
	code_length += length;
	return 0;
}

static size_t leb128(const uint8_t *at, uint32_t *number)
{
	size_t length = 0;
	*number = 0;
	do
		*number |= (uint32_t)(at[length] & 0x7f) << 7 * length;
	while (at[length++] & 0x80);
	return length;
}

static _Noreturn void unknown(void)
{
	fprintf(stderr, "compile: QuickJS writes in another way\n");
	exit(1);
}

/* Takes a number, and gives it to the part. */
static const uint8_t *take_number(const uint8_t *at, int part, uint32_t *number)
{
	size_t length = leb128(at, number);
	put(part, at, length);
	return at + length;
}

static const uint8_t *take_octets(const uint8_t *at, int part, size_t length)
{
	put(part, at, length);
	return at + length;
}

static const uint8_t *take_value(const uint8_t *at);

static const uint8_t *take_function(const uint8_t *at)
{
	uint32_t number, closures = 0, constants = 0, locals = 0;
	/* Flags, of which one says that there is something for debuggers; mode. */
	if (at[1] & 1 << 2)
		unknown();
	at = take_octets(at, SPLIT_COLUMNS, 2);
	at = take_octets(at, SPLIT_COLUMNS + 1, 1);
	for (int part = SPLIT_COLUMNS + 2; part < SPLIT_CLOSURES; part++)
		at = take_number(at, part, &number);
	at = take_number(at, SPLIT_CLOSURES, &closures);
	at = take_number(at, SPLIT_CONSTANTS_COUNT, &constants);
	at = take_number(at, SPLIT_CODE_OCTETS, &number);
	at = take_number(at, SPLIT_LOCALS, &locals);
	if (locals != 0)
		unknown();
	for (; closures > 0; closures--) {
		at = take_number(at, SPLIT_CLOSURE, &number);
		at = take_number(at, SPLIT_CLOSURE + 1, &number);
		at = take_octets(at, SPLIT_CLOSURE + 2, 1);
	}
	for (; constants > 0; constants--)
		at = take_value(at);
	return at;
}

static const uint8_t *take_value(const uint8_t *at)
{
	uint32_t count = 0;
	uint8_t tag = *at;
	at = take_octets(at, SPLIT_REST, 1);
	switch (tag) {
	case BC_TAG_NULL:
	case BC_TAG_UNDEFINED:
	case BC_TAG_BOOL_FALSE:
	case BC_TAG_BOOL_TRUE:
		return at;
	case BC_TAG_INT32:
		return take_number(at, SPLIT_REST, &count);
	case BC_TAG_FLOAT64:
		return take_octets(at, SPLIT_REST, 8);
	case BC_TAG_STRING:
		at = take_number(at, SPLIT_REST, &count);
		/* The lowest bit: characters of 16 bits. */
		return take_octets(at, SPLIT_REST, (count >> 1) << (count & 1));
	case BC_TAG_BIG_INT:
		at = take_number(at, SPLIT_REST, &count);
		return take_octets(at, SPLIT_REST, count);
	case BC_TAG_ARRAY:
	case BC_TAG_TEMPLATE_OBJECT:
		at = take_number(at, SPLIT_REST, &count);
		/* A template has its source, too. */
		for (count += tag == BC_TAG_TEMPLATE_OBJECT; count > 0; count--)
			at = take_value(at);
		return at;
	case BC_TAG_FUNCTION_BYTECODE:
		return take_function(at);
	default:
		unknown();
	}
}

static const uint8_t *take_module(const uint8_t *at)
{
	uint32_t count, number;
	if (*at != BC_TAG_MODULE)
		unknown();
	at = take_octets(at, SPLIT_REST, 1);
	at = take_number(at, SPLIT_REST, &number);
	/* Modules that it wants. */
	at = take_number(at, SPLIT_REST, &count);
	for (; count > 0; count--)
		at = take_number(at, SPLIT_REST, &number);
	/* What it gives to others: only what is its own, and not by asterisk. */
	at = take_number(at, SPLIT_REST, &count);
	for (; count > 0; count--) {
		if (*at != JS_EXPORT_TYPE_LOCAL)
			unknown();
		at = take_octets(at, SPLIT_REST, 1);
		at = take_number(at, SPLIT_REST, &number);
		at = take_number(at, SPLIT_REST, &number);
	}
	at = take_number(at, SPLIT_REST, &count);
	if (count != 0)
		unknown();
	/* What it takes: three numbers of each. */
	at = take_number(at, SPLIT_REST, &count);
	for (count *= 3; count > 0; count--)
		at = take_number(at, SPLIT_REST, &number);
	/* Whether it waits. */
	at = take_octets(at, SPLIT_REST, 1);
	return take_value(at);
}

/* Takes texts and rest of what QuickJS wrote. */
static void take_texts(const uint8_t *octets, size_t length)
{
	static const uint8_t raw = SPLIT_RAW, end = 0;
	uint32_t count;
	size_t at = 1 + leb128(octets + 1, &count);
	put(SPLIT_TEXTS, octets, at);
	for (; count > 0; count--) {
		uint32_t size;
		size_t start = at;
		at += leb128(octets + at, &size);
		const uint8_t *text = octets + at;
		/* The lowest bit: characters of 16 bits. */
		at += (size >> 1) << (size & 1);
		bool is_plain = (size & 1) == 0 && !memchr(text, 0, size >> 1) && (size == 0 || text[0] != SPLIT_RAW);
		if (is_plain) {
			put(SPLIT_TEXTS, text, size >> 1);
			put(SPLIT_TEXTS, &end, 1);
		} else {
			put(SPLIT_TEXTS, &raw, 1);
			put(SPLIT_TEXTS, octets + start, octets + at - (octets + start));
		}
	}
	const uint8_t *rest = take_module(octets + at);
	if (rest != octets + length)
		unknown();
}

static bool write_parts(FILE *out, uint32_t whole_length)
{
	for (int i = SPLIT_COLUMNS; i < SPLIT_PARTS; i++)
		whole_length -= parts[i].size;
	uint32_t lengths[SPLIT_HEADER];
	for (int i = 0; i < SPLIT_PARTS; i++)
		lengths[i] = parts[i].size;
	lengths[SPLIT_CODE_LENGTH] = code_length;
	lengths[SPLIT_WHOLE_LENGTH] = whole_length;
	for (int i = 0; i < SPLIT_HEADER; i++) {
		for (int shift = 0; shift < 32; shift += 8) {
			if (fputc(lengths[i] >> shift & 0xff, out) == EOF)
				return false;
		}
	}
	for (int i = 0; i < SPLIT_PARTS; i++) {
		if (fwrite(parts[i].buf, 1, parts[i].size, out) != parts[i].size)
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	int first = 1;
	if (argc == 4 && strcmp(argv[1], "-x") == 0) {
		swap = true;
		first = 2;
	}
	if (argc != first + 2) {
		fprintf(stderr, "Usage: compile [-x] MODULE.js OUT\n");
		return 2;
	}
	size_t length;
	char *text = read_file(argv[first], &length);
	JSRuntime *rt = JS_NewRuntime();
	JSContext *ctx = JS_NewContext(rt);
	/* Functions keep their names, which stack traces show; places and names of variables would be a third of the code. */
	JS_SetStripInfo(rt, JS_STRIP_DEBUG);
	JS_SetModuleLoaderFunc(rt, NULL, load_c_module, NULL);
	ctx->compile_regexp = compile_regexp;
	for (int i = 0; i < SPLIT_PARTS; i++)
		dbuf_init(&parts[i]);

	/* Errors of ours show this name, not the folder of the build. */
	const char *name = strrchr(argv[first], '/');
	name = name ? name + 1 : argv[first];
	JSValue module = compile_module(ctx, text, length, name);
	if (JS_IsException(module)) {
		JSValue error = JS_GetException(ctx);
		JSValue stack = JS_GetPropertyStr(ctx, error, "stack");
		fprintf(stderr, "compile: %s\n%s", JS_ToCString(ctx, error), JS_ToCString(ctx, stack));
		return 1;
	}
	uint8_t *code = JS_WriteObject(ctx, &length, module, JS_WRITE_OBJ_BYTECODE | (swap ? JS_WRITE_OBJ_BSWAP : 0));
	if (!code) {
		fprintf(stderr, "compile: cannot write the bytecode of %s\n", argv[first]);
		return 1;
	}
	take_texts(code, length);
	FILE *out = fopen(argv[first + 1], "wb");
	if (!out) {
		perror(argv[first + 1]);
		return 1;
	}
	bool is_written = write_parts(out, length);
	return fclose(out) == 0 && is_written ? 0 : 1;
}
