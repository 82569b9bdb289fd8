/*
 * Build tool: compiles one ES module to QuickJS bytecode.
 *
 *   compile [-x] MODULE.js OUT
 *
 * -x writes for a machine of the other byte order. QuickJS swaps its own bytecode; that of regular expression
 * literals, which it takes for text, is swapped here.
 */

#include <stdbool.h>

#include "quickjs.c"

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
	FILE *out = fopen(argv[first + 1], "wb");
	if (!out) {
		perror(argv[first + 1]);
		return 1;
	}
	bool is_written = fwrite(code, 1, length, out) == length;
	return fclose(out) == 0 && is_written ? 0 : 1;
}
