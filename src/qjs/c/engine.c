/* QuickJS in one unit with the few accessors of engine.h, which need its internal structures. */

#include "absent.h"
#include "list.h"
#include "quickjs.h"

/*
 * The interpreter finds a field that is a plain property of the object or its prototypes without a call, which
 * costs three times the search. All other code of QuickJS keeps the call.
 */
static inline __attribute__((always_inline)) JSValue get_field(JSContext *ctx, JSValueConst object, JSAtom name);
#define JS_GetProperty(ctx, object, name)                           \
	(__builtin_strcmp(__func__, "JS_CallInternal") == 0 ?       \
		 get_field(ctx, object, name) :                     \
		 JS_GetPropertyInternal(ctx, object, name, object, 0))

/* Adds a field to an object that is made; speed.awk has it called in the place of JS_DefinePropertyValue, whose parameters it has. */
static int define_field(JSContext *ctx, JSValueConst object, JSAtom name, JSValue value, int flags);

/* The code of the next function, of that length. speed.awk has it asked for where QuickJS would find it in the file. */
static uint8_t *next_code(uint32_t length);

/* So it has the numbers that describe a function: what reads on in the column of that number. */
static struct BCReaderState *column(struct BCReaderState *reader, int number);

/* This is a copy in which speed.awk has marked what is hot; all else is for size. */
#pragma clang attribute push(__attribute__((minsize)), apply_to = function)
#include "quickjs.c"
#pragma clang attribute pop

#include "engine.h"
#include "split.h"

static inline JSValue get_field(JSContext *ctx, JSValueConst object, JSAtom name)
{
	if (likely(JS_VALUE_GET_TAG(object) == JS_TAG_OBJECT)) {
		JSObject *at = JS_VALUE_GET_OBJ(object);
		do {
			JSProperty *property;
			JSShapeProperty *found = find_own_property(&property, at, name);
			if (found) {
				if (unlikely(found->flags & JS_PROP_TMASK))
					break;
				return JS_DupValue(ctx, property->u.value);
			}
			/* Such an object may know of properties that its shape does not name. */
			if (unlikely(at->is_exotic))
				break;
			at = at->shape->proto;
		} while (at);
	}
	return JS_GetPropertyInternal(ctx, object, name, object, 0);
}

/*
 * A step from one shape to the next, taken when a field is added. QuickJS keeps a shape as long as an object has it; those that
 * an object has only while it is made would be made anew for each object of its kind. So steps that are taken again and
 * again are remembered, each with a reference to both shapes.
 */
typedef struct shape_step {
	JSShape *from, *to;
	JSAtom name;
	/* How often it was of use, less how often it was in the way of another one; so that two do not take turns. */
	int uses;
} shape_step;

/* So much at most, so that what is no longer of use gives way. */
enum { MOST_USES = 100 };

static shape_step steps[512];

static inline shape_step *step_of(const JSShape *shape, JSAtom name)
{
	return &steps[((uintptr_t)shape / 16 + name * 7) % countof(steps)];
}

static void forget_step(JSRuntime *rt, shape_step *step)
{
	if (step->from) {
		js_free_shape(rt, step->from);
		js_free_shape(rt, step->to);
		JS_FreeAtomRT(rt, step->name);
		step->from = NULL;
	}
}

static __attribute__((minsize, noinline)) int define_new_field(JSContext *ctx, shape_step *step, JSObject *object, JSAtom name,
								JSValue value)
{
	JSShape *from = object->shape;
	/* One that is not hashed is of this object alone, and changes with it. */
	bool keep = from->is_hashed && (!step->from || --step->uses < 0);
	/* As somebody else has it, it is not what becomes the next one. */
	if (keep)
		js_dup_shape(from);
	JSProperty *property = add_property(ctx, object, name, JS_PROP_C_W_E);
	if (keep && property) {
		forget_step(ctx->rt, step);
		*step = (shape_step){from, js_dup_shape(object->shape), JS_DupAtom(ctx, name), 0};
	} else if (keep) {
		js_free_shape(ctx->rt, from);
	}
	if (!property) {
		JS_FreeValue(ctx, value);
		return -1;
	}
	property->u.value = value;
	return 1;
}

static int define_field(JSContext *ctx, JSValueConst object, JSAtom name, JSValue value, int flags)
{
	if (likely(JS_VALUE_GET_TAG(object) == JS_TAG_OBJECT)) {
		JSObject *made = JS_VALUE_GET_OBJ(object);
		JSShape *from = made->shape;
		shape_step *step = step_of(from, name);
		JSProperty *property;
		if (step->from == from && step->name == name) {
			JSShape *to = step->to;
			property = made->prop;
			if (to->prop_size != from->prop_size) {
				property = js_realloc(ctx, property, sizeof *property * to->prop_size);
				if (unlikely(!property))
					goto slow;
				made->prop = property;
			}
			property[from->prop_count].u.value = value;
			made->shape = js_dup_shape(to);
			js_free_shape(ctx->rt, from);
			step->uses += step->uses < MOST_USES;
			return 1;
		}
		if (made->class_id == JS_CLASS_OBJECT && made->extensible && !find_own_property(&property, made, name))
			return define_new_field(ctx, step, made, name, value);
	}
slow:
	return JS_DefinePropertyValue(ctx, object, name, value, flags);
}

bool engine_bytes(JSValueConst value, uint8_t **data, uint32_t *length)
{
	if (JS_VALUE_GET_TAG(value) != JS_TAG_OBJECT)
		return false;
	JSObject *object = JS_VALUE_GET_OBJ(value);
	if (object->class_id != JS_CLASS_UINT8_ARRAY)
		return false;
	/* A detached array has count 0. */
	*data = object->u.array.u.uint8_ptr;
	*length = object->u.array.count;
	return true;
}

bool engine_text_get(JSContext *ctx, JSValueConst value, engine_text *text)
{
	int tag = JS_VALUE_GET_TAG(value);
	if (tag == JS_TAG_STRING) {
		text->held = JS_DupValue(ctx, value);
	} else if (tag == JS_TAG_STRING_ROPE) {
		text->held = js_linearize_string_rope(ctx, JS_DupValue(ctx, value));
		if (JS_IsException(text->held))
			return false;
	} else {
		JS_ThrowTypeError(ctx, "not a string");
		return false;
	}
	JSString *string = JS_VALUE_GET_STRING(text->held);
	text->length = string->len;
	text->latin1 = string->is_wide_char ? NULL : string->u.str8;
	text->utf16 = string->is_wide_char ? string->u.str16 : NULL;
	return true;
}

void engine_text_release(JSContext *ctx, engine_text *text)
{
	JS_FreeValue(ctx, text->held);
}

JSValue engine_array(JSContext *ctx, const JSValue *values, size_t count)
{
	JSValue array = js_allocate_fast_array(ctx, (int64_t)count);
	if (!JS_IsException(array) && count > 0) {
		JSObject *object = JS_VALUE_GET_OBJ(array);
		memcpy(object->u.array.u.values, values, count * sizeof *values);
		/* Its length. */
		object->prop[0].u.value = JS_NewInt32(ctx, (int32_t)count);
	}
	return array;
}

size_t engine_heap(JSRuntime *rt)
{
	return rt->malloc_state.malloc_size;
}

/* What compile.c wrote comes from nobody else, and without it there is no program. */
static void must(bool is_so)
{
	if (!is_so)
		abort();
}

static uint8_t *must_alloc(size_t size)
{
	/* Not of the runtime: QuickJS forbids it for itself. */
	uint8_t *memory = (malloc)(size);
	must(memory);
	return memory;
}

/* A program while it is read: where in each part, in all code, and the first atom that was not used yet. */
static struct {
	const uint8_t *at[SPLIT_PARTS], *end[SPLIT_PARTS];
	uint8_t *code, *code_end;
	uint32_t next_atom;
	BCReaderState columns[SPLIT_PARTS - SPLIT_COLUMNS];
} reading;

static BCReaderState *column(BCReaderState *reader, int number)
{
	BCReaderState *column = &reading.columns[number];
	column->ctx = reader->ctx;
	column->first_atom = reader->first_atom;
	column->idx_to_atom = reader->idx_to_atom;
	column->idx_to_atom_count = reader->idx_to_atom_count;
	return column;
}

static inline void take(int part, uint8_t *to, int length)
{
	const uint8_t *at = reading.at[part];
	for (; length > 0; length--)
		*to++ = *at++;
	reading.at[part] = at;
}

static inline void next_atom(uint8_t *to)
{
	uint8_t octets[2];
	take(SPLIT_ATOMS, octets, 2);
	uint32_t atom = octets[0] << 8 | octets[1];
	if (octets[0] == SPLIT_ANY_ATOM) {
		take(SPLIT_ATOMS, to, 4);
		return;
	}
	if (octets[0] == SPLIT_NEXT_ATOM) {
		atom = reading.next_atom + octets[1];
		reading.next_atom = atom + 1;
	}
	put_u32(to, atom);
}

static uint8_t *next_code(uint32_t length)
{
	uint8_t *code = reading.code, *end = code + length;
	must(length <= (size_t)(reading.code_end - code));
	uint8_t *at = code;
	while (at < end) {
		uint8_t opcode = *reading.at[SPLIT_OPCODES]++;
		int format = short_opcode_info(opcode).fmt;
		uint8_t *operands = at + 1;
		*at = opcode;
		at += short_opcode_info(opcode).size;
		if (split_has_atom(format)) {
			next_atom(operands);
			operands += 4;
		}
		if (operands < at)
			take(split_operands(format), operands, (int)(at - operands));
	}
	must(at == end);
	reading.code = end;
	return code;
}

static uint8_t *put_leb128(uint8_t *to, uint32_t number)
{
	for (; number >= 0x80; number >>= 7)
		*to++ = (uint8_t)(number | 0x80);
	*to++ = (uint8_t)number;
	return to;
}

static const uint8_t *get_leb128_of(const uint8_t *at, uint32_t *number)
{
	*number = 0;
	for (int shift = 0;; shift += 7) {
		*number |= (uint32_t)(*at & 0x7f) << shift;
		if (!(*at++ & 0x80))
			return at;
	}
}

/* As QuickJS wrote it, but for the code of functions. */
static void join_texts(uint8_t *to)
{
	const uint8_t *from = reading.at[SPLIT_TEXTS];
	uint32_t count;
	const uint8_t *at = get_leb128_of(from + 1, &count);
	memcpy(to, from, at - from);
	to += at - from;
	for (; count > 0; count--) {
		uint32_t size;
		const uint8_t *text = at;
		if (*text == SPLIT_RAW) {
			at = get_leb128_of(++text, &size);
			at += (size_t)(size >> 1) << (size & 1);
			from = at;
		} else {
			from = text + strlen((const char *)text);
			at = from + 1;
			to = put_leb128(to, (uint32_t)(from - text) << 1);
		}
		memcpy(to, text, from - text);
		to += from - text;
	}
	must(at == reading.end[SPLIT_TEXTS]);
	memcpy(to, reading.at[SPLIT_REST], reading.end[SPLIT_REST] - reading.at[SPLIT_REST]);
}

JSValue engine_read(JSContext *ctx, const uint8_t *octets, uint8_t **code)
{
	uint32_t lengths[SPLIT_HEADER];
	for (int i = 0; i < SPLIT_HEADER; i++, octets += 4)
		lengths[i] = octets[0] | octets[1] << 8 | octets[2] << 16 | (uint32_t)octets[3] << 24;
	for (int i = 0; i < SPLIT_PARTS; i++) {
		reading.at[i] = octets;
		octets += lengths[i];
		reading.end[i] = octets;
	}
	for (int i = SPLIT_COLUMNS; i < SPLIT_PARTS; i++) {
		reading.columns[i - SPLIT_COLUMNS].ptr = reading.at[i];
		reading.columns[i - SPLIT_COLUMNS].buf_end = reading.end[i];
	}
	reading.next_atom = JS_ATOM_END;
	*code = reading.code = must_alloc(lengths[SPLIT_CODE_LENGTH]);
	reading.code_end = reading.code + lengths[SPLIT_CODE_LENGTH];
	uint8_t *whole = must_alloc(lengths[SPLIT_WHOLE_LENGTH]);
	join_texts(whole);
	JSValue module = JS_ReadObject(ctx, whole, lengths[SPLIT_WHOLE_LENGTH], JS_READ_OBJ_BYTECODE | JS_READ_OBJ_ROM_DATA);
	(free)(whole);
	if (!JS_IsException(module)) {
		must(reading.code == reading.code_end);
		for (int i = SPLIT_OPCODES; i < SPLIT_COLUMNS; i++)
			must(reading.at[i] == reading.end[i]);
		for (int i = SPLIT_COLUMNS; i < SPLIT_PARTS; i++)
			must(reading.columns[i - SPLIT_COLUMNS].ptr == reading.end[i]);
	}
	return module;
}

/* Takes the property `name` of `object`, which it frees. */
static void take_away(JSContext *ctx, JSValue object, const char *name)
{
	JSAtom atom = JS_NewAtom(ctx, name);
	JS_DeleteProperty(ctx, object, atom, 0);
	JS_FreeAtom(ctx, atom);
	JS_FreeValue(ctx, object);
}

JSContext *engine_context_new(JSRuntime *rt)
{
	JSContext *ctx = JS_NewContextRaw(rt);
	if (!ctx)
		return NULL;
	JS_AddIntrinsicBaseObjects(ctx);
	JS_AddIntrinsicDate(ctx);
	JS_AddIntrinsicRegExp(ctx);
	JS_AddIntrinsicJSON(ctx);
	JS_AddIntrinsicMapSet(ctx);
	JS_AddIntrinsicTypedArrays(ctx);
	JS_AddIntrinsicPromise(ctx);
	for (size_t i = 0; i < countof(absent_math); i++)
		take_away(ctx, JS_GetPropertyStr(ctx, ctx->global_obj, "Math"), absent_math[i]);
	take_away(ctx, JS_DupValue(ctx, ctx->class_proto[JS_CLASS_STRING]), "normalize");
	return ctx;
}

void engine_context_free(JSContext *ctx)
{
	JSRuntime *rt = JS_GetRuntime(ctx);
	for (size_t i = 0; i < countof(steps); i++)
		forget_step(rt, &steps[i]);
	JS_FreeContext(ctx);
}
